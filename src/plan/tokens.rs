//! Jobs, pools, resources and being alone: what a running process holds, and nothing that waits does.
use crate::base::{AgentName, PoolName, ResourceName};
use crate::event::WaitsFor;
use std::collections::HashMap;

/// Something of which there are only so many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Token {
    Pool(PoolName),
    Resource(ResourceName),
    /// An agent without a pool: without limit, but it can be paused.
    Agent(AgentName),
}

/// What may run beside a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Beside {
    Anything,
    /// Only stages of this layer.
    Layer(usize),
    Nothing,
}

/// The tokens that a stage takes together. Stages with the same ones share a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Group {
    /// Numbers of tokens, sorted, each once.
    pub tokens: Vec<usize>,
    pub beside: Beside,
}

/// What keeps a group from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    Job,
    Token(usize),
    Alone,
}

#[derive(Debug)]
struct Supply {
    token: Token,
    depth: u32,
    taken: u32,
    /// What it is paused for: a limit, or money.
    paused: Option<WaitsFor>,
}

impl Supply {
    fn pause(&self, now: u64) -> Option<&WaitsFor> {
        self.paused.as_ref().filter(|pause| end(pause).is_none_or(|until| until > now))
    }
}

/// When a pause is over by itself, if it ever is.
fn end(pause: &WaitsFor) -> Option<u64> {
    match pause {
        WaitsFor::Limit { until, .. } => *until,
        _ => None,
    }
}

/// All tokens, who holds how many, and the groups in use.
#[derive(Debug)]
pub(super) struct Tokens {
    jobs: u32,
    jobs_taken: u32,
    supplies: Vec<Supply>,
    numbers: HashMap<Token, usize>,
    groups: Vec<Group>,
    group_numbers: HashMap<Group, usize>,
    /// Stages that run.
    running: u32,
    alone_runs: bool,
    /// The layer that runs alone, and how many of its stages run.
    layer_runs: Option<(usize, u32)>,
}

impl Tokens {
    pub fn new(jobs: u32) -> Self {
        Self {
            jobs: jobs.max(1),
            jobs_taken: 0,
            supplies: Vec::new(),
            numbers: HashMap::new(),
            groups: Vec::new(),
            group_numbers: HashMap::new(),
            running: 0,
            alone_runs: false,
            layer_runs: None,
        }
    }

    /// The number of a token; `depth` counts the first time.
    pub fn number(&mut self, token: Token, depth: u32) -> usize {
        if let Some(number) = self.numbers.get(&token) {
            return *number;
        }
        let number = self.supplies.len();
        self.numbers.insert(token.clone(), number);
        self.supplies.push(Supply { token, depth: depth.max(1), taken: 0, paused: None });
        number
    }

    pub fn token(&self, number: usize) -> &Token {
        &self.supplies[number].token
    }

    pub fn group_number(&mut self, mut group: Group) -> usize {
        group.tokens.sort_unstable();
        group.tokens.dedup();
        if let Some(number) = self.group_numbers.get(&group) {
            return *number;
        }
        let number = self.groups.len();
        self.groups.push(group.clone());
        self.group_numbers.insert(group, number);
        number
    }

    pub fn group(&self, group: usize) -> &Group {
        &self.groups[group]
    }

    /// The first thing that keeps a group from starting now.
    pub fn obstacle(&self, group: usize, now: u64) -> Option<Obstacle> {
        if self.jobs_taken >= self.jobs {
            return Some(Obstacle::Job);
        }
        let group = &self.groups[group];
        if !self.may_run_beside(group.beside) {
            return Some(Obstacle::Alone);
        }
        group.tokens.iter().copied().find(|token| self.is_busy(*token, now)).map(Obstacle::Token)
    }

    fn may_run_beside(&self, beside: Beside) -> bool {
        match beside {
            Beside::Nothing => self.jobs_taken == 0,
            _ if self.alone_runs => false,
            Beside::Anything => self.layer_runs.is_none(),
            Beside::Layer(layer) => match self.layer_runs {
                Some((runs, _)) => runs == layer,
                None => self.running == 0,
            },
        }
    }

    pub fn is_busy(&self, token: usize, now: u64) -> bool {
        let supply = &self.supplies[token];
        supply.taken >= supply.depth || supply.pause(now).is_some()
    }

    /// What a token is paused for, if it is.
    pub fn pause_of(&self, token: usize, now: u64) -> Option<&WaitsFor> {
        self.supplies[token].pause(now)
    }

    /// Whether a token is paused for something that is not over by itself.
    pub fn is_stuck(&self, token: usize) -> bool {
        self.supplies[token].paused.as_ref().is_some_and(|pause| end(pause).is_none())
    }

    /// Pauses a token; the later end counts.
    pub fn pause(&mut self, token: usize, pause: WaitsFor) {
        let paused = &mut self.supplies[token].paused;
        let last = |pause: &WaitsFor| end(pause).unwrap_or(u64::MAX);
        if paused.as_ref().is_none_or(|former| last(former) < last(&pause)) {
            *paused = Some(pause);
        }
    }

    pub fn resume(&mut self, token: usize) {
        self.supplies[token].paused = None;
    }

    /// The next time after `now` that a pause ends.
    pub fn next_resume(&self, now: u64) -> Option<u64> {
        self.supplies.iter().filter_map(|supply| end(supply.pause(now)?)).min()
    }

    pub fn take(&mut self, group: usize) {
        self.jobs_taken += 1;
        self.running += 1;
        let group = &self.groups[group];
        for token in &group.tokens {
            self.supplies[*token].taken += 1;
        }
        match group.beside {
            Beside::Anything => {}
            Beside::Nothing => self.alone_runs = true,
            Beside::Layer(layer) => {
                let so_far = self.layer_runs.map_or(0, |(_, count)| count);
                self.layer_runs = Some((layer, so_far + 1));
            }
        }
    }

    pub fn give(&mut self, group: usize) {
        self.jobs_taken -= 1;
        self.running -= 1;
        let group = &self.groups[group];
        for token in &group.tokens {
            self.supplies[*token].taken -= 1;
        }
        match group.beside {
            Beside::Anything => {}
            Beside::Nothing => self.alone_runs = false,
            Beside::Layer(layer) => {
                let left = self.layer_runs.map_or(0, |(_, count)| count.saturating_sub(1));
                self.layer_runs = (left > 0).then_some((layer, left));
            }
        }
    }

    /// A job for a process that is no stage's: the check of a landing. Not beside a stage that runs alone.
    pub fn take_job(&mut self) -> bool {
        let free = self.jobs_taken < self.jobs && !self.alone_runs;
        self.jobs_taken += u32::from(free);
        free
    }

    pub fn give_job(&mut self) {
        self.jobs_taken = self.jobs_taken.saturating_sub(1).max(self.running);
    }

    pub fn set_jobs(&mut self, jobs: u32) {
        self.jobs = jobs.max(1);
    }

    pub fn has_free_job(&self) -> bool {
        self.free_jobs() > 0
    }

    pub fn free_jobs(&self) -> u32 {
        self.jobs.saturating_sub(self.jobs_taken)
    }
}
