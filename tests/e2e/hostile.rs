//! Names and texts that would be commands, were they ever given to a shell.
use crate::world::{ONE, World, lies_below};

/// What makes the file `pwned` wherever a shell reads it.
const EVIL: &str = "x'; touch pwned; \"$(touch pwned)`touch pwned`\" && touch pwned #";

#[track_caller]
fn nobody_was_pwned(world: &World) {
    assert!(!lies_below(&world.top(), "pwned"), "a shell has read what no shell should");
}

#[test]
fn a_description_is_text() {
    let world = World::with(&format!("{ONE} spec \"a\" {EVIL:?}"));
    world.run([]).exits(0).calls(["a:build"]);
    world.run(["status"]).exits(0);
    world.run(["graph"]).exits(0);
    nobody_was_pwned(&world);
    world.again().calls([]);
}

#[test]
fn an_environment_value_is_text() {
    let world = World::with(&format!(
        "stage \"check\" {{ run \"printf '%s' \\\"$EVIL\\\" > $W/evil\"; env EVIL={EVIL:?} }}\nspec \"a\" \"A\""
    ));
    world.run(["--yes"]).exits(0);
    assert_eq!(std::fs::read_to_string(world.top().join("evil")).unwrap(), EVIL);
    nobody_was_pwned(&world);
}

#[test]
fn a_template_parameter_is_text() {
    let line = "printf '%s' \"$SITE\" > $W/site";
    let world = World::with(&format!(
        "template \"t\" {{ description \"For {{site}}\"; stage \"check\" {{ run {line:?}; env SITE=\"{{site}}\" }} }}\n\
         spec \"a\" from=\"t\" site={EVIL:?}"
    ));
    world.run(["--yes"]).exits(0);
    assert_eq!(std::fs::read_to_string(world.top().join("site")).unwrap(), EVIL);
    assert!(world.prompt("a:specify").contains(EVIL), "{}", world.prompt("a:specify"));
    nobody_was_pwned(&world);
}

#[test]
fn placeholders_in_a_shell_line_are_left_alone() {
    let world = World::with(
        "stage \"check\" { run \"echo '{spec}' \\\"$SPECMAKE_SPEC\\\" > $W/said\" }\nspec \"a\" \"A\"",
    );
    world.run([]).exits(0);
    assert_eq!(std::fs::read_to_string(world.top().join("said")).unwrap(), "{spec} a\n");
}

#[test]
fn a_repository_may_lie_anywhere() {
    let world = World::named("re po'$(touch pwned);ü");
    world.specfile(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\" {{ needs \"a\" }}")).commit("start");
    world.run([]).exits(0).calls(["a:build", "b:build"]);
    nobody_was_pwned(&world);
    world.again().calls([]);
}

#[test]
fn files_may_have_any_name() {
    let world = World::new();
    let names = ["in/$(touch pwned).txt", "in/two words.txt", "in/new\nline.txt", "in/-rf.txt", "in/ü\".txt"];
    for name in names {
        world.file(name, "1\n");
    }
    world
        .specfile(&format!("{ONE}\nstage \"build\" {{ input \"in/*.txt\" }}\nspec \"a\" \"A\""))
        .commit("start");
    world.script(
        "a/build",
        "play build\necho more >> 'in/two words.txt'\nprintf x > \"$(printf 'odd\\nname')\"",
    );
    world.run([]).exits(0);
    assert!(world.has("odd\nname"));
    assert_eq!(world.dirt(), "");
    world.again().calls([]);
    world.file(names[2], "2\n").commit("two");
    world.run([]).exits(0).calls(["a:build"]);
    nobody_was_pwned(&world);
}

#[test]
fn a_path_that_is_not_utf8_is_carried_along() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.txt");
    std::fs::write(world.repo().join(name), "1\n").unwrap();
    world.specfile(&format!("{ONE} spec \"a\" \"A\"")).commit("start");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.dirt(), "");
    assert!(world.repo().join(name).exists());
    world.again().calls([]);
}

#[test]
fn names_that_git_or_a_shell_would_read_are_refused() {
    for name in ["-rf", "a..b", "a b", "a;b", "../a", "a/b", "a.lock", "$(x)", "a:b"] {
        let world = World::with(&format!("{ONE} spec {name:?} \"A\""));
        world.run([]).exits(2).calls([]);
    }
}

#[test]
fn a_folder_of_specs_may_not_leave_the_repository() {
    for place in ["../specs/{spec}", "/etc/{spec}", "a/../../{spec}"] {
        let world = World::with(&format!("project {{ specs {place:?} }}\nspec \"a\" \"A\""));
        world.run([]).exits(2).calls([]);
    }
}
