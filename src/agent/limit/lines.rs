//! Which of the last lines of an attempt speak of an error: JSON events that are errors by their own account, and
//! plain lines that begin as errors do.
use serde_json::Value;

/// How many lines of events are looked at, from the end.
const EVENTS: usize = 30;

/// How many plain lines are.
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

/// Events of ends, which say nothing by themselves and are no work either.
const ENDS: [&str; 5] = ["idle", "settled", "result", "_end", "_state"];

/// What an error says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// All of it, names of fields included.
    pub text: String,
    /// The part that is for people.
    pub said: String,
}

enum Line {
    Error(Told),
    /// It goes on by itself: of weight only if nothing else came of it.
    Retry(Told),
    Work,
    End,
}

/// The errors at the end of what an attempt printed, last first.
pub(super) fn errors(tail: &str) -> Vec<Told> {
    let mut errors = Vec::new();
    let (mut worked, mut plain) = (false, 0);
    for line in tail.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(EVENTS) {
        let Some(event) = line.strip_prefix('{').and_then(|_| serde_json::from_str::<Value>(line).ok())
        else {
            plain += 1;
            errors.extend((plain <= PLAIN).then(|| plain_error(line)).flatten());
            continue;
        };
        match read(&event) {
            Line::Error(told) => errors.push(told),
            Line::Retry(told) if !worked => errors.push(told),
            Line::Work => worked = true,
            Line::Retry(_) | Line::End => {}
        }
    }
    errors
}

fn plain_error(line: &str) -> Option<Told> {
    if PROSE.iter().any(|mark| line.starts_with(mark)) {
        return None;
    }
    let line = line
        .strip_prefix("demo: ended failed ")
        .map_or_else(|| line.to_owned(), |why| format!("Error: {why}"));
    let line = cut(&line);
    let words = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let low = words.to_ascii_lowercase().replace('’', "'");
    // "API Error: 529", "IneligibleTierError: ...", "fatal: ..."
    let begins = low.split_once([':', '(']).is_some_and(|(name, _)| {
        let name = name.trim_end();
        let few = name.split(' ').count() <= 3;
        few && ["error", "exception", "fatal", "failed"].iter().any(|word| name.ends_with(word))
    });
    let begins = begins || BEGINNINGS.iter().any(|beginning| low.starts_with(beginning));
    begins.then(|| Told { text: line.to_owned(), said: line.to_owned() })
}

fn read(event: &Value) -> Line {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = format!("{} {}", text("type"), text("subtype")).to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| kind.contains(word));
    if has(&["tool", "text", "item."]) {
        return Line::Work;
    }
    if has(&["retry"]) && !has(&["retry_end"]) {
        return Line::Retry(told(event, |_| true));
    }
    if has(&["error", "fail", "retry_end"]) {
        let told = told(event, |_| true);
        let goes_on = told.said.to_ascii_lowercase().starts_with("reconnecting");
        return if goes_on { Line::Retry(told) } else { Line::Error(told) };
    }
    let is_set = |name: &str| event.get(name).is_some_and(|value| !value.is_null());
    if event.get("is_error") == Some(&Value::Bool(true)) || text("status") == "error" {
        return Line::Error(told(event, |name| is_of_errors(name) || matches!(name, "result" | "message")));
    }
    if is_set("error") || text("type").ends_with("_end") {
        let told = told(event, is_of_errors);
        return if told.text.is_empty() { Line::End } else { Line::Error(told) };
    }
    if has(&ENDS) { Line::End } else { Line::Work }
}

fn is_of_errors(name: &str) -> bool {
    name.to_ascii_lowercase().contains("error")
}

/// What the fields of these names say, with all that is within them.
fn told(event: &Value, is_asked: impl Fn(&str) -> bool) -> Told {
    let mut fields = Vec::new();
    collect(event, "", false, &is_asked, &mut fields);
    let rank = |name: &str| {
        let name = name.to_ascii_lowercase();
        let ranks: [&[&str]; 3] =
            [&["message", "finalerror", "errormessage", "error_message", "result"], &["error"], &[]];
        ranks.iter().position(|names| names.contains(&name.as_str())).unwrap_or(ranks.len())
    };
    let said = fields.iter().min_by_key(|(name, _)| rank(name)).map(|(_, value)| value.clone());
    let text: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    Told { text: cut(&text.join("; ")).to_owned(), said: said.unwrap_or_default().replace(['\n', '\r'], " ") }
}

fn collect(
    value: &Value,
    name: &str,
    is_within: bool,
    is_asked: &impl Fn(&str) -> bool,
    fields: &mut Vec<(String, String)>,
) {
    let mut push = |text: String| {
        // The time of the event itself is no time that it speaks of.
        if is_within && !matches!(name, "timestamp" | "date" | "is_error" | "type" | "subtype") {
            fields.push((name.to_owned(), text));
        }
    };
    match value {
        Value::String(text) => push(text.clone()),
        Value::Number(number) => push(number.to_string()),
        Value::Array(all) => all.iter().for_each(|one| collect(one, name, is_within, is_asked, fields)),
        Value::Object(all) => all
            .iter()
            .for_each(|(name, one)| collect(one, name, is_within || is_asked(name), is_asked, fields)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
