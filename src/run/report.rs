//! Where events go on their way to the store and the faces.
use super::backlog::Backlog;
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
    backlog: Option<Backlog>,
}

impl Reporter {
    /// One that sends records on.
    pub fn new(to: Sender<Record>) -> Self {
        Self { to: Some(to), mask: Mask::default(), backlog: None }
    }

    /// One that forgets everything.
    pub fn silent() -> Self {
        Self { to: None, mask: Mask::default(), backlog: None }
    }

    /// The same, with nothing in what it reports that the mask hides.
    #[must_use]
    pub fn masking(self, mask: Mask) -> Self {
        Self { mask, ..self }
    }

    /// The same for a listener that tells what it has shown: lines of output wait for it up to a limit.
    #[must_use]
    pub fn bounded(self, backlog: Backlog) -> Self {
        Self { backlog: Some(backlog), ..self }
    }

    /// Reports that something happened now. If nobody listens any more, nobody hears it.
    pub fn report(&self, mut event: Event) {
        if let Some(to) = &self.to {
            for text in words(&mut event) {
                if let Cow::Owned(masked) = self.mask.text(text) {
                    *text = masked;
                }
            }
            if let Some(backlog) = &self.backlog {
                if !backlog.takes(&event) {
                    return;
                }
                if let Event::Output { stage, .. } = &event
                    && let Some(left_out) = backlog.left_out(stage)
                {
                    let _ = to.send(Record { at: now_millis(), event: left_out });
                }
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
fn words(event: &mut Event) -> Vec<&mut String> {
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
        | Event::SessionStarted { session: Some(words), .. }
        | Event::LandingWaits { why: words, .. } => vec![words],
        Event::Tool { tool, .. } => named(tool).collect(),
        Event::Permission { tool, why, .. } => named(tool).chain([why]).collect(),
        _ => Vec::new(),
    }
}

fn named(tool: &mut ToolUse) -> impl Iterator<Item = &mut String> {
    [&mut tool.id, &mut tool.title].into_iter().chain(&mut tool.paths)
}

/// Milliseconds since the Unix epoch.
pub fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{AgentName, SpecName, StageId, StageName};
    use crate::event::{ToolKind, ToolStatus};

    #[test]
    fn nothing_that_an_agent_names_tells_a_secret() {
        let (to, heard) = std::sync::mpsc::channel();
        let mask = Mask::of([("A_TOKEN".into(), "opensesame".into())], &[]);
        let reporter = Reporter::new(to).masking(mask);
        let spec = SpecName::new("a").expect("a name");
        let stage = StageId::new(&spec, &StageName::new("plan").expect("a name"));
        let agent = AgentName::new("talker").expect("a name");
        let says = || "x/opensesame/y".to_owned();
        let tool = ToolUse {
            id: says(),
            kind: ToolKind::Edit,
            title: says(),
            paths: vec!["z".to_owned(), says()],
            status: ToolStatus::Running,
        };
        reporter.report(Event::Tool { stage: stage.clone(), tool: tool.clone() });
        let why = format!("`{}` is outside the worktree", says());
        reporter.report(Event::Permission { stage: stage.clone(), tool, allowed: false, why });
        reporter.report(Event::SessionStarted { stage, agent, session: Some(says()) });
        drop(reporter);
        let told: Vec<String> = heard.iter().map(|record| format!("{:?}", record.event)).collect();
        assert_eq!(told.len(), 3);
        for event in told {
            assert!(!event.contains("sesame") && event.contains("x/***/y"), "{event}");
        }
    }
}
