//! One line of text in pieces, each with its meaning, and how it fits into so many columns.
use super::style::{Ink, Mark, Style};
use unicode_width::UnicodeWidthChar;

/// A line before it is cut to a width and coloured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    pieces: Vec<(Ink, String)>,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line that begins with the symbol of a state.
    pub fn marked(mark: Mark, style: &Style) -> Self {
        Self::new().ink(mark.symbol().ink, style.symbol(mark)).text(" ")
    }

    /// Adds text as it is.
    #[must_use]
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.ink(Ink::Plain, text)
    }

    /// Adds text in a colour. Control characters become spaces: nothing that an agent or a file
    /// says moves the cursor.
    #[must_use]
    pub fn ink(mut self, ink: Ink, text: impl AsRef<str>) -> Self {
        self.pieces.push((ink, clean(text.as_ref())));
        self
    }

    /// Adds another line.
    #[must_use]
    pub fn then(mut self, more: Self) -> Self {
        self.pieces.extend(more.pieces);
        self
    }

    /// Adds spaces up to a column.
    #[must_use]
    pub fn to_column(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width());
        self.text(" ".repeat(missing))
    }

    /// Columns it takes.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| columns(text)).sum()
    }

    /// The line in full.
    pub fn render(&self, style: &Style) -> String {
        self.fit(usize::MAX, style)
    }

    /// The line in at most `width` columns; where it is cut, an ellipsis stands.
    pub fn fit(&self, width: usize, style: &Style) -> String {
        let mut out = String::new();
        let cut = self.width() > width;
        let mut left = if cut { width.saturating_sub(columns(style.ellipsis())) } else { width };
        for (ink, text) in &self.pieces {
            let piece = head(text, left);
            left -= columns(piece);
            out.push_str(&style.paint(*ink, &spelled(piece, style)));
            if cut && piece.len() < text.len() {
                break;
            }
        }
        if cut && width > 0 {
            out.push_str(&style.paint(Ink::Faint, style.ellipsis()));
        }
        if out.ends_with(' ') { out.trim_end().to_owned() } else { out }
    }
}

/// Columns that a text takes, character by character, as most terminals count.
pub fn columns(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// The text with control characters as spaces and without marks that reorder or restyle what is near them.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !is_restyling(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The same for a text of several lines.
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// The same for a text that places point into: spaces take the room of what is left out.
pub fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() && !matches!(c, '\n' | '\t')) || is_restyling(c) {
            out.extend(std::iter::repeat_n(' ', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

fn is_restyling(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}')
}

/// The lines of a text at most `width` columns wide, broken between words where there are any.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in clean(text).split_whitespace() {
        let mut rest = word;
        while !rest.is_empty() {
            let last = lines.len() - 1;
            let line = &mut lines[last];
            let gap = usize::from(!line.is_empty());
            if columns(line) + gap + columns(rest) <= width {
                line.push_str(&" "[..gap]);
                line.push_str(rest);
                break;
            }
            if !line.is_empty() {
                lines.push(String::new());
                continue;
            }
            let piece = head(rest, width);
            let piece = if piece.is_empty() { &rest[..first_len(rest)] } else { piece };
            line.push_str(piece);
            rest = &rest[piece.len()..];
        }
    }
    lines
}

/// The longest beginning of a text that fits.
fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            return &text[..at];
        }
    }
    text
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn spelled(text: &str, style: &Style) -> String {
    if style.unicode || text.is_ascii() {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.push_str(&"??"[..c.width().unwrap_or(0).min(2)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNICODE: Style = Style { unicode: true, color: false };

    fn check(text: &str, width: usize, expect: &str) {
        assert_eq!(Line::new().text(text).fit(width, &UNICODE), expect);
    }

    #[test]
    fn a_line_is_cut_to_columns() {
        check("abcdef", 6, "abcdef");
        check("abcdef", 5, "abcd…");
        check("日本語", 5, "日本…");
        check("日本語", 4, "日…");
        check("a", 0, "");
        assert_eq!(Line::new().text("né").text("日").fit(9, &Style::PLAIN), "n???");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        check("a\u{1b}[2Jb\rc\u{202e}", 20, "a [2Jb c");
    }

    #[test]
    fn words_are_wrapped() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("", 3), [""]);
    }

    proptest! {
        #[test]
        fn a_line_never_passes_its_width(pieces in prop::collection::vec(".*", 0..4), width in 0..60_usize) {
            let line = pieces.iter().fold(Line::new(), |line, piece| line.text(piece));
            for style in [UNICODE, Style::PLAIN] {
                prop_assert!(columns(&line.fit(width, &style)) <= width);
            }
            for part in wrap(&pieces.concat(), width) {
                prop_assert!(columns(&part) <= width.max(2));
            }
        }
    }
}
