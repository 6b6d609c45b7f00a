//! A run as a stream of lines: what begins, ends and goes wrong, and what agents do with their tools meanwhile.
use super::line::Line;
use super::plain::{about, narrate};
use super::style::{Ink, Mark, Style};
use super::{Voice, words};
use crate::base::StageId;
use crate::event::{Event, Record, ToolStatus, ToolUse};
use crate::view::View;
use std::collections::BTreeSet;

/// The face of one who looks on.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    view: View,
    style: Style,
    /// Also words of agents, sessions and what is used.
    verbose: bool,
    /// Tools that were told when they began.
    begun: BTreeSet<(StageId, String)>,
}

impl Watch {
    /// One that has seen nothing yet.
    pub fn new(style: Style, verbose: bool) -> Self {
        Self { style, verbose, ..Self::default() }
    }

    /// What is known of the run by now.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Takes in an event, and says what there is to say of it.
    pub fn hear(&mut self, record: &Record) -> Option<Line> {
        self.view.apply(record);
        let about = |stage: &StageId, mark| about(&self.view, &self.style, mark, &stage.to_string());
        match &record.event {
            Event::AttemptStarted { stage, .. } => {
                self.begun.retain(|(of, _)| of != stage);
                narrate(&self.view, record, Voice::Normal, &self.style)
            }
            Event::Tool { stage, tool } => {
                let is_new = tool.id.is_empty() || self.begun.insert((stage.clone(), tool.id.clone()));
                let has_failed = tool.status == ToolStatus::Failed;
                let ink = if has_failed { Ink::Bad } else { Ink::Plain };
                let mark = if has_failed { Mark::Warning } else { Mark::Running };
                let line = about(stage, mark).ink(ink, self.tool(stage, tool));
                (is_new || has_failed).then_some(line)
            }
            Event::Permission { stage, tool, allowed, why } => {
                let (mark, ink, word) = match allowed {
                    true => (Mark::Running, Ink::Good, "allowed"),
                    false => (Mark::Warning, Ink::Attention, "refused"),
                };
                let line = about(stage, mark).ink(ink, word).text(format!(": {}", self.tool(stage, tool)));
                Some(line.ink(Ink::Faint, format!(" ({why})")))
            }
            Event::Planned { stage, done, total } => {
                Some(about(stage, Mark::Running).ink(Ink::Faint, format!("plan {done}/{total}")))
            }
            Event::Retrying { stage, why, until } => {
                let after =
                    until.map(|until| format!(" in {}", words::elapsed(until.saturating_sub(record.at))));
                let line = about(stage, Mark::Waiting).ink(Ink::Attention, "tries again");
                Some(line.text(format!("{}: {why}", after.unwrap_or_default())))
            }
            Event::Output { stage, line } if self.verbose => Some(about(stage, Mark::Running).text(line)),
            Event::SessionStarted { stage, session: Some(session), .. } if self.verbose => {
                Some(about(stage, Mark::Running).ink(Ink::Faint, format!("session {session}")))
            }
            Event::Usage { stage, usage, .. } if self.verbose => {
                Some(about(stage, Mark::Running).ink(Ink::Faint, format!("used {}", words::used(usage))))
            }
            _ => narrate(&self.view, record, Voice::Normal, &self.style),
        }
    }

    fn tool(&self, stage: &StageId, tool: &ToolUse) -> String {
        let attempt = self.view.stage(stage).and_then(|stage| stage.attempts.last());
        words::tool(tool, attempt.map(|attempt| attempt.worktree.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ToolKind;
    use crate::report::sample;

    fn told(verbose: bool) -> Vec<String> {
        let stage = || sample::id("051-retry:implement");
        let tool = |id: &str, status| ToolUse {
            id: id.into(),
            kind: ToolKind::Edit,
            title: "../demo.worktrees/x/src/y.rs".into(),
            paths: vec!["../demo.worktrees/x/src/y.rs".into()],
            status,
        };
        let mut records = sample::run();
        let more = [
            Event::Tool { stage: stage(), tool: tool("1", ToolStatus::Running) },
            Event::Tool { stage: stage(), tool: tool("1", ToolStatus::Done) },
            Event::Tool { stage: stage(), tool: tool("2", ToolStatus::Running) },
            Event::Tool { stage: stage(), tool: tool("2", ToolStatus::Failed) },
            Event::Planned { stage: stage(), done: 1, total: 3 },
            Event::Retrying { stage: stage(), why: "overloaded".into(), until: Some(7_000) },
            Event::Permission {
                stage: stage(),
                tool: tool("3", ToolStatus::Running),
                allowed: false,
                why: "outside the worktree".into(),
            },
            Event::SessionStarted {
                stage: stage(),
                agent: crate::base::AgentName::new("claude").expect("a name"),
                session: Some("s-1".into()),
            },
        ];
        records.extend(more.map(|event| Record { at: 2_000, event }));
        let mut watch = Watch::new(Style::PLAIN, verbose);
        records.iter().filter_map(|record| Some(watch.hear(record)?.render(&Style::PLAIN))).collect()
    }

    #[test]
    fn tools_plans_retries_and_permissions_are_told() {
        let told = told(false);
        let tail: Vec<&str> = told[told.len() - 6..]
            .iter()
            .map(|line| line.split_once("051-retry:implement  ").map_or(line.as_str(), |(_, rest)| rest))
            .collect();
        assert_eq!(
            tail,
            [
                "edit src/y.rs",
                "edit src/y.rs",
                "edit src/y.rs: failed",
                "plan 1/3",
                "tries again in 5s: overloaded",
                "refused: edit src/y.rs (outside the worktree)"
            ]
        );
        assert!(told.iter().any(|line| line.ends_with("tasks 3/7")), "{told:#?}");
    }

    #[test]
    fn words_sessions_and_usage_are_told_to_who_wants_them() {
        let (brief, long) = (told(false).join("\n"), told(true).join("\n"));
        for words in ["writing src/retry/backoff.rs", "session s-1", "used 1200 tokens in, 300 out, 0.25 USD"]
        {
            assert!(long.contains(words) && !brief.contains(words), "{words}\n{long}");
        }
    }
}
