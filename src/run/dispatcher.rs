//! The loop of a run. It alone moves the schedule; hands work beside it and answer with messages.
use super::hands::{Hands, Judgement, Landed, Order, Outcome, Pending};
use super::ladder::{Climb, Next};
use super::report::Reporter;
use super::waiting::Waiting;
use crate::base::{SpecName, StageId};
use crate::event::{Done, Event, Failure, LandingPhase, Verdict};
use crate::graph::{Place, PlaceKind, StageGraph};
use crate::model::{FailureClass, Project};
use crate::plan::{IllegalMove, Phase, Schedule, State};
use crate::sys::signal::{Interrupt, Which};
use crate::sys::stop::Stop;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often a gate is looked at, and a landing that the checkout is in the way of is tried again, while
/// something else runs.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The most judgements under way at once.
const JUDGES: usize = 8;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ending {
    /// Stages that ran to their good end.
    pub ran: usize,
    /// Specs that landed.
    pub landed: usize,
    /// Whether something failed, is held, blocked or cancelled, or waits for a person.
    pub stuck: bool,
    /// The signal that ended it.
    pub interrupted: Option<i32>,
}

enum Message {
    Judged(Place, Judgement),
    Tried { place: Place, attempt: u32, outcome: Outcome, millis: u64 },
    Recorded(Place, Failure),
    Landed(Place, Landed),
}

/// The loop and what it keeps between messages.
pub struct Dispatcher<H> {
    project: Arc<Project>,
    graph: Arc<StageGraph>,
    schedule: Schedule,
    hands: Arc<H>,
    reporter: Reporter,
    retries: Option<u32>,
    pending: HashMap<Place, Pending>,
    work: JoinSet<Message>,
    judging: usize,
    to_land: VecDeque<Place>,
    landing: Option<Place>,
    in_the_way: BTreeSet<Place>,
    gates: BTreeSet<Place>,
    waiting: Waiting,
    blocked: BTreeSet<usize>,
    stop: Stop,
    stopping: bool,
    ending: Ending,
    began: (u64, Instant),
}

impl<H: Hands> Dispatcher<H> {
    /// A loop over a schedule. `now` is the time in milliseconds since the Unix epoch.
    pub fn new(
        project: Arc<Project>,
        schedule: Schedule,
        hands: Arc<H>,
        reporter: Reporter,
        retries: Option<u32>,
        now: u64,
    ) -> Self {
        Self {
            graph: Arc::clone(schedule.graph()),
            project,
            schedule,
            hands,
            reporter,
            retries,
            pending: HashMap::new(),
            work: JoinSet::new(),
            judging: 0,
            to_land: VecDeque::new(),
            landing: None,
            in_the_way: BTreeSet::new(),
            gates: BTreeSet::new(),
            waiting: Waiting::default(),
            blocked: BTreeSet::new(),
            stop: Stop::new(),
            stopping: false,
            ending: Ending::default(),
            began: (now, Instant::now()),
        }
    }

