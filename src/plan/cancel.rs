//! Where one failure stops new work: everywhere, in a layer, in a spec.
use super::schedule::Schedule;
use super::state::State;
use crate::graph::StageGraph;
use crate::model::Project;

/// What was cancelled, and what one failure cancels.
#[derive(Debug)]
pub(super) struct Cancels {
    fail_fast: bool,
    everything: bool,
    layer_of: Vec<Option<usize>>,
    layers: Vec<Cancel>,
    specs: Vec<Cancel>,
}

#[derive(Debug, Clone, Copy)]
struct Cancel {
    on_failure: bool,
    done: bool,
}

impl Cancels {
    pub fn new(project: &Project, graph: &StageGraph, fail_fast: bool) -> Self {
        let cancel = |on_failure| Cancel { on_failure, done: false };
        Self {
            fail_fast,
            everything: false,
            layer_of: (0..graph.spec_count()).map(|spec| graph.layer_of(spec)).collect(),
            layers: project.layers.values().map(|layer| cancel(layer.cancel_on_failure)).collect(),
            specs: project.specs.values().map(|spec| cancel(spec.cancel_on_failure)).collect(),
        }
    }

    /// Whether new work of a spec is cancelled.
    pub fn covers(&self, spec: usize) -> bool {
        let layer = self.layer_of[spec].is_some_and(|layer| self.layers[layer].done);
        self.everything || layer || self.specs[spec].done
    }

    /// A spec failed; whether that cancels anything that was not.
    pub fn failed(&mut self, spec: usize) -> bool {
        let mut more = self.fail_fast && !std::mem::replace(&mut self.everything, self.fail_fast);
        let layer = self.layer_of[spec].map(|layer| &mut self.layers[layer]);
        for cancel in layer.into_iter().chain([&mut self.specs[spec]]) {
            if cancel.on_failure {
                more |= !std::mem::replace(&mut cancel.done, true);
            }
        }
        more
    }
}

/// Whether a move is the failure of something this run did; what was held when the run began is none.
pub(super) fn is_failure(from: State, to: State) -> bool {
    let began = matches!(from, State::Running | State::BackingOff { .. } | State::Landing);
    to == State::Failed || (to == State::Held && began)
}

impl Schedule {
    /// No new stage starts any more. What runs goes on to its end, and what is done lands.
    pub fn cancel(&mut self) {
        self.cancels.everything = true;
        self.cancel_what_is_covered();
    }

    /// Whether nothing new starts of a spec.
    pub fn begins_nothing_of(&self, spec: usize) -> bool {
        self.cancels.covers(spec)
    }

    /// Whether nothing new starts anywhere.
    pub fn is_cancelled(&self) -> bool {
        self.cancels.everything
    }

    pub(super) fn cancel_what_is_covered(&mut self) {
        let begins = |state| matches!(state, State::Queued | State::BackingOff { .. });
        let covered = |spec: usize| self.cancels.covers(spec);
        let places = self.wanted.places().filter(|place| begins(self.state(*place)));
        let places: Vec<_> = places.filter(|place| self.graph.spec_of(*place).is_some_and(covered)).collect();
        self.moved.extend(&places);
        self.cascade(places.into_iter().map(|place| (place, State::Cancelled)).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Done;
    use crate::graph::sample::Sample;
    use crate::plan::Terms;
    use crate::plan::sample::Driven;

    fn sample() -> Sample {
        let mut sample = Sample::new();
        sample.layer("inside", &[]).cancel_on_failure = true;
        for name in ["a", "b", "c"] {
            sample.spec(name, "inside", &["plan", "check"], &[]);
        }
        sample.spec("d", "", &["plan", "check"], &[]);
        sample
    }

    #[test]
    fn a_failure_cancels_its_layer_and_what_runs_is_finished() {
        let mut driven = Driven::jobs(&sample(), 2);
        driven.judge();
        assert_eq!(driven.start(0), ["a:plan", "b:plan"]);
        driven.set("a:plan", State::Held);
        assert_eq!(driven.state("c:plan"), State::Cancelled);
        assert_eq!(driven.state("b:plan"), State::Running);
        driven.set("b:plan", State::Done(Done::Ran));
        driven.judge();
        assert_eq!(driven.state("b:check"), State::Cancelled);
        assert_eq!(driven.start(0), ["d:plan"]);
        assert!(!driven.schedule.is_cancelled());
    }

    #[test]
    fn what_was_done_before_a_failure_still_lands() {
        let terms = Terms { jobs: 4, fail_fast: true, weights: vec![], ..Terms::default() };
        let mut driven = Driven::new(&sample(), &[], terms);
        driven.judge();
        driven.start(0);
        driven.set("d:plan", State::Failed);
        assert!(driven.schedule.is_cancelled());
        driven.set("a:plan", State::BackingOff { until: 5 });
        assert_eq!(driven.state("a:plan"), State::Cancelled);
        driven.set("b:plan", State::Done(Done::Ran));
        let check = driven.schedule.next_to_judge().expect("its check");
        driven.schedule.set(check, State::Done(Done::UpToDate)).expect("a legal move");
        driven.judge();
        assert_eq!(driven.state("b:land"), State::Landing);
    }

    #[test]
    fn what_was_held_before_the_run_fails_nobody() {
        let terms = Terms { jobs: 4, fail_fast: true, weights: vec![], ..Terms::default() };
        let mut driven = Driven::new(&sample(), &[], terms);
        let first = driven.schedule.next_to_judge().expect("something");
        driven.schedule.set(first, State::Held).expect("a legal move");
        driven.judge();
        assert!(!driven.start(0).is_empty());
    }
}
