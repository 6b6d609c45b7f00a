//! What an agent that asks first may do: rules by kind and path, of which the first that fits counts.
use super::Pattern;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

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

/// What a rule says about what it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It may.
    Allow,
    /// A person is to be asked; where none is, it may not.
    Ask,
    /// It may not.
    Deny,
}

impl Answer {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// One rule of `permissions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PermissionRule {
    /// What it says.
    pub answer: Answer,
    /// The kind that it is about; none for any.
    pub kind: Option<ToolKind>,
    /// The paths that it is about. Without any, `allow` is about the worktree, the others about everything.
    pub paths: Vec<PathRule>,
}

impl PermissionRule {
    /// Whether it lets an agent do something outside of its worktree.
    pub fn allows_outside(&self) -> bool {
        self.answer == Answer::Allow && self.paths.iter().any(|path| path.from != From::Worktree)
    }

    /// Whether it is about tools of that kind.
    pub fn is_about(&self, kind: ToolKind) -> bool {
        self.kind.is_none_or(|own| own == kind)
    }
}

/// As in a Specfile: `deny "edit" "docs/**"`.
impl fmt::Display for PermissionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.answer.name(), self.kind.map_or("any", ToolKind::name))?;
        self.paths.iter().try_for_each(|path| write!(f, " \"{path}\""))
    }
}

/// Where the path of a rule begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum From {
    Worktree,
    Home,
    Root,
}

/// A path or glob of a rule: `src/**` of the worktree, `/usr/share/**`, `~/.cargo/**`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PathRule {
    from: From,
    pattern: Pattern,
}

impl PathRule {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let (from, rest) = match (text.strip_prefix("~/"), text.strip_prefix('/')) {
            (Some(rest), _) => (From::Home, rest),
            (None, Some(rest)) => (From::Root, rest),
            (None, None) => (From::Worktree, text),
        };
        Ok(Self { from, pattern: Pattern::new(rest, rest)? })
    }

    /// Whether it fits a path, all of them absolute and with every link resolved.
    pub fn fits(&self, path: &Path, worktree: &Path, home: Option<&Path>) -> bool {
        let top = match self.from {
            From::Worktree => Some(worktree),
            From::Home => home,
            From::Root => Some(Path::new("/")),
        };
        let rest = top.and_then(|top| path.strip_prefix(top).ok()).and_then(Path::to_str);
        rest.is_some_and(|rest| self.pattern.matches(rest))
    }
}

impl PartialEq for PathRule {
    fn eq(&self, other: &Self) -> bool {
        (self.from, self.pattern.resolved()) == (other.from, other.pattern.resolved())
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let top = match self.from {
            From::Worktree => "",
            From::Home => "~/",
            From::Root => "/",
        };
        write!(f, "{top}{}", self.pattern)
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

    #[test]
    fn a_path_is_of_the_worktree_of_the_home_or_of_all() {
        let check = |rule: &str, path: &str, expect: bool| {
            let fits = PathRule::new(rule).expect("a rule");
            let fits = fits.fits(Path::new(path), Path::new("/w/a"), Some(Path::new("/home/p")));
            assert_eq!(fits, expect, "{rule} {path}");
        };
        check("src/**", "/w/a/src/x.rs", true);
        check("src", "/w/a/src/x.rs", true);
        check("src/**", "/w/b/src/x.rs", false);
        check("*.md", "/w/a/docs/x.md", false);
        check("/usr/**", "/usr/share/x", true);
        check("/**", "/etc/passwd", true);
        check("~/.cargo/**", "/home/p/.cargo/registry", true);
        check("~/.cargo/**", "/w/a/.cargo/registry", false);
        for wrong in ["", "/", "~/", "a/../b", "src/[", "a//b"] {
            assert!(PathRule::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_reads_as_it_is_written() {
        let paths = vec![PathRule::new("src/**").expect("a rule"), PathRule::new("~/x").expect("a rule")];
        let rule = PermissionRule { answer: Answer::Deny, kind: Some(ToolKind::Edit), paths };
        assert_eq!(rule.to_string(), "deny \"edit\" \"src/**\" \"~/x\"");
        assert!(!rule.allows_outside());
        let rule = PermissionRule { answer: Answer::Allow, kind: None, ..rule };
        assert_eq!(rule.to_string(), "allow \"any\" \"src/**\" \"~/x\"");
        assert!(rule.allows_outside());
    }
}
