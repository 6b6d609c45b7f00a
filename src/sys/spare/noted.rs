//! Files as git had just written them, by what it noted of them in its index. An index with more in it than files and
//! what saves work is read by nobody here.
use super::ways::Ways;
use crate::sys::git::index::IndexEntry;
use crate::sys::git::index_file::Indexed;
use crate::sys::git::noted::{Noted as Stats, Stamped};
use crate::sys::git::{Mode, path};
use rustix::fs::Stat;
use std::ops::Range;

/// Files and how each was seen, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Noted {
    names: Vec<u8>,
    files: Vec<Seen>,
}

/// A file as it was seen.
#[derive(Debug)]
struct Seen {
    name: Range<usize>,
    mode: Mode,
    stats: Stats,
}

impl Noted {
    /// What an index tells. `None`: it tells more, or less.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let indexed = Indexed::read(bytes)?;
        let is_file = |entry: &IndexEntry| {
            entry.stage == 0 && [Mode::FILE, Mode::EXECUTABLE, Mode::LINK].contains(&entry.content.mode)
        };
        if indexed.hides || indexed.says_more || !indexed.entries.iter().all(is_file) {
            return None;
        }
        let mut noted = Self::default();
        for (entry, stats) in indexed.entries.into_iter().zip(indexed.noted) {
            let from = noted.names.len();
            noted.names.extend_from_slice(&path::to_bytes(&entry.path));
            noted.files.push(Seen { name: from..noted.names.len(), mode: entry.content.mode, stats });
        }
        Some(noted)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// The path of one, from the top.
    pub fn name(&self, file: usize) -> &[u8] {
        &self.names[self.files[file].name.clone()]
    }

    /// Whether a file is, to the last bit that the system tells, as it was when git had written it, and so before that
    /// moment that no change since can be as old. Nothing but time that runs backwards makes a changed one look so.
    pub fn is_untouched(&self, file: usize, stat: &Stat, ways: &Ways, since: Stamped) -> bool {
        let seen = &self.files[file];
        seen.stats.is_older_than(since)
            && ways.mode(stat) == Some(seen.mode)
            && Stats::of(stat) == Some(seen.stats)
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
            assert_eq!(noted.len(), 4);
            let ways = Ways::of(&world.top()).unwrap();
            for (number, name) in ["a", "ab/c", "ab/cd", &long].into_iter().enumerate() {
                assert_eq!(noted.name(number), name.as_bytes());
                assert!(noted.is_untouched(number, &look(name), &ways, (i64::MAX, 0)), "{name}");
                assert!(!noted.is_untouched(number, &look("ab"), &ways, (i64::MAX, 0)));
                assert!(!noted.is_untouched(number, &look(name), &ways, (0, 0)), "doubtful");
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
        world.add_module("module");
        assert!(!read());
    }
}
