//! Verdicts before the needs are settled: what runs, what does not, and what may.
use crate::base::Reason;
use crate::event::{Done, Verdict};
use crate::graph::{Edge, Place, PlaceKind, StageGraph, Wanted};

/// How many causes an answer names at most; where a layer has more than one, the layer is named.
const CAUSES: usize = 8;

/// The verdict of one place on today's trees, as if nothing before it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Own {
    /// Nothing to do.
    UpToDate(Done),
    /// It must run, for these reasons.
    OutOfDate(Vec<Reason>),
}

/// What a run is expected to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// For each place of the graph, by number: its verdict; none for joints and what is not wanted.
    pub verdicts: Vec<Option<Verdict>>,
    /// Stages that must run.
    pub stages_out_of_date: usize,
    /// Stages that may run.
    pub stages_that_may_run: usize,
    /// Stages with nothing to do.
    pub stages_up_to_date: usize,
    /// For each wave, how many specs have a stage or a landing that will or may run.
    pub width: Vec<usize>,
    /// The time of the longest path through what will or may run, in milliseconds.
    pub critical_millis: u64,
}

impl Forecast {
    /// Of each place, by number, whether it must or may run.
    pub fn runs(&self) -> Vec<bool> {
        self.verdicts.iter().map(|verdict| verdict.as_ref().is_some_and(may_run)).collect()
    }
}

/// The forecast of what is wanted. `own` is asked once for each wanted stage and landing; `weights` are times in
/// milliseconds by number.
pub fn forecast(
    graph: &StageGraph,
    wanted: &Wanted,
    weights: &[u64],
    own: impl Fn(Place) -> Own,
) -> Forecast {
    let verdicts = verdicts(graph, wanted, own);
    let moves = |place: Place| verdicts[place.index()].as_ref().is_some_and(may_run);
    let weight = |place: Place| if moves(place) { weights[place.index()] } else { 0 };
    let stages = |what: fn(&Verdict) -> bool| {
        let stages = graph.places().filter(|place| graph.stage_name(*place).is_some());
        stages.filter(|place| verdicts[place.index()].as_ref().is_some_and(what)).count()
    };
    Forecast {
        stages_out_of_date: stages(|verdict| matches!(verdict, Verdict::OutOfDate { .. })),
        stages_that_may_run: stages(|verdict| matches!(verdict, Verdict::MayRun { .. })),
        stages_up_to_date: stages(|verdict| matches!(verdict, Verdict::UpToDate { .. })),
        width: width(graph, wanted, moves),
        critical_millis: graph.critical(weight).into_iter().max().unwrap_or(0),
        verdicts,
    }
}

fn may_run(verdict: &Verdict) -> bool {
    !matches!(verdict, Verdict::UpToDate { .. })
}

fn width(graph: &StageGraph, wanted: &Wanted, moves: impl Fn(Place) -> bool) -> Vec<usize> {
    let mut width = Vec::new();
    for (spec, wave) in graph.waves(|place| wanted.contains(place)).into_iter().enumerate() {
        let wave = wave as usize;
        if graph.stages_of(spec).chain([graph.landing_of(spec)]).any(&moves) {
            width.resize(width.len().max(wave + 1), 0);
            width[wave] += 1;
        }
    }
    width
}

fn verdicts(graph: &StageGraph, wanted: &Wanted, own: impl Fn(Place) -> Own) -> Vec<Option<Verdict>> {
    let mut verdicts: Vec<Option<Verdict>> = vec![None; graph.len()];
    // What people call the things that a place makes unknown for those behind it.
    let mut unknown: Vec<Vec<String>> = vec![Vec::new(); graph.len()];
    for place in graph.order().iter().copied().filter(|place| wanted.contains(*place)) {
        let mut causes: Vec<String> = Vec::new();
        for (from, edge) in graph.predecessors(place) {
            if edge != Edge::After {
                causes.extend(unknown[from.index()].iter().cloned());
            }
        }
        causes.sort();
        causes.dedup();
        if let PlaceKind::LayerEnd { .. } = graph.kind(place)
            && causes.len() > 1
        {
            causes = vec![graph.label(place)];
        }
        causes.truncate(CAUSES);
        if graph.kind(place).is_joint() {
            unknown[place.index()] = causes;
            continue;
        }
        let verdict = match own(place) {
            Own::OutOfDate(reasons) => Verdict::OutOfDate { reasons },
            Own::UpToDate(_) if must_land(graph, place, &verdicts) => {
                Verdict::OutOfDate { reasons: vec![Reason::NotLanded] }
            }
            Own::UpToDate(how) if causes.is_empty() => Verdict::UpToDate { how },
            Own::UpToDate(_) => Verdict::MayRun { until: causes },
        };
        if may_run(&verdict) {
            unknown[place.index()] = vec![graph.label(place)];
        }
        verdicts[place.index()] = Some(verdict);
    }
    verdicts
}

