//! `specmake land`: specs that are complete land because a person says so; nothing is built.
use super::args::LandArgs;
use super::build::{require_trust, run_name};
use super::exit::Exit;
use super::freed;
use super::ground::{Ground, Reading};
use super::opening::{arm, lock, open_store};
use super::pick::pick_all;
use super::recorder::recorder;
use super::show::{Show, face};
use super::trouble::Trouble;
use super::user::Surroundings;
use super::wishes::{BuildWish, FaceKind, Wishes};
use crate::base::{SpecName, StageId, StageName, english};
use crate::event::{Event, Failure, PlannedSpec, RunOutcome};
use crate::model::FailureClass;
use crate::rebuild::LANDING;
use crate::report::summary;
use crate::run::hands::{Judgement, Landed};
use crate::run::onward::Onward;
use crate::run::report::{Reporter, now_millis};
use crate::run::site::{ByHand, Opening, Options, Site};
use crate::sys::git::{RefUpdate, branch_ref};
use crate::sys::signal::Interrupts;
use crate::sys::stop::Stop;
use crate::sys::strays::end_strays;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// Lands the specs that are named; without a name, all that are complete and not held.
///
/// # Errors
/// There is no such spec, or it cannot begin.
pub fn land(
    wishes: &Wishes,
    args: &LandArgs,
    here: &Surroundings,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let mut ground = Ground::open(wishes, &Reading::default(), err)?;
    let named = pick_all(&ground.project, &args.specs).map_err(|trouble| setting(trouble, &args.specs))?;
    let mut wish = BuildWish::plain(wishes.format, here);
    (wish.yes, wish.wait) = (args.yes, !args.no_wait);
    let _lock = lock(&ground.git, "land", wish.wait, err)?;
    // What a run that was killed left is not taken for what a person mended.
    end_strays(&ground.git);
    crate::sys::landing::recover(&ground.git)?;
    crate::sys::worktree::unmake(&ground.git)?;
    let beside = match &args.to {
        Some(to) if *to != ground.base_branch => {
            make_branch(&ground, to)?;
            (ground.base_branch, ground.from) = (to.clone(), None);
            true
        }
        _ => false,
    };
    let run = run_name();
    let mut site = Site::open(Opening {
        project: Arc::clone(&ground.project),
        graph: Arc::clone(&ground.graph),
        git: ground.git.clone(),
        base: ground.settle()?,
        base_branch: ground.base_branch.clone(),
        run: run.clone(),
        options: Options {
            read: ground.read.clone(),
            by_hand: Some(ByHand { unchecked: args.no_check, beside }),
            ..Options::default()
        },
        reporter: Reporter::silent(),
        store: open_store(&ground.git, err)?,
    })?;
    site.mend_worktrees()?;
    site.keep_dead_attempts()?;
    let adopted = site.find_adopted(0..site.project.specs.len())?;
    site.adopt(adopted, false);
    let specs = if named.is_empty() { due(&site, err)? } else { with_branch(&site, named, err)? };
    if specs.is_empty() {
        writeln!(err, "specmake: nothing is to land")?;
        return Ok(Exit::Done);
    }
    if !args.no_check {
        require_trust(wishes, &wish, &ground, here, err)?;
    }
    let started = now_millis();
    let screen: Box<dyn Write + Send> = match wish.face {
        FaceKind::Json => Box::new(std::io::stdout()),
        FaceKind::Live | FaceKind::Plain => Box::new(std::io::stderr()),
    };
    let keep = recorder(&ground.git, &run, started, &site.base_branch);
    let (show, to) = Show::begin(face(&wish, wishes.err), screen, keep);
    arm(&mut site, here);
    let reporter = Reporter::new(to).masking(site.mask.clone()).bounded(show.backlog());
    site.reporter = reporter.clone();
    reporter.report(begun(&site, &specs));
    let names: Vec<SpecName> = specs.iter().map(|spec| site.spec(*spec).name.clone()).collect();
    let ended = drive(Arc::new(site), specs, &reporter);
    let outcome = ended.as_ref().map_or(RunOutcome::Failed, |(outcome, _)| *outcome);
    reporter.report(Event::RunEnded { outcome, millis: now_millis().saturating_sub(started) });
    drop(reporter);
    let view = show.end();
    if wish.face != FaceKind::Json {
        summary::write(&view, &wishes.err, err)?;
    }
    let (_, signal) = ended?;
    freed::tell(&ground, &names, err)?;
    Ok(Exit::of(outcome, signal))
}

/// `land off` stands in a Specfile: who types it is told so.
fn setting(trouble: Trouble, specs: &[String]) -> Trouble {
    match specs {
        [one] if one == "off" => trouble.hint(
            "`land off` is a line of the Specfile: with it, specs that are done wait on their branches",
        ),
        _ => trouble,
    }
}

/// Makes the branch at the base, unless it is there.
fn make_branch(ground: &Ground, to: &str) -> Result<(), Trouble> {
    let name = branch_ref(to);
    if ground.git.commit(&name)?.is_some() {
        return Ok(());
    }
    let tip = ground.tip()?;
    Ok(ground.git.update_refs(&[RefUpdate::create(name, tip)], "specmake: a branch to land on")?)
}

