//! A folder in the place of a worktree of ours that is none any more: out of the way, and not lost.
use super::{Worktree, add::HALF_MADE, place};
use crate::sys::git::{Git, GitError};
use crate::sys::lock::RefsLock;
use std::path::{Path, PathBuf};

impl Worktree {
    /// Whether its folder is no longer the worktree that it was.
    pub fn is_damaged(&self) -> bool {
        !Self::open(self.git(), self.top()).is_ok_and(|now| now.git().git_dir() == self.git().git_dir())
    }
}

/// Renames what lies at `place`, as it is written, to `<place>.broken-<n>` if it is no worktree of this
/// repository; a link itself, not what it leads to. Nothing moves while `branch` is checked out elsewhere or its
/// worktree is locked.
///
/// # Errors
/// git or the disk fails.
pub fn move_aside(repo: &Git, place: &Path, branch: &str) -> Result<Option<PathBuf>, GitError> {
    let _lock = RefsLock::take(repo)?;
    let Ok(stat) = place.symlink_metadata() else { return Ok(None) };
    let is_empty =
        || std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none()) && stat.is_dir();
    if Worktree::open(repo, place).is_ok() || is_empty() {
        return Ok(None);
    }
    let settled = place::settled(place);
    for one in repo.worktrees()?.into_iter().filter(|one| !one.bare) {
        let same_branch = one.branch.as_deref() == Some(branch);
        let locked = one.locked.as_deref().is_some_and(|why| why != HALF_MADE);
        let elsewhere = same_branch && one.path != settled && one.path != place && !one.lost;
        if elsewhere || locked && (same_branch || one.path == settled) {
            return Ok(None);
        }
    }
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let free = (1_u32..).map(|n| place.with_file_name(format!("{name}.broken-{n}")));
    let Some(to) = free.into_iter().find(|to| to.symlink_metadata().is_err()) else { return Ok(None) };
    std::fs::rename(place, &to).map_err(GitError::io(format!("move `{}` aside", place.display())))?;
    Ok(Some(to))
}
