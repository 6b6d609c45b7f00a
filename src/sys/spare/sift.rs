//! One walk over the files of a worktree that nobody needs any more: what is as git wrote it stays, all else goes.
use super::noted::Noted;
use super::raze::{folder, is_folder, look, names, raze};
use super::ways::{Ways, has_nothing_attached};
use crate::sys::git::noted::Stamped;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, fstat, unlinkat};
use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::ops::Range;

/// Leaves of a folder the files that are untouched, in folders as they were made, and removes everything else, no link
/// followed. Says of each file noted whether it is still there.
///
/// # Errors
/// The folder itself is not as it was made, part of it is on another disk, or something cannot be removed.
pub(super) fn sift(top: &OwnedFd, noted: &Noted, ways: Ways, since: Stamped) -> io::Result<Vec<bool>> {
    let stat = fstat(top)?;
    if !ways.is_folder(&stat) || !has_nothing_attached(top) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut sieve = Sieve { noted, ways, since, left: vec![false; noted.len()] };
    sieve.folder(top, 0..noted.len(), 0)?;
    Ok(sieve.left)
}

struct Sieve<'a> {
    noted: &'a Noted,
    ways: Ways,
    since: Stamped,
    left: Vec<bool>,
}

/// What was noted of a name in a folder: one file, or a folder of several.
enum Known {
    File(usize),
    Folder(Range<usize>),
}

impl Sieve<'_> {
    /// Goes through a folder for which these files are noted; `depth` bytes of their names lead to it. Whether
    /// anything stays.
    fn folder(&mut self, opened: &OwnedFd, files: Range<usize>, depth: usize) -> io::Result<bool> {
        let noted = self.noted;
        let mut known = known(noted, files, depth);
        let mut stays = false;
        for name in names(opened)? {
            let stat = look(opened, &name)?;
            let kept = match known.remove(name.to_bytes()) {
                Some(Known::File(file)) if noted.is_untouched(file, &stat, &self.ways, self.since) => {
                    self.left[file] = true;
                    true
                }
                Some(Known::Folder(files)) if is_folder(&stat) && self.ways.is_folder(&stat) => {
                    let below = depth + name.to_bytes().len() + 1;
                    self.below(opened, &name, files, below)?
                }
                _ => {
                    raze(opened, &name, self.ways.disk)?;
                    false
                }
            };
            stays |= kept;
        }
        Ok(stays)
    }

    fn below(
        &mut self,
        parent: &OwnedFd,
        name: &CStr,
        files: Range<usize>,
        depth: usize,
    ) -> io::Result<bool> {
        let opened = folder(parent.as_fd(), name)?;
        if !self.ways.is_folder(&fstat(&opened)?) || !has_nothing_attached(&opened) {
            drop(opened);
            raze(parent, name, self.ways.disk)?;
            return Ok(false);
        }
        let stays = self.folder(&opened, files, depth)?;
        if !stays {
            // git makes it again if it is needed.
            unlinkat(parent, name, AtFlags::REMOVEDIR)?;
        }
        Ok(stays)
    }
}

fn known(noted: &Noted, files: Range<usize>, depth: usize) -> HashMap<&[u8], Known> {
    let mut known = HashMap::with_capacity(files.len().min(1024));
    let mut file = files.start;
    while file < files.end {
        let rest = noted.name(file).get(depth..).unwrap_or_default();
        let Some(slash) = rest.iter().position(|byte| *byte == b'/') else {
            known.insert(rest, Known::File(file));
            file += 1;
            continue;
        };
        let is_in =
            |other: &usize| noted.name(*other).get(depth..).is_some_and(|o| o.starts_with(&rest[..=slash]));
        let end = (file..files.end).find(|other| !is_in(other)).unwrap_or(files.end);
        known.insert(&rest[..slash], Known::Folder(file..end));
        file = end;
    }
    known
}
