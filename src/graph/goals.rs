//! From the goals as typed to the places that are wanted.
use super::place::{Edge, Place};
use super::stage_graph::{LANDING, StageGraph};
use crate::base::{SpecName, english};
use crate::model::Project;
use globset::{Glob, GlobMatcher};
use std::collections::BTreeSet;

/// A goal that means nothing, or too much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoalError {
    /// No spec or layer of that name or prefix.
    #[error("there is no spec or layer `{goal}`{}", meant(.nearest.as_deref()))]
    Unknown {
        /// As typed.
        goal: String,
        /// The name that was likely meant.
        nearest: Option<String>,
    },
    /// A prefix of several names.
    #[error("`{goal}` may mean {}", some(.candidates))]
    Ambiguous {
        /// As typed.
        goal: String,
        /// What it may mean, in the order declared.
        candidates: Vec<String>,
    },
    /// A glob that matches no spec.
    #[error("no spec matches `{goal}`")]
    NoMatch {
        /// As typed.
        goal: String,
    },
    /// A glob that is none.
    #[error("`{goal}` is not a glob: {why}")]
    BadGlob {
        /// As typed.
        goal: String,
        /// What is wrong with it.
        why: String,
    },
    /// No spec of the goal has that stage.
    #[error("{} `{stage}`{}", whose(.goal), meant(.nearest.as_deref()))]
    NoStage {
        /// The spec, layer or glob as typed; empty for `--until` over everything.
        goal: String,
        /// The stage as typed.
        stage: String,
        /// The stage that was likely meant.
        nearest: Option<String>,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

fn some(candidates: &[String]) -> String {
    let mut shown: Vec<String> = candidates.iter().take(10).map(|name| format!("`{name}`")).collect();
    if candidates.len() > shown.len() {
        shown.push(format!("{} more", candidates.len() - shown.len()));
    }
    english::list(&shown, "or")
}

fn whose(goal: &str) -> String {
    if goal.is_empty() { "no spec has a stage".to_owned() } else { format!("`{goal}` has no stage") }
}

/// The places that a run is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    places: Vec<bool>,
    goals: BTreeSet<usize>,
    parked: BTreeSet<usize>,
    without_stage: Vec<SpecName>,
}

impl Wanted {
    /// Whether a place is wanted.
    pub fn contains(&self, place: Place) -> bool {
        self.places.get(place.index()).copied().unwrap_or(false)
    }

    /// The wanted places, by number.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.places.iter().enumerate().filter(|(_, wanted)| **wanted).map(|(at, _)| Place::at(at))
    }

    /// Whether a spec, by position, is a goal itself, not merely needed by one.
    pub fn is_goal(&self, spec: usize) -> bool {
        self.goals.contains(&spec)
    }

    /// The specs that are goals themselves, by position.
    pub fn goals(&self) -> impl Iterator<Item = usize> + '_ {
        self.goals.iter().copied()
    }

    /// Whether a spec is parked and only here because another one needs it: it may be judged, not built.
    pub fn is_parked(&self, spec: usize) -> bool {
        self.parked.contains(&spec)
    }

    /// Goals that `--until` left out because they have no such stage.
    pub fn without_stage(&self) -> &[SpecName] {
        &self.without_stage
    }
}

