//! What the dispatcher asks for and what it hears back: the seam between the loop and every side effect.
use super::holding::Release;
use super::ladder::Climb;
use crate::base::{AgentName, Reason, StageName, Stamp};
use crate::event::{Done, Failure};
use crate::graph::Place;
use crate::model::{Rung, Spec, Stage, Step, Work};
use crate::plan::collision::Footprint;
use crate::sys::load::Load;
use crate::sys::stop::Stop;
use std::future::Future;
use std::pin::Pin;

/// An answer that comes later.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What became of landings.
pub type Ends = Vec<(Place, Landed)>;

/// Whoever judges, runs and lands.
pub trait Hands: Send + Sync + 'static {
    /// A batch that was red as a whole.
    type Red: Send;

    /// Judges a stage on exactly the tree that its agent would get, or asks whether a landing is due.
    fn judge(&self, place: Place, stop: Stop) -> Answer<Judgement>;

    /// What is known of the files that a spec works on, if it works on any; asked with `conflicts "serialize"`.
    fn work_of(&self, spec: usize) -> Answer<Option<Footprint>>;

    /// Makes one attempt at a stage.
    fn attempt(&self, order: Order, stop: Stop) -> Answer<Outcome>;

    /// Leaves a conflict with the base to a person, with the merge begun in the worktree; `tried`: a step of
    /// `on-conflict` was, which is to be remembered. What is to be said.
    fn leave_conflict(&self, place: Place, failure: Failure, tried: bool) -> Answer<LeftToPerson>;

    /// Records that a stage stopped its spec until a person does something.
    fn hold(&self, place: Place, failure: Failure) -> Answer<()>;

    /// Records that a person stopped a whole spec, until `retry`; why not, if that failed.
    fn hold_spec(&self, spec: usize, failure: Failure) -> Answer<Result<(), String>>;

    /// Lets a held or failed spec try again: what there is to know of where its work is kept, or why it
    /// could not be.
    fn release(&self, spec: usize, release: Release) -> Answer<Result<Vec<String>, String>>;

    /// Records that a failed stage counts as done with its old result.
    fn skip(&self, place: Place, failure: Failure) -> Answer<Result<(), Failure>>;

    /// Takes a spec's branch back to the start of an earlier stage, because of what failed at this one.
    fn rewind(&self, place: Place, from: StageName, failure: Failure) -> Answer<Result<(), Failure>>;

    /// How much of the machine is in use.
    fn load(&self) -> Load;

    /// What the run has cost so far, in USD, as far as agents told.
    fn spent(&self) -> f64;

    /// Lands specs that are ready together, in this order, or finds out why not. Those of a red batch have not
    /// ended yet.
    fn land(&self, places: Vec<Place>, stop: Stop) -> Answer<(Ends, Batch<Self::Red>)>;

    /// Finds out who makes a batch red, with so many tests side by side; the others land or come again.
    fn split(&self, red: Self::Red, at_once: usize, stop: Stop) -> Answer<Ends>;
}

/// One attempt to make.
#[derive(Debug, Clone)]
pub struct Order {
    /// The stage.
    pub place: Place,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The most attempts that its ladder allows.
    pub of: u32,
    /// The step that led here; none for the first.
    pub rung: Option<Rung>,
    /// The agent that took over from the stage's own.
    pub agent: Option<AgentName>,
    /// Why the stage is out of date.
    pub reasons: Vec<Reason>,
    /// What was wrong with the attempt before.
    pub former: Option<Failure>,
    /// It is to settle a conflict of the branch with the base; the stage itself does not run.
    pub settles: bool,
}

impl Order {
    /// The agent of this attempt; none for a command that no agent mends first.
    pub fn agent_of<'a>(&'a self, stage: &'a Stage) -> Option<&'a AgentName> {
        agent_of(stage, self.agent.as_ref(), self.rung.as_ref())
    }
}

/// The agent of an attempt: the one that a step names, else the one that `took_over`, else the stage's own.
pub fn agent_of<'a>(
    stage: &'a Stage,
    took_over: Option<&'a AgentName>,
    rung: Option<&'a Rung>,
) -> Option<&'a AgentName> {
    match (rung.map(|rung| &rung.step), &stage.work) {
        (Some(Step::Fix { agent: Some(agent) }), _) => Some(agent),
        (_, Work::Agent { agent, .. }) => Some(took_over.unwrap_or(agent)),
        (_, Work::Run { .. } | Work::Gate) => None,
    }
}

