//! What the texts declare, before anything is resolved: one type for each node, each value with its place.
use super::notes::At;
use crate::base::{AgentName, LayerName, PipelineName, PoolName, ResourceName, Span, SpecName, StageName};
use crate::model::{
    CommitInputs, ConflictsPolicy, FailureClass, LandStrategy, LimitPattern, PermissionRule, Price, PromptBy,
    Rung, TouchesPolicy,
};
use crate::syntax::Node;
use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::time::Duration;

/// All that the Specfile and its includes declare.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) project: ProjectText,
    pub(crate) agents: IndexMap<AgentName, AgentText>,
    pub(crate) pools: IndexMap<PoolName, At<u32>>,
    pub(crate) resources: IndexMap<ResourceName, At<u32>>,
    pub(crate) pipelines: IndexMap<PipelineName, PipelineText>,
    pub(crate) templates: IndexMap<String, SettingsText>,
    pub(crate) stages: IndexMap<StageName, StageText>,
    pub(crate) layers: IndexMap<LayerName, LayerText>,
    pub(crate) specs: IndexMap<SpecName, SpecText>,
    pub(crate) land: Option<LandText>,
    /// The nodes of settings, as they are written.
    pub(crate) said: Vec<Node>,
}

/// What the user's own file says: taste alone.
#[derive(Debug, Default)]
pub(crate) struct Taste {
    pub(crate) agents: IndexMap<AgentName, AgentText>,
    pub(crate) pools: IndexMap<PoolName, At<u32>>,
    pub(crate) agent: Option<At<AgentName>>,
    pub(crate) model: Option<At<String>>,
    pub(crate) jobs: Option<u32>,
    pub(crate) notify: Option<At<String>>,
    pub(crate) limits: LimitsText,
    pub(crate) trust: Vec<String>,
}

/// `project { ... }`.
#[derive(Debug, Default)]
pub(crate) struct ProjectText {
    pub(crate) span: Option<Span>,
    pub(crate) base: Option<At<String>>,
    pub(crate) jobs: Option<u32>,
    pub(crate) pipeline: Option<At<PipelineName>>,
    pub(crate) specs: Option<At<String>>,
    pub(crate) worktrees: Option<At<String>>,
    pub(crate) branch: Option<At<String>>,
    pub(crate) copy: Vec<At<String>>,
    pub(crate) link: Vec<At<String>>,
    pub(crate) keep: Vec<At<String>>,
    pub(crate) setup: Vec<At<String>>,
    pub(crate) context: Vec<At<String>>,
    pub(crate) secrets: Vec<At<String>>,
    pub(crate) notify: Option<At<String>>,
    pub(crate) commit_inputs: Option<CommitInputs>,
    pub(crate) agent_is_ingredient: bool,
    pub(crate) model_is_ingredient: bool,
    pub(crate) touches: Option<TouchesPolicy>,
    pub(crate) conflicts: Option<ConflictsPolicy>,
    pub(crate) budget_usd: Option<f64>,
    pub(crate) permissions: Vec<PermissionRule>,
    pub(crate) limits: LimitsText,
    pub(crate) all: StageText,
}

/// `limits cpu= memory= disk=`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LimitsText {
    pub(crate) cpu: Option<f64>,
    pub(crate) memory: Option<f64>,
    pub(crate) disk: Option<u64>,
}

/// `land { ... }`.
#[derive(Debug, Default)]
pub(crate) struct LandText {
    pub(crate) span: Span,
    pub(crate) off: bool,
    pub(crate) check: Vec<At<String>>,
    pub(crate) batch: Option<u32>,
    pub(crate) parallel: Option<u32>,
    pub(crate) on_conflict: Option<Vec<At<Rung>>>,
    pub(crate) into: Option<At<String>>,
    pub(crate) strategy: Option<LandStrategy>,
    pub(crate) timeout: Option<Duration>,
}

/// `agent "name" { ... }`.
#[derive(Debug, Default)]
pub(crate) struct AgentText {
    pub(crate) span: Span,
    pub(crate) uses: Option<At<AgentName>>,
    pub(crate) command: Option<Vec<String>>,
    pub(crate) acp: Option<Vec<String>>,
    pub(crate) permissions: Vec<PermissionRule>,
    pub(crate) model_args: Option<Vec<String>>,
    pub(crate) resume: Option<Vec<String>>,
    pub(crate) prompt: Option<PromptBy>,
    pub(crate) model: Option<String>,
    pub(crate) pool: Option<At<PoolName>>,
    pub(crate) env: Vec<(String, At<String>)>,
    pub(crate) scrub: Vec<String>,
    pub(crate) dialect: Option<String>,
    pub(crate) streams: Option<bool>,
    pub(crate) price: Option<Price>,
    pub(crate) grace: Option<Duration>,
    pub(crate) limits: Vec<LimitPattern>,
    pub(crate) limit_floor: Option<Duration>,
    /// The program with its version, then cases that were seen to work.
    pub(crate) verified: Vec<String>,
}

