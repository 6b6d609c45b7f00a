//! The command by which people are told what needs them.
use serde::{Deserialize, Serialize};

/// `notify`: a line of words, and who said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// The line as it was written.
    pub line: String,
    /// Whether the user said it, not the Specfile.
    pub is_own: bool,
}

impl Notify {
    /// The words of a line, as a shell splits them but with nothing filled in: blanks part them, quotes of either
    /// kind keep them together, a backslash outside of single quotes takes the next character as it is. None if a
    /// quote is not closed.
    pub fn words(line: &str) -> Option<Vec<String>> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '"' || c == '\'' => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                None | Some('"') if c == '\\' => word.get_or_insert_default().extend(chars.next()),
                None if c.is_whitespace() => words.extend(word.take()),
                _ => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        quote.is_none().then_some(words)
    }

    /// Whether there is a command at all: an empty line tells nobody.
    pub fn tells(&self) -> bool {
        Self::words(&self.line).is_some_and(|words| !words.is_empty())
    }

    /// The argv that tells this; what is told is filled into words, so it is never read as anything but text.
    pub fn argv(&self, title: &str, body: &str) -> Vec<String> {
        let words = Self::words(&self.line).unwrap_or_default();
        // One pass: a title that holds `{body}` is left as it is.
        let fill = |word: &String| {
            let parts: Vec<String> = word.split("{title}").map(|part| part.replace("{body}", body)).collect();
            parts.join(title)
        };
        words.iter().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_words() {
        let check = |line: &str, expect: &[&str]| {
            assert_eq!(Notify::words(line).unwrap_or_default(), expect, "{line}")
        };
        check("notify-send {title} {body}", &["notify-send", "{title}", "{body}"]);
        check("say 'a b' \"c d\"e ''", &["say", "a b", "c de", ""]);
        check(r#"say a\ b "c\"d" 'e\f'"#, &["say", "a b", "c\"d", r"e\f"]);
        check("  ", &[]);
        assert_eq!(Notify::words("say 'it"), None);
    }

    #[test]
    fn what_is_told_stays_one_word() {
        let notify = Notify { line: "tell \"{title}: {body}\" $(x)".into(), is_own: true };
        let argv = notify.argv("{body}; rm -rf /", "a 'b' \"c\"");
        assert_eq!(argv, ["tell", "{body}; rm -rf /: a 'b' \"c\"", "$(x)"]);
        assert!(notify.tells() && !Notify { line: " ".into(), is_own: true }.tells());
    }
}
