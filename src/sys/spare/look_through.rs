//! One look through a folder that is to be kept, no link followed: what must not come to life in another worktree.
use super::not_kept::Why;
use super::raze::{folder, look};
use super::ways::wide;
use crate::sys::git::path;
use rustix::fd::OwnedFd;
use rustix::fs::{Dir, FileType, Stat, readlinkat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::CStr;
use std::io;

/// No build leaves folders as deep as this.
const DEEPEST: usize = 200;

/// What lies in the folder of a repository, with a worktree or without.
const REPOSITORY: [&[u8]; 3] = [b"HEAD", b"objects", b"refs"];

/// Looks through a folder at `place`, relative to the top of its worktree.
///
/// # Errors
/// What keeps it from being kept: a link that leads out of the worktree or to git's own file there, a file that has
/// another name elsewhere, a repository, something mounted, or what cannot be read.
pub(super) fn look_through(opened: &OwnedFd, place: &str) -> Result<(), Why> {
    let mut look = Look { place: place.as_bytes().to_vec(), named: HashMap::new() };
    look.below(opened)?;
    match look.named.into_values().find(|named| named.elsewhere > 0) {
        Some(named) => Err(Why::NamedElsewhere(named.place)),
        None => Ok(()),
    }
}

struct Look {
    /// What is looked at, relative to the top of its worktree.
    place: Vec<u8>,
    /// Files with more than one name, by their number.
    named: HashMap<u64, Named>,
}

/// A file with more than one name.
struct Named {
    place: String,
    /// How many names were not found yet.
    elsewhere: u64,
}

impl Look {
    fn below(&mut self, opened: &OwnedFd) -> Result<(), Why> {
        let depth = self.place.split(|byte| *byte == b'/').count();
        if depth > DEEPEST {
            return Err(Why::Disk("it is too deep".to_owned()));
        }
        let mut parts = 0;
        for entry in Dir::read_from(opened).map_err(|error| Why::of(&error.into()))? {
            let entry = entry.map_err(|error| Why::of(&error.into()))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            parts += usize::from(REPOSITORY.contains(&name.to_bytes()));
            let length = self.place.len();
            self.place.push(b'/');
            self.place.extend_from_slice(name.to_bytes());
            self.one(opened, name, depth)?;
            self.place.truncate(length);
        }
        if parts == REPOSITORY.len() { Err(Why::Repository(path::to_text(&self.place))) } else { Ok(()) }
    }

    fn one(&mut self, parent: &OwnedFd, name: &CStr, depth: usize) -> Result<(), Why> {
        if is_git(name.to_bytes()) {
            return Err(Why::Repository(path::to_text(&self.place)));
        }
        let stat = look(parent, name).map_err(|error| Why::of(&error))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.below(&folder(parent, name).map_err(|error| Why::of(&error))?),
            FileType::Symlink => {
                let text = readlinkat(parent, name, Vec::new()).map_err(|error| Why::of(&error.into()))?;
                let leads_out = || Why::LeadsOut(path::to_text(&self.place));
                stays(text.to_bytes(), depth).then_some(()).ok_or_else(leads_out)
            }
            _ => {
                self.name(&stat);
                Ok(())
            }
        }
    }

    /// One name of a file was found. All lie on one disk: no other one was entered.
    fn name(&mut self, stat: &Stat) {
        let links = wide(stat.st_nlink);
        if links > 1 {
            let place = &self.place;
            let new = || Named { place: path::to_text(place), elsewhere: links };
            self.named.entry(wide(stat.st_ino)).or_insert_with(new).elsewhere -= 1;
        }
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
        check(|kept| fs::hard_link(kept.join("deep/file"), kept.join("same")).unwrap(), Ok(()));
        let elsewhere = Err(Why::NamedElsewhere("web/kept/deep/file".to_owned()));
        check(|kept| fs::hard_link(kept.join("deep/file"), kept.join("../same")).unwrap(), elsewhere);
        let bare = Err(Why::Repository("web/kept/deep".to_owned()));
        let init = |kept: &Path| {
            for name in ["deep/objects", "deep/refs"] {
                fs::create_dir(kept.join(name)).unwrap();
            }
            fs::write(kept.join("deep/HEAD"), "ref: refs/heads/main\n").unwrap();
        };
        check(init, bare);
        let deep = |kept: &Path| fs::create_dir_all(kept.join("d/".repeat(DEEPEST))).unwrap();
        check(deep, Err(Why::Disk("it is too deep".to_owned())));
    }
}
