//! Where spare worktrees lie: numbered folders in one of ours, each put there and taken from there in one step.
use super::Sparing;
use super::has_mounts;
use super::kept::{Kept, take};
use super::not_kept::NotKept;
use super::note::{NOTE, Note};
use super::noted::Noted;
use super::raze::{empty, folder, is_folder, look, names, open};
use super::sift::sift;
use super::ways::wide;
use crate::sys::files;
use crate::sys::git::index::scratch;
use crate::sys::git::{Git, GitError};
use crate::sys::load::Gauge;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, fstat, mkdirat, renameat};
use std::cmp::Reverse;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder of spare worktrees, in our own.
const SHELF: &CStr = c"spares";

/// The files of a spare one, beside its note.
pub(super) const FILES: &CStr = c"worktree";

/// A spare worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spare {
    folder: PathBuf,
    number: CString,
}

/// All spare worktrees of a repository: those that are of any use first, and of these the newest.
pub fn spares(repo: &Git) -> Vec<Spare> {
    let Ok(shelf) = shelf(repo, false) else { return Vec::new() };
    let own = repo.own_dir().join("spares");
    let is_number = |name: &CString| name.to_bytes().iter().all(u8::is_ascii_digit);
    let numbers = names(&shelf).unwrap_or_default().into_iter().filter(is_number);
    let folders = numbers.filter(|number| look(&shelf, number).is_ok_and(|stat| is_folder(&stat)));
    let mut found: Vec<Spare> = folders
        .map(|number| Spare { folder: own.join(std::ffi::OsStr::from_bytes(number.to_bytes())), number })
        .collect();
    let time = |spare: &Spare| spare.folder.symlink_metadata().and_then(|stat| stat.modified()).ok();
    let is_whole = |spare: &Spare| spare.has_files() || Kept::read(&spare.folder).is_some();
    found.sort_by_cached_key(|spare| (Reverse(is_whole(spare)), Reverse(time(spare)), spare.number.clone()));
    found
}

impl Spare {
    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the files of a worktree are in it.
    pub fn has_files(&self) -> bool {
        self.folder.join(NOTE).is_file()
    }

    /// The folders that were kept of that worktree, as they were declared.
    pub fn keeps(&self) -> Vec<String> {
        Kept::read(&self.folder).map(Kept::folders).unwrap_or_default()
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> u64 {
        files::size_of(&self.folder)
    }

    /// Removes it: in one step out of the way, so that nobody finds half of it.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(&self, repo: &Git) -> Result<(), GitError> {
        self.claim(repo).map(drop).map_err(GitError::io(format!("remove `{}`", self.folder.display())))
    }

    /// Takes it from the shelf, so that nobody else does. One in which something is mounted stays where it is.
    pub(super) fn claim(&self, repo: &Git) -> io::Result<Claimed> {
        if has_mounts(&self.folder.canonicalize()?) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "something is mounted in it"));
        }
        let aside = Claimed::new(repo)?;
        let to = open(&aside.1)?;
        renameat(shelf(repo, false)?, &self.number, to, c"spare")?;
        Ok(aside)
    }
}

/// A folder aside in which there may be a spare worktree. It goes with all that is in it when it is dropped; what a kill
/// leaves of it goes at the next start.
pub(crate) struct Claimed(Option<TempDir>, PathBuf);

impl Claimed {
    fn new(repo: &Git) -> io::Result<Self> {
        let aside = scratch(repo).map_err(io::Error::other)?;
        let path = aside.path().to_owned();
        Ok(Self(Some(aside), path))
    }

    /// The spare worktree in it.
    pub fn path(&self) -> PathBuf {
        self.1.join("spare")
    }

    /// The same, opened; it is a folder and no link.
    pub fn open(&self) -> io::Result<OwnedFd> {
        folder(open(&self.1)?, c"spare")
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(discard);
    }
}

/// Removes a folder aside, no link followed and no other disk touched.
fn discard(aside: TempDir) {
    let emptied = open(aside.path()).and_then(|folder| empty(&folder, wide(fstat(&folder)?.st_dev)));
    match emptied {
        Ok(()) => drop(aside),
        // Something of somebody else's may lie in it.
        Err(_) => drop(aside.keep()),
    }
}

