//! What a stage that is held was held against, and whether that still stands.
use super::ingredient::Kind;
use super::judge::{Ingredient, Question, Since};
use super::line::Held;
use super::tree::Unreadable;
use crate::base::{Stamp, Stamper};

/// The stamp over what a stage is made of but for contents of files: of those the hold's commit tells. A need counts
/// by what it landed, whatever it is called.
pub fn hold_stamp(question: &Question<'_>) -> Stamp {
    let mut stamper = Stamper::new("hold");
    let mut results = Vec::new();
    for (key, ingredient) in question.ingredients() {
        match ingredient {
            Ingredient::Value(stamp) if matches!(key.kind, Kind::Need | Kind::LayerNeed) => {
                results.push(stamp)
            }
            Ingredient::Value(stamp) => stamper = stamper.field(key.to_string().as_bytes()).stamped(stamp),
            Ingredient::Files(_) => stamper = stamper.field(key.to_string().as_bytes()),
        }
    }
    results.sort_unstable();
    results.into_iter().fold(stamper.field(b"needs"), Stamper::stamped).stamp()
}

/// Whether a stage is held as things are: since it was, nothing of what it is made of has changed, and nobody whose
/// writes count for it has written one of its files.
///
/// # Errors
/// When a tree or blob cannot be read.
pub fn is_held(question: &Question<'_>, held: &Held) -> Result<bool, Unreadable> {
    if held.is_by_hand() {
        return Ok(true);
    }
    if held.stage != question.stage().name || held.manifest != hold_stamp(question) {
        return Ok(false);
    }
    let since = Since::new(question, None, held.since);
    for (key, ingredient) in &question.ingredients() {
        if let Ingredient::Files(pattern) = ingredient
            && !question.dirty_files(key, pattern, &since)?.is_empty()
        {
            return Ok(false);
        }
    }
    Ok(true)
}
