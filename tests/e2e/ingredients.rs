//! What is an ingredient and what is not; what was done by hand.
use crate::world::{ONE, World};

#[test]
fn taste_is_no_ingredient() {
    let world = World::with("spec \"a\" \"A\"\nspec \"b\" \"B\"");
    world.run([]).exits(0).calls(["a", "b"]);
    let other = world.agent().replace("\"script\"", "\"other\"");
    let specfile = format!(
        "// a remark\n{other}\n{}\nproject {{ jobs 2 }}\npool \"p\" depth=1\n\
         stage \"plan\" {{ timeout \"20m\"; pool \"p\"; on-failure {{ retry 3; fail }} }}\n\
         spec \"b\" \"B\" priority=3 {{ after \"a\" }}\nspec \"a\" \"A\"\n",
        world.agent()
    );
    world.file("Specfile", &specfile).commit("taste");
    world.run(["-q"]).exits(0);
    world.again().calls([]);
}

#[test]
fn a_prompt_is_an_ingredient() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.run([]).exits(0).calls(["a:build"]);
    world.edit("Specfile", "Build {spec}.", "Build {spec} with care.").commit("care");
    world.run(["-n"]).exits(0).said("prompt");
    world.run([]).exits(0).calls(["a:build"]);
    assert!(world.prompt("a:build").contains("Build a with care."), "{}", world.prompt("a:build"));
    world.again().calls([]);
}

#[test]
fn a_prompt_file_is_an_ingredient() {
    let world = World::new();
    world.file("prompts/draft.md", "Draft {spec}.\n");
    world.specfile(
        "project { pipeline \"docs\" }\n\
         pipeline \"docs\" { stage \"draft\" { prompt file=\"prompts/draft.md\"; output \"docs/{spec}.md\" } }\n\
         spec \"a\" \"A\"",
    );
    world.commit("start");
    world.script("any/draft", "mkdir -p docs\necho \"$S\" > \"docs/$S.md\"");
    world.run([]).exits(0).calls(["a:draft"]);
    world.file("prompts/draft.md", "Draft {spec} well.\n").commit("well");
    world.run([]).exits(0).calls(["a:draft"]);
    world.again().calls([]);
}

#[test]
fn a_run_line_and_its_environment_are_ingredients() {
    let line = "echo $SPECMAKE_SPEC:check >> $W/calls";
    let specfile = |line: &str, env: &str| {
        format!("stage \"check\" {{ run {line:?}; env LEVEL={env:?} }}\nspec \"a\" \"A\"")
    };
    let world = World::with(&specfile(line, "1"));
    world.run(["--yes"]).exits(0).calls(["a"]);
    world.specfile(&specfile(&format!("{line}; true"), "1")).commit("another line");
    world.run(["--yes"]).exits(0).calls(["a:check"]);
    world.specfile(&specfile(&format!("{line}; true"), "2")).commit("another level");
    world.run(["--yes"]).exits(0).calls(["a:check"]);
    world.again().calls([]);
}

#[test]
fn a_glob_is_one_ingredient_whose_files_are_named() {
    let world = World::new();
    world.file("style/one.md", "short\n").file("notes/x.md", "x\n");
    world.specfile(&format!("{ONE}\nstage \"build\" {{ input \"style/*.md\" }}\nspec \"a\" \"A\""));
    world.commit("start");
    world.run([]).exits(0).calls(["a:build"]);
    world.file("notes/x.md", "y\n").commit("nobody's");
    world.again().calls([]);
    world.file("style/two.md", "plain\n").commit("a second rule");
    world.run(["-n"]).exits(0).said("style/two.md");
    world.run([]).exits(0).calls(["a:build"]);
    world.git(&["mv", "style/two.md", "style/three.md"]);
    world.commit("renamed");
    world.run([]).exits(0).calls(["a:build"]);
    world.again().calls([]);
}

#[test]
fn a_mode_is_part_of_an_ingredient_and_a_date_is_not() {
    let world = World::new();
    world.file("style/one.sh", "short\n");
    world.specfile(&format!("{ONE}\nstage \"build\" {{ input \"style/*\" }}\nspec \"a\" \"A\""));
    world.commit("start");
    world.run([]).exits(0);
    world.file("style/one.sh", "short\n");
    world.again().calls([]);
    world.git(&["update-index", "--chmod=+x", "style/one.sh"]);
    world.git(&["commit", "-q", "-m", "a program now"]);
    world.git(&["checkout", "-q", "--", "style/one.sh"]);
    world.run([]).exits(0).calls(["a:build"]);
}

