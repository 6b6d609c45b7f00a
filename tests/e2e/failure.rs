//! What a failure stops, what it does not, and the ladder that it climbs.
use crate::world::{ONE, World};

/// The cheap pipeline with this ladder.
fn ladder(steps: &str, specs: &str) -> World {
    World::with(&format!("{ONE}\nstage \"build\" {{ on-failure {{ {steps} }} }}\n{specs}"))
}

#[test]
fn a_failed_spec_stops_what_needs_it_and_nothing_else() {
    let world = World::with(
        "stage \"plan\" { on-failure { fail } }\nspec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }\n\
         spec \"c\" \"C\" { needs \"b\" }\nspec \"d\" \"D\"",
    );
    world.script("a/plan", "echo 'no idea how'\nexit 3");
    world.run([]).exits(1).calls(["a:specify", "a:plan", "d"]).said("a:plan").said("b");
    assert!(world.has("src/d.txt") && !world.has("src/a.txt"));
    assert_eq!(world.dirt(), "");
    world.unscript("a/plan");
    world.run([]).exits(0).calls(["a:plan..", "b", "c"]);
    world.again().calls([]);
}

#[test]
fn a_failed_stage_names_its_log() {
    let world = ladder("fail", "spec \"a\" \"A\"");
    world.script("a/build", "echo 'the disk is made of cheese'\nexit 3");
    world.run([]).exits(1).said_any(&["exit status 3", "exit code 3", "status 3", "code 3"]);
    world.run(["logs", "a:build"]).exits(0).said("the disk is made of cheese");
}

#[test]
fn fail_fast_starts_nothing_new() {
    let world = ladder("fail", "spec \"a\" \"A\" priority=9\nspec \"b\" \"B\"\nspec \"c\" \"C\"");
    world.script("a/build", "exit 3");
    world.run(["-j1", "--fail-fast"]).exits(1).calls(["a:build"]);
    world.run(["-j1"]).exits(1).calls(["a:build", "b:build", "c:build"]);
}

#[test]
fn fail_fast_lets_running_agents_finish() {
    let world = ladder("fail", "spec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\" { needs \"b\" }");
    world.script("a/build", "wait-for b-runs\nexit 3");
    world.script("b/build", "flag b-runs\nlinger\nplay build");
    world.run(["-j2", "--fail-fast"]).exits(1).calls(["a:build", "b:build"]);
    assert!(world.has("out/b.txt"), "what was done still lands");
}

#[test]
fn retry_goes_on_in_the_same_tree() {
    let world = ladder("retry 2; fail", "spec \"a\" \"A\"");
    world.script("a/build", "echo $N >> tries.txt\nif [ \"$N\" != 3 ]; then exit 1; fi\nplay build");
    world.run([]).exits(0).calls(["a:build", "a:build", "a:build"]);
    assert_eq!(world.read("tries.txt"), "1\n2\n3\n");
    world.again().calls([]);
}

#[test]
fn restart_begins_from_a_clean_tree() {
    let world = ladder("restart 1; fail", "spec \"a\" \"A\"");
    world.script("a/build", "echo $N >> tries.txt\nif [ \"$N\" != 2 ]; then exit 1; fi\nplay build");
    world.run([]).exits(0).calls(["a:build", "a:build"]);
    assert_eq!(world.read("tries.txt"), "2\n");
    world.again().calls([]);
}

#[test]
fn a_ladder_is_climbed_to_its_end() {
    let world = ladder("retry 1; restart 2; fail", "spec \"a\" \"A\"");
    world.script("a/build", "exit 1");
    world.run([]).exits(1).calls(["a:build", "a:build", "a:build", "a:build"]);
    // A failed stage starts its ladder afresh.
    world.run(["--retries", "0"]).exits(1).calls(["a:build"]);
    world.run(["--retries", "1"]).exits(1).calls(["a:build", "a:build"]);
}

#[test]
fn a_class_may_have_a_ladder_of_its_own() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ retry 3; fail }}; on-failure \"output\" {{ fail }} }}\nspec \"a\" \"A\""
    ));
    world.script("a/build", "echo 'All done, I promise.'");
    world.run([]).exits(1).calls(["a:build"]).said("out/a.txt");
}

