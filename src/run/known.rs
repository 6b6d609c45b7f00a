//! Commits that this run has read or made. They never change, so what lies between two of them is read at most once,
//! and not at all where we made every one.
use super::journal::commits;
use super::reach::Reach;
use super::site::Site;
use crate::base::Oid;
use crate::rebuild::Commit;
use crate::sys::git::{GitError, Merge, NewCommit};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many merges are remembered: as many as are asked for again before long.
const MERGES: usize = 128;

/// The commits, and what became of merges of two of them.
#[derive(Debug, Default)]
pub(super) struct Known {
    commits: Mutex<HashMap<Oid, Commit>>,
    merges: Mutex<VecDeque<((Oid, Oid), Merge)>>,
}

impl Known {
    fn commits(&self) -> MutexGuard<'_, HashMap<Oid, Commit>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn merges(&self) -> MutexGuard<'_, VecDeque<((Oid, Oid), Merge)>> {
        self.merges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a commit.
    pub(super) fn note(&self, commit: Commit) {
        self.commits().insert(commit.oid, commit);
    }
}

impl Site {
    /// The commits that `tip` has and those behind have not, oldest first.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn between(&self, tip: Oid, behind: &[Oid]) -> Result<Vec<Commit>, GitError> {
        if behind.contains(&tip) {
            return Ok(Vec::new());
        }
        let base = self.base();
        let found = {
            let known = self.known.commits();
            let reach = Reach::of(&base.history, &known, behind.iter().copied());
            reach.and_then(|reach| reach.beyond(tip))
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let read = commits(self.git.log(&[tip], behind)?);
        for commit in &read {
            self.known.note(commit.clone());
        }
        Ok(read)
    }
}

impl Site {
    /// What two commits merge into. A stage is judged, judged again and made ready on the same two.
    ///
    /// # Errors
    /// One of them is not there, or they share no history.
    pub(super) fn merged(&self, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        let known = self.known.merges().iter().find(|(of, _)| *of == (ours, theirs)).map(|(_, m)| m.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let merge = match self.best_common(ours, theirs) {
            Some(base) => self.git.merge_tree_on(base, ours, theirs)?,
            None => self.git.merge_tree(ours, theirs)?,
        };
        let mut merges = self.known.merges();
        if merges.len() == MERGES {
            merges.pop_front();
        }
        merges.push_back(((ours, theirs), merge.clone()));
        Ok(merge)
    }

    /// Where two commits parted, if that is known and they did so once: git would look for it through all that both have
    /// done since.
    fn best_common(&self, ours: Oid, theirs: Oid) -> Option<Oid> {
        let (base, known) = (self.base(), self.known.commits());
        Reach::of(&base.history, &known, [ours])?.best_common(theirs)
    }

    /// Makes a commit that only merges, which need not be read again.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn make_merge(&self, commit: &NewCommit<'_>) -> Result<Oid, GitError> {
        let oid = self.git.commit_tree(commit)?;
        if commit.parents.len() > 1 {
            self.known.note(Commit::new(oid, commit.parents.to_vec(), commit.message, Vec::new()));
        }
        Ok(oid)
    }

    /// Whether a commit has another one behind it, of which much lies behind the base.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn has_behind(&self, tip: Oid, other: Oid) -> Result<bool, GitError> {
        // Whatever leads from the one to the other has it for a parent at last.
        let own = self.between(tip, &[other])?;
        Ok(tip == other || own.iter().any(|commit| commit.parents.contains(&other)))
    }
}
