//! Recognises that a quota or a rate limit refused an agent, by the errors that a failed attempt told of, or printed
//! last. Looks at errors alone, never at what the agent says: prose about rate limits pauses nobody.
mod lines;
mod reset;

use crate::event::Limit;
use crate::model::{LimitKind, LimitPattern};
use jiff::Zoned;
use lines::errors;

pub use reset::reset;

/// The longest refusal that is passed on, in characters.
const LONGEST: usize = 200;

/// What refusals look like, whatever the agent; a profile's own patterns come first. A person is asked for before
/// the clock is waited for, since the words for money often stand beside a "rate limit".
const USUAL: [(LimitKind, &[&str]); 3] = [
    (
        LimitKind::Human,
        &[
            "insufficient balance",
            "insufficient_quota",
            "insufficient credits",
            "credit balance is too low",
            "reload your tokens",
            "premium request limit",
            "exceeded your monthly quota",
            "IneligibleTier",
            "IneligibleTierError",
            "spend limit",
            "payment required",
            "402",
            "401",
            "unauthorized",
            "invalid api key",
            "invalid_api_key",
            "authentication_failed",
            "authentication failed",
            "authentication required",
        ],
    ),
    (
        LimitKind::Clock,
        &[
            "you've hit your",
            "usage limit",
            "session limit",
            "weekly limit",
            "rate limit",
            "rate limited",
            "rate_limit",
            "RateLimitError",
            "APIProviderRateLimitError",
            "too many requests",
            "quota exceeded",
            "quota has been exhausted",
            "quota reached",
            "resource exhausted",
            "resource_exhausted",
            "resource has been exhausted",
            "limit (resets in {time}",
            "429",
        ],
    ),
    (
        LimitKind::Transient,
        &["overloaded", "overloaded_error", "bad gateway", "service unavailable", "gateway timeout"],
    ),
];

/// HTTP statuses of a service that is overloaded or away for a moment.
const AWAY: [&str; 4] = ["529", "502", "503", "504"];

/// A limit that refused an agent, and in which words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What kind, and until when if that was said.
    pub limit: Limit,
    /// The agent's own words, one line.
    pub said: String,
}

/// The limit that ended a failed attempt, by the errors that it told of and the end of its output; `own` are the
/// patterns of the agent's profile. Times without a zone are those of `now`.
pub fn refused(told: &[&str], tail: &str, own: &[LimitPattern], now: &Zoned) -> Option<Refused> {
    let errors: Vec<String> = told.iter().map(|words| (*words).to_owned()).chain(errors(tail)).collect();
    let (at, kind, time) = errors.iter().enumerate().find_map(|(at, error)| {
        let (kind, time) = kind_of(error, own)?;
        Some((at, kind, time))
    })?;
    let until = || {
        let said = time.and_then(|time| reset::moment(&time, now)).or_else(|| reset(&errors[at], now));
        // Another line about the same refusal may say more.
        said.or_else(|| errors.iter().find_map(|error| reset(error, now)))
    };
    let until = if kind == LimitKind::Clock { until() } else { None };
    let said = errors[at].chars().take(LONGEST).collect();
    Some(Refused { limit: Limit { kind, until }, said })
}

fn kind_of(error: &str, own: &[LimitPattern]) -> Option<(LimitKind, Option<String>)> {
    let own = own.iter().map(|pattern| (pattern.kind, pattern.text.as_str()));
    let usual = USUAL.iter().flat_map(|(kind, texts)| texts.iter().map(|text| (*kind, *text)));
    let away = AWAY.iter().map(|text| (LimitKind::Transient, *text));
    own.chain(usual).chain(away).find_map(|(kind, pattern)| {
        let time = matched(error, pattern)?;
        Some((kind, time))
    })
}

/// Whether a text has a pattern in it, whole words and whatever the case; and what stands where the pattern has
/// `{time}`. A pattern of three digits is an HTTP status: it stands behind a word such as `status` or `error`.
fn matched(text: &str, pattern: &str) -> Option<Option<String>> {
    let (before, time) = match pattern.split_once("{time}") {
        Some((before, _)) => (before.trim_end(), true),
        None => (pattern, false),
    };
    if before.is_empty() {
        return None;
    }
    let is_status = before.len() == 3 && before.bytes().all(|byte| byte.is_ascii_digit());
    // Only ASCII changes its case, so that places stay the same.
    let (low, want) = (text.to_ascii_lowercase().replace('’', "'"), before.to_ascii_lowercase());
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let found = low.match_indices(&want).map(|(at, _)| at).find(|at| {
        let (left, right) = (&low[..*at], &low[at + want.len()..]);
        let starts = !is_word(left.chars().next_back()) || !is_word(want.chars().next());
        let ends = !is_word(right.chars().next()) || !is_word(want.chars().next_back());
        starts && ends && (!is_status || follows_a_name_of_errors(left))
    })?;
    Some(time.then(|| low[found + want.len()..].to_owned()))
}

