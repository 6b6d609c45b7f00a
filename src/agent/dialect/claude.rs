//! Claude Code's `--output-format stream-json`, which Qwen Code prints too. Format: as printed by claude-code 2.1.328
//! and qwen-code 0.24.4.
use super::json::{cost, count, event, first_text, flag, list, number, text, usage, without_cached};
use super::tools::{self, Tools};
use super::{Dialect, EndReason, Said, words};
use crate::event::Usage;
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads Claude Code and Qwen Code.
#[derive(Debug, Default)]
pub struct Claude {
    session: Option<String>,
    tools: Tools,
    /// What was said to be used so far. A session's cost is told with that of earlier processes, its tokens are not.
    said: Usage,
    /// What each message used: told only where no result says it better, since a message is counted at its start.
    messages: BTreeMap<String, Usage>,
}

const FIGURES: [&str; 4] =
    ["/input_tokens", "/output_tokens", "/cache_read_input_tokens", "/cache_creation_input_tokens"];

/// The most messages whose use is remembered.
const REMEMBERED: usize = 100_000;

impl Dialect for Claude {
    fn resumes(&mut self, before: Usage) {
        self.said.cost = before.cost;
    }

    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        match text(&event, "/type") {
            "system" => self.system(&event),
            "assistant" => self.assistant(&event),
            "user" => self.results(&event),
            "result" => self.over(&event),
            _ => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Said> {
        // A result takes away the messages that it counts.
        let sum = std::mem::take(&mut self.messages).into_values().fold(Usage::default(), Usage::plus);
        (sum != Usage::default()).then_some(Said::Usage(sum)).into_iter().collect()
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

impl Claude {
    fn system(&mut self, event: &Value) -> Vec<Said> {
        match text(event, "/subtype") {
            "init" => {
                let session = text(event, "/session_id");
                if self.session.as_deref() == Some(session) {
                    return Vec::new();
                }
                self.session = Some(session.to_owned());
                vec![Said::Started { session: self.session.clone().filter(|id| !id.is_empty()) }]
            }
            "api_retry" | "retry" => {
                let why = first_text(event, &["/error", "/error/message", "/data/error", "/data/reason"]);
                let millis = number(event, "/retry_delay_ms").or_else(|| number(event, "/data/delayMs"));
                let why = words::error(why, number(event, "/error_status"), "");
                vec![Said::Retrying { why, millis }]
            }
            _ => Vec::new(),
        }
    }

    fn assistant(&mut self, event: &Value) -> Vec<Said> {
        let id = text(event, "/message/id");
        if let Some(used) = event.pointer("/message/usage")
            && self.messages.len() < REMEMBERED
        {
            self.messages.insert(id.to_owned(), figures(used));
        }
        // A subagent's words are for the agent that asked it.
        let is_sub = !text(event, "/parent_tool_use_id").is_empty();
        let mut said = Vec::new();
        for block in list(event, "/message/content") {
            match text(block, "/type") {
                "text" if !is_sub => said.extend(words::texts(text(block, "/text"))),
                "tool_use" => {
                    let input = &block["input"];
                    let tool = tools::begun(text(block, "/id"), text(block, "/name"), input);
                    said.extend(self.tools.begin(tool, input));
                }
                _ => {}
            }
        }
        said
    }

    fn results(&mut self, event: &Value) -> Vec<Said> {
        let blocks = list(event, "/message/content").iter();
        let blocks = blocks.filter(|block| text(block, "/type") == "tool_result");
        let ended = blocks.filter_map(|block| {
            self.tools.end(text(block, "/tool_use_id"), flag(block, "/is_error") != Some(true))
        });
        ended.collect()
    }

    fn over(&mut self, event: &Value) -> Vec<Said> {
        self.messages.clear();
        let used = event.get("usage").map(figures).unwrap_or_default();
        let cost = cost(event, "/total_cost_usd");
        if cost < self.said.cost {
            // It was counted anew.
            self.said.cost = None;
        }
        let used = Usage { cost, ..used };
        let mut said: Vec<Said> = self.on_top(used).into_iter().collect();
        said.extend(ended(event).map(Said::Ended));
        said
    }

    /// What is used on top of what was said, which a result says again.
    fn on_top(&mut self, sum: Usage) -> Option<Said> {
        let more = sum.beyond(self.said);
        self.said = self.said.plus(more);
        (more.has_tokens() || more.cost > Some(0.0)).then_some(Said::Usage(more))
    }
}

/// Why it is over. The subtype says "success" even of a refused key, so that alone is no proof.
fn ended(event: &Value) -> Option<EndReason> {
    let (subtype, reason) = (text(event, "/subtype"), text(event, "/terminal_reason"));
    let is_error = flag(event, "/is_error");
    if reason.starts_with("aborted") {
        return Some(EndReason::Stopped);
    }
    if is_error == Some(true) || subtype.starts_with("error") {
        let all: Vec<&str> = list(event, "/errors").iter().filter_map(Value::as_str).collect();
        let all = all.join("; ");
        let said = first_text(event, &["/result", "/error/message", "/error"]);
        let why = [said, &all, reason, subtype].into_iter().find(|why| !why.trim().is_empty());
        return Some(EndReason::Failed(words::error(
            why.unwrap_or_default(),
            number(event, "/api_error_status"),
            "",
        )));
    }
    match text(event, "/stop_reason") {
        _ if is_error != Some(false) => None,
        "max_tokens" | "model_context_window_exceeded" => Some(EndReason::Cut),
        "refusal" => Some(EndReason::Failed("the model refused".to_owned())),
        _ => Some(EndReason::Finished),
    }
}

/// Qwen Code counts cached tokens among those that went in, and tells a total by which that is seen.
fn figures(used: &Value) -> Usage {
    let figures = usage(used, FIGURES);
    let total = number(used, "/total_tokens");
    let is_within = total == Some(count(used, "/input_tokens").saturating_add(figures.output));
    if is_within { without_cached(figures) } else { figures }
}
