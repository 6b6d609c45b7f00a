//! What must hold of any run: driven here by hand, over random projects and outcomes.
use super::collision::{Footprint, Source};
use super::{Phase, Schedule, State, Terms, overlap};
use crate::base::{PoolName, ResourceName};
use crate::event::Done;
use crate::graph::sample::{Sample, pattern};
use crate::graph::{Edge, Place, PlaceKind, StageGraph, resolve};
use crate::model::Project;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug, Clone)]
struct Drawn {
    layers: Vec<(bool, bool, bool)>,
    specs: Vec<DrawnSpec>,
    jobs: u32,
    fail_fast: bool,
    dice: Vec<u8>,
}

#[derive(Debug, Clone)]
struct DrawnSpec {
    layer: usize,
    stages: usize,
    edges: Vec<(usize, u8)>,
    touches: Option<u8>,
    works_on: Option<u8>,
    pools: Vec<u8>,
    alone: bool,
    side_by_side: bool,
    priority: i64,
}

const STAGES: [&str; 4] = ["specify", "plan", "implement", "check"];
const WORKS: [&str; 3] = ["src/a/x.rs", "docs/x.md", "lib.rs"];
const FILES: [&str; 5] = ["src/a/**", "src/b/*.rs", "src/**", "docs", "docs/x.md"];

fn drawn_spec() -> impl Strategy<Value = DrawnSpec> {
    (
        0..4_usize,
        0..5_usize,
        prop::collection::vec((any::<prop::sample::Index>(), 0..7_u8), 0..3),
        prop::option::weighted(0.4, 0..5_u8),
        prop::option::weighted(0.4, 0..3_u8),
        prop::collection::vec(0..3_u8, 0..3),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.3),
        0..3_i64,
    )
        .prop_map(|(layer, stages, edges, touches, works_on, pools, alone, side_by_side, priority)| {
            DrawnSpec {
                layer,
                stages,
                edges: edges.into_iter().map(|(index, kind)| (index.index(usize::MAX), kind)).collect(),
                touches,
                works_on,
                pools,
                alone,
                side_by_side,
                priority,
            }
        })
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let layer = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let layers = prop::collection::vec(layer, 3);
    let specs = prop::collection::vec(drawn_spec(), 1..14);
    (layers, specs, 1..5_u32, prop::bool::weighted(0.15), prop::collection::vec(any::<u8>(), 64))
        .prop_map(|(layers, specs, jobs, fail_fast, dice)| Drawn { layers, specs, jobs, fail_fast, dice })
}

/// Edges point to specs declared before and to layers below, so that no circle is drawn.
fn project(drawn: &Drawn) -> Project {
    let mut sample = Sample::new();
    sample.pool("one", 1);
    sample.pool("two", 2);
    sample.resource("db", 1);
    for (at, (needs_lower, alone, cancels)) in drawn.layers.iter().enumerate() {
        let lower = format!("@layer{}", at.wrapping_sub(1));
        let needs = if *needs_lower && at > 0 { vec![lower.as_str()] } else { vec![] };
        let layer = sample.layer(&format!("layer{at}"), &needs);
        layer.alone = *alone;
        layer.cancel_on_failure = *cancels;
    }
    let mut order: Vec<(usize, &DrawnSpec)> = drawn.specs.iter().enumerate().collect();
    order.sort_by_key(|(_, spec)| spec.layer);
    let names: Vec<String> = order.iter().map(|(at, _)| format!("s{at}")).collect();
    for (position, (_, spec)) in order.into_iter().enumerate() {
        let edges = spec.edges.iter().filter(|_| position > 0).map(|(to, kind)| {
            // In no layer is behind all of them.
            let layer = format!("@layer{}", to % spec.layer.max(1));
            let to = &names[to % position];
            match kind {
                5 if spec.layer > 0 => format!("{layer}?"),
                6 if spec.layer > 0 => format!("~{layer}"),
                0 => to.clone(),
                1 => format!("{to}?"),
                2 if spec.stages > 2 => format!("{to}>implement"),
                _ => format!("~{to}"),
            }
        });
        let edges: Vec<String> = edges.collect();
        let edges: Vec<&str> = edges.iter().map(String::as_str).collect();
        let layer = if spec.layer < 3 { format!("layer{}", spec.layer) } else { String::new() };
        let made = sample.spec(&names[position], &layer, &STAGES[..spec.stages.min(4)], &edges);
        made.touches = spec.touches.iter().map(|file| pattern(FILES[*file as usize])).collect();
        made.priority = spec.priority;
        for (at, stage) in made.stages.iter_mut().enumerate() {
            if at == 2 && spec.side_by_side {
                stage.waits_for = vec![0];
            }
            stage.alone = spec.alone && at == 1;
            match spec.pools.get(at) {
                Some(0) => stage.pools.push(PoolName::new("one").unwrap()),
                Some(1) => stage.pools.push(PoolName::new("two").unwrap()),
                Some(_) => stage.resources.push(ResourceName::new("db").unwrap()),
                None => {}
            }
        }
    }
    sample.project
}

