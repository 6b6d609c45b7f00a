//! The one place that starts processes whose output is streamed: agents, `run` lines, setup, `when` lines.
//! Each is ended together with all that it started, whatever ends first: by a [`keeper`] between us and it, or
//! as a process group where there is none.
mod apart;
mod group;
mod hand;
pub mod keeper;
mod line;
mod report;
mod start;
mod talk;
mod watch;
mod wholes;

pub use talk::{Talk, Turn, talk};

use super::output::Output;
use super::stop::{Stop, Urgency};
use crate::base::Mask;
use apart::Apart;
use group::{Act, Stand};
use start::{Started, Streams, failed, start};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout};
use watch::Watch;

/// Names by which git finds a repository. A child in a worktree has to find that worktree's.
pub const GIT_FAMILY: [&str; 15] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INDEX_VERSION",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_QUARANTINE_PATH",
    "GIT_INTERNAL_SUPER_PREFIX",
];

/// How long what a process left behind may hold its output before it is asked, and then made, to end.
const LINGER: Duration = Duration::from_secs(1);

/// What to start, and within which limits.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program and its arguments. A relative program with a `/` is looked for from `cwd`.
    pub argv: Vec<OsString>,
    /// Environment to set, on top of what is inherited without [`GIT_FAMILY`].
    pub env: Vec<(OsString, OsString)>,
    /// Environment to take away.
    pub unset: Vec<OsString>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// What it gets on its standard input, which is closed otherwise.
    pub stdin: Option<Vec<u8>>,
    /// Where its output goes, byte for byte.
    pub log: PathBuf,
    /// The longest it may take.
    pub timeout: Option<Duration>,
    /// The longest it may say nothing.
    pub stall: Option<Duration>,
    /// How long it has to end after being asked to.
    pub grace: Duration,
    /// The program that keeps it, see [`keeper::program`]; without one only its process group is ended with it.
    pub keeper: Option<PathBuf>,
    /// What must not be read in what it prints.
    pub mask: Mask,
    /// Whether its complaints come apart, so that they tear no line of its output.
    pub apart: bool,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Why it was made to end, if it was.
    pub cut: Option<Cut>,
    /// From its start to its end.
    pub duration: Duration,
    /// The last of its output, as text: no more than [`super::output::TAIL`] bytes.
    pub tail: String,
    /// Why its log is not whole, if it is not.
    pub log_trouble: Option<String>,
    /// The names of processes that it left running and that had to be ended, as far as a keeper saw them.
    pub left: Vec<String>,
}

impl Exit {
    /// Whether it ended by itself with status 0.
    pub fn success(&self) -> bool {
        self.code == Some(0) && self.cut.is_none()
    }
}

/// Why a process was made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It took longer than its `timeout`.
    TimedOut,
    /// It said nothing for longer than its `stall`.
    Stalled,
    /// Its [`Stop`] was asked for.
    Stopped,
}

/// Why a program does not start, in the words of its user.
fn why_not(program: &str, source: &io::Error) -> String {
    if source.kind() == io::ErrorKind::NotFound && !program.contains('/') {
        return "there is no such program on the `PATH`".to_owned();
    }
    source.to_string()
}

/// Why a process could not be started or followed.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// An empty argv.
    #[error("there is no program to start")]
    NoProgram,
    /// The folder to run in is not there.
    #[error("cannot start `{program}`: there is no folder `{}`", cwd.display())]
    NoFolder {
        /// The program.
        program: String,
        /// The folder.
        cwd: PathBuf,
    },
    /// The program is not there, or is none.
    #[error("cannot start `{program}`: {}", why_not(.program, .source))]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended, and how is not known.
    #[error("lost sight of `{program}`")]
    Lost {
        /// The program.
        program: String,
    },
}

