//! Places that are out of date and want tokens, best first. Places that want the same tokens and the same files
//! stand in one class, so that finding the best one that can start costs by kinds of want, not by places.
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

/// A class: what its places take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Want {
    /// The number of a group of tokens.
    pub group: usize,
    /// The number of a list of files, if the spec has yet to take it.
    pub list: Option<usize>,
    /// The spec, if it takes files that it was seen to work on.
    pub claim: Option<usize>,
}

#[derive(Debug)]
struct Class {
    want: Want,
    ranks: BTreeSet<u32>,
    aside: bool,
}

/// The queue. Ranks are unique; lower goes first.
#[derive(Debug, Default)]
pub(super) struct Ready {
    classes: Vec<Class>,
    numbers: HashMap<Want, usize>,
    /// For each group, the first rank of each of its classes that are not aside.
    groups: Vec<BTreeSet<(u32, usize)>>,
    /// The first rank of each group.
    tops: BTreeSet<(u32, usize)>,
    /// Classes that wait for a spec to give its files back.
    aside: HashMap<usize, Vec<usize>>,
}

/// The best place of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Top {
    pub rank: u32,
    pub class: usize,
    pub want: Want,
}

impl Ready {
    pub fn insert(&mut self, want: Want, rank: u32) {
        let next = self.classes.len();
        let class = *self.numbers.entry(want).or_insert(next);
        if class == next {
            self.classes.push(Class { want, ranks: BTreeSet::new(), aside: false });
        }
        self.change(class, |ranks| ranks.insert(rank));
    }

    pub fn remove(&mut self, want: Want, rank: u32) {
        if let Some(class) = self.numbers.get(&want) {
            self.change(*class, |ranks| ranks.remove(&rank));
        }
    }

    /// The best place behind `after` that is the first of its group.
    pub fn top(&self, after: Option<(u32, usize)>) -> Option<Top> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (rank, group) = *self.tops.range((from, Bound::Unbounded)).next()?;
        let (_, class) = *self.groups[group].first()?;
        Some(Top { rank, class, want: self.classes[class].want })
    }

    /// Puts a class aside until a spec gives its files back.
    pub fn set_aside(&mut self, class: usize, holder: usize) {
        self.withdraw(class);
        self.classes[class].aside = true;
        self.aside.entry(holder).or_default().push(class);
    }

    /// A spec gave its files back.
    pub fn released(&mut self, holder: usize) {
        for class in self.aside.remove(&holder).unwrap_or_default() {
            self.classes[class].aside = false;
            self.enter(class);
        }
    }

    fn change(&mut self, class: usize, change: impl FnOnce(&mut BTreeSet<u32>) -> bool) {
        self.withdraw(class);
        change(&mut self.classes[class].ranks);
        self.enter(class);
    }

    fn withdraw(&mut self, class: usize) {
        let Class { want: Want { group, .. }, ranks, aside } = &self.classes[class];
        if let (false, Some(rank)) = (aside, ranks.first()) {
            let entry = (*rank, class);
            self.regroup(*group, |classes| classes.remove(&entry));
        }
    }

    fn enter(&mut self, class: usize) {
        let Class { want: Want { group, .. }, ranks, aside } = &self.classes[class];
        if let (false, Some(rank)) = (aside, ranks.first()) {
            let entry = (*rank, class);
            self.regroup(*group, |classes| classes.insert(entry));
        }
    }

    fn regroup(&mut self, group: usize, change: impl FnOnce(&mut BTreeSet<(u32, usize)>) -> bool) {
        if self.groups.len() <= group {
            self.groups.resize_with(group + 1, BTreeSet::new);
        }
        let classes = &mut self.groups[group];
        let before = classes.first().map(|(rank, _)| (*rank, group));
        change(classes);
        let after = classes.first().map(|(rank, _)| (*rank, group));
        if before != after {
            before.map(|top| self.tops.remove(&top));
            self.tops.extend(after);
        }
    }
}
