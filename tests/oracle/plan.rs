//! What the model expects of a build, and of what people have done besides.
use crate::model::{Branch, Edits, Files, Memory, Model, Standing, Tip};
use crate::shape::By;
use crate::step::Manner;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked of a build.
#[derive(Debug, Clone)]
pub struct Wish {
    pub goals: Vec<usize>,
    /// Whether nobody named them: all that is not parked.
    pub is_all: bool,
    pub luck: u16,
    pub manner: Manner,
    /// A stage that does not come to a good end, and whether that is because of a kill.
    pub breaks: Option<((usize, usize), Break)>,
}

/// How a stage comes to no good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    Fails,
    /// It does nothing of what it should, and says that all is well.
    Idles,
    Killed,
}

/// A stage that is expected to run.
#[derive(Debug, Clone)]
pub struct Ran {
    pub spec: usize,
    pub stage: usize,
    pub reasons: BTreeSet<String>,
    pub edits: Edits,
    /// Whether it may not do nothing.
    pub is_due: bool,
    pub breaks: Option<Break>,
}

/// What is expected of a build.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub ran: Vec<Ran>,
    /// Whether something is left that failed, is held, or waits.
    pub stuck: bool,
    /// What occurred.
    pub kinds: Vec<&'static str>,
}

/// What is appended to a document that was brought up to date.
const BUILT: &str = "as built\n";

impl Model {
    /// The goals and all that they need.
    pub fn wanted(&self, goals: &[usize]) -> BTreeSet<usize> {
        let mut wanted: BTreeSet<usize> = goals.iter().copied().collect();
        let mut left: Vec<usize> = goals.to_vec();
        while let Some(spec) = left.pop() {
            left.extend(self.shape.pulls(spec).into_iter().filter(|need| wanted.insert(*need)));
        }
        wanted
    }

    /// What a build finds done by hand, and what it commits for the user before it begins.
    pub fn begin(&mut self, goals: &[usize]) {
        let wanted = self.wanted(goals);
        self.now += 1;
        self.builds.push(self.now);
        for spec in &wanted {
            self.adopt(*spec);
        }
        let patterns: BTreeSet<String> = (wanted.iter())
            .flat_map(|spec| (0..self.shape.stages(*spec).len()).map(|stage| (*spec, stage)))
            .flat_map(|(spec, stage)| self.patterns(spec, stage))
            .collect();
        let is_meant = |path: &str| {
            patterns.iter().any(|p| p == path || p.strip_suffix('*').is_some_and(|p| path.starts_with(p)))
        };
        let taken: Edits =
            self.dirty.iter().filter(|(p, _)| is_meant(p)).map(|(p, t)| (p.clone(), t.clone())).collect();
        if taken.is_empty() {
            return;
        }
        taken.iter().for_each(|(path, _)| {
            self.dirty.remove(path);
        });
        self.commit(&taken);
        self.record_adoptions();
    }

    fn adopt(&mut self, spec: usize) {
        let stages = self.shape.stages(spec);
        let mut done = Vec::new();
        for (at, stage) in stages.iter().enumerate() {
            let is_there = |at: usize| {
                let output = stages[at].output.map(|output| self.shape.path(spec, output));
                output.is_some_and(|path| self.base.contains_key(&path))
            };
            let known = self.memories.get(&(spec, at));
            let ticked = stage.tasks.is_none_or(|tasks| {
                self.base.get(&self.shape.path(spec, tasks)).is_some_and(|text| !text.contains("[ ]"))
            });
            done.push(match known {
                Some(memory) => matches!(memory.standing, Standing::Adopted { .. }),
                None if !ticked => false,
                None if stage.output.is_some() => is_there(at),
                None if stage.by == By::Gate => {
                    done.iter().all(|done| *done) && (at..stages.len()).any(is_there)
                }
                None if stage.by == By::Command && !stage.inputs.is_empty() => false,
                None => at > 0 && done.iter().all(|done| *done),
            });
        }
        if !(0..stages.len()).any(|at| done[at] && stages[at].output.is_some()) {
            return;
        }
        for at in (0..stages.len()).filter(|at| done[*at]) {
            if !self.memories.contains_key(&(spec, at)) {
                // What had landed then is known of every spec, whoever is needed later.
                let mut texts = self.texts(spec, at);
                let others = (0..self.shape.specs.len()).filter_map(|o| Some((o, self.result(o)?)));
                texts.extend(others.map(|(other, result)| (format!("need {other}"), result)));
                let is_first = self.result(spec).is_none();
                let memory = Memory {
                    at: self.now,
                    tree: self.base.clone(),
                    texts,
                    names: self.names(),
                    change: None,
                    standing: Standing::Adopted { recorded: false },
                };
                self.memories.insert((spec, at), memory);
                self.by_hand.entry(spec).or_insert(false);
                // What is found by hand later lay there all the same, if nothing was committed meanwhile.
                let result = self.result(spec).filter(|_| is_first);
                let by_hand = |memory: &&mut Memory| matches!(memory.standing, Standing::Adopted { .. });
                let found = self.memories.values_mut().filter(by_hand);
                for memory in found.filter(|memory| memory.at > self.tip_at) {
                    memory.texts.extend(result.clone().map(|result| (format!("need {spec}"), result)));
                }
            }
        }
    }

