//! Removing a worktree, if nothing is lost by it.
use super::Worktree;
use super::add::remove_registered;
use super::compare::compare;
use super::register::forget;
use super::unmake::{Note, REMOVING};
use crate::sys::checkout::edits;
use crate::sys::git::index::scratch;
use crate::sys::git::index_rows::{Row, Rows};
use crate::sys::git::{Change, Git, GitError, Lying, Mode, Oid, Operation, RefUpdate, branch_ref, path};
use crate::sys::lock::RefsLock;
use crate::sys::spare::{self, NotKept, Sparing, Why};
use std::path::Path;
use tempfile::TempDir;

/// So many files are read before git is asked.
const FEW: usize = 64;

/// Why a worktree stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stays {
    /// It has changes that are in no commit.
    #[error("it has uncommitted changes: {}", .0.join(", "))]
    Dirty(Vec<String>),
    /// Something is begun and not finished in it.
    #[error("a {0} is under way in it")]
    Operation(Operation),
    /// Another branch, or none, is checked out.
    #[error("it has {} checked out", .0.as_deref().map_or("no branch".into(), |b| format!("`{b}`")))]
    OtherBranch(Option<String>),
    /// Processes work in it.
    #[error("it is in use by process {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    InUse(Vec<u32>),
    /// A submodule has commits that are nowhere else.
    #[error("its submodule `{0}` has commits that are not on its remote")]
    SubmoduleCommits(String),
    /// Something is mounted in it.
    #[error("something is mounted in it")]
    Mounted,
    /// The user locked it.
    #[error("it is locked")]
    Locked,
}

/// What became of a worktree that nobody needs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retired {
    /// It is gone.
    Gone {
        /// Folders that were to serve the next one and do not.
        not_kept: Vec<NotKept>,
    },
    /// It is needed after all.
    Stays(Stays),
}

impl Retired {
    /// Why it stays, if it does.
    pub fn stays(self) -> Option<Stays> {
        match self {
            Self::Gone { .. } => None,
            Self::Stays(why) => Some(why),
        }
    }
}

impl Worktree {
    /// Why it must stay, if it must: `branch` is what it should have checked out, `None` for a bare commit.
    ///
    /// # Errors
    /// git fails.
    pub fn stays(&self, branch: Option<&str>) -> Result<Option<Stays>, GitError> {
        let git = self.git();
        if git.git_dir().join("locked").exists() {
            return Ok(Some(Stays::Locked));
        }
        if !self.is_clean_for_sure(branch)
            && let Some(why) = self.holds_edits(branch)?
        {
            return Ok(Some(why));
        }
        if let Some(module) = self.submodule_with_commits()? {
            return Ok(Some(Stays::SubmoduleCommits(module)));
        }
        if spare::has_mounts(self.top()) {
            return Ok(Some(Stays::Mounted));
        }
        let users = processes_in(self.top());
        Ok((!users.is_empty()).then_some(Stays::InUse(users)))
    }

    /// Whether its branch is checked out and every file is as there, and no other lies beside them, as far as that can
    /// be seen without git.
    pub(super) fn is_clean_for_sure(&self, branch: Option<&str>) -> bool {
        let git = self.git();
        let tree = || git.tree_of(git.commit(&branch_ref(branch?)).ok()??).ok();
        let is_there = Operation::under_way(git.git_dir()).is_none()
            && branch.is_some()
            && git.branch().is_ok_and(|now| now.as_deref() == branch);
        let Some(sealed) = self.sealed().filter(|sealed| is_there && tree() == Some(sealed.tree)) else {
            return false;
        };
        let Some(rows) = Rows::read(&sealed.bytes) else { return false };
        let Some(compared) = compare(self.top(), &rows, sealed.moment) else { return false };
        let young: Vec<Row<'_>> = compared.young.iter().map(|at| rows.rows[*at]).collect();
        compared.changed.is_empty() && !compared.more && self.hold(&young)
    }

