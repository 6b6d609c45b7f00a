//! What single words mean: characters, escapes, lines of strings, numbers, keywords.
use super::ast::ValueKind;
use std::borrow::Cow;

/// A line end of KDL 2.
pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}')
}

/// The bytes of the line end that the text begins with: 0 for none, `\r\n` is one.
pub(super) fn newline_len(text: &str) -> usize {
    if text.starts_with("\r\n") {
        return 2;
    }
    text.chars().next().filter(|c| is_newline(*c)).map_or(0, char::len_utf8)
}

/// A blank of KDL 2.
pub(super) fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// A character that KDL 2 allows nowhere.
pub(super) fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A character of a string without quotes.
pub(super) fn is_bare(c: char) -> bool {
    !matches!(c, '\\' | '/' | '(' | ')' | '{' | '}' | ';' | '[' | ']' | '"' | '#' | '=')
        && !is_newline(c)
        && !is_blank(c)
        && !is_forbidden(c)
}

/// Whether a bare word begins as a number does.
pub(super) fn looks_like_number(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text may stand without quotes.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(is_bare)
        && !looks_like_number(text)
        && !matches!(text, "true" | "false" | "null" | "inf" | "-inf" | "nan")
}

/// A number, or what is wrong with it.
pub(super) fn number(text: &str) -> Result<ValueKind, String> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let based = [("0x", 16), ("0o", 8), ("0b", 2)];
    if let Some((digits, base)) = based.iter().find_map(|(p, base)| rest.strip_prefix(p).map(|d| (d, *base)))
    {
        let digits = digits_of(digits, |c| c.is_digit(base)).ok_or_else(|| no_number(text))?;
        let value = i128::from_str_radix(&digits, base).map_err(|_| format!("`{text}` is too large"))?;
        return Ok(ValueKind::Integer(if negative { -value } else { value }));
    }
    let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(m, e)| (m, Some(e)));
    let (whole, part) = mantissa.split_once('.').map_or((mantissa, None), |(w, p)| (w, Some(p)));
    let decimal = |digits: &str| digits_of(digits, |c| c.is_ascii_digit()).ok_or_else(|| no_number(text));
    let sign = if negative { "-" } else { "" };
    let mut clean = format!("{sign}{}", decimal(whole)?);
    if part.is_none() && exponent.is_none() {
        return clean.parse().map(ValueKind::Integer).map_err(|_| format!("`{text}` is too large"));
    }
    if let Some(part) = part {
        clean = format!("{clean}.{}", decimal(part)?);
    }
    if let Some(exponent) = exponent {
        let sign = if exponent.starts_with('-') { "-" } else { "" };
        clean = format!("{clean}e{sign}{}", decimal(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))?);
    }
    clean.parse().map(ValueKind::Decimal).map_err(|_| no_number(text))
}

fn digits_of(text: &str, is_digit: impl Fn(char) -> bool) -> Option<String> {
    let fits = text.starts_with(&is_digit) && text.chars().all(|c| is_digit(c) || c == '_');
    fits.then(|| text.chars().filter(|c| *c != '_').collect())
}

fn no_number(text: &str) -> String {
    format!("`{text}` is not a number")
}

/// What a `#word` is.
pub(super) fn keyword(text: &str) -> Option<ValueKind> {
    Some(match text {
        "#true" => ValueKind::Bool(true),
        "#false" => ValueKind::Bool(false),
        "#null" => ValueKind::Null,
        "#inf" => ValueKind::Decimal(f64::INFINITY),
        "#-inf" => ValueKind::Decimal(f64::NEG_INFINITY),
        "#nan" => ValueKind::Decimal(f64::NAN),
        _ => return None,
    })
}

/// A mistake within a word: its byte offset there, its length, and what it is.
pub(super) type Flaw = (usize, usize, String);

/// What a quoted string spells.
pub(super) fn quoted(text: &str) -> Result<String, Flaw> {
    if let Some(body) = text.strip_prefix("\"\"\"").filter(|_| text.len() >= 6) {
        let body = body.strip_suffix("\"\"\"").unwrap_or(body);
        forbidden(body, 3)?;
        let joined = join_lines(body, 3)?;
        return escapes(&dedent(&joined, text.len())?, None);
    }
    let body = text.strip_prefix('"').unwrap_or(text);
    let body = body.strip_suffix('"').unwrap_or(body);
    forbidden(body, 1)?;
    if !body.contains('\\') {
        return Ok(body.to_owned());
    }
    escapes(&join_lines(body, 1)?, Some(1))
}

