//! The face for pipes and files: one line for each thing that begins, ends or goes wrong.
use super::line::Line;
use super::style::{Ink, Mark, Style};
use super::{Face, Voice, words};
use crate::base::{Reason, SpecName, StageId};
use crate::event::{Done, Event, Failure, LandingPhase, Record, Verdict, WaitsFor};
use crate::view::View;
use std::io;

/// The plain face.
#[derive(Debug, Clone, Default)]
pub struct Plain {
    view: View,
    style: Style,
    voice: Voice,
}

impl Plain {
    /// A face with nothing seen yet.
    pub fn new(style: Style, voice: Voice) -> Self {
        Self { view: View::default(), style, voice }
    }
}

impl Face for Plain {
    fn show(&mut self, record: &Record, out: &mut dyn io::Write) -> io::Result<()> {
        self.view.apply(record);
        match narrate(&self.view, record, self.voice, &self.style) {
            Some(line) => {
                writeln!(out, "{}", line.render(&self.style))?;
                out.flush()
            }
            None => Ok(()),
        }
    }
}

/// What to say of an event that `view` has already taken in; most are not worth a line.
pub fn narrate(view: &View, record: &Record, voice: Voice, style: &Style) -> Option<Line> {
    let says = Says { view, style, voice, now: record.at };
    let urgent = says.urgent(&record.event);
    if urgent.is_some() || voice == Voice::Quiet { urgent } else { says.ordinary(&record.event) }
}

struct Says<'a> {
    view: &'a View,
    style: &'a Style,
    voice: Voice,
    now: u64,
}

