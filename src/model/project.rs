//! Everything that a Specfile, its includes, the user's file and the environment say together.
use super::{Agent, Ladder, Notify, Spec, Target};
use crate::base::{AgentName, LayerName, PoolName, ResourceName, Span, SpecName};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A whole project.
#[derive(Debug, Clone)]
pub struct Project {
    /// `project { ... }`.
    pub settings: Settings,
    /// Agents that some stage, ladder or the command line may use, by name.
    pub agents: IndexMap<AgentName, Agent>,
    /// Pools and how many may hold each at once, at least 1.
    pub pools: IndexMap<PoolName, u32>,
    /// Resources and how many may hold each at once, at least 1.
    pub resources: IndexMap<ResourceName, u32>,
    /// Layers in the order declared.
    pub layers: IndexMap<LayerName, Layer>,
    /// Specs in the order declared; those only needed come last.
    pub specs: IndexMap<SpecName, Spec>,
    /// `land { ... }`.
    pub land: Land,
}

/// A named group of specs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Layer {
    /// Its name.
    pub name: LayerName,
    /// Where it was declared.
    pub span: Span,
    /// Its title for people.
    pub title: Option<String>,
    /// The specs in it, in the order declared.
    pub specs: Vec<SpecName>,
    /// What all of them need: layers and specs.
    pub needs: Vec<(Target, Span)>,
    /// What all of them come after.
    pub after: Vec<(Target, Span)>,
    /// Nothing outside it runs while one of its stages does.
    pub alone: bool,
    /// `failure "cancel"`: one failure stops new work in it.
    pub cancel_on_failure: bool,
}

/// `project { ... }` with its defaults filled in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The branch that results land on; the one checked out if not said.
    pub base: Option<String>,
    /// Agents and commands at once, at least 1.
    pub jobs: u32,
    /// The folder of a spec, `{spec}` in it.
    pub specs: String,
    /// Ignored files that each worktree gets a copy of.
    pub copy: Vec<String>,
    /// Ignored files that each worktree gets a link to.
    pub link: Vec<String>,
    /// Folders of ignored files that go from a worktree that is not needed any more to the next one: paths relative to the
    /// top, none in another.
    pub keep: Vec<String>,
    /// Shell lines run once in each new worktree.
    pub setup: Vec<String>,
    /// Files that go into every prompt.
    pub context: Vec<String>,
    /// The command by which people are told.
    pub notify: Option<Notify>,
    /// Whether uncommitted ingredients are committed without asking.
    pub commit_inputs: CommitInputs,
    /// Whether an agent's identity is an ingredient.
    pub agent_is_ingredient: bool,
    /// Whether a model is one.
    pub model_is_ingredient: bool,
    /// What a landing that changes more than `touches` does.
    pub touches: TouchesPolicy,
    /// What is done about specs in progress that turn out to work on the same files.
    pub conflicts: ConflictsPolicy,
    /// The agent of stages that name none, if one is declared or was asked for.
    pub default_agent: Option<AgentName>,
    /// Texts that commands must equal to be trusted without asking; from the user's own file only.
    pub trust: Vec<String>,
    /// Environment names whose values are masked wherever text is kept.
    pub secrets: Vec<String>,
    /// Start nothing new while the machine has more to do, or less room, than this.
    pub limits: LoadLimits,
    /// Hold new stages when a run has cost this many USD.
    pub budget_usd: Option<f64>,
}

/// `limits`: past these nothing new starts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoadLimits {
    /// Percent of the time of all processors.
    pub cpu: Option<f64>,
    /// Percent of the memory.
    pub memory: Option<f64>,
    /// Bytes that stay free on the disk of the worktrees.
    pub disk: u64,
}

impl LoadLimits {
    /// No limits at all.
    pub const NONE: Self = Self { cpu: None, memory: None, disk: 0 };
}

/// `commit-inputs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CommitInputs {
    /// On a terminal; else only named.
    #[default]
    Ask,
    /// Without asking.
    Always,
    /// Never.
    Never,
}

/// `touches "strict"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TouchesPolicy {
    /// It lands, and that is said.
    #[default]
    Warn,
    /// It does not land.
    Strict,
}

/// `conflicts "serialize"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ConflictsPolicy {
    /// They are foreseen, and run all the same.
    #[default]
    Warn,
    /// The second one does not implement before the first has landed.
    Serialize,
}

/// `land { ... }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Land {
    /// False for `land off`: done branches wait for people.
    pub on: bool,
    /// Where it was declared, if it was.
    pub span: Option<Span>,
    /// Shell lines that test the exact commit that will land.
    pub check: Vec<String>,
    /// How many specs are tested at once, at least 1.
    pub batch: u32,
    /// How many parts of a red stack are tested side by side, at least 1.
    pub parallel: u32,
    /// What to do when a branch does not merge.
    pub on_conflict: Ladder,
    /// The branch to land on instead of the base.
    pub into: Option<String>,
    /// How a branch that merges gets onto the base.
    pub strategy: LandStrategy,
    /// The longest a check may take.
    pub timeout: Option<std::time::Duration>,
}

/// `strategy` of a landing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LandStrategy {
    /// A merge commit, always.
    #[default]
    Merge,
    /// One commit with everything.
    Squash,
    /// The commits of the branch, replayed.
    Rebase,
}
