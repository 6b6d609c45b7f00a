//! Files that specs were seen to work on, beside those that they declare: who has which, and who waits for whom.
use super::collision::Footprint;
use crate::graph::Place;
use std::collections::BTreeMap;

/// What specs have, and what they will take.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The place that takes it, and what.
    wanted: BTreeMap<usize, (Place, Footprint)>,
    held: BTreeMap<usize, Footprint>,
}

impl Claims {
    /// Takes note of what a place of a spec takes when it starts.
    pub fn want(&mut self, spec: usize, place: Place, footprint: Footprint) {
        self.wanted.insert(spec, (place, footprint));
    }

    /// Whether this is a place that takes something, and its spec does not have it yet.
    pub fn is_wanted_by(&self, spec: usize, place: Place) -> bool {
        !self.is_held_by(spec) && self.wanted.get(&spec).is_some_and(|(by, _)| *by == place)
    }

    /// Whether a spec has anything.
    pub fn is_held_by(&self, spec: usize) -> bool {
        self.held.contains_key(&spec)
    }

    /// The first spec that has a file which this one wants, and the file.
    pub fn holder(&self, spec: usize) -> Option<(usize, &str)> {
        let (_, mine) = self.wanted.get(&spec)?;
        let others = self.held.iter().filter(|(holder, _)| **holder != spec);
        others.filter_map(|(holder, theirs)| Some((*holder, shared(mine, theirs)?))).next()
    }

    /// A spec takes what it wants.
    pub fn take(&mut self, spec: usize) {
        if let Some((_, footprint)) = self.wanted.get(&spec) {
            let footprint = footprint.clone();
            self.hold(spec, footprint);
        }
    }

    /// A spec has this, beside what it has.
    pub fn hold(&mut self, spec: usize, footprint: Footprint) {
        let held = self.held.entry(spec).or_default();
        held.spec = spec;
        held.touches = footprint.touches;
        footprint.paths.into_iter().for_each(|(path, source)| held.add(path, source));
    }

    /// Gives a spec's files back.
    pub fn release(&mut self, spec: usize) {
        self.held.remove(&spec);
    }
}

/// A file that both work on. What both only declare is another room's business: `touches` keeps those apart.
fn shared<'f>(one: &'f Footprint, other: &'f Footprint) -> Option<&'f str> {
    let in_both = one.paths.keys().find(|path| other.paths.contains_key(*path));
    let touched = |mine: &Footprint, theirs: &'f Footprint| {
        theirs.paths.keys().find(|path| mine.touches.iter().any(|pattern| pattern.matches(path)))
    };
    in_both.or_else(|| touched(one, other)).or_else(|| touched(other, one)).map(|path| &**path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::pattern;
    use crate::plan::collision::Source;

    fn work(touches: &[&str], paths: &[&str]) -> Footprint {
        let mut made =
            Footprint { touches: touches.iter().map(|t| pattern(t)).collect(), ..Footprint::default() };
        paths.iter().for_each(|path| made.add(*path, Source::Changed));
        made
    }

    #[test]
    fn a_file_is_shared_by_name_or_by_touches() {
        let check = |one: &Footprint, other: &Footprint, expect: Option<&str>| {
            assert_eq!(shared(one, other), expect);
            assert_eq!(shared(other, one), expect);
        };
        check(&work(&[], &["a", "b"]), &work(&[], &["b", "c"]), Some("b"));
        check(&work(&["src/**"], &[]), &work(&[], &["src/x"]), Some("src/x"));
        check(&work(&["src/**"], &[]), &work(&["src/x"], &[]), None);
        check(&work(&["a"], &["b"]), &work(&["c"], &["d"]), None);
    }

    #[test]
    fn what_is_held_grows_and_is_given_back() {
        let mut claims = Claims::default();
        claims.want(1, Place::at(1), work(&[], &["a"]));
        claims.hold(0, work(&[], &["b"]));
        assert_eq!(claims.holder(1), None);
        claims.hold(0, work(&[], &["a"]));
        assert_eq!(claims.holder(1), Some((0, "a")));
        claims.take(1);
        assert!(claims.is_held_by(1) && !claims.is_wanted_by(1, Place::at(1)));
        claims.release(0);
        assert_eq!(claims.holder(1), None);
    }
}
