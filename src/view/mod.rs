//! The fold of events that every face draws: what is known of a run after any prefix of its stream.
//! Pure and total: events in any order, about specs never announced, leave a view and never a panic.
pub mod brakes;
pub mod count;
pub mod spec;
pub mod stage;
pub mod tally;

pub use brakes::{Brakes, Pause};
pub use count::Counts;
pub use spec::{Facts, LAND, LandedView, SpecView, Standing};
pub use stage::{AttemptView, StageState, StageView};
pub use tally::Tally;

use crate::base::{SpecName, StageId};
use crate::event::{Event, PlannedSpec, Record, RunOutcome};
use indexmap::IndexMap;
use std::collections::BTreeSet;

/// Everything the events so far say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct View {
    /// The run, once it has begun.
    pub run: Option<RunHeader>,
    /// How it ended, once it has.
    pub end: Option<RunEnd>,
    /// Its specs, in the topological order that the run announced.
    pub specs: IndexMap<SpecName, SpecView>,
    /// What keeps anything new from starting.
    pub brakes: Brakes,
    /// Warnings in the order they came.
    pub warnings: Vec<String>,
    /// When the latest event happened, in milliseconds since the Unix epoch.
    pub latest: u64,
    /// Kept as specs change: a run of many tells them with each of its lines.
    counts: Counts,
    /// The places of the specs that are open.
    open: BTreeSet<usize>,
}

/// What a run said of itself when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHeader {
    /// Its name.
    pub run: String,
    /// The process.
    pub pid: u32,
    /// The branch that results land on.
    pub base: String,
    /// The commit it was at.
    pub commit: String,
    /// How many agents and commands at once.
    pub jobs: u32,
    /// The goals as typed; empty for everything.
    pub goals: Vec<String>,
    /// When, in milliseconds since the Unix epoch.
    pub started: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd {
    /// The outcome.
    pub outcome: RunOutcome,
    /// Milliseconds it took.
    pub millis: u64,
}