/// The specs that are complete and not held; those that are held are named.
fn due(site: &Site, err: &mut dyn Write) -> Result<Vec<usize>, Trouble> {
    let mut due = Vec::new();
    for (position, spec) in site.project.specs.values().enumerate() {
        if site.standing(spec)?.branch.is_none() || !site.is_complete(spec).map_err(Trouble::environment)? {
            continue;
        }
        match site.judge_landing(spec).map_err(Trouble::environment)? {
            Judgement::Held(failure) => {
                let (name, why) = (&spec.name, failure.message);
                writeln!(
                    err,
                    "specmake: {name} stays held: {why}; `specmake land {name}` lands it all the same"
                )?;
            }
            Judgement::OutOfDate(_) => due.push(position),
            _ => {}
        }
    }
    Ok(due)
}

/// Those of the specs that have something to land.
fn with_branch(site: &Site, named: Vec<usize>, err: &mut dyn Write) -> Result<Vec<usize>, Trouble> {
    let mut specs = Vec::new();
    for position in named {
        let spec = site.spec(position);
        if site.standing(spec)?.branch.is_some() {
            specs.push(position);
        } else if site.is_complete(spec).map_err(Trouble::environment)? {
            writeln!(err, "specmake: {} has landed", spec.name)?;
        } else {
            return Err(Trouble::environment(format!("there is nothing to land of `{}` yet", spec.name))
                .hint(format!("`specmake {}` builds it", spec.name)));
        }
    }
    Ok(specs)
}

fn begun(site: &Site, specs: &[usize]) -> Event {
    let waves = site.graph.waves(|_| true);
    let planned = |position: &usize| {
        let spec = site.spec(*position);
        PlannedSpec {
            spec: spec.name.clone(),
            layer: spec.layer.clone(),
            title: spec.description.as_deref().and_then(|text| text.lines().next()).map(str::to_owned),
            wave: waves.get(*position).copied().unwrap_or_default(),
            stages: Vec::new(),
            lands: true,
            needs: Vec::new(),
        }
    };
    Event::RunStarted {
        run: site.run.clone(),
        pid: std::process::id(),
        base: site.base_branch.clone(),
        commit: site.base().tip.to_string(),
        jobs: site.project.settings.jobs,
        goals: specs.iter().map(|spec| site.spec(*spec).name.to_string()).collect(),
        specs: specs.iter().map(planned).collect(),
    }
}

/// Lands them, and says how it went and by which signal it was ended.
fn drive(
    site: Arc<Site>,
    specs: Vec<usize>,
    reporter: &Reporter,
) -> Result<(RunOutcome, Option<u8>), Trouble> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (ends, signal) = runtime.block_on(stoppable(|stop| {
        let site = Arc::clone(&site);
        async move { site.land_all(specs, &stop).await }
    }))?;
    runtime.shutdown_timeout(Duration::from_secs(5));
    let mut outcome = RunOutcome::Done;
    for (position, landed) in ends {
        if !matches!(landed, Landed::Landed { .. }) {
            outcome = RunOutcome::Failed;
        }
        if let Some(event) = told(&site, position, landed) {
            reporter.report(event);
        }
    }
    if signal.is_some() {
        outcome = RunOutcome::Interrupted;
    }
    Ok((outcome, signal))
}

/// Does something that a signal asks to stop, and says which one did.
///
/// # Errors
/// Signals cannot be listened for.
pub(super) async fn stoppable<F: Future>(
    work: impl FnOnce(Stop) -> F,
) -> Result<(F::Output, Option<u8>), Trouble> {
    let stop = Stop::new();
    let mut signals = Interrupts::listen()?;
    let mut heard = None;
    let work = work(stop.clone());
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok((done, heard)),
            interrupt = signals.next() => {
                heard = u8::try_from(interrupt.signal).ok();
                stop.request();
            }
        }
    }
}

/// What became of a landing, as an event.
fn told(site: &Site, position: usize, landed: Landed) -> Option<Event> {
    let spec = site.spec(position);
    let name = spec.name.clone();
    let stage = StageId { spec: name.clone(), stage: StageName::new(LANDING).ok()? };
    Some(match landed {
        Landed::Landed { commit, result, changed } => Event::Landed { spec: name, commit, result, changed },
        Landed::Delivered { branch } => Event::Delivered { spec: name, branch },
        Landed::Waits { why, path } => Event::LandingWaits { spec: name, why, path },
        Landed::Held(failure) => Event::StageHeld { stage, failure, next: Onward::Land.command(&name) },
        Landed::Conflict(failure) => {
            let left = site.leave_conflict(position, failure, false);
            let next = Onward::after_conflict(left.lands).command(&name);
            Event::StageHeld { stage, failure: left.failure, next }
        }
        Landed::Failed(failure) => Event::StageFailed { stage, failure, next: Onward::Land.command(&name) },
        Landed::Stale(stages) => {
            let stages: Vec<String> =
                stages.into_iter().map(|stage| format!("`{}`", spec.stages[stage].name)).collect();
            let is = if stages.len() == 1 { "is" } else { "are" };
            let message =
                format!("{} {is} not done or out of date where it would land", english::list(&stages, "and"));
            let failure = Failure::new(FailureClass::Incomplete, message);
            Event::StageHeld { stage, failure, next: Onward::Build.command(&name) }
        }
        Landed::Again | Landed::Stopped => return None,
    })
}
