//! Landing because a person says so, and on another branch than the base.
use crate::world::{ONE, World};
use std::fs;

/// Specs that are complete under `land off`.
fn complete(land: &str, specs: &str) -> World {
    let world = World::with(&format!("{ONE}\nland off\n{specs}"));
    world.run([]);
    if land != "land off" {
        world.edit("Specfile", "land off", land).commit("another way to land");
    }
    world
}

fn landed(world: &World, branch: &str) -> Vec<String> {
    let log = world.git(&["log", "--reverse", "--first-parent", "--format=%s", branch]);
    log.lines().filter_map(|line| line.strip_prefix("land ")).map(ToOwned::to_owned).collect()
}

#[test]
fn what_is_complete_lands_though_landing_is_off() {
    let world = complete("land off", "spec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\"");
    world.run(["land", "a"]).exits(0).calls([]).said("a  landed");
    assert_eq!((landed(&world, "main"), world.dirt()), (vec!["a".to_owned()], String::new()));
    world.run(["land"]).exits(0).calls([]);
    assert_eq!(landed(&world, "main"), ["a", "b", "c"]);
    assert_eq!(world.branches(), [""; 0]);
    world.run(["land"]).exits(0).said("nothing");
    world.run(["land", "a"]).exits(0).said("has landed");
    world.again().calls([]);
}

#[test]
fn one_that_needs_another_lands_after_it_or_not_at_all() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\"\nspec \"b\" \"B\" {{ needs \"a\" }}"));
    world.script("b/build", "exit 3");
    world.run([]).exits(1);
    world.run(["revert", "a"]).exits(0);
    world.run(["land", "b"]).exits(1).said("needs `a`");
    world.run(["land", "a"]).refuses().said("specmake a");
}

#[test]
fn what_is_not_complete_is_named_and_nothing_is_built() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\"\nspec \"b\" \"B\""));
    world.script("a/build", "exit 3");
    world.run(["a"]).exits(1);
    let tip = world.rev("main");
    world.run(["land", "a"]).exits(1).calls([]).said("build").said("specmake a");
    world.run(["land", "b"]).refuses().calls([]).said("specmake b");
    world.run(["land"]).exits(0).calls([]).said("nothing");
    assert_eq!(world.rev("main"), tip);
}

#[test]
fn a_held_landing_goes_on_when_a_person_has_mended_it() {
    let world = World::with(&format!(
        "{ONE}\nland {{ check \"echo tried >> $W/checked; test ! -e out/a.txt -o -e mended.txt\" }}\nspec \"a\" \"A\""
    ));
    world.run([]).exits(1).calls(["a:build"]).said("red");
    world.run(["land", "a"]).exits(1).said("red");
    fs::write(world.worktree("a").join("mended.txt"), "x\n").unwrap();
    world.git_in(&world.worktree("a"), &["add", "-A"]);
    world.git_in(&world.worktree("a"), &["commit", "-q", "-m", "mended"]);
    world.run(["land", "a"]).exits(0).calls([]);
    assert!(world.has("mended.txt") && world.has("out/a.txt"));
    world.again().calls([]);
}

#[test]
fn what_a_person_mended_and_did_not_commit_lands_too() {
    let world = World::with(&format!(
        "{ONE}\nland {{ check \"test ! -e out/a.txt -o -e mended.txt\" }}\nspec \"a\" \"A\""
    ));
    world.run([]).exits(1).calls(["a:build"]).said("red");
    fs::write(world.worktree("a").join("mended.txt"), "x\n").unwrap();
    world.run(["land", "a"]).exits(0).calls([]).said("your edits are now");
    assert!(world.has("mended.txt") && world.has("out/a.txt"));
    assert!(!world.worktree("a").exists());
    world.again().calls([]);
}

