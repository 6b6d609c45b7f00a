//! Taking back what has landed.
use crate::world::{ONE, World};

/// `a` and then `b` have landed; both write in `shared.txt`, far apart unless told otherwise.
fn landed(b: &str) -> World {
    let world = World::new();
    let lines: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    world.file("shared.txt", &lines);
    world.script("a/build", "play build\nsed -i 's/line 1$/line of a/' shared.txt\necho only > only-a.txt");
    world.script("b/build", &format!("play build\n{b}"));
    world.specfile(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\" {{ after \"a\" }}")).commit("start");
    world.run([]).exits(0).calls(["a:build", "b:build"]);
    world
}

const APART: &str = "sed -i 's/line 20$/line of b/' shared.txt";
const CLOSE: &str = "sed -i 's/line of a$/line of a and b/' shared.txt";

#[test]
fn a_spec_is_taken_back_and_is_out_of_date_and_says_why() {
    let world = landed(APART);
    let tip = world.rev("main");
    world.run(["revert", "a", "-n"]).exits(0).said("only-a.txt").said("land a");
    assert_eq!(world.rev("main"), tip);
    world.run(["revert", "a"]).exits(0).calls([]);
    assert_eq!(world.rev("main^"), tip);
    assert!(!world.has("out/a.txt") && !world.has("only-a.txt") && world.has("out/b.txt"));
    let shared = world.read("shared.txt");
    assert!(shared.starts_with("line 1\n") && shared.contains("line of b"), "{shared}");
    assert_eq!(world.dirt(), "");
    let message = world.git(&["log", "-1", "--format=%B", "main"]);
    assert!(message.contains("This reverts commit "), "{message}");
    world.run(["-n", "--explain"]).exits(0).said("revert").said("a:build");
    world.run(["-q", "b"]).exits(0);
    world.clone_as("clone", &[]).run(["-q", "a"]).exits(4);
    world.run([]).exits(0).calls(["a:build"]);
    assert!(world.has("only-a.txt") && world.read("shared.txt").starts_with("line of a\n"));
    world.again().calls([]);
}

#[test]
fn a_revert_of_the_revert_brings_it_back_without_an_agent() {
    let world = landed(APART);
    world.run(["revert", "a"]).exits(0);
    world.git(&["revert", "--no-edit", "HEAD"]);
    assert!(world.has("only-a.txt"));
    world.run([]).exits(0).calls([]);
    world.run(["revert", "a"]).exits(0);
    assert!(!world.has("only-a.txt"));
    world.run(["-q"]).exits(4);
}

#[test]
fn what_later_work_stands_on_is_not_taken_back() {
    let world = landed(CLOSE);
    let tip = world.rev("main");
    world.run(["revert", "a"]).exits(1).said("shared.txt").said("land b");
    world.run(["revert", "a", "-n"]).exits(1).said("shared.txt");
    assert_eq!((world.rev("main"), world.dirt()), (tip, String::new()));
    world.run(["revert", "b"]).exits(0);
    world.run(["revert", "a"]).exits(0);
    assert!(world.read("shared.txt").starts_with("line 1\n"));
}

#[test]
fn every_landing_of_a_spec_is_taken_back() {
    let world = landed(APART);
    world.edit("Specfile", "Build {spec}.", "Build {spec} again.").commit("again");
    world.script("a/build", "echo a second > out/a.txt\necho two >> only-a.txt");
    world.run(["a"]).exits(0).calls(["a:build"]);
    world.run(["revert", "a"]).exits(0).said("2 landings");
    assert!(!world.has("only-a.txt") && !world.has("out/a.txt"));
    world.run(["revert", "a"]).refuses().said("not landed");
}