/// What these goals want; without any, everything that is not parked. With `until`, the goals go up to that
/// stage and do not land; what they need for it still does.
///
/// # Errors
/// The first goal that names nothing, or more than one thing.
pub fn resolve(
    project: &Project,
    graph: &StageGraph,
    goals: &[String],
    until: Option<&str>,
) -> Result<Wanted, GoalError> {
    let mut wanted = Wanted { places: vec![false; graph.len()], ..Wanted::default() };
    let mut named = BTreeSet::new();
    let mut ends = Vec::new();
    let mut any_until = false;
    let everything = [String::new()];
    for goal in if goals.is_empty() { &everything[..] } else { goals } {
        let (name, stage) = match goal.split_once(':') {
            Some((name, stage)) => (name, Some(stage)),
            None => (goal.as_str(), None),
        };
        let picked = pick(project, graph, name)?;
        if picked.by_name {
            named.extend(&picked.specs);
        }
        let has_end = ends.len();
        for spec in &picked.specs {
            match end(graph, *spec, stage.or(until)) {
                Some(place) => ends.push((*spec, place)),
                None if stage.is_none() => wanted.without_stage.push(graph.spec_name(*spec).clone()),
                None => {}
            }
        }
        any_until |= ends.len() > has_end || picked.specs.is_empty();
        if let Some(stage) = stage.filter(|_| ends.len() == has_end) {
            return Err(no_stage(graph, name, stage, &picked.specs));
        }
    }
    if let Some(stage) = until.filter(|_| !any_until) {
        let all: Vec<usize> = (0..graph.spec_count()).collect();
        return Err(no_stage(graph, "", stage, &all));
    }
    wanted.goals.extend(ends.iter().map(|(spec, _)| *spec));
    close(graph, &mut wanted, ends.into_iter().map(|(_, place)| place).collect(), &named);
    Ok(wanted)
}

struct Picked {
    specs: Vec<usize>,
    by_name: bool,
}

/// The specs of a goal without its stage: a spec, a layer, a glob, a unique prefix, or all for the empty one.
fn pick(project: &Project, graph: &StageGraph, goal: &str) -> Result<Picked, GoalError> {
    let unparked = |specs: &mut dyn Iterator<Item = usize>| Picked {
        specs: specs.filter(|spec| !graph.specs[*spec].parked).collect(),
        by_name: false,
    };
    if goal.is_empty() {
        // Undeclared specs are here for the specs that need them, and come in through those.
        return Ok(unparked(&mut (0..graph.spec_count()).filter(|spec| project.specs[*spec].declared)));
    }
    if let Some(spec) = graph.spec_position(goal) {
        return Ok(Picked { specs: vec![spec], by_name: true });
    }
    if let Some(layer) = graph.layers.get(goal) {
        return Ok(unparked(&mut layer.members.iter().copied()));
    }
    if goal.contains(['*', '?', '[', '{']) {
        let glob = glob(goal)?;
        let mut matching =
            graph.specs.keys().enumerate().filter(|(_, name)| glob.is_match(name.as_str())).map(|(at, _)| at);
        let picked = unparked(&mut matching);
        return if picked.specs.is_empty() {
            Err(GoalError::NoMatch { goal: goal.to_owned() })
        } else {
            Ok(picked)
        };
    }
    let specs: Vec<usize> = with_prefix(graph.specs.keys().map(SpecName::as_str), goal);
    let layers: Vec<usize> = with_prefix(graph.layers.keys().map(|name| name.as_str()), goal);
    match (&specs[..], &layers[..]) {
        ([spec], []) => Ok(Picked { specs: vec![*spec], by_name: true }),
        ([], [layer]) => Ok(unparked(&mut graph.layers[*layer].members.iter().copied())),
        ([], []) => Err(unknown(graph, goal)),
        _ => {
            let specs = specs.iter().map(|spec| graph.spec_name(*spec).to_string());
            let layers = layers.iter().map(|layer| graph.layer_name(*layer).to_string());
            Err(GoalError::Ambiguous { goal: goal.to_owned(), candidates: specs.chain(layers).collect() })
        }
    }
}

fn glob(goal: &str) -> Result<GlobMatcher, GoalError> {
    let bad = |e: globset::Error| GoalError::BadGlob { goal: goal.to_owned(), why: e.kind().to_string() };
    Glob::new(goal).map(|glob| glob.compile_matcher()).map_err(bad)
}

fn with_prefix<'a>(names: impl Iterator<Item = &'a str>, prefix: &str) -> Vec<usize> {
    names.enumerate().filter(|(_, name)| name.starts_with(prefix)).map(|(at, _)| at).collect()
}

