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
fn exit_codes_of_builds_that_do_not_get_through() {
    let ends = |spec: &str, script: &str, code: i32| {
        let world =
            World::with(&format!("{ONE}\npipeline \"asked\" {{ stage \"review\" {{ gate }} }}\n{spec}"));
        world.script("a/build", script);
        world.run([]).exits(code);
        // What nobody mended is as it was.
        world.run([]).exits(code);
    };
    ends("spec \"a\" \"A\"", "play build", 0);
    ends("spec \"a\" \"A\" { stage \"build\" { on-failure { fail } } }", "exit 3", 1);
    ends("spec \"a\" \"A\" { stage \"build\" { on-failure { hold } } }", "exit 3", 1);
    ends("spec \"g\" \"G\" pipeline=\"asked\"", "play build", 1);
    ends("spec \"a\" \"A\" { parked \"later\" }\nspec \"b\" \"B\" { needs \"a\" }", "play build", 1);
    ends("spec \"a\" \"A\" { parked \"later\" }", "play build", 0);
    ends("spec \"a\" \"A\" { when \"false\" }", "play build", 0);
    ends("land off\nspec \"a\" \"A\"", "play build", 0);
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
fn a_mistake_hides_no_other() {
    let world = World::new();
    world.specfile(
        "agent \"demo\"\nproject { job 3; pipeline \"specmkae\" }\nspec \"a\" \"A\" { needs \"b\" \"cc\" }\n\
         spec \"b\" \"B\" { needs \"a\"; priority \"high\" }\nspec \"c\"\nland { chek \"x\" }\nspec \"c\" \"C\"",
    );
    let outcome = world.run(["check"]);
    outcome
        .exits(2)
        .said("`job`")
        .said("`specmkae`")
        .said("`cc`")
        .said("`a` -> `b` -> `a`")
        .said("a priority");
    outcome.said("`chek`").said("`c` is declared twice").said("`c` has no description").said("8 errors");
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

#[test]
fn from_a_folder_below_and_from_anywhere() {
    let world = one();
    world.file("deep/er/file", "x").commit("deep");
    world.at("repo/deep/er").run([]).exits(0).calls(["a:build"]);
    let repo = world.repo().to_str().unwrap().to_owned();
    world.run(["-C", &repo, "-C", "deep", "-q"]).exits(0);
    world.run(["-C", "no-such-folder", "-q"]).exits(3).said("no-such-folder");
}

#[test]
fn in_a_bare_repository_what_writes_a_file_says_why_it_cannot() {
    let world = one();
    let bare = world.clone_as("bare.git", &["--bare"]);
    bare.run(["check"]).exits(0);
    bare.run(["init"]).exits(3).said("bare");
    bare.run(["new", "b", "B"]).exits(3).said("bare");
    bare.run(["fmt"]).exits(3).said("bare");
}

#[test]
fn a_file_can_be_laid_out_anywhere() {
    let world = World::without_git("plain");
    world.file("One", "spec   \"a\"  \"A\"\n");
    world.run(["fmt", "-f", "One"]).exits(0);
    assert_eq!(world.read("One"), "spec \"a\" \"A\"\n");
    world.run(["fmt", "-f", "Two"]).exits(2).said("Two");
}

#[test]
fn a_word_that_is_nearly_a_command_is_taken_for_one() {
    one().run(["statsu"]).exits(2).said("specmake status").calls([]);
}

#[test]
fn a_specfile_without_specs_says_how_to_add_one() {
    let world = World::without_git("repo");
    world.git(&["init", "-q", "-b", "main"]);
    world.git(&["commit", "-q", "--allow-empty", "-m", "start"]);
    world.run(["init"]).exits(0).said("specmake new");
    world.run([]).exits(0).said("specmake new");
    world.run(["new", "a", "A"]).exits(0);
    world.run(["-q"]).exits(4);
    world.run(["init"]).exits(2);
}

#[test]
fn a_graph_in_the_forms_of_others() {
    let world = one();
    world.run(["graph", "--format", "dot"]).exits(0).said("digraph");
    world.run(["graph", "--format", "mermaid"]).exits(0).said("flowchart");
    world.run(["status", "--format", "dot"]).exits(2).said("graph");
}

#[test]
fn the_environment_sets_taste_and_nothing_else() {
    let mut world = one();
    world.env("SPECMAKE_JOBS", "many");
    world.run(["check"]).exits(2).said("SPECMAKE_JOBS");
    world.env("SPECMAKE_JOBS", "2").env("SPECMAKE_YES", "1").env("SPECMAKE_FORMAT", "json");
    world
        .run(["check"])
        .exits(0)
        .said("`SPECMAKE_YES` means nothing")
        .said("`SPECMAKE_FORMAT` means nothing");
    world.env("SPECMAKE_PIPELINE", "docs");
    world.run(["check"]).exits(2).said("`SPECMAKE_PIPELINE` cannot be set");
}
