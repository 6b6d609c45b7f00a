//! A process and what it started, ended as a whole.
use super::line::Line;
use super::report::Report;
use crate::sys::proc::Process;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use tokio::sync::oneshot;

/// What to do to a group next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Ask it to end.
    Ask,
    /// End it.
    Kill,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// The process has ended; its keeper looks after what it left.
    Ended,
    /// Nothing is to come any more.
    Over,
}

/// How the process itself ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Status {
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
}

/// A process and what it started. With a keeper between us and it, that is everything below the keeper;
/// without one, its process group, and what left that is out of reach here.
pub(super) struct Group {
    /// Our own child: the process, or its keeper.
    id: Option<Pid>,
    ended: oneshot::Receiver<()>,
    over: bool,
    reap: Option<mpsc::Sender<()>>,
    status: Option<oneshot::Receiver<io::Result<ExitStatus>>>,
    kept: Option<Kept>,
}

/// What is known through a keeper.
struct Kept {
    line: Line,
    process: Option<(i32, u64)>,
    failed: Option<i32>,
    status: Option<Status>,
    left: Vec<String>,
}

impl Kept {
    fn hear(&mut self, report: Report) {
        match report {
            Report::Began(pid, at) => self.process = Some((pid, at)),
            Report::Failed(error) => self.failed = Some(error),
            Report::Exited(code) => self.status = Some(Status { code: Some(code), signal: None }),
            Report::Killed(signal) => self.status = Some(Status { code: None, signal: Some(signal) }),
            Report::Left(name) => self.left.push(name),
        }
    }

    /// Ends the group of a process whose keeper was killed: what is still in it is all that can be known.
    fn end_orphans(&self, act: Act) {
        let Some((pid, began)) = self.process.filter(|_| self.status.is_none()) else { return };
        // Only while its leader is there is the number surely its own.
        if Process::of(pid).is_some_and(|process| process.began == began)
            && let Some(group) = Pid::from_raw(pid)
        {
            signal_group(group, act);
        }
    }
}

impl Group {
    /// Follows a child from a thread of its own, which reaps it only when told to: until then the kernel
    /// gives its number to nobody else. With a `line` the child is a keeper.
    pub(super) fn watch(mut child: Child, line: Option<Line>) -> io::Result<Self> {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (say_ended, ended) = oneshot::channel();
        let (reap, told) = mpsc::channel();
        let (say_status, status) = oneshot::channel();
        let is_keeper = line.is_some();
        let watched =
            std::thread::Builder::new().name("child".to_owned()).stack_size(128 * 1024).spawn(move || {
                if let Some(id) = id {
                    await_end(id, is_keeper);
                }
                let _ = say_ended.send(());
                let _: Result<(), _> = told.recv();
                let _ = say_status.send(child.wait());
            });
        let kept =
            line.map(|line| Kept { line, process: None, failed: None, status: None, left: Vec::new() });
        let group = Self { id, ended, over: false, reap: Some(reap), status: Some(status), kept };
        watched.map(|_| group)
    }

    /// Waits until the program is known to run. Without a keeper it does.
    pub(super) async fn begun(&mut self) -> io::Result<()> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        while kept.process.is_none() && kept.failed.is_none() {
            match kept.line.next().await {
                Some(report) => kept.hear(report),
                None => return Err(io::Error::other("its keeper ended before it began")),
            }
        }
        kept.failed.map_or(Ok(()), |error| Err(io::Error::from_raw_os_error(error)))
    }

    /// Waits until it has come further. Safe to drop and call again.
    pub(super) async fn further(&mut self) -> Stand {
        loop {
            if self.over {
                return Stand::Over;
            }
            let Some(kept) = &mut self.kept else {
                let _ = (&mut self.ended).await;
                self.over = true;
                continue;
            };
            tokio::select! {
                biased;
                Some(report) = kept.line.next() => {
                    kept.hear(report);
                    if kept.status.is_some() && kept.left.is_empty() {
                        return Stand::Ended;
                    }
                }
                _ = &mut self.ended => {
                    let last: Vec<Report> = kept.line.arrived().collect();
                    last.into_iter().for_each(|report| kept.hear(report));
                    self.over = true;
                }
            }
        }
    }

    /// Acts on all of it.
    pub(super) fn signal(&self, act: Act) {
        // Once it may have been reaped, the number may be somebody else's.
        let Some(id) = self.id.filter(|_| self.reap.is_some()) else { return };
        match &self.kept {
            None => signal_group(id, act),
            Some(kept) if self.over => kept.end_orphans(act),
            Some(kept) => kept.line.say(act),
        }
    }

    /// Lets its number go, and says how the process ended if that is known.
    pub(super) async fn reap(&mut self) -> Option<Status> {
        self.reap = None;
        let own = self.status.take()?.await.ok()?.ok()?;
        let own = Status { code: own.code(), signal: own.signal() };
        match &self.kept {
            None => Some(own),
            // A keeper that was killed did not live to tell.
            Some(kept) => kept.status.or(own.signal.map(|_| own)),
        }
    }

    /// The names of what the process left running, once it is over.
    pub(super) fn left(&mut self) -> Vec<String> {
        self.kept.as_mut().map(|kept| std::mem::take(&mut kept.left)).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Act::Kill);
    }
}

fn signal_group(id: Pid, act: Act) {
    // A failure only says that nobody is left in it.
    let _ = match act {
        Act::Ask => kill_process_group(id, Signal::TERM),
        Act::Kill => kill_process_group(id, Signal::KILL),
    };
}

/// Waits until a child has ended, without reaping it. A keeper that somebody stopped is set going again: all
/// that is below it may do that, and would never be ended then.
fn await_end(id: Pid, is_keeper: bool) {
    let mut what = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    if is_keeper {
        what |= WaitIdOptions::STOPPED;
    }
    loop {
        match waitid(WaitId::Pid(id), what) {
            Ok(Some(status)) if status.stopped() => {
                let _ = waitid(WaitId::Pid(id), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
                let _ = kill_process(id, Signal::CONT);
            }
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return,
        }
    }
}
