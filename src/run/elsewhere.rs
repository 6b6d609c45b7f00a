//! Landings made elsewhere whose messages were dropped: a complete branch whose merge into some commit of the base
//! since they parted changes nothing.
use super::site::Site;
use super::standing::{Branch, Merging, Standing};
use crate::base::Oid;
use crate::rebuild::{Commit, LANDING, Mark};
use crate::sys::git::{GitError, Merge};
use std::collections::HashSet;
use std::sync::Arc;

/// The most commits of the base that are looked at.
const LOOKS: usize = 32;

impl Site {
    /// The commit of the base that has all that a complete branch did, if there is one.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn landed_elsewhere(&self, standing: &Standing) -> Result<Option<Oid>, GitError> {
        let Some(branch) = &standing.branch else { return Ok(None) };
        let own = branch.commits.iter().flat_map(|commit| &commit.changes);
        let own: HashSet<&str> = own.map(|change| &*change.path).collect();
        if own.is_empty() {
            return Ok(None);
        }
        if branch.merging == Merging::Clean
            && self.git.tree_of(standing.tree_oid)? == self.git.tree_of(standing.base)?
        {
            return Ok(Some(standing.base));
        }
        let fork = fork_of(branch);
        let wrote = |commit: &&Commit| {
            commit.parents.len() > 1 || commit.changes.iter().any(|change| own.contains(&*change.path))
        };
        let all = standing.history.commits().iter().rev().map(Arc::as_ref);
        let since = all.take_while(|commit: &&Commit| Some(commit.oid) != fork);
        for commit in since.filter(wrote).filter(|commit| !is_landing(commit)).take(LOOKS) {
            if let Merge::Clean(tree) = self.git.merge_tree(commit.oid, branch.tip)?
                && tree == self.git.tree_of(commit.oid)?
            {
                return Ok(Some(commit.oid));
            }
        }
        Ok(None)
    }
}

/// The commit that the oldest of a branch's own commits stands on.
fn fork_of(branch: &Branch) -> Option<Oid> {
    branch.commits.first().and_then(|commit| commit.parents.first()).copied()
}

fn is_landing(commit: &Commit) -> bool {
    let lands =
        |mark: &Mark| matches!(mark, Mark::Trace(t) if t.stages.iter().any(|s| s.as_str() == LANDING));
    commit.marks.iter().any(lands)
}
