//! What agents use and cost: what is told, what a declared price makes of it, and what nobody knows.
use crate::schemas::fits;
use crate::world::{ONE, World};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Three specs, each with an agent of its own: one tells its cost, one has a price, one tells tokens alone.
fn three_agents() -> World {
    let world = World::new();
    let uses =
        |name: &str, more: &str| format!("agent \"{name}\" uses=\"script\" dialect=\"demo\" {{ {more} }}\n");
    let agents = [uses("teller", ""), uses("priced", "price in=3.0 out=15.0"), uses("quiet", "")].concat();
    let specs = "spec \"a\" \"A\" agent=\"teller\"\nspec \"b\" \"B\" agent=\"priced\"\nspec \"c\" \"C\" agent=\"quiet\"";
    let ladder = "stage \"build\" { on-failure { restart 2; hold } }";
    world.specfile(&format!("{agents}\n{ONE}\n{ladder}\n{specs}"));
    world.commit("Specfile");
    // Each fails once, having used something, and says what it uses in more than one piece.
    let used = |cost: &str| {
        format!(
            "echo \"demo: usage $((N * 1000 + 7)) in $((N * 11)) out{cost}\"\n\
             echo 'demo: usage 20 in 3 out{cost}'\ntest $N -gt 1\nplay build"
        )
    };
    world.script("a/build", &used(" cost 0.125"));
    world.script("b/build", &used(""));
    world.script("c/build", &used(""));
    world
}

/// What the raw logs below a folder say: tokens in, tokens out, cost told.
fn said_in_logs(folder: &Path, only: &str) -> (u64, u64, f64) {
    let mut sum = (0, 0, 0.0);
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let more = if path.is_dir() {
            said_in_logs(&path, only)
        } else if path.extension().is_some_and(|end| end == "log") && path.to_string_lossy().contains(only) {
            let text = fs::read_to_string(&path).unwrap();
            text.lines().filter(|line| line.starts_with("demo: usage ")).fold((0, 0, 0.0), |sum, line| {
                let words: Vec<&str> = line.split(' ').collect();
                let cost: f64 = words.get(7).map_or(0.0, |cost| cost.parse().unwrap());
                let tokens = |at: usize| words[at].parse::<u64>().unwrap();
                (sum.0 + tokens(2), sum.1 + tokens(4), sum.2 + cost)
            })
        } else {
            (0, 0, 0.0)
        };
        sum = (sum.0 + more.0, sum.1 + more.1, sum.2 + more.2);
    }
    sum
}

fn figures(of: &Value) -> (u64, u64, Option<f64>) {
    (of["input"].as_u64().unwrap(), of["output"].as_u64().unwrap(), of["cost"].as_f64())
}

/// The row of an answer where a field has a value.
fn row<'v>(answer: &'v Value, table: &str, field: &str, value: &str) -> &'v Value {
    answer[table].as_array().unwrap().iter().find(|row| row[field] == value).unwrap()
}

