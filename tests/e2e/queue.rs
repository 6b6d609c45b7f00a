//! The classic cases of a merge queue, each by its name: what lands together, and the repositories of people who
//! have set theirs up in a way of their own.
use crate::world::{ONE, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// A pipeline of one stage that need not leave anything.
const FREE: &str = "project { base \"main\"; pipeline \"one\" }\npipeline \"one\" { stage \"build\" { run \"sh -eu $W/do/$SPECMAKE_SPEC.sh\" } }";

/// A world in which each spec runs these lines; `land` stands in its Specfile, after what is set up before.
pub fn doing(land: &str, specs: &[(&str, &str)], before: impl FnOnce(&World)) -> World {
    let world = World::new();
    fs::create_dir_all(world.top().join("do")).unwrap();
    for (spec, lines) in specs {
        fs::write(world.top().join(format!("do/{spec}.sh")), lines).unwrap();
    }
    before(&world);
    let names: Vec<String> = specs.iter().map(|(spec, _)| format!("spec \"{spec}\" \"{spec}\"")).collect();
    world.specfile(&format!("{FREE}\n{land}\n{}", names.join("\n"))).commit("start");
    world
}

/// The same, with every spec complete before landing is switched on: they are one batch.
pub fn together(land: &str, specs: &[(&str, &str)], before: impl FnOnce(&World)) -> World {
    let world = doing("land off", specs, before);
    world.run([]).exits(0);
    world.edit("Specfile", "land off", land).commit("landing is on");
    world
}

/// What landed, oldest first.
pub fn landed(world: &World) -> Vec<String> {
    let log = world.git(&["log", "--reverse", "--first-parent", "--format=%s", "main"]);
    log.lines().filter_map(|line| line.strip_prefix("land ")).map(ToOwned::to_owned).collect()
}

/// The same by name, where it is open which came first.
pub fn landed_at_all(world: &World) -> Vec<String> {
    let mut names = landed(world);
    names.sort();
    names
}

fn hook(world: &World, name: &str, text: &str) {
    let file = world.repo().join(".git/hooks").join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

// -- what lands together ------------------------------------------------------------------------------

#[test]
fn two_greens_that_are_red_together() {
    let world = together(
        "land { batch 2; check \"test ! -e a.txt -o ! -e b.txt\" }",
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    world.run([]).exits(1).said("held");
    let first = landed(&world);
    assert_eq!(first.len(), 1);
    assert_eq!(world.branches().len(), 1);
    world.run([]).exits(1);
    assert_eq!(landed(&world), first);
}

#[test]
fn a_culprit_in_the_middle() {
    let names = ["a", "b", "c", "d", "e"].map(|name| (name, "echo x > $SPECMAKE_SPEC.txt"));
    let world = together("land { batch 5; check \"test ! -e c.txt\" }", &names, |_| {});
    world.run([]).exits(1).said("c").said("held");
    assert_eq!(landed_at_all(&world), ["a", "b", "d", "e"]);
    assert_eq!(world.branches(), ["spec/c"]);
}

#[test]
fn a_flake_blames_nobody() {
    let world = together(
        "land { batch 2; check \"if [ -e $W/flags/flaked ]; then true; else : > $W/flags/flaked; false; fi\" }",
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    world.run([]).exits(0).said("flake");
    assert_eq!(landed_at_all(&world), ["a", "b"]);
}

/// Waits in the landing's check, once, until the flag `go`; before that it says `testing`.
const WAITS: &str = "if [ ! -e $W/flags/testing ]; then : > $W/flags/testing; while [ ! -e $W/flags/go ]; do sleep 0.05; done; fi";

#[test]
fn a_base_that_moves_during_the_check_of_a_batch() {
    let world = together(
        &format!("land {{ batch 2; check \"echo $(ls *.txt) >> $W/checked; {WAITS}\" }}"),
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    let mut run = world.start([]);
    run.until_flag("testing");
    world.file("mine.txt", "mine\n").commit("meanwhile");
    let mine = world.rev("main");
    world.flag("go");
    run.wait().exits(0);
    assert_eq!(landed_at_all(&world), ["a", "b"]);
    assert_eq!(world.rev("main~2"), mine);
    let checked = fs::read_to_string(world.top().join("checked")).unwrap();
    assert_eq!(checked.lines().last(), Some("README.txt a.txt b.txt mine.txt"), "what landed was tested");
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_base_that_moves_during_the_search_for_the_culprit() {
    // The whole is red, twice; the first part that is looked at waits.
    let world = together(
        &format!(
            "land {{ batch 3; check \"if [ ! -e c.txt ]; then {WAITS}; fi; echo $(ls *.txt) >> $W/checked; test ! -e c.txt\" }}"
        ),
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt"), ("c", "echo c > c.txt")],
        |_| {},
    );
    let mut run = world.start([]);
    run.until_flag("testing");
    world.file("mine.txt", "mine\n").commit("meanwhile");
    world.flag("go");
    run.wait().exits(1).said("c").said("held");
    assert_eq!(landed_at_all(&world), ["a", "b"]);
    assert!(world.has("mine.txt") && !world.has("c.txt"));
    let checked = fs::read_to_string(world.top().join("checked")).unwrap();
    assert!(checked.lines().any(|line| line == "README.txt a.txt b.txt mine.txt"), "{checked}");
    assert_eq!(world.dirt(), "");
}

#[test]
fn an_empty_merge_is_a_landing() {
    let world = doing("land { check \"true\" }", &[("a", ":")], |_| {});
    world.run([]).exits(0);
    assert_eq!(landed(&world), ["a"]);
    assert_eq!(world.git(&["diff", "--stat", "main^1", "main"]), "");
    assert_eq!(world.branches(), [""; 0]);
    world.again().calls([]);
}

#[test]
fn changes_that_stand_in_the_base_already() {
    let world = together(
        "land { batch 2; check \"echo $(ls *.txt) >> $W/checked\" }",
        &[("a", "echo same > same.txt"), ("b", "echo b > b.txt")],
        |world| {
            world.file("x.txt", "x\n");
        },
    );
    world.file("same.txt", "same\n").commit("the same by hand");
    world.run([]).exits(0);
    assert_eq!(landed_at_all(&world), ["a", "b"]);
    assert_eq!(world.branches(), [""; 0]);
    world.again().calls([]);
}

#[test]
fn two_specs_with_the_same_change_land_together() {
    let world = together(
        "land { batch 2; check \"true\" }",
        &[("a", "echo same > same.txt"), ("b", "echo same > same.txt")],
        |_| {},
    );
    world.run([]).exits(0);
    assert_eq!(landed(&world).len(), 2);
    assert_eq!(world.read("same.txt"), "same\n");
    world.again().calls([]);
}

// -- repositories of people ---------------------------------------------------------------------------

#[test]
fn a_bare_repository_with_worktrees() {
    let world = together(
        "land { batch 2; check \"true\" }",
        &[("a", "echo a >> CHANGES"), ("b", "echo b >> CHANGES")],
        |world| {
            world.file("CHANGES", "first\n").file(".gitattributes", "CHANGES merge=union\n");
        },
    );
    world.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = world.at("bare.git");
    for spec in ["a", "b"] {
        bare.git(&["config", &format!("branch.spec/{spec}.specmake"), spec]);
    }
    bare.git(&["worktree", "add", "-q", "../desk", "main"]);
    bare.git(&["worktree", "add", "-q", "-b", "topic", "../other", "main"]);
    let desk = world.at("desk");
    desk.file("mine.txt", "mine\n");
    desk.run([]).exits(0);
    assert_eq!(desk.read("CHANGES").lines().count(), 3, "the driver counts without a checkout, too");
    assert_eq!(desk.dirt(), "?? mine.txt");
    assert_eq!(world.at("other").dirt(), "");
    assert_eq!(world.at("other").read("CHANGES"), "first\n");
    desk.run([]).exits(0).calls([]);
    assert_eq!(bare.branches(), ["topic"]);
}

#[test]
fn a_base_checked_out_twice_and_then_once() {
    let world = doing("", &[("a", "echo a > a.txt")], |_| {});
    world.git(&["worktree", "add", "-q", "-f", "../twice", "main"]);
    world.run([]).exits(1).said("checked out twice");
    assert!(!world.has("a.txt"));
    // Its folder goes, and git has not noticed yet.
    fs::remove_dir_all(world.top().join("twice")).unwrap();
    world.run([]).exits(0);
    assert_eq!((world.read("a.txt").as_str(), world.dirt().as_str()), ("a\n", ""));
    assert_eq!(world.git(&["worktree", "list"]).lines().count(), 2, "what is lost is not ours to prune");
}

#[test]
fn large_file_attributes_without_the_filter() {
    let world = doing(
        "land { check \"test -e b.bin\" }",
        &[("a", "echo b > b.bin\necho more >> was.bin")],
        |world| {
            world
                .file(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
                .file("was.bin", "pointer\n");
        },
    );
    world.run([]).exits(0);
    assert_eq!((world.read("was.bin").as_str(), world.dirt().as_str()), ("pointer\nmore\n", ""));
}

#[test]
fn a_required_filter_that_is_not_installed_is_named() {
    let world = doing("land { check \"test -e b.txt\" }", &[("a", "echo b > b.txt")], |world| {
        world
            .file(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
            .file("was.bin", "pointer\n");
    });
    world.git(&["config", "filter.lfs.process", "no-such-lfs filter-process"]);
    world.git(&["config", "filter.lfs.clean", "no-such-lfs clean -- %f"]);
    world.git(&["config", "filter.lfs.smudge", "no-such-lfs smudge -- %f"]);
    world.git(&["config", "filter.lfs.required", "true"]);
    let before = world.rev("main");
    world.run([]).refuses().said("no-such-lfs");
    assert_eq!((world.rev("main"), world.read("was.bin").as_str()), (before, "pointer\n"));
    for name in ["process", "clean", "smudge", "required"] {
        world.git(&["config", "--unset", &format!("filter.lfs.{name}")]);
    }
    world.run([]).exits(0);
    assert!(world.has("b.txt"));
}

#[test]
fn hooks_that_refuse_or_never_end_are_not_asked() {
    let world = doing("land { check \"true\" }", &[("a", "echo a > a.txt")], |_| {});
    for name in ["pre-commit", "commit-msg", "pre-merge-commit", "reference-transaction", "pre-push"] {
        hook(&world, name, "exit 1");
    }
    // Would only come to its end after the test did.
    hook(&world, "post-checkout", "while :; do sleep 1; done");
    world.run([]).exits(0);
    assert_eq!((world.read("a.txt").as_str(), world.dirt().as_str()), ("a\n", ""));
}

#[test]
fn a_hook_may_refuse_what_an_agent_commits() {
    // The agent's own git is the user's git, hooks and all; what it left is committed for it.
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    world.script(
        "a/build",
        "play build\ngit add -A\nif git commit -q -m mine; then note committed; else note refused; fi",
    );
    hook(&world, "pre-commit", "exit 1");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.notes(), ["refused"]);
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_fresh_clone_knows_what_landed() {
    let world = together(
        "land { batch 2; check \"true\" }",
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    world.run([]).exits(0);
    world.clone_as("clone", &[]).run(["-q"]).exits(0);
}

/// A lock of the user's git on the index, for as long as this lives.
struct Locked(std::process::Child);

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_editor_that_is_open_for_a_commit_is_waited_for() {
    let world = doing("", &[("a", "echo a > a.txt")], |world| {
        world.file("mine.txt", "mine\n");
    });
    world.append("mine.txt", "more");
    let editor = "sh -c ': > $W/flags/editing; while [ ! -e $W/flags/go ]; do sleep 0.05; done; echo mine > \"$1\"' --";
    let mut commit = Command::new("git");
    commit.current_dir(world.repo()).args(["commit", "-q", "-a"]).env("GIT_EDITOR", editor);
    commit.env("W", world.top()).env("HOME", world.top().join("home")).stdin(Stdio::null());
    let mut commit = Locked(commit.spawn().unwrap());
    while !world.has_flag("editing") {
        std::thread::yield_now();
    }
    world.run([]).exits(1).said("index.lock");
    assert!(!world.has("a.txt"));
    world.flag("go");
    assert!(commit.0.wait().unwrap().success());
    world.run([]).exits(0);
    assert_eq!((world.read("mine.txt").as_str(), world.dirt().as_str()), ("mine\nmore\n", ""));
    assert_eq!(world.git(&["log", "-1", "--format=%s", "main^1"]), "mine");
}
