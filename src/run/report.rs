//! Where events go on their way to the store and the faces.
use crate::event::{Event, Record};
use std::sync::mpsc::Sender;
use std::time::{SystemTime, UNIX_EPOCH};

/// Takes events from any thread; never waits.
#[derive(Debug, Clone)]
pub struct Reporter {
    to: Option<Sender<Record>>,
}

impl Reporter {
    /// One that sends records on.
    pub fn new(to: Sender<Record>) -> Self {
        Self { to: Some(to) }
    }

    /// One that forgets everything.
    pub fn silent() -> Self {
        Self { to: None }
    }

    /// Reports that something happened now. If nobody listens any more, nobody hears it.
    pub fn report(&self, event: Event) {
        if let Some(to) = &self.to {
            let _ = to.send(Record { at: now_millis(), event });
        }
    }

    /// Reports something to know.
    pub fn warn(&self, message: impl Into<String>) {
        self.report(Event::Warning { message: message.into() });
    }
}

/// Milliseconds since the Unix epoch.
pub fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
