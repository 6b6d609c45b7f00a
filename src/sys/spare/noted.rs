//! Files as git had just written them: the stats that it keeps in its index, as `gitformat-index(5)` describes it
//! (versions 2 to 4). An index with more in it than files and what saves work is read by nobody here.
use super::ways::{Moment, Ways, low};
use rustix::fs::Stat;
use std::ops::Range;

/// The bytes of an entry before its object's name, of that name, and of the checksum at the end.
const STAT: usize = 40;
const OID: usize = 20;

/// In the flags of an entry: anything but the length of its name. A side of a conflict, a file that git takes its
/// word for, or more flags.
const FLAGS: u16 = 0xf000;

/// Where, in the numbers of an entry, its mode stands.
const MODE: usize = 6;

/// Extensions that only save work.
const HARMLESS: [&[u8]; 3] = [b"TREE", b"EOIE", b"IEOT"];

/// Files and how each was seen, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Noted {
    names: Vec<u8>,
    files: Vec<(Range<usize>, Seen)>,
}

/// How a file is seen: when it was last changed and last written (seconds and nanoseconds each), its disk and number,
/// git's mode, owner, group and size; of each the lower 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen([u32; 10]);

impl Noted {
    /// What an index tells. `None`: it tells more, or less.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes.get(..bytes.len().checked_sub(OID)?)?);
        if rest.take(4)? != b"DIRC" {
            return None;
        }
        let version = rest.number()?;
        let count = usize::try_from(rest.number()?).ok()?;
        if !(2..=4).contains(&version) {
            return None;
        }
        let mut noted = Self { names: Vec::with_capacity(bytes.len() / 3), files: Vec::new() };
        let mut name = Vec::new();
        for _ in 0..count {
            let seen = entry(&mut rest, version, &mut name)?;
            let from = noted.names.len();
            noted.names.extend_from_slice(&name);
            noted.files.push((from..noted.names.len(), seen));
        }
        while !rest.0.is_empty() {
            let signature = rest.take(4)?;
            let length = rest.number()?;
            rest.take(usize::try_from(length).ok()?)?;
            if !HARMLESS.contains(&signature) {
                return None;
            }
        }
        Some(noted)
    }

    /// How many files an index has, by its first bytes.
    pub fn count(start: &[u8]) -> usize {
        let number = start.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
        if start.starts_with(b"DIRC") { number as usize } else { 0 }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// The path of one, from the top.
    pub fn name(&self, file: usize) -> &[u8] {
        &self.names[self.files[file].0.clone()]
    }

    /// Whether a file is, to the last bit that the system tells, as it was when git had written it, and so before that
    /// moment that no change since can be as old. Nothing but time that runs backwards makes a changed one look so.
    pub fn is_untouched(&self, file: usize, stat: &Stat, ways: &Ways, since: Moment) -> bool {
        let seen = &self.files[file].1;
        Moment(seen.0[0], seen.0[1]) < since
            && ways.mode(stat).is_some_and(|mode| *seen == Seen::of(stat, mode))
    }
}

impl Seen {
    /// As git cuts them off, too.
    fn of(stat: &Stat, mode: u32) -> Self {
        Self([
            low(stat.st_ctime),
            low(stat.st_ctime_nsec),
            low(stat.st_mtime),
            low(stat.st_mtime_nsec),
            low(stat.st_dev),
            low(stat.st_ino),
            mode,
            low(stat.st_uid),
            low(stat.st_gid),
            low(stat.st_size),
        ])
    }
}

fn entry(rest: &mut Bytes<'_>, version: u32, name: &mut Vec<u8>) -> Option<Seen> {
    let before = rest.0.len();
    let mut seen = Seen([0; 10]);
    for (number, bytes) in seen.0.iter_mut().zip(rest.take(STAT)?.chunks_exact(4)) {
        *number = u32::from_be_bytes(bytes.try_into().ok()?);
    }
    rest.take(OID)?;
    let flags = u16::from_be_bytes(rest.take(2)?.try_into().ok()?);
    if flags & FLAGS != 0 || !Ways::is_of_file(seen.0[MODE]) {
        return None;
    }
    if version == 4 {
        let cut = rest.varint()?;
        name.truncate(name.len().checked_sub(cut)?);
    } else {
        name.clear();
    }
    let end = rest.0.iter().position(|byte| *byte == 0)?;
    name.extend_from_slice(rest.take(end)?);
    rest.take(if version == 4 { 1 } else { 8 - (before - rest.0.len()) % 8 })?;
    Some(seen)
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Seven bits a byte, and one more for each byte that follows.
    fn varint(&mut self) -> Option<usize> {
        let mut byte = self.take(1)?[0];
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            value = value.checked_add(1)?.checked_mul(128)? | usize::from(byte & 0x7f);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;
    use std::fs;

    #[test]
    fn every_version_tells_what_the_disk_tells() {
        let long = format!("deep/{}/file", "x".repeat(150));
        let world = World::new(&[("a", "1"), ("ab/c", "2"), ("ab/cd", "3"), (&long, "5")]);
        let look = |name: &str| rustix::fs::lstat(world.top().join(name)).unwrap();
        for version in ["2", "3", "4"] {
            world.git(&["update-index", "--index-version", version]);
            let bytes = fs::read(world.top().join(".git/index")).unwrap();
            let noted = Noted::read(&bytes).unwrap();
            assert_eq!((noted.len(), Noted::count(&bytes)), (4, 4));
            let ways = Ways::of(&world.top()).unwrap();
            for (number, name) in ["a", "ab/c", "ab/cd", &long].into_iter().enumerate() {
                assert_eq!(noted.name(number), name.as_bytes());
                assert!(noted.is_untouched(number, &look(name), &ways, Moment(u32::MAX, 0)), "{name}");
                assert!(!noted.is_untouched(number, &look("ab"), &ways, Moment(u32::MAX, 0)));
                assert!(!noted.is_untouched(number, &look(name), &ways, Moment(0, 0)), "doubtful");
            }
            for end in 0..bytes.len() {
                drop(Noted::read(&bytes[..end]));
            }
        }
    }

    #[test]
    fn what_tells_more_is_not_read() {
        let world = World::new(&[("a", "1"), ("b", "2")]);
        let read = || Noted::read(&fs::read(world.top().join(".git/index")).unwrap()).is_some();
        assert!(read());
        for (on, off) in
            [("--assume-unchanged", "--no-assume-unchanged"), ("--skip-worktree", "--no-skip-worktree")]
        {
            world.git(&["update-index", on, "a"]);
            assert!(!read(), "{on}");
            world.git(&["update-index", off, "a"]);
            assert!(read());
        }
        world.git(&["update-index", "--split-index"]);
        assert!(!read());
        world.git(&["update-index", "--no-split-index"]);
        world.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            "160000",
            &world.oid("HEAD").to_string(),
            "module",
        ]);
        assert!(!read());
    }
}
