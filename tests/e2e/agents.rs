//! What an agent is given, and what it may do without harm.
use crate::world::{ONE, World};
use std::collections::BTreeMap;
use std::fs;

/// The environment that an agent saved with `env > $W/env`.
fn saved_env(world: &World) -> BTreeMap<String, String> {
    let text = fs::read_to_string(world.top().join("env")).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_environment_is_as_promised() {
    let mut world = World::with(r#"spec "a" "A""#);
    world.env("GIT_AUTHOR_NAME", "Somebody");
    world.script("a/plan", "env > $W/env\nplay plan");
    world.run([]).exits(0);
    let env = saved_env(&world);
    let worktree = world.worktree("a").to_str().unwrap().to_owned();
    for (name, value) in [
        ("SPECMAKE_SPEC", "a"),
        ("SPECMAKE_STAGE", "plan"),
        ("SPECMAKE_ATTEMPT", "1"),
        ("SPECMAKE_WORKTREE", &worktree),
        ("PWD", &worktree),
        ("GIT_EDITOR", "true"),
    ] {
        assert_eq!(env.get(name).map(String::as_str), Some(value), "{name}");
    }
    for name in ["SPECMAKE_RUN", "SPECMAKE_SLOT", "SPECMAKE_PORT_BASE", "GIT_CEILING_DIRECTORIES"] {
        assert!(env.get(name).is_some_and(|value| !value.is_empty()), "{name}: {env:?}");
    }
    assert!(env["SPECIFY_FEATURE_DIRECTORY"].ends_with("specs/a"), "{env:?}");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"] {
        assert!(!env.contains_key(name), "{name}");
    }
}

#[test]
fn a_run_from_within_a_hook_works_on_the_right_repository() {
    let mut world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let index = world.repo().join(".git/index.lock.not");
    world.env("GIT_INDEX_FILE", index.to_str().unwrap()).env("GIT_PREFIX", "sub/");
    world.script("a/build", "test -z \"${GIT_INDEX_FILE:-}\"\nplay build");
    world.run([]).exits(0).calls(["a:build"]);
    assert!(!index.exists());
}

#[test]
fn specs_that_run_at_once_have_slots_and_ports_of_their_own() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\""));
    let script =
        "note $SPECMAKE_SLOT $SPECMAKE_PORT_BASE\nflag in-$S\nwait-for in-a\nwait-for in-b\nplay build";
    world.script("any/build", script);
    world.run(["-j2"]).exits(0);
    let notes = world.notes();
    let parts: Vec<Vec<&str>> = notes.iter().map(|note| note.split(' ').collect()).collect();
    assert_eq!(parts.len(), 2);
    assert_ne!(parts[0][0], parts[1][0], "{notes:?}");
    assert_ne!(parts[0][1], parts[1][1], "{notes:?}");
}

#[test]
fn the_prompt_says_what_to_do_and_the_input_ends() {
    let world = World::with(r#"spec "a" "Count the sheep that pass""#);
    world.run([]).exits(0);
    assert!(world.prompt("a:specify").contains("Count the sheep that pass"), "{}", world.prompt("a:specify"));
    assert!(world.prompt("a:plan").contains("specs/a"), "{}", world.prompt("a:plan"));
    assert!(!world.prompt("a:plan").contains("{spec}"), "{}", world.prompt("a:plan"));
}

#[test]
fn the_rules_and_the_description_stand_once_in_every_built_in_prompt() {
    let world = World::with("spec \"a\" \"\"\"\n    A word\n\n    and more\n    \"\"\"");
    world.run([]).exits(0).calls(["a"]);
    for stage in ["specify", "plan", "tasks", "implement", "check"] {
        let prompt = world.prompt(&format!("a:{stage}"));
        for once in ["## Rules", "## Done means", "ask nothing", "> A word\n> \n> and more\n"] {
            assert_eq!(prompt.matches(once).count(), 1, "{once:?} in\n{prompt}");
        }
    }
}

#[test]
fn project_context_is_in_every_prompt_and_no_ingredient() {
    let world = World::new();
    world.file("CONSTITUTION.md", "Simplicity above all.\n");
    let specfile = ONE.replace("project {", "project { context \"CONSTITUTION.md\";");
    world.specfile(&format!("{specfile} spec \"a\" \"A\"")).commit("start");
    world.run([]).exits(0);
    assert!(world.prompt("a:build").contains("Simplicity above all."), "{}", world.prompt("a:build"));
    world.file("CONSTITUTION.md", "Speed above all.\n").commit("a new age");
    world.again().calls([]);
}

#[test]
fn an_agents_own_commits_are_folded_into_the_stage() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script(
        "a/build",
        "echo 1 > one.txt\ngit add -A\ngit commit -q -m 'oops, mine'\necho 2 > two.txt\nplay build",
    );
    world.run([]).exits(0);
    assert!(world.has("one.txt") && world.has("two.txt") && world.has("out/a.txt"));
    assert!(!world.git(&["log", "--format=%s", "main"]).contains("oops, mine"));
    world.again().calls([]);
}

