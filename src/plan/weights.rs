//! How long places take: what was measured, else what was estimated, else a guess.
use crate::base::{StageId, StageName};
use crate::graph::{Place, PlaceKind, StageGraph};
use crate::model::{Project, Spec, Work};
use std::collections::HashMap;

const AGENT: u64 = 10 * 60_000;
const RUN: u64 = 2 * 60_000;
const CHECKED_LANDING: u64 = 30_000;
const LANDING: u64 = 1_000;

/// Measured times, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Durations {
    /// The last time of a stage; of a landing under the stage name `land`.
    pub by_stage: HashMap<StageId, u64>,
    /// A usual time of stages of a name, for specs that never ran it.
    pub by_name: HashMap<StageName, u64>,
}

impl Durations {
    /// The time of each place, by number, in milliseconds: its last time, else its share of the spec's
    /// `estimate`, else the usual time of stages of its name, else a guess by its work. Joints take none, nor do
    /// landings where landing is off.
    pub fn weights(&self, project: &Project, graph: &StageGraph) -> Vec<u64> {
        graph.places().map(|place| self.weight(project, graph, place)).collect()
    }

    fn weight(&self, project: &Project, graph: &StageGraph, place: Place) -> u64 {
        let (spec, stage) = match graph.kind(place) {
            PlaceKind::Stage { spec, stage } => (spec, Some(stage)),
            PlaceKind::Landing { .. } if !project.land.on => return 0,
            PlaceKind::Landing { spec } => (spec, None),
            PlaceKind::LayerEntry { .. } | PlaceKind::LayerEnd { .. } => return 0,
        };
        if !self.by_stage.is_empty()
            && let Some(millis) = graph.stage_id(place).and_then(|id| self.by_stage.get(&id))
        {
            return *millis;
        }
        let usual = |name: &str| self.by_name.get(name).copied();
        let Some(stage) = stage else {
            let guess = if project.land.check.is_empty() { LANDING } else { CHECKED_LANDING };
            return usual(crate::rebuild::LANDING).unwrap_or(guess);
        };
        let spec = &project.specs[spec];
        share(spec, stage)
            .or_else(|| usual(spec.stages[stage].name.as_str()))
            .unwrap_or_else(|| guess(&spec.stages[stage].work))
    }
}

/// Measured costs, in USD.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    /// The last cost of a stage; none if its agent did not tell.
    pub by_stage: HashMap<StageId, Option<f64>>,
    /// A usual cost of stages of a name, for specs that never ran it.
    pub by_name: HashMap<StageName, f64>,
}

/// What some stages are expected to cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExpectedCost {
    /// In USD, of those whose cost is known.
    pub usd: f64,
    /// Stages of agents whose cost is known.
    pub known: u32,
    /// Stages of agents whose cost is not.
    pub unknown: u32,
}

impl Costs {
    /// What the stages of agents are expected to cost that run: the last cost of each, else the usual one of stages of
    /// its name.
    pub fn expected(
        &self,
        project: &Project,
        graph: &StageGraph,
        runs: impl Fn(Place) -> bool,
    ) -> ExpectedCost {
        let mut sum = ExpectedCost::default();
        for place in graph.places().filter(|place| runs(*place)) {
            let PlaceKind::Stage { spec, stage } = graph.kind(place) else { continue };
            let stage = &project.specs[spec].stages[stage];
            if !matches!(stage.work, Work::Agent { .. }) {
                continue;
            }
            let own = graph.stage_id(place).and_then(|id| self.by_stage.get(&id).copied());
            match own.unwrap_or_else(|| self.by_name.get(&stage.name).copied()) {
                Some(usd) => {
                    sum.usd += usd;
                    sum.known += 1;
                }
                None => sum.unknown += 1,
            }
        }
        sum
    }
}

fn guess(work: &Work) -> u64 {
    match work {
        Work::Agent { .. } => AGENT,
        Work::Run { .. } => RUN,
        Work::Gate => 0,
    }
}

fn share(spec: &Spec, stage: usize) -> Option<u64> {
    let estimate = u64::try_from(spec.estimate?.as_millis()).ok()?;
    let all: u64 = spec.stages.iter().map(|stage| guess(&stage.work)).sum();
    let part = u128::from(estimate) * u128::from(guess(&spec.stages[stage].work)) / u128::from(all.max(1));
    u64::try_from(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::Sample;
    use std::time::Duration;

    #[test]
    fn a_measured_time_beats_the_estimate_beats_the_usual() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan", "check"], &[]).estimate = Some(Duration::from_secs(60));
        sample.spec("b", "", &["plan", "check"], &[]);
        let graph = StageGraph::new(&sample.project).expect("no circles");
        let id = |spec, stage| graph.stage_id(graph.stage(spec, stage).expect("a stage")).expect("an id");
        let durations = Durations {
            by_stage: HashMap::from([(id("a", "plan"), 7), (id("b", "land"), 9)]),
            by_name: HashMap::from([(id("a", "plan").stage, 5)]),
        };
        assert_eq!(durations.weights(&sample.project, &graph), [7, 30_000, LANDING, 5, RUN, 9]);
    }
    #[test]
    fn a_measured_cost_beats_the_usual() {
        let mut sample = Sample::new();
        sample.agent("quick");
        for name in ["a", "b"] {
            sample.spec(name, "", &["plan", "implement", "check"], &[]);
            sample.by("quick", name, "plan");
            sample.by("quick", name, "implement");
        }
        let graph = StageGraph::new(&sample.project).expect("no circles");
        let plan = graph.stage_id(graph.stage("a", "plan").expect("a stage")).expect("an id");
        let costs = Costs {
            by_name: HashMap::from([(plan.stage.clone(), 3.0)]),
            by_stage: HashMap::from([(plan, Some(1.0))]),
        };
        let all = costs.expected(&sample.project, &graph, |_| true);
        assert_eq!(all, ExpectedCost { usd: 4.0, known: 2, unknown: 2 });
        assert_eq!(costs.expected(&sample.project, &graph, |_| false), ExpectedCost::default());
    }
}
