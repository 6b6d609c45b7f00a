//! A process group, ended as a whole.
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
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

/// A process and what it started, ended together. What left the group is out of reach here: a subreaper
/// would widen [`Group::signal`] to everything below it.
pub(super) struct Group {
    id: Option<Pid>,
    ended: oneshot::Receiver<()>,
    over: bool,
    reap: Option<mpsc::Sender<()>>,
    status: Option<oneshot::Receiver<io::Result<ExitStatus>>>,
}

impl Group {
    /// Follows a child from a thread of its own, which reaps it only when told to: until then the kernel
    /// gives its number to nobody else.
    pub(super) fn watch(mut child: Child) -> io::Result<Self> {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (say_ended, ended) = oneshot::channel();
        let (reap, told) = mpsc::channel();
        let (say_status, status) = oneshot::channel();
        let watched =
            std::thread::Builder::new().name("child".to_owned()).stack_size(128 * 1024).spawn(move || {
                let waiting = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while id.is_some_and(|id| waitid(WaitId::Pid(id), waiting).err() == Some(Errno::INTR)) {}
                let _ = say_ended.send(());
                let _: Result<(), _> = told.recv();
                let _ = say_status.send(child.wait());
            });
        let group = Self { id, ended, over: false, reap: Some(reap), status: Some(status) };
        watched.map(|_| group)
    }

    /// Waits until the process itself has ended.
    pub(super) async fn ended(&mut self) {
        if !self.over {
            let _ = (&mut self.ended).await;
            self.over = true;
        }
    }

    /// Sends a signal to all of it.
    pub(super) fn signal(&self, act: Act) {
        // Once it may have been reaped, the number may be somebody else's.
        if let (Some(id), Some(_)) = (self.id, &self.reap) {
            // A failure only says that nobody is left in it.
            let _ = match act {
                Act::Ask => kill_process_group(id, Signal::TERM),
                Act::Kill => kill_process_group(id, Signal::KILL),
            };
        }
    }

    /// Lets its number go, and says how the process ended if that is known.
    pub(super) async fn reap(&mut self) -> Option<ExitStatus> {
        self.reap = None;
        self.status.take()?.await.ok()?.ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Act::Kill);
    }
}
