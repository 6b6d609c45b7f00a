//! How results come to the base, and what of the user's is never touched.
use crate::checked::checked;
use crate::world::{ONE, World, lies_below};
use std::fs;

/// Files of the user's, each dirty in a way of its own.
const MINE: [&str; 8] = [
    "edited.txt",
    "staged.txt",
    "half.txt",
    "unadded.txt",
    "gone.txt",
    "dropped.txt",
    "later.txt",
    "kept.log",
];

fn with_dirt(specs: &str) -> (World, Vec<String>) {
    let world = World::new();
    for path in ["edited.txt", "half.txt", "gone.txt", "dropped.txt"] {
        world.file(path, "committed\n");
    }
    world.file(".gitignore", "*.log\n").specfile(&format!("{ONE} {specs}")).commit("start");
    world.append("edited.txt", "edited");
    world.file("staged.txt", "staged\n").git(&["add", "staged.txt"]);
    world.append("half.txt", "staged").git(&["add", "half.txt"]);
    world.append("half.txt", "not staged");
    world.file("unadded.txt", "untracked\n").file("kept.log", "ignored\n");
    fs::remove_file(world.repo().join("gone.txt")).unwrap();
    world.git(&["rm", "-q", "dropped.txt"]);
    world.file("later.txt", "later\n").git(&["add", "-N", "later.txt"]);
    let state = world.state_of(&MINE);
    (world, state)
}

#[test]
fn the_users_files_are_the_same_before_and_after() {
    let (world, before) = with_dirt("spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }");
    let dirt = world.dirt();
    world.run([]).exits(0).calls(["a:build", "b:build"]);
    assert_eq!(world.state_of(&MINE), before);
    assert_eq!(world.dirt(), dirt, "what landed is clean, what was dirty is as dirty");
    assert!(world.has("out/a.txt") && world.has("out/b.txt"));
    world.again().calls([]);
    assert_eq!(world.state_of(&MINE), before);
}

#[test]
fn a_failed_run_touches_them_no_more_than_a_good_one() {
    let (world, before) = with_dirt("spec \"a\" \"A\" { needs \"b\" }\nspec \"b\" \"B\"");
    world.script("b/build", "echo junk > junk.txt\nexit 3");
    world.run([]).exits(1);
    assert_eq!(world.state_of(&MINE), before);
    assert!(!world.has("junk.txt"));
}

/// `a` writes a file that stands in the user's way; `b` does not.
fn collides(world: &World) {
    world.script("a/build", "play build\necho theirs > way.txt");
    world.specfile(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\"")).commit("start");
}

#[test]
fn a_dirty_file_in_the_way_makes_its_landing_wait_alone() {
    let world = World::new();
    world.file("way.txt", "committed\n");
    collides(&world);
    world.append("way.txt", "mine");
    let before = world.state_of(&["way.txt"]);
    world.run(["-j2"]).exits(1).calls(["a:build", "b:build"]).said("way.txt");
    assert_eq!(world.state_of(&["way.txt"]), before);
    assert!(world.has("out/b.txt") && !world.has("out/a.txt"));
    world.git(&["checkout", "-q", "--", "way.txt"]);
    world.run([]).exits(0).calls([]);
    assert_eq!(world.read("way.txt"), "theirs\n");
    world.again().calls([]);
}

#[test]
fn an_untracked_or_ignored_file_in_the_way_is_kept() {
    for ignored in [false, true] {
        let world = World::new();
        if ignored {
            world.file(".gitignore", "way.txt\n");
            world.script("a/build", "play build\necho theirs > way.txt\ngit add -f way.txt");
        }
        collides(&world);
        if ignored {
            world.script("a/build", "play build\necho theirs > way.txt\ngit add -f way.txt");
        }
        world.file("way.txt", "mine\n");
        let outcome = world.run([]);
        assert_eq!(world.read("way.txt"), "mine\n", "{outcome}");
        if ignored {
            continue;
        }
        outcome.exits(1).said("way.txt");
        fs::remove_file(world.repo().join("way.txt")).unwrap();
        world.run([]).exits(0).calls([]);
        assert_eq!(world.read("way.txt"), "theirs\n");
    }
}

