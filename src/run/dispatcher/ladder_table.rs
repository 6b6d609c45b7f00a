//! Every class of failure against every step of a ladder: what the loop does, in events.
use crate::base::{AgentName, PoolName, StageName};
use crate::graph::sample::Sample;
use crate::model::{Agent, FailureClass, Ladders, Prompt, PromptSource, Rung, Step, Work};
use crate::run::sample::{Story, done, fails, takes};
use std::sync::Arc;
use std::time::Duration;

fn agent(name: &str, pool: Option<&str>) -> Agent {
    Agent { pool: pool.map(|pool| PoolName::new(pool).unwrap()), ..Agent::new(AgentName::new(name).unwrap()) }
}

fn work(agent: &str) -> Work {
    let prompt = Prompt { text: Arc::from("Do it."), source: PromptSource::Inline };
    Work::Agent { agent: AgentName::new(agent).unwrap(), model: None, prompt }
}

/// One spec: `plan`, then `build`, both an agent's, with this ladder for `build`.
fn sample(ladders: Ladders) -> Sample {
    let mut sample = Sample::new();
    for agent in [agent("usual", None), agent("careful", None)] {
        sample.project.agents.insert(agent.name.clone(), agent);
    }
    let spec = sample.spec("a", "", &["plan", "build"], &[]);
    for stage in &mut spec.stages {
        stage.work = work("usual");
    }
    spec.stages[1].ladders = ladders;
    sample
}

fn plain(plain: Vec<Rung>) -> Ladders {
    Ladders { plain, ..Ladders::default() }
}

fn careful() -> AgentName {
    AgentName::new("careful").unwrap()
}

fn steps() -> Vec<(Step, &'static str)> {
    let plan = StageName::new("plan").unwrap();
    vec![
        (Step::Retry, "retry"),
        (Step::Resume, "resume"),
        (Step::Restart { from: None }, "restart"),
        (Step::Restart { from: Some(plan) }, "restart from"),
        (Step::Fix { agent: None }, "fix"),
        (Step::Fix { agent: Some(careful()) }, "fix by another"),
        (Step::Fallback { agent: careful() }, "fallback"),
        (Step::Wait, "wait"),
        (Step::Hold, "hold"),
        (Step::Skip, "skip"),
        (Step::Fail, "fail"),
    ]
}

/// What happens after `build` failed once in a class, with a ladder of this step alone.
fn expected(class: FailureClass, step: &str) -> Vec<&'static str> {
    const LANDS: [&str; 3] = ["a:build done Ran", "a Queued", "a landed"];
    let then = |first: &[&'static str]| [first, &LANDS].concat();
    match (class, step) {
        (FailureClass::Setup, _) => vec!["a:build failed: no; specmake a"],
        (_, "retry") => then(&["a:build retry 2/2 by usual"]),
        (_, "resume") => then(&["a:build resume 2/2 by usual"]),
        (_, "restart") => then(&["a:build restart 2/2 by usual"]),
        (_, "restart from") => then(&[
            "a:build goes back to plan",
            "a:plan run 2/2 by usual",
            "a:plan done Ran",
            "a:build restart 2/2 by usual",
        ]),
        (_, "fix") => then(&["a:build fix 2/2 by usual"]),
        (_, "fix by another") => then(&["a:build fix 2/2 by careful"]),
        (_, "fallback") => then(&["a:build fallback 2/2 by careful"]),
        (_, "skip") => {
            vec!["a:build is recorded as skipped", "a:build done Skipped", "a Queued", "a landed"]
        }
        (_, "fail") => vec!["a:build failed: no; specmake retry a"],
        // What waits for a limit has a story of its own.
        (_, "wait" | "hold") => {
            vec!["a:build is recorded as held", "a:build held: no; specmake retry a"]
        }
        (_, step) => panic!("{step}"),
    }
}

