//! From graph, goals and forecast to what is announced and shown: the specs of a run, and the report of a plan.
use crate::base::{SpecName, StageName};
use crate::event::{PlannedSpec, Verdict};
use crate::graph::{Place, PlaceKind, StageGraph, Wanted};
use crate::model::{Project, Spec, Work};
use crate::plan::{Costs, Forecast, Terms, Thought};
use crate::report::PlanReport;
use crate::report::plan::{ExpectedCost, ExpectedTime, PlanSpec, PlanStage};
use std::sync::Arc;

/// The specs of a run, in topological order, as its first event announces them.
pub fn announced(project: &Project, graph: &StageGraph, wanted: &Wanted) -> Vec<PlannedSpec> {
    let sight = Sight::new(project, graph, wanted);
    let planned = |(at, spec): (usize, &Spec)| PlannedSpec {
        spec: spec.name.clone(),
        layer: spec.layer.clone(),
        title: title(spec),
        wave: sight.waves[at],
        stages: sight.stages(at).map(|(_, name)| name.clone()).collect(),
        lands: project.land.on && wanted.contains(graph.landing_of(at)),
        needs: sight.needs(at),
    };
    sight.specs().map(planned).collect()
}

/// What a plan is about, forecast apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanHeader {
    /// The branch that results would land on.
    pub base: String,
    /// The commit that was judged.
    pub commit: String,
    /// Ingredient files with edits not yet committed, judged as if they were.
    pub uncommitted: Vec<String>,
    /// Other things to know.
    pub notes: Vec<String>,
}

/// Numbers of jobs to expect times for, beside the project's own.
const JOBS: [u32; 4] = [1, 2, 4, 8];

/// What is expected of a run.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// What runs.
    pub forecast: &'a Forecast,
    /// The milliseconds of each place, by number.
    pub weights: &'a [u64],
    /// What stages cost.
    pub costs: &'a Costs,
}

/// The report of a forecast.
pub fn report(
    project: &Project,
    graph: &Arc<StageGraph>,
    wanted: &Wanted,
    expected: Expected<'_>,
    header: PlanHeader,
) -> PlanReport {
    let Expected { forecast, weights, costs } = expected;
    let runs = forecast.runs();
    let cost = costs.expected(project, graph, |place| runs[place.index()]);
    let sight = Sight::new(project, graph, wanted);
    let verdict = |place: Place| forecast.verdicts.get(place.index()).cloned().flatten();
    let planned = |(at, spec): (usize, &Spec)| PlanSpec {
        spec: spec.name.clone(),
        layer: spec.layer.clone(),
        title: title(spec),
        wave: sight.waves[at],
        needs: sight.needs(at),
        stages: sight
            .stages(at)
            .filter_map(|(place, name)| {
                let weight = weights.get(place.index()).copied();
                Some(plan_stage(project, spec, name, verdict(place)?, weight))
            })
            .collect(),
        land: Some(graph.landing_of(at)).filter(|_| project.land.on).and_then(verdict),
    };
    let path = critical_path(graph, forecast, weights);
    PlanReport {
        base: header.base,
        commit: header.commit,
        specs: sight.specs().map(planned).collect(),
        width: forecast.width.iter().max().map_or(0, |width| u32::try_from(*width).unwrap_or(u32::MAX)),
        critical_millis: Some(forecast.critical_millis).filter(|_| !path.is_empty()),
        critical_path: path.into_iter().map(|place| graph.label(place)).collect(),
        expected: expected_times(project, (graph, wanted), weights, &runs, forecast.critical_millis),
        expected_cost: (cost.known > 0).then_some(ExpectedCost {
            usd: cost.usd,
            known: cost.known,
            unknown: cost.unknown,
        }),
        uncommitted: header.uncommitted,
        conflicts: Vec::new(),
        notes: header.notes,
    }
}

fn expected_times(
    project: &Project,
    (graph, wanted): (&Arc<StageGraph>, &Wanted),
    weights: &[u64],
    runs: &[bool],
    critical_millis: u64,
) -> Vec<ExpectedTime> {
    let mut jobs = JOBS.to_vec();
    jobs.push(project.settings.jobs);
    jobs.sort_unstable();
    jobs.dedup();
    let any = runs.contains(&true);
    // Where all that runs stands in a row there is nothing to choose.
    let all = runs.iter().zip(weights).filter(|(runs, _)| **runs).map(|(_, weight)| *weight);
    let in_a_row = project.land.on && all.fold(0, u64::saturating_add) == critical_millis;
    let expect = |jobs: u32| {
        if in_a_row {
            return ExpectedTime { jobs, millis: critical_millis };
        }
        let terms = Terms { jobs, weights: weights.to_vec(), ..Terms::default() };
        let thought = Thought { project, graph, wanted, terms: &terms, runs };
        ExpectedTime { jobs, millis: if any { thought.best().millis } else { 0 } }
    };
    jobs.into_iter().map(expect).collect()
}

