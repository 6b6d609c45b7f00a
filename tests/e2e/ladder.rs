//! The steps of a ladder, each as a real run takes it.
use crate::world::{ONE, World};
use rustix::process::Signal;

/// The cheap pipeline with this ladder; `careful` is the scripted agent under another name.
fn ladder(steps: &str, specs: &str) -> World {
    let world = World::new();
    let careful = "agent \"careful\" uses=\"script\" { env WHO=\"careful\" }";
    let careful = if steps.contains("careful") { careful } else { "" };
    world.specfile(&format!("{careful}\n{ONE}\nstage \"build\" {{ on-failure {{ {steps} }} }}\n{specs}"));
    world.commit("Specfile");
    world
}

/// The refs below `refs/specmake/backup/`.
fn backups(world: &World) -> Vec<String> {
    let refs = world.git(&["for-each-ref", "--format=%(refname)", "refs/specmake/backup/"]);
    refs.lines().map(ToOwned::to_owned).collect()
}

const WHO: &str = "note $N ${WHO:-usual}\n";

#[test]
fn an_attempt_says_where_it_stands_on_the_ladder() {
    let world = ladder("retry 1; restart 3; fail", "spec \"a\" \"A\"");
    world.script("a/build", "test \"$N\" = 3 || exit 3\nplay build");
    let outcome = world.run([]);
    outcome.exits(0).said("attempt 2 of 5: retry").said("attempt 3 of 5: restart");
    world.run(["logs", "a:build"]).exits(0);
}

#[test]
fn fallback_gives_the_stage_to_another_agent_and_it_stays_there() {
    let world = ladder("fallback \"careful\"; retry 1; fail", "spec \"a\" \"A\"");
    world.script("a/build", &format!("{WHO}test \"$N\" = 3 || exit 3\nplay build"));
    world.run(["--yes"]).exits(0).calls(["a:build", "a:build", "a:build"]);
    assert_eq!(world.notes(), ["1 usual", "2 careful", "3 careful"]);
    world.again().calls([]);
}

#[test]
fn fix_gives_the_failing_output_to_an_agent() {
    let world = ladder("fix 1 agent=\"careful\"; fail", "spec \"a\" \"A\"");
    let script = format!("{WHO}if [ \"$N\" = 1 ]; then echo 'gasket blown'; exit 3; fi\nplay build");
    world.script("a/build", &script);
    world.run(["--yes"]).exits(0).calls(["a:build", "a:build"]).said("attempt 2 of 2: fix");
    assert_eq!(world.notes(), ["1 usual", "2 careful"]);
    let prompt = world.prompt("a:build");
    for told in
        ["# Mend a stage of `a`", "This is what it was told", "Build a.", "gasket blown", "build.1.log"]
    {
        assert!(prompt.contains(told), "{told}: {prompt}");
    }
}

/// One stage of an agent, then a command, which is red until `good.txt` is there.
fn checked(ladder: &str) -> World {
    let world = World::new();
    world.specfile(&format!(
        "project {{ pipeline \"two\" }}\n\
         pipeline \"two\" {{\n\
           stage \"build\" {{ prompt \"Build {{spec}}.\"; output \"out/{{spec}}.txt\" }}\n\
           stage \"check\" {{ run \"echo a:run >> $W/calls; test -e good.txt || {{ echo 'no good.txt' ; exit 1; }}\"; on-failure {{ {ladder} }} }}\n\
         }}\nspec \"a\" \"A\""
    ));
    world.commit("Specfile");
    world
}

#[test]
fn a_red_check_is_mended_by_the_specs_agent_and_checked_again() {
    let world = checked("fix 2; hold");
    world.script("a/check", "note mends $N\nif [ \"$N\" = 3 ]; then echo good > good.txt; fi");
    let outcome = world.run([]);
    outcome.exits(0).calls(["a:build", "a:run", "a:check", "a:run", "a:check", "a:run"]);
    outcome.said("attempt 2 of 3: fix").said("attempt 3 of 3: fix");
    assert_eq!(world.notes(), ["mends 2", "mends 3"]);
    let prompt = world.prompt("a:check");
    for told in ["This command was run", "test -e good.txt", "no good.txt", "check.2.log"] {
        assert!(prompt.contains(told), "{told}: {prompt}");
    }
    assert_eq!(world.read("good.txt"), "good\n", "what the agent mended lands");
    world.again().calls([]);
}

#[test]
fn a_check_that_is_not_mended_is_held() {
    let world = checked("fix 1; hold");
    world.script("a/check", "echo 'I tried.'");
    world.run([]).exits(1).calls(["a:build", "a:run", "a:check", "a:run"]).said("specmake retry a");
    assert!(!world.has("out/a.txt"));
}

