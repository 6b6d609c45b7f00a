//! Specs that are done and wait for their turn to land: one batch at a time, needed ones first, then as they came.
use crate::graph::{Place, StageGraph};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The queue of landings, and the landings that the user's checkout is in the way of.
#[derive(Debug, Default)]
pub struct Landings {
    /// The wave of each spec, by position.
    waves: Vec<u32>,
    queue: BTreeSet<(u32, u64, Place)>,
    /// When each came, in the order of arrival; 0 for those that were ready when the run began.
    came: HashMap<Place, u64>,
    arrivals: u64,
    under_way: Vec<Place>,
    judging: usize,
    in_the_way: BTreeMap<Place, String>,
    sent_back: HashSet<Place>,
}

impl Landings {
    /// An empty queue.
    pub fn new(graph: &StageGraph) -> Self {
        Self { waves: graph.waves(|_| true), ..Self::default() }
    }

    /// A landing is about to be judged.
    pub fn judged_soon(&mut self) {
        self.judging += 1;
    }

    /// A landing was judged.
    pub fn judged(&mut self) {
        self.judging = self.judging.saturating_sub(1);
    }

    /// Puts a landing of the spec at that position into the queue. One that was there before has its old turn.
    pub fn push(&mut self, spec: usize, landing: Place) {
        let wave = self.waves.get(spec).copied().unwrap_or_default();
        let came = self.came.get(&landing).copied().unwrap_or_default();
        self.queue.insert((wave, came, landing));
    }

    /// Takes a landing that has not begun out of the queue.
    pub fn withdraw(&mut self, landing: Place) {
        self.queue.retain(|(_, _, queued)| *queued != landing);
        self.in_the_way.remove(&landing);
    }

    /// Whether one is under way.
    pub fn is_under_way(&self, landing: Place) -> bool {
        self.under_way.contains(&landing)
    }

    /// Whether the next free job is a landing's.
    pub fn is_next(&self) -> bool {
        self.under_way.is_empty() && (self.judging > 0 || !self.queue.is_empty())
    }

    /// Whether no landing is under way, queued or about to be.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.judging == 0 && self.queue.is_empty()
    }

    /// Whether a batch could begin if there is a job for it. It waits the moment that it takes to judge those that
    /// may be in it.
    pub fn can_begin(&self) -> bool {
        self.under_way.is_empty() && self.judging == 0 && !self.queue.is_empty()
    }

    /// Whether there are so many in the queue.
    pub fn fills(&self, batch: usize) -> bool {
        self.queue.len() >= batch.max(1)
    }

    /// The first of the queue, at most so many; they are under way from here on.
    pub fn begin(&mut self, batch: usize) -> Vec<Place> {
        let first = std::iter::from_fn(|| self.queue.pop_first()).take(batch.max(1));
        let batch: Vec<Place> = first.map(|(_, _, place)| place).collect();
        self.under_way.clone_from(&batch);
        batch
    }

    /// The batch that is under way.
    pub fn under_way(&self) -> &[Place] {
        &self.under_way
    }

    /// What was under way ended.
    pub fn end(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.under_way)
    }

    /// The checkout is in the way of a landing; whether that is news.
    pub fn wait(&mut self, landing: Place, why: &str) -> bool {
        self.in_the_way.insert(landing, why.to_owned()).is_none_or(|before| before != why)
    }

    /// Nothing is in the way of a landing any more.
    pub fn passed(&mut self, landing: Place) {
        self.in_the_way.remove(&landing);
    }

    /// The landings that the checkout is in the way of, and why.
    pub fn waiting(&self) -> &BTreeMap<Place, String> {
        &self.in_the_way
    }

    /// A landing found its spec out of date. Whether it was found so before and nothing of it ran since.
    pub fn send_back(&mut self, landing: Place) -> bool {
        !self.sent_back.insert(landing)
    }

    /// Something of the spec ran.
    pub fn ran(&mut self, landing: Place) {
        self.arrivals += 1;
        self.came.insert(landing, self.arrivals);
        self.sent_back.remove(&landing);
    }
}
