//! What may run side by side and what must not.
use crate::world::{ONE, World};

/// Specs `a`, `b`, ... of the cheap pipeline, each with the same body.
fn specs(count: u8, body: &str) -> String {
    let spec = |letter: u8| {
        let name = char::from(b'a' + letter);
        format!("spec \"{name}\" \"{name}\" {{ {body} }}\n")
    };
    (0..count).map(spec).collect()
}

/// Scripts of a stage that notes when it enters and leaves.
const VISIT: &str = "note enter $S\nlinger\nplay build\nnote leave $S";

/// The most visitors at once.
fn widest(notes: &[String]) -> usize {
    let mut inside = 0_usize;
    let mut most = 0;
    for note in notes {
        inside = if note.starts_with("enter") { inside + 1 } else { inside - 1 };
        most = most.max(inside);
    }
    most
}

#[test]
fn five_specs_run_at_once() {
    let world = World::with(&format!("{ONE} {}", specs(5, "")));
    world.script("any/build", "flag in-$S\nfor s in a b c d e; do wait-for in-$s; done\nplay build");
    world.run(["-j5"]).exits(0).calls(["a:build", "b:build", "c:build", "d:build", "e:build"]);
    world.again().calls([]);
}

#[test]
fn five_specs_of_five_stages_run_and_land() {
    let world = World::with(&specs(5, ""));
    world.script("any/implement", "flag in-$S\nfor s in a b c d e; do wait-for in-$s; done\nplay implement");
    world.run(["-j5"]).exits(0).calls(["a", "b", "c", "d", "e"]);
    assert_eq!(world.branches(), [""; 0]);
    assert_eq!(world.dirt(), "");
    world.again().calls([]);
}

#[test]
fn one_at_a_time_is_one_at_a_time() {
    let world = World::with(&format!("{ONE} {}", specs(4, "")));
    world.script("any/build", VISIT);
    world.run(["-j1"]).exits(0);
    assert_eq!(widest(&world.notes()), 1, "{:?}", world.notes());
}

#[test]
fn a_pool_is_used_to_its_depth_and_no_further() {
    let world = World::with(&format!(
        "{ONE}\npool \"narrow\" depth=2\nstage \"build\" {{ pool \"narrow\" }}\n{}",
        specs(4, "")
    ));
    // The first two meet inside; were the pool narrower, they would wait for each other in vain.
    let script = "note enter $S\nif mkdir $W/first 2>/dev/null; then wait-for second; else flag second; fi\nlinger\nplay build\nnote leave $S";
    world.script("any/build", script);
    world.run(["-j4"]).exits(0);
    assert_eq!(widest(&world.notes()), 2, "{:?}", world.notes());
}

#[test]
fn an_agents_pool_limits_that_agent_alone() {
    let world = World::new();
    let agent = world.agent();
    let narrow = agent.replace("\"script\" {", "\"narrow\" pool=\"p\" {");
    world.file(
        "Specfile",
        &format!(
            "{agent}\n{narrow}\npool \"p\" depth=1\n{ONE}\nspec \"a\" \"A\" {{ agent \"narrow\" }}\n\
             spec \"b\" \"B\" {{ agent \"narrow\" }}\nspec \"c\" \"C\""
        ),
    );
    world.commit("start");
    world.script("a/build", VISIT).script("b/build", VISIT);
    world.run(["-j4"]).exits(0).calls(["a:build", "b:build", "c:build"]);
    assert_eq!(widest(&world.notes()), 1, "{:?}", world.notes());
}

#[test]
fn a_resource_has_one_holder() {
    let world = World::with(&format!("{ONE}\nresource \"db\"\n{}", specs(3, "resource \"db\"")));
    world.script("any/build", VISIT);
    world.run(["-j4"]).exits(0);
    assert_eq!(widest(&world.notes()), 1, "{:?}", world.notes());
}

