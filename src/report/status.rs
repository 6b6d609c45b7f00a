//! Where everything stands: the answer of `status`, for people and as JSON.
use super::figures::Figures;
use super::json;
use super::plan::{PlanReport, PlanSpec};
use super::style::Mark;
use crate::base::english::list;
use crate::base::{AgentName, LayerName, SpecName, StageName};
use crate::event::{RunOutcome, Verdict, WaitsFor};
use crate::view::View;
use fold::{spec_status, why};
use serde::Serialize;
use std::io;

mod fold;
pub mod human;

/// Where everything stands. Times are milliseconds, points in time since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct StatusReport {
    /// When it was asked.
    pub now: u64,
    /// The run that is on, or the last one.
    pub run: Option<RunStatus>,
    /// The specs, in topological order.
    pub specs: Vec<SpecStatus>,
    /// Things to know.
    pub warnings: Vec<String>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStatus {
    /// Its name.
    pub run: String,
    /// Its process.
    pub pid: u32,
    /// Whether it is on.
    pub on: bool,
    /// The branch it lands on.
    pub base: String,
    /// Agents and commands at once.
    pub jobs: u32,
    /// When it began.
    pub started: u64,
    /// How long it took, or has been on.
    pub millis: u64,
    /// How it ended; nothing for one that is on or was killed.
    pub outcome: Option<RunOutcome>,
    /// Stages and landings done.
    pub steps_done: usize,
    /// Stages and landings to do, as far as is known.
    pub steps: usize,
    /// Tokens and money.
    pub usage: Figures,
}

/// A spec.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpecStatus {
    /// Its name.
    pub spec: SpecName,
    /// Its layer.
    pub layer: Option<LayerName>,
    /// Its description, first line.
    pub title: Option<String>,
    /// One word for it, of the table of symbols.
    pub state: &'static str,
    /// Its work is done.
    pub delivered: bool,
    /// A check passed on it.
    pub verified: bool,
    /// The base has it.
    pub landed: bool,
    /// The landing commit, if it landed in this run.
    pub commit: Option<String>,
    /// The branch it was left on.
    pub branch: Option<String>,
    /// What it waits for.
    pub waits_for: Vec<WaitsFor>,
    /// Specs in its way, nearest first.
    pub blocked_by: Vec<SpecName>,
    /// Why it is held, failed, blocked, skipped or waits.
    pub why: Option<String>,
    /// The one command that goes on from here.
    pub next: Option<String>,
    /// The refs that keep what a `restart` or a `skip` took back in this run.
    pub backups: Vec<String>,
    /// Since when it is held or failed.
    pub since: Option<u64>,
    /// Where the work of a held or failed one is.
    pub worktree: Option<String>,
    /// What was taken back and is kept, where a spec is asked about by name.
    pub kept: Vec<KeptStatus>,
    /// Its stages in order, then its landing.
    pub stages: Vec<StageStatus>,
    #[serde(skip)]
    mark: Option<Mark>,
}

/// What was taken back and is kept under a ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptStatus {
    /// The ref.
    #[serde(rename = "ref")]
    pub name: String,
    /// When it was made, in seconds since the Unix epoch.
    pub made: u64,
    /// The command that shows it.
    pub look: String,
    /// The command that goes on from it.
    pub again: String,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageStatus {
    /// Its name.
    pub stage: StageName,
    /// One word for it, of the table of symbols.
    pub state: &'static str,
    /// Since when.
    pub since: Option<u64>,
    /// How long its finished attempts took.
    pub millis: u64,
    /// Tokens and money of its attempts in this run.
    pub usage: Figures,
    /// The attempt that runs, or the last one.
    pub attempt: Option<AttemptStatus>,
    /// Its tasks, if it has any.
    pub tasks: Option<TasksStatus>,
    /// The last line that it printed.
    pub line: Option<String>,
    /// Why it is out of date, or what went wrong.
    pub why: Option<String>,
    /// The log of what went wrong, in this run or an earlier one.
    #[serde(skip)]
    pub log: Option<String>,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptStatus {
    /// From 1.
    pub number: u32,
    /// The most there can be, where known.
    pub of: Option<u32>,
    /// The step that led to it.
    pub step: String,
    /// The agent.
    pub agent: Option<AgentName>,
    /// The model.
    pub model: Option<String>,
    /// Its worktree.
    pub worktree: String,
    /// Its log, relative to `.specmake`.
    pub log: String,
}

/// Tasks of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TasksStatus {
    /// Ticked.
    pub done: u32,
    /// All of them.
    pub total: u32,
}

impl StatusReport {
    /// What a view says. For a run that is not on any more, what seemed to run is told as stopped.
    pub fn of(view: &View, now: u64, on: bool) -> Self {
        let mut view = view.clone();
        if !on {
            view.stop(view.latest);
        }
        let counts = view.counts();
        let run = view.run.as_ref().map(|run| RunStatus {
            run: run.run.clone(),
            pid: run.pid,
            on: on && view.end.is_none(),
            base: run.base.clone(),
            jobs: run.jobs,
            started: run.started,
            millis: match view.end {
                Some(end) => end.millis,
                None => (if on { now } else { view.latest }).saturating_sub(run.started),
            },
            outcome: view.end.map(|end| end.outcome),
            steps_done: counts.steps_done,
            steps: counts.steps,
            usage: view.tally().into(),
        });
        let specs = view.specs.values().map(|spec| spec_status(&view, spec, now)).collect();
        Self { now, run, specs, warnings: view.warnings }
    }

