//! The table of processes, as `/proc` shows it; empty where there is none.
use rustix::process::{Pid, Signal, kill_process};
use std::collections::{HashMap, HashSet};

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// The number of its parent.
    pub parent: i32,
    /// The first bytes of its program's name.
    pub name: String,
    /// Whether it has ended and only waits to be reaped.
    pub is_zombie: bool,
    /// When it began, in ticks since the start of the machine: tells it from another of the same number.
    pub began: u64,
}

impl Process {
    /// The process of that number, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::read(pid, &String::from_utf8_lossy(&stat))
    }

    /// Reads a line of `/proc/PID/stat`. The name is in parentheses and may itself hold some.
    fn read(pid: i32, stat: &str) -> Option<Self> {
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let began = fields.nth(17)?.parse().ok()?;
        Some(Self { pid, parent, name: name.to_owned(), is_zombie: matches!(state, "Z" | "X" | "x"), began })
    }

    /// Sends a signal, unless the number is another's by now. One that has ended meanwhile is no trouble.
    pub fn signal(&self, signal: Signal) {
        let is_same = || Self::of(self.pid).is_some_and(|now| now.began == self.began);
        if let Some(pid) = Pid::from_raw(self.pid)
            && is_same()
        {
            let _ = kill_process(pid, signal);
        }
    }
}

/// The numbers of all processes.
pub fn pids() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// All processes below one that have not ended.
pub fn below(root: i32) -> Vec<Process> {
    tree(root, pids().filter_map(Process::of).collect())
}

fn tree(root: i32, all: Vec<Process>) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process);
    }
    let (mut found, mut next, mut seen) = (Vec::new(), vec![root], HashSet::new());
    while let Some(parent) = next.pop() {
        // A table that changes while it is read may hold a circle.
        if seen.insert(parent) {
            let children = children.remove(&parent).unwrap_or_default();
            next.extend(children.iter().map(|child| child.pid));
            found.extend(children.into_iter().filter(|child| !child.is_zombie));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        Process { pid, parent, name: String::new(), is_zombie: false, began: 0 }
    }

    #[test]
    fn a_name_may_look_like_anything() {
        let rest = "S 7 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1 2 3";
        let read = Process::read(12, &format!("12 (a) Z 1 (b)) {rest}")).expect("a process");
        assert_eq!(
            (read.name.as_str(), read.parent, read.is_zombie, read.began),
            ("a) Z 1 (b)", 7, false, 4711)
        );
        assert_eq!(Process::read(12, "12 (a"), None);
        assert!(Process::read(1, &format!("1 (x) Z{}", &rest[1..])).is_some_and(|one| one.is_zombie));
    }

    #[test]
    fn what_is_below_is_found_through_zombies_and_circles() {
        let mut dead = process(2, 1);
        dead.is_zombie = true;
        let all = vec![process(1, 0), dead, process(3, 2), process(4, 9), process(9, 4), process(5, 3)];
        let pids: Vec<i32> = tree(1, all.clone()).iter().map(|found| found.pid).collect();
        assert_eq!(pids, [3, 5]);
        assert_eq!(tree(4, all).len(), 2);
    }

    #[test]
    fn we_are_there_ourselves() {
        let own = i32::try_from(std::process::id()).expect("a number");
        let here = Process::of(own).expect("this process");
        assert!(below(here.parent).contains(&here));
        assert_eq!(Process::of(-1), None);
    }
}
