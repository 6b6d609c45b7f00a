//! The rules of what makes a stage out of date, each in its plainest form.
use crate::model::{Files, Memory, Model, Standing, Write};
use crate::shape::By;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a path is one that a pattern means; a star stands at a pattern's end alone.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(folder) => path.strip_prefix(folder).is_some_and(|rest| !rest.contains('/')),
        None => path == pattern,
    }
}

impl Model {
    /// The patterns whose files a stage is made from: its inputs, and what the stages before hand on.
    pub fn patterns(&self, spec: usize, stage: usize) -> BTreeSet<String> {
        let stages = self.shape.stages(spec);
        let mut all: Vec<&str> = stages[stage].inputs.to_vec();
        all.extend(stages[stage].tasks);
        for before in stages[..stage].iter().rev() {
            all.extend(before.output);
            if before.output.is_some() {
                break;
            }
        }
        all.into_iter().map(|pattern| self.shape.path(spec, pattern)).collect()
    }

    /// The stages without outputs that stand between a stage and the last one with some.
    fn handing(&self, spec: usize, stage: usize) -> impl Iterator<Item = usize> {
        let stages = self.shape.stages(spec);
        (0..stage).rev().take_while(|before| stages[*before].output.is_none())
    }

    /// Whether a stage's last success counts.
    pub fn is_done(&self, spec: usize, stage: usize) -> bool {
        self.memories.get(&(spec, stage)).is_some_and(|m| !matches!(m.standing, Standing::Void(_)))
    }