    /// Goes through a build.
    pub fn build(&mut self, wish: &Wish) -> Expected {
        let wanted = self.wanted(&wish.goals);
        if wish.manner == Manner::Always {
            for spec in &wish.goals {
                self.void(*spec);
            }
        }
        let what_if = match wish.manner {
            Manner::WhatIf(spec) => Some(self.shape.path(spec, "notes/{}.md")),
            _ => None,
        };
        let mut expected = Expected::default();
        let landed = self.landings.len();
        // Whether what stopped a spec is a person who has not looked yet: then it is not over.
        let mut stopped: BTreeMap<usize, bool> = BTreeMap::new();
        for spec in &wanted {
            if self.is_ready_to_land(*spec, wish, &wanted, what_if.as_deref()) {
                self.land_noting(*spec, &mut expected);
            }
        }
        for spec in wanted {
            let mut stop = None;
            let is_parked = self.shape.specs[spec].parked && !wish.goals.contains(&spec);
            let after = self.shape.afters(spec);
            let is_behind = after.iter().any(|after| stopped.get(after) == Some(&true));
            for stage in 0..self.shape.stages(spec).len() {
                let needs = self.shape.needs(spec, stage).into_iter().map(|(need, _)| need);
                let goes_without =
                    |need: usize| stopped.get(&need) == Some(&false) && self.shape.can_do_without(spec, need);
                let (without, with): (Vec<usize>, Vec<usize>) = needs.partition(|need| goes_without(*need));
                let mut waits = with.iter().filter_map(|need| stopped.get(need)).copied();
                let late = waits.clone().next().is_some() || is_behind;
                let is_open = waits.all(|waits| waits);
                let mut reasons = self.reasons(spec, stage);
                if let Some(path) = what_if.as_ref().filter(|path| self.patterns(spec, stage).contains(*path))
                {
                    reasons.insert(format!("asked for by `-W {path}`"));
                }
                if !late && reasons.is_empty() {
                    continue;
                }
                let is_held = self.is_held(spec, stage);
                let is_gate = self.shape.stages(spec)[stage].by == By::Gate;
                if late {
                    stop = Some(is_open);
                    break;
                }
                if is_held || is_gate || is_parked {
                    expected.kinds.push(match (is_held, is_gate) {
                        (true, _) => "stage: stays held",
                        (_, true) => "stage: waits for a person",
                        _ => "spec: stays parked",
                    });
                    stop = Some(is_gate && !is_held);
                    break;
                }
                let breaks = wish.breaks.filter(|(at, _)| *at == (spec, stage)).map(|(_, how)| how);
                let is_due = self.is_due(spec, stage);
                let edits = match breaks {
                    Some(how) => self.fail(spec, stage, how),
                    None => self.run(spec, stage, wish.luck),
                };
                if !without.is_empty() && breaks.is_none() {
                    expected.kinds.push("spec: goes on without an optional need");
                }
                expected.kinds.push(match breaks {
                    None if edits.is_empty() => "stage: writes nothing",
                    None => "stage: writes",
                    Some(Break::Fails) if self.held.contains_key(&spec) => "stage: is held",
                    Some(Break::Fails) => "stage: fails",
                    Some(Break::Idles) => "stage: does nothing where something is due",
                    Some(Break::Killed) => "build: killed",
                });
                expected.ran.push(Ran { spec, stage, reasons, edits, is_due, breaks });
                if breaks == Some(Break::Killed) {
                    return Expected { stuck: true, ..expected };
                }
                if breaks.is_some() {
                    stop = Some(false);
                    break;
                }
            }
            if stop.is_none() && is_parked && self.branches.contains_key(&spec) {
                stop = Some(false);
                expected.kinds.push("spec: stays parked");
            }
            match stop {
                None => self.land_noting(spec, &mut expected),
                Some(waits) => {
                    // One that will need what has failed is over, even if it waits before that.
                    let needs = self.shape.all_needs(spec);
                    let is_lost = |need: &usize| {
                        stopped.get(need) == Some(&false) && !self.shape.can_do_without(spec, *need)
                    };
                    stopped.insert(spec, waits && !needs.iter().any(is_lost));
                    expected.stuck = true;
                }
            }
        }
        // Which of several landed last is nobody's business.
        if self.landings.len() > landed + 1 {
            self.tip = Tip::Other;
        }
        expected
    }

