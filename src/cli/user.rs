//! The user's side of the world: environment, terminal, own folders, and questions.
use crate::report::Screen;
use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Names that we set for agents and commands; in our own environment they say only who started us.
const CONTRACT: [&str; 10] = [
    "SPECMAKE_RUN",
    "SPECMAKE_SPEC",
    "SPECMAKE_STAGE",
    "SPECMAKE_ATTEMPT",
    "SPECMAKE_WORKTREE",
    "SPECMAKE_SLOT",
    "SPECMAKE_PORT_BASE",
    "SPECMAKE_TITLE",
    "SPECMAKE_BODY",
    "SPECMAKE_LOG",
];

/// What we run in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The environment; values that are not UTF-8 are left out.
    pub variables: BTreeMap<String, String>,
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Whether standard output is.
    pub stdout_is_terminal: bool,
    /// Whether standard error is.
    pub stderr_is_terminal: bool,
    /// Columns of the terminal.
    pub width: Option<usize>,
}

impl Surroundings {
    /// Those of this process.
    pub fn here() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            width: screen().map(|screen| screen.width),
        }
    }

    /// A variable of the environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// The `SPECMAKE_*` variables that set defaults of taste.
    pub fn taste(&self) -> BTreeMap<String, String> {
        let ours = |name: &str| name.starts_with("SPECMAKE_") && !CONTRACT.contains(&name);
        self.variables.iter().filter(|(name, _)| ours(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    /// Whether a question reaches a person who can answer it.
    pub fn can_ask(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal
    }

    /// Whether lines on standard error can be redrawn in place.
    pub fn can_redraw(&self) -> bool {
        self.stderr_is_terminal
            && self.variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
    }
}

/// The size of the terminal behind standard error, else behind standard output.
pub fn screen() -> Option<Screen> {
    let size = rustix::termios::tcgetwinsize(io::stderr())
        .or_else(|_| rustix::termios::tcgetwinsize(io::stdout()))
        .ok()?;
    let screen = Screen { width: size.ws_col.into(), height: size.ws_row.into() };
    Some(screen).filter(|screen| screen.width > 0 && screen.height > 0)
}

/// Folders of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFolders {
    /// `$XDG_CONFIG_HOME/specmake/config.kdl`, which need not exist.
    pub config: Option<PathBuf>,
    /// `$XDG_DATA_HOME/specmake`, which need not exist.
    pub data: Option<PathBuf>,
}

impl UserFolders {
    /// Those of this process; nothing for a user without a home.
    pub fn here() -> Self {
        use etcetera::BaseStrategy;
        let Ok(base) = etcetera::base_strategy::Xdg::new() else {
            return Self::default();
        };
        Self {
            config: Some(base.config_dir().join("specmake").join("config.kdl")),
            data: Some(base.data_dir().join("specmake")),
        }
    }
}

/// There is nobody to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no terminal to ask on")]
pub struct NobodyToAsk;

/// Who answers questions.
pub trait Ask {
    /// A yes or a no; anything but a clear yes is a no.
    ///
    /// # Errors
    /// [`NobodyToAsk`] where no person can answer; never waits for one then.
    fn yes(&mut self, question: &str) -> Result<bool, NobodyToAsk>;
}

/// Asks on the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    can_ask: bool,
}

impl Terminal {
    /// The terminal of these surroundings, if they have one.
    pub fn of(here: &Surroundings) -> Self {
        Self { can_ask: here.can_ask() }
    }

    /// One of these letters; anything else is the last one.
    ///
    /// # Errors
    /// [`NobodyToAsk`] where no person can answer; never waits for one then.
    pub fn choose(&self, question: &str, letters: &str) -> Result<char, NobodyToAsk> {
        if !self.can_ask {
            return Err(NobodyToAsk);
        }
        choose(question, letters, &mut io::stdin().lock(), &mut io::stderr())
    }
}

impl Ask for Terminal {
    fn yes(&mut self, question: &str) -> Result<bool, NobodyToAsk> {
        if !self.can_ask {
            return Err(NobodyToAsk);
        }
        ask(question, &mut io::stdin().lock(), &mut io::stderr())
    }
}

fn choose(
    question: &str,
    letters: &str,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<char, NobodyToAsk> {
    let mut answer = String::new();
    let asked = write!(out, "{question} ").and_then(|()| out.flush());
    if asked.is_err() || input.read_line(&mut answer).is_err() {
        return Err(NobodyToAsk);
    }
    let typed = answer.trim().to_ascii_lowercase();
    let chosen = letters.chars().find(|letter| typed == letter.to_string());
    chosen.or_else(|| letters.chars().last()).ok_or(NobodyToAsk)
}

fn ask(question: &str, input: &mut dyn BufRead, out: &mut dyn Write) -> Result<bool, NobodyToAsk> {
    let mut answer = String::new();
    let asked = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    if asked.is_err() || input.read_line(&mut answer).is_err() {
        return Err(NobodyToAsk);
    }
    if answer.is_empty() {
        let _ = writeln!(out);
    }
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &str) -> bool {
        let mut out = Vec::new();
        let yes = ask("go on?", &mut answer.as_bytes(), &mut out).expect("asked");
        assert!(out.starts_with(b"go on? [y/N] "));
        yes
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(answered("y\n") && answered(" YES \n"));
        assert!(!answered("\n") && !answered("") && !answered("yep\n") && !answered("no\n"));
    }

    #[test]
    fn a_choice_is_one_letter_and_the_last_one_if_it_is_none() {
        let chosen = |answer: &str| choose("?", "rsa", &mut answer.as_bytes(), &mut Vec::new());
        assert_eq!(chosen("R\n"), Ok('r'));
        for odd in ["", "\n", "rs\n", "x\n"] {
            assert_eq!(chosen(odd), Ok('a'), "{odd:?}");
        }
    }

    #[test]
    fn nobody_is_asked_without_a_terminal() {
        assert_eq!(Terminal::of(&Surroundings::default()).yes("go on?"), Err(NobodyToAsk));
    }

    #[test]
    fn what_we_set_for_others_is_no_taste() {
        let variables = [("SPECMAKE_JOBS", "3"), ("SPECMAKE_SPEC", "x"), ("HOME", "/h")];
        let here = Surroundings {
            variables: variables.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            ..Surroundings::default()
        };
        assert_eq!(here.taste().into_keys().collect::<Vec<_>>(), ["SPECMAKE_JOBS"]);
    }
}