#[test]
fn a_stage_without_outputs_hands_on_its_change() {
    let world = World::with(
        "project { pipeline \"two\" }\n\
         pipeline \"two\" { stage \"write\" { prompt \"Write.\"; input \"in/{spec}.txt\" }\n\
         stage \"look\" { prompt \"Look.\"; output \"seen/{spec}.txt\" } }\n\
         spec \"a\" \"A\"",
    );
    world.file("in/a.txt", "1\n").commit("input");
    world.script("a/write", "cat in/a.txt > a.txt");
    world.script("a/look", "mkdir -p seen\necho seen > seen/a.txt");
    world.run([]).exits(0).calls(["a:write", "a:look"]);
    world.file("in/a.txt", "2\n").commit("two");
    world.run([]).exits(0).calls(["a:write", "a:look"]);
    world.script("a/write", "true");
    world.file("in/a.txt", "3\n").commit("three, and nothing to change for it");
    world.run([]).exits(0).calls(["a:write"]);
    world.again().calls([]);
}

#[test]
fn a_spec_written_by_hand_is_never_overwritten() {
    let world = World::new();
    let mine = "# A, as I want it\n\nNot otherwise.\n";
    world.file("specs/a/spec.md", mine).specfile(r#"spec "a" "A""#).commit("start");
    world.run([]).exits(0).calls(["a:plan.."]);
    assert_eq!(world.read("specs/a/spec.md"), mine);
    world.again().calls([]);
}

fn ten_finished() -> World {
    let world = World::new();
    let mut specs = String::new();
    for number in 1..=10 {
        let name = format!("{number:03}-thing");
        specs.push_str(&format!("spec {name:?} \"Thing {number}\"\n"));
        world.file(&format!("specs/{name}/spec.md"), "# Spec\n");
        world.file(&format!("specs/{name}/plan.md"), "# Plan\n");
        world.file(&format!("specs/{name}/tasks.md"), "- [x] T001 Write src/it.txt\n");
    }
    world.specfile(&specs).commit("ten finished specs");
    world
}

#[test]
fn a_repository_of_finished_specs_starts_with_nothing_to_do() {
    let world = ten_finished();
    let before = world.rev("main");
    world.run(["-q"]).exits(0);
    world.again().calls([]);
    assert_eq!(world.rev("main"), before, "no commit is made for adopting alone");
    assert_eq!(world.dirt(), "");
    world.append("specs/007-thing/plan.md", "More.").commit("more");
    world.run(["-q"]).exits(4);
}

#[test]
fn what_was_adopted_is_built_once_it_is_edited() {
    let world = ten_finished();
    world.again().calls([]);
    world.append("specs/003-thing/spec.md", "And more.").commit("more");
    world.run([]).exits(0).calls(["003-thing:plan.."]);
    world.lose_state();
    world.again().calls([]);
}

#[test]
fn tasks_left_open_are_not_adopted() {
    let world = ten_finished();
    world.file("specs/004-thing/tasks.md", "- [x] T001 One\n- [ ] T002 Two\n").commit("one more");
    let outcome = world.run([]);
    outcome.exits(0);
    assert_eq!(outcome.calls.first().map(String::as_str), Some("004-thing:implement"), "{outcome}");
    world.again().calls([]);
}

#[test]
fn a_need_that_is_not_declared_must_be_done() {
    let world = World::new();
    world.file("specs/base/spec.md", "# Spec\n").file("specs/base/plan.md", "# Plan\n");
    world.file("specs/base/tasks.md", "- [x] T001 It\n");
    world.specfile(r#"spec "a" "A" { needs "base" }"#).commit("start");
    world.run([]).exits(0).calls(["a"]);
    world.again().calls([]);

    let world = World::new();
    world.file("specs/base/spec.md", "# Spec\n");
    world.specfile(r#"spec "a" "A" { needs "base" }"#).commit("start");
    world.run([]).refuses().said("base").calls([]);
}

#[test]
fn a_need_that_is_not_declared_matters_only_to_who_needs_it() {
    let world = World::new();
    world.file("specs/base/spec.md", "# Spec\n");
    world.specfile("spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"base\" }").commit("start");
    world.run(["a"]).exits(0).calls(["a"]);
    world.run(["b"]).refuses().said("base").calls([]);
    world.file("specs/base/plan.md", "# Plan\n");
    world.file("specs/base/tasks.md", "- [x] T001 It\n").commit("done by hand");
    world.run(["b"]).exits(0).calls(["b"]);
}

#[test]
fn what_was_adopted_is_recorded_with_the_next_commit_on_the_base() {
    let world = ten_finished();
    world.again().calls([]);
    let first = world.rev("main");
    let specfile = world.read("Specfile");
    world.file("Specfile", &format!("{specfile}\nspec \"new\" \"New\"\n")).commit("one more");
    world.run([]).exits(0).calls(["new"]);
    let lines = world.git(&["log", "-1", "--format=%B", "main"]);
    let adopted: Vec<&str> = lines.lines().filter(|line| line.contains("how=adopted")).collect();
    assert_eq!(adopted.len(), 10, "{lines}");
    assert!(adopted.iter().all(|line| line.contains(&first)), "judged on the first commit\n{lines}");
    world.append("specs/005-thing/plan.md", "More.").commit("an edit");
    world.clone_as("clone", &[]).run(["-n"]).said("005-thing:tasks");
    world.run([]).exits(0).calls(["005-thing:tasks.."]);
}

#[test]
fn the_commit_of_edits_records_what_was_adopted_before_it() {
    let world = ten_finished();
    world.append("specs/005-thing/spec.md", "More.");
    world.run(["--yes"]).exits(0).calls(["005-thing:plan.."]);
    let clone = world.clone_as("clone", &[]);
    clone.again().calls([]);
    clone.edit("Specfile", "Thing 6", "Another thing 6").commit("in other words");
    clone.run(["-q"]).exits(0);
}

#[test]
fn what_is_adopted_step_by_step_is_adopted_whole() {
    let world = World::new();
    world.file("specs/a/spec.md", "# Spec\n").file("specs/a/plan.md", "# Plan\n");
    world.specfile(r#"spec "a" "A""#).commit("start");
    world.script("a/tasks", "exit 1");
    world.run(["--retries", "0"]).exits(1);
    world.git(&["worktree", "remove", "--force", world.worktree("a").to_str().unwrap()]);
    world.git(&["branch", "-q", "-D", "spec/a"]);
    world.file("specs/a/tasks.md", "- [x] T001 It\n").commit("the rest by hand");
    world.again().calls([]);
    world.again().calls([]);
    world.append("specs/a/plan.md", "More.").commit("an edit");
    world.unscript("a/tasks");
    world.run(["-n"]).said("a:tasks").said("plan.md");
    world.run([]).exits(0).calls(["a:tasks.."]);
    world.again().calls([]);
}

#[test]
fn always_make_reaches_what_was_adopted() {
    let world = ten_finished();
    world.run(["-B", "002-thing"]).exits(0).calls(["002-thing"]);
    world.again().calls([]);
}

#[test]
fn agent_and_model_may_be_made_ingredients() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\" {{ model \"small\" }}"));
    world.run([]).exits(0).calls(["a:build"]);
    let counting = ONE.replace("project {", "project { ingredients \"agent\" \"model\";");
    world.specfile(&format!("{counting} spec \"a\" \"A\" {{ model \"small\" }}")).commit("from now on");
    world.again().calls([]);
    world.run(["-B"]).exits(0).calls(["a:build"]);
    world.specfile(&format!("{counting} spec \"a\" \"A\" {{ model \"large\" }}")).commit("large");
    world.run(["-n"]).exits(0).said("model");
    world.run(["--model", "other"]).exits(0).calls(["a:build"]);
    world.again().calls([]);
}

#[test]
fn a_prompt_is_read_from_the_checkout_as_it_lies() {
    let world = World::new();
    world.file("prompts/draft.md", "Draft {spec}.\n");
    world.specfile(
        "project { pipeline \"docs\" }\n\
         pipeline \"docs\" { stage \"draft\" { prompt file=\"prompts/draft.md\"; output \"docs/{spec}.md\" } }\n\
         spec \"a\" \"A\"",
    );
    world.commit("start");
    world.script("any/draft", "mkdir -p docs\necho \"$S\" > \"docs/$S.md\"");
    world.file("prompts/draft.md", "Draft {spec} without a commit.\n");
    world.run([]).exits(0).calls(["a:draft"]);
    assert!(world.prompt("a:draft").contains("without a commit"));
    world.again().calls([]);
    assert!(world.dirt().contains("prompts/draft.md"), "it was read, not committed");
}
