//! Bringing a worktree of ours to a commit.
use super::{Worktree, forget_operations};
use crate::sys::files;
use crate::sys::git::{GitError, Oid, RefUpdate, branch_ref};
use crate::sys::landing::{Move, Moved, move_branch};
use crate::sys::lock::RefsLock;

impl Worktree {
    /// Moves a clean worktree and its branch from `old` to `new`, as a base is moved: what is neither as
    /// before nor as it will be stands in the way and is named.
    ///
    /// # Errors
    /// git or the disk fails.
    pub fn follow(&self, branch: &str, old: Oid, new: Oid) -> Result<Moved, GitError> {
        let reason = "specmake: base merged".to_owned();
        move_branch(self.git(), &Move { branch: branch.to_owned(), old, new, reason })
    }

    /// Throws away what lies in the worktree: `branch`, or without one HEAD itself, goes to `commit`, files
    /// too, and untracked ones go; ignored and brought-in ones stay, and so do repositories within. Only
    /// after everything was saved by a snapshot, or in a worktree that only specmake uses. A kill on the
    /// way leaves a note: see [`Worktree::half_reset`].
    ///
    /// # Errors
    /// git or the disk fails.
    pub fn reset_to(&self, branch: Option<&str>, commit: Oid) -> Result<(), GitError> {
        let git = self.git();
        let note = git.git_dir().join("specmake-reset");
        let words = || format!("write `{}`", note.display());
        files::replace(&note, commit.to_string().as_bytes()).map_err(GitError::io(words()))?;
        forget_operations(git.git_dir())?;
        {
            let lock = RefsLock::take(git)?;
            self.forget_locks(branch.unwrap_or_default())?;
            if let Some(branch) = branch {
                self.point_head(branch)?;
                let name = branch_ref(branch);
                let old = git.commit(&name)?;
                if old != Some(commit) {
                    let update = RefUpdate { name, new: Some(commit), old };
                    git.update_refs_locked(&[update], "specmake: restart", &lock)?;
                }
            } else {
                git.line(["update-ref", "--no-deref", "-m", "specmake: probe", "HEAD", &commit.to_string()])?;
            }
        }
        let reset = git.command(["-c", "core.sparseCheckout=false", "read-tree", "--reset", "-u"]);
        let reset = reset.arg(commit.to_string());
        if self.hides_files()? || !git.ask(&reset)?.success() {
            // An index that lies or cannot be read: without it every file is written anew.
            let index = git.git_dir().join("index");
            std::fs::remove_file(&index).map_err(GitError::io(format!("remove `{}`", index.display())))?;
            git.run(&reset)?;
        }
        let mut clean = git.command(["clean", "-f", "-d", "--quiet"]);
        for path in self.brought_in()? {
            clean = clean.arg("-e").arg(as_pattern(&path));
        }
        git.run(&clean)?;
        std::fs::remove_file(&note).map_err(GitError::io(words()))
    }

    /// The commit that a reset was cut short on its way to, if one was. What lies in the worktree then is
    /// neither a person's nor an agent's; it can be reset again.
    ///
    /// # Errors
    /// The note cannot be read.
    pub fn half_reset(&self) -> Result<Option<Oid>, GitError> {
        match std::fs::read_to_string(self.git().git_dir().join("specmake-reset")) {
            Ok(text) => Ok(Some(text.trim().parse()?)),
            Err(_) => Ok(None),
        }
    }

    fn hides_files(&self) -> Result<bool, GitError> {
        if let Some(indexed) = self.git().read_index() {
            return Ok(indexed.hides);
        }
        let listed = self.git().ask(&self.git().command(["ls-files", "-v", "-z"]))?;
        let mut lines = listed.stdout.split(|byte| *byte == 0);
        Ok(lines.any(|line| line.first().is_some_and(|tag| tag.is_ascii_lowercase() || *tag == b'S')))
    }
}

/// A path as a line of an ignore file that means just this path.
fn as_pattern(path: &str) -> std::ffi::OsString {
    let mut pattern = String::from("/");
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | '\\' | ' ' | '!' | '#') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    crate::sys::git::path::to_os(&pattern).into_os_string()
}
