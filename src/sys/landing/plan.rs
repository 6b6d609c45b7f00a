//! What has to be done to a checkout so that it follows its branch, and what stands in the way. Both a
//! file and its index entry must be as in the old commit, or already as in the new one; everything else is
//! the user's.
use crate::sys::files;
use crate::sys::git::index::IndexEntry;
use crate::sys::git::{Change, Content, Git, GitError, Keeping, Mode, TempIndex, path};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How much of the checkout follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Files and index entries, each compared first.
    Checkout,
    /// Index entries alone, whatever they held: the files were committed as they lie.
    Entries,
}

/// What to do.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files to remove, each as it was when it was compared.
    pub(super) removals: Vec<Step>,
    /// Files to write.
    pub(super) writes: Vec<Step>,
    /// Folders to make, where submodules go.
    pub(super) folders: Vec<String>,
    /// Index entries to replace.
    pub(super) entries: Vec<(String, Option<Content>)>,
    /// Those of them that a sparse checkout leaves out.
    pub(super) skipped: Vec<String>,
    /// Paths that are neither old nor new.
    pub(super) collisions: BTreeSet<String>,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) path: String,
    pub(super) seen: Option<Fingerprint>,
}

/// Enough of a file's stat to notice that somebody wrote it meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u64, u64, i64, i64, u32);

impl Fingerprint {
    pub(super) fn of(stat: &Metadata) -> Self {
        Self(stat.ino(), stat.size(), stat.mtime(), stat.mtime_nsec(), stat.mode())
    }

    /// Of what lies at a path now; `None`: nothing.
    pub(super) fn at(file: &Path) -> Option<Self> {
        file.symlink_metadata().ok().map(|stat| Self::of(&stat))
    }
}

#[derive(Debug, Clone)]
enum OnDisk {
    Absent,
    File(Content, Fingerprint),
    Folder,
    /// Something that no commit holds, or a way that leads through a symlink; the path that is to blame.
    Foreign(String),
}

/// Compares and decides. With `extent` [`Extent::Entries`] nothing can collide but a conflict in the index.
pub(super) fn plan(git: &Git, changes: &[Change], extent: Extent) -> Result<Plan, GitError> {
    let mut plan = Plan::default();
    let paths: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
    let mut entries: HashMap<String, Vec<IndexEntry>> = HashMap::new();
    for entry in entries_at(git, &paths)? {
        entries.entry(entry.path.clone()).or_default().push(entry);
    }
    for change in changes {
        plan.decide_entry(change, entries.get(&change.path).map_or(&[][..], Vec::as_slice), extent);
    }
    if extent == Extent::Checkout {
        let top = git.require_work_tree()?;
        let removed: HashSet<&str> =
            changes.iter().filter(|c| file_side(c.new).is_none()).map(|c| c.path.as_str()).collect();
        let mut disk = look(git, top, changes, &removed)?;
        for change in changes {
            let found = disk.remove(&change.path).unwrap_or(OnDisk::Absent);
            plan.decide_file(change, found, top, &removed)?;
        }
    }
    Ok(plan)
}

impl Plan {
    fn decide_entry(&mut self, change: &Change, entries: &[IndexEntry], extent: Extent) {
        let now = match entries {
            [] => None,
            [one] if one.stage == 0 => Some(one.content),
            _ => {
                self.collisions.insert(change.path.clone());
                return;
            }
        };
        if now == change.new && extent == Extent::Checkout {
            return;
        }
        if now != change.old && extent == Extent::Checkout {
            self.collisions.insert(change.path.clone());
            return;
        }
        if entries.iter().any(|entry| entry.skip_worktree) {
            self.skipped.push(change.path.clone());
        }
        self.entries.push((change.path.clone(), change.new));
    }

