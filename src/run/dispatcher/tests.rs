use crate::event::Done;
use crate::graph::sample::Sample;
use crate::model::{FailureClass, Rung, Step};
use crate::plan::Terms;
use crate::run::hands::{Judgement, Landed};
use crate::run::sample::{Story, deaf, done, fails, failure, flits, in_the_way, landed, takes};
use crate::sys::signal::Which;
use std::time::Duration;

/// Specs of one stage; an edge is written as in [`Sample::spec`].
fn specs(names: &[(&str, &[&str])]) -> Sample {
    let mut sample = Sample::new();
    for (name, edges) in names {
        sample.spec(name, "", &["plan"], edges);
    }
    sample
}

fn ladder(steps: &[(Step, u32, u64)]) -> Vec<Rung> {
    let rung = |(step, times, backoff): &(Step, u32, u64)| Rung {
        backoff: (*backoff > 0).then(|| Duration::from_secs(*backoff)),
        ..Rung::new(step.clone(), *times)
    };
    steps.iter().map(rung).collect()
}

fn with_ladder(steps: &[(Step, u32, u64)]) -> Sample {
    let mut sample = specs(&[("a", &[])]);
    sample.project.specs["a"].stages[0].ladders.plain = ladder(steps);
    sample
}

fn gated() -> Sample {
    let mut sample = Sample::new();
    sample.spec("a", "", &["review"], &[]);
    sample.spec("b", "", &["plan"], &[]);
    sample
}

#[tokio::test(start_paused = true)]
async fn a_need_lands_before_what_needs_it_is_judged() {
    let told = Story::of(specs(&[("b", &["a"]), ("a", &[])])).tell().await;
    told.says(&[
        "b:plan waits: need a",
        "a:plan run 1/1",
        "a:plan done Ran",
        "a Queued",
        "a landed",
        "b:plan run 1/1",
        "b:plan done Ran",
        "b Queued",
        "b landed",
    ])
    .ends(2, 2, false);
}

#[tokio::test(start_paused = true)]
async fn what_is_up_to_date_lands_nothing() {
    let up_to_date = || Judgement::UpToDate(Done::UpToDate);
    let story = Story::of(specs(&[("a", &[])]));
    let story = story.judged("a:plan", up_to_date()).judged("a:land", up_to_date());
    story.tell().await.says(&["a:plan is up to date"]).ends(0, 0, false);
}

#[tokio::test(start_paused = true)]
async fn back_offs_double_and_cost_nothing() {
    let sample = with_ladder(&[(Step::Retry, 3, 3600), (Step::Fail, 1, 0)]);
    let mut story = Story::of(sample);
    for _ in 0..4 {
        story = story.attempt("a:plan", takes(0, fails(FailureClass::Crash)));
    }
    let told = story.tell().await;
    told.says(&[
        "a:plan run 1/4",
        "a:plan waits: backoff",
        "a:plan retry 2/4",
        "a:plan waits: backoff",
        "a:plan retry 3/4",
        "a:plan waits: backoff",
        "a:plan retry 4/4",
        "a:plan failed: no; specmake retry a",
    ])
    .ends(0, 0, true);
    // One, two and four hours, and up to a quarter more.
    let hours = 7 * 3600;
    assert!((hours..=hours + hours / 4).contains(&told.seconds), "{}", told.seconds);
}

