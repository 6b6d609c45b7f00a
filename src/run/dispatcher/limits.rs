//! Limits that agents run into: who waits, and until when.
use super::Dispatcher;
use crate::event::Failure;
use crate::graph::Place;
use crate::plan::IllegalMove;
use crate::run::hands::Hands;

impl<H: Hands> Dispatcher<H> {
    /// Pauses whatever the stage's agent draws on until its limit is over.
    pub(super) fn wait_out(&mut self, place: Place, failure: Failure) -> Result<(), IllegalMove> {
        self.record_hold(place, failure);
        Ok(())
    }
}
