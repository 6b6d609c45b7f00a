//! Worktrees that are gone, damaged, half made or on something else.
use crate::worktrees::held;
use crate::world::{ONE, World};
use std::fs;

#[test]
fn a_lost_worktree_is_made_again() {
    let world = World::with("stage \"plan\" { on-failure { hold } }\nspec \"a\" \"A\"");
    world.script("a/plan", "exit 3");
    world.run([]).exits(1).calls(["a:specify", "a:plan"]);
    fs::remove_dir_all(world.worktree("a")).unwrap();
    world.unscript("a/plan");
    let retried = world.run(["retry", "a"]);
    let rest = world.run([]);
    rest.exits(0);
    let calls: Vec<&str> = retried.calls.iter().chain(&rest.calls).map(String::as_str).collect();
    assert_eq!(calls, ["a:plan", "a:tasks", "a:implement", "a:check"], "{retried}{rest}");
    world.again().calls([]);
}

#[test]
fn a_worktree_whose_making_was_cut_short_is_made_again() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.git(&["config", "branch.spec/a.specmake", "a"]);
    let place = world.worktree("a");
    let place = place.to_str().unwrap();
    let half = ["worktree", "add", "-q", "--no-checkout", "--lock", "--reason", "initializing"];
    world.git(&[&half[..], &["-b", "spec/a", place]].concat());
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.paths("main"), ["README.txt", "Specfile", "out/a.txt"]);
    assert!(!world.worktree("a").exists());
}

/// `a` is held and its worktree differs from `main` in `shared.txt`.
fn held_apart() -> World {
    let world = World::new();
    world.file("shared.txt", "base\n");
    world.specfile(&format!("{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\""));
    world.commit("start");
    world.script("a/build", "echo theirs > shared.txt\nexit 3");
    world.run([]).exits(1).calls(["a:build"]);
    world.unscript("a/build");
    world
}

#[test]
fn what_a_person_is_in_the_middle_of_in_a_worktree_is_theirs_to_end() {
    let world = held_apart();
    world.file("shared.txt", "ours\n").commit("ours");
    let tree = world.worktree("a");
    assert!(!world.try_git(&tree, &["merge", "-q", "main"]).0, "it conflicts");
    let before = world.rev("spec/a");
    world.run(["retry", "a"]);
    world.run([]).refuses().calls([]).said("merge");
    assert!(fs::read_to_string(tree.join("shared.txt")).unwrap().contains("<<<<<<<"));
    assert_eq!(world.git_in(&tree, &["rev-parse", "MERGE_HEAD"]), world.rev("main"));
    assert!(!world.git(&["log", "--format=%s", &format!("{before}..spec/a")]).contains("by hand"));
    fs::write(tree.join("shared.txt"), "both\n").unwrap();
    world.git_in(&tree, &["commit", "-q", "-a", "--no-edit"]);
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.read("shared.txt"), "both\n");
}

#[test]
fn a_worktree_on_another_branch_is_not_taken_for_edits() {
    let world = held_apart();
    let tree = world.worktree("a");
    world.git_in(&tree, &["switch", "-q", "-c", "mine", "main"]);
    world.run(["retry", "a"]);
    world.run([]).refuses().calls([]).said("git switch spec/a");
    world.git_in(&tree, &["switch", "-q", "spec/a"]);
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.read("shared.txt"), "theirs\n");
}

#[test]
fn a_landing_worktree_that_somebody_deleted_is_made_again() {
    let world = World::with(&format!(
        "{ONE}\nland {{ check \"test -e out/$SPECMAKE_SPEC.txt\" }}\nspec \"a\" \"A\"\nspec \"b\" \"B\""
    ));
    world.run(["a"]).exits(0);
    fs::remove_dir_all(world.worktree(".landing")).unwrap();
    world.run(["b"]).exits(0);
    assert!(world.has("out/b.txt"));
}

