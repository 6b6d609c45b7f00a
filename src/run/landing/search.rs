//! Who of a stack makes it red: the search for its shortest red part, which tests each part on top of the ones
//! before it. Pure: it says what to test, and is told what came out.

/// A stack of which the whole was red. Its part 0 is the base alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The longest part known to be green.
    green: Option<usize>,
    /// The shortest part known to be red.
    red: usize,
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The base itself is red.
    Base,
    /// The one at this position, from 0; all before it are green together.
    Culprit(usize),
}

impl Search {
    /// A search in a red stack of so many.
    pub fn new(stacked: usize) -> Self {
        Self { green: None, red: stacked }
    }

    /// What it came to, once there is nothing left to test.
    pub fn found(&self) -> Option<Found> {
        match (self.green, self.red) {
            (_, 0) => Some(Found::Base),
            (Some(green), red) if green + 1 == red => Some(Found::Culprit(green)),
            _ => None,
        }
    }

    /// The length of the shortest part known to be red.
    pub fn shortest_red(&self) -> usize {
        self.red
    }

    /// The parts to test next, shortest first, at most so many at once: they cut what is left into equal shares.
    pub fn next(&self, at_once: usize) -> Vec<usize> {
        let first = self.green.map_or(0, |green| green + 1);
        let left = self.red.saturating_sub(first);
        let cuts = at_once.max(1).min(left);
        (1..=cuts).map(|cut| first + (left * cut) / (cuts + 1)).collect()
    }

    /// Takes in what parts came to. A longer part that is green outweighs shorter ones that were red: what came
    /// later mended it, and what lands is the longer one.
    pub fn tell(&mut self, tested: &[(usize, bool)]) {
        let green = tested.iter().filter(|(_, is_green)| *is_green).map(|(part, _)| *part).max();
        self.green = self.green.max(green);
        let red = tested.iter().filter(|(part, is_green)| !is_green && self.green.is_none_or(|g| *part > g));
        self.red = red.map(|(part, _)| *part).min().unwrap_or(self.red);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Searches until it is found; how many rounds that took.
    fn search(stacked: usize, at_once: usize, is_green: impl Fn(usize) -> bool) -> (Found, usize) {
        let mut search = Search::new(stacked);
        for round in 0..=stacked + 1 {
            if let Some(found) = search.found() {
                return (found, round);
            }
            let parts = search.next(at_once);
            assert!(!parts.is_empty() && parts.len() <= at_once, "{search:?} {parts:?}");
            assert!(parts.iter().all(|part| *part < stacked), "the whole is tested twice: {parts:?}");
            let tested: Vec<(usize, bool)> =
                parts.iter().rev().map(|part| (*part, is_green(*part))).collect();
            search.tell(&tested);
        }
        panic!("it never ends: {search:?}")
    }

    #[test]
    fn one_alone_is_to_blame_once_the_base_is_green() {
        assert_eq!(search(1, 1, |_| true), (Found::Culprit(0), 1));
        assert_eq!(search(1, 1, |_| false), (Found::Base, 1));
    }

    #[test]
    fn halves_are_tested_one_at_a_time_and_shares_side_by_side() {
        assert_eq!(Search::new(8).next(1), [4]);
        assert_eq!(Search::new(8).next(3), [2, 4, 6]);
        assert_eq!(Search::new(2).next(5), [0, 1]);
        assert_eq!(search(8, 1, |part| part < 6), (Found::Culprit(5), 3));
    }

    proptest! {
        #[test]
        fn the_first_culprit_is_found(stacked in 1usize..40, culprit in 0usize..40, at_once in 1usize..6) {
            let culprit = culprit % stacked;
            let (found, rounds) = search(stacked, at_once, |part| part <= culprit);
            prop_assert_eq!(found, Found::Culprit(culprit));
            prop_assert!(rounds <= stacked.ilog2() as usize + 1);
        }

        /// Whatever the tests say, what is before the one to blame was green and what ends with it red.
        #[test]
        fn blame_is_always_backed_by_a_test(answers in proptest::collection::vec(any::<bool>(), 1..30), at_once in 1usize..6) {
            let stacked = answers.len();
            match search(stacked, at_once, |part| answers[part]).0 {
                Found::Base => prop_assert!(!answers[0]),
                Found::Culprit(at) => {
                    prop_assert!(answers[at]);
                    prop_assert!(at + 1 == stacked || !answers[at + 1]);
                }
            }
        }
    }
}