/// Starts a process and stays with it to its end. `each` gets every line of its output, cleaned; it must be
/// quick, since the process waits for its reader. Dropping the future ends the process at once.
///
/// # Errors
/// [`ChildError`] if it could not be started; how it ended is in the [`Exit`].
pub async fn run(launch: Launch, stop: &Stop, each: impl FnMut(&str) + Send) -> Result<Exit, ChildError> {
    let program = launch.argv.first().cloned().ok_or(ChildError::NoProgram)?;
    let started = Instant::now();
    let streams = if launch.apart { Streams::Apart } else { Streams::Together };
    let begun = start(&launch.argv, &launch, streams).map_err(|error| failed(&program, &launch, error))?;
    let Started { mut group, output: pipe, complaints, stdin } = begun;
    group.begun().await.map_err(|error| failed(&program, &launch, error))?;
    let mut output = Output::new(&launch.log, launch.mask.clone(), each);
    let mut reader = Reader { pipe: Some(pipe), buffer: vec![0; 32 * 1024] };
    let mut aside = Reader { pipe: complaints, buffer: vec![0; 8 * 1024] };
    let mut apart = launch.apart.then(Apart::default);
    let feeding = feed(stdin, launch.stdin);
    tokio::pin!(feeding);
    let mut fed = false;

    let mut watch = Watch::new(started, launch.timeout, launch.stall, launch.grace);
    let mut asked = Urgency::None;
    loop {
        tokio::select! {
            // A process that never stops printing must not keep the limits from being seen.
            biased;
            stand = group.further() => match stand {
                Stand::Ended => watch.ended(Instant::now()),
                Stand::Over => break,
            },
            urgency = stop.beyond(asked) => {
                asked = urgency;
                group.signal(watch.stop(urgency, Instant::now()));
            }
            () = watch.due() => {
                if let Some(act) = watch.act(Instant::now()) {
                    group.signal(act);
                }
            }
            () = &mut feeding, if !fed => fed = true,
            read = reader.next() => {
                watch.heard(Instant::now());
                match &mut apart {
                    Some(apart) => apart.output(read, |bytes| output.take(bytes)),
                    None => output.take(read),
                }
            }
            read = aside.next() => {
                watch.heard(Instant::now());
                if let Some(apart) = &mut apart {
                    apart.complaint(read, |bytes| output.take(bytes));
                }
            }
        }
    }
    watch.ended(Instant::now());

    // It has ended, but is not reaped: its group's number cannot be another's while this goes on.
    for act in [Act::Ask, Act::Kill] {
        let drained = timeout(LINGER, async {
            while reader.pipe.is_some() {
                let read = reader.next_or_end().await;
                match &mut apart {
                    Some(apart) => apart.output(read, |bytes| output.take(bytes)),
                    None => output.take(read),
                }
            }
            while let (Some(apart), true) = (&mut apart, aside.pipe.is_some()) {
                apart.complaint(aside.next_or_end().await, |bytes| output.take(bytes));
            }
        });
        let _ = drained.await;
        group.signal(act);
    }
    let lost = || ChildError::Lost { program: program.to_string_lossy().into_owned() };
    let status = group.reap().await.ok_or_else(lost)?;
    if let Some(apart) = apart {
        apart.end(|bytes| output.take(bytes));
    }
    let (tail, log_trouble) = output.end();
    Ok(Exit {
        code: status.code,
        signal: status.signal,
        cut: watch.cut,
        duration: watch.took(started),
        tail,
        log_trouble,
        left: group.left(),
    })
}

/// A process that does not read to the end, or ends before, is none of our trouble.
async fn feed(stdin: Option<ChildStdin>, bytes: Option<Vec<u8>>) {
    if let (Some(mut stdin), Some(bytes)) = (stdin, bytes) {
        let _ = stdin.write_all(&bytes).await;
        let _ = stdin.shutdown().await;
    }
}

/// The reading end of a process's output.
struct Reader {
    pipe: Option<ChildStdout>,
    buffer: Vec<u8>,
}

impl Reader {
    /// The next bytes; never comes back once there are no more.
    async fn next(&mut self) -> &[u8] {
        loop {
            let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
            match pipe.read(&mut self.buffer).await {
                Ok(read @ 1..) => return &self.buffer[..read],
                Ok(0) => self.pipe = None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.pipe = None,
            }
        }
    }

