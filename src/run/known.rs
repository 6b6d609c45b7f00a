//! Commits that this run has read or made. They never change, so what lies between two of them is read at most once,
//! and not at all where we made every one.
use super::journal::commits;
use super::site::Site;
use crate::base::Oid;
use crate::rebuild::Commit;
use crate::sys::git::{GitError, Merge};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many merges are remembered: as many as are asked for again before long.
const MERGES: usize = 128;

/// The commits, and what became of merges of two of them.
#[derive(Debug, Default)]
pub(super) struct Known {
    commits: Mutex<HashMap<Oid, Commit>>,
    merges: Mutex<VecDeque<((Oid, Oid), Merge)>>,
}

impl Known {
    fn commits(&self) -> MutexGuard<'_, HashMap<Oid, Commit>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn merges(&self) -> MutexGuard<'_, VecDeque<((Oid, Oid), Merge)>> {
        self.merges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a commit.
    pub(super) fn note(&self, commit: Commit) {
        self.commits().insert(commit.oid, commit);
    }

    /// What `tip` has that is not behind, ancestors first. `None`: some of it is unknown.
    fn walk(&self, tip: Oid, is_behind: impl Fn(Oid) -> bool) -> Option<Vec<Commit>> {
        let known = self.commits();
        let (mut open, mut seen, mut found) = (vec![(tip, false)], HashSet::new(), Vec::new());
        while let Some((oid, parents_done)) = open.pop() {
            if parents_done {
                found.push(known.get(&oid)?.clone());
            } else if !is_behind(oid) && seen.insert(oid) {
                open.push((oid, true));
                open.extend(known.get(&oid)?.parents.iter().rev().map(|parent| (*parent, false)));
            }
        }
        Some(found)
    }
}

impl Site {
    /// The commits that `tip` has and those behind have not, oldest first.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn between(&self, tip: Oid, behind: &[Oid]) -> Result<Vec<Commit>, GitError> {
        if behind.contains(&tip) {
            return Ok(Vec::new());
        }
        // Of the base alone it is known at once what lies behind it.
        if let [only] = behind {
            let base = self.base();
            let found = (base.tip == *only).then(|| self.known.walk(tip, |oid| base.history.contains(oid)));
            if let Some(found) = found.flatten() {
                return Ok(found);
            }
        }
        let read = commits(self.git.log(&[tip], behind)?);
        for commit in &read {
            self.known.note(commit.clone());
        }
        Ok(read)
    }
}

impl Site {
    /// What two commits merge into. A stage is judged, judged again and made ready on the same two.
    ///
    /// # Errors
    /// One of them is not there, or they share no history.
    pub(super) fn merged(&self, ours: Oid, theirs: Oid) -> Result<Merge, GitError> {
        let known = self.known.merges().iter().find(|(of, _)| *of == (ours, theirs)).map(|(_, m)| m.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let merge = self.git.merge_tree(ours, theirs)?;
        let mut merges = self.known.merges();
        if merges.len() == MERGES {
            merges.pop_front();
        }
        merges.push_back(((ours, theirs), merge.clone()));
        Ok(merge)
    }

    /// Whether a commit has another one behind it, of which much lies behind the base.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn has_behind(&self, tip: Oid, other: Oid) -> Result<bool, GitError> {
        // Whatever leads from the one to the other has it for a parent at last.
        let own = self.between(tip, &[other])?;
        Ok(tip == other || own.iter().any(|commit| commit.parents.contains(&other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    fn oid(number: usize) -> Oid {
        format!("{number:040x}").parse().unwrap()
    }

    proptest! {
        /// Against the plain meaning: reachable from the one and not from the other.
        #[test]
        fn what_lies_between_is_what_only_one_reaches(
            parents in vec((any::<u8>(), any::<u8>()), 2..20),
            (tip, base) in (any::<u8>(), any::<u8>()),
            unknown in any::<u8>(),
        ) {
            let count = parents.len();
            let parents_of = |at: usize| -> Vec<usize> {
                let (one, other) = parents[at];
                if at == 0 { return Vec::new() }
                let (one, other) = (usize::from(one) % at, usize::from(other) % at);
                if one == other { vec![one] } else { vec![one, other] }
            };
            let behind = |of: usize| {
                let mut reached = HashSet::from([of]);
                for at in (0..=of).rev().filter(|at| *at <= of) {
                    if reached.contains(&at) { reached.extend(parents_of(at)); }
                }
                reached
            };
            let (tip, base) = (usize::from(tip) % count, usize::from(base) % count);
            let missing = usize::from(unknown) % (2 * count);
            let known = Known::default();
            for at in (0..count).filter(|at| *at != missing) {
                let parents = parents_of(at).into_iter().map(oid).collect();
                known.note(Commit::new(oid(at), parents, "", Vec::new()));
            }
            let (mine, theirs) = (behind(tip), behind(base));
            let theirs_by_name: HashSet<Oid> = theirs.iter().map(|at| oid(*at)).collect();
            let walked = known.walk(oid(tip), |oid| theirs_by_name.contains(&oid));
            let wanted: HashSet<Oid> = mine.difference(&theirs).map(|at| oid(*at)).collect();
            match walked {
                None => assert!(wanted.contains(&oid(missing))),
                Some(walked) => {
                    let place: HashMap<Oid, usize> =
                        walked.iter().enumerate().map(|(at, commit)| (commit.oid, at)).collect();
                    assert_eq!(place.keys().copied().collect::<HashSet<_>>(), wanted);
                    assert_eq!(place.len(), walked.len());
                    for commit in &walked {
                        for parent in commit.parents.iter().filter(|parent| wanted.contains(parent)) {
                            assert!(place[parent] < place[&commit.oid], "ancestors first");
                        }
                    }
                }
            }
        }
    }
}
