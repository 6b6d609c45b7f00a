//! Limits that agents run into: who waits, and until when.
use super::Dispatcher;
use crate::base::{AgentName, PoolName};
use crate::event::{Event, Failure, Limit, WaitsFor};
use crate::graph::Place;
use crate::model::{FailureClass, LimitKind, Rung, Step};
use crate::plan::{IllegalMove, State};
use crate::run::hands::Hands;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The longest that a limit is waited for which does not say when it is over.
const LONGEST: Duration = Duration::from_secs(3600);

/// The first wait for a service that is overloaded; doubled each time.
const MOMENT: Duration = Duration::from_secs(10);

/// How often in a row a service may be overloaded before that is a crash.
const MOMENTS: u32 = 6;

/// What agents draw on: their pool, or an agent without one by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Pool(PoolName),
    Agent(AgentName),
}

#[derive(Debug)]
struct Pause {
    agent: AgentName,
    why: String,
    /// None if somebody has to lift it.
    until: Option<u64>,
    /// How often in a row it was met, without a success between.
    met: u32,
    /// Whether it was told that it is on, and not yet that it is over.
    is_on: bool,
    /// The stages that are held for it: a word on one of them lifts it, if only that can.
    held: BTreeSet<Place>,
}

/// The limits that were met.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pauses: BTreeMap<Source, Pause>,
    /// Stages whose service was overloaded, and how often in a row.
    moments: BTreeMap<Place, u32>,
}

impl Limits {
    /// Why an agent is paused, for which a stage is held now.
    pub(super) fn holds(&mut self, place: Place, agent: &AgentName) -> Option<&str> {
        let pause = self.pauses.values_mut().find(|pause| pause.agent == *agent)?;
        pause.held.insert(place);
        Some(&pause.why)
    }
}

impl<H: Hands> Dispatcher<H> {
    fn source(&self, agent: &AgentName) -> Source {
        match self.project.agents.get(agent).and_then(|agent| agent.pool.clone()) {
            Some(pool) => Source::Pool(pool),
            None => Source::Agent(agent.clone()),
        }
    }

    /// Takes note of a failure that may be a limit, and gives it as it counts: a service that is overloaded for too
    /// long has crashed. A limit that somebody has to lift stops the agent for all others, whatever the ladder says.
    pub(super) fn limit_met(&mut self, place: Place, mut failure: Failure) -> Failure {
        match failure.limit.filter(|_| failure.class == FailureClass::Limit).map(|limit| limit.kind) {
            Some(LimitKind::Transient) => {
                let moments = self.limits.moments.entry(place).or_default();
                *moments += 1;
                if *moments > MOMENTS {
                    self.limits.moments.remove(&place);
                    failure.class = FailureClass::Crash;
                }
            }
            Some(LimitKind::Human) => {
                self.pause(place, &failure, Limit { kind: LimitKind::Human, until: None });
            }
            Some(LimitKind::Clock) | None => {
                self.limits.moments.remove(&place);
            }
        }
        failure
    }

    /// An attempt of the place did what it should: what its agent draws on is no longer limited.
    pub(super) fn limit_over(&mut self, place: Place) {
        self.limits.moments.remove(&place);
        let source = self.schedule.agent_of(place).cloned().map(|agent| self.source(&agent));
        if let Some(pause) = source.and_then(|source| self.limits.pauses.get_mut(&source)) {
            pause.met = 0;
        }
    }

    /// The same attempt once more when the limit is over, which pauses whatever the stage's agent draws on.
    pub(super) fn wait_out(&mut self, place: Place, failure: Failure) -> Result<(), IllegalMove> {
        let limit = failure.limit.unwrap_or(Limit { kind: LimitKind::Clock, until: None });
        let state = match limit.kind {
            LimitKind::Human => {
                self.record_hold(place, failure);
                return Ok(());
            }
            LimitKind::Clock => {
                self.pause(place, &failure, limit);
                State::Queued
            }
            LimitKind::Transient => {
                let met = self.limits.moments.get(&place).copied().unwrap_or(1);
                State::BackingOff { until: self.now().saturating_add(doubled(MOMENT, met)) }
            }
        };
        let pending = self.pending.entry(place).or_default();
        // What it had begun is there, and its session may be too.
        pending.rung = match pending.rung.take() {
            Some(rung) if !matches!(rung.step, Step::Restart { .. }) => Some(rung),
            _ => Some(Rung::new(Step::Resume, 1)),
        };
        pending.former = Some(failure);
        self.schedule.set(place, state)
    }

