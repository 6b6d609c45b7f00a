//! The next start after a kill: finishes what was begun if the branch is still where it was, and else
//! removes only our own locks.
use super::apply::{NewIndex, clear_staging};
use super::carry::carry;
use super::hold::{IndexLock, PreparedRef};
use super::journal::Journal;
use super::stale;
use super::{Busy, Halt, Moved, Probe};
use crate::sys::git::{Git, GitError, branch_ref};
use crate::sys::lock::RefsLock;
use crate::sys::spare::remove_folder;
use std::path::Path;
use std::time::Duration;

/// Scratch folders older than this were left by a kill, whoever has their pid now.
const STALE: Duration = Duration::from_secs(3600);

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing was left.
    Nothing,
    /// A movement was cut short and is now done.
    Finished {
        /// The branch that moved.
        branch: String,
    },
    /// A movement was cut short, and files changed since; all of it was taken back.
    Undone {
        /// The files that are in the way.
        paths: Vec<String>,
    },
    /// A movement was cut short and cannot be finished or taken back yet.
    Waiting(Busy),
    /// A movement was cut short and somebody moved the branch since. Only our locks were removed; these
    /// files may hold what was to land.
    Abandoned {
        /// The files.
        paths: Vec<String>,
    },
}

/// Settles what a kill left of a movement, and removes lock files of gits that were killed with us. Call it at
/// the start of each build, with the build lock held and no stray left.
///
/// # Errors
/// git or the disk fails.
pub fn recover(git: &Git) -> Result<Recovered, GitError> {
    let mut lock = RefsLock::take(git)?;
    sweep(git);
    if lock.was_left() {
        stale::clear(git)?;
        lock.made_good();
    }
    recover_locked(git)
}

/// The same for who holds the lock on refs.
pub(super) fn recover_locked(git: &Git) -> Result<Recovered, GitError> {
    let Some(mut journal) = Journal::read(git)? else { return Ok(Recovered::Nothing) };
    let Ok(place) = git.at_worktree(&journal.work_tree) else {
        // The checkout is gone, and with it all that was half done.
        PreparedRef::clear_stale(git, &journal.branch, journal.new)?;
        Journal::clear(git)?;
        return Ok(Recovered::Abandoned { paths: Vec::new() });
    };
    PreparedRef::clear_stale(&place, &journal.branch, journal.new)?;
    IndexLock::clear_stale(&place)?;
    clear_staging(&place)?;
    NewIndex::clear(&place)?;
    let branch = journal.branch.clone();
    let now = git.commit(&branch_ref(&branch))?;
    if now == Some(journal.new) {
        Journal::clear(git)?;
        return Ok(Recovered::Finished { branch });
    }
    if now != Some(journal.old) {
        Journal::clear(git)?;
        return Ok(Recovered::Abandoned { paths: journal.writes });
    }
    match carry(&place, &mut journal, &mut Probe(&mut |_| true)) {
        Ok(Moved::Done) => Ok(Recovered::Finished { branch }),
        Ok(Moved::Collision { paths }) => Ok(Recovered::Undone { paths }),
        Err(Halt::Changed(path)) => Ok(Recovered::Undone { paths: vec![path] }),
        Ok(Moved::Busy(busy)) => Ok(Recovered::Waiting(busy)),
        Ok(Moved::BaseMoved { .. }) => Ok(Recovered::Abandoned { paths: journal.writes }),
        Err(Halt::Failed(error)) => Err(error),
        Err(Halt::Killed) => Ok(Recovered::Nothing),
    }
}

/// Removes scratch folders that nobody can be using any more.
fn sweep(git: &Git) {
    let Ok(entries) = std::fs::read_dir(git.own_dir().join("tmp")) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|stat| stat.modified()).map(|time| time.elapsed());
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split_once('-')?.0.parse::<u32>().ok());
        let is_orphan = owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists());
        if is_orphan || matches!(age, Ok(Ok(age)) if age > STALE) {
            // One that cannot be removed now will be found again.
            drop(remove_folder(&entry.path()));
        }
    }
}