impl View {
    /// The view after these events.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut view = Self::default();
        for record in records {
            view.apply(record);
        }
        view
    }

    /// Takes in one event. The beginning of a run forgets the one before it.
    pub fn apply(&mut self, record: &Record) {
        let at = record.at;
        if let Event::RunStarted { run, pid, base, commit, jobs, goals, specs } = &record.event {
            *self = Self::default();
            self.run = Some(RunHeader {
                run: run.clone(),
                pid: *pid,
                base: base.clone(),
                commit: commit.clone(),
                jobs: *jobs,
                goals: goals.clone(),
                started: at,
            });
            self.announce(specs, at);
        }
        self.latest = self.latest.max(at);
        self.brakes.apply(&record.event);
        match &record.event {
            Event::Warning { message } => self.warnings.push(message.clone()),
            Event::RunEnded { outcome, millis } => {
                self.stop(at);
                self.end = Some(RunEnd { outcome: *outcome, millis: *millis });
            }
            event => self.apply_and_count(event, at),
        }
    }

    /// Takes in an event, and counts the spec that it is about anew.
    fn apply_and_count(&mut self, event: &Event, at: u64) {
        let Some(name) = event.spec() else { return self.apply_to_spec(event, at) };
        let before = Counts::of(self.specs.get(name).into_iter());
        self.apply_to_spec(event, at);
        let Some((place, _, spec)) = self.specs.get_full(name) else { return };
        self.counts.remove(before);
        self.counts.add(Counts::of(std::iter::once(spec)));
        if spec.is_open() {
            self.open.insert(place);
        } else {
            self.open.remove(&place);
        }
    }

    /// What was running no longer is: the run has ended, or its process was found dead.
    pub fn stop(&mut self, at: u64) {
        for spec in self.specs.values_mut() {
            spec.stop(at);
        }
        self.counts = Counts::of(self.specs.values());
        self.open = (0..).zip(self.specs.values()).filter(|(_, s)| s.is_open()).map(|(at, _)| at).collect();
    }

    /// The spec of that name.
    pub fn spec(&self, name: &SpecName) -> Option<&SpecView> {
        self.specs.get(name)
    }

    /// The stage, or the landing where it is called `land`.
    pub fn stage(&self, id: &StageId) -> Option<&StageView> {
        self.specs.get(&id.spec)?.step(&id.stage)
    }

    /// The specs that stand in the way of a blocked one, nearest first; the last is where the trouble is.
    pub fn blockers<'a>(&'a self, spec: &SpecName) -> Vec<&'a SpecName> {
        let mut chain: Vec<&SpecName> = Vec::new();
        let mut at = self.specs.get(spec);
        while let Some(blocked) = at.and_then(|spec| spec.blocked.as_ref()) {
            if chain.contains(&&blocked.by) || blocked.by == *spec {
                break;
            }
            chain.push(&blocked.by);
            at = self.specs.get(&blocked.by);
        }
        chain
    }

    /// The specs of which a step runs, waits or needs a person, in their order.
    pub fn open(&self) -> impl Iterator<Item = &SpecView> {
        self.open.iter().filter_map(|place| self.specs.get_index(*place)).map(|(_, spec)| spec)
    }

    /// How many of what.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Tokens and money of all attempts of the run.
    pub fn tally(&self) -> Tally {
        self.specs.values().fold(Tally::default(), |sum, spec| sum.plus(spec.tally()))
    }

    fn announce(&mut self, specs: &[PlannedSpec], at: u64) {
        for planned in specs {
            self.specs.insert(planned.spec.clone(), SpecView::planned(planned, at));
        }
        self.counts = Counts::of(self.specs.values());
    }

    fn spec_mut(&mut self, name: &SpecName) -> &mut SpecView {
        if !self.specs.contains_key(name) {
            self.specs.insert(name.clone(), SpecView::unannounced(name));
        }
        &mut self.specs[name]
    }

    fn step_mut(&mut self, id: &StageId) -> &mut StageView {
        self.spec_mut(&id.spec).step_mut(&id.stage)
    }

    fn apply_to_spec(&mut self, event: &Event, at: u64) {
        match event {
            Event::Judged { stage, verdict } => self.spec_mut(&stage.spec).judged(&stage.stage, verdict, at),
            Event::Waiting { stage, on } => {
                self.spec_mut(&stage.spec).blocked = None;
                self.step_mut(stage).wait(on, at);
            }
            Event::AttemptStarted { stage, attempt, of, step, agent, model, worktree, log } => {
                self.spec_mut(&stage.spec).blocked = None;
                self.step_mut(stage).start(
                    AttemptView {
                        number: *attempt,
                        of: *of,
                        step: step.clone(),
                        agent: agent.clone(),
                        model: model.clone(),
                        worktree: worktree.clone(),
                        log: log.clone(),
                        started: at,
                        millis: None,
                        failure: None,
                        usage: None,
                        priced: false,
                        partial: false,
                    },
                    at,
                );
            }
            Event::Output { stage, line } => self.step_mut(stage).line = Some(line.clone()),
            Event::Tool { stage, tool } => {
                self.step_mut(stage).line = Some(format!("{} {}", tool.kind.name(), tool.title));
            }
            Event::Progress { stage, done, total } => self.step_mut(stage).progress = Some((*done, *total)),
            Event::Usage { stage, usage, priced, partial } => {
                self.step_mut(stage).used(*usage, *priced, *partial);
            }
            Event::AttemptEnded { stage, attempt, millis, failure } => {
                self.step_mut(stage).ended(*attempt, *millis, failure.as_ref(), at);
            }
            Event::Rewound { stage, backup, .. } => self.spec_mut(&stage.spec).backups.extend(backup.clone()),
            Event::StageDone { stage, how, commit, millis } => {
                let step = self.step_mut(stage);
                step.millis = *millis;
                step.enter(StageState::Done { how: *how, commit: commit.clone() }, at);
            }
            Event::StageHeld { stage, failure, next } => {
                let state = StageState::Held { failure: failure.clone(), next: next.clone() };
                self.step_mut(stage).enter(state, at);
            }
            Event::GateWaiting { stage } => self.step_mut(stage).enter(StageState::Gate, at),
            Event::StageFailed { stage, failure, next } => {
                let state = StageState::Failed { failure: failure.clone(), next: next.clone() };
                self.step_mut(stage).enter(state, at);
            }
            Event::SpecBlocked { spec, by, why } => self.spec_mut(spec).block(by, why),
            Event::SpecSkipped { spec, why } => self.spec_mut(spec).skipped = Some(why.clone()),
            Event::Landing { spec, phase } => self.spec_mut(spec).landing(*phase, at),
            Event::LandingWaits { spec, why, path } => {
                let state = StageState::Colliding { why: why.clone(), path: path.clone() };
                self.spec_mut(spec).land.enter(state, at);
            }
            Event::Landed { spec, commit, result, changed } => {
                let landed = LandedView { commit: commit.clone(), result: *result, changed: *changed, at };
                self.spec_mut(spec).landed(landed);
            }
            Event::Delivered { spec, branch } => self.spec_mut(spec).branch = Some(branch.clone()),
            Event::RunStarted { .. }
            | Event::SessionStarted { .. }
            | Event::Planned { .. }
            | Event::Retrying { .. }
            | Event::Permission { .. }
            | Event::LandingFlake { .. }
            | Event::PoolPaused { .. }
            | Event::PoolResumed { .. }
            | Event::BudgetReached { .. }
            | Event::LoadHigh { .. }
            | Event::LoadFine { .. }
            | Event::Warning { .. }
            | Event::Stopping { .. }
            | Event::RunEnded { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
