//! What happened, in names, stamps and durations. Every face can be rebuilt from the stream of these alone.
use crate::base::{AgentName, LayerName, PoolName, Reason, SpecName, StageId, StageName, Stamp};
use crate::model::{FailureClass, LimitKind};
use serde::{Deserialize, Serialize};

mod about;
mod phase;
mod tool;
mod usage;
mod waits;

pub use phase::LandingPhase;
pub use tool::{ToolKind, ToolStatus, ToolUse};
pub use usage::Usage;
pub use waits::{Scarce, WaitsFor};

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Milliseconds since the Unix epoch.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run began; the specs are all that it may touch, in topological order.
    RunStarted {
        /// The run's name, as in `.specmake/logs/<run>`.
        run: String,
        /// The process that runs it.
        pid: u32,
        /// The branch that results land on.
        base: String,
        /// The commit it was at.
        commit: String,
        /// How many agents and commands at once.
        jobs: u32,
        /// The goals as typed; empty for everything.
        goals: Vec<String>,
        /// The specs of the run.
        specs: Vec<PlannedSpec>,
    },
    /// A stage was judged, on the tree that its agent would get.
    Judged {
        /// The stage.
        stage: StageId,
        /// The verdict.
        verdict: Verdict,
    },
    /// A stage is out of date and waits for these; sent again when the list changes.
    Waiting {
        /// The stage.
        stage: StageId,
        /// For what.
        on: Vec<WaitsFor>,
    },
    /// An attempt began.
    AttemptStarted {
        /// The stage.
        stage: StageId,
        /// Its number, from 1, in this run.
        attempt: u32,
        /// The most attempts its ladder allows, as far as can be told.
        of: Option<u32>,
        /// The step that led here: `run` for the first, else `retry`, `restart` ...
        step: String,
        /// The agent, for a stage that has one.
        agent: Option<AgentName>,
        /// The model, if one was set.
        model: Option<String>,
        /// Where it runs.
        worktree: String,
        /// The log, relative to `.specmake`.
        log: String,
    },
    /// A line that a running attempt printed; shown, not stored.
    Output {
        /// The stage.
        stage: StageId,
        /// The line, control characters removed.
        line: String,
    },
    /// An agent said that a session of its own began.
    SessionStarted {
        /// The stage.
        stage: StageId,
        /// The agent.
        agent: AgentName,
        /// The id by which it can be called again, if it has one.
        session: Option<String>,
    },
    /// An agent used a tool; sent again when it has ended.
    Tool {
        /// The stage.
        stage: StageId,
        /// What it does with it.
        tool: ToolUse,
    },
    /// An agent told how far it is with its own plan.
    Planned {
        /// The stage.
        stage: StageId,
        /// Steps done.
        done: u32,
        /// All of them.
        total: u32,
    },
    /// A service refused an agent, which waits and tries again by itself.
    Retrying {
        /// The stage.
        stage: StageId,
        /// Why, in the agent's words.
        why: String,
        /// Until when, in milliseconds since the Unix epoch, if it says.
        until: Option<u64>,
    },
    /// An agent asked whether it may do something, and was answered.
    Permission {
        /// The stage.
        stage: StageId,
        /// What it wanted to do.
        tool: ToolUse,
        /// Whether it may.
        allowed: bool,
        /// By which rule: "inside the worktree".
        why: String,
    },
    /// Tasks were ticked.
    Progress {
        /// The stage.
        stage: StageId,
        /// Ticked.
        done: u32,
        /// All of them.
        total: u32,
    },
    /// What an attempt has used so far.
    Usage {
        /// The stage.
        stage: StageId,
        /// The figures, summed over the attempt; its cost as told by the agent, else by the declared price.
        usage: Usage,
        /// Whether a part of the cost comes from the declared price.
        #[serde(default, skip_serializing_if = "usage::is_false")]
        priced: bool,
        /// Whether the cost leaves out tokens that nobody told or declared the price of.
        #[serde(default, skip_serializing_if = "usage::is_false")]
        partial: bool,
    },
    /// An attempt ended.
    AttemptEnded {
        /// The stage.
        stage: StageId,
        /// Its number.
        attempt: u32,
        /// Milliseconds it took.
        millis: u64,
        /// What was wrong with it, if anything.
        failure: Option<Failure>,
    },
    /// A branch went back to the start of a stage, for a `restart` or a `skip`.
    Rewound {
        /// The stage that failed.
        stage: StageId,
        /// The stage at whose start the branch is: that one, or an earlier one.
        to: StageName,
        /// The ref that keeps what was there; none if nothing was.
        backup: Option<String>,
    },
    /// A stage is done with.
    StageDone {
        /// The stage.
        stage: StageId,
        /// How.
        how: Done,
        /// The commit that says so, if one was made.
        commit: Option<String>,
        /// Milliseconds of all its attempts.
        millis: u64,
    },
    /// A stage stopped its spec until a person does something.
    StageHeld {
        /// The stage, `land` for the landing.
        stage: StageId,
        /// What was wrong.
        failure: Failure,
        /// The one command that goes on from here.
        next: String,
    },
    /// A gate waits for `specmake approve`.
    GateWaiting {
        /// The gate.
        stage: StageId,
    },
    /// A stage failed for this run.
    StageFailed {
        /// The stage, `land` for the landing.
        stage: StageId,
        /// What was wrong.
        failure: Failure,
        /// The one command that shows more or goes on.
        next: String,
    },
    /// A spec cannot go on because of another one.
    SpecBlocked {
        /// The spec.
        spec: SpecName,
        /// The one it waits for.
        by: SpecName,
        /// What happened to that one: "failed: plan (crash)".
        why: String,
    },
    /// A spec's `when` said no.
    SpecSkipped {
        /// The spec.
        spec: SpecName,
        /// Why.
        why: String,
    },
    /// A landing entered a phase.
    Landing {
        /// The spec.
        spec: SpecName,
        /// The phase.
        phase: LandingPhase,
    },
    /// What was to land was red when it was tested, and green when it was tested again: a flake.
    LandingFlake {
        /// The specs that were tested together.
        specs: Vec<SpecName>,
        /// What was red.
        why: String,
        /// Its log, relative to `.specmake`.
        log: String,
    },
    /// A landing waits for the user's checkout.
    LandingWaits {
        /// The spec.
        spec: SpecName,
        /// Why, and what to do.
        why: String,
        /// The file in the way, if it is one.
        path: Option<String>,
    },
    /// A spec landed.
    Landed {
        /// The spec.
        spec: SpecName,
        /// The landing commit.
        commit: String,
        /// Its result.
        result: Stamp,
        /// Whether the result differs from the one before.
        changed: bool,
    },
    /// A spec is complete and stays on its branch because landing is off.
    Delivered {
        /// The spec.
        spec: SpecName,
        /// Its branch.
        branch: String,
    },
    /// A quota or rate limit refused an agent: nothing starts that draws on the same.
    PoolPaused {
        /// The agent that was refused.
        agent: AgentName,
        /// Its pool, all of whose agents wait.
        pool: Option<PoolName>,
        /// What ends it.
        kind: LimitKind,
        /// The refusal in the agent's words.
        why: String,
        /// When it goes on, in milliseconds since the Unix epoch; none if a person has to do something.
        until: Option<u64>,
    },
    /// What was paused goes on.
    PoolResumed {
        /// The agent that was refused.
        agent: AgentName,
        /// Its pool.
        pool: Option<PoolName>,
    },
    /// The run has cost what it may: no agent starts any more.
    BudgetReached {
        /// What it has cost, in USD, as far as agents told.
        spent: f64,
        /// What it may cost.
        budget: f64,
    },
    /// The machine is short of something: nothing new starts until it is not.
    LoadHigh {
        /// Of what.
        what: Scarce,
        /// How things stand: "91 % of memory are in use, the limit is 85 %".
        why: String,
    },
    /// The machine is not short of it any more.
    LoadFine {
        /// Of what.
        what: Scarce,
    },
    /// Something to know that is nobody's failure.
    Warning {
        /// The sentence.
        message: String,
    },
    /// The run was told to stop: nothing new begins.
    Stopping {
        /// What runs is ended at once; else it is asked to end, and has some time for it.
        at_once: bool,
    },
    /// The run is over.
    RunEnded {
        /// How it ended.
        outcome: RunOutcome,
        /// Milliseconds it took.
        millis: u64,
    },
}

