//! A project on commits in memory: it is judged, run and landed by the program's own rules.
use super::kept::{Kept, difference, tree, with};
use crate::model::{Edits, Files};
use crate::program::{Act, Told, words};
use specmake::base::{Reason, SpecName, StageName};
use specmake::event::{Done, Failure, Verdict};
use specmake::graph::{Place, PlaceKind, StageGraph, Wanted};
use specmake::model::{FailureClass, Project, Spec, Target, Work};
use specmake::plan::forecast::{Own, forecast};
use specmake::rebuild::deed::{Deed, trace};
use specmake::rebuild::result::{landing_result, result_of};
use specmake::rebuild::{
    History, How, LANDING, Line, Mark, NeedNow, Question, Trace, hold_stamp, is_held, judge, manifest,
    trailer,
};
use specmake::run::hands::{Judgement, Landed, Outcome};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A project and the commits that it is built on.
pub struct Site {
    pub project: Arc<Project>,
    pub graph: Arc<StageGraph>,
    pub kept: Arc<Mutex<Kept>>,
    pub scripts: HashMap<String, Act>,
    pub what_if: Vec<String>,
    pub told: Mutex<Told>,
    pub done: Mutex<BTreeSet<Place>>,
    pub killed: Notify,
}

impl Site {
    pub fn ask<T>(&self, kept: &Kept, spec: &Spec, stage: usize, ask: impl FnOnce(&Question<'_>) -> T) -> T {
        let history = kept.history();
        let branch = kept.branch_of(spec, &history);
        let line = Line::new(&history, branch.map(|(tip, _)| kept.behind(tip)).unwrap_or_default());
        let tree = tree(&kept.files_of(branch));
        let needs = self.needs(kept, &history, spec, stage);
        ask(&Question {
            spec,
            stage,
            line: &line,
            tree: &tree,
            trees: kept,
            needs: &needs,
            agent_counts: self.project.settings.agent_is_ingredient,
            model_counts: self.project.settings.model_is_ingredient,
            what_if: &self.what_if,
        })
    }

    pub fn needs<'a>(
        &'a self,
        kept: &Kept,
        history: &History,
        spec: &'a Spec,
        stage: usize,
    ) -> Vec<NeedNow<'a>> {
        let position = |name: &StageName| spec.stages.iter().position(|s| s.name == *name).unwrap_or(0);
        let own =
            spec.needs.iter().filter(|n| n.for_stage.as_ref().is_none_or(|from| position(from) <= stage));
        let layer = spec.layer.as_ref().and_then(|layer| self.project.layers.get(layer));
        let of_layer = layer.into_iter().flat_map(|layer| &layer.needs).map(|(target, _)| target);
        let mut needs: Vec<NeedNow<'a>> = Vec::new();
        for target in own.map(|need| &need.target).chain(of_layer) {
            let (names, via_layer) = match target {
                Target::Spec(name) => (std::slice::from_ref(name), false),
                Target::Layer(layer) => (self.project.layers[layer].specs.as_slice(), true),
            };
            for name in names {
                let need = self.project.specs.values().find(|spec| spec.name == *name).unwrap();
                if needs.iter().any(|known| known.spec.name == *name) {
                    continue;
                }
                let result = result_of(need, &Line::new(history, Vec::new()), kept).unwrap();
                needs.push(NeedNow { spec: need, via_layer, result });
            }
        }
        needs
    }

    pub fn name(&self, place: Place) -> String {
        self.graph.stage_id(place).unwrap().to_string()
    }

    pub fn place(&self, place: Place) -> (&Spec, Option<usize>) {
        match self.graph.kind(place) {
            PlaceKind::Stage { spec, stage } => (&self.project.specs[spec], Some(stage)),
            PlaceKind::Landing { spec } => (&self.project.specs[spec], None),
            other => panic!("{other:?} is nobody's"),
        }
    }

    pub fn reasons(&self, kept: &Kept, spec: &Spec, stage: usize) -> Result<Done, Vec<Reason>> {
        match self.ask(kept, spec, stage, |question| judge(question).unwrap().verdict) {
            Verdict::UpToDate { how } => Ok(how),
            Verdict::OutOfDate { reasons } => Err(reasons),
            Verdict::MayRun { .. } => Err(Vec::new()),
        }
    }

    pub fn judged(&self, place: Place) -> Judgement {
        let kept = self.kept.lock().unwrap();
        let (spec, stage) = match self.graph.kind(place) {
            PlaceKind::Stage { .. } | PlaceKind::Landing { .. } => self.place(place),
            _ => return Judgement::UpToDate(Done::UpToDate),
        };
        let Some(stage) = stage else {
            return match kept.branch_of(spec, &kept.history()) {
                Some(_) => Judgement::OutOfDate(vec![Reason::NotLanded]),
                None => Judgement::UpToDate(Done::UpToDate),
            };
        };
        let reasons = match self.reasons(&kept, spec, stage) {
            Ok(how) => return Judgement::UpToDate(how),
            Err(mut reasons) => {
                if self.done.lock().unwrap().contains(&place) {
                    reasons.retain(|reason| !matches!(reason, Reason::Asked { .. }));
                }
                if reasons.is_empty() {
                    return Judgement::UpToDate(Done::UpToDate);
                }
                reasons
            }
        };
        let names: Vec<&SpecName> = std::iter::once(&spec.name).chain(spec.was.as_ref()).collect();
        let held = self.ask(&kept, spec, stage, |question| {
            question.line.held(&names).filter(|held| is_held(question, held).unwrap())
        });
        if let Some(held) = held {
            return Judgement::Held(Failure::new(FailureClass::Crash, held.why));
        }
        if matches!(spec.stages[stage].work, Work::Gate) {
            return Judgement::AwaitsPerson(reasons);
        }
        let told = reasons.iter().map(words).collect();
        self.told.lock().unwrap().reasons.entry(self.name(place)).or_insert(told);
        Judgement::OutOfDate(reasons)
    }

    /// The stages that will run, and whether that is certain, as far as can be said beforehand.
    pub fn foreseen(&self, wanted: &Wanted) -> BTreeMap<String, bool> {
        let kept = self.kept.lock().unwrap();
        let own = |place| {
            let (spec, stage) = self.place(place);
            let verdict = match stage {
                Some(stage) => self.reasons(&kept, spec, stage),
                None if kept.branch_of(spec, &kept.history()).is_some() => Err(vec![Reason::NotLanded]),
                None => Ok(Done::UpToDate),
            };
            verdict.map_or_else(Own::OutOfDate, Own::UpToDate)
        };
        let forecast = forecast(&self.graph, wanted, &vec![1; self.graph.len()], own);
        let stages = self.graph.places().filter(|place| self.graph.stage_name(*place).is_some());
        let stages = stages.filter_map(|place| Some((place, forecast.verdicts[place.index()].as_ref()?)));
        let runs = stages.filter(|(_, verdict)| !matches!(verdict, Verdict::UpToDate { .. }));
        runs.map(|(place, verdict)| (self.name(place), matches!(verdict, Verdict::OutOfDate { .. })))
            .collect()
    }

    pub fn trace(&self, kept: &Kept, spec: &Spec, stage: usize, how: How, left: Option<&Files>) -> Mark {
        let branch = kept.branch_of(spec, &kept.history());
        let from = branch.map_or(kept.base(), |(tip, _)| tip);
        let seen = kept.files_of(branch);
        let left = left.unwrap_or(&seen);
        let at = branch.filter(|_| how != How::Ran).map(|_| kept.base());
        let trace = self.ask(kept, spec, stage, |question| {
            let deed = Deed {
                how,
                from,
                seen: &manifest(question).unwrap(),
                left: &tree(left),
                changed: &difference(&seen, left),
                former_change: judge(question).unwrap().former_change,
            };
            trace(question, &deed).unwrap()
        });
        Mark::Trace(Trace { at, ..trace })
    }

    pub fn run(&self, place: Place, edits: &Edits) -> Outcome {
        let mut kept = self.kept.lock().unwrap();
        let (spec, stage) = self.place(place);
        let tip = kept.take_base(spec);
        let left = with(&kept.trees[&tip], edits);
        // A branch that has nothing of its own yet is in progress all the same.
        let mark = self.trace(&kept, spec, stage.unwrap(), How::Ran, Some(&left));
        let fork = kept.base();
        let tip = kept.keep(vec![tip], &trailer::write(&mark), left);
        kept.branches.insert(spec.name.to_string(), (tip, fork));
        self.done.lock().unwrap().insert(place);
        Outcome::Done { commit: tip.to_string() }
    }

    pub fn leave(&self, place: Place, held: bool) {
        let mut kept = self.kept.lock().unwrap();
        let (spec, stage) = self.place(place);
        let stage = stage.unwrap();
        let held = held.then(|| self.ask(&kept, spec, stage, hold_stamp));
        let tip = kept.take_base(spec);
        let mark = Mark::Attempt {
            spec: spec.name.clone(),
            stage: spec.stages[stage].name.clone(),
            class: Some(FailureClass::Crash),
            held,
            why: "it did not".to_owned(),
        };
        let (files, fork) = (kept.trees[&tip].clone(), kept.base());
        let tip = kept.keep(vec![tip], &trailer::write(&mark), files);
        kept.branches.insert(spec.name.to_string(), (tip, fork));
    }

    pub fn lands(&self, place: Place) -> Landed {
        let mut kept = self.kept.lock().unwrap();
        let (spec, _) = self.place(place);
        let stale: Vec<usize> = (0..spec.stages.len())
            .filter(|stage| match self.reasons(&kept, spec, *stage) {
                Ok(_) => false,
                Err(reasons) => reasons.iter().any(|reason| !matches!(reason, Reason::Asked { .. })),
            })
            .collect();
        if !stale.is_empty() {
            return Landed::Stale(stale);
        }
        let history = kept.history();
        let branch = kept.branch_of(spec, &history).unwrap();
        let (before, after) = (kept.base_files().clone(), kept.files_of(Some(branch)));
        let former = result_of(spec, &Line::new(&history, Vec::new()), &*kept).unwrap();
        let changed = difference(&before, &after);
        let result = landing_result(spec, former, &changed, &tree(&after), &*kept).unwrap();
        let mark = Mark::Trace(Trace {
            spec: spec.name.clone(),
            stages: vec![StageName::new(LANDING).unwrap()],
            how: How::Ran,
            at: None,
            from: None,
            change: None,
            result: Some(result),
            ingredients: BTreeMap::new(),
        });
        let message = trailer::write(&mark) + &kept.adoption_lines();
        let base = kept.base();
        let commit = kept.keep(vec![base, branch.0], &message, after);
        kept.base = Some(commit);
        kept.branches.remove(spec.name.as_str());
        Landed::Landed { commit: commit.to_string(), result, changed: former != Some(result) }
    }
}
