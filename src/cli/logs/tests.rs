use super::*;
use std::cell::Cell;
use std::time::{Duration, SystemTime};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Writes a log; `age` counts from newest to oldest.
    fn log(&self, path: &str, text: &str, age: u64) -> &Self {
        let path = self.0.path().join("logs").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        File::options().append(true).open(&path).expect("opened").set_modified(time).expect("set");
        self
    }

    fn request(&self, of: Option<&str>) -> LogsRequest {
        LogsRequest {
            folder: self.0.path().to_owned(),
            of: of.map(str::to_owned),
            run: None,
            attempt: None,
            raw: false,
            format: Format::Human,
            style: Style::PLAIN,
            now: 1_000_060_000,
        }
    }
}

fn place() -> Place {
    let place = Place::new();
    place
        .log("r1/051-retry/plan.1.log", "old\n", 90)
        .log("r2/051-retry/plan.1.log", "first try\n", 30)
        .log("r2/051-retry/plan.2.log", "second try\n", 20)
        .log("r2/051-retry/implement.1.log", "\u{1b}[31mred\u{1b}[0m\r\n10%\r100%\nend", 10)
        .log("r2/052-limits/plan.1.log", "limits\n", 25)
        .log("r2/052-limits/plan.1.prompt.md", "not a log", 5);
    place
}

fn shown(request: &LogsRequest) -> String {
    let mut out = Vec::new();
    show(request, &mut out).expect("shown");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_newest_log_is_printed_for_people() {
    let place = place();
    assert_eq!(shown(&place.request(Some("051"))), "red\n100%\nend\n");
    assert_eq!(shown(&place.request(Some("051-retry:plan"))), "second try\n");
    let first = LogsRequest { attempt: Some(1), ..place.request(Some("051:plan")) };
    assert_eq!(shown(&first), "first try\n");
    let old = LogsRequest { run: Some("r1".into()), ..place.request(Some("051:plan")) };
    assert_eq!(shown(&old), "old\n");
    let raw = LogsRequest { raw: true, ..place.request(Some("051:implement")) };
    assert_eq!(shown(&raw), "\u{1b}[31mred\u{1b}[0m\r\n10%\r100%\nend");
}

#[test]
fn the_last_run_is_listed() {
    insta::assert_snapshot!(shown(&place().request(None)));
}

#[test]
fn what_is_not_there_is_said() {
    let place = place();
    let error = |of: &str| show(&place.request(Some(of)), &mut Vec::new()).expect_err(of);
    assert_eq!(error("05").to_string(), "`05` could be `051-retry` or `052-limits`");
    assert!(matches!(error("06"), LogsError::NoneOf { .. }));
    assert!(matches!(error("051:tasks"), LogsError::NoneOf { .. }));
    assert_eq!(error("06").exit(), Exit::Usage);
    assert!(matches!(show(&Place::new().request(None), &mut Vec::new()), Err(LogsError::None)));
}

#[test]
fn json_answers_the_schema() {
    let place = place();
    let request = LogsRequest { format: Format::Json, ..place.request(None) };
    let answer: serde_json::Value = serde_json::from_str(&shown(&request)).unwrap_or_default();
    crate::report::schemas::check("logs", &answer);
}

#[test]
fn following_goes_on_with_what_is_written_and_with_the_next_attempt() {
    let place = Place::new();
    let round = Cell::new(0);
    let mut pause = || {
        round.set(round.get() + 1);
        match round.get() {
            1 => place.log("r/a/plan.1.log", "one\ntw", 50),
            2 => place.log("r/a/plan.1.log", "one\ntwo\n", 40),
            3 => place.log("r/a/plan.1.log", "one\ntwo\nbye\n", 30).log("r/a/plan.2.log", "again", 20),
            _ => &place,
        };
    };
    let mut out = Vec::new();
    let on = || round.get() < 4;
    follow(&place.request(Some("a:plan")), &on, &mut pause, &mut out).expect("followed");
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "==> a:plan attempt 1 <==\none\ntwo\nbye\n==> a:plan attempt 2 <==\nagain\n"
    );
}

#[test]
fn the_last_line_of_a_log_is_the_last_that_says_something() {
    let place = place();
    assert_eq!(last_line(place.0.path(), "logs/r2/051-retry/implement.1.log").as_deref(), Some("end"));
    assert_eq!(last_line(place.0.path(), "logs/none.log"), None);
}