fn follows_a_name_of_errors(left: &str) -> bool {
    let left = left.trim_end_matches(|c: char| !c.is_alphanumeric());
    let word = left.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    left.is_empty() || ["error", "status", "code", "http"].iter().any(|name| word.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-11-20T14:00:00+01:00[Europe/Berlin]".parse().expect("a time")
    }

    /// `expect` is the kind, and after how many seconds it is over.
    #[track_caller]
    fn check(tail: &str, expect: Option<(LimitKind, Option<i64>)>) {
        let now = now();
        let found = refused(&[], tail, &[], &now).map(|refused| {
            let until = refused.limit.until.map(|until| until as i64 / 1000 - now.timestamp().as_second());
            (refused.limit.kind, until)
        });
        assert_eq!(found, expect, "{tail}");
    }

    const CLOCK: Option<(LimitKind, Option<i64>)> = Some((LimitKind::Clock, None));
    const HUMAN: Option<(LimitKind, Option<i64>)> = Some((LimitKind::Human, None));
    const TRANSIENT: Option<(LimitKind, Option<i64>)> = Some((LimitKind::Transient, None));

    fn clock(seconds: i64) -> Option<(LimitKind, Option<i64>)> {
        Some((LimitKind::Clock, Some(seconds)))
    }

    #[test]
    fn refusals_in_plain_text() {
        check("You've hit your session limit · resets 3pm", clock(3600));
        check("You’ve hit your limit · resets 3pm (America/New_York)", clock(7 * 3600));
        check("Claude AI usage limit reached|1795183200", clock(3600));
        check("ERROR: You've hit your usage limit. Try again at Nov 21st, 2026 2:00 PM.", clock(24 * 3600));
        check("Error: standard usage limit (resets in 1h 48min)", clock(6480));
        check("Error: your quota has been exhausted", CLOCK);
        check("Error: Individual quota reached. Resets in 59m21s.", clock(3561));
        check("[API Error: 429 Resource exhausted]", CLOCK);
        check("exceeded retry limit, last status: 429 Too Many Requests", None);
        check("Error: exceeded retry limit, last status: 429 Too Many Requests", CLOCK);
        check("Error: Insufficient balance (HTTP 401)", HUMAN);
        check("Error: reload your tokens (402)", HUMAN);
        check("Error: you have exceeded your monthly quota", HUMAN);
        check("IneligibleTierError: migrate to another plan", HUMAN);
        check("Error: You've hit your individual spend limit", HUMAN);
        check("API Error: 529 {\"type\":\"overloaded_error\"}", TRANSIENT);
        check("API Error: 503", TRANSIENT);
        check("rate limit exceeded, retry-after: 30", clock(30));
    }

    #[test]
    fn prose_is_none() {
        check("We must respect the rate limit on the Base sequencer feed", None);
        check("Error handling for the rate limit is in place.", None);
        check("Rate limit tests: 3 passed\nerror: could not compile `api`", None);
        check("Error: rate limit exceeded\na\nb\nc\nd\ne\nerror: no such file", None);
        check("Error: the request took 429 ms", None);
        check(
            "- Error: 429 too many requests is retried now\n* RateLimitError (429)\n## Error: rate limit",
            None,
        );
        check("Error: the unlimited rate limits plan", None);
        check(r#"{"error":"rate limit reached","statusCode":429}"#, None);
        check("", None);
    }

    #[test]
    fn refusals_that_an_agent_tells_of() {
        let check = |told: &[&str], expect: Option<(LimitKind, Option<i64>)>| {
            let now = now();
            let found = refused(told, "", &[], &now).map(|refused| {
                let until =
                    refused.limit.until.map(|until| until as i64 / 1000 - now.timestamp().as_second());
                (refused.limit.kind, until)
            });
            assert_eq!(found, expect, "{told:?}");
        };
        check(&["rate_limit (status 429)"], CLOCK);
        check(&["rate limit reached for requests (status 429, retry-after 20)"], clock(20));
        check(&["You've hit your limit · resets 3pm (status 429)"], clock(3600));
        check(&["exceeded retry limit, last status: 429 Too Many Requests"], CLOCK);
        check(&["429: {\"message\":\"slow down\"}"], CLOCK);
        check(&["it ended (status 529)"], TRANSIENT);
        check(&["gave up", "rate limit, resets in 2m"], clock(120));
        check(&["invalid api key (status 401)"], HUMAN);
        check(&["Authentication required"], HUMAN);
        check(&["the request took 429 ms"], None);
        check(&[], None);
    }

    #[test]
    fn a_profile_knows_words_of_its_own() {
        let own = |kind, text: &str| LimitPattern { kind, text: text.into() };
        let patterns =
            [own(LimitKind::Human, "rate limit"), own(LimitKind::Clock, "nap until {time} please")];
        let found = |tail: &str| refused(&[], tail, &patterns, &now()).map(|refused| refused.limit);
        let three = u64::try_from(now().timestamp().as_millisecond()).expect("after 1970") + 3_600_000;
        let until = |kind, until| Some(Limit { kind, until });
        assert_eq!(found("Error: rate limit"), until(LimitKind::Human, None));
        assert_eq!(found("Error: I nap until 3pm please"), until(LimitKind::Clock, Some(three)));
        assert_eq!(found("Error: I nap"), None);
    }

    #[test]
    fn the_words_are_the_agents() {
        let said =
            |tail: &str| refused(&[], tail, &[], &now()).map(|refused| refused.said).unwrap_or_default();
        assert_eq!(said("Error: Insufficient balance\n"), "Error: Insufficient balance");
        assert_eq!(said(&format!("Error: rate limit {}", "é".repeat(400))).chars().count(), LONGEST);
    }
}
