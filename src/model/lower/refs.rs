//! Names that git takes for branches.

/// Whether a branch can have this name.
///
/// # Errors
/// The rule of `git check-ref-format` that it breaks.
pub(crate) fn check_branch(name: &str) -> Result<(), String> {
    let no = |why: &str| Err(format!("git allows no branch `{name}`: {why}"));
    if name.is_empty() {
        return Err("a branch needs a name".to_owned());
    }
    if name == "HEAD" || name == "@" {
        return no("the name means something else");
    }
    if name.len() > 200 {
        return no("it is longer than 200 bytes");
    }
    if let Some(odd) = name.chars().find(|c| c.is_control() || " ~^:?*[\\".contains(*c)) {
        return no(&format!("{odd:?} may not stand in it"));
    }
    if name.contains("..") || name.contains("@{") {
        return no("`..` and `@{` may not stand in it");
    }
    if name.starts_with('-') || name.starts_with("refs/") {
        return no("it may not begin so");
    }
    if name.ends_with('.') {
        return no("it may not end with a dot");
    }
    if name.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock")) {
        return no("no part of it may be empty, begin with a dot or end with `.lock`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_git_has_it() {
        for good in ["main", "spec/051-retry", "feature/a.b", "@x", "ü"] {
            assert_eq!(check_branch(good), Ok(()), "{good}");
        }
        for bad in [
            "", "HEAD", "@", "a b", "a..b", "a@{b", "-a", "/a", "a/", "a//b", ".a", "a/.b", "a.lock/b", "a.",
            "a\u{7f}", "a:b",
        ] {
            assert!(check_branch(bad).is_err(), "{bad}");
        }
    }
}
