//! `opencode run --format json`. Format: as printed by opencode 1.18.33. A tool is told once it has ended; what a
//! step used is told at its end.
use super::json::{cost, count, event, first_text, number, text, usage};
use super::{Dialect, EndReason, Said, tools, words};
use crate::event::{ToolUse, Usage};
use serde_json::Value;

/// Reads OpenCode.
#[derive(Debug, Default)]
pub struct Opencode {
    session: Option<String>,
}

const FIGURES: [&str; 4] = ["/tokens/input", "/tokens/output", "/tokens/cache/read", "/tokens/cache/write"];

impl Dialect for Opencode {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        let mut said: Vec<Said> = self.started(&event).into_iter().collect();
        let part = &event["part"];
        match text(&event, "/type") {
            "text" => said.extend(words::texts(text(part, "/text"))),
            "tool_use" => said.extend(tool(part)),
            "step_finish" => said.extend(finished(part)),
            "error" => said.push(Said::Ended(failed(&event["error"]))),
            _ => {}
        }
        said
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

impl Opencode {
    /// Every event names its session; that of a subagent is another one.
    fn started(&mut self, event: &Value) -> Option<Said> {
        let id = text(event, "/sessionID");
        if id.is_empty() || self.session.is_some() {
            return None;
        }
        self.session = Some(id.to_owned());
        Some(Said::Started { session: self.session.clone() })
    }
}

fn tool(part: &Value) -> Vec<Said> {
    let input = &part["state"]["input"];
    let used = tools::begun(text(part, "/callID"), text(part, "/tool"), input);
    let is_good = text(part, "/state/status") != "error" && count(part, "/state/metadata/exit") == 0;
    let said = Said::Tool(ToolUse { status: tools::ended(is_good), ..used });
    std::iter::once(said).chain(tools::plan(input)).collect()
}

fn finished(part: &Value) -> Vec<Said> {
    let used = usage(part, FIGURES);
    let thought = count(part, "/tokens/reasoning");
    let apart = [used.input, used.output, used.cache_read, used.cache_write, thought];
    // Thoughts are counted beside the answer, or within it: the total tells.
    let is_apart = number(part, "/tokens/total").is_some_and(|total| total == apart.iter().sum::<u64>());
    let output = used.output + if is_apart { thought } else { 0 };
    let used = Usage { output, cost: cost(part, "/cost"), ..used };
    let ended = match text(part, "/reason") {
        "stop" => Some(EndReason::Finished),
        "length" => Some(EndReason::Cut),
        "content-filter" => Some(EndReason::Failed("the answer was filtered".to_owned())),
        "error" => Some(EndReason::Failed("the answer broke off".to_owned())),
        _ => None,
    };
    let used = (used != Usage::default()).then_some(Said::Usage(used));
    used.into_iter().chain(ended.map(Said::Ended)).collect()
}

fn failed(error: &Value) -> EndReason {
    match text(error, "/name") {
        "MessageAbortedError" => EndReason::Stopped,
        "MessageOutputLengthError" => EndReason::Cut,
        name => {
            let why = first_text(error, &["/data/message", "/message"]);
            let wait = text(error, "/data/responseHeaders/retry-after");
            let why = if why.is_empty() { name } else { why };
            EndReason::Failed(words::error(why, number(error, "/data/statusCode"), wait))
        }
    }
}
