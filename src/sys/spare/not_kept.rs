//! Why a folder that the Specfile keeps does not go on.

/// A folder that does not go on to the next worktree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{folder}` is not kept for the next worktree: {why}")]
pub struct NotKept {
    /// As it is declared.
    pub folder: String,
    /// Why not.
    pub why: Why,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// git would tell of what lies in it.
    #[error("git does not ignore it; add `/{0}/` to `.gitignore`")]
    NotIgnored(String),
    /// It has a file that is committed.
    #[error("git has `{0}` in it; keep a folder in which nothing is committed")]
    Tracked(String),
    /// It is a link or a file, or lies behind one.
    #[error("it is a link or a file, or lies behind one")]
    NoFolder,
    /// Something is mounted in its place, or in it.
    #[error("something is mounted there")]
    Mounted,
    /// `copy` or `link` brought something into it, which the next worktree gets anew.
    #[error("`{0}` in it comes from the main checkout, by `copy`, `link` or `.worktreeinclude`")]
    BroughtIn(String),
    /// A link in it does not stay in the worktree.
    #[error("the link `{0}` in it does not stay in the worktree")]
    LeadsOut(String),
    /// A file in it has another name somewhere else: who writes to the one writes to the other.
    #[error("`{0}` in it has another name outside of it, by a hard link")]
    NamedElsewhere(String),
    /// A repository lies in it.
    #[error("`{0}` in it belongs to a repository of its own")]
    Repository(String),
    /// Somebody still has a file in it open.
    #[error("a process still has files of its worktree open")]
    InUse,
    /// The worktree lies on another disk than the repository.
    #[error("its worktree lies on another disk than the repository")]
    OtherDisk,
    /// The disk.
    #[error("{0}")]
    Disk(String),
}

impl Why {
    /// That it is kept all the same by nobody, since this went wrong.
    pub(super) fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::CrossesDevices => Self::Mounted,
            _ => Self::Disk(error.to_string()),
        }
    }

    /// Of this folder.
    pub(super) fn of_folder(self, folder: &str) -> NotKept {
        NotKept { folder: folder.to_owned(), why: self }
    }
}