/// A spec of a run, with what a view must know before anything happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedSpec {
    /// Its name.
    pub spec: SpecName,
    /// Its layer.
    pub layer: Option<LayerName>,
    /// Its description, first line.
    pub title: Option<String>,
    /// Its wave, from 0.
    pub wave: u32,
    /// Its stages in order.
    pub stages: Vec<StageName>,
    /// Whether the run is to land it: not past `--until`, nor for a goal `spec:stage`, nor with `land off`.
    #[serde(default)]
    pub lands: bool,
    /// The specs of the run that it needs.
    pub needs: Vec<SpecName>,
}

/// Up to date or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing to do; `how` tells what its trace says.
    UpToDate {
        /// How it came to be done.
        how: Done,
    },
    /// It must run, for these reasons.
    OutOfDate {
        /// At least one.
        reasons: Vec<Reason>,
    },
    /// A forecast's third answer: it may run, once these are known.
    MayRun {
        /// The stages and specs that must be known first: `051:plan`, `050`.
        until: Vec<String>,
    },
}

/// How a stage came to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// It ran.
    Ran,
    /// It had nothing to do.
    UpToDate,
    /// It was done by hand before specmake knew.
    Adopted,
    /// `--touch`.
    Touched,
    /// A person approved the gate.
    Approved,
    /// A `skip` step or a `when` that said no.
    Skipped,
    /// It was done and landed somewhere else.
    Elsewhere,
}