/// The stage that says how an agent works that settles a conflict found at this one: itself, or the one before it
/// that an agent works on.
pub fn manner(spec: &Spec, stage: usize) -> usize {
    let is_agents = |stage: &Stage| matches!(stage.work, Work::Agent { .. });
    let at = spec.stages.iter().take(stage + 1).rposition(is_agents);
    at.or_else(|| spec.stages.iter().rposition(is_agents)).unwrap_or(stage)
}

/// The agent that settles a conflict found at a stage: the one that the step names, else its spec's.
pub fn settler<'a>(spec: &'a Spec, stage: usize, rung: Option<&'a Rung>) -> Option<&'a AgentName> {
    match (rung.map(|rung| &rung.step), &spec.stages.get(manner(spec, stage))?.work) {
        (Some(Step::Fix { agent: Some(agent) }), _) | (_, Work::Agent { agent, .. }) => Some(agent),
        _ => None,
    }
}

/// What a stage was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing to do.
    UpToDate(Done),
    /// It must run.
    OutOfDate(Vec<Reason>),
    /// Its `when` said no: done with, for this run.
    Skipped(String),
    /// Its spec's `when` said no: the whole spec counts as landed with its old result, for this run.
    SpecSkipped(String),
    /// A gate that nobody approved for what now stands before it.
    AwaitsPerson(Vec<Reason>),
    /// It was held before, or cannot begin, and a person has to look.
    Held(Failure),
    /// It is out of date, and the branch does not merge with the base.
    Conflict(Failure),
    /// It cannot be judged in this environment.
    Failed(Failure),
    /// We were told to stop while it was asked.
    Stopped,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The stage is done.
    Done {
        /// The commit that says so.
        commit: String,
    },
    /// It was judged again on the very tree that its agent would get, and has nothing to do after all.
    UpToDate(Done),
    /// It is not.
    Failed(Failure),
    /// It is not, and only a person can help.
    Held(Failure),
    /// It did not begin: the branch does not merge with the base.
    Conflict(Failure),
    /// The branch merges with the base now: the stage is to be judged anew.
    Settled {
        /// Whether an agent brought that about.
        tried: bool,
    },
    /// We were told to stop.
    Stopped,
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A conflict that a person is to settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftToPerson {
    /// What is to be said.
    pub failure: Failure,
    /// Whether nothing is left to do then but to land.
    pub lands: bool,
}

/// What is left of a batch of landings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch<R> {
    /// Nothing: each has ended.
    Over,
    /// Tested together they are red, and one of them is to blame.
    Red(R),
}

/// How a landing ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// The base is at the tested commit.
    Landed {
        /// That commit.
        commit: String,
        /// The spec's result.
        result: Stamp,
        /// Whether the result differs from the one before.
        changed: bool,
    },
    /// Landing is off: the branch is complete and waits for people.
    Delivered {
        /// The branch.
        branch: String,
    },
    /// Back into the queue: what it was tested with, or what moved meanwhile, was in the way.
    Again,
    /// On the merged tree these stages are out of date again, by position in the spec.
    Stale(Vec<usize>),
    /// The user's checkout is in the way for now.
    Waits {
        /// Why, and what to do.
        why: String,
        /// The file in the way, if it is one.
        path: Option<String>,
    },
    /// The branch does not merge with the base.
    Conflict(Failure),
    /// A person has to look.
    Held(Failure),
    /// It failed for this run.
    Failed(Failure),
    /// We were told to stop.
    Stopped,
}

/// A stage's climb and why it is out of date, kept between its attempts.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    /// Where it stands on its ladders.
    pub climb: Climb,
    /// Why it runs.
    pub reasons: Vec<Reason>,
    /// The step that leads to the next attempt.
    pub rung: Option<Rung>,
    /// The agent that took over from the stage's own.
    pub agent: Option<AgentName>,
    /// What was wrong with the last attempt.
    pub former: Option<Failure>,
    /// Whether the branch goes back to the start of an earlier stage first.
    pub rewind: Rewind,
    /// Whether the next attempt settles a conflict.
    pub settles: bool,
    /// Milliseconds of its attempts so far.
    pub millis: u64,
}

/// How far it is with going back to an earlier stage, for `restart from=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rewind {
    /// Nothing of the kind.
    #[default]
    No,
    /// The branch has yet to go back.
    Due,
    /// It is to go back as soon as no other stage of the spec moves.
    Aside,
    /// It is going back.
    UnderWay,
    /// It is back, and the stages from there on run first.
    Done,
}
