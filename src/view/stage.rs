//! What is known of one stage, or of a landing, which is drawn like one.
use super::tally::Tally;
use crate::base::AgentName;
use crate::event::{Done, Failure, LandingPhase, Usage, Verdict, WaitsFor};

/// Where a stage stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum StageState {
    /// Nothing is known of it yet.
    #[default]
    Unheard,
    /// Out of date; it starts when these are over.
    Waiting {
        /// At least one.
        on: Vec<WaitsFor>,
    },
    /// Out of date, or between two attempts; nothing is known to be in its way.
    Queued,
    /// An attempt runs: the last of [`StageView::attempts`].
    Running,
    /// A gate waits for a person.
    Gate,
    /// A landing is in this phase.
    Landing {
        /// The phase.
        phase: LandingPhase,
    },
    /// A landing waits for the user's checkout.
    Colliding {
        /// Why, and what to do.
        why: String,
        /// The file in the way.
        path: Option<String>,
    },
    /// Done with.
    Done {
        /// How.
        how: Done,
        /// The commit that says so.
        commit: Option<String>,
    },
    /// A person must do something.
    Held {
        /// What was wrong.
        failure: Failure,
        /// The command that goes on from here.
        next: String,
    },
    /// Given up for this run.
    Failed {
        /// What was wrong.
        failure: Failure,
        /// The command that shows more or goes on.
        next: String,
    },
    /// It ran when the run ended.
    Stopped,
}

/// A stage of a spec.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StageView {
    /// Where it stands.
    pub state: StageState,
    /// Since when, in milliseconds since the Unix epoch.
    pub since: u64,
    /// The last verdict on it.
    pub verdict: Option<Verdict>,
    /// Its attempts in this run, first to last.
    pub attempts: Vec<AttemptView>,
    /// Milliseconds of its finished attempts.
    pub millis: u64,
    /// Tasks ticked, and all of them.
    pub progress: Option<(u32, u32)>,
    /// The last line that it printed.
    pub line: Option<String>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptView {
    /// From 1.
    pub number: u32,
    /// The most there can be, where known.
    pub of: Option<u32>,
    /// The step that led here: `run`, `retry` ...
    pub step: String,
    /// The agent, for a stage that has one.
    pub agent: Option<AgentName>,
    /// The model, if one was set.
    pub model: Option<String>,
    /// Where it runs.
    pub worktree: String,
    /// The log, relative to `.specmake`.
    pub log: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub started: u64,
    /// Milliseconds it took, once it has ended.
    pub millis: Option<u64>,
    /// What was wrong with it.
    pub failure: Option<Failure>,
    /// What it used, once it told.
    pub usage: Option<Usage>,
    /// Whether a part of its cost comes from the declared price.
    pub priced: bool,
    /// Whether its cost leaves something out.
    pub partial: bool,
}

impl StageView {
    /// The attempt that runs, while one does.
    pub fn running(&self) -> Option<&AttemptView> {
        if self.state == StageState::Running { self.attempts.last() } else { None }
    }

    /// How it came to be done, if it is.
    pub fn done(&self) -> Option<Done> {
        if let StageState::Done { how, .. } = self.state { Some(how) } else { None }
    }

    /// Whether it is done and was so before this run, or needed no work in it.
    pub fn was_done(&self) -> bool {
        matches!(self.done(), Some(Done::UpToDate | Done::Adopted | Done::Elsewhere))
    }

    /// What went wrong and the command that goes on, for a held or failed one.
    pub fn trouble(&self) -> Option<(&Failure, &str)> {
        match &self.state {
            StageState::Held { failure, next } | StageState::Failed { failure, next } => {
                Some((failure, next))
            }
            _ => None,
        }
    }

    /// Tokens and money of all its attempts.
    pub fn tally(&self) -> Tally {
        Tally::of(&self.attempts)
    }

    /// Whether nothing more happens to it in this run without a person.
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            StageState::Done { .. }
                | StageState::Held { .. }
                | StageState::Failed { .. }
                | StageState::Gate
                | StageState::Stopped
        )
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.state,
            StageState::Running
                | StageState::Landing { .. }
                | StageState::Gate
                | StageState::Held { .. }
                | StageState::Colliding { .. }
                | StageState::Waiting { .. }
        )
    }

    pub(super) fn enter(&mut self, state: StageState, at: u64) {
        if self.state != state {
            self.since = at;
            self.state = state;
        }
    }

    pub(super) fn judged(&mut self, verdict: &Verdict, at: u64) {
        self.verdict = Some(verdict.clone());
        let state = match verdict {
            Verdict::UpToDate { how: Done::Adopted } => StageState::Done { how: Done::Adopted, commit: None },
            Verdict::UpToDate { .. } => StageState::Done { how: Done::UpToDate, commit: None },
            Verdict::OutOfDate { .. } => StageState::Queued,
            Verdict::MayRun { .. } => StageState::Unheard,
        };
        self.enter(state, at);
    }

    pub(super) fn wait(&mut self, on: &[WaitsFor], at: u64) {
        let waited = matches!(self.state, StageState::Waiting { .. });
        let since = if waited { self.since } else { at };
        let state = if on.is_empty() { StageState::Queued } else { StageState::Waiting { on: on.to_vec() } };
        self.enter(state, since);
    }

    pub(super) fn start(&mut self, attempt: AttemptView, at: u64) {
        self.line = None;
        self.attempts.push(attempt);
        self.state = StageState::Running;
        self.since = at;
    }

    pub(super) fn used(&mut self, usage: Usage, priced: bool, partial: bool) {
        if let Some(attempt) = self.attempts.last_mut() {
            (attempt.usage, attempt.priced, attempt.partial) = (Some(usage), priced, partial);
        }
    }

    pub(super) fn ended(&mut self, number: u32, millis: u64, failure: Option<&Failure>, at: u64) {
        self.millis = self.millis.saturating_add(millis);
        if let Some(attempt) = self.attempts.iter_mut().rev().find(|attempt| attempt.number == number) {
            attempt.millis = Some(millis);
            attempt.failure = failure.cloned();
        }
        if self.state == StageState::Running {
            let stopped = failure.is_some_and(Failure::is_stop);
            self.enter(if stopped { StageState::Stopped } else { StageState::Queued }, at);
        }
    }

    pub(super) fn stop(&mut self, at: u64) {
        if matches!(self.state, StageState::Running | StageState::Landing { .. }) {
            self.enter(StageState::Stopped, at);
        }
    }
}
