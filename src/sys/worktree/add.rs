//! Making a worktree.
use super::bring::Coming;
use super::register::{Head, forget, place_link, register};
use super::seal::now;
use super::unmake::{MAKING, Note, remove_or_set_aside};
use super::{Worktree, place::settled};
use crate::sys::git::{Git, GitError, Listed, Oid, RefUpdate, branch_ref};
use crate::sys::lock::RefsLock;
use crate::sys::spare::{self, Begun, Claimed, Shape, Sparing};
use std::path::Path;

/// The reason of the lock that a worktree has until it is whole; git's own word for it.
pub(super) const HALF_MADE: &str = "initializing";

/// What a new worktree has checked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// A new branch at a commit; it gets our mark, with this text: the spec's name.
    NewBranch {
        /// Without `refs/heads/`.
        branch: &'a str,
        /// Where it begins.
        commit: Oid,
        /// What the mark says.
        mark: &'a str,
    },
    /// A branch that is there already.
    Branch(&'a str),
    /// A commit and no branch.
    Detached(Oid),
}

impl Worktree {
    /// Makes a worktree: full, whatever the main checkout leaves out, tracking nothing, no hook run. One
    /// that is registered and whose folder is lost is replaced.
    ///
    /// # Errors
    /// [`GitError::BranchExists`], [`GitError::CheckedOut`], [`GitError::PathTaken`],
    /// [`GitError::WorktreeLocked`], [`GitError::RefInTheWay`].
    pub fn add(repo: &Git, path: &Path, start: Start<'_>) -> Result<Self, GitError> {
        Self::add_sparing(repo, path, start, Sparing::default())
    }

    /// The same, beginning with the files of a spare one if there is one that fits; the outcome is as if made anew, but
    /// for the times of files.
    ///
    /// # Errors
    /// As for [`Worktree::add`].
    pub fn add_sparing(
        repo: &Git,
        path: &Path,
        start: Start<'_>,
        sparing: Sparing<'_>,
    ) -> Result<Self, GitError> {
        let lock = RefsLock::take(repo)?;
        let path = settled(path);
        if let Some(parent) = path.parent() {
            let words = format!("make `{}`", parent.display());
            std::fs::create_dir_all(parent).map_err(GitError::io(words))?;
        }
        let branch = match start {
            Start::NewBranch { branch, .. } | Start::Branch(branch) => Some(branch),
            Start::Detached(_) => None,
        };
        make_room(repo, &path, branch)?;
        let making = Note::write(repo, MAKING, &path)?;
        if let Start::NewBranch { branch, mark, .. } = start {
            require_free(repo, branch)?;
            // The mark first: a branch without one would be somebody else's.
            repo.mark_locked(branch, mark, &lock)?;
        }
        let sparse = is_sparse(repo);
        if !sparse && let Some(worktree) = Self::add_plainly(repo, &path, start, (&lock, sparing))? {
            making.remove()?;
            return Ok(worktree);
        }
        let mut command = repo.main().command(["worktree", "add", "--quiet", "--no-guess-remote"]);
        if sparse {
            // Without files it is not whole yet, whatever git thinks.
            command = command.args(["--no-checkout", "--lock", "--reason", HALF_MADE]);
        }
        command = match start {
            Start::NewBranch { branch, commit, .. } => {
                command.args(["--no-track", "-b", branch]).arg(&path).arg(commit.to_string())
            }
            Start::Branch(branch) => command.arg(&path).arg(branch),
            Start::Detached(commit) => command.arg("--detach").arg(&path).arg(commit.to_string()),
        };
        repo.run(&command)?;
        let worktree = Self::open(repo, &path)?;
        if sparse {
            worktree.make_full()?;
            super::remove(&worktree.git().git_dir().join("locked"))?;
        }
        worktree.take_in(spare::take_kept(repo, sparing), sparing)?;
        making.remove()?;
        Ok(worktree)
    }

