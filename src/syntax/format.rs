//! A text laid out anew: indentation, spaces, blank lines. Comments, words and lines stay.
use super::ast::{Document, Node};
use super::lexer::{Kind, Lexer, Token};
use super::read::parse;
use crate::base::{Diagnostic, SourceId, Span};

const INDENT: &str = "    ";

/// The text laid out anew; laying out the result changes nothing more, and it means the same.
///
/// # Errors
/// The mistakes of a text that cannot be read, in source 0.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let (before, mistakes) = parse(SourceId(0), text);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let laid_out = lay_out(text);
    let (after, mistakes) = parse(SourceId(0), &laid_out);
    // A layout must never change what is said; should it, the text stays as it was.
    if mistakes.is_empty() && placeless(before) == placeless(after) {
        Ok(laid_out)
    } else {
        Ok(text.to_owned())
    }
}

fn lay_out(text: &str) -> String {
    let mut lexer = Lexer::new(SourceId(0), text);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        tokens.push(token);
        if token.kind == Kind::End {
            break;
        }
    }
    let mut layout =
        Layout { out: String::with_capacity(text.len()), text, tall: tall(&tokens), ..Layout::default() };
    for (at, token) in tokens.iter().enumerate() {
        layout.token(*token, &tokens[at + 1..]);
    }
    let trimmed = layout.out.trim_end().len();
    layout.out.truncate(trimmed);
    if !layout.out.is_empty() {
        layout.out.push('\n');
    }
    layout.out
}

/// Where the blocks begin and end that go over several lines, by the first byte of the brace.
fn tall(tokens: &[Token]) -> std::collections::HashSet<usize> {
    let mut tall = std::collections::HashSet::new();
    let mut open: Vec<(usize, bool)> = Vec::new();
    for token in tokens {
        match token.kind {
            Kind::Open => open.push((token.start, false)),
            Kind::Close => {
                let Some((start, over_lines)) = open.pop() else { continue };
                if over_lines {
                    tall.extend([start, token.start]);
                    if let Some(outer) = open.last_mut() {
                        outer.1 = true;
                    }
                }
            }
            Kind::Newline | Kind::LineComment => {
                if let Some(inner) = open.last_mut() {
                    inner.1 = true;
                }
            }
            _ => {}
        }
    }
    tall
}

#[derive(Default)]
struct Layout<'a> {
    text: &'a str,
    out: String,
    tall: std::collections::HashSet<usize>,
    depth: usize,
    /// Line ends since the last word.
    newlines: usize,
    /// Blanks since the last word.
    blanks: &'a str,
    before: Option<Kind>,
    /// Whether the block that was opened last is tall.
    in_tall: bool,
}

impl<'a> Layout<'a> {
    fn token(&mut self, token: Token, rest: &[Token]) {
        let text = &self.text[token.start..token.end];
        match token.kind {
            Kind::End => {}
            Kind::Space => self.blanks = text,
            Kind::Newline => {
                self.newlines += usize::from(self.before != Some(Kind::Slashdash));
                self.blanks = "";
            }
            Kind::Semicolon => {
                let next = rest.iter().find(|t| t.kind != Kind::Space).map(|t| t.kind);
                let useless =
                    matches!(next, Some(Kind::Newline | Kind::LineComment | Kind::Close | Kind::End))
                        || self.newlines > 0
                        || matches!(self.before, None | Some(Kind::Semicolon | Kind::Open));
                if !useless {
                    self.word(token, ";");
                }
            }
            Kind::Continuation => {
                self.word(token, "\\");
                if let Some(comment) = text.find("//") {
                    self.out.push(' ');
                    self.out.push_str(text[comment..].trim_end());
                }
                self.out.push('\n');
            }
            Kind::LineComment => self.word(token, text.trim_end()),
            Kind::Open => {
                self.word(token, text);
                self.depth += 1;
                self.in_tall = self.tall.contains(&token.start);
            }
            Kind::Close => {
                self.depth = self.depth.saturating_sub(1);
                self.word(token, text);
            }
            _ => self.word(token, text),
        }
    }

