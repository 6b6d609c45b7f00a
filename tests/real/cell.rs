//! One cell of the matrix: an agent, a case, and what came of it.
use crate::cli::Cli;

/// What is tried with each agent.
pub struct Case {
    /// Its name, as in a profile's `verified` line.
    pub name: &'static str,
    /// What it shows, as the head of a column.
    pub shows: &'static str,
    /// Panics if it is not so.
    pub run: fn(&Cli),
}

/// What came of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It ran, and all was as it should be.
    Ok,
    /// It ran, and was not.
    Failed,
    /// The agent is not installed.
    Missing,
    /// The agent cannot be tried so.
    Without,
    /// Nobody asked for it.
    NotRun,
}

impl Came {
    /// As it stands in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::Missing => "skipped",
            Self::Without => "n/a",
            Self::NotRun => "-",
        }
    }
}
