//! One movement of a checkout from its first step to its last, and back if it cannot be finished.
use super::apply::{NewIndex, clear_staging, write_files};
use super::hold::{IndexLock, Mover, PreparedRef};
use super::journal::Journal;
use super::plan::{Extent, Plan, plan};
use super::{Busy, Halt, Moment, Moved, Probe};
use crate::sys::git::{Change, Git, GitError, Operation, RefUpdate, branch_ref};
use std::collections::HashSet;

/// Carries a journal out in its checkout. A journal that names files already is one that a kill left:
/// what it did is taken back if it cannot be finished.
pub(super) fn carry(place: &Git, journal: &mut Journal, probe: &mut Probe<'_>) -> Result<Moved, Halt> {
    let resumed = !journal.writes.is_empty() || !journal.entries.is_empty();
    if let Some(operation) = Operation::under_way(place.git_dir()) {
        return Ok(Moved::Busy(Busy::Operation(operation)));
    }
    let mover = Mover::start(place, &journal.reason)?;
    if !resumed {
        journal.write(place)?;
    }
    probe.at(Moment::Journaled)?;
    let Some(lock) = IndexLock::take(place)? else {
        forget_unless(resumed, place)?;
        return Ok(Moved::Busy(Busy::IndexLocked));
    };
    if let Err(Halt::Killed) = probe.at(Moment::IndexLocked) {
        return Err(Halt::Killed);
    }
    let update = RefUpdate::advance(branch_ref(&journal.branch), journal.old, journal.new);
    let prepared = match PreparedRef::prepare(place, &update, journal.new, mover) {
        Ok(prepared) => prepared,
        Err(error) => {
            lock.release()?;
            forget_unless(resumed, place)?;
            return match error {
                GitError::RefMoved { now, .. } => Ok(Moved::BaseMoved { now }),
                GitError::RefLocked { name } => Ok(Moved::Busy(Busy::RefLocked(name))),
                other => Err(other.into()),
            };
        }
    };
    let mut prepared = Some(prepared);
    match within(place, journal, &mut prepared, probe) {
        Ok(moved) if moved == Moved::Done => {
            lock.release()?;
            probe.at(Moment::IndexUnlocked)?;
            finish(place)?;
            Ok(moved)
        }
        Err(Halt::Killed) => {
            if let Some(prepared) = prepared {
                prepared.kill();
            }
            Err(Halt::Killed)
        }
        Ok(Moved::Busy(busy)) if resumed => {
            lock.release()?;
            Ok(Moved::Busy(busy))
        }
        other => {
            drop(prepared);
            let back = undo(place, journal);
            lock.release()?;
            back?;
            finish(place)?;
            other
        }
    }
}

/// What is done while everything is held.
fn within(
    place: &Git,
    journal: &mut Journal,
    prepared: &mut Option<PreparedRef>,
    probe: &mut Probe<'_>,
) -> Result<Moved, Halt> {
    probe.at(Moment::RefPrepared)?;
    if place.branch()?.as_deref() != Some(journal.branch.as_str()) {
        return Ok(Moved::Busy(Busy::Switched));
    }
    let changes = place.diff_tree(journal.old, journal.new)?;
    let plan = plan(place, &changes, extent(journal))?;
    if !plan.collisions.is_empty() {
        return Ok(Moved::Collision { paths: plan.collisions.into_iter().collect() });
    }
    note(journal, &plan);
    journal.write(place)?;
    probe.at(Moment::Planned)?;
    put(place, &plan, probe)?;
    probe.at(Moment::IndexInstalled)?;
    if let Some(prepared) = prepared.take()
        && let Err(error) = prepared.commit()
        && place.commit(&branch_ref(&journal.branch))? != Some(journal.new)
    {
        return Err(error.into());
    }
    probe.at(Moment::RefCommitted)?;
    Ok(Moved::Done)
}

/// Writes a plan's files and installs its index.
fn put(place: &Git, plan: &Plan, probe: &mut Probe<'_>) -> Result<(), Halt> {
    let index = NewIndex::prepare(place, plan)?;
    let written = write_files(place, plan, &index, probe)?;
    if !plan.entries.is_empty() {
        index.refresh(place, plan, &written)?;
        index.install(place)?;
    }
    Ok(())
}

/// Takes back what the journal says was done: files that are as they were written, entries too.
fn undo(place: &Git, journal: &Journal) -> Result<(), GitError> {
    if journal.writes.is_empty() && journal.entries.is_empty() {
        return Ok(());
    }
    let writes: HashSet<&str> = journal.writes.iter().map(String::as_str).collect();
    let entries: HashSet<&str> = journal.entries.iter().map(String::as_str).collect();
    let ours =
        |change: &Change| writes.contains(change.path.as_str()) || entries.contains(change.path.as_str());
    let changes = place.diff_tree(journal.new, journal.old)?;
    let changes: Vec<Change> = changes.into_iter().filter(ours).collect();
    let mut back = plan(place, &changes, extent(journal))?;
    back.collisions.clear();
    back.removals.retain(|step| writes.contains(step.path.as_str()));
    back.writes.retain(|step| writes.contains(step.path.as_str()));
    back.entries.retain(|(path, _)| entries.contains(path.as_str()));
    match put(place, &back, &mut Probe(&mut |_| true)) {
        Err(Halt::Failed(error)) => Err(error),
        // A file that somebody has written since is theirs; the others wait for the next start.
        Err(Halt::Changed(path)) => Err(GitError::Unreadable { what: format!("`{path}` is being written") }),
        Ok(()) | Err(Halt::Killed) => Ok(()),
    }
}

fn extent(journal: &Journal) -> Extent {
    if journal.files { Extent::Checkout } else { Extent::Entries }
}

fn note(journal: &mut Journal, plan: &Plan) {
    let steps = plan.removals.iter().chain(&plan.writes).map(|step| step.path.clone());
    journal.writes.extend(steps);
    journal.entries.extend(plan.entries.iter().map(|(path, _)| path.clone()));
    for list in [&mut journal.writes, &mut journal.entries] {
        list.sort();
        list.dedup();
    }
}

fn forget_unless(resumed: bool, place: &Git) -> Result<(), GitError> {
    if resumed { Ok(()) } else { Journal::clear(place) }
}

fn finish(place: &Git) -> Result<(), GitError> {
    clear_staging(place)?;
    NewIndex::clear(place)?;
    Journal::clear(place)
}
