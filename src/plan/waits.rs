//! What a place waits for, and what stands in its way.
use super::ready::Want;
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
        let before = self.graph().predecessors(place).filter(|(from, edge)| self.is_awaited(*from, *edge));
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
        let Want { group, list, claim } = self.want(place);
        if let Some(holder) = list.and_then(|list| self.touches.holder(list)) {
            waits.push(WaitsFor::Touches { spec: self.graph().spec_name(holder).clone() });
        }
        if let Some((holder, path)) = claim.and_then(|spec| self.claims.holder(spec)) {
            let spec = self.graph().spec_name(holder).clone();
            waits.push(WaitsFor::Overlap { spec, path: path.to_owned() });
        }
        let tokens = &self.tokens.group(group).tokens;
        let pauses = tokens.iter().filter_map(|token| self.tokens.pause_of(*token, now).cloned());
        let before = waits.len();
        waits.extend(pauses);
        if waits.len() > before {
            // A free job would not help.
            return;
        }
        for token in tokens.iter().copied() {
            if !self.tokens.is_busy(token, now) {
                continue;
            }
            match self.tokens.token(token).clone() {
                Token::Pool(pool) => waits.push(WaitsFor::Pool { pool }),
                Token::Resource(resource) => waits.push(WaitsFor::Resource { resource }),
                Token::Agent(_) => {}
            }
        }
        waits.extend(self.short_of.map(|what| WaitsFor::Load { what }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PoolName;
    use crate::event::Done;
    use crate::graph::sample::{Sample, pattern};
    use crate::plan::sample::Driven;

    fn check(driven: &Driven, name: &str, now: u64, expect: &[&str]) {
        let waits = driven.schedule.waits_for(driven.at(name), now);
        let waits: Vec<String> =
            waits.iter().map(|wait| serde_json::to_string(wait).expect("JSON")).collect();
        assert_eq!(waits, expect, "{name}");
    }

    #[test]
    fn what_comes_before_is_named() {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        sample.spec("a", "low", &["plan", "check"], &[]);
        let b = sample.spec("b", "high", &["plan", "check"], &["a>check", "~a"]);
        b.needs[0].why = Some("shared code".into());
        let driven = Driven::jobs(&sample, 1);
        check(&driven, "a:plan", 0, &[]);
        check(&driven, "a:check", 0, &[r#"{"on":"stage","stage":"plan"}"#]);
        check(&driven, "b:plan", 0, &[r#"{"on":"after","spec":"a"}"#, r#"{"on":"layer","layer":"low"}"#]);
        let need = r#"{"on":"need","spec":"a","why":"shared code"}"#;
        check(&driven, "b:check", 0, &[need, r#"{"on":"stage","stage":"plan"}"#]);
    }

    #[test]
    fn one_failure_stops_what_needs_its_layer_and_what_comes_after_waits_for_the_rest() {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        for (name, layer, edge) in [
            ("a", "low", None),
            ("b", "low", None),
            ("c", "high", None),
            ("d", "", Some("~@low")),
            ("e", "", Some("@low?")),
            ("f", "", Some("c?")),
        ] {
            sample.spec(name, layer, &["plan"], edge.as_slice());
        }
        let mut driven = Driven::jobs(&sample, 4);
        driven.judge();
        assert_eq!(driven.start(0), ["a:plan", "b:plan"]);
        driven.set("a:plan", State::Failed);
        assert!(matches!(driven.state("c:plan"), State::Blocked { .. }));
        driven.set("b:plan", State::AwaitingPerson);
        let layer = r#"{"on":"layer","layer":"low"}"#;
        check(&driven, "d:plan", 0, &[layer]);
        check(&driven, "e:plan", 0, &[layer]);
        driven.judge();
        assert_eq!(driven.start(0), ["f:plan"]);
        driven.set("a:plan", State::Waiting);
        assert_eq!(driven.state("c:plan"), State::Waiting);
        driven.judge();
        assert_eq!(driven.start(0), ["a:plan"]);
        driven.set("a:plan", State::Held);
        driven.set("b:plan", State::Done(Done::Approved));
        driven.judge();
        assert_eq!(driven.start(0), [""; 0]);
        driven.schedule.set(driven.graph.landing_of(1), State::Done(Done::Ran)).expect("a legal move");
        driven.judge();
        assert_eq!(driven.start(0), ["d:plan", "e:plan"]);
        assert!(matches!(driven.state("c:plan"), State::Blocked { .. }));
    }

    #[test]
    fn tokens_that_are_taken_are_named() {
        let mut sample = Sample::new();
        sample.pool("api", 1);
        let api = PoolName::new("api").expect("a name");
        for name in ["a", "b"] {
            let spec = sample.spec(name, "", &["plan"], &[]);
            spec.touches = vec![pattern("src/**")];
            spec.stages[0].pools = vec![api.clone()];
        }
        sample.spec("c", "", &["plan"], &[]).stages[0].alone = true;
        let mut driven = Driven::jobs(&sample, 2);
        driven.judge();
        assert_eq!(driven.start(0), ["a:plan"]);
        let touches = r#"{"on":"touches","spec":"a"}"#;
        check(&driven, "b:plan", 0, &[touches, r#"{"on":"pool","pool":"api"}"#]);
        check(&driven, "c:plan", 0, &[r#"{"on":"alone"}"#]);
        driven.set("a:plan", State::BackingOff { until: 9 });
        check(&driven, "a:plan", 0, &[r#"{"on":"backoff","until":9}"#]);
        check(&driven, "b:plan", 0, &[touches]);
        driven.set("a:plan", State::Held);
        check(&driven, "b:plan", 0, &[]);
    }

    #[test]
    fn a_move_touches_its_spec_and_those_behind_it_alone() {
        let mut sample = Sample::new();
        sample.layer("low", &["d"]);
        for (name, layer, edges) in [
            ("a", "", vec![]),
            ("b", "", vec!["a"]),
            ("c", "", vec![]),
            ("d", "", vec![]),
            ("e", "low", vec![]),
        ] {
            sample.spec(name, layer, &["plan"], &edges);
        }
        let mut driven = Driven::jobs(&sample, 1);
        let touched =
            |driven: &mut Driven| -> Vec<usize> { driven.schedule.take_touched().into_iter().collect() };
        assert_eq!(touched(&mut driven), [0, 1, 2, 3, 4]);
        driven.judge();
        assert_eq!(touched(&mut driven), [0, 2, 3]);
        let queued: Vec<_> = driven.schedule.first_queued(2).map(|place| driven.graph.label(place)).collect();
        assert_eq!(queued, ["a:plan", "c:plan"]);
        assert_eq!(driven.start(0), ["a:plan"]);
        driven.set("a:plan", State::Failed);
        assert_eq!(touched(&mut driven), [0, 1]);
        assert_eq!(driven.start(0), ["c:plan"]);
        driven.set("c:plan", State::Done(Done::Ran));
        driven.judge();
        assert_eq!(driven.start(0), ["d:plan"]);
        touched(&mut driven);
        driven.set("d:plan", State::Held);
        assert_eq!(touched(&mut driven), [3, 4]);
        assert_eq!(driven.schedule.first_queued(2).count(), 0);
    }

    #[test]
    fn a_chain_leads_to_what_was_stopped_first() {
        let mut sample = Sample::new();
        sample.layer("low", &[]);
        sample.layer("high", &["@low"]);
        sample.spec("a", "low", &["plan", "check"], &[]);
        sample.spec("b", "high", &["plan"], &[]);
        sample.spec("c", "", &["plan"], &["b?"]);
        let mut driven = Driven::jobs(&sample, 1);
        driven.judge();
        driven.start(0);
        driven.set("a:plan", State::Failed);
        let labels = |driven: &Driven, name: &str| {
            let chain = driven.schedule.chain(driven.at(name));
            chain.into_iter().map(|place| driven.graph.label(place)).collect::<Vec<_>>()
        };
        assert_eq!(labels(&driven, "b:land"), ["b:plan", "a", "a:check", "a:plan"]);
        assert_eq!(labels(&driven, "c:plan"), [""; 0]);
        assert_eq!(driven.start(0), [""; 0]);
        driven.judge();
        assert_eq!(driven.start(0), ["c:plan"]);
        let moved = driven.schedule.take_moved();
        assert!(moved.contains(&driven.at("b:plan")) && driven.schedule.take_moved().is_empty());
        driven.set("a:plan", State::Waiting);
        assert_eq!(driven.state("b:land"), State::Waiting);
        assert_eq!(driven.schedule.next_to_judge(), Some(driven.at("a:plan")));
        driven.set("a:plan", State::Done(Done::UpToDate));
    }
}
