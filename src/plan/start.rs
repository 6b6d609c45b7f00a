//! What goes next: the best place to judge, the best place whose tokens are all free.
use super::moves::IllegalMove;
use super::ready::Top;
use super::schedule::Schedule;
use super::state::State;
use super::tokens::Obstacle;
use crate::event::Done;
use crate::graph::{Edge, Place};
use std::sync::Arc;

impl Schedule {
    /// The best place whose predecessors are all over; it is [`State::Judging`] from here on. Landings too: they
    /// are judged when the last stages of their spec are done.
    pub fn next_to_judge(&mut self) -> Option<Place> {
        let rank = *self.to_judge.first()?;
        let place = self.by_rank[rank as usize];
        self.cascade(vec![(place, State::Judging)]);
        Some(place)
    }

    /// The best stage whose tokens are all free at this time (milliseconds since the Unix epoch). It has them,
    /// and is [`State::Running`], from here on. Back-offs that are over by then count as queued.
    ///
    /// Nothing overtakes a stage that only waits to be alone, so that its turn comes.
    pub fn next_to_start(&mut self, now: u64) -> Option<Place> {
        self.end_back_offs(now);
        if !self.tokens.has_free_job() {
            return None;
        }
        let mut after = None;
        while let Some(top) = self.ready.top(after) {
            let Top { rank, group, class, list } = top;
            let obstacle = self.tokens.obstacle(group, now);
            if let Some(Obstacle::Token(_)) = obstacle {
                after = Some((rank, group));
                continue;
            }
            if let Some(holder) = list.and_then(|list| self.touches.holder(list)) {
                self.ready.set_aside(class, holder);
                continue;
            }
            if obstacle.is_some() {
                return None;
            }
            let place = self.by_rank[rank as usize];
            self.cascade(vec![(place, State::Running)]);
            return Some(place);
        }
        None
    }

    fn end_back_offs(&mut self, now: u64) {
        while let Some((until, rank)) = self.backing_off.first().copied() {
            if until > now {
                return;
            }
            self.cascade(vec![(self.by_rank[rank as usize], State::Queued)]);
        }
    }

    /// The next time after `now` at which something may start that cannot start before: the end of a back-off or
    /// of a pause, in milliseconds since the Unix epoch.
    pub fn next_wake(&self, now: u64) -> Option<u64> {
        let back_off = self.backing_off.first().map(|(until, _)| *until);
        [back_off, self.tokens.next_resume(now)].into_iter().flatten().min()
    }

    /// A job for a process of a landing, if one is free and no stage runs alone. Give it back with
    /// [`give_job`](Self::give_job).
    pub fn take_job(&mut self) -> bool {
        self.tokens.take_job()
    }

    /// Gives back what [`take_job`](Self::take_job) took.
    pub fn give_job(&mut self) {
        self.tokens.give_job();
    }

    /// Changes how many agents and commands run at once; what runs goes on.
    pub fn set_jobs(&mut self, jobs: u32) {
        self.tokens.set_jobs(jobs);
    }

    /// Takes every place of a spec that has not ended, its landing too, as done: a `when` that said no.
    ///
    /// # Errors
    /// A place of it that runs or whose turn has not come.
    pub fn settle_spec(&mut self, spec: usize, how: Done) -> Result<(), IllegalMove> {
        let graph = Arc::clone(self.graph());
        for place in graph.stages_of(spec).chain([graph.landing_of(spec)]) {
            if !self.state(place).is_over() {
                self.set(place, State::Done(how))?;
            }
        }
        Ok(())
    }

    /// Sends a spec back to a stage, before it lands: that stage, those behind it and the landing wait again.
    ///
    /// # Errors
    /// One of them runs, or the landing is done.
    pub fn send_back(&mut self, stage: Place) -> Result<(), IllegalMove> {
        let graph = Arc::clone(self.graph());
        let mut behind = vec![stage];
        let mut at = 0;
        while let Some(place) = behind.get(at).copied() {
            at += 1;
            for (next, edge) in graph.successors(place) {
                if edge == Edge::Order && self.wanted().contains(next) && !behind.contains(&next) {
                    behind.push(next);
                }
            }
        }
        let stays = |state| matches!(state, State::Waiting | State::Blocked { .. });
        if let Some(place) = behind.iter().copied().find(|p| {
            let is_landing = graph.stage_name(*p).is_none();
            let state = self.state(*p);
            state == State::Running || (is_landing && matches!(state, State::Done(_)))
        }) {
            let (place, from) = (graph.label(place), self.state(place));
            return Err(IllegalMove { place, from, to: State::Waiting });
        }
        for place in behind {
            if !stays(self.state(place)) {
                self.set(place, State::Waiting)?;
            }
        }
        Ok(())
    }
}