fn unknown(graph: &StageGraph, goal: &str) -> GoalError {
    let names = graph.specs.keys().map(SpecName::as_str).chain(graph.layers.keys().map(|name| name.as_str()));
    GoalError::Unknown { goal: goal.to_owned(), nearest: english::nearest(goal, names).map(str::to_owned) }
}

/// Where a goal ends within a spec: its landing, or the stage of that name or unique prefix.
fn end(graph: &StageGraph, spec: usize, stage: Option<&str>) -> Option<Place> {
    let Some(stage) = stage else { return Some(graph.landing_of(spec)) };
    if let Some(place) = graph.stage(graph.spec_name(spec).as_str(), stage) {
        return Some(place);
    }
    let named = |place: &Place| graph.stage_name(*place).is_some_and(|name| name.as_str().starts_with(stage));
    let mut matching = graph.stages_of(spec).filter(named);
    match (matching.next(), matching.next()) {
        (Some(place), None) if !stage.is_empty() => Some(place),
        _ => None,
    }
}

fn no_stage(graph: &StageGraph, goal: &str, stage: &str, specs: &[usize]) -> GoalError {
    let names: BTreeSet<&str> = specs
        .iter()
        .flat_map(|spec| graph.stages_of(*spec))
        .filter_map(|place| graph.stage_name(place))
        .map(|name| name.as_str())
        .chain([LANDING])
        .collect();
    let nearest = english::nearest(stage, names).map(str::to_owned);
    GoalError::NoStage { goal: goal.to_owned(), stage: stage.to_owned(), nearest }
}

