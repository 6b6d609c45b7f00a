//! Where events go on their way to the store and the faces.
use crate::base::Mask;
use crate::event::{Event, Failure, Record, ToolUse};
use std::borrow::Cow;
use std::sync::mpsc::Sender;
use std::time::{SystemTime, UNIX_EPOCH};

/// Takes events from any thread; never waits.
#[derive(Debug, Clone)]
pub struct Reporter {
    to: Option<Sender<Record>>,
    mask: Mask,
}

impl Reporter {
    /// One that sends records on.
    pub fn new(to: Sender<Record>) -> Self {
        Self { to: Some(to), mask: Mask::default() }
    }

    /// One that forgets everything.
    pub fn silent() -> Self {
        Self { to: None, mask: Mask::default() }
    }

    /// The same, with nothing in what it reports that the mask hides.
    #[must_use]
    pub fn masking(self, mask: Mask) -> Self {
        Self { mask, ..self }
    }

    /// Reports that something happened now. If nobody listens any more, nobody hears it.
    pub fn report(&self, mut event: Event) {
        if let Some(to) = &self.to {
            if let Some(text) = words(&mut event)
                && let Cow::Owned(masked) = self.mask.text(text)
            {
                *text = masked;
            }
            let _ = to.send(Record { at: now_millis(), event });
        }
    }

    /// Reports something to know.
    pub fn warn(&self, message: impl Into<String>) {
        self.report(Event::Warning { message: message.into() });
    }
}

/// What an event says in words that are not ours alone.
fn words(event: &mut Event) -> Option<&mut String> {
    match event {
        Event::Output { line: words, .. }
        | Event::Warning { message: words }
        | Event::StageHeld { failure: Failure { message: words, .. }, .. }
        | Event::StageFailed { failure: Failure { message: words, .. }, .. }
        | Event::AttemptEnded { failure: Some(Failure { message: words, .. }), .. }
        | Event::SpecBlocked { why: words, .. }
        | Event::SpecSkipped { why: words, .. }
        | Event::PoolPaused { why: words, .. }
        | Event::Retrying { why: words, .. }
        | Event::Tool { tool: ToolUse { title: words, .. }, .. }
        | Event::Permission { tool: ToolUse { title: words, .. }, .. }
        | Event::LandingWaits { why: words, .. } => Some(words),
        _ => None,
    }
}

/// Milliseconds since the Unix epoch.
pub fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
