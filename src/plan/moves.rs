//! How places move: the one setter, and what follows from a move.
use super::cancel::is_failure;
use super::collision::Footprint;
use super::ready::Want;
use super::schedule::{Schedule, SpecStanding, Standing};
use super::state::State;
use crate::event::Done;
use crate::graph::{Edge, Place, PlaceKind};
use std::sync::Arc;

/// A move that the table of [`Phase::moves`](super::Phase::moves) does not have, or that the place is not ready for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` cannot go from {from:?} to {to:?}")]
pub struct IllegalMove {
    /// What people call the place.
    pub place: String,
    /// Where it is.
    pub from: State,
    /// Where it was to go.
    pub to: State,
}

/// How an edge bears on the place behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearing {
    Pending,
    Good,
    Broken,
}

impl From<State> for Bearing {
    fn from(state: State) -> Self {
        if state.is_broken() {
            Self::Broken
        } else if state.is_over() {
            Self::Good
        } else {
            Self::Pending
        }
    }
}

/// How a place bears on those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Felt {
    /// On those that cannot go on without its good end.
    hard: Bearing,
    /// On those that only wait until it is over.
    soft: Bearing,
}

impl Felt {
    fn through(self, edge: Edge) -> Bearing {
        if edge.is_soft() { self.soft } else { self.hard }
    }
}

/// Whether an edge comes from what a spec or its layer needs.
pub(super) fn is_need(edge: Edge) -> bool {
    matches!(edge, Edge::Need { .. } | Edge::Entry)
}

impl Schedule {
    /// Moves a place. The only way from one state to another, but for starting
    /// ([`next_to_start`](Self::next_to_start)) and for what follows from a move: what is behind a place that
    /// ended goes on or is blocked, a place queued where work was cancelled is cancelled.
    ///
    /// # Errors
    /// A move that the table does not have, that this kind of place does not make, or from waiting onwards
    /// while something before is not over.
    pub fn set(&mut self, place: Place, to: State) -> Result<(), IllegalMove> {
        if !self.may_move(place, to) {
            let label = self.graph.label(place);
            return Err(IllegalMove { place: label, from: self.state(place), to });
        }
        let spec = self.graph.spec_of(place);
        let from = self.state(place);
        let begins = matches!(to, State::Queued | State::BackingOff { .. });
        let to = if begins && spec.is_some_and(|spec| self.cancels.covers(spec)) {
            self.moved.push(place);
            State::Cancelled
        } else {
            to
        };
        self.cascade(vec![(place, to)]);
        if let Some(spec) = spec
            && is_failure(from, to)
            && self.cancels.failed(spec)
        {
            self.cancel_what_is_covered();
        }
        Ok(())
    }

    fn may_move(&self, place: Place, to: State) -> bool {
        let Standing { state, pending, broken, .. } = self.places[place.index()];
        if !state.phase().moves().contains(&to.phase()) {
            return false;
        }
        let fits = match self.graph.kind(place) {
            PlaceKind::Stage { .. } => to != State::Landing,
            PlaceKind::Landing { .. } => {
                !matches!(to, State::Queued | State::BackingOff { .. }) && !matches!(state, State::Done(_))
            }
            PlaceKind::LayerEntry { .. } | PlaceKind::LayerEnd { .. } => false,
        };
        let onwards = matches!(to, State::Judging | State::Done(_));
        let in_turn = state != State::Waiting || !onwards || (pending == 0 && broken == 0);
        fits && in_turn && to != State::Running && !matches!(to, State::Blocked { .. })
    }

    /// Makes moves and all that follows from them.
    pub(super) fn cascade(&mut self, mut moves: Vec<(Place, State)>) {
        let mut behind = Vec::new();
        loop {
            if let Some((place, to)) = moves.pop() {
                self.make(place, to, &mut behind);
            } else if let Some(place) = behind.pop() {
                moves.extend(self.follow(place).map(|to| (place, to)));
            } else {
                return;
            }
        }
    }

    fn make(&mut self, place: Place, to: State, behind: &mut Vec<Place>) {
        let from = self.state(place);
        if from == to {
            return;
        }
        let before = self.felt(place);
        self.leave(place, from);
        self.places[place.index()].state = to;
        self.enter(place, to);
        self.count_move(place, from, to);
        self.tell_behind(place, before, behind);
        if to == State::Waiting {
            behind.push(place);
        }
        if let Some(spec) = self.graph.spec_of(place) {
            self.give_files_back(spec);
        }
    }

