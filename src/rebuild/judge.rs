//! The verdict: the difference between the ingredients a trace names and those of today.
use super::history::Seq;
use super::ingredient::{Key, Kind};
use super::line::{Last, Line};
use super::mark::{How, LANDING, Stamps, Trace};
use super::rename::{former_path, former_pattern};
use super::result::{had_result, result_as_of};
use super::tree::{Tree, Trees, Unreadable, stamp_of};
use crate::base::{Oid, Reason, SpecName, StageName, Stamp};
use crate::event::{Done, Verdict};
use crate::model::{Pattern, Spec, Stage, Work};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A need that counts for a stage, as it stands today.
#[derive(Debug, Clone)]
pub struct NeedNow<'a> {
    /// The spec that is needed.
    pub spec: &'a Spec,
    /// Whether a layer asks for it.
    pub via_layer: bool,
    /// Its result, unless it has none yet.
    pub result: Option<Stamp>,
}

impl NeedNow<'_> {
    fn key(&self) -> Key {
        Key::new(if self.via_layer { Kind::LayerNeed } else { Kind::Need }, self.spec.name.as_str())
    }

    fn is_called(&self, name: &SpecName) -> bool {
        self.spec.name == *name || self.spec.was.as_ref() == Some(name)
    }
}

/// Everything a verdict on one stage is taken from.
pub struct Question<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// The position of the stage in it.
    pub stage: usize,
    /// The history it sees.
    pub line: &'a Line<'a>,
    /// The tree it would run on.
    pub tree: &'a Tree,
    /// Contents of other trees.
    pub trees: &'a dyn Trees,
    /// The needs that count from this stage on.
    pub needs: &'a [NeedNow<'a>],
    /// Whether the agent as declared is an ingredient.
    pub agent_counts: bool,
    /// Whether the model as declared is one.
    pub model_counts: bool,
    /// Files that count as just changed (`-W`).
    pub what_if: &'a [String],
}

/// A verdict and what it was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Up to date or out of date.
    pub verdict: Verdict,
    /// The commit of the trace it was compared with: what people changed since then explains a re-run.
    pub since: Option<Oid>,
    /// The change that the last trace handed on.
    pub former_change: Option<Stamp>,
}

/// What an ingredient is made of.
pub(super) enum Ingredient<'a> {
    Value(Stamp),
    Files(&'a Pattern),
}

