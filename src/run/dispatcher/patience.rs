//! What only a person can bring about: looked at now and then, and given up at the end.
use super::{Dispatcher, IDLE, LOOK_AGAIN};
use crate::event::{Event, Failure};
use crate::graph::Place;
use crate::model::FailureClass;
use crate::plan::{IllegalMove, Schedule, State};
use crate::run::blame::Blame;
use crate::run::hands::Hands;
use crate::run::onward::Onward;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

impl<H: Hands> Dispatcher<H> {
    /// When to wake if no message comes.
    pub(super) fn wake(&self) -> Instant {
        let now = self.now();
        let timer = self.schedule.next_wake(now).map(|at| Duration::from_millis(at.saturating_sub(now)));
        let timer = Instant::now() + timer.unwrap_or(IDLE);
        let timer = self.brakes.wake().map_or(timer, |look_at| timer.min(look_at));
        if self.awaits_a_person() && !self.stopping { timer.min(self.look_at) } else { timer }
    }

    fn awaits_a_person(&self) -> bool {
        !self.gates.is_empty() || !self.landings.waiting().is_empty()
    }

    pub(super) fn look_if_it_is_time(&mut self) -> Result<(), IllegalMove> {
        if self.stopping || self.look_at > Instant::now() { Ok(()) } else { self.look_again() }
    }

    /// Looks a last time when nothing else can go on, if anything has happened meanwhile; whether it did.
    pub(super) fn look_once_more(&mut self) -> Result<bool, IllegalMove> {
        let looks = self.fresh && self.awaits_a_person();
        if looks {
            self.look_again()?;
        }
        Ok(looks)
    }

    /// Looks whether a person did what something waits for.
    fn look_again(&mut self) -> Result<(), IllegalMove> {
        self.look_at = Instant::now() + LOOK_AGAIN;
        self.gates.retain(|place| !self.schedule.state(*place).is_over());
        for place in self.gates.clone() {
            if self.schedule.state(place) == State::AwaitingPerson {
                self.schedule.set(place, State::Waiting)?;
            }
        }
        // Others pass first: one that comes back between them would be in the way of each batch anew.
        if !self.landings.is_idle() {
            return Ok(());
        }
        self.fresh = false;
        let waiting: Vec<Place> = self.landings.waiting().keys().copied().collect();
        for place in waiting {
            if self.schedule.state(place) == State::AwaitingPerson {
                self.schedule.set(place, State::Landing)?;
                self.landings.push(self.graph.spec_of(place).unwrap_or_default(), place);
            }
        }
        Ok(())
    }

    /// What waited for the checkout to its end is held, and what waits for a person says so.
    pub(super) fn give_up_waiting(&mut self) -> Result<(), IllegalMove> {
        self.gates.retain(|place| !self.schedule.state(*place).is_over());
        for (place, why) in self.landings.waiting().clone() {
            if self.schedule.state(place) == State::AwaitingPerson {
                let failure = Failure::new(FailureClass::Conflict, why);
                self.hold(place, failure, Onward::Build)?;
            }
        }
        self.report_all(|blame, schedule| blame.moved(schedule));
        if !self.stopping {
            let project = Arc::clone(&self.project);
            self.report_all(|blame, schedule| blame.waiting(&project, schedule));
        }
        Ok(())
    }

    pub(super) fn report_all(&mut self, events: impl FnOnce(&mut Blame, &mut Schedule) -> Vec<Event>) {
        for event in events(&mut self.blame, &mut self.schedule) {
            self.reporter.report(event);
        }
    }
}
