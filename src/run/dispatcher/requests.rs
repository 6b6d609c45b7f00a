//! What people ask of a run that is on, and what the schedule makes of it.
use super::{Dispatcher, Message};
use crate::base::AgentName;
use crate::event::Failure;
use crate::graph::{Place, PlaceKind};
use crate::model::{FailureClass, Rung, Step};
use crate::plan::{IllegalMove, Phase, State};
use crate::run::hands::{Hands, settler};
use crate::run::holding::{Fixing, Release};
use crate::run::onward::Onward;
use crate::run::requests::{Answer, Heard, Wish};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::{mpsc, oneshot};

/// What was promised to people and is not done yet.
pub(super) struct People {
    /// What they ask.
    pub(super) requests: mpsc::Receiver<Heard>,
    /// Specs to hold as soon as nothing of them runs.
    to_hold: BTreeMap<usize, ToHold>,
    /// Specs that are being released.
    releasing: BTreeSet<usize>,
    /// Specs whose next attempt is one that mends.
    to_fix: BTreeMap<usize, Fixing>,
}

#[derive(Default)]
struct ToHold {
    why: Option<String>,
    answers: Vec<oneshot::Sender<Answer>>,
}

impl Default for People {
    fn default() -> Self {
        Self {
            requests: mpsc::channel(1).1,
            to_hold: BTreeMap::new(),
            releasing: BTreeSet::new(),
            to_fix: BTreeMap::new(),
        }
    }
}

impl<H: Hands> Dispatcher<H> {
    /// Also hears what people ask.
    #[must_use]
    pub fn hearing(mut self, requests: mpsc::Receiver<Heard>) -> Self {
        self.people.requests = requests;
        self
    }

    /// Lets an agent mend first what failed of a spec.
    #[must_use]
    pub fn fixing(mut self, spec: usize, fixing: Fixing) -> Self {
        self.people.to_fix.insert(spec, fixing);
        self
    }

    /// The first stage of a spec that is out of date begins with the step that a person asked for.
    pub(super) fn begin_as_asked(&mut self, place: Place) {
        let fixing = self.graph.spec_of(place).and_then(|spec| self.people.to_fix.remove(&spec));
        if let Some(Fixing { agent, former }) = fixing {
            let agent = agent.or_else(|| self.mender(place, former.class));
            let pending = self.pending.entry(place).or_default();
            pending.rung = Some(Rung::new(Step::Fix { agent }, 1));
            pending.former = Some(former);
        }
    }

    /// Who mends a stage if nobody is named: whom a `fix` step of its ladder takes, else the stage's own agent, else
    /// that of the stage before it.
    fn mender(&self, place: Place, class: FailureClass) -> Option<AgentName> {
        let PlaceKind::Stage { spec, stage } = self.graph.kind(place) else { return None };
        let spec = &self.project.specs[spec];
        let declared = spec.stages.get(stage)?;
        let named = declared.ladders.of(class).iter().find_map(|rung| match &rung.step {
            Step::Fix { agent } => agent.clone(),
            _ => None,
        });
        named.or_else(|| settler(spec, stage, None).cloned())
    }

    /// A run that is ending anyway answers nobody: whoever asks goes on when it is over.
    pub(super) fn heard(&mut self, heard: Heard) -> Result<(), IllegalMove> {
        let Heard { spec, wish, answer } = heard;
        if self.stopping {
            return Ok(());
        }
        let is_wanted = |place: &Place| self.schedule.state(*place) != State::Unwanted;
        let position = self.graph.spec_position(spec.as_str());
        let Some(spec) = position.filter(|spec| self.places_of(*spec).iter().any(is_wanted)) else {
            tell(answer, Answer::NotHere);
            return Ok(());
        };
        match wish {
            Wish::Stop { why } => {
                for place in self.places_of(spec) {
                    if let Some(stop) = self.stops.get(&place) {
                        stop.request();
                    }
                }
                self.promise_to_hold(spec, why, Some(answer))
            }
            Wish::Hold { why } => {
                let running = self.places_of(spec).into_iter().find(|place| self.stops.contains_key(place));
                match running.and_then(|place| self.graph.stage_id(place)) {
                    Some(stage) => {
                        tell(answer, Answer::Soon { stage: stage.to_string() });
                        self.promise_to_hold(spec, why, None)
                    }
                    None => self.promise_to_hold(spec, why, Some(answer)),
                }
            }
            Wish::Retry(release) => {
                self.release(spec, release, answer);
                Ok(())
            }
        }
    }

    fn promise_to_hold(
        &mut self,
        spec: usize,
        why: Option<String>,
        answer: Option<oneshot::Sender<Answer>>,
    ) -> Result<(), IllegalMove> {
        let promise = self.people.to_hold.entry(spec).or_default();
        promise.why = why.or(promise.why.take());
        promise.answers.extend(answer);
        self.keep_promises()
    }

