//! The named things that can put a stage out of date.
use std::fmt;

/// The kinds of ingredients, by their words in a trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The spec's description.
    Description,
    /// A prompt that is not built in.
    Prompt,
    /// A `run` line.
    Run,
    /// A variable of the environment.
    Env,
    /// A `when` line.
    When,
    /// A declared input.
    Input,
    /// An output of a stage before.
    Output,
    /// What a stage before without outputs changed.
    Change,
    /// The result of a spec that is needed.
    Need,
    /// The result of a spec that is needed through a layer.
    LayerNeed,
    /// The agent, where the project says so.
    Agent,
    /// The model, where the project says so.
    Model,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Description,
        Self::Prompt,
        Self::Run,
        Self::Env,
        Self::When,
        Self::Input,
        Self::Output,
        Self::Change,
        Self::Need,
        Self::LayerNeed,
        Self::Agent,
        Self::Model,
    ];

    /// Its word in a trailer.
    pub fn word(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Prompt => "prompt",
            Self::Run => "run",
            Self::Env => "env",
            Self::When => "when",
            Self::Input => "input",
            Self::Output => "output",
            Self::Change => "change",
            Self::Need => "need",
            Self::LayerNeed => "layer-need",
            Self::Agent => "agent",
            Self::Model => "model",
        }
    }

    /// What to call it in a reason.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Run => "`run` line",
            Self::When => "`when` line",
            Self::Output => "input",
            Self::LayerNeed => "need",
            other => other.word(),
        }
    }

    /// Whether it is made of files, and so judged by who wrote them.
    pub fn is_files(self) -> bool {
        matches!(self, Self::Input | Self::Output)
    }

    /// Whether a manifest may lack it without that meaning anything.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::LayerNeed | Self::Agent | Self::Model)
    }
}

/// The name of an ingredient within a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its name, `{spec}` symbolic; empty where there is only one of the kind.
    pub name: String,
}

impl Key {
    /// A key.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        if self.name.is_empty() { Ok(()) } else { write!(f, ":{}", self.name) }
    }
}
