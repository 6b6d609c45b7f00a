//! The graph itself and the questions asked of it.
use super::place::{Edge, Place, PlaceKind};
use crate::base::{LayerName, SpecName, StageId, StageName};
use indexmap::IndexMap;
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use std::collections::HashMap;
use std::sync::Arc;

/// The name that a landing goes by where a stage's name is due: `051-retry:land`.
pub const LANDING: &str = "land";

/// Every stage and landing of a project, and what waits for what. Without cycles.
#[derive(Debug, Clone)]
pub struct StageGraph {
    pub(super) graph: DiGraph<PlaceKind, Edge>,
    pub(super) specs: IndexMap<SpecName, SpecPlaces>,
    pub(super) layers: IndexMap<LayerName, LayerPlaces>,
    pub(super) order: Vec<Place>,
    pub(super) whys: HashMap<(Place, Place), Arc<str>>,
}

#[derive(Debug, Clone)]
pub(super) struct SpecPlaces {
    pub(super) name: SpecName,
    pub(super) first: usize,
    pub(super) stages: Vec<StageName>,
    pub(super) layer: Option<usize>,
    pub(super) parked: bool,
}

#[derive(Debug, Clone)]
pub(super) struct LayerPlaces {
    pub(super) name: LayerName,
    pub(super) members: Vec<usize>,
    pub(super) end: Place,
    pub(super) entry: Option<Place>,
}

impl StageGraph {
    /// How many places there are.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every place, by number: specs in the order declared, each one's stages and then its landing, then layers.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (0..self.len()).map(Place::at)
    }

    /// Every place behind all that it waits for; what the edges leave open goes in the order declared.
    pub fn order(&self) -> &[Place] {
        &self.order
    }

    /// What a place is.
    pub fn kind(&self, place: Place) -> PlaceKind {
        self.graph[node(place)]
    }

    /// What a place waits for.
    pub fn predecessors(&self, place: Place) -> impl Iterator<Item = (Place, Edge)> + '_ {
        let edges = self.graph.edges_directed(node(place), Direction::Incoming);
        edges.map(|edge| (self::place(edge.source()), *edge.weight()))
    }

    /// What waits for a place.
    pub fn successors(&self, place: Place) -> impl Iterator<Item = (Place, Edge)> + '_ {
        let edges = self.graph.edges_directed(node(place), Direction::Outgoing);
        edges.map(|edge| (self::place(edge.target()), *edge.weight()))
    }

    /// The Specfile's own words for a need, if it has any.
    pub fn why(&self, from: Place, to: Place) -> Option<&str> {
        self.whys.get(&(from, to)).map(|why| &**why)
    }

    /// How many specs there are.
    pub fn spec_count(&self) -> usize {
        self.specs.len()
    }

    /// The position of a spec in the project.
    pub fn spec_position(&self, name: &str) -> Option<usize> {
        self.specs.get_index_of(name)
    }

    /// The name of the spec at a position of the project.
    pub fn spec_name(&self, spec: usize) -> &SpecName {
        &self.specs[spec].name
    }

    /// The name of the layer at a position of the project.
    pub fn layer_name(&self, layer: usize) -> &LayerName {
        &self.layers[layer].name
    }

    /// The spec that a place belongs to; none for a joint.
    pub fn spec_of(&self, place: Place) -> Option<usize> {
        match self.kind(place) {
            PlaceKind::Stage { spec, .. } | PlaceKind::Landing { spec } => Some(spec),
            PlaceKind::LayerEntry { .. } | PlaceKind::LayerEnd { .. } => None,
        }
    }

    /// The layer that a spec stands in.
    pub fn layer_of(&self, spec: usize) -> Option<usize> {
        self.specs[spec].layer
    }

    /// The stages of a spec, in their order.
    pub fn stages_of(&self, spec: usize) -> impl DoubleEndedIterator<Item = Place> + use<> {
        let SpecPlaces { first, stages, .. } = &self.specs[spec];
        (*first..first + stages.len()).map(Place::at)
    }

    /// The landing of a spec.
    pub fn landing_of(&self, spec: usize) -> Place {
        let SpecPlaces { first, stages, .. } = &self.specs[spec];
        Place::at(first + stages.len())
    }

    /// The end of a layer: all its landings.
    pub fn end_of(&self, layer: usize) -> Place {
        self.layers[layer].end
    }

    /// The specs of a layer.
    pub fn members_of(&self, layer: usize) -> &[usize] {
        &self.layers[layer].members
    }

    /// The place of a stage; of the landing for the name [`LANDING`], unless a stage has it.
    pub fn stage(&self, spec: &str, stage: &str) -> Option<Place> {
        let places = self.specs.get(spec)?;
        match places.stages.iter().position(|name| name.as_str() == stage) {
            Some(at) => Some(Place::at(places.first + at)),
            None => (stage == LANDING).then(|| Place::at(places.first + places.stages.len())),
        }
    }

    /// The name of a stage's place; none for others.
    pub fn stage_name(&self, place: Place) -> Option<&StageName> {
        match self.kind(place) {
            PlaceKind::Stage { spec, stage } => self.specs[spec].stages.get(stage),
            _ => None,
        }
    }

    /// The name of a place as events give it, the landing's being `land`; none for a joint.
    pub fn stage_id(&self, place: Place) -> Option<StageId> {
        let spec = self.spec_name(self.spec_of(place)?);
        match self.stage_name(place) {
            Some(stage) => Some(StageId::new(spec, stage)),
            None => Some(StageId::new(spec, &StageName::new(LANDING).ok()?)),
        }
    }

    /// What people call a place: `051-retry:plan`, `051-retry` for its landing, `foundation` for a layer.
    pub fn label(&self, place: Place) -> String {
        match self.kind(place) {
            PlaceKind::Stage { spec, stage } => {
                format!("{}:{}", self.spec_name(spec), self.specs[spec].stages[stage])
            }
            PlaceKind::Landing { spec } => self.spec_name(spec).to_string(),
            PlaceKind::LayerEntry { layer } | PlaceKind::LayerEnd { layer } => {
                self.layer_name(layer).to_string()
            }
        }
    }

    /// What a spec needs, its layer's needs among them, a layer that is needed as the specs in it. A spec may
    /// come twice. Lists nothing up front: the n x m pairs exist only as they are asked for.
    pub fn needs_of(&self, spec: usize) -> impl Iterator<Item = usize> + '_ {
        let own = self.stages_of(spec).chain([self.landing_of(spec)]).flat_map(|p| self.predecessors(p));
        let entry = self.layer_of(spec).and_then(|layer| self.layers[layer].entry);
        let shared = entry.into_iter().flat_map(|entry| self.predecessors(entry));
        let needs = own.chain(shared).filter(|(_, edge)| matches!(edge, Edge::Need { .. }));
        needs.flat_map(|(from, _)| match self.kind(from) {
            PlaceKind::LayerEnd { layer } => self.members_of(layer).to_vec(),
            _ => self.spec_of(from).into_iter().collect(),
        })
    }
}

