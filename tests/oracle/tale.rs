//! A history, told to the model and to the program alike, and held against each other after each step.
use crate::model::{Edits, Files, Model, Tip};
use crate::plan::Wish;
use crate::program::{Act, Program, Told};
use crate::shape::{By, Shape, Way};
use crate::step::{End, Manner, Step};
use std::collections::{BTreeMap, BTreeSet};

/// Both, side by side.
pub struct Tale<P> {
    model: Model,
    real: P,
    /// The model as it was when the base was at a commit.
    former: Vec<(String, Model)>,
}

impl<P: Program> Tale<P> {
    pub fn new(shape: Shape) -> Self {
        let mut files = Files::from([
            ("README.txt".to_owned(), "A project.\n".to_owned()),
            ("shared/style.md".to_owned(), "style\n".to_owned()),
        ]);
        for (at, spec) in shape.specs.iter().enumerate() {
            let mut put = |pattern: &str, text: &str| {
                files.insert(shape.path(at, pattern), text.to_owned());
            };
            put("notes/{}.md", "notes\n");
            for stage in
                shape.stages(at).iter().filter(|stage| stage.output.is_some()).take(spec.adopted.into())
            {
                let text = match (stage.name, spec.adopted) {
                    ("tasks", 2) => "- [ ] T001 by hand\n",
                    ("tasks", _) => "- [x] T001 by hand\n",
                    _ => "by hand\n",
                };
                put(stage.output.unwrap(), text);
            }
        }
        let real = P::begin(&files, &shape);
        let mut tale = Self { model: Model::new(shape, files), real, former: Vec::new() };
        tale.remember();
        tale
    }

    fn remember(&mut self) {
        let rev = self.real.tip();
        self.former.retain(|(other, _)| *other != rev);
        self.former.push((rev, self.model.clone()));
    }

    fn name(&self, spec: usize) -> String {
        self.model.shape.specs[spec].name.clone()
    }

    /// A person commits these edits, and all that lies about.
    fn commit(&mut self, message: &str, mut edits: Edits) {
        let dirty = std::mem::take(&mut self.model.dirty);
        edits.extend(dirty.into_iter().map(|(path, text)| (path, Some(text))));
        if !self.model.fits(&edits) {
            // They belong on a branch in progress; here they are taken back.
            for (path, _) in &edits {
                let text = self.model.base.get(path).cloned();
                self.real.write(&vec![(path.clone(), text)]);
            }
            return;
        }
        self.real.write(&edits);
        self.real.commit(message);
        self.model.commit(&edits);
    }

    fn specfile(&mut self, message: &str) {
        self.commit(message, Edits::new());
        self.real.specfile(&self.model.shape);
        self.real.commit(message);
        self.model.tip = Tip::Other;
    }

    pub fn step(&mut self, step: &Step) {
        let count = self.model.shape.specs.len();
        match step {
            Step::Edit { spec, file, text, committed } => self.edit(spec % count, *file, *text, *committed),
            Step::Tick { spec, ticked } => {
                let path = self.model.shape.path(spec % count, "specs/{}/tasks.md");
                let (from, to) = if *ticked { ("[ ]", "[x]") } else { ("[x]", "[ ]") };
                if let Some(text) = self.model.base.get(&path) {
                    let text = text.replace(from, to);
                    self.commit("tasks by hand", vec![(path, Some(text))]);
                }
            }
            Step::Remove { spec, stage } => {
                let stages = self.model.shape.stages(spec % count);
                let output = stages[stage % stages.len()]
                    .output
                    .map(|output| self.model.shape.path(spec % count, output));
                if let Some(path) = output.filter(|path| self.model.base.contains_key(path)) {
                    self.model.dirty.remove(&path);
                    self.commit("remove", vec![(path, None)]);
                }
            }
            Step::Describe { spec, text } => {
                self.model.shape.specs[spec % count].description = *text;
                self.specfile("describe");
            }
            Step::Prompt { spec, text } => {
                let own = &mut self.model.shape.specs[spec % count];
                match &mut own.flavour {
                    Some(flavour) => *flavour = *text,
                    None => self.model.shape.prompts[own.way as usize] = *text,
                }
                self.specfile("prompt");
            }
            Step::Command { text } => {
                self.model.shape.line = *text;
                self.specfile("command");
            }
            Step::Model { text } => {
                self.model.shape.model = *text;
                self.specfile("model");
            }
            Step::Reformat { remark, jobs } => {
                self.model.shape.remark = *remark;
                self.model.shape.jobs = *jobs;
                self.specfile("format");
            }
            Step::Rename { spec } => self.rename(spec % count),
            Step::Need { spec, on } => self.need(spec % count, on % count),
            Step::Revert => self.revert(),
            Step::Reset { to } => self.reset(*to),
            Step::Approve { spec } => self.approve(spec % count),
            Step::Touch { spec } => self.touch(spec % count),
            Step::Lose => {
                self.real.lose();
                self.model.forget();
                self.former.iter_mut().for_each(|(_, model)| model.forget());
            }
            Step::Clone => {
                if self.model.branches.is_empty() && self.model.dirty.is_empty() {
                    self.real.go_to_clone();
                    self.model.forget();
                    self.former.iter_mut().for_each(|(_, model)| model.forget());
                }
            }
            Step::Build { goals, luck, manner, end } => self.build(*goals, *luck, *manner, *end),
        }
        self.remember();
    }

