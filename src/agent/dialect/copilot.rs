//! `copilot --output-format json`. Format: as printed by GitHub Copilot CLI 1.0.102, which tells no tokens, and its
//! session only at the end.
use super::json::{event, flag, list, number, text};
use super::tools::{self, Tools};
use super::{Dialect, EndReason, Said, words};
use crate::event::ToolKind;
use serde_json::Value;

/// Reads GitHub Copilot CLI.
#[derive(Debug, Default)]
pub struct Copilot {
    tools: Tools,
    /// What went wrong, if nothing came after it.
    error: Option<String>,
}

impl Dialect for Copilot {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        let data = &event["data"];
        match text(&event, "/type") {
            "assistant.message" => {
                self.error = None;
                words::texts(text(data, "/content")).collect()
            }
            "tool.execution_start" => {
                let input = &data["arguments"];
                let tool = tools::begun(text(data, "/toolCallId"), text(data, "/toolName"), input);
                self.tools.begin(tool, input)
            }
            "tool.execution_complete" => self.done(data).into_iter().collect(),
            "session.error" => {
                let why = words::error(text(data, "/message"), number(data, "/statusCode"), "");
                self.error = Some(why.clone());
                vec![Said::Ended(EndReason::Failed(why))]
            }
            "result" => self.over(&event),
            _ => Vec::new(),
        }
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

impl Copilot {
    fn done(&mut self, data: &Value) -> Option<Said> {
        let id = text(data, "/toolCallId");
        let edits = list(data, "/fileEdits").iter().map(|edit| text(edit, "/path").to_owned());
        if let Some(tool) = self.tools.open(id)
            && tool.kind != ToolKind::Execute
            && tool.paths.is_empty()
        {
            tool.paths = edits.collect();
        }
        self.tools.end(id, flag(data, "/success") != Some(false))
    }

    fn over(&mut self, event: &Value) -> Vec<Said> {
        let id = text(event, "/sessionId");
        let session = (!id.is_empty()).then(|| id.to_owned());
        let ended = match (self.error.take(), number(event, "/exitCode")) {
            (None, Some(0)) => EndReason::Finished,
            (Some(why), _) => EndReason::Failed(why),
            (None, Some(code)) => EndReason::Failed(format!("exit code {code}")),
            (None, None) => return Vec::new(),
        };
        vec![Said::Started { session }, Said::Ended(ended)]
    }
}
