//! Values that nobody may read in a log: found in texts of any size, in whatever pieces they arrive, and put out
//! of sight. What looks secret is told by the name that a value has in an environment.
use aho_corasick::{AhoCorasick, MatchKind};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What stands in the place of a value.
pub const MASKED: &str = "***";

/// The shortest value that is masked, in bytes: a shorter one stands in too many words.
const SHORTEST: usize = 6;
/// The shortest one that the user names.
const SHORTEST_NAMED: usize = 4;
/// The shortest line of a value of several, as a key in a file is, that is masked by itself.
const SHORTEST_LINE: usize = 16;

/// Endings of a part of a name, between underscores, that make its value a secret.
const SECRET: [&str; 13] = [
    "TOKEN",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "KEY",
    "KEYS",
    "COOKIE",
    "AUTHORIZATION",
    "PASSWORDS",
];
/// Whole parts of a name that do.
const SECRET_PART: [&str; 4] = ["AUTH", "PWD", "PASS", "PAT"];
/// Last parts of a name whose value tells of a secret without being one.
const ABOUT: [&str; 16] = [
    "TYPE",
    "METHOD",
    "PROVIDER",
    "MODE",
    "HOST",
    "PORT",
    "FILE",
    "PATH",
    "DIR",
    "SOCK",
    "NAME",
    "ALGORITHM",
    "TTL",
    "URL",
    "USER",
    "EMAIL",
];
/// Values that are settings.
const PLAIN: [&str; 12] = [
    "enabled", "disabled", "required", "optional", "default", "always", "secret", "password", "bearer",
    "github", "oauth2", "prompt",
];

/// The values to be masked. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Mask {
    known: Option<Arc<Known>>,
}

struct Known {
    values: Vec<Vec<u8>>,
    finder: AhoCorasick,
    longest: usize,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.known.as_ref().map_or(0, |known| known.values.len());
        write!(f, "Mask({count} values)")
    }
}

impl Mask {
    /// Masks what looks secret in these environments, and what has one of the names in `named`.
    pub fn of<'a>(
        environment: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        named: &[String],
    ) -> Self {
        let mut values: Vec<Vec<u8>> = Vec::new();
        for (name, value) in environment {
            let value = value.trim();
            let is_named = named.iter().any(|one| *one == name) && value.len() >= SHORTEST_NAMED;
            if is_named || looks_secret(&name) && is_worth_it(value) {
                values.extend(forms(value));
            }
        }
        values.sort();
        values.dedup();
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&values);
        let longest = values.iter().map(Vec::len).max().unwrap_or(0);
        let known = finder.ok().filter(|_| !values.is_empty());
        Self { known: known.map(|finder| Arc::new(Known { values, finder, longest })) }
    }

    /// A text without the values.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.known {
            Some(known) if known.finder.is_match(text) => {
                let masks = vec![MASKED; known.values.len()];
                Cow::Owned(known.finder.replace_all(text, &masks))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Takes the values out of a stream.
    pub fn stream(&self) -> MaskedStream {
        MaskedStream { mask: self.clone(), held: Vec::new() }
    }
}

/// A stream without the values, wherever it is cut. It holds back no more than the longest of them.
#[derive(Debug, Default)]
pub struct MaskedStream {
    mask: Mask,
    held: Vec<u8>,
}

impl MaskedStream {
    /// What can be passed on once these bytes have come.
    pub fn take<'a>(&mut self, chunk: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(known) = self.mask.known.clone() else { return Cow::Borrowed(chunk) };
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(chunk);
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        let mut open = known.open(&bytes);
        while let Some(found) = known.finder.find(&bytes[at..]) {
            let (start, end) = (at + found.start(), at + found.end());
            if start >= open {
                break;
            }
            out.extend_from_slice(&bytes[at..start]);
            out.extend_from_slice(MASKED.as_bytes());
            at = end;
            open = at + known.open(&bytes[at..]);
        }
        out.extend_from_slice(&bytes[at..open]);
        self.held = bytes.split_off(open);
        Cow::Owned(out)
    }

    /// The rest, once nothing more is to come.
    pub fn end(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        match &self.mask.known {
            Some(known) => known.finder.replace_all_bytes(&held, &vec![MASKED; known.values.len()]),
            None => held,
        }
    }
}

impl Known {
    /// Where the end of these bytes begins that may become a value.
    fn open(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        let may_be = |at: &usize| {
            let end = &bytes[*at..];
            self.values.iter().any(|value| value.len() > end.len() && value.starts_with(end))
        };
        (first..bytes.len()).find(may_be).unwrap_or(bytes.len())
    }
}

/// Whether the value of a variable of that name is nobody's business.
fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let parts: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    if matches!(name.as_str(), "PWD" | "OLDPWD") || parts.last().is_some_and(|last| ABOUT.contains(last)) {
        return false;
    }
    parts.iter().any(|part| SECRET.iter().any(|end| part.ends_with(end)) || SECRET_PART.contains(part))
}

