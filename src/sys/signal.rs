//! The signals that ask specmake itself to end, as a stream for the loop.
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGCONT: the program goes on after a Ctrl-Z.
///
/// # Errors
/// The system refused a signal handler.
pub fn continued() -> io::Result<Signal> {
    signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))
}

/// One signal that asks to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupt {
    /// Its number; the exit code is 128 more.
    pub signal: i32,
    /// Which it is: the first asks with grace, every later one means at once.
    pub which: Which,
}

/// The first interrupt or a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// No new work; what runs is asked to end.
    First,
    /// What runs is ended at once.
    Again,
}

/// SIGINT, SIGTERM, SIGHUP, and SIGQUIT, which means at once. From its making on they no longer end the program by
/// themselves.
#[derive(Debug)]
pub struct Interrupts {
    int: Signal,
    term: Signal,
    quit: Signal,
    hup: Option<Signal>,
    seen: bool,
}

impl Interrupts {
    /// Begins to listen. A SIGHUP that `nohup` had ignored stays ignored.
    ///
    /// # Errors
    /// The system refused a signal handler.
    pub fn listen() -> io::Result<Self> {
        let hup = if hup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        let (int, term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { int, term, quit: signal(SignalKind::quit())?, hup, seen: false })
    }

    /// A closed terminal as if it had sent SIGHUP, which need not come; nothing where that is ignored, or where an
    /// interrupt came before.
    pub fn hangup(&mut self) -> Option<Interrupt> {
        (self.hup.is_some() && !self.seen).then(|| self.interrupt(SignalKind::hangup()))
    }

    fn interrupt(&mut self, kind: SignalKind) -> Interrupt {
        let again = std::mem::replace(&mut self.seen, true) || kind == SignalKind::quit();
        Interrupt { signal: kind.as_raw_value(), which: if again { Which::Again } else { Which::First } }
    }

    /// Waits for the next one. A SIGHUP after another interrupt says nothing new: a terminal that is closed sends
    /// more than one. Safe to drop and call again.
    pub async fn next(&mut self) -> Interrupt {
        loop {
            let kind = tokio::select! {
                biased;
                () = received(&mut self.hup) => SignalKind::hangup(),
                Some(()) = self.int.recv() => SignalKind::interrupt(),
                Some(()) = self.term.recv() => SignalKind::terminate(),
                Some(()) = self.quit.recv() => SignalKind::quit(),
            };
            if kind != SignalKind::hangup() || !self.seen {
                return self.interrupt(kind);
            }
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending().await
    }
}

/// Whether this process was started with SIGHUP ignored; false where the system does not tell.
fn hup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores(&status, SignalKind::hangup().as_raw_value())
}

fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).ok().and_then(|bit| mask.checked_shr(bit)).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::Signal;

    #[test]
    fn an_ignored_signal_is_read_from_the_mask() {
        let check = |mask: &str, signal: i32, expect: bool| {
            let status = format!("Name:\tx\nSigIgn:\t{mask}\nSigCgt:\tffffffffffffffff\n");
            assert_eq!(ignores(&status, signal), expect, "{mask} {signal}");
        };
        check("0000000000000001", 1, true);
        check("0000000000000000", 1, false);
        check("0000000000000002", 1, false);
        check("zz", 1, false);
        assert!(!ignores("", 1));
    }

    #[tokio::test]
    async fn the_second_one_is_told_from_the_first() {
        let mut interrupts = Interrupts::listen().expect("handlers");
        let mut closed = signal(SignalKind::hangup()).expect("a handler");
        let own = rustix::process::getpid();
        let send = |signal| rustix::process::kill_process(own, signal).expect("a signal");
        for (signal, which) in [(Signal::HUP, Which::First), (Signal::INT, Which::Again)] {
            send(signal);
            assert_eq!(interrupts.next().await, Interrupt { signal: signal.as_raw(), which });
        }
        assert_eq!(interrupts.hangup(), None);
        closed.recv().await;
        send(Signal::HUP);
        // Threads take signals in any order: the next one is sent once this one is here.
        closed.recv().await;
        send(Signal::TERM);
        assert_eq!(
            interrupts.next().await.signal,
            Signal::TERM.as_raw(),
            "a terminal that closes says so twice"
        );
        let mut interrupts = Interrupts::listen().expect("handlers");
        send(Signal::QUIT);
        let quit = Interrupt { signal: Signal::QUIT.as_raw(), which: Which::Again };
        assert_eq!(interrupts.next().await, quit, "at once");
    }
}
