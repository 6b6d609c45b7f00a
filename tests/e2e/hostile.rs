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

/// What `check`, a build and a forecast say of a Specfile that cannot be read; none of them may break over it.
#[track_caller]
fn is_refused(world: &World, specfile: &[u8], why: &str) {
    std::fs::write(world.repo().join("Specfile"), specfile).unwrap();
    world.run(["check"]).exits(2).said(why);
    for args in [["-n"], ["fmt"], ["--yes"]] {
        world.run(args).exits(2).said(why).calls([]);
    }
}

#[test]
fn a_specfile_of_any_bytes_is_refused_in_words() {
    let world = World::new();
    let noise: Vec<u8> =
        (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_be_bytes()[3]).collect();
    is_refused(&world, &noise, "not UTF-8");
    is_refused(&world, &[0; 4096], "U+0000");
    is_refused(&world, &b"spec \"a\" \"A\"\n".repeat(50 * 1024 * 1024 / 13), "larger than 16 MiB");
    let nested = "layer \"a\" {".repeat(10_000) + &"}".repeat(10_000);
    is_refused(&world, nested.as_bytes(), "nest deeper than 64 levels");
    assert_eq!(world.dirt(), "?? Specfile");
}

#[test]
fn goals_and_flags_are_names_and_no_more() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    for goal in [EVIL, "$(touch pwned)", "../a", "a\nb", "-", "a:$(touch pwned)", "a:", ":", "[", "{a"] {
        world.run([goal]).exits(2).calls([]);
    }
    for args in [["--agent", EVIL], ["--until", EVIL], ["-f", EVIL], ["-j", EVIL], ["-W", EVIL]] {
        world.run(args).exits(2).calls([]);
    }
    world.run(["new", EVIL, "A"]).exits(2);
    nobody_was_pwned(&world);
}

#[test]
fn no_text_of_a_specfile_steers_the_terminal() {
    let odd = "\\u{1b}]0;title\\u{7}\\u{1b}[2J\\r\\u{9b}7m";
    let world = World::with(&format!("{ONE} spec \"a\" \"A {odd} feature\""));
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let check = |word: &str| {
        let outcome = world.run([word]);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!said.contains(is_odd), "{word}: {said:?}");
    };
    for word in ["-n", "check", "graph", "--yes", "status", "logs"] {
        check(word);
    }
    world.specfile(&format!(
        "{ONE} spec \"{odd}\" \"A\"\nlayer \"b\" {{ needs \"{odd}\" }}\nspec \"\u{1b}[2J\""
    ));
    for word in ["check", "-n", "\u{1b}[2J"] {
        check(word);
    }
}
