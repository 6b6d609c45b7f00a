//! `specmake`, with or without goals: from the command line to the end of a run.
mod touch;

use super::exit::Exit;
use super::glance::Glance;
use super::ground::{Ground, Reading, repository};
use super::heard::Heard;
use super::hearing::hear;
use super::notifier::{Ear, Notifier};
use super::opening::{arm, lock, open_store};
use super::plan::announced;
use super::recorder::recorder;
use super::show::{Show, Watchers, face};
use super::trouble::Trouble;
use super::trust::{self, Ledger, TrustRequest};
use super::user::{Ask, Surroundings, Terminal, UserFolders};
use super::wishes::{BuildWish, FaceKind, Mode, Wishes};
use crate::base::{Diagnostic, english};
use crate::event::{Event, Record, RunOutcome, Verdict};
use crate::graph::goals::resolve;
use crate::graph::{PlaceKind, Wanted};
use crate::model::CommitInputs;
use crate::plan::{Forecast, Schedule, Terms, Thought};
use crate::rebuild::{Adopted, Mark};
use crate::report::{Voice, json, summary};
use crate::run::dispatcher::{Dispatcher, Ending};
use crate::run::executor::Executor;
use crate::run::inputs::{Looking, Uncommitted, uncommitted_of};
use crate::run::report::{Reporter, now_millis};
use crate::run::requests::{Desk, listen};
use crate::run::site::{Opening, Options, Site};
use crate::run::workplace::message;
use crate::store::Store;
use crate::sys::checkout::{Committed, commit_paths};
use crate::sys::disk::DiskTrouble;
use crate::sys::glance::Answer;
use crate::sys::signal::Interrupt;
use crate::view::View;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Builds, or says what a build would do.
///
/// # Errors
/// What keeps it from beginning.
pub fn build(
    wishes: &Wishes,
    wish: &BuildWish,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    build_after(wishes, wish, here, (out, err), None)
}

/// The same after a glance that did not tell; an answer that will do again is kept for the next one.
///
/// # Errors
/// What keeps it from beginning.
pub(super) fn build_after(
    wishes: &Wishes,
    wish: &BuildWish,
    here: &Surroundings,
    (out, err): (&mut dyn Write, &mut dyn Write),
    glance: Option<&Glance>,
) -> Result<Exit, Trouble> {
    let mut err = Heard::new(err);
    let reading = Reading {
        jobs: wish.jobs,
        agent: wish.agent.clone(),
        model: wish.model.clone(),
        max_cost: wish.max_cost,
    };
    let git = repository()?;
    let only_looks = matches!(wish.mode, Mode::DryRun | Mode::Explain | Mode::Question);
    // git looks at the checkout while the Specfile is read.
    let looking = only_looks.then(|| Looking::begin(&git));
    let ground = Ground::of(git, wishes, &reading, &mut err)?;
    let until = wish.until.as_ref().map(crate::base::StageName::as_str);
    let wanted = resolve(&ground.project, &ground.graph, &wish.goals, until)?;
    let exit = match wish.mode {
        Mode::DryRun | Mode::Explain | Mode::Question => {
            super::dry::plan(wishes, wish, (&ground, &wanted, looking), (out, &err), glance)
        }
        Mode::Run => Build { wishes, wish, ground: &ground, wanted, glance }.run(here, out, &mut err),
        Mode::Touch => Build { wishes, wish, ground: &ground, wanted, glance }.touch(here, &mut err),
    }?;
    ground.leave();
    Ok(exit)
}