/// Brings in what the ends wait for, but for what they merely come after.
fn close(graph: &StageGraph, wanted: &mut Wanted, mut left: Vec<Place>, named: &BTreeSet<usize>) {
    while let Some(place) = left.pop() {
        if std::mem::replace(&mut wanted.places[place.index()], true) {
            continue;
        }
        if let Some(spec) = graph.spec_of(place)
            && graph.specs[spec].parked
            && !named.contains(&spec)
        {
            wanted.parked.insert(spec);
        }
        for (from, edge) in graph.predecessors(place) {
            let is_parked_member =
                edge == Edge::Member && graph.spec_of(from).is_some_and(|spec| graph.specs[spec].parked);
            if edge != Edge::After && !is_parked_member {
                left.push(from);
            }
        }
    }
    // The end of a layer is over when what is wanted of the layer is: it orders even where nobody needs it.
    for layer in 0..graph.layers.len() {
        let end = graph.end_of(layer);
        let runs = |spec: &usize| wanted.contains(graph.landing_of(*spec));
        if graph.members_of(layer).iter().any(runs) {
            wanted.places[end.index()] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::Sample;

    fn sample() -> Sample {
        let mut sample = Sample::new();
        sample.layer("foundation", &[]);
        sample.layer("features", &["@foundation"]);
        sample.spec("050-partial", "foundation", &["plan", "implement"], &[]);
        sample.spec("051-retry", "foundation", &["plan", "implement"], &["050-partial>implement"]);
        sample.spec("020-threads", "features", &["plan", "implement"], &["~099-late"]);
        sample.spec("099-late", "", &["plan", "publish"], &[]);
        sample.spec("100-later", "", &["plan", "publish"], &[]).parked = Some("later".into());
        sample
    }

    fn check(goals: &[&str], until: Option<&str>, expect: Result<&[&str], &str>) {
        let project = sample().project;
        let graph = StageGraph::new(&project).expect("no circles");
        let goals: Vec<String> = goals.iter().map(ToString::to_string).collect();
        let wanted = resolve(&project, &graph, &goals, until);
        match (wanted, expect) {
            (Ok(wanted), Ok(expect)) => {
                let ids = wanted.places().filter_map(|place| graph.stage_id(place));
                let mut ids: Vec<String> = ids.map(|id| id.to_string()).collect();
                let mut expect: Vec<String> = expect.iter().map(ToString::to_string).collect();
                ids.sort();
                expect.sort();
                assert_eq!(ids, expect, "{goals:?} until {until:?}");
            }
            (Err(e), Err(expect)) => assert_eq!(e.to_string(), expect),
            (wanted, expect) => panic!("{goals:?}: {wanted:?}, not {expect:?}"),
        }
    }

    const P50: [&str; 3] = ["050-partial:plan", "050-partial:implement", "050-partial:land"];
    const P51: [&str; 3] = ["051-retry:plan", "051-retry:implement", "051-retry:land"];
    const P20: [&str; 3] = ["020-threads:plan", "020-threads:implement", "020-threads:land"];
    const P99: [&str; 3] = ["099-late:plan", "099-late:publish", "099-late:land"];
    const P100: [&str; 3] = ["100-later:plan", "100-later:publish", "100-later:land"];

    #[test]
    fn a_spec_brings_what_it_needs_and_not_what_it_comes_after() {
        check(&["050"], None, Ok(&P50));
        check(&["051"], None, Ok(&[P50, P51].concat()));
        check(&["020-threads"], None, Ok(&[P50, P51, P20].concat()));
    }

    #[test]
    fn no_goal_is_everything_but_what_is_parked() {
        check(&[], None, Ok(&[P50, P51, P20, P99].concat()));
        check(&["*"], None, Ok(&[P50, P51, P20, P99].concat()));
        check(&["100-later"], None, Ok(&P100));
        check(&["100"], None, Ok(&P100));
    }

    #[test]
    fn a_stage_is_an_end_and_its_needs_land() {
        check(&["051:plan"], None, Ok(&["051-retry:plan"]));
        check(&["051:imp"], None, Ok(&[&P50[..], &P51[..2]].concat()));
        check(&["051:land"], None, Ok(&[P50, P51].concat()));
        check(&["05*:plan"], None, Ok(&["050-partial:plan", "051-retry:plan"]));
        check(&["foundation"], Some("plan"), Ok(&["050-partial:plan", "051-retry:plan"]));
        check(&[], Some("publish"), Ok(&P99[..2]));
        check(&["features"], Some("plan"), Ok(&[&P50[..], &P51[..], &P20[..1]].concat()));
    }

    #[test]
    fn a_goal_that_means_nothing_says_what_it_may_mean() {
        check(&["05"], None, Err("`05` may mean `050-partial` or `051-retry`"));
        check(&["f"], None, Err("`f` may mean `foundation` or `features`"));
        check(&["051-rerty"], None, Err("there is no spec or layer `051-rerty`; did you mean `051-retry`?"));
        check(&["zz*"], None, Err("no spec matches `zz*`"));
        check(&["051:plann"], None, Err("`051` has no stage `plann`; did you mean `plan`?"));
        check(&[], Some("nope-at-all"), Err("no spec has a stage `nope-at-all`"));
    }

    #[test]
    fn goals_are_told_from_what_they_bring() {
        let mut sample = sample();
        sample.spec("101-end", "", &["plan"], &["100-later"]);
        let graph = StageGraph::new(&sample.project).expect("no circles");
        let wanted = resolve(&sample.project, &graph, &["101".to_owned(), "099".to_owned()], Some("publish"));
        let wanted = wanted.expect("goals");
        let at = |name| graph.spec_position(name).expect("a spec");
        assert_eq!(wanted.without_stage(), [graph.spec_name(at("101-end")).clone()]);
        let wanted = resolve(&sample.project, &graph, &["101".to_owned()], None).expect("goals");
        assert!(wanted.is_goal(at("101-end")) && !wanted.is_goal(at("100-later")));
        assert!(wanted.is_parked(at("100-later")) && wanted.contains(graph.landing_of(at("100-later"))));
    }
}
