//! How many of what: specs by where they stand, steps done of those that must be.
use super::spec::{SpecView, Standing};
use super::stage::StageState;

/// Numbers of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All specs of the run.
    pub specs: usize,
    /// Specs that had nothing to do.
    pub up_to_date: usize,
    /// Specs that landed in this run.
    pub landed: usize,
    /// Specs complete on their branch.
    pub delivered: usize,
    /// Specs whose `when` said no.
    pub skipped: usize,
    /// Specs with a stage or a landing under way.
    pub running: usize,
    /// Specs that wait, or of which nothing is known yet.
    pub waiting: usize,
    /// Specs that wait for a person: held, a gate, or a file in the way of their landing.
    pub held: usize,
    /// Specs given up for this run.
    pub failed: usize,
    /// Specs that cannot go on because of another one.
    pub blocked: usize,
    /// Specs that were stopped in the middle.
    pub stopped: usize,
    /// Stages and landings done in this run.
    pub steps_done: usize,
    /// Stages and landings that this run has to do, as far as is known.
    pub steps: usize,
}

impl Counts {
    /// Those of these specs, counted one by one.
    pub(super) fn of<'a>(specs: impl Iterator<Item = &'a SpecView>) -> Self {
        let mut counts = Self::default();
        for spec in specs {
            counts.specs += 1;
            *counts.of_standing(spec.standing()) += 1;
            counts.count_steps(spec);
        }
        counts
    }

    /// Takes these in.
    pub(super) fn add(&mut self, mut other: Self) {
        for (own, more) in self.numbers().into_iter().zip(other.numbers()) {
            *own += *more;
        }
    }

    /// Takes these out again.
    pub(super) fn remove(&mut self, mut other: Self) {
        for (own, less) in self.numbers().into_iter().zip(other.numbers()) {
            *own = own.saturating_sub(*less);
        }
    }

    /// All of them: the pattern leaves none out.
    fn numbers(&mut self) -> [&mut usize; 13] {
        let Self {
            specs,
            up_to_date,
            landed,
            delivered,
            skipped,
            running,
            waiting,
            held,
            failed,
            blocked,
            stopped,
            steps_done,
            steps,
        } = self;
        [
            specs, up_to_date, landed, delivered, skipped, running, waiting, held, failed, blocked, stopped,
            steps_done, steps,
        ]
    }

    fn of_standing(&mut self, standing: Standing) -> &mut usize {
        match standing {
            Standing::Pending | Standing::Waiting => &mut self.waiting,
            Standing::Running | Standing::Landing => &mut self.running,
            Standing::Colliding | Standing::Gate | Standing::Held => &mut self.held,
            Standing::Failed => &mut self.failed,
            Standing::Blocked => &mut self.blocked,
            Standing::Stopped => &mut self.stopped,
            Standing::Skipped => &mut self.skipped,
            Standing::UpToDate => &mut self.up_to_date,
            Standing::Delivered => &mut self.delivered,
            Standing::Landed => &mut self.landed,
        }
    }

    fn count_steps(&mut self, spec: &SpecView) {
        if spec.was_done() || spec.skipped.is_some() {
            return;
        }
        for (_, step) in spec.steps().filter(|(_, step)| !step.was_done()) {
            self.steps += 1;
            self.steps_done += usize::from(matches!(step.state, StageState::Done { .. }));
        }
    }
}