/// The world around a schedule: it decides what happens, and checks that it may.
struct World<'a> {
    project: &'a Project,
    graph: Arc<StageGraph>,
    schedule: Schedule,
    dice: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    now: u64,
    jobs: usize,
    retries: usize,
    attempts: usize,
    sent_back: bool,
    /// Specs that have their files.
    files: BTreeSet<usize>,
    /// The file that each spec is seen to work on, if it is to wait for others there.
    works_on: Vec<Option<&'static str>>,
    /// Specs that have that file.
    claims: BTreeSet<usize>,
}

impl<'a> World<'a> {
    fn new(drawn: &'a Drawn, project: &'a Project) -> Self {
        let graph = Arc::new(StageGraph::new(project).expect("no circles"));
        let wanted = resolve(project, &graph, &[], None).expect("everything");
        let terms = Terms {
            jobs: drawn.jobs,
            fail_fast: drawn.fail_fast,
            weights: weights(&graph),
            ..Terms::default()
        };
        let schedule = Schedule::new(project, Arc::clone(&graph), wanted, &terms);
        let dice = drawn.dice.iter().cycle();
        let works_on = |name: &crate::base::SpecName| {
            let at: usize = name.as_str()[1..].parse().expect("a number");
            drawn.specs[at].works_on.map(|file| WORKS[file as usize])
        };
        let works_on = project.specs.keys().map(works_on).collect();
        Self {
            works_on,
            claims: BTreeSet::new(),
            project,
            graph,
            schedule,
            dice,
            now: 0,
            jobs: drawn.jobs as usize,
            retries: 0,
            attempts: 0,
            sent_back: false,
            files: BTreeSet::new(),
        }
    }

    fn roll(&mut self) -> u8 {
        *self.dice.next().expect("dice never run out")
    }

    fn set(&mut self, place: Place, to: State) {
        self.schedule.set(place, to).expect("a legal move");
    }

    fn in_phase(&self, phase: Phase) -> Vec<Place> {
        let places = self.graph.places().filter(|place| !self.graph.kind(*place).is_joint());
        places.filter(|place| self.schedule.state(*place).phase() == phase).collect()
    }

    /// One round: judge all, start all, let one thing that moves come to some end.
    fn round(&mut self) {
        while let Some(place) = self.schedule.next_to_judge() {
            self.check_turn(place);
            let is_landing = matches!(self.graph.kind(place), PlaceKind::Landing { .. });
            let to = match (self.roll() % 8, is_landing) {
                (0 | 1, _) => State::Done(Done::UpToDate),
                (2, false) => State::AwaitingPerson,
                (_, true) => State::Landing,
                (_, false) => State::Queued,
            };
            if let (State::Queued, Some(footprint)) = (to, self.claim(place)) {
                self.schedule.claim(place, footprint);
            }
            self.set(place, to);
        }
        loop {
            self.forget_files();
            let best = self.best_that_can_start();
            let started = self.schedule.next_to_start(self.now);
            assert_eq!(started, best, "the best place that can start starts");
            let Some(place) = started else { break };
            if let Some(spec) = self.graph.spec_of(place)
                && self.takes_files(spec)
            {
                self.files.insert(spec);
            }
            if self.takes_claim(place) {
                self.claims.extend(self.graph.spec_of(place));
            }
            self.check_limits();
        }
        self.end_something();
        self.forget_files();
        self.check_stopped();
    }