#[test]
fn a_revert_is_tested_like_a_landing() {
    let world = landed(APART);
    let more = "land { check \"echo $(ls *.txt) >> $W/checked; test -e only-a.txt -o -e fine.txt\" }";
    world.append("Specfile", more).commit("a check");
    world.file("Specfile", &world.read("Specfile"));
    let tip = world.rev("main");
    world.run(["revert", "a", "--yes"]).exits(1).said("red").said("log");
    assert_eq!(world.rev("main"), tip);
    world.file("fine.txt", "x\n").commit("fine");
    world.run(["revert", "a", "--yes"]).exits(0);
    let checked = std::fs::read_to_string(world.top().join("checked")).unwrap();
    assert_eq!(checked.lines().last(), Some("README.txt fine.txt shared.txt"));
}

#[test]
fn the_users_own_files_are_not_touched_by_a_revert() {
    let world = landed(APART);
    world.append("only-a.txt", "mine");
    world.file("other.txt", "mine\n");
    let before = world.state_of(&["only-a.txt", "other.txt"]);
    let tip = world.rev("main");
    world.run(["revert", "a"]).refuses().said("only-a.txt");
    assert_eq!((world.state_of(&["only-a.txt", "other.txt"]), world.rev("main")), (before, tip));
    world.git(&["checkout", "-q", "--", "only-a.txt"]);
    world.run(["revert", "a"]).exits(0);
    assert_eq!(world.dirt(), "?? other.txt");
}

#[test]
fn landings_made_elsewhere_are_taken_back_too() {
    for how in ["merge", "squash", "bare squash", "rebase"] {
        let world = World::with(&format!("{ONE}\nland off\nspec \"a\" \"A\""));
        world.run([]).exits(0);
        match how {
            "merge" => drop(world.git(&["merge", "-q", "--no-ff", "-m", "Merge pull request #1", "spec/a"])),
            "rebase" => {
                world.file("meanwhile.txt", "x\n").commit("meanwhile");
                drop(world.git(&["cherry-pick", "--allow-empty", "main..spec/a"]));
            }
            squash => {
                let words = world.git(&["log", "--format=* %B", "main..spec/a"]);
                world.git(&["merge", "-q", "--squash", "spec/a"]);
                world.git(&["commit", "-q", "-m", if squash == "squash" { &words } else { "A (#1)" }]);
            }
        }
        world.file("later.txt", "later\n").commit("later");
        world.run([]).exits(0).calls([]);
        world.run(["revert", "a"]).exits(0);
        assert!(!world.has("out/a.txt") && world.has("later.txt"), "{how}");
        world.run(["-q"]).exits(4);
        world.run([]).exits(0).calls(["a:build"]);
    }
}

#[test]
fn a_landing_is_taken_back_whole_however_it_landed() {
    for strategy in ["merge", "squash", "rebase"] {
        let world = World::with(&format!(
            "{ONE}\nland {{ strategy \"{strategy}\" }}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\"\nspec \"b\" \"B\""
        ));
        world.file("mine.txt", "mine\n").commit("mine");
        world.script("a/build", "exit 3");
        world.run(["a"]).exits(1);
        std::fs::write(world.worktree("a").join("by-hand.txt"), "x\n").unwrap();
        world.unscript("a/build");
        world.run(["retry", "a"]).exits(0);
        world.run(["b"]).exits(0);
        assert!(world.has("by-hand.txt"));
        world.run(["revert", "a"]).exits(0).said("1 landing,");
        assert!(!world.has("out/a.txt") && !world.has("by-hand.txt"), "{strategy}");
        assert!(world.has("out/b.txt") && world.has("mine.txt"), "{strategy}");
        world.run(["-n"]).exits(0).said("a:build").unsaid("b:build");
        world.run([]).exits(0).calls(["a:build"]);
        world.again().calls([]);
    }
}

#[test]
fn what_has_not_landed_cannot_be_reverted() {
    let world = World::with(&format!("{ONE}\nland off\nspec \"a\" \"A\""));
    world.run(["revert", "a"]).refuses().said("not landed");
    world.run([]).exits(0);
    world.run(["revert", "a"]).refuses().said("not landed");
    world.run(["revert", "nobody"]).exits(2);
}
