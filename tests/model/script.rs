//! What the model is to say: turns, each words, calls of tools, figures and faults.
use serde::{Deserialize, Serialize};

/// Where a script begins and ends in a prompt.
const FENCE: (&str, &str) = ("<<<script ", ">>>");

/// One answer of the model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// Its words.
    pub text: String,
    /// What it wants done.
    pub calls: Vec<Call>,
    /// What it is said to cost.
    pub usage: Option<Used>,
    /// Milliseconds before the answer begins.
    pub delay: u64,
    /// The answer is held until the test releases this gate.
    pub gate: Option<String>,
    /// An error instead of the answer.
    pub fail: Option<Fail>,
    /// The first so many times the answer breaks off in the middle.
    pub cut: u32,
    /// The answer ends at the output limit.
    pub full: bool,
}

/// A call of a tool, whatever the agent calls its tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Writes a whole file.
    Write {
        /// Its path in the worktree.
        path: String,
        /// What it is to hold.
        content: String,
    },
    /// Replaces a text in a file.
    Edit {
        /// The file's path in the worktree.
        path: String,
        /// What stands there.
        old: String,
        /// What is to stand there.
        new: String,
    },
    /// Runs a line of shell.
    Shell(String),
    /// Reads a file.
    Read {
        /// Its path in the worktree.
        path: String,
    },
}

/// What a turn is said to cost, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Read by the model, what was in its cache not among it.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Read from its cache.
    #[serde(default)]
    pub cached: u64,
}

impl Default for Used {
    fn default() -> Self {
        Self { input: 1000, output: 50, cached: 0 }
    }
}

/// An error that the model answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// The status: 401, 429, 529 ...
    pub status: u16,
    /// How often; without it for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// When to come again, in seconds.
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// Its words.
    #[serde(default)]
    pub message: Option<String>,
}

impl Turn {
    /// One of words alone.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// One that calls a tool.
    pub fn call(call: Call) -> Self {
        Self { calls: vec![call], ..Self::default() }
    }
}

impl Call {
    /// Writes a file.
    pub fn write(path: &str, content: &str) -> Self {
        Self::Write { path: path.to_owned(), content: content.to_owned() }
    }

    /// Edits a file.
    pub fn edit(path: &str, old: &str, new: &str) -> Self {
        Self::Edit { path: path.to_owned(), old: old.to_owned(), new: new.to_owned() }
    }

    /// Runs a line.
    pub fn shell(line: &str) -> Self {
        Self::Shell(line.to_owned())
    }
}

/// The script as it rides in a prompt.
pub fn riding(turns: &[Turn]) -> String {
    let turns = serde_json::to_string(turns).unwrap();
    format!("{}{turns}{}", FENCE.0, FENCE.1)
}

/// The script in a text, if there is one; one that cannot be read says why in its only turn.
pub fn found_in(text: &str) -> Option<Vec<Turn>> {
    let (_, rest) = text.split_once(FENCE.0)?;
    let (script, _) = rest.split_once(FENCE.1)?;
    let turns = serde_json::from_str(script);
    Some(turns.unwrap_or_else(|error| vec![Turn::text(&format!("this script cannot be read: {error}"))]))
}
