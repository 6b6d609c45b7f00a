//! For tests: worktrees made from spare ones and anew, and all that can be seen of them.
use super::{Cloning, Sparing, spares};
use crate::sys::git::{Git, Oid};
use crate::sys::testing::World;
use crate::sys::worktree::{Start, Worktree};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// However few files there are.
pub(super) const SOME: Sparing<'static> =
    Sparing { most: 2, free: 0, worth: 0, any_disk: true, cloning: Cloning::Shared, keep: None };

/// A repository, and its worktrees beside it.
pub(super) struct Garden {
    pub world: World,
    pub git: Git,
}

impl Garden {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let world = World::new(files);
        let git = world.open();
        Self { world, git }
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.world.root().join("trees").join(name)
    }

    /// A worktree on a branch of its own at the tip of `main`, or at a commit.
    pub fn add(&self, name: &str, commit: Option<Oid>, sparing: Sparing<'_>) -> Worktree {
        let (branch, commit) = (format!("spec/{name}"), commit.unwrap_or_else(|| self.world.oid("main")));
        let start = Start::NewBranch { branch: &branch, commit, mark: name };
        Worktree::add_sparing(&self.git, &self.place(name), start, sparing).unwrap()
    }

    /// The folder of the only spare one.
    pub fn spare(&self) -> PathBuf {
        let all = spares(&self.git);
        assert_eq!(all.len(), 1);
        all[0].folder().join("worktree")
    }

    /// A spare one of the tip of `main` to which something was done before it was put by.
    pub fn put_by(&self, mischief: impl FnOnce(&Path)) -> PathBuf {
        let made = self.add("a", None, SOME);
        mischief(made.top());
        assert_eq!(made.retire(Some("spec/a"), SOME).unwrap().stays(), None);
        self.spare()
    }

    /// Holds a worktree with `sparing` against one that git makes. Gives how many files of a spare one it has.
    pub fn check(&self, name: &str, commit: Option<Oid>, sparing: Sparing<'_>) -> usize {
        let before: Vec<Identity> =
            spares(&self.git).iter().flat_map(|spare| numbers(spare.folder())).collect();
        let made = self.add(name, commit, sparing);
        let fresh = self.place(&format!("{name}-fresh"));
        self.world.git(&[
            "worktree",
            "add",
            "-q",
            "--detach",
            fresh.to_str().unwrap(),
            &format!("spec/{name}"),
        ]);
        let kept = |path: &Path| {
            let all = sparing.keep.into_iter().flat_map(|keep| &keep.folders);
            all.map(Path::new).any(|folder| path.starts_with(folder) || folder.starts_with(path))
        };
        let without = |top: &Path| -> Vec<_> {
            listing(top).into_iter().filter(|(path, _)| *path == *"" || !kept(path)).collect()
        };
        assert_eq!(without(made.top()), without(&fresh));
        for asked in [&["ls-files", "--stage", "-v"][..], &["write-tree"]] {
            assert_eq!(self.world.git_at(made.top(), asked), self.world.git_at(&fresh, asked), "{asked:?}");
        }
        let ignored = if sparing.keep.is_some() { "--ignored=no" } else { "--ignored" };
        let status = ["status", "--porcelain", ignored, "--untracked-files=all"];
        assert_eq!(self.world.git_at(made.top(), &status), "");
        self.world.git(&["worktree", "remove", fresh.to_str().unwrap()]);
        numbers(made.top()).into_iter().filter(|number| before.contains(number)).count()
    }
}

/// A file's number, which another gets when it is gone, and when it was last changed.
type Identity = (u64, i64, i64);

/// Which files lie below a folder.
fn numbers(top: &Path) -> Vec<Identity> {
    let all = walk(top).into_iter().map(|path| path.symlink_metadata().unwrap());
    all.filter(|stat| !stat.is_dir()).map(|stat| (stat.ino(), stat.ctime(), stat.ctime_nsec())).collect()
}

fn walk(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![top.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.symlink_metadata().unwrap().is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

/// All that lies below a folder: mode, owner, how many names it has, attributes, and content. Of git's link only that it
/// is a file.
pub(super) fn listing(top: &Path) -> BTreeMap<PathBuf, String> {
    let look = |path: &Path| {
        let stat = path.symlink_metadata().unwrap();
        let kind = stat.file_type();
        let content = match kind {
            _ if path == top.join(".git") => b"git's".to_vec(),
            _ if kind.is_file() => fs::read(path).unwrap(),
            _ if kind.is_symlink() => fs::read_link(path).unwrap().into_os_string().into_encoded_bytes(),
            _ if kind.is_dir() => b"a folder".to_vec(),
            _ => format!("fifo {}", kind.is_fifo()).into_bytes(),
        };
        let names = if kind.is_dir() { 0 } else { stat.nlink() };
        let mut attributes = [0; 512];
        let length = rustix::fs::llistxattr(path, &mut attributes[..]).unwrap_or_default();
        let whose = (stat.uid(), stat.gid(), names, length);
        format!("{:o} {whose:?} {}", stat.mode(), String::from_utf8_lossy(&content))
    };
    let top_itself = std::iter::once(top.to_owned());
    let all = walk(top).into_iter().chain(top_itself);
    all.map(|path| (path.strip_prefix(top).unwrap().to_owned(), look(&path))).collect()
}
