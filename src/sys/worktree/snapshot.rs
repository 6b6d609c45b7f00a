//! What lies in a worktree, as a tree, whatever an agent did to its index, its HEAD or its branches.
use super::compare::compare;
use super::seal::now;
use super::{Worktree, forget_operations};
use crate::sys::git::index::copy_file;
use crate::sys::git::index_file::Indexed;
use crate::sys::git::index_rows::Rows;
use crate::sys::git::noted::Stamped;
use crate::sys::git::{Change, Content, GitError, Mode, Oid, RefUpdate, TempIndex, branch_ref};
use crate::sys::lock::RefsLock;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longer than any index is worked on.
const LATER: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything in a worktree, untracked files too, ignored and excluded ones not.
#[derive(Debug)]
pub struct Snapshot {
    /// The commit that it was held against.
    pub since: Oid,
    /// The tree.
    pub tree: Oid,
    /// What it changes against the commit that was named.
    pub changes: Vec<Change>,
    /// Repositories within the worktree that are no submodules; they are left out.
    pub embedded: Vec<String>,
    /// Files that could not be read; they are left out, or are as they were.
    pub unreadable: Vec<String>,
    /// What git said of files that it could not take.
    pub complaint: Option<String>,
    index: TempIndex,
    /// When it was begun.
    began: Option<Stamped>,
}

/// An index that holds everything in a worktree, and the tree that it makes.
struct Staged {
    index: TempIndex,
    tree: Oid,
    complaint: Option<String>,
}

impl Worktree {
    /// Takes a snapshot, with what it changes against `since`. Brought-in paths and `exclude` are left as
    /// they are in `since`, with all that lies below them. Neither files nor index nor refs change, so this
    /// is also the way to learn whether anything was changed at all.
    ///
    /// # Errors
    /// git or the disk fails.
    pub fn snapshot(&self, since: Oid, exclude: &[String]) -> Result<Snapshot, GitError> {
        let began = now(self.git());
        let staged = match self.stage_sealed(began)? {
            Some(staged) => staged,
            None => self.stage_honestly(since)?,
        };
        let Staged { index, mut tree, complaint } = staged;
        let mut changes = self.git().diff_tree(since, tree)?;
        let mut excluded = self.brought_in()?;
        excluded.extend_from_slice(exclude);
        let excluded: HashSet<&str> = excluded.iter().map(|path| path.trim_end_matches('/')).collect();
        let mut embedded = self.embedded(&changes)?;
        let unborn = complaint.as_deref().into_iter().flat_map(str::lines).filter_map(without_commits);
        embedded.extend(unborn.filter(|path| !lies_in(path, &excluded)));
        let unread = complaint.as_deref().into_iter().flat_map(str::lines).filter_map(not_read);
        let unreadable = unread.filter(|path| !lies_in(path, &excluded)).collect();
        let mut back: Vec<(String, Option<Content>)> = Vec::new();
        changes.retain(|change| {
            let out = lies_in(&change.path, &excluded);
            embedded.retain(|path| !out || *path != change.path);
            let keep = !out && !embedded.contains(&change.path);
            if !keep {
                back.push((change.path.clone(), change.old));
            }
            keep
        });
        if !back.is_empty() {
            index.replace(&back)?;
            tree = index.write_tree()?;
        }
        Ok(Snapshot { since, tree, changes, embedded, unreadable, complaint, index, began })
    }

    /// Makes a commit of a snapshot the worktree's own: HEAD names `branch` again, the branch moves from
    /// `old` to `commit`, the index is the snapshot's, and what was half done (a merge, a rebase, locks) is
    /// forgotten. Files stay. What else moves, moves in the same transaction. Call it only when nothing runs
    /// in the worktree.
    ///
    /// # Errors
    /// [`GitError::RefMoved`] if the branch is not at `old`.
    pub fn settle(
        &self,
        snapshot: &Snapshot,
        branch: &str,
        (old, commit): (Oid, Oid),
        also: &[RefUpdate],
    ) -> Result<(), GitError> {
        let lock = RefsLock::take(self.git())?;
        self.forget_locks(branch)?;
        forget_operations(self.git().git_dir())?;
        self.point_head(branch)?;
        // The index first: after a kill in between the snapshot is taken again, but nobody looks at an index
        // again once the branch has moved. What was left out of the tree is not in the index either, so that
        // it shows as what it is.
        let to = self.git().git_dir().join("index");
        let beside = self.git().git_dir().join("specmake.index");
        copy_file(snapshot.index.file(), &beside)
            .and_then(|()| std::fs::rename(&beside, &to))
            .map_err(GitError::io(format!("replace `{}`", to.display())))?;
        self.seal(snapshot.tree, snapshot.began);
        let mut updates = also.to_vec();
        if old != commit {
            updates.push(RefUpdate::advance(branch_ref(branch), old, commit));
        }
        self.git().update_refs_locked(&updates, "specmake: stage", &lock)
    }

    pub(super) fn point_head(&self, branch: &str) -> Result<(), GitError> {
        let name = branch_ref(branch);
        let head = std::fs::read(self.git().git_dir().join("HEAD")).unwrap_or_default();
        if head == format!("ref: {name}\n").as_bytes() {
            return Ok(());
        }
        self.git()
            .run(&self.git().command(["symbolic-ref", "-m", "specmake: back to the branch", "HEAD", &name]))
            .map(drop)
    }

