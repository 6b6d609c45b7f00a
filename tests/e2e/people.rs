//! What people say to a spec: stop, hold, retry, with a run on and without one.
use crate::world::{ONE, World};

/// Two specs of one stage; `a` runs until it is told to go.
fn two() -> World {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"apple\" \"A\"\nspec \"banana\" \"B\""
    ));
    world.script("apple/build", "echo half > half.txt\nflag apple\nwait-for go\nplay build");
    world.script("banana/build", "flag banana\nwait-for go\nplay build");
    world
}

#[test]
fn stop_reaches_a_run_that_is_on() {
    let world = two();
    let mut run = world.start(["-j2"]);
    run.until_flag("apple");
    run.until_flag("banana");
    world.run(["stop", "app", "--why", "wrong idea"]).exits(0).said("held apple").calls([]);
    assert_eq!(world.show("spec/apple", "half.txt").as_deref(), Some("half\n"), "its work is kept");
    world.flag("go");
    run.wait().exits(1).said("wrong idea");
    assert!(world.has("out/banana.txt") && !world.has("out/apple.txt"));
    assert_eq!(world.strays(), [0; 0]);
    world.run([]).exits(1).calls([]).said("wrong idea");
    // It stays so whatever changes.
    world.edit("Specfile", "Build {spec}.", "Build {spec} well.").commit("well");
    world.script("banana/build", "play build");
    world.run([]).exits(1).calls(["banana:build"]);
    world.run(["retry", "apple"]).exits(0).calls(["apple:build"]);
    assert_eq!(world.read("half.txt"), "half\n");
    world.again().calls([]);
}

#[test]
fn retry_reaches_a_run_that_is_on() {
    let world = two();
    world.script("apple/build", "if [ ! -e $W/flags/mended ]; then flag broken; exit 3; fi\nplay build");
    let mut run = world.start(["-j2"]);
    run.until_flag("banana");
    run.until_said("specmake retry apple");
    world.run(["retry", "banana"]).exits(0).said("at work");
    world.flag("mended");
    world.run(["retry"]).exits(0).said("apple goes on in the run that is on");
    world.flag("go");
    run.wait().exits(0).calls(["apple:build", "banana:build", "apple:build"]);
    world.again().calls([]);
}

#[test]
fn hold_lets_a_stage_of_a_run_end() {
    let world = World::with("spec \"a\" \"A\"");
    world.script("a/plan", "flag planning\nwait-for go\nplay plan");
    let mut run = world.start([]);
    run.until_flag("planning");
    world.run(["hold", "a"]).exits(0).said("as soon as `a:plan` has ended");
    world.flag("go");
    run.wait().exits(1).calls(["a:specify", "a:plan"]).said("held by hand");
    world.run([]).exits(1).calls([]);
    world.run(["retry", "a"]).exits(0).calls(["a:tasks.."]);
}

#[test]
fn a_held_spec_is_in_nobodys_way_but_its_own() {
    let world = two();
    world.flag("go");
    world.run(["stop", "apple"]).exits(0).calls([]);
    world.run([]).exits(1).calls(["banana:build"]);
    world.run(["retry"]).exits(0).calls(["apple:build"]);
    world.run(["retry"]).exits(0).calls([]).said("nothing is held or failed");
    world.run(["stop", "apple"]).exits(3).said("up to date");
}

#[test]
fn retry_without_a_name_is_for_all_that_failed() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ fail }} }}\nspec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\""
    ));
    world.script("a/build", "exit 1").script("b/build", "exit 1");
    world.run([]).exits(1).calls(["a:build", "b:build", "c:build"]);
    world.append("Specfile", "spec \"d\" \"D\"").commit("more");
    world.unscript("a/build").unscript("b/build");
    world.run(["retry"]).exits(0).calls(["a:build", "b:build"]);
}

#[test]
fn force_runs_what_is_up_to_date_again() {
    let world = World::with("spec \"a\" \"A\"");
    world.run([]).exits(0);
    world.run(["retry", "a"]).exits(0).calls([]);
    world.run(["retry", "a", "--from", "implement"]).exits(0).calls(["a:implement.."]);
    world.run(["retry", "a", "--force"]).exits(0).calls(["a"]);
    world.run(["retry", "a", "--force", "--from", "plan"]).exits(2);
    world.again().calls([]);
}

#[test]
fn a_gate_passes_on_what_it_was_shown() {
    let world = World::with(
        "project { pipeline \"two\" }\n\
         pipeline \"two\" {\n\
           stage \"draft\" { prompt \"Draft.\"; output \"draft/{spec}.txt\" }\n\
           stage \"review\" { gate; input \"notes.txt\" }\n\
         }\n\
         spec \"a\" \"A\"",
    );
    world.script("a/draft", "mkdir -p draft\necho d > draft/a.txt");
    world.file("notes.txt", "one\n").commit("notes");
    world.run([]).exits(1).calls(["a:draft"]);
    // Its branch does not have that yet.
    world.file("notes.txt", "two\n").commit("other notes");
    world.run(["approve", "a"]).exits(0).said("approved a:review");
    world.file("notes.txt", "three\n").commit("more notes");
    world.run([]).exits(1).said("a:review  waits for you");
    world.run(["approve", "a"]).exits(0);
    world.run([]).exits(0).calls([]);
    assert!(world.has("draft/a.txt"));
}

