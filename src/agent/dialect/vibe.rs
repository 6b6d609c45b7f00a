//! `vibe --output streaming`. Format: as printed by mistral-vibe 3.0.2, which tells neither usage nor its end there.
use super::json::{event, list, text};
use super::{Dialect, Said, tools, words};
use crate::event::ToolUse;
use serde_json::Value;

/// Reads Mistral Vibe.
#[derive(Debug, Default)]
pub struct Vibe {
    session: Option<String>,
}

impl Dialect for Vibe {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        let mut said = Vec::new();
        let id = text(&event, "/sessionId");
        if !id.is_empty() && self.session.is_none() {
            self.session = Some(id.to_owned());
            said.push(Said::Started { session: self.session.clone() });
        }
        match (text(&event, "/type"), text(&event, "/role")) {
            ("message", "assistant") => {
                let blocks = list(&event, "/content").iter();
                let texts = blocks.filter(|block| text(block, "/type") == "text");
                said.extend(texts.flat_map(|block| words::texts(text(block, "/text"))));
            }
            ("effect", _) => said.extend(effect(&event)),
            _ => {}
        }
        said
    }
}

fn effect(event: &Value) -> Vec<Said> {
    let input = &event["detail"]["input"];
    let used = tools::begun(text(event, "/id"), text(event, "/detail/toolName"), input);
    let status = match text(event, "/state/status") {
        "completed" => tools::ended(true),
        "running" | "pending" => used.status,
        _ => tools::ended(false),
    };
    let said = Said::Tool(ToolUse { status, ..used });
    std::iter::once(said).chain(tools::plan(input)).collect()
}
