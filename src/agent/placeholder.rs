//! `{name}` in a text. What stands in for a name is never looked at again; unknown names stay as they are.

/// The text with each `{name}` replaced that `value` knows.
pub fn fill<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        filled.push_str(before);
        let name = from[1..].split(|c: char| !is_word(c)).next().unwrap_or_default();
        let closed = from[1 + name.len()..].starts_with('}');
        match value(name).filter(|_| closed && !name.is_empty()) {
            Some(value) => {
                filled.push_str(value);
                rest = &from[name.len() + 2..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled + rest
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn known_names_are_filled_once() {
        let check = |text: &str, expect: &str| {
            let value = |name: &str| match name {
                "spec" => Some("051"),
                "odd" => Some("{spec}"),
                _ => None,
            };
            assert_eq!(fill(text, value), expect, "{text}");
        };
        check("specs/{spec}/a", "specs/051/a");
        check("{spec}{spec}", "051051");
        check("{odd}", "{spec}");
        check("{other} {} {spec {{spec}}", "{other} {} {spec {051}");
        check("fn main() { x }", "fn main() { x }");
    }

    proptest! {
        #[test]
        fn a_text_without_known_names_is_untouched(text in "[a-z{} \n]{0,40}") {
            assert_eq!(fill(&text, |_| None), text);
        }
    }
}
