//! What stops a command: one sentence, the next step, and how the program ends over it.
use super::args::Cli;
use super::exit::Exit;
use crate::base::english;
use crate::graph::goals::GoalError;
use crate::report::line::clean_lines;
use crate::sys::git::GitError;
use std::fmt;
use std::io::{self, Write};

/// Why a command cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How the program ends.
    pub exit: Exit,
    /// What is wrong; empty if it was said already.
    pub message: String,
    /// The next step.
    pub hint: Option<String>,
}

impl Trouble {
    /// Something about the world.
    pub fn environment(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Environment, message: message.to_string(), hint: None }
    }

    /// Something about what was typed or written.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), hint: None }
    }

    /// Something that was said already.
    pub fn said(exit: Exit) -> Self {
        Self { exit, message: String::new(), hint: None }
    }

    /// The next step.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same where a word that was typed may be meant for a command.
    #[must_use]
    pub fn or_command(self, word: &str) -> Self {
        let mut commands = Cli::command_names();
        commands.push("help".to_owned());
        let Some(command) = english::nearest(word, commands.iter().map(String::as_str)) else { return self };
        let meant = format!("is the command `specmake {command}` meant?");
        let hint = match &self.hint {
            Some(hint) => format!("{meant} if not, {hint}"),
            None => meant,
        };
        self.hint(hint)
    }

    /// Says it.
    pub fn say(&self, err: &mut dyn Write) {
        if self.message.is_empty() {
            return;
        }
        // Whoever closed standard error does not want to know.
        let _ = writeln!(err, "specmake: {}", clean_lines(&self.message));
        if let Some(hint) = &self.hint {
            let _ = writeln!(err, "  {}", clean_lines(hint));
        }
    }
}

impl From<GitError> for Trouble {
    fn from(error: GitError) -> Self {
        let hint = error.hint();
        Self { exit: Exit::Environment, message: error.to_string(), hint }
    }
}

impl From<GoalError> for Trouble {
    fn from(error: GoalError) -> Self {
        let trouble = Self::usage(&error);
        match &error {
            GoalError::Unknown { goal, nearest: None } => trouble.or_command(goal),
            _ => trouble,
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::said(Exit::Done);
        }
        Self::environment(error)
    }
}
