//! What comes next is said, once, and where it helps.
use crate::world::{ONE, World};
use std::fs;

const CHAIN: &str = "stage \"build\" { on-failure { hold } }\nspec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }\nspec \"c\" \"C\" { needs \"b\" }\nspec \"d\" \"D\" { needs \"x\" }\nspec \"x\" \"X\"";

/// `a` and `x` are held, and others wait for them; then `a` would do well.
fn held() -> World {
    let world = World::with(&format!("{ONE}\n{CHAIN}"));
    world.script("a/build", "exit 3").script("x/build", "exit 3");
    world.run([]).exits(1);
    world.unscript("a/build");
    world
}

#[test]
fn who_retries_is_told_what_can_go_on() {
    let world = held();
    world.script("a/build", "exit 4");
    world.run(["retry", "a"]).exits(1).unsaid("can go on");
    world.unscript("a/build");
    let retried = world.run(["retry", "a"]);
    retried.exits(0).calls(["a:build"]).said("`b` and `c` waited for that and can go on; next: specmake");
    world.run([]).exits(1).calls(["b:build", "c:build"]);
    world.unscript("x/build");
    let fixed = world.run(["fix", "x"]);
    fixed.exits(0).said("`d` waited for that").unsaid("`b`");
    world.again().calls(["d:build"]);
    world.run(["a"]).exits(0).unsaid("can go on");
}

#[test]
fn who_lands_by_hand_is_told_what_can_go_on() {
    let world = World::with(&format!(
        "{ONE}\nland {{ check \"test ! -e $W/flags/red\" }}\nspec \"a\" \"A\"\nspec \"b\" \"B\" {{ needs \"a\" }}"
    ));
    world.flag("red");
    world.run([]).exits(1).calls(["a:build"]);
    world.run(["land", "a"]).exits(1).unsaid("can go on");
    fs::remove_file(world.top().join("flags/red")).unwrap();
    world.run(["land", "a"]).exits(0).said("`b` waited for that and can go on; next: specmake");
}

#[test]
fn a_line_of_the_specfile_is_no_spec_to_land() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    world.run(["land", "off"]).exits(2).said("no spec `off`").said("a line of the Specfile");
    world.run(["land", "on"]).exits(2).unsaid("a line of the Specfile");
}

#[test]
fn what_went_wrong_is_told_in_full_once() {
    let world = held();
    let retried = world.run(["retry", "x"]);
    assert_eq!(retried.stderr.matches("x/build.1.log").count(), 1, "{retried}");
    let quiet = world.run(["-B", "-s", "x"]);
    assert_eq!(quiet.stderr.matches("x/build.1.log").count(), 1, "{quiet}");
    let outcome = world.run([]);
    assert_eq!(outcome.stderr.matches("x/build.1.log").count(), 1, "{outcome}");
    assert_eq!(outcome.stderr.matches("next: specmake retry x").count(), 2, "{outcome}");
}

#[test]
fn a_gate_is_not_told_as_a_hold() {
    let world = World::with(
        "project { pipeline \"one\" }\npipeline \"one\" { stage \"build\" { prompt \"Build.\"; output \"out/{spec}.txt\" }; stage \"look\" { gate } }\nspec \"a\" \"A\"",
    );
    let outcome = world.run([]);
    outcome.exits(1).said("1 spec waiting for approval").unsaid("held");
    assert_eq!(outcome.next(), ["specmake approve a:look"], "{outcome}");
    world.run(["approve", "a:look"]).exits(0);
    world.again().calls([]);
}

#[test]
fn an_empty_list_says_so() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    let listed = world.run(["worktree", "list"]);
    listed.exits(0).said("no spec is in progress");
    assert_eq!(listed.stdout, "", "the answer is an empty list");
    let listed = world.run(["worktree", "list", "--format", "json"]);
    assert_eq!((listed.json(), listed.stderr.as_str()), (serde_json::json!({ "worktrees": [] }), ""));
}

#[test]
fn the_size_of_one_thing_is_said_once() {
    let world = World::with(&format!("{ONE}\nland {{ check \"true\" }}\nspec \"a\" \"A\""));
    world.run([]).exits(0);
    let sizes = |args: [&str; 2]| {
        let outcome = world.run(args);
        outcome.exits(0);
        outcome
            .stdout
            .lines()
            .filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()))
            .count()
    };
    assert_eq!((sizes(["gc", "--older=9d"]), sizes(["gc", "--yes"])), (1, 1));
    world.run(["gc"]).exits(0).said("nothing to collect");
}

#[test]
fn a_mistyped_command_is_guessed_where_nothing_can_be_built() {
    let world = World::without_git("repo");
    world.run(["stauts"]).exits(3).said("is the command `specmake status` meant? if not, run `git init`");
    world.run(["hepl"]).exits(3).said("`specmake help`");
    world.run(["nothing-like-it"]).exits(3).unsaid("meant");
    let world = World::new();
    world.run(["stauts"]).exits(2).said("is the command `specmake status` meant? if not, `specmake init`");
}

#[test]
fn what_the_specfile_no_longer_has_is_no_trouble() {
    let world = held();
    world.run(["status"]).exits(0).said("specmake retry x");
    let text = world.read("Specfile");
    let left: Vec<&str> = text.lines().filter(|line| !line.contains("\"x\"")).collect();
    world.file("Specfile", &left.join("\n")).commit("without");
    world.run(["status"]).exits(0).said("specmake retry a").unsaid("specmake retry x");
}
