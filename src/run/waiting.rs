//! What waits for what, told when it changes.
use super::report::Reporter;
use crate::event::{Event, WaitsFor};
use crate::graph::Place;
use crate::plan::{Schedule, State};
use std::collections::HashMap;
use std::sync::Arc;

/// How many of the stages that are next to start are looked at again at each step. Those further back are told
/// of when something of their own spec moves, so that a step costs the same however many there are.
const AHEAD: usize = 64;

/// The last answer for each place.
#[derive(Debug, Default)]
pub struct Waiting {
    told: HashMap<Place, Vec<WaitsFor>>,
    /// By place: whether it may run at all; empty where nobody knows.
    may_run: Vec<bool>,
}

impl Waiting {
    /// Nothing told yet. `may_run` tells by place which of those not judged yet are worth a word.
    pub fn new(may_run: Vec<bool>) -> Self {
        Self { told: HashMap::new(), may_run }
    }

    /// Reports the front of each spec that something moved in, its first stage that is not over, and the
    /// stages that start next, if what they wait for has changed.
    pub fn tell(&mut self, schedule: &mut Schedule, now: u64, reporter: &Reporter) {
        let graph = Arc::clone(schedule.graph());
        for spec in schedule.take_touched() {
            let mut is_front = true;
            for place in graph.stages_of(spec) {
                let state = schedule.state(place);
                if !waits(state) {
                    self.told.remove(&place);
                } else if std::mem::take(&mut is_front) {
                    self.tell_of(schedule, place, now, reporter);
                }
                is_front &= state.is_over();
            }
        }
        for place in schedule.first_queued(AHEAD) {
            self.tell_of(schedule, place, now, reporter);
        }
    }

    fn tell_of(&mut self, schedule: &Schedule, place: Place, now: u64, reporter: &Reporter) {
        if schedule.state(place) == State::Waiting && !self.may_run.get(place.index()).unwrap_or(&true) {
            return;
        }
        let on = schedule.waits_for(place, now);
        if on.is_empty() || self.told.get(&place) == Some(&on) {
            return;
        }
        if let Some(stage) = schedule.graph().stage_id(place) {
            reporter.report(Event::Waiting { stage, on: on.clone() });
        }
        self.told.insert(place, on);
    }
}

fn waits(state: State) -> bool {
    matches!(state, State::Waiting | State::Queued | State::BackingOff { .. })
}
