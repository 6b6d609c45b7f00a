//! What a process prints, on its way to the log, to whoever reads lines, and to the tail that is kept.
//! Memory stays bounded whatever comes: any size, any bytes, lines of any length.
mod partial;

use crate::base::Mask;
use crate::base::mask::MaskedStream;
use partial::Partial;
use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{self, Write};
use std::path::Path;

pub use partial::LONGEST_LINE;

/// How much of the end is kept, in bytes.
pub const TAIL: usize = 64 * 1024;

/// Takes every byte that one process prints.
pub struct Output<F> {
    log: Option<File>,
    trouble: Option<String>,
    lines: Lines,
    tail: Tail,
    each: F,
    masked: MaskedStream,
    mask: Mask,
}

impl<F: FnMut(&str)> Output<F> {
    /// Appends to the log at `path`, whose folders are made; `each` gets the lines, cleaned. What `mask` hides
    /// comes to neither.
    pub fn new(path: &Path, mask: Mask, each: F) -> Self {
        let opened = open(path);
        let trouble = opened.as_ref().err().map(|error| trouble(path, error));
        let (lines, tail, masked) = (Lines::default(), Tail::default(), mask.stream());
        Self { log: opened.ok(), trouble, lines, tail, each, masked, mask }
    }

    /// The one way that output goes.
    pub fn take(&mut self, chunk: &[u8]) {
        let masked = self.masked.take(chunk);
        self.pass(&masked);
    }

    fn pass(&mut self, chunk: &[u8]) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.write_all(chunk)
        {
            self.trouble = Some(format!("cannot write the log: {error}"));
            self.log = None;
        }
        let (tail, each, mask) = (&mut self.tail, &mut self.each, &self.mask);
        self.lines.take(chunk, |line| {
            // Something that a terminal would not show may have stood in the middle of a value.
            let line = mask.text(line);
            tail.push(&line);
            each(&line);
        });
    }

    /// Passes on a last line that had no end. Gives the tail, and why the log is not whole if it is not.
    pub fn end(mut self) -> (String, Option<String>) {
        let rest = self.masked.end();
        self.pass(&rest);
        let (tail, each, mask) = (&mut self.tail, &mut self.each, &self.mask);
        self.lines.end(|line| {
            let line = mask.text(line);
            tail.push(&line);
            each(&line);
        });
        (self.tail.text(), self.trouble)
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

fn trouble(path: &Path, error: &io::Error) -> String {
    format!("cannot write the log `{}`: {error}", path.display())
}

/// Cuts a stream of bytes into lines. A carriage return ends a line too, as progress bars mean it.
#[derive(Default)]
struct Lines {
    partial: Partial,
    after_return: bool,
}

impl Lines {
    fn take(&mut self, chunk: &[u8], mut each: impl FnMut(&str)) {
        for piece in chunk.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match piece.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                _ => (piece, None),
            };
            self.partial.push(text);
            let rest_of_crlf = end == Some(b'\n') && self.after_return && self.partial.bytes().is_empty();
            if end.is_some() && !rest_of_crlf {
                each(&clean(self.partial.bytes()));
                self.partial.clear();
            }
            self.after_return = end == Some(b'\r');
        }
    }

    fn end(&mut self, mut each: impl FnMut(&str)) {
        if !self.partial.bytes().is_empty() {
            each(&clean(self.partial.bytes()));
            self.partial.clear();
        }
    }
}

/// The last lines, cut at the start.
#[derive(Default)]
struct Tail {
    text: String,
}

impl Tail {
    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        if self.text.len() > 2 * TAIL {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let start = self.text.len().saturating_sub(TAIL);
        self.text.drain(..self.text.ceil_char_boundary(start));
    }

    fn text(mut self) -> String {
        self.cut();
        self.text
    }
}

/// Bytes as text for people: no escape sequences, no control characters but tabs, nothing that turns the
/// direction of writing; broken UTF-8 is replaced.
pub fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\t' => clean.push(c),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

fn skip_escape(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        // A control sequence ends with its first letter.
        Some('[') => {
            rest.find(|c| matches!(c, '@'..='~'));
        }
        // A title or a link ends with a bell or with `ESC \`.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            let end = rest.find(|c| matches!(c, '\u{7}' | '\u{1b}'));
            if end == Some('\u{1b}') {
                rest.next();
            }
        }
        // A character set is one letter more.
        Some('(' | ')' | '#' | '%') => {
            rest.next();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.take(chunk, |line| seen.push(line.to_owned()));
        }
        lines.end(|line| seen.push(line.to_owned()));
        seen
    }

    #[test]
    fn lines_end_with_a_newline_a_return_or_the_end() {
        let check = |chunks: &[&[u8]], expect: &[&str]| assert_eq!(lines(chunks), expect, "{chunks:?}");
        check(&[b"a\nb"], &["a", "b"]);
        check(&[b"a\r", b"\nb\r\n"], &["a", "b"]);
        check(&[b"10%\r20%\r"], &["10%", "20%"]);
        check(&[b"a\n\nb\n"], &["a", "", "b"]);
        check(&[b"\xc3", b"\xa9\n"], &["é"]);
        check(&[], &[]);
    }

    #[test]
    fn what_only_a_terminal_understands_is_taken_out() {
        let check = |bytes: &[u8], expect: &str| assert_eq!(clean(bytes), expect, "{bytes:?}");
        check(b"\x1b[1;31mred\x1b[0m", "red");
        check(b"\x1b]0;title\x07text", "text");
        check(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link");
        check(b"a\0\x08b\tc", "ab\tc");
        check("a\u{202e}b".as_bytes(), "ab");
        check(b"\xff", "\u{fffd}");
        check(b"\x1b[31", "");
    }

    #[test]
    fn the_tail_is_the_end_and_the_log_is_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/er.log");
        let mut output = Output::new(&path, Mask::default(), |_| {});
        for n in 0..20_000 {
            output.take(format!("line {n}\n").as_bytes());
        }
        let (tail, trouble) = output.end();
        assert!(tail.len() <= TAIL && tail.ends_with("line 19999\n"), "{}", tail.len());
        assert_eq!(trouble, None);
        assert_eq!(std::fs::read_to_string(path).expect("the log").lines().count(), 20_000);
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told_and_the_lines_still_come() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut seen = Vec::new();
        let mut output = Output::new(folder.path(), Mask::default(), |line| seen.push(line.to_owned()));
        output.take(b"hello\n");
        let (tail, trouble) = output.end();
        assert!(trouble.is_some_and(|t| t.contains("cannot write the log")));
        assert_eq!((tail.as_str(), seen), ("hello\n", vec!["hello".to_owned()]));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_arrive(
            bytes in prop::collection::vec(prop::sample::select(b"ab\r\n\x1b[m\xc3\xa9".to_vec()), 0..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let at = cut.index(bytes.len() + 1);
            let whole = lines(&[&bytes]);
            assert_eq!(lines(&[&bytes[..at], &bytes[at..]]), whole);
            assert!(whole.iter().all(|line| !line.contains(char::is_control)));
        }

        #[test]
        fn a_line_is_never_longer_than_the_longest(extra in 0usize..3) {
            let mut bytes = vec![b'x'; LONGEST_LINE + extra];
            bytes.extend_from_slice(b"\ny");
            let seen = lines(&[&bytes[..100], &bytes[100..]]);
            assert_eq!(seen[0].len(), LONGEST_LINE);
            assert_eq!(seen[1], "y");
        }
    }
}
