//! What is known of a worktree's index that we left there ourselves. As long as it is that very index, a file whose stat
//! is as noted in it, and that had not changed for a while when it was sealed, is as in the tree it was sealed for:
//! nothing else has to be asked, and nothing read again.
use super::Worktree;
use crate::sys::git::index::scratch;
use crate::sys::git::noted::Stamped;
use crate::sys::git::{Git, Oid};
use rustix::fs::{Stat, fstat, lstat};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

const FIRST: &str = "specmake-seal 1";

/// An index that is as we left it.
#[derive(Debug)]
pub(super) struct Sealed {
    /// The tree of its entries.
    pub(super) tree: Oid,
    /// Nothing was written between what it notes and this moment, and whatever is written later has a later stamp.
    pub(super) moment: Stamped,
    /// The index.
    pub(super) bytes: Vec<u8>,
}

impl Worktree {
    /// Seals its index, which holds `tree`, all of it as it lay there at `moment` or later. One that cannot be sealed is
    /// read the long way.
    pub(super) fn seal(&self, tree: Oid, moment: Option<Stamped>) {
        let text = moment.filter(|_| self.is_on_one_disk()).and_then(|(seconds, nanos)| {
            let index = lstat(self.index()).ok()?;
            Some(format!("{FIRST}\n{tree}\n{seconds} {nanos}\n{}\n", identity(&index)))
        });
        // Half of a text is none, and one of another index is as good as none.
        drop(match text {
            Some(text) => std::fs::write(self.seal_file(), text),
            None => std::fs::remove_file(self.seal_file()),
        });
    }

    /// Seals it once more, later: call it while nobody has worked there yet.
    pub fn seal_again(&self) {
        if let Some(sealed) = self.sealed() {
            self.seal(sealed.tree, now(self.git()));
        }
    }

    /// Its index, if that is the one that was sealed.
    pub(super) fn sealed(&self) -> Option<Sealed> {
        let text = std::fs::read_to_string(self.seal_file()).ok()?;
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != FIRST || !self.git().is_plain() || !self.is_on_one_disk() {
            return None;
        }
        let tree = lines.next()?.parse().ok()?;
        let (seconds, nanos) = lines.next()?.split_once(' ')?;
        let moment = (seconds.parse().ok()?, nanos.parse().ok()?);
        let mut file = File::open(self.index()).ok()?;
        let stat = fstat(&file).ok()?;
        if lines.next()? != identity(&stat) {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes).ok()?;
        Some(Sealed { tree, moment, bytes })
    }

    fn seal_file(&self) -> PathBuf {
        self.git().git_dir().join("specmake-seal")
    }

    fn index(&self) -> PathBuf {
        self.git().git_dir().join("index")
    }

    /// Whether one clock stamps files and index.
    fn is_on_one_disk(&self) -> bool {
        let device = |stat: Stat| stat.st_dev;
        match (lstat(self.top()).map(device), lstat(self.git().git_dir()).map(device)) {
            (Ok(files), Ok(index)) => files == index,
            _ => false,
        }
    }
}

/// This moment, as the disk stamps it.
pub(super) fn now(git: &Git) -> Option<Stamped> {
    let fresh = scratch(git).ok()?;
    let stat = lstat(fresh.path()).ok()?;
    Some((stat.st_mtime as i64, stat.st_mtime_nsec as u32))
}

/// What is another as soon as the file is written or replaced.
fn identity(stat: &Stat) -> String {
    let Stat { st_dev, st_ino, st_size, st_mtime, st_mtime_nsec, st_ctime, st_ctime_nsec, .. } = stat;
    format!("{st_dev} {st_ino} {st_size} {st_mtime} {st_mtime_nsec} {st_ctime} {st_ctime_nsec}")
}

#[cfg(test)]
mod tests {
    use super::super::Start;
    use super::*;
    use crate::sys::git::index_rows::{NewRow, Rows};
    use crate::sys::git::{NewCommit, branch_ref};
    use crate::sys::testing::World;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    fn world() -> (World, Worktree) {
        let files =
            [("a", "one\n"), ("b/c", "two\n"), ("b/d/e", "three\n"), ("empty", ""), (".gitignore", "*.o\n")];
        let world = World::new(&files);
        let git = world.open();
        let start = Start::NewBranch { branch: "spec/a", commit: world.oid("main"), mark: "a" };
        let tree = Worktree::add(&git, &world.root().join("trees/a"), start).unwrap();
        age(&tree);
        (world, tree)
    }

