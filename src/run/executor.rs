//! The real hands: git, worktrees and processes behind what the dispatcher asks for.
use super::attempt::blocking;
use super::hands::{Answer, Batch, Ends, Hands, Judgement, Landed, LeftToPerson, Order, Outcome};
use super::holding::Release;
use super::judging::setup_failure;
use super::landing::RedStack;
use super::site::Site;
use crate::base::StageName;
use crate::event::Failure;
use crate::graph::{Place, PlaceKind};
use crate::plan::collision::Footprint;
use crate::sys::load::{Gauge, Load};
use crate::sys::stop::Stop;
use std::sync::{Arc, Mutex, PoisonError};

/// The hands of a run.
#[derive(Clone)]
pub struct Executor {
    site: Arc<Site>,
    gauge: Arc<Mutex<Gauge>>,
}

impl Executor {
    /// Hands that work at a site.
    pub fn new(site: Arc<Site>) -> Self {
        let gauge = Arc::new(Mutex::new(Gauge::new(&site.state_dir)));
        Self { site, gauge }
    }
}

impl Hands for Executor {
    type Red = RedStack;

    fn judge(&self, place: Place, stop: Stop) -> Answer<Judgement> {
        let site = Arc::clone(&self.site);
        Box::pin(async move {
            let judge = Arc::clone(&site);
            let judgement = blocking(move || judge.judgement(place)).await;
            let PlaceKind::Stage { spec, stage } = site.graph.kind(place) else { return judgement };
            if !matches!(judgement, Judgement::OutOfDate(_)) || !site.asks_when(spec, stage) {
                return judgement;
            }
            site.when(spec, stage, &stop).await.unwrap_or(judgement)
        })
    }

    fn work_of(&self, spec: usize) -> Answer<Option<Footprint>> {
        let site = Arc::clone(&self.site);
        Box::pin(blocking(move || match site.work_of(spec) {
            Ok(work) => work,
            Err(error) => {
                site.reporter.warn(format!("cannot tell what `{}` works on: {error}", site.spec(spec).name));
                None
            }
        }))
    }

    fn attempt(&self, order: Order, stop: Stop) -> Answer<Outcome> {
        let site = Arc::clone(&self.site);
        Box::pin(async move {
            match site.graph.kind(order.place) {
                PlaceKind::Stage { spec, stage } => {
                    let _turn = site.own_moves.begin(spec);
                    if order.settles {
                        return Arc::clone(&site).settle(order, spec, stage, stop).await;
                    }
                    Arc::clone(&site).attempt(order, spec, stage, stop).await
                }
                _ => Outcome::Failed(setup_failure(&"only stages are attempted")),
            }
        })
    }

    fn leave_conflict(&self, place: Place, failure: Failure, tried: bool) -> Answer<LeftToPerson> {
        let site = Arc::clone(&self.site);
        Box::pin(blocking(move || {
            let Some(spec) = site.graph.spec_of(place) else {
                return LeftToPerson { failure, lands: false };
            };
            let _turn = site.own_moves.begin(spec);
            site.leave_conflict(spec, failure, tried)
        }))
    }

    fn hold(&self, place: Place, failure: Failure) -> Answer<()> {
        let site = Arc::clone(&self.site);
        Box::pin(blocking(move || {
            let PlaceKind::Stage { spec, stage } = site.graph.kind(place) else { return };
            let _turn = site.own_moves.begin(spec);
            if let Err(error) = site.record_hold(spec, stage, &failure) {
                site.reporter.warn(format!("cannot record that `{}` is held: {error}", site.spec(spec).name));
            }
        }))
    }

    fn hold_spec(&self, spec: usize, failure: Failure) -> Answer<Result<(), String>> {
        let site = Arc::clone(&self.site);
        Box::pin(blocking(move || {
            let _turn = site.own_moves.begin(spec);
            site.hold_spec(spec, &failure).map(drop).map_err(|error| error.to_string())
        }))
    }

    fn release(&self, spec: usize, release: Release) -> Answer<Result<Vec<String>, String>> {
        let site = Arc::clone(&self.site);
        Box::pin(blocking(move || {
            let _turn = site.own_moves.begin(spec);
            site.release(spec, &release).map_err(|error| error.to_string())
        }))
    }

    fn skip(&self, place: Place, failure: Failure) -> Answer<Result<(), Failure>> {
        let site = Arc::clone(&self.site);
        Box::pin(blocking(move || match site.graph.kind(place) {
            PlaceKind::Stage { spec, stage } => {
                let _turn = site.own_moves.begin(spec);
                site.skip(spec, stage, &failure)
            }
            _ => Err(setup_failure(&"only stages are skipped")),
        }))
    }

    fn rewind(&self, place: Place, from: StageName, failure: Failure) -> Answer<Result<(), Failure>> {
        let site = Arc::clone(&self.site);
        Box::pin(blocking(move || match site.graph.kind(place) {
            PlaceKind::Stage { spec, stage } => {
                let _turn = site.own_moves.begin(spec);
                site.restart_from(spec, stage, &from, &failure)
            }
            _ => Err(setup_failure(&"only stages are taken back")),
        }))
    }

    fn load(&self) -> Load {
        self.gauge.lock().unwrap_or_else(PoisonError::into_inner).read()
    }

    fn spent(&self) -> f64 {
        self.site.spent.usd()
    }

    fn land(&self, places: Vec<Place>, stop: Stop) -> Answer<(Ends, Batch<RedStack>)> {
        let site = Arc::clone(&self.site);
        Box::pin(async move {
            let specs: Vec<usize> = places.iter().filter_map(|place| site.graph.spec_of(*place)).collect();
            let _turns: Vec<_> = specs.iter().map(|spec| site.own_moves.begin(*spec)).collect();
            let (ends, batch) = Arc::clone(&site).land_batch(specs, stop).await;
            (site.landings(ends), batch)
        })
    }

    fn split(&self, red: RedStack, at_once: usize, stop: Stop) -> Answer<Ends> {
        let site = Arc::clone(&self.site);
        Box::pin(async move {
            let _turns: Vec<_> = red.specs().map(|spec| site.own_moves.begin(spec)).collect();
            let ends = Arc::clone(&site).split_batch(red, at_once, stop).await;
            site.landings(ends)
        })
    }
}

impl Site {
    fn landings(&self, ends: Vec<(usize, Landed)>) -> Ends {
        ends.into_iter().map(|(spec, landed)| (self.graph.landing_of(spec), landed)).collect()
    }
}