    /// Another agent takes over: the one that was refused waits all the same.
    pub(super) fn leave_limited(&mut self, place: Place, failure: &Failure) {
        if let Some(limit) = failure.limit.filter(|limit| limit.kind == LimitKind::Clock) {
            self.pause(place, failure, limit);
        }
    }

    fn pause(&mut self, place: Place, failure: &Failure, limit: Limit) {
        let Some(agent) = self.schedule.agent_of(place).cloned() else { return };
        let now = self.now();
        let floor = self.project.agents.get(&agent).map_or(LONGEST, |agent| agent.limit_floor);
        let source = self.source(&agent);
        let former = self.limits.pauses.remove(&source);
        let was = former.as_ref().filter(|pause| pause.is_on).map(|pause| pause.until);
        let met = former.as_ref().map_or(0, |pause| pause.met) + u32::from(was.is_none());
        // It may have passed while what the attempt left was put away.
        let said = limit.until.map(|until| until.max(now));
        let until = match (limit.kind, was) {
            (LimitKind::Human, _) | (_, Some(None)) => None,
            // Begun before the pause was: it says nothing about how long that should be, unless it knows better.
            (_, Some(Some(until))) => Some(said.unwrap_or(until).max(until)),
            _ => {
                let at_least = now.saturating_add(doubled(floor, met));
                Some(if met > 1 { said.unwrap_or(0).max(at_least) } else { said.unwrap_or(at_least) })
            }
        };
        self.schedule.pause_agent(&agent, WaitsFor::Limit { agent: agent.clone(), until });
        let why = failure.message.clone();
        let mut held = former.map(|former| former.held).unwrap_or_default();
        held.insert(place);
        let pause = Pause { agent: agent.clone(), why: why.clone(), until, met, is_on: true, held };
        let pool = pool_of(&source);
        self.limits.pauses.insert(source, pause);
        if was != Some(until) {
            self.reporter.report(Event::PoolPaused { agent, pool, kind: limit.kind, why, until });
        }
    }

    /// Tells of pauses that are over.
    pub(super) fn end_pauses(&mut self) {
        let now = self.now();
        for (source, pause) in &mut self.limits.pauses {
            if pause.is_on && pause.until.is_some_and(|until| until <= now) {
                pause.is_on = false;
                let (agent, pool) = (pause.agent.clone(), pool_of(source));
                self.reporter.report(Event::PoolResumed { agent, pool });
            }
        }
    }

    /// Somebody says that the stage is to go on: if it is held for what only somebody lifts, that is tried again. What
    /// time or more money ends is not over by that.
    pub(super) fn lift_limit(&mut self, place: Place) {
        let lifted = |(_, pause): &(&Source, &Pause)| {
            pause.until.is_none() && pause.is_on && pause.held.contains(&place)
        };
        let Some(source) = self.limits.pauses.iter().find(lifted).map(|(source, _)| source.clone()) else {
            return;
        };
        if let Some(Pause { agent, .. }) = self.limits.pauses.remove(&source) {
            self.schedule.resume_agent(&agent);
            self.keep_to_the_budget();
            self.reporter.report(Event::PoolResumed { agent, pool: pool_of(&source) });
        }
    }
}

fn pool_of(source: &Source) -> Option<PoolName> {
    match source {
        Source::Pool(pool) => Some(pool.clone()),
        Source::Agent(_) => None,
    }
}

