//! The last words of a run: what it came to, what needs a person, and the commands that go on.
use super::line::Line;
use super::style::{Ink, Mark, Style};
use super::words;
use crate::base::english::{count, list};
use crate::event::RunOutcome;
use crate::view::{Counts, SpecView, StageState, Standing, View};
use std::io;

/// The most specs named one by one.
const NAMED: usize = 10;

/// Writes the last words of a run.
///
/// # Errors
/// The writer's.
pub fn write(view: &View, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    for line in lines(view, style) {
        writeln!(out, "{}", line.render(style))?;
    }
    Ok(())
}

/// The lines of it. A view whose run has not ended says so.
pub fn lines(view: &View, style: &Style) -> Vec<Line> {
    let counts = view.counts();
    let mut lines = vec![headline(view, &counts, style)];
    let troubled: Vec<&SpecView> = view.specs.values().filter(|spec| is_trouble(spec.standing())).collect();
    lines.extend(troubled.iter().take(NAMED).map(|spec| trouble(spec, style)));
    if troubled.len() > NAMED {
        let more = troubled.len() - NAMED;
        lines.push(
            Line::new().text(format!("  and {more} more; all of them: ")).ink(Ink::Strong, "specmake status"),
        );
    }
    lines
}

fn headline(view: &View, counts: &Counts, style: &Style) -> Line {
    let outcome = view.end.map(|end| end.outcome);
    if outcome == Some(RunOutcome::NothingToDo) {
        return Line::marked(Mark::UpToDate, style).text("nothing to do");
    }
    let (mark, word) = match outcome {
        Some(RunOutcome::Done | RunOutcome::NothingToDo) => (Mark::Landed, None),
        Some(RunOutcome::Failed) => (Mark::Failed, None),
        Some(RunOutcome::Interrupted) => (Mark::Stopped, Some("interrupted")),
        None => (Mark::Stopped, Some("the run has not ended")),
    };
    let gates = view.specs.values().filter(|spec| spec.standing() == Standing::Gate).count();
    let mut parts: Vec<String> = word.map(str::to_owned).into_iter().collect();
    let named = [
        (counts.landed, "landed"),
        (counts.delivered, "complete on its branch"),
        (counts.skipped, "skipped"),
        (counts.failed, "failed"),
        (gates, "waiting for approval"),
        (counts.held.saturating_sub(gates), "held"),
        (counts.blocked, "blocked"),
        (counts.stopped, "stopped"),
        (counts.waiting, "not begun or unfinished"),
    ];
    let mut first = true;
    for (number, what) in named {
        if number > 0 {
            let number = if first { count(number, "spec") } else { number.to_string() };
            parts.push(format!("{number} {what}"));
            first = false;
        }
    }
    if parts.is_empty() {
        parts.push("done".to_owned());
    }
    let mut line = Line::marked(mark, style).ink(Ink::Strong, parts.join(", "));
    if let Some(end) = view.end {
        line = line.text(format!(" in {}", words::took(end.millis)));
    }
    match words::cost(&view.tally()) {
        Some(cost) => line.ink(Ink::Faint, format!(", {cost}")),
        None => line,
    }
}

fn is_trouble(standing: Standing) -> bool {
    matches!(standing, Standing::Failed | Standing::Held | Standing::Gate | Standing::Colliding)
}

fn trouble(spec: &SpecView, style: &Style) -> Line {
    let mark = Mark::from(spec.standing());
    let line = Line::new().text("  ").ink(mark.symbol().ink, style.symbol(mark)).text(" ");
    let Some((name, step)) = spec.foremost() else {
        return line.ink(Ink::Strong, spec.name.as_str());
    };
    let line = line.ink(Ink::Strong, format!("{}:{name}", spec.name)).text("  ");
    match &step.state {
        StageState::Gate => line
            .text("waits for you; next: ")
            .ink(Ink::Strong, format!("specmake approve {}:{name}", spec.name)),
        StageState::Colliding { why, path } => match path {
            Some(path) if !why.contains(path.as_str()) => line.text(why).text(format!(" (`{path}`)")),
            _ => line.text(why),
        },
        _ => match step.trouble() {
            Some((failure, next)) => {
                line.text(words::failure_in_short(failure)).text("; next: ").ink(Ink::Strong, next)
            }
            None => line,
        },
    }
}

/// "adopted `050`, `051` and 8 more": specs found done by hand, in words; empty if there are none.
pub fn adopted(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
    if names.len() > shown.len() {
        shown.push(format!("{} more", names.len() - shown.len()));
    }
    if shown.is_empty() { String::new() } else { format!("adopted {}", list(&shown, "and")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Record};
    use crate::report::sample;

    fn check(records: &[Record], expect: &[&str]) {
        let said: Vec<String> =
            lines(&View::of(records), &Style::PLAIN).iter().map(|line| line.render(&Style::PLAIN)).collect();
        assert_eq!(said, expect);
    }

    #[test]
    fn a_run_with_trouble_names_the_next_commands() {
        check(
            &sample::ended(),
            &[
                "x 2 specs landed, 1 failed, 1 held, 1 blocked in 1m 4s, at least 0.25 USD (5 of 6 attempts unknown)",
                "  # 052-limits:plan  exit status 3 (crash); next: specmake retry 052-limits",
                "  x 060-threads:plan  exit status 3 (crash); next: specmake logs 060-threads:plan",
            ],
        );
    }

    #[test]
    fn what_was_told_in_full_is_not_told_so_again() {
        let mut records = sample::ended();
        for record in &mut records {
            if let Event::StageHeld { failure, .. } = &mut record.event {
                failure.message = "`a` conflicts with `main`; the merge is begun: resolve it".into();
            }
        }
        let said = lines(&View::of(&records), &Style::PLAIN)[1].render(&Style::PLAIN);
        assert_eq!(
            said,
            "  # 052-limits:plan  `a` conflicts with `main` (crash); next: specmake retry 052-limits"
        );
    }

    #[test]
    fn nothing_to_do() {
        let event = Event::RunEnded { outcome: RunOutcome::NothingToDo, millis: 3 };
        check(&[Record { at: 1, event }], &["= nothing to do"]);
    }

    #[test]
    fn adopted_specs_are_named() {
        assert_eq!(adopted(&[]), "");
        assert_eq!(adopted(&["a", "b", "c", "d", "e"]), "adopted `a`, `b`, `c` and 2 more");
    }
}
