//! What the order of a run is worth: random projects gone through in thought, against what no order can beat and
//! against first come, first served.
use super::{Terms, Thought};
use crate::base::{PoolName, ResourceName};
use crate::graph::sample::Sample;
use crate::graph::{Place, PlaceKind, StageGraph, Wanted, resolve};
use proptest::prelude::*;
use std::sync::Arc;

const STAGES: [&str; 4] = ["plan", "tasks", "implement", "check"];

/// A project, and how long its places take.
struct Workload {
    sample: Sample,
    graph: Arc<StageGraph>,
    wanted: Wanted,
    terms: Terms,
    runs: Vec<bool>,
}

impl Workload {
    fn new(sample: Sample, jobs: u32, weight: impl FnMut(Place) -> u64) -> Self {
        let graph = Arc::new(StageGraph::new(&sample.project).expect("no circles"));
        let wanted = resolve(&sample.project, &graph, &[], None).expect("everything");
        let weights = graph.places().map(weight).collect();
        let runs = graph.places().map(|place| !graph.kind(place).is_joint()).collect();
        Self { terms: Terms { jobs, weights, ..Terms::default() }, sample, wanted, runs, graph }
    }

    /// So many specs as a seed has it, in chains and beside each other, some of them short of a pool.
    fn drawn(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut sample = Sample::new();
        sample.pool("few", chance.u32(1..4));
        sample.resource("db", 1);
        let count = chance.usize(2..24);
        let (linked, pooled) = (chance.usize(1..8), chance.usize(2..30));
        for at in 0..count {
            let mut needs = Vec::new();
            if at > 0 && chance.usize(..linked) == 0 {
                needs.push(format!("s{}", chance.usize(..at)));
            }
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            let made = sample.spec(&format!("s{at}"), "", &STAGES[..chance.usize(1..5)], &needs);
            for stage in &mut made.stages {
                match chance.usize(..pooled) {
                    0 => stage.pools.push(PoolName::new("few").unwrap()),
                    1 => stage.resources.push(ResourceName::new("db").unwrap()),
                    _ => {}
                }
            }
        }
        let jobs = chance.u32(1..9);
        Self::new(sample, jobs, |_| long_tailed(&mut chance))
    }

    fn thought(&self) -> Thought<'_> {
        let Self { sample, graph, wanted, terms, runs } = self;
        Thought { project: &sample.project, graph, wanted, terms, runs }
    }

    /// When it ends by the best order, first come first served, and at best: in milliseconds.
    fn ends(&self) -> (u64, u64, u64) {
        let thought = self.thought();
        let took = &self.terms.weights;
        let by_arrival = thought.course(&thought.by_arrival(took), took).millis;
        (thought.best().millis, by_arrival, thought.bound(took).millis())
    }
}

/// Minutes for most, an hour for a few, as agents have it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in the low millions")]
fn long_tailed(chance: &mut fastrand::Rng) -> u64 {
    let normal: f64 = (0..12).map(|_| chance.f64()).sum::<f64>() - 6.0;
    (200_000.0 * (normal * 0.9).exp()) as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_is_worse_than_first_come_first_served(seed in any::<u64>()) {
        let (best, by_arrival, bound) = Workload::drawn(seed).ends();
        prop_assert!(best * 100 <= by_arrival * 102, "{best} against {by_arrival}");
        prop_assert!(bound <= best, "{best} is below what is possible, {bound}");
    }
}

#[test]
fn half_of_all_orders_are_close_to_the_best_there_is() {
    let mut ratios: Vec<u64> = (0..81)
        .map(|seed| {
            let (best, _, bound) = Workload::drawn(seed).ends();
            best * 1000 / bound.max(1)
        })
        .collect();
    ratios.sort_unstable();
    assert!(ratios[40] <= 1050, "{ratios:?}");
}

#[test]
fn more_jobs_take_less_time_and_landings_go_one_by_one() {
    let millis = |jobs: u32, batch: u32| {
        let mut sample = Sample::new();
        sample.project.land.batch = batch;
        for name in ["a", "b"] {
            sample.spec(name, "", &["plan", "check"], &[]);
        }
        Workload::new(sample, jobs, |_| 10).thought().best().millis
    };
    assert_eq!((millis(1, 1), millis(2, 1), millis(2, 2)), (60, 40, 30));
}

#[test]
fn what_was_begun_is_finished_first_where_that_costs_nothing() {
    let mut sample = Sample::new();
    for at in 0..100 {
        sample.spec(&format!("s{at}"), "", &STAGES, &[]);
    }
    // A number of jobs that does not go into that of specs, and landings that are cheap.
    let workload = Workload::new(sample, 8, |place| if place.index() % 5 == 4 { 1 } else { 600 });
    let best = workload.thought().best();
    let of_spec = |spec: usize| workload.graph.stages_of(spec).map(|place| best.urgency[place.index()]);
    for spec in 1..100 - 2 * 8 {
        assert!(of_spec(spec - 1).min() > of_spec(spec).max(), "all of {spec} before any of the next");
    }
    let bound = workload.thought().bound(&workload.terms.weights).millis();
    assert!(best.millis <= bound + bound / 50, "{} of {bound}", best.millis);
    // A long one at the end of the list must not wait for that.
    let mut sample = Sample::new();
    for at in 0..8 {
        sample.spec(&format!("s{at}"), "", &STAGES, &[]);
    }
    let long = Workload::new(sample, 4, |place| if place.index() >= 35 { 200 } else { 10 });
    let bound = long.thought().bound(&long.terms.weights).millis();
    assert!(long.thought().best().millis <= bound + bound / 50);
}

#[test]
fn what_need_not_run_takes_no_time() {
    let mut sample = Sample::new();
    sample.spec("a", "", &["plan", "check"], &[]);
    let mut workload = Workload::new(sample, 1, |_| 10);
    workload.runs = workload
        .graph
        .places()
        .map(|place| matches!(workload.graph.kind(place), PlaceKind::Stage { stage: 1, .. }))
        .collect();
    assert_eq!(workload.thought().best().millis, 10);
    workload.runs.fill(false);
    assert_eq!(workload.thought().best().millis, 0);
}

#[test]
fn an_order_that_the_longest_path_would_not_take_is_found() {
    // One long stage of the pool behind which nothing comes, and short ones that feed it: two jobs, a pool of one.
    let mut sample = Sample::new();
    sample.pool("few", 1);
    for name in ["a", "b", "c", "d"] {
        sample.spec(name, "", &["plan"], &[]);
    }
    for name in ["c", "d"] {
        sample.project.specs[name].stages[0].pools.push(PoolName::new("few").unwrap());
    }
    let weights = [70, 0, 70, 0, 60, 0, 60, 0];
    let workload = Workload::new(sample, 2, |place| weights[place.index()]);
    let thought = workload.thought();
    let by_path = thought.course(&thought.by_path(), &workload.terms.weights).millis;
    assert_eq!((by_path, thought.best().millis), (190, 130));
}