    /// The next bytes; none at the end.
    async fn next_or_end(&mut self) -> &[u8] {
        let Some(pipe) = &mut self.pipe else { return &[] };
        let read = loop {
            match pipe.read(&mut self.buffer).await {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.unwrap_or(0),
            }
        };
        if read == 0 {
            self.pipe = None;
        }
        &self.buffer[..read]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use tokio::sync::oneshot;

    /// A line of shell, its log in the folder that it runs in.
    pub(super) fn shell(folder: &Path, line: &str) -> Launch {
        Launch {
            argv: ["sh", "-c", line].map(OsString::from).to_vec(),
            env: Vec::new(),
            unset: Vec::new(),
            cwd: folder.to_owned(),
            stdin: None,
            log: folder.join("log"),
            timeout: None,
            stall: None,
            grace: Duration::from_secs(60),
            keeper: None,
            mask: Mask::default(),
            apart: false,
        }
    }

    async fn ran(launch: Launch, stop: &Stop) -> (Exit, Vec<String>) {
        let mut lines = Vec::new();
        let exit = run(launch, stop, |line| lines.push(line.to_owned())).await.expect("an exit");
        (exit, lines)
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    /// Whether a process of that number is there and not merely waiting to be reaped.
    fn lives(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.starts_with(" Z")))
    }

    #[tokio::test]
    async fn output_keeps_its_order_and_reaches_log_lines_and_tail() {
        let folder = folder();
        let (exit, lines) =
            ran(shell(folder.path(), "echo a; echo b >&2; printf c; exit 3"), &Stop::new()).await;
        assert_eq!((exit.code, exit.signal, exit.cut), (Some(3), None, None));
        assert!(!exit.success());
        assert_eq!(lines, ["a", "b", "c"]);
        assert_eq!(exit.tail, "a\nb\nc\n");
        assert_eq!(std::fs::read(folder.path().join("log")).expect("a log"), b"a\nb\nc");
    }

    #[tokio::test]
    async fn complaints_that_come_apart_tear_no_line() {
        let folder = folder();
        let line = "i=0; while [ $i -lt 200 ]; do printf '{\"n\":'; echo noise >&2; printf '%s}\\n' $i; i=$((i+1)); done; printf last >&2; printf end; exit 3";
        let launch = Launch { apart: true, ..shell(folder.path(), line) };
        let (exit, lines) = ran(launch, &Stop::new()).await;
        assert_eq!(exit.code, Some(3));
        let (noise, said): (Vec<String>, Vec<String>) = lines.into_iter().partition(|line| line == "noise");
        let expect = (0..200).map(|n| format!("{{\"n\":{n}}}")).chain(["end".to_owned(), "last".to_owned()]);
        assert_eq!((noise.len(), said), (200, expect.collect()));
        let reads = Launch { apart: true, ..shell(folder.path(), "read x || echo closed") };
        assert_eq!(ran(reads, &Stop::new()).await.1, ["closed"], "its input has ended");
    }

    #[tokio::test]
    async fn a_signal_is_told_from_a_status() {
        let folder = folder();
        let (exit, _) = ran(shell(folder.path(), "kill -9 $$"), &Stop::new()).await;
        assert_eq!((exit.code, exit.signal), (None, Some(9)));
    }

    #[tokio::test]
    async fn stdin_larger_than_any_pipe_goes_in_while_output_comes_out() {
        let folder = folder();
        let bytes = b"0123456789abcde\n".repeat(100_000);
        let mut launch = shell(folder.path(), "cat");
        launch.stdin = Some(bytes.clone());
        let (exit, lines) = ran(launch, &Stop::new()).await;
        assert!(exit.success());
        assert_eq!(lines.len(), 100_000);
        assert_eq!(std::fs::read(folder.path().join("log")).expect("a log"), bytes);
    }

    #[tokio::test]
    async fn a_child_that_does_not_read_is_fine_and_a_closed_stdin_is_empty() {
        let folder = folder();
        let mut launch = shell(folder.path(), "exec <&-; echo done");
        launch.stdin = Some(vec![b'x'; 1 << 20]);
        assert!(ran(launch, &Stop::new()).await.0.success());
        assert!(ran(shell(folder.path(), "cat"), &Stop::new()).await.0.success());
    }

