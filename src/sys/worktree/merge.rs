//! A merge begun in a worktree of ours, for whoever resolves it.
use super::Worktree;
use crate::sys::git::{GitError, Oid, path};

/// What came of the wish to begin a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is begun, with conflicts and markers in place.
    Conflict,
    /// This file, which git ignores, stands where the merge would write.
    InTheWay(String),
}

impl Worktree {
    /// Whether a merge is under way.
    pub fn is_merging(&self) -> bool {
        self.git().git_dir().join("MERGE_HEAD").exists()
    }

    /// Begins a merge of `other` that is known to conflict, from a clean worktree: `tip` is the commit that it is at,
    /// `tree` what `git merge-tree` makes of it. Hooks do not run.
    ///
    /// # Errors
    /// git fails; nothing is begun then.
    pub fn begin_merge(&self, other: &str, title: &str, (tip, tree): (Oid, Oid)) -> Result<Begun, GitError> {
        // git would overwrite what it ignores.
        let new = self.git().diff_tree(tip, tree)?.into_iter().filter(|change| change.old.is_none());
        for change in new {
            if self.top().join(path::to_os(&change.path)).symlink_metadata().is_ok() {
                return Ok(Begun::InTheWay(change.path));
            }
        }
        let merge = ["merge", "--no-ff", "--no-commit", "--no-autostash", "--quiet", "-m", title, other];
        let command = self.git().command(merge);
        let captured = self.git().ask(&command)?;
        if self.is_merging() {
            return Ok(Begun::Conflict);
        }
        Err(GitError::Failed {
            command: "git merge".to_owned(),
            code: captured.code(),
            complaint: captured.complaint(),
        })
    }
}