pub(super) fn node(place: Place) -> NodeIndex {
    NodeIndex::new(place.index())
}

pub(super) fn place(node: NodeIndex) -> Place {
    Place::at(node.index())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::Sample;

    fn graph(sample: &Sample) -> StageGraph {
        StageGraph::new(&sample.project).expect("no circles")
    }

    fn before(graph: &StageGraph, spec: &str, stage: &str) -> Vec<String> {
        let place = graph.stage(spec, stage).expect("a stage");
        let mut labels: Vec<String> =
            graph.predecessors(place).map(|(from, edge)| format!("{edge:?} {}", graph.label(from))).collect();
        labels.sort();
        labels
    }

    #[test]
    fn a_layer_that_needs_a_layer_costs_an_edge_a_spec() {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        for n in 0..200 {
            let layer = if n < 100 { "low" } else { "high" };
            sample.spec(&format!("s{n}"), layer, &["plan"], &[]);
        }
        let graph = graph(&sample);
        assert_eq!(graph.len(), 200 * 2 + 3);
        assert_eq!(graph.graph.edge_count(), 200 + 200 + 100 + 1);
        let s150 = graph.spec_position("s150").expect("s150");
        assert_eq!(graph.needs_of(s150).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_need_holds_all_roots_or_the_stage_it_is_for() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan"], &[]);
        sample.spec("b", "", &["plan", "implement"], &["a"]);
        sample.spec("c", "", &["plan", "implement"], &["a?>implement", "~b"]);
        sample.spec("d", "", &[], &["a"]);
        let graph = graph(&sample);
        assert_eq!(before(&graph, "b", "plan"), ["Need { optional: false } a"]);
        assert_eq!(before(&graph, "b", "implement"), ["Order b:plan"]);
        assert_eq!(before(&graph, "c", "plan"), ["After b"]);
        assert_eq!(before(&graph, "c", "implement"), ["Need { optional: true } a", "Order c:plan"]);
        assert_eq!(before(&graph, "d", "land"), ["Need { optional: false } a"]);
    }

    #[test]
    fn stages_side_by_side_join_at_the_landing() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan", "left", "right"], &[]).stages[2].waits_for = vec![0];
        let graph = graph(&sample);
        assert_eq!(before(&graph, "a", "right"), ["Order a:plan"]);
        assert_eq!(before(&graph, "a", "land"), ["Order a:left", "Order a:right"]);
    }

    #[test]
    fn the_order_follows_the_edges_and_then_the_declaration() {
        let mut sample = Sample::new();
        sample.spec("b", "", &["plan"], &["c"]);
        sample.spec("a", "", &["plan"], &[]);
        sample.spec("c", "", &["plan"], &[]);
        let graph = graph(&sample);
        let order: Vec<String> = graph.order().iter().map(|place| graph.label(*place)).collect();
        assert_eq!(order, ["a:plan", "a", "c:plan", "c", "b:plan", "b"]);
    }

    #[test]
    fn a_need_that_names_nothing_is_told() {
        let mut sample = Sample::new();
        sample.spec("a", "", &["plan"], &["zzz", "~@nowhere"]);
        let told = StageGraph::new(&sample.project).expect_err("lost needs");
        let told: Vec<&str> = told.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(told, ["there is no spec `zzz`", "there is no layer `nowhere`"]);
    }
}
