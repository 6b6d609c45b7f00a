//! The history that one spec sees: the base's, and behind it its own branch's.
use super::commit::Commit;
use super::history::{History, Seq};
use super::mark::{How, LANDING, Mark, Trace};
use crate::base::{Oid, SpecName, StageName, Stamp};
use crate::model::{FailureClass, Pattern};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The base's history and the commits of a branch that the base does not have.
#[derive(Debug)]
pub struct Line<'a> {
    base: &'a History,
    branch: Vec<Commit>,
    branch_parents: Vec<Vec<Seq>>,
    branch_seqs: HashMap<Oid, Seq>,
}

/// What the journal last says of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Last<'a> {
    /// Nothing.
    Never,
    /// It was done.
    Done {
        /// Its trace.
        trace: &'a Trace,
        /// The commit that "since then" counts from.
        since: Seq,
    },
    /// It was done, and that no longer counts.
    Voided {
        /// Why, as a predicate.
        why: String,
        /// The trace that no longer counts.
        former: Option<&'a Trace>,
    },
}

/// A spec that stopped until a person does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The stage it stopped at, [`LANDING`] for its landing.
    pub stage: StageName,
    /// Against which manifest.
    pub manifest: Stamp,
    /// The commit that says so.
    pub since: Seq,
    /// The class of the failure.
    pub class: Option<FailureClass>,
    /// One sentence.
    pub why: String,
}

impl Held {
    /// What stands for the manifest where a person stopped the whole spec, whatever changes.
    pub fn until_retry() -> Stamp {
        Stamp::of(b"until retry")
    }

    /// Whether a person stopped the whole spec.
    pub fn is_by_hand(&self) -> bool {
        self.manifest == Self::until_retry()
    }
}

impl<'a> Line<'a> {
    /// The line of a base and of what its branch has beyond it, oldest first.
    pub fn new(base: &'a History, branch: Vec<Commit>) -> Self {
        let mut line =
            Self { base, branch: Vec::new(), branch_parents: Vec::new(), branch_seqs: HashMap::new() };
        for commit in branch {
            if line.seq(commit.oid).is_some() {
                continue;
            }
            let parents = commit.parents.iter().filter_map(|p| line.seq(*p)).collect();
            line.branch_seqs.insert(commit.oid, base.len() + line.branch.len());
            line.branch_parents.push(parents);
            line.branch.push(commit);
        }
        line
    }

    /// The position of a commit, if it is on the line.
    pub fn seq(&self, oid: Oid) -> Option<Seq> {
        self.base.seq(oid).or_else(|| self.branch_seqs.get(&oid).copied())
    }

    /// The commit at a position of this line.
    pub fn commit(&self, seq: Seq) -> &Commit {
        match seq.checked_sub(self.base.len()) {
            None => &self.base.commits()[seq],
            Some(own) => &self.branch[own],
        }
    }

    /// What the branch has beyond the base.
    pub fn branch(&self) -> &[Commit] {
        &self.branch
    }

    fn parents(&self, seq: Seq) -> &[Seq] {
        match seq.checked_sub(self.base.len()) {
            None => self.base.parents(seq),
            Some(own) => &self.branch_parents[own],
        }
    }

    /// Whether one commit is another or among its ancestors.
    pub fn is_ancestor(&self, ancestor: Seq, of: Seq) -> bool {
        if ancestor >= of {
            return ancestor == of;
        }
        if of < self.base.len() {
            return self.base.is_ancestor(ancestor, of);
        }
        let mut seen = HashSet::new();
        let mut left = vec![of];
        while let Some(seq) = left.pop() {
            let (own, of_base): (Vec<Seq>, Vec<Seq>) =
                self.parents(seq).iter().copied().partition(|parent| *parent >= self.base.len());
            if own.contains(&ancestor) || of_base.iter().any(|seq| self.is_ancestor(ancestor, *seq)) {
                return true;
            }
            left.extend(own.into_iter().filter(|seq| *seq > ancestor && seen.insert(*seq)));
        }
        false
    }

    /// Whether all that was ever done of a spec lies behind a commit.
    pub(super) fn is_all_behind(&self, names: &[&SpecName], of: Seq) -> bool {
        names.iter().flat_map(|name| self.marks(name)).all(|(seq, mark)| {
            let done = match mark {
                Mark::Trace(trace) => self.since(seq, trace),
                Mark::Void { .. } | Mark::Attempt { .. } => None,
            };
            let behind = |other: Seq| self.is_ancestor(other, of);
            let stood = self.taken_back_as_of(seq, &behind).is_none();
            done.is_none_or(behind) && stood == self.taken_back(seq).is_none()
        })
    }

