use super::*;
use crate::base::{AgentName, PoolName, Reason, StageName, Stamp};
use crate::event::{Done, Failure, LandingPhase, Scarce, Usage, Verdict, WaitsFor};
use crate::model::{FailureClass, LimitKind};
use proptest::prelude::*;

fn spec(name: &str) -> SpecName {
    SpecName::new(name).expect("a name")
}

fn stage(name: &str) -> StageName {
    StageName::new(name).expect("a name")
}

fn id(text: &str) -> StageId {
    let (spec_name, stage_name) = text.split_once(':').expect("spec:stage");
    StageId::new(&spec(spec_name), &stage(stage_name))
}

fn started(specs: &[(&str, &[&str])]) -> Event {
    Event::RunStarted {
        run: "r1".into(),
        pid: 7,
        base: "main".into(),
        commit: "c0ffee".into(),
        jobs: 4,
        goals: vec![],
        specs: specs
            .iter()
            .map(|(name, stages)| PlannedSpec {
                spec: spec(name),
                layer: None,
                title: None,
                wave: 0,
                stages: stages.iter().map(|name| stage(name)).collect(),
                lands: true,
                needs: vec![],
            })
            .collect(),
    }
}

fn attempt(stage: &str, number: u32) -> Event {
    Event::AttemptStarted {
        stage: id(stage),
        attempt: number,
        of: Some(2),
        step: if number == 1 { "run" } else { "restart" }.into(),
        agent: AgentName::new("demo").ok(),
        model: None,
        worktree: "../w".into(),
        log: format!("logs/r1/{stage}.{number}.log"),
    }
}

fn ended(stage: &str, number: u32, failure: Option<Failure>) -> Event {
    Event::AttemptEnded { stage: id(stage), attempt: number, millis: 500, failure }
}

fn done(stage: &str) -> Event {
    Event::StageDone { stage: id(stage), how: Done::Ran, commit: None, millis: 500 }
}

fn crash() -> Failure {
    Failure::new(FailureClass::Crash, "exit status 3")
}

fn red() -> Failure {
    Failure::new(FailureClass::Check, "tests are red")
}

fn landed(name: &str) -> Event {
    Event::Landed { spec: spec(name), commit: "abc".into(), result: Stamp::of(b"x"), changed: true }
}

fn landing(name: &str, phase: LandingPhase) -> Event {
    Event::Landing { spec: spec(name), phase }
}

fn view(events: impl IntoIterator<Item = Event>) -> View {
    let records: Vec<Record> =
        events.into_iter().zip(1..).map(|(event, second)| Record { at: second * 1000, event }).collect();
    View::of(&records)
}

fn standing(view: &View, name: &str) -> Standing {
    view.spec(&spec(name)).expect("the spec").standing()
}

fn facts(view: &View, name: &str) -> (bool, bool, bool) {
    let facts = view.spec(&spec(name)).expect("the spec").facts();
    (facts.delivered, facts.verified, facts.landed)
}

#[test]
fn an_attempt_that_fails_and_one_that_does_not() {
    let mut events = vec![started(&[("a", &["plan"])]), attempt("a:plan", 1)];
    let running = view(events.clone());
    assert_eq!(standing(&running, "a"), Standing::Running);
    let plan = running.stage(&id("a:plan")).expect("the stage");
    assert_eq!(plan.running().map(|a| (a.number, a.started)), Some((1, 2000)));

    events.push(ended("a:plan", 1, Some(crash())));
    let between = view(events.clone());
    assert_eq!(between.stage(&id("a:plan")).map(|s| &s.state), Some(&StageState::Queued));

    events.extend([attempt("a:plan", 2), ended("a:plan", 2, None), done("a:plan")]);
    let after = view(events);
    let plan = after.stage(&id("a:plan")).expect("the stage");
    assert_eq!(plan.attempts.iter().map(|a| a.failure.clone()).collect::<Vec<_>>(), [Some(crash()), None]);
    assert_eq!(plan.done(), Some(Done::Ran));
    assert_eq!(standing(&after, "a"), Standing::Waiting, "its landing is to come");
    assert_eq!((after.counts().steps_done, after.counts().steps), (1, 2));
}

#[test]
fn three_facts_are_kept_apart() {
    let stages: &[&str] = &["implement", "check"];
    let mut events = vec![started(&[("a", stages)]), attempt("a:implement", 1)];
    assert_eq!(facts(&view(events.clone()), "a"), (false, false, false));
    events.push(done("a:implement"));
    assert_eq!(facts(&view(events.clone()), "a"), (true, false, false), "delivered");
    let mut held = events.clone();
    held.push(Event::StageHeld { stage: id("a:check"), failure: red(), next: "specmake retry a".into() });
    assert_eq!(facts(&view(held), "a"), (true, false, false), "delivered, red");
    events.push(done("a:check"));
    assert_eq!(facts(&view(events.clone()), "a"), (true, true, false), "verified");
    events.push(landed("a"));
    assert_eq!(facts(&view(events), "a"), (true, true, true));
}