    /// What needs a place that came to no good end is stopped at once.
    fn check_stopped(&self) {
        let state = |place: Place| self.schedule.state(place);
        for place in self.graph.places().filter(|place| state(*place) == State::Waiting) {
            let mut before = self.graph.predecessors(place).filter(|(_, edge)| !edge.is_soft());
            assert!(!before.any(|(from, _)| state(from).is_broken()), "{} waits", self.graph.label(place));
        }
    }

    /// Attempts fail only so often.
    fn may_go_again(&mut self) -> bool {
        self.attempts += 1;
        self.attempts < 40
    }

    /// A person says `retry`, twice in a run at most.
    fn retry_something(&mut self) {
        if self.retries < 2
            && self.roll().is_multiple_of(8)
            && let Some(place) = self.in_phase(Phase::Held).first().copied()
        {
            self.retries += 1;
            self.set(place, State::Waiting);
        }
    }

    fn end_something(&mut self) {
        self.retry_something();
        let mut moving = self.in_phase(Phase::Running);
        moving.extend(self.in_phase(Phase::Landing));
        if moving.is_empty() {
            if let Some(wake) = self.schedule.next_wake(self.now) {
                self.now = wake;
            } else if let Some(place) = self.in_phase(Phase::AwaitingPerson).first().copied() {
                self.set(place, State::Done(Done::Approved));
            }
            return;
        }
        let place = moving[self.roll() as usize % moving.len()];
        let is_landing = self.schedule.state(place) == State::Landing;
        let to = match (self.roll() % 12, is_landing) {
            (0, _) => State::Held,
            (1, _) => State::Failed,
            (2, false) if self.may_go_again() => State::BackingOff { until: self.now + 5 },
            (3, false) if self.may_go_again() => State::Queued,
            (4, _) => State::AwaitingPerson,
            (5, true) if !self.sent_back => {
                self.sent_back = true;
                let spec = self.graph.spec_of(place).expect("a spec");
                match self.graph.stages_of(spec).next() {
                    Some(stage) => self.schedule.send_back(stage).expect("nothing of it runs"),
                    None => self.set(place, State::Waiting),
                }
                return;
            }
            _ => State::Done(Done::Ran),
        };
        self.set(place, to);
    }

    /// What comes before a place has come to an end that lets it go on.
    fn check_turn(&self, place: Place) {
        for (from, edge) in self.graph.predecessors(place) {
            let fine = lets_go(&self.graph, &self.schedule, from, edge);
            assert!(fine, "{} before {}", self.graph.label(from), self.graph.label(place));
        }
    }

    fn check_limits(&self) {
        let running = self.in_phase(Phase::Running);
        let mut pools = BTreeMap::new();
        for place in &running {
            let (_, stage) = self.stage(*place);
            for pool in &stage.pools {
                *pools.entry(pool.as_str().to_owned()).or_insert(0) += 1;
            }
            for resource in &stage.resources {
                *pools.entry(resource.as_str().to_owned()).or_insert(0) += 1;
            }
        }
        for (pool, depth) in [("one", 1), ("two", 2), ("db", 1)] {
            assert!(pools.get(pool).is_none_or(|taken| *taken <= depth), "{pool}");
        }
        assert!(self.fits_together(&running), "side by side: {running:?}");
    }

    fn stage(&self, place: Place) -> (usize, &crate::model::Stage) {
        match self.graph.kind(place) {
            PlaceKind::Stage { spec, stage } => (spec, &self.project.specs[spec].stages[stage]),
            kind => panic!("{kind:?} does not run"),
        }
    }

