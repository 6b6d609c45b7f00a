//! What an agent does with a tool, whatever agent it is.
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

/// What kind of work a tool does. The words are those of the Agent Client Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolKind {
    /// Reads files.
    Read,
    /// Writes or changes files.
    Edit,
    /// Removes files.
    Delete,
    /// Moves or renames files.
    Move,
    /// Looks for something.
    Search,
    /// Runs a command.
    Execute,
    /// Thinks aloud, or keeps its plan.
    Think,
    /// Asks the network.
    Fetch,
    /// Anything else.
    Other,
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

impl ToolKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::Edit,
        Self::Delete,
        Self::Move,
        Self::Search,
        Self::Execute,
        Self::Think,
        Self::Fetch,
        Self::Other,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Move => "move",
            Self::Search => "search",
            Self::Execute => "execute",
            Self::Think => "think",
            Self::Fetch => "fetch",
            Self::Other => "other",
        }
    }

    /// The kind of that word; `other` for words that nobody knows.
    pub fn named(word: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == word).unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json() {
        for kind in ToolKind::ALL {
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.name().into()));
            assert_eq!(ToolKind::named(kind.name()), kind);
        }
        assert_eq!(ToolKind::named("switch_mode"), ToolKind::Other);
    }
}