    fn edit(&mut self, spec: usize, file: usize, text: u8, committed: bool) {
        let files = ["notes/{}.md", "specs/{}/spec.md", "docs/{}.md", "shared/style.md"];
        let path = self.model.shape.path(spec, files[file % 4]);
        if !self.model.base.contains_key(&path) {
            return;
        }
        let edits = vec![(path.clone(), Some(format!("by hand {text}\n")))];
        if committed {
            self.model.dirty.remove(&path);
            self.commit("edit", edits);
        } else if self.model.fits(&edits) {
            self.real.write(&edits);
            self.model.dirty.insert(path.clone(), format!("by hand {text}\n"));
            if self.model.base.get(&path) == self.model.dirty.get(&path) {
                self.model.dirty.remove(&path);
            }
        }
    }

    /// Once each, and only where nothing is under way, and nobody held: another name of a need is another manifest.
    fn rename(&mut self, spec: usize) {
        let own = &self.model.shape.specs[spec];
        if own.was.is_some() || self.model.branches.contains_key(&spec) || !self.model.held.is_empty() {
            return;
        }
        // Known to be wrong: an output that a person removed under the former name is not missed under the new one.
        let mut reasons =
            (0..self.model.shape.stages(spec).len()).flat_map(|stage| self.model.reasons(spec, stage));
        if reasons.any(|reason| reason.ends_with("was removed")) {
            return;
        }
        self.commit("before a rename", Edits::new());
        let to = format!("r{spec}");
        let before = self.model.base.clone();
        for (from, to) in self.model.rename(spec, &to) {
            self.real.write(&vec![(to, before.get(&from).cloned()), (from, None)]);
        }
        self.specfile("rename");
    }

    fn need(&mut self, spec: usize, on: usize) {
        if on >= spec {
            return;
        }
        // Whether one saw what the other landed is known of builds in which that was ordered.
        let is_ordered = self.model.shape.all_needs(spec).contains(&on);
        if !is_ordered && self.model.ran_beside(spec, on) {
            return;
        }
        let own = &mut self.model.shape.specs[spec];
        match own.needs.iter().position(|(need, _)| *need == on) {
            Some(at) => {
                own.needs.remove(at);
            }
            None => {
                own.after.retain(|after| *after != on);
                own.needs.push((on, false));
            }
        }
        self.specfile("needs");
    }

    fn revert(&mut self) {
        let Some(spec) = self.model.landings.last().map(|landing| landing.spec) else { return };
        let busy = self.model.branches.contains_key(&spec) || !self.model.dirty.is_empty();
        if busy || self.model.tip == Tip::Other {
            return;
        }
        let mut next = self.model.clone();
        next.revert();
        let edits = next
            .base
            .iter()
            .filter(|(p, t)| self.model.base.get(*p) != Some(t))
            .map(|(p, t)| (p.clone(), Some(t.clone())));
        if !self.model.fits(&edits.collect()) {
            return;
        }
        // One that changed nothing cannot be reverted.
        if next.base != self.model.base {
            self.real.revert();
            self.model = next;
        }
    }

    fn reset(&mut self, to: usize) {
        let Some((rev, model)) = self.former.get(to % self.former.len().max(1)).cloned() else { return };
        let is_quiet = |model: &Model| model.branches.is_empty() && model.dirty.is_empty();
        if is_quiet(&model) && is_quiet(&self.model) {
            self.real.reset(&rev);
            self.model = model;
            self.real.specfile(&self.model.shape);
        }
    }

    fn approve(&mut self, spec: usize) {
        let stages = self.model.shape.stages(spec);
        let Some(gate) = stages.iter().position(|stage| stage.by == By::Gate) else { return };
        let before = (0..gate).all(|stage| self.model.reasons(spec, stage).is_empty());
        if !before || self.model.reasons(spec, gate).is_empty() || !self.model.dirty.is_empty() {
            return;
        }
        self.real.approve(spec, &[gate], false);
        self.model.approve(spec, &[gate]);
    }

    /// Where everything is there, and nothing void.
    fn touch(&mut self, spec: usize) {
        let stages = self.model.shape.stages(spec);
        let is_there = |at: usize| {
            let output = stages[at].output.map(|output| self.model.shape.path(spec, output));
            self.model.is_done(spec, at)
                && output.is_none_or(|path| self.model.tree(spec).contains_key(&path))
        };
        let needs = self.model.shape.all_needs(spec);
        let is_known = needs.iter().all(|need| self.model.result(*need).is_some());
        if !self.model.dirty.is_empty() || !is_known || !(0..stages.len()).all(is_there) {
            return;
        }
        let due: Vec<usize> =
            (0..stages.len()).filter(|at| !self.model.reasons(spec, *at).is_empty()).collect();
        let all: Vec<usize> = (0..stages.len()).collect();
        self.real.approve(spec, &all, true);
        if !due.is_empty() {
            self.model.approve(spec, &due);
        }
        let left = (0..stages.len()).find(|at| !self.model.reasons(spec, *at).is_empty());
        assert_eq!(left, None, "a stage that was touched is due");
    }

