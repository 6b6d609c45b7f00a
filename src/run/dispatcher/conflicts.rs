//! Branches that do not merge with the base: `on-conflict`, climbed by a spec from whatever place it was found at.
use super::{Dispatcher, Message};
use crate::event::Failure;
use crate::graph::{Place, PlaceKind};
use crate::model::{FailureClass, Ladders, Rung};
use crate::plan::{IllegalMove, State};
use crate::run::hands::{Hands, manner};
use crate::run::ladder::{Climb, Next, jittered};
use std::collections::HashMap;

/// How far specs are with their conflicts.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    climbs: HashMap<usize, Climb>,
    /// Stages that are to settle what their spec's landing found, once they are judged.
    due: HashMap<Place, (Rung, Failure)>,
}

impl Conflicts {
    /// A person said that the spec may try again, or the conflict is settled.
    pub fn forget(&mut self, spec: usize) {
        self.climbs.remove(&spec);
    }

    /// What a stage is to settle.
    pub fn due(&mut self, place: Place) -> Option<(Rung, Failure)> {
        self.due.remove(&place)
    }
}

impl<H: Hands> Dispatcher<H> {
    /// A branch does not merge, or an attempt to settle that failed.
    pub(super) fn conflict(&mut self, place: Place, failure: Failure) -> Result<(), IllegalMove> {
        let ladders = self.on_conflict(place);
        let failure = self.limit_met(place, failure);
        let spec = self.graph.spec_of(place).unwrap_or_default();
        let climb = self.conflicts.climbs.entry(spec).or_default();
        match climb.next(&ladders, &failure, self.retries) {
            Next::Again { rung, .. } if self.is_landing(place) => self.settle_before(place, rung, failure),
            Next::Again { rung, backoff } => {
                self.set_to_settle(place, rung, failure);
                let backoff = jittered(backoff, self.chance.f64());
                self.set_off(place, backoff)
            }
            Next::Wait => self.wait_out(place, failure),
            Next::Fail => self.fail(place, failure),
            Next::Hold | Next::Skip => {
                let tried = self.conflicts.climbs.get(&spec).is_some_and(Climb::was_tried);
                let answer = self.hands.leave_conflict(place, failure, tried);
                self.work.spawn(async move { Message::LeftInConflict(place, answer.await) });
                Ok(())
            }
        }
    }

    /// A conflict is settled by the ladder of the landing; what the agent's attempts run into besides is what its
    /// stage says of that.
    fn on_conflict(&self, place: Place) -> Ladders {
        let mut ladders = Ladders { plain: self.project.land.on_conflict.clone(), ..Ladders::default() };
        if let PlaceKind::Stage { spec, stage } = self.graph.kind(place) {
            let spec = &self.project.specs[spec];
            let manner = spec.stages.get(manner(spec, stage));
            for class in [FailureClass::Limit, FailureClass::Leak] {
                let rungs = manner.and_then(|stage| stage.ladders.by_class.get(&class));
                ladders.by_class.extend(rungs.map(|rungs| (class, rungs.clone())));
            }
        }
        ladders
    }

    /// The most attempts that there may be of which this is to settle a conflict.
    pub(super) fn most_to_settle(&self, place: Place, attempt: u32) -> u32 {
        let climb = self.graph.spec_of(place).and_then(|spec| self.conflicts.climbs.get(&spec));
        let ahead = climb.map(|climb| climb.most(&self.on_conflict(place), self.retries));
        attempt.saturating_add(ahead.unwrap_or_default())
    }

    /// The next attempt at a stage settles a conflict.
    pub(super) fn set_to_settle(&mut self, place: Place, rung: Rung, failure: Failure) {
        let pending = self.pending.entry(place).or_default();
        pending.settles = true;
        pending.rung = Some(rung);
        pending.former = Some(failure);
    }

    /// A landing takes no agent's tokens: the spec's `check`, or its last stage, settles what is in its way.
    fn settle_before(&mut self, landing: Place, rung: Rung, failure: Failure) -> Result<(), IllegalMove> {
        let spec = self.graph.spec_of(landing).unwrap_or_default();
        let Some(place) = self.check_of(spec).or_else(|| self.graph.stages_of(spec).last()) else {
            return self.fail(landing, failure);
        };
        self.conflicts.due.insert(place, (rung, failure));
        self.schedule.send_back(place)
    }

    fn check_of(&self, spec: usize) -> Option<Place> {
        let at = self.project.specs[spec].stages.iter().position(|stage| stage.name.as_str() == "check")?;
        self.graph.stages_of(spec).nth(at)
    }

    /// The branch merges now: the stage is judged anew, and so is the `check` that no longer counts.
    pub(super) fn settled(&mut self, place: Place, tried: bool) -> Result<(), IllegalMove> {
        let spec = self.graph.spec_of(place).unwrap_or_default();
        if tried {
            self.conflicts.forget(spec);
            self.limit_over(place);
        }
        self.end_climb(place);
        self.landings.ran(self.graph.landing_of(spec));
        self.schedule.set(place, State::Waiting)?;
        let agent = self.agent_at(place);
        self.schedule.use_agent(place, agent.as_ref());
        match self.check_of(spec) {
            Some(check) if matches!(self.schedule.state(check), State::Done(_)) => {
                self.schedule.send_back(check)
            }
            _ => Ok(()),
        }
    }

    /// Whether a place cannot begin beside another of its spec, since one of the two settles a conflict.
    pub(super) fn settles_beside(&self, place: Place) -> bool {
        let settles = |place: Place| self.pending.get(&place).is_some_and(|pending| pending.settles);
        let mut running = self.beside(place).filter(|other| self.schedule.state(*other) == State::Running);
        running.any(|other| settles(place) || settles(other))
    }
}

