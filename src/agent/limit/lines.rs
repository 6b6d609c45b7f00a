//! Which of the last lines of an attempt speak of an error: those that begin as errors do. Lines of JSON are for the
//! agent's dialect.

/// How many lines are looked at, from the end.
const LINES: usize = 30;

/// How many of them that are no JSON.
const PLAIN: usize = 5;

/// The most that is read of one error, in bytes.
const LONGEST: usize = 8 * 1024;

/// Sentences of refusal that begin with no word for an error.
const BEGINNINGS: [&str; 6] = [
    "you've hit your ",
    "you have hit your ",
    "claude ai usage limit reached",
    "rate limit exceeded",
    "rate limit reached",
    "quota exceeded",
];

/// How lines of an agent's prose begin: points of a list, headings, quotes, rows of a table.
const PROSE: [&str; 5] = ["- ", "* ", "#", "> ", "| "];

/// The errors among the last lines that an attempt printed, last first.
pub(super) fn errors(tail: &str) -> impl Iterator<Item = String> {
    let lines = tail.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(LINES);
    let plain = lines.filter(|line| !line.starts_with('{')).take(PLAIN);
    plain.filter(|line| is_error(line)).map(|line| cut(line).to_owned())
}

fn is_error(line: &str) -> bool {
    if PROSE.iter().any(|mark| line.starts_with(mark)) {
        return false;
    }
    let words = cut(line).trim_start_matches(|c: char| !c.is_alphanumeric());
    let low = words.to_ascii_lowercase().replace('’', "'");
    // "API Error: 529", "IneligibleTierError: ...", "fatal: ..."
    let begins = low.split_once([':', '(']).is_some_and(|(name, _)| {
        let name = name.trim_end();
        let few = name.split(' ').count() <= 3;
        few && ["error", "exception", "fatal", "failed"].iter().any(|word| name.ends_with(word))
    });
    begins || BEGINNINGS.iter().any(|beginning| low.starts_with(beginning))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
