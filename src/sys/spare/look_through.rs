//! One look through a folder that is to be kept, no link followed: what must not come to life in another worktree.
use super::not_kept::Why;
use super::raze::{folder, look};
use crate::sys::git::path;
use rustix::fd::OwnedFd;
use rustix::fs::{Dir, FileType, readlinkat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io;

/// No build leaves folders as deep as this.
const DEEPEST: usize = 400;

/// Looks through a folder at `place`, relative to the top of its worktree.
///
/// # Errors
/// What keeps it from being kept: a link that leads out of the worktree or to git's own file there, a repository,
/// something mounted, or what cannot be read.
pub(super) fn look_through(opened: &OwnedFd, place: &str) -> Result<(), Why> {
    let mut place = place.as_bytes().to_vec();
    below(opened, &mut place)
}

fn below(opened: &OwnedFd, place: &mut Vec<u8>) -> Result<(), Why> {
    let depth = place.split(|byte| *byte == b'/').count();
    if depth > DEEPEST {
        return Err(Why::Disk("it is too deep".to_owned()));
    }
    for entry in Dir::read_from(opened).map_err(|error| Why::of(&error.into()))? {
        let entry = entry.map_err(|error| Why::of(&error.into()))?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let length = place.len();
        place.push(b'/');
        place.extend_from_slice(name.to_bytes());
        one(opened, name, entry.file_type(), depth, place)?;
        place.truncate(length);
    }
    Ok(())
}

fn one(parent: &OwnedFd, name: &CStr, told: FileType, depth: usize, place: &mut Vec<u8>) -> Result<(), Why> {
    if is_git(name.to_bytes()) {
        return Err(Why::Repository(path::to_text(place)));
    }
    // Not every disk tells it with the name.
    let kind = match told {
        FileType::Unknown => {
            look(parent, name).map(|stat| FileType::from_raw_mode(stat.st_mode)).map_err(|e| Why::of(&e))?
        }
        told => told,
    };
    match kind {
        FileType::Directory => below(&folder(parent, name).map_err(|error| Why::of(&error))?, place),
        FileType::Symlink => {
            let text = readlinkat(parent, name, Vec::new()).map_err(|error| Why::of(&error.into()))?;
            if stays(text.to_bytes(), depth) { Ok(()) } else { Err(Why::LeadsOut(path::to_text(place))) }
        }
        _ => Ok(()),
    }
}

/// Whether a link so deep below the top of a worktree stays in it, as far as its text tells, and away from git's file.
fn stays(text: &[u8], depth: usize) -> bool {
    let (mut left, mut is_down) = (depth, false);
    if text.starts_with(b"/") {
        return false;
    }
    for part in text.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            // Behind a name, which may be a link itself, nobody knows where up is.
            b".." if is_down || left == 0 => return false,
            b".." => left -= 1,
            name if is_git(name) => return false,
            _ => is_down = true,
        }
    }
    true
}

fn is_git(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git")
}

/// The error of a folder that could not be opened, in the words of who wants to keep it. `None`: it is not there.
pub(super) fn unopened(error: &io::Error) -> Option<Why> {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) => None,
        Some(Errno::NOTDIR | Errno::LOOP) => Some(Why::NoFolder),
        _ => Some(Why::of(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::raze::open;
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn links_that_stay_are_told_from_those_that_do_not() {
        let check = |text: &str, depth, expect| assert_eq!(stays(text.as_bytes(), depth), expect, "{text}");
        for text in ["a", "./a/b", "..", "../", "../a", "../../packages/x", ".gitignore"] {
            check(text, 2, true);
        }
        for text in ["/", "/tmp", "../../..", "a/../..", "a/..", ".git", "../.GIT/config", "../../../x"] {
            check(text, 2, false);
        }
    }

    #[track_caller]
    fn check(make: impl FnOnce(&Path), expect: Result<(), Why>) {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join("web/kept/deep")).unwrap();
        fs::write(top.path().join("web/kept/deep/file"), "").unwrap();
        make(&top.path().join("web/kept"));
        assert_eq!(look_through(&open(&top.path().join("web/kept")).unwrap(), "web/kept"), expect);
    }

    #[test]
    fn what_must_not_go_on_is_found_however_deep() {
        check(|_| {}, Ok(()));
        check(|kept| symlink("../../../src", kept.join("deep/link")).unwrap(), Ok(()));
        let leads = Err(Why::LeadsOut("web/kept/deep/link".to_owned()));
        check(|kept| symlink("../../../../other", kept.join("deep/link")).unwrap(), leads.clone());
        check(|kept| symlink(kept, kept.join("deep/link")).unwrap(), leads);
        let git = Err(Why::Repository("web/kept/deep/.git".to_owned()));
        check(|kept| fs::create_dir(kept.join("deep/.git")).unwrap(), git.clone());
        check(|kept| fs::write(kept.join("deep/.git"), "gitdir: /").unwrap(), git);
        let deep = |kept: &Path| fs::create_dir_all(kept.join("d/".repeat(DEEPEST))).unwrap();
        check(deep, Err(Why::Disk("it is too deep".to_owned())));
    }
}
