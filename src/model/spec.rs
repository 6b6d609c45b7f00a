//! A target: a feature described in prose, and the stages it goes through.
use super::{Pattern, Stage, Work};
use crate::base::{LayerName, PipelineName, Span, SpecName, StageName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A spec, all settings resolved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// Its name.
    pub name: SpecName,
    /// Where it was declared; for one that is only needed, where it is needed.
    pub span: Span,
    /// False for a spec that is needed but not declared: fine if it was done by hand, else an error.
    pub declared: bool,
    /// The description, template parameters filled.
    pub description: Option<String>,
    /// The layer it stands in.
    pub layer: Option<LayerName>,
    /// The template it is from.
    pub template: Option<String>,
    /// The pipeline its stages came from.
    pub pipeline: PipelineName,
    /// Its stages in a topological order of `waits_for`, the declared order where that allows.
    #[serde(skip)]
    pub stages: Vec<Stage>,
    /// Its folder, relative to the top of the repository: `specs/051-retry`.
    pub folder: String,
    /// Its branch without `refs/heads/`: `spec/051-retry`.
    pub branch: String,
    /// Its worktree: an absolute path, or one relative to the top of the repository.
    pub worktree: String,
    /// What it needs, its layer's needs among them.
    pub needs: Vec<Need>,
    /// What merely comes first if it is in the run.
    pub after: Vec<(Target, Span)>,
    /// Files it is expected to change; not run beside another spec whose `touches` overlap.
    pub touches: Vec<Pattern>,
    /// The files that its result is made of; all it changed outside its folder if empty.
    pub exports: Vec<Pattern>,
    /// How long it takes until durations are known.
    pub estimate: Option<Duration>,
    /// Higher goes first.
    pub priority: i64,
    /// A shell line asked before it begins.
    pub when: Option<String>,
    /// Its former name.
    pub was: Option<SpecName>,
    /// Why it stays out of builds that do not name it.
    pub parked: Option<String>,
    /// Template parameters and properties for `{name}` placeholders.
    pub params: BTreeMap<String, String>,
    /// Whether its failure, or one in its layer, stops new work there.
    pub cancel_on_failure: bool,
}

impl Spec {
    /// The position of a stage.
    pub fn position(&self, stage: &StageName) -> Option<usize> {
        self.stages.iter().position(|s| s.name == *stage)
    }

    /// The stage of that name.
    pub fn stage(&self, stage: &StageName) -> Option<&Stage> {
        self.stages.iter().find(|s| s.name == *stage)
    }

    /// The position of the stage that changes the code: the one with tasks, else the one named `implement`, else the
    /// last one of an agent.
    pub fn implementing(&self) -> Option<usize> {
        let last = |is: fn(&Stage) -> bool| self.stages.iter().rposition(is);
        last(|stage| stage.tasks.is_some())
            .or_else(|| last(|stage| stage.name.as_str() == "implement"))
            .or_else(|| last(|stage| matches!(stage.work, Work::Agent { .. })))
    }

    /// Whether a path is what one of its stages is there to make: an output, or the tasks.
    pub fn makes(&self, path: &str) -> bool {
        self.stages.iter().any(|stage| {
            stage.outputs.iter().any(|output| output.matches(path))
                || stage.tasks.as_ref().is_some_and(|tasks| tasks.file.matches(path))
        })
    }

    /// Whether another stage may run at the same time: there is no path between the two.
    pub fn runs_beside(&self, stage: usize) -> bool {
        let before = self.before(stage);
        (0..self.stages.len())
            .any(|other| other != stage && !before.contains(&other) && !self.before(other).contains(&stage))
    }

    /// Positions of all the stages that a stage comes after, nearest last.
    pub fn before(&self, stage: usize) -> Vec<usize> {
        let mut seen = vec![false; self.stages.len()];
        let mut left = self.stages[stage].waits_for.clone();
        while let Some(position) = left.pop() {
            if !std::mem::replace(&mut seen[position], true) {
                left.extend(&self.stages[position].waits_for);
            }
        }
        (0..self.stages.len()).filter(|p| seen[*p]).collect()
    }
}

/// A dirtying edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// What is needed.
    pub target: Target,
    /// Where it says so.
    pub span: Span,
    /// The first stage that waits for it; the first of all unless said.
    pub for_stage: Option<StageName>,
    /// Go on without it when it failed.
    pub optional: bool,
    /// Said in status and prompt.
    pub why: Option<String>,
    /// The layer that says so, when it is not the spec itself.
    pub via_layer: bool,
}

/// What a `needs` or an `after` names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// A spec.
    Spec(SpecName),
    /// Every spec of a layer.
    Layer(LayerName),
}