    /// Stages what differs from the index that we left there, of which git need not read anything again. `None`: it is
    /// another one.
    fn stage_sealed(&self, began: Option<Stamped>) -> Result<Option<Staged>, GitError> {
        let (Some(sealed), Some(began)) = (self.sealed(), began) else { return Ok(None) };
        let Some(rows) = Rows::read(&sealed.bytes) else { return Ok(None) };
        let Some(compared) = compare(self.top(), &rows, sealed.moment) else { return Ok(None) };
        if compared.is_same() {
            let index = TempIndex::copy_of_checkout(self.git())?;
            return Ok(Some(Staged { index, tree: sealed.tree, complaint: None }));
        }
        let index = TempIndex::empty(self.git())?;
        let words = || format!("write `{}`", index.file().display());
        // git reads again what may have changed in the second in which an index was written: all that was checked out
        // just now. What is doubtful of it is known, so this one was written later than anything.
        let later = SystemTime::now() + LATER;
        write_at(index.file(), &rows.doubting(&sealed.bytes, &compared.doubtful()), later)
            .map_err(GitError::io(words()))?;
        let complaint = self.stage_all(&index)?;
        // And whatever is written from here on is doubtful.
        let moment = UNIX_EPOCH + Duration::new(u64::try_from(began.0).unwrap_or(0), began.1);
        set_time(index.file(), moment).map_err(GitError::io(words()))?;
        let bytes = std::fs::read(index.file()).map_err(GitError::io(words()))?;
        let tree = match Rows::read(&bytes).and_then(|rows| self.git().tree_of_rows(&rows)) {
            Some(tree) => tree,
            None => index.write_tree()?,
        };
        Ok(Some(Staged { index, tree, complaint }))
    }

    fn stage_honestly(&self, since: Oid) -> Result<Staged, GitError> {
        let index = self.honest_index(since)?;
        let complaint = self.stage_all(&index)?;
        let tree = index.write_tree()?;
        Ok(Staged { index, tree, complaint })
    }

    /// A copy of the worktree's index, which knows the stats of files and so saves reading them; or, if it
    /// cannot be read or hides files from git, one made from the commit.
    fn honest_index(&self, since: Oid) -> Result<TempIndex, GitError> {
        let copy = TempIndex::copy_of_checkout(self.git())?;
        match copy.read() {
            Some(Indexed { hides: false, .. }) => return Ok(copy),
            Some(_) => return TempIndex::of_tree(self.git(), since),
            None => {}
        }
        let listed = self.git().ask(&copy.command(&["ls-files", "-v", "-z"]))?;
        let hides = |line: &[u8]| line.first().is_some_and(|tag| tag.is_ascii_lowercase() || *tag == b'S');
        let lines = listed.stdout.split(|byte| *byte == 0);
        if listed.success() && !lines.into_iter().any(hides) && copy.file().exists() {
            return Ok(copy);
        }
        TempIndex::of_tree(self.git(), since)
    }

    fn stage_all(&self, index: &TempIndex) -> Result<Option<String>, GitError> {
        let add = ["-c", "core.sparseCheckout=false", "add", "--all", "--", "."];
        if self.git().ask(&index.command(&add))?.success() {
            return Ok(None);
        }
        // One file that cannot be read must not cost the others.
        let add = ["-c", "core.sparseCheckout=false", "add", "--all", "--ignore-errors", "--", "."];
        let command = index.command(&add);
        let captured = self.git().ask(&command)?;
        match captured.code() {
            0 | 1 => Ok(Some(captured.complaint())),
            code => Err(GitError::Failed {
                command: "git add --all".into(),
                code,
                complaint: captured.complaint(),
            }),
        }
    }

    /// New gitlinks that `.gitmodules` does not know.
    fn embedded(&self, changes: &[Change]) -> Result<Vec<String>, GitError> {
        let is_link = |content: Option<Content>| content.is_some_and(|content| content.mode == Mode::GITLINK);
        let new: Vec<&Change> =
            changes.iter().filter(|change| is_link(change.new) && !is_link(change.old)).collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.submodule_paths()?;
        Ok(new.into_iter().map(|change| change.path.clone()).filter(|path| !known.contains(path)).collect())
    }
}

fn write_at(file: &Path, bytes: &[u8], time: SystemTime) -> io::Result<()> {
    std::fs::write(file, bytes)?;
    set_time(file, time)
}

fn set_time(file: &Path, time: SystemTime) -> io::Result<()> {
    File::options().write(true).open(file)?.set_modified(time)
}

/// The repository that git would not take because nothing is committed in it, if that is what this line says.
fn without_commits(line: &str) -> Option<String> {
    let path = line.strip_prefix("error: '")?.strip_suffix("' does not have a commit checked out")?;
    Some(path.trim_end_matches('/').to_owned())
}

/// The file that git could not open or read, if that is what this line says.
fn not_read(line: &str) -> Option<String> {
    let named = line.strip_prefix("error: open(\"").or_else(|| line.strip_prefix("error: read(\""))?;
    Some(named.rsplit_once("\"): ")?.0.to_owned())
}

fn lies_in(path: &str, excluded: &HashSet<&str>) -> bool {
    excluded.contains(path) || path.match_indices('/').any(|(slash, _)| excluded.contains(&path[..slash]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_names_files_that_it_cannot_read() {
        assert_eq!(
            not_read("error: open(\"a \"b\".txt\"): Permission denied").as_deref(),
            Some("a \"b\".txt")
        );
        assert_eq!(not_read("error: unable to index file 'a'"), None);
        assert_eq!(not_read("warning: could not open directory 'd/': Permission denied"), None);
    }
}
