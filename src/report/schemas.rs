//! Every JSON answer has a schema below `tests/schemas`, and is held against it here.
use super::plan::tests as plan;
use super::{Mark, StatusReport, sample};
use crate::base::{AgentName, LayerName, PoolName, Reason, ResourceName, StageName};
use crate::event::{Done, Event, Failure, LandingPhase, Record, Scarce, Usage, Verdict, WaitsFor};
use crate::model::{FailureClass, LimitKind};
use crate::view::View;
use serde_json::Value;

/// Fails with everything that is wrong if an answer does not fit the schema of that name.
pub(crate) fn check(schema: &str, answer: &Value) {
    let wrong = errors(schema, answer);
    assert!(wrong.is_empty(), "{wrong:#?}\n{answer:#}");
}

fn errors(schema: &str, answer: &Value) -> Vec<String> {
    let path = format!("{}/tests/schemas/{schema}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let schema = serde_json::from_str(&text).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn value<T: serde::Serialize>(of: &T) -> Value {
    serde_json::to_value(of).expect("JSON")
}

/// One of every kind of event that the sample run has not.
fn rare_events() -> Vec<Event> {
    let stage = sample::id("a:plan");
    let spec = sample::spec("a");
    let name = |text: &str| StageName::new(text).expect("a name");
    let failure = |class| Failure::new(class, "no");
    let reasons = vec![
        Reason::NeverRan,
        Reason::Voided { why: "reverted".into() },
        Reason::Held { why: "exit status 3".into() },
        Reason::Changed { ingredient: "input".into(), name: "x".into(), paths: vec!["x".into()] },
        Reason::Added { ingredient: "env".into(), name: "x".into() },
        Reason::Removed { ingredient: "env".into(), name: "x".into() },
        Reason::NeedLanded { spec: spec.clone() },
        Reason::StageChanged { stage: name("plan") },
        Reason::OutputRemoved { path: "x".into() },
        Reason::NotLanded,
        Reason::Asked { flag: "-B".into() },
    ];
    let agent = AgentName::new("claude").expect("a name");
    let pool = PoolName::new("p").expect("a name");
    let on = vec![
        WaitsFor::After { spec: spec.clone() },
        WaitsFor::Layer { layer: LayerName::new("l").expect("a name") },
        WaitsFor::Stage { stage: name("plan") },
        WaitsFor::Job,
        WaitsFor::Pool { pool: PoolName::new("p").expect("a name") },
        WaitsFor::Resource { resource: ResourceName::new("r").expect("a name") },
        WaitsFor::Touches { spec: spec.clone() },
        WaitsFor::Overlap { spec: spec.clone(), path: "src/x.rs".into() },
        WaitsFor::Alone,
        WaitsFor::Backoff { until: 1 },
        WaitsFor::Limit { agent: agent.clone(), until: Some(1) },
        WaitsFor::Limit { agent: agent.clone(), until: None },
        WaitsFor::Budget,
        WaitsFor::Load { what: Scarce::Disk },
    ];
    let dones =
        [Done::UpToDate, Done::Adopted, Done::Touched, Done::Approved, Done::Skipped, Done::Elsewhere];
    let phases =
        [LandingPhase::Probing, LandingPhase::SettingUp, LandingPhase::KnownGreen, LandingPhase::Moving];
    let mut events = vec![
        Event::Judged { stage: stage.clone(), verdict: Verdict::OutOfDate { reasons } },
        Event::Judged { stage: stage.clone(), verdict: Verdict::MayRun { until: vec!["050".into()] } },
        Event::Waiting { stage: stage.clone(), on },
        Event::GateWaiting { stage: stage.clone() },
        Event::Rewound { stage: stage.clone(), to: name("specify"), backup: Some("refs/x".into()) },
        Event::Rewound { stage: stage.clone(), to: name("plan"), backup: None },
        Event::SpecSkipped { spec: spec.clone(), why: "its `when` said no".into() },
        Event::LandingFlake {
            specs: vec![spec.clone()],
            why: "red".into(),
            log: "logs/r/a/land.1.log".into(),
        },
        Event::LandingWaits { spec: spec.clone(), why: "dirty".into(), path: Some("x".into()) },
        Event::Delivered { spec: spec.clone(), branch: "spec/a".into() },
        Event::PoolPaused {
            agent: agent.clone(),
            pool: Some(pool.clone()),
            kind: LimitKind::Clock,
            why: "429".into(),
            until: Some(1),
        },
        Event::PoolPaused {
            agent: agent.clone(),
            pool: None,
            kind: LimitKind::Human,
            why: "".into(),
            until: None,
        },
        Event::PoolResumed { agent, pool: Some(pool) },
        Event::BudgetReached { spent: 5.02, budget: 5.0 },
        Event::LoadHigh { what: Scarce::Memory, why: "full".into() },
        Event::LoadFine { what: Scarce::Cpu },
        Event::Usage { stage: stage.clone(), usage: Usage::default(), priced: true, partial: true },
    ];
    events
        .extend(dones.map(|how| Event::Judged { stage: stage.clone(), verdict: Verdict::UpToDate { how } }));
    events.extend(phases.map(|phase| Event::Landing { spec: spec.clone(), phase }));
    let failed = |class| {
        let stage = stage.clone();
        Event::AttemptEnded { stage, attempt: 1, millis: 1, failure: Some(failure(class)) }
    };
    events.extend(FailureClass::ALL.map(failed));
    events
}

#[test]
fn events() {
    let rare = rare_events().into_iter().map(|event| Record { at: 1, event });
    for record in sample::ended().into_iter().chain(rare) {
        check("event", &value(&record));
    }
}

#[test]
fn status() {
    let mut records = sample::ended();
    records.extend(rare_events().into_iter().map(|event| Record { at: 2, event }));
    for seen in 0..records.len() {
        let mut report = StatusReport::of(&View::of(&records[..seen]), 9, seen % 2 == 0);
        check("status", &value(&report));
        report.overlay(&plan::sample());
        check("status", &value(&report));
    }
}

#[test]
fn conflicts() {
    check("conflicts", &value(&super::conflicts::tests::sample()));
}

#[test]
fn costs() {
    check("cost", &value(&super::costs::tests::report()));
}

#[test]
fn plans() {
    check("plan", &value(&plan::sample()));
}

#[test]
fn every_word_of_the_table_is_a_state() {
    let mut answer = value(&StatusReport::of(&View::of(&sample::run()), 0, true));
    for mark in Mark::ALL {
        answer["specs"][0]["state"] = mark.word().into();
        check("status", &answer);
    }
}

#[test]
fn a_schema_refuses_what_it_does_not_know() {
    let mut answer = value(&plan::sample());
    answer["surprise"] = Value::Bool(true);
    assert!(!errors("plan", &answer).is_empty());
    assert!(!errors("status", &Value::Null).is_empty());
    assert!(!errors("event", &serde_json::json!({"at": 1, "event": "no-such-event"})).is_empty());
}
