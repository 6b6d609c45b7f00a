//! The verdicts of a whole run before anything of it happened.
use super::hands::Judgement;
use super::site::Site;
use crate::base::Reason;
use crate::event::Done;
use crate::graph::{Place, Wanted};
use crate::plan::{Costs, Durations, Forecast, Own, forecast};
use std::cell::RefCell;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// So many places are judged at a time by one thread; no more than that are judged by one alone.
const SOME: usize = 512;

impl Site {
    /// The forecast of what is wanted; `forced` tells which specs `-B` takes as out of date.
    ///
    /// # Errors
    /// The first place that could not be judged.
    pub fn forecast(&self, wanted: &Wanted, forced: &dyn Fn(usize) -> bool) -> Result<Forecast, String> {
        let trouble: RefCell<Option<String>> = RefCell::new(None);
        let weights = self.durations().weights(&self.project, &self.graph);
        let is_forced = |place: Place| {
            self.graph.stage_name(place).is_some() && self.graph.spec_of(place).is_some_and(forced)
        };
        let places = wanted.places().filter(|place| !is_forced(*place)).collect::<Vec<Place>>();
        let judged = RefCell::new(self.judged_at_once(&places));
        let own = |place: Place| {
            if is_forced(place) {
                return Own::OutOfDate(vec![Reason::Asked { flag: "-B".to_owned() }]);
            }
            let judgement = judged.borrow_mut().get_mut(place.index()).and_then(Option::take);
            match judgement.unwrap_or_else(|| self.judgement(place)) {
                Judgement::UpToDate(how) => Own::UpToDate(how),
                Judgement::OutOfDate(reasons) | Judgement::AwaitsPerson(reasons) => Own::OutOfDate(reasons),
                Judgement::Held(failure) | Judgement::Conflict(failure) => {
                    Own::OutOfDate(vec![Reason::Held { why: failure.message }])
                }
                // Nobody stops a forecast.
                Judgement::Stopped => Own::OutOfDate(Vec::new()),
                Judgement::Skipped(_) | Judgement::SpecSkipped(_) => Own::UpToDate(Done::Skipped),
                Judgement::Failed(failure) => {
                    trouble.borrow_mut().get_or_insert(failure.message);
                    Own::UpToDate(Done::UpToDate)
                }
            }
        };
        let forecast = forecast(&self.graph, wanted, &weights, own);
        match trouble.into_inner() {
            Some(trouble) => Err(trouble),
            None => Ok(forecast),
        }
    }

    /// The judgements on these places, by number, taken on all cores where they are many.
    fn judged_at_once(&self, places: &[Place]) -> Vec<Option<Judgement>> {
        let mut judged: Vec<Option<Judgement>> = (0..self.graph.len()).map(|_| None).collect();
        if places.len() <= SOME {
            return judged;
        }
        let next = AtomicUsize::new(0);
        let some = || {
            let mut found = Vec::new();
            loop {
                let from = next.fetch_add(SOME, Ordering::Relaxed);
                let Some(rest) = places.get(from..).filter(|rest| !rest.is_empty()) else { return found };
                found.extend(rest.iter().take(SOME).map(|place| (*place, self.judgement(*place))));
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            let others: Vec<_> = (1..cores).map(|_| scope.spawn(some)).collect();
            let mut found = some();
            // What a thread did not tell is judged when it is asked for.
            found.extend(others.into_iter().flat_map(|other| other.join().unwrap_or_default()));
            for (place, judgement) in found {
                judged[place.index()] = Some(judgement);
            }
        });
        judged
    }

    /// The last durations, as far as they are known.
    pub fn durations(&self) -> Durations {
        let measured = self.store().durations().unwrap_or_default();
        Durations {
            by_stage: measured.by_stage.into_iter().map(|(id, took)| (id, took.millis)).collect(),
            by_name: measured.by_name.into_iter().map(|(name, took)| (name, took.millis)).collect(),
        }
    }

    /// The last costs, as far as they are known.
    pub fn costs(&self) -> Costs {
        let measured = self.store().durations().unwrap_or_default();
        Costs {
            by_stage: measured.by_stage.into_iter().map(|(id, took)| (id, took.usd)).collect(),
            by_name: measured
                .by_name
                .into_iter()
                .filter_map(|(name, took)| Some((name, took.usd?)))
                .collect(),
        }
    }
}