/// Whether a place is a landing behind a stage that runs for certain.
fn must_land(graph: &StageGraph, place: Place, verdicts: &[Option<Verdict>]) -> bool {
    let PlaceKind::Landing { spec } = graph.kind(place) else { return false };
    graph.stages_of(spec).any(|stage| matches!(verdicts[stage.index()], Some(Verdict::OutOfDate { .. })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::resolve;
    use crate::graph::sample::Sample;

    /// Everything is up to date but for the places named.
    fn forecast_of(sample: &Sample, stale: &[&str]) -> (StageGraph, Forecast) {
        let graph = StageGraph::new(&sample.project).expect("no circles");
        let wanted = resolve(&sample.project, &graph, &[], None).expect("everything");
        let weights = vec![10; graph.len()];
        let own = |place: Place| {
            let id = graph.stage_id(place).map(|id| id.to_string());
            if id.is_some_and(|id| stale.contains(&id.as_str())) {
                Own::OutOfDate(vec![Reason::NeverRan])
            } else {
                Own::UpToDate(Done::UpToDate)
            }
        };
        let forecast = forecast(&graph, &wanted, &weights, own);
        (graph, forecast)
    }

    fn check(sample: &Sample, stale: &[&str], expect: &[(&str, &str)]) -> Forecast {
        let (graph, forecast) = forecast_of(sample, stale);
        let told: Vec<(String, String)> = graph
            .places()
            .filter_map(|place| {
                let told = match forecast.verdicts[place.index()].as_ref()? {
                    Verdict::UpToDate { .. } => return None,
                    Verdict::OutOfDate { reasons } => reasons[0].to_string(),
                    Verdict::MayRun { until } => format!("until {}", until.join(", ")),
                };
                Some((graph.stage_id(place)?.to_string(), told))
            })
            .collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(id, told)| (id.as_str(), told.as_str())).collect();
        assert_eq!(told, expect);
        forecast
    }

    fn sample() -> Sample {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        sample.spec("050", "low", &["plan", "check"], &[]);
        sample.spec("051", "low", &["plan", "check"], &["050>check"]);
        sample.spec("060", "high", &["plan"], &[]);
        sample.spec("070", "", &["plan"], &["~050"]);
        sample
    }

    #[test]
    fn nothing_to_do_takes_no_time() {
        let forecast = check(&sample(), &[], &[]);
        assert_eq!((forecast.stages_up_to_date, forecast.critical_millis), (6, 0));
        assert_eq!(forecast.width, [0; 0]);
    }

    #[test]
    fn what_may_run_names_its_nearest_causes() {
        let forecast = check(
            &sample(),
            &["050:plan"],
            &[
                ("050:plan", "never ran"),
                ("050:check", "until 050:plan"),
                ("050:land", "not landed"),
                ("051:check", "until 050"),
                ("051:land", "until 051:check"),
                ("060:plan", "until low"),
                ("060:land", "until 060:plan"),
            ],
        );
        let counts = (forecast.stages_out_of_date, forecast.stages_that_may_run, forecast.stages_up_to_date);
        assert_eq!(counts, (1, 3, 2));
        assert_eq!(forecast.width, [1, 1, 1]);
        assert_eq!(forecast.critical_millis, 70);
    }

    #[test]
    fn a_need_of_a_spec_that_merely_comes_first_is_none() {
        let (graph, forecast) = forecast_of(&sample(), &["050:check"]);
        let late = graph.stage("070", "plan").expect("a stage");
        assert_eq!(forecast.verdicts[late.index()], Some(Verdict::UpToDate { how: Done::UpToDate }));
    }
}
