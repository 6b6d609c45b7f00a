//! Words for people out of what agents say: one line each, bounded, without what only a terminal understands.
use super::dialect::Said;
use crate::sys::output;

/// The most of a line that is passed on, in characters; the log has all of it.
const LONGEST: usize = 2000;

/// The most of a title or a reason, in characters.
const LONGEST_TITLE: usize = 300;

/// A line as it is, unless it is blank.
pub(super) fn line(line: &str) -> Option<String> {
    let line = line.trim_end();
    (!line.is_empty()).then(|| bounded(line, LONGEST))
}

/// What an agent said, line by line.
pub(super) fn texts(text: &str) -> impl Iterator<Item = Said> {
    text.split(['\n', '\r']).filter_map(|text| line(&output::clean(text.as_bytes()))).map(Said::Text)
}

/// What stands beside the stream.
pub(super) fn aside(text: &str) -> Vec<Said> {
    line(text).map(Said::Aside).into_iter().collect()
}

/// One line for a title or a reason.
pub(super) fn title(text: &str) -> String {
    bounded(&clean(text), LONGEST_TITLE)
}

/// One line, without what only a terminal understands.
pub(super) fn clean(text: &str) -> String {
    output::clean(text.replace(['\n', '\r', '\t'], " ").as_bytes()).trim().to_owned()
}

/// The words of an error with the HTTP status that it was, if that is known, and how long a service asks to wait.
pub(super) fn error(text: &str, status: Option<u64>, wait: &str) -> String {
    let words = title(text);
    let words = if words.is_empty() { "it does not say why".to_owned() } else { words };
    let status = status.filter(|status| !words.contains(&status.to_string()));
    let mut more: Vec<String> = status.map(|status| format!("status {status}")).into_iter().collect();
    if !wait.is_empty() {
        more.push(format!("retry-after {}", title(wait)));
    }
    if more.is_empty() { words } else { format!("{words} ({})", more.join(", ")) }
}

fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// Puts lines together from the pieces that an agent sends them in.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    partial: String,
}

impl Pieces {
    /// Takes in a piece; gives the lines that are whole now.
    pub(super) fn take(&mut self, piece: &str) -> Vec<Said> {
        self.partial.push_str(piece);
        let Some(end) = self.partial.rfind(['\n', '\r']) else {
            // What nobody would read to its end needs not be kept to its end.
            return if self.partial.len() > 8 * LONGEST { self.end() } else { Vec::new() };
        };
        let rest = self.partial.split_off(end + 1);
        let whole = std::mem::replace(&mut self.partial, rest);
        texts(&whole).collect()
    }

    /// The last line, which had no end.
    pub(super) fn end(&mut self) -> Vec<Said> {
        texts(&std::mem::take(&mut self.partial)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Vec<Said> {
        lines.iter().map(|line| Said::Text((*line).to_owned())).collect()
    }

    #[test]
    fn a_text_is_said_line_by_line() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(texts(text).collect::<Vec<_>>(), said(expect), "{text:?}");
        };
        check("a\n\n  b  \r\nc", &["a", "  b", "c"]);
        check("\u{1b}[31mred\u{1b}[0m\0", &["red"]);
        check(&"é".repeat(LONGEST + 1), &[&format!("{}...", "é".repeat(LONGEST))]);
        check("", &[]);
    }

    #[test]
    fn titles_are_one_line() {
        assert_eq!(title(" a\nb\tc "), "a b c");
        assert_eq!(title(&"x".repeat(1000)).len(), LONGEST_TITLE + 3);
    }

    #[test]
    fn errors_say_their_status_once() {
        assert_eq!(error("too fast", Some(429), ""), "too fast (status 429)");
        assert_eq!(error("429: too fast", Some(429), "20"), "429: too fast (retry-after 20)");
        assert_eq!(error("", Some(401), ""), "it does not say why (status 401)");
    }

    #[test]
    fn pieces_become_lines() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.take("he"), []);
        assert_eq!(pieces.take("llo\nwor"), said(&["hello"]));
        assert_eq!(pieces.take("ld"), []);
        assert_eq!(pieces.end(), said(&["world"]));
        assert_eq!(pieces.end(), []);
        let long = "x".repeat(8 * LONGEST + 1);
        assert_eq!(pieces.take(&long).len(), 1, "memory stays bounded");
    }
}
