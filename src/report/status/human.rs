//! `status` for people, in sections, the ones that need them late, where the eye is, and then those that
//! only wait for these.
use super::{SpecStatus, StageStatus, StatusReport};
use crate::base::english::{age, count};
use crate::report::line::{Line, wrap};
use crate::report::style::{Ink, Mark, Style};
use crate::report::words;
use std::io;

/// The most finished specs listed one by one unless all are asked for.
const FINISHED: usize = 12;

/// How to show a status.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// What may be used.
    pub style: Style,
    /// Columns; `usize::MAX` where lines are not to be cut.
    pub width: usize,
    /// Every finished spec, however many.
    pub all: bool,
}

/// A heading and the states under it, in the order shown.
const SECTIONS: [(&str, &[Mark]); 9] = [
    ("completed", &[Mark::Landed, Mark::Delivered, Mark::UpToDate, Mark::Adopted, Mark::Skipped]),
    ("running", &[Mark::Running, Mark::Landing]),
    ("queued", &[Mark::Waiting, Mark::Pending]),
    ("out of date", &[Mark::OutOfDate, Mark::MayRun]),
    ("stopped", &[Mark::Stopped]),
    ("waiting for you", &[Mark::Gate, Mark::Colliding]),
    ("held", &[Mark::Held]),
    ("failed", &[Mark::Failed]),
    ("blocked", &[Mark::Blocked]),
];

impl StatusReport {
    /// Writes it for people.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_human(&self, shown: &Shown, out: &mut dyn io::Write) -> io::Result<()> {
        for line in self.lines(shown) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn lines(&self, shown: &Shown) -> Vec<String> {
        let style = &shown.style;
        let mut lines: Vec<String> =
            self.header().into_iter().map(|line| line.fit(shown.width, style)).collect();
        for (heading, marks) in SECTIONS {
            let specs: Vec<&SpecStatus> =
                self.specs.iter().filter(|spec| marks.contains(&spec.mark())).collect();
            if specs.is_empty() {
                continue;
            }
            let head = Line::new().ink(Ink::Strong, heading).ink(Ink::Faint, format!(" ({})", specs.len()));
            lines.push(head.fit(shown.width, style));
            let most = if heading == "completed" && !shown.all { FINISHED } else { usize::MAX };
            for spec in specs.iter().take(most) {
                spec.push_lines(self.now, shown, &mut lines);
            }
            if specs.len() > most {
                let more = Line::new().ink(Ink::Faint, format!("  and {} more", specs.len() - most));
                lines.push(more.fit(shown.width, style));
            }
        }
        if self.specs.is_empty() {
            lines.push("no specs".to_owned());
        }
        for warning in &self.warnings {
            let mut first = Line::marked(Mark::Warning, style);
            for part in wrap(warning, shown.width.saturating_sub(2).max(20)) {
                lines.push(first.text(part).render(style));
                first = Line::new().text("  ");
            }
        }
        lines
    }

    fn header(&self) -> Option<Line> {
        let run = self.run.as_ref()?;
        let line = Line::new().text("run ").ink(Ink::Strong, &run.run);
        let state = match (run.on, run.outcome) {
            (true, _) => format!("on for {}", words::elapsed(run.millis)),
            (false, Some(outcome)) => {
                let outcome = match outcome {
                    crate::event::RunOutcome::NothingToDo => "nothing to do",
                    crate::event::RunOutcome::Done => "done",
                    crate::event::RunOutcome::Failed => "not all done",
                    crate::event::RunOutcome::Interrupted => "interrupted",
                };
                format!("ended after {}: {outcome}", words::took(run.millis))
            }
            (false, None) => "was killed; the next run goes on from here".to_owned(),
        };
        let line = line.text(", ").text(state);
        let line = if run.steps == 0 {
            line
        } else {
            line.text(format!(", {} of {} done", run.steps_done, count(run.steps, "step")))
        };
        Some(match words::cost(&run.usage.into()) {
            Some(cost) => line.text(format!(", {cost}")),
            None => line,
        })
    }
}