/// The wanted part of a graph, spec by spec.
struct Sight<'a> {
    project: &'a Project,
    graph: &'a StageGraph,
    wanted: &'a Wanted,
    waves: Vec<u32>,
    /// Positions of wanted specs, in topological order.
    order: Vec<usize>,
}

impl<'a> Sight<'a> {
    fn new(project: &'a Project, graph: &'a StageGraph, wanted: &'a Wanted) -> Self {
        let landings = graph.order().iter().filter_map(|place| match graph.kind(*place) {
            PlaceKind::Landing { spec } => Some(spec),
            _ => None,
        });
        let is_wanted = |spec: &usize| {
            graph.stages_of(*spec).chain([graph.landing_of(*spec)]).any(|place| wanted.contains(place))
        };
        let order = landings.filter(is_wanted).collect();
        let waves = graph.waves(|place| wanted.contains(place));
        Self { project, graph, wanted, waves, order }
    }

    fn specs(&self) -> impl Iterator<Item = (usize, &'a Spec)> {
        let find = |at: &usize| Some((*at, self.project.specs.get(self.graph.spec_name(*at))?));
        self.order.iter().filter_map(find)
    }

    fn stages(&self, spec: usize) -> impl Iterator<Item = (Place, &'a StageName)> {
        let wanted = self.graph.stages_of(spec).filter(|place| self.wanted.contains(*place));
        wanted.filter_map(|place| Some((place, self.graph.stage_name(place)?)))
    }

    fn needs(&self, spec: usize) -> Vec<SpecName> {
        let wanted = |need: &usize| self.wanted.contains(self.graph.landing_of(*need));
        let needs = self.graph.needs_of(spec).filter(wanted);
        needs.map(|need| self.graph.spec_name(need).clone()).collect()
    }
}

fn title(spec: &Spec) -> Option<String> {
    let first = spec.description.as_deref()?.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(first.to_owned())
}

fn plan_stage(
    project: &Project,
    spec: &Spec,
    name: &StageName,
    verdict: Verdict,
    weight: Option<u64>,
) -> PlanStage {
    let (agent, model) = match spec.stage(name).map(|stage| &stage.work) {
        Some(Work::Agent { agent, model, .. }) => {
            let declared = project.agents.get(agent).and_then(|agent| agent.model.clone());
            (Some(agent.clone()), model.clone().or(declared))
        }
        _ => (None, None),
    };
    PlanStage { stage: name.clone(), verdict, agent, model, millis: weight.filter(|weight| *weight > 0) }
}

