//! The trees that an index makes, written without git, as `git write-tree` would: those of folders in which nothing
//! changed are taken from where git wrote them down (`TREE` in `gitformat-index(5)`).
use super::index_rows::{Row, Rows};
use super::object::write_object;
use super::oid::{Mode, Oid};
use super::repo::Git;

const OID: usize = 20;

/// Deeper folders are left to git.
const DEEPEST: usize = 200;

/// What is known of the tree of a folder.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    name: &'a [u8],
    /// Its tree, and how many entries of the index that stands for.
    known: Option<(usize, &'a [u8])>,
    folders: Vec<Self>,
}

impl<'a> Folder<'a> {
    /// Reads the extension: of each folder its name, a NUL, how many entries (-1: its tree is not known), how many
    /// folders in it, a line break and the tree's name; then those folders. `None`: it is odd.
    pub(super) fn read(mut extension: &'a [u8]) -> Option<Self> {
        let top = Self::one(&mut extension, DEEPEST)?;
        extension.is_empty().then_some(top)
    }

    fn one(rest: &mut &'a [u8], depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let (name, after) = split(rest, 0)?;
        let (numbers, after) = split(after, b'\n')?;
        let (entries, folders) = std::str::from_utf8(numbers).ok()?.split_once(' ')?;
        let (known, after) = match entries.parse::<i64>().ok()? {
            ..0 => (None, after),
            entries => {
                let (oid, after) = after.split_at_checked(OID)?;
                (Some((usize::try_from(entries).ok()?, oid)), after)
            }
        };
        *rest = after;
        let count: usize = folders.parse().ok()?;
        let folders: Option<Vec<Self>> = (0..count).map(|_| Self::one(rest, depth)).collect();
        Some(Self { name, known, folders: folders? })
    }

    /// Something changes at a path below.
    pub(super) fn forget(&mut self, path: &[u8]) {
        self.known = None;
        let slash = path.iter().position(|byte| *byte == b'/');
        let name = &path[..slash.unwrap_or(path.len())];
        let Some(at) = self.folders.iter().position(|folder| folder.name == name) else { return };
        match slash {
            Some(slash) => self.folders[at].forget(&path[slash + 1..]),
            // A file takes its place, or what took its place goes.
            None => drop(self.folders.remove(at)),
        }
    }

    /// The extension.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.push(&mut bytes);
        bytes
    }

    fn push(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.name);
        let entries = self.known.map_or("-1".to_owned(), |(entries, _)| entries.to_string());
        bytes.extend_from_slice(format!("\0{entries} {}\n", self.folders.len()).as_bytes());
        bytes.extend_from_slice(self.known.map_or(&[], |(_, oid)| oid));
        self.folders.iter().for_each(|folder| folder.push(bytes));
    }

    fn folder(&self, name: &[u8]) -> Option<&Self> {
        self.folders.iter().find(|folder| folder.name == name)
    }
}

fn split(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == at)?;
    Some((&bytes[..place], &bytes[place + 1..]))
}

impl Git {
    /// The tree of an index whose objects are all there. `None`: git must make it, or say why there is none.
    pub(crate) fn tree_of_rows(&self, rows: &Rows<'_>) -> Option<Oid> {
        if !self.is_plain() || !rows.rows.iter().all(Row::is_plain) {
            return None;
        }
        let top = rows.folders();
        self.tree_of_some(&rows.rows, 0, top.as_ref(), DEEPEST)
    }

