//! What a kill left of a worktree that was being made or removed.
use super::Worktree;
use super::add::remove_registered;
use crate::sys::git::index::scratch;
use crate::sys::git::{Git, GitError};
use crate::sys::lock::RefsLock;
use crate::sys::spare::{has_mounts, remove_folder};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The file that names the worktree that is being made.
pub(super) const MAKING: &str = "worktree.making";

/// The file that names the worktree that is being removed, its folder already aside.
pub(super) const REMOVING: &str = "worktree.removing";

/// A file that names one worktree while something is done to it under the lock on refs.
pub(super) struct Note(PathBuf);

impl Note {
    /// Writes it.
    ///
    /// # Errors
    /// The disk.
    pub fn write(repo: &Git, name: &str, worktree: &Path) -> Result<Self, GitError> {
        let file = repo.own_dir().join(name);
        let words = format!("write `{}`", file.display());
        std::fs::write(&file, worktree.as_os_str().as_bytes()).map_err(GitError::io(words))?;
        Ok(Self(file))
    }

    /// The one that is there, and the worktree that it names.
    fn found(repo: &Git, name: &str) -> Option<(Self, PathBuf)> {
        let file = repo.own_dir().join(name);
        let path = std::fs::read(&file).ok()?;
        if path.is_empty() {
            // Cut off before it named one: nothing was begun.
            drop(std::fs::remove_file(&file));
            return None;
        }
        Some((Self(file), PathBuf::from(OsString::from_vec(path))))
    }

    /// Removes it: what was begun is done.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(self) -> Result<(), GitError> {
        super::remove(&self.0)
    }
}

/// Removes what a kill left of a worktree that was being made or removed: nobody has worked in one that was not
/// whole, and half of its files missing would look like a person's edit. Call it with the build lock held and no
/// stray left.
///
/// # Errors
/// git or the disk fails.
pub fn unmake(repo: &Git) -> Result<(), GitError> {
    if let Some((note, path)) = Note::found(repo, MAKING) {
        let _lock = RefsLock::take(repo)?;
        let is_whole = Worktree::find(repo, &path).is_ok_and(|found| found.is_some_and(|one| one.is_ready()));
        if !is_whole {
            remove_or_set_aside(repo, &path)?;
            forget(repo, &path)?;
        }
        note.remove()?;
    }
    if let Some((note, path)) = Note::found(repo, REMOVING) {
        let _lock = RefsLock::take(repo)?;
        if path.symlink_metadata().is_err() {
            forget(repo, &path)?;
        }
        note.remove()?;
    }
    Ok(())
}

/// Removes the folder of a worktree that was not whole. What cannot be removed, as what may not be changed, goes out of
/// the way at least, unless something of a person's is mounted in it.
///
/// # Errors
/// It stays where it is.
pub(super) fn remove_or_set_aside(repo: &Git, path: &Path) -> Result<(), GitError> {
    let Err(error) = remove_folder(path) else { return Ok(()) };
    let aside = (!has_mounts(path)).then(|| scratch(repo).ok()).flatten();
    match aside {
        Some(aside) if std::fs::rename(path, aside.path().join("worktree")).is_ok() => {
            drop(aside.keep());
            Ok(())
        }
        _ => Err(GitError::io(format!("remove `{}`", path.display()))(error)),
    }
}

/// Makes git forget a worktree whose folder is gone, however much git still knows of it: where git itself was
/// killed it may take what is left for no worktree, or fail over it.
fn forget(repo: &Git, path: &Path) -> Result<(), GitError> {
    for folder in admin_folders(repo, path) {
        super::remove(&folder)?;
    }
    // What git keeps in the last place goes by its own hand.
    drop(remove_registered(repo, path, &["--force", "--force"]));
    Ok(())
}

/// The folders that git began for a worktree at `path`: those that name it, and those of its name that do not say
/// yet, or no longer, whose they are.
fn admin_folders(repo: &Git, path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name() else { return Vec::new() };
    let entries = std::fs::read_dir(repo.common_dir().join("worktrees")).into_iter().flatten().flatten();
    let is_its = |folder: &PathBuf| match repo.folder_of(folder) {
        Some(worktree) => worktree == path,
        None => folder.file_name().is_some_and(|found| is_numbered(found.as_bytes(), name.as_bytes())),
    };
    entries.map(|entry| entry.path()).filter(is_its).collect()
}

