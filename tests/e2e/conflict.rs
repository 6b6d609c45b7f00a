//! Branches that do not merge with the base: an agent settles that, or a person does.
use crate::outcome::Outcome;
use crate::world::World;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What settles: the scripted agent, whose scripts and calls are those of a stage `settle`.
const CAREFUL: &str = "#!/bin/sh\nSPECMAKE_STAGE=settle exec sh \"$W/agent.sh\"\n";

/// Each spec's own check.
const CHECK: &str = "echo \"check $SPECMAKE_SPEC\" >> $W/notes\n! grep -q '^<<<<<<<' shared.txt\n";

/// Both sides of `shared.txt`, one below the other.
const BOTH: &str = "printf 'a\\nb\\n' > shared.txt";

/// A world in which each of these specs changes `shared.txt`.
fn begun(specs: &[&str], land: &str) -> World {
    let world = World::new();
    let careful = world.top().join("careful.sh");
    fs::write(&careful, CAREFUL).unwrap();
    fs::set_permissions(&careful, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(world.top().join("check.sh"), CHECK).unwrap();
    world.file("shared.txt", "base\n").file("other.txt", "other\n");
    let mut text = format!(
        "agent \"careful\" {{ command \"{}\"; prompt \"stdin\" }}\nproject {{ pipeline \"one\" }}\npipeline \"one\" {{ stage \"build\" {{ prompt \"Build.\"; output \"out/{{spec}}.txt\" }}; stage \"check\" {{ run \"sh $W/check.sh\"; on-failure {{ hold }} }} }}\n{land}\n",
        careful.display()
    );
    for spec in specs {
        world.file(&format!("specs/{spec}/spec.md"), &format!("what {spec} wants\n"));
        text += &format!("spec \"{spec}\" \"Spec {spec} is wanted\"\n");
        world.script(&format!("{spec}/build"), &format!("play build\necho {spec} > shared.txt"));
    }
    world.specfile(&text).commit("start");
    world
}

/// The same with all of them complete, and `a` landed.
fn complete(specs: &[&str], on_conflict: &str) -> World {
    let world = begun(specs, "land off");
    assert_eq!(world.run(["-j1"]).calls.len(), specs.len());
    fs::remove_file(world.top().join("notes")).unwrap();
    land_first(&world, on_conflict);
    world
}

/// Landing is on from here, and `a` has landed.
fn land_first(world: &World, on_conflict: &str) {
    world.edit("Specfile", "land off", &format!("land {{ on-conflict {{ {on_conflict} }} }}"));
    world.commit("landing is on");
    world.run(["a"]).exits(0).calls([]);
}

const FIX: &str = "fix 1 agent=\"careful\"; hold";

fn shared(world: &World) -> String {
    fs::read_to_string(world.worktree("b").join("shared.txt")).unwrap_or_default()
}

/// A person resolves what lies in the worktree of `b`, and goes on.
fn resolve_by_hand(world: &World) -> Outcome {
    let tree = world.worktree("b");
    assert!(shared(world).contains("<<<<<<<"), "the markers are in place");
    fs::write(tree.join("shared.txt"), "a\nb by hand\n").unwrap();
    world.git_in(&tree, &["commit", "-q", "-a", "--no-edit"]);
    let outcome = world.run([]);
    assert_eq!(world.read("shared.txt"), "a\nb by hand\n", "{outcome}");
    outcome
}

fn backups(world: &World) -> Vec<String> {
    let refs = world.git(&["for-each-ref", "--format=%(refname)", "refs/specmake/backup/b/merge"]);
    refs.lines().map(ToOwned::to_owned).collect()
}

fn nothing_is_under_way(world: &World) {
    assert_eq!(world.git(&["for-each-ref", "refs/specmake/merge"]), "");
}

/// `b` has landed with both sides in, and nothing is left to do.
fn both_landed(world: &World) {
    assert_eq!(world.read("shared.txt"), "a\nb\n");
    assert!(world.has("out/a.txt") && world.has("out/b.txt"));
    assert_eq!(world.branches(), Vec::<String>::new());
    assert_eq!(world.dirt(), "");
    nothing_is_under_way(world);
    world.again().calls([]);
}

#[test]
fn an_agent_settles_what_a_landing_found_and_the_check_runs_again() {
    let world = complete(&["a", "b"], FIX);
    world.script(
        "b/settle",
        &format!("grep -q '^<<<<<<< ' shared.txt\ngit rev-parse -q --verify MERGE_HEAD\n{BOTH}"),
    );
    let outcome = world.run([]);
    outcome.exits(0).calls(["b:settle"]).said("fix");
    assert_eq!(world.notes(), ["check b"]);
    let merge = world.git(&["log", "--format=%H", "--grep=b: merge `main`", "main"]);
    assert_eq!(world.git(&["rev-list", "--parents", "-1", &merge]).split(' ').count(), 3);
    both_landed(&world);
}

#[test]
fn an_agent_settles_what_a_stage_found_before_it_runs() {
    let world = begun(&["a", "b"], &format!("land {{ on-conflict {{ {FIX} }} }}"));
    world.script("a/build", "wait-for b\nplay build\necho a > shared.txt");
    world.script(
        "b/build",
        "flag b\nwhile ! git -C $W/repo cat-file -e main:out/a.txt 2> /dev/null; do sleep 0.05; done\nplay build\necho b > shared.txt",
    );
    world.script("b/settle", BOTH);
    world.run(["-j2"]).exits(0).calls(["a:build", "b:build", "b:settle"]);
    assert_eq!(world.notes(), ["check a", "check b"], "it was settled before the check ran");
    both_landed(&world);
}

#[test]
fn whoever_settles_is_told_of_both_sides() {
    let world = complete(&["a", "b"], "fix 2 agent=\"careful\"; hold");
    world.script("b/settle", &format!("if [ $N = 1 ]; then echo so near; exit 3; fi\n{BOTH}"));
    world.run([]).exits(0).calls(["b:settle", "b:settle"]);
    let prompt = world.prompt("b:settle");
    for told in [
        "# Settle a conflict of `b`",
        "- `shared.txt`\n",
        "said in `specs/b`",
        "- `a` (its folder is `specs/a`): Spec a is wanted",
        "-base\n+a\n",
        "-base\n+b\n",
        "failed: exit status 3",
        "so near",
    ] {
        assert!(prompt.contains(told), "{told}: {prompt}");
    }
    assert!(!prompt.contains("people, by hand"), "{prompt}");
    both_landed(&world);
}

#[test]
fn markers_that_are_left_settle_nothing_and_a_person_goes_on() {
    let world = begun(&["a", "b", "c"], "land off");
    world.script("c/build", "play build");
    world.run(["-j1"]).calls(["a:build", "b:build", "c:build"]);
    land_first(&world, FIX);
    world.script("b/settle", "echo more >> shared.txt");
    let before = world.rev("spec/b");
    let outcome = world.run([]);
    outcome.exits(1).calls(["b:settle"]);
    outcome.said("conflict markers are left in `shared.txt`").said("git merge --abort");
    assert!(world.has("out/c.txt"), "others land");
    let kept = backups(&world);
    assert_eq!(kept.len(), 1);
    outcome.said(&kept[0]);
    assert!(world.show(&kept[0], "shared.txt").unwrap().ends_with("more\n"));
    assert_eq!(world.rev("spec/b~1"), before, "nothing but the hold is on the branch");
    world.git_in(&world.worktree("b"), &["merge-base", "--is-ancestor", "MERGE_HEAD", "main"]);
    nothing_is_under_way(&world);
    // Nobody tries again unasked, and the merge stays as it is.
    world.run([]).exits(1).calls([]).said("the merge is begun in");
    resolve_by_hand(&world).exits(0).calls([]);
    world.again().calls([]);
}

#[test]
fn what_is_said_to_come_next_lands_a_conflict_that_a_person_settled() {
    for on_conflict in ["hold", FIX] {
        let world = complete(&["a", "b"], on_conflict);
        world.script("b/settle", "exit 3");
        for (args, code) in [(["-k", "b"], 1), (["-k", "b"], 1), (["status", "b"], 0)] {
            let outcome = world.run(args);
            outcome.exits(code).said("git commit");
            assert_eq!(outcome.next(), ["specmake land b"], "{on_conflict}: {outcome}");
        }
        world.run(["land", "b"]).exits(1).said("a merge is under way");
        let tree = world.worktree("b");
        fs::write(tree.join("shared.txt"), "a\nb\n").unwrap();
        world.git_in(&tree, &["commit", "-q", "-a", "--no-edit"]);
        world.run(["land", "b"]).exits(0).calls([]);
        both_landed(&world);
    }
}

#[test]
fn what_is_not_settled_is_no_merge() {
    for (script, why) in [
        ("exit 3", "exit status 3"),
        ("git merge --abort", "it gave the merge up"),
        (
            "git checkout -q HEAD -- other.txt; printf 'a\\nb\\n' > shared.txt",
            "it takes back what `main` has in `other.txt`",
        ),
        ("echo 'CHECK FAILED: they contradict each other'", "they contradict each other"),
    ] {
        let world = begun(&["a", "b"], "land off");
        world.script("a/build", "play build\necho a > shared.txt\necho a > other.txt");
        world.run(["-j1"]).calls(["a:build", "b:build"]);
        land_first(&world, FIX);
        world.script("b/settle", script);
        world.run([]).exits(1).calls(["b:settle"]).said(why);
        assert_eq!((world.read("shared.txt"), world.read("other.txt")), ("a\n".into(), "a\n".into()));
        assert!(shared(&world).contains("<<<<<<<"), "{script}: it waits for a person");
        nothing_is_under_way(&world);
    }
}

#[test]
fn a_file_without_markers_is_decided_by_git_add_or_rm() {
    let world = begun(&["a", "b"], "land off");
    world.script("a/build", "play build\ngit rm -q shared.txt");
    fs::write(world.top().join("check.sh"), "true\n").unwrap();
    world.run(["-j1"]).calls(["a:build", "b:build"]);
    land_first(&world, "fix 2 agent=\"careful\"; hold");
    world.script("b/settle", "if [ $N != 1 ]; then git add shared.txt; fi");
    world.run([]).exits(0).calls(["b:settle", "b:settle"]).said("`shared.txt` is left undecided");
    assert_eq!(world.read("shared.txt"), "b\n");
}

#[test]
fn what_else_was_changed_is_reported() {
    let world = complete(&["a", "b"], FIX);
    world.script("b/settle", &format!("{BOTH}\necho changed > other.txt"));
    world.run([]).exits(0).said("settling the conflict also changed `other.txt`");
    assert_eq!(world.read("other.txt"), "changed\n");
    both_landed(&world);
}

#[test]
fn what_an_agent_commits_is_folded_into_the_merge() {
    for script in [
        "git commit -q -a -m 'my own'",
        "git commit -q -a -m 'my own'\ngit switch -q -c elsewhere\necho x > x.txt\ngit add x.txt\ngit commit -q -m more\nrm x.txt",
    ] {
        let world = complete(&["a", "b"], FIX);
        world.script("b/settle", &format!("{BOTH}\n{script}"));
        world.run([]).exits(0).calls(["b:settle"]);
        assert!(!world.git(&["log", "--format=%s", "main"]).contains("my own"));
        world.try_git(world.repo(), &["branch", "-q", "-D", "elsewhere"]);
        both_landed(&world);
    }
}

#[test]
fn a_run_that_is_killed_meanwhile_loses_nothing_and_goes_on() {
    let world = complete(&["a", "b"], FIX);
    let before = world.rev("spec/b");
    world.script("b/settle", "echo half > half.txt\necho half >> shared.txt\nflag at-work\nwait-for never");
    let mut running = world.start([]);
    running.until_flag("at-work");
    running.kill();
    world.kill_strays();
    assert_eq!(world.rev("refs/specmake/merge/b"), before);
    world.script("b/settle", &format!("test ! -e half.txt\n{BOTH}"));
    let outcome = world.run([]);
    outcome.exits(0).calls(["b:settle"]);
    let kept = backups(&world);
    assert_eq!(kept.len(), 1);
    outcome.said(&kept[0]);
    assert_eq!(world.show(&kept[0], "half.txt").as_deref(), Some("half\n"));
    both_landed(&world);
}

#[test]
fn a_run_that_is_stopped_meanwhile_leaves_all_as_it_was() {
    let world = complete(&["a", "b"], FIX);
    let before = world.rev("spec/b");
    world.script("b/settle", "echo half > half.txt\nflag at-work\nwait-for never");
    let mut running = world.start([]);
    running.until_flag("at-work");
    running.signal(Signal::INT);
    running.wait();
    assert_eq!(world.rev("spec/b"), before);
    assert_eq!(world.git_in(&world.worktree("b"), &["status", "--porcelain"]), "");
    assert_eq!(backups(&world).len(), 1);
    nothing_is_under_way(&world);
    world.script("b/settle", BOTH);
    world.run([]).exits(0).calls(["b:settle"]);
    both_landed(&world);
}

#[test]
fn a_base_that_moves_meanwhile_is_merged_in_its_turn() {
    let world = complete(&["a", "b"], FIX);
    let commit = "git -C $W/repo commit -q -a -m";
    world.script("b/settle", &format!("echo moved > $W/repo/other.txt\n{commit} moved\n{BOTH}"));
    world.run([]).exits(0).calls(["b:settle"]);
    assert_eq!(world.read("other.txt"), "moved\n");
    both_landed(&world);

    // The same file again: that is another conflict, with steps of its own.
    let world = complete(&["a", "b"], FIX);
    world.script(
        "b/settle",
        &format!("if [ ! -e $W/moved ]; then : > $W/moved; echo theirs > $W/repo/shared.txt; {commit} theirs; {BOTH}; else printf 'a\\nb\\nwith theirs\\n' > shared.txt; fi"),
    );
    world.run([]).exits(0).calls(["b:settle", "b:settle"]);
    assert!(world.prompt("b:settle").contains("people, by hand"), "{}", world.prompt("b:settle"));
    assert_eq!(world.read("shared.txt"), "a\nb\nwith theirs\n");
    world.again().calls([]);
}

#[test]
fn each_of_two_that_conflict_with_the_same_landing_is_settled() {
    let world = complete(&["a", "b", "c"], FIX);
    for spec in ["b", "c"] {
        world.script(
            &format!("{spec}/settle"),
            &format!("sed -i '/^[<=>|]/d' shared.txt\ngrep -qx {spec} shared.txt"),
        );
    }
    let outcome = world.run(["-j2"]);
    outcome.exits(0);
    let mut lines: Vec<String> = world.read("shared.txt").lines().map(ToOwned::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["a", "b", "c"], "{outcome}");
    assert!(outcome.calls_of("b").len() + outcome.calls_of("c").len() >= 2, "{outcome}");
    world.again().calls([]);
}

#[test]
fn a_hold_leaves_the_merge_to_a_person() {
    let world = complete(&["a", "b"], "hold");
    let tree: PathBuf = world.worktree("b");
    let outcome = world.run([]);
    outcome.exits(1).calls([]).said("the merge is begun in").said(&tree.display().to_string());
    assert!(shared(&world).contains(">>>>>>> main"), "{}", shared(&world));
    let status = world.run(["status"]);
    status.said("conflict");
    // Given up, it is begun anew.
    world.git_in(&tree, &["merge", "--abort"]);
    world.run([]).exits(1).said("the merge is begun in");
    resolve_by_hand(&world).exits(0).calls([]);
    assert_eq!(world.branches(), Vec::<String>::new());
    world.again().calls([]);
}

#[test]
fn a_person_says_that_it_may_be_tried_again() {
    let world = complete(&["a", "b"], FIX);
    world.script("b/settle", "exit 3");
    world.run([]).exits(1).calls(["b:settle"]);
    world.script("b/settle", BOTH);
    world.run([]).exits(1).calls([]);
    // What is begun in the worktree is nobody's but theirs.
    let retried = world.run(["retry", "b"]);
    retried.calls([]).said("a merge is under way in");
    assert!(!retried.stderr.contains("your edits"), "{retried}");
    assert!(shared(&world).contains("<<<<<<<"));
    world.git_in(&world.worktree("b"), &["merge", "--abort"]);
    world.run([]).exits(0).calls(["b:settle"]);
    both_landed(&world);
}

#[test]
fn an_ignored_file_in_the_way_of_the_merge_is_left_alone() {
    let world = begun(&["a", "b"], "land off");
    world.script("a/build", "play build\necho a > shared.txt\necho new > local.txt\ngit add -f local.txt");
    world.script(
        "b/build",
        "play build\necho b > shared.txt\necho local.txt > .gitignore\necho mine > local.txt",
    );
    world.run(["-j1"]).calls(["a:build", "b:build"]);
    land_first(&world, FIX);
    world.run([]).calls([]).said("`local.txt`").said("in the way");
    let mine = world.worktree("b").join("local.txt");
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine\n");
    nothing_is_under_way(&world);
}
