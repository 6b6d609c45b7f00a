//! Merging without a checkout.
use super::commit::{NewCommit, Signature};
use super::error::GitError;
use super::oid::Oid;
use super::path;
use super::repo::{Git, failed};
use crate::sys::process::{Captured, Invocation};

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// It merges into this tree.
    Clean(Oid),
    /// It does not; a tree with conflict markers is kept all the same.
    Conflict {
        /// The paths that conflict.
        paths: Vec<String>,
        /// The tree, markers and all.
        tree: Oid,
    },
}

impl Git {
    /// Merges two commits; nothing but objects is written. `.gitattributes` counts as it is in `ours`, whatever is
    /// checked out (git 2.41; an older one reads the checkout's).
    ///
    /// # Errors
    /// One of them is not there, or they share no history.
    pub fn merge_tree(&self, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        let command = self.merging(None, ours, theirs);
        let captured = self.ask(&command)?;
        if !matches!(captured.code(), 0 | 1) {
            return Err(failed(&command, &captured));
        }
        merge(&captured)
    }

    /// The same where it is known that `base` is the one commit where their histories parted: git need not look for it.
    ///
    /// # Errors
    /// As [`Git::merge_tree`].
    pub fn merge_tree_on(&self, base: Oid, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        let captured = self.ask(&self.merging(Some(base), ours, theirs))?;
        match captured.code() {
            0 | 1 => merge(&captured),
            // The option came with git 2.40.
            _ => self.merge_tree(ours, theirs),
        }
    }

    fn merging(&self, base: Option<Oid>, ours: Oid, theirs: Oid) -> Invocation {
        self.command(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"])
            .args(base.map(|base| format!("--merge-base={base}")))
            .args([ours.to_string(), theirs.to_string()])
            .env("GIT_ATTR_SOURCE", ours.to_string())
    }

    /// Merges what `theirs` did since `base` into `ours`, whatever their history: a replay.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn merge_tree_from(&self, base: Oid, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        // A stand-in with the wanted parent gives the wanted merge base; an option for it came later than
        // the oldest git we know.
        let stand_in = |commit: Oid, parents: &[Oid]| {
            let tree = self.tree_of(commit)?;
            let signature = Some(Signature::timeless());
            self.commit_tree(&NewCommit { tree, parents, message: "stand-in\n", signature })
        };
        let root = stand_in(base, &[])?;
        self.merge_tree(stand_in(ours, &[root])?, stand_in(theirs, &[root])?)
    }
}

fn merge(captured: &Captured) -> Result<Merge, GitError> {
    let mut tokens = captured.stdout.split(|byte| *byte == 0).filter(|token| !token.is_empty());
    let tree = String::from_utf8_lossy(tokens.next().unwrap_or_default()).trim().parse()?;
    if captured.code() == 0 {
        return Ok(Merge::Clean(tree));
    }
    Ok(Merge::Conflict { paths: tokens.map(path::to_text).collect(), tree })
}