    fn now(&self) -> u64 {
        let (start, began) = self.began;
        start + u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Runs until nothing can go on.
    ///
    /// # Errors
    /// A move that the schedule does not allow: a bug.
    pub async fn run(mut self, mut interrupts: mpsc::Receiver<Interrupt>) -> Result<Ending, IllegalMove> {
        loop {
            self.start_what_can()?;
            if self.work.is_empty() && (self.stopping || self.schedule.settled()) {
                break;
            }
            let wake = self.wake();
            tokio::select! {
                Some(joined) = self.work.join_next(), if !self.work.is_empty() => match joined {
                    Ok(message) => self.handle(message)?,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => {}
                },
                Some(interrupt) = interrupts.recv() => self.interrupt(interrupt),
                () = tokio::time::sleep(wake) => self.look_again()?,
            }
        }
        self.give_up_waiting()?;
        let stuck = [Phase::Failed, Phase::Held, Phase::Blocked, Phase::Cancelled];
        self.ending.stuck = stuck.iter().any(|phase| self.schedule.count(*phase) > 0)
            || !self.gates.is_empty()
            || self.schedule.count(Phase::Waiting) > 0;
        Ok(self.ending)
    }

    /// Hands out everything that may begin now.
    fn start_what_can(&mut self) -> Result<(), IllegalMove> {
        if self.stopping {
            return Ok(());
        }
        while self.judging < JUDGES {
            let Some(place) = self.schedule.next_to_judge() else { break };
            self.judging += 1;
            let answer = self.hands.judge(place);
            self.work.spawn(async move { Message::Judged(place, answer.await) });
        }
        self.start_landing();
        while let Some(place) = self.schedule.next_to_start(self.now()) {
            self.start_attempt(place);
        }
        self.tell_moved();
        let now = self.now();
        self.waiting.tell(&self.graph, &self.schedule, now, &self.reporter);
        Ok(())
    }

    fn start_landing(&mut self) {
        if self.landing.is_some() || self.to_land.is_empty() || !self.schedule.take_job() {
            return;
        }
        // Topological order first, then the order of arrival: places are numbered in neither, so both are sought.
        let order = self.graph.order();
        let rank = |place: &Place| order.iter().position(|p| p == place);
        let first = self.to_land.iter().enumerate().min_by_key(|(at, place)| (rank(place), *at));
        let Some(place) = first.map(|(at, _)| at).and_then(|at| self.to_land.remove(at)) else { return };
        self.landing = Some(place);
        let answer = self.hands.land(place, self.stop.clone());
        self.work.spawn(async move { Message::Landed(place, answer.await) });
    }

    fn start_attempt(&mut self, place: Place) {
        let ladders = self.ladders(place);
        let of = Climb::most(&ladders, self.retries);
        let pending = self.pending.entry(place).or_default();
        let order = Order {
            place,
            attempt: pending.climb.begin(),
            of,
            rung: pending.rung.take(),
            reasons: pending.reasons.clone(),
            former: pending.former.take(),
        };
        let attempt = order.attempt;
        let answer = self.hands.attempt(order, self.stop.clone());
        self.work.spawn(async move {
            let began = Instant::now();
            let outcome = answer.await;
            let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            Message::Tried { place, attempt, outcome, millis }
        });
    }

    fn ladders(&self, place: Place) -> crate::model::Ladders {
        match self.graph.kind(place) {
            PlaceKind::Stage { spec, stage } => self.project.specs[spec].stages[stage].ladders.clone(),
            _ => crate::model::Ladders::default(),
        }
    }

    fn handle(&mut self, message: Message) -> Result<(), IllegalMove> {
        match message {
            Message::Judged(place, judgement) => {
                self.judging -= 1;
                self.judged(place, judgement)
            }
            Message::Tried { place, attempt, outcome, millis } => self.tried(place, attempt, outcome, millis),
            Message::Recorded(place, failure) => self.hold(place, failure),
            Message::Landed(place, landed) => {
                self.landing = None;
                self.schedule.give_job();
                self.landed(place, landed)
            }
        }
    }

    fn judged(&mut self, place: Place, judgement: Judgement) -> Result<(), IllegalMove> {
        let Some(stage) = self.graph.stage_id(place) else { return Ok(()) };
        let is_landing = self.graph.stage_name(place).is_none();
        match judgement {
            Judgement::UpToDate(how) => {
                self.report_verdict(is_landing, stage, Verdict::UpToDate { how });
                self.schedule.set(place, State::Done(how))
            }
            Judgement::OutOfDate(_) if self.schedule.is_parked(place) => {
                let message = "it is parked: name it to build it".to_owned();
                self.hold(place, Failure { class: FailureClass::Setup, message, log: None })
            }
            Judgement::OutOfDate(_) if is_landing => {
                self.report_landing(&stage.spec, LandingPhase::Queued);
                self.to_land.push_back(place);
                self.schedule.set(place, State::Landing)
            }
            Judgement::OutOfDate(reasons) => {
                self.report_verdict(false, stage, Verdict::OutOfDate { reasons: reasons.clone() });
                self.pending.insert(place, Pending { reasons, ..Pending::default() });
                self.schedule.set(place, State::Queued)
            }
            Judgement::Skipped(_) => {
                self.report_done(stage, Done::Skipped, None, 0);
                self.schedule.set(place, State::Done(Done::Skipped))
            }
            Judgement::SpecSkipped(why) => {
                self.reporter.report(Event::SpecSkipped { spec: stage.spec, why });
                let spec = self.graph.spec_of(place).unwrap_or_default();
                self.schedule.settle_spec(spec, Done::Skipped)
            }
            Judgement::AwaitsPerson(reasons) => {
                if self.gates.insert(place) {
                    self.report_verdict(false, stage.clone(), Verdict::OutOfDate { reasons });
                    self.reporter.report(Event::GateWaiting { stage });
                }
                self.schedule.set(place, State::AwaitingPerson)
            }
            Judgement::Held(failure) => self.hold(place, failure),
            Judgement::Failed(failure) => self.fail(place, failure),
        }
    }

    fn tried(
        &mut self,
        place: Place,
        attempt: u32,
        outcome: Outcome,
        millis: u64,
    ) -> Result<(), IllegalMove> {
        let Some(stage) = self.graph.stage_id(place) else { return Ok(()) };
        let ladders = self.ladders(place);
        let pending = self.pending.entry(place).or_default();
        pending.millis += millis;
        let spent = pending.millis;
        let failure = match outcome {
            Outcome::Done { commit } => {
                self.pending.remove(&place);
                self.ending.ran += 1;
                self.report_done(stage, Done::Ran, Some(commit), spent);
                return self.schedule.set(place, State::Done(Done::Ran));
            }
            Outcome::Stopped => return self.schedule.set(place, State::Queued),
            Outcome::Failed(failure) => failure,
        };
        debug_assert_eq!(attempt, pending.climb.attempts(), "attempts of a stage come one after another");
        match pending.climb.next(&ladders, &failure, self.retries) {
            Next::Again { rung, backoff } => {
                pending.rung = Some(rung);
                pending.former = Some(failure);
                if backoff.is_zero() {
                    return self.schedule.set(place, State::Queued);
                }
                let jitter = backoff.mul_f64(fastrand::f64() * 0.25);
                let wait = u64::try_from((backoff + jitter).as_millis()).unwrap_or(u64::MAX);
                let until = self.now().saturating_add(wait);
                self.schedule.set(place, State::BackingOff { until })
            }
            Next::Hold => {
                let answer = self.hands.hold(place, failure.clone());
                self.work.spawn(async move {
                    answer.await;
                    Message::Recorded(place, failure)
                });
                Ok(())
            }
            Next::Fail => self.fail(place, failure),
        }
    }

    fn landed(&mut self, place: Place, landed: Landed) -> Result<(), IllegalMove> {
        let Some(StageId { spec, .. }) = self.graph.stage_id(place) else { return Ok(()) };
        match landed {
            Landed::Landed { commit, result, changed } => {
                self.in_the_way.remove(&place);
                self.ending.landed += 1;
                self.reporter.report(Event::Landed { spec, commit, result, changed });
                self.schedule.set(place, State::Done(Done::Ran))
            }
            Landed::Delivered { branch } => {
                self.reporter.report(Event::Delivered { spec, branch });
                self.schedule.set(place, State::AwaitingPerson)
            }
            Landed::Stale(stages) => {
                let position = self.graph.spec_of(place).unwrap_or_default();
                let places: Vec<Place> = self.graph.stages_of(position).collect();
                for stage in stages.into_iter().filter_map(|stage| places.get(stage)) {
                    self.schedule.send_back(*stage)?;
                }
                Ok(())
            }
            Landed::Waits { why, path } => {
                if self.in_the_way.insert(place) {
                    self.reporter.report(Event::LandingWaits { spec, why, path });
                }
                self.schedule.set(place, State::AwaitingPerson)
            }
            Landed::Held(failure) => self.hold(place, failure),
            Landed::Failed(failure) => self.fail(place, failure),
            Landed::Stopped => self.schedule.set(place, State::Waiting),
        }
    }

    fn hold(&mut self, place: Place, failure: Failure) -> Result<(), IllegalMove> {
        if let Some(stage) = self.graph.stage_id(place) {
            let next = next_command(&stage.spec, &failure);
            self.reporter.report(Event::StageHeld { stage, failure, next });
        }
        self.schedule.set(place, State::Held)
    }

    fn fail(&mut self, place: Place, failure: Failure) -> Result<(), IllegalMove> {
        if let Some(stage) = self.graph.stage_id(place) {
            let next = next_command(&stage.spec, &failure);
            self.reporter.report(Event::StageFailed { stage, failure, next });
        }
        self.schedule.set(place, State::Failed)
    }

    fn interrupt(&mut self, interrupt: Interrupt) {
        self.ending.interrupted = Some(interrupt.signal);
        self.stopping = true;
        self.stop.request();
        if interrupt.which == Which::Again {
            self.stop.at_once();
        }
    }

    /// How long to sleep when no message comes.
    fn wake(&self) -> Duration {
        let now = self.now();
        let timer = self.schedule.next_wake(now).map(|at| Duration::from_millis(at.saturating_sub(now)));
        let look = (!self.gates.is_empty() || !self.in_the_way.is_empty()).then_some(LOOK_AGAIN);
        timer.into_iter().chain(look).min().unwrap_or(Duration::from_secs(3600))
    }

    /// Looks whether a person did what something waits for.
    fn look_again(&mut self) -> Result<(), IllegalMove> {
        if self.stopping {
            return Ok(());
        }
        for place in self.gates.clone() {
            if self.schedule.state(place) == State::AwaitingPerson {
                self.schedule.set(place, State::Waiting)?;
            }
        }
        for place in self.in_the_way.clone() {
            if self.schedule.state(place) == State::AwaitingPerson {
                self.schedule.set(place, State::Landing)?;
                self.to_land.push_back(place);
            }
        }
        self.gates.retain(|place| !self.schedule.state(*place).is_over());
        Ok(())
    }

    /// What waited for the checkout to its end is held.
    fn give_up_waiting(&mut self) -> Result<(), IllegalMove> {
        self.gates.retain(|place| !self.schedule.state(*place).is_over());
        for place in std::mem::take(&mut self.in_the_way) {
            if self.schedule.state(place) == State::AwaitingPerson {
                let message = "the checkout is in the way of its landing".to_owned();
                self.hold(place, Failure { class: FailureClass::Conflict, message, log: None })?;
            }
        }
        self.tell_moved();
        Ok(())
    }

    /// Reports what followed from moves: each spec that is blocked, once.
    fn tell_moved(&mut self) {
        for place in self.schedule.take_moved() {
            let State::Blocked { by } = self.schedule.state(place) else { continue };
            let (Some(spec), Some(culprit)) = (self.graph.spec_of(place), self.origin(by)) else { continue };
            let Some(by_spec) = self.graph.spec_of(culprit) else { continue };
            if spec != by_spec && self.blocked.insert(spec) {
                let why = match self.why_needed(spec) {
                    Some(need) => format!("{} ({need})", self.how_it_ended(culprit)),
                    None => self.how_it_ended(culprit),
                };
                let name = |spec: usize| self.graph.spec_name(spec).clone();
                self.reporter.report(Event::SpecBlocked { spec: name(spec), by: name(by_spec), why });
            }
        }
    }

    /// The nearest place of a spec behind a joint that is blocked.
    fn origin(&self, by: Place) -> Option<Place> {
        if !self.graph.kind(by).is_joint() {
            return Some(by);
        }
        self.schedule.chain(by).into_iter().find(|place| !self.graph.kind(*place).is_joint())
    }

    /// The Specfile's own words for the need that blocks a spec.
    fn why_needed(&self, spec: usize) -> Option<&str> {
        self.graph.stages_of(spec).find_map(|place| match self.schedule.state(place) {
            State::Blocked { by } => self.graph.why(by, place),
            _ => None,
        })
    }

    fn how_it_ended(&self, place: Place) -> String {
        let chain = self.schedule.chain(place);
        let first = chain.last().copied().unwrap_or(place);
        let how = match self.schedule.state(first) {
            State::Held => "held",
            State::Cancelled => "cancelled",
            _ => "failed",
        };
        match self.graph.stage_id(first) {
            Some(id) if first == place || self.graph.spec_of(first) == self.graph.spec_of(place) => {
                format!("{how}: {}", id.stage)
            }
            Some(id) => format!("blocked by `{}` ({how}: {})", id.spec, id.stage),
            None => how.to_owned(),
        }
    }

    fn report_verdict(&self, is_landing: bool, stage: StageId, verdict: Verdict) {
        if !is_landing {
            self.reporter.report(Event::Judged { stage, verdict });
        }
    }

    fn report_done(&self, stage: StageId, how: Done, commit: Option<String>, millis: u64) {
        self.reporter.report(Event::StageDone { stage, how, commit, millis });
    }

    fn report_landing(&self, spec: &SpecName, phase: LandingPhase) {
        self.reporter.report(Event::Landing { spec: spec.clone(), phase });
    }
}

/// The one command that goes on from a failure.
fn next_command(spec: &SpecName, failure: &Failure) -> String {
    match failure.class {
        FailureClass::Setup => format!("specmake {spec}"),
        _ => format!("specmake retry {spec}"),
    }
}
