//! When a limit is over, read from the words of the refusal: "resets 3pm", "resets in 1h 48min",
//! "try again at Nov 23rd, 2026 1:47 PM", "retry-after: 30", a number of seconds since 1970.
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// Words before a time.
const BEFORE: [&str; 8] = [
    "resets",
    "reset",
    "try again",
    "retry-after",
    "retry after",
    "retry in",
    "available again",
    "retryafter",
];

/// The furthest time that is believed.
const FURTHEST: i64 = 400 * 24 * 3600;

/// How much behind such words is read, in bytes.
const READ: usize = 80;

/// How long a time of the day may be over before tomorrow's is meant: a refusal is told a while after it was made.
const JUST_OVER: i64 = 15 * 60;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The time that a refusal names, in milliseconds since the Unix epoch, if it lies ahead.
pub fn reset(text: &str, now: &Zoned) -> Option<u64> {
    let low = text.to_ascii_lowercase();
    let named = BEFORE
        .iter()
        .find_map(|word| low.match_indices(word).find_map(|(at, _)| moment(&low[at + word.len()..], now)));
    named.or_else(|| stamp(&low, now))
}

/// The time at the beginning of a text, but for small words, if it lies ahead.
pub(super) fn moment(text: &str, now: &Zoned) -> Option<u64> {
    let text = text[..text.floor_char_boundary(READ)].to_ascii_lowercase();
    let is_between = |c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"' | '\'' | '|' | '_' | '-');
    let mut rest = text.trim_start_matches(is_between);
    for small in ["in ", "at ", "after ", "on "] {
        rest = rest.strip_prefix(small).unwrap_or(rest).trim_start_matches(is_between);
    }
    let found = ahead(rest, now).or_else(|| written(rest)).or_else(|| on_the_clock(rest, now))?;
    believed(found, now)
}

fn believed(found: Timestamp, now: &Zoned) -> Option<u64> {
    let seconds = found.as_second() - now.timestamp().as_second();
    if found > now.timestamp() && seconds < FURTHEST {
        u64::try_from(found.as_millisecond()).ok()
    } else {
        None
    }
}

/// Ten digits of seconds, or thirteen of milliseconds, since 1970.
fn stamp(text: &str, now: &Zoned) -> Option<u64> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| {
        let number: i64 = word.parse().ok()?;
        let found = match word.len() {
            10 => Timestamp::from_second(number).ok()?,
            13 => Timestamp::from_millisecond(number).ok()?,
            _ => return None,
        };
        believed(found, now)
    })
}

/// `1h 48min`, `59m21s`, `1.5 seconds`, `30`: so long from now.
fn ahead(text: &str, now: &Zoned) -> Option<Timestamp> {
    let mut rest = text;
    let mut millis: Option<f64> = None;
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let Ok(number) = rest[..digits].trim_end_matches('.').parse::<f64>() else { break };
        let behind = rest[digits..].trim_start_matches(' ');
        let letters = behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let is_bare = letters == 0 && !behind.starts_with([':', '-', '/']);
        let unit = match &behind[..letters] {
            "ms" | "millisecond" | "milliseconds" => 1.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
            "m" | "min" | "mins" | "minute" | "minutes" => 60e3,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600e3,
            "d" | "day" | "days" => 86_400e3,
            // `Retry-After` counts seconds; ten digits are a time.
            "" if is_bare && millis.is_none() && digits < 8 => 1e3,
            _ => break,
        };
        millis = Some(millis.unwrap_or(0.0) + number * unit);
        rest = &behind[letters..];
    }
    let millis = millis.filter(|millis| *millis > 0.0 && *millis < 1e12)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
    let millis = millis as i64;
    now.timestamp().checked_add(millis.milliseconds()).ok()
}

/// `2026-11-21T03:00:00Z`.
fn written(text: &str) -> Option<Timestamp> {
    let word = text.split([' ', ',', '"', ';', ')']).next()?;
    word.trim_end_matches('.').to_ascii_uppercase().parse().ok()
}

