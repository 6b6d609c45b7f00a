//! What can be wrong with the state file.
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Trouble with the state file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Its folder or the file itself cannot be written.
    #[error("cannot write `{}`: {why}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// No space is left.
    #[error("no space is left for `{}`", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A newer specmake wrote it.
    #[error("`{}` was written by a newer specmake: it has version {found}, and this one knows versions up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version known here.
        known: i64,
    },
    /// It is not a database, or a broken one.
    #[error("`{}` is damaged: {why}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// Somebody else holds it for too long.
    #[error("`{}` is locked by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot use `{}`: {why}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
}

impl StoreError {
    pub(super) fn new(path: &Path, e: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let why = e.to_string();
        match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { path, why },
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Unwritable { path, why }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            _ => Self::Other { path, why },
        }
    }

    pub(super) fn io(path: &Path, e: &std::io::Error) -> Self {
        match e.kind() {
            std::io::ErrorKind::StorageFull => Self::Full { path: path.to_owned() },
            _ => Self::Unwritable { path: path.to_owned(), why: e.to_string() },
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unwritable { .. } => "let this user write the folder, or remove it: only history is lost",
            Self::Full { .. } => "free some space; `specmake gc` removes logs of old runs",
            Self::Newer { .. } => "update specmake, or remove the file: only history is lost",
            Self::Corrupt { .. } => "the next build sets it aside and begins a new one",
            Self::Busy { .. } => "wait until the other process is done",
            Self::Other { .. } => "remove the file: only history is lost",
        }
    }
}
