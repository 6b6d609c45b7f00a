//! What is said where: settings with their origins, and all agents that could be named, used or not.
use super::{Agent, Files, LoadRequest, lower};
use crate::base::{Sources, Span};

/// What a look at all texts shows.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Agents: those of the Specfile, of the user's own file, and the built-in ones.
    pub agents: Vec<KnownAgent>,
    /// Every setting.
    pub settings: Vec<Setting>,
    /// The texts that spans point into.
    pub sources: Sources,
}

/// An agent, and whose it is.
#[derive(Debug, Clone)]
pub struct KnownAgent {
    /// The agent, its profile folded in.
    pub agent: Agent,
    /// The closest text that declares it.
    pub home: Home,
}

/// Whose text an agent is declared in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// The Specfile, or what it includes.
    Specfile,
    /// The user's own file.
    User,
    /// The program.
    BuiltIn,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name: `jobs`, `land.batch`, `pool.anthropic`.
    pub key: String,
    /// What holds; nothing if nobody says it and there is no usual value. Several where all of them count.
    pub said: Vec<Said>,
}

/// A value as it is written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// As in a Specfile, without the name of the setting.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line.
    CommandLine,
    /// A variable of the environment.
    Environment(String),
    /// The Specfile, what it includes, or the user's own file.
    Text(Span),
    /// The program.
    BuiltIn,
}

/// Looks at all texts of a request. Mistakes in them are passed over: `load` tells those.
pub fn look(request: &LoadRequest, files: &dyn Files) -> Look {
    lower::look(request, files)
}