impl Says<'_> {
    /// What needs a person, also when asked to be quiet.
    fn urgent(&self, event: &Event) -> Option<Line> {
        match event {
            Event::StageHeld { stage, failure, next } => {
                Some(self.trouble(Mark::Held, stage, "held", failure, next))
            }
            Event::StageFailed { stage, failure, next } => {
                Some(self.trouble(Mark::Failed, stage, "failed", failure, next))
            }
            Event::GateWaiting { stage } => {
                let line = self.about(Mark::Gate, &stage.to_string()).text("waits for you; next: ");
                Some(line.ink(Ink::Strong, words::approve(stage)))
            }
            Event::LandingWaits { spec, why, path } => {
                let line = self.about(Mark::Colliding, spec.as_str()).text("its landing waits: ").text(why);
                Some(match path {
                    Some(path) if !why.contains(path.as_str()) => line.text(format!(" (`{path}`)")),
                    _ => line,
                })
            }
            Event::Stopping { at_once } => {
                Some(Line::marked(Mark::Stopped, self.style).text(words::stopping(*at_once)))
            }
            Event::PoolPaused { agent, pool, why, until: None, .. } => {
                let who = words::paused(agent, pool.as_ref());
                let line = Line::marked(Mark::Warning, self.style).ink(Ink::Attention, "paused: ");
                Some(line.text(format!("{who} starts nothing more, it needs you: {why}")))
            }
            Event::BudgetReached { spent, budget } => {
                let line = Line::marked(Mark::Warning, self.style).ink(Ink::Attention, "budget: ");
                let cost = words::budget(*spent, *budget);
                Some(line.text(format!("{cost}, as far as agents told; no agent starts any more")))
            }
            Event::Warning { message } => {
                let line = Line::marked(Mark::Warning, self.style);
                Some(line.ink(Ink::Attention, "warning: ").text(message))
            }
            _ => None,
        }
    }

    fn ordinary(&self, event: &Event) -> Option<Line> {
        match event {
            Event::AttemptStarted { stage, attempt, of, step, agent, .. } => {
                let mut line = self.about(Mark::Running, &stage.to_string());
                line = line.text(match words::climbed(*attempt, *of, step) {
                    Some(climbed) => climbed,
                    None => "starts".to_owned(),
                });
                if let Some(agent) = agent {
                    line = line.ink(Ink::Faint, format!(" ({agent})"));
                }
                let why = self.reasons(stage).filter(|_| step == "run");
                Some(if let Some(why) = why { line.text(": ").text(why) } else { line })
            }
            Event::AttemptEnded { stage, attempt, failure: Some(failure), .. } => {
                let mark = if failure.is_stop() { Mark::Stopped } else { Mark::Failed };
                let line = self.about(mark, &stage.to_string());
                let line = line.text(format!("attempt {attempt}: ")).text(words::failure(failure));
                Some(with_log(line, failure))
            }
            Event::Rewound { backup: None, .. } => None,
            Event::Rewound { stage, to, backup: Some(backup) } => {
                let line = self.about(Mark::Waiting, &stage.to_string());
                let line = if *to == stage.stage {
                    line.text("back to its start")
                } else {
                    line.text(format!("back to the start of {to}"))
                };
                Some(line.text(format!("; what was there is kept as `{backup}`")))
            }
            Event::StageDone { how: Done::UpToDate | Done::Adopted, .. } => None,
            Event::StageDone { stage, how, millis, .. } => {
                let line = self.about(Mark::from(*how), &stage.to_string()).text(words::done(*how));
                Some(if *how == Done::Ran {
                    line.text(format!(" in {}", words::took(*millis)))
                } else {
                    line
                })
            }
            Event::Progress { done: 0, .. } => None,
            Event::Progress { stage, done, total } => {
                let line = self.about(Mark::Running, &stage.to_string());
                Some(line.text(format!("tasks {done}/{total}")))
            }
            Event::Waiting { stage, on } => {
                let is_timed = |on: &&WaitsFor| {
                    matches!(on, WaitsFor::Backoff { .. } | WaitsFor::Limit { until: Some(_), .. })
                };
                let backoff = on.iter().find(is_timed)?;
                let line = self.about(Mark::Waiting, &stage.to_string()).text("waits for ");
                Some(line.text(words::waits(std::slice::from_ref(backoff), self.now)))
            }
            Event::PoolPaused { agent, pool, why, until, .. } => {
                let who = words::paused(agent, pool.as_ref());
                let line = Line::marked(Mark::Waiting, self.style).ink(Ink::Strong, who);
                Some(line.text(format!("  met a limit and {}: {why}", words::goes_on(*until, self.now))))
            }
            Event::PoolResumed { agent, pool } => {
                let who = words::paused(agent, pool.as_ref());
                Some(Line::marked(Mark::Running, self.style).ink(Ink::Strong, who).text("  goes on"))
            }
            Event::LoadHigh { why, .. } => {
                Some(Line::marked(Mark::Waiting, self.style).text("nothing new starts for now: ").text(why))
            }
            Event::LoadFine { what } => {
                let line = Line::marked(Mark::Running, self.style);
                Some(line.text(format!("enough {what} is free again")))
            }
            Event::SpecBlocked { spec, by, why } => {
                let line = self.about(Mark::Blocked, spec.as_str());
                Some(line.text(format!("blocked by `{by}`")).ink(Ink::Faint, format!(" ({why})")))
            }
            Event::SpecSkipped { spec, why } => {
                Some(self.about(Mark::Skipped, spec.as_str()).text("skipped: ").text(why))
            }
            Event::LandingFlake { specs, why, log } => {
                let names: Vec<&str> = specs.iter().map(SpecName::as_str).collect();
                let line = self.about(Mark::Warning, &names.join(", "));
                Some(line.text(format!("a flake, green when tested again: {why}; {log}")))
            }
            Event::Landing { spec, phase: LandingPhase::Checking } => {
                Some(self.about(Mark::Landing, spec.as_str()).text(words::phase(LandingPhase::Checking)))
            }
            Event::Landed { spec, commit, changed, .. } => {
                let line = self.about(Mark::Landed, spec.as_str()).text("landed as ").text(short(commit));
                Some(if *changed { line } else { line.ink(Ink::Faint, " (same result as before)") })
            }
            Event::Delivered { spec, branch } => Some(
                self.about(Mark::Delivered, spec.as_str()).text(format!("complete on branch `{branch}`")),
            ),
            _ => None,
        }
    }

    fn about(&self, mark: Mark, who: &str) -> Line {
        about(self.view, self.style, mark, who)
    }

    fn trouble(&self, mark: Mark, stage: &StageId, what: &str, failure: &Failure, next: &str) -> Line {
        let line = self.about(mark, &stage.to_string()).ink(mark.symbol().ink, what).text(": ");
        let line = if self.was_told(stage, failure) {
            line.text(words::failure_in_short(failure))
        } else {
            with_log(line.text(words::failure(failure)), failure)
        };
        line.text("; next: ").ink(Ink::Strong, next)
    }

    /// Whether the end of its last attempt, which was told, says the same.
    fn was_told(&self, stage: &StageId, failure: &Failure) -> bool {
        let last = self.view.stage(stage).and_then(|stage| stage.attempts.last()?.failure.as_ref());
        self.voice != Voice::Quiet
            && last.is_some_and(|last| (last.class, &last.message) == (failure.class, &failure.message))
    }

    fn reasons(&self, stage: &StageId) -> Option<String> {
        match &self.view.stage(stage)?.verdict {
            Some(Verdict::OutOfDate { reasons }) if matches!(reasons[..], [] | [Reason::NeverRan]) => None,
            Some(Verdict::OutOfDate { reasons }) => Some(words::reasons(reasons)),
            _ => None,
        }
    }
}

/// The beginning of a line: how far the run is, a symbol, and what it is about.
pub(super) fn about(view: &View, style: &Style, mark: Mark, who: &str) -> Line {
    let counts = view.counts();
    let digits = counts.steps.to_string().len();
    let count = format!("[{:>digits$}/{}] ", counts.steps_done, counts.steps);
    let symbol = mark.symbol();
    let line = Line::new().ink(Ink::Faint, count).ink(symbol.ink, style.symbol(mark)).text(" ");
    line.ink(Ink::Strong, who).text("  ")
}

/// The line, and where the log of a failure is.
pub(super) fn with_log(line: Line, failure: &Failure) -> Line {
    match &failure.log {
        Some(log) => line.ink(Ink::Faint, format!("; log: .specmake/{log}")),
        None => line,
    }
}

/// The first digits of a commit.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn told(voice: Voice) -> String {
        let mut face = Plain::new(Style::PLAIN, voice);
        let mut out = Vec::new();
        for record in sample::ended() {
            face.show(&record, &mut out).expect("a vector takes it");
        }
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_run_in_lines() {
        insta::assert_snapshot!(told(Voice::Normal));
    }

    #[test]
    fn quiet_says_only_what_needs_a_person() {
        insta::assert_snapshot!(told(Voice::Quiet));
    }
}
