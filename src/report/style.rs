//! The one table of symbols and colours, and when to use them. The only importer of `owo-colors`.
use crate::event::{Done, Verdict};
use crate::view::{StageState, Standing};
use owo_colors::OwoColorize;
use std::borrow::Cow;

/// What a face may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Characters outside ASCII.
    pub unicode: bool,
    /// Colours.
    pub color: bool,
}

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ink {
    /// As it is.
    #[default]
    Plain,
    /// A heading or a name to find.
    Strong,
    /// Said by the way.
    Faint,
    /// It went well.
    Good,
    /// It is at work.
    Active,
    /// A person should look.
    Attention,
    /// It went wrong.
    Bad,
}

/// What state something is in, as every face draws it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// Landed in this run.
    Landed,
    /// A stage that is done.
    Done,
    /// Complete on its branch.
    Delivered,
    /// Nothing had to be done.
    UpToDate,
    /// Done by hand before specmake knew.
    Adopted,
    /// Left out.
    Skipped,
    /// Runs.
    Running,
    /// A landing is under way.
    Landing,
    /// Waits for something named.
    Waiting,
    /// Not yet come to.
    Pending,
    /// Out of date.
    OutOfDate,
    /// Will be known later.
    MayRun,
    /// Waits for `specmake approve`.
    Gate,
    /// Its landing waits for the user's checkout.
    Colliding,
    /// Waits for a person.
    Held,
    /// Given up for this run.
    Failed,
    /// Another spec is in its way.
    Blocked,
    /// Ran when the run ended.
    Stopped,
    /// Something to know.
    Warning,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    /// One column wide.
    pub unicode: &'static str,
    /// One character.
    pub ascii: &'static str,
    /// Its colour.
    pub ink: Ink,
    /// Its word, also in JSON.
    pub word: &'static str,
}

impl Mark {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 19] = [
        Self::Landed,
        Self::Done,
        Self::Delivered,
        Self::UpToDate,
        Self::Adopted,
        Self::Skipped,
        Self::Running,
        Self::Landing,
        Self::Waiting,
        Self::Pending,
        Self::OutOfDate,
        Self::MayRun,
        Self::Gate,
        Self::Colliding,
        Self::Held,
        Self::Failed,
        Self::Blocked,
        Self::Stopped,
        Self::Warning,
    ];

    /// Its row of the table.
    pub const fn symbol(self) -> Symbol {
        let (unicode, ascii, ink, word) = match self {
            Self::Landed => ("✔", "+", Ink::Good, "landed"),
            Self::Done => ("✓", "v", Ink::Good, "done"),
            Self::Delivered => ("◆", "d", Ink::Good, "delivered"),
            Self::UpToDate => ("=", "=", Ink::Faint, "up-to-date"),
            Self::Adopted => ("≈", "a", Ink::Faint, "adopted"),
            Self::Skipped => ("↷", "/", Ink::Faint, "skipped"),
            Self::Running => ("▶", ">", Ink::Active, "running"),
            Self::Landing => ("⇣", "^", Ink::Active, "landing"),
            Self::Waiting => ("◌", "~", Ink::Faint, "waiting"),
            Self::Pending => ("·", ".", Ink::Faint, "pending"),
            Self::OutOfDate => ("●", "*", Ink::Attention, "out-of-date"),
            Self::MayRun => ("?", "?", Ink::Faint, "may-run"),
            Self::Gate => ("◇", "@", Ink::Attention, "gate"),
            Self::Colliding => ("≠", "%", Ink::Attention, "colliding"),
            Self::Held => ("‖", "#", Ink::Attention, "held"),
            Self::Failed => ("✗", "x", Ink::Bad, "failed"),
            Self::Blocked => ("⊘", "-", Ink::Bad, "blocked"),
            Self::Stopped => ("◼", "s", Ink::Attention, "stopped"),
            Self::Warning => ("▲", "!", Ink::Attention, "warning"),
        };
        Symbol { unicode, ascii, ink, word }
    }

    /// Its word: `up-to-date`.
    pub const fn word(self) -> &'static str {
        self.symbol().word
    }
}

impl From<Standing> for Mark {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Pending => Self::Pending,
            Standing::Waiting => Self::Waiting,
            Standing::Running => Self::Running,
            Standing::Landing => Self::Landing,
            Standing::Colliding => Self::Colliding,
            Standing::Gate => Self::Gate,
            Standing::Held => Self::Held,
            Standing::Failed => Self::Failed,
            Standing::Blocked => Self::Blocked,
            Standing::Stopped => Self::Stopped,
            Standing::Skipped => Self::Skipped,
            Standing::UpToDate => Self::UpToDate,
            Standing::Delivered => Self::Delivered,
            Standing::Landed => Self::Landed,
        }
    }
}

