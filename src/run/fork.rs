//! Where a spec's branch and the base parted, remembered as a ref: if that commit leaves the base, the branch's
//! own commits are replayed onto what the base is now, and what left the base does not come back with them.
use super::judging::setup_failure;
use super::site::{Base, Site};
use super::workplace::Workplace;
use crate::base::Oid;
use crate::event::Failure;
use crate::model::Spec;
use crate::rebuild::Commit;
use crate::sys::git::{GitError, Merge, NewCommit, RefUpdate};

/// The ref that says which commit of the base a branch has in it.
pub fn fork_ref(branch: &str) -> String {
    format!("{FORKS}{branch}")
}

/// Where such refs lie.
pub const FORKS: &str = "refs/specmake/fork/";

impl Site {
    /// The commit that a branch shares with the base, if it is no longer on the base.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn lost_fork(&self, branch: &str, tip: Oid, base: &Base) -> Result<Option<Oid>, GitError> {
        match self.known_ref(&fork_ref(branch)) {
            Some(fork) if !base.history.contains(fork) && self.git.is_ancestor(fork, tip)? => Ok(Some(fork)),
            _ => Ok(None),
        }
    }

    /// The commits of a branch that are its own, oldest first: neither on the base nor ever on it.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn own_commits(&self, branch: &str, tip: Oid, base: &Base) -> Result<Vec<Commit>, GitError> {
        let fork = self.lost_fork(branch, tip, base)?;
        let behind: Vec<Oid> = std::iter::once(base.tip).chain(fork).collect();
        self.between(tip, &behind)
    }

    /// What remembers that a branch has this commit of the base in it, unless that is known.
    pub(super) fn remember_fork(&self, branch: &str, base: Oid) -> Option<RefUpdate> {
        let name = fork_ref(branch);
        let old = self.known_ref(&name);
        (old != Some(base)).then_some(RefUpdate { name, new: Some(base), old })
    }

    /// What forgets where a branch parted from the base.
    pub(super) fn forget_fork(&self, branch: &str) -> Option<RefUpdate> {
        let name = fork_ref(branch);
        self.known_ref(&name).map(|old| RefUpdate::delete(name, old))
    }

    /// Replays a branch whose fork has left the base onto the base. The old tip is kept under a backup ref.
    pub(super) fn replay_onto_base(&self, spec: &Spec, place: &mut Workplace) -> Result<(), Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let base = self.base();
        let Some(fork) = self.lost_fork(&place.branch, place.tip, &base).map_err(setup)? else {
            return Ok(());
        };
        let tree = match self.git.merge_tree_from(fork, base.tip, place.tip).map_err(setup)? {
            Merge::Clean(tree) => tree,
            Merge::Conflict { paths, .. } => return Err(self.conflict(spec, &paths)),
        };
        let mut tip = base.tip;
        for commit in self.own_commits(&place.branch, place.tip, &base).map_err(setup)? {
            // What a merge brought is on the base, or has left it.
            if commit.parents.len() > 1 {
                continue;
            }
            tip = self.replay(&commit, tip).map_err(setup)?.ok_or_else(|| {
                let paths: Vec<String> =
                    commit.changes.iter().map(|change| change.path.to_string()).collect();
                self.conflict(spec, &paths)
            })?;
        }
        if self.git.tree_of(tip).map_err(setup)? != tree {
            let message = format!("{}: as it was before `{}` was rewritten\n", spec.name, self.base_branch);
            let rest = NewCommit { tree, parents: &[tip], message: &message, signature: None };
            tip = self.git.commit_tree(&rest).map_err(setup)?;
        }
        self.back_up_tip(spec, place.tip).map_err(setup)?;
        place.worktree.reset_to(Some(&place.branch), tip).map_err(setup)?;
        self.stands_at(place, tip);
        let moved: Vec<RefUpdate> = self.remember_fork(&place.branch, base.tip).into_iter().collect();
        self.update_known_refs(&moved, "specmake: replay").map_err(setup)?;
        self.reporter.warn(format!(
            "{}: `{}` was rewritten below its branch; the branch is replayed onto it",
            spec.name, self.base_branch
        ));
        Ok(())
    }

    /// Takes note that a branch is gone, and what was remembered of it.
    pub(super) fn note_gone(&self, branch: &str) {
        self.note_tip(branch, None);
        self.forget_known(&fork_ref(branch));
    }

    /// Keeps a branch's tip that landed in other commits, such as a squash.
    pub(super) fn back_up_unless_landed(&self, spec: &Spec, tip: Oid, base: Oid) -> Result<(), GitError> {
        if self.git.is_ancestor(tip, base)? { Ok(()) } else { self.back_up_tip(spec, tip).map(drop) }
    }

    /// Keeps a commit that a branch is about to leave, and gives the name of the ref that does.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn back_up_tip(&self, spec: &Spec, tip: Oid) -> Result<String, GitError> {
        let name = format!("refs/specmake/backup/{}/{tip}", spec.name);
        if self.git.commit(&name)?.is_none() {
            self.git.update_refs(&[RefUpdate::create(name.clone(), tip)], "specmake: backup")?;
        }
        Ok(name)
    }
}
