//! From one attempt at a stage to the next: the climb of its ladder.
use super::{Dispatcher, LOOK_AGAIN, Message};
use crate::base::{AgentName, Reason, StageName};
use crate::event::{Done, Failure, Verdict};
use crate::graph::{Place, PlaceKind};
use crate::model::{Rung, Stage, Step};
use crate::plan::{IllegalMove, State};
use crate::run::hands::{Hands, Order, Outcome, Pending, Rewind, agent_of, settler};
use crate::run::ladder::{Next, jittered};
use std::time::Duration;
use tokio::time::Instant;

impl<H: Hands> Dispatcher<H> {
    fn stage_at(&self, place: Place) -> Option<&Stage> {
        match self.graph.kind(place) {
            PlaceKind::Stage { spec, stage } => self.project.specs[spec].stages.get(stage),
            _ => None,
        }
    }

    /// A stage is out of date: it stands at the foot of its ladders, unless it was only taken back for its sake.
    pub(super) fn begin_climb(&mut self, place: Place, reasons: Vec<Reason>) {
        let former = self.pending.remove(&place).unwrap_or_default();
        let pending = if former.rewind == Rewind::Done {
            Pending { reasons, rewind: Rewind::No, ..former }
        } else {
            Pending { reasons, climb: former.climb.anew(), ..Pending::default() }
        };
        self.pending.insert(place, pending);
    }

    pub(super) fn start_attempt(&mut self, place: Place) {
        let Some(ladders) = self.stage_at(place).map(|stage| stage.ladders.clone()) else { return };
        if self.pending.get(&place).is_some_and(|pending| pending.rewind == Rewind::Due) {
            self.start_rewind(place);
            return;
        }
        let pending = self.pending.entry(place).or_default();
        let (attempt, settles) = (pending.climb.begin(), pending.settles);
        let of = match settles {
            true => self.most_to_settle(place, attempt),
            false => pending.climb.most(&ladders, self.retries),
        };
        let pending = self.pending.entry(place).or_default();
        let order = Order {
            place,
            attempt,
            of,
            settles,
            rung: pending.rung.clone(),
            agent: pending.agent.clone(),
            reasons: pending.reasons.clone(),
            former: pending.former.clone(),
        };
        let stop = self.stop_for(&[place]);
        let answer = self.hands.attempt(order, stop);
        self.work.spawn(async move {
            let began = Instant::now();
            let outcome = answer.await;
            let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            Message::Tried { place, attempt, outcome, millis }
        });
    }

    pub(super) fn tried(
        &mut self,
        place: Place,
        attempt: u32,
        outcome: Outcome,
        millis: u64,
    ) -> Result<(), IllegalMove> {
        let Some(id) = self.graph.stage_id(place) else { return Ok(()) };
        let pending = self.pending.entry(place).or_default();
        pending.millis += millis;
        let (spent, settles) = (pending.millis, pending.settles);
        let failure = match outcome {
            Outcome::Done { commit } => {
                self.limit_over(place);
                self.end_climb(place);
                self.ending.ran += 1;
                let spec = self.graph.spec_of(place).unwrap_or_default();
                self.landings.ran(self.graph.landing_of(spec));
                self.report_done(id, Done::Ran, Some(commit), spent);
                return self.schedule.set(place, State::Done(Done::Ran));
            }
            Outcome::UpToDate(how) => {
                self.end_climb(place);
                self.report_verdict(false, id, Verdict::UpToDate { how });
                return self.schedule.set(place, State::Done(how));
            }
            Outcome::Settled { tried } => return self.settled(place, tried),
            Outcome::Conflict(failure) => return self.conflict(place, failure),
            Outcome::Stopped => return self.schedule.set(place, State::Queued),
            Outcome::Held(failure) => {
                self.record_hold(place, failure);
                return Ok(());
            }
            Outcome::Failed(failure) if settles => return self.conflict(place, failure),
            Outcome::Failed(failure) => failure,
        };
        debug_assert_eq!(attempt, pending.climb.attempts(), "attempts of a stage come one after another");
        self.climb(place, failure)
    }

    fn climb(&mut self, place: Place, failure: Failure) -> Result<(), IllegalMove> {
        let Some(ladders) = self.stage_at(place).map(|stage| stage.ladders.clone()) else { return Ok(()) };
        let failure = self.limit_met(place, failure);
        let pending = self.pending.entry(place).or_default();
        match pending.climb.next(&ladders, &failure, self.retries) {
            Next::Again { rung, backoff } => {
                if let Step::Fallback { agent } = &rung.step {
                    self.leave_limited(place, &failure);
                    let pending = self.pending.entry(place).or_default();
                    pending.agent = Some(agent.clone());
                }
                let pending = self.pending.entry(place).or_default();
                let goes_back = matches!(rung.step, Step::Restart { from: Some(_) });
                pending.rewind = if goes_back { Rewind::Due } else { Rewind::No };
                pending.rung = Some(rung);
                pending.former = Some(failure);
                let backoff = jittered(backoff, self.chance.f64());
                self.set_off(place, backoff)
            }
            Next::Wait => self.wait_out(place, failure),
            Next::Skip => {
                let answer = self.hands.skip(place, failure);
                self.work.spawn(async move { Message::Skipped(place, answer.await) });
                Ok(())
            }
            Next::Hold => {
                self.record_hold(place, failure);
                Ok(())
            }
            Next::Fail => self.fail(place, failure),
        }
    }

