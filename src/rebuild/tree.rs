//! Contents: what a commit or a merge holds, path by path.
use crate::base::{Oid, Stamp, Stamper};
use crate::model::Pattern;
use std::sync::Arc;

/// A file as git stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// `100644`, `100755`, `120000` (a link) or `160000` (a submodule), read as octal.
    pub mode: u32,
    /// Its blob; for a submodule, its commit.
    pub oid: Oid,
}

/// The files of one tree, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    files: Vec<(Arc<str>, FileId)>,
}

impl Tree {
    /// A tree of these files, in any order.
    pub fn new(mut files: Vec<(Arc<str>, FileId)>) -> Self {
        files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Self { files }
    }

    /// The same tree with these files as they are now, or without them.
    #[must_use]
    pub fn with(&self, mut changes: Vec<(Arc<str>, Option<FileId>)>) -> Self {
        changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut files = Vec::with_capacity(self.files.len() + changes.len());
        let mut rest = self.files.as_slice();
        for (path, file) in changes {
            let at = rest.partition_point(|(p, _)| *p < path);
            files.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            if rest.first().is_some_and(|(p, _)| *p == path) {
                rest = &rest[1..];
            }
            files.extend(file.map(|file| (path, file)));
        }
        files.extend_from_slice(rest);
        Self { files }
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<FileId> {
        let at = self.files.binary_search_by(|(p, _)| (**p).cmp(path)).ok()?;
        Some(self.files[at].1)
    }

    /// The files that a pattern names, sorted by path.
    pub fn matching<'a>(&'a self, pattern: &'a Pattern) -> impl Iterator<Item = (&'a Arc<str>, FileId)> + 'a {
        self.below(pattern.root()).filter(|(path, _)| pattern.matches(path)).map(|(path, file)| (path, *file))
    }

    /// The file at `root` or all that lie below it; all files for an empty root.
    pub fn below<'a>(&'a self, root: &'a str) -> impl Iterator<Item = &'a (Arc<str>, FileId)> + 'a {
        let start = self.files.partition_point(|(path, _)| &**path < root);
        self.files[start..].iter().take_while(move |(path, _)| path.starts_with(root)).filter(
            move |(path, _)| {
                root.is_empty() || path.len() == root.len() || path.as_bytes()[root.len()] == b'/'
            },
        )
    }

    /// All files, sorted by path.
    pub fn files(&self) -> &[(Arc<str>, FileId)] {
        &self.files
    }
}

/// A tree or a blob that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Where contents come from.
pub trait Trees {
    /// The file at a path in a commit.
    ///
    /// # Errors
    /// When the commit cannot be read.
    fn file(&self, commit: Oid, path: &str) -> Result<Option<FileId>, Unreadable>;

    /// The files of a commit.
    ///
    /// # Errors
    /// When the commit cannot be read.
    fn tree(&self, commit: Oid) -> Result<Arc<Tree>, Unreadable>;

    /// The stamp over mode and content of each file.
    ///
    /// # Errors
    /// When a blob cannot be read.
    fn stamps(&self, files: &[FileId]) -> Result<Vec<Stamp>, Unreadable>;
}

/// The stamp of a set of files: paths and the stamps of their contents, in the order of paths.
///
/// # Errors
/// When a blob cannot be read.
pub fn stamp_of(tree: &Tree, pattern: &Pattern, trees: &dyn Trees) -> Result<Stamp, Unreadable> {
    let (paths, files): (Vec<&Arc<str>>, Vec<FileId>) = tree.matching(pattern).unzip();
    let stamps = trees.stamps(&files)?;
    let mut stamper = Stamper::new("files");
    for (path, stamp) in paths.iter().zip(stamps) {
        stamper = stamper.field(path.as_bytes()).stamped(stamp);
    }
    Ok(stamper.stamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_map;
    use proptest::{option, proptest};
    use std::collections::BTreeMap;

    #[test]
    fn a_root_is_a_whole_part_of_a_path() {
        let oid: Oid = "00".repeat(20).parse().unwrap();
        let file = FileId { mode: 0o100_644, oid };
        let tree = Tree::new(["a/b", "a-b", "a", "ab/c", "b"].map(|p| (p.into(), file)).to_vec());
        let below: Vec<&str> = tree.below("a").map(|(p, _)| &**p).collect();
        assert_eq!(below, ["a", "a/b"]);
        assert_eq!(tree.below("").count(), 5);
        let pattern = Pattern::new("*/b", "*/b").unwrap();
        assert_eq!(tree.matching(&pattern).count(), 1);
    }

    proptest! {
        #[test]
        fn a_tree_with_changes_is_the_tree_of_what_is_there_then(
            before in btree_map("[a-c/-]{1,3}", 0_u32..3, 0..8),
            changes in btree_map("[a-c/-]{1,3}", option::of(0_u32..3), 0..8),
        ) {
            let oid: Oid = "00".repeat(20).parse().unwrap();
            let tree = |files: &BTreeMap<String, u32>| {
                let file = |(path, mode): (&String, &u32)| (path.as_str().into(), FileId { mode: *mode, oid });
                Tree::new(files.iter().map(file).collect())
            };
            let mut after = before.clone();
            for (path, mode) in &changes {
                match mode {
                    Some(mode) => after.insert(path.clone(), *mode),
                    None => after.remove(path),
                };
            }
            let file = |mode: u32| FileId { mode, oid };
            let changes = changes.into_iter().rev().map(|(path, mode)| (path.into(), mode.map(file)));
            assert_eq!(tree(&before).with(changes.collect()).files(), tree(&after).files());
        }
    }
}