impl From<&StageState> for Mark {
    fn from(state: &StageState) -> Self {
        match state {
            StageState::Unheard => Self::Pending,
            StageState::Waiting { .. } => Self::Waiting,
            StageState::Queued => Self::OutOfDate,
            StageState::Running => Self::Running,
            StageState::Gate => Self::Gate,
            StageState::Landing { .. } => Self::Landing,
            StageState::Colliding { .. } => Self::Colliding,
            StageState::Done { how, .. } => Self::from(*how),
            StageState::Held { .. } => Self::Held,
            StageState::Failed { .. } => Self::Failed,
            StageState::Stopped => Self::Stopped,
        }
    }
}

impl From<Done> for Mark {
    fn from(how: Done) -> Self {
        match how {
            Done::Ran | Done::Touched | Done::Approved | Done::Elsewhere => Self::Done,
            Done::UpToDate => Self::UpToDate,
            Done::Adopted => Self::Adopted,
            Done::Skipped => Self::Skipped,
        }
    }
}

impl From<&Verdict> for Mark {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::UpToDate { how: Done::Adopted } => Self::Adopted,
            Verdict::UpToDate { .. } => Self::UpToDate,
            Verdict::OutOfDate { .. } => Self::OutOfDate,
            Verdict::MayRun { .. } => Self::MayRun,
        }
    }
}

impl Style {
    /// ASCII without colours: for tests and files.
    pub const PLAIN: Self = Self { unicode: false, color: false };

    /// What a stream may use, from the environment and whether it is a terminal.
    /// `NO_COLOR` beats `CLICOLOR_FORCE` beats `CLICOLOR=0` and `TERM=dumb`.
    pub fn detect(variable: impl Fn(&str) -> Option<String>, terminal: bool) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let color = if set("NO_COLOR").is_some() {
            false
        } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            true
        } else {
            terminal && !dumb && set("CLICOLOR").is_none_or(|value| value != "0")
        };
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Self { unicode: utf8 && !(terminal && dumb), color }
    }

    /// The character for a state, without its colour.
    pub fn symbol(&self, mark: Mark) -> &'static str {
        let symbol = mark.symbol();
        if self.unicode { symbol.unicode } else { symbol.ascii }
    }

    /// What stands where text was cut off.
    pub fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "~" }
    }

    /// What stands between two steps.
    pub fn arrow(&self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// The text in its colour, or as it is.
    pub fn paint<'a>(&self, ink: Ink, text: &'a str) -> Cow<'a, str> {
        if !self.color || ink == Ink::Plain || text.is_empty() {
            return Cow::Borrowed(text);
        }
        let look = owo_colors::Style::new();
        let look = match ink {
            Ink::Plain => look,
            Ink::Strong => look.bold(),
            Ink::Faint => look.dimmed(),
            Ink::Good => look.green(),
            Ink::Active => look.cyan(),
            Ink::Attention => look.yellow(),
            Ink::Bad => look.red().bold(),
        };
        Cow::Owned(text.style(look).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use unicode_width::UnicodeWidthStr;

    fn detect(variables: &[(&str, &str)], terminal: bool) -> (bool, bool) {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let style = Style::detect(find, terminal);
        (style.unicode, style.color)
    }

    #[test]
    fn the_environment_is_honoured() {
        let utf8 = ("LANG", "en_US.UTF-8");
        type Case<'a> = (&'a [(&'a str, &'a str)], bool, (bool, bool));
        let cases: [Case; 11] = [
            (&[utf8], true, (true, true)),
            (&[utf8], false, (true, false)),
            (&[utf8, ("NO_COLOR", "1")], true, (true, false)),
            (&[utf8, ("NO_COLOR", "")], true, (true, true)),
            (&[utf8, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true, (true, false)),
            (&[utf8, ("CLICOLOR_FORCE", "1")], false, (true, true)),
            (&[utf8, ("CLICOLOR_FORCE", "0")], false, (true, false)),
            (&[utf8, ("CLICOLOR", "0")], true, (true, false)),
            (&[utf8, ("TERM", "dumb")], true, (false, false)),
            (&[utf8, ("LC_ALL", "C")], true, (false, true)),
            (&[], false, (false, false)),
        ];
        for (variables, terminal, expect) in cases {
            assert_eq!(detect(variables, terminal), expect, "{variables:?} {terminal}");
        }
    }

    #[test]
    fn every_state_is_told_from_every_other() {
        let rows: Vec<Symbol> = Mark::ALL.into_iter().map(Mark::symbol).collect();
        let distinct =
            |pick: fn(&Symbol) -> &'static str| rows.iter().map(pick).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|row| row.unicode), rows.len());
        assert_eq!(distinct(|row| row.ascii), rows.len());
        assert_eq!(distinct(|row| row.word), rows.len());
        for row in rows {
            assert_eq!(row.unicode.width(), 1, "{}", row.word);
            assert!(row.ascii.len() == 1 && row.ascii.is_ascii(), "{}", row.word);
        }
    }

    #[test]
    fn without_colour_there_is_no_escape() {
        assert_eq!(Style::PLAIN.paint(Ink::Bad, "x"), "x");
        let colored = Style { unicode: false, color: true };
        assert!(colored.paint(Ink::Bad, "x").contains('\u{1b}'));
        assert_eq!(colored.paint(Ink::Plain, "x"), "x");
    }
}
