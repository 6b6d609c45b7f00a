//! Longest paths: waves, which count landings, and critical paths, which count time.
use super::place::{Place, PlaceKind};
use super::stage_graph::StageGraph;

impl StageGraph {
    /// For each spec, by position: the most specs in a row that come before it among the places kept.
    pub fn waves(&self, keep: impl Fn(Place) -> bool) -> Vec<u32> {
        let mut depth = vec![0_u32; self.len()];
        for place in self.order().iter().copied().filter(|place| keep(*place)) {
            let before = self.predecessors(place).filter(|(from, _)| keep(*from)).map(|(from, _)| {
                let landed = matches!(self.kind(from), PlaceKind::Landing { .. });
                depth[from.index()] + u32::from(landed)
            });
            depth[place.index()] = before.max().unwrap_or(0);
        }
        let of_spec = |spec| {
            let places = self.stages_of(spec).chain([self.landing_of(spec)]);
            places.filter(|place| keep(*place)).map(|place| depth[place.index()]).max().unwrap_or(0)
        };
        (0..self.spec_count()).map(of_spec).collect()
    }

    /// For each place, by number: the time from its start to the end of the longest path behind it, in the unit
    /// of `weight`, which is asked once for each place.
    pub fn critical(&self, weight: impl Fn(Place) -> u64) -> Vec<u64> {
        let mut time = vec![0_u64; self.len()];
        for place in self.order().iter().rev().copied() {
            let behind = self.successors(place).map(|(next, _)| time[next.index()]).max().unwrap_or(0);
            time[place.index()] = behind.saturating_add(weight(place));
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::Sample;

    #[test]
    fn a_wave_counts_the_landings_before() {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        sample.spec("a", "low", &["plan", "implement"], &[]);
        sample.spec("b", "low", &["plan", "implement"], &["a>implement"]);
        sample.spec("c", "high", &["plan"], &[]);
        sample.spec("d", "", &["plan"], &["~c"]);
        let graph = StageGraph::new(&sample.project).expect("no circles");
        assert_eq!(graph.waves(|_| true), [0, 1, 2, 3]);
        let c = graph.spec_position("c").expect("c");
        assert_eq!(graph.waves(|place| graph.spec_of(place) != Some(c)), [0, 1, 0, 0]);
    }

    #[test]
    fn the_critical_path_is_the_longest_in_time() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan", "implement"], &[]);
        sample.spec("b", "", &["plan"], &["a"]);
        let graph = StageGraph::new(&sample.project).expect("no circles");
        assert_eq!(graph.critical(|place| place.index() as u64 + 1), [15, 14, 12, 9, 5]);
    }
}