    fn alone_layer(&self, spec: usize) -> Option<usize> {
        self.graph.layer_of(spec).filter(|layer| self.project.layers[*layer].alone)
    }

    /// The rules about jobs, `alone` and touched files, told from scratch.
    fn fits_together(&self, running: &[Place]) -> bool {
        let alone = running.iter().any(|place| self.stage(*place).1.alone);
        let layers: Vec<_> = running.iter().map(|place| self.alone_layer(self.stage(*place).0)).collect();
        let layers_fit = layers.windows(2).all(|two| two[0] == two[1]);
        (!alone || running.len() == 1) && layers_fit && self.files_fit()
    }

    fn files_fit(&self) -> bool {
        let holders: Vec<usize> = self.files.iter().copied().collect();
        holders.iter().all(|one| holders.iter().all(|other| one == other || !self.overlap(*one, *other)))
    }

    fn overlap(&self, one: usize, other: usize) -> bool {
        let touches = |spec: usize| &self.project.specs[spec].touches;
        touches(one).iter().any(|a| touches(other).iter().any(|b| overlap(a, b)))
    }

    fn needs_are_over(&self, spec: usize) -> bool {
        needs_are_over(&self.graph, &self.schedule, spec)
    }

    fn takes_files(&self, spec: usize) -> bool {
        !self.project.specs[spec].touches.is_empty() && self.needs_are_over(spec)
    }

    /// What a place takes that its spec was seen to work on: the third stage does.
    fn claim(&self, place: Place) -> Option<Footprint> {
        let PlaceKind::Stage { spec, stage: 2 } = self.graph.kind(place) else { return None };
        let mut footprint = Footprint::default();
        footprint.touches.clone_from(&self.project.specs[spec].touches);
        footprint.add(self.works_on[spec]?, Source::Changed);
        Some(footprint)
    }

    fn takes_claim(&self, place: Place) -> bool {
        self.claim(place).is_some() && self.graph.spec_of(place).is_some_and(|spec| self.needs_are_over(spec))
    }

    /// Nobody else has the file that a place takes, by name or by what they declare, nor the other way round.
    fn claim_is_free(&self, place: Place) -> bool {
        let (spec, _) = self.stage(place);
        let Some(mine) = self.works_on[spec].filter(|_| self.takes_claim(place)) else { return true };
        let touches = |spec: usize, path: &str| {
            self.project.specs[spec].touches.iter().any(|pattern| pattern.matches(path))
        };
        self.claims.iter().filter(|holder| **holder != spec && !self.claims.contains(&spec)).all(|holder| {
            let theirs = self.works_on[*holder].expect("what it has");
            mine != theirs && !touches(spec, theirs) && !touches(*holder, mine)
        })
    }

    fn forget_files(&mut self) {
        let schedule = &self.schedule;
        let graph = &self.graph;
        let keeps = |spec: &usize| {
            let places = graph.stages_of(*spec).chain([graph.landing_of(*spec)]);
            let states: Vec<State> = places.map(|place| schedule.state(place)).collect();
            let is_stopped = |state: &State| state.is_broken() || *state == State::AwaitingPerson;
            let goes_on = needs_are_over(graph, schedule, *spec)
                && (states.iter().any(|state| state.is_moving())
                    || !waits_for_a_first(graph, schedule, *spec));
            states.contains(&State::Running)
                || goes_on && !(states.iter().any(is_stopped) || states.iter().all(|state| state.is_over()))
        };
        self.files.retain(keeps);
        self.claims.retain(keeps);
    }

