//! What is about to be done to a checkout, written before it is done, so that the next start can finish it
//! or take it back.
use crate::sys::files;
use crate::sys::git::{Git, GitError, Oid, path};
use std::io;
use std::path::{Path, PathBuf};

/// A branch that is on its way from one commit to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    pub(super) branch: String,
    pub(super) old: Oid,
    pub(super) new: Oid,
    pub(super) reason: String,
    pub(super) work_tree: PathBuf,
    pub(super) git_dir: PathBuf,
    /// Whether files of the checkout are written, or index entries alone.
    pub(super) files: bool,
    /// The files that are replaced or removed: they were as in `old` when that was decided.
    pub(super) writes: Vec<String>,
    /// The index entries that are replaced or removed.
    pub(super) entries: Vec<String>,
}

const FIRST: &str = "specmake-move 1";

impl Journal {
    pub(super) fn file(git: &Git) -> PathBuf {
        git.own_dir().join("move.journal")
    }

    pub(super) fn write(&self, git: &Git) -> Result<(), GitError> {
        let mut lines = vec![FIRST.to_owned()];
        let mut push = |word: &str, value: &str| lines.push(format!("{word} {value}"));
        push("branch", &self.branch);
        push("old", &self.old.to_string());
        push("new", &self.new.to_string());
        push("reason", &self.reason);
        push("work-tree", &path::from_os(&self.work_tree));
        push("git-dir", &path::from_os(&self.git_dir));
        push("files", if self.files { "yes" } else { "no" });
        for one in &self.writes {
            push("write", one);
        }
        for one in &self.entries {
            push("entry", one);
        }
        push("end", "");
        let bytes = lines.iter().flat_map(|line| [path::to_bytes(line).into_owned(), vec![0]]).flatten();
        let file = Self::file(git);
        files::replace(&file, &bytes.collect::<Vec<u8>>())
            .map_err(GitError::io(format!("write `{}`", file.display())))
    }

    /// The journal that was left behind. One that was never finished writing is no journal: nothing is
    /// done before it stands.
    pub(super) fn read(git: &Git) -> Result<Option<Self>, GitError> {
        let file = Self::file(git);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(GitError::io(format!("read `{}`", file.display()))(error)),
        };
        let lines: Vec<String> = bytes.split(|byte| *byte == 0).map(path::to_text).collect();
        let parsed = parse(&lines);
        if parsed.is_none() && lines.first().is_some_and(|first| first.starts_with("specmake-move ")) {
            let what = format!("`{}` was written by another version of specmake", file.display());
            return Err(GitError::Unreadable { what });
        }
        Ok(parsed)
    }

    pub(super) fn clear(git: &Git) -> Result<(), GitError> {
        remove(&Self::file(git))
    }
}

/// Removes a file that may be gone already.
pub(super) fn remove(file: &Path) -> Result<(), GitError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(GitError::io(format!("remove `{}`", file.display()))(error))
        }
        _ => Ok(()),
    }
}

fn parse(lines: &[String]) -> Option<Journal> {
    let values = |word: &str| {
        let prefix = format!("{word} ");
        lines.iter().filter_map(move |line| line.strip_prefix(&prefix).map(str::to_owned)).collect::<Vec<_>>()
    };
    let value = |word: &str| values(word).into_iter().next();
    if lines.first()? != FIRST {
        return None;
    }
    value("end")?;
    Some(Journal {
        branch: value("branch")?,
        old: value("old")?.parse().ok()?,
        new: value("new")?.parse().ok()?,
        reason: value("reason")?,
        work_tree: path::to_os(&value("work-tree")?),
        git_dir: path::to_os(&value("git-dir")?),
        files: value("files")? == "yes",
        writes: values("write"),
        entries: values("entry"),
    })
}
