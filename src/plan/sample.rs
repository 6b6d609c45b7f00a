//! Schedules for the tests of this room.
use super::{Schedule, State, Terms};
use crate::graph::sample::Sample;
use crate::graph::{Place, StageGraph, resolve};
use std::sync::Arc;

/// A schedule over some goals of a sample and the names of its places.
pub(super) struct Driven {
    pub schedule: Schedule,
    pub graph: Arc<StageGraph>,
}

impl Driven {
    pub fn new(sample: &Sample, goals: &[&str], terms: Terms) -> Self {
        let graph = Arc::new(StageGraph::new(&sample.project).expect("no circles"));
        let goals: Vec<String> = goals.iter().map(ToString::to_string).collect();
        let wanted = resolve(&sample.project, &graph, &goals, None).expect("goals");
        let schedule = Schedule::new(&sample.project, Arc::clone(&graph), wanted, &terms);
        Self { schedule, graph }
    }

    /// With so many jobs.
    pub fn jobs(sample: &Sample, jobs: u32) -> Self {
        Self::new(sample, &[], Terms { jobs, ..Terms::default() })
    }

    /// The place of `a:plan`, `a:land`.
    pub fn at(&self, name: &str) -> Place {
        let (spec, stage) = name.split_once(':').expect("spec:stage");
        self.graph.stage(spec, stage).expect("a stage")
    }

    pub fn state(&self, name: &str) -> State {
        self.schedule.state(self.at(name))
    }

    pub fn set(&mut self, name: &str, to: State) {
        let place = self.at(name);
        self.schedule.set(place, to).expect("a legal move");
    }

    /// Judges all that can be judged as out of date, landings as to be landed.
    pub fn judge(&mut self) {
        while let Some(place) = self.schedule.next_to_judge() {
            let is_stage = self.graph.stage_name(place).is_some();
            let to = if is_stage { State::Queued } else { State::Landing };
            self.schedule.set(place, to).expect("a legal move");
        }
    }

    /// Starts all that can start at a time; their names.
    pub fn start(&mut self, now: u64) -> Vec<String> {
        let mut started = Vec::new();
        while let Some(place) = self.schedule.next_to_start(now) {
            started.push(self.graph.label(place));
        }
        started
    }
}
