//! `specmake status`: from a history of events, and today's verdicts, to where everything stands.
use super::logs;
use crate::event::Record;
use crate::report::status::human::Shown;
use crate::report::{PlanReport, StatusReport};
use crate::view::View;
use std::io::{self, Write};
use std::path::Path;

/// What was recorded of runs. Readers never disturb a builder.
pub trait History {
    /// The events of the run that is on, or of the last one, in order; nothing if there was none.
    ///
    /// # Errors
    /// Whatever keeps it from being read, in words.
    fn last_run(&self) -> Result<Vec<Record>, Box<dyn std::error::Error + Send + Sync>>;

    /// Whether a run is on, of this process or another.
    fn is_on(&self) -> bool;
}

/// What `status` is made from.
pub struct StatusRequest<'a> {
    /// What was recorded.
    pub history: &'a dyn History,
    /// Today's verdicts; without them the last run alone speaks. Not asked for while a run is on.
    pub plan: Option<&'a PlanReport>,
    /// `.specmake`, for the last lines of running stages.
    pub folder: &'a Path,
    /// Now, in milliseconds since the Unix epoch.
    pub now: u64,
}

/// Where everything stands.
///
/// # Errors
/// The history's.
pub fn report(request: &StatusRequest<'_>) -> Result<StatusReport, Box<dyn std::error::Error + Send + Sync>> {
    let records = request.history.last_run()?;
    let on = request.history.is_on();
    let mut report = StatusReport::of(&View::of(&records), request.now, on);
    if let Some(plan) = request.plan.filter(|_| !on) {
        report.overlay(plan);
    }
    report.fill_lines(|log| logs::last_line(request.folder, log));
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
        fn last_run(&self) -> Result<Vec<Record>, Box<dyn std::error::Error + Send + Sync>> {
            let mut records = sample::run();
            records.retain(|record| !matches!(record.event, Event::Output { .. }));
            Ok(records)
        }

        fn is_on(&self) -> bool {
            self.0
        }
    }

    fn asked(on: bool, folder: &Path) -> StatusReport {
        let history = Recorded(on);
        let request = StatusRequest { history: &history, plan: None, folder, now: 1_090_000 };
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
    fn json_answers_the_schema() {
        let mut out = Vec::new();
        write(&asked(true, Path::new("nowhere")), None, &mut out).expect("a vector takes it");
        let answer = serde_json::from_slice(&out).expect("JSON");
        crate::report::schemas::check("status", &answer);
    }
}
