//! What an answer to a prompt says about how it went. Some agents call it the end of a turn when nothing worked.
use super::wire::text;
use crate::agent::dialect::EndReason;
use crate::agent::words::clean;
use serde_json::Value;

/// The longest reason that is passed on, in bytes.
const LONGEST: usize = 1000;

/// Words for an error that a message of an agent begins with, and that no model would begin with.
const BEGINNINGS: [&str; 5] =
    ["error:", "api error", "authentication failed", "exceeded retry limit", "unexpected status"];

/// How the turn ended; `last` is what the agent said at its end, `silent` that no model is known to have answered.
pub(super) fn reason(result: &Value, last: &str, silent: bool, cancelled: bool) -> EndReason {
    match text(result, "stopReason") {
        "end_turn" => match failure_within(result).or_else(|| failure_in_words(last, silent)) {
            Some(why) => EndReason::Failed(why),
            None => EndReason::Finished,
        },
        "max_tokens" | "max_turn_requests" => EndReason::Cut,
        "cancelled" if cancelled => EndReason::Stopped,
        "cancelled" => EndReason::Failed("it cancelled its own turn".to_owned()),
        // In which words is no error, and not for those who look for one.
        "refusal" => EndReason::Failed("the model refuses to go on".to_owned()),
        "" => EndReason::Failed("it did not say how its turn ended".to_owned()),
        other => EndReason::Failed(cut(&format!("its turn ended with `{other}`"))),
    }
}

/// A vendor's own word for a failure, beside the end of the turn.
fn failure_within(result: &Value) -> Option<String> {
    let meta = result.get("_meta")?.as_object()?;
    let own = meta.values().filter_map(|vendor| vendor.get("error"));
    let error = own.chain(meta.get("error")).find(|error| !error.is_null())?;
    Some(words(error))
}

fn failure_in_words(last: &str, silent: bool) -> Option<String> {
    let last = last.trim();
    let low = last.to_ascii_lowercase();
    let begins = BEGINNINGS.iter().any(|beginning| low.starts_with(beginning));
    (silent && begins).then(|| cut(last))
}

/// An error of JSON-RPC as an end.
pub(super) fn failed(error: &Value) -> EndReason {
    EndReason::Failed(self::error(error))
}

/// What an error of JSON-RPC says, its number among HTTP's as such.
fn error(error: &Value) -> String {
    let status = error.get("code").and_then(Value::as_i64).filter(|code| (400..600).contains(code));
    let status = status.map(|code| format!("error {code}: ")).unwrap_or_default();
    let words = words(error);
    cut(&format!("{status}{}", if words.is_empty() { "it gave no reason" } else { &words }))
}

/// The texts of an error, the one for people first.
fn words(error: &Value) -> String {
    let mut found: Vec<String> = Vec::new();
    collect(error, "", &mut found);
    cut(&found.join("; "))
}

fn collect(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let text = clean(text);
            let is_known = found.iter().any(|known| known.contains(&text));
            if !is_known && !text.is_empty() && !matches!(name, "stack" | "type" | "timestamp") {
                found.push(text);
            }
        }
        Value::Number(number) if name.to_ascii_lowercase().contains("status") => {
            found.push(format!("status {number}"));
        }
        Value::Array(all) => all.iter().for_each(|one| collect(one, name, found)),
        Value::Object(fields) => {
            let first = fields.get_key_value("message");
            let rest = fields.iter().filter(|(name, _)| *name != "message");
            first.into_iter().chain(rest).for_each(|(name, one)| collect(one, name, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn cut(text: &str) -> String {
    clean(&text[..text.floor_char_boundary(LONGEST)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(result: Value, last: &str, silent: bool, expect: EndReason) {
        assert_eq!(reason(&result, last, silent, false), expect, "{result}");
    }

    fn failed(why: &str) -> EndReason {
        EndReason::Failed(why.to_owned())
    }

    #[test]
    fn only_the_end_of_a_turn_is_an_end() {
        check(json!({ "stopReason": "end_turn" }), "All done.", true, EndReason::Finished);
        check(json!({ "stopReason": "max_tokens" }), "", false, EndReason::Cut);
        check(json!({ "stopReason": "max_turn_requests" }), "", false, EndReason::Cut);
        check(json!({ "stopReason": "refusal" }), "No.", false, failed("the model refuses to go on"));
        check(json!({ "stopReason": "cancelled" }), "", false, failed("it cancelled its own turn"));
        check(json!({ "stopReason": "new\nword" }), "", false, failed("its turn ended with `new word`"));
        for nothing in [json!({}), json!(null), json!([]), json!({ "stopReason": 7 })] {
            check(nothing, "", false, failed("it did not say how its turn ended"));
        }
        let cancelled = reason(&json!({ "stopReason": "cancelled" }), "", false, true);
        assert_eq!(cancelled, EndReason::Stopped);
    }

    #[test]
    fn a_failure_that_is_called_an_end_is_a_failure() {
        let end = || json!({ "stopReason": "end_turn", "usage": null });
        let limit = "exceeded retry limit, last status: 429 Too Many Requests";
        check(end(), limit, true, failed(limit));
        let copilot = "Error: Authentication failed with provider at http://127.0.0.1/v1 (HTTP 401).";
        check(end(), &format!("{copilot}\n"), true, failed(copilot));
        let codex = json!({
            "stopReason": "end_turn",
            "_meta": { "codex": { "error": { "codexErrorInfo": { "httpStatusCode": 429 }, "message": limit } } },
        });
        check(codex, "", false, failed(&format!("{limit}; status 429")));
        check(
            json!({ "stopReason": "end_turn", "_meta": { "x": { "error": null } } }),
            "",
            true,
            EndReason::Finished,
        );
    }

    #[test]
    fn words_about_errors_are_none() {
        check(
            json!({ "stopReason": "end_turn" }),
            "I fixed the message \"Error: no\".",
            true,
            EndReason::Finished,
        );
        check(
            json!({ "stopReason": "end_turn" }),
            "Error: it said, and I mended it.",
            false,
            EndReason::Finished,
        );
        check(
            json!({ "stopReason": "end_turn" }),
            "we must respect the rate limit",
            true,
            EndReason::Finished,
        );
    }

    #[test]
    fn words_within_a_message_are_no_failure() {
        let last = "I tested what it says when it exceeded retry limit.";
        check(json!({ "stopReason": "end_turn" }), last, true, EndReason::Finished);
        let check = |error: Value, expect: &str| assert_eq!(super::error(&error), expect);
        check(json!({ "message": "\u{1b}[31mno\u{1b}[0m\0 key\u{202e}\tat all" }), "no key at all");
    }

    #[test]
    fn an_error_is_told_whole() {
        let check = |value: Value, expect: &str| assert_eq!(error(&value), expect);
        check(json!({ "code": 401, "message": "invalid api key" }), "error 401: invalid api key");
        let claude = json!({
            "code": -32603,
            "message": "Internal error",
            "data": { "errorKind": "authentication_failed", "message": "Invalid API key" },
        });
        check(claude, "Internal error; Invalid API key; authentication_failed");
        check(
            json!({ "code": -32000, "message": "a: 429\nb", "data": { "status": 429 } }),
            "a: 429 b; status 429",
        );
        check(json!({ "message": "Internal error", "data": "Internal error" }), "Internal error");
        check(json!(null), "it gave no reason");
        assert_eq!(error(&json!("é".repeat(2000))).len(), LONGEST);
    }
}