/// What a raw string spells.
pub(super) fn raw(text: &str) -> Result<String, Flaw> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let body = text.get(hashes..text.len().saturating_sub(hashes)).unwrap_or("");
    forbidden(body, hashes)?;
    if body.starts_with("\"\"\"") && body.len() >= 6 {
        return dedent(&body[3..body.len() - 3], text.len());
    }
    Ok(body.strip_prefix('"').and_then(|b| b.strip_suffix('"')).unwrap_or(body).to_owned())
}

fn forbidden(body: &str, offset: usize) -> Result<(), Flaw> {
    match body.char_indices().find(|(_, c)| is_forbidden(*c)) {
        None => Ok(()),
        Some((at, c)) => {
            let what =
                format!("the character U+{:04X} may not stand in a string; write `\\u{{...}}`", u32::from(c));
            Err((offset + at, c.len_utf8(), what))
        }
    }
}

/// Takes out each `\` with the blanks and line ends after it; other escapes stay.
fn join_lines(body: &str, offset: usize) -> Result<Cow<'_, str>, Flaw> {
    let blank = |c: char| is_blank(c) || is_newline(c);
    if !body.contains('\\') {
        return Ok(Cow::Borrowed(body));
    }
    let (mut out, mut rest) = (String::with_capacity(body.len()), body);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let Some(next) = after.chars().next() else {
            return Err((offset + body.len() - 1, 1, "a `\\` needs a character after it".to_owned()));
        };
        if blank(next) {
            rest = after.trim_start_matches(blank);
        } else {
            out.push('\\');
            out.push(next);
            rest = &after[next.len_utf8()..];
        }
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// Replaces escapes. `offset` is where the body begins in the word, if bytes still are where they were.
fn escapes(body: &str, offset: Option<usize>) -> Result<String, Flaw> {
    let flaw = |at: usize, len: usize, what: String| match offset {
        Some(offset) => (offset + at, len, what),
        None => (0, 3, what),
    };
    let (mut out, mut at) = (String::with_capacity(body.len()), 0);
    while let Some(found) = body[at..].find('\\') {
        out.push_str(&body[at..at + found]);
        at += found;
        let next = body[at + 1..].chars().next().unwrap_or('\\');
        let mut len = 1 + next.len_utf8();
        match next {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            '\\' | '"' => out.push(next),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            's' => out.push(' '),
            'u' => {
                let code =
                    body[at + 2..].strip_prefix('{').and_then(|r| r.split_once('}')).map(|(code, _)| code);
                let fits = |c: &&str| (1..=6).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_hexdigit());
                let code = code.filter(fits);
                let char = code.and_then(|c| u32::from_str_radix(c, 16).ok()).and_then(char::from_u32);
                let Some(char) = char else {
                    return Err(flaw(at, 2, "`\\u` needs `{` up to six hexadecimal digits `}`".to_owned()));
                };
                out.push(char);
                len = 4 + code.map_or(0, str::len);
            }
            odd => {
                let what = format!("`\\{odd}` is not an escape; a backslash itself is `\\\\`");
                return Err(flaw(at, len, what));
            }
        }
        at += len;
    }
    out.push_str(&body[at..]);
    Ok(out)
}

/// The lines of a multi-line string, without what stands before the closing quotes in each of them.
fn dedent(body: &str, word: usize) -> Result<String, Flaw> {
    let lines = lines(body);
    let [first, middle @ .., last] = lines.as_slice() else {
        return Err((0, 3, "a multi-line string begins on the line after its `\"\"\"`".to_owned()));
    };
    if !first.is_empty() {
        return Err((0, 3, "a multi-line string begins on the line after its `\"\"\"`".to_owned()));
    }
    if !last.chars().all(is_blank) {
        let what = "the `\"\"\"` that closes a multi-line string stands on a line of its own".to_owned();
        return Err((word.saturating_sub(3), 3, what));
    }
    let mut out = Vec::with_capacity(middle.len());
    for line in middle {
        if line.chars().all(is_blank) {
            out.push("");
        } else if let Some(rest) = line.strip_prefix(last) {
            out.push(rest);
        } else {
            let what =
                "each line of a multi-line string is indented at least as its closing `\"\"\"`".to_owned();
            return Err((0, 3, what));
        }
    }
    Ok(out.join("\n"))
}

fn lines(body: &str) -> Vec<&str> {
    let (mut lines, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = body[at..].find(is_newline) {
        lines.push(&body[from..at + found]);
        at += found;
        at += newline_len(&body[at..]);
        from = at;
    }
    lines.push(&body[from..]);
    lines
}
