//! `pi --mode json`. Format: as printed by pi-coding-agent 0.87.1.
use super::json::{cost, event, first_text, flag, list, number, text, usage};
use super::tools::{self, Tools};
use super::{Dialect, EndReason, Said, words};
use crate::event::Usage;
use serde_json::Value;

/// Reads pi.
#[derive(Debug, Default)]
pub struct Pi {
    tools: Tools,
    /// How its last answer ended, until it says that all is over.
    answer: Option<EndReason>,
}

const FIGURES: [&str; 4] = ["/usage/input", "/usage/output", "/usage/cacheRead", "/usage/cacheWrite"];

impl Dialect for Pi {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        match text(&event, "/type") {
            "session" => {
                let id = text(&event, "/id");
                vec![Said::Started { session: (!id.is_empty()).then(|| id.to_owned()) }]
            }
            "message_end" => self.message(&event["message"]),
            "turn_start" => {
                self.answer = None;
                Vec::new()
            }
            "turn_end" => {
                self.answer = answer(&event["message"]).or(self.answer.take());
                Vec::new()
            }
            "tool_execution_start" => {
                let (id, name) = (text(&event, "/toolCallId"), text(&event, "/toolName"));
                let input = &event["args"];
                self.tools.begin(tools::begun(id, name, input), input)
            }
            "tool_execution_end" => {
                let is_good = flag(&event, "/isError") != Some(true);
                self.tools.end(text(&event, "/toolCallId"), is_good).into_iter().collect()
            }
            "auto_retry_start" => {
                let why = words::error(first_text(&event, &["/errorMessage", "/error"]), None, "");
                vec![Said::Retrying { why, millis: number(&event, "/delayMs") }]
            }
            "auto_retry_end" if flag(&event, "/success") == Some(false) => {
                vec![Said::Ended(failed(text(&event, "/finalError")))]
            }
            "agent_end" => {
                if let Some(reason) = list(&event, "/messages").last().and_then(answer) {
                    self.answer = Some(reason);
                }
                if flag(&event, "/willRetry") == Some(true) { Vec::new() } else { self.over() }
            }
            "agent_settled" => self.over(),
            _ => Vec::new(),
        }
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

impl Pi {
    fn message(&mut self, message: &Value) -> Vec<Said> {
        if text(message, "/role") != "assistant" {
            return Vec::new();
        }
        self.answer = answer(message);
        let blocks = list(message, "/content").iter();
        let texts = blocks.filter(|block| text(block, "/type") == "text");
        let said = texts.flat_map(|block| words::texts(text(block, "/text")));
        let used = Usage { cost: cost(message, "/usage/cost/total"), ..usage(message, FIGURES) };
        said.chain((used != Usage::default()).then_some(Said::Usage(used))).collect()
    }

    fn over(&mut self) -> Vec<Said> {
        self.answer.take().map(Said::Ended).into_iter().collect()
    }
}

fn answer(message: &Value) -> Option<EndReason> {
    match text(message, "/stopReason") {
        "stop" => Some(EndReason::Finished),
        "length" => Some(EndReason::Cut),
        "aborted" => Some(EndReason::Stopped),
        "error" => Some(failed(text(message, "/errorMessage"))),
        _ => None,
    }
}

fn failed(why: &str) -> EndReason {
    EndReason::Failed(words::error(why, None, ""))
}
