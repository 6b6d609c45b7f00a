//! A repository that is not yours: its commands are asked for before they run.
use crate::world::{ONE, World, lies_below};

fn stranger(specs: &str) -> World {
    let world = World::with(specs);
    world.distrust();
    world
}

#[test]
fn commands_that_nobody_approved_do_not_run() {
    let world = stranger(&format!("{ONE} spec \"a\" \"A\""));
    world.run([]).refuses().calls([]).said("agent.sh").said("--yes");
    assert_eq!(world.branches(), [""; 0]);
}

#[test]
fn continuous_integration_alone_is_no_approval() {
    let mut world = stranger(&format!("{ONE} spec \"a\" \"A\""));
    world.env("CI", "true");
    world.run([]).refuses().calls([]);
    world.run(["--yes"]).exits(0).calls(["a:build"]);
}

#[test]
fn an_approval_for_one_run_is_for_one_run() {
    let world = stranger(&format!("{ONE} spec \"a\" \"A\""));
    world.run(["--yes"]).exits(0).calls(["a:build"]);
    world.edit("Specfile", "Build {spec}.", "Build {spec} well.").commit("well");
    world.run([]).refuses().calls([]);
}

#[test]
fn no_line_of_any_kind_runs_without_it() {
    let lines = [
        "project { setup \": > $W/pwned\" }\nspec \"a\" \"A\"",
        "stage \"specify\" { run \": > $W/pwned\" }\nspec \"a\" \"A\"",
        "land { check \": > $W/pwned\" }\nspec \"a\" \"A\"",
        "spec \"a\" \"A\" { when \": > $W/pwned\" }",
    ];
    for line in lines {
        let world = World::new();
        world.file("Specfile", &format!("{line}\n")).commit("start");
        world.distrust();
        world.run([]).refuses().said("pwned");
        assert!(!lies_below(&world.top(), "pwned"), "{line}");
    }
}

#[test]
fn looking_needs_no_approval() {
    let world = stranger(&format!("{ONE} spec \"a\" \"A\" {{ when \": > $W/pwned\" }}"));
    world.run(["-n"]).exits(0).calls([]);
    world.run(["check"]).exits(0).calls([]);
    world.run(["graph"]).exits(0).calls([]);
    world.run(["status"]).exits(0).calls([]);
    world.run(["-q"]).exits(4).calls([]);
    assert!(!lies_below(&world.top(), "pwned"));
}

#[test]
fn nothing_to_do_needs_no_approval() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.run([]).exits(0).calls(["a:build"]);
    world.distrust();
    world.again().calls([]);
}

#[test]
fn a_retry_that_nobody_approves_changes_nothing() {
    let world = stranger(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "exit 1");
    world.run(["--yes"]).exits(1);
    let (before, tip) = (world.run(["status"]).stdout, world.git(&["rev-parse", "spec/a"]));
    for command in ["retry", "fix"] {
        world.run([command, "a"]).refuses().calls([]).said("--yes");
        assert_eq!(world.git(&["rev-parse", "spec/a"]), tip, "{command}");
    }
    assert_eq!(world.run(["status"]).stdout, before);
    world.script("a/build", "play build");
    world.run(["retry", "a", "--yes"]).exits(0).calls(["a:build"]);
}