#[test]
fn the_next_attempt_is_told_what_went_wrong() {
    let world = ladder("retry 1; fail", "spec \"a\" \"A\"");
    world.script("a/build", "if [ \"$N\" = 1 ]; then echo 'flux capacitor missing'; exit 7; fi\nplay build");
    world.run([]).exits(0).calls(["a:build", "a:build"]);
    assert!(world.prompt("a:build").contains("flux capacitor missing"), "{}", world.prompt("a:build"));
}

#[test]
fn a_held_spec_stays_held_until_it_is_retried() {
    let world = ladder("hold", "spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }");
    world.script("a/build", "exit 3");
    world.run([]).exits(1).calls(["a:build"]).said("held");
    world.unscript("a/build");
    let again = world.run([]);
    again.exits(1).calls([]).said("a/build.1.log").said("blocked by `a`").said("held: build (crash)");
    let retried = world.run(["retry", "a"]);
    let rest = world.run([]);
    rest.exits(0);
    let mut calls = retried.calls.clone();
    calls.extend(rest.calls.clone());
    assert_eq!(calls, ["a:build", "b:build"], "{retried}{rest}");
    world.again().calls([]);
}

#[test]
fn status_names_the_log_however_many_runs_ago_that_was_and_no_warning_of_another_spec() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\"\nspec \"b\" \"B\""
    ));
    world.script("a/build", "exit 3");
    world.script("b/build", "exit 4");
    world.run([]).exits(1);
    world.run(["status", "a"]).exits(0).said("/a/build.1.log");
    world.run(["logs", "a"]).exits(0).said("a:build, attempt 1, has printed nothing");
    std::fs::write(world.worktree("b").join("mine.txt"), "mine\n").unwrap();
    world.run(["retry", "b"]).exits(1).said("b: your edits in");
    world.run([]).exits(1).calls([]);
    world.run(["status", "a"]).exits(0).said("/a/build.1.log").unsaid("/b/");
    std::fs::write(world.worktree("b").join("mine.txt"), "mine too\n").unwrap();
    world.run(["retry", "b"]).exits(1);
    world.run(["status", "b"]).exits(0).said("b: your edits in");
    world.run(["status", "a"]).exits(0).unsaid("your edits in");
}

#[test]
fn a_held_spec_goes_on_when_its_ingredients_change() {
    let world = ladder("hold", "spec \"a\" \"A\"");
    world.script("a/build", "exit 3");
    world.run([]).exits(1).calls(["a:build"]);
    world.unscript("a/build");
    world.edit("Specfile", "Build {spec}.", "Build {spec} another way.").commit("another way");
    world.run([]).exits(0).calls(["a:build"]);
    world.again().calls([]);
}

#[test]
fn a_held_spec_stays_held_whatever_others_land_and_however_its_need_is_called() {
    let specs = "spec \"a\" \"A\" { needs \"n\" }\nspec \"b\" \"B\" { after \"a\" }\nspec \"n\" \"N\"";
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ input \"shared/*\"; on-failure {{ hold }} }}\n{specs}"
    ));
    world.file("shared/style.md", "style\n").commit("style");
    world.script("a/build", "exit 3");
    world.script("b/build", "echo b > shared/b.txt\necho b > out/b.txt");
    world.run([]).exits(1).calls(["n:build", "a:build", "b:build"]);
    assert!(world.has("shared/b.txt"), "it landed");
    world.run([]).exits(1).calls([]).said("held");
    world.edit("Specfile", "needs \"n\"", "needs \"m\"");
    world.edit("Specfile", "spec \"n\" \"N\"", "spec \"m\" \"N\" was=\"n\"");
    world.git(&["mv", "out/n.txt", "out/m.txt"]);
    world.commit("another name");
    world.run([]).exits(1).calls([]).said("held");
    world.unscript("a/build");
    world.file("shared/style.md", "another style\n").commit("another style");
    world.run(["a"]).exits(0).calls(["m:build", "a:build"]);
}