#[tokio::test(start_paused = true)]
async fn a_ladder_is_climbed_to_its_hold() {
    let sample =
        with_ladder(&[(Step::Retry, 1, 0), (Step::Restart { from: None }, 1, 0), (Step::Hold, 1, 0)]);
    let mut story = Story::of(sample);
    for class in [FailureClass::Crash, FailureClass::Output, FailureClass::Timeout] {
        story = story.attempt("a:plan", takes(1, fails(class)));
    }
    let told = story.tell().await;
    told.says(&[
        "a:plan run 1/3",
        "a:plan retry 2/3",
        "a:plan restart 3/3",
        "a:plan is recorded as held",
        "a:plan held: no; specmake retry a",
    ])
    .ends(0, 0, true);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_helps_is_the_last() {
    let story = Story::of(with_ladder(&[(Step::Retry, 5, 0)]));
    let told = story.attempt("a:plan", takes(1, fails(FailureClass::Crash))).tell().await;
    told.says(&["a:plan run 1/6", "a:plan retry 2/6", "a:plan done Ran", "a Queued", "a landed"]);
    told.ends(1, 1, false);
}

#[tokio::test(start_paused = true)]
async fn two_hours_are_two_hours() {
    let told = Story::of(specs(&[("a", &[])])).attempt("a:plan", takes(7200, done())).tell().await;
    told.ends(1, 1, false);
    assert_eq!(told.seconds, 7201);
}

#[tokio::test(start_paused = true)]
async fn fail_fast_finishes_what_runs_lands_what_is_done_and_starts_nothing() {
    let mut sample = specs(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &["b"])]);
    sample.project.specs["a"].stages[0].ladders.plain = ladder(&[(Step::Fail, 1, 0)]);
    let mut story = Story::of(sample);
    story.terms = Terms { jobs: 2, fail_fast: true, weights: vec![], ..Terms::default() };
    let story = story.attempt("a:plan", takes(1, fails(FailureClass::Crash)));
    let told = story.attempt("b:plan", takes(5, done())).tell().await;
    told.says(&[
        "d:plan waits: need b",
        "a:plan run 1/1",
        "b:plan run 1/1",
        "c:plan waits: job",
        "a:plan failed: no; specmake retry a",
        "b:plan done Ran",
        "b Queued",
        "b landed",
    ])
    .ends(1, 1, true);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_before_is_held_still_and_others_go_on() {
    let story = Story::of(specs(&[("a", &[]), ("b", &[])]));
    let told = story.judged("a:plan", Judgement::Held(failure(FailureClass::Crash))).tell().await;
    told.says(&[
        "a:plan held: no; specmake retry a",
        "b:plan run 1/1",
        "b:plan done Ran",
        "b Queued",
        "b landed",
    ])
    .ends(1, 1, true);
}

#[tokio::test(start_paused = true)]
async fn a_gate_approved_while_others_run_lets_its_spec_go_on() {
    let mut story = Story::of(gated()).attempt("b:plan", takes(10, done()));
    for _ in 0..3 {
        story = story.judged("a:review", Judgement::AwaitsPerson(vec![]));
    }
    let told = story.judged("a:review", Judgement::UpToDate(Done::Approved)).tell().await;
    told.says(&[
        "a:review gate",
        "b:plan run 1/1",
        "a:review is up to date",
        "a Queued",
        "a landed",
        "b:plan done Ran",
        "b Queued",
        "b landed",
    ])
    .ends(1, 2, false);
}

#[tokio::test(start_paused = true)]
async fn a_gate_is_looked_at_however_busy_the_run_is() {
    let mut sample = gated();
    sample.project.specs["b"].stages[0].ladders.plain =
        ladder(&[(Step::Retry, 9_999, 0), (Step::Fail, 1, 0)]);
    let mut story = Story::of(sample).judged("a:review", Judgement::AwaitsPerson(vec![]));
    story = story.judged("a:review", Judgement::UpToDate(Done::Approved));
    for _ in 0..5 {
        story = story.attempt("b:plan", flits(fails(FailureClass::Crash)));
    }
    let told = story.tell().await;
    assert_eq!(told.of(&["landed"]), ["a landed", "b landed"]);
    told.ends(1, 2, false);
}

