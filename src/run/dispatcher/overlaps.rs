//! `conflicts "serialize"`: before a spec changes code it is asked what it works on, and it waits for who works on
//! that already.
use super::{Dispatcher, Message};
use crate::graph::{Place, PlaceKind};
use crate::model::ConflictsPolicy;
use crate::plan::collision::{Footprint, Source};
use crate::run::hands::{Hands, Judgement};
use std::sync::Arc;

impl<H: Hands> Dispatcher<H> {
    /// The spec that this is the implementing stage of, if specs that overlap are kept apart.
    fn implements(&self, place: Place) -> Option<usize> {
        let PlaceKind::Stage { spec, stage } = self.graph.kind(place) else { return None };
        let serializes = self.project.settings.conflicts == ConflictsPolicy::Serialize;
        (serializes && self.project.specs[spec].implementing() == Some(stage)).then_some(spec)
    }

    /// Asks what a stage works on before its judgement is followed; gives the judgement back if that is not due.
    pub(super) fn ask_work(&mut self, place: Place, judgement: Judgement) -> Option<Judgement> {
        let is_known = matches!(judgement, Judgement::UpToDate(_) | Judgement::OutOfDate(_));
        let Some(spec) = self.implements(place).filter(|_| is_known) else { return Some(judgement) };
        let hands = Arc::clone(&self.hands);
        self.work.spawn(async move {
            let work = hands.work_of(spec).await;
            Message::Seen { place, judgement, work }
        });
        None
    }

    /// Takes note of what a stage works on that was just judged.
    pub(super) fn seen(&mut self, place: Place, judgement: &Judgement, work: Option<Footprint>) {
        let (Some(spec), Some(work)) = (self.graph.spec_of(place), work) else { return };
        let has_begun = work.paths.values().any(|source| *source == Source::Changed);
        match judgement {
            Judgement::OutOfDate(_) => self.schedule.claim(place, work),
            _ if has_begun => self.schedule.hold_claim(spec, work),
            _ => {}
        }
    }

    /// Asks what a stage that is done has changed.
    pub(super) fn ask_what_changed(&mut self, place: Place) {
        let Some(spec) = self.implements(place) else { return };
        let hands = Arc::clone(&self.hands);
        self.work.spawn(async move { Message::Worked(spec, hands.work_of(spec).await) });
    }

    /// Takes note of what a spec has changed.
    pub(super) fn worked(&mut self, spec: usize, work: Option<Footprint>) {
        if let Some(work) = work {
            self.schedule.hold_claim(spec, work);
        }
    }
}
