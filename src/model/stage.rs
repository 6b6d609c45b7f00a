//! One step of a spec's pipeline, all settings resolved.
use super::{Ladders, Pattern};
use crate::base::{AgentName, PoolName, ResourceName, Span, StageName};
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

/// The longest that an attempt or a landing's check may take where nobody says: nothing hangs for ever.
pub const USUAL_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// A stage of one spec. What is said of it alike for many specs is theirs together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stage {
    /// All that does not hold the spec's name.
    pub settings: Arc<StageSettings>,
    /// Files it reads, one ingredient each, in the order declared.
    pub inputs: Vec<Pattern>,
    /// Files it must leave behind and hands on.
    pub outputs: Vec<Pattern>,
    /// Environment of its process, values with placeholders filled.
    pub env: Vec<(String, String)>,
    /// The tasks file it works through.
    pub tasks: Option<Tasks>,
}

/// What many specs may have in common of a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageSettings {
    /// Its name within the spec.
    pub name: StageName,
    /// Where it was declared (its pipeline, unless the spec says more).
    pub span: Span,
    /// What it does.
    pub work: Work,
    /// Its agent and model as declared, whatever the command line and the environment say; for `ingredients`.
    pub declared_agent: Option<(AgentName, Option<String>)>,
    /// Positions in `Spec::stages` of the stages it waits for; the stage before it unless it says `needs`.
    pub waits_for: Vec<usize>,
    /// The environment of its process with `{spec}` symbolic: its ingredient.
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
    /// Pools it draws on, its agent's among them.
    pub pools: Vec<PoolName>,
    /// Resources it holds while it runs.
    pub resources: Vec<ResourceName>,
    /// Nothing runs beside it.
    pub alone: bool,
}

impl Deref for Stage {
    type Target = StageSettings;

    fn deref(&self) -> &StageSettings {
        &self.settings
    }
}

/// What is changed of one stage is changed of no other.
impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut StageSettings {
        Arc::make_mut(&mut self.settings)
    }
}

impl Stage {
    /// A stage that reads and leaves nothing.
    pub fn new(settings: StageSettings) -> Self {
        Self { settings: Arc::new(settings), inputs: vec![], outputs: vec![], env: vec![], tasks: None }
    }

    /// The model that the stage names, if it is this agent's own work.
    pub fn model_for(&self, agent: &AgentName) -> Option<&str> {
        match &self.work {
            Work::Agent { agent: own, model, .. } if own == agent => model.as_deref(),
            _ => None,
        }
    }
}

/// What a stage does.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PromptSource {
    /// The program, or a text equal to one of the program's.
    BuiltIn,
    /// A file of the checkout.
    File(String),
    /// The Specfile itself.
    Inline,
}

/// The tasks file of a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tasks {
    /// The file: `tasks.md` or `tasks.yaml` format by its extension.
    pub file: Pattern,
    /// How many tasks may run side by side; 1 unless said.
    pub parallel: u32,
}
