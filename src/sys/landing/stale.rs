//! Lock files of gits that died with us: of refs, of what is checked out, of the configuration. Git knows nothing
//! of who made one; a lock that nobody touches for a while, found after we were killed with our hand on refs, is
//! nobody's any more. Never the lock of an index: a person's `git commit` holds that while its editor is open.
use super::journal::remove;
use crate::sys::files;
use crate::sys::git::{Git, GitError, path};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How long a living git could take, at the most, between making one of these and removing it.
const WHILE: Duration = Duration::from_secs(1);

/// Removes them.
pub(super) fn clear(git: &Git) -> Result<(), GitError> {
    let found = locks(git);
    if found.iter().any(|(_, made)| made.elapsed().is_ok_and(|age| age < WHILE) || made.elapsed().is_err()) {
        std::thread::sleep(WHILE);
    }
    let now = locks(git);
    found.iter().filter(|lock| now.contains(lock)).try_for_each(|(file, _)| remove(file))
}

/// The lock files there are, and when each was made.
fn locks(git: &Git) -> Vec<(PathBuf, SystemTime)> {
    let common = git.common_dir();
    let fixed = ["config.lock", "packed-refs.lock", "HEAD.lock"].map(|name| common.join(name));
    let worktrees = std::fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
    let heads = worktrees.map(|entry| entry.path().join("HEAD.lock"));
    // What cannot be listed holds nothing that could be removed.
    let refs = files::below(&common.join("refs")).unwrap_or_default();
    let refs = refs.iter().filter(|name| name.ends_with(".lock"));
    let refs = refs.map(|name| common.join("refs").join(path::to_os(name)));
    let all = fixed.into_iter().chain(heads).chain(refs);
    all.filter_map(|file| Some((file.clone(), file.symlink_metadata().ok()?.modified().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use crate::sys::git::branch_ref;
    use crate::sys::landing::recover;
    use crate::sys::lock::RefsLock;
    use crate::sys::testing::World;

    #[test]
    fn locks_of_killed_gits_go_if_we_were_killed_with_them() {
        let world = World::new(&[("a", "a")]);
        let git = world.open();
        let locks =
            ["config.lock", "packed-refs.lock", "refs/heads/x.lock"].map(|l| git.common_dir().join(l));
        let index = git.git_dir().join("index.lock");
        for lock in locks.iter().chain([&index]) {
            std::fs::write(lock, "").unwrap();
        }
        recover(&git).unwrap();
        assert!(locks.iter().all(|lock| lock.exists()), "nobody was killed");

        // As a kill would leave it: the note stays, the lock does not.
        std::fs::write(git.own_dir().join("refs.held"), "").unwrap();
        assert!(RefsLock::take(&git).unwrap().was_left());
        assert!(RefsLock::take(&git).unwrap().was_left(), "nobody has seen to it yet");
        recover(&git).unwrap();
        assert!(!locks.iter().any(|lock| lock.exists()) && index.exists());
        assert!(!RefsLock::take(&git).unwrap().was_left());
        assert_eq!(git.commit(&branch_ref("main")).unwrap(), Some(git.head().unwrap()));
    }
}