    /// The tree of the entries in one folder, whose own name ends before `from` in each of theirs.
    fn tree_of_some(
        &self,
        rows: &[Row<'_>],
        from: usize,
        folder: Option<&Folder<'_>>,
        depth: usize,
    ) -> Option<Oid> {
        let depth = depth.checked_sub(1)?;
        if let Some((entries, oid)) = folder.and_then(|folder| folder.known)
            && entries == rows.len()
        {
            return Oid::from_bytes(oid);
        }
        let mut tree = Vec::new();
        let mut rest = rows;
        let mut last: &[u8] = &[];
        while let Some(row) = rest.first() {
            let name = row.name.get(from..)?;
            let slash = name.iter().position(|byte| *byte == b'/');
            let (mode, name, oid) = match slash {
                None => {
                    let content = row.content()?;
                    rest = &rest[1..];
                    (content.mode, name, content.oid)
                }
                Some(slash) => {
                    let path = &row.name[..=from + slash];
                    let within = rest.partition_point(|row| row.name.starts_with(path));
                    let (some, after) = rest.split_at(within);
                    rest = after;
                    // A file of that name would stand before, though not just before.
                    let file = &path[..path.len() - 1];
                    if rows.binary_search_by(|row| row.name.cmp(file)).is_ok() {
                        return None;
                    }
                    let name = &name[..slash];
                    let known = folder.and_then(|folder| folder.folder(name));
                    (Mode::TREE, name, self.tree_of_some(some, path.len(), known, depth)?)
                }
            };
            if name.is_empty() || oid.is_zero() || name == last || !is_writable(mode) {
                return None;
            }
            last = name;
            tree.extend_from_slice(format!("{:o} ", mode.0).as_bytes());
            tree.extend_from_slice(name);
            tree.push(0);
            tree.extend_from_slice(oid.as_bytes());
        }
        write_object(self.common_dir(), "tree", &tree).ok()
    }
}

fn is_writable(mode: Mode) -> bool {
    [Mode::FILE, Mode::EXECUTABLE, Mode::LINK, Mode::GITLINK, Mode::TREE].contains(&mode)
}

#[cfg(test)]
mod tests {
    use super::super::index_file::Indexed;
    use super::super::index_rows::NewRow;
    use super::super::noted::Noted;
    use super::*;
    use crate::sys::git::{Content, TempIndex};
    use crate::sys::testing::World;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Names that sort in other ways with and without a slash behind them.
    const NAMES: [&str; 7] = ["a", "a.b", "a-b", "a0", "b", "é", "z z"];
    const MODES: [Mode; 4] = [Mode::FILE, Mode::EXECUTABLE, Mode::LINK, Mode::GITLINK];

    fn path() -> impl Strategy<Value = String> {
        vec(0..NAMES.len(), 1..4).prop_map(|parts| {
            let parts: Vec<&str> = parts.into_iter().map(|part| NAMES[part]).collect();
            parts.join("/")
        })
    }

    fn edits() -> impl Strategy<Value = BTreeMap<String, Option<(usize, bool)>>> {
        btree_map(path(), proptest::option::weighted(0.7, (0..MODES.len(), any::<bool>())), 0..12)
    }

    fn read(index: &TempIndex) -> Vec<u8> {
        std::fs::read(index.file()).unwrap()
    }

    #[derive(Debug, PartialEq)]
    enum Made {
        Tree(Oid),
        Impossible,
    }

    fn by_git(index: &TempIndex, git: &Git) -> Made {
        let captured = git.ask(&index.command(&["write-tree"])).unwrap();
        if captured.success() { Made::Tree(captured.text().parse().unwrap()) } else { Made::Impossible }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        /// One index goes through the same edits by git and by us; from time to time git writes its trees down.
        #[test]
        fn entries_and_trees_are_what_git_makes_of_them(rounds in vec((edits(), any::<bool>()), 1..5)) {
            let world = World::new(&[("a", "1")]);
            let git = world.open();
            let blobs = [git.hash_blob(b"one").unwrap(), git.hash_blob(b"two").unwrap()];
            let index = TempIndex::of_tree(&git, world.oid("HEAD")).unwrap();
            for (edits, writes) in rounds {
                let edits: Vec<(String, Option<Content>)> = edits
                    .into_iter()
                    .map(|(path, new)| {
                        (path, new.map(|(mode, blob)| Content { mode: MODES[mode], oid: blobs[usize::from(blob)] }))
                    })
                    .collect();
                let before = read(&index);
                let rows = Rows::read(&before).unwrap();
                let new: Vec<NewRow<'_>> = edits
                    .iter()
                    .map(|(path, new)| {
                        NewRow { name: path.as_bytes(), content: new.map(|new| (new, Noted::NOTHING)) }
                    })
                    .collect();
                let ours = rows.with(&new);
                index.replace(&edits).unwrap();
                let theirs = read(&index);
                // Where a file takes the place of a folder git removes what is below.
                let Some(ours) = ours else { continue };
                prop_assert_eq!(
                    &Indexed::read(&ours).unwrap().entries,
                    &Indexed::read(&theirs).unwrap().entries
                );
                for bytes in [&theirs, &ours] {
                    std::fs::write(index.file(), bytes).unwrap();
                    let made = git.tree_of_rows(&Rows::read(bytes).unwrap());
                    prop_assert_eq!(made.map_or(Made::Impossible, Made::Tree), by_git(&index, &git));
                }
                if !writes {
                    std::fs::write(index.file(), &ours).unwrap();
                }
            }
            world.git(&["fsck", "--strict", "--no-dangling"]);
        }
    }