#[tokio::test(start_paused = true)]
async fn a_gate_approved_at_the_very_end_is_not_missed() {
    let story = Story::of(gated()).judged("a:review", Judgement::AwaitsPerson(vec![]));
    let story = story.judged("a:review", Judgement::UpToDate(Done::Approved));
    let story = story.attempt("b:plan", flits(done())).landing("b", takes(0, landed()));
    let told = story.tell().await;
    assert_eq!(told.of(&["landed"]), ["b landed", "a landed"]);
    told.ends(1, 2, false);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_nobody_approves_ends_the_run_and_says_who_waits() {
    let mut sample = gated();
    sample.spec("c", "", &["plan"], &["a"]);
    let mut story = Story::of(sample);
    for _ in 0..99 {
        story = story.judged("a:review", Judgement::AwaitsPerson(vec![]));
    }
    let told = story.tell().await;
    assert_eq!(
        told.of(&["gate", "blocked"]),
        ["a:review gate", "c blocked by a: waits for a person: review"]
    );
    told.ends(1, 1, true);
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_layer_of_which_one_failed_is_told_which_other_one_waits() {
    let mut sample = Sample::new();
    sample.layer("low", &[]);
    sample.layer("high", &["@low"]);
    sample.spec("a", "low", &["review"], &[]);
    sample.spec("b", "low", &["plan"], &[]);
    sample.spec("c", "", &["plan"], &["~@low"]);
    sample.spec("d", "high", &["plan"], &[]);
    let mut story = Story::of(sample).attempt("b:plan", flits(fails(FailureClass::Crash)));
    for _ in 0..99 {
        story = story.judged("a:review", Judgement::AwaitsPerson(vec![]));
    }
    let told = story.tell().await;
    assert_eq!(
        told.of(&["blocked"]),
        ["d blocked by b: held: plan (crash)", "c blocked by a: waits for a person: review"]
    );
    told.ends(0, 0, true);
}

#[tokio::test(start_paused = true)]
async fn a_stale_landing_runs_the_stage_again_and_lands() {
    let mut sample = Sample::new();
    sample.spec("a", "", &["plan", "check"], &[]);
    let story = Story::of(sample).landing("a", takes(1, Landed::Stale(vec![1])));
    let told = story.tell().await;
    told.says(&[
        "a:plan run 1/1",
        "a:plan done Ran",
        "a:check run 1/1",
        "a:check done Ran",
        "a Queued",
        "a:check run 2/2",
        "a:check done Ran",
        "a Queued",
        "a landed",
    ])
    .ends(3, 1, false);
}

/// Specs without needs that land in batches of so many.
fn batched(names: &[&str], batch: u32, parallel: u32) -> Sample {
    let specs: Vec<(&str, &[&str])> = names.iter().map(|name| (*name, [].as_slice())).collect();
    let mut sample = self::specs(&specs);
    sample.project.land.batch = batch;
    sample.project.land.parallel = parallel;
    sample
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_lands_together_up_to_the_batch() {
    let story = Story::of(batched(&["a", "b", "c", "d", "e"], 3, 1)).jobs(6);
    let told = story.landing("a", takes(9, landed())).attempt("a:plan", takes(0, done())).tell().await;
    assert_eq!(told.of(&["lands with"]), ["b:land lands with b, c, d"]);
    told.ends(5, 5, false);
}

#[tokio::test(start_paused = true)]
async fn a_red_batch_is_split_with_the_jobs_that_are_free_and_wanted() {
    for (jobs, parallel, words) in [(6, 1, "1 at once"), (6, 3, "3 at once"), (2, 9, "2 at once")] {
        let story = Story::of(batched(&["a", "b", "red", "z"], 3, parallel)).jobs(jobs);
        let story = story.landing("a", takes(9, landed())).attempt("a:plan", takes(0, done()));
        let told = story.tell().await;
        assert_eq!(told.of(&["split"]), [format!("b:land is split, {words}")], "{:#?}", told.said);
        let ends = ["a landed", "b landed", "red:land held: no; specmake retry red", "z landed"];
        assert_eq!(told.of(&["landed", "held"]), ends);
        told.ends(4, 3, true);
    }
}

#[tokio::test(start_paused = true)]
async fn a_landing_that_is_stale_for_nothing_is_held() {
    let up_to_date = || Judgement::UpToDate(Done::UpToDate);
    for stale in [vec![0], vec![]] {
        let mut story = Story::of(specs(&[("a", &[])]));
        for _ in 0..99 {
            story = story.judged("a:plan", up_to_date()).landing("a", takes(1, Landed::Stale(stale.clone())));
        }
        let told = story.tell().await;
        assert_eq!(told.of(&["held"]).len(), 1, "{:#?}", told.said);
        told.ends(0, 0, true);
    }
}

#[tokio::test(start_paused = true)]
async fn a_landing_passes_when_the_checkout_is_out_of_its_way() {
    let story = Story::of(specs(&[("a", &[]), ("b", &[])])).attempt("b:plan", takes(60, done()));
    let story = story.landing("a", takes(0, in_the_way())).landing("a", takes(0, in_the_way()));
    let told = story.tell().await;
    assert_eq!(
        told.of(&["land", "Queued"]),
        ["a Queued", "a landing waits: `x` is in the way", "a landed", "b Queued", "b landed"]
    );
    told.ends(2, 2, false);
}

#[tokio::test(start_paused = true)]
async fn a_landing_that_never_passes_is_held_and_names_the_file() {
    let mut story = Story::of(specs(&[("a", &[]), ("b", &[]), ("c", &["a"])]));
    for _ in 0..99 {
        story = story.landing("a", takes(0, in_the_way()));
    }
    let told = story.attempt("b:plan", takes(5, done())).tell().await;
    assert_eq!(
        told.of(&["landing", "landed", "held", "blocked"]),
        [
            "a landing waits: `x` is in the way",
            "b landed",
            "a:land held: `x` is in the way; specmake a",
            "c blocked by a: held: land (conflict)",
        ]
    );
    told.ends(2, 1, true);
}

#[tokio::test(start_paused = true)]
async fn landings_that_the_same_file_is_in_the_way_of_do_not_take_turns_for_ever() {
    let story = Story::of(batched(&["a", "b"], 2, 1));
    let mut story = story.attempt("a:plan", takes(0, done())).attempt("b:plan", takes(0, done()));
    for _ in 0..99 {
        // On top of the other it changes nothing there; alone it does.
        story = story.landing("a", takes(0, in_the_way()));
        story = story.landing("b", takes(0, Landed::Again)).landing("b", takes(0, in_the_way()));
    }
    let told = story.tell().await;
    let waits = "landing waits: `x` is in the way";
    assert_eq!(told.of(&["landing waits", "landed"]), [format!("a {waits}"), format!("b {waits}")]);
    told.ends(2, 0, true);
}

#[tokio::test(start_paused = true)]
async fn a_landing_that_a_file_is_in_the_way_of_lets_all_others_pass() {
    let story = Story::of(specs(&[("a", &[]), ("b", &[]), ("c", &[])])).landing("a", takes(0, in_the_way()));
    let told = story.landing("b", takes(5, landed())).tell().await;
    assert_eq!(
        told.of(&["landing waits", "landed"]),
        ["a landing waits: `x` is in the way", "b landed", "c landed", "a landed"]
    );
    told.ends(3, 3, false);
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_stops_with_grace() {
    let story = Story::of(specs(&[("a", &[]), ("b", &[]), ("c", &[])])).interrupt(5, Which::First);
    let story = story.attempt("a:plan", takes(60, done())).attempt("b:plan", deaf(60, done()));
    let told = story.tell().await;
    told.says(&[
        "a:plan run 1/1",
        "b:plan run 1/1",
        "c:plan waits: job",
        "stopping",
        "a:plan is stopped",
        "b:plan done Ran",
    ])
    .ends(1, 0, true);
    assert_eq!((told.ending.interrupted, told.seconds), (Some(2), 60));
}

#[tokio::test(start_paused = true)]
async fn the_second_interrupt_stops_at_once() {
    let story = Story::of(specs(&[("a", &[])])).interrupt(5, Which::First).interrupt(6, Which::Again);
    let told = story.attempt("a:plan", deaf(60, done())).tell().await;
    told.says(&["a:plan run 1/1", "stopping", "stopping at once", "a:plan is stopped"]).ends(0, 0, true);
    assert_eq!(told.seconds, 6);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_back_off_and_a_landing() {
    let story = Story::of(with_ladder(&[(Step::Retry, 1, 3600)])).interrupt(5, Which::First);
    let told = story.attempt("a:plan", takes(1, fails(FailureClass::Crash))).tell().await;
    assert_eq!(told.seconds, 5);
    let story = Story::of(specs(&[("a", &[])])).interrupt(5, Which::First);
    let told = story.landing("a", takes(60, landed())).tell().await;
    told.ends(1, 0, true);
    assert_eq!(told.seconds, 5);
}

#[tokio::test(start_paused = true)]
async fn a_spec_that_is_not_wanted_now_counts_as_landed() {
    let story = Story::of(specs(&[("a", &[]), ("b", &["a"])]));
    let told = story.judged("a:plan", Judgement::SpecSkipped("not today".into())).tell().await;
    assert_eq!(told.of(&["skipped", "landed"]), ["a skipped: not today", "b landed"]);
    told.ends(1, 1, false);
}

#[tokio::test(start_paused = true)]
async fn a_parked_spec_is_not_built_and_blocks_what_needs_it() {
    let mut sample = specs(&[("a", &[]), ("b", &["a"]), ("c", &[])]);
    sample.project.specs["a"].parked = Some("until spring".into());
    let told = Story::of(sample).tell().await;
    assert_eq!(
        told.of(&["held", "blocked", "landed"]),
        ["a:plan held: parked: until spring; specmake a", "b blocked by a: held: plan", "c landed"]
    );
    told.ends(1, 1, true);
}

#[tokio::test(start_paused = true)]
async fn a_chain_behind_a_failure_is_blocked_to_its_end_but_for_what_is_optional() {
    let mut sample = specs(&[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["b?"]), ("e", &["~b"])]);
    sample.project.specs["a"].stages[0].ladders.plain = ladder(&[(Step::Fail, 1, 0)]);
    let told = Story::of(sample).attempt("a:plan", takes(1, fails(FailureClass::Check))).tell().await;
    assert_eq!(
        told.of(&["failed", "blocked", "landed"]),
        [
            "a:plan failed: no; specmake retry a",
            "b blocked by a: failed: plan (check)",
            "c blocked by b: blocked by `a` (failed: plan (check))",
            "d landed",
            "e landed",
        ]
    );
    told.ends(2, 2, true);
}

#[tokio::test(start_paused = true)]
async fn landings_queue_in_topological_order_then_as_they_came() {
    let sample = specs(&[("b", &[]), ("c", &["b"]), ("x", &[]), ("y", &[]), ("z", &[])]);
    // `z` lands for a minute; behind it queue `c`, then `x`, then `y`, of which `c` stands behind another spec.
    let told = Story::of(sample)
        .jobs(9)
        .attempt("z:plan", takes(2, done()))
        .attempt("x:plan", takes(5, done()))
        .attempt("y:plan", takes(4, done()))
        .landing("b", takes(0, landed()))
        .landing("z", takes(60, landed()))
        .tell()
        .await;
    assert_eq!(told.of(&["Queued"]), ["b Queued", "z Queued", "c Queued", "y Queued", "x Queued"]);
    assert_eq!(told.of(&["landed"]), ["b landed", "z landed", "y landed", "x landed", "c landed"]);
}

#[tokio::test(start_paused = true)]
async fn a_landing_goes_before_new_stages() {
    let told = Story::of(specs(&[("a", &[]), ("b", &[]), ("c", &[])])).jobs(1).tell().await;
    assert_eq!(
        told.of(&["run", "landed"]),
        ["a:plan run 1/1", "a landed", "b:plan run 1/1", "b landed", "c:plan run 1/1", "c landed"]
    );
    told.ends(3, 3, false);
}

#[tokio::test(start_paused = true)]
async fn without_landing_what_needs_a_complete_spec_waits_for_people() {
    let delivered = || takes(1, Landed::Delivered { branch: "spec/a".into() });
    let told = Story::of(specs(&[("a", &[])])).landing("a", delivered()).tell().await;
    told.says(&["a:plan run 1/1", "a:plan done Ran", "a Queued", "a delivered"]).ends(1, 0, false);
    let story = Story::of(specs(&[("a", &[]), ("b", &["a"])]));
    let told = story.landing("a", delivered()).tell().await;
    assert_eq!(
        told.of(&["delivered", "blocked"]),
        ["a delivered", "b blocked by a: landing is off: merge `spec/a`"]
    );
    told.ends(1, 0, true);
}
