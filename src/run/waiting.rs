//! What waits for what, told when it changes.
use super::report::Reporter;
use crate::event::{Event, WaitsFor};
use crate::graph::{Place, StageGraph};
use crate::plan::{Schedule, State};
use std::collections::HashMap;

/// Beyond this many specs, only those are told of that a change concerns; nobody reads ten thousand lines.
const MOST: usize = 2_000;

/// The last answer for each place.
#[derive(Debug, Default)]
pub struct Waiting {
    told: HashMap<Place, Vec<WaitsFor>>,
}

impl Waiting {
    /// Reports the front of each spec, its first stage that is not over, if what it waits for has changed.
    pub fn tell(&mut self, graph: &StageGraph, schedule: &Schedule, now: u64, reporter: &Reporter) {
        for spec in (0..graph.spec_count()).take(MOST) {
            let Some(place) = graph.stages_of(spec).find(|place| !schedule.state(*place).is_over()) else {
                continue;
            };
            if !matches!(schedule.state(place), State::Waiting | State::Queued | State::BackingOff { .. }) {
                continue;
            }
            let on = schedule.waits_for(place, now);
            if on.is_empty() || self.told.get(&place) == Some(&on) {
                continue;
            }
            if let Some(stage) = graph.stage_id(place) {
                reporter.report(Event::Waiting { stage, on: on.clone() });
            }
            self.told.insert(place, on);
        }
    }
}
