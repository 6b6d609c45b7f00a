//! Whether an agent may do what it asks about: rules in their order, then the worktree. It judges what is named;
//! what a shell line does is out of its sight.
use crate::event::ToolKind;
use crate::model::{Answer, PermissionRule};
use std::path::{Path, PathBuf};

/// How a path is followed through every link to where it leads; none if that cannot be told.
pub type Real = fn(&Path) -> Option<PathBuf>;

/// By what it is decided.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Vec<PermissionRule>,
    worktree: PathBuf,
    /// The same with every link in it followed.
    real_worktree: PathBuf,
    home: Option<PathBuf>,
    real: Real,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) allowed: bool,
    /// By which rule, and for which path.
    pub(super) why: String,
}

impl Policy {
    /// Rules, first ones first, for an agent in a worktree.
    pub fn new(rules: Vec<PermissionRule>, worktree: &Path, home: Option<&Path>, real: Real) -> Self {
        let followed = |path: &Path| real(path).unwrap_or_else(|| path.to_owned());
        Self {
            rules,
            worktree: worktree.to_owned(),
            real_worktree: followed(worktree),
            home: home.map(followed),
            real,
        }
    }

    /// Where it works, as it is told.
    pub(super) fn worktree(&self) -> &Path {
        &self.worktree
    }

    /// Whether something of that kind that names these paths may be done: all of them must be allowed.
    pub(super) fn decide(&self, kind: ToolKind, paths: &[String]) -> Decision {
        if paths.is_empty() {
            return self.decide_one(kind, None);
        }
        let mut last = None;
        for path in paths {
            let decision = self.decide_one(kind, Some(path));
            if !decision.allowed {
                return decision;
            }
            last = Some(decision);
        }
        last.unwrap_or_else(|| Decision { allowed: false, why: "it names nothing".to_owned() })
    }

    fn decide_one(&self, kind: ToolKind, path: Option<&str>) -> Decision {
        let place = path.map(|path| self.place(path));
        let inside = place
            .as_ref()
            .is_none_or(|place| place.as_deref().is_some_and(|place| place.starts_with(&self.real_worktree)));
        let fits = |rule: &&PermissionRule| rule.is_about(kind) && self.fits(rule, place.as_ref(), inside);
        if let Some(rule) = self.rules.iter().find(fits) {
            let of = path.map(|path| format!(", for `{path}`")).unwrap_or_default();
            let why = match rule.answer {
                Answer::Ask => format!("{rule}{of}, and nobody is here to answer"),
                Answer::Allow | Answer::Deny => format!("{rule}{of}"),
            };
            return Decision { allowed: rule.answer == Answer::Allow, why };
        }
        let why = match path {
            None => "it names no path outside the worktree".to_owned(),
            Some(_) if inside => "inside the worktree".to_owned(),
            Some(path) => format!("`{path}` is outside the worktree"),
        };
        Decision { allowed: inside, why }
    }

    fn fits(&self, rule: &PermissionRule, place: Option<&Option<PathBuf>>, inside: bool) -> bool {
        if rule.paths.is_empty() {
            return inside || rule.answer != Answer::Allow;
        }
        let Some(Some(place)) = place else { return false };
        rule.paths.iter().any(|path| path.fits(place, &self.real_worktree, self.home.as_deref()))
    }

    /// Where a path leads, however it is written.
    fn place(&self, path: &str) -> Option<PathBuf> {
        // Whoever does what is asked may trim it.
        let path = path.trim();
        let path = match path.split_at_checked("file:".len()) {
            Some((scheme, uri)) if scheme.eq_ignore_ascii_case("file:") => {
                let (host, path) = match uri.strip_prefix("//") {
                    Some(uri) => uri.split_at(uri.find('/')?),
                    None => ("", uri),
                };
                if !matches!(host, "" | "localhost") || !path.starts_with('/') {
                    return None;
                }
                decoded(path)?
            }
            _ => path.to_owned(),
        };
        if path.contains('\0') {
            return None;
        }
        let path = match (path.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            // Of whom, or where, is not known.
            (Some(rest), _) if rest.is_empty() || rest.contains('/') => return None,
            _ => self.worktree.join(path),
        };
        (self.real)(&path)
    }
}

