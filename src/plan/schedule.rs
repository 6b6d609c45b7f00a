//! The schedule of a run: which state every place is in, kept true by one setter.
use super::cancel::Cancels;
use super::claims::Claims;
use super::moves::is_need;
use super::ready::Ready;
use super::state::{Phase, State};
use super::tokens::{Beside, Group, Token, Tokens};
use super::touches::Touches;
use crate::base::AgentName;
use crate::event::{Scarce, WaitsFor};
use crate::graph::{Edge, Place, PlaceKind, StageGraph, Wanted};
use crate::model::{Project, Stage, Work};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The terms of a run.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Agents and commands at once, at least 1.
    pub jobs: u32,
    /// `--fail-fast`: one failure anywhere stops new work everywhere.
    pub fail_fast: bool,
    /// The time of each place, by number, in milliseconds; see [`Durations::weights`](super::Durations::weights).
    pub weights: Vec<u64>,
    /// Of each place, by number, how urgent it is: the more, the earlier. Empty: as the longest path behind it is long.
    pub urgency: Vec<u64>,
}

/// What a place asks of the places before it, and what it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub state: State,
    /// Edges from places that are not over.
    pub pending: u32,
    /// Edges from places that came to no good end, where that matters.
    pub broken: u32,
    /// Lower goes first.
    pub rank: u32,
    /// The tokens it takes.
    pub group: usize,
}

/// How the places of a spec stand together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SpecStanding {
    /// Its list of touched files.
    pub list: Option<usize>,
    /// Edges of needs that have not landed, nor failed where that does not matter.
    pub needs_left: u32,
    /// Edges of what merely comes first and is not over.
    pub firsts_left: u32,
    /// Its places that wait or move.
    pub open: u32,
    /// Its places that run.
    pub running: u32,
    /// Its places that were stopped or wait for a person.
    pub stopped: u32,
}

/// The schedule of a run.
#[derive(Debug)]
pub struct Schedule {
    pub(super) graph: Arc<StageGraph>,
    pub(super) wanted: Wanted,
    pub(super) places: Vec<Standing>,
    pub(super) specs: Vec<SpecStanding>,
    pub(super) by_rank: Vec<Place>,
    pub(super) to_judge: BTreeSet<u32>,
    pub(super) judging: BTreeSet<u32>,
    pub(super) backing_off: BTreeSet<(u64, u32)>,
    pub(super) ready: Ready,
    pub(super) tokens: Tokens,
    pub(super) touches: Touches,
    pub(super) claims: Claims,
    pub(super) cancels: Cancels,
    agent_tokens: HashMap<AgentName, usize>,
    agents: HashMap<Place, AgentName>,
    pub(super) counts: [usize; Phase::ALL.len()],
    pub(super) moved: Vec<Place>,
    pub(super) touched: BTreeSet<usize>,
    pub(super) queued: BTreeSet<u32>,
    pub(super) short_of: Option<Scarce>,
}

impl Schedule {
    /// The schedule of what is wanted, with everything waiting.
    pub fn new(project: &Project, graph: Arc<StageGraph>, wanted: Wanted, terms: &Terms) -> Self {
        let mut tokens = Tokens::new(terms.jobs);
        let mut touches = Touches::default();
        let agent_tokens = agent_tokens(project, &mut tokens);
        let mut schedule = Self {
            places: Vec::with_capacity(graph.len()),
            specs: vec![SpecStanding::default(); graph.spec_count()],
            by_rank: ranked(project, &graph, &wanted, terms),
            to_judge: BTreeSet::new(),
            judging: BTreeSet::new(),
            backing_off: BTreeSet::new(),
            ready: Ready::default(),
            touches: Touches::default(),
            claims: Claims::default(),
            cancels: Cancels::new(project, &graph, terms.fail_fast),
            agents: HashMap::new(),
            counts: [0; Phase::ALL.len()],
            moved: Vec::new(),
            touched: BTreeSet::new(),
            queued: BTreeSet::new(),
            short_of: None,
            agent_tokens,
            tokens,
            graph,
            wanted,
        };
        for (at, spec) in project.specs.values().enumerate() {
            schedule.specs[at].list = touches.number(&spec.touches);
        }
        schedule.touches = touches;
        schedule.place_all(project);
        schedule
    }