    fn land_noting(&mut self, spec: usize, expected: &mut Expected) {
        let former = self.result(spec);
        if self.land(spec) {
            expected.kinds.push("spec: lands");
            if former.is_some() && former == self.result(spec) {
                expected.kinds.push("spec: lands the same result");
            }
        }
    }

    /// Whether a spec has nothing left to run, nor anything that it waits for: it lands while others still work.
    fn is_ready_to_land(
        &self,
        spec: usize,
        wish: &Wish,
        wanted: &BTreeSet<usize>,
        what_if: Option<&str>,
    ) -> bool {
        let is_asked = |pattern: &String| Some(pattern.as_str()) == what_if;
        let is_still = |spec: usize| {
            (0..self.shape.stages(spec).len()).all(|stage| {
                self.reasons(spec, stage).is_empty() && !self.patterns(spec, stage).iter().any(is_asked)
            })
        };
        let is_parked = self.shape.specs[spec].parked && !wish.goals.contains(&spec);
        let waited_for = self.shape.all_needs(spec).into_iter().chain(self.shape.afters(spec));
        let mut waited_for = waited_for.filter(|other| wanted.contains(other));
        self.branches.contains_key(&spec)
            && !is_parked
            && is_still(spec)
            && waited_for.all(|other| is_still(other) && !self.branches.contains_key(&other))
    }

    fn void(&mut self, spec: usize) {
        if !self.branches.contains_key(&spec) {
            self.record_adoptions();
            self.arrive(Tip::Other);
        }
        for stage in 0..self.shape.stages(spec).len() {
            let never = Memory {
                at: 0,
                tree: Files::new(),
                texts: BTreeMap::new(),
                names: Vec::new(),
                change: None,
                standing: Standing::Done,
            };
            let memory = self.memories.entry((spec, stage)).or_insert(never);
            memory.standing = Standing::Void("asked for by `-B`".to_owned());
        }
        self.held.remove(&spec);
    }

    /// What it was held at happened otherwise.
    fn release(&mut self, spec: usize, stages: &[usize]) {
        self.held.retain(|held, (at, _)| *held != spec || !stages.contains(at));
    }

    /// The spec is in progress, on what the base is now.
    fn take_base(&mut self, spec: usize) {
        let tree = self.tree(spec);
        let ran = self.branches.remove(&spec).map(|branch| branch.ran).unwrap_or_default();
        self.branches.insert(spec, Branch { fork: self.base.clone(), tree, ran });
    }

    /// Whether a stage that does nothing is found out.
    fn is_due(&self, spec: usize, stage: usize) -> bool {
        let (of, tree) = (&self.shape.stages(spec)[stage], self.tree(spec));
        let text = |pattern: &str| tree.get(&self.shape.path(spec, pattern));
        of.output.is_some_and(|output| text(output).is_none())
            || of.tasks.is_some_and(|tasks| text(tasks).is_some_and(|text| text.contains("[ ]")))
    }

    fn fail(&mut self, spec: usize, stage: usize, how: Break) -> Edits {
        self.take_base(spec);
        self.release(spec, &[stage]);
        if self.shape.holds && how != Break::Killed {
            let texts = self.to_hold(spec, stage);
            let (tree, standing) = (self.tree(spec), Standing::Done);
            self.held.insert(
                spec,
                (stage, Memory { at: self.now, tree, texts, names: self.names(), change: None, standing }),
            );
        }
        Edits::new()
    }

    fn run(&mut self, spec: usize, stage: usize, luck: u16) -> Edits {
        let (texts, names) = (self.texts(spec, stage), self.names());
        self.take_base(spec);
        self.now += 1;
        let edits = self.work(spec, stage, luck);
        let tasks: BTreeSet<String> = self
            .shape
            .stages(spec)
            .iter()
            .filter_map(|s| s.tasks)
            .map(|t| self.shape.path(spec, t))
            .collect();
        let counted: Vec<_> = edits.iter().filter(|(path, _)| !tasks.contains(path)).collect();
        let former = self.memories.get(&(spec, stage)).and_then(|memory| memory.change.clone());
        let change = if counted.is_empty() { former } else { Some(format!("{counted:?}")) };
        let change = change.filter(|_| self.shape.stages(spec)[stage].output.is_none());
        let branch = self.branches.get_mut(&spec).unwrap();
        branch.ran.insert(stage);
        for (path, text) in &edits {
            self.writes.push(crate::model::Write {
                at: self.now,
                path: path.clone(),
                by: Some((spec, stage)),
                landed: None,
            });
            branch.tree.insert(path.clone(), text.clone().unwrap());
        }
        let memory = Memory {
            at: self.now,
            tree: branch.tree.clone(),
            texts,
            names,
            change,
            standing: Standing::Done,
        };
        self.memories.insert((spec, stage), memory);
        self.release(spec, &[stage]);
        edits
    }

