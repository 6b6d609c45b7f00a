//! What is known of collisions before they happen, and of files that a spec did not say it would change.
use crate::world::{ONE, World};

/// [`ONE`] with one more setting of the project.
fn with(setting: &str) -> String {
    ONE.replacen("pipeline \"one\" }", &format!("pipeline \"one\"; {setting} }}"), 1)
}

/// One spec that says what it touches, and an agent that changes more than that.
fn overstepping(policy: &str) -> World {
    let world = World::new();
    world.file("src/lib.txt", "lib\n").file("other.txt", "other\n");
    world.specfile(&format!(
        "{} spec \"a\" \"A\" {{ touches \"src/**\" }}",
        with(&format!("touches \"{policy}\""))
    ));
    world.commit("start");
    world.script(
        "a/build",
        "play build\nmkdir -p $F\necho x > $F/notes.md\necho a >> src/lib.txt\necho a >> other.txt",
    );
    world
}

#[test]
fn a_change_outside_touches_is_told_when_it_lands() {
    let world = overstepping("warn");
    let outcome = world.run([]);
    outcome.exits(0).said("a: changed `other.txt` outside its `touches`").unsaid("`src/lib.txt`");
    outcome.unsaid("notes.md").unsaid("`out/a.txt`");
    assert_eq!(world.read("other.txt"), "other\na\n");
    world.again().calls([]).unsaid("outside");
}

#[test]
fn where_touches_are_strict_it_does_not_land_until_that_is_undone_or_said() {
    let world = overstepping("strict");
    world.run([]).exits(1).said("changed `other.txt` outside its `touches`");
    assert_eq!(world.read("other.txt"), "other\n");
    // It is not paid for again, and it does not land by itself.
    world.run([]).exits(1).calls([]);
    world.edit("Specfile", "touches \"src/**\"", "touches \"src/**\" \"other.txt\"").commit("wider");
    world.run([]).exits(0).calls([]);
    assert_eq!(world.read("other.txt"), "other\na\n");
    world.again().calls([]);
}

#[test]
fn what_is_undone_by_hand_lands() {
    let world = overstepping("strict");
    world.run([]).exits(1);
    let tree = world.worktree("a");
    world.git_in(&tree, &["checkout", "-q", "main", "--", "other.txt"]);
    world.git_in(&tree, &["commit", "-q", "-m", "undo"]);
    world.run([]).exits(0).calls([]);
    assert_eq!(world.read("other.txt"), "other\n");
    assert_eq!(world.read("src/lib.txt"), "lib\na\n");
}
