//! The loop of a run. It alone moves the schedule; hands work beside it and answer with messages.
use super::blame::Blame;
use super::hands::{Batch, Ends, Hands, Judgement, LeftToPerson, Outcome, Pending};
use super::holding::Release;
use super::landings::Landings;
use super::report::Reporter;
use super::requests::Answer;
use super::waiting::Waiting;
use crate::event::{Event, Failure};
use crate::graph::{Place, PlaceKind, StageGraph};
use crate::model::Project;
use crate::plan::collision::Footprint;
use crate::plan::{IllegalMove, Phase, Schedule, State};
use crate::sys::signal::{Interrupt, Which};
use crate::sys::stop::{Stop, Urgency};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often a gate is looked at, and a landing that the checkout is in the way of is tried again, while
/// something else runs.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long it sleeps when nothing is to be awaited but messages.
const IDLE: Duration = Duration::from_secs(3600);

/// The most judgements under way at once.
const JUDGES: usize = 8;

mod answers;
mod brakes;
mod climbing;
mod conflicts;
mod limits;
mod overlaps;
mod patience;
mod requests;

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

enum Message<R> {
    Judged(Place, Judgement),
    Tried {
        place: Place,
        attempt: u32,
        outcome: Outcome,
        millis: u64,
    },
    /// A judgement, and what the spec works on.
    Seen {
        place: Place,
        judgement: Judgement,
        work: Option<Footprint>,
    },
    /// What a spec has changed.
    Worked(usize, Option<Footprint>),
    Recorded(Place, Failure),
    LeftInConflict(Place, LeftToPerson),
    Landed(Ends, Batch<R>),
    Split {
        landed: Ends,
        jobs: usize,
    },
    Skipped(Place, Result<(), Failure>),
    Rewound(Place, Result<(), Failure>),
    HeldByHand {
        spec: usize,
        recorded: Result<(), String>,
        answers: Vec<oneshot::Sender<Answer>>,
    },
    Released {
        spec: usize,
        release: Release,
        released: Result<Vec<String>, String>,
        answer: oneshot::Sender<Answer>,
    },
}