/// `3pm`, `15:00`, `Nov 21st, 2026 3:00 PM`, `tomorrow at 3pm (Europe/Berlin)`.
fn on_the_clock(text: &str, now: &Zoned) -> Option<Timestamp> {
    let mut found = Found::default();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        if !found.take(word) {
            break;
        }
    }
    let zone = found.zone.clone().unwrap_or_else(|| now.time_zone().clone());
    let here = now.with_time_zone(zone.clone());
    let time = found.time.or(found.month.map(|_| Time::midnight()))?;
    let at = |date: Date| date.to_datetime(time).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    if let (Some(month), Some(day)) = (found.month, found.day) {
        let date = at(Date::new(found.year.unwrap_or(here.year()), month, day).ok()?)?;
        let is_past = found.year.is_none() && date <= now.timestamp();
        return if is_past { at(Date::new(here.year() + 1, month, day).ok()?) } else { Some(date) };
    }
    let today = here.date();
    let first = if found.tomorrow { today.tomorrow().ok()? } else { today };
    let found = at(first)?;
    let over = now.timestamp().as_second() - found.as_second();
    if over <= JUST_OVER { Some(found) } else { at(first.tomorrow().ok()?) }
}

#[derive(Default)]
struct Found {
    month: Option<i8>,
    day: Option<i8>,
    year: Option<i16>,
    time: Option<Time>,
    /// A number that is an hour if `am` or `pm` follows.
    hour: Option<i8>,
    tomorrow: bool,
    zone: Option<TimeZone>,
}

impl Found {
    /// Takes a word for what it is; false if it is no part of a time.
    fn take(&mut self, word: &str) -> bool {
        let is_zone = word.starts_with('(');
        let word = word.trim_matches(['(', ')', '.', ';', '"']);
        if matches!(
            word,
            "at" | "on" | "the" | "today" | "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun" | ""
        ) {
            return true;
        }
        if word == "tomorrow" {
            self.tomorrow = true;
            return true;
        }
        if let Some(month) = MONTHS.iter().position(|month| word.starts_with(month) && word.len() <= 9) {
            self.month = i8::try_from(month + 1).ok();
            return true;
        }
        if let (Some(hour), "am" | "pm") = (self.hour, word) {
            self.time = on_twelve(hour, 0, word == "pm");
            return self.time.is_some();
        }
        if let (Some(time), "am" | "pm") = (self.time, word) {
            self.time = on_twelve(time.hour(), time.minute(), word == "pm");
            return self.time.is_some();
        }
        if let Some(time) = clock(word) {
            self.time = Some(time);
            return true;
        }
        let number = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let is_day = matches!(&word[number.len()..], "" | "st" | "nd" | "rd" | "th");
        if let (true, Ok(number)) = (is_day, number.parse::<i16>()) {
            if number > 31 {
                self.year = Some(number);
            } else if self.month.is_some() && self.day.is_none() {
                self.day = i8::try_from(number).ok();
            } else {
                // "21 Nov": a day if a month follows.
                self.hour = i8::try_from(number).ok();
                self.day = self.day.or(self.hour);
            }
            return true;
        }
        self.take_zone(word, is_zone)
    }

    fn take_zone(&mut self, word: &str, is_zone: bool) -> bool {
        if matches!(word, "utc" | "gmt" | "z") {
            self.zone = Some(TimeZone::UTC);
            return true;
        }
        if is_zone || word.contains('/') {
            self.zone = TimeZone::get(word).ok();
        }
        self.zone.is_some()
    }
}

/// `3pm`, `3:30pm`, `15:00`, `15:00:30`.
fn clock(word: &str) -> Option<Time> {
    let half = word.strip_suffix("pm").map(|rest| (rest, true));
    let half = half.or_else(|| word.strip_suffix("am").map(|rest| (rest, false)));
    let digits = half.map_or(word, |(rest, _)| rest);
    if half.is_none() && !digits.contains(':') {
        return None;
    }
    let mut parts = digits.split(':').map(str::parse::<i8>);
    let hour = parts.next()?.ok()?;
    let minute = parts.next().unwrap_or(Ok(0)).ok()?;
    match half {
        Some((_, afternoon)) => on_twelve(hour, minute, afternoon),
        None => Time::new(hour, minute, parts.next().unwrap_or(Ok(0)).ok()?, 0).ok(),
    }
}

