//! Stages of one spec that run beside each other, each in a worktree of its own: what fails, is mended or is skipped
//! there.
use crate::outcome::Outcome;
use crate::world::World;
use std::fs;

/// `one`, then `left` and those of `right` beside each other, then `last`.
fn world(ladder: &str, right: &[&str]) -> World {
    let stage = |name: &str, more: &str| {
        format!("stage \"{name}\" {{ prompt \"Do.\"; output \"{name}/{{spec}}.txt\"; {more} }}")
    };
    let mut stages = vec![stage("one", ""), stage("left", &format!("needs \"one\"; {ladder}"))];
    stages.extend(right.iter().map(|name| stage(name, "needs \"one\"")));
    let sides: Vec<String> = right.iter().map(|name| format!("\"{name}\"")).collect();
    stages.push(stage("last", &format!("needs \"left\" {}", sides.join(" "))));
    let world = World::with(&format!(
        "project {{ jobs 8; pipeline \"wide\" }}\npipeline \"wide\" {{ {} }}\nspec \"a\" \"A\"",
        stages.join("\n")
    ));
    for name in ["one", "left", "last"].iter().chain(right) {
        world.script(&format!("any/{name}"), &write(name));
    }
    world
}

fn write(name: &str) -> String {
    format!("mkdir -p {name}\necho $S > {name}/$S.txt")
}

/// `left` has failed, `right` has not, and a person has mended what `left` left in its worktree.
fn mended(ladder: &str) -> World {
    let world = world(ladder, &["right"]);
    let script = "if [ -e repair.txt ]; then cp repair.txt left/$S.txt; exit; fi\n\
                  mkdir -p left; echo half > left/$S.txt; exit 3";
    world.script("a/left", script);
    world.run([]).exits(1);
    let place = world.worktree("a@left");
    assert_eq!(fs::read_to_string(place.join("left/a.txt")).unwrap(), "half\n");
    fs::write(place.join("repair.txt"), "mended\n").unwrap();
    world
}

/// A commit or ref that the answer names between backticks holds the repair.
#[track_caller]
fn says_where(world: &World, outcome: &Outcome) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    let mut named = text.split('`').skip(1).step_by(2);
    let holds = |name: &str| world.show(name, "repair.txt").as_deref() == Some("mended\n");
    assert!(named.any(holds), "no commit or ref with the repair is named\n{outcome}");
}

#[test]
fn a_repair_there_is_kept_and_gone_on_from() {
    for from in [false, true] {
        let world = mended("on-failure { hold }");
        let retried =
            if from { world.run(["retry", "a", "--from", "left"]) } else { world.run(["retry", "a"]) };
        retried.exits(0).calls(["a:left", "a:last"]);
        says_where(&world, &retried);
        assert_eq!(world.read("left/a.txt"), "mended\n");
        assert!(!world.worktree("a@left").exists());
    }
    let world = mended("on-failure { fail }");
    let built = world.run([]);
    built.exits(0).calls(["a:left", "a:last"]);
    says_where(&world, &built);
    assert_eq!(world.read("left/a.txt"), "mended\n");
}

#[test]
fn a_repair_that_a_person_committed_there_is_kept() {
    let world = mended("on-failure { hold }");
    let place = world.worktree("a@left");
    world.git_in(&place, &["add", "-A"]);
    world.git_in(&place, &["commit", "-q", "-m", "mend"]);
    let retried = world.run(["retry", "a"]);
    retried.exits(0).calls(["a:left", "a:last"]);
    says_where(&world, &retried);
}

#[test]
fn a_repair_there_is_kept_when_its_worktree_goes() {
    let world = mended("on-failure { hold }");
    let cleaned = world.run(["retry", "a", "--clean"]);
    says_where(&world, &cleaned);
    cleaned.exits(1);

    let world = mended("on-failure { hold }");
    let removed = world.run(["worktree", "remove", "a"]);
    removed.exits(0).calls([]);
    says_where(&world, &removed);
    assert!(!world.worktree("a@left").exists());

    let world = mended("on-failure { hold }");
    world.run(["touch", "--yes", "a"]).exits(0);
    let landed = world.run([]);
    landed.exits(0).calls([]);
    says_where(&world, &landed);
    assert!(!world.worktree("a@left").exists());
}

#[test]
fn nothing_is_called_a_persons_that_is_not() {
    // After it was taken back the branch is another one; what its attempts left is none of a person's edits.
    let world = world("on-failure { restart 1 from=\"one\"; hold }", &["right"]);
    world.script(
        "a/left",
        "if [ $N = 1 ]; then wait-for right; exit 3; fi\nmkdir -p left\necho $S > left/$S.txt",
    );
    world.script("a/right", "flag right\nexit 3");
    world.run([]).exits(1).unsaid("your edits");
    world.unscript("a/right");
    world.run(["retry", "a"]).exits(0).unsaid("your edits");
}

#[test]
fn what_one_beside_it_did_is_not_said_to_be_its_own() {
    let world = world("on-failure { retry 1; hold }", &["right"]);
    let script = "if [ $N = 1 ]; then mkdir -p left; echo half > left/half.txt; wait-for go; exit 3; fi\n";
    world.script("a/left", &format!("{script}test -e right/$S.txt || exit 9\n{}", write("left")));
    let mut run = world.start([]);
    run.until_said("a:right  done");
    world.flag("go");
    let outcome = run.wait();
    outcome.exits(0).said("`left/half.txt`, which is no output").unsaid("`right/a.txt`");
}

#[test]
fn one_that_is_skipped_keeps_nobody_from_going_on() {
    let world = world("on-failure { skip }", &["right"]);
    world.script("a/left", "echo junk > junk.txt\nexit 3");
    let outcome = world.run([]);
    outcome.exits(0).said("skipped").unsaid("has moved");
    assert!(world.has("right/a.txt") && !world.has("junk.txt"));
    assert!(!world.worktree("a@left").exists());
    world.again().calls([]);
}

#[test]
fn one_that_is_held_costs_those_beside_it_nothing() {
    let sides = ["r1", "r2", "r3", "r4", "r5", "r6"];
    let world = world("on-failure { hold }", &sides);
    for side in sides {
        world.script(&format!("a/{side}"), &format!("{}\nwait-for go", write(side)));
    }
    world.script("a/left", "flag go\nexit 3");
    world.run([]).exits(1).unsaid("has moved");
    world.unscript("a/left");
    world.run(["retry", "a"]).exits(0).calls(["a:left", "a:last"]);
}

#[test]
fn one_goes_back_once_the_one_beside_it_is_held_or_skipped() {
    for ends in ["hold", "skip"] {
        let world = world("on-failure { restart 1 from=\"one\"; hold }", &["right"]);
        world.append("Specfile", &format!("stage \"right\" {{ on-failure {{ {ends} }} }}"));
        world.commit("ladder");
        world.script("a/left", &format!("if [ $N = 1 ]; then wait-for right; exit 3; fi\n{}", write("left")));
        world.script("a/right", "flag right\nexit 3");
        let outcome = world.run([]);
        outcome.exits(i32::from(ends == "hold"));
        assert_eq!(outcome.calls.iter().filter(|call| *call == "a:one").count(), 2, "{outcome}");
        assert_eq!(outcome.calls.iter().filter(|call| *call == "a:left").count(), 2, "{outcome}");
    }
}
