//! What the check of a landing says, of one spec or of several that land together.
use crate::world::{ONE, World};
use std::fs;

/// Counts how often the landing's check ran, and what it says is red.
pub fn checked(line: &str, specs: &str) -> World {
    World::with(&format!("{ONE}\nland {{ check \"echo tried >> $W/checked; {line}\" }}\n{specs}"))
}

fn checks(world: &World) -> usize {
    fs::read_to_string(world.top().join("checked")).unwrap_or_default().lines().count()
}

#[test]
fn a_flake_is_tried_once_more() {
    let world = checked("test $(wc -l < $W/checked) -ge 2", "spec \"a\" \"A\"");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(checks(&world), 2);
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_tree_that_was_green_is_not_tested_again() {
    let world = checked("true", "spec \"a\" \"A\"");
    world.file("way.txt", "mine\n");
    world.script("a/build", "play build\necho theirs > way.txt");
    world.run([]).exits(1).calls(["a:build"]).said("way.txt");
    assert_eq!(checks(&world), 1);
    fs::remove_file(world.repo().join("way.txt")).unwrap();
    world.run([]).exits(0).calls([]);
    assert_eq!(checks(&world), 1);
    assert_eq!(world.read("way.txt"), "theirs\n");
    assert_eq!(world.run(["status", "--format", "json"]).json()["specs"][0]["verified"], true);
}

#[test]
fn a_red_base_is_said_to_be_red_and_nobody_is_blamed() {
    let world = checked("test ! -e broken.txt", "spec \"a\" \"A\"");
    world.file("broken.txt", "x\n").commit("broken");
    world.run([]).exits(1).calls(["a:build"]).said("`main` itself is red");
    assert!(!world.has("out/a.txt"));
    world.git(&["rm", "-q", "broken.txt"]);
    world.commit("mended");
    world.run([]).exits(0).calls([]);
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_landing_that_is_red_without_a_check_stage_is_held_until_something_changes() {
    let world = checked("test ! -e out/a.txt", "spec \"a\" \"A\"");
    world.run([]).exits(1).calls(["a:build"]).said("red").said("held");
    // Twice with it, for a flake, and once without.
    assert_eq!(checks(&world), 3);
    world.run([]).exits(1).calls([]).said("red");
    assert_eq!(checks(&world), 3, "nothing has changed");
    world.file("other.txt", "x\n").commit("the base moves");
    world.run([]).exits(1).calls([]);
    assert_eq!(checks(&world), 6);
    world.edit("Specfile", "test ! -e out/a.txt", "true");
    world.commit("another check");
    world.run([]).exits(0).calls([]);
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_spec_that_is_sent_back_runs_its_check_again_and_may_land() {
    let world = World::with("land { check \"test -e mended.txt\" }\nspec \"a\" \"A\"");
    world.file("mended.txt", "x\n").commit("green without it");
    world.script("a/implement", "play implement\ngit rm -q mended.txt");
    world.script("a/check", "if [ -e $W/flags/back ]; then echo x > mended.txt; fi\nflag back");
    world.run([]).exits(0).calls(["a", "a:check"]).said("goes back to `check`");
    assert!(world.has("src/a.txt") && world.has("mended.txt"));
    world.again().calls([]);
}

#[test]
fn a_second_red_landing_holds_the_spec() {
    let world = World::with(
        "land { check \"echo tried >> $W/checked; test -e mended.txt\" }\nspec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }",
    );
    world.file("mended.txt", "x\n").commit("green without it");
    world.script("a/implement", "play implement\ngit rm -q mended.txt");
    world.run([]).exits(1).calls(["a", "a:check"]).said("held").said("red");
    assert_eq!(checks(&world), 5, "twice two, and the base once");
    assert!(!world.has("src/a.txt"));
    world.run([]).exits(1).calls([]).said("held");
    assert_eq!(checks(&world), 5);
}

#[test]
fn the_log_of_a_red_landing_is_that_of_the_red_check() {
    let world = checked("echo checked $(ls out 2> /dev/null); test ! -e out/a.txt", "spec \"a\" \"A\"");
    let outcome = world.run([]);
    outcome.exits(1);
    let logs = world.repo().join(".specmake/logs");
    let run = fs::read_dir(logs).unwrap().next().unwrap().unwrap().path().join("a");
    assert_eq!(fs::read_to_string(run.join("land.2.log")).unwrap(), "checked a.txt\n");
    assert_eq!(fs::read_to_string(run.join("land@base.1.log")).unwrap(), "checked\n");
    outcome.said("land.2.log");
}

#[test]
fn a_base_that_moves_during_the_test_is_tested_again() {
    let world = checked(
        "if [ -e $W/flags/go ]; then cat moved.txt; else : > $W/flags/testing; while [ ! -e $W/flags/go ]; do sleep 0.05; done; fi",
        "spec \"a\" \"A\"",
    );
    let mut run = world.start([]);
    run.until_flag("testing");
    world.file("moved.txt", "mine\n").commit("meanwhile");
    let mine = world.rev("main");
    world.flag("go");
    run.wait().exits(0).calls(["a:build"]);
    assert_eq!(checks(&world), 2);
    assert_eq!(world.rev("main^1"), mine);
    assert_eq!(world.dirt(), "");
}

/// Specs that are complete and wait, so that the next build lands them together.
fn waiting(check: &str, names: &[&str], land: &str) -> World {
    let specs: Vec<String> = names.iter().map(|name| format!("spec \"{name}\" \"{name}\"")).collect();
    let world = World::with(&format!(
        "project {{ pipeline \"one\" }}\npipeline \"one\" {{ stage \"build\" {{ prompt \"Build.\"; output \"out/{{spec}}.txt\" }} }}\nland off\n{}",
        specs.join("\n")
    ));
    world.run([]);
    world.edit(
        "Specfile",
        "land off",
        &format!("land {{ {land}; check \"echo $(ls out 2> /dev/null) >> $W/checked; {check}\" }}"),
    );
    world.commit("landing is on");
    world
}

fn checked_trees(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.top().join("checked")).unwrap_or_default();
    text.lines().map(|line| line.replace(".txt", "")).collect()
}

#[test]
fn a_batch_is_tested_once_and_lands_with_one_move() {
    let world = waiting("true", &["a", "b", "c", "d"], "batch 3");
    let before = world.rev("main");
    world.run([]).exits(0).calls([]);
    // A full batch does not wait for one that is looked at still: which three are the first is open.
    let seen = checked_trees(&world);
    assert_eq!((seen.len(), seen[0].split(' ').count(), seen[1].as_str()), (2, 3, "a b c d"), "{seen:?}");
    let landings = world.git(&["log", "--format=%s", "--first-parent", &format!("{before}..main")]);
    let landings: Vec<&str> = landings.lines().rev().filter_map(|line| line.strip_prefix("land ")).collect();
    assert_eq!((landings.len(), landings[..3].join(" ")), (4, seen[0].clone()));
    let moves = world.git(&["reflog", "--format=%gs", "main"]);
    assert_eq!(moves.lines().filter(|line| line.starts_with("specmake: land")).count(), 2, "{moves}");
    assert_eq!(world.branches(), [""; 0]);
    world.again().calls([]);
}

#[test]
fn two_that_are_green_alone_and_red_together_are_told_apart() {
    let world = waiting("test ! -e out/b.txt -o ! -e out/d.txt", &["a", "b", "c", "d", "e"], "batch 5");
    let outcome = world.run([]);
    outcome.exits(1).said("on top of `a`, `b`, `c`").said("held");
    assert!(world.has("out/b.txt") && world.has("out/c.txt") && world.has("out/e.txt"));
    assert!(!world.has("out/d.txt"));
    let seen = checked_trees(&world);
    assert_eq!(seen[..2], ["a b c d e", "a b c d e"], "a red batch is tested once more for a flake");
    assert_eq!(seen.last().unwrap(), "a b c e");
    assert_eq!(world.branches(), ["spec/d"]);
}

#[test]
fn parts_of_a_red_batch_are_tested_side_by_side_each_in_a_worktree_of_its_own() {
    // Each part waits for the other one.
    let meet = "if [ $(ls out | wc -l) -lt 2 ]; then echo . >> $W/flags/met; while [ $(wc -l < $W/flags/met) -lt 2 ]; do sleep 0.05; done; fi; test ! -e out/b.txt";
    let world = waiting(meet, &["a", "b"], "batch 2; parallel 2");
    world.run(["-j4"]).exits(1).said("on top of `a`");
    assert!(world.has("out/a.txt") && !world.has("out/b.txt"));
    world.run(["clean"]);
}

#[test]
fn a_conflict_within_a_batch_lets_the_others_pass() {
    let specs = "project { pipeline \"one\" }\npipeline \"one\" { stage \"build\" { prompt \"Build.\"; output \"out/{spec}.txt\" } }\nland off\nspec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\"";
    let world = World::with(specs);
    for name in ["a", "b"] {
        world.script(&format!("{name}/build"), &format!("play build\necho {name} > shared.txt"));
    }
    world.run([]);
    world.edit("Specfile", "land off", "land { batch 3 }").commit("landing is on");
    world.run([]).exits(1).calls([]).said("conflicts");
    assert!(world.has("out/a.txt") && world.has("out/c.txt") && !world.has("out/b.txt"));
    assert_eq!(world.read("shared.txt"), "a\n");
}

#[test]
fn who_is_red_on_top_of_one_that_cannot_land_is_not_to_blame() {
    let world = World::with(
        "project { pipeline \"one\" }\npipeline \"one\" { stage \"build\" { prompt \"Build.\"; output \"out/{spec}.txt\" } }\nland off\nspec \"a\" \"A\"\nspec \"b\" \"B\"",
    );
    world.file("mine.txt", "base\n").commit("mine");
    world.script("a/build", "play build\necho a > mine.txt");
    world.run([]);
    let check = "land { batch 2; check \"test ! -e out/a.txt || test ! -e out/b.txt\" }";
    world.edit("Specfile", "land off", check).commit("landing is on");
    world.file("mine.txt", "the user's\n");
    world.run([]).exits(1).said("`mine.txt` in your checkout");
    assert!(world.has("out/b.txt"), "b is green without a, which did not land");
    assert!(!world.has("out/a.txt"));
    assert_eq!(world.read("mine.txt"), "the user's\n");
}
