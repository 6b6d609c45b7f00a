//! Tolerant looks into one line of JSON: what is not there, or is of another kind, is empty, nothing or zero.
use crate::agent::json;
use crate::event::Usage;
use serde_json::Value;

/// The event that a line is, if it is one.
pub(super) fn event(line: &str) -> Option<Value> {
    let line = line.trim();
    if !line.starts_with('{') {
        return None;
    }
    json::value(line).filter(Value::is_object)
}

/// The text at a path such as `/message/role`.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The first of these texts that is not empty.
pub(super) fn first_text<'v>(value: &'v Value, paths: &[&str]) -> &'v str {
    paths.iter().map(|path| text(value, path)).find(|text| !text.trim().is_empty()).unwrap_or_default()
}

/// The number at a path; none if there is none, or one below zero.
pub(super) fn number(value: &Value, path: &str) -> Option<u64> {
    let number = value.pointer(path)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let rounded = |number: f64| (number >= 0.0).then_some(number as u64);
    number.as_u64().or_else(|| number.as_f64().and_then(rounded))
}

/// A count at a path, 0 if there is none.
pub(super) fn count(value: &Value, path: &str) -> u64 {
    number(value, path).unwrap_or_default()
}

/// Whether this is said at a path.
pub(super) fn flag(value: &Value, path: &str) -> Option<bool> {
    value.pointer(path).and_then(Value::as_bool)
}

/// The list at a path.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What was used as told at `paths` for in, out, cache read, cache write; "" for what is not told.
pub(super) fn usage(value: &Value, paths: [&str; 4]) -> Usage {
    let [input, output, cache_read, cache_write] =
        paths.map(|path| if path.is_empty() { 0 } else { count(value, path) });
    Usage { input, output, cache_read, cache_write, cost: None }
}

/// The same with cached tokens taken out of those that went in, where they were counted as such.
pub(super) fn without_cached(usage: Usage) -> Usage {
    let cached = usage.cache_read.saturating_add(usage.cache_write);
    Usage { input: usage.input.checked_sub(cached).unwrap_or(usage.input), ..usage }
}

/// The cost in USD at a path.
pub(super) fn cost(value: &Value, path: &str) -> Option<f64> {
    let cost = value.pointer(path).and_then(Value::as_f64)?;
    (cost.is_finite() && cost >= 0.0).then_some(cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn what_is_not_there_is_nothing() {
        let event = event(r#"{"a":{"b":"c","n":-1,"f":2.5},"l":[1],"t":true}"#).expect("json");
        assert_eq!((text(&event, "/a/b"), text(&event, "/a/n"), text(&event, "/x")), ("c", "", ""));
        assert_eq!((number(&event, "/a/n"), number(&event, "/a/f")), (None, Some(2)));
        assert_eq!((list(&event, "/l").len(), list(&event, "/a").len()), (1, 0));
        assert_eq!((flag(&event, "/t"), flag(&event, "/l")), (Some(true), None));
        assert_eq!(first_text(&event, &["/x", "/a/b"]), "c");
    }

    #[test]
    fn cached_tokens_are_taken_out_once() {
        let all = Usage { input: 100, output: 1, cache_read: 60, cache_write: 10, cost: None };
        assert_eq!(without_cached(all).input, 30);
        assert_eq!(without_cached(Usage { input: 20, ..all }).input, 20, "they were not in it");
    }

    #[test]
    fn a_cost_is_an_amount() {
        let value = serde_json::json!({"no": 0, "some": 0.5, "odd": -1, "text": "1"});
        let told = ["/no", "/some", "/odd", "/text"].map(|path| cost(&value, path));
        assert_eq!(told, [Some(0.0), Some(0.5), None, None]);
    }

    #[test]
    fn only_whole_objects_are_events_however_deep() {
        for line in ["", "x", "[1]", "{", "1", r#"{"a":1} x"#] {
            assert_eq!(event(line), None, "{line}");
        }
        assert!(event(" {\"a\":1}\r").is_some());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(event(&deep), None);
    }

    proptest! {
        #[test]
        fn no_line_is_too_odd(line in "[{}\\[\\]\":,a1\\\\u-]{0,40}") {
            let _ = event(&line);
        }
    }
}
