//! What comes back from the hands, and what the schedule makes of it.
use super::{Dispatcher, Message};
use crate::base::{SpecName, StageId};
use crate::event::{Done, Event, Failure, LandingPhase, Verdict};
use crate::graph::Place;
use crate::model::FailureClass;
use crate::plan::{IllegalMove, State};
use crate::run::hands::{Batch, Ends, Hands, Judgement, Landed, Outcome};
use crate::run::onward::Onward;
use std::time::Duration;

impl<H: Hands> Dispatcher<H> {
    pub(super) fn handle(&mut self, message: Message<H::Red>) -> Result<(), IllegalMove> {
        match message {
            Message::Judged(place, judgement) => {
                self.judging -= 1;
                self.looking -= usize::from(!self.asks_somebody(place));
                if self.is_landing(place) {
                    self.landings.judged();
                }
                let Some(judgement) = self.ask_work(place, judgement) else { return Ok(()) };
                self.judged(place, judgement)?;
                self.let_go_back(place);
                Ok(())
            }
            Message::Seen { place, judgement, work } => {
                self.seen(place, &judgement, work);
                self.judged(place, judgement)?;
                self.let_go_back(place);
                Ok(())
            }
            Message::Worked(spec, work) => {
                self.worked(spec, work);
                Ok(())
            }
            Message::Tried { place, attempt, outcome, millis } => {
                self.fresh = true;
                self.stops.remove(&place);
                if matches!(outcome, Outcome::Done { .. }) {
                    self.ask_what_changed(place);
                }
                self.tried(place, attempt, outcome, millis)?;
                self.let_go_back(place);
                Ok(())
            }
            Message::Recorded(place, failure) => {
                self.hold(place, failure, Onward::Retry)?;
                self.let_go_back(place);
                Ok(())
            }
            Message::LeftInConflict(place, left) => {
                self.hold(place, left.failure, Onward::after_conflict(left.lands))?;
                self.let_go_back(place);
                Ok(())
            }
            Message::Skipped(place, recorded) => {
                self.skipped(place, recorded)?;
                self.let_go_back(place);
                Ok(())
            }
            Message::Rewound(place, Ok(())) => self.rewound(place),
            Message::Rewound(place, Err(failure)) => {
                self.fail(place, failure)?;
                self.let_go_back(place);
                Ok(())
            }
            Message::Landed(landed, Batch::Red(red)) => {
                self.split(red);
                self.all_landed(landed)
            }
            Message::Landed(landed, Batch::Over) => self.landings_over(landed, 1),
            Message::Split { landed, jobs } => self.landings_over(landed, jobs),
            Message::HeldByHand { spec, recorded, answers } => {
                self.held_by_hand(spec, recorded, answers);
                Ok(())
            }
            Message::Released { spec, release, released, answer } => {
                self.released(spec, &release, released, answer)
            }
        }
    }

    fn judged(&mut self, place: Place, judgement: Judgement) -> Result<(), IllegalMove> {
        let Some(stage) = self.graph.stage_id(place) else { return Ok(()) };
        let is_landing = self.is_landing(place);
        let spec = self.graph.spec_of(place).unwrap_or_default();
        if let (Judgement::UpToDate(_) | Judgement::OutOfDate(_) | Judgement::Conflict(_), Some(due)) =
            (&judgement, self.conflicts.due(place))
        {
            let (rung, failure) = due;
            self.begin_climb(place, Vec::new());
            self.set_to_settle(place, rung, failure);
            return self.set_off(place, Duration::ZERO);
        }
        match judgement {
            Judgement::UpToDate(how) => {
                self.report_verdict(is_landing, stage, Verdict::UpToDate { how });
                self.schedule.set(place, State::Done(how))
            }
            Judgement::OutOfDate(_) | Judgement::Conflict(_) if self.schedule.is_parked(place) => {
                let why = self.project.specs[spec].parked.as_deref().unwrap_or("name it to build it");
                self.hold(place, Failure::parked(why), Onward::Build)
            }
            Judgement::OutOfDate(_) if is_landing => {
                self.report_landing(&stage.spec, LandingPhase::Queued);
                self.landings.push(spec, place);
                self.schedule.set(place, State::Landing)
            }
            Judgement::OutOfDate(reasons) => {
                self.report_verdict(false, stage, Verdict::OutOfDate { reasons: reasons.clone() });
                self.begin_climb(place, reasons);
                self.begin_as_asked(place);
                self.schedule.set(place, State::Queued)?;
                let agent = self.agent_at(place);
                self.schedule.use_agent(place, agent.as_ref());
                Ok(())
            }
            Judgement::Skipped(_) => {
                self.report_done(stage, Done::Skipped, None, 0);
                self.schedule.set(place, State::Done(Done::Skipped))
            }
            Judgement::SpecSkipped(why) => {
                self.reporter.report(Event::SpecSkipped { spec: stage.spec, why });
                self.schedule.settle_spec(spec, Done::Skipped)
            }
            Judgement::AwaitsPerson(reasons) => {
                if self.gates.insert(place) {
                    self.report_verdict(false, stage.clone(), Verdict::OutOfDate { reasons });
                    self.reporter.report(Event::GateWaiting { stage });
                }
                self.schedule.set(place, State::AwaitingPerson)
            }
            Judgement::Held(failure) => {
                let settled = self.is_landing(place) && failure.class == FailureClass::Conflict;
                self.hold(place, failure, if settled { Onward::Land } else { Onward::Retry })
            }
            Judgement::Conflict(failure) => {
                self.begin_climb(place, Vec::new());
                self.conflict(place, failure)
            }
            Judgement::Failed(failure) => self.fail(place, failure),
            Judgement::Stopped => self.schedule.set(place, State::Waiting),
        }
    }