    /// Adds what needs a person from an earlier run, about specs that this one does not know.
    pub fn add_trouble(&mut self, earlier: Self) {
        let known = |spec: &SpecStatus| self.specs.iter().any(|known| known.spec == spec.spec);
        let trouble = |spec: &SpecStatus| is_trouble(spec.state) || spec.mark() == Mark::Delivered;
        let more: Vec<SpecStatus> =
            earlier.specs.into_iter().filter(|spec| trouble(spec) && !known(spec)).collect();
        self.specs.extend(more);
    }

    /// Lays today's verdicts over what the last run left, for when no run is on: a spec that is up to date now
    /// is told so, one that is out of date says why, and held or failed ones keep their next command.
    /// Specs that no run has seen are added.
    pub fn overlay(&mut self, plan: &PlanReport) {
        for planned in &plan.specs {
            let known = self.specs.iter().position(|spec| spec.spec == planned.spec);
            match known.map(|at| &mut self.specs[at]) {
                Some(spec) => spec.judge(planned),
                None => self.specs.push(SpecStatus::unseen(planned)),
            }
        }
        self.unblock(plan);
        self.warnings.extend(plan.notes.iter().cloned());
        let uncommitted = plan.uncommitted.iter();
        self.warnings
            .extend(uncommitted.map(|path| format!("`{path}` is not committed; judged as if it were")));
    }

    /// A spec stays blocked only while what was in its way is in trouble.
    fn unblock(&mut self, plan: &PlanReport) {
        let troubled: Vec<SpecName> =
            self.specs.iter().filter(|spec| is_trouble(spec.state)).map(|spec| spec.spec.clone()).collect();
        let free = |spec: &SpecStatus| !spec.blocked_by.iter().all(|blocker| troubled.contains(blocker));
        for spec in self.specs.iter_mut().filter(|spec| spec.mark() == Mark::Blocked && free(spec)) {
            let Some(planned) = plan.specs.iter().find(|planned| planned.spec == spec.spec) else { continue };
            spec.set(Mark::Pending);
            spec.blocked_by.clear();
            spec.judge(planned);
        }
    }

    /// Gives each running stage of which no line is known the one that `last` finds in its log.
    pub fn fill_lines(&mut self, last: impl Fn(&AttemptStatus) -> Option<String>) {
        let stages = self.specs.iter_mut().flat_map(|spec| &mut spec.stages);
        for stage in stages.filter(|stage| stage.state == Mark::Running.word() && stage.line.is_none()) {
            stage.line = stage.attempt.as_ref().and_then(&last);
        }
    }

    /// Says of each held or failed spec where its work is.
    pub fn fill_worktrees(&mut self, of: impl Fn(&SpecName) -> Option<String>) {
        for spec in self.specs.iter_mut().filter(|spec| matches!(spec.mark(), Mark::Held | Mark::Failed)) {
            spec.worktree = of(&spec.spec);
        }
    }

    /// Leaves only the specs that `keep` names, and no warning that is about another one.
    pub fn retain(&mut self, mut keep: impl FnMut(&SpecName) -> bool) {
        let (kept, others): (Vec<_>, Vec<_>) = self.specs.drain(..).partition(|spec| keep(&spec.spec));
        self.specs = kept;
        let is_of = |warning: &str, spec: &SpecStatus| {
            warning.strip_prefix(spec.spec.as_str()).is_some_and(|rest| rest.starts_with(':'))
        };
        self.warnings.retain(|warning| !others.iter().any(|spec| is_of(warning, spec)));
    }

    /// Writes it as one JSON document.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        json::document(self, out)
    }
}

impl SpecStatus {
    /// The state, as the table of symbols has it.
    pub fn mark(&self) -> Mark {
        self.mark.unwrap_or(Mark::Pending)
    }

    fn set(&mut self, mark: Mark) {
        self.mark = Some(mark);
        self.state = mark.word();
    }

    fn unseen(planned: &PlanSpec) -> Self {
        let mut spec = Self {
            spec: planned.spec.clone(),
            layer: planned.layer.clone(),
            title: planned.title.clone(),
            state: Mark::Pending.word(),
            delivered: false,
            verified: false,
            landed: false,
            commit: None,
            branch: None,
            waits_for: Vec::new(),
            blocked_by: Vec::new(),
            why: None,
            next: None,
            backups: Vec::new(),
            since: None,
            worktree: None,
            kept: Vec::new(),
            stages: planned.stages.iter().map(|stage| StageStatus::unseen(&stage.stage)).collect(),
            mark: None,
        };
        spec.judge(planned);
        spec
    }

