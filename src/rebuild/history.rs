//! The commits behind a tip, indexed once: what each says, which paths it wrote, who reverted it.
use super::adopt::Adopted;
use super::ancestry::Ancestry;
use super::commit::Commit;
use super::mark::Mark;
use crate::base::{Oid, SpecName};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The position of a commit, its ancestors before it.
pub type Seq = usize;

/// Commits in topological order, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Shared, since a run goes on with one history while stages under way hold the one before.
    commits: Vec<Arc<Commit>>,
    parents: Vec<Vec<Seq>>,
    ancestry: Ancestry,
    by_oid: HashMap<Oid, Seq>,
    /// By spec, oldest first.
    marks: HashMap<SpecName, Vec<(Seq, Place)>>,
    /// Marks that no commit carries yet.
    adoptions: Vec<Mark>,
    writes: BTreeMap<Arc<str>, Vec<Seq>>,
    reverted: HashMap<Oid, Vec<Seq>>,
    /// Those of them that are here.
    reverted_here: BTreeSet<Seq>,
}

/// Where a mark stands: among those of its commit, or among the adoptions.
#[derive(Debug, Clone, Copy)]
enum Place {
    Commit(usize),
    Adoption(usize),
}

impl History {
    /// The history of these commits, which stand in topological order, oldest first.
    pub fn new(commits: Vec<Commit>) -> Self {
        let mut history = Self::default();
        history.extend(commits);
        history
    }

    /// Adds later commits, in the same order.
    pub fn extend(&mut self, commits: Vec<Commit>) {
        for commit in commits {
            self.push(commit);
        }
        self.ancestry = Ancestry::of(&self.parents);
    }

    fn push(&mut self, commit: Commit) {
        if self.by_oid.contains_key(&commit.oid) {
            return;
        }
        let seq = self.commits.len();
        self.by_oid.insert(commit.oid, seq);
        self.parents.push(commit.parents.iter().filter_map(|p| self.by_oid.get(p).copied()).collect());
        for (index, mark) in commit.marks.iter().enumerate() {
            self.marks.entry(mark.spec().clone()).or_default().push((seq, Place::Commit(index)));
        }
        for change in &commit.changes {
            self.writes.entry(change.path.clone()).or_default().push(seq);
        }
        for oid in &commit.reverts {
            self.reverted.entry(*oid).or_default().push(seq);
            self.reverted_here.extend(self.by_oid.get(oid));
        }
        if self.reverted.contains_key(&commit.oid) {
            self.reverted_here.insert(seq);
        }
        self.commits.push(Arc::new(commit));
    }

    /// Takes note of stages that were done by hand, as if the commit they were judged on said so.
    pub fn adopt(&mut self, adopted: &Adopted) {
        let Some(seq) = self.seq(adopted.at) else { return };
        let mark = adopted.mark();
        let marks = self.marks.entry(adopted.spec.clone()).or_default();
        let place = marks.partition_point(|(other, _)| *other <= seq);
        marks.insert(place, (seq, Place::Adoption(self.adoptions.len())));
        self.adoptions.push(mark);
    }

    /// How many commits there are.
    pub fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// All commits, oldest first.
    pub fn commits(&self) -> &[Arc<Commit>] {
        &self.commits
    }

    /// Whether a commit is in it.
    pub fn contains(&self, oid: Oid) -> bool {
        self.by_oid.contains_key(&oid)
    }

    /// The specs that any trailer names.
    pub fn marked_specs(&self) -> impl Iterator<Item = &SpecName> {
        self.marks.keys()
    }

    pub(super) fn seq(&self, oid: Oid) -> Option<Seq> {
        self.by_oid.get(&oid).copied()
    }

    pub(super) fn parents(&self, seq: Seq) -> &[Seq] {
        &self.parents[seq]
    }

    pub(super) fn is_ancestor(&self, ancestor: Seq, of: Seq) -> bool {
        self.ancestry.is_ancestor(&self.parents, ancestor, of)
    }

    pub(super) fn marks(&self, spec: &SpecName) -> impl Iterator<Item = (Seq, &Mark)> {
        let places = self.marks.get(spec).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|(seq, place)| match place {
            Place::Commit(index) => (*seq, &self.commits[*seq].marks[*index]),
            Place::Adoption(index) => (*seq, &self.adoptions[*index]),
        })
    }

    /// Paths at or below `root` that were written, each with who wrote it, oldest first.
    pub(super) fn writes_below<'a>(
        &'a self,
        root: &'a str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a [Seq])> {
        self.writes
            .range::<str, _>((std::ops::Bound::Included(root), std::ops::Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(root))
            .map(|(path, seqs)| (path, seqs.as_slice()))
    }

    /// The commits from `seq` on that some commit says it reverts.
    pub(super) fn reverted_from(&self, seq: Seq) -> impl Iterator<Item = Seq> {
        self.reverted_here.range(seq..).copied()
    }

    pub(super) fn reverters(&self, oid: Oid) -> &[Seq] {
        self.reverted.get(&oid).map(Vec::as_slice).unwrap_or_default()
    }
}
