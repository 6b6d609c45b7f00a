//! Stages of specs that say nothing of their own about them: what those of one spec come to, those of all others of its
//! pipeline, layer and template do as well, but for what holds the spec's name.
use super::declared::SettingsText;
use super::fill::{fill, placeholders};
use crate::base::{LayerName, PipelineName, SpecName};
use crate::model::{Pattern, Stage, Tasks};
use std::collections::HashMap;

/// What two specs that say nothing themselves must share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kin {
    pub(crate) pipeline: PipelineName,
    pub(crate) layer: Option<LayerName>,
    /// By where it stands: it is declared once.
    pub(crate) template: Option<*const SettingsText>,
}

/// The stages of the first of each kin.
#[derive(Debug, Default)]
pub(crate) struct Alike(HashMap<Kin, Vec<Stage>>);

impl Alike {
    /// The stages of a spec of this kin, if those of another one are known. `None` also where its name makes a path odd:
    /// then they are to be resolved, which tells why.
    pub(crate) fn stages(&self, kin: &Kin, spec: &SpecName) -> Option<Vec<Stage>> {
        self.0.get(kin)?.iter().map(|stage| of_spec(stage, spec.as_str())).collect()
    }

    /// Remembers stages about which there was nothing to note.
    pub(crate) fn learn(&mut self, kin: Kin, stages: &[Stage]) {
        self.0.entry(kin).or_insert_with(|| stages.to_vec());
    }
}

/// A stage as it is for a spec of that name. `None` where the name makes one of its paths odd.
pub(in crate::model) fn of_spec(stage: &Stage, spec: &str) -> Option<Stage> {
    let named = |text: &str| fill(text, |word| (word == "spec").then_some(spec)).into_owned();
    let pattern = |pattern: &Pattern| {
        if !pattern.names_spec() {
            return Some(pattern.clone());
        }
        let resolved = fill(pattern.symbolic(), |word| (word == "spec").then_some(spec));
        // A name in braces of its own may read as a placeholder, which nobody knows.
        let is_whole = placeholders(&resolved).next().is_none();
        is_whole.then(|| pattern.read_as(&resolved).ok()).flatten()
    };
    let patterns = |all: &[Pattern]| all.iter().map(pattern).collect::<Option<Vec<_>>>();
    let tasks = match &stage.tasks {
        Some(tasks) => Some(Tasks { file: pattern(&tasks.file)?, parallel: tasks.parallel }),
        None => None,
    };
    Some(Stage {
        settings: stage.settings.clone(),
        inputs: patterns(&stage.inputs)?,
        outputs: patterns(&stage.outputs)?,
        env: stage.symbolic_env.iter().map(|(name, value)| (name.clone(), named(value))).collect(),
        tasks,
    })
}