/// The longest path in time through what must or may run.
fn critical_path(graph: &StageGraph, forecast: &Forecast, weights: &[u64]) -> Vec<Place> {
    let runs = |place: Place| {
        let verdict = forecast.verdicts.get(place.index()).and_then(Option::as_ref);
        verdict.is_some_and(|verdict| !matches!(verdict, Verdict::UpToDate { .. }))
    };
    let weight =
        |place: Place| if runs(place) { weights.get(place.index()).copied().unwrap_or(0) } else { 0 };
    let behind = graph.critical(weight);
    let longest = |places: &mut dyn Iterator<Item = Place>| {
        places.fold(None, |best: Option<Place>, place| match best {
            Some(best) if behind[best.index()] >= behind[place.index()] => Some(best),
            _ => Some(place),
        })
    };
    let mut path = Vec::new();
    let mut at = longest(&mut graph.order().iter().copied());
    while let Some(place) = at.filter(|place| behind[place.index()] > 0) {
        if runs(place) {
            path.push(place);
        }
        at = longest(&mut graph.successors(place).map(|(next, _)| next));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Reason;
    use crate::event::Done;
    use crate::graph::resolve;
    use crate::graph::sample::Sample;
    use crate::plan::{Own, forecast};

    fn sample() -> (Project, Arc<StageGraph>) {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        sample.spec("b", "high", &["plan"], &[]).description = Some("\n Threads\nand more".into());
        sample.spec("a", "low", &["plan", "implement"], &[]);
        sample.spec("c", "", &["plan"], &[]);
        let graph = Arc::new(StageGraph::new(&sample.project).expect("no circles"));
        (sample.project, graph)
    }

    fn wanted(project: &Project, graph: &StageGraph, goals: &[&str], until: Option<&str>) -> Wanted {
        let goals: Vec<String> = goals.iter().map(|goal| (*goal).to_owned()).collect();
        resolve(project, graph, &goals, until).expect("goals")
    }

    fn announced_as(goals: &[&str], until: Option<&str>) -> Vec<String> {
        let (project, graph) = sample();
        let specs = announced(&project, &graph, &wanted(&project, &graph, goals, until));
        let text = |list: &[StageName]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
        let each = |spec: &PlannedSpec| {
            let lands = if spec.lands { " lands" } else { "" };
            let needs: Vec<&str> = spec.needs.iter().map(SpecName::as_str).collect();
            format!("{} {} {}{lands} <{}", spec.wave, spec.spec, text(&spec.stages), needs.join(","))
        };
        specs.iter().map(each).collect()
    }

    #[test]
    fn needs_are_announced_before_what_needs_them() {
        assert_eq!(announced_as(&["b"], None), ["0 a plan+implement lands <", "1 b plan lands <a"]);
        assert_eq!(announced_as(&["a:plan"], None), ["0 a plan <"]);
        assert_eq!(announced_as(&["a", "c"], Some("plan")), ["0 a plan <", "0 c plan <"]);
    }

    #[test]
    fn a_forecast_becomes_a_report() {
        let (project, graph) = sample();
        let wanted = wanted(&project, &graph, &[], None);
        let weights: Vec<u64> = graph.places().map(|place| place.index() as u64 * 10 + 10).collect();
        let runs = graph.stage("a", "implement").expect("a stage");
        let own = |place: Place| {
            if place == runs { Own::OutOfDate(vec![Reason::NeverRan]) } else { Own::UpToDate(Done::Ran) }
        };
        let forecast = forecast(&graph, &wanted, &weights, own);
        let header = PlanHeader { base: "main".into(), ..PlanHeader::default() };
        let report = report(
            &project,
            &graph,
            &wanted,
            Expected { forecast: &forecast, weights: &weights, costs: &Costs::default() },
            header,
        );
        let names: Vec<&str> = report.specs.iter().map(|spec| spec.spec.as_str()).collect();
        assert!(names.iter().position(|name| *name == "a") < names.iter().position(|name| *name == "b"));
        assert_eq!(
            report.critical_path,
            ["a:implement", "a:land", "b:plan", "b:land"].map(|place| {
                let (spec, stage) = place.split_once(':').expect("both");
                let at = graph.spec_position(spec).expect("a spec");
                graph.label(graph.stage(spec, stage).unwrap_or(graph.landing_of(at)))
            })
        );
        assert_eq!(report.critical_millis, Some(forecast.critical_millis));
        let sum: u64 =
            report.specs.iter().flat_map(|spec| &spec.stages).filter_map(|stage| stage.millis).sum();
        assert!(sum > 0 && !report.is_up_to_date());
        let b = report.specs.iter().find(|spec| spec.spec.as_str() == "b").expect("b");
        assert_eq!((b.title.as_deref(), b.wave), (Some("Threads"), 1));
        crate::report::schemas::check("plan", &serde_json::to_value(&report).expect("JSON"));
    }

    #[test]
    fn what_stands_in_a_row_is_expected_to_take_what_a_run_in_thought_takes() {
        let (project, graph) = sample();
        let wanted = wanted(&project, &graph, &[], None);
        let weights: Vec<u64> = graph.places().map(|place| place.index() as u64 * 10 + 10).collect();
        for stale in [&["c"][..], &["b"], &["a"], &["a", "c"]] {
            let own = |place: Place| match graph.stage_id(place) {
                Some(id) if stale.contains(&id.spec.as_str()) => Own::OutOfDate(vec![Reason::NeverRan]),
                _ => Own::UpToDate(Done::Ran),
            };
            let forecast = forecast(&graph, &wanted, &weights, own);
            let runs = forecast.runs();
            let critical = forecast.critical_millis;
            for told in expected_times(&project, (&graph, &wanted), &weights, &runs, critical) {
                let terms = Terms { jobs: told.jobs, weights: weights.clone(), ..Terms::default() };
                let (project, wanted) = (&project, &wanted);
                let thought = Thought { project, graph: &graph, wanted, terms: &terms, runs: &runs };
                assert_eq!(told.millis, thought.best().millis, "{stale:?} with {} jobs", told.jobs);
            }
        }
    }

    #[test]
    fn nothing_to_do_has_no_longest_chain() {
        let (project, graph) = sample();
        let wanted = wanted(&project, &graph, &[], None);
        let weights = vec![10; graph.len()];
        let forecast = forecast(&graph, &wanted, &weights, |_| Own::UpToDate(Done::Ran));
        let report = report(
            &project,
            &graph,
            &wanted,
            Expected { forecast: &forecast, weights: &weights, costs: &Costs::default() },
            PlanHeader::default(),
        );
        assert!(report.is_up_to_date() && report.critical_path.is_empty());
    }
}
