//! `kimi --output-format stream-json`: messages as Chat Completions has them. Format: as printed by kimi-code 2.1.0,
//! which tells no usage. Its last line is a hint at how to go on, and it prints none after a failure.
use super::json::{event, first_text, list, number, text};
use super::tools::{self, Tools};
use super::{Dialect, EndReason, Said, words};
use crate::agent::json;
use serde_json::Value;

/// Reads Kimi Code.
#[derive(Debug, Default)]
pub struct Kimi {
    tools: Tools,
}

impl Dialect for Kimi {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        match (text(&event, "/role"), text(&event, "/type")) {
            ("assistant", _) => self.assistant(&event),
            // What a tool gave says in words alone whether it went well.
            ("tool", _) => self.tools.end(text(&event, "/tool_call_id"), true).into_iter().collect(),
            ("meta", "turn.step.retrying") => {
                let why = first_text(&event, &["/error_message", "/error_name"]);
                let why = words::error(why, number(&event, "/status_code"), "");
                vec![Said::Retrying { why, millis: number(&event, "/delay_ms") }]
            }
            ("meta", "session.resume_hint") => {
                let id = text(&event, "/session_id");
                let session = (!id.is_empty()).then(|| id.to_owned());
                vec![Said::Started { session }, Said::Ended(EndReason::Finished)]
            }
            _ => Vec::new(),
        }
    }
}

impl Kimi {
    fn assistant(&mut self, event: &Value) -> Vec<Said> {
        let mut said: Vec<Said> = words::texts(text(event, "/content")).collect();
        for call in list(event, "/tool_calls") {
            let asked = text(call, "/function/arguments");
            let input = json::value(asked).unwrap_or_default();
            let tool = tools::begun(text(call, "/id"), text(call, "/function/name"), &input);
            said.extend(self.tools.begin(tool, &input));
        }
        said
    }
}