#[test]
fn a_person_has_a_held_check_mended() {
    let world = checked("hold");
    world.run([]).exits(1).calls(["a:build", "a:run"]);
    world.script("a/check", "echo good > good.txt");
    world.run(["fix", "a"]).exits(0).calls(["a:check", "a:run"]);
    assert!(world.prompt("a:check").contains("no good.txt"), "{}", world.prompt("a:check"));
    assert_eq!(world.read("good.txt"), "good\n");
    world.again().calls([]);
}

#[test]
fn a_person_has_it_mended_by_another_agent_in_the_run_that_is_on() {
    let world = ladder("fix 1 agent=\"careful\"; hold", "spec \"a\" \"A\"\nspec \"b\" \"B\"");
    world.script("a/build", &format!("{WHO}test -e $W/flags/mended || exit 3\nplay build"));
    world.script("b/build", "flag busy\nwait-for go\nplay build");
    let mut run = world.start(["-j2", "--yes"]);
    run.until_flag("busy");
    run.until_said("specmake retry a");
    world.flag("mended");
    world.run(["fix", "a", "--agent", "script"]).exits(0).said("a is mended in the run that is on");
    world.flag("go");
    run.wait().exits(0).calls(["b:build", "a:build", "a:build", "a:build"]);
    assert_eq!(world.notes(), ["1 usual", "2 careful", "1 usual"]);
    world.again().calls([]);
}

#[test]
fn whoever_mends_a_check_and_crashes_has_crashed() {
    let world = checked("fix 1; fail");
    world.script("a/check", "exit 9");
    let outcome = world.run([]);
    outcome.exits(1).calls(["a:build", "a:run", "a:check"]).said("exit status 9 (crash)");
}

#[test]
fn a_step_may_have_a_prompt_of_its_own() {
    let world = World::new();
    world.file("prompts/again.md", "Once more, {spec}, with feeling.\n");
    world.specfile(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ retry 1 prompt=\"prompts/again.md\"; fail }} }}\nspec \"a\" \"A\""
    ));
    world.commit("Specfile");
    world.script("a/build", "test \"$N\" = 2 || exit 3\nplay build");
    world.run([]).exits(0).calls(["a:build", "a:build"]);
    assert!(
        world.prompt("a:build").starts_with("Once more, a, with feeling."),
        "{}",
        world.prompt("a:build")
    );
}

#[test]
fn resume_hands_over_what_is_done_where_there_is_no_session() {
    let world = World::with("stage \"implement\" { on-failure { resume 1; fail } }\nspec \"a\" \"A\"");
    world.script(
        "a/implement",
        "if [ \"$N\" = 1 ]; then\n  mkdir -p src; echo half > src/half.txt\n  \
         sed 's/- \\[ \\] T001/- [x] T001/' \"$F/tasks.md\" > new; mv new \"$F/tasks.md\"\n  exit 3\nfi\nplay implement",
    );
    world.run([]).exits(0).said("attempt 2 of 2: resume");
    let prompt = world.prompt("a:implement");
    for told in ["## How far it got", "ticked: `T001`.", "left: `T002`.", "+half", "exit status 3"] {
        assert!(prompt.contains(told), "{told}: {prompt}");
    }
    assert_eq!(world.read("src/half.txt"), "half\n");
}

/// An agent with sessions: it says which one it is in, and is called again with `again ID`.
fn with_sessions(steps: &str) -> World {
    let world = World::new();
    let agent = world.top().join("agent.sh").display().to_string();
    world.file(
        "Specfile",
        &format!(
            "agent \"s\" {{ command \"{agent}\"; dialect \"demo\"; resume \"{agent}\" \"again\" \"{{session}}\" }}\n\
             agent \"other\" uses=\"s\" {{ env WHO=\"other\" }}\n\
             {ONE}\nstage \"build\" {{ on-failure {{ {steps} }} }}\nspec \"a\" \"A\"\n"
        ),
    );
    world.commit("Specfile");
    world
}

#[test]
fn resume_goes_on_with_the_agents_own_session() {
    let world = with_sessions("resume 2; fail");
    world.script(
        "a/build",
        "note \"$N\" \"${ARGS:-none}\"\necho 'demo: session s-42'\ntest \"$N\" = 3 || exit 3\nplay build",
    );
    world.run(["--yes"]).exits(0).calls(["a:build", "a:build", "a:build"]);
    assert_eq!(world.notes(), ["1 none", "2 again s-42", "3 again s-42"]);
    let prompt = world.prompt("a:build");
    assert!(
        prompt.starts_with("# Go on with a stage of `a`") && prompt.contains("exit status 3"),
        "{prompt}"
    );
    assert!(!prompt.contains("## How far it got"), "{prompt}");
}

