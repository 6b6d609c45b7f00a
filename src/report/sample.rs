//! A run for tests to draw: five specs, of which one lands, one runs, one waits, one is held and one is blocked.
use crate::base::{AgentName, Reason, SpecName, StageId, StageName, Stamp};
use crate::event::{
    Done, Event, Failure, LandingPhase, PlannedSpec, Record, RunOutcome, Usage, Verdict, WaitsFor,
};
use crate::model::FailureClass;

/// A spec's name.
pub fn spec(name: &str) -> SpecName {
    SpecName::new(name).expect("a name")
}

/// A stage's, from `spec:stage`.
pub fn id(text: &str) -> StageId {
    let (of, stage) = text.split_once(':').expect("spec:stage");
    StageId::new(&spec(of), &StageName::new(stage).expect("a name"))
}

fn planned(name: &str, title: &str, wave: u32, needs: &[&str]) -> PlannedSpec {
    PlannedSpec {
        spec: spec(name),
        layer: None,
        title: Some(title.into()),
        wave,
        stages: ["plan", "implement"].map(|name| StageName::new(name).expect("a name")).into(),
        lands: true,
        needs: needs.iter().map(|name| spec(name)).collect(),
    }
}

fn never_ran(stage: &str) -> Event {
    Event::Judged { stage: id(stage), verdict: Verdict::OutOfDate { reasons: vec![Reason::NeverRan] } }
}

fn start(stage: &str, attempt: u32) -> Event {
    Event::AttemptStarted {
        stage: id(stage),
        attempt,
        of: Some(3),
        step: if attempt == 1 { "run" } else { "restart" }.into(),
        agent: Some(AgentName::new("opencode").expect("a name")),
        model: Some("glm".into()),
        worktree: "../demo.worktrees/x".into(),
        log: format!("logs/r1/{}.{attempt}.log", stage.replace(':', "/")),
    }
}

fn end(stage: &str, attempt: u32, millis: u64, failure: Option<Failure>) -> Event {
    Event::AttemptEnded { stage: id(stage), attempt, millis, failure }
}

fn done(stage: &str, millis: u64) -> Event {
    Event::StageDone { stage: id(stage), how: Done::Ran, commit: Some("5eed".into()), millis }
}

fn crash(log: &str) -> Failure {
    Failure::new(FailureClass::Crash, "exit status 3").with_log(log)
}

/// The beginning of the run, up to where something of every kind is on the screen.
pub fn run() -> Vec<Record> {
    let events = vec![
        Event::RunStarted {
            run: "r1".into(),
            pid: 77,
            base: "main".into(),
            commit: "c0ffee".into(),
            jobs: 4,
            goals: vec![],
            specs: vec![
                planned("050-partial", "Improve error handling", 0, &[]),
                planned("051-retry", "Retry with exponential backoff", 0, &[]),
                planned("052-limits", "Rate limits", 0, &[]),
                planned("060-threads", "Threads and posts with several parts", 1, &["051-retry"]),
                planned("061-quota", "Quotas", 1, &["052-limits"]),
            ],
        },
        never_ran("050-partial:plan"),
        start("050-partial:plan", 1),
        Event::Usage {
            stage: id("050-partial:plan"),
            usage: Usage { input: 1200, output: 300, cost: Some(0.25), ..Usage::default() },
            priced: false,
            partial: false,
        },
        end("050-partial:plan", 1, 2_000, None),
        done("050-partial:plan", 2_000),
        never_ran("051-retry:plan"),
        start("051-retry:plan", 1),
        never_ran("052-limits:plan"),
        start("052-limits:plan", 1),
        start("050-partial:implement", 1),
        end("051-retry:plan", 1, 3_000, None),
        done("051-retry:plan", 3_000),
        end("052-limits:plan", 1, 3_000, Some(crash("logs/r1/052-limits/plan.1.log"))),
        start("052-limits:plan", 2),
        start("051-retry:implement", 1),
        Event::Progress { stage: id("051-retry:implement"), done: 3, total: 7 },
        Event::Output {
            stage: id("051-retry:implement"),
            line: "writing src/retry/backoff.rs and its tests".into(),
        },
        end("050-partial:implement", 1, 9_000, None),
        done("050-partial:implement", 9_000),
        Event::Landing { spec: spec("050-partial"), phase: LandingPhase::Queued },
        Event::Landing { spec: spec("050-partial"), phase: LandingPhase::Checking },
        Event::Landed {
            spec: spec("050-partial"),
            commit: "1a2b3c4d5e6f".into(),
            result: Stamp::of(b"result"),
            changed: true,
        },
        end("052-limits:plan", 2, 4_000, Some(crash("logs/r1/052-limits/plan.2.log"))),
        Event::StageHeld {
            stage: id("052-limits:plan"),
            failure: crash("logs/r1/052-limits/plan.2.log"),
            next: "specmake retry 052-limits".into(),
        },
        Event::SpecBlocked {
            spec: spec("061-quota"),
            by: spec("052-limits"),
            why: "held: plan (crash)".into(),
        },
        never_ran("060-threads:plan"),
        Event::Waiting {
            stage: id("060-threads:plan"),
            on: vec![WaitsFor::Need { spec: spec("051-retry"), why: Some("shared back-off".into()) }],
        },
        Event::Warning { message: "`060-threads` reads `docs/x.md`, which nobody writes".into() },
    ];
    events
        .into_iter()
        .zip(0..)
        .map(|(event, second)| Record { at: 1_000_000 + second * 1000, event })
        .collect()
}

/// The same run to its end.
pub fn ended() -> Vec<Record> {
    let mut records = run();
    let events = [
        end("051-retry:implement", 1, 20_000, None),
        done("051-retry:implement", 20_000),
        Event::Landed {
            spec: spec("051-retry"),
            commit: "2b".into(),
            result: Stamp::of(b"2"),
            changed: false,
        },
        Event::StageFailed {
            stage: id("060-threads:plan"),
            failure: crash("logs/r1/060-threads/plan.1.log"),
            next: "specmake logs 060-threads:plan".into(),
        },
        Event::Stopping { at_once: false },
        Event::RunEnded { outcome: RunOutcome::Failed, millis: 64_000 },
    ];
    records.extend(events.into_iter().map(|event| Record { at: 1_064_000, event }));
    records
}
