//! What an agent does with a tool, whatever agent it is.
pub use crate::model::ToolKind;
use serde::{Deserialize, Serialize};

/// One use of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUse {
    /// The agent's own id of this use, by which its end is known; empty if it gives none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// What kind of work it is.
    pub kind: ToolKind,
    /// One line for people: the command, the file, the question.
    pub title: String,
    /// The files that it is about, as the agent names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// How far it is.
    pub status: ToolStatus,
}

/// How far a tool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolStatus {
    /// At work.
    Running,
    /// Done.
    Done,
    /// Gone wrong, or refused.
    Failed,
}