#[test]
fn a_file_that_already_equals_what_lands_is_no_collision() {
    let world = World::new();
    collides(&world);
    world.file("way.txt", "theirs\n");
    world.run([]).exits(0);
    assert_eq!(world.dirt(), "");
    world.again().calls([]);
}

#[test]
fn nothing_is_written_through_a_symlink() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let outside = world.top().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, world.repo().join("out")).unwrap();
    world.run([]).exits(1).said("out");
    assert!(!outside.join("a.txt").exists());
    assert!(world.repo().join("out").is_symlink());
}

#[test]
fn what_a_landing_removes_goes_from_the_checkout_too() {
    let world = World::new();
    world.file("old/one.txt", "1\n").file("old/two.txt", "2\n").specfile(&format!("{ONE} spec \"a\" \"A\""));
    world.commit("start");
    world.file("old/mine.txt", "mine\n");
    world.script("a/build", "play build\nrm old/one.txt old/two.txt");
    world.run([]).exits(0);
    assert!(!world.has("old/one.txt") && world.has("old/mine.txt"));
    assert_eq!(world.dirt(), "?? old/mine.txt");
}

#[test]
fn the_landing_check_runs_on_what_will_land() {
    let world = World::with(&format!(
        "{ONE}\nland {{ check \"cat out/*.txt | tr '\\\\n' ' ' >> $W/checked; echo >> $W/checked; test ! -e out/b.txt\" }}\n\
         spec \"a\" \"A\"\nspec \"b\" \"B\""
    ));
    world.run(["-j1"]).exits(1).said("b");
    assert!(world.has("out/a.txt") && !world.has("out/b.txt"));
    assert_eq!(world.show("main", "out/b.txt"), None);
    let checked = fs::read_to_string(world.top().join("checked")).unwrap();
    assert!(checked.lines().any(|line| line.trim() == "a"), "a alone was checked: {checked}");
    assert!(checked.contains('b'), "b was checked: {checked}");
}

#[test]
fn a_landing_is_one_merge_of_its_spec() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let before = world.rev("main");
    world.run([]).exits(0);
    assert_eq!(world.rev("main^1"), before);
    assert!(world.git(&["log", "-1", "--format=%s", "main"]).contains('a'));
    assert!(world.git(&["rev-list", "--parents", "-1", "main"]).split(' ').count() == 3);
}

/// Two specs that both begin before either lands, and change the same line.
fn conflicting() -> World {
    let world = World::new();
    world
        .file("shared.txt", "base\n")
        .specfile(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\""))
        .commit("start");
    world.script("a/build", "flag a\nwait-for b\nplay build\necho a > shared.txt");
    world.script("b/build", "flag b\nwait-for a\nplay build\necho b > shared.txt");
    world
}

