//! git, by its plumbing: every command names its git directory and work tree, reads exit codes and
//! NUL-separated output, never messages. Refs move by compare-and-swap alone.
pub mod commit;
pub mod config;
pub mod diff;
mod differ;
pub mod discover;
pub mod error;
pub mod index;
pub(crate) mod index_file;
pub(crate) mod index_rows;
mod index_trees;
pub mod log;
mod loose;
pub mod lying;
mod mark;
pub mod merge;
mod mover;
pub(crate) mod noted;
mod object;
mod objects;
pub mod oid;
pub mod path;
mod people;
pub mod refs;
pub mod repo;
mod seen;
pub mod tree;
pub mod worktrees;

pub use commit::{NewCommit, Signature};
pub use error::GitError;
pub use index::{Keeping, TempIndex};
pub use log::LogEntry;
pub use lying::Lying;
pub use merge::Merge;
pub(crate) use object::BlobName;
pub use oid::{Change, Content, Entry, Mode, Oid};
pub use refs::{RefUpdate, branch_ref};
pub use repo::Git;
pub use worktrees::{Listed, Operation};

#[cfg(test)]
mod tests;