/// What was wrong with an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class, which chooses the ladder.
    pub class: FailureClass,
    /// One sentence: "exit status 3".
    pub message: String,
    /// The log, relative to `.specmake`, if there is one.
    pub log: Option<String>,
    /// What kind of limit it ran into, for the class `limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// A quota or rate limit that refused an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What ends it.
    pub kind: LimitKind,
    /// When it is over, in milliseconds since the Unix epoch, if the refusal said so.
    pub until: Option<u64>,
}

/// How a failure says that it is none, but a person's word.
const BY_HAND: &str = "held by hand";

/// How it says that its spec is parked.
const PARKED: &str = "parked: ";

impl Failure {
    /// A failure without a log.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), log: None, limit: None }
    }

    /// The same with its log, relative to `.specmake`.
    #[must_use]
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        self.log = Some(log.into());
        self
    }

    /// A person's word that a spec is to stop until they say otherwise.
    pub fn by_hand(why: Option<&str>) -> Self {
        let message = why.map_or_else(|| BY_HAND.to_owned(), |why| format!("{BY_HAND}: {why}"));
        Self::new(FailureClass::Setup, message)
    }

    /// Whether it is that.
    pub fn is_by_hand(&self) -> bool {
        let rest = self.message.strip_prefix(BY_HAND);
        self.class == FailureClass::Setup
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": "))
    }

    /// A spec that is kept out of builds that do not name it.
    pub fn parked(why: &str) -> Self {
        Self::new(FailureClass::Setup, format!("{PARKED}{why}"))
    }

    /// Whether a person wanted it so: it is held by hand or parked.
    pub fn is_wanted(&self) -> bool {
        self.is_by_hand() || (self.class == FailureClass::Setup && self.message.starts_with(PARKED))
    }

    /// Whether it is a limit that time alone ends.
    pub fn is_over_by_itself(&self) -> bool {
        let human = self.limit.is_some_and(|limit| limit.kind == LimitKind::Human);
        self.class == FailureClass::Limit && !human
    }

    /// What ended an attempt that was asked to end: nothing was wrong with it.
    pub fn stopped() -> Self {
        Self::new(FailureClass::Crash, "stopped")
    }

    /// Whether it is no more than that.
    pub fn is_stop(&self) -> bool {
        self.class == FailureClass::Crash && self.message == "stopped"
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// Everything asked for is up to date and nothing ran.
    NothingToDo,
    /// Everything asked for is done.
    Done,
    /// A spec failed, is held, is blocked or waits for a person.
    Failed,
    /// A signal ended it.
    Interrupted,
}
