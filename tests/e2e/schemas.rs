//! Every answer in JSON, from the program itself, is what its schema says.
use crate::outcome::Outcome;
use crate::world::{ONE, World};
use serde_json::Value;

/// Fails with everything that is wrong if one of the values does not fit the schema of that name.
#[track_caller]
pub fn fits<'a>(schema: &str, values: impl IntoIterator<Item = &'a Value>) {
    let path = format!("{}/tests/schemas/{schema}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let schema = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for value in values {
        let wrong: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{value:#}");
    }
}

fn events(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

/// One spec that lands, one that is held, one behind it, one at a gate, one that is not wanted now.
fn mixed() -> World {
    let world = World::with(&format!(
        "{ONE}\npipeline \"asked\" {{ stage \"review\" {{ gate }} }}\n\
         layer \"low\" {{ spec \"done\" \"Done\"; spec \"broken\" \"Broken\" }}\n\
         spec \"waiting\" \"Waiting\" {{ needs \"broken\" why=\"shared parts\" }}\n\
         spec \"asked\" \"Asked\" pipeline=\"asked\"\nspec \"unwanted\" \"Unwanted\" {{ when \"false\" }}"
    ));
    world.script("broken/build", "echo 'gasket blown'\nexit 3");
    world
}

#[test]
fn a_build_answers_in_events() {
    let world = mixed();
    let build = events(world.run(["--format", "json"]).exits(1));
    fits("event", &build);
    let kinds = kinds(&build);
    for kind in ["landed", "stage-held", "spec-blocked", "gate-waiting", "spec-skipped", "run-ended"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
    let retried = events(world.run(["retry", "broken", "--format", "json"]).exits(1));
    fits("event", &retried);
    assert!(!retried.is_empty());
    let nothing = events(world.run(["done", "--format", "json"]).exits(0));
    fits("event", &nothing);
    assert_eq!(nothing.last().unwrap()["outcome"], "nothing-to-do");
}

#[test]
fn plans_status_and_graphs_answer_as_they_say() {
    let world = mixed();
    for built in [false, true] {
        if built {
            world.run([]).exits(1);
        }
        for plan in
            [["plan", "--format", "json"], ["-n", "--format", "json"], ["--explain", "--format", "json"]]
        {
            fits("plan", [&world.run(plan).exits(0).json()]);
        }
        fits("status", [&world.run(["status", "--format", "json"]).exits(0).json()]);
        fits("graph", [&world.run(["graph", "--format", "json"]).exits(0).json()]);
        fits("check", [&world.run(["check", "--format", "json"]).exits(0).json()]);
    }
    world.specfile("spec \"a\" \"A\" { nedes \"b\" }\npool \"x\" depth=0\n");
    let check = world.run(["check", "--format", "json"]).exits(2).json();
    fits("check", [&check]);
    assert_eq!(check["ok"], false);
}

#[test]
fn status_answers_while_a_run_is_on() {
    let world = World::with("spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }");
    world.script(
        "a/implement",
        "sed '0,/\\[ \\]/s//[x]/' \"$F/tasks.md\" > \"$F/t\" && mv \"$F/t\" \"$F/tasks.md\"\n\
         flag ticked\nwait-for go\nplay implement",
    );
    let mut run = world.start([]);
    run.until_said("tasks 1/2");
    let status = world.run(["status", "--format", "json"]).exits(0).json();
    fits("status", [&status]);
    let text = status.to_string();
    for part in [r#""tasks":{"done":1,"total":2}"#, r#""running""#] {
        assert!(text.contains(part), "{text}");
    }
    world.run(["status"]).exits(0).said("1/2").said("waits for `a` to land");
    world.flag("go");
    run.wait().exits(0);
    let text = world.run(["status", "--format", "json"]).exits(0).json().to_string();
    assert!(!text.contains("\"running\""), "{text}");
}

#[test]
fn logs_worktrees_and_cleaning_answer_as_they_say() {
    let world = mixed();
    world.run([]).exits(1);
    for of in ["done", "broken:build"] {
        fits("logs", [&world.run(["logs", of, "--format", "json"]).exits(0).json()]);
    }
    fits("logs", [&world.run(["logs", "--format", "json"]).exits(0).json()]);
    let worktrees = world.run(["worktree", "list", "--format", "json"]).exits(0).json();
    fits("worktrees", [&worktrees]);
    assert_eq!(worktrees["worktrees"][0]["spec"], "broken");
    fits("diff", [&world.run(["diff", "broken", "--format", "json"]).json()]);
    let foreseen = world.run(["clean", "--dry-run", "--format", "json"]).exits(0).json();
    fits("clean", [&foreseen]);
    assert_eq!(foreseen["branches"][0]["why"], "not landed");
    fits("clean", [&world.run(["clean", "--format", "json"]).exits(0).json()]);
    fits("gc", [&world.run(["gc", "--format", "json"]).exits(0).json()]);
}
