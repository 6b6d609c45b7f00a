//! A line while it comes, kept to a bounded length. Of a line of JSON the middle of long texts is left out rather than
//! its end, so that it can still be read: the last event of an agent may hold all that it ever said.

/// The most of one line that is passed on, in bytes; the log has all of it.
pub const LONGEST_LINE: usize = 64 * 1024;

/// The most of one text within a line of JSON, in bytes.
const LONGEST_TEXT: usize = 256 * 1024;

/// The most of a whole line of JSON, in bytes.
const LONGEST_JSON: usize = 4 * 1024 * 1024;

/// The longest escape, in bytes: `\u` and four digits.
const ESCAPE: usize = 6;

/// A line that may go on.
#[derive(Debug)]
pub(super) struct Partial {
    bytes: Vec<u8>,
    text: Text,
    /// The most of one text.
    longest_text: usize,
}

/// Where in a text of JSON the line stands.
#[derive(Debug, Default)]
enum Text {
    /// In none.
    #[default]
    Outside,
    /// In one, of which so many bytes are kept.
    Within(usize),
    /// The same, behind a backslash, so many bytes of the escape kept.
    Escape(usize, usize),
    /// In the part of one that is left out, perhaps behind a backslash.
    LeftOut { is_escaped: bool },
}

impl Default for Partial {
    fn default() -> Self {
        Self { bytes: Vec::new(), text: Text::Outside, longest_text: LONGEST_TEXT }
    }
}

impl Partial {
    /// What is kept of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Begins another line.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        // One that long is rare, and there may be many processes.
        self.bytes.shrink_to(LONGEST_LINE);
        self.text = Text::Outside;
    }

    /// Takes what comes next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let first = self.bytes.first().or(bytes.first());
        if first == Some(&b'{') {
            bytes.iter().for_each(|byte| self.push_json(*byte));
        } else {
            let room = LONGEST_LINE.saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn push_json(&mut self, byte: u8) {
        let keeps;
        (keeps, self.text) = match (&self.text, byte) {
            (Text::Outside, b'"') => (true, Text::Within(0)),
            (Text::Outside, _) => (true, Text::Outside),
            (Text::Within(_) | Text::LeftOut { is_escaped: false }, b'"') => (true, Text::Outside),
            // The two halves of a pair stay together.
            (Text::Within(kept), b'\\') if kept + 2 * ESCAPE <= self.longest_text || self.has_half() => {
                (true, Text::Escape(kept + 1, 1))
            }
            (Text::Within(_), b'\\') => (false, Text::LeftOut { is_escaped: true }),
            (Text::Within(kept), _) if *kept < self.longest_text - 2 * ESCAPE => {
                (true, Text::Within(kept + 1))
            }
            (Text::Within(_), _) => (false, Text::LeftOut { is_escaped: false }),
            (Text::Escape(kept, 1), b'u') => (true, Text::Escape(kept + 1, 2)),
            (Text::Escape(kept, 1 | 5), _) => (true, Text::Within(kept + 1)),
            (Text::Escape(kept, at), _) => (true, Text::Escape(kept + 1, at + 1)),
            (Text::LeftOut { is_escaped }, _) => {
                (false, Text::LeftOut { is_escaped: !is_escaped && byte == b'\\' })
            }
        };
        if keeps && self.bytes.len() < LONGEST_JSON {
            self.bytes.push(byte);
        }
    }

    /// Whether the first half of a pair of escapes stands at the end: `\ud83d`.
    fn has_half(&self) -> bool {
        let end = &self.bytes[self.bytes.len().saturating_sub(ESCAPE)..];
        matches!(end, [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn kept(line: &[u8], longest_text: usize) -> Vec<u8> {
        let mut partial = Partial { longest_text, ..Partial::default() };
        line.chunks(100).for_each(|chunk| partial.push(chunk));
        partial.bytes().to_owned()
    }

    #[test]
    fn a_line_of_json_keeps_its_end() {
        for unit in ["x", "\\\"", "\\\\", "\\u00e9", "\\ud83d\\ude00", "é", "ab\\n"] {
            for shift in 0..14 {
                let text = format!("{}{}", "y".repeat(shift), unit.repeat(1000));
                let line = format!("{{\"result\":\"{text}\",\"is_error\":false,\"n\":[1]}}");
                let kept = String::from_utf8_lossy(&kept(line.as_bytes(), 1000)).into_owned();
                assert!(kept.len() < 1100, "{unit}");
                let value: Value =
                    serde_json::from_str(&kept).unwrap_or_else(|e| panic!("{unit} {shift}: {e}"));
                assert_eq!(value["is_error"], Value::Bool(false), "{unit}");
                assert!(value["result"].as_str().is_some_and(|text| text.len() > 100), "{unit}");
            }
        }
    }

    #[test]
    fn no_line_grows_for_ever() {
        assert_eq!(kept(&vec![b'x'; 3 * LONGEST_LINE], LONGEST_TEXT).len(), LONGEST_LINE);
        let many = format!("{{{}", "\"a\":1,".repeat(LONGEST_JSON / 6 + 1));
        assert_eq!(kept(many.as_bytes(), LONGEST_TEXT).len(), LONGEST_JSON);
    }

    proptest! {
        #[test]
        fn what_is_short_stays_as_it_is(line in "\\{[ -~]{0,60}") {
            prop_assert_eq!(kept(line.as_bytes(), LONGEST_TEXT), line.as_bytes());
        }
    }
}
