//! Reading an index without a process, as `gitformat-index(5)` describes it: versions 2 to 4. What is not in there (a
//! split or a sparse index, an extension that must be understood, a file that breaks off) is left to git.
use super::index::IndexEntry;
use super::noted::{NOTED, Noted};
use super::oid::{Content, Mode, Oid};
use super::path;

/// The bytes of an object's name, and of the checksum at the end.
const OID: usize = 20;

/// One that `git ls-files -v` shows with a sign: git takes its word for the file instead of looking.
const ASSUME_VALID: u16 = 0x8000;
const EXTENDED: u16 = 0x4000;
const SKIP_WORKTREE: u16 = 0x4000;
const INTENT_TO_ADD: u16 = 0x2000;

/// What an index holds.
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    /// Its entries, in its order.
    pub(crate) entries: Vec<IndexEntry>,
    /// What is noted of the file of each of them.
    pub(crate) noted: Vec<Noted>,
    /// Whether git would not look at some files: they are assumed unchanged, or left out of the checkout.
    pub(crate) hides: bool,
    /// The tree that all of it makes, where git has written that down (`TREE`) and nothing has changed since.
    pub(crate) tree: Option<Oid>,
    /// Whether it says more than entries, the trees of folders, and where threads may begin to read.
    pub(crate) says_more: bool,
}

impl Indexed {
    /// Reads an index. `None`: better ask git.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes.get(..bytes.len().checked_sub(OID)?)?);
        let Header { version, count } = rest.header()?;
        let mut indexed = Self::default();
        let mut name = Vec::new();
        for _ in 0..count {
            indexed.entry(&mut rest, version, &mut name)?;
        }
        while !rest.0.is_empty() {
            match rest.extension()? {
                Extension::Trees(trees) => indexed.tree = root(trees),
                Extension::Places => {}
                Extension::SavesWork => indexed.says_more = true,
                Extension::Needed => return None,
            }
        }
        Some(indexed)
    }

    /// How many entries an index has, by its first twelve bytes; none if it is no index.
    pub(crate) fn count(start: &[u8]) -> usize {
        Bytes(start).header().map_or(0, |header| header.count as usize)
    }

    fn entry(&mut self, rest: &mut Bytes<'_>, version: u32, name: &mut Vec<u8>) -> Option<()> {
        let before = rest.0.len();
        let (noted, mode) = Noted::read(rest.take(NOTED)?)?;
        let oid = Oid::from_bytes(rest.take(OID)?)?;
        let flags = rest.short()?;
        let extended = if flags & EXTENDED == 0 { 0 } else { rest.short()? };
        // A folder stands there for all below it.
        if mode == Mode::TREE || extended & INTENT_TO_ADD != 0 {
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
        // The name ends with one NUL, and before version 4 with as many as make the entry a multiple of eight.
        let padding = if version == 4 { 1 } else { 8 - (before - rest.0.len()) % 8 };
        rest.take(padding)?;
        let skip_worktree = extended & SKIP_WORKTREE != 0;
        self.hides |= skip_worktree || flags & ASSUME_VALID != 0;
        self.noted.push(noted);
        self.entries.push(IndexEntry {
            content: Content { mode, oid },
            stage: u8::try_from((flags >> 12) & 3).ok()?,
            skip_worktree,
            path: path::to_text(name),
        });
        Some(())
    }
}

/// The tree at the top of a `TREE` extension: an empty name, how many entries it has (-1: it has to be made anew), how
/// many trees are in it, and its name.
fn root(extension: &[u8]) -> Option<Oid> {
    let rest = extension.strip_prefix(b"\0")?;
    let (numbers, rest) = rest.split_at(rest.iter().position(|byte| *byte == b'\n')?);
    let is_good = numbers.first().is_some_and(u8::is_ascii_digit);
    Oid::from_bytes(rest.get(1..=OID).filter(|_| is_good)?)
}

/// What is left to read.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

/// How an index begins.
pub(super) struct Header {
    /// 2 to 4.
    pub(super) version: u32,
    /// How many entries it has.
    pub(super) count: u32,
}

/// What may follow the entries.
pub(super) enum Extension<'a> {
    /// The trees of folders.
    Trees(&'a [u8]),
    /// Where threads may begin to read.
    Places,
    /// What else need not be understood: its name begins with a capital letter.
    SavesWork,
    /// What must be.
    Needed,
}

