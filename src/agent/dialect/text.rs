//! Plain text: every line is words for people.
use super::{Dialect, Said, words::line};

/// Reads plain text.
#[derive(Debug)]
pub struct Text;

impl Dialect for Text {
    fn read(&mut self, line: &str) -> Vec<Said> {
        words(line).into_iter().collect()
    }
}

/// A line as words, unless it is blank.
pub(in crate::agent) fn words(text: &str) -> Option<Said> {
    line(text).map(Said::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words() {
        assert_eq!(Text.read("  hello "), [Said::Text("  hello".to_owned())]);
        assert_eq!(Text.read(" \t"), []);
    }
}