    fn place_all(&mut self, project: &Project) {
        let graph = Arc::clone(&self.graph);
        for place in graph.places() {
            let group = self.group_of(project, place);
            let state = if self.wanted.contains(place) { State::Waiting } else { State::Unwanted };
            self.places.push(Standing { state, pending: 0, broken: 0, rank: 0, group });
            if !graph.kind(place).is_joint() {
                self.counts[state.phase() as usize] += 1;
            }
        }
        for (rank, place) in (0..).zip(&self.by_rank) {
            self.places[place.index()].rank = rank;
        }
        let mut left = Vec::new();
        for place in self.wanted.places() {
            self.touched.extend(graph.spec_of(place));
            let edges = graph.predecessors(place).filter(|(from, _)| self.wanted.contains(*from));
            let (mut pending, mut needs, mut firsts) = (0, 0, 0);
            for (_, edge) in edges {
                pending += 1;
                needs += u32::from(is_need(edge));
                firsts += u32::from(edge == Edge::After);
            }
            self.places[place.index()].pending = pending;
            if let Some(spec) = graph.spec_of(place) {
                self.specs[spec].needs_left += needs;
                self.specs[spec].firsts_left += firsts;
                self.specs[spec].open += 1;
            }
            if pending == 0 {
                left.push(place);
            }
        }
        for place in left {
            let first = self.follow(place).map(|to| (place, to));
            self.cascade(first.into_iter().collect());
        }
    }

    fn group_of(&mut self, project: &Project, place: Place) -> usize {
        let mut group = Group { tokens: Vec::new(), beside: Beside::Anything };
        if let PlaceKind::Stage { spec, stage } = self.graph.kind(place) {
            let layer = self.graph.layer_of(spec).filter(|layer| project.layers[*layer].alone);
            let stage = &project.specs[spec].stages[stage];
            group.tokens = tokens_of(project, stage, &mut self.tokens);
            if let Work::Agent { agent, .. } = &stage.work {
                group.tokens.extend(self.agent_tokens.get(agent));
                self.agents.insert(place, agent.clone());
            }
            group.beside = match layer {
                _ if stage.alone => Beside::Nothing,
                Some(layer) => Beside::Layer(layer),
                None => Beside::Anything,
            };
        }
        self.tokens.group_number(group)
    }

    /// The graph it runs over.
    pub fn graph(&self) -> &Arc<StageGraph> {
        &self.graph
    }

    /// What it was made for.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Where a place stands.
    pub fn state(&self, place: Place) -> State {
        self.places[place.index()].state
    }

    /// How many stages and landings are in a phase.
    pub fn count(&self, phase: Phase) -> usize {
        self.counts[phase as usize]
    }

    /// Whether nothing moves, nothing can be judged, and so only a person can make anything go on.
    pub fn settled(&self) -> bool {
        let moving = [Phase::Judging, Phase::Queued, Phase::Running, Phase::BackingOff, Phase::Landing];
        self.to_judge.is_empty() && moving.iter().all(|phase| self.count(*phase) == 0)
    }

    /// Whether the place belongs to a parked spec that nobody named: to be held, if it is out of date.
    pub fn is_parked(&self, place: Place) -> bool {
        self.graph.spec_of(place).is_some_and(|spec| self.wanted.is_parked(spec))
    }