    fn leave(&mut self, place: Place, from: State) {
        let Standing { rank, group, .. } = self.places[place.index()];
        match from {
            State::Waiting => {
                self.to_judge.remove(&rank);
            }
            State::Judging => {
                self.judging.remove(&rank);
            }
            State::Queued => {
                self.ready.remove(self.want(place), rank);
                self.queued.remove(&rank);
            }
            State::Running => self.tokens.give(group),
            State::BackingOff { until } => {
                self.backing_off.remove(&(until, rank));
            }
            _ => {}
        }
    }

    fn enter(&mut self, place: Place, to: State) {
        let Standing { rank, group, .. } = self.places[place.index()];
        match to {
            State::Judging => {
                self.judging.insert(rank);
            }
            State::Queued => {
                self.ready.insert(self.want(place), rank);
                self.queued.insert(rank);
            }
            State::Running => {
                self.tokens.take(group);
                self.take_files(place);
            }
            State::BackingOff { until } => {
                self.backing_off.insert((until, rank));
            }
            _ => {}
        }
    }

    fn count_move(&mut self, place: Place, from: State, to: State) {
        let Some(spec) = self.graph.spec_of(place) else { return };
        self.touched.insert(spec);
        self.counts[from.phase() as usize] -= 1;
        self.counts[to.phase() as usize] += 1;
        let stopped = |state: State| state.is_broken() || state == State::AwaitingPerson;
        let open = |state: State| state == State::Waiting || state.is_moving();
        let spec = &mut self.specs[spec];
        spec.stopped = spec.stopped + u32::from(stopped(to)) - u32::from(stopped(from));
        spec.open = spec.open + u32::from(open(to)) - u32::from(open(from));
        spec.running = spec.running + u32::from(to == State::Running) - u32::from(from == State::Running);
    }

    /// How a place bears on those behind it as it stands.
    fn felt(&self, place: Place) -> Felt {
        let hard = Bearing::from(self.state(place));
        let soft = match hard {
            Bearing::Broken if self.has_members_left(place) => Bearing::Pending,
            Bearing::Broken => Bearing::Good,
            other => other,
        };
        Felt { hard, soft }
    }

    /// Whether a place is the end of a layer and something of that may still land: it is not over, even if one failed.
    fn has_members_left(&self, place: Place) -> bool {
        self.places[place.index()].pending > 0 && matches!(self.graph.kind(place), PlaceKind::LayerEnd { .. })
    }

    /// Whether a place that waits behind another one waits for that.
    pub(super) fn is_awaited(&self, from: Place, edge: Edge) -> bool {
        self.felt(from).through(edge) == Bearing::Pending
    }

    /// Tells those behind a place how it bears on them now.
    fn tell_behind(&mut self, place: Place, before: Felt, behind: &mut Vec<Place>) {
        let now = self.felt(place);
        if before == now {
            return;
        }
        let graph = Arc::clone(&self.graph);
        for (next, edge) in graph.successors(place) {
            if !self.wanted.contains(next) {
                continue;
            }
            match graph.kind(next) {
                PlaceKind::LayerEntry { layer } => self.touched.extend(graph.members_of(layer)),
                _ => self.touched.extend(graph.spec_of(next)),
            }
            let (from, to) = (before.through(edge), now.through(edge));
            let change = |what| (u32::from(to == what), u32::from(from == what));
            let (more, less) = change(Bearing::Pending);
            let (worse, better) = change(Bearing::Broken);
            let felt = self.felt(next);
            let standing = &mut self.places[next.index()];
            standing.pending = standing.pending + more - less;
            standing.broken = standing.broken + worse - better;
            if let (true, Some(spec)) = (is_need(edge) || edge == Edge::After, graph.spec_of(next)) {
                let (still, before) = (u32::from(to != Bearing::Good), u32::from(from != Bearing::Good));
                self.unqueue(spec);
                let SpecStanding { needs_left, firsts_left, .. } = &mut self.specs[spec];
                let left = if is_need(edge) { needs_left } else { firsts_left };
                *left = *left + still - before;
                self.queue(spec);
                self.give_files_back(spec);
            }
            behind.push(next);
            // The last one of a layer in which another one failed.
            self.tell_behind(next, felt, behind);
        }
    }

    /// What a place that waits, or was blocked, does about the places before it, if anything.
    pub(super) fn follow(&mut self, place: Place) -> Option<State> {
        let Standing { state, pending, broken, rank, .. } = self.places[place.index()];
        let is_blocked = broken > 0;
        match state {
            State::Waiting if is_blocked => {
                self.moved.push(place);
                self.breaker(place).map(|by| State::Blocked { by })
            }
            State::Waiting if pending > 0 => {
                self.to_judge.remove(&rank);
                None
            }
            State::Waiting if self.graph.kind(place).is_joint() => Some(State::Done(Done::UpToDate)),
            State::Waiting => {
                self.to_judge.insert(rank);
                None
            }
            State::Blocked { by } if is_blocked && !self.state(by).is_broken() => {
                self.moved.push(place);
                self.breaker(place).map(|by| State::Blocked { by })
            }
            State::Blocked { .. } if !is_blocked => {
                self.moved.push(place);
                Some(State::Waiting)
            }
            _ => None,
        }
    }

