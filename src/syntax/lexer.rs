//! Text to tokens, one at a time and without memory of those before. Every byte belongs to a token.
use super::literal;
use crate::base::{Diagnostic, SourceId, Span};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks.
    Space,
    /// One line end.
    Newline,
    /// `// ...` without its line end.
    LineComment,
    /// `/* ... */`, nested ones in it.
    BlockComment,
    /// A `\` that joins the next line to this one, with blanks, a comment and the line end.
    Continuation,
    /// `/-`.
    Slashdash,
    /// `{`.
    Open,
    /// `}`.
    Close,
    /// `(`.
    LeftParenthesis,
    /// `)`.
    RightParenthesis,
    /// `=`.
    Equals,
    /// `;`.
    Semicolon,
    /// A string without quotes.
    Bare,
    /// `"..."` or `"""..."""`.
    Quoted,
    /// `#"..."#` or `#"""..."""#`.
    Raw,
    /// A number.
    Number,
    /// `#true` and the like.
    Keyword,
    /// What can be no token; a mistake was noted.
    Bad,
    /// The end of the text.
    End,
}

impl Kind {
    /// Whether it can be a value, a node's name or a property's name.
    pub(super) fn is_word(self) -> bool {
        matches!(self, Self::Bare | Self::Quoted | Self::Raw | Self::Number | Self::Keyword | Self::Bad)
    }

    /// Whether it is nothing but room between words of a node.
    pub(super) fn is_room(self) -> bool {
        matches!(self, Self::Space | Self::BlockComment | Self::Continuation)
    }

    /// Whether it ends a line.
    pub(super) fn is_line_end(self) -> bool {
        matches!(self, Self::Newline | Self::LineComment)
    }
}

/// A token and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The most levels of block comments in block comments.
const DEEPEST_COMMENT: usize = 64;