    fn decide_file(
        &mut self,
        change: &Change,
        found: OnDisk,
        top: &Path,
        removed: &HashSet<&str>,
    ) -> Result<(), GitError> {
        let (old, new) = (file_side(change.old), file_side(change.new));
        let path = change.path.clone();
        let left_out = self.skipped.contains(&path);
        let wants_folder = change.new.is_some_and(|content| content.mode == Mode::GITLINK);
        match found {
            OnDisk::Foreign(blame) => {
                self.collisions.insert(blame);
            }
            OnDisk::Absent if left_out => {}
            OnDisk::Absent if new.is_none() && wants_folder => self.folders.push(path),
            OnDisk::Absent if new.is_none() => {}
            OnDisk::Absent if old.is_none() => self.writes.push(Step { path, seen: None }),
            // The user removed it: that is an edit.
            OnDisk::Absent => {
                self.collisions.insert(path);
            }
            OnDisk::File(content, _) if Some(content) == new => {}
            OnDisk::File(content, seen) if Some(content) == old => {
                let step = Step { path: path.clone(), seen: Some(seen) };
                if new.is_some() {
                    self.writes.push(step);
                } else {
                    self.removals.push(step);
                }
                if wants_folder {
                    self.folders.push(path);
                }
            }
            OnDisk::File(..) => {
                self.collisions.insert(path);
            }
            OnDisk::Folder if new.is_none() => {}
            OnDisk::Folder if old.is_some() => {
                self.collisions.insert(path);
            }
            OnDisk::Folder => {
                let below = files::below(&top.join(path::to_os(&path)))
                    .map_err(GitError::io(format!("list `{path}`")))?;
                let full = |rest: &String| format!("{path}/{rest}");
                match below.iter().map(full).find(|file| !removed.contains(file.as_str())) {
                    Some(foreign) => drop(self.collisions.insert(foreign)),
                    None => self.writes.push(Step { path, seen: None }),
                }
            }
        }
        Ok(())
    }
}

/// The checkout's index entries at these paths.
fn entries_at(git: &Git, paths: &[String]) -> Result<Vec<IndexEntry>, GitError> {
    let Some(indexed) = git.read_index() else { return TempIndex::copy_of_checkout(git)?.entries(paths) };
    let wanted: HashSet<&str> = paths.iter().map(String::as_str).collect();
    Ok(indexed.entries.into_iter().filter(|entry| wanted.contains(entry.path.as_str())).collect())
}

/// What of it lies in the checkout as a file: a submodule does not.
fn file_side(content: Option<Content>) -> Option<Content> {
    content.filter(|content| content.mode != Mode::GITLINK)
}

/// What lies at each of the paths, as git would store it.
fn look(
    git: &Git,
    top: &Path,
    changes: &[Change],
    removed: &HashSet<&str>,
) -> Result<HashMap<String, OnDisk>, GitError> {
    let mut found = HashMap::new();
    let mut stats = BTreeMap::new();
    for change in changes {
        let path = &change.path;
        let seen = match parent_in_the_way(top, path) {
            Some(parent) if removed.contains(parent.as_str()) => OnDisk::Absent,
            Some(parent) => OnDisk::Foreign(parent),
            None => match top.join(path::to_os(path)).symlink_metadata() {
                Err(_) => OnDisk::Absent,
                Ok(stat) if stat.is_dir() => OnDisk::Folder,
                Ok(stat) if stat.is_file() || stat.is_symlink() => {
                    stats.insert(path.clone(), Fingerprint::of(&stat));
                    continue;
                }
                Ok(_) => OnDisk::Foreign(path.clone()),
            },
        };
        found.insert(path.clone(), seen);
    }
    if stats.is_empty() {
        return Ok(found);
    }
    // An index of just these paths as they were: so git applies filters and modes as it would in earnest.
    let index = TempIndex::empty(git)?;
    let before: Vec<(String, Option<Content>)> = changes
        .iter()
        .filter(|change| change.old.is_some() && stats.contains_key(&change.path))
        .map(|change| (change.path.clone(), change.old))
        .collect();
    if !before.is_empty() {
        index.replace(&before)?;
    }
    index.add(stats.keys().map(String::as_str), Keeping::Safe)?;
    for entry in index.entries(&[])? {
        if let Some(stat) = stats.get(&entry.path) {
            found.insert(entry.path, OnDisk::File(entry.content, *stat));
        }
    }
    Ok(found)
}

/// The first folder on the way to `path` that is no folder.
pub(super) fn parent_in_the_way(top: &Path, path: &str) -> Option<String> {
    for (slash, _) in path.match_indices('/') {
        let parent = &path[..slash];
        match top.join(path::to_os(parent)).symlink_metadata() {
            Ok(stat) if stat.is_dir() => {}
            Ok(_) => return Some(parent.to_owned()),
            Err(_) => return None,
        }
    }
    None
}
