//! JSON as programs write it, which is not always as it should be.
use serde_json::Value;
use std::borrow::Cow;

/// What stands for half a character.
const LOST: &str = "\\ufffd";

/// The value that a text is. Texts that were cut in the middle of a character, as programs do that count in UTF-16,
/// are no reason to lose all the rest.
pub(super) fn value(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(_) => match mended(text) {
            Cow::Owned(mended) => serde_json::from_str(&mended).ok(),
            Cow::Borrowed(_) => None,
        },
    }
}

/// The same without escapes for half a character.
fn mended(text: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\\') {
        let start = at + found;
        let rest = &text[start..];
        at = start
            + match (unit(rest), rest.get(6..).and_then(unit)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
                (Some(0xd800..=0xdfff), _) => {
                    mended.push_str(&text[kept..start]);
                    mended.push_str(LOST);
                    kept = start + 6;
                    6
                }
                // An escape, whose character is no beginning of another one.
                _ => rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end),
            };
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[kept..]);
    Cow::Owned(mended)
}

/// The number of the UTF-16 unit whose escape a text begins with.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;
    use serde_json::json;

    #[test]
    fn half_a_character_costs_only_itself() {
        let check = |text: &str, expect: &str| {
            let line = format!("{{\"text\":\"{text}\",\"over\":true}}");
            assert_eq!(value(&line), Some(json!({"text": expect, "over": true})), "{text}");
        };
        check("cut \\ud83d", "cut \u{fffd}");
        check("\\ude00 rest", "\u{fffd} rest");
        check("\\uD83D\\uDE00 whole, \\ud83d cut", "\u{1f600} whole, \u{fffd} cut");
        check("\\ud83d\\ud83d\\ude00", "\u{fffd}\u{1f600}");
        check("\\\\ud83d is a word, \\udfff", "\\ud83d is a word, \u{fffd}");
        check("\\ud83d\\n", "\u{fffd}\n");
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "{", "\\", "\\u", "\\ud8", "{\"a\":\"\\ud83d}", "{\"a\":\"\\x\"}"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\"?(\\\\|u|d83d|de00|n|é|\"){0,20}\"?") {
            let _ = value(&text);
        }
    }
}