    /// Writes a word, and before it what belongs between it and the last one.
    fn word(&mut self, token: Token, text: &str) {
        let opened = self.before == Some(Kind::Open);
        let closes = token.kind == Kind::Close;
        let breaks = (opened && self.in_tall && token.kind != Kind::LineComment)
            || (closes && self.tall.contains(&token.start));
        let newlines = if breaks { self.newlines.max(1) } else { self.newlines };
        let most = if opened || closes { 1 } else { 2 };
        if self.before.is_some() {
            self.out.push_str(&"\n".repeat(newlines.min(most)));
        }
        if self.out.is_empty() || self.out.ends_with('\n') {
            let hanging = usize::from(self.before == Some(Kind::Continuation) && newlines == 0);
            self.out.push_str(&INDENT.repeat(self.depth + hanging));
        } else if token.kind == Kind::LineComment && !self.blanks.is_empty() {
            self.out.push_str(self.blanks);
        } else if self.apart(token.kind) {
            self.out.push(' ');
        }
        self.out.push_str(text);
        (self.newlines, self.blanks, self.before) = (0, "", Some(token.kind));
    }

    fn apart(&self, kind: Kind) -> bool {
        match (self.before, kind) {
            (Some(Kind::Equals | Kind::Slashdash), kind) => kind == Kind::LineComment,
            (_, Kind::Equals | Kind::Semicolon) => false,
            (Some(Kind::Open), Kind::Close) => false,
            _ => true,
        }
    }
}

/// The tree with every span at nothing, to compare what two texts say.
fn placeless(document: Document) -> Document {
    fn strip(nodes: &mut [Node]) {
        for node in nodes {
            node.span = Span::default();
            node.name.span = Span::default();
            node.args.iter_mut().for_each(|value| value.span = Span::default());
            for prop in &mut node.props {
                prop.name.span = Span::default();
                prop.value.span = Span::default();
            }
            strip(node.children.as_deref_mut().unwrap_or_default());
        }
    }
    let mut document = document;
    strip(&mut document.nodes);
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: &str) {
        let once = format(text).expect("a text without mistakes");
        assert_eq!(once, expect);
        assert_eq!(format(&once).expect("still without mistakes"), once, "laid out twice");
    }

    #[test]
    fn spaces_and_indentation() {
        check("a   1  b = 2{c;d ; }\n", "a 1 b=2 { c; d }\n");
        check("a {\n b\n  c {\n d }\n}", "a {\n    b\n    c {\n        d\n    }\n}\n");
        check("a { b\n c; d }", "a {\n    b\n    c; d\n}\n");
        check("\n\n\na\n\n\n\nb;\n\n", "a\n\nb\n");
        check("a {}\nb {\n}\n", "a {}\nb {\n}\n");
    }

    #[test]
    fn comments_stay() {
        check("// one\n  // two\na   // three\n", "// one\n// two\na   // three\n");
        check("a { // in\n b }\n/* x\n y */ c", "a { // in\n    b\n}\n/* x\n y */ c\n");
        check("a; // c\n/-  b\nc /- 1 2", "a // c\n/-b\nc /-1 2\n");
    }

    #[test]
    fn strings_stay_as_they_are() {
        check("a \"\"\"\n    x\n      y\n    \"\"\"\n", "a \"\"\"\n    x\n      y\n    \"\"\"\n");
        check("a \\\n b\\ // why\nc", "a \\\n    b \\ // why\n    c\n");
    }

    proptest! {
        #[test]
        fn any_text_laid_out_twice_is_laid_out_once(text in "([a-c1;={}/\" \n#\\\\-]|//|/-|/\\*|\\*/|\"\"\"\n|\\{ ?|\n ?\\}){0,24}") {
            if let Ok(once) = format(&text) {
                prop_assert_eq!(format(&once).expect("no mistakes"), once);
            }
        }
    }
}
