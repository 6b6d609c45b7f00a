//! The one word by which an agent fails its own stage: `CHECK FAILED: why`, at the beginning of a line that it says.
//! Read from the lines that the agent says; one whose dialect is plain text may say it within JSON.
use crate::sys::output::clean;

/// What such a line begins with.
pub const WORD: &str = "CHECK FAILED:";

/// The longest reason that is passed on, in characters.
const LONGEST: usize = 300;

/// The reason, if this line of output says that the work must not go on.
pub fn refusal(line: &str) -> Option<String> {
    let begins = |at: &usize| {
        let before = line[..*at].trim_end_matches([' ', '*', '#', '>']);
        before.is_empty() || before.ends_with("\\n") || before.ends_with('"')
    };
    let at = line.match_indices(WORD).map(|(at, _)| at).find(begins)?;
    let why = &line[at + WORD.len()..];
    let is_json = line.trim_start().starts_with('{');
    let end = if is_json { why.find("\\n").into_iter().chain(why.find('"')).min() } else { None };
    let why = clean(&why.as_bytes()[..end.unwrap_or(why.len())]);
    let why = why.trim_matches([' ', '*']);
    let why: String = why.chars().take(LONGEST).collect();
    Some(if why.is_empty() { "it gave no reason".to_owned() } else { why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: Option<&str>) {
        assert_eq!(refusal(line).as_deref(), expect);
    }

    #[test]
    fn a_line_of_its_own_is_one() {
        check("CHECK FAILED: FR-003 is not met", Some("FR-003 is not met"));
        check("  **CHECK FAILED:** two \"tests\" are red", Some("two \"tests\" are red"));
        check("CHECK FAILED:", Some("it gave no reason"));
        check(&format!("CHECK FAILED: {}", "é".repeat(400)), Some(&"é".repeat(300)));
    }

    #[test]
    fn so_is_one_within_the_json_of_an_agent() {
        check(r#"{"type":"text","text":"CHECK FAILED: red"}"#, Some("red"));
        check(r#"{"result":"ran it\n\nCHECK FAILED: red\nmore","cost":1}"#, Some("red"));
    }

    #[test]
    fn talk_of_it_is_none() {
        check("no line begins with `CHECK FAILED:` here", None);
        check(r#"{"prompt":"a line that begins with `CHECK FAILED:`. Only"}"#, None);
        check("CHECK FAILED", None);
        check("check failed: x", None);
    }
}