/// Whether a value with such a name is likely one that must not be read.
fn is_worth_it(value: &str) -> bool {
    let is_path = (value.starts_with('/') || value.starts_with("~/") || value.starts_with("./"))
        && value.matches('/').count() > 1
        && !value.contains(['+', '=']);
    let is_number = value.len() < 10 && value.bytes().all(|byte| byte.is_ascii_digit());
    value.len() >= SHORTEST && !is_path && !is_number && !PLAIN.contains(&value.to_ascii_lowercase().as_str())
}

/// A value as it may stand in a text: as it is, within JSON, line by line.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.as_bytes().to_vec()];
    let escaped: String = value
        .chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            c => c.to_string(),
        })
        .collect();
    forms.push(escaped.into_bytes());
    if value.contains('\n') {
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
        forms.extend(lines.map(|line| line.as_bytes().to_vec()));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    fn mask(pairs: &[(&'static str, &'static str)]) -> Mask {
        Mask::of(pairs.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value))), &[])
    }

    #[test]
    fn names_tell_what_is_secret() {
        for name in [
            "GITHUB_TOKEN",
            "OPENAI_API_KEY",
            "PGPASSWORD",
            "MYSQL_PWD",
            "DB_PASS",
            "npm_config__auth",
            "AWS_SECRET",
            "AWS_ACCESS_KEY_ID",
            "Credentials",
            "HTTP_AUTHORIZATION",
            "SSH_KEY_PASSPHRASE",
            "APIKEY",
            "GH_PAT",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in [
            "PATH",
            "PWD",
            "OLDPWD",
            "GIT_AUTHOR_NAME",
            "SSH_AUTH_SOCK",
            "MAX_TOKENS",
            "TOKEN_FILE",
            "AUTH_METHOD",
            "KEYBOARD_LAYOUT",
            "COMPASS",
            "SECRETARY",
            "AUTHOR",
            "",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn values_that_tell_nothing_stay() {
        for value in ["12345", "true", "100000", "/run/keys/one", "~/.ssh/id_rsa", "Enabled", ""] {
            assert!(!is_worth_it(value), "{value}");
        }
        for value in ["hunter2", "opensesame", "/tWx+7d/a=", "0123456789"] {
            assert!(is_worth_it(value), "{value}");
        }
    }

    #[test]
    fn values_are_masked_as_they_are_within_json_and_line_by_line() {
        let mask = mask(&[
            ("A_TOKEN", "sesame\"open"),
            ("B_KEY", "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n"),
            ("C_TOKEN", "sesame\"open-and-more"),
            ("PLAIN", "visible-value"),
        ]);
        let check = |text: &str, expect: &str| assert_eq!(mask.text(text), expect);
        check("a sesame\"open b", "a *** b");
        check("{\"a\":\"sesame\\\"open\"}", "{\"a\":\"***\"}");
        check("sesame\"open-and-more", "***");
        check("  MIIEvQIBADANBgkq", "  ***");
        check("visible-value", "visible-value");
        assert_eq!(format!("{mask:?}").matches("sesame").count(), 0);
    }

    #[test]
    fn what_the_user_names_is_secret_and_nothing_is_without_names() {
        let pair = || [(Cow::Borrowed("CITY"), Cow::Borrowed("Rome"))];
        assert_eq!(Mask::of(pair(), &["CITY".to_owned()]).text("to Rome"), "to ***");
        assert_eq!(Mask::of(pair(), &[]).text("to Rome"), "to Rome");
        assert_eq!(Mask::default().text("to Rome"), "to Rome");
    }

    #[test]
    fn a_stream_holds_back_no_more_than_it_must() {
        let mut stream = mask(&[("A_TOKEN", "abcdef")]).stream();
        assert_eq!(stream.take(b"xxabc").as_ref(), b"xx");
        assert_eq!(stream.take(b"de").as_ref(), b"");
        assert_eq!(stream.take(b"fabd").as_ref(), b"***abd");
        assert_eq!(stream.take(b"abc").as_ref(), b"");
        assert_eq!(stream.end(), b"abc");
        assert_eq!(stream.end(), b"");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_cut(
            bytes in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..60),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let mask = mask(&[("A_TOKEN", "aabbab"), ("B_TOKEN", "aabbabab"), ("C_TOKEN", "bababa\nba")]);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut stream, mut out) = (mask.stream(), Vec::new());
            for pair in cuts.windows(2) {
                out.extend_from_slice(&stream.take(&bytes[pair[0]..pair[1]]));
            }
            out.extend(stream.end());
            let text = String::from_utf8(bytes).expect("letters");
            assert_eq!(String::from_utf8(out).expect("letters"), mask.text(&text));
        }
    }
}