    fn build(&mut self, goals: u8, luck: u16, manner: Manner, end: End) {
        let count = self.model.shape.specs.len();
        let mut goals: Vec<usize> = (0..count).filter(|spec| goals >> spec & 1 == 1).collect();
        if goals.is_empty() {
            goals.push(0);
        }
        let manner = match manner {
            Manner::WhatIf(spec) if self.model.wanted(&goals).contains(&(spec % count)) => {
                Manner::WhatIf(spec % count)
            }
            Manner::WhatIf(_) => Manner::Plain,
            other => other,
        };
        let mut wish = Wish { goals, luck, manner, breaks: None };
        let tip = self.real.tip();
        let lay = self.model.dirty.len();
        self.model.begin(&wish.goals);
        if self.model.dirty.len() == lay {
            self.remember();
        } else {
            // What was found done by hand there was found before the user's edits were committed.
            self.former.retain(|(other, _)| *other != tip);
        }
        let foreseen = self.model.clone().build(&wish).ran;
        let pick = |at: usize| foreseen.get(at % foreseen.len().max(1)).map(|ran| (ran.spec, ran.stage));
        wish.breaks = match end {
            End::Well => None,
            End::Fail(at) => pick(at).filter(|at| !self.is_raced(*at)).map(|stage| (stage, false)),
            End::Kill(at) => {
                let one: BTreeSet<usize> = foreseen.iter().map(|ran| ran.spec).collect();
                let alone = one.len() == 1 && self.model.branches.keys().all(|spec| one.contains(spec));
                pick(at).filter(|_| alone).map(|stage| (stage, true))
            }
        };
        let is_fine = self.build_once(&wish);
        if is_fine {
            let again = Wish { manner: Manner::Plain, breaks: None, ..wish };
            self.model.begin(&again.goals);
            self.build_once(&again);
        }
    }

    /// Whether others land, before it or after it as it happens, what a stage is made from. What holds one that
    /// fails is what was there then, so such a one is not made to fail where failures hold.
    fn is_raced(&self, (spec, stage): (usize, usize)) -> bool {
        let shape = &self.model.shape;
        let needs: Vec<usize> = shape.needs(spec, stage).into_iter().map(|(need, _)| need).collect();
        let before = self.model.wanted(&needs);
        let races = |other: usize| {
            let is_ordered = before.contains(&other) || self.model.wanted(&[other]).contains(&spec);
            !is_ordered && shape.specs[other].way != Way::Docs
        };
        let reads = self.model.patterns(spec, stage).contains("shared/*");
        shape.holds && reads && (0..shape.specs.len()).any(races)
    }

    /// Whether all came to a good end.
    fn build_once(&mut self, wish: &Wish) -> bool {
        let expected = self.model.build(wish);
        let kill = wish.breaks.is_some_and(|(_, killed)| killed);
        for ran in &expected.ran {
            let act = match (ran.breaks, kill) {
                (true, true) => Act::Wait,
                (true, false) => Act::Fail,
                _ => Act::Write(ran.edits.clone()),
            };
            let stage = self.model.shape.stages(ran.spec)[ran.stage].name;
            let name = self.name(ran.spec);
            self.real.script(&name, stage, &act);
        }
        let goals: Vec<String> = wish.goals.iter().map(|spec| self.name(*spec)).collect();
        let told = self.real.build(&goals, wish.manner, kill);
        let names = |spec: usize, stage: usize| {
            format!("{}:{}", self.name(spec), self.model.shape.stages(spec)[stage].name)
        };
        let mut ran: Vec<String> = expected.ran.iter().map(|ran| names(ran.spec, ran.stage)).collect();
        let mut calls = told.calls.clone();
        ran.sort();
        calls.sort();
        assert_eq!(calls, ran, "what ran\n{}", told.text);
        if kill {
            return false;
        }
        let why: BTreeMap<String, BTreeSet<String>> =
            expected.ran.iter().map(|ran| (names(ran.spec, ran.stage), ran.reasons.clone())).collect();
        let mut reasons = told.reasons.clone();
        reasons.retain(|stage, _| why.contains_key(stage));
        assert_eq!(reasons, why, "why\n{}", told.text);
        assert_eq!(told.code, i32::from(expected.stuck), "how it ended\n{}", told.text);
        self.compare_files(&told);
        !expected.stuck
    }

    fn compare_files(&self, told: &Told) {
        let mut files = self.model.base.clone();
        files.extend(self.model.dirty.clone());
        assert_eq!(self.real.files(), files, "the files\n{}", told.text);
    }
}