    /// Seals it as soon as the stamps of new files are others than those of what was checked out.
    fn age(tree: &Worktree) {
        let index = lstat(tree.index()).unwrap();
        let written = (index.st_ctime as i64, index.st_ctime_nsec as u32);
        while now(tree.git()).unwrap() <= written {}
        tree.seal_again();
    }

    /// Whether the sealed index is enough to know that the worktree is clean.
    fn is_clean(tree: &Worktree) -> bool {
        tree.is_clean_for_sure(Some("spec/a"))
    }

    #[track_caller]
    fn check(edit: impl Fn(&Path)) {
        let (_world, tree) = world();
        assert!(is_clean(&tree) && tree.stays(Some("spec/a")).unwrap().is_none());
        edit(tree.top());
        let sealed = tree.snapshot(tree.git().head().unwrap(), &[]).unwrap();
        assert!(!is_clean(&tree));
        fs::remove_file(tree.seal_file()).unwrap();
        let anew = tree.snapshot(tree.git().head().unwrap(), &[]).unwrap();
        assert_eq!((sealed.tree, sealed.changes), (anew.tree, anew.changes));
    }

    #[test]
    fn every_edit_is_seen() {
        let write = |name: &'static str, text: &'static str| {
            move |top: &Path| {
                fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
                fs::write(top.join(name), text).unwrap();
            }
        };
        check(write("a", "eno\n"));
        check(write("empty", "x"));
        check(write("a", ""));
        check(write("new", "n"));
        check(write("b/new/n", "n"));
        check(write("x.o", "ignored"));
        check(|top| fs::remove_file(top.join("b/c")).unwrap());
        check(|top| fs::remove_dir_all(top.join("b")).unwrap());
        check(|top| fs::set_permissions(top.join("a"), PermissionsExt::from_mode(0o755)).unwrap());
        check(|top| {
            fs::remove_file(top.join("a")).unwrap();
            symlink("b/c", top.join("a")).unwrap();
        });
        check(|top| {
            fs::rename(top.join("b"), top.join("c")).unwrap();
            symlink("c", top.join("b")).unwrap();
        });
        check(|top| {
            fs::remove_file(top.join("a")).unwrap();
            write("a/below", "a folder")(top);
        });
        check(|top| {
            fs::remove_dir_all(top.join("b")).unwrap();
            write("b", "a file")(top);
        });
        // Whoever sets the time back cannot set back when that was done.
        check(|top| {
            let time = fs::metadata(top.join("a")).unwrap().modified().unwrap();
            fs::write(top.join("a"), "eno\n").unwrap();
            File::options().write(true).open(top.join("a")).unwrap().set_modified(time).unwrap();
        });
        check(|top| {
            fs::write(top.join("other"), "eno\n").unwrap();
            fs::rename(top.join("other"), top.join("a")).unwrap();
        });
    }

    #[test]
    fn an_index_that_somebody_else_wrote_is_not_sealed() {
        let (world, tree) = world();
        for act in [
            &["add", "a"][..],
            &["rm", "-q", "--cached", "b/c"],
            &["update-index", "--assume-unchanged", "a"],
        ] {
            tree.seal(tree.git().tree_of(tree.git().head().unwrap()).unwrap(), now(tree.git()));
            assert!(tree.sealed().is_some());
            fs::write(tree.top().join("a"), "other\n").unwrap();
            world.git_at(tree.top(), act);
            assert!(tree.sealed().is_none(), "{act:?}");
        }
        assert!(!is_clean(&tree));
    }

