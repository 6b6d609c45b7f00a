//! Worktrees of ours: each spec in progress has one, landing has one. They are made, moved and removed
//! under the lock on refs, and never removed with anything in them that is not kept elsewhere.
mod add;
mod aside;
mod bring;
mod compare;
mod merge;
mod place;
mod register;
mod remove;
mod repair;
mod reset;
mod seal;
mod snapshot;
#[cfg(test)]
mod tests;
mod unmake;

pub use add::Start;
pub use aside::move_aside;
pub use bring::BroughtIn;
pub use merge::Begun;
pub use place::{place, place_as_written};
pub use remove::{Retired, Stays, drop_branch, forget_lost, forget_lost_of};
pub use repair::{move_home, repair};
pub use snapshot::Snapshot;
pub use unmake::unmake;

use super::git::{Git, GitError, branch_ref, path};
use std::io;
use std::path::Path;

/// The note in its git directory by which a worktree is known to have been made ready.
const READY: &str = "specmake-ready";

/// A checkout beside the main one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worktree {
    git: Git,
}

/// What a checkout keeps of something begun and not finished.
const OPERATIONS: [&str; 15] = [
    "MERGE_HEAD",
    "MERGE_MODE",
    "MERGE_MSG",
    "MERGE_AUTOSTASH",
    "AUTO_MERGE",
    "SQUASH_MSG",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "BISECT_START",
    "BISECT_LOG",
    "BISECT_NAMES",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
];

impl Worktree {
    /// The worktree at `top`.
    ///
    /// # Errors
    /// It is no worktree of this repository.
    pub fn open(repo: &Git, top: &Path) -> Result<Self, GitError> {
        repo.at_worktree(top).map(|git| Self { git })
    }

    /// The worktree at `top`, if there is one and it is whole: one whose making was cut short holds nothing of
    /// anybody's, and [`Worktree::add`] makes it again.
    ///
    /// # Errors
    /// Something else lies there.
    pub fn find(repo: &Git, top: &Path) -> Result<Option<Self>, GitError> {
        if !top.join(".git").exists() {
            return Ok(None);
        }
        let found = Self::open(repo, top)?;
        let lock = std::fs::read(found.git.git_dir().join("locked")).unwrap_or_default();
        Ok((lock.trim_ascii() != add::HALF_MADE.as_bytes()).then_some(found))
    }

    /// The worktree that has `branch` checked out, if its folder is there.
    ///
    /// # Errors
    /// git fails.
    pub fn of_branch(repo: &Git, branch: &str) -> Result<Option<Self>, GitError> {
        let mut all = repo.worktrees_where(&|_, of| of == Some(branch))?.into_iter();
        let found = all.find(|one| !one.lost && !one.bare);
        found.map(|one| Self::open(repo, &one.path)).transpose()
    }

    /// The handle on it as a checkout.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// Its top folder.
    pub fn top(&self) -> &Path {
        self.git.work_tree().unwrap_or(self.git.git_dir())
    }

    /// Whether it was made ready: files brought in, `setup` run.
    pub fn is_ready(&self) -> bool {
        self.git.git_dir().join(READY).exists()
    }

    /// Remembers that it was made ready.
    ///
    /// # Errors
    /// The disk.
    pub fn mark_ready(&self) -> Result<(), GitError> {
        self.note(READY)
    }

    /// Whether it is the one that only landings use: nothing in it is anybody's.
    pub fn is_for_landings(&self) -> bool {
        self.git.git_dir().join("specmake-landing").exists()
    }

    /// Remembers that only landings use it.
    ///
    /// # Errors
    /// The disk.
    pub fn mark_for_landings(&self) -> Result<(), GitError> {
        if self.is_for_landings() { Ok(()) } else { self.note("specmake-landing") }
    }

    fn note(&self, name: &str) -> Result<(), GitError> {
        let note = self.git.git_dir().join(name);
        super::files::replace(&note, b"").map_err(GitError::io(format!("write `{}`", note.display())))
    }

    /// The paths that its index has in conflict; none if the index cannot be read.
    ///
    /// # Errors
    /// git cannot run.
    pub fn unmerged(&self) -> Result<Vec<String>, GitError> {
        if let Some(indexed) = self.git.read_index() {
            let mut paths: Vec<String> =
                indexed.entries.into_iter().filter(|entry| entry.stage > 0).map(|entry| entry.path).collect();
            paths.dedup();
            return Ok(paths);
        }
        let listed = self.git.ask(&self.git.command(["ls-files", "--unmerged", "-z"]))?;
        let lines = listed.stdout.split(|byte| *byte == 0).map(path::to_text);
        let mut paths: Vec<String> =
            lines.filter_map(|line| line.split_once('\t').map(|(_, path)| path.to_owned())).collect();
        paths.dedup();
        Ok(paths)
    }

    /// Checks out submodules, if there are any.
    ///
    /// # Errors
    /// One cannot be fetched.
    pub fn init_submodules(&self) -> Result<(), GitError> {
        if !self.top().join(".gitmodules").exists() {
            return Ok(());
        }
        self.git.run(&self.git.command(["submodule", "--quiet", "update", "--init", "--recursive"])).map(drop)
    }

    /// The paths that `.gitmodules` declares.
    fn submodule_paths(&self) -> Result<Vec<String>, GitError> {
        let file = self.top().join(".gitmodules");
        if !file.exists() {
            return Ok(Vec::new());
        }
        let command = self.git.command(["config", "-z", "--file"]).arg(&file);
        let captured = self.git.ask(&command.args(["--get-regexp", r"^submodule\..*\.path$"]))?;
        let pairs = captured.stdout.split(|byte| *byte == 0).map(path::to_text);
        Ok(pairs.filter_map(|pair| pair.split_once('\n').map(|(_, value)| value.to_owned())).collect())
    }

    /// Removes lock files that a git of an agent's left when it was killed.
    fn forget_locks(&self, branch: &str) -> Result<(), GitError> {
        let git_dir = self.git.git_dir();
        let mut locks = vec![git_dir.join("index.lock"), git_dir.join("HEAD.lock")];
        if !branch.is_empty() {
            locks.push(self.git.common_dir().join(format!("{}.lock", branch_ref(branch))));
        }
        locks.iter().try_for_each(|lock| remove(lock))
    }
}

fn forget_operations(git_dir: &Path) -> Result<(), GitError> {
    OPERATIONS.iter().try_for_each(|sign| remove(&git_dir.join(sign)))
}

/// Removes a file or a folder that may be gone already.
fn remove(path: &Path) -> Result<(), GitError> {
    let removed = match path.symlink_metadata() {
        Ok(stat) if stat.is_dir() => crate::sys::spare::remove_folder(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(GitError::io(format!("remove `{}`", path.display()))(error))
        }
        _ => Ok(()),
    }
}
