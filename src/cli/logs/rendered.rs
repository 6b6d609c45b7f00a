//! What an agent printed, for people: its words, what it did with its tools, and at the end what it used.
use super::super::speech::Speech;
use crate::agent::dialect::{Dialect, EndReason, Said, named};
use crate::event::{ToolStatus, ToolUse, Usage};
use crate::report::{Ink, Line, words};
use std::collections::BTreeSet;

/// Turns the lines of a log into lines for people.
pub struct Rendered {
    dialect: Box<dyn Dialect>,
    worktree: Option<String>,
    used: Option<Usage>,
    /// Tools that were told when they began.
    begun: BTreeSet<String>,
}

impl Rendered {
    /// For a log of somebody who speaks so; nothing for plain text, which is shown as it is.
    pub fn of(speech: &Speech) -> Option<Self> {
        let dialect = named(speech.dialect.as_deref()?);
        Some(Self { dialect, worktree: speech.worktree.clone(), used: None, begun: BTreeSet::new() })
    }

    /// What a line says.
    pub fn line(&mut self, line: &str) -> Vec<Line> {
        let said = self.dialect.read(line);
        said.into_iter().filter_map(|said| self.said(said)).collect()
    }

    /// What is left to say at the end.
    pub fn end(&mut self) -> Vec<Line> {
        let said = self.dialect.end();
        let mut lines: Vec<Line> = said.into_iter().filter_map(|said| self.said(said)).collect();
        if let Some(used) = self.used.take() {
            lines.push(Line::new().ink(Ink::Faint, format!("used {}", words::used(&used))));
        }
        lines
    }

    fn said(&mut self, said: Said) -> Option<Line> {
        let faint = |text: String| Some(Line::new().ink(Ink::Faint, text));
        match said {
            Said::Text(text) => Some(Line::new().text(text)),
            Said::Aside(text) => faint(text),
            Said::Started { session: Some(session) } => faint(format!("session {session}")),
            Said::Started { session: None } => None,
            Said::Tool(tool) => self.tool(&tool),
            Said::Plan { done, total } => faint(format!("plan {done}/{total}")),
            Said::Usage(used) => {
                self.used = Some(self.used.unwrap_or_default().plus(used));
                None
            }
            Said::Retrying { why, millis } => {
                let after = millis.map(|millis| format!(" in {}", words::took(millis))).unwrap_or_default();
                Some(Line::new().ink(Ink::Attention, format!("tries again{after}: {why}")))
            }
            Said::Ended(EndReason::Finished) => None,
            Said::Ended(EndReason::Cut) => Some(Line::new().ink(Ink::Bad, "its answer was cut off")),
            Said::Ended(EndReason::Stopped) => faint("it was asked to end".to_owned()),
            Said::Ended(EndReason::Failed(why)) => Some(Line::new().ink(Ink::Bad, format!("failed: {why}"))),
        }
    }

    /// A tool, when it begins, and again only if it fails.
    fn tool(&mut self, tool: &ToolUse) -> Option<Line> {
        let is_new = tool.id.is_empty() || self.begun.insert(tool.id.clone());
        if !is_new && tool.status != ToolStatus::Failed {
            return None;
        }
        let ink = if tool.status == ToolStatus::Failed { Ink::Bad } else { Ink::Active };
        let what = words::tool(tool, self.worktree.as_deref());
        Some(Line::new().ink(ink, format!("tool {what}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Style;

    #[test]
    fn words_and_tools_come_as_lines_and_usage_at_the_end() {
        let speech = Speech { dialect: Some("demo".into()), worktree: Some("/w/a".into()) };
        let mut rendered = Rendered::of(&speech).expect("no plain text");
        let mut shown = |line: &str| -> Vec<String> {
            rendered.line(line).iter().map(|line| line.render(&Style::PLAIN)).collect()
        };
        assert_eq!(shown("I begin."), ["I begin."]);
        assert_eq!(shown("demo: session s-1"), ["session s-1"]);
        assert_eq!(shown("demo: tool edit /w/a/src/x.rs"), ["tool edit src/x.rs"]);
        assert!(shown("demo: usage 1200 in 30 out cost 0.25").is_empty());
        assert!(shown("demo: usage 300 in 3 out").is_empty());
        assert_eq!(shown("demo: ended failed no key"), ["failed: no key"]);
        let end: Vec<String> = rendered.end().iter().map(|line| line.render(&Style::PLAIN)).collect();
        assert_eq!(end, ["used 1500 tokens in, 33 out, 0.25 USD"]);
        assert!(rendered.end().is_empty());
        assert!(Rendered::of(&Speech::default()).is_none());
    }
}