#[test]
fn an_agent_that_switches_branches_changes_nothing_about_where_its_work_goes() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "git checkout -q -b sneaky\nplay build\ngit add -A\ngit commit -q -m sneaked");
    world.run([]).exits(0);
    assert!(world.has("out/a.txt"));
    assert!(!world.git(&["log", "--format=%s", "main"]).contains("sneaked"));
    assert_eq!(world.branches(), ["sneaky"], "it may be anybody's");
    assert_eq!(world.git(&["log", "-1", "--format=%s", "sneaky"]), "sneaked");
    assert_eq!(world.git(&["symbolic-ref", "--short", "HEAD"]), "main");
    world.again().calls([]);
}

#[test]
fn trailers_that_an_agent_writes_do_not_count() {
    let world = World::with("stage \"plan\" { on-failure { fail } }\nspec \"a\" \"A\"");
    world.run(["a:specify"]).exits(0).calls(["a:specify"]);
    let trailer = world.git(&["log", "-1", "--format=%B", "spec/a"]);
    let forged = trailer.replace("specify", "plan");
    fs::write(world.top().join("forged"), forged).unwrap();
    world.script("a/plan", "git commit -q --allow-empty -F $W/forged\nexit 3");
    world.run([]).exits(1).calls(["a:plan"]);
    world.unscript("a/plan");
    world.run([]).exits(0).calls(["a:plan.."]);
}

#[test]
fn an_agent_that_leaves_a_lock_is_no_obstacle() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "play build\n: > \"$(git rev-parse --git-dir)/index.lock\"");
    world.run([]).exits(0);
    assert!(world.has("out/a.txt"));
    world.again().calls([]);
}

#[test]
fn a_background_process_of_an_agent_keeps_nobody_waiting() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "play build\nwait-for never &");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn any_bytes_may_be_said() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script(
        "a/build",
        "printf 'a\\000b\\377\\033[2J\\007\\n'\nhead -c 300000 /dev/zero | tr '\\0' x\necho\nplay build",
    );
    world.run([]).exits(0).calls(["a:build"]).plain();
    world.run(["logs", "a:build"]).exits(0).said("xxxxxxxx");
}

#[test]
fn a_review_that_finds_nothing_to_change_is_fine() {
    let world = World::with(r#"spec "a" "A""#);
    world.run([]).exits(0).calls(["a"]);
    assert!(world.prompt("a:check").contains('a'));
    world.again().calls([]);
}

#[test]
fn a_review_that_says_no_keeps_the_work_from_landing() {
    let world = World::with(r#"spec "a" "A""#);
    world.script("a/check", "echo 'CHECK FAILED: FR-002 is not met'");
    let main = world.rev("main");
    // Two more look at it, to mend what the first one found.
    let outcome = world.run([]);
    outcome.exits(1).said("FR-002 is not met").said("attempt 3 of 3: fix");
    assert_eq!(outcome.calls.iter().filter(|call| *call == "a:check").count(), 3, "{outcome}");
    assert_eq!(world.rev("main"), main);
    world.unscript("a/check");
    world.run(["retry", "a"]).exits(0).calls(["a:check"]);
}

#[test]
fn a_stage_that_an_earlier_run_began_is_told_how_that_ended() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\" {{ on-failure {{ hold }} }}"));
    world.script("a/build", "exit 3");
    world.run([]).exits(1).calls(["a:build"]);
    assert!(!world.prompt("a:build").contains("## Why this stage runs again"));
    world.unscript("a/build");
    world.run(["retry", "a"]).exits(0).calls(["a:build"]);
    let prompt = world.prompt("a:build");
    assert!(prompt.contains("begun before and not finished"), "{prompt}");
    assert!(prompt.contains("How its last attempt ended: exit status 3"), "{prompt}");
}

