//! The commands around a build: each answers on stdout, and in JSON when asked.
use crate::world::{ONE, World};

fn mixed() -> World {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ fail }} }}\nspec \"done\" \"Done\"\nspec \"broken\" \"Broken\"\n\
         spec \"waiting\" \"Waiting\" {{ needs \"broken\" }}"
    ));
    world.script("broken/build", "echo 'gasket blown'\nexit 3");
    world.script("done/build", "echo 'all went well'\nplay build");
    world.run([]).exits(1);
    world
}

#[test]
fn status_tells_done_from_failed_from_waiting() {
    let world = mixed();
    let status = world.run(["status"]);
    status.exits(0).said("done").said("broken").said("waiting");
    let report = world.run(["status", "--format", "json"]).json().to_string();
    for name in ["done", "broken", "waiting"] {
        assert!(report.contains(name), "{report}");
    }
}

#[test]
fn logs_are_found_by_spec_and_stage() {
    let world = mixed();
    world.run(["logs", "done"]).exits(0).said("all went well");
    world.run(["logs", "broken:build"]).exits(0).said("gasket blown");
    world.run(["logs", "done", "--format", "json"]).exits(0).json();
}

#[test]
fn a_graph_comes_in_every_form() {
    let world = mixed();
    world.run(["graph"]).exits(0).said("waiting").said("broken");
    let json = world.run(["graph", "--format", "json"]).json().to_string();
    assert!(json.contains("waiting"), "{json}");
}

#[test]
fn a_plan_is_the_dry_run() {
    let world = mixed();
    world.run(["plan"]).exits(0).said("broken:build").calls([]);
    let json = world.run(["plan", "--format", "json"]).json().to_string();
    assert!(json.contains("broken"), "{json}");
}

#[test]
fn a_build_in_json_is_a_line_an_event() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let outcome = world.run(["--format", "json"]);
    outcome.exits(0).calls(["a:build"]);
    let events: Vec<serde_json::Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(names.first(), Some(&"run-started"), "{outcome}");
    assert_eq!(names.last(), Some(&"run-ended"), "{outcome}");
    assert!(names.contains(&"landed"), "{outcome}");
}

#[test]
fn init_writes_a_specfile_that_checks() {
    let world = World::new();
    world
        .file("specs/001-login/spec.md", "# Login\n")
        .file("specs/002-cart/spec.md", "# Cart\n")
        .commit("specs");
    world.run(["init"]).exits(0);
    assert!(world.read("Specfile").contains("001-login"));
    world.run(["check"]).exits(0);
    let before = world.read("Specfile");
    world.run(["init"]).refuses();
    assert_eq!(world.read("Specfile"), before);
}

#[test]
fn new_adds_a_spec_and_keeps_the_rest() {
    let world = World::with("// mine\nspec \"a\" \"A\"");
    world.run(["new", "b", "Do something else"]).exits(0);
    let text = world.read("Specfile");
    assert!(text.contains("// mine") && text.contains("Do something else"), "{text}");
    world.run(["check"]).exits(0);
    world.run(["new", "b", "Again"]).exits(2);
    world.run(["new", "b/c", "Bad"]).exits(2);
    assert_eq!(world.read("Specfile"), text);
}

#[test]
fn fmt_is_idempotent_and_keeps_remarks() {
    let world = World::new();
    world.file("Specfile", "spec   \"a\"    \"A\"   {\n      needs   \"b\" // why\n}\nspec \"b\" \"B\"\n");
    world.run(["fmt", "--check"]).refuses();
    world.run(["fmt"]).exits(0);
    let once = world.read("Specfile");
    assert!(once.contains("// why"), "{once}");
    world.run(["fmt"]).exits(0);
    assert_eq!(world.read("Specfile"), once);
    world.run(["fmt", "--check"]).exits(0);
}

#[test]
fn completions_and_the_manual_are_printed() {
    let world = World::without_git("plain");
    for shell in ["bash", "zsh", "fish"] {
        world.run(["completions", shell]).exits(0).said("specmake");
    }
    world.run(["man"]).exits(0).said("specmake");
    world.run(["--help"]).exits(0).said("--dry-run").said("status");
}

#[test]
fn a_demo_needs_no_key_and_no_repository() {
    let world = World::without_git("plain");
    world.run(["demo"]).exits(0).said("landed");
}

#[test]
fn a_clean_world_has_nothing_to_clean() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.run([]).exits(0);
    world.run(["clean"]).exits(0).said("nothing to clean");
    world.again().calls([]);
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_hold_and_a_touch_have_commands() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\""));
    world.run(["hold", "a"]).exits(0);
    world.run([]).exits(1).calls(["b:build"]).said("a");
    world.run(["retry", "a"]);
    world.run([]).exits(0);
    assert!(world.calls().contains(&"a:build".to_owned()));
    world.edit("Specfile", "Build {spec}.", "Build {spec} well.").commit("well");
    world.run(["touch", "a"]).exits(0);
    world.run([]).exits(0).calls(["b:build"]);
}