#[test]
fn sums_are_those_of_the_raw_logs() {
    let world = three_agents();
    let build = world.run(["-j1"]);
    build.exits(0).said("at least ").said("2 of 6 attempts unknown");
    let answer = world.run(["cost", "--format", "json"]).exits(0).json();
    fits("cost", [&answer]);
    let logs = world.repo().join(".specmake/logs");
    let (input, output, told) = said_in_logs(&logs, "");
    let by_price = |(input, output, _): (u64, u64, f64)| (input as f64 * 3.0 + output as f64 * 15.0) / 1e6;
    let priced = by_price(said_in_logs(&logs, "/b/"));
    let total = figures(&answer["total"]);
    assert_eq!((total.0, total.1), (input, output), "{answer:#}");
    assert!((total.2.unwrap() - told - priced).abs() < 1e-9, "{told} + {priced}: {answer:#}");
    // What it would cost again is what it did cost, as far as anybody told.
    let plan = world.run(["-n", "-B", "--format", "json"]).exits(0).json();
    fits("plan", [&plan]);
    let expected = &plan["expected_cost"];
    assert_eq!((expected["known"].as_u64(), expected["unknown"].as_u64()), (Some(2), Some(1)), "{expected}");
    assert!((expected["usd"].as_f64().unwrap() - total.2.unwrap()).abs() < 1e-9, "{expected}");
    world.run(["-n", "-B"]).exits(0).said("expected cost: ").said(", for 2 of 3 stages");
    for (spec, agent, cost) in
        [("a", "teller", Some(told)), ("b", "priced", Some(priced)), ("c", "quiet", None)]
    {
        let (input, output, _) = said_in_logs(&logs, &format!("/{spec}/"));
        for of in [
            row(&answer, "specs", "spec", spec),
            row(&answer, "stages", "spec", spec),
            row(&answer, "agents", "agent", agent),
        ] {
            let found = figures(of);
            assert_eq!((found.0, found.1), (input, output), "{of:#}");
            assert!((found.2.unwrap_or(-1.0) - cost.unwrap_or(-1.0)).abs() < 1e-9, "{of:#}");
            assert_eq!(of["priced"], spec == "b");
            assert_eq!(of["unknown"], if spec == "c" { 2 } else { 0 });
        }
    }
    let attempts = answer["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 6);
    for attempt in attempts {
        let log = attempt["log"].as_str().unwrap();
        let (input, output, _) = said_in_logs(&logs, log);
        assert_eq!(figures(attempt).0, input, "{attempt:#}");
        assert_eq!(figures(attempt).1, output, "{attempt:#}");
    }
    let human = world.run(["cost"]);
    human.exits(0).said("a:build").said("cache read").said("price for `quiet`");
    let status = world.run(["status", "--format", "json"]).exits(0).json();
    assert_eq!(status["run"]["usage"], answer["total"]);
}

#[test]
fn runs_are_added_up_or_named() {
    let world = three_agents();
    world.run(["a"]).exits(0);
    world.run(["b"]).exits(0);
    let last = world.run(["cost", "--format", "json"]).exits(0).json();
    assert_eq!(last["specs"].as_array().unwrap().len(), 1, "{last:#}");
    assert_eq!(last["specs"][0]["spec"], "b");
    let of_a = world.run(["cost", "a", "--format", "json"]).exits(0).json();
    assert_eq!(of_a["total"]["cost"], 0.5, "the newest run that worked on it: {of_a:#}");
    let all = world.run(["cost", "--all", "--format", "json"]).exits(0).json();
    fits("cost", [&all]);
    assert_eq!(all["runs"].as_array().unwrap().len(), 2);
    let name = all["runs"][0]["run"].as_str().unwrap();
    let named = world.run(["cost", "--run", name, "--format", "json"]).exits(0).json();
    assert_eq!(named["total"], of_a["total"]);
    world.run(["cost", "--all", "--by", "agent"]).exits(0).said("teller").said("priced");
    world.run(["cost", "nothing"]).exits(2).said("nothing is recorded of a spec `nothing`");
    world.run(["cost", "--run", "nothing"]).exits(2).said("no run `nothing` is recorded");
}

#[test]
fn before_anything_ran_there_is_nothing_to_add_up() {
    let world = three_agents();
    let answer = world.run(["cost", "--format", "json"]).exits(0).json();
    fits("cost", [&answer]);
    assert_eq!(answer["total"]["attempts"], 0);
    world.run(["cost"]).exits(0).said("no agent has worked");
}

#[test]
fn what_is_known_of_a_run_that_is_on_or_was_killed_is_shown() {
    let world = three_agents();
    world.script(
        "a/build",
        "echo 'demo: usage 40 in 2 out cost 0.75'\necho noted\nflag used\nwait-for go\nplay build",
    );
    let mut run = world.start(["a", "--format", "json"]);
    run.until_said("\"event\":\"usage\"");
    run.until_said("noted");
    world.run(["status"]).exits(0).said("0.75 USD");
    let on = world.run(["cost", "--format", "json"]).exits(0).json();
    assert_eq!((&on["runs"][0]["on"], &on["total"]["cost"]), (&Value::Bool(true), &Value::from(0.75)));
    run.kill();
    world.kill_strays();
    let killed = world.run(["cost", "--format", "json"]).exits(0).json();
    fits("cost", [&killed]);
    assert_eq!(
        (&killed["runs"][0]["on"], &killed["total"]["cost"]),
        (&Value::Bool(false), &Value::from(0.75))
    );
}

#[test]
fn a_budget_counts_by_the_declared_price() {
    let world = three_agents();
    world.script("b/build", "echo 'demo: usage 100000 in 20000 out'\nplay build");
    world.edit(
        "Specfile",
        "spec \"c\" \"C\" agent=\"quiet\"",
        "spec \"c\" \"C\" agent=\"priced\" { after \"b\" }",
    );
    world.commit("more");
    let outcome = world.run(["-j1", "--max-cost", "0.5", "b", "c"]);
    outcome.exits(1).said("the run has cost 0.60 of 0.50 USD");
    assert_eq!(outcome.calls, ["b:build"], "{outcome}");
}

#[test]
fn a_price_is_that_of_the_model_beside_it() {
    let world = World::new();
    let agents = "agent \"one\" uses=\"script\" dialect=\"demo\" model=\"m\" { model-args \"--model\" \"{model}\"; price in=3.0 out=15.0 }\n\
                  agent \"other\" uses=\"one\" model=\"n\"";
    let specs = "spec \"a\" \"A\" agent=\"one\"\nspec \"b\" \"B\" agent=\"other\"";
    world.specfile(&format!("{agents}\n{ONE}\n{specs}"));
    world.commit("Specfile");
    world.script("any/build", "echo 'demo: usage 100000 in 20000 out'\nplay build");
    world.run(["--yes"]).exits(0);
    let answer = world.run(["cost", "--format", "json"]).exits(0).json();
    assert_eq!(row(&answer, "specs", "spec", "a")["cost"], 0.6, "{answer:#}");
    assert_eq!(row(&answer, "specs", "spec", "b")["cost"], Value::Null, "{answer:#}");
    world.run(["--yes", "-B", "a", "--model", "n"]).exits(0);
    let answer = world.run(["cost", "--format", "json"]).exits(0).json();
    assert_eq!(answer["total"]["cost"], Value::Null, "{answer:#}");
}

#[test]
fn what_broke_off_may_have_used_more_than_it_told() {
    let world = World::with(&format!(
        "agent \"broken\" uses=\"script\" dialect=\"claude\" {{ price in=3.0 out=15.0 }}\n{ONE}\n\
         stage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\" agent=\"broken\""
    ));
    // Of an answer that is still on its way the first count is told, and nothing of the rest.
    let message = r#"{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"Well."}],"usage":{"input_tokens":1000,"output_tokens":1}}}"#;
    world.script("a/build", &format!("echo '{message}'\nexit 143"));
    world.run([]).exits(1);
    let answer: Value = serde_json::from_str(&world.run(["cost", "--format", "json"]).stdout).unwrap();
    let total = &answer["total"];
    assert_eq!((&total["input"], &total["unknown"]), (&1000.into(), &1.into()), "{answer:#}");
    world.run(["cost"]).exits(0).said("≥");
}
