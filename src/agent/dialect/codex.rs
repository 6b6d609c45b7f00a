//! `codex exec --json`. Format: as printed by codex 0.169.0.
use super::json::{event, first_text, list, number, text, usage, without_cached};
use super::tools::{self, Tools};
use super::{Dialect, EndReason, Said, words};
use crate::event::{ToolKind, ToolStatus, ToolUse, Usage};
use serde_json::Value;

/// Reads Codex.
#[derive(Debug, Default)]
pub struct Codex {
    tools: Tools,
    /// What was told of its session: a turn's end tells the sum of all turns, those of earlier processes too.
    told: Usage,
}

const FIGURES: [&str; 4] = [
    "/usage/input_tokens",
    "/usage/output_tokens",
    "/usage/cached_input_tokens",
    "/usage/cache_write_input_tokens",
];

impl Dialect for Codex {
    fn resumes(&mut self, before: Usage) {
        self.told = before;
    }

    fn read(&mut self, line: &str) -> Vec<Said> {
        let Some(event) = event(line) else { return words::aside(line) };
        match text(&event, "/type") {
            "thread.started" => {
                let id = text(&event, "/thread_id");
                vec![Said::Started { session: (!id.is_empty()).then(|| id.to_owned()) }]
            }
            "item.started" | "item.updated" => self.item(&event["item"], false),
            "item.completed" => self.item(&event["item"], true),
            "turn.completed" => {
                let sum = without_cached(usage(&event, FIGURES));
                let used = sum.on_top_of(self.told);
                self.told = sum;
                let used = used.has_tokens().then_some(Said::Usage(used));
                used.into_iter().chain([Said::Ended(EndReason::Finished)]).collect()
            }
            "turn.failed" => vec![Said::Ended(failed(text(&event, "/error/message")))],
            "error" => {
                let why = first_text(&event, &["/message", "/error/message"]);
                match why.starts_with("Reconnecting") {
                    true => vec![Said::Retrying { why: words::title(why), millis: None }],
                    false => vec![Said::Ended(failed(why))],
                }
            }
            _ => Vec::new(),
        }
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}

fn failed(why: &str) -> EndReason {
    if why.contains("max_output_tokens") {
        return EndReason::Cut;
    }
    if why.contains("turn interrupted") {
        return EndReason::Stopped;
    }
    EndReason::Failed(words::error(why, None, ""))
}

impl Codex {
    fn item(&mut self, item: &Value, is_over: bool) -> Vec<Said> {
        let tool = match text(item, "/type") {
            "agent_message" if is_over => return words::texts(text(item, "/text")).collect(),
            // A warning: it goes on.
            "error" if is_over => return words::aside(&words::title(text(item, "/message"))),
            "todo_list" => return tools::plan(item).into_iter().collect(),
            "command_execution" => {
                Some((ToolKind::Execute, words::title(command(text(item, "/command"))), Vec::new()))
            }
            "file_change" => {
                let changes = list(item, "/changes");
                let paths: Vec<String> =
                    changes.iter().map(|change| text(change, "/path").to_owned()).collect();
                let deletes = !changes.is_empty() && changes.iter().all(|it| text(it, "/kind") == "delete");
                let kind = if deletes { ToolKind::Delete } else { ToolKind::Edit };
                Some((kind, tools::shown(&paths).unwrap_or_default(), paths))
            }
            "web_search" => Some((ToolKind::Fetch, words::title(text(item, "/query")), Vec::new())),
            "mcp_tool_call" => {
                let used = tools::begun("", text(item, "/tool"), &item["arguments"]);
                Some((used.kind, used.title, used.paths))
            }
            "collab_tool_call" => Some((ToolKind::Other, words::title(text(item, "/tool")), Vec::new())),
            _ => None,
        };
        let Some((kind, title, paths)) = tool else { return Vec::new() };
        let is_good = number(item, "/exit_code").is_none_or(|code| code == 0)
            && !matches!(text(item, "/status"), "failed" | "declined");
        let status = if is_over { tools::ended(is_good) } else { ToolStatus::Running };
        let tool = ToolUse { id: words::title(text(item, "/id")), kind, title, paths, status };
        if is_over {
            self.tools.end(&tool.id, is_good);
            return vec![Said::Tool(tool)];
        }
        if self.tools.open(&tool.id).is_some() {
            return Vec::new();
        }
        self.tools.begin(tool, &Value::Null)
    }
}

/// The command within the shell that runs it.
fn command(line: &str) -> &str {
    let inner = line.split_once(" -lc ").filter(|(shell, _)| !shell.contains(' ')).map(|(_, inner)| inner);
    let Some(inner) = inner else { return line };
    let quoted = ['\'', '"'].into_iter().find_map(|quote| {
        let within = inner.strip_prefix(quote)?.strip_suffix(quote)?;
        (!within.contains(quote)).then_some(within)
    });
    quoted.unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_taken_out_of_its_shell() {
        assert_eq!(command("/bin/bash -lc 'cat a && ls'"), "cat a && ls");
        assert_eq!(command("/bin/bash -lc ls"), "ls");
        assert_eq!(command("bash -lc 'a'\"b\"'c'"), "'a'\"b\"'c'");
        assert_eq!(command("cargo test"), "cargo test");
    }
}