    #[test]
    fn git_takes_what_was_written_without_it_for_whole() {
        let world = World::new(&[("a", "1"), ("deep/b", "2"), ("deep/er/c", "3"), ("z", "4")]);
        let git = world.open();
        let file = world.top().join(".git/index");
        world.git(&["write-tree"]);
        let bytes = std::fs::read(&file).unwrap();
        let content = Content { mode: Mode::FILE, oid: git.hash_blob(b"new").unwrap() };
        let new = [
            NewRow { name: b"deep/b", content: Some((content, Noted::NOTHING)) },
            NewRow { name: b"z", content: None },
        ];
        let new = Rows::read(&bytes).unwrap().with(&new).unwrap();
        assert_eq!(new.windows(6).filter(|some| some == b"\0-1 1\n").count(), 2, "the top and one below");
        std::fs::write(&file, &new).unwrap();
        world.git(&["fsck", "--strict"]);
        assert_eq!(world.git(&["diff", "--cached", "--name-only"]), "deep/b\nz");
        let tree = git.tree_of_rows(&Rows::read(&new).unwrap()).unwrap();
        assert_eq!(world.git(&["write-tree"]), tree.to_string());
    }

    #[test]
    fn what_is_not_whole_is_left_to_git() {
        let world = World::new(&[("a", "1"), ("b", "2")]);
        let git = world.open();
        let file = world.top().join(".git/index");
        let tree = || {
            let bytes = std::fs::read(&file).unwrap();
            Rows::read(&bytes).and_then(|rows| git.tree_of_rows(&rows))
        };
        assert!(tree().is_some());
        let other = Content { mode: Mode::FILE, oid: world.oid("HEAD") };
        for (set, unset) in [
            (["--assume-unchanged", "a"], ["--no-assume-unchanged", "a"]),
            (["--skip-worktree", "a"], ["--no-skip-worktree", "a"]),
            (["--split-index", "-q"], ["--no-split-index", "-q"]),
            (["--index-version=4", "-q"], ["--index-version=2", "-q"]),
        ] {
            world.git(&["update-index", set[0], set[1]]);
            let bytes = std::fs::read(&file).unwrap();
            let edit = [NewRow { name: b"a", content: Some((other, Noted::NOTHING)) }];
            let edited = Rows::read(&bytes).and_then(|rows| rows.with(&edit));
            assert_eq!((tree(), edited), (None, None), "{set:?}");
            world.git(&["update-index", unset[0], unset[1]]);
        }
        world.write("new", "n");
        world.git(&["add", "-N", "new"]);
        assert_eq!(tree(), None);
        assert!(tree().is_none() && Rows::read(b"").is_none() && Rows::read(b"DIRC").is_none());
        let bytes = std::fs::read(&file).unwrap();
        for end in 0..bytes.len() {
            let half = [&bytes[..end], &[0; OID]].concat();
            let tree = Rows::read(&half).and_then(|rows| git.tree_of_rows(&rows));
            assert!(tree.is_none() && Rows::read(&bytes[..end]).is_none());
        }
    }
}
