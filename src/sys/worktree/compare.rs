//! What lies in a worktree held against its sealed index: each file by its stat, and no other file beside them.
use crate::sys::git::index_rows::{Row, Rows};
use crate::sys::git::noted::{Noted, Stamped};
use crate::sys::git::{Content, Mode};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode as Permissions, OFlags, Stat, open, openat, statat};
use rustix::io::Errno;
use std::path::Path;

/// The blob of an empty file.
const EMPTY: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

/// Deeper folders are left to git.
const DEEPEST: usize = 200;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// Entries that are not as noted, by position.
    pub(super) changed: Vec<usize>,
    /// Entries that are as noted, but may have been written once more in the very moment of the stamp, by position.
    pub(super) young: Vec<usize>,
    /// Whether anything lies there that is no entry.
    pub(super) more: bool,
}

impl Compared {
    /// Whether all is as it was.
    pub(super) fn is_same(&self) -> bool {
        *self == Self::default()
    }

    /// The entries that are not sure to be as they were, sorted.
    pub(super) fn doubtful(&self) -> Vec<usize> {
        let mut all = [self.changed.as_slice(), &self.young].concat();
        all.sort_unstable();
        all
    }
}

/// Compares all files. `None`: only git can.
pub(super) fn compare(top: &Path, rows: &Rows<'_>, moment: Stamped) -> Option<Compared> {
    let plain = |row: &Row<'_>| row.is_plain() && row.content().is_some_and(|c| c.mode != Mode::GITLINK);
    if !rows.rows.iter().all(plain) {
        return None;
    }
    let mut walk = Walk { rows: &rows.rows, moment, found: Compared::default() };
    let folder = open(top, FOLDER, Permissions::empty()).ok()?;
    walk.folder(&folder, (0, rows.rows.len()), 0, DEEPEST)?;
    Some(walk.found)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

struct Walk<'a> {
    rows: &'a [Row<'a>],
    moment: Stamped,
    found: Compared,
}

impl Walk<'_> {
    /// Looks at the entries from one position up to another, which lie below a folder; its name ends before `from` in
    /// each of theirs.
    fn folder(
        &mut self,
        folder: &OwnedFd,
        (mut at, end): (usize, usize),
        from: usize,
        depth: usize,
    ) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        // Each name that is there and known is one of those that are there: what is left over is more.
        let mut known = usize::from(from == 0);
        while at < end {
            let row = self.rows[at];
            let name = row.name.get(from..)?;
            let Some(slash) = name.iter().position(|byte| *byte == b'/') else {
                match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => {
                        known += 1;
                        self.file(at, row.content()?, row.noted(), &stat);
                    }
                    Err(Errno::NOENT) => self.found.changed.push(at),
                    Err(_) => return None,
                }
                at += 1;
                continue;
            };
            let path = &row.name[..=from + slash];
            let within = self.rows[at..end].partition_point(|row| row.name.starts_with(path));
            match openat(folder, &name[..slash], FOLDER, Permissions::empty()) {
                Ok(below) => {
                    known += 1;
                    self.folder(&below, (at, at + within), path.len(), depth)?;
                }
                Err(Errno::NOENT) => self.found.changed.extend(at..at + within),
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    known += 1;
                    self.found.changed.extend(at..at + within);
                }
                Err(_) => return None,
            }
            at += within;
        }
        let mut there = 0;
        for entry in Dir::read_from(folder).ok()? {
            let entry = entry.ok()?;
            there += usize::from(!matches!(entry.file_name().to_bytes(), b"." | b".."));
        }
        self.found.more |= there > known;
        Some(())
    }

    fn file(&mut self, at: usize, content: Content, noted: Noted, stat: &Stat) {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let is_executable = stat.st_mode & 0o100 != 0;
        let mode = match kind {
            FileType::RegularFile if is_executable => Mode::EXECUTABLE,
            FileType::RegularFile => Mode::FILE,
            FileType::Symlink => Mode::LINK,
            _ => Mode::TREE,
        };
        // Of a file that git distrusts it notes that it is empty.
        let is_distrusted = noted.is_of_nothing() && content.oid.to_string() != EMPTY;
        if mode != content.mode || is_distrusted || Noted::of(stat) != Some(noted) {
            self.found.changed.push(at);
        } else if !noted.is_older_than(self.moment) {
            self.found.young.push(at);
        }
    }
}