/// Asks for the commands of a Specfile that this user has not approved.
///
/// # Errors
/// They are not approved.
pub(super) fn require_trust(
    wishes: &Wishes,
    wish: &BuildWish,
    ground: &Ground,
    here: &Surroundings,
    err: &mut dyn Write,
) -> Result<(), Trouble> {
    let commands = trust::commands(&ground.project, &trust::own_agents(ground.user_config.as_ref()));
    let data = UserFolders::here().data;
    let ledger = Ledger::of(ground.git.common_dir(), data.as_deref());
    let request = TrustRequest {
        commands: &commands,
        trusted: &ground.project.settings.trust,
        yes: wish.yes,
        ledger: &ledger,
        style: wishes.err,
    };
    trust::require(&request, &mut Terminal::of(here), err).map_err(|error| {
        let exit = error.exit();
        Trouble { exit, message: error.to_string(), hint: None }
    })
}

/// A build that can begin.
struct Build<'a> {
    wishes: &'a Wishes,
    wish: &'a BuildWish,
    ground: &'a Ground,
    wanted: Wanted,
    glance: Option<&'a Glance>,
}

impl Build<'_> {
    fn run(self, here: &Surroundings, out: &mut dyn Write, err: &mut Heard<'_>) -> Result<Exit, Trouble> {
        let lock = lock(&self.ground.git, &self.wish.goals.join(" "), self.wish.wait, err)?;
        let started = now_millis();
        let run = run_name();
        let store = open_store(&self.ground.git, err)?;
        let (to, warnings) = std::sync::mpsc::channel();
        let mut site = self.open_site(&run, Reporter::new(to), store, here, err)?;
        self.force(&site)?;
        let forecast = site.forecast(&self.wanted, &|_| false).map_err(Trouble::environment)?;
        let begun = self.run_started(&site, &run);
        let moves = |verdict: &Verdict| !matches!(verdict, Verdict::UpToDate { .. });
        if !forecast.verdicts.iter().flatten().any(moves) {
            let records: Vec<Record> = warnings.try_iter().collect();
            let is_plain = records.is_empty() && err.is_silent() && site.is_settled();
            // What is kept on the disk is only at rest once nobody has it open.
            site.close();
            let mut said = Vec::new();
            let exit = self.say_nothing_to_do(begun, records, out, &mut said)?;
            err.write_all(&said)?;
            if let Some(glance) = self.glance.filter(|_| is_plain) {
                glance.keep(self.ground, Answer { exit: exit.code(), err: said, ..Answer::default() });
            }
            return Ok(exit);
        }
        require_trust(self.wishes, self.wish, self.ground, here, err)?;
        self.say_what_was_interrupted(&site, started, err)?;
        let mut recorder = recorder(&self.ground.git, &run, started, &site.base_branch);
        let (mut ear, heard) = Ear::new();
        let keep = move |records: &[Record]| {
            recorder(records);
            ear.hear(records);
        };
        let screen: Box<dyn Write + Send> = match self.wish.face {
            FaceKind::Json => Box::new(std::io::stdout()),
            FaceKind::Live | FaceKind::Plain => Box::new(std::io::stderr()),
        };
        let (show, to) = Show::begin(face(self.wish, self.wishes.err), screen, keep);
        arm(&mut site, here);
        let reporter = Reporter::new(to).masking(site.mask.clone()).bounded(show.backlog());
        site.reporter = reporter.clone();
        let site = Arc::new(site);
        let notifier = Notifier::begin(&site, reporter.clone(), heard);
        reporter.report(begun);
        for warning in warnings.try_iter() {
            reporter.report(warning.event);
        }
        let ending = self.drive(&site, &reporter, &forecast, &show.watchers());
        let outcome = ending.as_ref().map_or(RunOutcome::Failed, outcome);
        let trouble = (outcome == RunOutcome::Failed).then(|| disk_trouble(&site)).flatten();
        reporter.report(Event::RunEnded { outcome, millis: now_millis().saturating_sub(started) });
        notifier.run_is_over();
        drop((site, reporter));
        let view = show.end();
        if ending.is_ok() && self.wish.face != FaceKind::Json && self.wish.voice != Voice::Quiet {
            // Whoever closed the terminal does not want to know.
            let _ = summary::write(&view, &self.wishes.err, err);
        }
        drop(lock);
        if let Some(why) = notifier.end() {
            let _ = writeln!(err, "specmake: {why}");
        }
        let ending = ending?;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let signal = ending.interrupted.and_then(|signal| u8::try_from(signal).ok());
        Ok(Exit::of(outcome, signal))
    }

    fn drive(
        &self,
        site: &Arc<Site>,
        reporter: &Reporter,
        forecast: &Forecast,
        watchers: &Arc<Watchers>,
    ) -> Result<Ending, Trouble> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let mut terms = Terms {
            jobs: site.project.settings.jobs,
            fail_fast: self.wish.fail_fast,
            weights: site.durations().weights(&site.project, &site.graph),
            urgency: Vec::new(),
        };
        let runs = forecast.runs();
        let (graph, wanted) = (&site.graph, &self.wanted);
        let thought = Thought { project: &site.project, graph, wanted, terms: &terms, runs: &runs };
        terms.urgency = thought.best().urgency;
        // A place that is none of a forecast's business is nobody's to wait for either.
        let may_run =
            forecast.verdicts.iter().zip(&runs).map(|(known, runs)| known.is_none() || *runs).collect();
        let schedule = Schedule::new(&site.project, Arc::clone(&site.graph), self.wanted.clone(), &terms);
        let hands = Arc::new(Executor::new(Arc::clone(site)));
        let retries = self.wish.retries;
        let project = Arc::clone(&site.project);
        let ending = runtime.block_on(async {
            let (to, interrupts) = mpsc::channel::<Interrupt>(4);
            let listener = hear(Arc::clone(watchers), to)?;
            let dispatcher =
                Dispatcher::new(project, schedule, hands, reporter.clone(), retries, now_millis());
            let fix = self.wish.fix.as_ref();
            let fix =
                fix.and_then(|(spec, fix)| Some((site.graph.spec_position(spec.as_str())?, fix.clone())));
            let dispatcher = match fix {
                Some((spec, fixing)) => dispatcher.fixing(spec, fixing),
                None => dispatcher,
            };
            let (to, requests) = mpsc::channel(4);
            let desk = Desk::of(&site.state_dir);
            let people = tokio::spawn(listen(desk, std::process::id(), to));
            let ending = dispatcher.expecting(may_run).hearing(requests).run(interrupts).await;
            listener.abort();
            // What was answered last is on its way.
            drop(people.await);
            ending.map_err(|bug| Trouble::environment(format!("a bug, please report it: {bug}")))
        });
        runtime.shutdown_timeout(Duration::from_secs(5));
        ending
    }

    /// Opens the site: what a dead run left is made good, edits are committed if that is wished, and what was
    /// done by hand is found.
    fn open_site(
        &self,
        run: &str,
        reporter: Reporter,
        store: Store,
        here: &Surroundings,
        err: &mut dyn Write,
    ) -> Result<Site, Trouble> {
        let git = &self.ground.git;
        let strays = crate::sys::strays::end_strays(git);
        crate::sys::landing::recover(git)?;
        crate::sys::worktree::unmake(git)?;
        let base = self.ground.settle()?;
        // git looks at the checkout while history is read.
        let looking = Looking::begin(git);
        let site = Site::open(Opening {
            project: Arc::clone(&self.ground.project),
            graph: Arc::clone(&self.ground.graph),
            git: git.clone(),
            base_branch: self.ground.base_branch.clone(),
            base,
            run: run.to_owned(),
            options: Options {
                what_if: self.wish.what_if.clone(),
                read: self.ground.read.clone(),
                by_hand: None,
            },
            reporter,
            store,
        })?;
        if strays > 0 {
            let strays = english::count(strays, "stray process");
            site.reporter.warn(format!("ended {strays} of an earlier run"));
        }
        if let Some(behind) = self.ground.behind()? {
            site.reporter.warn(behind);
        }
        site.mend_worktrees()?;
        site.bring_worktrees_home()?;
        site.keep_dead_attempts()?;
        site.tidy_landed();
        self.adopt(&site)?;
        if self.commit_inputs(&site, looking, here, err)? {
            self.adopt(&site)?;
        }
        let missing = site.undeclared_and_undone(self.wanted_specs(&site).into_iter());
        if !missing.is_empty() {
            let diagnostics: Vec<Diagnostic> = missing.iter().map(|spec| not_adopted(spec)).collect();
            super::ground::report(&diagnostics, &self.ground.sources, self.wishes, err);
            return Err(Trouble::said(Exit::Usage));
        }
        super::dry::require_ingredients(&site.project, &self.wish.what_if)?;
        Ok(site)
    }

    fn adopt(&self, site: &Site) -> Result<(), Trouble> {
        let specs = self.wanted_specs(site);
        let found = site.find_adopted(specs.into_iter())?;
        if found.is_empty() {
            return Ok(());
        }
        if let Err(error) = site.store().put_adopted(&found) {
            site.reporter.warn(format!("cannot remember what was adopted: {error}"));
        }
        site.adopt(found, false);
        Ok(())
    }

    fn wanted_specs(&self, site: &Site) -> Vec<usize> {
        let mut specs: Vec<usize> =
            self.wanted.places().filter_map(|place| site.graph.spec_of(place)).collect();
        specs.dedup();
        specs
    }

    /// Commits edits of ingredient files to the base, if that is wished; says which are left out otherwise.
    fn commit_inputs(
        &self,
        site: &Site,
        looking: Looking,
        here: &Surroundings,
        err: &mut dyn Write,
    ) -> Result<bool, Trouble> {
        let specs: Vec<&crate::model::Spec> =
            self.wanted_specs(site).into_iter().map(|position| site.spec(position)).collect();
        let Uncommitted { take, left_out } = uncommitted_of(looking.end()?, &site.base_branch, &specs);
        for (path, why) in &left_out {
            writeln!(err, "specmake: `{path}` has edits that are not built: {why}")?;
        }
        if take.is_empty() {
            return Ok(false);
        }
        if !self.consents(site, &take, here, err)? {
            for path in &take {
                writeln!(
                    err,
                    "specmake: `{path}` has edits that are not committed; the build goes on without them (`--yes` commits them first)"
                )?;
            }
            return Ok(false);
        }
        let subject = match take.as_slice() {
            [one] => format!("edit {one}"),
            many => format!("edit {}", english::count(many.len(), "spec file")),
        };
        let adoptions: Vec<Mark> = site.base().unrecorded.iter().map(Adopted::mark).collect();
        let text = message(&subject, "", &adoptions);
        let why_not = match commit_paths(&site.git, &site.base_branch, site.base().tip, &take, &text)? {
            Committed::Done(commit) => {
                writeln!(err, "specmake: committed {} as {}", english::list(&take, "and"), commit.short())?;
                site.base_moved(commit)?;
                site.adoptions_recorded();
                return Ok(true);
            }
            Committed::Nothing => return Ok(false),
            Committed::Staged { paths } => format!("{} staged otherwise", english::list(&paths, "and")),
            Committed::Busy(why) => why.to_string(),
            Committed::BaseMoved { .. } => format!("`{}` moved meanwhile", site.base_branch),
        };
        writeln!(err, "specmake: edits are not committed and not built: {why_not}")?;
        Ok(false)
    }

    fn consents(
        &self,
        site: &Site,
        take: &[String],
        here: &Surroundings,
        err: &mut dyn Write,
    ) -> Result<bool, Trouble> {
        match site.project.settings.commit_inputs {
            CommitInputs::Always => return Ok(true),
            CommitInputs::Never => return Ok(false),
            CommitInputs::Ask if self.wish.yes => return Ok(true),
            CommitInputs::Ask => {}
        }
        let mut terminal = Terminal::of(here);
        for path in take {
            writeln!(err, "  {path}")?;
        }
        let question = format!("commit these edits to `{}` and build them?", site.base_branch);
        Ok(terminal.yes(&question).unwrap_or(false))
    }

    /// `-B`: the goals' traces are void.
    fn force(&self, site: &Site) -> Result<(), Trouble> {
        if !self.wish.always {
            return Ok(());
        }
        let mut voids = Vec::new();
        for place in self.wanted.places() {
            let PlaceKind::Stage { spec, stage } = site.graph.kind(place) else { continue };
            if self.wanted.is_goal(spec) {
                let (name, stage) =
                    (site.spec(spec).name.clone(), site.spec(spec).stages[stage].name.clone());
                let why = "asked for by `-B`".to_owned();
                voids.push((spec, Mark::Void { spec: name, stage, why }));
            }
        }
        site.record("void what -B asks for", voids).map_err(Trouble::environment)
    }

    fn say_what_was_interrupted(&self, site: &Site, now: u64, err: &mut dyn Write) -> Result<(), Trouble> {
        if self.wish.face == FaceKind::Json || self.wish.voice == Voice::Quiet {
            return Ok(());
        }
        // What cannot be read of a history is no reason not to build.
        if let Ok(Some(line)) = super::interrupted::line(&site.store(), now) {
            writeln!(err, "specmake: {line}")?;
        }
        Ok(())
    }

    fn run_started(&self, site: &Site, run: &str) -> Event {
        Event::RunStarted {
            run: run.to_owned(),
            pid: std::process::id(),
            base: site.base_branch.clone(),
            commit: site.base().tip.to_string(),
            jobs: site.project.settings.jobs,
            goals: self.wish.goals.clone(),
            specs: announced(&site.project, &site.graph, &self.wanted),
        }
    }

    fn say_nothing_to_do(
        &self,
        begun: Event,
        mut records: Vec<Record>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> Result<Exit, Trouble> {
        let at = now_millis();
        records.insert(0, Record { at, event: begun });
        records.push(Record { at, event: Event::RunEnded { outcome: RunOutcome::NothingToDo, millis: 0 } });
        if self.wish.face == FaceKind::Json {
            for record in &records {
                json::line(record, out)?;
            }
        } else if self.wish.voice != Voice::Quiet {
            for record in &records {
                if let Event::Warning { message } = &record.event {
                    writeln!(err, "specmake: {message}")?;
                }
            }
            summary::write(&View::of(&records), &self.wishes.err, err)?;
        }
        Ok(Exit::Done)
    }
}

