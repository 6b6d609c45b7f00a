//! Processes that outlived the run that started them, found by what they were told at their start.
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long strays have to end after being asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How long to sleep between two looks at who is left.
const PAUSE: Duration = Duration::from_millis(20);

/// Ends every process that was started for a stage in one of these folders, and gives how many there were.
/// Only call it while nobody builds: a process is known by `SPECMAKE_WORKTREE` in its environment alone.
pub fn end_strays(folders: &[PathBuf]) -> usize {
    let found = strays(folders);
    signal(&found, Signal::TERM);
    let until = Instant::now() + GRACE;
    while !strays(folders).is_empty() && Instant::now() < until {
        std::thread::sleep(PAUSE);
    }
    signal(&strays(folders), Signal::KILL);
    found.len()
}

fn signal(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // One that has ended meanwhile is as good as one that ends now.
        let _ = kill_process(pid, signal);
    }
}

fn strays(folders: &[PathBuf]) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    pids.filter(|pid| *pid != own && is_stray(*pid, folders) && !is_zombie(*pid)).collect()
}

fn is_stray(pid: i32, folders: &[PathBuf]) -> bool {
    let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    let mut variables = environment.split(|byte| *byte == 0);
    variables
        .find_map(|variable| variable.strip_prefix(b"SPECMAKE_WORKTREE="))
        .and_then(|worktree| std::str::from_utf8(worktree).ok())
        .is_some_and(|worktree| folders.iter().any(|folder| Path::new(worktree) == folder))
}

fn is_zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::Invocation;

    #[test]
    fn only_those_of_the_folder_are_ended() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let start = |folder: &Path| {
            let sleep = Invocation::new("sleep").arg("600").env("SPECMAKE_WORKTREE", folder);
            sleep.converse().unwrap()
        };
        let (stray, other) = (start(ours.path()), start(theirs.path()));
        // The environment shows only once the program is loaded.
        let until = Instant::now() + Duration::from_secs(10);
        while strays(&[ours.path().into(), theirs.path().into()]).len() < 2 && Instant::now() < until {
            std::thread::sleep(PAUSE);
        }
        assert_eq!(end_strays(&[ours.path().into()]), 1);
        assert_eq!(strays(&[theirs.path().into()]).len(), 1);
        other.kill().unwrap();
        assert!(!stray.finish().unwrap().success());
    }
}