/// `pipeline "name" { ... }`.
#[derive(Debug, Default)]
pub(crate) struct PipelineText {
    pub(crate) span: Span,
    pub(crate) specs: Option<At<String>>,
    pub(crate) stages: IndexMap<StageName, StageText>,
}

/// `layer "name" { ... }`, its specs apart.
#[derive(Debug)]
pub(crate) struct LayerText {
    pub(crate) span: Span,
    pub(crate) title: Option<String>,
    pub(crate) needs: Vec<At<String>>,
    pub(crate) after: Vec<At<String>>,
    pub(crate) alone: bool,
    pub(crate) cancel_on_failure: bool,
    pub(crate) pipeline: Option<At<PipelineName>>,
    pub(crate) priority: Option<i64>,
    pub(crate) all: StageText,
}

/// `spec "name" { ... }`.
#[derive(Debug)]
pub(crate) struct SpecText {
    pub(crate) name: At<SpecName>,
    pub(crate) layer: Option<LayerName>,
    pub(crate) from: Option<At<String>>,
    pub(crate) params: Vec<(At<String>, String)>,
    pub(crate) was: Option<At<SpecName>>,
    pub(crate) settings: SettingsText,
}

/// What a spec and a template may say.
#[derive(Debug, Default)]
pub(crate) struct SettingsText {
    pub(crate) span: Span,
    pub(crate) description: Option<At<String>>,
    pub(crate) pipeline: Option<At<PipelineName>>,
    pub(crate) branch: Option<At<String>>,
    pub(crate) priority: Option<i64>,
    pub(crate) when: Option<At<String>>,
    pub(crate) parked: Option<String>,
    pub(crate) needs: Vec<NeedText>,
    pub(crate) after: Vec<At<String>>,
    pub(crate) touches: Vec<At<String>>,
    pub(crate) exports: Vec<At<String>>,
    pub(crate) estimate: Option<Duration>,
    pub(crate) cancel_on_failure: bool,
    pub(crate) all: StageText,
    pub(crate) stages: IndexMap<StageName, StageText>,
}

/// One name of a `needs`.
#[derive(Debug, Clone)]
pub(crate) struct NeedText {
    pub(crate) target: At<String>,
    pub(crate) for_stage: Option<At<StageName>>,
    pub(crate) optional: bool,
    pub(crate) why: Option<String>,
}

/// What is said of a stage in one place; also what a spec, a layer or the project say of all their stages.
#[derive(Debug, Default)]
pub(crate) struct StageText {
    pub(crate) span: Span,
    pub(crate) work: Option<At<WorkText>>,
    pub(crate) agent: Option<At<AgentName>>,
    pub(crate) model: Option<At<String>>,
    pub(crate) inputs: Option<Vec<At<String>>>,
    pub(crate) outputs: Option<Vec<At<String>>>,
    pub(crate) needs: Option<Vec<At<StageName>>>,
    pub(crate) env: Vec<(String, At<String>)>,
    pub(crate) when: Option<At<String>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stall: Option<Duration>,
    pub(crate) plain: Option<Vec<At<Rung>>>,
    pub(crate) by_class: BTreeMap<FailureClass, Vec<At<Rung>>>,
    pub(crate) tasks: Option<(At<String>, u32)>,
    pub(crate) pools: Vec<At<PoolName>>,
    pub(crate) resources: Vec<At<ResourceName>>,
    pub(crate) alone: Option<bool>,
}

impl StageText {
    /// Whether nothing is said at all.
    pub(crate) fn says_nothing(&self) -> bool {
        let Self {
            span: _,
            work: None,
            agent: None,
            model: None,
            inputs: None,
            outputs: None,
            needs: None,
            env,
            when: None,
            timeout: None,
            stall: None,
            plain: None,
            by_class,
            tasks: None,
            pools,
            resources,
            alone: None,
        } = self
        else {
            return false;
        };
        env.is_empty() && by_class.is_empty() && pools.is_empty() && resources.is_empty()
    }
}

/// What a stage does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum WorkText {
    /// `prompt "text"`.
    Inline(String),
    /// `prompt file="path"`.
    File(String),
    /// `prompt builtin="name"`.
    BuiltIn(String),
    /// `run "line"`.
    Run(String),
    /// `gate`.
    Gate,
}