#[test]
fn a_conflict_holds_the_later_one_and_keeps_its_branch() {
    let world = conflicting();
    let outcome = world.run(["-j2"]);
    outcome.exits(1).calls(["a:build", "b:build"]).said("conflict").said("shared.txt");
    let landed = world.read("shared.txt").trim().to_owned();
    let held = if landed == "a" { "b" } else { "a" };
    assert_eq!(world.branches(), [format!("spec/{held}")], "{outcome}");
    let branch = format!("spec/{held}");
    assert_eq!(world.show(&branch, "shared.txt"), Some(format!("{held}\n")));
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_conflict_that_a_person_resolved_lands() {
    let world = conflicting();
    world.run(["-j2"]).exits(1);
    let landed = world.read("shared.txt").trim().to_owned();
    let held = if landed == "a" { "b" } else { "a" };
    let tree = world.worktree(held);
    assert!(fs::read_to_string(tree.join("shared.txt")).unwrap().contains("<<<<<<<"), "the merge is begun");
    fs::write(tree.join("shared.txt"), "a\nb\n").unwrap();
    world.git_in(&tree, &["commit", "-q", "-a", "--no-edit"]);
    let retried = world.run(["retry", held]);
    retried.exits(0);
    world.run([]).exits(0);
    assert_eq!(world.show("main", "shared.txt").as_deref(), Some("a\nb\n"), "{retried}");
    assert!(world.has(&format!("out/{held}.txt")));
    world.again().calls([]);
}

#[test]
fn a_branch_of_somebody_elses_is_an_untouched_error() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\""));
    world.git(&["checkout", "-q", "-b", "spec/a"]);
    world.file("theirs.txt", "theirs\n").commit("my own work");
    world.git(&["checkout", "-q", "main"]);
    let theirs = world.rev("spec/a");
    let outcome = world.run([]);
    outcome.refuses().said("spec/a");
    assert_eq!(outcome.calls_of("a"), [""; 0]);
    assert_eq!(world.rev("spec/a"), theirs);
    assert_eq!(world.show("main", "theirs.txt"), None);
}

#[test]
fn a_base_that_moves_meanwhile_keeps_what_moved_it() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "flag started\nwait-for go\nplay build");
    let mut run = world.start([]);
    run.until_flag("started");
    world.file("meanwhile.txt", "mine\n").commit("meanwhile");
    let mine = world.rev("main");
    world.flag("go");
    run.wait().exits(0).calls(["a:build"]);
    world.git(&["merge-base", "--is-ancestor", &mine, "main"]);
    assert!(world.has("meanwhile.txt") && world.has("out/a.txt"));
    assert_eq!(world.dirt(), "");
    world.again().calls([]);
}

#[test]
fn a_checkout_of_another_branch_stays_as_it_is() {
    let world =
        World::with(&format!("{} spec \"a\" \"A\"", ONE.replace("project {", "project { base \"main\";")));
    world.git(&["checkout", "-q", "-b", "topic"]);
    let topic = world.rev("topic");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.git(&["symbolic-ref", "--short", "HEAD"]), "topic");
    assert_eq!((world.rev("topic"), world.dirt(), world.has("out/a.txt")), (topic, String::new(), false));
    assert!(world.show("main", "out/a.txt").is_some());
    world.again().calls([]);
}

#[test]
fn a_base_checked_out_elsewhere_is_synced_there() {
    let world =
        World::with(&format!("{} spec \"a\" \"A\"", ONE.replace("project {", "project { base \"main\";")));
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.git(&["worktree", "add", "-q", "../elsewhere", "main"]);
    world.run([]).exits(0);
    let elsewhere = world.at("elsewhere");
    assert!(elsewhere.has("out/a.txt"));
    assert_eq!(elsewhere.dirt(), "");
}

#[test]
fn landings_wait_for_the_users_merge() {
    let world = World::new();
    world.file("notes.txt", "base\n").specfile(&format!("{ONE} spec \"a\" \"A\"")).commit("start");
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.file("notes.txt", "theirs\n").commit("theirs");
    world.git(&["checkout", "-q", "main"]);
    world.file("notes.txt", "ours\n").commit("ours");
    assert!(!world.try_git(world.repo(), &["merge", "-q", "topic"]).0);
    let before = (world.rev("main"), world.rev("MERGE_HEAD"), world.dirt());
    world.run([]).exits(1).calls(["a:build"]).said("merge");
    assert_eq!((world.rev("main"), world.rev("MERGE_HEAD"), world.dirt()), before);
    world.git(&["merge", "--abort"]);
    world.run([]).exits(0).calls([]);
    assert!(world.has("out/a.txt"));
    world.again().calls([]);
}

