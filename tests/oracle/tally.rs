//! How often each kind of graph and history occurred: what never does is not tested.
use crate::shape::{Shape, Way};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// All kinds, each with what must occur of it in a thousand histories.
const KINDS: [&str; 63] = [
    "graph: full",
    "graph: gate",
    "graph: one stage",
    "graph: layers",
    "graph: need",
    "graph: need with `for`",
    "graph: optional need",
    "graph: after",
    "graph: after a layer",
    "graph: exports",
    "graph: template",
    "graph: parked",
    "graph: begun by hand",
    "graph: agent and model count",
    "person: edit, committed",
    "person: edit, not committed",
    "person: edit of an output",
    "person: delete, committed",
    "person: delete, not committed",
    "person: remove an output",
    "person: tick",
    "person: un-tick",
    "person: rename",
    "person: revert",
    "person: revert below the tip",
    "person: revert of a revert",
    "person: reset",
    "person: lose the state",
    "person: clone",
    "person: approve",
    "person: touch",
    "person: touch of what is void",
    "Specfile: description",
    "Specfile: prompt",
    "Specfile: parameter of a template",
    "Specfile: command",
    "Specfile: environment",
    "Specfile: agent",
    "Specfile: model",
    "Specfile: format",
    "Specfile: need",
    "Specfile: no need",
    "Specfile: layer",
    "Specfile: parked",
    "build: everything",
    "build: goals",
    "build: -B",
    "build: -W",
    "build: killed",
    "build: again",
    "build: finds something by hand",
    "build: commits inputs",
    "stage: writes",
    "stage: writes nothing",
    "stage: fails",
    "stage: does nothing where something is due",
    "stage: is held",
    "stage: stays held",
    "stage: waits for a person",
    "spec: lands",
    "spec: lands the same result",
    "spec: goes on without an optional need",
    "spec: stays parked",
];

/// Counts of kinds.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<&'static str, u64>>);

impl Tally {
    pub fn note(&self, kind: &'static str) {
        assert!(KINDS.contains(&kind), "{kind} is no kind");
        *self.0.lock().unwrap().entry(kind).or_default() += 1;
    }

    pub fn note_shape(&self, shape: &Shape) {
        let has = |kind, there: bool| {
            if there {
                self.note(kind);
            }
        };
        let any = |is: &dyn Fn(&crate::shape::Spec) -> bool| shape.specs.iter().any(is);
        has("graph: full", any(&|spec| spec.way == Way::Full));
        has("graph: gate", any(&|spec| spec.way == Way::Docs));
        has("graph: one stage", any(&|spec| spec.way == Way::One));
        has("graph: layers", any(&|s| s.upper == Some(true)) && any(&|s| s.upper == Some(false)));
        has("graph: need", any(&|spec| spec.needs.iter().any(|need| !need.late)));
        has("graph: need with `for`", any(&|spec| spec.needs.iter().any(|need| need.late)));
        has("graph: optional need", any(&|spec| spec.needs.iter().any(|need| need.optional)));
        has("graph: after", any(&|spec| !spec.after.is_empty()));
        has("graph: after a layer", any(&|spec| shape.is_behind(spec)));
        has("graph: exports", any(&|spec| spec.exports));
        has("graph: template", any(&|spec| spec.flavour.is_some()));
        has("graph: parked", any(&|spec| spec.parked));
        has("graph: begun by hand", any(&|spec| spec.adopted > 0));
        has("graph: agent and model count", shape.taste_counts);
    }

    /// The table, and the kinds that never occurred.
    pub fn table(&self) -> (String, Vec<&'static str>) {
        let counts = self.0.lock().unwrap();
        let count = |kind: &str| counts.get(kind).copied().unwrap_or_default();
        let lines: String = KINDS.iter().map(|kind| format!("{:>8}  {kind}\n", count(kind))).collect();
        (lines, KINDS.into_iter().filter(|kind| count(kind) == 0).collect())
    }
}
