//! What is kept of a worktree beside the files of its spare one: folders by number, and a note of which they are.
use super::holders::is_held;
use super::keep::{Keep, ignored, parts};
use super::look_through::look_through;
use super::not_kept::{NotKept, Why};
use super::note::plain;
use super::raze::{folder, look, open};
use super::shelf::{Claimed, FILES};
use crate::base::Stamp;
use crate::sys::git::{Git, GitError};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, renameat, unlinkat};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The folder of all of them in a spare one.
const KEPT: &str = "kept";

/// The note in it.
const NOTE: &str = "note";

/// The first word of the note; another one is another program's.
const FORMAT: &str = "kept-1";

/// What was kept of one worktree. The note: a word, a space and a stamp in hexadecimal, a line feed, and the paths of
/// the folders `0`, `1` ... with a NUL behind each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    under: Stamp,
    folders: Vec<String>,
}

impl Kept {
    /// What lies in a spare one.
    pub fn read(spare: &Path) -> Option<Self> {
        let bytes = plain(&spare.join(KEPT).join(NOTE))?;
        let text = String::from_utf8(bytes).ok()?;
        let (line, rest) = text.split_once('\n')?;
        let under = line.strip_prefix(FORMAT)?.strip_prefix(' ')?.parse().ok()?;
        Some(Self { under, folders: rest.split_terminator('\0').map(ToOwned::to_owned).collect() })
    }

    /// Whether any of it is wished for, under the same settings.
    pub fn serves(&self, keep: &Keep) -> bool {
        self.under == keep.under && self.folders.iter().any(|folder| keep.folders.contains(folder))
    }

    /// The folders, as they were declared.
    pub fn folders(self) -> Vec<String> {
        self.folders
    }
}

/// Moves these folders out of the files of a worktree that nobody needs any more, in `aside`, into the spare one that is
/// made of it. Gives how many there are now, and why others are not.
///
/// # Errors
/// The disk: what is in the spare one is in no state to tell.
pub(super) fn take(
    aside: &Path,
    spare: &OwnedFd,
    folders: &[String],
    keep: &Keep,
) -> io::Result<(usize, Vec<NotKept>)> {
    if folders.is_empty() {
        return Ok((0, Vec::new()));
    }
    // Not the folder around them, which we have open ourselves.
    if is_held(&aside.join(OsStr::from_bytes(FILES.to_bytes()))) {
        return Ok((0, folders.iter().map(|folder| Why::InUse.of_folder(folder)).collect()));
    }
    let files = folder(open(aside)?, FILES)?;
    let name = CString::new(KEPT)?;
    mkdirat(spare, &name, Mode::RWXU)?;
    let kept = folder(spare, &name)?;
    let (mut taken, mut not_kept) = (Vec::new(), Vec::new());
    for name in folders {
        match take_one(&files, &kept, taken.len(), name) {
            Ok(()) => taken.push(name.as_str()),
            Err(why) => not_kept.push(why.of_folder(name)),
        }
    }
    if taken.is_empty() {
        unlinkat(spare, &name, AtFlags::REMOVEDIR)?;
        return Ok((0, not_kept));
    }
    let mut text = format!("{FORMAT} {}\n", keep.under);
    taken.iter().for_each(|name| text.extend([*name, "\0"]));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let note = openat(&kept, CString::new(NOTE)?, flags, Mode::from_raw_mode(0o600))?;
    File::from(note).write_all(text.as_bytes())?;
    Ok((taken.len(), not_kept))
}

/// One whole folder, or nothing of it.
fn take_one(files: &OwnedFd, kept: &OwnedFd, number: usize, name: &str) -> Result<(), Why> {
    let disk = |error: io::Error| Why::of(&error);
    let (parent, last) = lead(files, name, Missing::Stays).map_err(disk)?;
    look_through(&folder(&parent, &last).map_err(disk)?, name)?;
    let number = CString::new(number.to_string()).map_err(|error| disk(error.into()))?;
    renameat(parent, last, kept, number).map_err(|error| disk(error.into()))
}

/// Moves what was kept into a worktree that was just filled, as far as it is wished for and git ignores it there.
///
/// # Errors
/// Something was put there and cannot be taken back.
pub(crate) fn give(claimed: &Claimed, git: &Git, keep: &Keep) -> Result<(), GitError> {
    let spare = claimed.path();
    let Some(kept) = Kept::read(&spare).filter(|kept| kept.serves(keep)) else { return Ok(()) };
    let Some(top) = git.work_tree() else { return Ok(()) };
    let words = || GitError::io(format!("fill `{}`", top.display()));
    let name = CString::new(KEPT).map_err(|error| words()(error.into()))?;
    let opened =
        claimed.open().and_then(|spare| folder(spare, &name)).and_then(|from| Ok((from, open(top)?)));
    let Ok((from, top)) = opened else { return Ok(()) };
    let mut given = Vec::new();
    for (number, name) in kept.folders.into_iter().enumerate().filter(|(_, name)| keep.folders.contains(name))
    {
        if give_one(&from, number, &top, &name).is_ok() {
            given.push((number, name));
        }
    }
    let names: Vec<String> = given.iter().map(|(_, name)| name.clone()).collect();
    let ignored = ignored(git, &names).unwrap_or_default();
    for (number, name) in given.iter().filter(|(_, name)| !ignored.contains(name)) {
        take_back(&from, *number, &top, name).map_err(words())?;
    }
    Ok(())
}

fn give_one(from: &OwnedFd, number: usize, top: &OwnedFd, name: &str) -> io::Result<()> {
    let number = CString::new(number.to_string())?;
    // Opened, so that it is a folder and no link.
    folder(from, &number)?;
    let (parent, last) = lead(top, name, Missing::IsMade)?;
    match look(&parent, &last) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
    }
    Ok(renameat(from, number, parent, last)?)
}

/// Out of the worktree again, with the folders above that nothing else is in.
fn take_back(from: &OwnedFd, number: usize, top: &OwnedFd, name: &str) -> io::Result<()> {
    let (parent, last) = lead(top, name, Missing::Stays)?;
    renameat(parent, last, from, CString::new(number.to_string())?)?;
    let mut above = Path::new(name).parent();
    while let Some(name) = above.and_then(Path::to_str).filter(|name| !name.is_empty()) {
        let (parent, last) = lead(top, name, Missing::Stays)?;
        if unlinkat(parent, last, AtFlags::REMOVEDIR).is_err() {
            break;
        }
        above = Path::new(name).parent();
    }
    Ok(())
}

/// Whether folders on the way are made where there are none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Stays,
    IsMade,
}

/// The folder in which the last part of a path lies, opened, and that part; no link and no mount on the way.
fn lead(top: &OwnedFd, name: &str, missing: Missing) -> io::Result<(OwnedFd, CString)> {
    let mut parts = parts(name)?;
    let last = parts.pop().ok_or(io::ErrorKind::InvalidInput)?;
    let mut parent = top.try_clone()?;
    for part in parts {
        parent = match folder(parent.as_fd(), &part) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && missing == Missing::IsMade => {
                mkdirat(&parent, &part, Mode::from_raw_mode(0o777))?;
                folder(parent.as_fd(), &part)?
            }
            opened => opened?,
        };
    }
    Ok((parent, last))
}