#[test]
fn with_landing_off_a_done_branch_waits_for_people() {
    let world = World::with(&format!("{ONE}\nland off\nspec \"a\" \"A\""));
    let before = world.rev("main");
    world.run([]).exits(0).calls(["a:build"]).said("spec/a");
    assert_eq!(world.rev("main"), before);
    assert_eq!(world.branches(), ["spec/a"]);
    world.again().calls([]);
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "spec/a"]);
    world.again().calls([]);
}

#[test]
fn a_squash_made_elsewhere_is_recognised() {
    let world = World::with(&format!("{ONE}\nland off\nspec \"a\" \"A\""));
    world.run([]).exits(0).calls(["a:build"]);
    world.git(&["merge", "-q", "--squash", "spec/a"]);
    world.git(&["commit", "-q", "-m", "A, squashed (#7)"]);
    world.again().calls([]);
    world.edit("Specfile", "Build {spec}.", "Build {spec} well.").commit("well");
    world.run([]).exits(0).calls(["a:build"]);
}

#[test]
fn a_bare_repository_is_built_too() {
    let world =
        World::with(&format!("{} spec \"a\" \"A\"", ONE.replace("project {", "project { base \"main\";")));
    world.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = world.at("bare.git");
    fs::copy(world.repo().join("Specfile"), world.top().join("Specfile")).unwrap();
    bare.run(["-f", "../Specfile"]).exits(0).calls(["a:build"]);
    assert_eq!(bare.show("main", "out/a.txt").as_deref(), Some("a\n"));
    bare.run(["-f", "../Specfile"]).exits(0).calls([]);
}

#[test]
fn hooks_of_the_user_do_not_run() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    for hook in ["pre-commit", "post-checkout", "post-commit", "reference-transaction", "post-merge"] {
        world.file(&format!(".git/hooks/{hook}"), "#!/bin/sh\n: > \"$W/hooked\"\n");
        std::process::Command::new("chmod")
            .args(["+x", &format!(".git/hooks/{hook}")])
            .current_dir(world.repo())
            .status()
            .unwrap();
    }
    world.run([]).exits(0).calls(["a:build"]);
    assert!(!lies_below(&world.top(), "hooked"));
}

#[test]
fn a_branch_that_somebody_merges_while_it_waits_has_landed() {
    let world =
        checked(": > $W/flags/testing; while [ ! -e $W/flags/go ]; do sleep 0.05; done", "spec \"a\" \"A\"");
    let mut run = world.start([]);
    run.until_flag("testing");
    world.git(&["merge", "-q", "--no-ff", "-m", "by hand", "spec/a"]);
    let mine = world.rev("main");
    world.flag("go");
    run.wait().exits(0).calls(["a:build"]);
    assert_eq!(world.rev("main"), mine);
    assert_eq!(world.branches(), [""; 0]);
    world.again().calls([]);
}

#[test]
fn a_held_landing_names_the_file_and_what_to_type() {
    let world = World::new();
    world.file("way.txt", "committed\n");
    collides(&world);
    world.append("way.txt", "mine");
    let outcome = world.run(["a"]);
    outcome.exits(1);
    let held = outcome.stderr.lines().filter(|line| line.contains("held")).collect::<Vec<_>>().join("\n");
    assert!(held.contains("way.txt"), "{outcome}");
    assert!(!outcome.stderr.contains("specmake retry"), "{outcome}");
}

#[test]
fn a_collision_passes_while_something_else_still_runs() {
    let world = World::new();
    world.file("way.txt", "committed\n");
    collides(&world);
    world.script("b/build", "wait-for mended\nplay build");
    world.append("way.txt", "mine");
    let mut run = world.start(["-j2"]);
    run.until_said("way.txt");
    world.git(&["checkout", "-q", "--", "way.txt"]);
    run.until_said("a  landed");
    world.flag("mended");
    run.wait().exits(0).calls(["a:build", "b:build"]);
    assert_eq!(world.read("way.txt"), "theirs\n");
}

