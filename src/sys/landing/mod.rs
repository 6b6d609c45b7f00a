//! Moving a branch together with the checkout that has it, so that a kill at any moment loses nothing:
//! journal, index.lock, prepared refs, files by rename, a new index, and only then the refs. It knows
//! nothing of specs; a landing, a commit of the user's inputs and a worktree that follows its branch are
//! all the same movement.
mod apply;
mod carry;
mod hold;
mod journal;
mod plan;
mod recover;
mod stale;
#[cfg(test)]
mod tests;

pub use recover::{Recovered, recover};

use crate::sys::git::{Git, GitError, Oid, Operation, RefUpdate, branch_ref};
use crate::sys::lock::RefsLock;
use journal::Journal;
use plan::Extent;

/// Whether a movement was cut off, and nobody has seen to that yet.
pub fn is_half_done(git: &Git) -> bool {
    Journal::file(git).exists()
}

/// A branch, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Where it must be now.
    pub old: Oid,
    /// Where it goes.
    pub new: Oid,
    /// A line for the reflog.
    pub reason: String,
}

/// What came of it. In all cases but the first, nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// Branch, index and files are at the new commit.
    Done,
    /// These files of the user's, or their index entries, are neither as before nor as they will be.
    Collision {
        /// The paths, sorted.
        paths: Vec<String>,
    },
    /// Not now.
    Busy(Busy),
    /// The branch is somewhere else than it was thought to be.
    BaseMoved {
        /// Where; `None`: it is gone.
        now: Option<Oid>,
    },
}

/// Why a checkout cannot be moved right now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Something of the user's is under way.
    #[error("a {0} is under way in the checkout")]
    Operation(Operation),
    /// Another git holds the checkout's index.
    #[error("another git process holds `index.lock`")]
    IndexLocked,
    /// Another git holds the branch.
    #[error("another git process holds `{0}`")]
    RefLocked(String),
    /// Another branch was checked out meanwhile.
    #[error("another branch is being checked out")]
    Switched,
    /// Two checkouts have the branch, so one of them would be left behind.
    #[error("the branch is checked out twice")]
    CheckedOutTwice,
}

/// Moves a branch and, where it is checked out, that checkout: index entries and files of exactly the
/// paths that differ, each only if it is as in `old`. Takes the lock on refs.
///
/// # Errors
/// git or the disk fails; what was begun is taken back, or will be by [`recover`].
pub fn move_branch(git: &Git, step: &Move) -> Result<Moved, GitError> {
    let lock = RefsLock::take(git)?;
    move_locked(git, step, Extent::Checkout, &lock)
}

/// Moves a branch to a commit of files as they lie in its checkout: index entries follow, files stay.
///
/// # Errors
/// As [`move_branch`].
pub(crate) fn move_entries(git: &Git, step: &Move, lock: &RefsLock) -> Result<Moved, GitError> {
    move_locked(git, step, Extent::Entries, lock)
}

fn move_locked(git: &Git, step: &Move, extent: Extent, lock: &RefsLock) -> Result<Moved, GitError> {
    if let Recovered::Waiting(busy) = recover::recover_locked(git)? {
        return Ok(Moved::Busy(busy));
    }
    match settle(git, step, extent, &mut Probe(&mut |_| true), lock) {
        Ok(moved) => Ok(moved),
        Err(Halt::Failed(error)) => Err(error),
        Err(Halt::Changed(path)) => Ok(Moved::Collision { paths: vec![path] }),
        Err(Halt::Killed) => Ok(Moved::Busy(Busy::Switched)),
    }
}

/// The moments between which a kill may fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Journaled,
    IndexLocked,
    RefPrepared,
    Planned,
    Staged,
    FileWritten,
    IndexInstalled,
    RefCommitted,
    IndexUnlocked,
}

/// Asked at each moment whether to live on; only a test ever says no.
struct Probe<'a>(&'a mut dyn FnMut(Moment) -> bool);

impl Probe<'_> {
    fn at(&mut self, moment: Moment) -> Result<(), Halt> {
        if (self.0)(moment) { Ok(()) } else { Err(Halt::Killed) }
    }
}

/// Why a movement stopped on its way.
#[derive(Debug)]
enum Halt {
    /// A test said so.
    Killed,
    /// Trouble.
    Failed(GitError),
    /// Somebody wrote this file just now.
    Changed(String),
}

impl From<GitError> for Halt {
    fn from(error: GitError) -> Self {
        Self::Failed(error)
    }
}

fn settle(
    git: &Git,
    step: &Move,
    extent: Extent,
    probe: &mut Probe<'_>,
    lock: &RefsLock,
) -> Result<Moved, Halt> {
    let branch = step.branch.as_str();
    if let Some(operation) = git.git_dirs().iter().find_map(|dir| Operation::returning_to(dir, branch)) {
        return Ok(Moved::Busy(Busy::Operation(operation)));
    }
    let mut holders = git.worktrees_where(&|_, of| of == Some(branch))?;
    holders.retain(|one| !one.bare && !one.lost);
    match holders.as_slice() {
        [] => Ok(move_ref(git, step, lock)?),
        [one] => {
            let place = git.at_worktree(&one.path)?;
            let mut journal = Journal {
                branch: step.branch.clone(),
                old: step.old,
                new: step.new,
                reason: step.reason.clone(),
                work_tree: one.path.clone(),
                git_dir: place.git_dir().to_owned(),
                files: extent == Extent::Checkout,
                writes: Vec::new(),
                entries: Vec::new(),
            };
            carry::carry(&place, &mut journal, probe)
        }
        _ => Ok(Moved::Busy(Busy::CheckedOutTwice)),
    }
}

/// Nobody has it checked out.
fn move_ref(git: &Git, step: &Move, lock: &RefsLock) -> Result<Moved, GitError> {
    let update = RefUpdate::advance(branch_ref(&step.branch), step.old, step.new);
    match git.update_refs_locked(&[update], &step.reason, lock) {
        Ok(()) => Ok(Moved::Done),
        Err(GitError::RefMoved { now, .. }) => Ok(Moved::BaseMoved { now }),
        Err(GitError::RefLocked { name }) => Ok(Moved::Busy(Busy::RefLocked(name))),
        Err(error) => Err(error),
    }
}
