//! Stages that were done by hand before specmake knew.
use super::line::{Last, Line};
use super::mark::{How, Mark, Trace};
use super::tree::Tree;
use crate::base::{Oid, SpecName, StageName};
use crate::model::{Spec, Stage, Work};
use std::collections::BTreeMap;

/// What was found to be done by hand, and on which commit that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The spec.
    pub spec: SpecName,
    /// Its stages that count as done.
    pub stages: Vec<StageName>,
    /// The commit.
    pub at: Oid,
}

impl Adopted {
    /// The mark that records it.
    pub fn mark(&self) -> Mark {
        Mark::Trace(Trace {
            spec: self.spec.clone(),
            stages: self.stages.clone(),
            how: How::Adopted,
            at: Some(self.at),
            from: None,
            change: None,
            result: None,
            ingredients: BTreeMap::new(),
        })
    }
}

/// The stages of a spec that count as done by hand on a tree of the base.
///
/// A stage that the journal knows is not among them. `is_ticked` tells whether every task of the tasks
/// file at a path is ticked.
pub fn adopt(spec: &Spec, line: &Line<'_>, tree: &Tree, is_ticked: &dyn Fn(&str) -> bool) -> Vec<StageName> {
    let names: Vec<&SpecName> = std::iter::once(&spec.name).chain(spec.was.as_ref()).collect();
    let mut done = vec![false; spec.stages.len()];
    let mut known = vec![false; spec.stages.len()];
    for (position, stage) in spec.stages.iter().enumerate() {
        let last = line.last(&names, &stage.name);
        known[position] = last != Last::Never;
        if known[position] {
            done[position] = matches!(last, Last::Done { trace, .. } if trace.how == How::Adopted);
            continue;
        }
        if !tasks_are_ticked(stage, tree, is_ticked) {
            continue;
        }
        let before = spec.before(position);
        let follows_adopted = !before.is_empty() && before.iter().all(|b| done[*b]);
        done[position] = match &stage.work {
            _ if !stage.outputs.is_empty() => outputs_are_there(stage, tree),
            Work::Run { .. } => stage.inputs.is_empty() && follows_adopted,
            Work::Agent { .. } => follows_adopted,
            Work::Gate => before.iter().all(|b| done[*b]) && something_behind_is_there(spec, position, tree),
        };
    }
    // A gate or a stage without outputs is done only as a part of what was done by hand.
    let has_output = (0..done.len()).any(|p| done[p] && !spec.stages[p].outputs.is_empty());
    if !has_output {
        return Vec::new();
    }
    let found = (0..done.len()).filter(|position| done[*position] && !known[*position]);
    found.map(|position| spec.stages[position].name.clone()).collect()
}

fn tasks_are_ticked(stage: &Stage, tree: &Tree, is_ticked: &dyn Fn(&str) -> bool) -> bool {
    match &stage.tasks {
        None => true,
        Some(tasks) => {
            let mut files = tree.matching(&tasks.file).peekable();
            files.peek().is_some() && files.all(|(path, _)| is_ticked(path))
        }
    }
}

fn outputs_are_there(stage: &Stage, tree: &Tree) -> bool {
    stage.outputs.iter().all(|output| output.names_spec() && tree.matching(output).next().is_some())
}

fn something_behind_is_there(spec: &Spec, gate: usize, tree: &Tree) -> bool {
    (gate + 1..spec.stages.len()).any(|behind| {
        let stage = &spec.stages[behind];
        !stage.outputs.is_empty() && spec.before(behind).contains(&gate) && outputs_are_there(stage, tree)
    })
}