#[test]
fn landings_wait_for_the_users_rebase_and_bisect() {
    let world = World::new();
    world.file("notes.txt", "base\n").specfile(&format!("{ONE} spec \"a\" \"A\"")).commit("start");
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.file("notes.txt", "theirs\n").commit("theirs");
    world.git(&["checkout", "-q", "main"]);
    world.file("notes.txt", "ours\n").commit("ours");
    let before = world.rev("main");
    assert!(!world.try_git(world.repo(), &["rebase", "-q", "topic"]).0);
    world.run(["--yes"]).refuses();
    assert_eq!(world.rev("main"), before);
    world.git(&["rebase", "--abort"]);
    world.git(&["bisect", "start"]);
    world.run([]).exits(1).said("bisect");
    assert_eq!(world.rev("main"), before);
    world.git(&["bisect", "reset"]);
    world.run([]).exits(0);
    assert_eq!(world.calls(), ["a:build"]);
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_setup_that_fails_for_the_landing_is_said_with_its_log() {
    let world = World::with(&format!(
        "{}\nland {{ check \"true\" }}\nspec \"a\" \"A\"",
        ONE.replace("project {", "project { setup \"case $PWD in *.landing) echo no pump; exit 9;; esac\";")
    ));
    world.run([]).exits(1).calls(["a:build"]).said("`setup` failed").said("setup@land.1.log");
    world.edit("Specfile", "exit 9", "exit 0").commit("mended");
    world.run(["--yes"]).exits(0).calls([]);
}

#[test]
fn a_landing_that_changes_the_specfile_says_when_that_counts() {
    let world = World::with(
        "pipeline \"one\" { stage \"build\" { prompt \"Build.\" } }\nproject { pipeline \"one\" }\nspec \"a\" \"A\"",
    );
    world.script("a/build", "echo '// a word' >> Specfile");
    world.run([]).exits(0).calls(["a:build"]).said("Specfile").said("next run");
    world.again().calls([]);
}

#[test]
fn a_squash_is_one_commit_and_a_rebase_has_no_merges_and_both_are_known_again() {
    for (strategy, subjects) in
        [("squash", vec!["land a"]), ("rebase", vec!["a: draft", "a: edits by hand", "a: build", "land a"])]
    {
        let world = World::with(&format!(
            "project {{ pipeline \"two\" }}\npipeline \"two\" {{ stage \"draft\" {{ prompt \"Draft.\"; output \"draft/{{spec}}.txt\" }}; stage \"review\" {{ gate }}; stage \"build\" {{ prompt \"Build.\"; input \"draft/{{spec}}.txt\"; output \"out/{{spec}}.txt\" }} }}\nland {{ strategy \"{strategy}\" }}\nspec \"a\" \"A\""
        ));
        world.script("any/draft", "mkdir -p draft; echo draft > draft/$S.txt");
        world.run([]).exits(1).calls(["a:draft"]);
        fs::write(world.worktree("a").join("draft/a.txt"), "better\n").unwrap();
        world.file("other.txt", "x\n").commit("the base moves");
        world.run(["approve", "a:review"]).exits(0);
        let before = world.rev("main");
        world.run([]).exits(0).calls(["a:build"]);
        let log = world.git(&["log", "--reverse", "--format=%s", &format!("{before}..main")]);
        let seen: Vec<&str> = log.lines().filter(|subject| !subject.contains("approve")).collect();
        assert_eq!(seen, subjects, "{strategy}");
        assert_eq!(world.read("draft/a.txt"), "better\n");
        assert_eq!(world.branches(), [""; 0], "{strategy}");
        world.again().calls([]);
        world.lose_state().again().calls([]);
        let clone = world.clone_as("elsewhere", &[]);
        clone.again().calls([]);
        world.edit("draft/a.txt", "better", "best").commit("by hand");
        world.run([]).exits(1).calls([]).said("a:review");
        world.run(["approve", "a:review"]).exits(0);
        world.again().calls(["a:build"]);
    }
}
