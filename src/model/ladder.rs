//! The steps that a failed stage climbs, and the classes that choose among ladders.
use super::Prompt;
use crate::base::{AgentName, StageName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// A non-zero exit or a signal.
    Crash,
    /// It ran longer than its `timeout`.
    Timeout,
    /// It said nothing for longer than its `stall`.
    Stall,
    /// A quota or a rate limit.
    Limit,
    /// An output is missing or does not parse.
    Output,
    /// Tasks are left unticked.
    Incomplete,
    /// Nothing changed where a change is due.
    Empty,
    /// A `run` line or a landing's check is red.
    Check,
    /// The spec's branch does not merge with the base.
    Conflict,
    /// Something outside the worktree was written, or outside `touches` where those are strict.
    Leak,
    /// Our environment, never the agent's work; climbs no ladder.
    Setup,
}

impl FailureClass {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Crash,
        Self::Timeout,
        Self::Stall,
        Self::Limit,
        Self::Output,
        Self::Incomplete,
        Self::Empty,
        Self::Check,
        Self::Conflict,
        Self::Leak,
        Self::Setup,
    ];

    /// Its name in a Specfile: `crash`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Stall => "stall",
            Self::Limit => "limit",
            Self::Output => "output",
            Self::Incomplete => "incomplete",
            Self::Empty => "empty",
            Self::Check => "check",
            Self::Conflict => "conflict",
            Self::Leak => "leak",
            Self::Setup => "setup",
        }
    }

    /// The class of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What to do about a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Again, on the same tree.
    Retry,
    /// On with the agent's own session; without one, a retry with a hand-over.
    Resume,
    /// The tree back to the start of the stage, or of an earlier one.
    Restart {
        /// The earlier stage, if any.
        from: Option<StageName>,
    },
    /// The failing output goes to an agent.
    Fix {
        /// Another agent than the stage's own.
        agent: Option<AgentName>,
    },
    /// Another agent takes over.
    Fallback {
        /// That agent.
        agent: AgentName,
    },
    /// Wait until a limit is over; spends no attempt.
    Wait,
    /// Stop the spec, keep its worktree, tell the user.
    Hold,
    /// Count the stage as done with its old result.
    Skip,
    /// Give the spec up for this run.
    Fail,
}

impl Step {
    /// Its name in a Specfile.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Resume => "resume",
            Self::Restart { .. } => "restart",
            Self::Fix { .. } => "fix",
            Self::Fallback { .. } => "fallback",
            Self::Wait => "wait",
            Self::Hold => "hold",
            Self::Skip => "skip",
            Self::Fail => "fail",
        }
    }
}

/// A step and how many times it is taken before the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// What to do.
    pub step: Step,
    /// How often, at least 1.
    pub times: u32,
    /// The first wait before it; doubled each time, with jitter.
    pub backoff: Option<Duration>,
    /// Another prompt for it.
    pub prompt: Option<Prompt>,
}

impl Rung {
    /// A step taken so many times, with nothing else said.
    pub fn new(step: Step, times: u32) -> Self {
        Self { step, times, backoff: None, prompt: None }
    }
}

/// Steps in the order they are tried. Past the last one, the spec is held.
pub type Ladder = Vec<Rung>;

/// The ladders of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ladders {
    /// `on-failure { ... }`.
    pub plain: Ladder,
    /// `on-failure "class" { ... }`, which beats the plain one.
    pub by_class: BTreeMap<FailureClass, Ladder>,
}

impl Ladders {
    /// The ladder that a failure of this class climbs.
    pub fn of(&self, class: FailureClass) -> &[Rung] {
        self.by_class.get(&class).unwrap_or(&self.plain)
    }
}
