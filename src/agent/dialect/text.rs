//! Plain text: every line is words for people.
use super::{Dialect, Said};

/// The most of a line that is passed on, in characters; the log has all of it.
const LONGEST: usize = 2000;

/// Reads plain text.
#[derive(Debug)]
pub struct Text;

impl Dialect for Text {
    fn read(&mut self, line: &str) -> Vec<Said> {
        words(line).into_iter().collect()
    }
}

/// A line as words, unless it is blank.
pub(in crate::agent) fn words(line: &str) -> Option<Said> {
    let line = line.trim_end();
    match line.char_indices().nth(LONGEST) {
        _ if line.is_empty() => None,
        None => Some(Said::Text(line.to_owned())),
        Some((end, _)) => Some(Said::Text(format!("{}...", &line[..end]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words() {
        let check = |line: &str, expect: Option<&str>| {
            let expect: Vec<Said> = expect.map(|text| Said::Text(text.to_owned())).into_iter().collect();
            assert_eq!(Text.read(line), expect);
        };
        check("  hello ", Some("  hello"));
        check(" \t", None);
        check(&"é".repeat(LONGEST + 1), Some(&format!("{}...", "é".repeat(LONGEST))));
    }
}