    /// The texts that a stage is made from, by name.
    pub fn texts(&self, spec: usize, stage: usize) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        if stage == 0 {
            texts.insert("description".to_owned(), self.shape.specs[spec].description.to_string());
        }
        let (by, asked) = (self.shape.stages(spec)[stage].by, self.shape.asked(spec, stage));
        match by {
            By::Agent => texts.insert("prompt".to_owned(), asked),
            By::Command => texts.insert("`run` line".to_owned(), asked),
            By::Gate => None,
        };
        if self.shape.stages(spec)[stage].has_mode() {
            texts.insert("env `MODE`".to_owned(), self.shape.mode.to_string());
        }
        if self.shape.taste_counts && by == By::Agent {
            texts.insert("agent".to_owned(), self.shape.agent.to_string());
            texts.insert("model".to_owned(), self.shape.model.to_string());
        }
        for (need, layer) in self.shape.needs(spec, stage) {
            if let Some(result) = self.result(need) {
                texts.insert(format!("{} {need}", if layer { "layer" } else { "need" }), result);
            }
        }
        for before in self.handing(spec, stage) {
            let name = self.shape.stages(spec)[before].name;
            if let Some(change) = self.memories.get(&(spec, before)).and_then(|m| m.change.clone())
                && self.is_done(spec, before)
            {
                texts.insert(format!("change {name}"), change);
            }
        }
        texts
    }

    /// What a stage is held against: as which of both a spec is needed is nobody's business there.
    pub fn to_hold(&self, spec: usize, stage: usize) -> BTreeMap<String, String> {
        let texts = self.texts(spec, stage).into_iter();
        texts.map(|(name, text)| (name.replace("layer ", "need "), text)).collect()
    }

    /// Whether a spec is held at a stage, and that still stands.
    pub fn is_held(&self, spec: usize, stage: usize) -> bool {
        self.held.get(&spec).is_some_and(|(at, then)| {
            let is_dirty = |pattern: &String| !self.dirty_files(spec, stage, then, pattern).is_empty();
            *at == stage
                && self.to_hold(spec, stage) == then.texts
                && !self.patterns(spec, stage).iter().any(is_dirty)
        })
    }

    /// Whether a stage of a spec may be put out of date by a write.
    fn counts(&self, write: &Write, spec: usize, stage: usize, memory: &Memory) -> bool {
        let is_by_hand = matches!(memory.standing, Standing::Adopted { .. });
        let knows = |need: usize| {
            let names = [format!("layer {need}"), format!("need {need}")];
            memory.texts.keys().any(|name| names.contains(name))
        };
        match write.by {
            None => write.at > memory.at,
            Some((by, at)) if by == spec => {
                // What was done by hand was found on the base, where a branch's writes are not.
                let is_later = is_by_hand && write.landed.is_none_or(|landed| landed > memory.at);
                at < stage && (is_later || write.at > memory.at)
            }
            Some((by, _)) => {
                let mut needs = self.shape.needs(spec, stage).into_iter();
                needs.any(|(need, layer)| need == by && (!layer || knows(need)))
                    && write.landed.is_some_and(|landed| landed > memory.at)
            }
        }
    }

    /// The trees as which a file may stand: as the stage, a later one or a landing of the spec left it.
    fn lefts<'m>(&'m self, spec: usize, stage: usize, memory: &'m Memory) -> Vec<&'m Files> {
        let later = (stage + 1..self.shape.stages(spec).len()).filter(|later| self.is_done(spec, *later));
        let later = later.map(|later| &self.memories[&(spec, later)]);
        let later = later.filter(|later| later.at > memory.at && later.standing == Standing::Done);
        let later = later.map(|later| &later.tree);
        let landed = self.landings.iter().filter(|l| l.spec == spec && l.at > memory.at && !l.reverted);
        std::iter::once(&memory.tree).chain(later).chain(landed.map(|landing| &landing.after)).collect()
    }

    /// The files of a pattern that put a stage out of date.
    fn dirty_files(&self, spec: usize, stage: usize, memory: &Memory, pattern: &str) -> BTreeSet<&String> {
        let tree = self.tree(spec);
        let lefts = self.lefts(spec, stage, memory);
        let is_dirty = |path: &&String| {
            let stands = lefts.iter().any(|left| left.get(*path) == tree.get(*path));
            matches(pattern, path) && !stands
        };
        let written = self.writes.iter().filter(|write| self.counts(write, spec, stage, memory));
        written.map(|write| &write.path).filter(is_dirty).collect()
    }

    /// Why a stage is out of date; nothing if it is not.
    pub fn reasons(&self, spec: usize, stage: usize) -> BTreeSet<String> {
        let mut reasons = BTreeSet::new();
        let memory = match self.memories.get(&(spec, stage)) {
            None => return BTreeSet::from(["never ran".to_owned()]),
            Some(Memory { standing: Standing::Void(why), .. }) => return BTreeSet::from([why.clone()]),
            Some(memory) => memory,
        };
        let tree = self.tree(spec);
        for pattern in self.patterns(spec, stage) {
            let dirty = self.dirty_files(spec, stage, memory, &pattern);
            if !dirty.is_empty() {
                let alone = dirty.len() == 1 && dirty.first() == Some(&&pattern);
                let shown: Vec<&str> = dirty.iter().take(3).map(|path| path.as_str()).collect();
                let more = match dirty.len() - shown.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let files = if alone { String::new() } else { format!(" ({}{more})", shown.join(", ")) };
                reasons.insert(format!("input `{pattern}` changed{files}"));
            }
        }
        reasons.extend(self.other_texts(spec, stage, memory));
        if let Some(output) = self.shape.stages(spec)[stage].output.map(|o| self.shape.path(spec, o)) {
            let removed = |w: &&Write| w.by.is_none() && w.at > memory.at && w.path == output;
            if !tree.contains_key(&output) && self.writes.iter().any(|write| removed(&write)) {
                reasons.insert(format!("output `{output}` was removed"));
            }
        }
        reasons
    }

    fn other_texts(&self, spec: usize, stage: usize, memory: &Memory) -> BTreeSet<String> {
        let mut reasons = BTreeSet::new();
        let now = self.texts(spec, stage);
        let adopted = matches!(memory.standing, Standing::Adopted { .. });
        let name = |key: &str| match key.split_once(' ') {
            Some(("need" | "layer", at)) => self.shape.specs[at.parse::<usize>().unwrap()].name.clone(),
            Some((_, name)) => name.to_owned(),
            None => String::new(),
        };
        let words = |key: &str| match key.split_once(' ') {
            Some(("need" | "layer", _)) => format!("`{}` landed a different result", name(key)),
            Some(("change", stage)) => format!("`{stage}` changed something else"),
            _ => format!("{key} changed"),
        };
        let twin = |key: &str| match key.split_once(' ') {
            Some(("need", at)) => format!("layer {at}"),
            Some(("layer", at)) => format!("need {at}"),
            _ => key.to_owned(),
        };
        let may_lack = |key: &str| key.starts_with("layer ") || key == "agent" || key == "model";
        for (key, text) in &now {
            let then = memory.texts.get(key).or_else(|| memory.texts.get(&twin(key)));
            match then {
                Some(then) if then == text => {}
                // Made by hand: from nobody's words, and knowing what was landed then.
                _ if adopted && key.starts_with("change ") => {
                    let name = name(key);
                    let before = self.shape.stages(spec).iter().position(|stage| stage.name == name).unwrap();
                    if self.memories[&(spec, before)].at > memory.at {
                        reasons.insert(words(key));
                    }
                }
                Some(_) if adopted && !key.starts_with("need ") && !key.starts_with("layer ") => {}
                None if adopted => {}
                Some(_) => {
                    reasons.insert(words(key));
                }
                None if may_lack(key) => {}
                None => {
                    let kind = key.split(' ').next().unwrap();
                    reasons.insert(format!("{kind} `{}` is new", name(key)));
                }
            }
        }
        for key in memory.texts.keys().filter(|key| !adopted && !may_lack(key)) {
            let waits = key.strip_prefix("change ").is_some_and(|name| {
                let before = self.shape.stages(spec).iter().position(|stage| stage.name == name);
                before.is_some_and(|before| !self.is_done(spec, before))
            });
            if !now.contains_key(key) && !now.contains_key(&twin(key)) && !waits {
                let kind = key.split(' ').next().unwrap();
                let name = match key.split_once(' ') {
                    Some(("need" | "layer", at)) => memory.names[at.parse::<usize>().unwrap()].clone(),
                    _ => name(key),
                };
                reasons.insert(format!("{kind} `{name}` is gone"));
            }
        }
        reasons
    }
}
