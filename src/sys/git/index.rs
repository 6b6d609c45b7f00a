//! An index of our own, in a folder of our own: how trees are made without touching anybody's checkout.
use super::error::GitError;
use super::index_file::Indexed;
use super::oid::{Content, Mode, Oid};
use super::path;
use super::repo::Git;
use crate::sys::process::Invocation;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A temporary index; it goes when this does.
#[derive(Debug)]
pub struct TempIndex {
    git: Git,
    file: PathBuf,
    _dir: Option<TempDir>,
}

/// How blobs are kept that become part of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// On the disk before anything names them; all of them are waited for at once.
    Safe,
    /// For what is only looked at: as fast as can be, and nobody minds if a power cut takes them.
    Quick,
}

/// One file of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// What is there.
    pub content: Content,
    /// 0, or the side of a conflict.
    pub stage: u8,
    /// Left out of the checkout by a sparse one.
    pub skip_worktree: bool,
    /// Where.
    pub path: String,
}

impl TempIndex {
    /// An empty one.
    ///
    /// # Errors
    /// The disk.
    pub fn empty(git: &Git) -> Result<Self, GitError> {
        let dir = scratch(git)?;
        let file = dir.path().join("index");
        Ok(Self { git: git.with_env("GIT_INDEX_FILE", &file), file, _dir: Some(dir) })
    }

    /// One that holds a tree.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn of_tree(git: &Git, tree: Oid) -> Result<Self, GitError> {
        let index = Self::empty(git)?;
        index.run(&["read-tree", &tree.to_string()])?;
        Ok(index)
    }

    /// A copy of the checkout's own; empty if it has none.
    ///
    /// # Errors
    /// The disk.
    pub fn copy_of_checkout(git: &Git) -> Result<Self, GitError> {
        let index = Self::empty(git)?;
        copy_index(git, &index.file)?;
        Ok(index)
    }

    /// A copy of the checkout's own at `file`, which stays when this goes.
    ///
    /// # Errors
    /// The disk.
    pub fn copy_at(git: &Git, file: PathBuf) -> Result<Self, GitError> {
        copy_index(git, &file)?;
        Ok(Self::at(git, file))
    }

    /// The one at `file`, which stays when this goes.
    pub(crate) fn at(git: &Git, file: PathBuf) -> Self {
        Self { git: git.with_env("GIT_INDEX_FILE", &file), file, _dir: None }
    }

    /// The file it lies in.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A command that works on it.
    pub fn command(&self, args: &[&str]) -> Invocation {
        self.git.command(args.iter().copied())
    }

    /// Runs such a command, which must succeed.
    ///
    /// # Errors
    /// It did not.
    pub fn run(&self, args: &[&str]) -> Result<(), GitError> {
        self.git.run(&self.command(args)).map(drop)
    }

    /// Replaces entries; `None` removes one.
    ///
    /// # Errors
    /// git fails, for one because a path is a file here and a folder there.
    pub fn replace(&self, edits: &[(String, Option<Content>)]) -> Result<(), GitError> {
        let Some(like) = edits.iter().find_map(|(_, content)| content.map(|content| content.oid)) else {
            return self.remove(edits.iter().map(|(path, _)| path.as_str()));
        };
        let mut script = Vec::new();
        // Removals first: a file may take the place of a folder.
        for (path, _) in edits.iter().filter(|(_, content)| content.is_none()) {
            push_entry(&mut script, &format!("0 {}", like.zero_like()), path);
        }
        for (path, content) in edits {
            if let Some(content) = content {
                push_entry(&mut script, &format!("{} {}", content.mode, content.oid), path);
            }
        }
        let command = self.command(&["update-index", "-z", "--index-info"]).stdin(script);
        self.git.run(&command).map(drop)
    }

    /// Removes entries, whatever lies on disk.
    ///
    /// # Errors
    /// git fails.
    pub fn remove<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Result<(), GitError> {
        let script = nul_separated(paths);
        if script.is_empty() {
            return Ok(());
        }
        let command = self.command(&["update-index", "--force-remove", "-z", "--stdin"]).stdin(script);
        self.git.run(&command).map(drop)
    }

    /// Takes these paths as they lie in the checkout: added, changed or removed, filters applied, a
    /// symlink as its text. Ignored ones too.
    ///
    /// # Errors
    /// A path leads through a symlink, or names a folder.
    pub fn add<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a str>,
        keeping: Keeping,
    ) -> Result<(), GitError> {
        let script = nul_separated(paths);
        if script.is_empty() {
            return Ok(());
        }
        let settings: &[&str] = match keeping {
            Keeping::Safe => &["-c", "core.fsyncMethod=batch"],
            Keeping::Quick => &["-c", "core.fsync=none", "-c", "core.looseCompression=0"],
        };
        let add = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];
        self.git.run(&self.command(&[settings, &add].concat()).stdin(script)).map(drop)
    }

    /// Its entries, all of them or those at these very paths.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn entries(&self, paths: &[String]) -> Result<Vec<IndexEntry>, GitError> {
        let mut entries = match self.read() {
            Some(indexed) => indexed.entries,
            None => self.listed(paths)?,
        };
        if !paths.is_empty() {
            let wanted: HashSet<&str> = paths.iter().map(String::as_str).collect();
            entries.retain(|entry| wanted.contains(entry.path.as_str()));
        }
        Ok(entries)
    }

    /// Reads it without asking git. `None`: only git can, or nobody.
    pub(crate) fn read(&self) -> Option<Indexed> {
        self.git.indexed(&self.file)
    }

    /// Its entries at these very paths, and perhaps others, as git lists them.
    pub(super) fn listed(&self, paths: &[String]) -> Result<Vec<IndexEntry>, GitError> {
        // Past some hundred paths it is cheaper to read everything than to match; a command line has an end.
        let asked = if paths.len() > 200 { &[] } else { paths };
        let command = self
            .command(&["--literal-pathspecs", "ls-files", "-t", "-s", "-z", "--full-name", "--"])
            .args(asked.iter().map(|path| path::to_os(path)));
        let captured = self.git.run(&command)?;
        let lines = captured.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        lines.map(entry).collect()
    }

    /// The tree that it holds.
    ///
    /// # Errors
    /// It holds conflicts.
    pub fn write_tree(&self) -> Result<Oid, GitError> {
        // git, too, takes what it wrote down for what it would write, as long as that is there.
        if let Some(tree) = self.read().and_then(|indexed| indexed.tree)
            && self.git.object(&format!("{tree}^{{tree}}"))? == Some(tree)
        {
            return Ok(tree);
        }
        Ok(self.git.run(&self.command(&["write-tree"]))?.text().parse()?)
    }
}

