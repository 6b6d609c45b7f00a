//! Small words: plurals, lists, durations as people say them, and the nearest of some names.
use std::time::Duration;

/// How long ago something was: `3 days`, `5 hours`, `a moment`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => "a moment".to_owned(),
        120..=7199 => format!("{} minutes", seconds / 60),
        7200..=172_799 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

/// `1 spec`, `2 specs`.
pub fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ if noun.ends_with('s') => format!("{n} {noun}es"),
        _ => format!("{n} {noun}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: std::fmt::Display>(items: &[T], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [start @ .., end] => {
            let start: Vec<String> = start.iter().map(ToString::to_string).collect();
            format!("{} {last} {end}", start.join(", "))
        }
    }
}

/// `0.4s`, `12s`, `3m 20s`, `2h 5m`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=9 => format!("{:.1}s", time.as_secs_f64()),
        10..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The candidate that a person who typed `word` most likely meant, if one is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let reach = word.chars().count().max(3).div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= reach || (word.len() >= 3 && candidate.starts_with(word))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(count(1, "spec"), "1 spec");
        assert_eq!(count(0, "spec"), "0 specs");
        assert_eq!(count(2, "process"), "2 processes");
        assert_eq!(list(&["a", "b", "c"], "or"), "a, b or c");
        assert_eq!(duration(Duration::from_secs(200)), "3m 20s");
        assert_eq!(nearest("implment", ["plan", "implement"]), Some("implement"));
        assert_eq!(nearest("zzz", ["plan", "implement"]), None);
    }
}
