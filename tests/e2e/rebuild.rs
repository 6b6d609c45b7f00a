//! What puts a stage out of date, and above all what does not.
use crate::world::{ONE, World};

fn one_spec() -> World {
    World::with(r#"spec "a" "The first thing""#)
}

fn b_needs_a() -> World {
    World::with("spec \"a\" \"The first thing\"\nspec \"b\" \"The second thing\" { needs \"a\" }")
}

#[test]
fn everything_is_built_once() {
    let world = one_spec();
    world.run([]).exits(0).calls(["a"]);
    assert_eq!(world.read("specs/a/spec.md"), "# What a is\n");
    assert!(world.read("src/a.txt").starts_with("a\n"));
    assert_eq!(world.show("main", "src/a.txt"), Some(world.read("src/a.txt")));
    assert_eq!(world.dirt(), "");
    assert_eq!(world.branches(), [""; 0]);
    let landed = world.rev("main");
    world.again().calls([]);
    assert_eq!(world.rev("main"), landed);
}

#[test]
fn an_edited_spec_runs_only_what_comes_after_it() {
    let world = World::with("spec \"a\" \"One\"\nspec \"b\" \"Two\"");
    world.run([]).exits(0).calls(["a", "b"]);
    world.append("specs/a/spec.md", "It also does more.").commit("a does more");
    world.run([]).exits(0).calls(["a:plan.."]);
    assert!(world.read("specs/a/spec.md").contains("It also does more."));
    world.again().calls([]);
}

#[test]
fn another_description_reaches_as_far_as_it_changes_something() {
    let world = one_spec();
    world.run([]).exits(0);
    world.edit("Specfile", "The first thing", "The same in other words").commit("words");
    world.run([]).exits(0).calls(["a:specify"]);
    world.again().calls([]);
}

#[test]
fn the_same_result_leaves_alone_what_needs_it() {
    let world = b_needs_a();
    world.script("a/implement", "mkdir -p src\ntick\necho constant > src/a.txt");
    world.run([]).exits(0).calls(["a", "b"]).before("a:check", "b:specify");
    world.append("specs/a/spec.md", "Said better.").commit("better words");
    world.run([]).exits(0).calls(["a:plan.."]);
    world.again().calls([]);
}

#[test]
fn another_result_reaches_what_needs_it() {
    let world = b_needs_a();
    world.run([]).exits(0);
    world.append("specs/a/spec.md", "Something else.").commit("something else");
    world.run([]).exits(0).calls(["a:plan..", "b"]).before("a:check", "b:specify");
    world.again().calls([]);
}

#[test]
fn only_exports_reach_what_needs_them() {
    let world =
        World::with("spec \"a\" \"One\" { exports \"src/a.txt\" }\nspec \"b\" \"Two\" { needs \"a\" }");
    let inner = "mkdir -p src\ntick\necho constant > src/a.txt\ncksum < \"$F/spec.md\" > src/inner.txt";
    world.script("a/implement", inner);
    world.run([]).exits(0).calls(["a", "b"]);
    world.append("specs/a/spec.md", "Another way inside.").commit("inside");
    world.run([]).exits(0).calls(["a:plan.."]);
    world.again().calls([]);
}

#[test]
fn ticks_and_documents_that_later_stages_touch_dirty_nobody() {
    let world = one_spec();
    world.script("a/implement", "play implement\necho 'As built.' >> \"$F/spec.md\"");
    world.run([]).exits(0).calls(["a"]);
    assert!(world.read("specs/a/tasks.md").contains("- [x] T001"));
    assert!(world.read("specs/a/spec.md").contains("As built."));
    world.again().calls([]);
}

#[test]
fn two_specs_that_write_one_changelog_stay_clean() {
    let world = World::new();
    let lines: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    world.file("CHANGELOG.md", &lines);
    let specs = "spec \"a\" \"One\"\nspec \"b\" \"Two\"\nspec \"c\" \"Three\" { needs \"a\" \"b\" }";
    world.specfile(specs).commit("start");
    let change = |line: u32| {
        format!(
            "play implement\nsed 's/^line {line}$/line {line} by '$S'/' CHANGELOG.md > new\nmv new CHANGELOG.md"
        )
    };
    world.script("a/implement", &change(2)).script("b/implement", &change(18));
    world.script("c/implement", "play implement\nsed '3s/$/ and c/' CHANGELOG.md > new\nmv new CHANGELOG.md");
    world.run([]).exits(0).calls(["a", "b", "c"]);
    let log = world.read("CHANGELOG.md");
    assert!(log.contains("line 2 by a") && log.contains("line 18 by b") && log.contains("and c"), "{log}");
    world.again().calls([]);
}

#[test]
fn an_unticked_task_is_worked_on_again() {
    let world = one_spec();
    world.run([]).exits(0);
    world.edit("specs/a/tasks.md", "- [x] T001", "- [ ] T001").commit("not done after all");
    let outcome = world.run([]);
    outcome.exits(0);
    // The change that implement hands on is now another one, so a check after it may run too.
    let calls: Vec<&str> = outcome.calls_of("a").into_iter().filter(|call| *call != "a:check").collect();
    assert_eq!(calls, ["a:implement"], "{outcome}");
    assert!(world.read("specs/a/tasks.md").contains("- [x] T001"));
    world.again().calls([]);
}

#[test]
fn a_task_ticked_again_undoes_the_unticking() {
    let world = one_spec();
    world.run([]).exits(0);
    world.edit("specs/a/tasks.md", "- [x] T001", "- [ ] T001").commit("not done after all");
    world.run(["-q"]).exits(4);
    world.edit("specs/a/tasks.md", "- [ ] T001", "- [x] T001").commit("done after all");
    world.run(["-q"]).exits(0);
    world.again().calls([]);
}

#[test]
fn an_edited_output_is_the_next_stages_input() {
    let world = one_spec();
    world.run([]).exits(0);
    world.append("specs/a/plan.md", "Mind the edge.").commit("reviewed");
    world.run([]).exits(0).calls(["a:tasks.."]);
    assert!(world.read("specs/a/plan.md").contains("Mind the edge."));
    world.again().calls([]);
}

#[test]
fn a_removed_output_is_made_again() {
    let world = one_spec();
    world.run([]).exits(0);
    world.git(&["rm", "-q", "specs/a/plan.md"]);
    world.commit("no plan");
    let outcome = world.run([]);
    outcome.exits(0);
    assert_eq!(outcome.calls.first().map(String::as_str), Some("a:plan"), "{outcome}");
    assert!(world.has("specs/a/plan.md"));
    world.again().calls([]);
}

#[test]
fn a_chain_runs_as_far_as_results_change() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ input \"in/{{spec}}*.txt\" }}\n\
         spec \"a\" \"A\"\nspec \"b\" \"B\" {{ needs \"a\" }}\nspec \"c\" \"C\" {{ needs \"b\" }}"
    ));
    world.script("a/build", "mkdir -p out\ncat in/a*.txt > out/a.txt");
    world.script("b/build", "mkdir -p out\necho constant > out/b.txt");
    for spec in ["a", "b", "c"] {
        world.file(&format!("in/{spec}.txt"), "1\n");
    }
    world.commit("inputs");
    world.run([]).exits(0).calls(["a:build", "b:build", "c:build"]);
    world.file("in/a.txt", "2\n").commit("two");
    world.run([]).exits(0).calls(["a:build", "b:build"]);
    world.again().calls([]);
}

