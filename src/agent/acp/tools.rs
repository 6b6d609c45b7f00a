//! The tools that an agent uses: told of in pieces, some of which never come, or come first in a question.
use super::wire::text;
use crate::agent::dialect::Said;
use crate::event::{ToolKind, ToolStatus, ToolUse};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// The most uses that are remembered.
const REMEMBERED: usize = 4096;

/// The most paths of one use that are passed on.
const MOST_PATHS: usize = 100;

/// The longest title that is passed on, in characters.
const LONGEST: usize = 300;

/// Names of fields of a tool's input that hold a path.
const PATHS: [&str; 17] = [
    "path",
    "file",
    "filepath",
    "file_path",
    "filename",
    "abs_path",
    "absolute_path",
    "relative_path",
    "notebook_path",
    "target_file",
    "old_path",
    "new_path",
    "source",
    "destination",
    "cwd",
    "workdir",
    "directory",
];

/// All uses of one session.
#[derive(Debug, Default)]
pub(super) struct Tools {
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    tool: ToolUse,
    told: Option<ToolStatus>,
}

impl Tools {
    /// Takes what is new about a use: it is told when there is something to tell, and when it has ended.
    pub(super) fn update(&mut self, update: &Value) -> Vec<Said> {
        if self.known.len() > REMEMBERED {
            self.known.retain(|_, known| known.told == Some(ToolStatus::Running));
            if self.known.len() > REMEMBERED {
                self.known.clear();
            }
        }
        let plan = todos(update);
        let known = self.merged(update);
        let status = match text(update, "status") {
            "completed" => ToolStatus::Done,
            "failed" | "cancelled" => ToolStatus::Failed,
            _ => ToolStatus::Running,
        };
        let at_work = text(update, "status") == "in_progress";
        let is_clear = !known.tool.paths.is_empty() || at_work;
        let tells = match (known.told, status) {
            (None, ToolStatus::Running) => is_clear,
            (Some(ToolStatus::Running) | None, ToolStatus::Done | ToolStatus::Failed) => true,
            (Some(_), _) => false,
        };
        let mut said = Vec::new();
        if tells {
            known.told = Some(status);
            known.tool.status = status;
            said.push(Said::Tool(known.tool.clone()));
        }
        said.extend(plan);
        said
    }

    /// What an agent asks about, with what was told of it before; and every path that is named in either.
    pub(super) fn asked(&mut self, call: &Value) -> (ToolUse, Vec<String>) {
        let tool = ToolUse { status: ToolStatus::Running, ..self.merged(call).tool.clone() };
        let named: BTreeSet<String> = paths(call).into_iter().chain(tool.paths.iter().cloned()).collect();
        (tool, named.into_iter().collect())
    }

    fn merged(&mut self, update: &Value) -> &mut Known {
        let id = text(update, "toolCallId").to_owned();
        let new = || Known {
            tool: ToolUse {
                id: id.clone(),
                kind: ToolKind::Other,
                title: String::new(),
                paths: Vec::new(),
                status: ToolStatus::Running,
            },
            told: None,
        };
        let known = self.known.entry(id.clone()).or_insert_with(new);
        let tool = &mut known.tool;
        if let Some(kind) = update.get("kind").and_then(Value::as_str) {
            tool.kind = ToolKind::named(kind);
        }
        let title = [text(update, "title"), text(update, "name"), &id];
        if let Some(title) = title.into_iter().find(|title| !title.trim().is_empty())
            && (title != id || tool.title.is_empty())
        {
            tool.title = one_line(title);
        }
        for path in paths(update) {
            if tool.paths.len() < MOST_PATHS && !tool.paths.contains(&path) {
                tool.paths.push(path);
            }
        }
        known
    }
}

fn one_line(text: &str) -> String {
    let line = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
    line.join(" ").chars().take(LONGEST).collect()
}

/// The paths that an update names: where it says that it works, the files of its differences, its input.
fn paths(update: &Value) -> Vec<String> {
    let all = |name: &str| update.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut paths: Vec<&str> = all("locations").iter().map(|place| text(place, "path")).collect();
    let diffs = all("content").iter().filter(|content| text(content, "type") == "diff");
    paths.extend(diffs.map(|diff| text(diff, "path")));
    if let Some(Value::Object(input)) = update.get("rawInput") {
        for (name, value) in input {
            if !is_path(name) {
                continue;
            }
            match value {
                Value::String(path) => paths.push(path),
                Value::Array(all) => paths.extend(all.iter().filter_map(Value::as_str)),
                _ => {}
            }
        }
    }
    paths.into_iter().filter(|path| !path.is_empty()).map(ToOwned::to_owned).collect()
}