    /// All marks of a spec, oldest first; a branch's stand behind the base's.
    fn marks<'s>(&'s self, spec: &'s SpecName) -> impl Iterator<Item = (Seq, &'s Mark)> {
        let own = self.branch.iter().enumerate().flat_map(move |(at, commit)| {
            let seq = self.base.len() + at;
            commit.marks.iter().filter(move |mark| mark.spec() == spec).map(move |mark| (seq, mark))
        });
        self.base.marks(spec).chain(own)
    }

    /// What the journal last says of a stage; `names` are the spec's name and its former ones.
    pub fn last<'s>(&'s self, names: &[&'s SpecName], stage: &StageName) -> Last<'s> {
        let mut last = Last::Never;
        // Where the mark stands, and the commit that it speaks of.
        let mut last_at = None;
        // The last success; of a former name's, that comes behind what is told of the present one.
        let mut former: Option<(Seq, &Trace)> = None;
        for (seq, mark) in names.iter().flat_map(|name| self.marks(name)) {
            let (next, speaks_of) = match mark {
                Mark::Trace(trace) if trace.stages.contains(stage) => {
                    let Some(since) = self.since(seq, trace) else { continue };
                    (Last::Done { trace, since }, since)
                }
                // One that a revert of a revert takes back voids no more.
                Mark::Void { stage: voided, .. } if voided == stage && self.taken_back(seq).is_some() => {
                    continue;
                }
                Mark::Void { stage: voided, why, .. } if voided == stage => {
                    (Last::Voided { why: why.clone(), former: None }, seq)
                }
                _ => continue,
            };
            if let Last::Done { trace, .. } = next
                && former.is_none_or(|(at, _)| speaks_of >= at)
            {
                former = Some((speaks_of, trace));
            }
            if last_at.is_some_and(|(_, at)| speaks_of < at) {
                continue;
            }
            last = next;
            last_at = Some((seq, speaks_of));
        }
        let former = former.map(|(_, trace)| trace);
        if let Last::Voided { former: known, .. } = &mut last {
            *known = former;
        }
        let (Last::Done { trace, .. }, Some((at, _))) = (&last, last_at) else { return last };
        // The line of an adoption only rides along on a commit: who takes that back says nothing of it.
        if trace.how == How::Adopted {
            return last;
        }
        match self.taken_back(at) {
            Some(reverter) => {
                let why = format!("reverted by `{}`", self.commit(reverter).oid.short());
                Last::Voided { why, former }
            }
            None => last,
        }
    }

    /// What "since then" counts from, and where a trace stands among others: an adoption's commit is the one it
    /// was judged on, since its line rides along on a later one.
    fn since(&self, seq: Seq, trace: &Trace) -> Option<Seq> {
        if trace.how != How::Adopted {
            return Some(seq);
        }
        self.seq(trace.at?)
    }

    fn taken_back(&self, at: Seq) -> Option<Seq> {
        self.taken_back_as_of(at, &|_| true)
    }

    /// The commit, among those that count, that takes back what the commit at `at` says: a revert of itself, or of a
    /// merge that brought it.
    fn taken_back_as_of(&self, at: Seq, counts: &dyn Fn(Seq) -> bool) -> Option<Seq> {
        let brought_it = |seq: &Seq| *seq == at || (self.parents(*seq).len() > 1 && self.brought(*seq, at));
        let by_branch =
            self.branch.iter().flat_map(|commit| &commit.reverts).filter_map(|oid| self.seq(*oid));
        self.base
            .reverted_from(at)
            .chain(by_branch.filter(|seq| *seq >= at))
            .filter(brought_it)
            .find_map(|seq| self.reverter(seq, counts))
    }

    /// Whether a merge brought a commit: it is behind it, and not behind its first parent.
    fn brought(&self, merge: Seq, commit: Seq) -> bool {
        let before = self.parents(merge).first();
        self.is_ancestor(commit, merge) && !before.is_some_and(|base| self.is_ancestor(commit, *base))
    }

    /// Whether a commit brought another one, or is it.
    pub fn brought_or_is(&self, merge: Seq, commit: Seq) -> bool {
        merge == commit || (self.parents(merge).len() > 1 && self.brought(merge, commit))
    }

    /// The merge that brought the line which a commit was made on, the innermost one; none for a commit that was
    /// made where everything else was.
    pub fn bringer(&self, commit: Seq) -> Option<Seq> {
        let mut tip = self.base.len().checked_sub(1)?;
        let mut bringer = None;
        loop {
            // The oldest of the first parents that has it.
            let mut at = tip;
            while let Some(before) = self.parents(at).first().filter(|one| self.is_ancestor(commit, **one)) {
                at = *before;
            }
            if at == commit {
                return bringer;
            }
            bringer = Some(at);
            tip = *self.parents(at).get(1).filter(|one| self.is_ancestor(commit, **one))?;
        }
    }

    /// The revert of a commit that still stands among those that count, if there is one.
    fn reverter(&self, seq: Seq, counts: &dyn Fn(Seq) -> bool) -> Option<Seq> {
        let oid = self.commit(seq).oid;
        let own = self.branch.iter().enumerate().filter(|(_, c)| c.reverts.contains(&oid));
        let own = own.map(|(at, _)| self.base.len() + at);
        let mut reverters = self.base.reverters(oid).iter().copied().chain(own);
        reverters.find(|by| *by > seq && counts(*by) && self.reverter(*by, counts).is_none())
    }

    fn landings<'s>(&'s self, spec: &'s SpecName) -> impl Iterator<Item = (Seq, &'s Trace)> {
        self.marks(spec).filter_map(|(seq, mark)| match mark {
            Mark::Trace(trace) if trace.stages.iter().any(|s| s.as_str() == LANDING) => Some((seq, trace)),
            _ => None,
        })
    }

    /// The landings of a spec that no revert takes back, oldest first.
    pub fn standing_landings<'s>(&'s self, spec: &'s SpecName) -> impl Iterator<Item = (Seq, &'s Trace)> {
        self.standing_landings_as_of(spec, &|_| true)
    }

    /// [`Self::standing_landings`], of the part of history that `counts`.
    pub(super) fn standing_landings_as_of<'s>(
        &'s self,
        spec: &'s SpecName,
        counts: &'s dyn Fn(Seq) -> bool,
    ) -> impl Iterator<Item = (Seq, &'s Trace)> {
        let stands = |seq| counts(seq) && self.taken_back_as_of(seq, counts).is_none();
        self.landings(spec).filter(move |(seq, _)| stands(*seq))
    }

    /// The commits that carry traces of a spec's stages and that no revert takes back, oldest first.
    pub fn traced<'s>(&'s self, spec: &'s SpecName) -> impl Iterator<Item = Seq> {
        self.traced_as_of(spec, &|_| true)
    }

    /// [`Self::traced`], of the part of history that `counts`.
    pub(super) fn traced_as_of<'s>(
        &'s self,
        spec: &'s SpecName,
        counts: &'s dyn Fn(Seq) -> bool,
    ) -> impl Iterator<Item = Seq> {
        let is_stage = |trace: &Trace| trace.stages.iter().any(|stage| stage.as_str() != LANDING);
        let mut seqs: Vec<Seq> = self
            .marks(spec)
            .filter(|(_, mark)| matches!(mark, Mark::Trace(t) if t.how != How::Adopted && is_stage(t)))
            .map(|(seq, _)| seq)
            .collect();
        seqs.dedup();
        let stands = |seq| counts(seq) && self.taken_back_as_of(seq, counts).is_none();
        seqs.into_iter().filter(move |seq| stands(*seq))
    }

    /// The commits on which stages of a spec were adopted.
    pub fn adoptions<'s>(&'s self, spec: &'s SpecName) -> impl Iterator<Item = Seq> {
        self.marks(spec).filter_map(|(seq, mark)| match mark {
            Mark::Trace(trace) if trace.how == How::Adopted => self.since(seq, trace),
            _ => None,
        })
    }

    /// Whether nothing but work on the same spec stands between a commit and the one it was made on. If more
    /// does, it was written anew.
    pub fn grew_on(&self, seq: Seq, from: Oid, names: &[&SpecName]) -> bool {
        let mut at = seq;
        while let Some(parent) = self.parents(at).first().copied() {
            let commit = self.commit(parent);
            if commit.oid == from {
                return true;
            }
            if !commit.marks.iter().any(|mark| names.contains(&mark.spec())) {
                return false;
            }
            at = parent;
        }
        false
    }

    /// Whether an attempt at a stage left changes that no later success of it took in.
    pub fn is_unfinished(&self, names: &[&SpecName], stage: &StageName, since: Seq) -> bool {
        let mut marks = names.iter().flat_map(|name| self.marks(name));
        marks.any(|(seq, mark)| {
            matches!(mark, Mark::Attempt { stage: tried, .. } if tried == stage)
                && !self.commit(seq).changes.is_empty()
                && !self.is_ancestor(seq, since)
        })
    }

    /// How the last attempt at a stage ended that was not done since: its class, and why in words.
    pub fn stopped<'s>(
        &'s self,
        names: &[&'s SpecName],
        stage: &StageName,
    ) -> Option<(Option<FailureClass>, &'s str)> {
        let mut marks: Vec<(Seq, &Mark)> = names.iter().flat_map(|name| self.marks(name)).collect();
        marks.sort_by_key(|(seq, _)| *seq);
        marks.into_iter().fold(None, |stopped, (_, mark)| match mark {
            Mark::Attempt { stage: of, class, why, .. } if of == stage => Some((*class, why.as_str())),
            Mark::Trace(trace) if trace.stages.contains(stage) => None,
            _ => stopped,
        })
    }

    /// Where a spec stopped until a person does something, if its last attempt says so.
    pub fn held(&self, names: &[&SpecName]) -> Option<Held> {
        let mut held = None;
        let mut marks: Vec<(Seq, &Mark)> = names.iter().flat_map(|name| self.marks(name)).collect();
        marks.sort_by_key(|(seq, _)| *seq);
        for (since, mark) in marks {
            match mark {
                Mark::Attempt { stage, class, held: Some(manifest), why, .. } => {
                    held = Some(Held {
                        stage: stage.clone(),
                        manifest: *manifest,
                        since,
                        class: *class,
                        why: why.clone(),
                    });
                }
                // The line of an adoption rides along on a later commit: it tells of before.
                Mark::Trace(trace) if trace.how == How::Adopted => {}
                Mark::Trace(trace) => {
                    if held.as_ref().is_some_and(|h| trace.stages.contains(&h.stage)) {
                        held = None;
                    }
                }
                Mark::Attempt { stage, held: None, .. } | Mark::Void { stage, .. } => {
                    if held.as_ref().is_some_and(|h| h.stage == *stage) {
                        held = None;
                    }
                }
            }
        }
        held
    }

    /// The paths of a pattern that were ever written, each with who wrote it.
    pub fn writers<'s>(&'s self, pattern: &'s Pattern) -> impl Iterator<Item = (Arc<str>, Seq)> + 's {
        let base = self.base.writes_below(pattern.root()).filter(|(path, _)| pattern.matches(path));
        let base = base.flat_map(|(path, seqs)| seqs.iter().map(move |seq| (path.clone(), *seq)));
        let own = self.branch.iter().enumerate().flat_map(move |(at, commit)| {
            let seq = self.base.len() + at;
            let paths = commit.changes.iter().filter(|change| pattern.matches(&change.path));
            paths.map(move |change| (change.path.clone(), seq))
        });
        base.chain(own)
    }

    /// Whether the branch's work is all in the base already: each of its last traces is one of the base's, and
    /// no person went on behind them.
    pub fn has_landed(&self, names: &[&SpecName]) -> bool {
        let of_base = |trace: &Trace| {
            names
                .iter()
                .flat_map(|name| self.base.marks(name))
                .any(|(_, mark)| matches!(mark, Mark::Trace(t) if t == trace))
        };
        let mut last: HashMap<&StageName, &Trace> = HashMap::new();
        let mut went_on = false;
        for commit in &self.branch {
            let mut traces = commit.marks.iter().filter_map(|mark| match mark {
                Mark::Trace(trace) if names.contains(&&trace.spec) => Some(trace),
                _ => None,
            });
            match traces.next() {
                Some(first) => {
                    for trace in std::iter::once(first).chain(traces) {
                        last.extend(trace.stages.iter().map(|stage| (stage, trace)));
                    }
                    went_on = false;
                }
                None => went_on |= commit.is_persons() && !commit.changes.is_empty(),
            }
        }
        self.branch.is_empty() || (!last.is_empty() && !went_on && last.into_values().all(of_base))
    }
}
