//! Which commit lies behind which, told from two numbers each; no question walks the whole history.
use super::history::Seq;

/// Where each commit hangs on the *trunk*: the chain of first parents from the last commit. Links of the trunk are
/// numbered from 1, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ancestry {
    /// The last link that is the commit or lies behind it; 0 for none.
    behind: Vec<u32>,
    /// The first link that is the commit or has it behind it.
    joined: Vec<u32>,
    /// Whether it is a link itself.
    is_link: Vec<bool>,
}

impl Ancestry {
    /// Of commits in topological order, by the positions of their parents.
    pub(super) fn of(parents: &[Vec<Seq>]) -> Self {
        let mut trunk = Vec::new();
        let mut at = parents.len().checked_sub(1);
        while let Some(seq) = at {
            trunk.push(seq);
            at = parents[seq].first().copied();
        }
        trunk.reverse();
        let mut behind = vec![0; parents.len()];
        let mut joined = vec![u32::MAX; parents.len()];
        let mut is_link = vec![false; parents.len()];
        for (number, seq) in (1..).zip(trunk) {
            (behind[seq], joined[seq], is_link[seq]) = (number, number, true);
        }
        for seq in 0..parents.len() {
            let of_parents = parents[seq].iter().map(|parent| behind[*parent]).max();
            behind[seq] = behind[seq].max(of_parents.unwrap_or(0));
        }
        for seq in (0..parents.len()).rev() {
            for parent in &parents[seq] {
                joined[*parent] = joined[*parent].min(joined[seq]);
            }
        }
        Self { behind, joined, is_link }
    }

    /// Whether one commit is another or among its ancestors. Only commits between the two that are no links are
    /// ever walked.
    pub(super) fn is_ancestor(&self, parents: &[Vec<Seq>], ancestor: Seq, of: Seq) -> bool {
        let mut seen = std::collections::HashSet::new();
        let mut left = vec![of];
        while let Some(seq) = left.pop() {
            if seq == ancestor || (seq > ancestor && self.joined[ancestor] <= self.behind[seq]) {
                return true;
            }
            let may_lead = seq > ancestor && !self.is_link[seq] && self.joined[ancestor] <= self.joined[seq];
            if may_lead {
                left.extend(parents[seq].iter().copied().filter(|parent| seen.insert(*parent)));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn walked(parents: &[Vec<Seq>], ancestor: Seq, of: Seq) -> bool {
        ancestor == of || parents[of].iter().any(|parent| walked(parents, ancestor, *parent))
    }

    /// Each commit has up to three parents, its first one often the commit just before it.
    fn histories() -> impl Strategy<Value = Vec<Vec<Seq>>> {
        let parents = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3);
        prop::collection::vec(parents, 1..14).prop_map(|commits| {
            let parents_of = |(at, chosen): (usize, Vec<(prop::sample::Index, bool)>)| {
                let one =
                    |(index, near): (prop::sample::Index, bool)| if near { at - 1 } else { index.index(at) };
                let mut parents = Vec::new();
                for parent in chosen.into_iter().filter(|_| at > 0).map(one) {
                    if !parents.contains(&parent) {
                        parents.push(parent);
                    }
                }
                parents
            };
            commits.into_iter().enumerate().map(parents_of).collect()
        })
    }

    proptest! {
        #[test]
        fn numbers_tell_what_a_walk_tells(parents in histories()) {
            let ancestry = Ancestry::of(&parents);
            for of in 0..parents.len() {
                for ancestor in 0..parents.len() {
                    let told = ancestry.is_ancestor(&parents, ancestor, of);
                    prop_assert_eq!(told, walked(&parents, ancestor, of), "{} behind {}", ancestor, of);
                }
            }
        }
    }
}