#[test]
fn specs_that_touch_the_same_files_never_overlap() {
    let world = World::with(
        "spec \"a\" \"A\" { touches \"src/x/**\" }\nspec \"b\" \"B\" { touches \"src/x/y.txt\" }\n\
         spec \"c\" \"C\" { touches \"lib/**\" }",
    );
    world.script("a/plan", "linger\nplay plan").script("b/plan", "linger\nplay plan");
    world.script("b/specify", "play specify");
    let outcome = world.run(["-j4"]);
    outcome.exits(0).calls(["a", "b", "c"]);
    let pair: Vec<char> = outcome.calls.iter().filter_map(|call| call.chars().next()).collect();
    let pair: String = pair.into_iter().filter(|spec| *spec != 'c').collect();
    assert!(pair == "aaaaabbbbb" || pair == "bbbbbaaaaa", "{outcome}");
    world.again().calls([]);
}

#[test]
fn the_second_toucher_starts_from_the_firsts_landing() {
    let world = World::with(&format!(
        "{ONE} spec \"a\" \"A\" {{ touches \"shared.txt\" }}\nspec \"b\" \"B\" {{ touches \"shared.txt\" }}"
    ));
    world.script("any/build", "play build\necho $S >> shared.txt");
    world.run(["-j4"]).exits(0);
    assert_eq!(world.read("shared.txt").lines().count(), 2);
    world.again().calls([]);
}

#[test]
fn alone_means_nothing_beside_it() {
    let world = World::with(&format!(
        "{ONE}\npipeline \"quiet\" {{ stage \"build\" {{ prompt \"Build.\"; output \"out/{{spec}}.txt\"; alone }} }}\n\
         {}spec \"z\" \"Z\" pipeline=\"quiet\"",
        specs(3, "")
    ));
    world.script("any/build", VISIT);
    world.run(["-j5"]).exits(0);
    let notes = world.notes();
    let enter = notes.iter().position(|note| note == "enter z").unwrap();
    assert_eq!(notes[enter + 1], "leave z", "{notes:?}");
    assert_eq!(widest(&notes[..enter]), widest(&notes[..enter]).min(3));
    let inside = notes[..enter].iter().filter(|note| note.starts_with("enter")).count();
    let left = notes[..enter].iter().filter(|note| note.starts_with("leave")).count();
    assert_eq!(inside, left, "somebody was inside: {notes:?}");
}

#[test]
fn a_higher_priority_goes_first() {
    let world = World::with(&format!(
        "{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\" priority=5\nspec \"c\" \"C\" priority=9"
    ));
    let outcome = world.run(["-j1"]);
    outcome.exits(0);
    assert_eq!(outcome.calls, ["c:build", "b:build", "a:build"], "{outcome}");
}

#[test]
fn stages_side_by_side_end_on_one_branch() {
    let world = World::with(
        "project { pipeline \"wide\" }\n\
         pipeline \"wide\" {\n\
           stage \"base\" { prompt \"Base.\"; output \"b/{spec}.txt\" }\n\
           stage \"left\" { needs \"base\"; prompt \"Left.\"; input \"b/{spec}.txt\"; output \"l/{spec}.txt\" }\n\
           stage \"right\" { needs \"base\"; prompt \"Right.\"; input \"b/{spec}.txt\"; output \"r/{spec}.txt\" }\n\
           stage \"join\" { needs \"left\" \"right\"; prompt \"Join.\"; input \"l/{spec}.txt\" \"r/{spec}.txt\"; output \"j/{spec}.txt\" }\n\
         }\nspec \"a\" \"A\"",
    );
    world.script("a/base", "mkdir b; echo base > b/a.txt");
    world.script("a/left", "flag left\nwait-for right\nmkdir l; cat b/a.txt > l/a.txt");
    world.script("a/right", "flag right\nwait-for left\nmkdir r; cat b/a.txt > r/a.txt");
    world.script("a/join", "mkdir j; cat l/a.txt r/a.txt > j/a.txt");
    let outcome = world.run(["-j4"]);
    outcome.exits(0).before("a:base", "a:left").before("a:left", "a:join").before("a:right", "a:join");
    assert_eq!(world.read("j/a.txt"), "base\nbase\n");
    world.again().calls([]);
}