    fn judge(&mut self, planned: &PlanSpec) {
        for stage in &planned.stages {
            let known = self.stages.iter_mut().find(|known| known.stage == stage.stage);
            let is_stopped = |known: &StageStatus| {
                known.state == Mark::Stopped.word() && !matches!(stage.verdict, Verdict::UpToDate { .. })
            };
            if let Some(known) = known.filter(|known| !is_trouble(known.state) && !is_stopped(known)) {
                known.state = Mark::from(&stage.verdict).word();
                known.why = why(&stage.verdict);
            }
        }
        if planned.is_up_to_date() {
            let adopted = |verdict: &Verdict| matches!(Mark::from(verdict), Mark::Adopted);
            self.set(if planned.verdicts().any(adopted) { Mark::Adopted } else { Mark::UpToDate });
            (self.delivered, self.landed) = (true, planned.land.is_some());
            (self.why, self.next, self.since) = (None, None, None);
            self.waits_for.clear();
            self.blocked_by.clear();
            return;
        }
        if is_trouble(self.state) {
            return;
        }
        if self.mark() == Mark::Stopped {
            let stopped = self.stages.iter().filter(|stage| stage.state == Mark::Stopped.word());
            let names: Vec<&str> = stopped.map(|stage| stage.stage.as_str()).collect();
            self.why = Some(format!("{} was under way when the run ended", list(&names, "and")));
            self.next = Some(format!("specmake {}", self.spec));
            return;
        }
        self.landed = self.landed && matches!(planned.land, Some(Verdict::UpToDate { .. }) | None);
        let first = planned.verdicts().find(|verdict| !matches!(verdict, Verdict::UpToDate { .. }));
        if let Some(first) = first {
            self.set(Mark::from(first));
            self.why = why(first);
            self.next = None;
        }
        if let Some((stage, why)) = planned.held() {
            self.set(Mark::Held);
            self.why = Some(format!("{stage}: {why}"));
            self.next = Some(format!("specmake retry {}", self.spec));
        }
    }
}

impl StageStatus {
    fn unseen(stage: &StageName) -> Self {
        Self {
            stage: stage.clone(),
            state: Mark::Pending.word(),
            since: None,
            millis: 0,
            usage: Figures::default(),
            attempt: None,
            tasks: None,
            line: None,
            why: None,
            log: None,
        }
    }
}

fn is_trouble(state: &str) -> bool {
    [Mark::Held, Mark::Failed, Mark::Gate, Mark::Colliding, Mark::Blocked]
        .iter()
        .any(|mark| mark.word() == state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{plan, sample};

    fn states(report: &StatusReport) -> Vec<(&str, &str)> {
        report.specs.iter().map(|spec| (spec.spec.as_str(), spec.state)).collect()
    }

    #[test]
    fn a_run_that_died_has_nothing_running() {
        let view = View::of(&sample::run());
        let alive = StatusReport::of(&view, 1_090_000, true);
        let dead = StatusReport::of(&view, 1_090_000, false);
        assert_eq!(states(&alive)[1], ("051-retry", "running"));
        assert_eq!(states(&dead)[1], ("051-retry", "stopped"));
        let on = |report: &StatusReport| report.run.as_ref().map(|run| run.on);
        assert_eq!((on(&alive), on(&dead)), (Some(true), Some(false)));
    }

    #[test]
    fn a_blocked_spec_is_given_the_command_for_its_cause() {
        let report = StatusReport::of(&View::of(&sample::run()), 0, true);
        let blocked = report.specs.iter().find(|spec| spec.state == "blocked").expect("061 is");
        assert_eq!(blocked.next.as_deref(), Some("specmake retry 052-limits"));
        assert_eq!(blocked.blocked_by, [sample::spec("052-limits")]);
    }

    #[test]
    fn verdicts_of_today_beat_what_a_run_left() {
        let mut report = StatusReport::of(&View::of(&sample::ended()), 0, false);
        report.overlay(&plan::tests::sample());
        assert_eq!(
            states(&report),
            [
                ("050-partial", "up-to-date"),
                ("051-retry", "out-of-date"),
                ("052-limits", "held"),
                ("060-threads", "failed"),
                ("061-quota", "blocked"),
            ]
        );
        assert_eq!(report.specs[1].why.as_deref(), Some("input `specs/051-retry/plan.md` changed"),);
        let mut plan = plan::tests::sample();
        let planned = |name: &str, from: &PlanSpec| PlanSpec { spec: sample::spec(name), ..from.clone() };
        plan.specs.push(planned("061-quota", &plan.specs[1]));
        report.overlay(&plan);
        assert_eq!(states(&report)[4], ("061-quota", "blocked"), "what is in its way still is");
        plan.specs.push(planned("052-limits", &plan.specs[0]));
        report.overlay(&plan);
        assert_eq!(states(&report)[4], ("061-quota", "out-of-date"), "nothing is in its way any more");

        let mut unseen = StatusReport::default();
        unseen.overlay(&plan::tests::sample());
        assert_eq!(states(&unseen)[2], ("060-threads", "may-run"));
    }
}
