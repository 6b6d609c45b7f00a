//! Killed at any point: `kill -9` right before, during or after one git call of a build, for points spread
//! over all of them. What is finished stays finished, what is the user's stays the user's, nothing is left.
//!
//! Each test here tries its share of `SPECMAKE_KILLS` points (20 if it is not set); `SPECMAKE_KILLS=400 cargo test
//! --test e2e -- kill::` tries about every one.
use crate::world::World;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Stands before git: counts the calls of the program, and at the one that is asked for kills it.
const GIT: &str = r#"#!/bin/sh
if [ "$(cat /proc/$PPID/comm)" != specmake ]; then exec REAL "$@"; fi
echo "$*" >> "$W/gits"
if [ "$(wc -l < "$W/gits")" -ne "${KILL_AT:-0}" ]; then exec REAL "$@"; fi
case "$KILL_HOW" in
    before) kill -9 $PPID; exit 1 ;;
    during) kill -9 $PPID; exec REAL "$@" ;;
    after) REAL "$@"; kill -9 $PPID ;;
esac
"#;

/// The ways to be killed at a call.
const HOW: [&str; 3] = ["before", "during", "after"];

/// What the user has lying about.
const MINE: [&str; 3] = ["README.txt", "mine.txt", "staged.txt"];

const SPECFILE: &str = r#"
project { pipeline "two"; setup "echo ready > .ready" }
pipeline "two" {
    stage "draft" { prompt "Draft."; output "drafts/{spec}.txt" }
    stage "build" { prompt "Build."; input "drafts/{spec}.txt"; output "out/{spec}.txt"; on-failure { restart 1; hold } }
}
land { check "test -e .ready && cat out/*.txt" }
spec "a" "A"
spec "b" "B" { needs "a" }
spec "c" "C"
"#;

fn world() -> World {
    let mut world = World::new();
    let real = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join("git"))
        .find(|file| file.is_file())
        .unwrap();
    let folder = world.top().join("counted");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("git"), GIT.replace("REAL", real.to_str().unwrap())).unwrap();
    fs::set_permissions(folder.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    world.env("PATH", &path);
    world.file(".gitignore", ".ready\n").specfile(SPECFILE).commit("start");
    world.script("any/draft", "mkdir -p drafts\necho \"draft of $S\" > drafts/$S.txt");
    // The second attempt of a run goes back to the start of the stage.
    world.script("c/build", "if [ \"$N\" = 1 ]; then echo junk > junk.txt; exit 1; fi\nplay build");
    world.append("README.txt", "edited").file("mine.txt", "mine\n").file("staged.txt", "staged\n");
    world.git(&["add", "staged.txt"]);
    world
}

/// Stages that some commit says are done.
fn finished(world: &World) -> BTreeSet<String> {
    // Not `--all`: that reads every worktree's HEAD too, and an orphaned git may be about to write one.
    let text = world.git(&["log", "--branches", "--format=%B"]);
    let traces = text.lines().filter_map(|line| line.strip_prefix("Specmake-Trace: v1 "));
    traces.filter_map(|trace| Some(trace.split_once(" how=")?.0.replace(' ', ":"))).collect()
}

fn count(world: &World) -> usize {
    fs::read_to_string(world.top().join("gits")).unwrap_or_default().lines().count()
}

/// Kills a build at one call and lets the next one finish it.
fn kill_at(point: usize, how: &str) {
    let mut world = world();
    let before = world.state_of(&MINE);
    world.env("KILL_AT", &point.to_string()).env("KILL_HOW", how);
    let killed = world.run(["-j2"]);
    world.env("KILL_AT", "0");
    let here = format!("killed {how} call {point}\n{killed}");
    let done = finished(&world);
    assert_eq!(world.state_of(&MINE), before, "{here}");

    let next = world.run(["-j2"]);
    assert_eq!(next.code, 0, "{here}{next}");
    let again: Vec<&String> = next.calls.iter().filter(|call| done.contains(*call)).collect();
    assert!(again.is_empty(), "ran again: {again:?}\n{here}{next}");
    assert_eq!(world.state_of(&MINE), before, "{here}{next}");
    for (path, text) in [("out/a.txt", "a\n"), ("out/b.txt", "b\n"), ("out/c.txt", "c\n")] {
        assert_eq!(world.read(path), text, "{here}{next}");
    }
    assert!(!world.has("junk.txt"), "{here}{next}");
    assert_eq!(world.branches(), [""; 0], "{here}{next}");
    let trees = world.git(&["worktree", "list", "--porcelain"]);
    let trees: Vec<&str> = trees.lines().filter(|line| line.starts_with("worktree ")).collect();
    assert!(trees.len() <= 2 && trees.iter().skip(1).all(|tree| tree.ends_with(".landing")), "{trees:?}");
    assert_eq!(world.git(&["for-each-ref", "refs/specmake/start"]), "", "{here}{next}");
    assert_eq!(world.strays(), [0; 0], "{here}{next}");
    assert_eq!(world.dirt(), " M README.txt\nA  staged.txt\n?? mine.txt", "{here}{next}");
    world.git(&["fsck", "--strict", "--no-dangling"]);
    world.again().calls([]);
}

/// This share of all points.
fn share(of: usize) {
    let kills = std::env::var("SPECMAKE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let whole = world();
    whole.run(["-j2"]).exits(0);
    let calls = count(&whole);
    assert!(calls > 20, "only {calls} calls of git were seen");
    for kill in (of..kills).step_by(4) {
        // Every point once before any a second time, and neighbours in different ways.
        kill_at(1 + kill * calls / kills % calls, HOW[kill % HOW.len()]);
    }
}

#[test]
fn a_quarter() {
    share(0);
}

#[test]
fn another_quarter() {
    share(1);
}

#[test]
fn a_third_quarter() {
    share(2);
}

#[test]
fn the_last_quarter() {
    share(3);
}