#[test]
fn a_landing_verifies_only_if_it_was_checked() {
    let events = vec![started(&[("a", &["implement"])]), done("a:implement")];
    let mut unchecked = events.clone();
    unchecked.extend([landing("a", LandingPhase::Probing), landing("a", LandingPhase::Moving), landed("a")]);
    assert_eq!(facts(&view(unchecked), "a"), (true, false, true));
    for test in [LandingPhase::Checking, LandingPhase::KnownGreen] {
        let mut checked = events.clone();
        checked.extend([landing("a", test), landing("a", LandingPhase::Moving), landed("a")]);
        assert_eq!(facts(&view(checked), "a"), (true, true, true), "{test:?}");
    }
}

#[test]
fn a_blocked_spec_knows_where_the_trouble_is() {
    let block =
        |name: &str, by: &str| Event::SpecBlocked { spec: spec(name), by: spec(by), why: "failed".into() };
    let failed = Event::StageFailed { stage: id("a:plan"), failure: crash(), next: "specmake logs a".into() };
    let specs: &[(&str, &[&str])] = &[("a", &["plan"]), ("b", &["plan"]), ("c", &["plan"])];
    let view = view([started(specs), failed, block("b", "a"), block("c", "b")]);
    assert_eq!(view.blockers(&spec("c")), [&spec("b"), &spec("a")]);
    let counts = view.counts();
    assert_eq!((counts.failed, counts.blocked), (1, 2));
}

#[test]
fn what_was_up_to_date_is_no_step() {
    let fine =
        |stage: &str| Event::Judged { stage: id(stage), verdict: Verdict::UpToDate { how: Done::Ran } };
    let stages: &[&str] = &["plan", "implement"];
    let mut events = vec![started(&[("a", stages)]), fine("a:plan"), fine("a:implement")];
    let nothing = view(events.clone());
    assert_eq!(standing(&nothing, "a"), Standing::UpToDate);
    assert_eq!((nothing.counts().steps, facts(&nothing, "a")), (0, (true, false, true)));
    events.push(Event::Judged {
        stage: id("a:implement"),
        verdict: Verdict::OutOfDate { reasons: vec![Reason::NeverRan] },
    });
    assert_eq!(view(events).counts().steps, 2, "implement and the landing");
}

#[test]
fn a_spec_that_is_out_of_date_again_is_no_longer_landing() {
    let again = Event::Judged {
        stage: id("a:plan"),
        verdict: Verdict::OutOfDate { reasons: vec![Reason::NotLanded] },
    };
    let events = vec![started(&[("a", &["plan"])]), done("a:plan"), landing("a", LandingPhase::Probing)];
    assert_eq!(standing(&view(events.clone()), "a"), Standing::Landing);
    assert_eq!(standing(&view(events.into_iter().chain([again])), "a"), Standing::Waiting);
}

#[test]
fn a_spec_left_on_its_branch_has_not_landed() {
    let fine = Event::Judged { stage: id("a:plan"), verdict: Verdict::UpToDate { how: Done::Ran } };
    let left = Event::Delivered { spec: spec("a"), branch: "spec/a".into() };
    let view = view([started(&[("a", &["plan"])]), fine, left]);
    assert_eq!((standing(&view, "a"), facts(&view, "a")), (Standing::Delivered, (true, false, false)));
}

#[test]
fn the_end_of_a_run_stops_what_ran() {
    let over = Event::RunEnded { outcome: RunOutcome::Interrupted, millis: 9 };
    let view = view([started(&[("a", &["plan"])]), attempt("a:plan", 1), over]);
    assert_eq!(standing(&view, "a"), Standing::Stopped);
}

#[test]
fn waiting_keeps_its_beginning_while_the_list_changes() {
    let wait = |on: Vec<WaitsFor>| Event::Waiting { stage: id("a:plan"), on };
    let view = view([wait(vec![WaitsFor::Job, WaitsFor::Alone]), wait(vec![WaitsFor::Job])]);
    assert_eq!(view.stage(&id("a:plan")).map(|s| s.since), Some(1000));
}

