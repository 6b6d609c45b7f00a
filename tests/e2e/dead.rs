//! What people say to a spec whose attempt was found dead: it counts, and what the attempt left is kept.
use crate::world::{ONE, World};

/// A spec whose only attempt was killed with its run.
fn killed() -> World {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "echo half > half.txt\nflag half\nwait-for go\nplay build");
    let mut run = world.start([]);
    run.until_flag("half");
    run.kill();
    world.kill_strays();
    world.flag("go");
    world
}

#[test]
fn what_is_held_then_stays_held() {
    for command in ["hold", "stop"] {
        let world = killed();
        world.run([command, "a", "--why", "not now"]).exits(0).said("held a").calls([]);
        assert_eq!(world.show("spec/a", "half.txt").as_deref(), Some("half\n"), "{command}");
        world.run([]).exits(1).said("not now").calls([]);
        world.run(["status"]).said("not now");
        world.run(["retry", "a"]).exits(0).calls(["a:build"]);
        assert_eq!(world.read("half.txt"), "half\n", "{command}");
        world.again().calls([]);
    }
}

#[test]
fn what_is_approved_then_is_approved() {
    let world = World::with(
        "project { pipeline \"three\" }\n\
         pipeline \"three\" {\n\
           stage \"draft\" { prompt \"Draft.\"; output \"draft/{spec}.txt\" }\n\
           stage \"review\" { gate; input \"notes.txt\" }\n\
           stage \"build\" { prompt \"Build.\"; output \"out/{spec}.txt\" }\n\
         }\n\
         spec \"a\" \"A\"",
    );
    world.file("notes.txt", "one\n").commit("notes");
    world.script("a/draft", "mkdir -p draft\necho d > draft/a.txt");
    world.run([]).exits(1).calls(["a:draft"]);
    world.run(["approve", "a:review"]).exits(0);
    world.script("a/build", "flag half\nwait-for go\nmkdir -p out\necho b > out/a.txt");
    let mut run = world.start([]);
    run.until_flag("half");
    run.kill();
    world.kill_strays();
    world.flag("go");
    world.file("notes.txt", "two\n").commit("other notes");
    world.run(["approve", "a:review"]).exits(0).said("approved a:review").calls([]);
    world.run([]).exits(0).calls(["a:build"]);
    world.again().calls([]);
}