/// The loop and what it keeps between messages.
pub struct Dispatcher<H: Hands> {
    project: Arc<Project>,
    graph: Arc<StageGraph>,
    schedule: Schedule,
    hands: Arc<H>,
    reporter: Reporter,
    retries: Option<u32>,
    pending: HashMap<Place, Pending>,
    work: JoinSet<Message<H::Red>>,
    judging: usize,
    /// Those of them that are over in a moment.
    looking: usize,
    landings: Landings,
    gates: BTreeSet<Place>,
    /// When gates and the checkout are looked at next.
    look_at: Instant,
    /// Whether anything came to an end since they were.
    fresh: bool,
    waiting: Waiting,
    blame: Blame,
    conflicts: conflicts::Conflicts,
    people: requests::People,
    brakes: brakes::Brakes,
    limits: limits::Limits,
    stop: Stop,
    /// What runs, each with a stop of its own.
    stops: HashMap<Place, Stop>,
    stopping: bool,
    ending: Ending,
    /// What back-offs grow by.
    chance: fastrand::Rng,
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
        let graph = Arc::clone(schedule.graph());
        Self {
            schedule,
            hands,
            reporter,
            retries,
            pending: HashMap::new(),
            work: JoinSet::new(),
            judging: 0,
            looking: 0,
            landings: Landings::new(&graph),
            gates: BTreeSet::new(),
            look_at: Instant::now() + LOOK_AGAIN,
            fresh: false,
            waiting: Waiting::default(),
            blame: Blame::default(),
            conflicts: conflicts::Conflicts::default(),
            people: requests::People::default(),
            brakes: brakes::Brakes::new(&project),
            limits: limits::Limits::default(),
            stop: Stop::new(),
            stops: HashMap::new(),
            stopping: false,
            ending: Ending::default(),
            chance: fastrand::Rng::new(),
            began: (now, Instant::now()),
            graph,
            project,
        }
    }

    /// Tells, by place, what may have to run, as a forecast has it: nobody else is said to wait.
    #[must_use]
    pub fn expecting(mut self, may_run: Vec<bool>) -> Self {
        self.waiting = Waiting::new(may_run);
        self
    }

    /// Draws what is left to chance from this seed.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.chance = fastrand::Rng::with_seed(seed);
        self
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
            self.keep_promises()?;
            self.start_what_can()?;
            let idle = self.work.is_empty();
            if idle
                && !self.stopping
                && let Ok(heard) = self.people.requests.try_recv()
            {
                self.heard(heard)?;
                continue;
            }
            if idle && !self.stopping && self.hold_what_is_stuck()? {
                continue;
            }
            if idle && (self.stopping || (self.schedule.settled() && !self.look_once_more()?)) {
                break;
            }
            if idle && self.schedule.settled() {
                continue;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                Some(interrupt) = interrupts.recv() => self.interrupt(interrupt),
                Some(heard) = self.people.requests.recv() => self.heard(heard)?,
                () = tokio::time::sleep_until(wake) => self.look_if_it_is_time()?,
                Some(joined) = self.work.join_next(), if !idle => match joined {
                    Ok(message) => self.handle(message)?,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => {}
                },
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
        self.end_pauses();
        self.mind_the_budget();
        while self.judging < JUDGES {
            let Some(place) = self.schedule.next_to_judge() else { break };
            self.judging += 1;
            if self.is_landing(place) {
                self.landings.judged_soon();
            }
            self.looking += usize::from(!self.asks_somebody(place));
            let answer = self.hands.judge(place, self.stop.clone());
            self.work.spawn(async move { Message::Judged(place, answer.await) });
        }
        self.start_landing();
        // A landing lets others begin, and comes from work that is paid for: the next free job is kept for it.
        let kept = u32::from(self.landings.is_next());
        while self.schedule.free_jobs() > kept && self.has_room() {
            let Some(place) = self.schedule.next_to_start(self.now()) else { break };
            if self.must_let_pass(place) {
                let until =
                    self.now().saturating_add(u64::try_from(LOOK_AGAIN.as_millis()).unwrap_or(u64::MAX));
                self.schedule.set(place, State::BackingOff { until })?;
                continue;
            }
            self.start_attempt(place);
        }
        self.report_all(|blame, schedule| blame.moved(schedule));
        let now = self.now();
        self.waiting.tell(&mut self.schedule, now, &self.reporter);
        Ok(())
    }

    fn start_landing(&mut self) {
        let batch = usize::try_from(self.project.land.batch).unwrap_or(usize::MAX);
        // What is looked at just now may be complete, and go with them.
        if self.looking > 0 && !self.landings.fills(batch) {
            return;
        }
        if !self.landings.can_begin() || !self.schedule.take_job() {
            return;
        }
        let batch = self.landings.begin(batch);
        let stop = self.stop_for(&batch);
        let answer = self.hands.land(batch, stop);
        self.work.spawn(async move {
            let (landed, batch) = answer.await;
            Message::Landed(landed, batch)
        });
    }

    /// A batch is red: with as many jobs as are free and wanted, the one to blame is looked for.
    fn split(&mut self, red: H::Red) {
        let wanted = usize::try_from(self.project.land.parallel).unwrap_or(usize::MAX);
        let jobs = 1 + (1..wanted).take_while(|_| self.schedule.take_job()).count();
        let batch = self.landings.under_way().to_vec();
        let stop = self.stop_for(&batch);
        let answer = self.hands.split(red, jobs, stop);
        self.work.spawn(async move { Message::Split { landed: answer.await, jobs } });
    }

    /// Whether a verdict takes as long as a `when` line does.
    fn asks_somebody(&self, place: Place) -> bool {
        let PlaceKind::Stage { spec, stage } = self.graph.kind(place) else { return false };
        let spec = &self.project.specs[spec];
        spec.when.is_some() || spec.stages[stage].when.is_some()
    }

    fn is_landing(&self, place: Place) -> bool {
        matches!(self.graph.kind(place), PlaceKind::Landing { .. })
    }

    fn stop_for(&mut self, places: &[Place]) -> Stop {
        let stop = self.stop.narrower();
        self.stops.extend(places.iter().map(|place| (*place, stop.clone())));
        stop
    }

    fn interrupt(&mut self, interrupt: Interrupt) {
        self.ending.interrupted = Some(interrupt.signal);
        self.stopping = true;
        let at_once = interrupt.which == Which::Again;
        if self.stop.urgency() < Urgency::AtOnce {
            self.reporter.report(Event::Stopping { at_once });
        }
        self.stop.request();
        if at_once {
            self.stop.at_once();
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod ladder_table;
