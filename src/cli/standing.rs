//! `specmake status`: the run that is on, or the last one with today's verdicts over it.
use super::args::{Format, StatusArgs};
use super::dry::{Foresight, foresee};
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::speech::Dialects;
use super::status::{StatusRequest, Stored, report, write};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::base::SpecName;
use crate::graph::goals::resolve;
use crate::report::status::KeptStatus;
use crate::report::status::human::Shown;
use crate::run::backups::backups;
use crate::run::report::now_millis;
use crate::store::Store;
use crate::sys::lock::BuildLock;
use crate::sys::worktree::place;
use std::io::Write;

/// Says where everything stands.
///
/// # Errors
/// There is no Specfile, or what is recorded cannot be read.
pub fn status(
    wishes: &Wishes,
    args: &StatusArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let wanted = resolve(&ground.project, &ground.graph, &args.goals, None)?;
    let on = BuildLock::holder(&ground.git)?.is_some();
    let folder = ground.git.state_dir();
    let store =
        Store::open_existing(&folder).map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
    let plan = if on { None } else { Some(foresee(&ground, &wanted, Foresight::default())?) };
    let history = Stored { store: store.as_ref(), on };
    let dialects = Dialects::of_project(&ground.project);
    let (plan, folder, dialects) = (plan.as_ref(), folder.as_path(), &dialects);
    let request = StatusRequest { history: &history, plan, folder, dialects, now: now_millis() };
    let mut report = report(&request).map_err(Trouble::environment)?;
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
    let shown = Shown { style: wishes.out, width: wishes.width, all: args.all };
    write(&report, (wishes.format == Format::Human).then_some(&shown), out)?;
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
