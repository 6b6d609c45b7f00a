//! A run in thought: the schedule driven by durations instead of agents.
use super::schedule::{Schedule, Terms};
use super::state::State;
use crate::event::Done;
use crate::graph::{Place, PlaceKind, StageGraph, Wanted};
use crate::model::{Project, Stage, Work};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

/// What is to be run, and on what terms.
#[derive(Debug, Clone, Copy)]
pub struct Thought<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its graph.
    pub graph: &'a Arc<StageGraph>,
    /// The goals and what they need.
    pub wanted: &'a Wanted,
    /// Jobs, and the times that are expected.
    pub terms: &'a Terms,
    /// Of each place, by number, whether it runs; what does not is done at once.
    pub runs: &'a [bool],
}

/// How such a run goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// How long it takes, in milliseconds.
    pub millis: u64,
    /// Of each place, by number, when its turn came, in milliseconds from the start.
    pub queued: Vec<u64>,
}

/// Times in milliseconds that no order of things can beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The longest path.
    pub path: u64,
    /// All the work, by jobs.
    pub work: u64,
    /// The pool, resource or queue of landings with the most work.
    pub scarce: u64,
}

impl Bound {
    /// The largest of them.
    pub fn millis(&self) -> u64 {
        self.path.max(self.work).max(self.scarce)
    }
}

impl Thought<'_> {
    /// How the run goes if everything that runs does so once and takes as long as `took` says, by number, if gates are
    /// approved at once, and if nothing but `urgency` says what goes first.
    pub fn course(&self, urgency: &[u64], took: &[u64]) -> Course {
        let terms = Terms { urgency: urgency.to_vec(), ..self.terms.clone() };
        let schedule = Schedule::new(self.project, Arc::clone(self.graph), self.wanted.clone(), &terms);
        let walk = Walk {
            thought: *self,
            took,
            schedule,
            waves: self.graph.waves(|_| true),
            queue: BTreeSet::new(),
            under_way: Vec::new(),
            ends: BinaryHeap::new(),
            course: Course { millis: 0, queued: vec![0; self.graph.len()] },
        };
        walk.walk()
    }

    /// What no order can beat if things take as long as `took` says.
    pub fn bound(&self, took: &[u64]) -> Bound {
        let time = |place: Place| if self.runs(place) { time(took, place) } else { 0 };
        let path = self.graph.critical(time).into_iter().max().unwrap_or(0);
        let (mut work, mut landings) = (0_u64, 0_u64);
        let mut scarce: HashMap<&str, (u64, u32)> = HashMap::new();
        for place in self.graph.places() {
            match self.graph.kind(place) {
                PlaceKind::Stage { spec, stage } => {
                    work = work.saturating_add(time(place));
                    for (name, depth) in self.tokens(&self.project.specs[spec].stages[stage]) {
                        let (sum, _) = scarce.entry(name).or_insert((0, depth));
                        *sum = sum.saturating_add(time(place));
                    }
                }
                PlaceKind::Landing { .. } => landings = landings.saturating_add(time(place)),
                PlaceKind::LayerEntry { .. } | PlaceKind::LayerEnd { .. } => {}
            }
        }
        let landings = landings / u64::from(self.project.land.batch.max(1));
        let work = work.saturating_add(landings).div_ceil(u64::from(self.terms.jobs.max(1)));
        let by_depth = scarce.values().map(|(sum, depth)| sum.div_ceil(u64::from((*depth).max(1))));
        Bound { path, work, scarce: by_depth.max().unwrap_or(0).max(landings) }
    }

    /// Whether a place runs.
    pub fn runs(&self, place: Place) -> bool {
        self.runs.get(place.index()).copied().unwrap_or(false)
    }

    /// The least depth of what a stage draws on; none if it draws on nothing but a job.
    pub(super) fn least_depth(&self, spec: usize, stage: usize) -> Option<u32> {
        self.tokens(&self.project.specs[spec].stages[stage]).into_iter().map(|(_, depth)| depth).min()
    }

    /// The pools and resources of a stage, and how many may have each at once.
    fn tokens<'s>(&'s self, stage: &'s Stage) -> BTreeSet<(&'s str, u32)> {
        let by_agent = match &stage.work {
            Work::Agent { agent, .. } => self.project.agents.get(agent).and_then(|agent| agent.pool.as_ref()),
            _ => None,
        };
        let pools = stage.pools.iter().chain(by_agent);
        let pools =
            pools.map(|pool| (pool.as_str(), self.project.pools.get(pool.as_str()).copied().unwrap_or(1)));
        let resources = stage.resources.iter();
        let resources = resources
            .map(|name| (name.as_str(), self.project.resources.get(name.as_str()).copied().unwrap_or(1)));
        pools.chain(resources).collect()
    }
}

