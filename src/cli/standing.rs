//! `specmake status`: the run that is on, or the last one with today's verdicts over it.
use super::args::{Format, StatusArgs};
use super::dry::{Foreseen, Foresight};
use super::exit::Exit;
use super::glance::Glance;
use super::ground::{Ground, Reading};
use super::heard::Heard;
use super::speech::Dialects;
use super::status::{StatusRequest, Stored, Unreadable, report, write};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::base::SpecName;
use crate::graph::goals::resolve;
use crate::report::PlanReport;
use crate::report::status::human::Shown;
use crate::report::status::{KeptStatus, SpecStatus};
use crate::run::backups::backups;
use crate::run::report::now_millis;
use crate::store::Store;
use crate::sys::glance::Answer;
use crate::sys::lock::BuildLock;
use crate::sys::worktree::place;
use std::io::Write;

/// Two years, in milliseconds: whatever a clock changes is changed by then.
const LATER: u64 = 2 * 366 * 24 * 3600 * 1000;

/// Says where everything stands.
///
/// # Errors
/// There is no Specfile, or what is recorded cannot be read.
pub fn status(
    wishes: &Wishes,
    args: &StatusArgs,
    (out, err): (&mut dyn Write, &mut dyn Write),
    glance: Option<&Glance>,
) -> Result<Exit, Trouble> {
    let mut err = Heard::new(err);
    let ground = Ground::open(wishes, &Reading::default(), &mut err)?;
    let wanted = resolve(&ground.project, &ground.graph, &args.goals, None)?;
    let on = BuildLock::holder(&ground.git)?.is_some();
    let folder = ground.git.state_dir();
    let store =
        Store::open_existing(&folder).map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
    let foreseen = if on { None } else { Some(Foreseen::of(&ground, &wanted, Foresight::default())?) };
    let glance = glance.filter(|_| err.is_silent() && foreseen.as_ref().is_some_and(Foreseen::is_plain));
    let plan = foreseen.map(Foreseen::report);
    let glance = glance.filter(|_| plan.as_ref().is_some_and(PlanReport::is_up_to_date));
    let history = Stored { store: store.as_ref(), on };
    let dialects = Dialects::of_project(&ground.project);
    let (plan, folder, dialects) = (plan.as_ref(), folder.as_path(), &dialects);
    let now = now_millis();
    let request = StatusRequest { history: &history, plan, folder, dialects, now };
    let declared = |name: &SpecName| on || ground.project.specs.contains_key(name);
    let asked = |now: u64| {
        let mut report = report(&StatusRequest { now, ..request })?;
        report.retain(declared);
        Ok::<_, Unreadable>(report)
    };
    let mut report = asked(now).map_err(Trouble::environment)?;
    let shown = Shown { style: wishes.out, width: wishes.width, all: args.all };
    let shown = (wishes.format == Format::Human).then_some(&shown);
    // What tells how long ago something was is said anew each time.
    let is_the_same_later = || {
        let (mut told, mut later) = (Vec::new(), Vec::new());
        write(&report, shown, &mut told).ok()?;
        write(&asked(now + LATER).ok()?, shown, &mut later).ok()?;
        Some(told == later)
    };
    let glance = glance.filter(|_| is_the_same_later().unwrap_or(false));
    report.fill_worktrees(|spec| worktree_of(&ground, spec));
    if !args.goals.is_empty() {
        let wanted_spec = |name: &SpecName| {
            ground.graph.spec_position(name.as_str()).is_some_and(|spec| wanted.is_goal(spec))
        };
        report.retain(wanted_spec);
        for spec in &mut report.specs {
            spec.kept = kept(&ground, &spec.spec)?;
        }
    }
    // How old what is kept of a spec is, is said anew each time too.
    let is_simple = |spec: &SpecStatus| spec.worktree.is_none() && spec.kept.is_empty();
    let glance = glance.filter(|_| report.specs.iter().all(is_simple));
    let mut said = Vec::new();
    write(&report, shown, &mut said)?;
    out.write_all(&said)?;
    drop(store);
    if let Some(glance) = glance {
        glance.keep(&ground, Answer { exit: Exit::Done.code(), out: said, ..Answer::default() });
    }
    Ok(Exit::Done)
}

/// Where a spec's worktree lies, if it has one.
fn worktree_of(ground: &Ground, name: &SpecName) -> Option<String> {
    let spec = ground.project.specs.get(name)?;
    let path = place(&ground.git, &spec.worktree, name.as_str()).ok()?;
    path.join(".git").exists().then(|| path.display().to_string())
}

fn kept(ground: &Ground, name: &SpecName) -> Result<Vec<KeptStatus>, Trouble> {
    let kept = backups(&ground.git, Some(name.as_str()))?.into_iter().map(|backup| {
        let [look, again] = backup.commands(&ground.base_branch);
        KeptStatus { name: backup.name, made: backup.at, look, again }
    });
    Ok(kept.collect())
}
