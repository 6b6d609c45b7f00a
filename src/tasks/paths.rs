//! The files that a sentence names. A guess: it serves hints and overlaps, never what is out of date.

/// Paths in a text, each once, in order.
pub fn named_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '<' | '>' | '|'))
    {
        let quoted = word.contains('`');
        let bare = word.trim_matches(|c| matches!(c, '`' | '"' | '\'' | '*' | ':' | '!' | '?'));
        let bare = bare.strip_suffix('.').unwrap_or(bare).trim_matches('`');
        let bare = bare.strip_prefix("./").unwrap_or(bare);
        if is_path(bare, quoted) && !found.iter().any(|path| path == bare) {
            found.push(bare.to_owned());
        }
    }
    found
}

fn is_path(word: &str, quoted: bool) -> bool {
    let legal =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | '*' | '[' | ']');
    if word.is_empty() || word.starts_with('/') || !word.chars().all(legal) {
        return false;
    }
    if word.split('/').any(|part| part == ".." || part == ".") {
        return false;
    }
    let (folder, name) = word.rsplit_once('/').map_or((None, word), |(folder, name)| (Some(folder), name));
    let in_folder = folder.is_some_and(|folder| !folder.split('/').any(str::is_empty));
    match folder {
        Some(_) => in_folder && (quoted || name.is_empty() || has_extension(name)),
        None => has_extension(name) && (quoted || name.rsplit('.').next().is_some_and(is_known)),
    }
}

/// A dot, and behind it what could be a file's kind: `1.2` and `e.g` have none.
fn has_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| {
        (1..=10).contains(&kind.len())
            && kind.starts_with(|c: char| c.is_ascii_alphabetic())
            && kind.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// Kinds of files that stand alone in sentences; `Node.js` shows why `js` is not one.
fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "md" | "toml" | "json" | "yaml" | "yml" | "lock" | "txt" | "rs" | "py" | "go" | "ts" | "sh" | "kdl"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn which_words_are_paths() {
        let check = |text: &str, expect: &[&str]| assert_eq!(named_in(text), expect, "{text}");
        check("Create User model in src/models/user.py", &["src/models/user.py"]);
        check("Edit `src/lib` and `Makefile.am`, then src/x.rs.", &["src/lib", "Makefile.am", "src/x.rs"]);
        check("Write README.md (see ./docs/a.md, docs/a.md)", &["README.md", "docs/a.md"]);
        check("and/or, e.g. Node.js 1.2 https://x.org/a.md /etc/passwd.d ../x.rs", &[]);
        check("Fill tests/ and src/**/mod.rs", &["tests/", "src/**/mod.rs"]);
        check("", &[]);
    }

    proptest! {
        #[test]
        fn a_path_found_lies_inside(text in "(?s).{0,120}") {
            for path in named_in(&text) {
                assert!(text.contains(&path) && !path.starts_with('/') && !path.contains(".."), "{path}");
            }
        }
    }
}
