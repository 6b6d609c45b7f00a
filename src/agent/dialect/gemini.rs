//! `gemini -o stream-json`. Format: as printed by gemini-cli 0.61.0.
use super::json::{count, event, first_text, number, text, usage, without_cached};
use super::tools::{self, Tools};
use super::words::Pieces;
use super::{Dialect, EndReason, Said, words};
use crate::event::Usage;
use serde_json::Value;

/// Reads Gemini CLI.
#[derive(Debug, Default)]
pub struct Gemini {
    tools: Tools,
    pieces: Pieces,
}

const FIGURES: [&str; 4] = ["/stats/input_tokens", "/stats/output_tokens", "/stats/cached", ""];

impl Dialect for Gemini {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        if text(&event, "/type") == "message" {
            return match text(&event, "/role") {
                "assistant" => self.pieces.take(text(&event, "/content")),
                _ => Vec::new(),
            };
        }
        let mut said = self.pieces.end();
        match text(&event, "/type") {
            "init" => {
                let id = text(&event, "/session_id");
                said.push(Said::Started { session: (!id.is_empty()).then(|| id.to_owned()) });
            }
            "tool_use" => {
                let input = &event["parameters"];
                let tool = tools::begun(text(&event, "/tool_id"), text(&event, "/tool_name"), input);
                said.extend(self.tools.begin(tool, input));
            }
            "tool_result" => {
                let is_good = text(&event, "/status") != "error";
                said.extend(self.tools.end(text(&event, "/tool_id"), is_good));
            }
            // It goes on, or a result follows.
            "error" => said.extend(words::aside(&words::title(text(&event, "/message")))),
            "result" => said.extend(over(&event)),
            _ => {}
        }
        said
    }

    fn end(&mut self) -> Vec<Said> {
        self.pieces.end()
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

fn over(event: &Value) -> Vec<Said> {
    let mut used = usage(event, FIGURES);
    used = match number(event, "/stats/input") {
        Some(input) => Usage { input, ..used },
        None => without_cached(used),
    };
    let ended = match text(event, "/status") {
        "success" => Some(EndReason::Finished),
        "error" => {
            let why = first_text(event, &["/error/message", "/error/type"]);
            let status = Some(count(event, "/error/code")).filter(|code| *code > 0);
            Some(EndReason::Failed(words::error(why, status, "")))
        }
        _ => None,
    };
    let used = (used != Usage::default()).then_some(Said::Usage(used));
    used.into_iter().chain(ended.map(Said::Ended)).collect()
}