impl<'a> Bytes<'a> {
    /// `None`: this is no index, or of a version that nobody knows.
    pub(super) fn header(&mut self) -> Option<Header> {
        let is_index = self.take(4)? == b"DIRC";
        let header = Header { version: self.number()?, count: self.number()? };
        (is_index && (2..=4).contains(&header.version)).then_some(header)
    }

    pub(super) fn extension(&mut self) -> Option<Extension<'a>> {
        let signature = self.take(4)?;
        let length = self.number()?;
        let text = self.take(usize::try_from(length).ok()?)?;
        Some(match signature {
            b"TREE" => Extension::Trees(text),
            b"EOIE" | b"IEOT" => Extension::Places,
            [b'A'..=b'Z', ..] => Extension::SavesWork,
            _ => Extension::Needed,
        })
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn short(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A number as pack files write offsets: seven bits a byte, and one more for each byte that follows.
    fn varint(&mut self) -> Option<usize> {
        let mut byte = self.take(1)?[0];
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            value = (value.checked_add(1)?.checked_mul(128)?) | usize::from(byte & 0x7f);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::git::TempIndex;
    use crate::sys::testing::World;

    /// What git lists, against what is read without it.
    #[track_caller]
    fn check(world: &World) -> Indexed {
        let bytes = std::fs::read(world.top().join(".git/index")).unwrap();
        let read = Indexed::read(&bytes).unwrap();
        let listed = TempIndex::copy_of_checkout(&world.open()).unwrap().listed(&[]).unwrap();
        assert_eq!(read.entries, listed);
        for end in 0..bytes.len() {
            drop(Indexed::read(&bytes[..end]));
        }
        read
    }

    fn world() -> World {
        let long = format!("deep/{}/file", "x".repeat(150));
        let files = [("a", "1"), ("ab/c", "2"), ("ab/cd", "3"), ("z", "4"), (&long, "5")];
        World::new(&files)
    }

    #[test]
    fn each_version_is_read_as_git_lists_it() {
        let world = world();
        for version in ["2", "3", "4"] {
            world.git(&["update-index", "--index-version", version]);
            assert!(!check(&world).hides, "version {version}");
            world.git(&["update-index", "--skip-worktree", "ab/c"]);
            assert!(check(&world).hides, "version {version}");
            world.git(&["update-index", "--no-skip-worktree", "ab/c"]);
            world.git(&["update-index", "--assume-unchanged", "z"]);
            assert!(check(&world).hides, "version {version}");
            world.git(&["update-index", "--no-assume-unchanged", "z"]);
        }
    }

    #[test]
    fn the_tree_is_known_until_something_in_it_changes() {
        let world = world();
        world.git(&["reset", "-q", "--hard"]);
        let tree = world.git(&["write-tree"]).parse().unwrap();
        assert_eq!(check(&world).tree, Some(tree));
        world.write("ab/c", "other");
        world.git(&["add", "ab/c"]);
        assert_eq!(check(&world).tree, None);
        world.git(&["write-tree"]);
        assert_ne!(check(&world).tree, Some(tree));
    }

    #[test]
    fn both_sides_of_a_conflict_are_there() {
        let world = world();
        world.git(&["checkout", "-q", "-b", "side"]);
        world.write("a", "side");
        world.commit("side");
        world.git(&["checkout", "-q", "main"]);
        world.write("a", "main");
        world.commit("main");
        let merge = world.open().command(["merge", "-q", "side"]);
        assert!(!world.open().ask(&merge).unwrap().success());
        let stages: Vec<u8> = check(&world).entries.iter().take(3).map(|entry| entry.stage).collect();
        assert_eq!(stages, [1, 2, 3]);
    }

    #[test]
    fn what_is_not_whole_is_left_to_git() {
        let world = world();
        let read = || Indexed::read(&std::fs::read(world.top().join(".git/index")).unwrap());
        assert!(read().is_some());
        world.git(&["update-index", "--split-index"]);
        assert!(read().is_none(), "the other half is in another file");
        world.git(&["update-index", "--no-split-index"]);
        world.write("new", "n");
        world.git(&["add", "-N", "new"]);
        assert!(read().is_none(), "git alone knows what that means for a commit");
        assert!(Indexed::read(b"").is_none() && Indexed::read(b"DIRC").is_none());
    }
}