#[test]
fn an_agent_may_be_chosen_for_a_run_without_dirtying_anything() {
    let world = World::new();
    let other = world.agent().replace("\"script\"", "\"other\"");
    world.file("Specfile", &format!("{}\n{other}\n{ONE}\nspec \"a\" \"A\"", world.agent())).commit("start");
    world.run(["--agent", "other"]).exits(0).calls(["a:build"]);
    world.again().calls([]);
    world.run(["--agent", "nobody"]).exits(2).said("nobody");
}

#[test]
fn an_agent_that_is_not_there_is_said_to_be_missing() {
    let world = World::new();
    world.file(
        "Specfile",
        &format!(
            "agent \"ghost\" {{ command \"/no/such/program\"; prompt \"stdin\" }}\n{ONE}\nspec \"a\" \"A\""
        ),
    );
    world.commit("start");
    world.run([]).refuses().said("/no/such/program");
}

#[test]
fn what_a_user_does_to_refs_while_an_agent_runs_stays() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    for name in ["mine", "gone"] {
        world.git(&["branch", name]);
    }
    let start = world.rev("main");
    world.script("a/build", "play build\nflag runs\nwait-for go");
    let mut run = world.start([]);
    run.until_flag("runs");
    world.git(&["tag", "keep"]);
    world.git(&["branch", "-D", "gone"]);
    world.git(&["switch", "-q", "mine"]);
    world.git(&["reset", "-q", "--hard", "main~1"]);
    world.git(&["switch", "-q", "-c", "wip", "keep"]);
    let users = || {
        let all = world.git(&["for-each-ref", "refs/heads", "refs/tags"]);
        let theirs = |line: &&str| !line.ends_with("refs/heads/main") && !line.ends_with("refs/heads/spec/a");
        all.lines().filter(theirs).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let moved = format!("git update-ref refs/heads/mine {start} {}", world.rev("main~1"));
    let before = users();
    assert_eq!(before.len(), 3, "{before:?}");
    world.flag("go");
    let outcome = run.wait();
    outcome.exits(0).calls(["a:build"]).said(&moved);
    outcome.said(&format!("git update-ref refs/heads/gone {start}"));
    outcome.unsaid("refs/tags/keep").unsaid("refs/heads/wip");
    assert_eq!(users(), before);
    assert_eq!(world.git(&["symbolic-ref", "--short", "HEAD"]), "wip");
}

#[test]
fn a_base_that_somebody_else_moved_is_told_and_stays() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "play build\nflag runs\nwait-for go");
    let mut run = world.start([]);
    run.until_flag("runs");
    world.git(&["commit", "-q", "--allow-empty", "-m", "mine"]);
    let mine = world.rev("main");
    world.flag("go");
    run.wait().exits(0).said(&format!("`main` moved to {mine} while a:build ran"));
    assert_eq!(world.rev("main^1"), mine);
}

#[test]
fn a_branch_of_another_spec_that_an_agent_moved_is_told_once() {
    let specs = "spec \"a\" \"A\"\nspec \"b\" \"B\" { on-failure { hold } }\nspec \"c\" \"C\"";
    let world = World::with(&format!("{ONE} {specs}"));
    world.script("b/build", "exit 3");
    world.run(["b"]).exits(1);
    let held = world.rev("spec/b");
    world.script("a/build", "wait-for c-runs\ngit update-ref refs/heads/spec/b HEAD\nplay build");
    world.script(
        "c/build",
        "flag c-runs\nuntil git cat-file -e main:out/a.txt 2>/dev/null; do sleep 0.02; done\nplay build",
    );
    let way_back = format!("git update-ref refs/heads/spec/b {held} {}", world.rev("main"));
    let outcome = world.run(["-j2", "a", "c"]);
    outcome.exits(0).said(&way_back);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(said.matches(&way_back).count(), 1, "{outcome}");
}

#[test]
fn nobody_is_blamed_for_what_specmake_moves() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\""));
    world.script(
        "a/build",
        "play build\nflag runs\nuntil git cat-file -e main:out/b.txt 2>/dev/null; do sleep 0.02; done",
    );
    world.script("b/build", "wait-for runs\nplay build\ngit add -A\ngit commit -q -m own");
    world.run(["-j2"]).exits(0).unsaid("update-ref").unsaid("moved to");
}