    /// The places that the schedule has moved by itself since it was last asked: blocked, cancelled, waiting again.
    pub fn take_moved(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.moved)
    }

    /// The specs of which a place has moved, or something before one has, since this was last asked; at first all.
    pub fn take_touched(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.touched)
    }

    /// The best of the places that are queued.
    pub fn first_queued(&self, most: usize) -> impl Iterator<Item = Place> {
        self.queued.iter().take(most).map(|rank| self.by_rank[*rank as usize])
    }

    /// Jobs that nothing has.
    pub fn free_jobs(&self) -> u32 {
        self.tokens.free_jobs()
    }

    /// Lets a stage be done by another agent from its next start on, or by none.
    pub fn use_agent(&mut self, place: Place, agent: Option<&AgentName>) {
        if self.state(place) == State::Running || self.agents.get(&place) == agent {
            return;
        }
        let former = self.agents.remove(&place);
        let former = former.and_then(|former| self.agent_tokens.get(&former));
        let mut group = self.tokens.group(self.places[place.index()].group).clone();
        group.tokens.retain(|token| Some(token) != former);
        if let Some(agent) = agent {
            group.tokens.extend(self.agent_tokens.get(agent));
            self.agents.insert(place, agent.clone());
        }
        let is_queued = self.state(place) == State::Queued;
        let rank = self.places[place.index()].rank;
        if is_queued {
            self.ready.remove(self.want(place), rank);
        }
        self.places[place.index()].group = self.tokens.group_number(group);
        if is_queued {
            self.ready.insert(self.want(place), rank);
        }
    }

    /// The agent that a stage's next attempt is for.
    pub fn agent_of(&self, place: Place) -> Option<&AgentName> {
        self.agents.get(&place)
    }

    /// No stage that uses the agent's pool (the agent itself, if it has none) starts until this is over. Running
    /// ones go on.
    pub fn pause_agent(&mut self, agent: &AgentName, pause: WaitsFor) {
        if let Some(token) = self.agent_tokens.get(agent) {
            self.tokens.pause(*token, pause);
        }
    }

    /// No agent starts until this is over.
    pub fn pause_agents(&mut self, pause: &WaitsFor) {
        for token in self.agent_tokens.values() {
            self.tokens.pause(*token, pause.clone());
        }
    }

    /// Ends a pause of the agent's pool before its time.
    pub fn resume_agent(&mut self, agent: &AgentName) {
        if let Some(token) = self.agent_tokens.get(agent) {
            self.tokens.resume(*token);
        }
    }

    /// The queued places that only wait for what is not over by itself.
    pub fn stuck(&self) -> Vec<(Place, WaitsFor)> {
        let stuck = |place: Place| {
            let group = self.tokens.group(self.places[place.index()].group);
            let token = group.tokens.iter().copied().find(|token| self.tokens.is_stuck(*token))?;
            Some((place, self.tokens.pause_of(token, 0)?.clone()))
        };
        self.queued.iter().filter_map(|rank| stuck(self.by_rank[*rank as usize])).collect()
    }

    /// Says, in what places wait for, that the machine is short of something, or of nothing.
    pub fn set_short_of(&mut self, what: Option<Scarce>) {
        self.short_of = what;
    }
}

/// The pool of each agent, or a token without limit of its own.
fn agent_tokens(project: &Project, tokens: &mut Tokens) -> HashMap<AgentName, usize> {
    let token = |agent: &crate::model::Agent, tokens: &mut Tokens| match &agent.pool {
        Some(pool) => {
            let depth = project.pools.get(pool).copied().unwrap_or(1);
            tokens.number(Token::Pool(pool.clone()), depth)
        }
        None => tokens.number(Token::Agent(agent.name.clone()), u32::MAX),
    };
    project.agents.iter().map(|(name, agent)| (name.clone(), token(agent, tokens))).collect()
}

fn tokens_of(project: &Project, stage: &Stage, tokens: &mut Tokens) -> Vec<usize> {
    let mut numbers = Vec::with_capacity(stage.pools.len() + stage.resources.len());
    for pool in &stage.pools {
        let depth = project.pools.get(pool).copied().unwrap_or(1);
        numbers.push(tokens.number(Token::Pool(pool.clone()), depth));
    }
    for resource in &stage.resources {
        let depth = project.resources.get(resource).copied().unwrap_or(1);
        numbers.push(tokens.number(Token::Resource(resource.clone()), depth));
    }
    numbers
}

/// Places of specs, best first: by the spec's priority, then by urgency, then as declared.
fn ranked(project: &Project, graph: &StageGraph, wanted: &Wanted, terms: &Terms) -> Vec<Place> {
    let weight = |place: Place| {
        if wanted.contains(place) { terms.weights.get(place.index()).copied().unwrap_or(0) } else { 0 }
    };
    let by_path = if terms.urgency.is_empty() { graph.critical(weight) } else { Vec::new() };
    let urgency = if terms.urgency.is_empty() { &by_path } else { &terms.urgency };
    let key = |place: &Place| {
        let priority = graph.spec_of(*place).map(|spec| project.specs[spec].priority);
        (Reverse(priority), Reverse(urgency.get(place.index()).copied().unwrap_or(0)), *place)
    };
    let mut ranked: Vec<Place> = graph.places().collect();
    ranked.sort_by_cached_key(key);
    ranked
}