#[cfg(test)]
mod tests {
    use crate::base::AgentName;
    use crate::graph::sample::Sample;
    use crate::model::{FailureClass, Rung, Step};
    use crate::run::hands::{Judgement, Landed, Outcome};
    use crate::run::sample::{Story, done, fails, failure, takes};
    use crate::sys::signal::Which;

    /// `a` with `plan`, `check` and `review`, and this ladder for conflicts.
    fn story(steps: Vec<(Step, u32)>) -> Story {
        let mut sample = Sample::new();
        sample.agent("usual");
        sample.agent("careful");
        sample.spec("a", "", &["plan", "check", "review"], &[]);
        sample.by("usual", "a", "plan");
        sample.project.land.on_conflict =
            steps.into_iter().map(|(step, times)| Rung::new(step, times)).collect();
        Story::of(sample)
    }

    fn careful() -> Step {
        Step::Fix { agent: Some(AgentName::new("careful").unwrap()) }
    }

    fn conflict() -> Landed {
        Landed::Conflict(failure(FailureClass::Conflict))
    }

    fn found(stage: &str, story: Story) -> Story {
        story.judged(stage, Judgement::Conflict(failure(FailureClass::Conflict)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_landing_found_is_settled_by_the_check_which_runs_again() {
        let story = story(vec![(careful(), 1), (Step::Hold, 1)]).landing("a", takes(1, conflict()));
        let told = story.tell().await;
        told.says(&[
            "a:plan run 1/1 by usual",
            "a:plan done Ran",
            "a:check run 1/1",
            "a:check done Ran",
            "a:review run 1/1",
            "a:review done Ran",
            "a Queued",
            "a:check fix 2/2 by careful",
            "a:check is up to date",
            "a:review is up to date",
            "a Queued",
            "a landed",
        ])
        .ends(3, 1, false);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_stage_found_is_settled_before_it_runs() {
        let told = found("a:plan", story(vec![(Step::Fix { agent: None }, 2)])).tell().await;
        assert_eq!(
            told.of(&["a:plan"]),
            ["a:plan fix 1/2 by usual", "a:plan run 2/2 by usual", "a:plan done Ran"]
        );
        told.ends(3, 1, false);
    }

    #[tokio::test(start_paused = true)]
    async fn the_ladder_is_climbed_to_its_end_and_what_comes_of_it_is_a_persons() {
        let both = || vec![(Step::Fix { agent: None }, 1), (careful(), 1), (Step::Hold, 1)];
        let no = || takes(1, fails(FailureClass::Conflict));
        let told =
            found("a:plan", story(both())).attempt("a:plan", no()).attempt("a:plan", no()).tell().await;
        told.says(&[
            "a:plan fix 1/2 by usual",
            "a:plan fix 2/2 by careful",
            "a:plan is left in conflict after a try",
            "a:plan held: no; specmake a",
        ])
        .ends(0, 0, true);
        let told = found("a:plan", story(vec![(Step::Hold, 1)])).tell().await;
        told.says(&["a:plan is left in conflict", "a:plan held: no; specmake a"]);
        let told = found("a:plan", story(vec![(Step::Fail, 1)])).tell().await;
        told.says(&["a:plan failed: no; specmake retry a"]).ends(0, 0, true);
        let told = story(vec![(Step::Hold, 1)]).landing("a", takes(1, conflict())).tell().await;
        assert_eq!(told.said.last().unwrap(), "a:land held: no; specmake land a");
        told.ends(3, 0, true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_that_is_settled_leaves_the_whole_ladder_to_the_next() {
        let told = story(vec![(careful(), 1), (Step::Hold, 1)])
            .landing("a", takes(1, conflict()))
            .landing("a", takes(1, conflict()))
            .tell()
            .await;
        assert_eq!(told.of(&["careful"]), ["a:check fix 2/2 by careful", "a:check fix 3/3 by careful"]);
        told.ends(3, 1, false);
    }

    #[tokio::test(start_paused = true)]
    async fn what_merges_by_itself_takes_no_step_back() {
        let at_once = || takes(0, Outcome::Settled { tried: false });
        let mut story = story(vec![(careful(), 2), (Step::Hold, 1)]).attempt("a:check", takes(1, done()));
        for _ in 0..3 {
            story = story.landing("a", takes(1, conflict())).attempt("a:check", at_once());
        }
        let told = story.tell().await;
        assert_eq!(told.of(&["careful"]).len(), 2);
        told.ends(3, 0, true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_base_that_moves_before_an_attempt_begins_is_settled_first() {
        let met = Outcome::Conflict(failure(FailureClass::Conflict));
        let told = story(vec![(careful(), 1)]).attempt("a:plan", takes(0, met)).tell().await;
        let of = told.of(&["a:plan"]);
        assert_eq!(of[1..], ["a:plan fix 2/2 by careful", "a:plan run 3/3 by usual", "a:plan done Ran"]);
        told.ends(3, 1, false);
    }

    #[tokio::test(start_paused = true)]
    async fn what_settles_is_stopped_with_the_run() {
        let story = found("a:plan", story(vec![(careful(), 1)]));
        let told = story
            .attempt("a:plan", takes(100, Outcome::Settled { tried: true }))
            .interrupt(5, Which::First)
            .tell()
            .await;
        told.says(&["a:plan fix 1/1 by careful", "stopping", "a:plan is stopped"]).ends(0, 0, true);
        assert_eq!(told.seconds, 5);
    }
}