#[test]
fn an_attempt_that_damages_its_worktree_fails_and_the_worktree_is_made_anew() {
    let damages = [
        "play build; rm .git",
        "play build; rm -rf \"$SPECMAKE_WORKTREE\"; mkdir \"$SPECMAKE_WORKTREE\"; echo x > \"$SPECMAKE_WORKTREE/x\"",
        "play build; rm .git; git init -q .",
        "play build; git -C $W/repo worktree remove -ff \"$PWD\"; mkdir -p \"$SPECMAKE_WORKTREE/x\"",
        "play build; rm .git; git -C $W/repo worktree prune",
    ];
    for damage in damages {
        let world =
            World::with(&format!("{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\""));
        world.script("a/build", damage);
        world.run([]).exits(1).calls(["a:build"]).said("its worktree is damaged");
        world.unscript("a/build");
        let broken = world.worktree("a").with_file_name("a.broken-1");
        let retried = world.run(["retry", "a"]);
        let rest = world.run([]);
        rest.exits(0);
        assert!(format!("{retried}{rest}").contains("a.broken-1"), "{damage}: {retried}{rest}");
        assert!(broken.is_dir(), "{damage}");
        assert!(world.has("out/a.txt"), "{damage}");
    }
}

#[test]
fn a_clean_start_moves_a_damaged_worktree_aside() {
    let world = held();
    fs::remove_file(world.worktree("a").join(".git")).unwrap();
    world.unscript("a/build");
    world.run(["retry", "a", "--clean"]).exits(0);
    world.run([]).exits(0);
    assert!(world.worktree("a").with_file_name("a.broken-1").join("out.txt").exists());
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_link_in_the_place_of_a_worktree_is_moved_and_not_what_it_leads_to() {
    let world = held();
    let own = world.top().join("own");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("x"), "x").unwrap();
    fs::remove_dir_all(world.worktree("a")).unwrap();
    std::os::unix::fs::symlink(&own, world.worktree("a")).unwrap();
    world.unscript("a/build");
    world.run(["retry", "a"]);
    world.run([]).exits(0);
    assert!(own.join("x").exists());
}

#[test]
fn a_worktree_that_cannot_be_read_keeps_no_other_spec_waiting() {
    let world = held();
    world.git(&["update-ref", "refs/specmake/start/a/build", "spec/a"]);
    world.git(&["config", "filter.x.required", "true"]);
    world.git(&["config", "filter.x.clean", "false"]);
    fs::write(world.worktree("a").join(".gitattributes"), "*.txt filter=x\n").unwrap();
    fs::write(world.worktree("a").join("new.txt"), "x\n").unwrap();
    world.append("Specfile", "spec \"b\" \"B\"").commit("another");
    let place = world.worktree("a");
    world.run([]).exits(1).calls(["b:build"]).said("`a:build`").said(place.to_str().unwrap());
    assert!(world.has("out/b.txt"));
}

#[test]
fn a_damaged_worktree_of_a_stage_beside_others_is_moved_aside() {
    let stage = |name: &str, more: &str| {
        format!("stage \"{name}\" {{ prompt \"Do.\"; output \"{name}/{{spec}}.txt\"; {more} }}")
    };
    let ladder = "needs \"one\"; on-failure { retry 1; fail }";
    let world = World::with(&format!(
        "project {{ pipeline \"two\" }}\npipeline \"two\" {{ {}\n{}\n{} }}\nspec \"a\" \"A\"",
        stage("one", ""),
        stage("left", ladder),
        stage("right", ladder)
    ));
    let write = |name: &str| format!("mkdir -p {name}\necho $S > {name}/$S.txt");
    world.script("any/one", &write("one"));
    world.script("any/right", &write("right"));
    let damage = "if [ $N = 1 ]; then echo kept > mine.txt; rm .git; exit 3; fi\n";
    world.script("any/left", &format!("{damage}{}", write("left")));
    let outcome = world.run([]);
    outcome.exits(0).said("was damaged").unsaid("cannot tell which refs");
    assert_eq!(outcome.calls.iter().filter(|call| *call == "a:left").count(), 2, "{outcome}");
    let aside = world.worktree("a@left.broken-1");
    assert_eq!(fs::read_to_string(aside.join("mine.txt")).unwrap(), "kept\n");
    world.again().calls([]);
}