/// A path of a URI, `%20` and the like decoded.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PathRule;
    use crate::sys::files::tidy;
    use proptest::prelude::proptest;

    fn rule(answer: Answer, kind: Option<ToolKind>, paths: &[&str]) -> PermissionRule {
        let paths = paths.iter().map(|path| PathRule::new(path).expect("a path")).collect();
        PermissionRule { answer, kind, paths }
    }

    /// A world in which `link` leads out of the worktree.
    fn real(path: &Path) -> Option<PathBuf> {
        let path = tidy(path);
        Some(path.strip_prefix("/w/a/link").map_or(path.clone(), |rest| Path::new("/etc").join(rest)))
    }

    fn policy(rules: Vec<PermissionRule>) -> Policy {
        Policy::new(rules, Path::new("/w/a"), Some(Path::new("/home/p")), real)
    }

    #[track_caller]
    fn check(rules: &[PermissionRule], kind: ToolKind, paths: &[&str], allowed: bool, why: &str) {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        let decision = policy(rules.to_vec()).decide(kind, &paths);
        assert_eq!((decision.allowed, decision.why.as_str()), (allowed, why), "{paths:?}");
    }

    #[test]
    fn without_rules_the_worktree_is_the_fence() {
        use ToolKind::{Edit, Execute, Read};
        let inside = "inside the worktree";
        for path in [
            "src/x",
            "/w/a",
            "/w/a/src/../x",
            "file:///w/a/x",
            "file://localhost/w/a/a%20b",
            "file:/w/a/x",
            "FILE:///w/a/x",
            "./x",
            "..a",
            "~x",
        ] {
            check(&[], Edit, &[path], true, inside);
        }
        for path in [
            "../b",
            "/w/ab",
            "/w/a/../b/x",
            "/etc/passwd",
            "link/passwd",
            "file:///etc/passwd",
            "file:///w/a/%2e%2e/b",
            "file://elsewhere/w/a",
            "file:///%zz",
            "file://",
            "FILE:///etc/passwd",
            "file:/etc/passwd",
            "file:x",
            " /etc/passwd",
            "~root/x",
            "~/.ssh/config",
            "~",
            "a\0b",
        ] {
            check(&[], Read, &[path], false, &format!("`{path}` is outside the worktree"));
        }
        check(&[], Execute, &[], true, "it names no path outside the worktree");
        check(&[], Edit, &["x", "/etc/x"], false, "`/etc/x` is outside the worktree");
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        use Answer::{Allow, Ask, Deny};
        use ToolKind::{Edit, Execute, Fetch, Read};
        let rules = [
            rule(Allow, Some(Edit), &["src/**"]),
            rule(Deny, Some(Edit), &[]),
            rule(Ask, Some(Fetch), &[]),
            rule(Deny, Some(Execute), &[]),
            rule(Allow, Some(Read), &["/usr/share/**", "~/.cargo/**"]),
            rule(Allow, None, &[]),
        ];
        check(&rules, Edit, &["src/x"], true, "allow \"edit\" \"src/**\", for `src/x`");
        check(&rules, Edit, &["src/x", "docs/x"], false, "deny \"edit\", for `docs/x`");
        check(&rules, Edit, &["src/../docs/x"], false, "deny \"edit\", for `src/../docs/x`");
        check(&rules, Fetch, &[], false, "ask \"fetch\", and nobody is here to answer");
        check(&rules, Execute, &["/w/a"], false, "deny \"execute\", for `/w/a`");
        check(
            &rules,
            Read,
            &["~/.cargo/x"],
            true,
            "allow \"read\" \"/usr/share/**\" \"~/.cargo/**\", for `~/.cargo/x`",
        );
        check(&rules, Read, &["/usr/lib/x"], false, "`/usr/lib/x` is outside the worktree");
        check(&rules, Read, &["x"], true, "allow \"any\", for `x`");
        let everywhere = [rule(Allow, None, &["/**"])];
        check(&everywhere, Edit, &["/etc/x"], true, "allow \"any\" \"/**\", for `/etc/x`");
        check(&everywhere, Execute, &[], true, "it names no path outside the worktree");
        let by_path = [rule(Deny, Some(Execute), &["src/**"])];
        check(&by_path, Execute, &[], true, "it names no path outside the worktree");
    }

    proptest! {
        #[test]
        fn nothing_outside_is_ever_allowed_without_a_rule(path in "(file://|~|/w/a)?([a%./]|%2[ef]|\\.\\./){0,12}") {
            let policy = policy(Vec::new());
            let decision = policy.decide(ToolKind::Edit, std::slice::from_ref(&path));
            let place = policy.place(&path);
            assert_eq!(decision.allowed, place.is_some_and(|place| place.starts_with("/w/a")), "{path}");
        }
    }
}
