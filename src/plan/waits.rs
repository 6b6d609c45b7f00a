//! What a place waits for, and what stands in its way.
use super::schedule::Schedule;
use super::state::State;
use super::tokens::{Obstacle, Token};
use crate::event::WaitsFor;
use crate::graph::{Edge, Place, PlaceKind};

impl Schedule {
    /// Everything that a place waits for at this time (milliseconds since the Unix epoch), each once: what comes
    /// before it, or the tokens it is out of date for. Empty for one that runs or has ended.
    pub fn waits_for(&self, place: Place, now: u64) -> Vec<WaitsFor> {
        let mut waits = Vec::new();
        match self.state(place) {
            State::Waiting => self.waits_before(place, &mut waits),
            State::Queued => self.waits_for_tokens(place, now, &mut waits),
            State::BackingOff { until } => waits.push(WaitsFor::Backoff { until }),
            _ => {}
        }
        let mut seen = std::collections::HashSet::new();
        waits.retain(|wait| seen.insert(wait.clone()));
        waits
    }

    fn waits_before(&self, place: Place, waits: &mut Vec<WaitsFor>) {
        let before = self.graph().predecessors(place).filter(|(from, _)| !self.state(*from).is_over());
        let mut before: Vec<_> = before.collect();
        before.sort_by_key(|(from, _)| *from);
        for (from, edge) in before {
            match (edge, self.graph().kind(from)) {
                (_, PlaceKind::LayerEntry { .. }) => self.waits_before(from, waits),
                (_, PlaceKind::LayerEnd { layer }) => {
                    waits.push(WaitsFor::Layer { layer: self.graph().layer_name(layer).clone() });
                }
                (Edge::After, PlaceKind::Landing { spec }) => {
                    waits.push(WaitsFor::After { spec: self.graph().spec_name(spec).clone() });
                }
                (_, PlaceKind::Landing { spec }) => {
                    let why = self.graph().why(from, place).map(str::to_owned);
                    waits.push(WaitsFor::Need { spec: self.graph().spec_name(spec).clone(), why });
                }
                (_, PlaceKind::Stage { .. }) => {
                    let stage = self.graph().stage_name(from).cloned();
                    waits.extend(stage.map(|stage| WaitsFor::Stage { stage }));
                }
            }
        }
    }

    fn waits_for_tokens(&self, place: Place, now: u64, waits: &mut Vec<WaitsFor>) {
        let (group, list) = self.want(place);
        if let Some(holder) = list.and_then(|list| self.touches.holder(list)) {
            waits.push(WaitsFor::Touches { spec: self.graph().spec_name(holder).clone() });
        }
        for token in self.tokens.group(group).tokens.iter().copied() {
            if let Some(until) = self.tokens.paused_until(token, now) {
                waits.push(WaitsFor::Backoff { until });
            }
            if !self.tokens.is_busy(token, now) {
                continue;
            }
            match self.tokens.token(token).clone() {
                Token::Pool(pool) => waits.push(WaitsFor::Pool { pool }),
                Token::Resource(resource) => waits.push(WaitsFor::Resource { resource }),
                Token::Agent(_) => {}
            }
        }
        match self.tokens.obstacle(group, now) {
            Some(Obstacle::Job) => waits.push(WaitsFor::Job),
            Some(Obstacle::Alone) => waits.push(WaitsFor::Alone),
            Some(Obstacle::Token(_)) | None => {}
        }
    }

    /// Why a place is blocked: the places from the nearest one in its way to the one that was stopped first.
    /// Joints are left out. Empty for a place that is not blocked.
    pub fn chain(&self, place: Place) -> Vec<Place> {
        let mut chain = Vec::new();
        let mut at = place;
        while let State::Blocked { by } = self.state(at) {
            if !self.graph().kind(by).is_joint() {
                chain.push(by);
            }
            at = by;
        }
        chain
    }
}
