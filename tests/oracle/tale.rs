//! A history, told to the model and to the program alike, and held against each other after each step.
use crate::model::{Edits, Files, Landing, Model, Tip};
use crate::past::Past;
use crate::plan::{Break, Ran, Wish};
use crate::program::{Act, Program, Told};
use crate::shape::{By, Need, Shape};
use crate::step::{End, Manner, Step};
use crate::tally::Tally;
use std::collections::{BTreeMap, BTreeSet};

/// Both, side by side.
pub struct Tale<'t, P> {
    tally: &'t Tally,
    model: Model,
    real: P,
    past: Past,
}

impl<'t, P: Program> Tale<'t, P> {
    pub fn new(shape: Shape, tally: &'t Tally) -> Self {
        tally.note_shape(&shape);
        let mut files = Files::from([
            ("README.txt".to_owned(), "A project.\n".to_owned()),
            ("shared/base.md".to_owned(), "base\n".to_owned()),
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
        let past = Past::new(real.tip());
        let mut tale = Self { tally, model: Model::new(shape, files), real, past };
        tale.remember();
        tale
    }

    fn remember(&mut self) {
        self.past.remember(self.real.tip(), &self.model);
    }

    fn name(&self, spec: usize) -> String {
        self.model.shape.specs[spec].name.clone()
    }

    /// A person commits these edits, and all that lies about.
    fn commit(&mut self, message: &str, mut edits: Edits) {
        edits.extend(std::mem::take(&mut self.model.dirty));
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

    fn specfile(&mut self, kind: &'static str) {
        self.commit(kind, Edits::new());
        self.real.specfile(&self.model.shape);
        self.real.commit(kind);
        self.model.arrive(Tip::Other);
        self.tally.note(kind);
    }

    pub fn step(&mut self, step: &Step) {
        let count = self.model.shape.specs.len();
        match step {
            Step::Edit { spec, file, text, committed } => self.edit(spec % count, *file, *text, *committed),
            Step::Tick { spec, ticked } => self.tick(spec % count, *ticked),
            Step::Remove { spec, stage } => self.remove(spec % count, *stage),
            Step::Delete { spec, file, committed } => self.delete(spec % count, *file, *committed),
            Step::Describe { spec, text } => {
                self.model.shape.specs[spec % count].description = *text;
                self.specfile("Specfile: description");
            }
            Step::Prompt { spec, text } => {
                let own = &mut self.model.shape.specs[spec % count];
                if let Some(flavour) = &mut own.flavour {
                    *flavour = *text;
                    self.specfile("Specfile: parameter of a template");
                } else {
                    self.model.shape.prompts[own.way as usize] = *text;
                    self.specfile("Specfile: prompt");
                }
            }
            Step::Command { text } => {
                self.model.shape.line = *text;
                self.specfile("Specfile: command");
            }
            Step::Mode { text } => {
                self.model.shape.mode = *text;
                self.specfile("Specfile: environment");
            }
            Step::Model { text } => {
                self.model.shape.model = *text;
                self.specfile("Specfile: model");
            }
            Step::Agent { text } => {
                self.model.shape.agent = *text;
                self.specfile("Specfile: agent");
            }
            Step::Reformat { remark, jobs } => {
                self.model.shape.remark = *remark;
                self.model.shape.jobs = *jobs;
                self.specfile("Specfile: format");
            }
            Step::Rename { spec } => self.rename(spec % count),
            Step::Need { spec, on, late, optional } => {
                let spec = spec % count;
                self.need(spec, Need { on: on % spec.max(1), late: *late, optional: *optional });
            }
            Step::Layer { spec } => self.layer(spec % count),
            Step::Park { spec } => {
                let own = &mut self.model.shape.specs[spec % count];
                own.parked = !own.parked;
                self.specfile("Specfile: parked");
            }
            Step::Revert { back } => self.revert(*back),
            Step::Reset { to } => self.reset(*to),
            Step::Approve { spec } => self.approve(spec % count),
            Step::Touch { spec } => self.touch(spec % count),
            Step::Lose => {
                self.real.lose();
                self.forget();
                self.tally.note("person: lose the state");
            }
            Step::Clone => {
                if self.model.branches.is_empty() && self.model.dirty.is_empty() {
                    self.real.go_to_clone();
                    self.forget();
                    self.tally.note("person: clone");
                }
            }
            Step::Build { goals, luck, manner, end } => self.build(*goals, *luck, *manner, *end),
        }
        self.remember();
    }

    fn forget(&mut self) {
        self.model.forget();
        self.past.forget();
    }

    fn edit(&mut self, spec: usize, file: usize, text: u8, committed: bool) {
        let files = ["notes/{}.md", "specs/{}/spec.md", "docs/{}.md", "shared/style.md"];
        let path = self.model.shape.path(spec, files[file % 4]);
        // One that is written anew is there for git only when that is committed.
        if !self.model.base.contains_key(&path) && (file % 4 != 3 || !committed) {
            return;
        }
        let kind = if committed { "person: edit, committed" } else { "person: edit, not committed" };
        self.put(kind, path, Some(format!("by hand {text}\n")), committed);
        if matches!(file % 4, 1 | 2) {
            self.tally.note("person: edit of an output");
        }
    }

    fn delete(&mut self, spec: usize, file: usize, committed: bool) {
        let files = ["shared/style.md", "shared/{}.txt", "src/{}.txt"];
        let path = self.model.shape.path(spec, files[file % 3]);
        let is_raced = file % 3 == 1 && self.is_raced(spec);
        if self.model.base.contains_key(&path) && !is_raced {
            let kind = if committed { "person: delete, committed" } else { "person: delete, not committed" };
            self.put(kind, path, None, committed);
        }
    }

    /// Whether others ran beside a spec: they may have seen what it wrote or not, so what takes that back may be
    /// what they know.
    fn is_raced(&self, spec: usize) -> bool {
        let mut others = (0..self.model.shape.specs.len()).filter(|other| *other != spec);
        others.any(|other| self.model.ran_beside(other, spec))
    }

    /// A person writes or deletes a file.
    fn put(&mut self, kind: &'static str, path: String, text: Option<String>, committed: bool) {
        let edits = vec![(path.clone(), text.clone())];
        if committed {
            self.model.dirty.remove(&path);
            self.commit(kind, edits);
        } else if self.model.fits(&edits) {
            self.real.write(&edits);
            if self.model.base.get(&path) == text.as_ref() {
                self.model.dirty.remove(&path);
            } else {
                self.model.dirty.insert(path, text);
            }
        } else {
            return;
        }
        self.tally.note(kind);
    }

    fn tick(&mut self, spec: usize, ticked: bool) {
        let path = self.model.shape.path(spec, "specs/{}/tasks.md");
        let (from, to) = if ticked { ("[ ]", "[x]") } else { ("[x]", "[ ]") };
        let Some(text) = self.model.base.get(&path).filter(|text| text.contains(from)) else { return };
        let text = text.replace(from, to);
        self.commit("tasks by hand", vec![(path, Some(text))]);
        self.tally.note(if ticked { "person: tick" } else { "person: un-tick" });
    }

    fn remove(&mut self, spec: usize, stage: usize) {
        let stages = self.model.shape.stages(spec);
        let output = stages[stage % stages.len()].output.map(|output| self.model.shape.path(spec, output));
        if let Some(path) = output.filter(|path| self.model.base.contains_key(path)) {
            self.model.dirty.remove(&path);
            self.commit("remove", vec![(path, None)]);
            self.tally.note("person: remove an output");
        }
    }

    /// Once each, and only where nothing of it is under way.
    fn rename(&mut self, spec: usize) {
        if self.model.shape.specs[spec].was.is_some() || self.model.branches.contains_key(&spec) {
            return;
        }
        self.commit("before a rename", Edits::new());
        let to = format!("r{spec}");
        let before = self.model.base.clone();
        for (from, to) in self.model.rename(spec, &to) {
            self.real.write(&vec![(to, before.get(&from).cloned()), (from, None)]);
        }
        self.specfile("person: rename");
    }

    /// Whether a spec may come to need another one: whether it saw what that landed is known of builds in which
    /// that was ordered.
    fn may_need(&self, spec: usize, on: usize) -> bool {
        self.model.shape.all_needs(spec).contains(&on) || !self.model.ran_beside(spec, on)
    }

    fn need(&mut self, spec: usize, need: Need) {
        if need.on >= spec || !self.may_need(spec, need.on) {
            return;
        }
        let own = &mut self.model.shape.specs[spec];
        if let Some(at) = own.needs.iter().position(|other| other.on == need.on) {
            own.needs.remove(at);
            self.specfile("Specfile: no need");
        } else {
            own.after.retain(|after| *after != need.on);
            own.needs.push(need);
            self.specfile("Specfile: need");
        }
    }

    fn layer(&mut self, spec: usize) {
        let specs = &self.model.shape.specs;
        let is_lower = spec < 2;
        let others = (0..specs.len()).filter(|other| specs[*other].upper == Some(is_lower));
        let mut pairs = others.map(|other| if is_lower { (other, spec) } else { (spec, other) });
        if !pairs.all(|(upper, lower)| self.may_need(upper, lower)) {
            return;
        }
        let own = &mut self.model.shape.specs[spec];
        own.upper = if own.upper.is_some() { None } else { Some(!is_lower) };
        self.specfile("Specfile: layer");
    }

    fn revert(&mut self, back: usize) {
        let Some(at) = self.model.landings.len().checked_sub(1 + back) else { return };
        let Landing { spec, rev, reverted, .. } = self.model.landings[at].clone();
        let is_top = back == 0 && self.model.tip != Tip::Other;
        let is_lost = rev.is_empty() || reverted || self.model.shape.specs[spec].was.is_some();
        let busy = self.model.branches.contains_key(&spec) || !self.model.dirty.is_empty();
        if busy || !is_top && is_lost {
            return;
        }
        let mut next = self.model.clone();
        if !next.revert(at) {
            return;
        }
        let all: BTreeSet<&String> = self.model.base.keys().chain(next.base.keys()).collect();
        let changed = all.into_iter().filter(|path| self.model.base.get(*path) != next.base.get(*path));
        let edits: Edits = changed.map(|path| (path.clone(), next.base.get(path).cloned())).collect();
        let is_read = |(path, _): &(String, Option<String>)| path.starts_with("shared/");
        if !self.model.fits(&edits) || edits.iter().any(is_read) && self.is_raced(spec) {
            return;
        }
        // One that changed nothing cannot be reverted.
        if next.base != self.model.base {
            let top = self.real.tip();
            self.real.revert(if is_top { &top } else { &rev });
            self.tally.note(match (is_top, reverted) {
                (false, _) => "person: revert below the tip",
                (true, true) => "person: revert of a revert",
                (true, false) => "person: revert",
            });
            self.model = next;
        }
    }

    fn reset(&mut self, to: usize) {
        let (rev, model) = self.past.pick(to);
        let is_quiet = |model: &Model| model.branches.is_empty() && model.dirty.is_empty();
        if is_quiet(&model) && is_quiet(&self.model) && !self.past.knows_more(&rev, &model) {
            self.real.reset(&rev);
            self.past.go_to(&rev);
            self.model = model;
            self.real.specfile(&self.model.shape);
            self.tally.note("person: reset");
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
        self.tally.note("person: approve");
    }

    fn touch(&mut self, spec: usize) {
        if !self.model.dirty.is_empty() {
            return;
        }
        let all: Vec<usize> = (0..self.model.shape.stages(spec).len()).collect();
        let is_void = all.iter().any(|stage| !self.model.is_done(spec, *stage));
        // That is known of this commit even if it is gone back to.
        self.model.find(spec);
        self.remember();
        self.real.approve(spec, &all, true);
        self.model.touch(spec);
        let left = all.into_iter().find(|at| !self.model.reasons(spec, *at).is_empty());
        assert_eq!(left, None, "a stage that was touched is due");
        self.tally.note(if is_void { "person: touch of what is void" } else { "person: touch" });
    }

    fn build(&mut self, goals: u8, luck: u16, manner: Manner, end: End) {
        let count = self.model.shape.specs.len();
        let is_all = goals == 0;
        let is_parked = |spec: &usize| self.model.shape.specs[*spec].parked;
        let mut goals: Vec<usize> = (0..count)
            .filter(|spec| if is_all { !is_parked(spec) } else { goals >> spec & 1 == 1 })
            .collect();
        if goals.is_empty() && !is_all {
            goals.push(0);
        }
        let manner = match manner {
            Manner::WhatIf(spec) if self.model.wanted(&goals).contains(&(spec % count)) => {
                Manner::WhatIf(spec % count)
            }
            Manner::WhatIf(_) => Manner::Plain,
            other => other,
        };
        self.tally.note(if is_all { "build: everything" } else { "build: goals" });
        match manner {
            Manner::Plain => {}
            Manner::Always => self.tally.note("build: -B"),
            Manner::WhatIf(_) => self.tally.note("build: -W"),
        }
        let mut wish = Wish { is_all, goals, luck, manner, breaks: None };
        let tip = self.real.tip();
        let lay = self.model.dirty.len();
        let by_hand = self.model.by_hand.len();
        self.model.begin(&wish.goals);
        if self.model.by_hand.len() > by_hand {
            self.tally.note("build: finds something by hand");
        }
        if self.model.dirty.len() == lay {
            self.remember();
        } else {
            self.tally.note("build: commits inputs");
            // What was found done by hand there was found before the user's edits were committed.
            self.past.lose(&tip);
        }
        let foreseen = self.model.clone().build(&wish).ran;
        let pick = |at: usize, among: &dyn Fn(&Ran) -> bool| {
            let among: Vec<&Ran> = foreseen.iter().filter(|ran| among(ran)).collect();
            among.get(at % among.len().max(1)).map(|ran| (ran.spec, ran.stage))
        };
        wish.breaks = match end {
            End::Well => None,
            End::Fail(at) => pick(at, &|_| true).map(|stage| (stage, Break::Fails)),
            End::Idle(at) => pick(at, &|ran| ran.is_due).map(|stage| (stage, Break::Idles)),
            End::Kill(at) => {
                let one: BTreeSet<usize> = foreseen.iter().map(|ran| ran.spec).collect();
                let alone = one.len() == 1 && self.model.branches.keys().all(|spec| one.contains(spec));
                pick(at, &|_| alone).map(|stage| (stage, Break::Killed))
            }
        };
        let is_fine = self.build_once(&wish);
        if is_fine {
            let again = Wish { manner: Manner::Plain, breaks: None, ..wish };
            self.model.begin(&again.goals);
            self.build_once(&again);
            self.tally.note("build: again");
        }
    }

    /// Whether all came to a good end.
    fn build_once(&mut self, wish: &Wish) -> bool {
        let before = self.model.landings.len();
        let expected = self.model.build(wish);
        let kill = wish.breaks.is_some_and(|(_, how)| how == Break::Killed);
        expected.kinds.iter().for_each(|kind| self.tally.note(kind));
        for ran in &expected.ran {
            let act = match ran.breaks {
                Some(Break::Killed) => Act::Wait,
                Some(Break::Fails) => Act::Fail,
                Some(Break::Idles) => Act::Idle,
                None => Act::Write(ran.edits.clone()),
            };
            let stage = self.model.shape.stages(ran.spec)[ran.stage].name;
            let name = self.name(ran.spec);
            self.real.script(&name, stage, &act);
        }
        let named = wish.goals.iter().filter(|_| !wish.is_all);
        let goals: Vec<String> = named.map(|spec| self.name(*spec)).collect();
        let told = self.real.build(&goals, wish.manner, kill);
        let names = |spec: usize, stage: usize| {
            format!("{}:{}", self.name(spec), self.model.shape.stages(spec)[stage].name)
        };
        let mut ran: Vec<String> = expected.ran.iter().map(|ran| names(ran.spec, ran.stage)).collect();
        let mut calls = told.calls.clone();
        ran.sort();
        calls.sort();
        assert_eq!(calls, ran, "what ran\n{}", told.text);
        if let Some(foreseen) = &told.foreseen {
            let unforeseen = calls.iter().find(|call| !foreseen.contains_key(*call));
            assert_eq!(unforeseen, None, "nobody said that it might run: {foreseen:?}");
            let is_nothing = calls.is_empty() && !expected.stuck;
            assert!(!is_nothing || !foreseen.values().any(|runs| *runs), "said to run: {foreseen:?}");
        }
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
        if let [landing] = &mut self.model.landings[before..] {
            landing.rev = self.real.tip();
        }
        !expected.stuck
    }

    fn compare_files(&self, told: &Told) {
        let mut files = self.model.base.clone();
        for (path, text) in self.model.dirty.clone() {
            match text {
                Some(text) => files.insert(path, text),
                None => files.remove(&path),
            };
        }
        assert_eq!(self.real.files(), files, "the files\n{}", told.text);
    }
}
