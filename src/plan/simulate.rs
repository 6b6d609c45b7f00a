//! A run in thought: the schedule driven by durations instead of agents.
use super::schedule::{Schedule, Terms};
use super::state::State;
use crate::event::Done;
use crate::graph::{Place, PlaceKind, StageGraph, Wanted};
use crate::model::Project;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// How long a run takes, in milliseconds, if everything that `runs` says runs does so once and in the time that
/// `terms` give, if gates are approved at once, and if landings go one after another.
pub fn expected_millis(
    project: &Project,
    graph: &Arc<StageGraph>,
    wanted: &Wanted,
    terms: &Terms,
    runs: impl Fn(Place) -> bool,
) -> u64 {
    let mut schedule = Schedule::new(project, Arc::clone(graph), wanted.clone(), terms);
    let weight = |place: Place| terms.weights.get(place.index()).copied().unwrap_or(0);
    let mut ends: BinaryHeap<Reverse<(u64, Place)>> = BinaryHeap::new();
    let (mut now, mut landing_free) = (0_u64, 0_u64);
    loop {
        while let Some(place) = schedule.next_to_judge() {
            let is_landing = matches!(graph.kind(place), PlaceKind::Landing { .. });
            let to = match (runs(place), is_landing) {
                (false, _) => State::Done(Done::UpToDate),
                (true, false) => State::Queued,
                (true, true) => State::Landing,
            };
            if schedule.set(place, to).is_ok() && to == State::Landing {
                landing_free = landing_free.max(now).saturating_add(weight(place));
                ends.push(Reverse((landing_free, place)));
            }
        }
        while let Some(place) = schedule.next_to_start(now) {
            ends.push(Reverse((now.saturating_add(weight(place)), place)));
        }
        let Some(Reverse((end, place))) = ends.pop() else { return now };
        now = end;
        // A place moves from running or landing to done; the table has both.
        if schedule.set(place, State::Done(Done::Ran)).is_err() {
            return now;
        }
    }
}