fn any_event() -> impl Strategy<Value = Event> {
    let spec_name = prop::sample::select(vec!["a", "b", "c"]);
    let stage_name = prop::sample::select(vec!["plan", "check", "land"]);
    (0..22, spec_name, stage_name, 0..4_u32, any::<u64>()).prop_map(|(kind, s, t, n, big)| {
        let stage = id(&format!("{s}:{t}"));
        let next = String::from("specmake retry");
        match kind {
            0 => started(&[("a", &["plan", "land"]), ("b", &[])]),
            1 => Event::Judged { stage, verdict: Verdict::UpToDate { how: Done::Ran } },
            2 => Event::Judged { stage, verdict: Verdict::OutOfDate { reasons: vec![] } },
            3 => Event::Waiting { stage, on: if n == 0 { vec![] } else { vec![WaitsFor::Job] } },
            4 => attempt(&format!("{s}:{t}"), n),
            5 => Event::Output { stage, line: "x".into() },
            6 => Event::Progress { stage, done: n, total: 2 },
            7 => Event::Usage {
                stage,
                usage: Usage { input: big, ..Usage::default() },
                priced: false,
                partial: true,
            },
            8 => Event::AttemptEnded { stage, attempt: n, millis: big, failure: Some(red()) },
            9 => Event::StageDone { stage, how: Done::Ran, commit: None, millis: big },
            10 => Event::StageHeld { stage, failure: crash(), next },
            11 => Event::StageFailed { stage, failure: red(), next },
            12 => Event::SpecBlocked { spec: spec(s), by: spec(["a", "b", "c"][n as usize % 3]), why: next },
            13 => landing(
                s,
                [LandingPhase::Queued, LandingPhase::Checking, LandingPhase::Moving][n as usize % 3],
            ),
            14 => landed(s),
            15 => Event::GateWaiting { stage },
            16 => Event::SpecSkipped { spec: spec(s), why: next },
            17 => Event::LandingWaits { spec: spec(s), why: next, path: None },
            18 => Event::Delivered { spec: spec(s), branch: next },
            19 => Event::Warning { message: next },
            20 => Event::Stopping { at_once: n == 0 },
            _ => Event::RunEnded { outcome: RunOutcome::Failed, millis: big },
        }
    })
}

proptest! {
    #[test]
    fn any_order_of_events_leaves_a_view(events in prop::collection::vec((any_event(), any::<u64>()), 0..40)) {
        let records: Vec<Record> = events.into_iter().map(|(event, at)| Record { at, event }).collect();
        let view = View::of(&records);
        let counts = view.counts();
        let standings = counts.up_to_date + counts.landed + counts.delivered + counts.skipped
            + counts.running + counts.waiting + counts.held + counts.failed + counts.blocked + counts.stopped;
        prop_assert_eq!(standings, counts.specs);
        prop_assert!(counts.steps_done <= counts.steps);
        let open: Vec<&SpecView> = view.specs.values().filter(|spec| spec.is_open()).collect();
        prop_assert_eq!(view.open().collect::<Vec<_>>(), open);
        prop_assert_eq!(counts, Counts::of(view.specs.values()), "as if they were counted anew");
        for name in view.specs.keys() {
            prop_assert!(view.blockers(name).len() <= view.specs.len());
        }
        view.tally();
        if view.end.is_some() && records.last().is_some_and(|r| matches!(r.event, Event::RunEnded { .. })) {
            prop_assert_eq!(counts.running, 0);
        }
    }
}

#[test]
fn what_brakes_a_run_is_known_until_it_is_over() {
    let agent = |name: &str| AgentName::new(name).expect("a name");
    let pool = PoolName::new("api").ok();
    let paused = |name: &str, pool: &Option<PoolName>, until| Event::PoolPaused {
        agent: agent(name),
        pool: pool.clone(),
        kind: LimitKind::Clock,
        why: "429".into(),
        until,
    };
    let pauses = |events: &[Event]| -> Vec<(String, Option<u64>)> {
        let view = view(events.iter().cloned());
        view.brakes.pauses.iter().map(|(agent, pause)| (agent.to_string(), pause.until)).collect()
    };
    let mut events = vec![paused("claude", &pool, Some(9)), paused("gemini", &None, None)];
    assert_eq!(pauses(&events), [("claude".to_owned(), Some(9)), ("gemini".to_owned(), None)]);
    events.push(paused("codex", &pool, Some(12)));
    let one_of_the_pool = [("codex".to_owned(), Some(12)), ("gemini".to_owned(), None)];
    assert_eq!(pauses(&events), one_of_the_pool, "a pool is paused once, whoever met its limit");
    events.push(Event::PoolResumed { agent: agent("claude"), pool });
    assert_eq!(pauses(&events), [("gemini".to_owned(), None)]);

    events.push(Event::BudgetReached { spent: 5.25, budget: 5.0 });
    let memory = Scarce::Memory;
    events.push(Event::LoadHigh { what: memory, why: "full".into() });
    let seen = view(events.clone()).brakes;
    assert_eq!((seen.budget, seen.short_of.len()), (Some((5.25, 5.0)), 1));
    events.push(Event::LoadFine { what: memory });
    assert!(view(events.clone()).brakes.short_of.is_empty());
    events.push(Event::RunEnded { outcome: RunOutcome::Failed, millis: 1 });
    assert_eq!(view(events).brakes, Brakes::default());
}
