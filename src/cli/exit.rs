//! What the program's exit status says.
use crate::event::RunOutcome;
use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// A spec failed, is held, is blocked or waits for a person.
    Failed,
    /// The Specfile or the command line is wrong.
    Usage,
    /// The world is: git, disk, lock, trust.
    Environment,
    /// `-q`: something is out of date.
    OutOfDate,
    /// A signal of this number ended it.
    Interrupted(u8),
    /// One of the above that a command has as a number already, or what the demo's agent plays.
    Other(u8),
}

impl Exit {
    /// The numbers and their meanings, for help and manual.
    pub const TABLE: [(&str, &str); 6] = [
        ("0", "done, or nothing to do"),
        ("1", "a spec failed, is held, or waits for you"),
        ("2", "the Specfile or the command line is wrong"),
        ("3", "the environment is: no git, no commit, locked, disk full, not trusted"),
        ("4", "-q: something is out of date"),
        ("128+n", "ended by signal n"),
    ];

    /// The exit status.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::OutOfDate => 4,
            Self::Interrupted(signal) => 128_u8.saturating_add(signal),
            Self::Other(code) => code,
        }
    }

    /// How a run's outcome ends the program; `signal` is the one that interrupted it.
    pub fn of(outcome: RunOutcome, signal: Option<u8>) -> Self {
        match outcome {
            RunOutcome::NothingToDo | RunOutcome::Done => Self::Done,
            RunOutcome::Failed => Self::Failed,
            RunOutcome::Interrupted => Self::Interrupted(signal.unwrap_or(2)),
        }
    }

    /// The table as the foot of a help page.
    pub fn help() -> String {
        let rows = Self::TABLE.iter().map(|(code, meaning)| format!("  {code:<6} {meaning}\n"));
        format!("Exit status:\n{}", rows.collect::<String>())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_table() {
        let exits = [
            Exit::of(RunOutcome::NothingToDo, None),
            Exit::of(RunOutcome::Failed, Some(2)),
            Exit::Usage,
            Exit::Environment,
            Exit::OutOfDate,
        ];
        for (exit, (code, _)) in exits.into_iter().zip(Exit::TABLE) {
            assert_eq!(exit.code().to_string(), code);
        }
        assert_eq!(Exit::of(RunOutcome::Interrupted, Some(15)).code(), 143);
        assert_eq!(Exit::of(RunOutcome::Interrupted, None).code(), 130);
    }
}