    #[tokio::test]
    async fn the_environment_is_what_was_given_and_no_git_repository() {
        let folder = folder();
        let mut launch = shell(folder.path(), "echo \"$GIVEN ${PATH:+path} ${HOME-none} ${GIT_DIR-none}\"");
        launch.env = vec![("GIVEN".into(), "a b".into())];
        launch.unset = vec!["HOME".into()];
        assert_eq!(ran(launch, &Stop::new()).await.1, ["a b path none none"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_hours_ends_it() {
        let folder = folder();
        let mut launch = shell(folder.path(), "sleep 100000");
        launch.timeout = Some(Duration::from_secs(7200));
        let (exit, _) = ran(launch, &Stop::new()).await;
        assert_eq!((exit.cut, exit.code), (Some(Cut::TimedOut), None));
        assert!(exit.duration >= Duration::from_secs(7200));

        let mut launch = shell(folder.path(), "sleep 100000");
        launch.timeout = Some(Duration::from_secs(7200));
        launch.stall = Some(Duration::from_secs(600));
        assert_eq!(ran(launch, &Stop::new()).await.0.cut, Some(Cut::Stalled));
    }

    #[tokio::test]
    async fn a_stop_asks_first_and_a_second_one_kills() {
        let folder = folder();
        let stop = Stop::new();
        let line = "trap 'echo asked; exit 7' TERM; echo up; while :; do sleep 0.01; done";
        let exit = run(shell(folder.path(), line), &stop, |line| {
            if line == "up" {
                stop.request();
            }
        });
        let exit = exit.await.expect("an exit");
        assert_eq!((exit.code, exit.cut), (Some(7), Some(Cut::Stopped)));
        assert!(exit.tail.ends_with("asked\n"), "{}", exit.tail);

        let stop = Stop::new();
        let line = "trap '' TERM; echo up; while :; do sleep 0.01; echo still; done";
        let exit = run(shell(folder.path(), line), &stop, |_| stop.request());
        let exit = exit.await.expect("an exit");
        assert_eq!((exit.signal, exit.cut), (Some(9), Some(Cut::Stopped)));
    }

    #[tokio::test]
    async fn what_ignores_being_asked_is_killed_after_its_grace() {
        let folder = folder();
        let stop = Stop::new();
        let mut launch = shell(folder.path(), "trap '' TERM; echo up; while :; do sleep 0.01; done");
        launch.grace = Duration::ZERO;
        let exit = run(launch, &stop, |_| stop.request()).await.expect("an exit");
        assert_eq!((exit.signal, exit.cut), (Some(9), Some(Cut::Stopped)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_leaves_behind_neither_hangs_us_nor_stays() {
        let folder = folder();
        let line = "(trap '' TERM; exec sleep 100000) & echo $!; exit 0";
        let (exit, lines) = ran(shell(folder.path(), line), &Stop::new()).await;
        assert!(exit.success());
        assert_eq!(lines.len(), 1);
        while lives(&lines[0]) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn dropped_it_is_gone() {
        let folder = folder();
        let (say, heard) = oneshot::channel();
        let mut say = Some(say);
        let stop = Stop::new();
        let pid = tokio::select! {
            _ = run(shell(folder.path(), "echo $$; exec sleep 100000"), &stop, |line| {
                say.take().map(|say| say.send(line.to_owned()));
            }) => String::new(),
            pid = heard => pid.expect("its number"),
        };
        assert!(!pid.is_empty());
        while lives(&pid) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_cannot_start_says_why() {
        let folder = folder();
        let mut none = shell(folder.path(), "");
        none.argv.clear();
        assert!(matches!(run(none, &Stop::new(), |_| {}).await, Err(ChildError::NoProgram)));
        let mut missing = shell(folder.path(), "");
        missing.argv = vec!["no-such-program".into()];
        let error = run(missing, &Stop::new(), |_| {}).await.expect_err("an error");
        let said = "cannot start `no-such-program`: there is no such program on the `PATH`";
        assert_eq!(error.to_string(), said);
        let mut nowhere = shell(folder.path(), "");
        nowhere.cwd = folder.path().join("gone");
        nowhere.log = folder.path().join("log");
        assert!(matches!(run(nowhere, &Stop::new(), |_| {}).await, Err(ChildError::NoFolder { .. })));
    }
}