#[test]
fn a_session_that_is_gone_is_begun_anew_with_all_there_is_to_know() {
    let world = with_sessions("resume 1; fail");
    world.script(
        "a/build",
        "note \"$N\" \"${ARGS:-none}\"\n\
         if [ -n \"${ARGS:-}\" ]; then echo 'no such session' >&2; exit 1; fi\n\
         echo 'demo: session s-42'\nif [ \"$N\" = 1 ]; then echo part > part.txt; exit 3; fi\nplay build",
    );
    world.run(["--yes"]).exits(0).calls(["a:build", "a:build", "a:build"]);
    assert_eq!(world.notes(), ["1 none", "2 again s-42", "2 none"]);
    let prompt = world.prompt("a:build");
    assert!(prompt.contains("## How far it got") && prompt.contains("+part"), "{prompt}");
}

#[test]
fn another_agent_never_gets_the_session() {
    let world = with_sessions("fallback \"other\"; resume 1; fail");
    world.script(
        "a/build",
        "note \"$N\" \"${WHO:-s}\" \"${ARGS:-none}\"\n\
         if [ \"$N\" = 1 ]; then echo 'demo: session s-42'; fi\ntest \"$N\" = 3 || exit 3\nplay build",
    );
    world.run(["--yes"]).exits(0);
    assert_eq!(world.notes(), ["1 s none", "2 other none", "3 other none"]);
}

#[test]
fn an_agent_that_takes_over_has_its_own_model() {
    let world = World::new();
    let agent = world.top().join("agent.sh").display().to_string();
    let declared = |name: &str| {
        format!(
            "agent \"{name}\" {{ command {agent:?}; prompt \"stdin\"; model-args \"--model\" \"{{model}}\" }}\n"
        )
    };
    world.specfile(&format!(
        "{}{}{ONE}\nstage \"build\" agent=\"s\" model=\"big\" {{ on-failure {{ fallback \"other\"; fail }} }}\nspec \"a\" \"A\"",
        declared("s"),
        declared("other"),
    ));
    world.commit("Specfile");
    world.script("a/build", "note \"$N\" \"${ARGS:-none}\"\ntest \"$N\" = 2 || exit 3\nplay build");
    world.run(["--yes"]).exits(0);
    assert_eq!(world.notes(), ["1 --model big", "2 none"]);
}

#[test]
fn a_session_is_not_gone_on_with_after_a_fresh_attempt_that_said_none() {
    let world = with_sessions("restart 1; resume 1; fail");
    world.script(
        "a/build",
        "note \"$N\" \"${ARGS:-none}\"\n\
         if [ \"$N\" = 1 ]; then echo 'demo: session s-42'; fi\ntest \"$N\" = 3 || exit 3\nplay build",
    );
    world.run(["--yes"]).exits(0);
    assert_eq!(world.notes(), ["1 none", "2 none", "3 none"]);
}

#[test]
fn skip_counts_a_stage_as_done_and_takes_back_what_it_left() {
    let world = World::with(
        "project { pipeline \"two\" }\n\
         pipeline \"two\" {\n\
           stage \"build\" { prompt \"Build {spec}.\"; output \"out/{spec}.txt\" }\n\
           stage \"lint\" { prompt \"Lint {spec}.\"; input \"rules.txt\"; on-failure { skip } }\n\
         }\nspec \"a\" \"A\"",
    );
    world.file("rules.txt", "be nice\n").commit("rules");
    world.script("a/lint", "echo half-done > lint.txt\nexit 3");
    let outcome = world.run([]);
    outcome.exits(0).calls(["a:build", "a:lint"]).said("skipped");
    assert!(world.has("out/a.txt") && !world.has("lint.txt"));
    let [backup] = &backups(&world)[..] else { panic!("{:?}", backups(&world)) };
    outcome.said(backup);
    assert_eq!(world.show(backup, "lint.txt").as_deref(), Some("half-done\n"));
    assert!(world.git(&["log", "--format=%B", "main"]).contains("how=skipped"));
    world.again().calls([]);
    // Until its manifest differs.
    world.script("a/lint", "echo done > lint.txt");
    world.file("rules.txt", "be nicer\n").commit("rules");
    world.run([]).exits(0).calls(["a:lint"]);
    assert_eq!(world.read("lint.txt"), "done\n");
}

const FROM: &str =
    "stage \"implement\" { on-failure { restart 1 from=\"specify\"; hold } }\nspec \"a\" \"A\"";