/// Takes along the note of a worktree whose files lie in `aside`.
pub(crate) fn take_note(git: &Git, aside: &Path) {
    // Without it they are none to keep.
    drop(fs::rename(git.git_dir().join(NOTE), aside.join(NOTE)));
}

/// Makes a spare worktree of what lies in `aside`: of the files, if they were noted and most are untouched, and of these
/// folders. Everything else goes, and all of it if there is no room. Says which folders were not kept.
pub(crate) fn put_by(repo: &Git, aside: TempDir, sparing: Sparing<'_>, folders: &[String]) -> Vec<NotKept> {
    let is_short = || Gauge::new(&repo.own_dir()).read().disk_free.is_some_and(|left| left < sparing.free);
    let mut not_kept = Vec::new();
    if sparing.most == 0 || !aside.path().join(NOTE).exists() && folders.is_empty() {
    } else if is_short() {
        spares(repo).iter().for_each(|spare| drop(spare.remove(repo)));
    } else if let Ok(told) = put(repo, aside.path(), sparing, folders) {
        // What may not be kept goes with the rest.
        not_kept = told;
    }
    discard(aside);
    not_kept
}

fn put(repo: &Git, aside: &Path, sparing: Sparing<'_>, folders: &[String]) -> io::Result<Vec<NotKept>> {
    let opened = open(aside)?;
    // A folder that is renamed must not be the one that is removed in the end.
    mkdirat(&opened, c"spare", Mode::RWXU)?;
    let spare = folder(&opened, c"spare")?;
    let (kept, not_kept) = match sparing.keep {
        Some(keep) => take(aside, &spare, folders, keep)?,
        None => (0, Vec::new()),
    };
    if !put_files(aside, &opened, &spare).unwrap_or(false) && kept == 0 {
        return Ok(not_kept);
    }
    let shelf = shelf(repo, true)?;
    let surplus = spares(repo).into_iter().skip(sparing.most.saturating_sub(1));
    surplus.for_each(|old| drop(old.remove(repo)));
    for number in 0..sparing.most {
        let number = CString::new(number.to_string())?;
        // An empty folder would be replaced, one with something in it is not.
        if renameat(&opened, c"spare", &shelf, &number).is_ok() {
            break;
        }
    }
    Ok(not_kept)
}

/// Whether the files, most of them untouched, are in the spare one now, and nothing else is.
fn put_files(aside: &Path, opened: &OwnedFd, spare: &OwnedFd) -> io::Result<bool> {
    let Some((note, noted)) = whole(&aside.join(NOTE)) else { return Ok(false) };
    let left = sift(&folder(opened, FILES)?, &noted, note.ways, note.since)?;
    if !is_most(&left) {
        return Ok(false);
    }
    renameat(opened, FILES, spare, FILES)?;
    renameat(opened, NOTE, spare, NOTE)?;
    Ok(true)
}

/// A note that is whole, and what it tells.
pub(super) fn whole(file: &Path) -> Option<(Note, Noted)> {
    let note = Note::read(file)?;
    let noted = Noted::read(&note.index)?;
    Some((note, noted))
}

/// Whether so many are left that the others cost less than all.
pub(super) fn is_most(left: &[bool]) -> bool {
    left.iter().filter(|left| **left).count() * 2 > left.len()
}

/// The folder of spare worktrees, if it is one of ours and no link, nor the one that it lies in.
fn shelf(repo: &Git, make: bool) -> io::Result<OwnedFd> {
    let own = open(&repo.own_dir())?;
    if make {
        match mkdirat(&own, SHELF, Mode::RWXU) {
            Err(error) if error != rustix::io::Errno::EXIST => return Err(error.into()),
            _ => {}
        }
    }
    let shelf = folder(own.as_fd(), SHELF)?;
    let (own, found) = (fstat(&own)?, fstat(&shelf)?);
    let me = rustix::process::geteuid().as_raw();
    if (found.st_uid, found.st_dev) != (me, own.st_dev) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(shelf)
}
