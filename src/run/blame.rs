//! Who is in whose way, in the words of events.
use crate::event::Event;
use crate::graph::{Place, StageGraph};
use crate::model::{FailureClass, Project};
use crate::plan::{Schedule, State};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What was said of specs that cannot go on, so that it is said once.
#[derive(Debug, Default)]
pub struct Blame {
    blocked: BTreeSet<usize>,
    classes: HashMap<Place, FailureClass>,
}

impl Blame {
    /// Takes note of why a place was held or given up.
    pub fn broke(&mut self, place: Place, class: FailureClass) {
        self.classes.insert(place, class);
    }

    /// The specs that are blocked since this was last asked.
    pub fn moved(&mut self, schedule: &mut Schedule) -> Vec<Event> {
        let moved = schedule.take_moved();
        let schedule = &*schedule;
        for place in &moved {
            if let (State::Waiting, Some(spec)) = (schedule.state(*place), schedule.graph().spec_of(*place)) {
                self.blocked.remove(&spec);
            }
        }
        moved.into_iter().filter_map(|place| self.of_blocked(schedule, place)).collect()
    }

    fn of_blocked(&mut self, schedule: &Schedule, place: Place) -> Option<Event> {
        let State::Blocked { by } = schedule.state(place) else { return None };
        let graph = schedule.graph();
        let spec = graph.spec_of(place)?;
        let culprit = origin(schedule, by)?;
        let by = graph.spec_of(culprit)?;
        if spec == by || !self.blocked.insert(spec) {
            return None;
        }
        let how = self.how_it_ended(schedule, culprit);
        let why = match why_needed(schedule, spec) {
            Some(need) => format!("{how} ({need})"),
            None => how,
        };
        Some(blocked(graph, spec, by, why))
    }

    /// The end of the chain that a place hangs on: "failed: plan (crash)".
    fn how_it_ended(&self, schedule: &Schedule, place: Place) -> String {
        let graph = schedule.graph();
        let chain = schedule.chain(place);
        let first = chain.last().copied().unwrap_or(place);
        let how = match schedule.state(first) {
            State::Held => "held",
            State::Cancelled => "cancelled",
            _ => "failed",
        };
        let class = self.classes.get(&first).map(|class| format!(" ({class})")).unwrap_or_default();
        match graph.stage_id(first) {
            Some(id) if first == place || graph.spec_of(first) == graph.spec_of(place) => {
                format!("{how}: {}{class}", id.stage)
            }
            Some(id) => format!("blocked by `{}` ({how}: {}{class})", id.spec, id.stage),
            None => how.to_owned(),
        }
    }

    /// The specs that wait for a person's word to another spec, once nothing else can go on.
    pub fn waiting(&mut self, project: &Project, schedule: &Schedule) -> Vec<Event> {
        let graph = schedule.graph();
        let mut events = Vec::new();
        let mut seen = HashSet::new();
        for place in graph.order().iter().copied().filter(|place| schedule.state(*place) == State::Waiting) {
            let Some(spec) = graph.spec_of(place) else { continue };
            if self.blocked.contains(&spec) || !seen.insert(spec) {
                continue;
            }
            let awaited = awaited(schedule, place);
            let Some(by) = awaited.and_then(|place| graph.spec_of(place)) else { continue };
            let why = match awaited.and_then(|place| graph.stage_name(place)) {
                Some(gate) => format!("waits for a person: {gate}"),
                None => format!("landing is off: merge `{}`", project.specs[by].branch),
            };
            if by != spec {
                events.push(blocked(graph, spec, by, why));
            }
        }
        events
    }
}

fn blocked(graph: &StageGraph, spec: usize, by: usize, why: String) -> Event {
    Event::SpecBlocked { spec: graph.spec_name(spec).clone(), by: graph.spec_name(by).clone(), why }
}

/// What a waiting place waits for in the end that only a person can bring about.
fn awaited(schedule: &Schedule, place: Place) -> Option<Place> {
    let mut seen = HashSet::from([place]);
    let mut open = vec![place];
    while let Some(place) = open.pop() {
        for (from, _) in schedule.graph().predecessors(place) {
            match schedule.state(from) {
                State::AwaitingPerson => return Some(from),
                State::Waiting if seen.insert(from) => open.push(from),
                // A layer of which one failed, and another one waits.
                State::Blocked { .. } if schedule.graph().kind(from).is_joint() && seen.insert(from) => {
                    open.push(from);
                }
                _ => {}
            }
        }
    }
    None
}

/// The nearest place of a spec behind a joint that is blocked.
fn origin(schedule: &Schedule, by: Place) -> Option<Place> {
    let is_joint = |place: &Place| schedule.graph().kind(*place).is_joint();
    if !is_joint(&by) {
        return Some(by);
    }
    schedule.chain(by).into_iter().find(|place| !is_joint(place))
}

/// The Specfile's own words for the need that blocks a spec.
fn why_needed(schedule: &Schedule, spec: usize) -> Option<&str> {
    let graph = schedule.graph();
    graph.stages_of(spec).find_map(|place| match schedule.state(place) {
        State::Blocked { by } => graph.why(by, place),
        _ => None,
    })
}