fn on_twelve(hour: i8, minute: i8, afternoon: bool) -> Option<Time> {
    let hour = if (1..=12).contains(&hour) { hour % 12 } else { return None };
    Time::new(hour + if afternoon { 12 } else { 0 }, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    fn now() -> Zoned {
        "2026-11-20T14:00:00+01:00[Europe/Berlin]".parse().expect("a time")
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let found = reset(text, &now()).map(|millis| {
            let found = Timestamp::from_millisecond(i64::try_from(millis).expect("a time")).expect("a time");
            found.to_zoned(now().time_zone().clone()).strftime("%m-%d %H:%M:%S").to_string()
        });
        assert_eq!(found.as_deref().unwrap_or("never"), expect, "{text}");
    }

    #[test]
    fn so_long_from_now() {
        check("resets in 1h 48min", "11-20 15:48:00");
        check("Resets in 59m21s.", "11-20 14:59:21");
        check("try again in 2 hours and 5 minutes", "11-20 16:05:00");
        check("retry-after: 30", "11-20 14:00:30");
        check("\"retry-after\":\"1\"", "11-20 14:00:01");
        check("Retry-After=1500ms", "11-20 14:00:01");
        check("Please try again in 20.5s. Visit", "11-20 14:00:20");
        check("resets in 2 days", "11-22 14:00:00");
    }

    #[test]
    fn at_a_time_of_the_day() {
        check("resets 3pm", "11-20 15:00:00");
        check("resets 1 PM", "11-21 13:00:00");
        check("resets at 3:30 pm.", "11-20 15:30:00");
        check("resets 9am", "11-21 09:00:00");
        check("resets at 12am", "11-21 00:00:00");
        check("try again at 15:00", "11-20 15:00:00");
        check("resets 3pm (America/New_York)", "11-20 21:00:00");
        check("resets 3pm (UTC)", "11-20 16:00:00");
        check("resets tomorrow at 3pm", "11-21 15:00:00");
    }

    #[test]
    fn on_a_day() {
        check("try again at Nov 23rd, 2026 1:47 PM.", "11-23 13:47:00");
        check("resets Nov 26, 3pm (Europe/Berlin)", "11-26 15:00:00");
        check("resets Jan 2 at 2am", "01-02 02:00:00");
        check("try again at 2026-11-21T03:00:00Z", "11-21 04:00:00");
        check("retry-after: Fri, 20 Nov 2026 14:00:00 GMT", "11-20 15:00:00");
    }

    /// "resets 2pm", told a moment past two: nobody waits a day for that.
    #[test]
    fn a_time_of_the_day_that_is_just_over_is_over() {
        check("resets 2pm", "never");
        check("resets 1:50pm", "never");
        check("resets 1:40pm", "11-21 13:40:00");
        check("resets tomorrow at 1:50pm", "11-21 13:50:00");
    }

    #[test]
    fn since_1970() {
        check("limit reached|1795183200", "11-20 15:00:00");
        check("x-ratelimit-reset: 1795183200000", "11-20 15:00:00");
        check("resets 1795183200", "11-20 15:00:00");
    }

    #[test]
    fn what_is_none_or_over() {
        for text in [
            "limit reached|1733000000",
            "try again at Nov 1st, 2026 1:47 PM",
            "resets soon",
            "the resets were tested",
            "retry-after: 0",
            "resets 25:00",
            "resets 13pm",
            "id 9999999999",
            "",
        ] {
            check(text, "never");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".{0,20}(resets|try again) (in |at )?[0-9a-z:., ()|/é-]{0,40}") {
            let _ = reset(&text, &now());
        }
    }
}
