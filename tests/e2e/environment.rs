//! Where it cannot work, it says why and what to do; the table of exit codes.
use crate::world::{ONE, World};

fn one() -> World {
    World::with(&format!("{ONE} spec \"a\" \"A\""))
}

#[test]
fn outside_of_a_repository() {
    let world = World::without_git("plain");
    world.specfile(&format!("{ONE} spec \"a\" \"A\""));
    world.run([]).exits(3).said("git init");
}

#[test]
fn without_a_commit() {
    let world = World::without_git("repo");
    world.git(&["init", "-q", "-b", "main"]);
    world.specfile(&format!("{ONE} spec \"a\" \"A\""));
    world.run([]).exits(3).said("commit");
}

#[test]
fn on_a_detached_head() {
    let world = one();
    world.git(&["checkout", "-q", "--detach"]);
    world.run([]).exits(3).said_any(&["base", "branch"]).calls([]);
}

#[test]
fn in_a_shallow_clone() {
    let world = one();
    world.file("x", "x").commit("second");
    world.clone_as("shallow", &["--depth", "1"]).run([]).exits(3).said("fetch --unshallow").calls([]);
}

#[test]
fn without_git() {
    let mut world = one();
    let nowhere = world.top().join("flags");
    world.env("PATH", nowhere.to_str().unwrap());
    world.run([]).exits(3).said("git");
}

#[test]
fn without_a_specfile() {
    World::new().run([]).exits(2).said("Specfile").said("init");
}

#[test]
fn with_a_base_that_is_not_there() {
    let world =
        World::with(&format!("{} spec \"a\" \"A\"", ONE.replace("project {", "project { base \"trunk\";")));
    world.run([]).refuses().said("trunk").calls([]);
}

#[test]
fn with_a_state_of_a_later_version() {
    let world = one();
    world.run([]).exits(0);
    let path = world.repo().join(".specmake/state.db");
    // `user_version` of an SQLite file: bytes 60 to 63, big endian.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    world.edit("Specfile", "Build {spec}.", "Build {spec} well.").commit("well");
    world.run([]).exits(3).said_any(&["newer", "later"]).calls([]);
}

#[test]
fn exit_codes() {
    let world = one();
    world.run(["-q"]).exits(4);
    world.run([]).exits(0);
    world.run(["-q"]).exits(0);
    world.run(["--help"]).exits(0);
    world.run(["--version"]).exits(0);
    world.run(["--no-such-flag"]).exits(2);
    world.run(["-j", "0"]).exits(2);
    world.run(["-j", "many"]).exits(2);
    world.run(["nobody"]).exits(2);
    world.run(["logs", "nobody"]).refuses();
    world.run(["approve", "a:build"]).refuses();
    world.run(["check"]).exits(0);
    world.file("Specfile", "spec \"a\" {").run([]).exits(2);
    world.run(["check"]).exits(2);
}

#[test]
fn every_mistake_of_a_specfile_is_shown_at_once() {
    let world = World::new();
    world.specfile("sepc \"a\" \"A\"\nspec \"b\" \"B\" { nedes \"a\" }\nspec \"c\" \"C\" pipelin=\"x\"");
    let outcome = world.run(["check"]);
    outcome.exits(2).said("sepc").said("nedes").said("pipelin").said("spec").said("needs").said("pipeline");
    let lines = world.run(["check", "--format", "json"]);
    lines.exits(2);
    assert!(lines.json().to_string().contains("nedes"), "{lines}");
}

#[test]
fn a_pipe_gets_no_colours() {
    let mut world = one();
    world.run(["-n"]).said("a:build").plain();
    world.run([]).said("a:build").plain();
    world.run(["status"]).plain();
    world.env("NO_COLOR", "1").env("TERM", "xterm-256color");
    world.run(["status"]).plain();
    world.env("CLICOLOR_FORCE", "1");
    world.run(["status"]).plain();
    world.edit("Specfile", "Build", "Make").run([]).plain();
}

#[test]
fn colours_may_be_forced() {
    let mut world = one();
    world.env("CLICOLOR_FORCE", "1").env("TERM", "xterm-256color");
    let outcome = world.run(["status"]);
    assert!(outcome.stdout.contains('\x1b'), "{outcome}");
}

#[test]
fn a_plain_locale_gets_plain_letters() {
    let mut world = one();
    world.env("LC_ALL", "C").env("LANG", "C");
    let build = world.run([]);
    build.exits(0).said("a:build");
    let status = world.run(["status"]);
    for text in [&build.stderr, &status.stdout] {
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn the_users_file_says_taste_and_nothing_else() {
    let world = one();
    let config = world.config();
    let trusted = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{trusted}project {{ jobs 1 }}\n")).unwrap();
    world.run(["check"]).exits(0);
    std::fs::write(&config, format!("{trusted}spec \"evil\" \"E\"\n")).unwrap();
    world.run([]).exits(2).said("config.kdl").calls([]);
}