    /// What the agent of a stage writes: the same as is there, something else, or a document of before as well.
    fn work(&self, spec: usize, stage: usize, luck: u16) -> Edits {
        let tree = self.tree(spec);
        let of = &self.shape.stages(spec)[stage];
        let draw =
            u32::from(luck).wrapping_mul(2_654_435_761).wrapping_add((spec * 7 + stage) as u32 * 40_503) >> 7;
        let (same, text) = (draw % 8 < 3, draw / 8 % 3);
        let new = |path: &str| format!("{path} {text}\n");
        let mut edits = Edits::new();
        let mut write = |path: String, text: String| edits.push((path, Some(text)));
        if let Some(output) = of.output.map(|output| self.shape.path(spec, output)) {
            if !tree.contains_key(&output) || !same {
                let text = if of.name == "tasks" { format!("- [ ] T001 do {text}\n") } else { new(&output) };
                write(output, text);
            }
            if of.name == "make" && draw / 32 % 2 == 0 && self.may_share(spec, stage) {
                let shared = self.shape.path(spec, "shared/{}.txt");
                write(shared.clone(), new(&shared));
            }
        }
        if let Some(tasks) = of.tasks.map(|tasks| self.shape.path(spec, tasks)) {
            let open = tree.get(&tasks).map_or("- [ ] T001 do it\n", String::as_str);
            let ticked = open.replace("[ ]", "[x]");
            write(tasks, ticked);
            let (code, shared) =
                (self.shape.path(spec, "src/{}.txt"), self.shape.path(spec, "shared/{}.txt"));
            if !same || !tree.contains_key(&code) {
                write(code.clone(), new(&code));
                if draw / 32 % 2 == 0 && self.may_share(spec, stage) {
                    write(shared.clone(), new(&shared));
                }
            }
            let document = self.shape.path(spec, "specs/{}/spec.md");
            if let Some(text) =
                tree.get(&document).filter(|text| draw / 64 % 3 == 0 && !text.ends_with(BUILT))
            {
                write(document, format!("{text}{BUILT}"));
            }
        }
        edits.retain(|(path, text)| tree.get(path) != text.as_ref());
        edits
    }

    /// Whether a stage may write the file that others read. Once a person wrote it, those who are not ordered with
    /// the spec are out of date before it wrote the file anew, and perhaps not behind that.
    fn may_share(&self, spec: usize, stage: usize) -> bool {
        let path = self.shape.path(spec, "shared/{}.txt");
        let is_theirs = self.writes.iter().any(|write| write.by.is_none() && write.path == path);
        let is_ordered = |other: usize| {
            let stages = self.shape.stages(other).iter();
            let mut readers = stages.enumerate().filter(|(_, of)| of.inputs.contains(&"shared/*"));
            let needs = |by: usize, at: usize, on: usize| {
                self.shape.needs(by, at).iter().any(|(need, _)| *need == on)
            };
            readers.all(|(at, _)| needs(other, at, spec) || needs(spec, stage, other))
        };
        !is_theirs || (0..self.shape.specs.len()).all(|other| other == spec || is_ordered(other))
    }

    /// A stage is taken as done as it is.
    pub fn approve(&mut self, spec: usize, stages: &[usize]) {
        let made: Vec<Memory> = (stages.iter())
            .map(|stage| Memory {
                at: self.now + 1,
                tree: self.tree(spec),
                texts: self.texts(spec, *stage),
                names: self.names(),
                change: self.memories.get(&(spec, *stage)).and_then(|memory| memory.change.clone()),
                standing: Standing::Done,
            })
            .collect();
        self.now += 1;
        for (stage, memory) in stages.iter().zip(made) {
            self.memories.insert((spec, *stage), memory);
            if let Some(branch) = self.branches.get_mut(&spec) {
                branch.ran.insert(*stage);
            }
        }
        self.release(spec, stages);
        if !self.branches.contains_key(&spec) {
            self.taken.insert(spec);
            self.record_adoptions();
            self.arrive(Tip::Other);
        }
    }

    /// What is found done by hand of a spec and all that it needs.
    pub fn find(&mut self, spec: usize) {
        self.now += 1;
        self.wanted(&[spec]).into_iter().for_each(|wanted| self.adopt(wanted));
    }

    /// All stages of a spec are taken as done that are not: what one hands on is known of those behind it then.
    pub fn touch(&mut self, spec: usize) {
        let all = 0..self.shape.stages(spec).len();
        for _ in all.clone() {
            let due: Vec<usize> =
                all.clone().filter(|stage| !self.reasons(spec, *stage).is_empty()).collect();
            if !due.is_empty() {
                self.approve(spec, &due);
            }
        }
    }
}