#[test]
fn restart_from_takes_the_branch_back_and_runs_what_lies_between() {
    let world = World::with(FROM);
    world.script("a/specify", "play specify\necho \"try $N\" >> \"$F/spec.md\"");
    world.script(
        "a/implement",
        "grep -q 'try 2' \"$F/spec.md\" || { echo bad > bad.txt; exit 3; }\nplay implement",
    );
    let outcome = world.run([]);
    outcome.exits(0).calls([
        "a:specify",
        "a:plan",
        "a:tasks",
        "a:implement",
        "a:specify",
        "a:plan",
        "a:tasks",
        "a:implement",
        "a:check",
    ]);
    outcome.said("attempt 2 of 2: restart");
    let [backup] = &backups(&world)[..] else { panic!("{:?}", backups(&world)) };
    outcome.said(backup);
    world.run(["status"]).said(backup);
    assert_eq!(world.show(backup, "bad.txt").as_deref(), Some("bad\n"));
    assert!(!world.has("bad.txt") && world.read("specs/a/spec.md").contains("try 2"));
    assert!(world.prompt("a:plan").contains("## What"), "{}", world.prompt("a:plan"));
    world.again().calls([]);
}

#[test]
fn restart_from_keeps_what_people_did_and_ends_at_its_hold() {
    let world = World::with(FROM);
    world.script("a/implement", "exit 3");
    world.run(["a:tasks"]).exits(0);
    std::fs::write(world.worktree("a").join("by-hand.txt"), "mine\n").unwrap();
    let outcome = world.run([]);
    outcome.exits(1);
    assert_eq!(outcome.calls.iter().filter(|call| *call == "a:implement").count(), 2, "{outcome}");
    assert_eq!(outcome.calls.iter().filter(|call| *call == "a:specify").count(), 1, "{outcome}");
    assert_eq!(world.show("spec/a", "by-hand.txt").as_deref(), Some("mine\n"));
    world.run([]).exits(1).calls([]).said("held");
}

#[test]
fn restart_from_a_stage_that_landed_before_runs_it_again() {
    let world = World::with(FROM);
    world.run([]).exits(0);
    world.edit("specs/a/tasks.md", "- [x] T001", "- [ ] T001").commit("again, please");
    world.script("a/implement", "test -e \"$F/again\" || { exit 3; }\nplay implement");
    world.script("a/specify", "play specify\n: > \"$F/again\"");
    let outcome = world.run([]);
    outcome.exits(0);
    assert_eq!(outcome.calls[..2], ["a:implement", "a:specify"], "{outcome}");
    world.again().calls([]);
}

#[test]
fn a_repair_by_hand_of_a_held_spec_outlives_every_restart() {
    for steps in ["restart 1; hold", "restart 1 from=\"build\"; hold"] {
        let world = ladder(steps, "spec \"a\" \"A\"");
        world.script("a/build", "echo $N > tries.txt\nexit 3");
        world.run([]).exits(1);
        let worktree = world.worktree("a");
        std::fs::write(worktree.join("repair.txt"), "by hand\n").unwrap();
        let outcome = world.run(["retry", "a"]);
        outcome.exits(1).calls(["a:build", "a:build"]);
        assert_eq!(world.show("spec/a", "repair.txt").as_deref(), Some("by hand\n"), "{steps}");
        let kept = backups(&world);
        assert!(kept.iter().any(|backup| outcome.stderr.contains(backup.as_str())), "{kept:?} {outcome}");
    }
}

#[test]
fn markers_of_a_merge_left_in_conflict_do_not_land() {
    let world = ladder("retry 2; fail", "spec \"a\" \"A\"");
    world.script(
        "a/build",
        r#"if [ "$N" = 1 ]; then
    echo base > shared.txt; git add -A; git commit -qm base
    git checkout -q -b side; echo side > shared.txt; git commit -qam side
    git checkout -q -; echo ours > shared.txt; git commit -qam ours
    git merge -q side > /dev/null 2>&1 || true
    play build
    exit 0
fi
note "$N" "$(grep -c '<<<<<<<' shared.txt)"
if [ "$N" = 3 ]; then echo both > shared.txt; fi
play build"#,
    );
    let outcome = world.run([]);
    outcome.exits(0).calls(["a:build", "a:build", "a:build"]);
    outcome.said("it left a conflict in `shared.txt`").said("conflict markers are left in `shared.txt`");
    assert_eq!(world.notes(), ["2 1", "3 1"]);
    assert_eq!(world.read("shared.txt"), "both\n");
}

#[test]
fn what_a_signal_cut_off_goes_on_by_the_ladder() {
    let world = ladder("resume 1; fail", "spec \"a\" \"A\"");
    world.script("a/build", "echo part > part.txt\nflag at-work\nwait-for never");
    let mut running = world.start([]);
    running.until_flag("at-work");
    running.signal(Signal::INT);
    running.wait();
    world.script("a/build", "play build");
    world.run([]).exits(0).calls(["a:build"]).said("attempt 1 of 2: resume");
    let prompt = world.prompt("a:build");
    assert!(prompt.contains("## How far it got") && prompt.contains("+part"), "{prompt}");
}