    /// Holds what is to be held and does not run any more.
    pub(super) fn keep_promises(&mut self) -> Result<(), IllegalMove> {
        let specs: Vec<usize> = self.people.to_hold.keys().copied().collect();
        for spec in specs {
            if !self.is_busy(spec)
                && let Some(promise) = self.people.to_hold.remove(&spec)
            {
                self.hold_by_hand(spec, promise)?;
            }
        }
        Ok(())
    }

    fn hold_by_hand(&mut self, spec: usize, promise: ToHold) -> Result<(), IllegalMove> {
        let failure = Failure::by_hand(promise.why.as_deref());
        let is_good =
            |place: &Place| matches!(self.schedule.state(*place).phase(), Phase::Done | Phase::Unwanted);
        if self.places_of(spec).iter().all(is_good) {
            for answer in promise.answers {
                tell(answer, Answer::Nothing { why: "it is done".to_owned() });
            }
            return Ok(());
        }
        for place in self.places_of(spec) {
            // What is behind one that is held is blocked by then.
            let open = !self.schedule.state(place).is_over();
            if open {
                self.landings.withdraw(place);
                self.pending.remove(&place);
                self.hold(place, failure.clone(), Onward::Retry)?;
            }
        }
        let answer = self.hands.hold_spec(spec, failure);
        self.work.spawn(async move {
            Message::HeldByHand { spec, recorded: answer.await, answers: promise.answers }
        });
        Ok(())
    }

    pub(super) fn held_by_hand(
        &mut self,
        spec: usize,
        recorded: Result<(), String>,
        answers: Vec<oneshot::Sender<Answer>>,
    ) {
        let name = self.graph.spec_name(spec);
        if let Err(why) = &recorded {
            self.reporter.warn(format!("cannot record that `{name}` is held: {why}"));
        }
        for answer in answers {
            tell(
                answer,
                match &recorded {
                    Ok(()) => Answer::Held,
                    Err(why) => Answer::Failed { why: why.clone() },
                },
            );
        }
    }

    fn release(&mut self, spec: usize, release: Release, answer: oneshot::Sender<Answer>) {
        if let Some(promise) = self.people.to_hold.remove(&spec) {
            for promised in promise.answers {
                tell(promised, Answer::Nothing { why: "somebody said `retry` meanwhile".to_owned() });
            }
            return tell(answer, Answer::GoesOn { told: Vec::new() });
        }
        if self.is_busy(spec) {
            return tell(answer, Answer::Nothing { why: "it is at work".to_owned() });
        }
        // Whoever asks goes on when this run is over.
        if self.schedule.begins_nothing_of(spec) {
            return tell(answer, Answer::NotHere);
        }
        let states: Vec<State> =
            self.places_of(spec).into_iter().map(|place| self.schedule.state(place)).collect();
        let is_stuck = states.iter().any(|state| matches!(state, State::Held | State::Failed));
        let is_over = matches!(states.last(), Some(State::Done(_)));
        let again = release.from.is_some() || release.force || release.clean;
        if again && (is_over || !is_stuck) {
            return tell(answer, Answer::NotHere);
        }
        if !is_stuck {
            let why = if is_over { "it is done" } else { "its turn has not come" };
            return tell(answer, Answer::Nothing { why: why.to_owned() });
        }
        self.people.releasing.insert(spec);
        let released = self.hands.release(spec, release.clone());
        self.work.spawn(async move { Message::Released { spec, release, released: released.await, answer } });
    }

    /// A spec that was released begins again where it was held, or before that.
    pub(super) fn released(
        &mut self,
        spec: usize,
        release: &Release,
        released: Result<Vec<String>, String>,
        answer: oneshot::Sender<Answer>,
    ) -> Result<(), IllegalMove> {
        self.people.releasing.remove(&spec);
        let told = match released {
            Ok(told) => told,
            Err(why) => {
                tell(answer, Answer::Failed { why });
                return Ok(());
            }
        };
        if let Some(fix) = &release.fix {
            self.people.to_fix.insert(spec, fix.clone());
        }
        let places = self.places_of(spec);
        for place in &places {
            self.pending.remove(place);
            if matches!(self.schedule.state(*place), State::Held | State::Failed) {
                self.lift_limit(*place);
                self.schedule.set(*place, State::Waiting)?;
            }
        }
        let first = release.first(&self.project.specs[spec]).ok().flatten();
        let first = if release.clean { Some(0) } else { first };
        let first = first.and_then(|first| places.get(first)).copied();
        if let Some(first) = first.filter(|place| self.schedule.state(*place) != State::Unwanted) {
            self.schedule.send_back(first)?;
        }
        self.landings.ran(self.graph.landing_of(spec));
        self.conflicts.forget(spec);
        tell(answer, Answer::GoesOn { told });
        Ok(())
    }

