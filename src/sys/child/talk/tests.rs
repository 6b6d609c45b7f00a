//! Conversations with shells.
use super::{Talk, Turn, talk};
use crate::sys::child::tests::shell;
use crate::sys::child::{Cut, Exit, Launch};
use crate::sys::stop::Stop;
use std::time::Duration;

/// Says some lines at first, one more to be stopped, and has enough after the line `bye`.
#[derive(Default)]
struct Talker {
    first: Vec<String>,
    stop: Option<Stop>,
    heard: Vec<String>,
    asides: Vec<String>,
    patience: Option<Duration>,
    silences: u32,
    stops: u32,
    gone: bool,
}

impl Talk for Talker {
    fn begin(&mut self) -> Turn {
        Turn { say: std::mem::take(&mut self.first), over: false }
    }

    fn hear(&mut self, line: &str) -> Turn {
        self.heard.push(line.to_owned());
        if let Some(stop) = self.stop.as_ref().filter(|_| line == "up") {
            stop.request();
        }
        Turn { say: Vec::new(), over: line == "bye" }
    }

    fn aside(&mut self, line: &str) {
        self.asides.push(line.to_owned());
    }

    fn stop(&mut self) -> Turn {
        self.stops += 1;
        Turn { say: vec!["stop".to_owned()], over: false }
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn silence(&mut self) -> Turn {
        self.silences += 1;
        Turn { say: Vec::new(), over: self.silences == 2 }
    }

    fn gone(&mut self) {
        self.gone = true;
    }
}

async fn talked(line: &str, talker: Talker, change: impl FnOnce(&mut Launch)) -> (Exit, Talker, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut launch = shell(folder.path(), line);
    change(&mut launch);
    let mut talker = talker;
    let stop = talker.stop.clone().unwrap_or_default();
    let exit = talk(launch, &stop, &mut talker).await.expect("an exit");
    let log = std::fs::read_to_string(folder.path().join("log")).expect("a log");
    (exit, talker, log)
}

fn saying(lines: &[&str]) -> Talker {
    Talker { first: lines.iter().map(ToString::to_string).collect(), ..Talker::default() }
}

#[tokio::test]
async fn what_is_said_is_read_and_what_is_answered_is_heard() {
    let line = "read a; read b; echo \"$b\" \"$a\"; echo oops >&2; echo bye; cat; echo after; exit 3";
    let (exit, talker, log) = talked(line, saying(&["one", "two"]), |_| {}).await;
    assert_eq!(talker.heard, ["two one", "bye", "after"], "its input ended");
    assert_eq!(talker.asides, ["oops"]);
    assert!(exit.success() && talker.gone, "how it ends once it was let go is no matter");
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["after", "bye", "oops", "two one"]);
}

#[tokio::test]
async fn one_that_ends_by_itself_ends_as_it_does() {
    let (exit, talker, _) = talked("printf half; exit 3", saying(&["x"]), |_| {}).await;
    assert_eq!((exit.code, talker.heard, talker.gone), (Some(3), vec!["half".to_owned()], true));
}

#[tokio::test]
async fn complaints_never_tear_a_line() {
    let line = "i=0; while [ $i -lt 200 ]; do printf '{\"n\":'; printf noise >&2; printf '%s}\\n' $i; echo >&2; i=$((i+1)); done; echo bye";
    let (_, talker, _) = talked(line, saying(&[]), |_| {}).await;
    let expect: Vec<String> = (0..200).map(|n| format!("{{\"n\":{n}}}")).chain(["bye".to_owned()]).collect();
    assert_eq!(talker.heard, expect);
    assert_eq!(talker.asides, vec!["noise"; 200]);
}

#[tokio::test]
async fn one_that_does_not_read_blocks_nobody() {
    let long = "x".repeat(100_000);
    let line = "i=0; while [ $i -lt 2000 ]; do echo line; i=$((i+1)); done; echo bye";
    let (exit, talker, _) = talked(line, saying(&[long.as_str(); 20]), |_| {}).await;
    assert!(exit.success());
    assert_eq!(talker.heard.len(), 2001);
    // More than will ever be read, by one that would wait for ever.
    let (exit, _, _) = talked("exec sleep 100000", saying(&["x"; 2 * super::QUEUE]), |_| {}).await;
    assert_eq!(exit.signal, Some(15));
}

#[tokio::test]
async fn a_long_line_comes_whole() {
    let line = "head -c 300000 /dev/zero | tr '\\0' x; echo; echo bye";
    let (_, talker, _) = talked(line, saying(&[]), |_| {}).await;
    assert_eq!(talker.heard[0].len(), 300_000);
}

#[tokio::test]
async fn a_stop_is_said_before_anything_is_asked() {
    let stop = || Some(Stop::new());
    let line = "trap 'echo asked' TERM; echo up; read word; echo \"$word\"; echo bye; cat";
    let (exit, talker, _) = talked(line, Talker { stop: stop(), ..Talker::default() }, |_| {}).await;
    assert_eq!(talker.heard, ["up", "stop", "bye"]);
    assert_eq!((exit.cut, exit.code, talker.stops), (Some(Cut::Stopped), Some(0), 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_listen_is_asked_and_then_killed() {
    let stop = || Some(Stop::new());
    let line = "trap '' TERM; echo up; while :; do sleep 100000 & wait $!; done";
    let (exit, talker, _) = talked(line, Talker { stop: stop(), ..Talker::default() }, |_| {}).await;
    assert_eq!((talker.stops, exit.signal, exit.cut), (1, Some(9), Some(Cut::Stopped)));
    let (exit, talker, _) = talked("exec sleep 100000", saying(&[]), |launch| {
        launch.timeout = Some(Duration::from_secs(7200));
    })
    .await;
    assert_eq!((exit.cut, exit.signal, talker.stops), (Some(Cut::TimedOut), Some(15), 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_let_go_and_stays_is_ended() {
    let line = "trap '' TERM; echo bye; while :; do sleep 100000 & wait $!; done";
    let (exit, _, _) = talked(line, saying(&[]), |_| {}).await;
    assert!(exit.success());
}

#[tokio::test(start_paused = true)]
async fn one_that_can_say_nothing_any_more_is_ended() {
    let line = "trap '' TERM; echo up; exec >&-; while :; do sleep 100000 & wait $!; done";
    let (exit, talker, _) = talked(line, saying(&[]), |_| {}).await;
    assert_eq!((talker.heard, exit.signal, talker.gone), (vec!["up".to_owned()], Some(9), true));
}

#[tokio::test]
async fn one_that_says_nothing_any_more_and_ends_soon_ends_as_it_does() {
    let (exit, talker, _) = talked("exec >&-; echo bye >&2; exit 4", saying(&[]), |_| {}).await;
    assert_eq!((exit.code, talker.asides), (Some(4), vec!["bye".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_of_and_may_be_the_end() {
    let talker = Talker { patience: Some(Duration::from_millis(300)), ..Talker::default() };
    let (exit, talker, _) = talked("cat", talker, |_| {}).await;
    assert_eq!((exit.success(), talker.silences), (true, 2));
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch { argv: vec!["no-such-program".into()], ..shell(folder.path(), "") };
    let error = talk(launch, &Stop::new(), &mut Talker::default()).await.expect_err("an error");
    assert_eq!(error.to_string(), "cannot start `no-such-program`: there is no such program on the `PATH`");
}