impl Git {
    /// The checkout's index, read without a process. `None`: only git can read it, or nobody.
    pub(crate) fn read_index(&self) -> Option<Indexed> {
        self.indexed(&self.git_dir().join("index"))
    }

    fn indexed(&self, file: &Path) -> Option<Indexed> {
        Some(std::fs::read(file).ok()?).filter(|_| self.is_plain()).and_then(|bytes| Indexed::read(&bytes))
    }
}

/// A new folder under our own for files that must not outlive us. Its name begins with our pid, so that what a
/// kill leaves there is known at the next start.
pub(crate) fn scratch(git: &Git) -> Result<TempDir, GitError> {
    let parent = git.own_dir().join("tmp");
    let failed = |source| GitError::Io { what: format!("make a folder in `{}`", parent.display()), source };
    std::fs::create_dir_all(&parent).map_err(failed)?;
    tempfile::Builder::new().prefix(&format!("{}-", std::process::id())).tempdir_in(&parent).map_err(failed)
}

/// Paths as git's `-z --stdin` reads them.
pub(crate) fn nul_separated<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for path in paths {
        bytes.extend_from_slice(&path::to_bytes(path));
        bytes.push(0);
    }
    bytes
}

fn copy_index(git: &Git, to: &Path) -> Result<(), GitError> {
    let from = git.git_dir().join("index");
    match copy_file(&from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(GitError::io(format!("copy `{}`", from.display()))),
    }
}

/// Copies an index with its time. A file written in the same instant as the index is only known to be
/// doubtful because the index is no newer than it; in a newer copy such an edit would pass unseen.
pub(crate) fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let time = source.metadata()?.modified()?;
    let mut copy = File::create(to)?;
    io::copy(&mut source, &mut copy)?;
    copy.set_modified(time)
}

fn push_entry(script: &mut Vec<u8>, head: &str, path: &str) {
    script.extend_from_slice(head.as_bytes());
    script.push(b'\t');
    script.extend_from_slice(&path::to_bytes(path));
    script.push(0);
}

/// `H 100644 OID 0\tPATH`
fn entry(line: &[u8]) -> Result<IndexEntry, GitError> {
    let odd = || GitError::Unreadable { what: format!("an index with `{}`", String::from_utf8_lossy(line)) };
    let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(odd)?;
    let head = std::str::from_utf8(&line[..tab]).map_err(|_| odd())?;
    let fields: Vec<&str> = head.split(' ').collect();
    let [tag, mode, oid, stage] = fields[..] else { return Err(odd()) };
    Ok(IndexEntry {
        content: Content { mode: Mode::parse(mode)?, oid: oid.parse()? },
        stage: stage.parse().map_err(|_| odd())?,
        skip_worktree: tag == "S",
        path: path::to_text(&line[tab + 1..]),
    })
}
