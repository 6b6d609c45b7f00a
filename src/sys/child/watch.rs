//! The limits of a process, and which of them is reached.
use super::Cut;
use super::group::Act;
use crate::sys::stop::Urgency;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A look that comes so late says that we were stopped ourselves (Ctrl-Z), and what was said meanwhile is not read yet.
const LATE: Duration = Duration::from_secs(5);

/// The limits of a process and how far they have been used up.
pub(super) struct Watch {
    /// Why the process was made to end, if it was.
    pub(super) cut: Option<Cut>,
    timeout: Option<Instant>,
    stall: Option<Duration>,
    heard: Instant,
    grace: Duration,
    kill: Option<Instant>,
    killed: bool,
    ended: Option<Instant>,
}

impl Watch {
    /// Limits that begin now.
    pub(super) fn new(
        now: Instant,
        timeout: Option<Duration>,
        stall: Option<Duration>,
        grace: Duration,
    ) -> Self {
        let timeout = timeout.and_then(|limit| now.checked_add(limit));
        Self { cut: None, timeout, stall, heard: now, grace, kill: None, killed: false, ended: None }
    }

    /// The process said something.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// The process itself has ended: no limit holds any more, and nothing can cut it short.
    pub(super) fn ended(&mut self, now: Instant) {
        self.ended.get_or_insert(now);
    }

    /// How long the process took that began then.
    pub(super) fn took(&self, began: Instant) -> Duration {
        self.ended.map_or(Duration::ZERO, |ended| ended.duration_since(began))
    }

    fn next(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        match (self.killed, self.cut) {
            (true, _) => None,
            (false, Some(_)) => self.kill,
            (false, None) => {
                let silent = self.stall.and_then(|limit| self.heard.checked_add(limit));
                self.timeout.into_iter().chain(silent).min()
            }
        }
    }

    /// Waits until a limit is reached.
    pub(super) async fn due(&self) {
        match self.next() {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// What to do about the limit that is reached, if anything.
    pub(super) fn act(&mut self, now: Instant) -> Option<Act> {
        if self.cut.is_some() {
            return Some(self.end());
        }
        if self.timeout.is_some_and(|at| at <= now) {
            return Some(self.ask(Cut::TimedOut, now));
        }
        let late = self.next().map(|at| now.saturating_duration_since(at)).unwrap_or_default();
        if late >= LATE {
            self.heard = now;
            return None;
        }
        Some(self.ask(Cut::Stalled, now))
    }

    /// What to do about a wish to stop.
    pub(super) fn stop(&mut self, urgency: Urgency, now: Instant) -> Act {
        if self.ended.is_some() {
            return if urgency == Urgency::AtOnce { Act::Kill } else { Act::Ask };
        }
        if urgency == Urgency::AtOnce {
            self.cut.get_or_insert(Cut::Stopped);
            return self.end();
        }
        match self.cut {
            Some(_) => Act::Ask,
            None => self.ask(Cut::Stopped, now),
        }
    }

    fn ask(&mut self, cut: Cut, now: Instant) -> Act {
        self.cut = Some(cut);
        self.kill = now.checked_add(self.grace);
        Act::Ask
    }

    fn end(&mut self) -> Act {
        self.killed = true;
        Act::Kill
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_seen_in_their_order() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let limit = |seconds| Some(Duration::from_secs(seconds));
        let mut watch = Watch::new(start, limit(100), limit(10), Duration::from_secs(5));
        assert_eq!(watch.next(), Some(at(10)));
        watch.heard(at(95));
        assert_eq!(watch.next(), Some(at(100)));
        assert_eq!((watch.act(at(100)), watch.cut), (Some(Act::Ask), Some(Cut::TimedOut)));
        assert_eq!(watch.next(), Some(at(105)));
        assert_eq!(watch.stop(Urgency::Graceful, at(101)), Act::Ask);
        assert_eq!(watch.next(), Some(at(105)));
        assert_eq!(watch.act(at(105)), Some(Act::Kill));
        assert_eq!((watch.next(), watch.cut), (None, Some(Cut::TimedOut)));
    }

    #[test]
    fn silence_while_we_were_stopped_ourselves_is_no_stall() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(start, None, Some(Duration::from_secs(10)), Duration::from_secs(5));
        assert_eq!((watch.act(at(600)), watch.cut), (None, None));
        assert_eq!(watch.next(), Some(at(610)));
        assert_eq!((watch.act(at(610)), watch.cut), (Some(Act::Ask), Some(Cut::Stalled)));
    }

    #[test]
    fn what_has_ended_cannot_be_cut_short() {
        let start = Instant::now();
        let later = start + Duration::from_secs(3);
        let mut watch = Watch::new(start, Some(Duration::from_secs(9)), None, Duration::ZERO);
        watch.ended(later);
        watch.ended(later + Duration::from_secs(5));
        assert_eq!((watch.next(), watch.took(start)), (None, Duration::from_secs(3)));
        assert_eq!(watch.stop(Urgency::Graceful, later), Act::Ask);
        assert_eq!(watch.stop(Urgency::AtOnce, later), Act::Kill);
        assert_eq!(watch.cut, None);
    }
}
