//! Make's letters, and some of our own.
use crate::world::{ONE, World};

fn pair() -> World {
    World::with("spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }")
}

#[test]
fn a_dry_run_says_all_and_does_nothing() {
    let world = pair();
    let refs = || world.git(&["for-each-ref"]);
    let before = (refs(), world.git(&["worktree", "list"]), world.dirt());
    let outcome = world.run(["-n"]);
    outcome.exits(0).calls([]).said("a:specify").said("never ran").said("b:check");
    assert_eq!((refs(), world.git(&["worktree", "list"]), world.dirt()), before);
    world.run(["plan"]).exits(0).calls([]).said("a:specify");
    world.run([]).exits(0);
    world.run(["-n"]).exits(0).calls([]).said_any(&["nothing to do", "up to date"]);
}

#[test]
fn a_dry_run_knows_what_it_cannot_know() {
    let world = pair();
    world.run([]).exits(0);
    world.append("specs/a/spec.md", "More.").commit("more");
    world.run(["-n"]).exits(0).calls([]).said("a:plan").said("spec.md").said("may run");
}

#[test]
fn a_question_is_answered_by_the_exit_code() {
    let world = pair();
    world.run(["-q"]).exits(4).calls([]);
    world.run([]).exits(0);
    world.run(["-q"]).exits(0).calls([]);
    world.append("specs/b/spec.md", "More.").commit("more");
    world.run(["-q"]).exits(4).calls([]);
    world.run(["-q", "a"]).exits(0);
    world.run(["-q", "b"]).exits(4);
}

#[test]
fn explain_names_what_changed() {
    let world = pair();
    world.run([]).exits(0);
    world.append("specs/b/plan.md", "More.").commit("more");
    world.run(["--explain", "-n"]).exits(0).calls([]).said("b:tasks").said("plan.md");
}

#[test]
fn always_make_builds_the_goals_and_not_their_needs() {
    let world = pair();
    world.run([]).exits(0);
    world.run(["-B", "b"]).exits(0).calls(["b"]);
    world.again().calls([]);
}

#[test]
fn a_killed_always_make_goes_on_where_it_was() {
    let world = pair();
    world.run([]).exits(0);
    world.script("b/tasks", "flag there\nwait-for never");
    let mut run = world.start(["-B", "b"]);
    run.until_flag("there");
    run.kill();
    world.kill_strays();
    world.unscript("b/tasks");
    world.run([]).exits(0).calls(["b:tasks.."]);
    world.again().calls([]);
}

#[test]
fn touch_marks_a_goal_as_done() {
    let world = pair();
    world.run([]).exits(0);
    world.append("specs/b/spec.md", "A comma.").commit("a comma");
    world.run(["-q"]).exits(4);
    world.run(["-t", "b"]).exits(0).calls([]);
    world.run(["-q"]).exits(0);
    world.again().calls([]);
    let clone = world.clone_as("clone", &[]);
    clone.again().calls([]);
}

#[test]
fn a_touch_of_what_was_voided_leaves_nothing_due() {
    let world = pair();
    world.run([]).exits(0);
    world.script("a/specify", "flag there\nwait-for never");
    let mut run = world.start(["-B", "a"]);
    run.until_flag("there");
    run.kill();
    world.kill_strays();
    world.unscript("a/specify");
    world.run(["-t", "--yes", "a"]).exits(0).calls([]);
    world.run([]).exits(0).calls([]);
    world.run(["-t", "--yes"]).exits(0).calls([]).said("touched 0 stages");
    world.again().calls([]);
}

#[test]
fn specs_that_never_ran_are_touched_with_what_they_need() {
    let world = pair();
    world.run(["-t", "a", "b"]).exits(0).calls([]);
    world.again().calls([]);
}

