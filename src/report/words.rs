//! What events carry, in words.
use crate::base::{AgentName, PoolName, Reason, StageId};
use crate::event::{Done, Failure, LandingPhase, ToolStatus, ToolUse, Usage, Verdict, WaitsFor};
use crate::view::Tally;
use std::time::Duration;

/// What becomes of what runs when the run is told to stop.
pub fn stopping(at_once: bool) -> &'static str {
    match at_once {
        true => "stopping at once",
        false => "stopping: what runs is asked to end; once more, and it is ended at once",
    }
}

/// How long something has been going on, without tenths: `7s`, `2m 05s`, `1h 02m`.
pub fn elapsed(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How long something took: `0.4s`, `12s`, `3m 20s`.
pub fn took(millis: u64) -> String {
    crate::base::english::duration(Duration::from_millis(millis))
}

/// What a stage waits for: "`050` to land (shared auth) and a free job".
pub fn waits(on: &[WaitsFor], now: u64) -> String {
    let each: Vec<String> = on.iter().map(|one| waits_for(one, now)).collect();
    let each = few(&each, 3);
    crate::base::english::list(&each, "and")
}

fn waits_for(on: &WaitsFor, now: u64) -> String {
    match on {
        WaitsFor::Need { spec, why: Some(why) } => format!("`{spec}` to land ({why})"),
        WaitsFor::Need { spec, why: None } => format!("`{spec}` to land"),
        WaitsFor::Layer { layer } => format!("layer `{layer}`"),
        WaitsFor::After { spec } => format!("`{spec}` to be over"),
        WaitsFor::Stage { stage } => format!("`{stage}`"),
        WaitsFor::Job => "a free job".to_owned(),
        WaitsFor::Pool { pool } => format!("pool `{pool}`"),
        WaitsFor::Resource { resource } => format!("resource `{resource}`"),
        WaitsFor::Touches { spec } => format!("`{spec}`, which touches the same files"),
        WaitsFor::Overlap { spec, path } => format!("`{spec}` to land, which works on {path} too"),
        WaitsFor::Alone => "its turn to run alone".to_owned(),
        WaitsFor::Limit { agent, until: Some(until) } => {
            format!("the limit of `{agent}`, {} left", elapsed(until.saturating_sub(now)))
        }
        WaitsFor::Limit { agent, until: None } => format!("somebody to lift the limit of `{agent}`"),
        WaitsFor::Budget => "a larger budget".to_owned(),
        WaitsFor::Load { what } => format!("{what} to be free"),
        WaitsFor::Backoff { until } => format!("a retry in {}", elapsed(until.saturating_sub(now))),
    }
}

/// Where an attempt stands on the ladder: "attempt 3 of 5: restart"; nothing for the first one.
pub fn climbed(attempt: u32, of: Option<u32>, step: &str) -> Option<String> {
    let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
    match (attempt, step) {
        (1, "run") => None,
        (_, "run") => Some(format!("attempt {attempt}{of}")),
        (_, step) => Some(format!("attempt {attempt}{of}: {step}")),
    }
}

/// What a pool or an agent without one is called: "pool `anthropic` (`claude`)".
pub fn paused(agent: &AgentName, pool: Option<&PoolName>) -> String {
    pool.map_or_else(|| format!("`{agent}`"), |pool| format!("pool `{pool}` (`{agent}`)"))
}

/// How long a pause lasts: "goes on in 59m 21s", or what ends it.
pub fn goes_on(until: Option<u64>, now: u64) -> String {
    match until {
        Some(until) => format!("goes on in {}", elapsed(until.saturating_sub(now))),
        None => "needs you".to_owned(),
    }
}

/// An amount of money: `12.30 USD`, `0.0042 USD`.
pub fn usd(amount: f64) -> String {
    match amount {
        _ if amount >= 0.1 || amount <= 0.0 => format!("{amount:.2} USD"),
        _ if amount >= 0.0001 => format!("{amount:.4} USD"),
        _ => "<0.0001 USD".to_owned(),
    }
}

/// Tokens: `950`, `12.3k`, `4.56M`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn tokens(tokens: u64) -> String {
    match tokens {
        0..=9_999 => tokens.to_string(),
        10_000..=999_499 => format!("{:.1}k", tokens as f64 / 1e3),
        _ => format!("{:.2}M", tokens as f64 / 1e6),
    }
}

