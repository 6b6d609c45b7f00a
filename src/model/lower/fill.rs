//! `{name}` placeholders: in paths, argv and environment values, never in a shell line.
use std::borrow::Cow;

/// Placeholders that need no parameter, wherever some of them may stand.
pub(crate) const KNOWN: [&str; 12] = [
    "spec",
    "folder",
    "repo",
    "branch",
    "description",
    "stage",
    "worktree",
    "self",
    "prompt",
    "model",
    "session",
    "layer",
];

/// The next placeholder: its first byte, its name.
fn next(text: &str, from: usize) -> Option<(usize, &str)> {
    let mut at = from;
    loop {
        at += text.get(at..)?.find('{')?;
        let rest = &text[at + 1..];
        let len =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        if len > 0 && rest[len..].starts_with('}') && rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Some((at, &rest[..len]));
        }
        at += 1;
    }
}

/// The names of all placeholders.
pub(crate) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let (at, name) = next(text, from)?;
        from = at + name.len() + 2;
        Some(name)
    })
}

/// The text with those placeholders filled that `with` knows; what is filled in is not looked at again.
pub(crate) fn fill<'a>(text: &'a str, with: impl Fn(&str) -> Option<&'a str>) -> Cow<'a, str> {
    let (mut out, mut from, mut done) = (String::new(), 0, 0);
    while let Some((at, name)) = next(text, from) {
        from = at + name.len() + 2;
        if let Some(value) = with(name) {
            out.push_str(&text[done..at]);
            out.push_str(value);
            done = from;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let with = |name: &str| match name {
            "a" => Some("1"),
            "b" => Some("{a}"),
            _ => None,
        };
        assert_eq!(fill(text, with), expect);
    }

    #[test]
    fn known_ones_are_filled_once_and_others_stay() {
        check("x{a}y{a}", "x1y1");
        check("{b}", "{a}");
        check("{c} {a,b} {} {a {a}", "{c} {a,b} {} {a 1");
        check("{\"a\":1}", "{\"a\":1}");
        check("{{a}}", "{1}");
        assert_eq!(placeholders("{x} {y-z} {1} {a,b}").collect::<Vec<_>>(), ["x", "y-z"]);
    }
}
