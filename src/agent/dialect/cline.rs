//! `cline --json`. Format: as printed by cline 3.0.65. It names no session that it could be called with again.
use super::json::{cost, event, first_text, flag, list, text, usage, without_cached};
use super::tools::{self, Tools};
use super::{Dialect, EndReason, Said, words};
use crate::event::Usage;
use serde_json::Value;

/// Reads Cline.
#[derive(Debug, Default)]
pub struct Cline {
    tools: Tools,
    /// The cost of all that was told.
    cost: Option<f64>,
}

const FIGURES: [&str; 4] = ["/inputTokens", "/outputTokens", "/cacheReadTokens", "/cacheWriteTokens"];

impl Dialect for Cline {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        match text(&event, "/type") {
            "agent_event" => self.event(&event["event"]),
            "hook_event" if text(&event, "/hookEventName") == "agent_start" => {
                vec![Said::Started { session: None }]
            }
            "run_result" => vec![Said::Ended(over(&event))],
            "error" => {
                let why = first_text(&event, &["/message", "/error/message", "/error"]);
                vec![Said::Ended(EndReason::Failed(words::error(why, None, "")))]
            }
            _ => Vec::new(),
        }
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

impl Cline {
    fn event(&mut self, event: &Value) -> Vec<Said> {
        let id = text(event, "/toolCallId");
        match (text(event, "/type"), text(event, "/contentType")) {
            ("content_start", "tool") => {
                let input = &event["input"];
                self.tools.begin(tools::begun(id, text(event, "/toolName"), input), input)
            }
            ("content_end", "tool") => {
                let output = &event["output"];
                let is_bad = |output: &Value| flag(output, "/success") == Some(false);
                let is_good = !is_bad(output) && !list(output, "").iter().any(is_bad);
                self.tools.end(id, is_good).into_iter().collect()
            }
            ("content_end", "text") => words::texts(text(event, "/text")).collect(),
            ("usage", _) => {
                let sum = cost(event, "/totalCost");
                let more = sum.map(|sum| (sum - self.cost.unwrap_or_default()).max(0.0));
                self.cost = sum.or(self.cost);
                let used = Usage { cost: more, ..without_cached(usage(event, FIGURES)) };
                vec![Said::Usage(used)]
            }
            _ => Vec::new(),
        }
    }
}

fn over(event: &Value) -> EndReason {
    match text(event, "/finishReason") {
        "completed" => EndReason::Finished,
        "max_tokens" | "length" => EndReason::Cut,
        "aborted" | "cancelled" => EndReason::Stopped,
        other => {
            // Elsewhere the text is what the agent said last, which is no error.
            let texts = ["/error/message", "/error", "/text"];
            let why = first_text(event, if other == "error" { &texts } else { &texts[..2] });
            EndReason::Failed(words::error(if why.is_empty() { other } else { why }, None, ""))
        }
    }
}