    #[test]
    fn what_may_have_changed_in_the_moment_of_its_stamp_is_read() {
        let (world, tree) = world();
        let head = tree.git().tree_of(tree.git().head().unwrap()).unwrap();
        // The seal was made while the file was being written: its stamp says nothing.
        let write_late = |text: &str| {
            fs::write(tree.top().join("a"), text).unwrap();
            let other = world.git_at(tree.top(), &["rev-parse", ":a"]);
            world.git_at(tree.top(), &["add", "a"]);
            let entry = format!("100644,{other},a");
            let index = fs::read(tree.index()).unwrap();
            world.git_at(tree.top(), &["update-index", "--cacheinfo", &entry]);
            let (ours, theirs) = (fs::read(tree.index()).unwrap(), index);
            // The entry of the old content with the stat of the new one.
            let noted = Rows::read(&theirs).unwrap().rows[1].noted();
            let rows = Rows::read(&ours).unwrap();
            let row = rows.rows[1];
            assert_eq!(row.name, b"a");
            let edit = NewRow { name: b"a", content: row.content().map(|content| (content, noted)) };
            fs::write(tree.index(), rows.with(&[edit]).unwrap()).unwrap();
        };
        write_late("eno\n");
        let stamped = lstat(tree.top().join("a")).unwrap();
        let moment = (stamped.st_ctime as i64, stamped.st_ctime_nsec as u32);
        tree.seal(head, Some(moment));
        assert!(tree.sealed().is_some() && !is_clean(&tree));
        let snapshot = tree.snapshot(tree.git().head().unwrap(), &[]).unwrap();
        assert_eq!(snapshot.changes.len(), 1, "{:?}", snapshot.changes);
    }

    #[test]
    fn a_stage_that_is_kept_leaves_a_sealed_index() {
        let (world, tree) = world();
        for (at, text) in ["first\n", "second\n"].into_iter().enumerate() {
            let tip = tree.git().head().unwrap();
            fs::write(tree.top().join("made"), text).unwrap();
            fs::write(tree.top().join("b/c"), text).unwrap();
            let snapshot = tree.snapshot(tip, &[]).unwrap();
            let paths: Vec<&str> = snapshot.changes.iter().map(|change| change.path.as_str()).collect();
            assert_eq!(paths, ["b/c", "made"]);
            let commit =
                NewCommit { tree: snapshot.tree, parents: &[tip], message: "kept\n", signature: None };
            let commit = tree.git().commit_tree(&commit).unwrap();
            tree.settle(&snapshot, "spec/a", (tip, commit), &[]).unwrap();
            assert!(is_clean(&tree), "round {at}");
            assert_eq!(world.git_at(tree.top(), &["--no-optional-locks", "status", "--porcelain"]), "");
            assert_eq!(tree.git().commit(&branch_ref("spec/a")).unwrap(), Some(commit));
            age(&tree);
        }
        world.git(&["fsck", "--strict"]);
        assert!(tree.remove(Some("spec/a")).unwrap().is_none());
    }

    const NAMES: [&str; 6] = ["a", "b/c", "b/d/e", "b/d/f", "n", "x.o"];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn a_sealed_index_says_what_git_says(rounds in vec(vec((0..NAMES.len(), 0..5_u8), 0..4), 1..4)) {
            let (_world, tree) = world();
            for edits in rounds {
                for (name, kind) in edits {
                    let file = tree.top().join(NAMES[name]);
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    match kind {
                        0 => drop(fs::remove_file(&file)),
                        1 => fs::write(&file, "one\n").unwrap(),
                        2 => fs::write(&file, "two\n").unwrap(),
                        3 => fs::write(&file, "").unwrap(),
                        _ if file.exists() => {
                            fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
                            let past = SystemTime::now() - Duration::from_secs(1000);
                            File::open(&file).unwrap().set_modified(past).unwrap();
                        }
                        _ => {}
                    }
                }
                let tip = tree.git().head().unwrap();
                let stays = tree.stays(Some("spec/a")).unwrap();
                let sealed = tree.snapshot(tip, &[]).unwrap();
                let seal = fs::read(tree.seal_file()).unwrap();
                fs::remove_file(tree.seal_file()).unwrap();
                prop_assert_eq!(&stays, &tree.stays(Some("spec/a")).unwrap());
                let anew = tree.snapshot(tip, &[]).unwrap();
                prop_assert_eq!((sealed.tree, &sealed.changes), (anew.tree, &anew.changes));
                fs::write(tree.seal_file(), seal).unwrap();
                let commit = NewCommit {
                    tree: sealed.tree,
                    parents: &[tip],
                    message: "kept\n",
                    signature: None,
                };
                let commit = tree.git().commit_tree(&commit).unwrap();
                tree.settle(&sealed, "spec/a", (tip, commit), &[]).unwrap();
                prop_assert!(tree.sealed().is_some());
                prop_assert!(tree.stays(Some("spec/a")).unwrap().is_none());
            }
        }
    }
}
