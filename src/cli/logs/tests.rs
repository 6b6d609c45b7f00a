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
    show(request, &|_| Speech::default(), &mut out).expect("shown");
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
    let error =
        |of: &str| show(&place.request(Some(of)), &|_| Speech::default(), &mut Vec::new()).expect_err(of);
    assert_eq!(error("05").to_string(), "`05` could be `051-retry` or `052-limits`");
    assert!(matches!(error("06"), LogsError::NoneOf { .. }));
    assert!(matches!(error("051:tasks"), LogsError::NoneOf { .. }));
    assert_eq!(error("06").exit(), Exit::Usage);
    assert!(matches!(
        show(&Place::new().request(None), &|_| Speech::default(), &mut Vec::new()),
        Err(LogsError::None)
    ));
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
    follow(&place.request(Some("a:plan")), &|_| Speech::default(), &on, &mut pause, &mut out)
        .expect("followed");
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "==> a:plan attempt 1 <==\none\ntwo\nbye\n==> a:plan attempt 2 <==\nagain\n"
    );
}

#[test]
fn the_last_line_of_a_log_is_the_last_that_says_something() {
    let place = place();
    assert_eq!(
        last_line(place.0.path(), "logs/r2/051-retry/implement.1.log", &Speech::default()).as_deref(),
        Some("end")
    );
    assert_eq!(last_line(place.0.path(), "logs/none.log", &Speech::default()), None);
}

#[test]
fn what_an_agent_said_is_rendered_and_raw_is_as_it_is() {
    let place = Place::new();
    let text = "I begin.\ndemo: tool edit src/x.rs\ndemo: usage 12 in 3 out cost 0.5\n";
    place.log("r1/a/plan.1.log", text, 5);
    let speaks = |_: &LogFile| Speech { dialect: Some("demo".into()), worktree: None };
    let shown = |raw| {
        let mut out = Vec::new();
        let request = LogsRequest { raw, ..place.request(Some("a")) };
        show(&request, &speaks, &mut out).expect("shown");
        String::from_utf8(out).expect("text")
    };
    assert_eq!(shown(false), "I begin.\ntool edit src/x.rs\nused 12 tokens in, 3 out, 0.50 USD\n");
    assert_eq!(shown(true), text);
}

#[test]
fn the_last_thing_said_is_found_whatever_is_printed_after_it() {
    let place = Place::new();
    place.log("r1/a/plan.1.log", "first\n\n10%\r20%\n", 5);
    place.log("r1/b/plan.1.log", "demo: tool edit src/x.rs\ndemo: usage 1 in 1 out\n", 5);
    let folder = place.0.path();
    let plain = Speech::default();
    assert_eq!(last_line(folder, "logs/r1/a/plan.1.log", &plain).as_deref(), Some("20%"));
    let demo = Speech { dialect: Some("demo".into()), worktree: None };
    assert_eq!(last_line(folder, "logs/r1/b/plan.1.log", &demo).as_deref(), Some("tool edit src/x.rs"));
    assert_eq!(last_line(folder, "logs/r1/none.log", &plain), None);
}
