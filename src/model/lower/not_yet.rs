//! What is read and checked but has no effect yet. As a thing comes into effect, its line goes.
use super::notes::Notes;
use crate::base::Span;

/// A setting, and what happens instead.
const NOT_YET: &[(&str, &str)] = &[
    ("budget", "no run is held for what it costs"),
    ("limits", "load and free space are not looked at"),
    ("notify", "nobody is told"),
    ("stall", "silence ends nothing; `timeout` does"),
    ("tasks parallel", "tasks are worked through one after the other"),
    ("land batch", "each spec is tested and landed by itself"),
    ("land parallel", "one landing goes on at a time"),
    ("land strategy", "a branch is always merged"),
    ("on-conflict fix", "a conflict holds the spec"),
    ("resume", "it counts as `retry`"),
    ("fix", "it counts as `retry`"),
    ("fallback", "the stage's own agent is tried again"),
    ("wait", "a limit climbs the ladder like any failure"),
    ("skip", "the spec is held"),
    ("price", "what an agent costs is not worked out"),
    ("conflicts", "conflicts are not predicted"),
    ("dialect", "what the agent prints is taken as plain text"),
];

/// Warns that a setting has no effect.
pub(crate) fn warn(notes: &mut Notes, setting: &str, span: Span) {
    if let Some((name, instead)) = NOT_YET.iter().find(|(name, _)| *name == setting) {
        notes.warning(span, format!("`{name}` has no effect yet: {instead}"), "");
    }
}
