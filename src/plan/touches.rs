//! Files that specs touch: which lists overlap, and which specs hold theirs.
use crate::model::Pattern;
use std::collections::{BTreeMap, HashMap};

/// Whether two patterns may match one path. Errs towards yes: two globs are told apart only by the folders they
/// are rooted in and by what follows their last `*`; a literal is matched, along with what lies in it.
pub fn overlap(one: &Pattern, other: &Pattern) -> bool {
    if !lies_in(one.root(), other.root()) && !lies_in(other.root(), one.root()) {
        return false;
    }
    match (one.is_glob(), other.is_glob()) {
        (false, false) => true,
        // A literal may be a folder: a glob rooted in it, or one that matches it, meets it.
        (false, true) => other.matches(one.resolved()) || may_hold(one.resolved(), other),
        (true, false) => one.matches(other.resolved()) || may_hold(other.resolved(), one),
        (true, true) => tails_agree(one.resolved(), other.resolved()),
    }
}

/// Whether `path` is `folder` or in it.
fn lies_in(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a glob may match a path inside a literal, were that a folder.
fn may_hold(literal: &str, glob: &Pattern) -> bool {
    if lies_in(glob.root(), literal) {
        return true;
    }
    // A literal deeper than the glob's root: the glob reaches into it through `**` or has as many parts left.
    let glob = glob.resolved();
    glob.contains("**")
        || glob.contains(['{', '[', '\\'])
        || glob.split('/').count() > literal.split('/').count()
}

fn tails_agree(one: &str, other: &str) -> bool {
    let (one, other) = (tail(one), tail(other));
    one.ends_with(other) || other.ends_with(one)
}

/// What follows the last thing in a glob that is not literal.
fn tail(glob: &str) -> &str {
    if glob.contains('\\') {
        return "";
    }
    glob.rfind(['*', '?', ']', '}']).map_or(glob, |at| &glob[at + 1..])
}

/// Lists of patterns that are the same have the same number.
#[derive(Debug, Default)]
pub(super) struct Touches {
    lists: Vec<Vec<Pattern>>,
    numbers: HashMap<Vec<String>, usize>,
    /// Who holds what, by the root of each pattern, parts ended by `/` so that a folder is a range.
    held: BTreeMap<String, Vec<(usize, Pattern)>>,
    holds: HashMap<usize, usize>,
}

impl Touches {
    /// The number of a list; none for an empty one.
    pub fn number(&mut self, patterns: &[Pattern]) -> Option<usize> {
        if patterns.is_empty() {
            return None;
        }
        let mut key: Vec<String> = patterns.iter().map(|pattern| pattern.resolved().to_owned()).collect();
        key.sort();
        key.dedup();
        let next = self.lists.len();
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.lists.push(patterns.to_vec());
        }
        Some(number)
    }

    /// Whether a spec holds its list.
    pub fn is_held_by(&self, spec: usize) -> bool {
        self.holds.contains_key(&spec)
    }

    /// The first spec, of those that hold theirs, whose list overlaps this one.
    pub fn holder(&self, list: usize) -> Option<usize> {
        self.lists[list].iter().filter_map(|pattern| self.holder_of(pattern)).min()
    }

    fn holder_of(&self, pattern: &Pattern) -> Option<usize> {
        let root = folder(pattern.root());
        // Inside this root, and in each of the folders around it.
        let inside = self.held.range(root.clone()..).take_while(|(key, _)| key.starts_with(&root));
        let around = root.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &root[..=at]);
        let around = std::iter::once("").chain(around).filter(|key| key.len() < root.len());
        let around = around.filter_map(|key| self.held.get(key));
        let all = inside.map(|(_, held)| held).chain(around).flatten();
        all.filter(|(_, held)| overlap(held, pattern)).map(|(spec, _)| *spec).min()
    }

    pub fn hold(&mut self, spec: usize, list: usize) {
        self.holds.insert(spec, list);
        for pattern in &self.lists[list] {
            self.held.entry(folder(pattern.root())).or_default().push((spec, pattern.clone()));
        }
    }

    /// Gives a spec's list back; whether it held it.
    pub fn release(&mut self, spec: usize) -> bool {
        let Some(list) = self.holds.remove(&spec) else { return false };
        for pattern in &self.lists[list] {
            let key = folder(pattern.root());
            if let Some(held) = self.held.get_mut(&key) {
                held.retain(|(holder, _)| *holder != spec);
                if held.is_empty() {
                    self.held.remove(&key);
                }
            }
        }
        true
    }
}

fn folder(root: &str) -> String {
    if root.is_empty() { String::new() } else { format!("{root}/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::pattern;
    use proptest::prelude::*;

    fn check(one: &str, other: &str, expect: bool) {
        assert_eq!(overlap(&pattern(one), &pattern(other)), expect, "{one} {other}");
        assert_eq!(overlap(&pattern(other), &pattern(one)), expect, "{other} {one}");
    }

    #[test]
    fn lists_overlap_when_a_path_may_be_in_both() {
        check("src/retry/**", "src/retry/mod.rs", true);
        check("src/retry/**", "src/threads/**", false);
        check("src", "src/a/b.rs", true);
        check("docs", "docs2", false);
        check("src/*.rs", "src/*.md", false);
        check("**/x.rs", "src/**", true);
        check("src/*/mod.rs", "src/retry", true);
        check("CHANGELOG.md", "CHANGELOG.md", true);
        check("src/*.rs", "src/a/b.rs", false);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_overlap_means_no_path_in_both(
            one in "[ab](/[ab*?]|/\\*\\*){0,3}",
            other in "[ab](/[ab*?]|/\\*\\*){0,3}",
            path in "[ab](/[ab]){0,4}",
        ) {
            let (one, other) = (pattern(&one), pattern(&other));
            prop_assert!(overlap(&one, &other) || !(one.matches(&path) && other.matches(&path)));
        }

        #[test]
        fn a_holder_is_found_by_its_folders(
            lists in prop::collection::vec("[ab](/[ab*]|/\\*\\*){0,3}", 1..6),
            asked in "[ab*](/[ab*]|/\\*\\*){0,3}",
        ) {
            let mut touches = Touches::default();
            for (spec, text) in lists.iter().enumerate() {
                let list = touches.number(&[pattern(text)]).expect("a list");
                touches.hold(spec, list);
            }
            let asked = pattern(&asked);
            let number = touches.number(std::slice::from_ref(&asked)).expect("a list");
            let expect = lists.iter().position(|text| overlap(&pattern(text), &asked));
            prop_assert_eq!(touches.holder(number), expect);
            for spec in 0..lists.len() {
                prop_assert!(touches.release(spec));
            }
            prop_assert_eq!(touches.holder(number), None);
        }
    }
}
