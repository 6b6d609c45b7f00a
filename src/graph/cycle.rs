//! Cycles in `needs` and `after`, told as one shortest cycle of each knot.
use crate::base::{Diagnostic, Span};
use crate::model::{Project, Target};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::VecDeque;

/// Steps spent on finding a shorter cycle before the best one so far is good enough.
const PATIENCE: usize = 10_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Corner {
    Spec(usize),
    Entry(usize),
    End(usize),
}

#[derive(Debug, Clone, Copy)]
struct Because {
    verb: &'static str,
    span: Span,
}

type Waits = DiGraph<Corner, Because>;

/// One diagnostic for each knot, in the order of the specs in them.
pub(super) fn diagnostics(project: &Project) -> Vec<Diagnostic> {
    let waits = waits(project);
    let mut cycles: Vec<Vec<NodeIndex>> =
        kosaraju_scc(&waits).iter().filter_map(|knot| shortest(&waits, knot)).collect();
    cycles.sort();
    cycles.iter().filter_map(|cycle| diagnostic(project, &waits, cycle)).collect()
}

/// Specs and layers, each with an edge to what it waits for.
fn waits(project: &Project) -> Waits {
    let mut waits = Waits::new();
    let specs: Vec<_> = (0..project.specs.len()).map(|s| waits.add_node(Corner::Spec(s))).collect();
    let entries: Vec<_> = (0..project.layers.len()).map(|l| waits.add_node(Corner::Entry(l))).collect();
    let ends: Vec<_> = (0..project.layers.len()).map(|l| waits.add_node(Corner::End(l))).collect();
    let find = |target: &Target| match target {
        Target::Spec(name) => project.specs.get_index_of(name).map(|s| specs[s]),
        Target::Layer(name) => project.layers.get_index_of(name).map(|l| ends[l]),
    };
    let mut add = |from: NodeIndex, to: Option<NodeIndex>, verb: &'static str, span: Span| {
        if let Some(to) = to {
            waits.add_edge(from, to, Because { verb, span });
        }
    };
    for (at, spec) in project.specs.values().enumerate() {
        for need in spec.needs.iter().filter(|need| !need.via_layer) {
            add(specs[at], find(&need.target), "needs", need.span);
        }
        for (target, span) in &spec.after {
            add(specs[at], find(target), "comes after", *span);
        }
        let layer = spec.layer.as_ref().and_then(|layer| project.layers.get_index_of(layer));
        add(specs[at], layer.map(|l| entries[l]), "stands in", spec.span);
    }
    for (at, layer) in project.layers.values().enumerate() {
        for (target, span) in &layer.needs {
            add(entries[at], find(target), "needs", *span);
        }
        for (target, span) in &layer.after {
            add(entries[at], find(target), "comes after", *span);
        }
        for name in &layer.specs {
            let span = project.specs.get(name).map_or(layer.span, |spec| spec.span);
            add(ends[at], project.specs.get_index_of(name).map(|s| specs[s]), "holds", span);
        }
    }
    waits
}

/// A shortest cycle through a strongly connected part, begun at its first corner; none if it has none.
fn shortest(waits: &Waits, knot: &[NodeIndex]) -> Option<Vec<NodeIndex>> {
    if let [only] = knot {
        return waits.contains_edge(*only, *only).then(|| vec![*only]);
    }
    let mut starts = knot.to_vec();
    starts.sort();
    let mut search = Search::new(waits, knot);
    let mut best: Option<Vec<NodeIndex>> = None;
    for start in starts {
        let limit = best.as_ref().map_or(usize::MAX, Vec::len);
        if limit == 1 || (best.is_some() && search.steps > PATIENCE) {
            break;
        }
        best = search.cycle_through(start, limit).or(best);
    }
    let mut cycle = best?;
    let first = cycle.iter().enumerate().min_by_key(|(_, corner)| **corner).map_or(0, |(at, _)| at);
    cycle.rotate_left(first);
    Some(cycle)
}

/// Breadth-first searches within one knot.
struct Search<'a> {
    waits: &'a Waits,
    inside: Vec<bool>,
    /// The search that reached a corner last, and where it came from.
    reached: Vec<(usize, NodeIndex)>,
    searches: usize,
    steps: usize,
}

impl<'a> Search<'a> {
    fn new(waits: &'a Waits, knot: &[NodeIndex]) -> Self {
        let mut inside = vec![false; waits.node_count()];
        for corner in knot {
            inside[corner.index()] = true;
        }
        let reached = vec![(0, NodeIndex::end()); waits.node_count()];
        Self { waits, inside, reached, searches: 0, steps: 0 }
    }

    /// The shortest cycle through `start` that has fewer than `limit` corners.
    fn cycle_through(&mut self, start: NodeIndex, limit: usize) -> Option<Vec<NodeIndex>> {
        self.searches += 1;
        let mut queue = VecDeque::from([(start, 1)]);
        while let Some((corner, length)) = queue.pop_front() {
            if length >= limit {
                return None;
            }
            for next in self.waits.neighbors(corner) {
                self.steps += 1;
                if next == start {
                    return Some(self.way(start, corner));
                }
                let reached = &mut self.reached[next.index()];
                if self.inside[next.index()] && reached.0 != self.searches {
                    *reached = (self.searches, corner);
                    queue.push_back((next, length + 1));
                }
            }
        }
        None
    }

