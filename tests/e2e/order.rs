//! What comes before what: needs, after, layers.
use crate::world::{ONE, World};

/// A script that fails unless the files are there, then builds.
fn requires(files: &[&str]) -> String {
    let tests: String = files.iter().map(|file| format!("test -e {file}\n")).collect();
    format!("{tests}play build")
}

#[test]
fn a_need_has_landed_before_anything_begins() {
    let world = World::with("spec \"b\" \"B\" { needs \"a\" }\nspec \"a\" \"A\"");
    world.script("b/specify", "test -e src/a.txt\nplay specify");
    world.run(["-j4"]).exits(0).calls(["a", "b"]).before("a:check", "b:specify");
    world.again().calls([]);
}

#[test]
fn a_need_for_a_later_stage_lets_the_earlier_ones_go_ahead() {
    let world = World::with("spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" for=\"implement\" }");
    world.script("a/specify", "wait-for b-has-tasks\nplay specify");
    world.script("b/tasks", "play tasks\nflag b-has-tasks");
    world.script("b/implement", "test -e src/a.txt\nplay implement");
    world.run(["-j4"]).exits(0).calls(["a", "b"]).before("a:check", "b:implement");
    world.again().calls([]);
    world.append("specs/a/spec.md", "More.").commit("more of a");
    world.run([]).exits(0).calls(["a:plan..", "b:implement.."]);
    world.again().calls([]);
}

#[test]
fn an_optional_need_that_fails_is_said_in_the_prompt() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ fail }} }}\nspec \"auth\" \"A\"\n\
         spec \"b\" \"B\" {{ needs \"auth\" optional=#true }}"
    ));
    world.script("auth/build", "exit 3");
    world.run([]).exits(1).calls(["auth:build", "b:build"]);
    assert!(world.has("out/b.txt"));
    assert!(world.prompt("b:build").contains("auth"), "{}", world.prompt("b:build"));
}

#[test]
fn a_reason_for_a_need_is_shown() {
    let world = World::with(&format!(
        "{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\" {{ needs \"a\" why=\"shared tokens\" }}"
    ));
    world.script("a/build", "exit 3");
    world.run([]).exits(1).calls(["a:build", "a:build"]);
    world.run(["status"]).said("shared tokens");
}

#[test]
fn after_orders_what_is_in_the_run_and_dirties_nobody() {
    let specs = format!(
        "{ONE}\nstage \"build\" {{ input \"in/{{spec}}*.txt\" }}\nspec \"b\" \"B\" {{ after \"a\" }}\nspec \"a\" \"A\""
    );
    let world = World::with(&specs);
    world.script("b/build", &requires(&["out/a.txt"]));
    world.script("a/build", "mkdir -p out\ncat in/a*.txt > out/a.txt");
    world.file("in/a.txt", "1\n").file("in/b.txt", "1\n").commit("inputs");
    world.run(["-j4"]).exits(0).calls(["a:build", "b:build"]);
    world.file("in/a.txt", "2\n").commit("two");
    world.run([]).exits(0).calls(["a:build"]);
    world.file("in/a.txt", "3\n").file("in/b.txt", "3\n").commit("three");
    world.run(["b"]).exits(0).calls(["b:build"]);
}

#[test]
fn what_comes_after_a_failure_goes_on() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ fail }} }}\nspec \"a\" \"A\"\nspec \"b\" \"B\" {{ after \"a\" }}"
    ));
    world.script("a/build", "exit 3");
    world.run([]).exits(1).calls(["a:build", "b:build"]).before("a:build", "b:build");
    assert!(world.has("out/b.txt"));
}

#[test]
fn a_layer_waits_for_the_whole_layer_it_needs() {
    let world = World::with(&format!(
        "{ONE}\nlayer \"two\" {{ needs \"one\"; spec \"c\" \"C\"; spec \"d\" \"D\" }}\n\
         layer \"one\" {{ spec \"a\" \"A\"; spec \"b\" \"B\" }}"
    ));
    world.script("c/build", &requires(&["out/a.txt", "out/b.txt"]));
    world.script("d/build", &requires(&["out/a.txt", "out/b.txt"]));
    world.run(["-j4"]).exits(0).calls(["a:build", "b:build", "c:build", "d:build"]);
    world.again().calls([]);
}

#[test]
fn a_spec_added_to_a_needed_layer_dirties_nobody() {
    let specfile = |more: &str| {
        format!(
            "{ONE}\nlayer \"one\" {{ spec \"a\" \"A\"{more} }}\nlayer \"two\" {{ needs \"one\"; spec \"z\" \"Z\" }}"
        )
    };
    let world = World::with(&specfile(""));
    world.run([]).exits(0).calls(["a:build", "z:build"]);
    world.specfile(&specfile("; spec \"b\" \"B\"")).commit("one more");
    world.run([]).exits(0).calls(["b:build"]);
    world.again().calls([]);
    world.specfile(&specfile("")).commit("one less");
    world.again().calls([]);
}

#[test]
fn needs_may_be_written_in_any_order_and_number() {
    let world = World::with(&format!(
        "{ONE} spec \"d\" \"D\" {{ needs \"b\" \"c\" }}\nspec \"c\" \"C\" {{ needs \"a\" }}\n\
         spec \"b\" \"B\" {{ needs \"a\" }}\nspec \"a\" \"A\""
    ));
    world.script("d/build", &requires(&["out/a.txt", "out/b.txt", "out/c.txt"]));
    let outcome = world.run(["-j4"]);
    outcome.exits(0).calls(["a:build", "b:build", "c:build", "d:build"]);
    outcome.before("a:build", "b:build").before("b:build", "d:build").before("c:build", "d:build");
}

#[test]
fn a_cycle_is_an_error_that_shows_it() {
    let world = World::with(&format!(
        "{ONE} spec \"a\" \"A\" {{ needs \"c\" }}\nspec \"b\" \"B\" {{ needs \"a\" }}\nspec \"c\" \"C\" {{ needs \"b\" }}"
    ));
    world.run([]).exits(2).said("cycle").said("a").said("b").said("c").calls([]);
    world.run(["check"]).exits(2).said("cycle");
}

#[test]
fn a_stage_that_waits_for_its_turn_is_judged_again_when_it_comes() {
    let world = World::with(
        "project { pipeline \"one\" }\n\
         pipeline \"one\" { stage \"build\" { prompt \"Build.\"; input \"in/{spec}.txt\"; output \"out/{spec}.txt\" } }\n\
         spec \"a\" \"A\" priority=9\nspec \"b\" \"B\"",
    );
    world.script("any/build", "mkdir -p out\ncat \"in/$S.txt\" > \"out/$S.txt\"");
    world.file("in/a.txt", "1\n").file("in/b.txt", "1\n").commit("inputs");
    world.run([]).exits(0);
    world.edit("in/a.txt", "1", "2").edit("in/b.txt", "1", "2").commit("both change");
    world.script("a/build", "flag begun\nwait-for go\nmkdir -p out\ncat in/a.txt > out/a.txt");
    let mut running = world.start(["-j1"]);
    running.until_flag("begun");
    world.edit("in/b.txt", "2", "1").commit("b as it was");
    world.flag("go");
    running.wait().exits(0).calls(["a:build"]);
    world.again().calls([]);
}
