//! The keeper: this program again, between specmake and one process that it was to start. It adopts whatever
//! below it loses its parent, so nothing gets out of its sight by forking twice, by a session of its own or by
//! an empty environment, and it ends with nothing left below it. When specmake is gone it ends all of it, too.
//!
//! Its input and output are those of the process; what would be its stderr is the line to specmake.
use super::hand;
use super::report::{ASK, KILL, Report};
use super::start::pass_on;
use crate::sys::proc::{self, Process};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process_group, wait};
use rustix::stdio::{dup2_stdin, dup2_stdout};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// The first argument of a keeper; those of the process follow.
pub const WORD: &str = "--keep-process";

/// The same where the process's complaints go elsewhere: over the line comes whereto.
pub const WORD_APART: &str = "--keep-process-apart";

/// How long what the process left behind may go on by itself.
const LINGER: Duration = Duration::from_secs(1);
/// How long it has to end after being asked to.
const GRACE: Duration = Duration::from_secs(1);
/// How long something may withstand being killed before the keeper gives up on it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two rounds of killing.
const ROUND: Duration = Duration::from_millis(10);
/// The most rounds of looking for processes that were made while others were stopped.
const MOST_LOOKS: u32 = 100;

/// The number of an error that has none: an argument with a NUL in it.
const INVALID: i32 = Errno::INVAL.raw_os_error();

/// The program that can keep processes: this very one, even if its file was replaced or removed meanwhile.
/// `None` where the system cannot do it.
pub fn program() -> Option<PathBuf> {
    let own = Path::new("/proc/self/exe");
    (cfg!(target_os = "linux") && own.exists()).then(|| own.to_owned())
}

/// Whether a first argument is that of a keeper.
pub fn is_word(word: &OsStr) -> bool {
    word == WORD || word == WORD_APART
}

/// Keeps the process with these arguments until it and all below it are gone; `word` is the one before them.
///
/// # Errors
/// It was not started by specmake, or the system refused something at the start.
pub fn main(word: &OsStr, argv: &[OsString]) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let line = std::os::unix::net::UnixStream::from(io::stderr().as_fd().try_clone_to_owned()?);
        // That of a person who tries it out is no socket.
        line.peer_addr()?;
        let complains = if word == WORD_APART { Some(hand::taken(&line)?) } else { None };
        line.set_nonblocking(true)?;
        let line = Line { to: line.try_clone()?, from: UnixStream::from_std(line)? };
        // Handlers, since what is ignored stays so in the process; they swallow what was meant for that.
        let mut children = signal(SignalKind::child())?;
        for kind in
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()]
        {
            let _ = signal(kind)?;
        }
        adopt_orphans();
        let process = match pass_on(argv, complains) {
            Ok(process) => i32::try_from(process).ok().and_then(Pid::from_raw),
            Err(error) => {
                tell(&line, &Report::Failed(error.raw_os_error().unwrap_or(INVALID)));
                return Ok(());
            }
        };
        // Without `/dev/null` specmake merely sees the end of its output later.
        let _ = let_go_of_streams();
        let mut keeping = Keeping { line: Some(line), process, asked: false, phase: Phase::Running };
        if let Some(process) = process {
            let process = process.as_raw_pid();
            keeping.tell(&Report::Began(process, Process::of(process).map_or(0, |process| process.began)));
        }
        while keeping.reap() {
            let due = keeping.phase.due();
            tokio::select! {
                _ = children.recv() => {}
                word = heard(keeping.line.as_ref()) => keeping.obey(word),
                () = at(due) => if !keeping.advance() { break },
            }
        }
        Ok(())
    })
}

fn adopt_orphans() {
    // Where it is refused, what loses its parent is lost to us, and only its environment tells of it.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Our copies would keep specmake from seeing that the process closed its own.
fn let_go_of_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    Ok(dup2_stdout(&null)?)
}

/// The line to specmake.
struct Line {
    to: std::os::unix::net::UnixStream,
    from: UnixStream,
}

fn tell(line: &Line, report: &Report) {
    // Nobody listens once specmake is gone.
    let _ = (&line.to).write(report.to_string().as_bytes());
}

/// What specmake says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Ask,
    Kill,
    /// It is gone.
    Gone,
}

