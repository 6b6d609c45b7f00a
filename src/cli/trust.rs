//! The commands of a Specfile that this user has not approved are shown and asked for before the first one runs.
//! What was approved is remembered by repository and by text, in the user's own folder.
pub mod foreign;

pub use foreign::{Foreign, commands, own_agents};

use super::exit::Exit;
use super::user::{Ask, NobodyToAsk};
use crate::base::english::count;
use crate::base::{Stamp, Stamper};
use crate::report::line::Line;
use crate::report::{Ink, Mark, Style};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What this user has approved in one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    file: Option<PathBuf>,
    repository: String,
}

impl Ledger {
    /// That of a repository, named by its git common directory; `data` is the user's own folder, if there is one.
    pub fn of(repository: &Path, data: Option<&Path>) -> Self {
        let repository = repository.to_string_lossy().into_owned();
        let stamp = Stamper::new("repository").field(repository.as_bytes()).stamp();
        Self { file: data.map(|data| data.join("trust").join(stamp.to_string())), repository }
    }

    /// Those of these commands that are approved neither here nor by the texts that are trusted everywhere.
    pub fn unknown<'c>(&self, commands: &'c [Foreign], trusted: &[String]) -> Vec<&'c Foreign> {
        let approved = self.approved();
        let is_unknown = |c: &&Foreign| !trusted.contains(&c.text) && !approved.contains(&stamp(c));
        commands.iter().filter(is_unknown).collect()
    }

    fn approved(&self) -> BTreeSet<Stamp> {
        let text = self.file.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
    }

    /// Remembers more commands. A user without a folder of their own is asked again next time.
    fn approve(&self, commands: &[&Foreign]) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let Some(folder) = file.parent() else { return Ok(()) };
        fs::create_dir_all(folder)?;
        let mut stamps = self.approved();
        stamps.extend(commands.iter().map(|command| stamp(command)));
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(temporary, "# commands approved in {}", self.repository.escape_debug())?;
        stamps.iter().try_for_each(|stamp| writeln!(temporary, "{stamp}"))?;
        temporary.persist(file).map(drop).map_err(|error| error.error)
    }
}

fn stamp(command: &Foreign) -> Stamp {
    Stamper::new("command").field(command.text.as_bytes()).stamp()
}

/// What is to be trusted, and what is known of the user's will.
pub struct TrustRequest<'a> {
    /// All that would be run.
    pub commands: &'a [Foreign],
    /// Texts that the user's own file trusts everywhere.
    pub trusted: &'a [String],
    /// `--yes`: for this run, not remembered.
    pub yes: bool,
    /// What was approved before.
    pub ledger: &'a Ledger,
    /// What the list may use.
    pub style: Style,
}

/// Why nothing is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// There is nobody to ask.
    #[error(
        "{} of this Specfile {} not been approved, and there is no terminal to ask on; read the list above, \
        then add `--yes`, or build once on a terminal",
        count(*.0, "command"), if *.0 == 1 { "has" } else { "have" }
    )]
    NobodyToAsk(usize),
    /// The user said no.
    #[error("not approved, so nothing was run")]
    Declined,
}

impl TrustError {
    /// How the program ends over it.
    pub fn exit(self) -> Exit {
        Exit::Environment
    }
}

/// Goes on only if every command is approved, now or before. `out` is standard error: a list that nobody has
/// approved is written there, whoever is asked.
///
/// # Errors
/// Nobody to ask, or a no.
pub fn require(request: &TrustRequest<'_>, ask: &mut dyn Ask, out: &mut dyn Write) -> Result<(), TrustError> {
    if request.yes {
        return Ok(());
    }
    let unknown = request.ledger.unknown(request.commands, request.trusted);
    if unknown.is_empty() {
        return Ok(());
    }
    let _ = write_list(&unknown, &request.style, out);
    match ask.yes("run them in this repository, now and later?") {
        Ok(true) => {}
        Ok(false) => return Err(TrustError::Declined),
        Err(NobodyToAsk) => return Err(TrustError::NobodyToAsk(unknown.len())),
    }
    if let Err(error) = request.ledger.approve(&unknown) {
        let line = Line::marked(Mark::Warning, &request.style);
        let line = line.text(format!("your approval could not be kept, so you will be asked again: {error}"));
        let _ = writeln!(out, "{}", line.render(&request.style));
    }
    Ok(())
}

