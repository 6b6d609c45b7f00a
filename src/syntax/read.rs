//! Tokens to a tree. Goes on after each mistake, and never deeper than [`DEEPEST`].
use super::ast::{Document, Node, Prop, Value, ValueKind, Word};
use super::lexer::{Kind, Lexer, Token};
use super::literal;
use crate::base::{Diagnostic, SourceId, Span, english};

/// The largest text that is read, in bytes.
pub const LARGEST: usize = 16 * 1024 * 1024;

/// The most levels of braces.
pub const DEEPEST: usize = 64;

/// The most names, arguments and properties in a text.
pub const MOST_WORDS: usize = 2_000_000;

/// The most mistakes that are told of one text.
const MOST_MISTAKES: usize = 100;

/// Bytes as text, if they are UTF-8 and not larger than [`LARGEST`].
///
/// # Errors
/// One diagnostic at the place, in source `source`; the lossy text that such a source can be shown with.
pub fn decode(source: SourceId, bytes: &[u8]) -> Result<&str, (Box<Diagnostic>, String)> {
    let at = |start: usize, len: usize| Span { source, start, len };
    if bytes.len() > LARGEST {
        let found = Diagnostic::error(at(0, 0), format!("the file is larger than {} MiB", LARGEST >> 20))
            .help(format!("it has {} bytes; split it with `include`", bytes.len()));
        return Err((Box::new(found), String::new()));
    }
    std::str::from_utf8(bytes).map_err(|e| {
        // The lossy text keeps every byte offset up to the first bad one.
        let found = Diagnostic::error(at(e.valid_up_to(), 3), "the file is not UTF-8 from here on")
            .help("save it as UTF-8; binary files are no Specfiles");
        (
            Box::new(found),
            String::from_utf8_lossy(&bytes[..bytes.len().min(e.valid_up_to() + 4096)]).into_owned(),
        )
    })
}