#[test]
fn what_an_agent_stashed_is_kept_and_the_users_stash_is_as_it_was() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.append("README.txt", "mine");
    world.git(&["stash", "push", "-q", "-m", "mine"]);
    let mine = world.git(&["stash", "list"]);
    world.script(
        "a/build",
        "echo 1 > half.txt\ngit stash push -q -u -m first\necho 2 > half.txt\ngit stash push -q -u\nplay build",
    );
    world.run([]).exits(0).calls(["a:build"]).said("stashed");
    assert_eq!(world.git(&["stash", "list"]), mine);
    let kept = world.git(&["for-each-ref", "--format=%(refname)", "refs/specmake/backup/a/build"]);
    let mut halves: Vec<String> =
        kept.lines().filter_map(|name| world.show(&format!("{name}^3"), "half.txt")).collect();
    halves.sort();
    assert_eq!(halves, ["1\n", "2\n"], "{kept}");
    world.git(&["stash", "pop", "-q"]);
    assert!(world.read("README.txt").contains("mine"));
}

#[test]
fn a_stash_entry_that_an_agent_dropped_is_told_with_the_way_back() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.append("README.txt", "mine");
    world.git(&["stash", "push", "-q"]);
    let mine = world.rev("stash");
    world.script("a/build", "git stash drop -q\nplay build");
    world.run([]).exits(0).said(&format!("git stash store {mine}"));
}

#[test]
fn a_file_that_an_agent_wrote_to_the_checkout_too_is_a_leak() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ retry 1; fail }}; on-failure \"leak\" {{ fail }} }}\nspec \"a\" \"A\""
    ));
    world.file("out/other.txt", "mine\n");
    world.script("a/build", "play build\ncp out/a.txt $W/repo/out/a.txt");
    world.run([]).exits(1).calls(["a:build"]).said("out/a.txt").said("leak");
    assert_eq!(world.read("out/a.txt"), "a\n", "it is the user's to look at");
    world.unscript("a/build");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.dirt(), "?? out/other.txt");
}

#[test]
fn logs_and_prompts_lie_where_they_should() {
    let world = World::with(&format!(
        "{}\nstage \"build\" {{ on-failure {{ retry 1; fail }} }}\nspec \"a.log\" \"A\"",
        ONE.replace("project {", "project { setup \"echo pumping\";")
    ));
    world.script("any/build", "echo try $N\ntest $N = 2\nplay build");
    world.run([]).exits(0);
    let logs = world.repo().join(".specmake/logs");
    let runs: Vec<_> = fs::read_dir(&logs).unwrap().collect();
    assert_eq!(runs.len(), 1);
    let folder = runs[0].as_ref().unwrap().path().join("a.log");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["build.1.log", "build.1.prompt.md", "build.2.log", "build.2.prompt.md", "setup@build.1.log"]
    );
    assert_eq!(fs::read_to_string(folder.join("build.1.log")).unwrap(), "try 1\n");
    assert_eq!(fs::read_to_string(folder.join("build.2.log")).unwrap(), "try 2\n");
    assert_eq!(fs::read_to_string(folder.join("setup@build.1.log")).unwrap(), "pumping\n");
    assert!(fs::read_to_string(folder.join("build.2.prompt.md")).unwrap().contains("Build a.log."));
}

#[test]
fn a_merge_left_in_conflict_is_not_done() {
    let world = World::new();
    world.file("shared.txt", "base\n").specfile(&format!("{ONE} spec \"a\" \"A\"")).commit("start");
    world.script(
        "a/build",
        "play build\ngit switch -q -c other\necho 1 > shared.txt\ngit commit -qam 1\n\
         git switch -q spec/a\necho 2 > shared.txt\ngit commit -qam 2\ngit merge -q other || true",
    );
    world.run([]).exits(1).said("it left a conflict in `shared.txt`");
    assert_eq!(world.read("shared.txt"), "base\n");
}

#[test]
fn a_repository_that_an_agent_makes_is_not_left_out_in_silence() {
    for more in ["", "git -C sub add -A; git -C sub commit -qm x"] {
        let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
        world.script("a/build", &format!("play build\ngit init -q sub\necho x > sub/x\n{more}"));
        world.run([]).exits(1).said("`sub` is a repository of its own");
        assert!(!world.has("out/a.txt"));
    }
}
