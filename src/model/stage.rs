//! One step of a spec's pipeline, all settings resolved.
use super::{Ladders, Pattern};
use crate::base::{AgentName, PoolName, ResourceName, Span, StageName};
use std::sync::Arc;
use std::time::Duration;

/// The longest that an attempt or a landing's check may take where nobody says: nothing hangs for ever.
pub const USUAL_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// A stage of one spec.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name within the spec.
    pub name: StageName,
    /// Where it was declared (its pipeline, unless the spec says more).
    pub span: Span,
    /// What it does.
    pub work: Work,
    /// Its agent and model as declared, whatever the command line and the environment say; for `ingredients`.
    pub declared_agent: Option<(AgentName, Option<String>)>,
    /// Files it reads, one ingredient each, in the order declared.
    pub inputs: Vec<Pattern>,
    /// Files it must leave behind and hands on.
    pub outputs: Vec<Pattern>,
    /// Positions in `Spec::stages` of the stages it waits for; the stage before it unless it says `needs`.
    pub waits_for: Vec<usize>,
    /// Environment of its process, values with placeholders filled, `{spec}` symbolic in `symbolic_env`.
    pub env: Vec<(String, String)>,
    /// The same with `{spec}` symbolic: its ingredient.
    pub symbolic_env: Vec<(String, String)>,
    /// A shell line: exit 0 goes on, else the stage is skipped.
    pub when: Option<String>,
    /// The longest an attempt may take.
    pub timeout: Option<Duration>,
    /// The longest that nothing may be seen of it: neither output, nor a change in its worktree from an agent
    /// that does not print while it works.
    pub stall: Option<Duration>,
    /// What to do when it fails.
    pub ladders: Ladders,
    /// The tasks file it works through.
    pub tasks: Option<Tasks>,
    /// Pools it draws on, its agent's among them.
    pub pools: Vec<PoolName>,
    /// Resources it holds while it runs.
    pub resources: Vec<ResourceName>,
    /// Nothing runs beside it.
    pub alone: bool,
}

impl Stage {
    /// The model that the stage names, if it is this agent's own work.
    pub fn model_for(&self, agent: &AgentName) -> Option<&str> {
        match &self.work {
            Work::Agent { agent: own, model, .. } if own == agent => model.as_deref(),
            _ => None,
        }
    }
}

/// What a stage does.
#[derive(Debug, Clone)]
pub enum Work {
    /// An agent gets a prompt.
    Agent {
        /// Which one.
        agent: AgentName,
        /// A model of its own, else the agent's.
        model: Option<String>,
        /// What it is told.
        prompt: Prompt,
    },
    /// A shell line, given to `sh -c` as written.
    Run {
        /// The line.
        line: String,
    },
    /// A person says `specmake approve`.
    Gate,
}

/// What an agent is told, template parameters filled, `{spec}` symbolic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The text.
    pub text: Arc<str>,
    /// Where it came from.
    pub source: PromptSource,
}

impl Prompt {
    /// Whether it is part of the manifest: a built-in text, or a copy that equals one, is not.
    pub fn is_ingredient(&self) -> bool {
        !matches!(self.source, PromptSource::BuiltIn)
    }
}

/// Where a prompt came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptSource {
    /// The program, or a text equal to one of the program's.
    BuiltIn,
    /// A file of the checkout.
    File(String),
    /// The Specfile itself.
    Inline,
}

/// The tasks file of a stage.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// The file: `tasks.md` or `tasks.yaml` format by its extension.
    pub file: Pattern,
    /// How many tasks may run side by side; 1 unless said.
    pub parallel: u32,
}