#[test]
fn names_are_prefixes_and_mistakes_are_told() {
    let world = two();
    world.append("Specfile", "spec \"apricot\" \"C\"").commit("more");
    for command in ["stop", "hold", "retry"] {
        world.run([command, "ap"]).exits(2).said("`ap` may mean").calls([]);
        world.run([command, "banan4"]).exits(2).said("did you mean `banana`?").calls([]);
    }
    world.run(["retry", "banana", "--from", "paint"]).exits(2).said("its stages: build").calls([]);
    world.run(["stop"]).exits(2);
}

#[test]
fn open_and_shell_go_where_a_spec_is_worked_on() {
    let mut world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\"\nspec \"b\" \"B\""
    ));
    world.run(["open", "b", "--path"]).exits(3).said("has no worktree");
    world.script("a/build", "exit 3");
    world.run(["a"]).exits(1);
    let folder = world.worktree("a").display().to_string();
    assert_eq!(world.run(["open", "a", "--path"]).exits(0).stdout.trim(), folder);
    world.env("VISUAL", "printf '%s|' first");
    assert_eq!(world.run(["open", "a"]).exits(0).stdout, format!("first|{folder}|"));
    let ran = world.run([
        "shell",
        "a",
        "--",
        "sh",
        "-c",
        "pwd; echo $SPECMAKE_SPEC $SPECIFY_FEATURE_DIRECTORY; exit 7",
    ]);
    assert_eq!(ran.exits(7).stdout, format!("{folder}\na {folder}/specs/a\n"));
    world.env("SHELL", "/bin/pwd");
    assert_eq!(world.run(["shell", "a"]).exits(0).said("committed on its own").stdout.trim(), folder);
    world.run(["shell", "b"]).exits(3);
}

#[test]
fn a_shell_does_not_meddle_with_an_agent() {
    let world = two();
    let mut run = world.start(["apple"]);
    run.until_flag("apple");
    world.run(["shell", "apple", "--", "true"]).exits(3).said("specmake stop apple");
    world.run(["shell", "apple", "--force", "--", "true"]).exits(0);
    world.flag("go");
    run.wait().exits(0);
}

#[test]
fn diff_shows_what_a_spec_changed() {
    let world = World::with("stage \"implement\" { on-failure { hold } }\nspec \"a\" \"A\"");
    world.run(["diff", "a"]).exits(0).said("changed nothing yet");
    world.script("a/implement", "mkdir src\necho 'fn half() {}' > src/half.rs\nexit 3");
    world.run([]).exits(1);
    world.run(["diff", "a"]).exits(0).said("+fn half() {}").said("plan.md");
    let plan = world.run(["diff", "a", "--stage", "plan"]);
    assert!(plan.exits(0).said("plan.md").stdout.lines().all(|line| !line.contains("half")), "{plan}");
    std::fs::write(world.worktree("a").join("mine.txt"), "mine\n").unwrap();
    let implement = world.run(["diff", "a", "--stage", "implement"]);
    assert!(implement.exits(0).said("+mine").said("half.rs").stdout.lines().all(|l| !l.contains("plan.md")));
    world.run(["diff", "a", "--stat"]).exits(0).said("mine.txt  ").plain();
    let json = world.run(["diff", "a", "--format", "json"]).json();
    assert_eq!(json["uncommitted"], true);
    assert!(json["files"].as_array().unwrap().iter().any(|file| file["path"] == "src/half.rs"), "{json}");
    world.run(["diff", "a", "--stage", "paint"]).exits(2).said("its stages");
    world.unscript("a/implement");
    world.run(["retry", "a"]).exits(0);
    world.run(["diff", "a"]).exits(0).said("+mine").said("src/a.txt");
    let plan = world.run(["diff", "a", "--stage", "plan"]);
    assert!(plan.exits(0).said("plan.md").stdout.lines().all(|line| !line.contains("half")), "{plan}");
}

#[test]
fn resume_goes_on_after_a_run_that_was_cut_off() {
    let world = two();
    world.run(["resume"]).exits(0).said("was not cut off").calls([]);
    let mut run = world.start(["apple"]);
    run.until_flag("apple");
    world.run(["resume", "--yes"]).exits(3).said("a run is on");
    run.kill();
    world.kill_strays();
    let refused = world.run(["resume"]);
    refused.exits(2).said("apple:build at work").said("it would build apple").said("--yes").calls([]);
    world.flag("go");
    world.run(["resume", "--yes"]).exits(0).calls(["apple:build"]);
    assert!(world.has("out/apple.txt") && !world.has("out/banana.txt"), "the goals of that run");
    world.run(["resume", "--yes"]).exits(0).said("was not cut off").calls([]);
}

#[test]
fn fix_wants_something_to_mend() {
    let world = two();
    world.flag("go");
    world.run(["fix", "apple"]).exits(3).said("nothing of `apple` is held or failed").calls([]);
    world.run(["fix", "apple", "--agent", "scrip"]).exits(2).said("did you mean `script`?");
    world.script(
        "apple/build",
        "if [ ! -e mended.txt ]; then echo 'no seal'; touch mended.txt; exit 3; fi\nplay build",
    );
    world.run(["apple"]).exits(1);
    world.run(["fix", "apple"]).exits(0).calls(["apple:build"]).said("fix");
    assert!(world.prompt("apple:build").contains("no seal"), "{}", world.prompt("apple:build"));
    world.again();
}
