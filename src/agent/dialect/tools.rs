//! What agents do with tools, in one vocabulary: kinds by the many names that tools have, titles and paths out of
//! whatever they are called with.
use super::json::{flag, list, text};
use super::{Said, words};
use crate::agent::json;
use crate::event::{ToolKind, ToolStatus, ToolUse};
use serde_json::Value;
use std::collections::BTreeMap;

/// Names of tools, without case, underscores and what stands before a dot.
const NAMES: [(ToolKind, &[&str]); 8] = [
    (ToolKind::Read, &["read", "readfile", "readmanyfiles", "view", "viewimage", "cat", "openfile"]),
    (
        ToolKind::Edit,
        &[
            "write",
            "writefile",
            "edit",
            "editfile",
            "multiedit",
            "create",
            "createfile",
            "strreplace",
            "strreplaceeditor",
            "strreplacefile",
            "replace",
            "insert",
            "applypatch",
            "patch",
            "notebookedit",
            "editor",
            "fileeditor",
            "filechange",
            "filewrite",
            "fileedit",
            "searchreplace",
            "writetofile",
            "replaceinfile",
        ],
    ),
    (ToolKind::Delete, &["delete", "deletefile", "remove", "removefile", "rm"]),
    (ToolKind::Move, &["move", "movefile", "rename", "renamefile", "mv"]),
    (
        ToolKind::Search,
        &[
            "grep",
            "glob",
            "ls",
            "list",
            "listdirectory",
            "listfiles",
            "readfolder",
            "searchfilecontent",
            "grepsearch",
            "search",
            "searchfiles",
            "find",
            "findfiles",
            "rg",
            "ripgrep",
            "codebasesearch",
            "toolsearch",
        ],
    ),
    (
        ToolKind::Execute,
        &[
            "bash",
            "shell",
            "sh",
            "runshellcommand",
            "runcommand",
            "runcommands",
            "executecommand",
            "exec",
            "execcommand",
            "commandexecution",
            "localshell",
            "terminal",
            "runterminalcommand",
            "powershell",
            "bashoutput",
            "writestdin",
            "readbash",
            "stopbash",
            "killshell",
        ],
    ),
    (
        ToolKind::Think,
        &[
            "think",
            "todowrite",
            "todoread",
            "todo",
            "updateplan",
            "updatetodo",
            "writetodos",
            "settodolist",
            "taskcreate",
            "taskupdate",
            "tasklist",
            "taskget",
            "reportintent",
            "todolist",
        ],
    ),
    (ToolKind::Fetch, &["webfetch", "fetch", "fetchurl", "websearch", "googlewebsearch"]),
];

/// Names of fields that hold one path.
const PATHS: [&str; 9] = [
    "file_path",
    "filePath",
    "path",
    "absolute_path",
    "notebook_path",
    "target_file",
    "new_path",
    "destination",
    "filename",
];

/// Names of fields that say what is done, best first.
const TITLES: [&str; 8] = ["command", "cmd", "pattern", "query", "url", "description", "prompt", "message"];

/// How a patch names its files.
const PATCHED: [&str; 4] = ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "];

/// The most tools that are remembered as being at work, and the most paths of one.
const REMEMBERED: usize = 1000;

/// The kind of the tool of that name.
pub(super) fn kind(name: &str) -> ToolKind {
    let last = name.rsplit(['.', '/', ':']).next().unwrap_or(name);
    let last = last.rsplit("__").next().unwrap_or(last);
    let plain: String = last.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    let found = NAMES.iter().find(|(_, names)| names.contains(&plain.as_str()));
    found.map_or(ToolKind::Other, |(kind, _)| *kind)
}

/// A use of a tool that began, by its name and what it was called with.
pub(super) fn begun(id: &str, name: &str, input: &Value) -> ToolUse {
    let parsed;
    // Some send what a tool is called with as JSON in a text.
    let input = match input.as_str().and_then(json::value) {
        Some(value) => {
            parsed = value;
            &parsed
        }
        _ => input,
    };
    let kind = kind(name);
    let paths = if kind == ToolKind::Execute { Vec::new() } else { paths(input) };
    let title = named(input, &TITLES[..2])
        .or_else(|| shown(&paths))
        .or_else(|| named(input, &TITLES[2..]))
        .unwrap_or_else(|| words::title(name));
    ToolUse { id: words::title(id), kind, title, paths, status: ToolStatus::Running }
}

/// "a.rs", "a.rs and 2 more".
pub(super) fn shown(paths: &[String]) -> Option<String> {
    let first = words::title(paths.first()?);
    Some(if paths.len() == 1 { first } else { format!("{first} and {} more", paths.len() - 1) })
}