    fn way(&self, start: NodeIndex, end: NodeIndex) -> Vec<NodeIndex> {
        let mut way = vec![end];
        let mut at = end;
        while at != start {
            at = self.reached[at.index()].1;
            way.push(at);
        }
        way.reverse();
        way
    }
}

fn diagnostic(project: &Project, waits: &Waits, cycle: &[NodeIndex]) -> Option<Diagnostic> {
    let name = |corner: NodeIndex| match waits[corner] {
        Corner::Spec(spec) => {
            project.specs.get_index(spec).map_or_else(String::new, |(name, _)| format!("`{name}`"))
        }
        Corner::Entry(layer) | Corner::End(layer) => {
            project.layers.get_index(layer).map_or_else(String::new, |(name, _)| format!("layer `{name}`"))
        }
    };
    let mut words: Vec<(Span, String)> = Vec::new();
    for (at, from) in cycle.iter().enumerate() {
        let to = cycle[(at + 1) % cycle.len()];
        let because = waits.edges_connecting(*from, to).min_by_key(|edge| edge.weight().span)?.weight();
        words.push((because.span, format!("{} {} {}", name(*from), because.verb, name(to))));
    }
    let (span, label) = words.first()?.clone();
    let message = if let [only] = cycle {
        format!("{} waits for itself", name(*only))
    } else {
        let mut round: Vec<String> = cycle.iter().chain(cycle.first()).map(|corner| name(*corner)).collect();
        round.dedup();
        format!("a dependency cycle: {}", round.join(" -> "))
    };
    let mut diagnostic = Diagnostic::error(span, message)
        .label(label)
        .help("take one of these out: the cycle can never begin");
    for (span, label) in words.into_iter().skip(1) {
        diagnostic = diagnostic.related(span, label);
    }
    Some(diagnostic)
}

#[cfg(test)]
mod tests {
    use crate::graph::StageGraph;
    use crate::graph::sample::Sample;
    use proptest::prelude::*;

    fn check(sample: &Sample, expect: &[&[&str]]) {
        let diagnostics = StageGraph::new(&sample.project).expect_err("a cycle");
        let told: Vec<Vec<&str>> = diagnostics
            .iter()
            .map(|d| {
                let related = d.related.iter().map(|(_, words)| words.as_str());
                [d.message.as_str(), d.label.as_str()].into_iter().chain(related).collect()
            })
            .collect();
        assert_eq!(told, expect);
    }

    #[test]
    fn each_knot_shows_one_shortest_cycle() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan"], &["b"]);
        sample.spec("b", "", &["plan"], &["c"]);
        sample.spec("c", "", &["plan"], &["a", "~b"]);
        sample.spec("d", "", &["plan"], &["a"]);
        sample.spec("x", "", &["plan"], &["x>plan"]);
        check(
            &sample,
            &[
                &["a dependency cycle: `b` -> `c` -> `b`", "`b` needs `c`", "`c` comes after `b`"],
                &["`x` waits for itself", "`x` needs `x`"],
            ],
        );
    }

    #[test]
    fn a_cycle_may_go_through_layers() {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        sample.spec("a", "low", &["plan"], &["b"]);
        sample.spec("b", "high", &["plan"], &[]);
        check(
            &sample,
            &[&[
                "a dependency cycle: `a` -> `b` -> layer `high` -> layer `low` -> `a`",
                "`a` needs `b`",
                "`b` stands in layer `high`",
                "layer `high` needs layer `low`",
                "layer `low` holds `a`",
            ]],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Two rings of other lengths joined in one corner: the shorter one is told.
        #[test]
        fn the_shortest_cycle_is_told(one in 2..20_usize, other in 2..20_usize, turn in 0..20_usize) {
            let mut sample = Sample::new();
            let mut edges = Vec::new();
            for (ring, length) in [("x", one), ("y", other)] {
                let corner = |at: usize| if at == 0 { "hub".to_owned() } else { format!("{ring}{at}") };
                edges.extend((0..length).map(|at| (corner(at), corner((at + 1) % length))));
            }
            let len = edges.len();
            edges.rotate_left(turn % len);
            for (from, _) in edges.iter().filter(|(from, _)| from != "hub") {
                let needs: Vec<&str> = edges.iter().filter(|(f, _)| f == from).map(|(_, to)| to.as_str()).collect();
                sample.spec(from, "", &["plan"], &needs);
            }
            let needs: Vec<&str> = edges.iter().filter(|(from, _)| from == "hub").map(|(_, to)| to.as_str()).collect();
            sample.spec("hub", "", &["plan"], &needs);
            let told = StageGraph::new(&sample.project).expect_err("a cycle");
            prop_assert_eq!(told.len(), 1);
            prop_assert_eq!(told[0].related.len() + 1, one.min(other));
        }
    }

    #[test]
    fn every_edge_of_a_cycle_has_its_own_place() {
        let mut sample = Sample::new();
        for (spec, need) in [("a", "b"), ("b", "c"), ("c", "a")] {
            sample.spec(spec, "", &["plan"], &[need]);
        }
        let diagnostics = StageGraph::new(&sample.project).expect_err("a cycle");
        let spans: Vec<_> = diagnostics[0].related.iter().map(|(span, _)| *span).collect();
        let needs: Vec<_> = sample.project.specs.values().map(|spec| spec.needs[0].span).collect();
        assert_eq!((diagnostics[0].span, &spans[..]), (needs[0], &needs[1..]));
    }
}