impl SpecStatus {
    fn push_lines(&self, now: u64, shown: &Shown, lines: &mut Vec<String>) {
        let (mark, style) = (self.mark(), &shown.style);
        let mut head = Line::new().text("  ").ink(mark.symbol().ink, style.symbol(mark)).text(" ");
        head = head.ink(Ink::Strong, self.spec.as_str());
        match mark {
            Mark::Landed => {
                let commit = self.commit.as_deref().map(crate::report::plain::short).unwrap_or_default();
                head = head.ink(Ink::Good, format!("  landed {commit}"));
                if !self.verified {
                    head = head.ink(Ink::Faint, ", not verified");
                }
            }
            Mark::Delivered => {
                if let Some(branch) = &self.branch {
                    head = head.ink(Ink::Good, format!("  on branch {branch}"));
                }
            }
            Mark::UpToDate | Mark::Adopted | Mark::Skipped => {
                head = head.ink(Ink::Faint, format!("  {}", mark.word()));
            }
            Mark::Blocked => {
                let by = self.why.as_deref().unwrap_or_else(|| mark.word());
                head = head.ink(Ink::Attention, format!("  {by}"));
            }
            _ => {}
        }
        if let Some(title) = &self.title {
            head = head.ink(Ink::Faint, format!("  {title}"));
        }
        lines.push(head.fit(shown.width, style));
        if mark == Mark::Blocked {
            // Its cause has lines of its own.
            return;
        }
        for stage in &self.stages {
            if let Some(line) = stage.busy(now) {
                lines.push(line.fit(shown.width, style));
            }
            if let Some(said) = &stage.line {
                lines.push(Line::new().ink(Ink::Faint, format!("        {said}")).fit(shown.width, style));
            }
        }
        if let Some(why) = &self.why {
            let room = shown.width.saturating_sub(6).max(20);
            let wrapped = wrap(why, room);
            lines.extend(wrapped.iter().map(|part| Line::new().text("      ").text(part).render(style)));
        }
        if let Some(log) = self.stages.iter().find_map(StageStatus::log_of_trouble) {
            let line = Line::new().text("      log: ").ink(Ink::Faint, format!(".specmake/{log}"));
            lines.push(line.render(style));
        }
        self.push_whereabouts(now, shown, lines);
        if let Some(next) = &self.next {
            let line = Line::new().text("      next: ").ink(Ink::Strong, next);
            lines.push(line.render(style));
        }
    }
}

impl SpecStatus {
    /// Since when it is stopped, where its work is, and what was taken back.
    fn push_whereabouts(&self, now: u64, shown: &Shown, lines: &mut Vec<String>) {
        let style = &shown.style;
        let mut push = |label: &str, text: &str| {
            lines.push(Line::new().text(format!("      {label}")).ink(Ink::Faint, text).render(style));
        };
        if let Some(since) = self.since.filter(|_| matches!(self.mark(), Mark::Held | Mark::Failed)) {
            push("since: ", &format!("{} ago", age(now.saturating_sub(since) / 1000)));
        }
        if let Some(worktree) = &self.worktree {
            push("work: ", worktree);
        }
        for kept in &self.kept {
            let age = age((now / 1000).saturating_sub(kept.made));
            push("kept: ", &format!("{}, {age} old", kept.name));
            push("      ", &kept.look);
            push("      ", &kept.again);
        }
        for backup in self.backups.iter().filter(|name| !self.kept.iter().any(|kept| kept.name == **name)) {
            push("taken back: ", backup);
        }
    }
}

impl StageStatus {
    /// The log of what stopped its spec, or that of its last attempt.
    fn log_of_trouble(&self) -> Option<&str> {
        let stopped = self.state == Mark::Failed.word() || self.state == Mark::Held.word();
        let attempt = self.attempt.as_ref().map(|attempt| &attempt.log);
        self.log.as_ref().or(attempt).filter(|_| stopped).map(String::as_str)
    }

    /// The line of a stage that runs, or a landing under way.
    fn busy(&self, now: u64) -> Option<Line> {
        if self.state != Mark::Running.word() && self.state != Mark::Landing.word() {
            return None;
        }
        let mut line = Line::new().text(format!("      {}", self.stage));
        if let Some(since) = self.since {
            line = line.text(format!("  {}", words::elapsed(now.saturating_sub(since))));
        }
        if let Some(tasks) = self.tasks {
            line = line.ink(Ink::Good, format!("  tasks {}/{}", tasks.done, tasks.total));
        }
        if let Some(cost) = words::cost(&self.usage.into()) {
            line = line.text(format!("  {cost}"));
        }
        let Some(attempt) = &self.attempt else { return Some(line) };
        if let Some(agent) = &attempt.agent {
            line = line.text(format!("  {agent}"));
        }
        if let Some(climbed) = words::climbed(attempt.number, attempt.of, &attempt.step) {
            line = line.ink(Ink::Attention, format!("  {climbed}"));
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line::columns;
    use crate::report::sample;
    use crate::view::View;

    fn human(width: usize) -> String {
        let report = StatusReport::of(&View::of(&sample::run()), 1_090_000, true);
        let mut out = Vec::new();
        let shown = Shown { style: Style { unicode: true, color: false }, width, all: false };
        report.write_human(&shown, &mut out).expect("a vector takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_run_on_a_wide_terminal() {
        insta::assert_snapshot!(human(100));
    }

    #[test]
    fn a_run_in_forty_columns() {
        let text = human(40);
        for line in text.lines() {
            assert!(columns(line) <= 40 || line.contains("next: ") || line.contains("log: "), "{line}");
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_state_of_a_spec_has_its_section() {
        for mark in Mark::ALL.into_iter().filter(|mark| !matches!(mark, Mark::Done | Mark::Warning)) {
            let sections = SECTIONS.iter().filter(|(_, marks)| marks.contains(&mark)).count();
            assert_eq!(sections, 1, "{}", mark.word());
        }
    }

    #[test]
    fn finished_specs_are_counted_unless_all_are_asked_for() {
        let view = View::of(&sample::run());
        let mut report = StatusReport::of(&view, 0, true);
        let landed = report.specs[0].clone();
        report.specs = vec![landed; 100];
        let shown = |all| Shown { style: Style::PLAIN, width: 80, all };
        assert_eq!(report.lines(&shown(true)).len() - report.lines(&shown(false)).len(), 100 - FINISHED - 1);
    }
}