    /// Holds a stage once that is on record.
    pub(super) fn record_hold(&mut self, place: Place, failure: Failure) {
        let answer = self.hands.hold(place, failure.clone());
        self.work.spawn(async move {
            answer.await;
            Message::Recorded(place, failure)
        });
    }

    fn landings_over(&mut self, landed: Ends, jobs: usize) -> Result<(), IllegalMove> {
        for place in self.landings.end() {
            self.stops.remove(&place);
        }
        (0..jobs).for_each(|_| self.schedule.give_job());
        self.all_landed(landed)
    }

    fn all_landed(&mut self, landed: Ends) -> Result<(), IllegalMove> {
        landed.into_iter().try_for_each(|(place, landed)| self.landed(place, landed))
    }

    fn landed(&mut self, place: Place, landed: Landed) -> Result<(), IllegalMove> {
        let Some(StageId { spec, .. }) = self.graph.stage_id(place) else { return Ok(()) };
        if let Landed::Waits { why, path } = landed {
            if self.landings.wait(place, &why) {
                self.reporter.report(Event::LandingWaits { spec, why, path });
            }
            return self.schedule.set(place, State::AwaitingPerson);
        }
        if landed == Landed::Again {
            // It comes again at once; nothing has happened that others wait for, or they would take turns for ever.
            self.report_landing(&spec, LandingPhase::Queued);
            self.landings.push(self.graph.spec_of(place).unwrap_or_default(), place);
            return Ok(());
        }
        self.fresh = true;
        self.landings.passed(place);
        match landed {
            Landed::Landed { commit, result, changed } => {
                self.ending.landed += 1;
                self.reporter.report(Event::Landed { spec, commit, result, changed });
                self.schedule.set(place, State::Done(Done::Ran))
            }
            Landed::Delivered { branch } => {
                self.reporter.report(Event::Delivered { spec, branch });
                self.schedule.set(place, State::AwaitingPerson)
            }
            Landed::Stale(stages) if stages.is_empty() || self.landings.send_back(place) => {
                let message = "it is out of date where it is to land, and up to date where it was made";
                let failure = Failure::new(FailureClass::Conflict, message.to_owned());
                self.hold(place, failure, Onward::Retry)
            }
            Landed::Stale(stages) => {
                let position = self.graph.spec_of(place).unwrap_or_default();
                let places: Vec<Place> = self.graph.stages_of(position).collect();
                for stage in stages.into_iter().filter_map(|stage| places.get(stage)) {
                    self.schedule.send_back(*stage)?;
                }
                Ok(())
            }
            Landed::Conflict(failure) => self.conflict(place, failure),
            Landed::Held(failure) => self.hold(place, failure, Onward::Retry),
            Landed::Failed(failure) => self.fail(place, failure),
            Landed::Stopped | Landed::Again | Landed::Waits { .. } => {
                self.schedule.set(place, State::Waiting)
            }
        }
    }

    pub(super) fn hold(&mut self, place: Place, failure: Failure, onward: Onward) -> Result<(), IllegalMove> {
        // A parked spec has no failure.
        if failure.class != FailureClass::Setup {
            self.blame.broke(place, failure.class);
        }
        if let Some(stage) = self.graph.stage_id(place) {
            let next = onward.command(&stage.spec);
            self.reporter.report(Event::StageHeld { stage, failure, next });
        }
        self.schedule.set(place, State::Held)
    }

    pub(super) fn fail(&mut self, place: Place, failure: Failure) -> Result<(), IllegalMove> {
        self.blame.broke(place, failure.class);
        if let Some(stage) = self.graph.stage_id(place) {
            let ours = failure.class == FailureClass::Setup;
            let next = if ours { Onward::Build } else { Onward::Retry }.command(&stage.spec);
            self.reporter.report(Event::StageFailed { stage, failure, next });
        }
        self.schedule.set(place, State::Failed)
    }

    pub(super) fn report_verdict(&self, is_landing: bool, stage: StageId, verdict: Verdict) {
        if !is_landing {
            self.reporter.report(Event::Judged { stage, verdict });
        }
    }

    pub(super) fn report_done(&self, stage: StageId, how: Done, commit: Option<String>, millis: u64) {
        self.reporter.report(Event::StageDone { stage, how, commit, millis });
    }

    fn report_landing(&self, spec: &SpecName, phase: LandingPhase) {
        self.reporter.report(Event::Landing { spec: spec.clone(), phase });
    }
}