fn named(input: &Value, fields: &[&str]) -> Option<String> {
    fields.iter().find_map(|field| {
        let said = input.get(field).or_else(|| input.get(format!("{field}s")))?;
        let all: Vec<&str> = match said {
            Value::String(text) => vec![text],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        Some(words::title(&all.join(" "))).filter(|title| !title.is_empty())
    })
}

fn paths(input: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut push = |path: &str| {
        let path = path.trim();
        if !path.is_empty() && found.len() < REMEMBERED && !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
    };
    PATHS.iter().filter_map(|field| input.get(field)?.as_str()).for_each(&mut push);
    list(input, "/paths").iter().filter_map(Value::as_str).for_each(&mut push);
    patched(input).for_each(push);
    found
}

/// The files that a patch in what a tool is called with names.
pub(in crate::agent) fn patched(input: &Value) -> impl Iterator<Item = &str> {
    let patches = ["patch", "patchText", "input"].iter().filter_map(|field| input.get(field)?.as_str());
    let lines = patches.chain(input.as_str()).flat_map(str::lines);
    lines.filter_map(|line| PATCHED.iter().find_map(|mark| line.strip_prefix(mark)))
}

/// How far an agent is with its own plan, if what a tool is called with is one: a list of steps, each with a status.
pub(in crate::agent) fn plan(input: &Value) -> Option<Said> {
    let steps =
        ["todos", "plan", "items", "entries"].iter().find_map(|field| input.get(field)?.as_array())?;
    let is_step = |step: &&Value| step.get("status").is_some() || step.get("completed").is_some();
    let steps: Vec<&Value> = steps.iter().filter(is_step).collect();
    if steps.is_empty() {
        return None;
    }
    let is_done = |step: &&&Value| {
        flag(step, "/completed") == Some(true) || matches!(text(step, "/status"), "completed" | "done")
    };
    let (done, total) = (steps.iter().filter(is_done).count(), steps.len());
    let short = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(Said::Plan { done: short(done), total: short(total) })
}

/// Tools at work, so that the end of one says what it was.
#[derive(Debug, Default)]
pub(super) struct Tools {
    open: BTreeMap<String, ToolUse>,
}

impl Tools {
    /// A tool begins; also tells the plan that it may be about.
    pub(super) fn begin(&mut self, tool: ToolUse, input: &Value) -> Vec<Said> {
        let said = Said::Tool(tool.clone());
        if !tool.id.is_empty() && self.open.len() < REMEMBERED {
            self.open.insert(tool.id.clone(), tool);
        }
        std::iter::once(said).chain(plan(input)).collect()
    }

    /// The tool of that id ended; nothing if nobody saw it begin.
    pub(super) fn end(&mut self, id: &str, is_good: bool) -> Option<Said> {
        let tool = self.open.remove(&words::title(id))?;
        Some(Said::Tool(ToolUse { status: ended(is_good), ..tool }))
    }

    /// The tool of that id, if it is at work.
    pub(super) fn open(&mut self, id: &str) -> Option<&mut ToolUse> {
        self.open.get_mut(&words::title(id))
    }
}

/// How a tool ended.
pub(super) fn ended(is_good: bool) -> ToolStatus {
    if is_good { ToolStatus::Done } else { ToolStatus::Failed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_by_whatever_name() {
        for (name, expect) in [
            ("Bash", ToolKind::Execute),
            ("run_shell_command", ToolKind::Execute),
            ("write_file", ToolKind::Edit),
            ("file_system.write_file", ToolKind::Edit),
            ("mcp__docs__read", ToolKind::Read),
            ("Grep", ToolKind::Search),
            ("TodoWrite", ToolKind::Think),
            ("WebFetch", ToolKind::Fetch),
            ("Task", ToolKind::Other),
            ("", ToolKind::Other),
        ] {
            assert_eq!(kind(name), expect, "{name}");
        }
    }

    #[test]
    fn titles_and_paths() {
        let check = |name: &str, input: Value, title: &str, paths: &[&str]| {
            let tool = begun("1", name, &input);
            assert_eq!(
                (tool.title.as_str(), tool.paths),
                (title, paths.iter().map(ToString::to_string).collect())
            );
        };
        check("Write", json!({"file_path": "/w/a.rs", "content": "x"}), "/w/a.rs", &["/w/a.rs"]);
        check("bash", json!({"command": "ls\n-l", "path": "x"}), "ls -l", &[]);
        check("run_commands", json!({"commands": ["a", "b"]}), "a b", &[]);
        check("shell", json!({"command": ["bash", "-lc", "ls"]}), "bash -lc ls", &[]);
        check("grep", json!({"pattern": "fn x", "path": "src"}), "src", &["src"]);
        check("WebSearch", json!({"query": "rust"}), "rust", &[]);
        check("Write", json!("{\"path\":\"a\"}"), "a", &["a"]);
        check("Odd", json!(null), "Odd", &[]);
        let patch = "*** Begin Patch\n*** Update File: a.rs\n@@\n*** Add File: b.rs\n*** End Patch";
        check("apply_patch", json!({"input": patch}), "a.rs and 1 more", &["a.rs", "b.rs"]);
        check("apply_patch", json!(patch), "a.rs and 1 more", &["a.rs", "b.rs"]);
    }

    #[test]
    fn a_plan_is_a_list_of_steps() {
        let check = |input: Value, expect: Option<(u32, u32)>| {
            let expect = expect.map(|(done, total)| Said::Plan { done, total });
            assert_eq!(plan(&input), expect, "{input}");
        };
        check(json!({"todos": [{"status": "completed"}, {"status": "pending"}]}), Some((1, 2)));
        check(json!({"items": [{"text": "a", "completed": true}]}), Some((1, 1)));
        check(json!({"items": ["a"]}), None);
        check(json!({}), None);
    }

    #[test]
    fn the_end_of_a_tool_says_what_it_was() {
        let mut tools = Tools::default();
        let tool = begun("1", "bash", &json!({"command": "ls"}));
        assert_eq!(tools.begin(tool.clone(), &json!({})), [Said::Tool(tool.clone())]);
        let failed = ToolUse { status: ToolStatus::Failed, ..tool };
        assert_eq!(tools.end("1", false), Some(Said::Tool(failed)));
        assert_eq!(tools.end("1", true), None);
    }
}