/// The tree of a text, and all its mistakes in order. A node with a mistake is in the tree as far as it was read.
pub fn parse(source: SourceId, text: &str) -> (Document, Vec<Diagnostic>) {
    if text.len() > LARGEST {
        let span = Span { source, start: 0, len: 0 };
        let found = Diagnostic::error(span, format!("the text is larger than {} MiB", LARGEST >> 20));
        return (Document::default(), vec![found]);
    }
    let lexer = Lexer::new(source, text);
    let mut reader = Reader { lexer, source, ahead: None, words: 0, stopped: false, mistakes: Vec::new() };
    let mut nodes = reader.nodes(0);
    while reader.peek().kind == Kind::Close && !reader.stopped {
        let close = reader.take();
        reader.mistake(close, "this `}` closes nothing", "");
        nodes.extend(reader.nodes(0));
    }
    let mut mistakes = reader.mistakes;
    mistakes.append(&mut reader.lexer.mistakes);
    mistakes.sort_by_key(|m| m.span);
    mistakes.dedup_by(|a, b| a.span.start == b.span.start);
    if mistakes.len() > MOST_MISTAKES {
        let more = mistakes.len() - MOST_MISTAKES;
        mistakes.truncate(MOST_MISTAKES);
        if let Some(last) = mistakes.last_mut() {
            last.help = Some(format!("and {} after this one", english::count(more, "mistake")));
        }
    }
    (Document { nodes }, mistakes)
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    source: SourceId,
    ahead: Option<Token>,
    words: usize,
    /// Nothing after this place is read.
    stopped: bool,
    mistakes: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Token {
        let next = self.ahead.unwrap_or_else(|| self.lexer.next());
        self.ahead = Some(next);
        if self.stopped { Token { kind: Kind::End, ..next } } else { next }
    }

    fn take(&mut self) -> Token {
        let next = self.peek();
        self.ahead = None;
        next
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { source: self.source, start, len: end.saturating_sub(start) }
    }

    fn mistake(&mut self, at: Token, what: impl Into<String>, help: &str) {
        let found = Diagnostic::error(self.span(at.start, at.end), what);
        self.mistakes.push(if help.is_empty() { found } else { found.help(help) });
        // What follows a thousand mistakes is noise, and noise must not cost memory.
        self.stopped |= self.mistakes.len() + self.lexer.mistakes.len() > 10 * MOST_MISTAKES;
    }

    /// Skips blanks and comments within a node; true if there was something.
    fn room(&mut self) -> bool {
        let mut some = false;
        while self.peek().kind.is_room() {
            self.take();
            some = true;
        }
        some
    }

    /// Skips everything between nodes.
    fn lines(&mut self) {
        while self.peek().kind.is_room() || self.peek().kind.is_line_end() {
            self.take();
        }
    }

    /// Nodes up to a `}` or the end, neither of which is taken.
    fn nodes(&mut self, depth: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            self.lines();
            let next = self.peek();
            match next.kind {
                Kind::End | Kind::Close => return nodes,
                Kind::Semicolon => {
                    self.mistake(next, "a `;` ends a node, and none stands before this one", "");
                    self.take();
                }
                Kind::Slashdash => {
                    self.take();
                    self.lines();
                    if matches!(self.peek().kind, Kind::End | Kind::Close | Kind::Slashdash) {
                        self.mistake(next, "`/-` has nothing after it to take out", "");
                    } else {
                        self.node(depth);
                    }
                }
                _ => nodes.extend(self.node(depth)),
            }
        }
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        let first = self.peek();
        self.annotation();
        let name = self.name();
        let (mut args, mut props, mut children) = (Vec::new(), Vec::new(), None);
        let mut end = self.peek().start;
        let mut apart = self.room();
        loop {
            let next = self.peek();
            match next.kind {
                Kind::Newline | Kind::LineComment | Kind::Semicolon => {
                    self.take();
                    break;
                }
                Kind::End | Kind::Close => break,
                Kind::Open => {
                    let inner = self.children(depth);
                    if name.is_none() || children.is_some() {
                        let what =
                            if name.is_none() { "this block has no node" } else { "a node has one block" };
                        self.mistake(next, what, "did a line end come between the node and its `{`?");
                    } else {
                        children = Some(inner);
                    }
                    end = self.peek().start;
                }
                Kind::Slashdash => {
                    self.take();
                    self.lines();
                    self.slashdashed(next, depth);
                }
                kind if kind.is_word() || kind == Kind::LeftParenthesis => {
                    if !apart && name.is_some() {
                        self.mistake(next, "a space is missing before this", "");
                    } else if children.is_some() {
                        let help = "arguments and properties stand before the `{`; another node needs a line of its own or a `;`";
                        self.mistake(next, "nothing but the end of the line may follow a block", help);
                    }
                    self.entry(&mut args, &mut props);
                    end = self.lexer_end(next);
                }
                _ => {
                    self.take();
                    self.mistake(next, format!("`{}` may not stand here", self.lexer.text(next)), "");
                }
            }
            apart = self.room();
        }
        let name = name?;
        Some(Node {
            span: self.span(first.start, end.max(name.span.start + name.span.len)),
            name,
            args,
            props,
            children,
        })
    }

    /// The end of what was taken last, when something was taken since `from`.
    fn lexer_end(&mut self, from: Token) -> usize {
        self.peek().start.max(from.end)
    }

    fn name(&mut self) -> Option<Word> {
        let next = self.peek();
        match next.kind {
            Kind::Open => None,
            Kind::Number | Kind::Keyword => {
                self.take();
                let what = format!("a node needs a name, and `{}` is none", shown(self.lexer.text(next)));
                self.mistake(next, what, "a name that looks like a number stands in quotes");
                None
            }
            kind if kind.is_word() => {
                self.take();
                self.word(next)
            }
            _ => {
                self.take();
                let what =
                    format!("a node begins with its name, not with `{}`", shown(self.lexer.text(next)));
                self.mistake(next, what, "");
                None
            }
        }
    }

    /// A string that is a name.
    fn word(&mut self, token: Token) -> Option<Word> {
        self.words += 1;
        match self.value(token)? {
            Value { kind: ValueKind::Text(text), span } => Some(Word { text, span }),
            _ => None,
        }
    }

    /// An argument or a property.
    fn entry(&mut self, args: &mut Vec<Value>, props: &mut Vec<Prop>) {
        let annotated = self.annotation();
        let first = self.peek();
        if !first.kind.is_word() {
            if annotated {
                self.mistake(first, "a value is missing after the annotation", "");
            }
            return;
        }
        self.take();
        self.words += 1;
        if self.words > MOST_WORDS && !self.stopped {
            self.mistake(
                first,
                format!("the file has more than {MOST_WORDS} words"),
                "split it with `include`",
            );
            self.stopped = true;
        }
        // A space may stand before `=`, so look past it; it is put back in no other case than a property.
        if self.peek().kind.is_room() {
            let room = self.room_before_equals();
            if !room {
                args.extend(self.value(first));
                return;
            }
        }
        if self.peek().kind != Kind::Equals {
            args.extend(self.value(first));
            return;
        }
        let equals = self.take();
        let name = match first.kind {
            Kind::Number | Kind::Keyword => {
                let what =
                    format!("a property needs a name, and `{}` is none", shown(self.lexer.text(first)));
                self.mistake(first, what, "");
                None
            }
            _ => self.word(first),
        };
        self.room();
        self.annotation();
        let value = self.peek();
        if !value.kind.is_word() {
            let word = shown(self.lexer.text(first)).to_owned();
            self.mistake(equals, format!("`{word}=` has no value"), "write `name=\"value\"`");
            return;
        }
        self.take();
        if let (Some(name), Some(value)) = (name, self.value(value)) {
            props.push(Prop { name, value });
        }
    }

    /// Whether an `=` follows the room ahead; if not, the room stays ahead.
    fn room_before_equals(&mut self) -> bool {
        let at = self.peek().start;
        let text = self.lexer.rest(at);
        let mut probe = Lexer::new(self.source, text);
        // Only a short look: a comment or a continuation between a name and its `=` is nobody's style.
        let room = probe.next();
        if room.kind == Kind::Space && probe.next().kind == Kind::Equals {
            self.take();
            return true;
        }
        false
    }

    fn value(&mut self, token: Token) -> Option<Value> {
        let span = self.span(token.start, token.end);
        let text = self.lexer.text(token);
        let kind = match token.kind {
            Kind::Bare if literal::is_plain(text) => ValueKind::Text(text.to_owned()),
            Kind::Bare => {
                self.mistake(
                    token,
                    format!("`{text}` is written `#{text}`"),
                    "or in quotes, if it is a string",
                );
                return None;
            }
            Kind::Quoted | Kind::Raw => {
                // One that is never closed was told of by the lexer.
                if self.lexer.mistakes.iter().rev().take(3).any(|m| m.span.start == token.start) {
                    return None;
                }
                let decoded =
                    if token.kind == Kind::Raw { literal::raw(text) } else { literal::quoted(text) };
                match decoded {
                    Ok(text) => ValueKind::Text(text),
                    Err((offset, len, what)) => {
                        let start = token.start + offset;
                        self.mistake(Token { kind: Kind::Bad, start, end: start + len }, what, "");
                        return None;
                    }
                }
            }
            Kind::Number => match literal::number(text) {
                Ok(kind) => kind,
                Err(what) => {
                    self.mistake(token, what, "a string that begins with a digit stands in quotes");
                    return None;
                }
            },
            Kind::Keyword => match literal::keyword(text) {
                Some(kind) => kind,
                None => {
                    let help = "there are `#true`, `#false`, `#null`, `#inf`, `#-inf` and `#nan`";
                    self.mistake(token, format!("`{}` is not a word of KDL", shown(text)), help);
                    return None;
                }
            },
            _ => return None,
        };
        Some(Value { kind, span })
    }

    /// `(type)`: means nothing in a Specfile.
    fn annotation(&mut self) -> bool {
        let open = self.peek();
        if open.kind != Kind::LeftParenthesis {
            return false;
        }
        self.take();
        let mut end = open.end;
        loop {
            let next = self.peek();
            if matches!(next.kind, Kind::RightParenthesis) {
                self.take();
                end = next.end;
                break;
            }
            if !(next.kind.is_room() || next.kind.is_word()) {
                break;
            }
            self.take();
            end = next.end;
        }
        self.mistake(Token { end, ..open }, "a type annotation means nothing in a Specfile", "leave it out");
        self.room();
        true
    }

    /// What stands between braces; the `{` is next.
    fn children(&mut self, depth: usize) -> Vec<Node> {
        let open = self.take();
        if depth >= DEEPEST {
            self.mistake(open, format!("braces may not nest deeper than {DEEPEST} levels"), "");
            self.stopped = true;
            return Vec::new();
        }
        let nodes = self.nodes(depth + 1);
        if self.peek().kind == Kind::Close {
            self.take();
        } else if !self.stopped {
            self.mistake(open, "this `{` is never closed", "close it with `}`");
        }
        nodes
    }

    /// Reads and forgets what a `/-` within a node takes out.
    fn slashdashed(&mut self, dash: Token, depth: usize) {
        match self.peek().kind {
            Kind::Open => {
                self.children(depth);
            }
            kind if kind.is_word() || kind == Kind::LeftParenthesis => {
                self.entry(&mut Vec::new(), &mut Vec::new());
            }
            _ => self.mistake(dash, "`/-` has nothing after it to take out", ""),
        }
    }
}

/// As much of a text as fits a sentence.
fn shown(text: &str) -> &str {
    let line = text.split(literal::is_newline).next().unwrap_or("");
    line.char_indices().nth(40).map_or(line, |(at, _)| &line[..at])
}