    /// What `git worktree add` does, in two processes less. `None`: nothing was done, git must do it.
    fn add_plainly(
        repo: &Git,
        path: &Path,
        start: Start<'_>,
        (lock, sparing): (&RefsLock, Sparing<'_>),
    ) -> Result<Option<Self>, GitError> {
        let (head, commit) = match start {
            Start::NewBranch { branch, commit, .. } => (Head::Branch(branch), commit),
            Start::Branch(branch) => (Head::Branch(branch), repo.require_commit(&branch_ref(branch))?),
            Start::Detached(commit) => (Head::Detached(commit), commit),
        };
        let Some(git) = register(repo, path, &head)? else { return Ok(None) };
        let worktree = Self { git };
        let created = match start {
            Start::NewBranch { branch, commit, .. } => {
                let create = RefUpdate::create(branch_ref(branch), commit);
                repo.update_refs_locked(&[create], "specmake: stage", lock)
            }
            Start::Branch(_) | Start::Detached(_) => Ok(()),
        };
        let git = worktree.git();
        let filled = created.and_then(|()| worktree.fill(repo, commit, sparing));
        if let Err(error) = filled {
            // Nobody has worked in it yet.
            drop(remove_or_set_aside(repo, path));
            forget(repo, git.git_dir());
            return Err(error);
        }
        super::remove(&git.git_dir().join("locked"))?;
        // What has no branch is never kept as a stage is.
        if !matches!(start, Start::Detached(_))
            && let Ok(tree) = git.tree_of(commit)
        {
            worktree.seal(tree, now(git));
        }
        Ok(Some(worktree))
    }

    /// Fills one in which there is nothing yet, and notes how.
    fn fill(&self, repo: &Git, commit: Oid, sparing: Sparing<'_>) -> Result<(), GitError> {
        let git = self.git();
        let shape = sparing.shape(git);
        let begun = match shape {
            Some(shape) => spare::fill(repo, git, commit, shape, sparing),
            None => Ok(Begun { is_filled: false, kept: spare::take_kept(repo, sparing) }),
        };
        if begun.is_err() {
            self.empty(repo)?;
        }
        let begun = begun.unwrap_or_default();
        if !begun.is_filled && !self.clone_files(repo, commit, shape, sparing)? {
            let fill = ["read-tree", "--reset", "-u", &commit.to_string()].map(str::to_owned);
            git.run(&git.command(fill))?;
        }
        if let Some(shape) = shape {
            spare::note(git, commit, shape, sparing);
        }
        self.take_in(begun.kept, sparing)
    }

    /// Fills one in which there is nothing yet with clones of files, where that is of any use.
    fn clone_files(
        &self,
        repo: &Git,
        commit: Oid,
        shape: Option<Shape>,
        sparing: Sparing<'_>,
    ) -> Result<bool, GitError> {
        let Some(shape) = shape else { return Ok(false) };
        let cloned = spare::clone_from_main(self.git(), commit, shape, sparing);
        if cloned.is_err() {
            self.empty(repo)?;
        }
        Ok(cloned.unwrap_or(false))
    }

    /// Takes in what was kept of another one, but nothing into which something is brought from the main checkout.
    fn take_in(&self, kept: Option<Claimed>, sparing: Sparing<'_>) -> Result<(), GitError> {
        let Some((keep, kept)) = sparing.keep.zip(kept) else { return Ok(()) };
        let (copy, link) = keep.brings();
        let coming = Coming::of(&self.git().main(), copy, link)?;
        spare::give(&kept, self.git(), &keep.without(&coming.paths()))
    }

    /// Takes back what was begun with a spare one.
    fn empty(&self, repo: &Git) -> Result<(), GitError> {
        let git_dir = self.git().git_dir();
        for begun in [self.top(), &git_dir.join("index"), &git_dir.join("index.lock")] {
            super::remove(begun)?;
        }
        place_link(repo, self.top(), git_dir).map(drop)
    }

    /// Fills a worktree that inherited a sparse cone.
    fn make_full(&self) -> Result<(), GitError> {
        let git = self.git();
        let cone = git.git_dir().join("info/sparse-checkout");
        if cone.exists() {
            std::fs::remove_file(&cone).map_err(GitError::io(format!("remove `{}`", cone.display())))?;
        }
        if git.git_dir().join("config.worktree").exists() {
            for name in ["core.sparseCheckout", "core.sparseCheckoutCone", "index.sparse"] {
                git.line(["config", "--worktree", name, "false"])?;
            }
        }
        git.run(&git.command(["-c", "core.sparseCheckout=false", "read-tree", "--reset", "-u", "HEAD"]))
            .map(drop)
    }
}

/// Looks at what is registered for this place and branch; forgets what is lost.
fn make_room(repo: &Git, path: &Path, branch: Option<&str>) -> Result<(), GitError> {
    let has_branch = |of: Option<&str>| branch.is_some() && of == branch;
    for one in repo.worktrees_where(&|top, of| top == path || has_branch(of))? {
        if one.path != path && one.bare {
            continue;
        }
        if is_half_made(&one) && one.path == path {
            // A power cut in the middle of `worktree add`; nobody has worked in it yet, and git may not even know
            // it for a worktree.
            remove_or_set_aside(repo, &one.path)?;
            remove_registered(repo, &one.path, &["--force", "--force"])?;
        } else if !one.lost && one.path == path {
            return Err(GitError::PathTaken { path: one.path });
        } else if !one.lost {
            return Err(GitError::CheckedOut { branch: branch.unwrap_or_default().to_owned(), at: one.path });
        } else if one.locked.is_some() {
            return Err(GitError::WorktreeLocked { path: one.path });
        } else {
            remove_registered(repo, &one.path, &["--force"])?;
        }
    }
    let taken = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.symlink_metadata().is_ok(),
    };
    if taken { Err(GitError::PathTaken { path: path.to_owned() }) } else { Ok(()) }
}

fn is_half_made(one: &Listed) -> bool {
    one.locked.as_deref() == Some(HALF_MADE)
}

pub(super) fn remove_registered(repo: &Git, path: &Path, force: &[&str]) -> Result<(), GitError> {
    let command = repo.main().command(["worktree", "remove"]).args(force).arg(path);
    repo.run(&command).map(drop)
}

fn require_free(repo: &Git, branch: &str) -> Result<(), GitError> {
    let name = branch_ref(branch);
    let below = format!("{name}/");
    for other in repo.refs(&["refs/heads/"])?.into_keys() {
        if other == name {
            return Err(GitError::BranchExists { branch: branch.to_owned() });
        }
        let above = name.strip_prefix(&other).is_some_and(|rest| rest.starts_with('/'));
        if above || other.starts_with(&below) {
            return Err(GitError::RefInTheWay { name, by: other });
        }
    }
    Ok(())
}

fn is_sparse(repo: &Git) -> bool {
    repo.git_dirs().iter().take(1).any(|dir| dir.join("info/sparse-checkout").exists())
        || repo.common_dir().join("config.worktree").exists()
}
