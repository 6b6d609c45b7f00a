//! What the loop asks for, done at once or after a while that nobody waits for.
use super::site::Site;
use crate::program::Act;
use specmake::base::StageName;
use specmake::event::Failure;
use specmake::graph::Place;
use specmake::model::FailureClass;
use specmake::plan::collision::Footprint;
use specmake::run::hands::{Answer, Batch, Ends, Hands, Judgement, LeftToPerson, Order, Outcome};
use specmake::run::holding::Release;
use specmake::sys::load::Load;
use specmake::sys::stop::Stop;
use std::sync::Arc;

/// Hands on a project in memory.
pub struct Fingers(pub Arc<Site>);

impl Hands for Fingers {
    type Red = ();

    fn judge(&self, place: Place, _: Stop) -> Answer<Judgement> {
        let site = Arc::clone(&self.0);
        Box::pin(async move { site.judged(place) })
    }

    fn work_of(&self, _: usize) -> Answer<Option<Footprint>> {
        Box::pin(async { None })
    }

    fn attempt(&self, order: Order, _: Stop) -> Answer<Outcome> {
        let site = Arc::clone(&self.0);
        let name = site.name(order.place);
        site.told.lock().unwrap().calls.push(name.clone());
        Box::pin(async move {
            // Another one each time; all the longer what comes first by its name, so that order is mixed.
            let millis = name.bytes().map(u64::from).sum::<u64>() % 97 + 1;
            tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
            match site.scripts.get(&name) {
                Some(Act::Write(edits)) => site.run(order.place, edits),
                Some(Act::Wait) => {
                    site.leave(order.place, false);
                    site.killed.notify_one();
                    std::future::pending().await
                }
                Some(Act::Fail | Act::Idle) | None => {
                    site.leave(order.place, false);
                    Outcome::Failed(Failure::new(FailureClass::Crash, "it failed"))
                }
            }
        })
    }

    fn leave_conflict(&self, _: Place, failure: Failure, _: bool) -> Answer<LeftToPerson> {
        Box::pin(async move { LeftToPerson { failure, lands: false } })
    }

    fn hold(&self, place: Place, _: Failure) -> Answer<()> {
        let site = Arc::clone(&self.0);
        Box::pin(async move { site.leave(place, true) })
    }

    fn hold_spec(&self, _: usize, _: Failure) -> Answer<Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn release(&self, _: usize, _: Release) -> Answer<Result<Vec<String>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn skip(&self, _: Place, failure: Failure) -> Answer<Result<(), Failure>> {
        Box::pin(async { Err(failure) })
    }

    fn rewind(&self, _: Place, _: StageName, failure: Failure) -> Answer<Result<(), Failure>> {
        Box::pin(async { Err(failure) })
    }

    fn load(&self) -> Load {
        Load::default()
    }

    fn spent(&self) -> f64 {
        0.0
    }

    fn land(&self, places: Vec<Place>, _: Stop) -> Answer<(Ends, Batch<()>)> {
        let site = Arc::clone(&self.0);
        Box::pin(async move {
            (places.into_iter().map(|place| (place, site.lands(place))).collect(), Batch::Over)
        })
    }

    fn split(&self, (): (), _: usize, _: Stop) -> Answer<Ends> {
        Box::pin(async { Vec::new() })
    }
}
