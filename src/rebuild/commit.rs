//! A commit as the journal sees it.
use super::mark::Mark;
use super::trailer;
use super::tree::FileId;
use crate::base::Oid;
use std::sync::Arc;

/// A commit with what its message says and, unless it is a merge, what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub oid: Oid,
    /// Its parents, the first one first.
    pub parents: Vec<Oid>,
    /// Our trailers in it.
    pub marks: Vec<Mark>,
    /// Commits it says it reverts.
    pub reverts: Vec<Oid>,
    /// What it wrote; empty for a merge.
    pub changes: Vec<Change>,
}

/// A path that a commit wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path from the top of the repository.
    pub path: Arc<str>,
    /// The file after it, unless it was removed.
    pub new: Option<FileId>,
}

impl Commit {
    /// A commit from what git says of it.
    pub fn new(oid: Oid, parents: Vec<Oid>, message: &str, changes: Vec<Change>) -> Self {
        let changes = if parents.len() > 1 { Vec::new() } else { changes };
        Self { oid, parents, marks: trailer::read(message), reverts: trailer::reverts(message), changes }
    }

    /// Whether a person wrote it: no merge, and no trailer that makes it ours.
    pub fn is_persons(&self) -> bool {
        self.parents.len() <= 1 && !self.marks.iter().any(Mark::makes_ours)
    }
}