impl<'a> Question<'a> {
    pub(super) fn stage(&self) -> &'a Stage {
        &self.spec.stages[self.stage]
    }

    pub(super) fn names(&self) -> Vec<&'a SpecName> {
        std::iter::once(&self.spec.name).chain(self.spec.was.as_ref()).collect()
    }

    /// The manifest, one key after the other; one walk for stamp and explanation.
    pub(super) fn ingredients(&self) -> BTreeMap<Key, Ingredient<'a>> {
        let stage = self.stage();
        let mut all = BTreeMap::new();
        let text = |text: &str| Ingredient::Value(Stamp::of(text.as_bytes()));
        if let (Some(description), true) = (&self.spec.description, stage.waits_for.is_empty()) {
            all.insert(Key::new(Kind::Description, ""), text(description));
        }
        match &stage.work {
            Work::Agent { prompt, .. } if prompt.is_ingredient() => {
                all.insert(Key::new(Kind::Prompt, ""), text(&prompt.text));
            }
            Work::Run { line } => {
                all.insert(Key::new(Kind::Run, ""), text(line));
            }
            Work::Agent { .. } | Work::Gate => {}
        }
        if let Some(when) = &stage.when {
            all.insert(Key::new(Kind::When, ""), text(when));
        }
        for (name, value) in &stage.symbolic_env {
            all.insert(Key::new(Kind::Env, name), text(value));
        }
        if let Some((agent, model)) = &stage.declared_agent {
            if self.agent_counts {
                all.insert(Key::new(Kind::Agent, ""), text(agent.as_str()));
            }
            if self.model_counts {
                all.insert(Key::new(Kind::Model, ""), text(model.as_deref().unwrap_or_default()));
            }
        }
        for need in self.needs {
            if let Some(result) = need.result {
                all.insert(need.key(), Ingredient::Value(result));
            }
        }
        self.insert_handed_on(self.stage, &mut all);
        for pattern in stage.inputs.iter().chain(stage.tasks.iter().map(|tasks| &tasks.file)) {
            all.remove(&Key::new(Kind::Output, pattern.symbolic()));
            all.insert(Key::new(Kind::Input, pattern.symbolic()), Ingredient::Files(pattern));
        }
        all
    }

    /// What the stages before hand on: their outputs, or what came before them plus their change.
    fn insert_handed_on(&self, position: usize, all: &mut BTreeMap<Key, Ingredient<'a>>) {
        for before in &self.spec.stages[position].waits_for {
            let stage = &self.spec.stages[*before];
            for output in &stage.outputs {
                all.insert(Key::new(Kind::Output, output.symbolic()), Ingredient::Files(output));
            }
            if !stage.outputs.is_empty() {
                continue;
            }
            if let Last::Done { trace: Trace { change: Some(change), .. }, .. } =
                self.line.last(&self.names(), &stage.name)
            {
                all.insert(Key::new(Kind::Change, stage.name.as_str()), Ingredient::Value(*change));
            }
            self.insert_handed_on(*before, all);
        }
    }

    /// Whether a write counts for this stage: a person's, an earlier stage's, or that of a spec it needs; of one
    /// needed through a layer, only if it was known then.
    pub(super) fn counts(&self, seq: Seq, since: &Since<'_>) -> bool {
        let commit = self.line.commit(seq);
        if commit.is_persons() {
            return true;
        }
        let names = self.names();
        commit.marks.iter().any(|mark| {
            let spec = mark.spec();
            if names.contains(&spec) {
                return mark_stages(mark).iter().any(|stage| since.before.contains(stage));
            }
            let mut needs = self.needs.iter().filter(|need| need.is_called(spec));
            needs.any(|need| !need.via_layer || self.knew(need, since))
        })
    }

    /// Whether a need was there when the stage was last done. By hand it was made with all that was landed then.
    fn knew(&self, need: &NeedNow<'_>, since: &Since<'_>) -> bool {
        match since.trace {
            None => true,
            Some(trace) if trace.how == How::Adopted => {
                had_result(need.spec, self.line, &|seq| self.line.is_ancestor(seq, since.seq))
            }
            Some(trace) => recorded(trace, self, &need.key()).is_some(),
        }
    }

    /// The commits as which a file may stand without counting: as this stage, a later one or the landing left it.
    fn lefts(&self, since: &Since<'_>) -> Vec<Oid> {
        let names = self.names();
        let later = self.spec.stages.iter().filter(|stage| !since.before.contains(&stage.name));
        let later = later.filter_map(|stage| match self.line.last(&names, &stage.name) {
            // What was done by hand was done by nobody who read what is there.
            Last::Done { trace, since } if trace.how != How::Adopted && self.has_base(trace, since) => {
                Some(since)
            }
            _ => None,
        });
        let landed = names.iter().flat_map(|name| self.line.standing_landings(name)).map(|(seq, _)| seq);
        let mut seqs: Vec<Seq> = later.chain(landed).filter(|seq| *seq > since.seq).collect();
        seqs.push(since.seq);
        seqs.sort_unstable();
        seqs.dedup();
        seqs.into_iter().map(|seq| self.line.commit(seq).oid).collect()
    }

    /// Whether a commit has all that its trace speaks of: a person's word is said of what the base has too, which the
    /// branch may not have taken in yet.
    fn has_base(&self, trace: &Trace, since: Seq) -> bool {
        let base = trace.at.and_then(|at| self.line.seq(at));
        base.is_none_or(|base| self.line.is_ancestor(base, since))
    }

    /// The files of a pattern that put the stage out of date.
    pub(super) fn dirty_files(
        &self,
        key: &Key,
        pattern: &Pattern,
        since: &Since<'_>,
    ) -> Result<BTreeSet<Arc<str>>, Unreadable> {
        let written: BTreeSet<Arc<str>> = self
            .line
            .writers(pattern)
            .filter(|(_, seq)| self.counts(*seq, since) && !since.has(self.line, *seq))
            .map(|(path, _)| path)
            .collect();
        let mut dirty = BTreeSet::new();
        if written.is_empty() {
            return Ok(dirty);
        }
        let mut lefts = self.lefts(since);
        if let Some(word) = self.word(key, since) {
            if word == stamp_of(self.tree, pattern, self.trees)? {
                return Ok(dirty);
            }
            let commit = self.line.commit(since.seq).oid;
            let then = self.trees.tree(commit)?;
            let former = former_pattern(self.spec, pattern);
            let mut stamps = std::iter::once(pattern).chain(&former).map(|p| stamp_of(&then, p, self.trees));
            if !stamps.any(|stamp| stamp.is_ok_and(|stamp| stamp == word)) {
                lefts.retain(|left| *left != commit);
            }
        }
        for path in written {
            if !self.stands_as_left(&path, &lefts)? {
                dirty.insert(path);
            }
        }
        Ok(dirty)
    }

    /// The content that a person took the stage as done with, if they did: their word may stand on a commit that does
    /// not have it yet, as that of a gate does whose input changed on the base.
    fn word(&self, key: &Key, since: &Since<'_>) -> Option<Stamp> {
        let trace = since.trace.filter(|trace| matches!(trace.how, How::Approved | How::Touched))?;
        recorded(trace, self, key).filter(|stamps| stamps.left.is_none()).map(|stamps| stamps.seen)
    }

    fn stands_as_left(&self, path: &str, lefts: &[Oid]) -> Result<bool, Unreadable> {
        let now = self.tree.file(path);
        let former = former_path(self.spec, path);
        for commit in lefts {
            let left = match (self.trees.file(*commit, path)?, &former) {
                (None, Some(former)) => self.trees.file(*commit, former)?,
                (left, _) => left,
            };
            if left == now {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an ingredient is only missing because the stage that hands it on has to run first.
    fn will_hand_on(&self, key: &Key) -> bool {
        key.kind == Kind::Change
            && self.spec.stages.iter().any(|stage| {
                stage.name.as_str() == key.name
                    && !matches!(self.line.last(&self.names(), &stage.name), Last::Done { .. })
            })
    }

    /// Reasons from needs for a stage that was adopted: what they landed since then.
    fn needs_since(&self, since: Seq) -> Result<Vec<Reason>, Unreadable> {
        let mut reasons = Vec::new();
        for need in self.needs {
            let names: Vec<&SpecName> =
                std::iter::once(&need.spec.name).chain(need.spec.was.as_ref()).collect();
            if self.line.is_all_behind(&names, since) {
                continue;
            }
            let then =
                result_as_of(need.spec, self.line, self.trees, &|seq| self.line.is_ancestor(seq, since))?;
            if then.is_some() && need.result.is_some() && then != need.result {
                reasons.push(Reason::NeedLanded { spec: need.spec.name.clone() });
            }
        }
        Ok(reasons)
    }

    fn differences(&self, trace: &Trace, seq: Seq) -> Result<Vec<Reason>, Unreadable> {
        let since = Since::new(self, Some(trace), seq);
        let is_adopted = trace.how == How::Adopted;
        let mut reasons = Vec::new();
        let now = self.ingredients();
        for (key, ingredient) in &now {
            match ingredient {
                Ingredient::Files(pattern) => {
                    if !is_adopted && recorded(trace, self, key).is_none() {
                        reasons.push(added(key));
                        continue;
                    }
                    let mut dirty = self.dirty_files(key, pattern, &since)?;
                    dirty.extend(self.slipped_in(key, pattern, &since)?);
                    if !dirty.is_empty() {
                        reasons.push(Reason::Changed {
                            ingredient: key.kind.noun().to_owned(),
                            name: pattern.resolved().to_owned(),
                            paths: dirty.iter().map(ToString::to_string).collect(),
                        });
                    }
                }
                Ingredient::Value(_) if is_adopted => {
                    if self.changed_behind(key, seq) {
                        reasons.push(changed(key));
                    }
                }
                Ingredient::Value(stamp) => match recorded(trace, self, key) {
                    Some(then) if then.seen == *stamp => {}
                    Some(_) => reasons.push(changed(key)),
                    None if key.kind.is_optional() => {}
                    None => reasons.push(added(key)),
                },
            }
        }
        if is_adopted {
            reasons.extend(self.needs_since(seq)?);
        } else {
            let gone = trace.ingredients.keys().filter(|key| !key.kind.is_optional());
            let gone = gone.filter(|key| !self.is_there(&now, key));
            let gone = gone.filter(|key| !self.will_hand_on(key));
            reasons.extend(gone.map(removed));
        }
        reasons.extend(self.removed_outputs(&since));
        Ok(reasons)
    }

    /// Whether an ingredient of a trace is one of today's, if only under another kind or name.
    fn is_there(&self, now: &BTreeMap<Key, Ingredient<'_>>, then: &Key) -> bool {
        now.contains_key(then)
            || twin(then).is_some_and(|twin| now.contains_key(&twin))
            || self.needs.iter().any(|need| {
                let was = need.spec.was.as_ref().is_some_and(|was| was.as_str() == then.name);
                was && matches!(then.kind, Kind::Need | Kind::LayerNeed) && now.contains_key(&need.key())
            })
    }

    /// Whether what a stage hands on is of a run that came after an adoption.
    fn changed_behind(&self, key: &Key, adopted: Seq) -> bool {
        let is_it = |stage: &&Stage| key.kind == Kind::Change && stage.name.as_str() == key.name;
        let Some(stage) = self.spec.stages.iter().find(is_it) else { return false };
        match self.line.last(&self.names(), &stage.name) {
            Last::Done { since, .. } => !self.line.is_ancestor(since, adopted),
            _ => false,
        }
    }
}

/// What a stage is compared with: a commit, the trace in it if it is one of a success, and the stages before it.
pub(super) struct Since<'a> {
    pub trace: Option<&'a Trace>,
    pub seq: Seq,
    /// The commit of the base that a person's word was said on, besides.
    base: Option<Seq>,
    pub before: BTreeSet<&'a StageName>,
}

impl<'a> Since<'a> {
    pub(super) fn new(question: &Question<'a>, trace: Option<&'a Trace>, seq: Seq) -> Self {
        let positions = question.spec.before(question.stage);
        let word = trace.filter(|trace| trace.how != How::Adopted);
        let base = word.and_then(|trace| question.line.seq(trace.at?));
        Self { trace, seq, base, before: positions.iter().map(|p| &question.spec.stages[*p].name).collect() }
    }

    /// Whether a commit came before.
    pub(super) fn has(&self, line: &Line<'_>, seq: Seq) -> bool {
        line.is_ancestor(seq, self.seq) || self.base.is_some_and(|base| line.is_ancestor(seq, base))
    }
}

fn mark_stages(mark: &super::mark::Mark) -> Vec<&StageName> {
    use super::mark::Mark;
    match mark {
        Mark::Trace(trace) if trace.how == How::Adopted => Vec::new(),
        Mark::Trace(trace) => trace.stages.iter().filter(|s| s.as_str() != LANDING).collect(),
        Mark::Attempt { stage, .. } => vec![stage],
        Mark::Void { .. } => Vec::new(),
    }
}

/// The same under the other kind: an output handed on that became a declared input, a spec needed through its
/// layer that is now needed by name, or the reverse.
fn twin(key: &Key) -> Option<Key> {
    let kind = match key.kind {
        Kind::Input => Kind::Output,
        Kind::Output => Kind::Input,
        Kind::Need => Kind::LayerNeed,
        Kind::LayerNeed => Kind::Need,
        _ => return None,
    };
    Some(Key::new(kind, key.name.clone()))
}

/// What a trace says of an ingredient, if only under another kind or under a need's former name.
pub(super) fn recorded<'a>(trace: &'a Trace, question: &Question<'_>, key: &Key) -> Option<&'a Stamps> {
    let find = |key: &Key| {
        let here = trace.ingredients.get(key);
        here.or_else(|| twin(key).and_then(|twin| trace.ingredients.get(&twin)))
    };
    let renamed = || {
        let is_it = |need: &&NeedNow<'_>| need.key() == *key;
        let was = question.needs.iter().find(is_it)?.spec.was.as_ref()?;
        find(&Key::new(key.kind, was.as_str()))
    };
    find(key).or_else(renamed)
}

fn added(key: &Key) -> Reason {
    Reason::Added { ingredient: key.kind.noun().to_owned(), name: key.name.clone() }
}

fn removed(key: &Key) -> Reason {
    Reason::Removed { ingredient: key.kind.noun().to_owned(), name: key.name.clone() }
}

fn changed(key: &Key) -> Reason {
    match key.kind {
        Kind::Need | Kind::LayerNeed => match SpecName::new(&key.name) {
            Ok(spec) => Reason::NeedLanded { spec },
            Err(_) => added(key),
        },
        Kind::Change => match StageName::new(&key.name) {
            Ok(stage) => Reason::StageChanged { stage },
            Err(_) => added(key),
        },
        kind => {
            Reason::Changed { ingredient: kind.noun().to_owned(), name: key.name.clone(), paths: Vec::new() }
        }
    }
}

/// Judges a stage.
///
/// # Errors
/// When a tree or blob cannot be read.
pub fn judge(question: &Question<'_>) -> Result<Judged, Unreadable> {
    let stage = question.stage();
    let mut reasons = asked(question);
    let mut since_oid = None;
    let mut former_change = None;
    let mut how = Done::UpToDate;
    match question.line.last(&question.names(), &stage.name) {
        Last::Never => reasons.push(Reason::NeverRan),
        Last::Voided { why, former } => {
            reasons.push(Reason::Voided { why });
            former_change = former.and_then(|trace| trace.change);
        }
        Last::Done { trace, since } => {
            since_oid = Some(question.line.commit(since).oid);
            former_change = trace.change;
            how = trace.how.done();
            reasons.extend(question.differences(trace, since)?);
            if question.line.is_unfinished(&question.names(), &stage.name, since) {
                reasons.push(Reason::Unfinished);
            }
        }
    }
    let verdict = if reasons.is_empty() { Verdict::UpToDate { how } } else { Verdict::OutOfDate { reasons } };
    Ok(Judged { verdict, since: since_oid, former_change })
}

fn asked(question: &Question<'_>) -> Vec<Reason> {
    if question.what_if.is_empty() {
        return Vec::new();
    }
    let ingredients = question.ingredients();
    let is_ingredient = |file: &str| {
        ingredients.values().any(|i| matches!(i, Ingredient::Files(pattern) if pattern.matches(file)))
    };
    question
        .what_if
        .iter()
        .filter(|file| is_ingredient(file))
        .map(|file| Reason::Asked { flag: format!("-W {file}") })
        .collect()
}