fn is_path(name: &str) -> bool {
    let low = name.to_ascii_lowercase();
    PATHS.contains(&low.as_str()) || low == "paths" || low == "files" || low.ends_with("path")
}

/// The plan, for agents that keep it by a tool of theirs.
fn todos(update: &Value) -> Option<Said> {
    let todos = update.get("rawInput")?.get("todos")?.as_array()?;
    plan(todos)
}

/// How far a plan is, by the states of its entries.
pub(super) fn plan(entries: &[Value]) -> Option<Said> {
    let count = |entries: usize| u32::try_from(entries).unwrap_or(u32::MAX);
    let done = entries.iter().filter(|entry| matches!(text(entry, "status"), "completed" | "done")).count();
    (!entries.is_empty()).then(|| Said::Plan { done: count(done), total: count(entries.len()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(tools: &mut Tools, update: Value) -> Vec<(ToolKind, String, Vec<String>, ToolStatus)> {
        let said = tools.update(&update).into_iter();
        said.filter_map(|said| match said {
            Said::Tool(tool) => Some((tool.kind, tool.title, tool.paths, tool.status)),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_use_is_told_when_it_is_clear_and_when_it_ends() {
        let mut tools = Tools::default();
        let begun = json!({ "toolCallId": "1", "title": "write", "kind": "edit", "status": "pending", "locations": [], "rawInput": {} });
        assert_eq!(told(&mut tools, begun), []);
        let clear = json!({ "toolCallId": "1", "status": "in_progress", "title": "Write\nplan.txt", "locations": [{ "path": "/w/plan.txt" }], "rawInput": { "filePath": "/w/plan.txt" } });
        let of = |status| {
            vec![(ToolKind::Edit, "Write plan.txt".to_owned(), vec!["/w/plan.txt".to_owned()], status)]
        };
        assert_eq!(told(&mut tools, clear.clone()), of(ToolStatus::Running));
        assert_eq!(told(&mut tools, clear), []);
        let done = json!({ "toolCallId": "1", "status": "completed" });
        assert_eq!(told(&mut tools, done.clone()), of(ToolStatus::Done));
        assert_eq!(told(&mut tools, done), []);
    }

    #[test]
    fn one_that_is_only_updated_is_one_too() {
        let mut tools = Tools::default();
        let update = json!({ "toolCallId": "write_todos__7", "status": "failed", "kind": "other" });
        let expect = (ToolKind::Other, "write_todos__7".to_owned(), vec![], ToolStatus::Failed);
        assert_eq!(told(&mut tools, update), [expect]);
        assert_eq!(told(&mut tools, json!({ "status": "completed" })).len(), 1, "without an id");
        assert_eq!(told(&mut tools, json!(null)), []);
    }

    #[test]
    fn every_path_that_it_names_is_found_once() {
        let call = json!({
            "locations": [{ "path": "a", "line": 3 }, {}],
            "content": [{ "type": "diff", "path": "b" }, { "type": "content", "path": "no" }],
            "rawInput": { "filePath": "a", "paths": ["c", 7], "cwd": "/w", "command": "cat no", "content": "no", "new_path": "d" },
        });
        let mut found = paths(&call);
        found.sort();
        assert_eq!(found, ["/w", "a", "a", "b", "c", "d"]);
        let (tool, named) = Tools::default().asked(&call);
        assert_eq!((tool.paths.len(), named), (5, ["/w", "a", "b", "c", "d"].map(String::from).to_vec()));
        let many: Vec<Value> = (0..200).map(|n| json!({ "path": n.to_string() })).collect();
        let (tool, named) = Tools::default().asked(&json!({ "locations": many }));
        assert_eq!((tool.paths.len(), named.len()), (MOST_PATHS, 200), "all of them are judged");
    }

    #[test]
    fn a_list_of_things_to_do_is_a_plan() {
        let todos = json!({ "toolCallId": "1", "rawInput": { "todos": [{ "status": "completed" }, { "status": "pending" }] } });
        assert_eq!(Tools::default().update(&todos), [Said::Plan { done: 1, total: 2 }]);
        assert_eq!(plan(&[]), None);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut tools = Tools::default();
        for n in 0..3 * REMEMBERED {
            tools.update(&json!({ "toolCallId": n.to_string(), "status": "in_progress" }));
        }
        assert!(tools.known.len() <= REMEMBERED + 1);
    }
}
