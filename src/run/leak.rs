//! What an agent wrote into the user's checkout instead of, or beside, its worktree. Nothing tells who wrote a
//! file there, and people go on working in it: a file counts only if it changed since the attempt began, is not
//! what the base has, and is what the attempt left in its own worktree, or owes there, or says that it wrote.
use super::attempt::Prepared;
use super::contents::file_id;
use super::site::Site;
use crate::agent::dialect::Said;
use crate::event::{Failure, ToolKind};
use crate::model::{FailureClass, Spec};
use crate::rebuild::Tree;
use crate::sys::files::tidy;
use crate::sys::git::{GitError, path};
use crate::sys::worktree::Snapshot;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The most paths that are remembered of what an agent says.
const REMEMBERED: usize = 10_000;

/// Kinds of tools that only look.
const LOOKS: [ToolKind; 4] = [ToolKind::Read, ToolKind::Search, ToolKind::Fetch, ToolKind::Think];

/// The files outside of its worktree that an agent says it wrote to.
#[derive(Debug, Default)]
pub(super) struct Named {
    paths: BTreeSet<PathBuf>,
}

impl Named {
    /// Takes in one thing that the agent said while it ran in `worktree`.
    pub(super) fn hear(&mut self, said: &Said, worktree: &Path) {
        let Said::Tool(tool) = said else { return };
        if LOOKS.contains(&tool.kind) {
            return;
        }
        let paths = tool.paths.iter().map(|path| tidy(&worktree.join(path)));
        for path in paths.filter(|path| !path.starts_with(worktree)) {
            if self.paths.len() < REMEMBERED {
                self.paths.insert(path);
            }
        }
    }
}

impl Site {
    /// The failure of an attempt that leaked, if it did. What it wrote stays as it is.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn leak(
        &self,
        prepared: &Prepared,
        spec: &Spec,
        stage: usize,
        snapshot: &Snapshot,
    ) -> Result<Option<Failure>, GitError> {
        let Some(checkout) = self.git.main_work_tree() else { return Ok(None) };
        let seen = Seen {
            checkout,
            worktree: prepared.worktree().top(),
            base: &*self.contents.tree(self.base().tip)?,
            began: prepared.began,
        };
        let mut leaked = BTreeSet::new();
        for change in snapshot.changes.iter().filter(|change| change.new.is_some()) {
            let file = path::to_os(&change.path);
            let landed = seen.base.file(&change.path) == change.new.map(file_id);
            if !landed && seen.is_new(&file) && seen.is_same(&file) {
                leaked.insert(change.path.clone());
            }
        }
        let left = self.contents.tree(snapshot.tree)?;
        let declared = &spec.stages[stage];
        let owed = declared.outputs.iter().filter(|output| left.matching(output).next().is_none());
        let owed = owed.filter(|owed| !owed.is_glob()).map(|owed| owed.resolved());
        for owed in owed {
            if seen.is_new(Path::new(owed)) && self.differs(&seen, owed)? {
                leaked.insert(owed.to_owned());
            }
        }
        for named in prepared.named.paths.iter().map(|named| real(named)) {
            let Ok(named) = named.strip_prefix(checkout) else { continue };
            let text = path::from_os(named);
            if seen.is_new(named) && !is_git_file(named) && self.differs(&seen, &text)? {
                leaked.insert(text);
            }
        }
        Ok((!leaked.is_empty()).then(|| failure(&leaked)))
    }

    /// Whether a file of the checkout is not what the base has: a landing may have written it meanwhile.
    fn differs(&self, seen: &Seen<'_>, path: &str) -> Result<bool, GitError> {
        let Some(of_base) = seen.base.file(path) else { return Ok(true) };
        let there = std::fs::read(seen.checkout.join(path::to_os(path))).unwrap_or_default();
        Ok(*self.contents.content(of_base)? != there)
    }
}

/// The checkout, and what it is held against.
struct Seen<'a> {
    checkout: &'a Path,
    worktree: &'a Path,
    base: &'a Tree,
    began: SystemTime,
}

impl Seen<'_> {
    /// Whether a file was written since the attempt began, by the time of its last change, which no program
    /// sets at will.
    fn is_new(&self, file: &Path) -> bool {
        let Ok(stat) = self.checkout.join(file).symlink_metadata() else { return false };
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(stat.ctime()), u32::try_from(stat.ctime_nsec())) else {
            return false;
        };
        // The clock of a filesystem may lag by a tick.
        let changed = UNIX_EPOCH + Duration::new(seconds, nanos) + Duration::from_millis(10);
        stat.is_file() && changed >= self.began
    }

    fn is_same(&self, file: &Path) -> bool {
        let read = |top: &Path| std::fs::read(top.join(file));
        matches!((read(self.checkout), read(self.worktree)), (Ok(one), Ok(other)) if one == other)
    }
}

/// The path with the links on its way resolved, but not itself.
fn real(path: &Path) -> PathBuf {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// git's own files, and ours, are no work of anybody's.
fn is_git_file(path: &Path) -> bool {
    path.starts_with(".git") || path.starts_with(".specmake")
}

fn failure(leaked: &BTreeSet<String>) -> Failure {
    let shown: Vec<&str> = leaked.iter().take(5).map(String::as_str).collect();
    let more = match leaked.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message =
        format!("it wrote `{}`{more} in your checkout, outside of its worktree", shown.join("`, `"));
    Failure::new(FailureClass::Leak, message)
}
