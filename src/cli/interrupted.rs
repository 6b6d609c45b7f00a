//! What the run before this one had under way when it was cut off, in one line.
use super::status::events;
use crate::base::english;
use crate::event::RunOutcome;
use crate::store::{RunRow, Store, StoreError};
use crate::view::{StageState, View};
use std::time::Duration;

/// The most stages that are named.
const NAMED: usize = 5;

/// What to say before a run that goes on where the one before it was interrupted or killed; nothing if that ended
/// by itself. `now` is in milliseconds since the Unix epoch.
///
/// # Errors
/// The history cannot be read.
pub fn line(store: &Store, now: u64) -> Result<Option<String>, StoreError> {
    let Some(last) = store.runs(1)?.into_iter().next() else { return Ok(None) };
    if !matches!(last.outcome, None | Some(RunOutcome::Interrupted)) {
        return Ok(None);
    }
    let mut view = View::of(&events(store, last.id)?);
    view.stop(view.latest);
    Ok(Some(told(&last, &view, now)))
}

fn told(run: &RunRow, view: &View, now: u64) -> String {
    let ago = english::duration(Duration::from_secs(now.saturating_sub(view.latest.max(run.started)) / 1000));
    let how = if run.outcome.is_none() { "killed" } else { "interrupted" };
    let is_cut = |state: &StageState| *state == StageState::Stopped;
    let steps = view.specs.values().flat_map(|spec| spec.steps().map(move |(name, step)| (spec, name, step)));
    let cut = steps.filter(|(.., step)| is_cut(&step.state));
    let mut cut: Vec<String> = cut.map(|(spec, name, _)| format!("{}:{name}", spec.name)).collect();
    let counts = view.counts();
    let done = format!("{} of {} done", counts.steps_done, english::count(counts.steps, "step"));
    if cut.is_empty() {
        return format!("the last run was {how} {ago} ago with {done}; this one goes on from there");
    }
    if cut.len() > NAMED {
        let more = cut.len() - NAMED;
        cut.truncate(NAMED);
        cut.push(format!("{more} more"));
    }
    let cut = english::list(&cut, "and");
    format!("the last run was {how} {ago} ago at {cut}, with {done}; this one goes on from there")
}
