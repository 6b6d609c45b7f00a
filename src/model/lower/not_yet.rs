//! What is read and checked but has no effect yet. As a thing comes into effect, its line goes.
use super::notes::Notes;
use crate::base::Span;

/// A setting, and what happens instead.
const NOT_YET: &[(&str, &str)] = &[("tasks parallel", "tasks are worked through one after the other")];

/// Warns that a setting has no effect.
pub(crate) fn warn(notes: &mut Notes, setting: &str, span: Span) {
    if let Some((name, instead)) = NOT_YET.iter().find(|(name, _)| *name == setting) {
        notes.warning(span, format!("`{name}` has no effect yet: {instead}"), "");
    }
}
