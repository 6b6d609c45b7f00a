//! What takes room goes when it is told to; what was moved is found again.
use crate::world::{ONE, World};
use std::fs;

#[test]
fn garbage_is_listed_with_its_size_and_goes_when_told() {
    let world = World::with(&format!("{ONE}\nland {{ check \"true\" }}\nspec \"a\" \"A\"\nspec \"b\" \"B\""));
    world.script("b/build", "play build\nexit 3");
    world.run([]).exits(1);
    world.run(["retry", "b", "--clean"]).exits(1);
    for _ in 0..6 {
        world.run(["retry", "b"]).exits(1);
    }
    let runs = || fs::read_dir(world.repo().join(".specmake/logs")).unwrap().count();
    let backups = || world.git(&["for-each-ref", "refs/specmake/backup"]).lines().count();
    let (before, kept) = (runs(), backups());
    assert!(before > 5 && kept > 0);
    let landing = world.worktree(".landing");
    assert!(landing.is_dir());
    world.run(["gc"]).exits(0).said(".landing").said("gc --yes").unsaid("run 2").unsaid("backup");
    world.run(["gc", "--older", "0s"]).exits(0).said("and its logs");
    assert_eq!((runs(), backups(), landing.is_dir()), (before, kept, true), "nothing was asked to go");
    let gone = world.run(["gc", "--older", "0s", "--yes", "--format", "json"]).exits(0).json();
    assert!(gone["bytes"].as_u64().unwrap() > 0, "{gone}");
    assert_eq!((runs(), landing.is_dir()), (5, false));
    assert_eq!(backups(), kept, "`b` is held: what is kept of it stays");
    world.unscript("b/build");
    world.run(["retry", "b"]).exits(0);
    world.run(["gc", "--older", "0s", "--yes"]).exits(0).said("backup");
    assert_eq!(backups(), 0);
    world.run(["-q"]).exits(0);
}

#[test]
fn a_lost_worktree_is_forgotten_and_nobody_elses() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    world.script("a/build", "exit 3");
    world.run([]).exits(1);
    world.git(&["worktree", "add", "-q", "-b", "mine", "../mine"]);
    fs::remove_dir_all(world.worktree("a")).unwrap();
    fs::remove_dir_all(world.top().join("mine")).unwrap();
    world.run(["gc"]).exits(0).said("folder is gone");
    world.run(["gc", "--yes"]).exits(0);
    let left = world.git(&["worktree", "list"]);
    assert!(left.contains("mine") && !left.contains("spec/a"), "{left}");
    world.run(["gc"]).exits(0).said("nothing to collect");
    world.unscript("a/build");
    world.run(["retry", "a"]).exits(0);
}

/// `a` is held, with an edit by hand in its worktree that nobody committed.
fn held() -> World {
    let world = World::with(&format!("{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\""));
    world.script("a/build", "exit 3");
    world.run([]).exits(1);
    fs::write(world.worktree("a").join("mine.txt"), "mine\n").unwrap();
    world.unscript("a/build");
    world
}

#[test]
fn a_repository_that_moved_with_its_worktrees_goes_on() {
    let world = held();
    let place = world.top().join("place");
    fs::create_dir(&place).unwrap();
    for folder in ["repo", "repo.worktrees"] {
        fs::rename(world.top().join(folder), place.join(folder)).unwrap();
    }
    let moved = world.at("place/repo");
    moved.run(["clean"]).exits(0).said("not landed");
    moved.run(["worktree", "list"]).exits(0).said("mine.txt");
    moved.run(["retry", "a"]).exits(0).calls(["a:build"]);
    assert_eq!((moved.read("mine.txt").as_str(), moved.dirt().as_str()), ("mine\n", ""));
    assert!(!place.join("repo.worktrees").exists());
}

#[test]
fn a_repository_that_was_renamed_finds_its_worktrees() {
    let world = held();
    fs::rename(world.top().join("repo"), world.top().join("renamed")).unwrap();
    let renamed = world.at("renamed");
    renamed.run(["retry", "a"]).exits(0).calls(["a:build"]).said("moved");
    assert_eq!((renamed.read("mine.txt").as_str(), renamed.dirt().as_str()), ("mine\n", ""));
    assert!(!world.top().join("repo.worktrees").exists());
}

#[test]
fn another_place_for_worktrees_takes_those_that_are_there_along() {
    let world = held();
    world.edit("Specfile", "project {", "project { worktrees \"../elsewhere/{spec}\";").commit("elsewhere");
    // Somebody else's worktree of a branch is not ours to move.
    world.git(&["worktree", "add", "-q", "-b", "mine", "../mine"]);
    world.run(["retry", "a"]).exits(0).calls(["a:build"]).said("was moved");
    assert_eq!(world.read("mine.txt"), "mine\n");
    assert!(!world.worktree("a").exists() && world.top().join("mine").is_dir());
}
