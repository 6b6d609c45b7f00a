//! Trees and stamps by way of git, each read once.
use crate::base::{Oid, Stamp};
use crate::rebuild::{FileId, Tree, Trees, Unreadable};
use crate::sys::git::{Entry, Git, GitError, Lying, Mode};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// How many trees are kept; a run looks at few at a time.
const KEPT_TREES: usize = 32;

/// From so many on, blobs are looked for in the checkout before git is asked for them.
const MANY: usize = 32;

/// A submodule's mode: what stands there is a commit of another repository, not a blob.
const GITLINK: u32 = 0o160_000;

/// What git holds, behind a cache.
#[derive(Debug)]
pub struct Contents {
    git: Git,
    trees: Mutex<Vec<(Oid, Arc<Tree>)>>,
    files: Mutex<HashMap<(Oid, String), Option<FileId>>>,
    stamps: Mutex<HashMap<FileId, Stamp>>,
}

impl Contents {
    /// The contents of a repository.
    pub fn new(git: Git) -> Self {
        Self { git, trees: Mutex::default(), files: Mutex::default(), stamps: Mutex::default() }
    }

    /// The files of a commit or tree.
    ///
    /// # Errors
    /// There is no such commit or tree.
    pub fn tree(&self, treeish: Oid) -> Result<Arc<Tree>, GitError> {
        let mut kept = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tree)) = kept.iter().find(|(oid, _)| *oid == treeish) {
            return Ok(Arc::clone(tree));
        }
        let tree = match kept.last() {
            Some((like, tree)) => self.tree_like(treeish, *like, tree)?,
            None => self.listed(treeish)?,
        };
        if kept.len() == KEPT_TREES {
            kept.remove(0);
        }
        kept.push((treeish, Arc::clone(&tree)));
        Ok(tree)
    }

    fn listed(&self, treeish: Oid) -> Result<Arc<Tree>, GitError> {
        Ok(tree_of(self.git.ls_tree(treeish)?))
    }

    /// Takes note of the files of a commit or tree, of which none is known yet.
    pub fn learn(&self, treeish: Oid, entries: Vec<Entry>) {
        let mut kept = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            kept.push((treeish, tree_of(entries)));
        }
    }

    /// A tree by what differs from one that is known: in a run most trees are nearly alike.
    fn tree_like(&self, treeish: Oid, like: Oid, known: &Arc<Tree>) -> Result<Arc<Tree>, GitError> {
        // The known one may have been collected as garbage.
        let Ok(changes) = self.git.diff_tree(like, treeish) else { return self.listed(treeish) };
        if changes.is_empty() {
            return Ok(Arc::clone(known));
        }
        let changes = changes.into_iter().map(|change| (change.path.into(), change.new.map(file_id)));
        Ok(Arc::new(known.with(changes.collect())))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn content(&self, file: FileId) -> Result<Vec<u8>, GitError> {
        Ok(self.git.contents(&[file.oid])?.pop().flatten().unwrap_or_default())
    }

    /// The stamps of those files that lie in the checkout where a tree has them: the first that was read, which is the
    /// base's, or the last one.
    fn stamps_of_lying(&self, files: &[FileId]) -> Vec<(FileId, Stamp)> {
        let trees: Vec<Arc<Tree>> = {
            let kept = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
            [kept.last(), kept.first()].into_iter().flatten().map(|(_, tree)| Arc::clone(tree)).collect()
        };
        let mut sought: HashSet<FileId> = files.iter().copied().collect();
        let mut found = Vec::new();
        for tree in &trees {
            found.extend(tree.files().iter().filter(|(_, file)| sought.remove(file)));
        }
        let lying: Vec<Lying<'_>> = found
            .iter()
            .map(|(path, file)| Lying { mode: Mode(file.mode), oid: file.oid, path: path.as_ref() })
            .collect();
        let stamps = self.git.stamps_of_lying(&lying);
        found.iter().zip(stamps).filter_map(|((_, file), stamp)| Some((*file, stamp?))).collect()
    }
}

impl Trees for Contents {
    fn file(&self, commit: Oid, path: &str) -> Result<Option<FileId>, Unreadable> {
        let key = (commit, path.to_owned());
        let known = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let tree = self.tree(commit).map_err(unreadable)?;
        let file = tree.file(path);
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(key, file);
        Ok(file)
    }

    fn tree(&self, commit: Oid) -> Result<Arc<Tree>, Unreadable> {
        Self::tree(self, commit).map_err(unreadable)
    }

    fn stamps(&self, files: &[FileId]) -> Result<Vec<Stamp>, Unreadable> {
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unknown: Vec<FileId> =
            files.iter().copied().filter(|file| !known.contains_key(file)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let (links, blobs): (Vec<FileId>, Vec<FileId>) = unknown.into_iter().partition(|f| f.mode == GITLINK);
        for link in links {
            known.insert(link, Stamp::of_blob(GITLINK, link.oid.as_bytes()));
        }
        if blobs.len() >= MANY {
            known.extend(self.stamps_of_lying(&blobs));
        }
        let blobs: Vec<FileId> = blobs.into_iter().filter(|file| !known.contains_key(file)).collect();
        for some in blobs.chunks(256) {
            let oids: Vec<Oid> = some.iter().map(|file| file.oid).collect();
            for (file, content) in some.iter().zip(self.git.contents(&oids).map_err(unreadable)?) {
                let content =
                    content.ok_or_else(|| Unreadable(format!("git has lost blob `{}`", file.oid)))?;
                known.insert(*file, Stamp::of_blob(file.mode, &content));
            }
        }
        Ok(files.iter().map(|file| known[file]).collect())
    }
}

fn tree_of(entries: Vec<Entry>) -> Arc<Tree> {
    let files = entries.into_iter().map(|entry| (entry.path.into(), file_id(entry.content)));
    Arc::new(Tree::new(files.collect()))
}

/// A file as the journal knows it.
pub fn file_id(content: crate::sys::git::Content) -> FileId {
    FileId { mode: content.mode.0, oid: content.oid }
}

fn unreadable(error: GitError) -> Unreadable {
    Unreadable(error.to_string())
}
