//! Processes that outlived the run that started them, found by what they were told at their start.
use super::git::Git;
use super::git::repo::OWNER;
use super::proc::{Process, pids};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long strays have to end after being asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How long to sleep between two looks at who is left.
const PAUSE: Duration = Duration::from_millis(20);

/// Whose processes are looked for.
#[derive(Debug)]
struct Sought {
    /// Worktrees that stages run in.
    folders: Vec<PathBuf>,
    /// The git directory of our own gits, if they are looked for too.
    common_dir: Option<PathBuf>,
}

/// Ends every process that an earlier run of this repository started for a stage, and gives how many there
/// were; gits of its own that outlived it too, so that none moves anything behind our back. Only call it while
/// nobody builds: a process is known by its environment alone.
pub fn end_strays(git: &Git) -> usize {
    let folders = git.worktree_folders();
    end(&Sought { folders, common_dir: Some(git.common_dir().to_owned()) })
}

/// How many processes of an earlier run of this repository are still there. Only ask it while nobody builds.
pub fn strays(git: &Git) -> usize {
    let folders = git.worktree_folders();
    Sought { folders, common_dir: Some(git.common_dir().to_owned()) }.strays().len()
}

/// Ends every process that was started for an attempt in a worktree and outlived it, even in a session of its
/// own, and gives how many there were.
pub fn end_strays_in(worktree: &Path) -> usize {
    end(&Sought { folders: vec![worktree.to_owned()], common_dir: None })
}

fn end(sought: &Sought) -> usize {
    let found = sought.strays();
    if found.is_empty() {
        return 0;
    }
    signal(&found, Signal::TERM);
    let until = Instant::now() + GRACE;
    while !sought.strays().is_empty() && Instant::now() < until {
        std::thread::sleep(PAUSE);
    }
    signal(&sought.strays(), Signal::KILL);
    // A killed one may take a moment to be gone; what it held is free only then.
    while !sought.strays().is_empty() && Instant::now() < until + GRACE {
        std::thread::sleep(PAUSE);
    }
    found.len()
}

fn signal(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // One that has ended meanwhile is as good as one that ends now.
        let _ = kill_process(pid, signal);
    }
}

impl Sought {
    fn strays(&self) -> Vec<i32> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        pids().filter(|pid| *pid != own && self.is_stray(*pid) && !is_zombie(*pid)).collect()
    }

    fn is_stray(&self, pid: i32) -> bool {
        let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
        let value = |name: &str| {
            let mut variables = environment.split(|byte| *byte == 0);
            variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        };
        let worktree = value("SPECMAKE_WORKTREE").map(bytes_path);
        worktree.is_some_and(|worktree| self.folders.iter().any(|folder| folder == worktree))
            || value(OWNER).is_some_and(|owner| self.is_orphan(owner))
    }

    /// Whether a git of this repository has lost who started it. Others that only read have gits too.
    fn is_orphan(&self, owner: &[u8]) -> bool {
        let Some(space) = owner.iter().position(|byte| *byte == b' ') else { return false };
        let (pid, common_dir) = (String::from_utf8_lossy(&owner[..space]), &owner[space + 1..]);
        Some(bytes_path(common_dir)) == self.common_dir.as_deref() && !Path::new("/proc").join(&*pid).exists()
    }
}

fn bytes_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn is_zombie(pid: i32) -> bool {
    Process::of(pid).is_none_or(|process| process.is_zombie)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::Invocation;

    fn sought(folder: &Path) -> Sought {
        Sought { folders: vec![folder.to_owned()], common_dir: Some(folder.join(".git")) }
    }

    #[test]
    fn only_those_of_the_folder_are_strays() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let start = |folder: &Path| {
            let sleep = Invocation::new("sleep").arg("600").env("SPECMAKE_WORKTREE", folder);
            sleep.converse().unwrap()
        };
        let (stray, other) = (start(ours.path()), start(theirs.path()));
        let (here, there) = (sought(ours.path()), sought(theirs.path()));
        // The environment shows only once the program is loaded.
        let until = Instant::now() + Duration::from_secs(10);
        while (here.strays().len(), there.strays().len()) != (1, 1) && Instant::now() < until {
            std::thread::sleep(PAUSE);
        }
        assert_eq!((here.strays().len(), there.strays().len()), (1, 1));
        assert_ne!(here.strays(), there.strays());
        stray.kill().unwrap();
        other.kill().unwrap();
    }

    #[test]
    fn a_git_is_an_orphan_once_its_owner_is_gone() {
        let here = sought(Path::new("/x"));
        let gone = Invocation::new("sh").args(["-c", "echo $$"]).capture().unwrap().text();
        assert!(here.is_orphan(format!("{gone} /x/.git").as_bytes()));
        assert!(!here.is_orphan(format!("{gone} /y/.git").as_bytes()));
        assert!(!here.is_orphan(format!("{} /x/.git", std::process::id()).as_bytes()));
    }
}