/// Reads tokens.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    source: SourceId,
    /// What could not be read.
    pub(super) mistakes: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: SourceId, text: &'a str) -> Self {
        Self { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 }, source, mistakes: Vec::new() }
    }

    /// The text of a token.
    pub(super) fn text(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    /// The text from a byte on.
    pub(super) fn rest(&self, at: usize) -> &'a str {
        &self.text[at..]
    }

    /// The next token; at the end, [`Kind::End`] for ever.
    pub(super) fn next(&mut self) -> Token {
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Token { kind: Kind::End, start, end: start };
        };
        let (kind, len) = match first {
            '{' => (Kind::Open, 1),
            '}' => (Kind::Close, 1),
            '(' => (Kind::LeftParenthesis, 1),
            ')' => (Kind::RightParenthesis, 1),
            '=' => (Kind::Equals, 1),
            ';' => (Kind::Semicolon, 1),
            '/' => self.slash(start, rest),
            '\\' => self.continuation(start, rest),
            '"' => (Kind::Quoted, self.quoted(start, rest)),
            '#' => self.hash(start, rest),
            c if literal::is_newline(c) => (Kind::Newline, literal::newline_len(rest)),
            c if literal::is_blank(c) => (Kind::Space, run(rest, literal::is_blank)),
            c if literal::is_bare(c) => self.bare(rest),
            c => {
                let what = match c {
                    '[' | ']' => "a bracket must stand in quotes".to_owned(),
                    c => format!("the character U+{:04X} may not stand here", u32::from(c)),
                };
                self.mistake(start, c.len_utf8(), what, "");
                (Kind::Bad, c.len_utf8())
            }
        };
        self.at = start + len;
        Token { kind, start, end: self.at }
    }

    fn slash(&mut self, start: usize, rest: &str) -> (Kind, usize) {
        if rest.starts_with("/-") {
            return (Kind::Slashdash, 2);
        }
        if rest.starts_with("//") {
            return (Kind::LineComment, run(rest, |c| !literal::is_newline(c)));
        }
        if rest.starts_with("/*") {
            return (Kind::BlockComment, self.block_comment(start, rest));
        }
        self.mistake(start, 1, "a `/` must stand in quotes", "a comment begins with `//`");
        (Kind::Bad, 1)
    }

    fn block_comment(&mut self, start: usize, rest: &str) -> usize {
        let bytes = rest.as_bytes();
        let (mut depth, mut at) = (1_usize, 2);
        while at + 1 < bytes.len() {
            match &bytes[at..at + 2] {
                b"/*" => (depth, at) = (depth + 1, at + 2),
                b"*/" => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
            if depth == 0 {
                return at;
            }
            if depth > DEEPEST_COMMENT {
                break;
            }
        }
        self.mistake(start, 2, "this comment is never closed", "close it with `*/`");
        rest.len()
    }

    fn continuation(&mut self, start: usize, rest: &str) -> (Kind, usize) {
        let mut at = 1 + run(&rest[1..], literal::is_blank);
        if rest[at..].starts_with("//") {
            at += run(&rest[at..], |c| !literal::is_newline(c));
        }
        let end = literal::newline_len(&rest[at..]);
        if end > 0 || at == rest.len() {
            return (Kind::Continuation, at + end);
        }
        self.mistake(start, 1, "a `\\` must be the last thing on its line", "put it in quotes as `\\\\`");
        (Kind::Bad, 1)
    }

    fn quoted(&mut self, start: usize, rest: &str) -> usize {
        if rest.starts_with("\"\"\"") {
            let mut from = 3;
            while let Some(found) = rest[from..].find(['"', '\\']) {
                let at = from + found;
                if rest[at..].starts_with('\\') {
                    from = at + 1 + rest[at + 1..].chars().next().map_or(0, char::len_utf8);
                } else if rest[at..].starts_with("\"\"\"") {
                    return at + 3;
                } else {
                    from = at + 1;
                }
            }
            self.mistake(
                start,
                3,
                "this string is never closed",
                "close it with `\"\"\"` on a line of its own",
            );
            return rest.len();
        }
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return at + 1,
                '\\' => {
                    let escaped = chars.next();
                    let blank = run(&rest[at + 1..], char::is_whitespace);
                    while escaped.is_some() && chars.clone().next().is_some_and(|(n, _)| n < at + 1 + blank) {
                        chars.next();
                    }
                }
                c if literal::is_newline(c) => {
                    let help = "close it with `\"` on the same line, or write `\"\"\"` around several lines";
                    self.mistake(start, at, "this string is never closed", help);
                    return at;
                }
                _ => {}
            }
        }
        self.mistake(start, rest.trim_end().len(), "this string is never closed", "close it with `\"`");
        rest.len()
    }

    fn hash(&mut self, start: usize, rest: &str) -> (Kind, usize) {
        let hashes = run(rest, |c| c == '#');
        let Some(body) = rest[hashes..].strip_prefix('"') else {
            let len = hashes + run(&rest[hashes..], literal::is_bare);
            return (Kind::Keyword, len.max(1));
        };
        let quotes = if body.starts_with("\"\"") { 3 } else { 1 };
        let from = hashes + quotes;
        let closing = |at: usize| {
            let end = at + quotes + hashes;
            let tail = rest.as_bytes().get(at..end)?;
            (tail[..quotes].iter().all(|b| *b == b'"') && tail[quotes..].iter().all(|b| *b == b'#'))
                .then_some(end)
        };
        // Each candidate looks at `hashes` bytes at most, but skips those it looked at only when it fails late.
        let mut at = from;
        while let Some(found) = rest.get(at..).and_then(|r| r.find('"')) {
            at += found;
            if let Some(end) = closing(at) {
                if quotes == 1 && rest[from..at].contains(literal::is_newline) {
                    break;
                }
                return (Kind::Raw, end);
            }
            at += 1;
        }
        let line = run(rest, |c| !literal::is_newline(c));
        let end = format!("close it with `{}{}`", "\"".repeat(quotes), "#".repeat(hashes.min(8)));
        self.mistake(start, if quotes == 1 { line } else { from }, "this raw string is never closed", end);
        (Kind::Raw, if quotes == 1 { line } else { rest.len() })
    }

    fn bare(&mut self, rest: &str) -> (Kind, usize) {
        let len = run(rest, literal::is_bare);
        let text = &rest[..len];
        let kind = if literal::looks_like_number(text) { Kind::Number } else { Kind::Bare };
        (kind, len)
    }

    fn mistake(&mut self, start: usize, len: usize, what: impl Into<String>, help: impl Into<String>) {
        let span = Span { source: self.source, start, len: len.max(1) };
        let (what, help) = (what.into(), help.into());
        let found = Diagnostic::error(span, what);
        self.mistakes.push(if help.is_empty() { found } else { found.help(help) });
    }
}

/// How many bytes at the start are of such characters.
fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}
