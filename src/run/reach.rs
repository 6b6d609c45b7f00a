//! What lies behind commits, told from the base's history and from the commits that this run knows, without asking git.
use crate::base::Oid;
use crate::rebuild::{Commit, History, Line};
use std::collections::{HashMap, HashSet};

/// Everything that some commits reach: themselves and all that lies behind them.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    history: Line<'a>,
    known: &'a HashMap<Oid, Commit>,
    /// Those of them that the base does not have.
    own: HashSet<Oid>,
    /// The last of those that it has, by position: no one lies behind another.
    last: Vec<usize>,
}

impl<'a> Reach<'a> {
    /// What these commits reach. `None`: one of them is neither known nor in the history.
    pub(super) fn of(
        history: &'a History,
        known: &'a HashMap<Oid, Commit>,
        tips: impl IntoIterator<Item = Oid>,
    ) -> Option<Self> {
        let mut reach =
            Self { history: Line::new(history, Vec::new()), known, own: HashSet::new(), last: Vec::new() };
        let (mut open, mut met): (Vec<Oid>, Vec<usize>) = (tips.into_iter().collect(), Vec::new());
        while let Some(oid) = open.pop() {
            if let Some(seq) = reach.history.seq(oid) {
                met.push(seq);
            } else if reach.own.insert(oid) {
                open.extend(&known.get(&oid)?.parents);
            }
        }
        reach.last = reach.last_of(met);
        Some(reach)
    }

    /// Those that lie behind none of the others, the latest first.
    fn last_of(&self, mut all: Vec<usize>) -> Vec<usize> {
        all.sort_unstable_by(|one, other| other.cmp(one));
        let mut last: Vec<usize> = Vec::new();
        for seq in all {
            if !last.iter().any(|later| self.history.is_ancestor(seq, *later)) {
                last.push(seq);
            }
        }
        last
    }

    /// Whether they reach a commit; what the base has not and is not known, they do not.
    fn has(&self, oid: Oid) -> bool {
        match self.history.seq(oid) {
            Some(seq) => self.last.iter().any(|last| self.history.is_ancestor(seq, *last)),
            None => self.own.contains(&oid),
        }
    }

    fn commit(&self, oid: Oid) -> Option<&Commit> {
        let of_base = self.history.seq(oid).map(|seq| self.history.commit(seq));
        of_base.or_else(|| self.known.get(&oid))
    }

    /// What `tip` reaches and they do not, ancestors first. `None`: some of it is unknown.
    pub(super) fn beyond(&self, tip: Oid) -> Option<Vec<Commit>> {
        let (mut open, mut seen, mut found) = (vec![(tip, false)], HashSet::new(), Vec::new());
        while let Some((oid, parents_done)) = open.pop() {
            if parents_done {
                found.push(self.commit(oid)?.clone());
            } else if !self.has(oid) && seen.insert(oid) {
                open.push((oid, true));
                open.extend(self.commit(oid)?.parents.iter().rev().map(|parent| (*parent, false)));
            }
        }
        Some(found)
    }

    /// The commit that both they and `other` reach and that has all others of that kind behind it. `None`: there are
    /// several such, it is none of the base's, or something is unknown.
    pub(super) fn best_common(&self, other: Oid) -> Option<Oid> {
        let (mut open, mut seen, mut met) = (vec![other], HashSet::new(), Vec::new());
        while let Some(oid) = open.pop() {
            if self.has(oid) {
                met.push(self.history.seq(oid)?);
            } else if seen.insert(oid) {
                open.extend(&self.commit(oid)?.parents);
            }
        }
        match self.last_of(met).as_slice() {
            [only] => Some(self.history.commit(*only).oid),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn oid(number: usize) -> Oid {
        format!("{number:040x}").parse().unwrap()
    }

    /// Commits by number, each with up to two parents before it.
    struct Graph(Vec<Vec<usize>>);

    impl Graph {
        fn new(chosen: &[(u8, u8)]) -> Self {
            let parents = chosen.iter().enumerate().map(|(at, (one, other))| match at {
                0 => Vec::new(),
                _ => {
                    let mut parents = vec![usize::from(*one) % at, usize::from(*other) % at];
                    parents.dedup();
                    parents
                }
            });
            Self(parents.collect())
        }

        fn behind(&self, of: usize) -> HashSet<usize> {
            let mut reached = HashSet::from([of]);
            for at in (0..=of).rev() {
                if reached.contains(&at) {
                    reached.extend(&self.0[at]);
                }
            }
            reached
        }

        fn commit(&self, at: usize) -> Commit {
            let parents = self.0[at].iter().map(|parent| oid(*parent)).collect();
            Commit::new(oid(at), parents, "", Vec::new())
        }
    }

    proptest! {
        /// Against the plain meaning: reachable from the one and not from the others, or from both.
        #[test]
        fn what_commits_reach_is_what_a_walk_reaches(
            chosen in vec((any::<u8>(), any::<u8>()), 2..20),
            (tip, one, other) in (any::<u8>(), any::<u8>(), any::<u8>()),
            base in any::<u8>(),
            unknown in any::<u8>(),
        ) {
            let graph = Graph::new(&chosen);
            let count = chosen.len();
            let [tip, one, other, base] = [tip, one, other, base].map(|at| usize::from(at) % count);
            let missing = usize::from(unknown) % (2 * count);
            let of_base = graph.behind(base);
            let history = (0..count).filter(|at| of_base.contains(at)).map(|at| graph.commit(at));
            let history = History::new(history.collect());
            let is_known = |at: &usize| *at != missing && !of_base.contains(at);
            let known = (0..count).filter(is_known).map(|at| (oid(at), graph.commit(at))).collect();
            let reached: HashSet<usize> = &graph.behind(one) | &graph.behind(other);
            let lacks = |wanted: &HashSet<usize>| wanted.contains(&missing) && !of_base.contains(&missing);
            let Some(reach) = Reach::of(&history, &known, [oid(one), oid(other)]) else {
                prop_assert!(lacks(&reached));
                return Ok(());
            };
            let wanted = &graph.behind(tip) - &reached;
            match reach.beyond(oid(tip)) {
                None => prop_assert!(lacks(&wanted)),
                Some(found) => {
                    let place: HashMap<Oid, usize> =
                        found.iter().enumerate().map(|(at, commit)| (commit.oid, at)).collect();
                    let names: HashSet<Oid> = wanted.iter().map(|at| oid(*at)).collect();
                    prop_assert_eq!(place.keys().copied().collect::<HashSet<_>>(), names);
                    prop_assert_eq!(place.len(), found.len());
                    for commit in &found {
                        for parent in commit.parents.iter().filter_map(|parent| place.get(parent)) {
                            prop_assert!(*parent < place[&commit.oid], "ancestors first");
                        }
                    }
                }
            }
            let common = &graph.behind(tip) & &reached;
            let hides = |at: &usize| common.iter().any(|by| by != at && graph.behind(*by).contains(at));
            let best: Vec<usize> = common.iter().copied().filter(|at| !hides(at)).collect();
            match (reach.best_common(oid(tip)), best.as_slice()) {
                (Some(found), [only]) => prop_assert_eq!(found, oid(*only)),
                (Some(found), _) => prop_assert!(false, "{} of {:?}", found, best),
                (None, [only]) if of_base.contains(only) => {
                    // One of the branch's own may be met on the way as well.
                    prop_assert!(lacks(&wanted), "{} was not found", only);
                }
                (None, _) => {}
            }
        }
    }
}