    /// Queues the next attempt at a stage, at once or after a while, for the agent that will make it.
    pub(super) fn set_off(&mut self, place: Place, after: Duration) -> Result<(), IllegalMove> {
        if after.is_zero() {
            self.schedule.set(place, State::Queued)?;
        } else {
            let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            let until = self.now().saturating_add(after);
            self.schedule.set(place, State::BackingOff { until })?;
        }
        let agent = self.agent_at(place);
        self.schedule.use_agent(place, agent.as_ref());
        Ok(())
    }

    /// The agent of a stage's attempt that runs or comes next.
    pub(super) fn agent_at(&self, place: Place) -> Option<AgentName> {
        let pending = self.pending.get(&place);
        let took_over = pending.and_then(|pending| pending.agent.as_ref());
        let rung = pending.and_then(|pending| pending.rung.as_ref());
        if let (true, PlaceKind::Stage { spec, stage }) =
            (pending.is_some_and(|pending| pending.settles), self.graph.kind(place))
        {
            return settler(&self.project.specs[spec], stage, rung).cloned();
        }
        agent_of(self.stage_at(place)?, took_over, rung).cloned()
    }

    /// The stage is over; should it be sent back, its attempts are counted on.
    pub(super) fn end_climb(&mut self, place: Place) {
        let former = self.pending.remove(&place).unwrap_or_default();
        self.pending.insert(place, Pending { climb: former.climb.anew(), ..Pending::default() });
    }

    pub(super) fn skipped(&mut self, place: Place, recorded: Result<(), Failure>) -> Result<(), IllegalMove> {
        if let Err(failure) = recorded {
            return self.fail(place, failure);
        }
        let Some(id) = self.graph.stage_id(place) else { return Ok(()) };
        let spent = self.pending.get(&place).map_or(0, |pending| pending.millis);
        self.end_climb(place);
        self.landings.ran(self.graph.landing_of(self.graph.spec_of(place).unwrap_or_default()));
        self.report_done(id, Done::Skipped, None, spent);
        self.schedule.set(place, State::Done(Done::Skipped))
    }

    /// Takes the branch back as soon as no other stage of the spec moves.
    fn start_rewind(&mut self, place: Place) {
        let waits = self.others_move(place);
        let pending = self.pending.entry(place).or_default();
        let (Some(from), Some(failure)) = (goes_back_to(pending).cloned(), pending.former.clone()) else {
            return;
        };
        if waits {
            pending.rewind = Rewind::Aside;
            return;
        }
        pending.rewind = Rewind::UnderWay;
        let answer = self.hands.rewind(place, from, failure);
        self.work.spawn(async move { Message::Rewound(place, answer.await) });
    }

    /// A stage has moved: another one of its spec that waited for that may take the branch back.
    pub(super) fn let_go_back(&mut self, place: Place) {
        let aside = self.beside(place).find(|other| self.rewind_of(*other) == Rewind::Aside);
        if let Some(aside) = aside {
            self.start_rewind(aside);
        }
    }

    fn rewind_of(&self, place: Place) -> Rewind {
        self.pending.get(&place).map_or(Rewind::No, |pending| pending.rewind)
    }

    /// Whether another stage of the spec runs or is judged.
    fn others_move(&self, place: Place) -> bool {
        self.beside(place).any(|other| {
            matches!(self.schedule.state(other), State::Running | State::Judging)
                && self.rewind_of(other) != Rewind::Aside
        })
    }

    /// Whether a stage that is handed out cannot begin: the branch goes back under it.
    pub(super) fn must_let_pass(&self, place: Place) -> bool {
        if self.settles_beside(place) {
            return true;
        }
        let goes_back = |other: Place| matches!(self.rewind_of(other), Rewind::Aside | Rewind::UnderWay);
        self.rewind_of(place) != Rewind::Due && self.beside(place).any(goes_back)
    }

    pub(super) fn beside(&self, place: Place) -> impl Iterator<Item = Place> + use<H> {
        let spec = self.graph.spec_of(place).unwrap_or_default();
        self.graph.stages_of(spec).filter(move |other| *other != place)
    }

    /// The branch is back at the start of an earlier stage: from there on all is judged again.
    pub(super) fn rewound(&mut self, place: Place) -> Result<(), IllegalMove> {
        if self.others_move(place) {
            self.work.spawn(async move {
                tokio::time::sleep(LOOK_AGAIN).await;
                Message::Rewound(place, Ok(()))
            });
            return Ok(());
        }
        let pending = self.pending.entry(place).or_default();
        pending.rewind = Rewind::Done;
        let Some(from) = goes_back_to(pending) else { return self.schedule.set(place, State::Queued) };
        let spec = self.graph.spec_of(place).unwrap_or_default();
        let position = self.project.specs[spec].position(from);
        // Others that would have gone back too are back now.
        for other in self.beside(place) {
            if self.rewind_of(other) == Rewind::Aside {
                self.pending.entry(other).or_default().rewind = Rewind::Done;
                self.schedule.set(other, State::Waiting)?;
            }
        }
        let to = position.and_then(|position| self.graph.stages_of(spec).nth(position)).unwrap_or(place);
        self.schedule.set(place, State::Waiting)?;
        self.schedule.send_back(to)
    }
}

/// The earlier stage that the next attempt of a stage begins from.
fn goes_back_to(pending: &Pending) -> Option<&StageName> {
    match &pending.rung {
        Some(Rung { step: Step::Restart { from }, .. }) => from.as_ref(),
        _ => None,
    }
}