    fn best_that_can_start(&mut self) -> Option<Place> {
        let running = self.in_phase(Phase::Running);
        let now = self.now;
        let is_due =
            |state| state == State::Queued || matches!(state, State::BackingOff { until } if until <= now);
        let mut queued: Vec<Place> = self.schedule.by_rank.clone();
        queued.retain(|place| is_due(self.schedule.state(*place)));
        if running.len() >= self.jobs {
            return None;
        }
        for place in queued {
            let (spec, stage) = self.stage(place);
            let takes = self.takes_files(spec) && !self.files.contains(&spec);
            let files_free =
                !takes || self.files.iter().all(|holder| *holder == spec || !self.overlap(spec, *holder));
            let taken = |name: &str| {
                let names = |place: &&Place| {
                    let (_, other) = self.stage(**place);
                    other.pools.iter().any(|pool| pool.as_str() == name)
                        || other.resources.iter().any(|resource| resource.as_str() == name)
                };
                running.iter().filter(names).count()
            };
            let names = stage.pools.iter().map(|pool| pool.as_str());
            let mut names = names.chain(stage.resources.iter().map(|resource| resource.as_str()));
            let tokens_free = names.all(|name| taken(name) < if name == "two" { 2 } else { 1 });
            let mut with = running.clone();
            with.push(place);
            let may_stand = self.fits_together(&with);
            match (files_free && self.claim_is_free(place), may_stand, tokens_free) {
                (true, true, true) => return Some(place),
                // Nothing overtakes what only waits to be alone.
                (true, false, _) => return None,
                _ => {}
            }
        }
        None
    }
}

/// Whether what is behind a place can go on. A layer is over when all that is in it is.
fn lets_go(graph: &StageGraph, schedule: &Schedule, from: Place, edge: Edge) -> bool {
    let is_over = |place: Place| schedule.state(place).is_over();
    let are_members_over = || match graph.kind(from) {
        PlaceKind::LayerEnd { .. } => graph.predecessors(from).all(|(member, _)| is_over(member)),
        _ => true,
    };
    matches!(schedule.state(from), State::Done(_)) || (edge.is_soft() && is_over(from) && are_members_over())
}

fn needs_are_over(graph: &StageGraph, schedule: &Schedule, spec: usize) -> bool {
    let places = graph.stages_of(spec).chain([graph.landing_of(spec)]);
    let mut before = places.flat_map(|place| graph.predecessors(place));
    before.all(|(from, edge)| {
        let is_need = matches!(edge, Edge::Need { .. } | Edge::Entry);
        !is_need || lets_go(graph, schedule, from, edge)
    })
}

/// Whether something of a spec waits for what merely comes before it.
fn waits_for_a_first(graph: &StageGraph, schedule: &Schedule, spec: usize) -> bool {
    let places = graph.stages_of(spec).chain([graph.landing_of(spec)]);
    places.filter(|place| schedule.state(*place) == State::Waiting).any(|place| {
        let is_left =
            |(from, edge): (Place, Edge)| edge == Edge::After && !lets_go(graph, schedule, from, edge);
        graph.predecessors(place).any(is_left)
    })
}

fn weights(graph: &StageGraph) -> Vec<u64> {
    graph.places().map(|place| (place.index() as u64 * 7) % 5).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_settles_and_breaks_no_rule(drawn in drawn()) {
        let project = project(&drawn);
        let mut world = World::new(&drawn, &project);
        let mut rounds = 0;
        while !(world.schedule.settled() && world.in_phase(Phase::AwaitingPerson).is_empty()) {
            world.round();
            rounds += 1;
            prop_assert!(rounds < 5_000, "no end: {:?}", world.schedule.places);
        }
        for place in world.graph.places() {
            prop_assert!(world.schedule.state(place).is_over(), "{}", world.graph.label(place));
            if let State::Blocked { .. } = world.schedule.state(place) {
                let root = world.schedule.chain(place).last().copied();
                let root = root.map(|root| world.schedule.state(root).phase());
                prop_assert!(matches!(root, Some(Phase::Held | Phase::Failed | Phase::Cancelled)));
            }
        }
        prop_assert!(world.files.is_empty() && world.claims.is_empty());
        let places = world.graph.places().filter(|place| !world.graph.kind(*place).is_joint()).count();
        prop_assert_eq!(Phase::ALL.iter().map(|phase| world.schedule.count(*phase)).sum::<usize>(), places);
    }
}
