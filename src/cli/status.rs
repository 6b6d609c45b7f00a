//! `specmake status`: from a history of events, and today's verdicts, to where everything stands.
use super::logs;
use super::speech::Dialects;
use crate::base::SpecName;
use crate::event::Record;
use crate::report::status::human::Shown;
use crate::report::{PlanReport, StatusReport};
use crate::store::{RunId, Store, StoreError};
use crate::view::View;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

/// The most events read at once.
const PAGE: usize = 10_000;

/// How many runs before the last one are asked about specs that it left out.
const EARLIER: usize = 9;

/// Why a history cannot be read.
pub type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// What was recorded of runs. Readers never disturb a builder.
pub trait History {
    /// The events of the newest runs, newest run first, each run's in order. The first may still be on.
    ///
    /// # Errors
    /// Whatever keeps them from being read, in words.
    fn newest_runs(&self, most: usize) -> Result<Vec<Vec<Record>>, Unreadable>;

    /// Whether a run is on, of this process or another.
    fn is_on(&self) -> bool;
}

/// The history that the state file holds.
pub struct Stored<'a> {
    /// The state file; nothing where there is none yet.
    pub store: Option<&'a Store>,
    /// Whether somebody holds the builder's lock.
    pub on: bool,
}

impl History for Stored<'_> {
    fn newest_runs(&self, most: usize) -> Result<Vec<Vec<Record>>, Unreadable> {
        let Some(store) = self.store else { return Ok(Vec::new()) };
        let runs = store.runs(most)?;
        runs.iter().map(|run| Ok(events(store, run.id)?)).collect()
    }

    fn is_on(&self) -> bool {
        self.on
    }
}

/// Every event of a run that can be read.
///
/// # Errors
/// The state file cannot be read.
pub fn events(store: &Store, run: RunId) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    let mut from = 0;
    loop {
        let page = store.events(run, from, PAGE)?;
        if page.next == from {
            return Ok(records);
        }
        from = page.next;
        records.extend(page.records.into_iter().map(|(_, record)| record));
    }
}

/// What `status` is made from.
#[derive(Clone, Copy)]
pub struct StatusRequest<'a> {
    /// What was recorded.
    pub history: &'a dyn History,
    /// Today's verdicts; without them the last run alone speaks. Not asked for while a run is on.
    pub plan: Option<&'a PlanReport>,
    /// `.specmake`, for the last lines of running stages.
    pub folder: &'a Path,
    /// How its agents speak there.
    pub dialects: &'a Dialects,
    /// Now, in milliseconds since the Unix epoch.
    pub now: u64,
}

/// Where everything stands.
///
/// # Errors
/// The history's.
pub fn report(request: &StatusRequest<'_>) -> Result<StatusReport, Unreadable> {
    let mut runs = request.history.newest_runs(1 + EARLIER)?.into_iter();
    let on = request.history.is_on();
    let last = runs.next().unwrap_or_default();
    let mut report = StatusReport::of(&View::of(&last), request.now, on);
    let mut seen: BTreeSet<SpecName> = report.specs.iter().map(|spec| spec.spec.clone()).collect();
    for records in runs {
        let mut earlier = StatusReport::of(&View::of(&records), request.now, false);
        earlier.retain(|spec| seen.insert(spec.clone()));
        report.add_trouble(earlier);
    }
    if let Some(plan) = request.plan.filter(|_| !on) {
        report.overlay(plan);
    }
    report.fill_lines(|attempt| {
        let speech = request.dialects.speech(attempt.agent.as_ref(), &attempt.worktree);
        logs::last_line(request.folder, &attempt.log, &speech)
    });
    Ok(report)
}

/// Writes it; `shown` is for people, nothing for JSON.
///
/// # Errors
/// The writer's.
pub fn write(report: &StatusReport, shown: Option<&Shown>, out: &mut dyn Write) -> io::Result<()> {
    match shown {
        Some(shown) => report.write_human(shown, out),
        None => report.write_json(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::report::sample;

    struct Recorded(bool);

    impl History for Recorded {
        fn newest_runs(&self, _most: usize) -> Result<Vec<Vec<Record>>, Unreadable> {
            let mut records = sample::run();
            records.retain(|record| !matches!(record.event, Event::Output { .. }));
            Ok(vec![records])
        }

        fn is_on(&self) -> bool {
            self.0
        }
    }

    fn asked(on: bool, folder: &Path) -> StatusReport {
        let history = Recorded(on);
        let request = StatusRequest {
            history: &history,
            plan: None,
            folder,
            dialects: &Dialects::default(),
            now: 1_090_000,
        };
        report(&request).expect("a history")
    }

    #[test]
    fn the_last_line_of_a_running_stage_comes_from_its_log() {
        let place = tempfile::tempdir().expect("a folder");
        let log = place.path().join("logs/r1/051-retry/implement.1.log");
        std::fs::create_dir_all(log.parent().expect("a folder")).expect("made");
        std::fs::write(&log, "reading\nwriting src/x.rs\n\n").expect("written");
        let line = |report: StatusReport| report.specs[1].stages[1].line.clone();
        assert_eq!(line(asked(true, place.path())).as_deref(), Some("writing src/x.rs"));
        assert_eq!(line(asked(false, place.path())), None, "it does not run");
    }

    #[test]
    fn trouble_of_earlier_runs_is_not_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(folder.path()).expect("a state file").store;
        let mut record = |name: &str, records: &[Record]| {
            let run = store.begin_run(name, 1, 7, "main").expect("begun");
            store.append(run, records).expect("kept");
        };
        record("r1", &sample::ended());
        let mut alone = sample::run();
        alone.truncate(6);
        if let Event::RunStarted { specs, .. } = &mut alone[0].event {
            specs.truncate(1);
        }
        record("r2", &alone);
        let history = Stored { store: Some(&store), on: false };
        let request = StatusRequest {
            history: &history,
            plan: None,
            folder: folder.path(),
            dialects: &Dialects::default(),
            now: 2_000_000,
        };
        let report = report(&request).expect("a history");
        let specs: Vec<(&str, &str)> = report.specs.iter().map(|s| (s.spec.as_str(), s.state)).collect();
        assert_eq!(
            specs,
            [
                ("050-partial", "waiting"),
                ("052-limits", "held"),
                ("060-threads", "failed"),
                ("061-quota", "blocked")
            ]
        );
    }

    #[test]
    fn json_answers_the_schema() {
        let mut out = Vec::new();
        write(&asked(true, Path::new("nowhere")), None, &mut out).expect("a vector takes it");
        let answer = serde_json::from_slice(&out).expect("JSON");
        crate::report::schemas::check("status", &answer);
    }
}
