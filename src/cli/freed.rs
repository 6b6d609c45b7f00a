//! What may go on since a spec that was in its way is done.
use super::ground::Ground;
use super::speech::Dialects;
use super::status::{StatusRequest, Stored, report};
use super::trouble::Trouble;
use crate::base::{SpecName, english};
use crate::report::StatusReport;
use crate::report::style::Mark;
use crate::run::report::now_millis;
use crate::store::Store;
use std::io::Write;

/// The most specs that are named.
const NAMED: usize = 3;

/// Says which specs of earlier runs waited for these and can go on now, and how.
///
/// # Errors
/// What was recorded of runs cannot be read.
pub fn tell(ground: &Ground, done: &[SpecName], err: &mut dyn Write) -> Result<(), Trouble> {
    let folder = ground.git.state_dir();
    let store = Store::open_existing(&folder);
    let store = store.map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
    let history = Stored { store: store.as_ref(), on: false };
    let dialects = Dialects::default();
    let request = StatusRequest {
        history: &history,
        plan: None,
        folder: &folder,
        dialects: &dialects,
        now: now_millis(),
    };
    let mut report = report(&request).map_err(Trouble::environment)?;
    report.retain(|name| ground.project.specs.contains_key(name));
    if let Some(line) = words(&report, done) {
        writeln!(err, "specmake: {line}")?;
    }
    Ok(())
}

/// "`b` and `c` waited for that and can go on; next: specmake".
fn words(report: &StatusReport, done: &[SpecName]) -> Option<String> {
    let mark = |name: &SpecName| report.specs.iter().find(|spec| spec.spec == *name).map(|spec| spec.mark());
    let is_over = |name: &SpecName| {
        matches!(mark(name), Some(Mark::Landed | Mark::UpToDate | Mark::Adopted | Mark::Skipped))
    };
    let waits_no_more = |blockers: &[SpecName]| {
        blockers.last().is_some_and(|root| done.contains(root) && is_over(root))
            && blockers.iter().all(|name| is_over(name) || mark(name) == Some(Mark::Blocked))
    };
    let mut freed: Vec<String> = report
        .specs
        .iter()
        .filter(|spec| spec.mark() == Mark::Blocked && waits_no_more(&spec.blocked_by))
        .map(|spec| format!("`{}`", spec.spec))
        .collect();
    if freed.is_empty() {
        return None;
    }
    if freed.len() > NAMED {
        let more = freed.len() - NAMED;
        freed.truncate(NAMED);
        freed.push(format!("{more} more"));
    }
    Some(format!("{} waited for that and can go on; next: specmake", english::list(&freed, "and")))
}