async fn heard(line: Option<&Line>) -> Wish {
    let Some(Line { from: line, .. }) = line else { return std::future::pending().await };
    loop {
        let mut word = [0];
        if line.readable().await.is_err() {
            return Wish::Gone;
        }
        match line.try_read(&mut word) {
            Ok(1..) if word == [ASK] => return Wish::Ask,
            Ok(1..) if word == [KILL] => return Wish::Kill,
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return Wish::Gone,
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The process runs.
    Running,
    /// It ended; the rest may until then.
    Lingering(Instant),
    /// The rest was asked to end until then.
    Asked(Instant),
    /// All of it is being killed, next at the one time, until the other.
    Killing { next: Instant, until: Instant },
}

impl Phase {
    fn due(self) -> Option<Instant> {
        match self {
            Self::Running => None,
            Self::Lingering(due) | Self::Asked(due) => Some(due),
            Self::Killing { next, .. } => Some(next),
        }
    }
}

struct Keeping {
    line: Option<Line>,
    /// The process itself, until it is reaped.
    process: Option<Pid>,
    /// Whether it was asked to end.
    asked: bool,
    phase: Phase,
}

impl Keeping {
    fn tell(&self, report: &Report) {
        if let Some(line) = &self.line {
            tell(line, report);
        }
    }

    /// Reaps whatever has ended. False once nothing is left below.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if Some(pid) == self.process => self.ended(status),
                Ok(None) => return true,
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// The process itself did.
    fn ended(&mut self, status: WaitStatus) {
        self.process = None;
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => self.tell(&Report::Exited(code)),
            (None, Some(signal)) => self.tell(&Report::Killed(signal)),
            (None, None) => {}
        }
        if self.phase == Phase::Running {
            let linger = if self.asked { Duration::ZERO } else { LINGER };
            self.phase = Phase::Lingering(Instant::now() + linger);
        }
    }

    fn obey(&mut self, wish: Wish) {
        match (wish, self.phase) {
            (Wish::Ask, Phase::Running) => {
                self.asked = true;
                if let Some(process) = self.process {
                    let _ = kill_process_group(process, Signal::TERM);
                }
            }
            (Wish::Ask, Phase::Lingering(_)) => self.ask_rest(),
            (Wish::Ask, Phase::Asked(_) | Phase::Killing { .. }) => {}
            (Wish::Kill, _) => self.kill(),
            (Wish::Gone, phase) => {
                self.line = None;
                if matches!(phase, Phase::Running | Phase::Lingering(_)) {
                    self.ask_rest();
                }
            }
        }
    }

    /// Goes on with the end. False once there is no hope left.
    fn advance(&mut self) -> bool {
        match self.phase {
            Phase::Running => {}
            Phase::Lingering(_) => self.ask_rest(),
            Phase::Asked(_) => self.kill(),
            Phase::Killing { until, .. } => {
                end_below();
                let next = Instant::now() + ROUND;
                self.phase = Phase::Killing { next, until };
                return next < until;
            }
        }
        true
    }

    /// Asks everything below to end, and says what that is.
    fn ask_rest(&mut self) {
        for process in below() {
            self.tell(&Report::Left(process.name.clone()));
            process.signal(Signal::TERM);
            process.signal(Signal::CONT);
        }
        self.phase = Phase::Asked(Instant::now() + GRACE);
    }

    fn kill(&mut self) {
        if !matches!(self.phase, Phase::Killing { .. }) {
            let now = Instant::now();
            self.phase = Phase::Killing { next: now, until: now + PATIENCE };
        }
    }
}

fn below() -> Vec<Process> {
    proc::below(getpid().as_raw_pid())
}

/// Kills everything below. It is stopped first, so that nothing can be faster at starting than we at ending.
fn end_below() {
    let mut known: Vec<Process> = Vec::new();
    let mut seen = HashSet::new();
    for _ in 0..MOST_LOOKS {
        let new: Vec<Process> = below().into_iter().filter(|process| seen.insert(process.pid)).collect();
        if new.is_empty() {
            break;
        }
        new.iter().for_each(|process| process.signal(Signal::STOP));
        known.extend(new);
    }
    known.iter().for_each(|process| process.signal(Signal::KILL));
}
