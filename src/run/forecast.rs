//! The verdicts of a whole run before anything of it happened.
use super::hands::Judgement;
use super::site::Site;
use crate::base::Reason;
use crate::event::Done;
use crate::graph::{Place, Wanted};
use crate::plan::{Costs, Durations, Forecast, Own, forecast};
use std::cell::RefCell;

impl Site {
    /// The forecast of what is wanted; `forced` tells which specs `-B` takes as out of date.
    ///
    /// # Errors
    /// The first place that could not be judged.
    pub fn forecast(&self, wanted: &Wanted, forced: &dyn Fn(usize) -> bool) -> Result<Forecast, String> {
        let trouble: RefCell<Option<String>> = RefCell::new(None);
        let weights = self.durations().weights(&self.project, &self.graph);
        let own = |place: Place| {
            let is_forced = self.graph.spec_of(place).is_some_and(forced);
            if is_forced && self.graph.stage_name(place).is_some() {
                return Own::OutOfDate(vec![Reason::Asked { flag: "-B".to_owned() }]);
            }
            match self.judgement(place) {
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
