//! The tools that an agent uses: told of in pieces, some of which never come, or come first in a question.
use super::wire::text;
use crate::agent::dialect::Said;
use crate::agent::dialect::tools::{patched, plan};
use crate::agent::words::title;
use crate::event::{ToolKind, ToolStatus, ToolUse};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// The most uses that are remembered.
const REMEMBERED: usize = 4096;

/// The most paths of one use that are passed on.
const MOST_PATHS: usize = 100;

/// How deep in a tool's input paths are looked for.
const DEEPEST: u32 = 8;

/// Names of fields of a tool's input that hold a path.
const PATHS: [&str; 10] =
    ["filename", "source", "target", "destination", "dest", "from", "to", "cwd", "workdir", "root"];

/// What else such names end with.
const ENDINGS: [&str; 6] = ["path", "file", "dir", "directory", "folder", "uri"];

/// All uses of one session.
#[derive(Debug, Default)]
pub(super) struct Tools {
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    tool: ToolUse,
    /// Every path that it named.
    named: BTreeSet<String>,
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
        let plan = update.get("rawInput").and_then(plan);
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
        let id = text(call, "toolCallId");
        if id.is_empty() {
            // Nobody knows what else it is about.
            self.known.remove(id);
        }
        let known = self.merged(call);
        let tool = ToolUse { status: ToolStatus::Running, ..known.tool.clone() };
        (tool, known.named.iter().cloned().collect())
    }

    fn merged(&mut self, update: &Value) -> &mut Known {
        let id = text(update, "toolCallId").to_owned();
        let new = || Known {
            tool: ToolUse {
                id: title(&id),
                kind: ToolKind::Other,
                title: String::new(),
                paths: Vec::new(),
                status: ToolStatus::Running,
            },
            named: BTreeSet::new(),
            told: None,
        };
        let known = self.known.entry(id.clone()).or_insert_with(new);
        let tool = &mut known.tool;
        if let Some(kind) = update.get("kind").and_then(Value::as_str) {
            tool.kind = ToolKind::named(kind);
        }
        // One that runs something is asked about as such, whatever it calls itself.
        let runs = |input: &Value| input.get("command").or_else(|| input.get("cmd")).is_some();
        if tool.kind == ToolKind::Other && update.get("rawInput").is_some_and(runs) {
            tool.kind = ToolKind::Execute;
        }
        let titles = [text(update, "title"), text(update, "name"), &id].map(|text| (title(text), text == id));
        if let Some((title, is_id)) = titles.into_iter().find(|(title, _)| !title.is_empty())
            && (!is_id || tool.title.is_empty())
        {
            tool.title = title;
        }
        for path in paths(update) {
            if known.named.insert(path.clone()) && tool.paths.len() < MOST_PATHS {
                tool.paths.push(path);
            }
        }
        known
    }
}

/// The paths that an update names: where it says that it works, the files of its differences, its input.
fn paths(update: &Value) -> Vec<String> {
    let all = |name: &str| update.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut paths: Vec<&str> = all("locations").iter().map(|place| text(place, "path")).collect();
    let diffs = all("content").iter().filter(|content| text(content, "type") == "diff");
    paths.extend(diffs.map(|diff| text(diff, "path")));
    let input = update.get("rawInput").unwrap_or(&Value::Null);
    within(input, "", DEEPEST, &mut paths);
    paths.extend(patched(input));
    paths.into_iter().filter(|path| !path.is_empty()).map(ToOwned::to_owned).collect()
}

/// The paths within a tool's input, wherever they stand in it.
fn within<'v>(value: &'v Value, name: &str, deep: u32, found: &mut Vec<&'v str>) {
    match value {
        Value::String(path) if is_path(name) => found.push(path),
        Value::Array(all) if deep > 0 => all.iter().for_each(|one| within(one, name, deep - 1, found)),
        Value::Object(fields) if deep > 0 => {
            for (field, value) in fields {
                // Changes by the file that they are of.
                if value.is_object() && name.to_ascii_lowercase().ends_with("changes") {
                    found.push(field);
                }
                within(value, field, deep - 1, found);
            }
        }
        _ => {}
    }
}

fn is_path(name: &str) -> bool {
    let low = name.to_ascii_lowercase();
    let one = low.strip_suffix('s').unwrap_or(&low);
    PATHS.contains(&low.as_str()) || low == "directories" || ENDINGS.iter().any(|end| one.ends_with(end))
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
    fn paths_are_found_wherever_they_stand() {
        let check = |input: Value, expect: &[&str]| {
            let mut found = paths(&json!({ "rawInput": input }));
            found.sort();
            assert_eq!(found, expect, "{input}");
        };
        check(json!({ "edits": [{ "file_path": "/a" }, { "filePaths": ["/b"] }] }), &["/a", "/b"]);
        check(json!({ "changes": { "/c": { "type": "add" } } }), &["/c"]);
        check(json!({ "uri": "file:///d", "dest": "/e", "outputDir": "/f" }), &["/e", "/f", "file:///d"]);
        check(json!({ "patchText": "*** Begin Patch\n*** Add File: ../g" }), &["../g"]);
        check(json!({ "content": "/no", "text": "/no", "changes": ["/no"] }), &[]);
    }

    #[test]
    fn every_path_that_was_told_of_is_judged() {
        let mut tools = Tools::default();
        let many: Vec<Value> = (0..200).map(|n| json!({ "path": n.to_string() })).collect();
        tools.update(&json!({ "toolCallId": "1", "locations": many }));
        assert_eq!(tools.asked(&json!({ "toolCallId": "1" })).1.len(), 200);
        assert_eq!(tools.asked(&json!({ "locations": [{ "path": "/etc/x" }] })).1, ["/etc/x"]);
        assert_eq!(
            tools.asked(&json!({ "locations": [{ "path": "y" }] })).1,
            ["y"],
            "without ids they are apart"
        );
    }

    #[test]
    fn what_runs_something_is_asked_about_as_such() {
        let kind = |call: Value| Tools::default().asked(&call).0.kind;
        assert_eq!(kind(json!({ "rawInput": { "command": "ls" } })), ToolKind::Execute);
        assert_eq!(kind(json!({ "kind": "odd", "rawInput": { "cmd": ["ls"] } })), ToolKind::Execute);
        assert_eq!(kind(json!({ "kind": "edit", "rawInput": { "command": "create" } })), ToolKind::Edit);
    }

    #[test]
    fn a_list_of_things_to_do_is_a_plan() {
        let todos = json!({ "toolCallId": "1", "rawInput": { "todos": [{ "status": "completed" }, { "status": "pending" }] } });
        assert_eq!(Tools::default().update(&todos), [Said::Plan { done: 1, total: 2 }]);
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
