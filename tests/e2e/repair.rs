//! What a person repairs in a held worktree is in a commit or under a backup ref whatever comes next, and the message
//! says where.
use crate::outcome::Outcome;
use crate::world::{ONE, World};
use std::fs;

/// `a` is held with half an output; its agent does its work once it finds the repair.
fn held() -> World {
    held_by("hold")
}

fn held_by(ladder: &str) -> World {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ {ladder} }} }}\nspec \"a\" \"A\"\nspec \"b\" \"B\""
    ));
    world.script("a/build", "echo half > half.txt\nif [ ! -e repair.txt ]; then exit 3; fi\nplay build");
    world.run(["a"]).exits(1);
    assert_eq!(fs::read_to_string(world.worktree("a").join("half.txt")).unwrap(), "half\n");
    world
}

/// A person's work: a new file and a changed one, neither committed.
fn repair(world: &World) {
    fs::write(world.worktree("a").join("repair.txt"), "mended\n").unwrap();
    fs::write(world.worktree("a").join("half.txt"), "whole\n").unwrap();
}

/// The commit or ref that an answer names between backticks must hold the repair.
#[track_caller]
fn says_where(world: &World, outcome: &Outcome) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    let named = text.split('`').skip(1).step_by(2);
    let holds = |name: &&str| world.show(name, "repair.txt").as_deref() == Some("mended\n");
    assert!(
        named.into_iter().any(|name| holds(&name)),
        "no commit or ref with the repair is named\n{outcome}"
    );
}

/// The repair is in the history of the base, as a commit of its own.
#[track_caller]
fn landed(world: &World) {
    assert_eq!(world.read("repair.txt"), "mended\n");
    let log = world.git(&["log", "--format=%s", "--", "repair.txt"]);
    assert_eq!(log, "a: edits by hand");
}

#[test]
fn a_build_that_goes_on_commits_it() {
    let world = held_by("fail");
    repair(&world);
    let built = world.run([]);
    built.exits(0).calls(["a:build", "b:build"]);
    says_where(&world, &built);
    landed(&world);
}

#[test]
fn a_build_that_leaves_it_held_leaves_it_alone() {
    let world = held();
    repair(&world);
    world.run([]).exits(1).calls(["b:build"]);
    assert_eq!(fs::read_to_string(world.worktree("a").join("repair.txt")).unwrap(), "mended\n");
    world.run(["status"]).exits(0).said(&world.worktree("a").display().to_string());
}

#[test]
fn retry_commits_it() {
    let world = held();
    repair(&world);
    let retried = world.run(["retry", "a"]);
    retried.exits(0).calls(["a:build"]);
    says_where(&world, &retried);
    landed(&world);
}

#[test]
fn retry_clean_keeps_it_under_a_backup_ref() {
    let world = held();
    repair(&world);
    world.script("a/build", "if [ -e half.txt ]; then exit 9; fi\nplay build");
    let retried = world.run(["retry", "a", "--clean"]);
    retried.exits(0).calls(["a:build"]).said("refs/specmake/backup/a/");
    says_where(&world, &retried);
    assert!(!world.has("repair.txt") && world.has("out/a.txt"));
    let status = world.run(["status", "a"]);
    status.exits(0).said("git switch -c a-again refs/specmake/backup/a/");
    let json = world.run(["status", "a", "--format", "json"]).json();
    let name = json["specs"][0]["kept"][0]["ref"].as_str().unwrap().to_owned();
    assert_eq!(world.show(&name, "repair.txt").as_deref(), Some("mended\n"));
    assert_eq!(world.show(&name, "half.txt").as_deref(), Some("whole\n"));
    // Only a person who asks is told.
    assert!(!world.run(["status"]).exits(0).stdout.contains("refs/specmake"));
}

#[test]
fn retry_from_commits_it() {
    let world = held();
    repair(&world);
    let retried = world.run(["retry", "a", "--from", "build"]);
    retried.exits(0).calls(["a:build"]);
    says_where(&world, &retried);
    landed(&world);
}

#[test]
fn a_restart_keeps_it_and_takes_back_what_the_agent_did() {
    let world = held_by("restart 1; hold");
    fs::write(world.worktree("a").join("repair.txt"), "mended\n").unwrap();
    world.script("a/build", "if [ -e half.txt ]; then exit 3; fi\nplay build");
    let retried = world.run(["retry", "a"]);
    retried.exits(0).calls(["a:build", "a:build"]);
    says_where(&world, &retried);
    landed(&world);
    assert!(!world.has("half.txt"), "that was the agent's");
    assert!(!world.git(&["for-each-ref", "refs/specmake/backup/a"]).is_empty());
}