fn write_list(commands: &[&Foreign], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let many = if commands.len() == 1 { "runs a command" } else { "runs commands" };
    writeln!(out, "this Specfile {many} that you have not approved:")?;
    for command in commands {
        let mut at = command.at.clone();
        if command.specs > 0 {
            let _ = write!(at, ", {}", count(command.specs, "spec"));
        }
        let mut lines = command.text.lines();
        let first = Line::new().text("  ").ink(Ink::Strong, lines.next().unwrap_or_default());
        writeln!(out, "{}", first.ink(Ink::Faint, format!("  ({at})")).render(style))?;
        for more in lines {
            writeln!(out, "{}", Line::new().text("  ").ink(Ink::Strong, more).render(style))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(Option<bool>, usize);

    impl Ask for Says {
        fn yes(&mut self, _question: &str) -> Result<bool, NobodyToAsk> {
            self.1 += 1;
            self.0.ok_or(NobodyToAsk)
        }
    }

    fn foreign(text: &str) -> Foreign {
        Foreign { text: text.into(), at: "stage `check`".into(), specs: 2 }
    }

    struct World {
        data: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            Self { data: tempfile::tempdir().expect("a folder") }
        }

        /// The answer, how often the user was asked, and what they saw.
        fn require(
            &self,
            repository: &str,
            texts: &[&str],
            says: Option<bool>,
        ) -> (Result<(), TrustError>, usize, String) {
            let commands: Vec<Foreign> = texts.iter().map(|text| foreign(text)).collect();
            let ledger = Ledger::of(Path::new(repository), Some(self.data.path()));
            let request = TrustRequest {
                commands: &commands,
                trusted: &["cargo test".to_owned()],
                yes: false,
                ledger: &ledger,
                style: Style::PLAIN,
            };
            let (mut ask, mut out) = (Says(says, 0), Vec::new());
            let answer = require(&request, &mut ask, &mut out);
            (answer, ask.1, String::from_utf8(out).expect("text"))
        }
    }

    #[test]
    fn a_yes_is_remembered_for_the_repository_and_the_text() {
        let world = World::new();
        let first = world.require("/a/.git", &["npm test", "make"], Some(true));
        assert_eq!((first.0, first.1), (Ok(()), 1));
        let again = world.require("/a/.git", &["make"], None);
        assert_eq!(again, (Ok(()), 0, String::new()));
        let (answer, asked, seen) = world.require("/a/.git", &["make", "make evil"], None);
        assert_eq!((answer, asked), (Err(TrustError::NobodyToAsk(1)), 1));
        assert!(
            seen.contains("  make evil  (stage `check`, 2 specs)\n") && !seen.contains("  make  "),
            "{seen}"
        );
        assert_eq!(world.require("/b/.git", &["make"], None).0, Err(TrustError::NobodyToAsk(1)));
    }

    #[test]
    fn a_no_is_not_remembered() {
        let world = World::new();
        assert_eq!(world.require("/a", &["make"], Some(false)).0, Err(TrustError::Declined));
        assert_eq!(world.require("/a", &["make"], Some(true)).1, 1);
    }

    #[test]
    fn what_the_users_file_trusts_is_not_asked_for() {
        assert_eq!(World::new().require("/a", &["cargo test"], None).1, 0);
        assert_eq!(World::new().require("/a", &[], None).1, 0);
    }

    #[test]
    fn yes_is_for_one_run() {
        let world = World::new();
        let ledger = Ledger::of(Path::new("/a"), Some(world.data.path()));
        let commands = [foreign("make")];
        let (trusted, style) = (&[][..], Style::PLAIN);
        let request = TrustRequest { commands: &commands, trusted, yes: true, ledger: &ledger, style };
        assert_eq!(require(&request, &mut Says(None, 0), &mut Vec::new()), Ok(()));
        assert_eq!(world.require("/a", &["make"], None).0, Err(TrustError::NobodyToAsk(1)));
    }

    #[test]
    fn a_list_hides_nothing() {
        let seen = World::new().require("/a", &["true\u{1b}[2K\rls\nrm -rf x"], Some(false)).2;
        assert!(seen.contains("true [2K ls") && seen.contains("\n  rm -rf x\n"), "{seen:?}");
        assert!(!seen.contains('\u{1b}'));
    }
}