#[test]
fn why_it_runs_again_is_told_to_the_agent() {
    let world = one_spec();
    world.run([]).exits(0);
    world.append("specs/a/spec.md", "It must count sheep.").commit("sheep");
    world.run([]).exits(0);
    let prompt = world.prompt("a:plan");
    assert!(prompt.contains("spec.md"), "{prompt}");
    assert!(prompt.contains("+It must count sheep."), "the person's diff\n{prompt}");
}

#[test]
fn a_revert_takes_nothing_back_that_was_done_by_hand() {
    let world = one_spec();
    world.file("specs/a/spec.md", "# As I want it\n").commit("by hand");
    world.run([]).exits(0).calls(["a:plan.."]);
    world.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    world.run([]).exits(0).calls(["a:plan.."]);
    assert_eq!(world.read("specs/a/spec.md"), "# As I want it\n");
    world.again().calls([]);
}

#[test]
fn a_rename_carries_its_history() {
    let world = World::with(r#"spec "old" "A thing""#);
    world.run([]).exits(0).calls(["old"]);
    world.git(&["mv", "specs/old", "specs/new"]);
    world.specfile(r#"spec "new" "A thing" was="old""#).commit("renamed");
    world.again().calls([]);
    world.append("specs/new/spec.md", "More.").commit("more");
    world.run([]).exits(0).calls(["new:plan.."]);
}

#[test]
fn a_rename_carries_work_in_progress() {
    let world = World::with("spec \"a\" \"A thing\"");
    world.run(["--until", "plan"]).exits(0).calls(["a:specify", "a:plan"]);
    let kept = "mkdir -p specs/bb\ngit mv specs/a/spec.md specs/a/plan.md specs/bb/";
    world.git_in(&world.worktree("a"), &["config", "user.name"]);
    let moved =
        std::process::Command::new("sh").arg("-c").arg(kept).current_dir(world.worktree("a")).status();
    assert!(moved.unwrap().success());
    world.specfile("spec \"bb\" \"A thing\" was=\"a\"").commit("renamed");
    world.run([]).exits(0).calls(["bb:tasks.."]);
    assert_eq!(world.branches(), [""; 0]);
    assert!(!world.worktree("a").exists() && !world.worktree("bb").exists());
    world.again().calls([]);
}

#[test]
fn who_needs_a_renamed_spec_stays_as_it_is() {
    let world = World::with("spec \"old\" \"A\"\nspec \"b\" \"B\" { needs \"old\" }");
    world.run([]).exits(0).calls(["old", "b"]);
    world.git(&["mv", "specs/old", "specs/new"]);
    world.specfile("spec \"new\" \"A\" was=\"old\"\nspec \"b\" \"B\" { needs \"new\" }").commit("renamed");
    world.again().calls([]);
}

#[test]
fn a_layer_that_grows_dirties_nobody_until_they_next_run() {
    let layers = |low: &str| {
        format!(
            "layer \"low\" {{ spec \"x\" \"X\"; {low} }}\n\
             layer \"high\" {{ needs \"low\"; spec \"h\" \"H\" }}"
        )
    };
    let world = World::with(&layers(""));
    world.run([]).exits(0).calls(["x", "h"]);
    world.specfile(&layers("spec \"y\" \"Y\"")).commit("one more below");
    world.run([]).exits(0).calls(["y"]);
    world.append("specs/h/spec.md", "More.").commit("h runs");
    world.run([]).exits(0).calls(["h:plan.."]);
    world.append("specs/y/spec.md", "More.").commit("y changes");
    let outcome = world.run([]);
    outcome.exits(0).before("y:check", "h:plan");
    assert!(!outcome.calls.contains(&"h:specify".to_owned()), "it did not run since\n{outcome}");
    world.specfile(&layers("")).commit("y leaves");
    world.again().calls([]);
}

#[test]
fn a_parked_spec_waits_to_be_named() {
    let world = World::with("spec \"a\" \"A\"\nspec \"p\" \"P\" { parked \"not this year\" }");
    world.run([]).exits(0).calls(["a"]);
    world.again().calls([]);
    world.run(["p"]).exits(0).calls(["p"]);
}

#[test]
fn an_edit_that_a_rebase_puts_below_a_trace_still_counts() {
    let world = World::with(
        "project { pipeline \"one\" }\n\
         pipeline \"one\" { stage \"build\" { run \"mkdir -p out; cat style.md > out/$SPECMAKE_SPEC.txt\"; input \"style.md\"; output \"out/{spec}.txt\" } }\n\
         spec \"a\" \"A\"",
    );
    world.file("style.md", "v1\n").commit("style");
    let before = world.rev("HEAD");
    world.run(["--yes"]).exits(0);
    // A colleague edits the input on top of what was there, and what was built here is rebased onto that.
    world.git(&["switch", "-q", "-c", "colleague", &before]);
    world.file("style.md", "v2\n").commit("another style");
    world.git(&["switch", "-q", "main"]);
    world.git(&["rebase", "-q", "colleague"]);
    assert_eq!((world.read("style.md"), world.read("out/a.txt")), ("v2\n".into(), "v1\n".into()));
    world.run(["-q"]).exits(4);
    world.run(["--yes"]).exits(0);
    assert_eq!(world.read("out/a.txt"), "v2\n");
    world.run(["-q"]).exits(0);
}

#[test]
fn a_rebase_over_edits_that_no_stage_reads_dirties_nobody() {
    let world = World::with("spec \"a\" \"A\"");
    let before = world.rev("HEAD");
    world.run([]).exits(0);
    world.git(&["switch", "-q", "-c", "colleague", &before]);
    world.file("notes.md", "unrelated\n").commit("notes");
    world.git(&["switch", "-q", "main"]);
    world.git(&["rebase", "-q", "colleague"]);
    world.again().calls([]);
}
