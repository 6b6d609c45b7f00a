//! Many agents that print all at once: the program takes a bounded memory, and their logs hold every byte.
use crate::running::Running;
use crate::world::{ONE, World};
use std::fmt::Write as _;
use std::fs;

const AGENTS: usize = 64;

/// The most memory that what they print may take, in KiB: their tails, what is being read, and lines that wait to be
/// shown.
const MOST: u64 = 48 * 1024;

/// The most memory that it ever took, in KiB.
fn peak(run: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

fn name(at: usize) -> String {
    format!("s{at:02}")
}

#[test]
fn many_agents_that_print_at_once_take_bounded_memory_and_lose_nothing() {
    let mebibytes = std::env::var("SPECMAKE_FLOOD").ok().and_then(|n| n.parse().ok()).unwrap_or(64_usize);
    let each = mebibytes * 1024 / AGENTS;
    let mut specfile = format!("{ONE}\nland off\n");
    for at in 0..AGENTS {
        let _ = writeln!(specfile, "spec {:?} \"S\"", name(at));
    }
    let world = World::with(&specfile);
    world.script(
        "any/build",
        &format!(
            "flag up-$S\nwait-for go\nyes \"a line of what $S says, as long as such lines are: some eighty characters\" | head -c {each}K\n\
             flag printed-$S\nwait-for end\nplay build"
        ),
    );
    let mut run = world.start(["-j64", "--format", "json"]);
    (0..AGENTS).for_each(|at| run.until_flag(&format!("up-{}", name(at))));
    let before = peak(&run);
    world.flag("go");
    (0..AGENTS).for_each(|at| run.until_flag(&format!("printed-{}", name(at))));
    let after = peak(&run);
    assert!(after - before < MOST, "{before} KiB, then {after} KiB");
    world.flag("end");
    run.wait().exits(0);
    let logs = world.git_in(world.repo(), &["ls-files", "-oi", "--exclude-standard", ".specmake/logs"]);
    let lengths: Vec<u64> = logs
        .lines()
        .filter(|path| path.ends_with("build.1.log"))
        .map(|path| fs::metadata(world.repo().join(path)).unwrap().len())
        .collect();
    assert_eq!(lengths, vec![each as u64 * 1024; AGENTS]);
}
