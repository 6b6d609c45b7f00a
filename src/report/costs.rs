//! What runs cost, by attempt, stage, spec, agent and run: the answer of `cost`, for people and as JSON.
use super::figures::Figures;
use super::style::{Ink, Style};
use super::table::Table;
use super::{json, words};
use crate::base::english::{age, list};
use crate::base::{AgentName, SpecName, StageName};
use crate::event::Failure;
use crate::model::FailureClass;
use crate::view::{AttemptView, StageView, Tally, View};
use indexmap::IndexMap;
use serde::Serialize;
use std::io;

/// What some runs cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct CostReport {
    /// When it was asked, in milliseconds since the Unix epoch.
    pub now: u64,
    /// By run, oldest first.
    pub runs: Vec<RunCost>,
    /// By spec.
    pub specs: Vec<SpecCost>,
    /// By stage.
    pub stages: Vec<StageCost>,
    /// By agent.
    pub agents: Vec<AgentCost>,
    /// Every attempt of an agent, in the order of runs, specs and stages.
    pub attempts: Vec<AttemptCost>,
    /// All of it.
    pub total: Figures,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunCost {
    /// Its name.
    pub run: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub started: u64,
    /// Whether it is on.
    pub on: bool,
    /// What it used.
    #[serde(flatten)]
    pub figures: Figures,
}

