//! Looking on from another terminal: `watch`, and `logs` of what agents said.
use crate::schemas::fits;
use crate::world::{ONE, World};
use rustix::process::Signal;
use serde_json::Value;

/// Two specs whose agent says what it does as it goes; `a` waits for the flag `go` before it ends.
fn talking() -> World {
    let world = World::new();
    let agent = "agent \"talker\" uses=\"script\" dialect=\"demo\"";
    world.specfile(&format!(
        "{agent}\n{ONE}\nlayer \"l\" agent=\"talker\" {{ spec \"a\" \"A\"; spec \"b\" \"B\" }}"
    ));
    world.commit("Specfile");
    world.script("any/build", "echo 'a word'\nplay build");
    world.script(
        "a/build",
        "echo 'demo: session s-1'\necho 'I begin with the gasket.'\n\
         echo \"demo: tool edit $SPECMAKE_WORKTREE/src/x.rs\"\necho 'demo: plan 1 of 2'\n\
         echo 'demo: retrying 1500 the service is busy'\necho 'demo: usage 12 in 3 out cost 0.5'\n\
         flag begun\nwait-for go\nplay build",
    );
    world
}

#[test]
fn a_run_is_watched_until_it_ends() {
    let world = talking();
    let mut run = world.start(["-j1"]);
    run.until_flag("begun");
    let mut watch = world.start(["watch"]);
    watch.until_said("tries again in 1s: the service is busy");
    let mut long = world.start(["watch", "a", "--verbose"]);
    long.until_said("used 12 tokens in, 3 out, 0.50 USD");
    long.until_said("I begin with the gasket.");
    world.flag("go");
    run.wait().exits(0);
    let seen = watch.wait();
    seen.exits(0).said("a:build  starts (talker)").said("a:build  edit src/x.rs").said("a:build  plan 1/2");
    seen.said("b:build  done").said("2 specs landed").unsaid("gasket").unsaid("no run is on");
    let lines: Vec<&str> = seen.stdout.lines().filter(|line| line.contains(":build")).collect();
    let is_timed = |line: &&str| {
        let (time, _) = line.split_once(' ').unwrap();
        time.len() == 8 && time.chars().all(|c| c.is_ascii_digit() || c == ':')
    };
    assert!(lines.iter().all(is_timed), "{seen}");
    long.wait().exits(0).said("a  landed").unsaid("b:build").unsaid("b  landed");
}

#[test]
fn the_last_run_is_told_when_none_is_on() {
    let world = talking();
    world.run(["watch"]).exits(2).said("no run is recorded yet");
    world.flag("go");
    world.run([]).exits(0);
    let seen = world.run(["watch", "-v", "a"]);
    seen.exits(0).said("no run is on").said("edit src/x.rs").said("I begin with the gasket.");
    let short = world.run(["watch", "-n2", "a"]);
    assert!(short.stdout.contains("a  landed") && !short.stdout.contains("edit"), "{short}");
    world.run(["watch", "zzz"]).exits(2).said("`zzz`");
    let events = world.run(["watch", "--format", "json", "-v"]);
    events.exits(0);
    let events: Vec<Value> = events.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    fits("event", &events);
    let has = |kind: &str| events.iter().any(|event| event["event"] == kind);
    assert!(
        ["run-started", "tool", "planned", "retrying", "output", "run-ended"].iter().all(|kind| has(kind))
    );
}

#[test]
fn tasks_are_told_as_they_are_ticked() {
    let world = World::with("spec \"a\" \"A\"");
    world.script(
        "a/implement",
        "sed '0,/\\[ \\]/s//[x]/' \"$F/tasks.md\" > \"$F/t\" && mv \"$F/t\" \"$F/tasks.md\"\n\
         flag ticked\nwait-for go\nplay implement",
    );
    let mut run = world.start([]);
    run.until_flag("ticked");
    let mut watch = world.start(["watch"]);
    watch.until_said("a:implement  tasks 1/2");
    world.run(["status"]).exits(0).said("tasks 1/2");
    world.flag("go");
    run.wait().exits(0);
    watch.wait().exits(0).said("a:implement  tasks 2/2");
}

#[test]
fn one_who_stops_looking_or_is_early_disturbs_nobody() {
    let world = talking();
    let mut early = world.start(["watch", "--wait"]);
    early.until_said("waiting for a run to begin");
    let mut run = world.start(["-j1"]);
    run.until_flag("begun");
    early.until_said("edit src/x.rs");
    let mut other = world.start(["watch"]);
    other.until_said("edit src/x.rs");
    other.signal(Signal::TERM);
    assert_eq!(other.wait().code, 143);
    world.flag("go");
    run.wait().exits(0);
    early.wait().exits(0).said("2 specs landed");
}

#[test]
fn a_run_that_is_killed_is_said_to_be() {
    let world = talking();
    let mut run = world.start(["-j1"]);
    run.until_flag("begun");
    let mut watch = world.start(["watch"]);
    watch.until_said("edit src/x.rs");
    run.kill();
    watch.wait().exits(0).said("the run was killed");
    world.kill_strays();
}

#[test]
fn logs_are_rendered_unless_raw() {
    let world = talking();
    world.flag("go");
    world.run([]).exits(0);
    let shown = world.run(["logs", "a"]);
    shown.exits(0).said("I begin with the gasket.").said("tool edit src/x.rs").unsaid("demo: ");
    assert!(shown.stdout.trim_end().ends_with("used 12 tokens in, 3 out, 0.50 USD"), "{shown}");
    world.run(["logs", "a", "--raw"]).exits(0).said("demo: usage 12 in 3 out cost 0.5");
    world.edit("Specfile", " dialect=\"demo\"", "");
    world.run(["logs", "a"]).exits(0).said("demo: usage 12 in 3 out cost 0.5");
    world.file("Specfile", "this is { no Specfile");
    world.run(["logs", "a"]).exits(0).said("I begin with the gasket.");
}