    /// Whether something of a spec is in somebody's hands.
    fn is_busy(&self, spec: usize) -> bool {
        self.people.releasing.contains(&spec)
            || self.places_of(spec).into_iter().any(|place| match self.schedule.state(place) {
                State::Judging | State::Running => true,
                State::Landing => self.landings.is_under_way(place),
                _ => false,
            })
    }

    /// The stages of a spec, then its landing.
    fn places_of(&self, spec: usize) -> Vec<Place> {
        self.graph.stages_of(spec).chain([self.graph.landing_of(spec)]).collect()
    }
}

/// Whoever asked may be gone by now.
fn tell(to: oneshot::Sender<Answer>, answer: Answer) {
    drop(to.send(answer));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Done;
    use crate::graph::sample::Sample;
    use crate::run::hands::Judgement;
    use crate::run::sample::{Story, deaf, done, fails, landed, takes};
    use crate::sys::signal::Which;

    fn stop() -> Wish {
        Wish::Stop { why: None }
    }

    fn hold() -> Wish {
        Wish::Hold { why: Some("not now".into()) }
    }

    fn retry() -> Wish {
        Wish::Retry(Release::default())
    }

    /// `a` of two stages, `b` that needs it, and `c` beside them, which is at work for a hundred seconds.
    fn three() -> Story {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan", "build"], &[]);
        sample.spec("b", "", &["plan"], &["a"]);
        sample.spec("c", "", &["plan"], &[]);
        for spec in ["a", "b", "c"] {
            for stage in &mut sample.project.specs[spec].stages {
                stage.ladders.plain = vec![Rung::new(Step::Retry, 3), Rung::new(Step::Fail, 1)];
            }
        }
        Story::of(sample).jobs(4).attempt("c:plan", takes(100, done()))
    }

    #[tokio::test(start_paused = true)]
    async fn stop_ends_what_runs_of_a_spec_and_nothing_else() {
        let told = three().attempt("a:plan", takes(50, done())).ask(2, "a", stop()).tell().await;
        assert_eq!(
            told.of(&["a:", "a ", "b "]),
            [
                "a:plan run 1/4",
                "a:plan is stopped",
                "a:plan held: held by hand; specmake retry a",
                "a:plan recorded: held by hand",
                "b blocked by a: held: plan",
            ]
        );
        assert_eq!(told.answers, [Some(Answer::Held)]);
        told.ends(1, 1, true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_an_agent_that_takes_its_time() {
        let told = three().attempt("a:plan", deaf(50, done())).ask(2, "a", stop()).tell().await;
        let held = ["a:plan done Ran", "a:build held: held by hand; specmake retry a"];
        assert_eq!(told.of(&["a:plan done", "a:build", "is stopped"]), held);
        assert_eq!(told.answers, [Some(Answer::Held)]);
    }

    #[tokio::test(start_paused = true)]
    async fn hold_lets_a_stage_end_and_holds_the_next() {
        let told = three().attempt("a:plan", takes(50, done())).ask(2, "a", hold()).tell().await;
        assert_eq!(
            told.of(&["a:plan", "a:build"]),
            [
                "a:plan run 1/4",
                "a:plan done Ran",
                "a:build held: held by hand: not now; specmake retry a",
                "a:plan recorded: held by hand: not now",
            ]
        );
        assert_eq!(told.answers, [Some(Answer::Soon { stage: "a:plan".into() })]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_climbs_no_further_once_its_spec_is_to_be_held() {
        let story = three().attempt("a:plan", takes(50, fails(FailureClass::Crash)));
        let told = story.ask(2, "a", hold()).tell().await;
        assert_eq!(
            told.of(&["a:plan run", "a:plan retry", "a:plan held"]),
            ["a:plan run 1/4", "a:plan held: held by hand: not now; specmake retry a"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_spec_that_waits_is_held_before_it_begins() {
        let story = three().attempt("a:plan", takes(50, done()));
        let told = story.ask(2, "b", hold()).ask(3, "b", stop()).tell().await;
        assert_eq!(told.of(&["b:plan run", "b landed"]), [""; 0]);
        assert_eq!(told.answers, [Some(Answer::Held), Some(Answer::Held)]);
        told.ends(3, 2, true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spec_that_was_stopped_goes_on_with_retry() {
        let story = three().attempt("a:plan", takes(50, done()));
        let told = story.ask(2, "a", stop()).ask(4, "a", retry()).tell().await;
        assert_eq!(
            told.of(&["a:plan", "a:build", "a landed", "b blocked", "b landed"]),
            [
                "a:plan run 1/4",
                "a:plan is stopped",
                "a:plan held: held by hand; specmake retry a",
                "a:plan recorded: held by hand",
                "b blocked by a: held: plan",
                "a:plan is released",
                "a:plan run 1/4",
                "a:plan done Ran",
                "a:build run 1/4",
                "a:build done Ran",
                "a landed",
                "b landed",
            ]
        );
        assert_eq!(told.answers, [Some(Answer::Held), Some(Answer::GoesOn { told: vec![] })]);
        told.ends(4, 3, false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_spec_climbs_its_ladder_anew_and_blocks_again_if_it_fails_again() {
        let mut story = three();
        for _ in 0..8 {
            story = story.attempt("a:plan", takes(1, fails(FailureClass::Crash)));
        }
        let told = story.ask(10, "a", retry()).tell().await;
        let climb = ["a:plan run 1/4", "a:plan retry 2/4", "a:plan retry 3/4", "a:plan retry 4/4"];
        let end = ["a:plan failed: no; specmake retry a", "b blocked by a: failed: plan (crash)"];
        let expected: Vec<&str> = [&climb[..], &end].concat().repeat(2);
        assert_eq!(told.of(&["a:plan run", "a:plan retry", "a:plan failed", "b blocked"]), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn from_takes_back_what_was_done() {
        let build = takes(1, fails(FailureClass::Crash));
        let mut story = three();
        for _ in 0..4 {
            story = story.attempt("a:build", build.clone());
        }
        let from = crate::base::StageName::new("plan").ok();
        let release = Wish::Retry(Release { from, ..Release::default() });
        let told = story.ask(10, "a", release).tell().await;
        assert_eq!(told.of(&["a:plan run", "a landed"]), ["a:plan run 1/4", "a:plan run 1/4", "a landed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_is_answered() {
        let sure = || Judgement::UpToDate(Done::UpToDate);
        let story = three().judged("a:plan", sure()).judged("a:build", sure()).judged("a:land", sure());
        let told = story
            .attempt("b:plan", takes(20, done()))
            .ask(1, "a", hold())
            .ask(2, "a", retry())
            .ask(3, "b", retry())
            .ask(4, "nobody", stop())
            .tell()
            .await;
        let nothing = |why: &str| Some(Answer::Nothing { why: why.into() });
        let expected =
            [nothing("it is done"), nothing("it is done"), nothing("it is at work"), Some(Answer::NotHere)];
        assert_eq!(told.answers, expected);
        told.ends(2, 2, false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_landing_is_stopped_too() {
        let told = three().landing("a", takes(50, landed())).ask(5, "a", stop()).tell().await;
        assert_eq!(
            told.of(&["a landed", "a:land", "recorded"]),
            ["a:land held: held by hand; specmake retry a", "a:plan recorded: held by hand"]
        );
        assert_eq!(told.answers, [Some(Answer::Held)]);
        told.ends(3, 1, true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_begins_nothing_new_of_a_spec_says_so() {
        let mut story = three();
        story.terms.fail_fast = true;
        for _ in 0..4 {
            story = story.attempt("a:plan", takes(1, fails(FailureClass::Crash)));
        }
        let told = story.ask(10, "a", retry()).ask(11, "c", retry()).tell().await;
        let at_work = Some(Answer::Nothing { why: "it is at work".into() });
        assert_eq!(told.answers, [Some(Answer::NotHere), at_work]);
        assert_eq!(told.of(&["a:plan is released", "a:plan run"]), ["a:plan run 1/4"]);
        told.ends(1, 1, true);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_ends_answers_nobody() {
        let story = three().attempt("a:plan", deaf(50, done())).interrupt(2, Which::First);
        assert_eq!(story.ask(3, "a", stop()).tell().await.answers, [None]);
    }

    #[tokio::test(start_paused = true)]
    async fn fix_begins_with_an_attempt_that_mends() {
        let mut story = three();
        for _ in 0..4 {
            story = story.attempt("a:plan", takes(1, fails(FailureClass::Crash)));
        }
        let former = Failure::new(FailureClass::Check, "red");
        let fix = Some(Fixing { agent: None, former });
        let told = story.ask(10, "a", Wish::Retry(Release { fix, ..Release::default() })).tell().await;
        assert_eq!(
            told.of(&["a:plan failed", "a:plan fix", "a:build", "a landed"]),
            [
                "a:plan failed: no; specmake retry a",
                "a:plan fix 1/4",
                "a:build run 1/4",
                "a:build done Ran",
                "a landed",
            ]
        );
    }
}
