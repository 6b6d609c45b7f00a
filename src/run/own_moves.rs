//! What this run does to refs itself, and what it already said of others, so that no stage is blamed for what
//! specmake or another stage did, and nothing is said twice.
use crate::base::Oid;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The moves of a run.
#[derive(Debug, Default)]
pub(super) struct OwnMoves(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    specs: Busy,
    landings: HashSet<Oid>,
    told: HashSet<(String, Option<Oid>)>,
}

/// What is under way for each spec, by position.
pub(super) type Busy = BTreeMap<usize, Turns>;

/// How much was begun for a spec, and how much of that has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Turns {
    begun: u64,
    pub(super) open: u64,
}

/// Something under way for a spec, that may move its branch until this is dropped.
pub(super) struct Turn {
    moves: Arc<OwnMoves>,
    spec: usize,
}

impl OwnMoves {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The branch of a spec may move from here on.
    pub(super) fn begin(self: &Arc<Self>, spec: usize) -> Turn {
        let mut known = self.known();
        let turns = known.specs.entry(spec).or_default();
        turns.begun += 1;
        turns.open += 1;
        Turn { moves: Arc::clone(self), spec }
    }

    /// What is and was under way.
    pub(super) fn busy(&self) -> Busy {
        self.known().specs.clone()
    }

    /// The base is about to move to this commit of ours.
    pub(super) fn lands(&self, commit: Oid) {
        self.known().landings.insert(commit);
    }

    /// Whether a commit is one that we moved the base to.
    pub(super) fn is_landing(&self, commit: Oid) -> bool {
        self.known().landings.contains(&commit)
    }

    /// Whether nobody was told yet that a ref is there now.
    pub(super) fn is_news(&self, name: &str, now: Option<Oid>) -> bool {
        self.known().told.insert((name.to_owned(), now))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.moves.known().specs.get_mut(&self.spec) {
            turns.open -= 1;
        }
    }
}