/// "1200 tokens in, 30 out, 0.25 USD".
pub fn used(usage: &Usage) -> String {
    let cached =
        |tokens, what| if tokens == 0 { String::new() } else { format!(", {} {what}", self::tokens(tokens)) };
    let (read, written) = (cached(usage.cache_read, "from cache"), cached(usage.cache_write, "to cache"));
    let cost = usage.cost.map(|cost| format!(", {}", usd(cost))).unwrap_or_default();
    format!("{} tokens in, {} out{read}{written}{cost}", tokens(usage.input), tokens(usage.output))
}

/// "edit src/x.rs": what a tool does, paths relative to the worktree.
pub fn tool(tool: &ToolUse, worktree: Option<&str>) -> String {
    let worktree = worktree.map(|top| format!("{}/", top.trim_end_matches('/'))).filter(|top| top.len() > 1);
    let near = |text: &str| match &worktree {
        Some(top) => text.replace(top, ""),
        None => text.to_owned(),
    };
    let kind = tool.kind.name();
    let title = near(tool.title.trim());
    let title = title.strip_prefix(kind).filter(|rest| rest.starts_with(' ')).unwrap_or(&title).trim_start();
    let mut said = format!("{kind} {title}");
    let paths = tool.paths.iter().map(|path| near(path)).filter(|path| !title.contains(path.as_str()));
    let paths: Vec<String> = paths.collect();
    if !paths.is_empty() {
        said.push_str(&format!(" ({})", few(&paths, 4).join(", ")));
    }
    if tool.status == ToolStatus::Failed {
        said.push_str(": failed");
    }
    said
}

/// What attempts cost, and how far that is known: "0.25 USD", "at least 0.25 USD (2 of 3 attempts unknown)"; nothing
/// where nobody told anything.
pub fn cost(tally: &Tally) -> Option<String> {
    let Usage { input, output, cost, .. } = tally.usage;
    let unknown = tally.unknown;
    match cost {
        Some(cost) if unknown == 0 => Some(usd(cost)),
        Some(cost) => {
            let of = crate::base::english::count(tally.attempts, "attempt");
            Some(format!("at least {} ({unknown} of {of} unknown)", usd(cost)))
        }
        None if tally.usage.has_tokens() => {
            Some(format!("{} tokens in, {} out, cost unknown", tokens(input), tokens(output)))
        }
        None => None,
    }
}

/// "the run has cost 5.02 USD of 5.00".
pub fn budget(spent: f64, budget: f64) -> String {
    format!("the run has cost {spent:.2} of {budget:.2} USD")
}

/// "exit status 3 (crash)".
pub fn failure(failure: &Failure) -> String {
    if failure.message.is_empty() {
        return failure.class.to_string();
    }
    if failure.is_stop() || failure.is_by_hand() {
        return failure.message.clone();
    }
    format!("{} ({})", failure.message, failure.class)
}

/// The same where it was told in full before: the first line, up to the first semicolon.
pub fn failure_in_short(told: &Failure) -> String {
    let first = told.message.lines().next().unwrap_or_default();
    let first = first.split_once("; ").map_or(first, |(first, _)| first);
    failure(&Failure { message: first.to_owned(), ..told.clone() })
}

/// What a landing does.
pub fn phase(phase: LandingPhase) -> &'static str {
    match phase {
        LandingPhase::Queued => "queued to land",
        LandingPhase::Probing => "landing: merging",
        LandingPhase::SettingUp => "landing: setting up",
        LandingPhase::Checking => "landing: checking",
        LandingPhase::KnownGreen => "landing: tested before",
        LandingPhase::Moving => "landing: moving the base",
    }
}

/// How a stage came to be done.
pub fn done(how: Done) -> &'static str {
    match how {
        Done::Ran => "done",
        Done::UpToDate => "up to date",
        Done::Adopted => "adopted, done by hand",
        Done::Touched => "touched",
        Done::Approved => "approved",
        Done::Skipped => "skipped",
        Done::Elsewhere => "landed elsewhere",
    }
}

/// "never ran", "input `spec.md` changed, `050` landed a different result".
pub fn reasons(reasons: &[Reason]) -> String {
    let each: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    each.join(", ")
}

/// "up to date", "out of date: ...", "may run, until `050` is known".
pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::UpToDate { how: Done::Ran | Done::UpToDate } => "up to date".to_owned(),
        Verdict::UpToDate { how } => format!("up to date ({})", done(*how)),
        Verdict::OutOfDate { reasons: why } if why.is_empty() => "out of date".to_owned(),
        Verdict::OutOfDate { reasons: why } => format!("out of date: {}", reasons(why)),
        Verdict::MayRun { until } => {
            let each: Vec<String> = until.iter().map(|name| format!("`{name}`")).collect();
            let verb = if each.len() == 1 { "is" } else { "are" };
            format!("may run, until {} {verb} known", crate::base::english::list(&few(&each, 3), "and"))
        }
    }
}

