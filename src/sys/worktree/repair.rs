//! Worktrees that were moved, or whose repository was: git's links between the two are mended.
use super::{READY, Worktree};
use crate::sys::git::{Git, GitError, path};
use crate::sys::lock::RefsLock;
use std::path::{Path, PathBuf};

/// Mends the links of those of these worktrees that are there and do not know their repository, or that it does not
/// know. Each is a branch and the places where its worktree may lie. Gives those that were mended.
///
/// # Errors
/// git fails.
pub fn repair(repo: &Git, places: &[(String, PathBuf)]) -> Result<Vec<PathBuf>, GitError> {
    let lost: Vec<&PathBuf> =
        places.iter().filter(|(branch, top)| is_lost(repo, branch, top)).map(|(_, top)| top).collect();
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let _lock = RefsLock::take(repo)?;
    let mut mended = Vec::new();
    for top in lost {
        repo.run(&repo.main().command(["worktree", "repair"]).arg(top))?;
        if !mended.contains(top) {
            mended.push(top.clone());
        }
    }
    Ok(mended)
}

/// Moves a worktree of ours to where it now belongs. One that was never made ready is somebody else's and stays.
///
/// # Errors
/// git fails: it has submodules, or is locked.
pub fn move_home(repo: &Git, from: &Path, to: &Path) -> Result<bool, GitError> {
    let _lock = RefsLock::take(repo)?;
    if to.symlink_metadata().is_ok() || !Worktree::open(repo, from)?.is_ready() {
        return Ok(false);
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(GitError::io(format!("make `{}`", parent.display())))?;
    }
    repo.run(&repo.main().command(["worktree", "move"]).arg(from).arg(to))?;
    // The folder that held it goes with the last of them.
    if let Some(parent) = from.parent() {
        drop(std::fs::remove_dir(parent));
    }
    Ok(true)
}

/// Whether what lies at a place is this repository's worktree of that branch and one of the two does not find the
/// other. One that another repository has, as after a copy of ours, is not.
fn is_lost(repo: &Git, branch: &str, top: &Path) -> bool {
    let link = top.join(".git");
    let Ok(bytes) = std::fs::read(&link) else { return false };
    let text = path::to_text(bytes.trim_ascii_end());
    let Some(target) = text.strip_prefix("gitdir: ").map(|target| top.join(path::to_os(target))) else {
        return false;
    };
    let Some(name) = target.file_name() else { return false };
    let own = repo.common_dir().join("worktrees").join(name);
    // One that was never made ready may be half made or half removed: nobody moved it.
    if !own.join(READY).exists() {
        return false;
    }
    let head = std::fs::read_to_string(own.join("HEAD")).unwrap_or_default();
    if head.trim_end() != format!("ref: refs/heads/{branch}") {
        return false;
    }
    let known = std::fs::read(own.join("gitdir")).unwrap_or_default();
    let known = path::to_os(&path::to_text(known.trim_ascii_end()));
    let same = |one: &Path, other: &Path| {
        one.canonicalize().ok().is_some_and(|one| other.canonicalize().is_ok_and(|o| o == one))
    };
    match target.exists() {
        true => same(&target, &own) && !known.exists(),
        false => !known.exists() || same(&known, &link),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;
    use crate::sys::worktree::Start;

    fn moved(world: &World) -> (Git, PathBuf, PathBuf) {
        let (was, is) = (world.root().join("trees/a"), world.root().join("moved/a"));
        let start = Start::NewBranch { branch: "spec/a", commit: world.oid("main"), mark: "a" };
        Worktree::add(&world.open(), &was, start).unwrap().mark_ready().unwrap();
        std::fs::create_dir(world.root().join("moved")).unwrap();
        std::fs::rename(&was, &is).unwrap();
        (world.open(), was, is)
    }

    #[test]
    fn a_worktree_that_was_moved_is_known_again() {
        let world = World::new(&[("a", "1\n")]);
        let (git, was, is) = moved(&world);
        let places = [("spec/a".to_owned(), was), ("spec/a".to_owned(), is.clone())];
        assert!(Worktree::of_branch(&git, "spec/a").unwrap().is_none());
        assert_eq!(repair(&git, &places).unwrap(), std::slice::from_ref(&is));
        assert_eq!(Worktree::of_branch(&git, "spec/a").unwrap().unwrap().top(), is);
        assert!(repair(&git, &places).unwrap().is_empty());
    }

    /// As a kill in the middle of making it, or of taking that back, may leave it.
    #[test]
    fn what_was_never_ready_was_not_moved() {
        let world = World::new(&[("a", "1\n")]);
        let (git, _, is) = moved(&world);
        std::fs::remove_file(git.common_dir().join("worktrees/a").join(READY)).unwrap();
        assert!(repair(&git, &[("spec/a".to_owned(), is)]).unwrap().is_empty());
    }

    #[test]
    fn what_is_of_another_branch_or_repository_is_left() {
        let world = World::new(&[("a", "1\n")]);
        let (git, _, is) = moved(&world);
        assert!(repair(&git, &[("spec/b".to_owned(), is.clone())]).unwrap().is_empty());
        std::fs::write(is.join(".git"), "gitdir: /elsewhere/.git/worktrees/other\n").unwrap();
        assert!(repair(&git, &[("spec/a".to_owned(), is)]).unwrap().is_empty());
    }
}