#[test]
fn stop_leaves_it_where_it_is() {
    let world = held();
    repair(&world);
    world.run(["stop", "a"]).exits(0);
    assert_eq!(fs::read_to_string(world.worktree("a").join("repair.txt")).unwrap(), "mended\n");
    let retried = world.run(["retry", "a"]);
    retried.exits(0);
    says_where(&world, &retried);
    landed(&world);
}

#[test]
fn removing_its_worktree_commits_it() {
    let world = held();
    repair(&world);
    let removed = world.run(["worktree", "remove", "a"]);
    removed.exits(0).calls([]);
    says_where(&world, &removed);
    assert!(!world.worktree("a").exists());
    assert_eq!(world.show("spec/a", "repair.txt").as_deref(), Some("mended\n"));
    world.run(["worktree", "remove", "a"]).exits(0).said("has no worktree");
    world.run(["retry", "a"]).exits(0).calls(["a:build"]);
    landed(&world);
}

#[test]
fn what_is_begun_in_a_worktree_is_not_ended_for_a_person() {
    let world = held();
    let folder = world.worktree("a");
    world.git_in(&folder, &["switch", "-q", "-c", "mine"]);
    repair(&world);
    for command in [vec!["worktree", "remove", "a"], vec!["retry", "a", "--clean"]] {
        let outcome = match command[..] {
            [one, two, three] => world.run([one, two, three]),
            _ => unreachable!(),
        };
        outcome.exits(3).said("`mine`").calls([]);
        assert_eq!(fs::read_to_string(folder.join("repair.txt")).unwrap(), "mended\n");
        assert_eq!(world.git_in(&folder, &["branch", "--show-current"]), "mine");
    }
    world.run(["retry", "a"]).said("`git switch spec/a`").unsaid("are committed").calls([]);
    assert_eq!(world.git_in(&folder, &["branch", "--show-current"]), "mine");
}

#[test]
fn clean_leaves_it_and_says_so() {
    let world = held();
    repair(&world);
    world.run(["clean"]).exits(0).said("stays");
    assert_eq!(fs::read_to_string(world.worktree("a").join("repair.txt")).unwrap(), "mended\n");
}

#[test]
fn clean_forgets_old_backups_but_for_those_of_a_held_spec() {
    let world = held();
    repair(&world);
    world.script("a/build", "exit 3");
    world.run(["retry", "a", "--clean"]).exits(1);
    let backups = |world: &World| world.git(&["for-each-ref", "--format=%(refname)", "refs/specmake/backup"]);
    world.run(["clean", "-n", "--backups", "0s"]).exits(0).said("`a` is held");
    world.run(["clean", "--backups", "0s"]).exits(0);
    assert_eq!(backups(&world).lines().count(), 1);
    world.unscript("a/build");
    world.run(["retry", "a"]).exits(0);
    world.run(["clean", "-n", "--backups", "90000days"]).exits(0).said("old");
    world.run(["clean", "--backups", "90000days"]).exits(0);
    assert_eq!(backups(&world).lines().count(), 1);
    world.run(["clean", "-n", "--backups", "0s"]).exits(0).said("would be removed");
    assert_eq!(backups(&world).lines().count(), 1);
    world.run(["clean", "--backups", "0s"]).exits(0).said("removed");
    assert_eq!(backups(&world), "");
}

#[test]
fn status_says_of_a_held_spec_all_that_one_needs() {
    let world = held();
    let status = world.run(["status"]);
    status.exits(0).said("exit status 3").said("since: a moment ago").said("log: .specmake/logs/");
    status.said(&format!("work: {}", world.worktree("a").display())).said("next: specmake retry a");
    // Also of one that no run has held.
    world.run(["hold", "b", "--why", "not now"]).exits(0);
    world.lose_state();
    let json = world.run(["status", "b", "--format", "json"]).json();
    let b = &json["specs"][0];
    assert_eq!((b["state"].as_str(), b["next"].as_str()), (Some("held"), Some("specmake retry b")));
    assert_eq!(b["why"], "build: held by hand: not now");
}
