//! `pipeline "name" { stage ... }`.
use super::declared::{PipelineText, StageText};
use super::notes::{At, Notes};
use super::shape::{self, Shape};
use super::stage;
use crate::base::{Diagnostic, PipelineName, StageName};
use crate::syntax::Node;
use indexmap::IndexMap;

/// A pipeline and its name.
pub(crate) fn read(notes: &mut Notes, node: &Node) -> Option<(At<PipelineName>, PipelineText)> {
    const PIPELINE: Shape =
        Shape { args: (1, 1), takes: "a name", props: &[], children: &["stage", "specs"] };
    PIPELINE.check(node, notes);
    let pipeline = PipelineText {
        span: shape::title_span(node),
        specs: shape::one_text(notes, node, "specs"),
        stages: stages(notes, node),
    };
    if shape::each(node, "stage").next().is_none() {
        notes.error(pipeline.span, "a pipeline needs a stage", "write `stage \"draft\" { prompt \"...\" }`");
    }
    let said = shape::text(notes, node.args.first()?)?;
    Some((shape::named(notes, &said, PipelineName::new)?, pipeline))
}

/// The stages in a block, each name once.
pub(crate) fn stages(notes: &mut Notes, node: &Node) -> IndexMap<StageName, StageText> {
    let mut stages = IndexMap::new();
    for child in shape::each(node, "stage") {
        insert(notes, &mut stages, child);
    }
    stages
}

/// Adds a stage; a second one of its name is an error.
pub(crate) fn insert(notes: &mut Notes, stages: &mut IndexMap<StageName, StageText>, node: &Node) {
    let Some((name, text)) = stage::read(notes, node) else { return };
    if let Some(first) = stages.get(&name.value) {
        let found = Diagnostic::error(name.span, format!("stage `{}` is declared twice", name.value));
        notes.push(found.related(first.span, "declared here first").help("put both into one"));
        return;
    }
    stages.insert(name.value, text);
}