#[test]
fn a_timeout_ends_the_agent_and_all_it_started() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ timeout \"1s\"; on-failure {{ fail }} }}\nspec \"a\" \"A\""
    ));
    world.script("a/build", "(trap '' TERM; wait-for never) &\nwait-for never");
    world.run([]).exits(1).calls(["a:build"]).said_any(&["timeout", "timed out", "longer than"]);
    assert_eq!(world.strays(), [0; 0], "left behind");
}

#[test]
fn an_exit_code_of_zero_is_no_proof_of_an_output() {
    let world = World::with(
        "stage \"plan\" { on-failure { fail }; on-failure \"output\" { fail } }\nspec \"a\" \"A\"",
    );
    world.script("a/plan", "echo 'Plan complete.'");
    world.run([]).exits(1).calls(["a:specify", "a:plan"]).said("plan.md");
}

#[test]
fn an_output_that_does_not_parse_is_no_output() {
    let world = World::with(
        "stage \"tasks\" { on-failure { fail }; on-failure \"output\" { fail } }\nspec \"a\" \"A\"",
    );
    world.script("a/tasks", "echo 'There is nothing to do.' > \"$F/tasks.md\"");
    world.run([]).exits(1).calls(["a:specify", "a:plan", "a:tasks"]).said("tasks.md");
}

#[test]
fn tasks_left_open_are_a_failure() {
    let world = World::with("stage \"implement\" { on-failure { fail } }\nspec \"a\" \"A\"");
    world.script(
        "a/implement",
        "play implement\nsed 's/- \\[x\\] T002/- [ ] T002/' \"$F/tasks.md\" > new\nmv new \"$F/tasks.md\"",
    );
    world.run([]).exits(1).said("T002");
    assert!(!world.has("src/a.txt"));
}

#[test]
fn ticking_alone_is_no_work() {
    let world = World::with("stage \"implement\" { on-failure { fail } }\nspec \"a\" \"A\"");
    world.script("a/implement", "tick");
    world.run([]).exits(1).calls(["a:specify", "a:plan", "a:tasks", "a:implement"]);
    assert!(!world.has("specs/a/tasks.md"), "nothing landed");
}

#[test]
fn a_red_check_keeps_a_spec_from_landing() {
    let world = World::with(
        "stage \"check\" { run \"echo $SPECMAKE_SPEC:check >> $W/calls; test $SPECMAKE_SPEC != a\"; on-failure { fail } }\n\
         spec \"a\" \"A\"\nspec \"b\" \"B\"",
    );
    world.run([]).exits(1).calls(["a", "b"]);
    assert!(world.has("src/b.txt") && !world.has("src/a.txt"));
}

#[test]
fn a_setup_that_fails_is_nobodys_failure() {
    let world = World::with(&format!(
        "{}\nspec \"a\" \"A\"",
        ONE.replace("project {", "project { setup \"echo broken pump; exit 9\";")
    ));
    world.run([]).refuses().calls([]).said("setup");
}

#[test]
fn a_gate_waits_for_a_person() {
    let world = World::with(
        "project { pipeline \"docs\" }\n\
         pipeline \"docs\" {\n\
           stage \"draft\" { prompt \"Draft.\"; output \"docs/{spec}.md\" }\n\
           stage \"review\" { gate }\n\
           stage \"publish\" { run \"echo $SPECMAKE_SPEC:publish >> $W/calls; cp docs/$SPECMAKE_SPEC.md published.md\"; input \"docs/{spec}.md\" }\n\
         }\nspec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }",
    );
    world.script("any/draft", "mkdir -p docs\necho \"$S\" > \"docs/$S.md\"");
    world.run([]).exits(1).calls(["a:draft"]).said("approve").said("a:review");
    world.run([]).exits(1).calls([]).said("approve");
    let approved = world.run(["approve", "a:review"]);
    approved.exits(0);
    let rest = world.run([]);
    let mut calls = approved.calls.clone();
    calls.extend(rest.calls.clone());
    assert_eq!(calls, ["a:publish", "b:draft"], "{approved}{rest}");
    assert_eq!(world.read("published.md"), "a\n");
    world.run(["approve", "b:review"]).exits(0);
    world.run([]).exits(0);
    world.again().calls([]);
}

