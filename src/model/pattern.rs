//! A path or glob of repository files, as declared and as it reads for one spec.
use globset::{Glob, GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A path or glob relative to the top of the repository, `/` between its parts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct Pattern {
    symbolic: Arc<str>,
    resolved: Arc<str>,
    /// Apart, since most patterns are none and ten thousand specs declare many of them.
    glob: Option<Arc<Globbing>>,
}

/// A glob, and what it matches with.
#[derive(Debug, Clone)]
struct Globbing {
    glob: Glob,
    /// Made when it is first asked: ten thousand specs declare many more globs than a build looks at.
    matcher: OnceLock<GlobMatcher>,
}

impl Pattern {
    /// A pattern from its declared text (`{spec}` symbolic) and its text with placeholders filled.
    ///
    /// # Errors
    /// What is wrong: a broken glob, an absolute path, a `..` part.
    pub fn new(symbolic: &str, resolved: &str) -> Result<Self, String> {
        Self::made(Arc::from(symbolic), resolved)
    }

    /// The same declared text as it reads for another spec.
    ///
    /// # Errors
    /// As of [`Pattern::new`].
    pub fn read_as(&self, resolved: &str) -> Result<Self, String> {
        if *self.resolved == *resolved {
            return Ok(self.clone());
        }
        Self::made(Arc::clone(&self.symbolic), resolved)
    }

    fn made(symbolic: Arc<str>, resolved: &str) -> Result<Self, String> {
        let resolved = resolved.strip_prefix("./").unwrap_or(resolved).trim_end_matches('/');
        if resolved.is_empty() {
            return Err("a path cannot be empty".to_owned());
        }
        if resolved.starts_with('/') {
            return Err("a path is relative to the top of the repository".to_owned());
        }
        if resolved.contains('\0') {
            return Err("a path cannot hold a NUL".to_owned());
        }
        if resolved.split('/').any(|part| matches!(part, ".." | "." | "" | ".git")) {
            return Err("a path stays inside the repository: no `..`, `.`, `.git` or empty part".to_owned());
        }
        let glob = if resolved.contains(['*', '?', '[', '{']) {
            let glob = GlobBuilder::new(resolved).literal_separator(true).build();
            let glob = glob.map_err(|e| e.kind().to_string())?;
            Some(Arc::new(Globbing { glob, matcher: OnceLock::new() }))
        } else {
            None
        };
        let resolved = if *symbolic == *resolved { Arc::clone(&symbolic) } else { Arc::from(resolved) };
        Ok(Self { symbolic, resolved, glob })
    }

    /// The text as declared, `{spec}` and machine paths symbolic: its name in a manifest.
    pub fn symbolic(&self) -> &str {
        &self.symbolic
    }

    /// The text for this spec.
    pub fn resolved(&self) -> &str {
        &self.resolved
    }

    /// Whether it can match more than the one path it spells. A literal that names a folder matches what is in it.
    pub fn is_glob(&self) -> bool {
        self.glob.is_some()
    }

    /// Whether its declared text holds `{spec}`.
    pub fn names_spec(&self) -> bool {
        self.symbolic.contains("{spec}")
    }

    /// Whether a repository path is one of its files.
    pub fn matches(&self, path: &str) -> bool {
        match &self.glob {
            Some(of) => of.matcher.get_or_init(|| of.glob.compile_matcher()).is_match(path),
            None => path
                .strip_prefix(&*self.resolved)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    /// The leading folders that every match lies in, without a trailing `/`; empty for the whole tree.
    pub fn root(&self) -> &str {
        match self.resolved.find(['*', '?', '[', '{']) {
            None => &self.resolved,
            Some(meta) => self.resolved[..meta].rfind('/').map_or("", |slash| &self.resolved[..slash]),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.resolved)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resolved)
    }
}

impl From<Pattern> for (String, String) {
    fn from(pattern: Pattern) -> Self {
        (pattern.symbolic.to_string(), pattern.resolved.to_string())
    }
}

impl TryFrom<(String, String)> for Pattern {
    type Error = String;

    fn try_from((symbolic, resolved): (String, String)) -> Result<Self, String> {
        Self::new(&symbolic, &resolved)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.symbolic == other.symbolic && self.resolved == other.resolved
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text, text).expect("a pattern")
    }

    #[test]
    fn a_literal_matches_itself_and_what_lies_in_it() {
        let docs = pattern("docs");
        assert!(docs.matches("docs") && docs.matches("docs/a.md") && !docs.matches("docs2"));
        assert!(!docs.is_glob());
    }

    #[test]
    fn a_star_stays_in_its_folder() {
        let style = pattern("style/*.md");
        assert!(style.matches("style/a.md") && !style.matches("style/x/a.md"));
        assert!(pattern("src/**").matches("src/a/b.rs"));
        assert_eq!(style.root(), "style");
        assert_eq!(pattern("**/x").root(), "");
    }

    #[test]
    fn nothing_leaves_the_repository() {
        for bad in ["", "/etc/passwd", "../x", "a/../b", ".git/config", "a//b", "a\0b", "a[", "src/{a"] {
            assert!(Pattern::new(bad, bad).is_err(), "{bad:?}");
        }
    }
}