#[test]
fn what_if_builds_as_though_a_file_had_changed() {
    let world = pair();
    world.run([]).exits(0);
    let outcome = world.run(["-n", "-W", "specs/b/plan.md"]);
    outcome.exits(0).said("b:tasks").calls([]);
    let outcome = world.run(["-W", "specs/b/plan.md"]);
    outcome.exits(0);
    assert_eq!(outcome.calls.first().map(String::as_str), Some("b:tasks"), "{outcome}");
    world.again().calls([]);
}

#[test]
fn what_if_of_nobodys_file_is_an_error() {
    let world = pair();
    world.run(["-W", "no/such/file.md"]).exits(2).said("no/such/file.md").calls([]);
    world.run(["-n", "-W", "no/such/file.md"]).exits(2).said("no/such/file.md").calls([]);
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.run(["-W", "out/a.txt"]).exits(2).said("out/a.txt").calls([]);
}

#[test]
fn until_a_stage_lands_nothing() {
    let world = World::with("spec \"a\" \"A\"\nspec \"b\" \"B\"");
    let before = world.rev("main");
    world.run(["--until", "plan"]).exits(0).calls(["a:specify", "a:plan", "b:specify", "b:plan"]);
    assert_eq!(world.rev("main"), before);
    world.run([]).exits(0).calls(["a:tasks..", "b:tasks.."]);
    world.again().calls([]);
    world.run(["--until", "plam"]).exits(2).said("plan");
}

#[test]
fn another_folder_and_another_file() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.git(&["mv", "Specfile", "Other.kdl"]);
    world.commit("another name");
    world.file("sub/x.txt", "x\n");
    world.at("repo/sub").run(["-C", "..", "-f", "Other.kdl"]).exits(0).calls(["a:build"]);
    world.run(["-f", "Nowhere"]).refuses().said("Nowhere");
}

#[test]
fn it_is_found_from_a_folder_below() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.file("deep/down/x.txt", "x\n").commit("deep");
    world.at("repo/deep/down").run([]).exits(0).calls(["a:build"]);
    assert!(world.has("out/a.txt"));
}

#[test]
fn silence_is_silent() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let outcome = world.run(["-s"]);
    outcome.exits(0).calls(["a:build"]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

#[test]
fn keep_going_is_what_it_does_anyway() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ fail }} }}\nspec \"a\" \"A\" priority=9\nspec \"b\" \"B\""
    ));
    world.script("a/build", "exit 1");
    world.run(["-k", "-j1"]).exits(1).calls(["a:build", "b:build"]);
}

#[test]
fn narration_goes_to_stderr_and_answers_to_stdout() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let build = world.run([]);
    build.exits(0).said("a:build");
    assert_eq!(build.stdout, "", "a build has no answer");
    assert!(!world.run(["status"]).stdout.is_empty());
}

#[test]
fn touch_asks_before_it_covers_half_done_work() {
    let world = World::with("spec \"a\" \"A\"");
    world.run(["--until", "plan"]).exits(0).calls(["a:specify", "a:plan"]);
    let tip = world.rev("spec/a");
    world.run(["-t", "a"]).refuses().said("half done").calls([]);
    assert_eq!(world.rev("spec/a"), tip);
    world.run(["-t", "a", "--yes"]).exits(0).calls([]);
    world.run([]).exits(0).calls([]);
    world.again().calls([]);
}

#[test]
fn questions_write_nothing_but_loose_objects() {
    let world = pair();
    world.file("specs/a/spec.md", "# By hand, not committed\n");
    let everything = || {
        let refs = world.git(&["for-each-ref"]);
        (refs, world.git(&["config", "--list", "--local"]), world.dirt(), world.has(".specmake"))
    };
    let before = everything();
    for args in [["-n", "-s"], ["-q", "-s"], ["--explain", "-n"], ["status", "--all"]] {
        world.run(args).calls([]);
    }
    assert_eq!(everything(), before);
    world.run(["-n"]).exits(0).said("a:plan").said("specs/a/spec.md");
    let said = world.run(["-n"]).stdout;
    assert!(!said.contains("a:specify"), "what is written by hand counts as adopted\n{said}");
}
