//! What a stage was given and what it did, and the trace that says so.
use super::ingredient::Key;
use super::judge::{Ingredient, Question};
use super::mark::{How, Stamps, Trace};
use super::result::stamp_changes;
use super::tree::{FileId, Tree, Unreadable, stamp_of};
use crate::base::{Oid, Stamp};
use crate::model::Pattern;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The stamps of all ingredients as the stage would be given them.
///
/// # Errors
/// When a blob cannot be read.
pub fn manifest(question: &Question<'_>) -> Result<BTreeMap<Key, Stamp>, Unreadable> {
    let mut stamps = BTreeMap::new();
    for (key, ingredient) in question.ingredients() {
        let stamp = match ingredient {
            Ingredient::Value(stamp) => stamp,
            Ingredient::Files(pattern) => stamp_of(question.tree, pattern, question.trees)?,
        };
        stamps.insert(key, stamp);
    }
    Ok(stamps)
}

/// What a stage did, for its trace.
pub struct Deed<'a> {
    /// How it came to be done.
    pub how: How,
    /// The commit it started on.
    pub from: Oid,
    /// What it was given.
    pub seen: &'a BTreeMap<Key, Stamp>,
    /// The tree it left.
    pub left: &'a Tree,
    /// What it changed.
    pub changed: &'a [super::result::Changed],
    /// What its trace before handed on.
    pub former_change: Option<Stamp>,
}

/// The trace of a stage that is done.
///
/// # Errors
/// When a blob cannot be read.
pub fn trace(question: &Question<'_>, deed: &Deed<'_>) -> Result<Trace, Unreadable> {
    let stage = question.stage();
    let mut ingredients = BTreeMap::new();
    let patterns = question.ingredients();
    for (key, seen) in deed.seen {
        let left = match patterns.get(key) {
            Some(Ingredient::Files(pattern)) => Some(stamp_of(deed.left, pattern, question.trees)?),
            _ => None,
        };
        ingredients.insert(key.clone(), Stamps { seen: *seen, left: left.filter(|left| left != seen) });
    }
    let change = if stage.outputs.is_empty() { change_of(question, deed)? } else { None };
    Ok(Trace {
        spec: question.spec.name.clone(),
        stages: vec![stage.name.clone()],
        how: deed.how,
        at: None,
        from: Some(deed.from),
        change,
        result: None,
        ingredients,
    })
}

/// What a stage without outputs hands on: its change but for ticked tasks; the former one if that is empty.
fn change_of(question: &Question<'_>, deed: &Deed<'_>) -> Result<Option<Stamp>, Unreadable> {
    let tasks: Vec<&Pattern> =
        question.spec.stages.iter().filter_map(|s| s.tasks.as_ref()).map(|t| &t.file).collect();
    let mut changed: Vec<&(Arc<str>, Option<FileId>)> =
        deed.changed.iter().filter(|(path, _)| !tasks.iter().any(|t| t.matches(path))).collect();
    if changed.is_empty() {
        return Ok(deed.former_change);
    }
    changed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    stamp_changes(&changed, question.trees).map(Some)
}
