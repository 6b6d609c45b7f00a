//! What a keeper and its specmake tell each other over the line between them.
use std::fmt;

/// To the keeper: ask the process, with its group, to end.
pub(super) const ASK: u8 = b'a';
/// To the keeper: end it and all below at once.
pub(super) const KILL: u8 = b'k';

/// From the keeper, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// The process runs: its number, and when it began.
    Began(i32, u64),
    /// It could not be started: the number of the error.
    Failed(i32),
    /// It ended with this status.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
    /// It left a process of this name behind, which had to be ended.
    Left(String),
}

impl Report {
    /// Reads a line; `None` for one that is none of ours.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        Some(match word {
            "began" => {
                let (pid, at) = rest.split_once(' ')?;
                Self::Began(pid.parse().ok()?, at.parse().ok()?)
            }
            "failed" => Self::Failed(rest.parse().ok()?),
            "exited" => Self::Exited(rest.parse().ok()?),
            "killed" => Self::Killed(rest.parse().ok()?),
            "left" => Self::Left(rest.to_owned()),
            _ => return None,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began(pid, at) => writeln!(f, "began {pid} {at}"),
            Self::Failed(error) => writeln!(f, "failed {error}"),
            Self::Exited(status) => writeln!(f, "exited {status}"),
            Self::Killed(signal) => writeln!(f, "killed {signal}"),
            Self::Left(name) => writeln!(f, "left {}", name.replace(char::is_control, "?")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_heard() {
        for report in [
            Report::Began(7, 4711),
            Report::Failed(2),
            Report::Exited(3),
            Report::Killed(9),
            Report::Left("a b".to_owned()),
        ] {
            assert_eq!(Report::read(report.to_string().trim_end_matches('\n')), Some(report));
        }
        assert_eq!(Report::Left("a\nexited 0".to_owned()).to_string(), "left a?exited 0\n");
        for line in ["", "exited", "exited x", "thread 'main' panicked", "began 7"] {
            assert_eq!(Report::read(line), None, "{line}");
        }
    }
}
