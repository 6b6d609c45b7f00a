//! What goes first where there is a choice: the longest path behind it, unless a run in thought that prefers something
//! else ends sooner. Greedy orders have their bad days, and a run in thought costs next to nothing.
use super::simulate::Thought;
use crate::graph::{Place, PlaceKind};
use std::cmp::Reverse;

/// Places walked through in thought before the best order so far is taken.
const PATIENCE: usize = 100_000;

/// The most orders that are tried.
const TRIES: usize = 40;

/// How often the turns of a run that goes by arrival are looked up again.
const ROUNDS: usize = 12;

/// Parts of a thousand by which an order must beat the longest path to be worth departing from it: times are guesses.
const WORTH: u64 = 5;

/// Parts of a thousand above what no order can beat at which one is good enough.
const GOOD: u64 = 2;

/// How many specs for each job go by path at the end of an order that finishes what was begun.
const LAST: usize = 2;

/// An order, and the time in milliseconds in which it is expected to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// Of each place, by number, how urgent it is: the more, the earlier.
    pub urgency: Vec<u64>,
    /// When the run ends.
    pub millis: u64,
}

impl Thought<'_> {
    /// The best order that was found for the times that are expected. One that finishes what was begun before it begins
    /// something else is preferred where it costs next to nothing: specs land sooner, fewer are in progress at once, and
    /// each of those costs a worktree, and a look at its refs whenever another stage ends.
    pub fn best(&self) -> Best {
        let soonest = self.soonest();
        let urgency = self.by_spec();
        let finishing = Best { millis: self.course(&urgency, &self.terms.weights).millis, urgency };
        let worth = soonest.millis.saturating_add(soonest.millis / 1000 * WORTH);
        if finishing.millis <= worth { finishing } else { soonest }
    }

    /// The order that ends first, of those that were tried.
    fn soonest(&self) -> Best {
        let took = &self.terms.weights[..];
        let by_path = self.by_path();
        let try_out = |urgency: Vec<u64>| Best { millis: self.course(&urgency, took).millis, urgency };
        let first = try_out(by_path.clone());
        let bound = self.bound(took).millis();
        let good = bound.saturating_add(bound / 1000 * GOOD);
        if first.millis <= good {
            return first;
        }
        let tries = (PATIENCE / self.graph.len().max(1)).min(TRIES);
        let worth = first.millis - first.millis / 1000 * WORTH;
        let mut chance = fastrand::Rng::with_seed(0);
        let others = (0..tries).map(|at| match at {
            0 => self.by_scarcity(),
            1 => self.by_turns(took, tries.min(ROUNDS)),
            _ => shaken(&by_path, &mut chance),
        });
        let mut best: Option<Best> = None;
        for urgency in others {
            let tried = try_out(urgency);
            if best.as_ref().map_or(worth, |best| best.millis) > tried.millis {
                let enough = tried.millis <= good;
                best = Some(tried);
                if enough {
                    break;
                }
            }
        }
        best.unwrap_or(first)
    }

    /// The longest path behind each place goes first.
    pub fn by_path(&self) -> Vec<u64> {
        self.graph.critical(|place| self.expected(place))
    }

    /// The spec with the longest path goes first with all of its stages, equal ones as declared. The last few go by
    /// path again, so that no job is idle at the end while one spec goes through its stages.
    fn by_spec(&self) -> Vec<u64> {
        let by_path = self.by_path();
        let own = |place: Place| by_path[place.index()];
        let whole = |spec: usize| self.graph.stages_of(spec).map(own).max().unwrap_or(0);
        let mut specs: Vec<(Reverse<u64>, usize)> =
            (0..self.graph.spec_count()).map(|spec| (Reverse(whole(spec)), spec)).collect();
        specs.retain(|(Reverse(whole), _)| *whole > 0);
        specs.sort_unstable();
        let few = LAST * usize::try_from(self.terms.jobs).unwrap_or(usize::MAX);
        let mut turn_of = vec![None; self.graph.spec_count()];
        for (turn, (_, spec)) in specs.iter().enumerate().take(specs.len().saturating_sub(few)) {
            turn_of[*spec] = Some(turn);
        }
        let mut turns: Vec<Place> = self.graph.places().collect();
        turns.sort_by_cached_key(|place| {
            let turn = self.graph.spec_of(*place).and_then(|spec| turn_of[spec]);
            (turn.unwrap_or(usize::MAX), Reverse(own(*place)), *place)
        });
        falling(&turns)
    }

    /// The longest path, with what draws on a pool or a resource counted as if its depth were all jobs there are.
    fn by_scarcity(&self) -> Vec<u64> {
        self.graph.critical(|place| {
            let least = match self.graph.kind(place) {
                PlaceKind::Stage { spec, stage } => self.least_depth(spec, stage),
                _ => None,
            };
            let jobs = u64::from(self.terms.jobs.max(1));
            let share = least.map_or(1, |depth| jobs.div_ceil(u64::from(depth.max(1))));
            self.expected(place).saturating_mul(share.max(1))
        })
    }

    /// What is ready first goes first, then as declared. Which that is depends on what went first, so the run is gone
    /// through until the turns stay.
    pub fn by_arrival(&self, took: &[u64]) -> Vec<u64> {
        self.by_turns(took, ROUNDS)
    }

    fn by_turns(&self, took: &[u64], rounds: usize) -> Vec<u64> {
        let mut turns: Vec<Place> = self.graph.places().collect();
        let mut urgency = falling(&turns);
        for _ in 0..rounds {
            let course = self.course(&urgency, took);
            turns.sort_by_key(|place| (course.queued[place.index()], *place));
            let next = falling(&turns);
            if next == urgency {
                break;
            }
            urgency = next;
        }
        urgency
    }

    fn expected(&self, place: Place) -> u64 {
        if self.runs(place) { self.terms.weights.get(place.index()).copied().unwrap_or(0) } else { 0 }
    }
}

/// The urgency of places in this order.
fn falling(turns: &[Place]) -> Vec<u64> {
    let mut urgency = vec![0; turns.len()];
    for (left, place) in (0..).zip(turns.iter().rev()) {
        urgency[place.index()] = left;
    }
    urgency
}

/// Each up to a third more or less urgent.
fn shaken(urgency: &[u64], chance: &mut fastrand::Rng) -> Vec<u64> {
    urgency.iter().map(|urgency| urgency.saturating_mul(chance.u64(67..=133))).collect()
}