/// A spec.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpecCost {
    /// Its name.
    pub spec: SpecName,
    /// What it used.
    #[serde(flatten)]
    pub figures: Figures,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageCost {
    /// Its spec.
    pub spec: SpecName,
    /// Its name, `land` for the landing.
    pub stage: StageName,
    /// What it used.
    #[serde(flatten)]
    pub figures: Figures,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentCost {
    /// Its name; nothing where it is not known.
    pub agent: Option<AgentName>,
    /// What it used.
    #[serde(flatten)]
    pub figures: Figures,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptCost {
    /// Its run.
    pub run: String,
    /// Its spec.
    pub spec: SpecName,
    /// Its stage.
    pub stage: StageName,
    /// Its number.
    pub attempt: u32,
    /// The step that led to it.
    pub step: String,
    /// The agent.
    pub agent: Option<AgentName>,
    /// The model, if one was set.
    pub model: Option<String>,
    /// When it began, in milliseconds since the Unix epoch.
    pub started: u64,
    /// Milliseconds it took; nothing if it runs or was killed.
    pub millis: Option<u64>,
    /// What was wrong with it; nothing where it was asked to end.
    pub failure: Option<FailureClass>,
    /// Whether it was asked to end.
    pub stopped: bool,
    /// Its log, relative to `.specmake`.
    pub log: String,
    /// What it used.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What a table has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Each attempt.
    Attempt,
    /// Each stage.
    Stage,
    /// Each spec.
    Spec,
    /// Each agent.
    Agent,
    /// Each run.
    Run,
}

impl CostReport {
    /// That of these runs, oldest first; with each, whether it is on. Only what `keep` says counts.
    pub fn of<'a>(
        runs: impl IntoIterator<Item = (&'a View, bool)>,
        keep: impl Fn(&SpecName, &StageName) -> bool,
        now: u64,
    ) -> Self {
        let mut report = Self { now, ..Self::default() };
        for (view, on) in runs {
            let Some(header) = &view.run else { continue };
            let from = report.attempts.len();
            for (spec, name, step) in steps(view) {
                if keep(spec, &name) {
                    report.push(&header.run, (spec, &name), step);
                }
            }
            report.runs.push(RunCost {
                run: header.run.clone(),
                started: header.started,
                on,
                figures: sum(&report.attempts[from..]),
            });
        }
        report.total = sum(&report.attempts);
        let (specs, stages, agents) = (
            grouped(&report.attempts, |attempt| attempt.spec.clone()),
            grouped(&report.attempts, |attempt| (attempt.spec.clone(), attempt.stage.clone())),
            grouped(&report.attempts, |attempt| attempt.agent.clone()),
        );
        report.specs = specs.into_iter().map(|(spec, figures)| SpecCost { spec, figures }).collect();
        report.stages =
            stages.into_iter().map(|((spec, stage), figures)| StageCost { spec, stage, figures }).collect();
        report.agents = agents.into_iter().map(|(agent, figures)| AgentCost { agent, figures }).collect();
        report
    }

    fn push(&mut self, run: &str, (spec, stage): (&SpecName, &StageName), step: &StageView) {
        let used = |attempt: &&AttemptView| attempt.tally().attempts > 0;
        self.attempts.extend(step.attempts.iter().filter(used).map(|attempt| AttemptCost {
            run: run.to_owned(),
            spec: spec.clone(),
            stage: stage.clone(),
            attempt: attempt.number,
            step: attempt.step.clone(),
            agent: attempt.agent.clone(),
            model: attempt.model.clone(),
            started: attempt.started,
            millis: attempt.millis,
            failure:
                attempt.failure.as_ref().filter(|failure| !is_asked(failure)).map(|failure| failure.class),
            stopped: attempt.failure.as_ref().is_some_and(is_asked),
            log: attempt.log.clone(),
            figures: attempt.tally().into(),
        }));
    }

    /// Writes it as one JSON document.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        json::document(self, out)
    }

    /// Writes it for people, in lines at most `width` columns wide.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_human(
        &self,
        by: By,
        width: usize,
        style: &Style,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        if let [run] = &self.runs[..] {
            let on = if run.on { "is on since" } else { "began" };
            let ago = age(self.now.saturating_sub(run.started) / 1000);
            let ago = if run.on { ago } else { format!("{ago} ago") };
            writeln!(out, "run {} {on} {ago}", run.run)?;
        }
        let mut table = self.table(by, style);
        let cells =
            |figures: &Figures| cells("all".to_owned(), by, ["", "", ""].map(str::to_owned), figures, style);
        table.row(Ink::Strong, cells(&self.total));
        for line in table.lines(width, style) {
            writeln!(out, "{line}")?;
        }
        for note in self.notes() {
            writeln!(out, "{note}")?;
        }
        Ok(())
    }

    fn table(&self, by: By, style: &Style) -> Table {
        let texts: &[&'static str] = match by {
            By::Attempt => &["attempt", "run", "agent", "ended"],
            By::Stage => &["stage"],
            By::Spec => &["spec"],
            By::Agent => &["agent"],
            By::Run => &["run"],
        };
        let attempts: &[&'static str] = if by == By::Attempt { &[] } else { &["attempts"] };
        let numbers = ["in", "out", "cache read", "cache write", "USD"];
        let mut table = Table::new(texts).numbers(attempts).numbers(&numbers);
        let mut row = |name: String, more: [String; 3], figures: &Figures| {
            table.row(Ink::Plain, cells(name, by, more, figures, style));
        };
        let none = || ["", "", ""].map(str::to_owned);
        let agent = |agent: &Option<AgentName>| agent.as_ref().map_or("-".to_owned(), ToString::to_string);
        match by {
            By::Attempt => self.attempts.iter().for_each(|of| {
                let ended = match (of.failure, of.millis) {
                    (Some(class), _) => class.to_string(),
                    (None, _) if of.stopped => "stopped".to_owned(),
                    (None, Some(_)) => "done".to_owned(),
                    (None, None) => "-".to_owned(),
                };
                let name = format!("{}:{}.{}", of.spec, of.stage, of.attempt);
                row(name, [of.run.clone(), agent(&of.agent), ended], &of.figures);
            }),
            By::Stage => {
                self.stages
                    .iter()
                    .for_each(|of| row(format!("{}:{}", of.spec, of.stage), none(), &of.figures));
            }
            By::Spec => self.specs.iter().for_each(|of| row(of.spec.to_string(), none(), &of.figures)),
            By::Agent => self.agents.iter().for_each(|of| row(agent(&of.agent), none(), &of.figures)),
            By::Run => self.runs.iter().for_each(|of| row(of.run.clone(), none(), &of.figures)),
        }
        table
    }

    /// What is to be known of the figures.
    fn notes(&self) -> Vec<String> {
        let Figures { attempts, unknown, priced, .. } = self.total;
        let mut notes = Vec::new();
        if priced {
            notes.push("~ by the price that is declared for the agent".to_owned());
        }
        if unknown > 0 {
            let of = crate::base::english::count(attempts, "attempt");
            notes.push(format!("what {unknown} of {of} cost is not known, or not all of it"));
        }
        let unpriced = |of: &&AgentCost| of.figures.unknown > 0 && Tally::from(of.figures).usage.has_tokens();
        let names: Vec<String> = self
            .agents
            .iter()
            .filter(unpriced)
            .filter_map(|of| Some(format!("`{}`", of.agent.as_ref()?)))
            .collect();
        if !names.is_empty() {
            let names = list(&names, "and");
            notes.push(format!(
                "a price for {names} makes it known: `price in=3.0 out=15.0 cache-read=0.3`, USD per million"
            ));
        }
        notes
    }
}

/// Whether somebody asked for it: nothing was wrong.
fn is_asked(failure: &Failure) -> bool {
    failure.is_stop() || failure.is_by_hand()
}

/// The steps of a run, in order.
fn steps(view: &View) -> impl Iterator<Item = (&SpecName, StageName, &StageView)> {
    view.specs.iter().flat_map(|(spec, of)| {
        of.steps().filter_map(move |(name, step)| Some((spec, StageName::new(name).ok()?, step)))
    })
}

fn sum<'a>(attempts: impl IntoIterator<Item = &'a AttemptCost>) -> Figures {
    attempts.into_iter().fold(Tally::default(), |sum, of| sum.plus(of.figures.into())).into()
}

