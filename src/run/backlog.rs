//! How much of what agents print may wait to be shown. A terminal may be as slow as it likes, or stand still, and no run
//! waits for it: past a limit lines are left out there rather than kept in memory. Logs have all of them.
use crate::base::StageId;
use crate::event::{Event, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that may wait, in bytes.
const MOST: usize = 8 * 1024 * 1024;

/// What a line costs beside its text, in bytes.
const EACH: usize = 256;

/// What waits between those who report and the one who shows.
#[derive(Debug, Clone, Default)]
pub struct Backlog(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    bytes: AtomicUsize,
    left_out: AtomicUsize,
}

impl Backlog {
    /// Whether an event may be sent on; from then on it waits. Only lines of output ever may not.
    pub(super) fn takes(&self, event: &Event) -> bool {
        let weight = weight(event);
        if weight == 0 {
            return true;
        }
        if self.0.bytes.load(Ordering::Relaxed) > MOST {
            self.0.left_out.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.0.bytes.fetch_add(weight, Ordering::Relaxed);
        true
    }

    /// What to say, before the next line of a stage, of those that were left out.
    pub(super) fn left_out(&self, stage: &StageId) -> Option<Event> {
        let count = self.0.left_out.load(Ordering::Relaxed);
        if count == 0 || self.0.left_out.swap(0, Ordering::Relaxed) == 0 {
            return None;
        }
        let line = format!("(lines are left out here, {count} of all stages; their logs have them)");
        let said = Event::Output { stage: stage.clone(), line };
        self.0.bytes.fetch_add(weight(&said), Ordering::Relaxed);
        Some(said)
    }

    /// An event waits no more.
    pub fn shown(&self, record: &Record) {
        let weight = weight(&record.event);
        if weight > 0 {
            // There may be reporters that count nothing in.
            let less = |bytes: usize| Some(bytes.saturating_sub(weight));
            let _ = self.0.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }
}

fn weight(event: &Event) -> usize {
    match event {
        Event::Output { line, .. } => line.len() + EACH,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SpecName, StageName};
    use crate::run::report::Reporter;

    #[test]
    fn a_face_that_stands_still_costs_a_bounded_memory_and_no_event_but_lines() {
        let (to, heard) = std::sync::mpsc::channel();
        let backlog = Backlog::default();
        let reporter = Reporter::new(to).bounded(backlog.clone());
        let spec = SpecName::new("a").expect("a name");
        let stage = StageId::new(&spec, &StageName::new("plan").expect("a name"));
        let says =
            |line: &str| reporter.report(Event::Output { stage: stage.clone(), line: line.to_owned() });
        let sent = 3 * MOST / 1000;
        (0..sent).for_each(|_| says(&"x".repeat(1000)));
        reporter.warn("still heard");
        let waiting: Vec<Record> = heard.try_iter().collect();
        let bytes: usize = waiting.iter().map(|record| weight(&record.event)).sum();
        assert!(bytes <= MOST + 2000, "{bytes}");
        assert!(matches!(waiting.last().map(|r| &r.event), Some(Event::Warning { .. })));
        waiting.iter().for_each(|record| backlog.shown(record));
        says("on");
        says("and on");
        let lines: Vec<String> = heard
            .try_iter()
            .filter_map(|record| match record.event {
                Event::Output { line, .. } => Some(line),
                _ => None,
            })
            .collect();
        let left_out = sent + 1 - waiting.len();
        let words = format!("(lines are left out here, {left_out} of all stages; their logs have them)");
        assert_eq!(lines, [words, "on".to_owned(), "and on".to_owned()]);
    }
}