/// The wait when it is met for the `met`th time, in milliseconds: no longer than an hour, unless it is from the first.
fn doubled(first: Duration, met: u32) -> u64 {
    let factor = 1u32.checked_shl(met.saturating_sub(1)).unwrap_or(u32::MAX);
    let wait = first.saturating_mul(factor).min(LONGEST.max(first));
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::base::{AgentName, PoolName};
    use crate::event::{Failure, Limit};
    use crate::graph::sample::Sample;
    use crate::model::{FailureClass, LimitKind, Rung, Step};
    use crate::run::hands::Outcome;
    use crate::run::holding::Release;
    use crate::run::requests::Wish;
    use crate::run::sample::{Story, done, fails, takes};
    use crate::sys::signal::Which;

    const DAY: u64 = 24 * 3600;

    /// Specs `a` and `b` by `claude`, `c` by `codex`, one stage each, which waits for limits.
    fn three() -> Sample {
        let mut sample = Sample::new();
        for agent in ["claude", "codex"] {
            sample.agent(agent);
        }
        for (spec, agent) in [("a", "claude"), ("b", "claude"), ("c", "codex")] {
            sample.spec(spec, "", &["plan"], &[]);
            sample.by(agent, spec, "plan");
            let ladders = &mut sample.project.specs[spec].stages[0].ladders;
            ladders.plain = vec![Rung::new(Step::Retry, 1), Rung::new(Step::Hold, 1)];
            ladders.by_class.insert(FailureClass::Limit, vec![Rung::new(Step::Wait, 1)]);
        }
        sample
    }

    /// Refused, until this second if that is said.
    fn refused(kind: LimitKind, second: Option<u64>) -> Outcome {
        let mut failure = Failure::new(FailureClass::Limit, "refused");
        failure.limit = Some(Limit { kind, until: second.map(|second| second * 1000) });
        Outcome::Failed(failure)
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_resets_tomorrow_is_waited_for_and_others_go_on() {
        let story = Story::of(three()).attempt("a:plan", takes(1, refused(LimitKind::Clock, Some(DAY))));
        let told = story.jobs(1).tell().await;
        told.says(&[
            "a:plan run 1/2 by claude",
            "b:plan waits: job",
            "c:plan waits: job",
            "claude paused until 86400: refused",
            "c:plan run 1/2 by codex",
            "a:plan waits: claude limit",
            "b:plan waits: claude limit",
            "c:plan done Ran",
            "c Queued",
            "c landed",
            "claude resumed",
            "a:plan resume 1/2 by claude",
            "b:plan waits: job",
            "a:plan done Ran",
            "a Queued",
            "a landed",
            "b:plan run 1/2 by claude",
            "b:plan done Ran",
            "b Queued",
            "b landed",
        ])
        .ends(3, 3, false);
        assert_eq!(told.seconds, DAY + 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_says_no_time_is_waited_for_longer_each_time_it_is_met_again() {
        let mut story = Story::of(three());
        for _ in 0..6 {
            story = story.attempt("a:plan", takes(0, refused(LimitKind::Clock, None)));
        }
        story.goals = vec!["a".into()];
        let told = story.tell().await;
        let pauses: Vec<&str> = told.of(&["paused"]);
        let mut ends = Vec::new();
        let mut at = 0;
        for minutes in [5, 10, 20, 40, 60, 60] {
            at += minutes * 60;
            ends.push(format!("claude paused until {at}: refused"));
        }
        assert_eq!(pauses, ends);
        // All of it is the first attempt.
        assert_eq!(told.of(&["1/2"]).len(), 7);
        told.ends(1, 1, false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_that_is_over_by_now_is_not_waited_for() {
        let story = Story::of(three()).attempt("a:plan", takes(5, refused(LimitKind::Clock, Some(3))));
        let told = story.tell().await;
        assert_eq!(told.of(&["paused", "resumed"]), ["claude paused until 5: refused", "claude resumed"]);
        assert_eq!(told.seconds, 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_makes_it_a_first_time_again() {
        let refused = || takes(1, refused(LimitKind::Clock, None));
        let story = Story::of(three()).jobs(1).attempt("a:plan", refused()).attempt("b:plan", refused());
        let told = story.tell().await;
        assert_eq!(
            told.of(&["paused"]),
            ["claude paused until 301: refused", "claude paused until 604: refused"]
        );
        told.ends(3, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_were_under_way_do_not_make_it_longer() {
        let story = Story::of(three()).jobs(3);
        let story = story.attempt("a:plan", takes(1, refused(LimitKind::Clock, None)));
        let told = story.attempt("b:plan", takes(9, refused(LimitKind::Clock, None))).tell().await;
        assert_eq!(told.of(&["paused", "resumed"]), ["claude paused until 301: refused", "claude resumed"]);
        told.ends(3, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn agents_of_one_pool_wait_together() {
        let mut sample = three();
        let pool = PoolName::new("api").expect("a name");
        sample.pool("api", 9);
        for agent in ["claude", "codex"] {
            sample.agent(agent).pool = Some(pool.clone());
        }
        let story = Story::of(sample).jobs(1);
        let told = story.attempt("a:plan", takes(1, refused(LimitKind::Clock, Some(100)))).tell().await;
        assert_eq!(
            told.of(&["paused", "limit", "run"]),
            [
                "a:plan run 1/2 by claude",
                "claude with pool api paused until 100: refused",
                "a:plan waits: claude limit",
                "b:plan waits: claude limit",
                "c:plan waits: claude limit",
                "b:plan run 1/2 by claude",
                "c:plan run 1/2 by codex",
            ]
        );
        told.ends(3, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_person_has_to_lift_holds_the_agent_to_the_end() {
        let story = Story::of(three()).jobs(1).attempt("a:plan", takes(1, refused(LimitKind::Human, None)));
        let told = story.attempt("c:plan", takes(50, done())).tell().await;
        told.says(&[
            "a:plan run 1/2 by claude",
            "b:plan waits: job",
            "c:plan waits: job",
            "claude paused until somebody lifts it: refused",
            "a:plan is recorded as held",
            "b:plan waits: claude limit",
            "a:plan held: refused; specmake retry a",
            "c:plan run 1/2 by codex",
            "c:plan done Ran",
            "c Queued",
            "c landed",
            "b:plan held: refused; specmake b",
        ])
        .ends(1, 1, true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_overloaded_is_asked_again_soon_and_not_for_ever() {
        let mut story = Story::of(three());
        for _ in 0..14 {
            story = story.attempt("a:plan", takes(0, refused(LimitKind::Transient, None)));
        }
        story.goals = vec!["a".into()];
        let told = story.tell().await;
        // Six waits that double, then it counts as a crash, whose ladder has one retry.
        let mut lines = vec!["a:plan run 1/2 by claude"];
        lines.extend(["a:plan resume 1/2 by claude"; 6]);
        lines.push("a:plan retry 2/2 by claude");
        lines.extend(["a:plan retry 2/2 by claude"; 6]);
        lines.push("a:plan held: refused; specmake retry a");
        assert_eq!(told.of(&["/2", "held:", "paused"]), lines);
        assert_eq!(told.seconds, 2 * 10 * 63);
    }

    #[tokio::test(start_paused = true)]
    async fn a_ladder_may_have_better_than_to_wait() {
        let mut sample = three();
        let hold = vec![Rung::new(Step::Hold, 1)];
        sample.project.specs["a"].stages[0].ladders.by_class.insert(FailureClass::Limit, hold);
        let story =
            Story::of(sample).jobs(1).attempt("a:plan", takes(1, refused(LimitKind::Clock, Some(DAY))));
        let told = story.tell().await;
        assert_eq!(told.of(&["a:plan held", "paused"]), ["a:plan held: refused; specmake retry a"]);
        told.ends(2, 2, true);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_limit_another_agent_takes_over_and_the_refused_one_waits() {
        let mut sample = three();
        let codex = AgentName::new("codex").expect("a name");
        let over = vec![Rung::new(Step::Fallback { agent: codex }, 1), Rung::new(Step::Hold, 1)];
        sample.project.specs["a"].stages[0].ladders.by_class.insert(FailureClass::Limit, over);
        let story =
            Story::of(sample).jobs(1).attempt("a:plan", takes(1, refused(LimitKind::Clock, Some(DAY))));
        let told = story.tell().await;
        assert_eq!(
            told.of(&["1/2", "2/2", "paused", "resumed", "held"]),
            [
                "a:plan run 1/2 by claude",
                "claude paused until 86400: refused",
                "a:plan fallback 2/2 by codex",
                "c:plan run 1/2 by codex",
                "claude resumed",
                "b:plan run 1/2 by claude",
            ]
        );
        told.ends(3, 3, false);
    }

    fn retry() -> Wish {
        Wish::Retry(Release::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_word_on_what_is_held_for_a_limit_lifts_it() {
        let story = Story::of(three()).jobs(1).attempt("a:plan", takes(1, refused(LimitKind::Human, None)));
        let told = story.attempt("c:plan", takes(50, done())).ask(9, "a", retry()).tell().await;
        assert_eq!(
            told.of(&["/2", "paused", "resumed", "held:"]),
            [
                "a:plan run 1/2 by claude",
                "claude paused until somebody lifts it: refused",
                "a:plan held: refused; specmake retry a",
                "c:plan run 1/2 by codex",
                "claude resumed",
                "a:plan run 1/2 by claude",
                "b:plan run 1/2 by claude",
            ]
        );
        told.ends(3, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_word_on_what_is_held_for_something_else_lifts_nothing() {
        for (kind, until) in [(LimitKind::Clock, Some(DAY)), (LimitKind::Human, None)] {
            let mut sample = three();
            sample.project.specs["b"].stages[0].ladders.plain = vec![Rung::new(Step::Hold, 1)];
            let story = Story::of(sample).jobs(2).attempt("b:plan", takes(1, fails(FailureClass::Check)));
            let story = story.attempt("a:plan", takes(2, refused(kind, until)));
            let told = story.attempt("c:plan", takes(50, done())).ask(9, "b", retry()).tell().await;
            let resumed = told.said.iter().position(|line| line.starts_with("claude resumed"));
            let again = told.said.iter().rposition(|line| line.starts_with("b:plan run"));
            match kind {
                LimitKind::Clock => assert!(resumed < again && told.seconds >= DAY, "{:#?}", told.said),
                _ => assert_eq!((resumed, told.of(&["b:plan run"]).len()), (None, 1), "{:#?}", told.said),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_word_on_a_limit_is_no_money() {
        let mut sample = three();
        sample.project.settings.budget_usd = Some(5.0);
        let story = Story::of(sample).jobs(1).cost("a:plan", 6.0);
        let story = story.attempt("a:plan", takes(1, refused(LimitKind::Human, None)));
        let told = story.ask(1, "a", retry()).tell().await;
        assert_eq!(told.of(&["plan run"]), ["a:plan run 1/2 by claude"], "{:#?}", told.said);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_only_waits_for_a_limit_can_be_interrupted() {
        let mut story = Story::of(three()).attempt("a:plan", takes(1, refused(LimitKind::Clock, Some(DAY))));
        story.goals = vec!["a".into()];
        let told = story.interrupt(60, Which::First).tell().await;
        assert_eq!((told.seconds, told.ending.interrupted), (60, Some(2)));
        assert_eq!(told.of(&["resumed", "resume 1"]), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn another_failure_is_no_limit() {
        let story = Story::of(three()).attempt("a:plan", takes(1, fails(FailureClass::Crash)));
        let told = story.tell().await;
        assert_eq!(
            told.of(&["a:plan", "paused"])[..2],
            ["a:plan run 1/2 by claude", "a:plan retry 2/2 by claude"]
        );
        told.ends(3, 3, false);
    }
}