    /// The first place before it that came to no good end, where that matters.
    fn breaker(&self, place: Place) -> Option<Place> {
        let before = self.graph.predecessors(place).filter(|(_, edge)| !edge.is_soft());
        before.map(|(from, _)| from).filter(|from| self.state(*from).is_broken()).min()
    }

    /// What a queued place asks for.
    pub(super) fn want(&self, place: Place) -> Want {
        let spec = self.graph.spec_of(place);
        let list = spec.and_then(|spec| self.list_to_take(spec));
        let claim = spec.filter(|spec| self.takes_claim(*spec, place));
        Want { group: self.places[place.index()].group, list, claim }
    }

    /// Whether a place takes what its spec was seen to work on. Not while a need is still to land: that may want the
    /// same files.
    fn takes_claim(&self, spec: usize, place: Place) -> bool {
        self.specs[spec].needs_left == 0 && self.claims.is_wanted_by(spec, place)
    }

    /// What a spec was seen to work on, beside what it declares: the place, when it starts, takes it, and waits until
    /// nobody has any of that. To be said before the place is queued.
    pub fn claim(&mut self, place: Place, footprint: Footprint) {
        if let (Some(spec), false) = (self.graph.spec_of(place), self.state(place) == State::Queued) {
            self.claims.want(spec, place, footprint);
        }
    }

    /// A spec that goes on has worked on this.
    pub fn hold_claim(&mut self, spec: usize, footprint: Footprint) {
        if self.goes_on(spec) {
            self.unqueue(spec);
            self.claims.hold(spec, footprint);
            self.queue(spec);
        }
    }

    /// The files that the next stage of a spec to start takes: none while a need is still to land, none if it has them.
    pub(super) fn list_to_take(&self, spec: usize) -> Option<usize> {
        let SpecStanding { list, needs_left, .. } = self.specs[spec];
        list.filter(|_| needs_left == 0 && !self.touches.is_held_by(spec))
    }

    fn take_files(&mut self, place: Place) {
        let Some(spec) = self.graph.spec_of(place) else { return };
        let (list, claims) = (self.list_to_take(spec), self.takes_claim(spec, place));
        if list.is_none() && !claims {
            return;
        }
        self.unqueue(spec);
        if let Some(list) = list {
            self.touches.hold(spec, list);
        }
        if claims {
            self.claims.take(spec);
        }
        self.queue(spec);
    }

    /// Whether a spec keeps the files that it has. What comes first and is retried by a person may want the same ones, so
    /// whoever waits for it must not hold them.
    fn goes_on(&self, spec: usize) -> bool {
        let SpecStanding { open, stopped, needs_left, firsts_left, .. } = self.specs[spec];
        open > 0 && stopped == 0 && needs_left == 0 && (firsts_left == 0 || !self.waits_for_a_first(spec))
    }

    /// Whether nothing of a spec moves, and something of it waits for what merely comes first.
    fn waits_for_a_first(&self, spec: usize) -> bool {
        let places = || self.graph.stages_of(spec).chain([self.graph.landing_of(spec)]);
        let is_left = |(from, edge): (Place, Edge)| edge == Edge::After && self.is_awaited(from, edge);
        let waits = |place: &Place| {
            self.state(*place) == State::Waiting && self.graph.predecessors(*place).any(is_left)
        };
        !places().any(|place| self.state(place).is_moving()) && places().any(|place| waits(&place))
    }

    fn give_files_back(&mut self, spec: usize) {
        let has_any = self.touches.is_held_by(spec) || self.claims.is_held_by(spec);
        if self.specs[spec].running > 0 || self.goes_on(spec) || !has_any {
            return;
        }
        self.unqueue(spec);
        self.touches.release(spec);
        self.claims.release(spec);
        self.ready.released(spec);
        self.queue(spec);
    }

    fn queue(&mut self, spec: usize) {
        for place in self.queued_of(spec) {
            self.ready.insert(self.want(place), self.places[place.index()].rank);
        }
    }

    fn unqueue(&mut self, spec: usize) {
        for place in self.queued_of(spec) {
            self.ready.remove(self.want(place), self.places[place.index()].rank);
        }
    }

    fn queued_of(&self, spec: usize) -> Vec<Place> {
        self.graph.stages_of(spec).filter(|place| self.state(*place) == State::Queued).collect()
    }
}
