//! What is kept of a worktree from before anybody worked in it: the index as git wrote it, of which commit, in which
//! shape and ways, and a moment that no change since can be older than.
use super::noted::Noted;
use super::ways::Ways;
use crate::base::{Stamp, Stamper};
use crate::sys::git::index_file::Indexed;
use crate::sys::git::noted::{Stamped, changed};
use crate::sys::git::{Git, GitError, Oid};
use rustix::fs::OFlags;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

/// Its name, in the git directory of a worktree and beside the files of a spare one.
pub(super) const NOTE: &str = "specmake-filled";

/// The first word; another one is another program's.
const FORMAT: &str = "filled-1";

/// No file that is read here is larger: an index of some ten million files. In bytes.
const LARGEST: u64 = 1 << 30;

/// What a regular file of bounded size has in it; no link is followed, and nobody is waited for.
pub(super) fn plain(file: &Path) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(file, flags, rustix::fs::Mode::empty()).ok()?);
    let stat = file.metadata().ok()?;
    if !stat.is_file() || stat.len() > LARGEST {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A note.
#[derive(Debug)]
pub(super) struct Note {
    /// What was checked out.
    pub commit: Oid,
    /// What shaped that.
    pub shape: Stamp,
    /// How files and folders came to be.
    pub ways: Ways,
    /// Nothing that was changed since can be older.
    pub since: Stamped,
    /// The index.
    pub index: Vec<u8>,
}

impl Note {
    /// Notes a worktree that was just filled, if it has as many files as are worth it. A moment that the disk itself
    /// tells: that of the note.
    ///
    /// # Errors
    /// The disk.
    pub fn write(git: &Git, commit: Oid, (shape, ways): (Stamp, Ways), worth: usize) -> Result<(), GitError> {
        let words = || GitError::io(format!("write `{}`", git.git_dir().join(NOTE).display()));
        let index = git.git_dir().join("index");
        let mut file = File::open(&index).map_err(words())?;
        let mut bytes = vec![0; 12];
        file.read_exact(&mut bytes).map_err(words())?;
        if Indexed::count(&bytes) < worth {
            return Ok(());
        }
        file.read_to_end(&mut bytes).map_err(words())?;
        let temporary = git.git_dir().join(format!("{NOTE}.new"));
        let mut made = File::create_new(&temporary).map_err(words())?;
        let stat = rustix::fs::fstat(&made).map_err(|error| words()(error.into()))?;
        if !ways.has_disk_of(&stat) || Noted::read(&bytes).is_none() {
            // The clock of another disk tells nothing.
            drop(fs::remove_file(&temporary));
            return Ok(());
        }
        let (seconds, rest) = changed(&stat);
        let head = format!("{FORMAT} {commit} {shape} {seconds} {rest} {ways}");
        let stamp = Stamper::new("note").field(head.as_bytes()).field(&bytes).stamp();
        let mut text = format!("{head} {stamp}\n").into_bytes();
        text.append(&mut bytes);
        let written = made.write_all(&text).and_then(|()| fs::rename(&temporary, git.git_dir().join(NOTE)));
        if written.is_err() {
            drop(fs::remove_file(&temporary));
        }
        written.map_err(words())
    }

    /// Reads one. `None`: it is not whole.
    pub fn read(file: &Path) -> Option<Self> {
        let mut bytes = plain(file)?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let index = bytes.split_off(end + 1);
        let line = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let (head, stamp) = line.rsplit_once(' ')?;
        if Stamper::new("note").field(head.as_bytes()).field(&index).stamp() != stamp.parse().ok()? {
            return None;
        }
        let mut words = head.splitn(6, ' ');
        let mut word = || words.next();
        if word()? != FORMAT {
            return None;
        }
        Some(Self {
            commit: word()?.parse().ok()?,
            shape: word()?.parse().ok()?,
            since: (word()?.parse().ok()?, word()?.parse().ok()?),
            ways: word()?.parse().ok()?,
            index,
        })
    }
}