fn time(took: &[u64], place: Place) -> u64 {
    took.get(place.index()).copied().unwrap_or(0)
}

/// What ends next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Stage(Place),
    Landings,
}

/// A run in thought under way.
struct Walk<'a> {
    thought: Thought<'a>,
    took: &'a [u64],
    schedule: Schedule,
    waves: Vec<u32>,
    /// Landings in the queue, needed ones first, then as they came.
    queue: BTreeSet<(u32, u64, Place)>,
    /// The batch that lands.
    under_way: Vec<Place>,
    ends: BinaryHeap<Reverse<(u64, End)>>,
    course: Course,
}

impl Walk<'_> {
    fn walk(mut self) -> Course {
        loop {
            self.judge();
            self.land();
            self.start();
            let Some(Reverse((now, end))) = self.ends.pop() else { return self.course };
            self.course.millis = now;
            let mut over = self.what_ended(end);
            while let Some(Reverse((_, end))) =
                self.ends.peek().copied().filter(|Reverse((at, _))| *at == now)
            {
                self.ends.pop();
                over.extend(self.what_ended(end));
            }
            for place in over {
                // A place moves from running or landing to done; the table has both.
                if self.schedule.set(place, State::Done(Done::Ran)).is_err() {
                    return self.course;
                }
            }
        }
    }

    fn what_ended(&mut self, end: End) -> Vec<Place> {
        match end {
            End::Stage(place) => vec![place],
            End::Landings => {
                self.schedule.give_job();
                std::mem::take(&mut self.under_way)
            }
        }
    }

    fn judge(&mut self) {
        while let Some(place) = self.schedule.next_to_judge() {
            self.course.queued[place.index()] = self.course.millis;
            let landing = match self.thought.graph.kind(place) {
                PlaceKind::Landing { spec } => Some(spec),
                _ => None,
            };
            let to = match landing {
                _ if !self.thought.runs(place) => State::Done(Done::UpToDate),
                Some(_) if !self.thought.project.land.on => State::Done(Done::UpToDate),
                Some(_) => State::Landing,
                None => State::Queued,
            };
            if self.schedule.set(place, to).is_ok()
                && let (Some(spec), State::Landing) = (landing, to)
            {
                let came = self.course.millis;
                self.queue.insert((self.waves.get(spec).copied().unwrap_or_default(), came, place));
            }
        }
    }

    fn land(&mut self) {
        if self.queue.is_empty() || !self.under_way.is_empty() || !self.schedule.take_job() {
            return;
        }
        let batch = usize::try_from(self.thought.project.land.batch).unwrap_or(usize::MAX).max(1);
        let first = std::iter::from_fn(|| self.queue.pop_first()).take(batch);
        self.under_way = first.map(|(_, _, place)| place).collect();
        let longest = self.under_way.iter().map(|place| time(self.took, *place)).max().unwrap_or(0);
        self.ends.push(Reverse((self.course.millis.saturating_add(longest), End::Landings)));
    }

    fn start(&mut self) {
        // The next free job is a landing's, as it is in a run.
        let kept = u32::from(self.under_way.is_empty() && !self.queue.is_empty());
        while self.schedule.free_jobs() > kept {
            let Some(place) = self.schedule.next_to_start(self.course.millis) else { return };
            let end = self.course.millis.saturating_add(time(self.took, place));
            self.ends.push(Reverse((end, End::Stage(place))));
        }
    }
}
