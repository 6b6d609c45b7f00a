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

#[cfg(test)]
mod tests {
    use crate::event::Done;
    use crate::graph::sample::{Sample, pattern};
    use crate::model::{ConflictsPolicy, FailureClass, Tasks};
    use crate::plan::collision::{Footprint, Source};
    use crate::run::hands::{Judgement, Outcome};
    use crate::run::sample::{Story, done, failure, takes};

    /// Two specs that were seen to work on one file, and what is done about it.
    fn overlapping(policy: ConflictsPolicy) -> Story {
        let mut sample = Sample::new();
        sample.project.settings.conflicts = policy;
        for name in ["a", "b"] {
            let stages = &mut sample.spec(name, "", &["plan", "implement", "check"], &[]).stages;
            let file = pattern("tasks.md");
            stages[1].tasks = Some(Tasks { file, parallel: 1 });
        }
        let mut work = Footprint::default();
        work.add("src/x.rs", Source::Changed);
        Story::of(sample).works_on("a", work.clone()).works_on("b", work)
    }

    #[tokio::test(start_paused = true)]
    async fn a_spec_does_not_implement_what_another_one_in_progress_works_on() {
        let told = overlapping(ConflictsPolicy::Serialize).tell().await;
        let of_b = ["b:implement waits: overlap src/x.rs", "a landed", "b:implement run"];
        told.ends(6, 2, false);
        let said = told.of(&["b:implement waits", "landed", "b:implement run", "b:plan run"]);
        let order: Vec<usize> = of_b
            .iter()
            .map(|line| said.iter().position(|said| said.starts_with(line)).unwrap_or(99))
            .collect();
        assert!(order.is_sorted() && order.iter().all(|at| *at < 99), "{said:#?}");
        let plan = said.iter().position(|said| said.starts_with("b:plan run"));
        assert!(plan < Some(order[1]), "only implementing waits: {said:#?}");
        let told = overlapping(ConflictsPolicy::Warn).tell().await;
        assert_eq!(told.of(&["overlap"]), [""; 0]);
        assert!(told.of(&["a landed", "b:implement run"])[0].starts_with("b:implement"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_spec_that_is_held_keeps_nobody_waiting() {
        let story = overlapping(ConflictsPolicy::Serialize);
        let held = Outcome::Held(failure(FailureClass::Crash));
        let told = story.attempt("a:check", takes(1, held)).tell().await;
        assert!(!told.of(&["b:implement waits: overlap"]).is_empty(), "{:#?}", told.said);
        assert_eq!(told.of(&["b landed"]).len(), 1, "{:#?}", told.said);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_implemented_before_this_run_keeps_others_waiting_too() {
        let story = overlapping(ConflictsPolicy::Serialize);
        let up_to_date = || Judgement::UpToDate(Done::UpToDate);
        let story = story.judged("a:plan", up_to_date()).judged("a:implement", up_to_date());
        let told = story.attempt("a:check", takes(60, done())).tell().await;
        let said = told.of(&["a landed", "b:implement run"]);
        assert!(said[0].starts_with("a landed"), "{said:#?}");
    }
}