#[test]
fn when_it_says_no_a_spec_is_skipped() {
    let world = World::with(&format!(
        "{ONE} spec \"a\" \"A\" {{ when \"test -e wanted.txt\" }}\nspec \"b\" \"B\" {{ needs \"a\" }}"
    ));
    world.run([]).exits(0).calls(["b:build"]);
    world.again().calls([]);
    world.file("wanted.txt", "yes\n").commit("wanted");
    let outcome = world.run([]);
    outcome.exits(0);
    assert_eq!(outcome.calls_of("a"), ["a:build"], "{outcome}");
    world.again().calls([]);
}

#[test]
fn one_layers_failure_may_cancel_the_layer_alone() {
    let world = ladder(
        "fail",
        "layer \"x\" { failure \"cancel\"; spec \"a\" \"A\" priority=9; spec \"b\" \"B\" }\nlayer \"y\" { spec \"c\" \"C\" }",
    );
    world.script("a/build", "exit 3");
    world.run(["-j1"]).exits(1).calls(["a:build", "c:build"]);
}

#[test]
fn retry_still_tells_what_people_changed() {
    let world = World::with("stage \"plan\" { on-failure { hold } }\nspec \"a\" \"A\"");
    world.run([]).exits(0);
    world.append("specs/a/spec.md", "It hums.").commit("more");
    world.script("a/plan", "exit 3");
    world.run([]).exits(1).calls(["a:plan"]);
    world.run([]).exits(1).calls([]);
    world.unscript("a/plan");
    world.run(["retry", "a"]).exits(0).calls(["a:plan.."]);
    assert!(world.prompt("a:plan").contains("+It hums."), "{}", world.prompt("a:plan"));
    world.again().calls([]);
}

#[test]
fn an_agent_that_is_still_for_too_long_is_ended() {
    let world = World::new();
    let program = world.top().join("agent.sh");
    world.specfile(&format!(
        "agent \"talker\" {{ command {program:?}; prompt \"stdin\"; streams #true }}\n{ONE}\n\
         stage \"build\" {{ stall \"1s\"; on-failure {{ retry 9; fail }}; on-failure \"stall\" {{ fail }} }}\n\
         spec \"a\" \"A\"\nspec \"b\" \"B\" agent=\"talker\""
    ));
    world.commit("Specfile");
    // Whoever prints while it works is judged by that alone.
    world.script("b/build", "while :; do date > busy.txt; sleep 0.1; done");
    world.script("a/build", "wait-for never");
    let outcome = world.run([]);
    outcome.exits(1).calls(["a:build", "b:build"]);
    outcome.said("a:build  failed: showed no sign of life").said("b:build  failed: showed no sign of life");
    assert_eq!(world.strays(), [0; 0], "left behind");
}

#[test]
fn a_chain_of_blocked_specs_names_its_root() {
    let specs = "spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }\nspec \"c\" \"C\" { needs \"b\" }";
    let world = ladder("fail", specs);
    world.script("a/build", "exit 3");
    let root = "blocked by `a` (failed: build (crash))";
    world.run([]).exits(1).calls(["a:build"]).said(root);
    let status = world.run(["status"]);
    assert_eq!(status.next(), ["specmake retry a"], "{status}");
    let at = |words: &str| status.stdout.find(words).unwrap_or_else(|| panic!("{words}: {status}"));
    assert!(at("next: specmake retry a") < at("b  `a` failed"), "{status}");
    status.said(&format!("c  `b` {root}"));
    let status = world.run(["status", "--format", "json"]).json();
    let specs = status["specs"].as_array().unwrap();
    let of = |name: &str| specs.iter().find(|spec| spec["spec"] == name).unwrap();
    assert_eq!(of("c")["blocked_by"], serde_json::json!(["b", "a"]));
    assert_eq!(of("c")["why"], format!("`b` {root}"));
    assert_eq!(of("b")["why"], "`a` failed: build (crash)");
}