#[tokio::test(start_paused = true)]
async fn class_by_step() {
    let mut cells = 0;
    for class in FailureClass::ALL {
        for (step, name) in steps() {
            if class == FailureClass::Limit && step == Step::Wait {
                continue;
            }
            for by_class in [false, true] {
                let ladder = vec![Rung::new(step.clone(), 1)];
                let ladders = if by_class {
                    let other = vec![Rung::new(Step::Retry, 9)];
                    Ladders { plain: other, by_class: [(class, ladder)].into() }
                } else {
                    plain(ladder)
                };
                let told = Story::of(sample(ladders)).attempt("a:build", takes(1, fails(class))).tell().await;
                let first = if by_class { "a:build run 1/10 by usual" } else { "a:build run 1/2 by usual" };
                let first = if is_end(&step) && !by_class { "a:build run 1/1 by usual" } else { first };
                let mut expect = vec!["a:plan run 1/1 by usual", "a:plan done Ran", first];
                expect.extend(expected(class, name));
                assert_eq!(told.said, expect, "{class} x {name}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 2 * (11 * 11 - 1));
}

fn is_end(step: &Step) -> bool {
    matches!(step, Step::Wait | Step::Hold | Step::Skip | Step::Fail)
}

#[tokio::test(start_paused = true)]
async fn who_took_over_stays_and_who_only_mends_does_not() {
    let ladder = vec![
        Rung::new(Step::Fix { agent: Some(careful()) }, 1),
        Rung::new(Step::Retry, 1),
        Rung::new(Step::Fallback { agent: careful() }, 1),
        Rung::new(Step::Restart { from: None }, 1),
        Rung::new(Step::Fail, 1),
    ];
    let mut story = Story::of(sample(plain(ladder)));
    for _ in 0..5 {
        story = story.attempt("a:build", takes(1, fails(FailureClass::Crash)));
    }
    let told = story.tell().await;
    assert_eq!(
        told.of(&["a:build"]),
        [
            "a:build run 1/5 by usual",
            "a:build fix 2/5 by careful",
            "a:build retry 3/5 by usual",
            "a:build fallback 4/5 by careful",
            "a:build restart 5/5 by careful",
            "a:build failed: no; specmake retry a",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_works_draws_on_his_own_pool() {
    let ladder = vec![Rung::new(Step::Fix { agent: Some(careful()) }, 1), Rung::new(Step::Fail, 1)];
    let mut sample = sample(plain(ladder));
    sample.pool("one", 1);
    sample.project.agents.insert(careful(), agent("careful", Some("one")));
    sample.project.specs["a"].stages[1].work = Work::Run { line: "true".into() };
    let spec = sample.spec("b", "", &["plan"], &[]);
    spec.stages[0].work = work("careful");
    let told = Story::of(sample)
        .attempt("b:plan", takes(100, done()))
        .attempt("a:plan", takes(1, done()))
        .attempt("a:build", takes(1, fails(FailureClass::Check)))
        .tell()
        .await;
    assert_eq!(
        told.of(&["a:build", "b:plan"]),
        [
            "b:plan run 1/1 by careful",
            "a:build run 1/2",
            "a:build waits: pool one",
            "b:plan done Ran",
            "a:build fix 2/2 by careful",
            "a:build done Ran",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn going_back_waits_for_what_runs_beside_it() {
    let plan = StageName::new("plan").unwrap();
    let mut sample = sample(plain(vec![Rung::new(Step::Restart { from: Some(plan) }, 1)]));
    let mut beside = crate::graph::sample::stage("docs", 2);
    beside.waits_for = vec![0];
    sample.project.specs["a"].stages.push(beside);
    let told = Story::of(sample)
        .attempt("a:build", takes(1, fails(FailureClass::Crash)))
        .attempt("a:docs", takes(100, done()))
        .tell()
        .await;
    assert_eq!(
        told.of(&["a:"]),
        [
            "a:plan run 1/1 by usual",
            "a:plan done Ran",
            "a:build run 1/2 by usual",
            "a:docs run 1/1",
            "a:docs done Ran",
            "a:build goes back to plan",
            "a:plan run 2/2 by usual",
            "a:plan done Ran",
            "a:build restart 2/2 by usual",
            "a:docs run 2/2",
            "a:build done Ran",
            "a:docs done Ran",
        ]
    );
    told.ends(5, 1, false);
}

#[tokio::test(start_paused = true)]
async fn going_back_is_a_step_like_any_other() {
    let plan = StageName::new("plan").unwrap();
    let ladder = vec![
        Rung { backoff: Some(Duration::from_secs(60)), ..Rung::new(Step::Restart { from: Some(plan) }, 2) },
        Rung::new(Step::Fail, 1),
    ];
    let mut story = Story::of(sample(plain(ladder)));
    for _ in 0..3 {
        story = story.attempt("a:build", takes(1, fails(FailureClass::Crash)));
    }
    let told = story.tell().await;
    assert_eq!(
        told.of(&["a:build"]),
        [
            "a:build run 1/3 by usual",
            "a:build waits: backoff",
            "a:build goes back to plan",
            "a:build restart 2/3 by usual",
            "a:build waits: backoff",
            "a:build goes back to plan",
            "a:build restart 3/3 by usual",
            "a:build failed: no; specmake retry a",
        ]
    );
    // A minute and two, with at most a quarter more, and six attempts of a second each.
    assert!((186..=231).contains(&told.seconds), "{}", told.seconds);
}
