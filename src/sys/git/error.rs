//! What can go wrong with git, as data, each with the next step.
use super::oid::Oid;
use std::io;
use std::path::PathBuf;

/// Trouble with git or a repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git` on `PATH`.
    #[error("git is not installed, or not on PATH")]
    Missing,
    /// The installed git cannot do what is needed.
    #[error("git {found} is too old")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// No repository holds this folder.
    #[error("`{}` is not in a git repository", dir.display())]
    NotARepository {
        /// The folder.
        dir: PathBuf,
    },
    /// git sees a repository and will not open it (an unsafe owner, a broken config).
    #[error("git refuses the repository at `{}`: {complaint}", dir.display())]
    Refused {
        /// The folder.
        dir: PathBuf,
        /// git's own words.
        complaint: String,
    },
    /// The branch has no commit.
    #[error("the repository has no commit yet")]
    NoCommit,
    /// HEAD names a commit and no branch.
    #[error("no branch is checked out")]
    Detached,
    /// History is cut off.
    #[error("the repository is a shallow clone, so its history cannot be read")]
    Shallow,
    /// git does not know who commits.
    #[error("git does not know your name and e-mail address")]
    NoIdentity,
    /// A name that resolves to nothing.
    #[error("there is no `{name}` in the repository")]
    NoSuchRevision {
        /// As it was asked for.
        name: String,
    },
    /// A ref is not where it was thought to be; nothing was changed.
    #[error("`{name}` has moved")]
    RefMoved {
        /// The full name of the ref.
        name: String,
        /// Where it was thought to be; `None`: not there.
        expected: Option<Oid>,
        /// Where it is; `None`: not there.
        now: Option<Oid>,
    },
    /// Git cannot keep both refs: one's name is a folder of the other's.
    #[error("`{name}` cannot be made because `{by}` exists")]
    RefInTheWay {
        /// The ref that was to be made.
        name: String,
        /// The ref that is there.
        by: String,
    },
    /// Somebody else is changing the ref.
    #[error("`{name}` is locked by another git process")]
    RefLocked {
        /// The full name of the ref.
        name: String,
    },
    /// A branch of that name is there already.
    #[error("a branch `{branch}` exists already")]
    BranchExists {
        /// Without `refs/heads/`.
        branch: String,
    },
    /// The branch is checked out in another worktree.
    #[error("`{branch}` is checked out at `{}`", at.display())]
    CheckedOut {
        /// Without `refs/heads/`.
        branch: String,
        /// The worktree.
        at: PathBuf,
    },
    /// Something lies where a worktree should be.
    #[error("`{}` exists and is not empty", path.display())]
    PathTaken {
        /// Where.
        path: PathBuf,
    },
    /// A worktree that the user locked.
    #[error("the worktree `{}` is locked", path.display())]
    WorktreeLocked {
        /// Where.
        path: PathBuf,
    },
    /// A place for worktrees inside the repository.
    #[error("worktrees at `{}` would lie inside the repository", path.display())]
    InsideRepository {
        /// The place.
        path: PathBuf,
    },
    /// The repository has no checkout and one is needed.
    #[error("the repository is bare")]
    Bare,
    /// A git command failed in a way that has no name here.
    #[error("`{command}` failed with exit status {code}: {complaint}")]
    Failed {
        /// The command.
        command: String,
        /// Its exit status.
        code: i32,
        /// Its stderr.
        complaint: String,
    },
    /// Something that git said cannot be understood.
    #[error("git said something unexpected: {what}")]
    Unreadable {
        /// What.
        what: String,
    },
    /// The disk or a pipe.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried: "write `x`".
        what: String,
        /// Why not.
        source: io::Error,
    },
}

impl GitError {
    /// Wraps what the disk said: `what` is what was tried, "write `x`".
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The next step, one sentence.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing => "install git 2.38 or newer",
            Self::TooOld { .. } => "install git 2.38 or newer",
            Self::NotARepository { .. } => "run `git init` first, or name a folder of a repository with `-C`",
            Self::Refused { .. } => "see what `git status` says there",
            Self::NoCommit => "make the first commit: `git commit --allow-empty -m start`",
            Self::Detached => {
                "check out the branch to land on, or name it in the Specfile: `project { base \"main\" }`"
            }
            Self::Shallow => "run `git fetch --unshallow`",
            Self::NoIdentity => "set them: `git config --global user.name ...` and `user.email ...`",
            Self::RefMoved { .. } => "somebody else moved it meanwhile; run again",
            Self::RefInTheWay { by, .. } => {
                return Some(format!("rename or remove `{by}`, or choose another `branch` in the Specfile"));
            }
            Self::RefLocked { .. } => "wait for the other git command to end and run again",
            Self::BranchExists { branch } => {
                return Some(format!("rename it (`git branch -m {branch} NEW`) or choose another `branch`"));
            }
            Self::CheckedOut { .. } => "check out something else there, or remove that worktree",
            Self::PathTaken { .. } => "move it away, or choose another place with `worktrees`",
            Self::WorktreeLocked { path } => {
                return Some(format!("unlock it: `git worktree unlock {}`", path.display()));
            }
            Self::InsideRepository { .. } => "put them beside it: `worktrees \"../{repo}.worktrees/{spec}\"`",
            Self::Bare => "run it from a checkout",
            Self::Io { source, .. } => return crate::sys::disk::hint(source).map(ToOwned::to_owned),
            Self::NoSuchRevision { .. } | Self::Failed { .. } | Self::Unreadable { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<crate::base::oid::BadOid> for GitError {
    fn from(_: crate::base::oid::BadOid) -> Self {
        Self::Unreadable { what: "something that names no object where an object's name is due".into() }
    }
}