#[test]
fn what_a_killed_run_left_is_not_taken_for_edits() {
    let world = World::with(&format!("{ONE}\nland off\nspec \"a\" \"A\""));
    world.run([]).exits(0);
    world.edit("Specfile", "Build {spec}.", "Build {spec} anew.").commit("anew");
    world.script("a/build", "echo half > half.txt\nflag half\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("half");
    run.kill();
    world.run(["land", "a"]).exits(1).said("`build` is not done or out of date").unsaid("your edits");
    assert!(!world.has("half.txt"));
    world.unscript("a/build");
    world.run([]).exits(0).calls(["a:build"]);
}

#[test]
fn a_merge_that_a_person_is_in_the_middle_of_is_theirs_to_end() {
    let world = World::new();
    world.file("shared.txt", "base\n");
    world.script("a/build", "play build\necho a > shared.txt");
    world.specfile(&format!("{ONE}\nland off\nspec \"a\" \"A\"")).commit("start");
    world.run([]).exits(0);
    world.file("shared.txt", "mine\n").commit("mine");
    let (place, tip) = (world.worktree("a"), world.rev("spec/a"));
    assert!(!world.try_git(&place, &["merge", "-q", "main"]).0);
    world.run(["land", "a"]).exits(1).said("merge");
    assert_eq!(world.rev("spec/a"), tip);
    fs::write(place.join("shared.txt"), "both\n").unwrap();
    world.git_in(&place, &["commit", "-q", "-a", "-m", "settled"]);
    world.run(["land", "a"]).exits(0);
    assert_eq!(world.read("shared.txt"), "both\n");
}

#[test]
fn a_conflict_that_a_person_settled_lands() {
    let world = World::new();
    world.file("shared.txt", "base\n");
    for name in ["a", "b"] {
        world.script(&format!("{name}/build"), &format!("play build\necho {name} > shared.txt"));
    }
    world.specfile(&format!("{ONE}\nland off\nspec \"a\" \"A\"\nspec \"b\" \"B\"")).commit("start");
    world.run([]).exits(0);
    world.run(["land"]).exits(1).said("b:land").said("shared.txt");
    let place = world.worktree("b");
    assert!(fs::read_to_string(place.join("shared.txt")).unwrap().contains("<<<<<<<"), "the merge is begun");
    fs::write(place.join("shared.txt"), "a and b\n").unwrap();
    world.git_in(&place, &["commit", "-q", "-a", "-m", "settled"]);
    world.run(["land", "b"]).exits(0).calls([]);
    assert_eq!(world.read("shared.txt"), "a and b\n");
    assert_eq!(world.branches(), [""; 0]);
}

#[test]
fn without_its_check_and_the_commit_says_so() {
    let world = complete("land { check \"echo tried >> $W/checked; false\" }", "spec \"a\" \"A\"");
    world.run(["land", "a"]).exits(1).said("`main` itself is red");
    let before = fs::read_to_string(world.top().join("checked")).unwrap();
    world.run(["land", "a", "--no-check"]).exits(0);
    assert_eq!(fs::read_to_string(world.top().join("checked")).unwrap(), before);
    let message = world.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("check was not run"), "{message}");
    world.again().calls([]);
}

#[test]
fn onto_another_branch_and_still_to_land_on_the_base() {
    let world = complete("land off", "spec \"a\" \"A\"\nspec \"b\" \"B\"");
    let main = world.rev("main");
    world.run(["land", "a", "--to", "release"]).exits(0);
    assert_eq!((world.rev("main"), landed(&world, "release")), (main.clone(), vec!["a".to_owned()]));
    assert_eq!(world.branches(), ["release", "spec/a", "spec/b"]);
    assert!(!world.has("out/a.txt"));
    world.run(["land", "--to", "release"]).exits(0);
    assert_eq!((world.rev("main"), landed(&world, "release")), (main, vec!["a".to_owned(), "b".to_owned()]));
    world.run(["land"]).exits(0).calls([]);
    assert_eq!(landed(&world, "main"), ["a", "b"]);
    assert_eq!(world.branches(), ["release"]);
    world.again().calls([]);
}

#[test]
fn a_run_that_lands_by_hand_is_one_of_the_runs() {
    let world = complete("land { check \"echo checked\" }", "spec \"a\" \"A\"");
    let outcome = world.run(["land", "--format", "json"]);
    outcome.exits(0);
    let events: Vec<serde_json::Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["event"], "run-started");
    assert!(events.iter().any(|event| event["event"] == "landed" && event["spec"] == "a"));
    world.run(["logs", "a"]).exits(0).said("checked");
    world.run(["status"]).exits(0);
}

fn into(specs: &str) -> World {
    World::with(&format!(
        "{}\nland {{ into \"next\" }}\n{specs}",
        ONE.replace("project {", "project { base \"main\";")
    ))
}

#[test]
fn results_land_where_into_says_and_are_built_upon_there() {
    let world = into("spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }");
    let main = world.rev("main");
    world.run(["-n"]).exits(0).calls([]);
    assert_eq!(world.branches(), [""; 0], "a dry run makes no branch");
    world.run([]).exits(0).calls(["a:build", "b:build"]);
    assert_eq!((world.rev("main"), landed(&world, "next")), (main, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(
        (world.branches(), world.dirt(), world.has("out/a.txt")),
        (vec!["next".to_owned()], String::new(), false)
    );
    world.run([]).exits(0).calls([]);
    world.run(["-q"]).exits(0);
    world.run(["status"]).exits(0);
}

#[test]
fn the_branch_of_into_follows_the_base_while_nothing_has_landed_since() {
    let world = into("spec \"a\" \"A\"");
    world.run([]).exits(0).calls(["a:build"]);
    // Somebody merges the pull request, and work on the base goes on.
    world.git(&["merge", "-q", "--no-ff", "-m", "Merge pull request #1", "next"]);
    world.edit("Specfile", "Build {spec}.", "Build {spec} anew.").commit("anew");
    world.run(["-n"]).exits(0).said("a:build");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.rev("next^1"), world.rev("main"));
    // Both went on: what the base has is named, and not built upon before somebody merges it.
    world.file("mine.txt", "mine\n").commit("mine");
    world.run([]).exits(0).calls([]).said("`main` has commits that `next` does not");
    assert_eq!(world.show("next", "mine.txt"), None);
}