/// The command that lets a gate pass.
pub fn approve(gate: &StageId) -> String {
    format!("specmake approve {gate}")
}

fn few(each: &[String], most: usize) -> Vec<String> {
    if each.len() <= most {
        return each.to_vec();
    }
    let mut shown: Vec<String> = each[..most - 1].to_vec();
    shown.push(format!("{} more", each.len() - shown.len()));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SpecName;
    use crate::event::ToolKind;

    #[test]
    fn waiting_is_said_in_words() {
        let need = |name: &str, why: Option<&str>| WaitsFor::Need {
            spec: SpecName::new(name).expect("a name"),
            why: why.map(Into::into),
        };
        assert_eq!(waits(&[need("050", Some("shared auth"))], 0), "`050` to land (shared auth)");
        assert_eq!(
            waits(&[WaitsFor::Job, WaitsFor::Backoff { until: 90_000 }], 25_000),
            "a free job and a retry in 1m 05s"
        );
        assert_eq!(waits(&[WaitsFor::Backoff { until: 1 }], 9), "a retry in 0s");
        let overlap =
            WaitsFor::Overlap { spec: SpecName::new("a").expect("a name"), path: "src/x.rs".into() };
        assert_eq!(waits(&[overlap], 0), "`a` to land, which works on src/x.rs too");
        let many: Vec<WaitsFor> = ["1", "2", "3", "4"].map(|n| need(n, None)).into();
        assert_eq!(waits(&many, 0), "`1` to land, `2` to land and 2 more");
    }

    #[test]
    fn an_attempt_says_where_it_stands() {
        assert_eq!(climbed(1, Some(5), "run"), None);
        assert_eq!(climbed(3, Some(5), "restart").as_deref(), Some("attempt 3 of 5: restart"));
        assert_eq!(climbed(2, None, "run").as_deref(), Some("attempt 2"));
        assert_eq!(climbed(1, Some(3), "resume").as_deref(), Some("attempt 1 of 3: resume"));
    }

    #[test]
    fn what_is_not_known_of_the_cost_is_said() {
        let of = |attempts, unknown, input, cost| {
            let usage = Usage { input, cost, ..Usage::default() };
            cost_words(Tally { attempts, unknown, silent: 0, usage, priced: false })
        };
        assert_eq!(of(3, 0, 9, Some(0.25)), "0.25 USD");
        assert_eq!(of(3, 2, 9, Some(0.0042)), "at least 0.0042 USD (2 of 3 attempts unknown)");
        assert_eq!(of(1, 1, 123_456, None), "123.5k tokens in, 0 out, cost unknown");
        assert_eq!(of(1, 1, 0, None), "-");
        assert_eq!(
            [0.0, 0.1, 0.00001, 12.345].map(usd),
            ["0.00 USD", "0.10 USD", "<0.0001 USD", "12.35 USD"]
        );
        assert_eq!([9_999, 10_000, 1_234_567].map(tokens), ["9999", "10.0k", "1.23M"]);
    }

    #[test]
    fn a_tool_says_what_it_does_where() {
        let check = |kind, title: &str, paths: &[&str], status, expect: &str| {
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            let of = ToolUse { id: String::new(), kind, title: title.into(), paths, status };
            assert_eq!(tool(&of, Some("/w/a")), expect);
        };
        check(ToolKind::Edit, "/w/a/src/x.rs", &["/w/a/src/x.rs"], ToolStatus::Done, "edit src/x.rs");
        check(ToolKind::Edit, "edit x.rs", &["/w/a/src/y.rs"], ToolStatus::Running, "edit x.rs (src/y.rs)");
        check(
            ToolKind::Execute,
            "cd /w/a/b && make",
            &[],
            ToolStatus::Failed,
            "execute cd b && make: failed",
        );
        check(ToolKind::Read, "/etc/passwd", &["/etc/passwd"], ToolStatus::Done, "read /etc/passwd");
    }

    fn cost_words(tally: Tally) -> String {
        cost(&tally).unwrap_or_else(|| "-".to_owned())
    }

    #[test]
    fn the_third_answer() {
        let until = vec!["051:plan".to_owned(), "050".to_owned()];
        assert_eq!(verdict(&Verdict::MayRun { until }), "may run, until `051:plan` and `050` are known");
    }
}