/// Whether `found` is `name`, perhaps with the number that git adds to one that is taken.
fn is_numbered(found: &[u8], name: &[u8]) -> bool {
    // git makes names legal as part of a ref, and so may not keep the first letter.
    let name = name.strip_prefix(b".").unwrap_or(name);
    let found = found.strip_prefix(b"-").unwrap_or(found);
    found.strip_prefix(name).is_some_and(|rest| rest.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::super::Start;
    use super::*;
    use crate::sys::testing::World;
    use std::fs;

    fn world() -> (World, Git, PathBuf) {
        let world = World::new(&[("a", "1\n"), ("b", "2\n")]);
        let (git, top) = (world.open(), world.root().join("trees/a"));
        (world, git, top)
    }

    fn add(world: &World, git: &Git, top: &Path) -> Worktree {
        let start = Start::NewBranch { branch: "spec/a", commit: world.oid("main"), mark: "a" };
        Worktree::add(git, top, start).unwrap()
    }

    #[test]
    fn a_note_that_was_cut_off_names_nothing() {
        let (_world, git, _) = world();
        for name in [MAKING, REMOVING] {
            fs::create_dir_all(git.own_dir()).unwrap();
            fs::write(git.own_dir().join(name), "").unwrap();
            unmake(&git).unwrap();
            assert!(!git.own_dir().join(name).exists(), "{name}");
        }
    }

    #[test]
    fn what_was_half_made_goes_before_anybody_takes_it_for_work() {
        let (world, git, top) = world();
        let half = add(&world, &git, &top);
        Note::write(&git, MAKING, &top).unwrap();
        fs::remove_file(half.top().join("b")).unwrap();
        unmake(&git).unwrap();
        assert!(!top.exists() && Worktree::of_branch(&git, "spec/a").unwrap().is_none());

        let whole = Worktree::add(&git, &top, Start::Branch("spec/a")).unwrap();
        unmake(&git).unwrap();
        assert!(whole.top().join("b").exists(), "what was made stays");
    }

    #[test]
    fn so_does_what_git_itself_left_half_done() {
        // As it begins, and as it tidies up after itself; with an empty `commondir` git lists no worktree at all.
        for (emptied, removed) in
            [("commondir", ""), ("gitdir", "refs"), ("commondir", "gitdir"), ("HEAD", "gitdir")]
        {
            let (world, git, top) = world();
            let other =
                Worktree::add(&git, &world.root().join("other/a"), Start::Detached(world.oid("main")));
            let other = other.unwrap();
            let half = add(&world, &git, &top);
            let folder = half.git().git_dir().to_owned();
            Note::write(&git, MAKING, &top).unwrap();
            fs::write(folder.join("index.lock"), "").unwrap();
            fs::write(folder.join(emptied), "").unwrap();
            if !removed.is_empty() {
                super::super::remove(&folder.join(removed)).unwrap();
            }
            crate::sys::strays::end_strays(&git);
            unmake(&git).unwrap();
            assert!(!top.exists() && !folder.exists(), "{emptied} {removed}");
            assert_eq!(git.worktrees().unwrap().len(), 2, "the other one of that name stays");
            assert!(other.top().join("a").exists() && other.git().head().is_ok());
        }
    }

    #[test]
    fn what_was_half_removed_goes_unless_its_folder_is_there() {
        let (world, git, top) = world();
        let folder = add(&world, &git, &top).git().git_dir().to_owned();
        Note::write(&git, REMOVING, &top).unwrap();
        unmake(&git).unwrap();
        assert!(folder.exists() && top.exists(), "nothing was done to it yet");

        Note::write(&git, REMOVING, &top).unwrap();
        fs::remove_dir_all(&top).unwrap();
        fs::remove_file(folder.join("gitdir")).unwrap();
        unmake(&git).unwrap();
        assert!(!folder.exists());
        assert!(!git.own_dir().join(REMOVING).exists());
    }

    #[test]
    fn names_are_those_that_git_gives() {
        let check = |found: &str, name: &str, expect: bool| {
            assert_eq!(is_numbered(found.as_bytes(), name.as_bytes()), expect, "{found} {name}");
        };
        check("a", "a", true);
        check("a12", "a", true);
        check("a-b", "a", false);
        check("b", "a", false);
        check("-landing", ".landing", true);
    }
}