fn outcome(ending: &Ending) -> RunOutcome {
    match ending {
        Ending { interrupted: Some(_), .. } => RunOutcome::Interrupted,
        Ending { stuck: true, .. } => RunOutcome::Failed,
        Ending { ran: 0, landed: 0, .. } => RunOutcome::NothingToDo,
        _ => RunOutcome::Done,
    }
}

/// What failed on a full disk, or one that can only be read, is nobody's fault but the disk's.
fn disk_trouble(site: &Site) -> Option<Trouble> {
    let worktrees = site.landing_path(0).ok();
    let worktrees = worktrees.as_deref().and_then(Path::parent);
    let trouble = DiskTrouble::in_any([site.git.common_dir()].into_iter().chain(worktrees))?;
    let hint = trouble.hint();
    Some(Trouble { hint: hint.map(ToOwned::to_owned), ..Trouble::environment(trouble) })
}

fn not_adopted(spec: &crate::model::Spec) -> Diagnostic {
    let name = &spec.name;
    Diagnostic::error(spec.span, format!("`{name}` is needed but not declared, and not done by hand either"))
        .label("needed here")
        .help(format!(
            "declare it (`spec \"{name}\" \"...\"`), or commit its finished files under `{}`",
            spec.folder
        ))
}

/// A name for a run that sorts by time: `20261120-065501-1234`.
pub(super) fn run_name() -> String {
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    format!("{now}-{}", std::process::id())
}