    /// Whether these files hold the very bytes that are kept: then nothing is lost with them.
    fn hold(&self, rows: &[Row<'_>]) -> bool {
        if rows.len() > FEW {
            return false;
        }
        let paths: Vec<String> = rows.iter().map(|row| path::to_text(row.name)).collect();
        let kept = rows.iter().zip(&paths).filter_map(|(row, path)| {
            row.content().map(|content| Lying { mode: content.mode, oid: content.oid, path })
        });
        self.git().stamps_of_lying(&kept.collect::<Vec<_>>()).iter().all(Option::is_some)
    }

    /// What git says of it.
    fn holds_edits(&self, branch: Option<&str>) -> Result<Option<Stays>, GitError> {
        let edits = edits(self.git())?;
        if let Some(operation) = edits.operation {
            return Ok(Some(Stays::Operation(operation)));
        }
        if edits.branch.as_deref() != branch {
            return Ok(Some(Stays::OtherBranch(edits.branch)));
        }
        let brought_in = self.brought_in()?;
        let brought = |path: &str| {
            let path = path.trim_end_matches('/');
            brought_in.iter().any(|one| {
                path.strip_prefix(one.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let dirty: Vec<String> =
            edits.files.into_iter().map(|edit| edit.path).filter(|path| !brought(path)).collect();
        Ok((!dirty.is_empty()).then_some(Stays::Dirty(dirty)))
    }

    /// Removes it, unless it must stay. Its branch stays.
    ///
    /// # Errors
    /// git or the disk fails.
    pub fn remove(&self, branch: Option<&str>) -> Result<Option<Stays>, GitError> {
        self.retire(branch, Sparing::default()).map(Retired::stays)
    }

    /// Removes it, unless it must stay; its files and what is kept of others may serve another one. Its branch stays.
    ///
    /// # Errors
    /// git or the disk fails.
    pub fn retire(&self, branch: Option<&str>, sparing: Sparing<'_>) -> Result<Retired, GitError> {
        let lock = RefsLock::take(self.git())?;
        if let Some(why) = self.stays(branch)? {
            return Ok(Retired::Stays(why));
        }
        let (folders, mut not_kept) = match sparing.keep {
            Some(keep) => spare::keepable(self.git(), &self.brought_in()?, keep)?,
            None => (Vec::new(), Vec::new()),
        };
        let note = Note::write(self.git(), REMOVING, self.top())?;
        let aside = set_aside(self.git(), self.top());
        if let Some(aside) = &aside {
            spare::take_note(self.git(), aside.path());
        }
        if aside.is_none() || !forget(self.git(), self.git().git_dir()) {
            remove_registered(self.git(), self.top(), &["--force"])?;
        }
        note.remove()?;
        // The folder that holds all worktrees goes with the last of them.
        if let Some(parent) = self.top().parent() {
            drop(std::fs::remove_dir(parent));
        }
        // What takes long needs nobody to wait for it.
        drop(lock);
        not_kept.extend(match aside {
            Some(aside) => spare::put_by(&self.git().main(), aside, sparing, &folders),
            None => folders.into_iter().map(|folder| NotKept { folder, why: Why::OtherDisk }).collect(),
        });
        Ok(Retired::Gone { not_kept })
    }

    /// A submodule whose commits would die with this worktree's git directory.
    fn submodule_with_commits(&self) -> Result<Option<String>, GitError> {
        let modules = self.git().git_dir().join("modules");
        if !modules.is_dir() {
            return Ok(None);
        }
        for name in self.submodule_paths()? {
            if self.has_beyond_remote(&name, &["HEAD", "--all"])? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// A submodule that these changes move to a commit that its remote does not have.
    ///
    /// # Errors
    /// git fails.
    pub fn unpushed_submodule(&self, changes: &[Change]) -> Result<Option<String>, GitError> {
        for change in changes {
            let Some(new) = change.new.filter(|new| new.mode == Mode::GITLINK) else { continue };
            if self.has_beyond_remote(&change.path, &[&new.oid.to_string()])? {
                return Ok(Some(change.path.clone()));
            }
        }
        Ok(None)
    }

    fn has_beyond_remote(&self, name: &str, revisions: &[&str]) -> Result<bool, GitError> {
        let top = self.top().join(path::to_os(name));
        if !top.join(".git").exists() {
            return Ok(false);
        }
        let module = self.git().linked(&top, &top.join(".git"));
        let asked =
            module.command(["rev-list", "--max-count=1"]).args(revisions).args(["--not", "--remotes"]);
        let captured = self.git().ask(&asked)?;
        Ok(!captured.success() || !captured.stdout.is_empty())
    }
}

/// Takes a worktree's folder away in one step, so that a kill leaves all of it or nothing: half of it would look
/// like a person's edits. What is aside goes when this is dropped, or at the next start. Another disk is too far.
fn set_aside(git: &Git, top: &Path) -> Option<TempDir> {
    let folder = scratch(git).ok()?;
    std::fs::rename(top, folder.path().join("worktree")).ok().map(|()| folder)
}

/// Forgets the worktrees that have `branch` checked out and whose folders are gone.
///
/// # Errors
/// git fails.
pub fn forget_lost_of(repo: &Git, branch: &str) -> Result<(), GitError> {
    let _lock = RefsLock::take(repo)?;
    let all = repo.worktrees_where(&|_, of| of == Some(branch))?.into_iter();
    let mut lost = all.filter(|one| one.lost && one.locked.is_none());
    lost.try_for_each(|one| remove_registered(repo, &one.path, &["--force"]))
}

/// Forgets a worktree whose folder is gone.
///
/// # Errors
/// It is locked, or git fails.
pub fn forget_lost(repo: &Git, top: &Path) -> Result<(), GitError> {
    let _lock = RefsLock::take(repo)?;
    match top.symlink_metadata() {
        Ok(_) => Err(GitError::PathTaken { path: top.to_owned() }),
        Err(_) => remove_registered(repo, top, &["--force"]),
    }
}

/// Removes a branch of ours that is at `tip`, its mark, and what `also` moves with it.
///
/// # Errors
/// [`GitError::RefMoved`] if it is somewhere else.
pub fn drop_branch(repo: &Git, branch: &str, tip: Oid, also: Option<RefUpdate>) -> Result<(), GitError> {
    let lock = RefsLock::take(repo)?;
    let updates: Vec<RefUpdate> =
        std::iter::once(RefUpdate::delete(branch_ref(branch), tip)).chain(also).collect();
    repo.update_refs_locked(&updates, "specmake: landed", &lock)?;
    repo.unmark_locked(branch, &lock)
}

/// The processes whose working folder lies in `folder`, as far as this user may see.
fn processes_in(folder: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| *pid != std::process::id())
        .filter(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .collect();
    found.sort_unstable();
    found
}
