//! How a project becomes places and edges.
use super::cycle;
use super::place::{Edge, Place, PlaceKind};
use super::stage_graph::{LayerPlaces, SpecPlaces, StageGraph, node, place};
use crate::base::{Diagnostic, Span};
use crate::model::{Project, Spec, Target};
use indexmap::IndexMap;
use petgraph::Direction;
use petgraph::graph::DiGraph;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

impl StageGraph {
    /// The graph of a project: one place a stage, one a landing, one or two a layer, so that a layer of n specs
    /// that needs a layer of m costs n + m edges.
    ///
    /// # Errors
    /// Needs that name nothing, and one shortest cycle of each knot that `needs` and `after` make.
    pub fn new(project: &Project) -> Result<Self, Vec<Diagnostic>> {
        let mut built = Self::places_of(project);
        let lost = built.join(project);
        if !lost.is_empty() {
            return Err(lost);
        }
        built.order = built.sorted();
        if built.order.len() < built.len() {
            return Err(cycle::diagnostics(project));
        }
        Ok(built)
    }

    /// One shortest cycle of each knot that `needs` and `after` make, also of a project with errors in it.
    pub fn cycles(project: &Project) -> Vec<Diagnostic> {
        cycle::diagnostics(project)
    }

    fn places_of(project: &Project) -> Self {
        let stages: usize = project.specs.values().map(|spec| spec.stages.len() + 1).sum();
        let mut graph = DiGraph::with_capacity(stages + 2 * project.layers.len(), stages * 2);
        let mut specs = IndexMap::with_capacity(project.specs.len());
        for (spec, declared) in project.specs.values().enumerate() {
            let first = graph.node_count();
            for stage in 0..declared.stages.len() {
                graph.add_node(PlaceKind::Stage { spec, stage });
            }
            graph.add_node(PlaceKind::Landing { spec });
            let places = SpecPlaces {
                name: declared.name.clone(),
                first,
                stages: declared.stages.iter().map(|stage| stage.name.clone()).collect(),
                layer: declared.layer.as_ref().and_then(|layer| project.layers.get_index_of(layer)),
                parked: declared.parked.is_some(),
            };
            specs.insert(declared.name.clone(), places);
        }
        let mut layers = IndexMap::with_capacity(project.layers.len());
        for (layer, declared) in project.layers.values().enumerate() {
            let end = place(graph.add_node(PlaceKind::LayerEnd { layer }));
            let entry = (!declared.needs.is_empty() || !declared.after.is_empty())
                .then(|| place(graph.add_node(PlaceKind::LayerEntry { layer })));
            let members = declared.specs.iter().filter_map(|name| specs.get_index_of(name)).collect();
            layers.insert(
                declared.name.clone(),
                LayerPlaces { name: declared.name.clone(), members, end, entry },
            );
        }
        Self { graph, specs, layers, order: Vec::new(), whys: HashMap::new() }
    }

    fn join(&mut self, project: &Project) -> Vec<Diagnostic> {
        let mut lost = Vec::new();
        for (position, spec) in project.specs.values().enumerate() {
            self.join_spec(position, spec, project, &mut lost);
        }
        for (position, layer) in project.layers.values().enumerate() {
            let LayerPlaces { members, end, entry, .. } = self.layers[position].clone();
            for member in members {
                self.add(self.landing_of(member), end, Edge::Member);
            }
            let Some(entry) = entry else { continue };
            let needs = layer.needs.iter().map(|edge| (edge, Edge::Need { optional: false }));
            for ((target, span), edge) in needs.chain(layer.after.iter().map(|edge| (edge, Edge::After))) {
                match self.target(target) {
                    Some(from) => self.add(from, entry, edge),
                    None => lost.push(nowhere(*span, target)),
                }
            }
        }
        lost
    }

    fn join_spec(&mut self, position: usize, spec: &Spec, project: &Project, lost: &mut Vec<Diagnostic>) {
        let first = self.specs[position].first;
        let landing = self.landing_of(position);
        let mut is_last = vec![true; spec.stages.len()];
        for (at, stage) in spec.stages.iter().enumerate() {
            for before in stage.waits_for.iter().copied().filter(|before| *before < at) {
                is_last[before] = false;
                self.add(Place::at(first + before), Place::at(first + at), Edge::Order);
            }
        }
        for at in (0..spec.stages.len()).filter(|at| is_last[*at]) {
            self.add(Place::at(first + at), landing, Edge::Order);
        }
        let roots: Vec<Place> = if spec.stages.is_empty() {
            vec![landing]
        } else {
            let stages = spec.stages.iter().enumerate();
            stages.filter(|(_, s)| s.waits_for.is_empty()).map(|(at, _)| Place::at(first + at)).collect()
        };
        let layer = self.specs[position].layer;
        if let Some(entry) = layer.and_then(|layer| self.layers[layer].entry) {
            roots.iter().for_each(|root| self.add(entry, *root, Edge::Entry));
        }
        // What the layer needs comes in through its entry; lowering copies it into the spec for the manifests.
        for need in spec.needs.iter().filter(|need| !need.via_layer) {
            let Some(from) = self.target(&need.target) else {
                lost.push(nowhere(need.span, &need.target));
                continue;
            };
            let only = need.for_stage.as_ref().and_then(|stage| spec.position(stage));
            let only = only.map(|at| Place::at(first + at));
            for held in only.as_ref().map_or(roots.as_slice(), std::slice::from_ref) {
                self.add(from, *held, Edge::Need { optional: need.optional });
                if let Some(why) = &need.why {
                    self.whys.insert((from, *held), why.as_str().into());
                }
            }
        }
        let from_layer = layer.map_or(&[][..], |layer| &project.layers[layer].after);
        for (target, span) in spec.after.iter().filter(|edge| !from_layer.contains(edge)) {
            match self.target(target) {
                Some(from) => roots.iter().for_each(|root| self.add(from, *root, Edge::After)),
                None => lost.push(nowhere(*span, target)),
            }
        }
    }

    fn add(&mut self, from: Place, to: Place, edge: Edge) {
        self.graph.add_edge(node(from), node(to), edge);
    }

    fn target(&self, target: &Target) -> Option<Place> {
        match target {
            Target::Spec(name) => self.specs.get_index_of(name).map(|spec| self.landing_of(spec)),
            Target::Layer(name) => self.layers.get(name).map(|layer| layer.end),
        }
    }

    /// Joints first, then the order declared.
    fn sorted(&self) -> Vec<Place> {
        let mut left: Vec<usize> =
            self.places().map(|p| self.graph.edges_directed(node(p), Direction::Incoming).count()).collect();
        let key = |place: Place| Reverse((!self.kind(place).is_joint(), place));
        let mut ready: BinaryHeap<_> = self.places().filter(|p| left[p.index()] == 0).map(key).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse((_, place))) = ready.pop() {
            order.push(place);
            for (next, _) in self.successors(place) {
                left[next.index()] -= 1;
                if left[next.index()] == 0 {
                    ready.push(key(next));
                }
            }
        }
        order
    }
}

fn nowhere(span: Span, target: &Target) -> Diagnostic {
    let what = match target {
        Target::Spec(name) => format!("spec `{name}`"),
        Target::Layer(name) => format!("layer `{name}`"),
    };
    Diagnostic::error(span, format!("there is no {what}")).label("needed here")
}
