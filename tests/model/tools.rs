//! From what a script wants done to a tool that the agent has.
use super::script::Call;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A tool that an agent offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// The schema of its arguments; none if it takes text of its own kind.
    pub schema: Option<Value>,
}

/// A call as the agent gets it: id, name, arguments (a text for a tool that takes one).
pub type Calls = Vec<(String, String, Value)>;

const WRITE: &[&str] = &["write", "Write", "write_file"];
const EDIT: &[&str] = &["edit", "Edit", "replace", "edit_file"];
const READ: &[&str] = &["read", "Read", "read_file", "view"];
const SHELL: &[&str] = &["bash", "Bash", "shell", "exec_command", "shell_command", "run_shell_command"];

/// The names that arguments go by.
const PATH: &[&str] = &["file_path", "filePath", "path", "absolute_path"];
const CONTENT: &[&str] = &["content", "contents", "text"];
const OLD: &[&str] = &["old_string", "oldString", "oldText", "old_str"];
const NEW: &[&str] = &["new_string", "newString", "newText", "new_str"];
const COMMAND: &[&str] = &["command", "cmd", "script"];

/// The tools of one agent, and where it works.
pub struct Toolbox<'a> {
    /// The tools.
    pub tools: &'a [Offered],
    /// The folder that the agent said it works in.
    pub folder: Option<&'a str>,
}

impl Toolbox<'_> {
    /// A call of the script as a tool's name and arguments. Without a tool for files it is a line of shell.
    pub fn map(&self, call: &Call) -> (String, Value) {
        match call {
            Call::Shell(line) => self.shell(line),
            Call::Write { path, content } => match self.find(WRITE) {
                Some(tool) => {
                    tool.call([(PATH, self.place(tool, path)), (CONTENT, json!(content))].as_slice())
                }
                None => self.shell(&format!(
                    "mkdir -p \"$(dirname {0})\" && printf %s {1} > {0}",
                    quoted(path),
                    quoted(content)
                )),
            },
            Call::Read { path } => match self.find(READ) {
                Some(tool) => tool.call(&[(PATH, self.place(tool, path))]),
                None => self.shell(&format!("cat {}", quoted(path))),
            },
            Call::Edit { path, old, new } => match self.find(EDIT) {
                Some(tool) if tool.prop(&["edits"]).is_some() => {
                    let edits = json!([{ "oldText": old, "newText": new }]);
                    tool.call(&[(PATH, self.place(tool, path)), (&["edits"], edits)])
                }
                Some(tool) => {
                    tool.call(&[(PATH, self.place(tool, path)), (OLD, json!(old)), (NEW, json!(new))])
                }
                // Both texts are within one line.
                None => {
                    let (old, new) = (escaped(old, "[].*^$\\|"), escaped(new, "&\\|"));
                    self.shell(&format!("sed -i {} {}", quoted(&format!("s|{old}|{new}|")), quoted(path)))
                }
            },
        }
    }

    fn shell(&self, line: &str) -> (String, Value) {
        let Some(tool) = self.find(SHELL) else {
            return ("bash".to_owned(), json!({ "command": line }));
        };
        let key = tool.prop(COMMAND).unwrap_or("command");
        let list = tool.schema.as_ref().is_some_and(|schema| schema["properties"][key]["type"] == "array");
        let value = if list { json!(["bash", "-lc", line]) } else { json!(line) };
        tool.call(&[(COMMAND, value)])
    }

    fn find(&self, names: &[&str]) -> Option<&Offered> {
        names
            .iter()
            .find_map(|name| self.tools.iter().find(|tool| tool.name == *name && tool.schema.is_some()))
    }

    /// A path as this tool wants it: in full where its schema says so.
    fn place(&self, tool: &Offered, path: &str) -> Value {
        let key = tool.prop(PATH).unwrap_or("path");
        let schema =
            tool.schema.as_ref().map(|schema| schema["properties"][key].to_string()).unwrap_or_default();
        match self.folder {
            Some(folder) if schema.to_lowercase().contains("absolute") => {
                json!(Path::new(folder).join(path).to_string_lossy())
            }
            _ => json!(path),
        }
    }
}

impl Offered {
    /// The first of these names that it has an argument of.
    fn prop(&self, names: &[&'static str]) -> Option<&'static str> {
        let props = self.schema.as_ref()?.get("properties")?.as_object()?;
        names.iter().find(|name| props.contains_key(**name)).copied()
    }

    /// A call of it; what else it requires is filled in.
    fn call(&self, args: &[(&[&'static str], Value)]) -> (String, Value) {
        let mut given: Map<String, Value> = Map::new();
        for (names, value) in args {
            let key = self.prop(names).unwrap_or(names[0]);
            given.insert(key.to_owned(), value.clone());
        }
        let schema = self.schema.clone().unwrap_or_default();
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            given.entry(name).or_insert_with(|| filling(&schema["properties"][name]));
        }
        (self.name.clone(), Value::Object(given))
    }
}

/// Something that a schema allows.
fn filling(schema: &Value) -> Value {
    match (schema["enum"].as_array().and_then(|all| all.first()), schema["type"].as_str()) {
        (Some(first), _) => first.clone(),
        (None, Some("integer" | "number")) => json!(0),
        (None, Some("boolean")) => json!(false),
        (None, Some("array")) => json!([]),
        (None, Some("object")) => json!({}),
        _ => json!("as scripted"),
    }
}

/// The folder that an agent says it works in: the first that follows such words and is there.
pub fn folder(system: &str) -> Option<String> {
    const WORDS: [&str; 3] = ["working directory", "cwd", "workspace"];
    system.lines().find_map(|line| {
        let lower = line.to_ascii_lowercase();
        let after = WORDS.iter().find_map(|word| lower.find(word).map(|at| at + word.len()))?;
        let path = &line[after + line[after..].find('/')?..];
        // `</cwd>` begins with a slash too.
        let end = path.find(|c: char| c.is_whitespace() || "<>\"'`,".contains(c)).unwrap_or(path.len());
        let path = path[..end].trim_end_matches('.');
        (path.len() > 1 && Path::new(path).is_dir()).then(|| path.to_owned())
    })
}

/// A text with a backslash before each of these.
fn escaped(text: &str, special: &str) -> String {
    text.chars().flat_map(|c| special.contains(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A word of shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