fn grouped<K: std::hash::Hash + Eq>(
    attempts: &[AttemptCost],
    key: impl Fn(&AttemptCost) -> K,
) -> Vec<(K, Figures)> {
    let mut groups: IndexMap<K, Tally> = IndexMap::new();
    for attempt in attempts {
        let group = groups.entry(key(attempt)).or_default();
        *group = group.plus(attempt.figures.into());
    }
    groups.into_iter().map(|(key, tally)| (key, tally.into())).collect()
}

fn cells(name: String, by: By, more: [String; 3], figures: &Figures, style: &Style) -> Vec<String> {
    let mut cells = vec![name];
    match by {
        By::Attempt => cells.extend(more),
        _ => cells.push(figures.attempts.to_string()),
    }
    let [input, output, read, write] = Tally::from(*figures).usage.tokens();
    let is_known = figures.silent < figures.attempts || figures.attempts == 0;
    let tokens = |tokens| if is_known { words::tokens(tokens) } else { "?".to_owned() };
    cells.extend([input, output, read, write].map(tokens));
    cells.push(money(figures, style));
    cells
}

/// `0.2500`, `~0.2500` by the declared price, `>=0.2500` where a part is not known, `?` where nothing is.
fn money(figures: &Figures, style: &Style) -> String {
    let Some(cost) = figures.cost else {
        return if figures.attempts == 0 { "-" } else { "?" }.to_owned();
    };
    let about = if figures.priced { "~" } else { "" };
    let least = match (figures.unknown > 0, style.unicode) {
        (false, _) => "",
        (true, true) => "≥",
        (true, false) => ">=",
    };
    format!("{least}{about}{cost:.4}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::event::{Event, Record, Usage};
    use crate::report::sample;

    /// The sample run, with another attempt that tells tokens alone and one by a declared price.
    pub(crate) fn report() -> CostReport {
        let mut records = sample::ended();
        let used = |stage: &str, usage, priced, partial| Record {
            at: 2,
            event: Event::Usage { stage: sample::id(stage), usage, priced, partial },
        };
        let tokens = Usage { input: 20_000, output: 400, cache_read: 1_000_000, cache_write: 3, cost: None };
        records.push(used("051-retry:implement", tokens, false, true));
        records.push(used("051-retry:plan", Usage { cost: Some(0.0075), ..tokens }, true, false));
        CostReport::of([(&View::of(&records), false)], |_, _| true, 1_000_000 + 3_600_000)
    }

    fn human(by: By) -> String {
        let mut out = Vec::new();
        report().write_human(by, 100, &Style::PLAIN, &mut out).expect("a vector takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_run_by_stage() {
        insta::assert_snapshot!(human(By::Stage));
    }

    #[test]
    fn a_run_by_attempt() {
        insta::assert_snapshot!(human(By::Attempt));
    }

    #[test]
    fn every_way_to_add_up_comes_to_the_same() {
        let report = report();
        let close = |one: Figures, other: Figures| {
            let money = one.cost.unwrap_or_default() - other.cost.unwrap_or_default();
            money.abs() < 1e-9 && Figures { cost: None, ..one } == Figures { cost: None, ..other }
        };
        let add = |all: Vec<Figures>| -> Figures {
            all.into_iter().fold(Tally::default(), |sum, of| sum.plus(of.into())).into()
        };
        assert!(close(report.total, add(report.runs.iter().map(|of| of.figures).collect())));
        assert!(close(report.total, add(report.specs.iter().map(|of| of.figures).collect())));
        assert!(close(report.total, add(report.stages.iter().map(|of| of.figures).collect())));
        assert!(close(report.total, add(report.agents.iter().map(|of| of.figures).collect())));
        assert!(report.total.unknown > 0 && report.total.cost == Some(0.2575), "{:?}", report.total);
    }

    #[test]
    fn who_was_asked_to_end_has_not_crashed() {
        let mut records = sample::ended();
        let mut stopped = 0;
        for record in &mut records {
            if let Event::AttemptEnded { failure: Some(failure), .. } = &mut record.event {
                *failure = if stopped == 0 { Failure::stopped() } else { Failure::by_hand(Some("enough")) };
                stopped += 1;
            }
        }
        let view = View::of(&records);
        let report = CostReport::of([(&view, true)], |_, _| true, 0);
        let told = report.attempts.iter().filter(|of| of.stopped && of.failure.is_none()).count();
        assert!(told == stopped && stopped > 1, "{told} of {stopped}");
        let mut out = Vec::new();
        report.write_human(By::Attempt, 200, &Style::PLAIN, &mut out).expect("a vector takes it");
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains("stopped") && !text.contains("crash"), "{text}");
    }

    #[test]
    fn only_what_is_asked_for_counts() {
        let view = View::of(&sample::ended());
        let one = CostReport::of([(&view, true)], |spec, _| spec.as_str() == "050-partial", 0);
        assert_eq!((one.specs.len(), one.total.cost, one.total.attempts), (1, Some(0.25), 2));
        let mut out = Vec::new();
        CostReport::of([(&view, true)], |_, _| false, 0)
            .write_human(By::Spec, 80, &Style::PLAIN, &mut out)
            .expect("a vector takes it");
        assert!(String::from_utf8(out).expect("text").contains("all"));
    }

    #[test]
    fn figures_of_an_older_run_are_read() {
        let line = r#"{"at":1,"event":"usage","stage":{"spec":"a","stage":"plan"},"usage":{"input":1,"output":2,"cache_read":0,"cache_write":0,"cost":0.5}}"#;
        let record: Record = serde_json::from_str(line).expect("a record");
        let view = View::of([&record]);
        assert_eq!((view.tally().usage.cost, view.tally().unknown), (None, 0), "no attempt is known");
        let started =
            sample::run().into_iter().filter(|record| matches!(record.event, Event::AttemptStarted { .. }));
        let mut started: Vec<Record> = started.take(1).collect();
        let text = line.replace("\"a\"", "\"050-partial\"");
        started.push(serde_json::from_str(&text).expect("a record"));
        assert_eq!(View::of(&started).tally().usage.cost, Some(0.5));
    }
}
