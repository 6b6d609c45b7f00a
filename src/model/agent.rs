//! A program that takes a prompt.
use super::PermissionRule;
use crate::base::{AgentName, PoolName, Span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The dialects that what an agent prints is read in.
pub const DIALECTS: [&str; 11] =
    ["text", "claude", "codex", "opencode", "pi", "gemini", "copilot", "kimi", "cline", "vibe", "demo"];

/// How an agent takes its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PromptBy {
    /// On its standard input.
    Stdin,
    /// As one element of its argv: where `{prompt}` stands, else the last.
    Argument,
}

/// What ends a quota or rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// The clock: a quota that is filled again.
    Clock,
    /// A person: money, a plan, a permission.
    Human,
    /// A moment: a service that is overloaded.
    Transient,
}

/// How an agent says that a limit refused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitPattern {
    /// What ends the limit.
    pub kind: LimitKind,
    /// Words that stand in its errors, whatever their case; where `{time}` stands, the time it is over.
    pub text: String,
}

/// What tokens cost, in USD per million: in, out, cache read, cache write. A kind that is not declared is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Price(pub [Option<f64>; 4]);

/// An agent, its profile (`uses=`) folded in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Its name in the Specfile.
    pub name: AgentName,
    /// Where it was declared.
    pub span: Span,
    /// Its argv: `command`, or `acp` where it is talked with. Elements may hold `{prompt}`, `{model}`, `{spec}`, `{stage}`, `{worktree}`, `{session}`.
    pub command: Vec<String>,
    /// Whether it speaks the Agent Client Protocol over its input and output. Then it goes on with a session by
    /// the protocol, too, and neither `resume` nor `prompt` nor `dialect` says anything.
    pub acp: bool,
    /// What it may do, if it asks; the first rule that fits counts.
    pub permissions: Vec<PermissionRule>,
    /// Argv elements added when a model is set, e.g. `--model {model}`.
    pub model_args: Vec<String>,
    /// Its argv when it goes on with a `{session}` of its own; empty if it cannot.
    pub resume: Vec<String>,
    /// How the prompt goes in.
    pub prompt: PromptBy,
    /// The model, unless a stage or the command line says another. No default is built in.
    pub model: Option<String>,
    /// The pool that it draws on.
    pub pool: Option<PoolName>,
    /// Environment to set, values with placeholders.
    pub env: Vec<(String, String)>,
    /// Environment names to take away.
    pub scrub: Vec<String>,
    /// How its output is read: one of [`DIALECTS`].
    pub dialect: String,
    /// Whether it prints while it works, so that silence means a stall.
    pub streams: bool,
    /// What its tokens cost with its own model, where that is declared.
    pub price: Option<Price>,
    /// How long it has to end after being asked to, before it is killed.
    pub grace: Duration,
    /// How it says that a limit refused it, besides what all agents say.
    pub limits: Vec<LimitPattern>,
    /// How long a limit is waited for that does not say when it is over; doubled each time it is hit again.
    pub limit_floor: Duration,
    /// The program that this profile was run with, and its version; none if nobody did.
    pub verified: Option<String>,
    /// What was seen to work with that one: the names of cases, as in the README's table of agents.
    pub cases: Vec<String>,
}

/// How long an agent has to end, unless its profile says otherwise.
const GRACE: Duration = Duration::from_secs(10);

/// How long a limit is waited for that does not say when it is over, unless the profile says otherwise.
const LIMIT_FLOOR: Duration = Duration::from_secs(5 * 60);

impl Agent {
    /// What its tokens cost when it uses that model; unknown for another one than its own.
    pub fn price_with(&self, model: Option<&str>) -> Option<Price> {
        let is_own = self.model.is_none() || model.is_none() || self.model.as_deref() == model;
        self.price.filter(|_| is_own)
    }

    /// An agent of which nothing is said but its name.
    pub fn new(name: AgentName) -> Self {
        Self {
            name,
            span: Span::default(),
            command: Vec::new(),
            acp: false,
            permissions: Vec::new(),
            model_args: Vec::new(),
            resume: Vec::new(),
            prompt: PromptBy::Stdin,
            model: None,
            pool: None,
            env: Vec::new(),
            scrub: Vec::new(),
            dialect: "text".to_owned(),
            streams: false,
            price: None,
            grace: GRACE,
            limits: Vec::new(),
            limit_floor: LIMIT_FLOOR,
            verified: None,
            cases: Vec::new(),
        }
    }
}
