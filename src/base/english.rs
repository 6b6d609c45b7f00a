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

/// A number of bytes: `512 MB`, `1.1 GB`.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub fn size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    let mut units = ["B", "kB", "MB", "GB"].into_iter();
    let unit = units.find(|_| {
        let fits = amount < 999.5;
        amount = if fits { amount } else { amount / 1000.0 };
        fits
    });
    let digits = usize::from((0.05..0.95).contains(&amount.fract()) && amount < 9.95);
    format!("{amount:.digits$} {}", unit.unwrap_or("TB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let check = |bytes, expect| assert_eq!(size(bytes), expect);
        check(0, "0 B");
        check(999, "999 B");
        check(999_999, "1 MB");
        check(1_100_000_000, "1.1 GB");
        check(512_400_000, "512 MB");
        check(20_000_000_000_000, "20 TB");
    }

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
