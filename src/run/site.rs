//! What every executor of a run shares: the project, the repository and what is known of its history.
use super::contents::Contents;
use super::desks::Desks;
use super::fork::FORKS;
use super::journal::{self, commits};
use super::known::Known;
use super::own_moves::OwnMoves;
use super::report::Reporter;
use super::slots;
use super::spent::Spent;
use crate::base::{Mask, Oid, SpecName, Stamp};
use crate::graph::StageGraph;
use crate::model::{Project, Spec};
use crate::rebuild::{Adopted, Commit, History, former_path};
use crate::store::Store;
use crate::sys::git::{Git, GitError, RefUpdate, branch_ref};
use crate::sys::spare::Keep;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a build differs from a plain one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `-W`.
    pub what_if: Vec<String>,
    /// The files that the project was read from, once, at the start.
    pub read: Vec<String>,
    /// A person asked for landings, and nothing else.
    pub by_hand: Option<ByHand>,
}

/// How landings that a person asked for differ from those of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByHand {
    /// They are not tested.
    pub unchecked: bool,
    /// They go to a branch beside the base, so worktrees and branches stay.
    pub beside: bool,
}

/// A run's place of work.
pub struct Site {
    /// What to build.
    pub project: Arc<Project>,
    /// What waits for what.
    pub graph: Arc<StageGraph>,
    /// The user's checkout, or the bare repository.
    pub git: Git,
    /// The branch that results land on, without `refs/heads/`.
    pub base_branch: String,
    /// `.specmake`.
    pub state_dir: PathBuf,
    /// The run's name.
    pub run: String,
    /// How it differs from a plain one.
    pub options: Options,
    /// Trees and stamps.
    pub contents: Contents,
    /// Where events go.
    pub reporter: Reporter,
    /// The program that keeps processes, for a site whose processes run.
    pub keeper: Option<PathBuf>,
    /// What nobody may read in anything that is kept or told.
    pub mask: Mask,
    /// What the run has cost.
    pub spent: Spent,
    /// `state.db`.
    pub store: Mutex<Store>,
    base: Mutex<Base>,
    branches: Mutex<Branches>,
    /// Stages that ran to their good end: what `-W` and `-B` asked for is done.
    pub(super) ran: Mutex<HashSet<(SpecName, usize)>>,
    pub(super) turns: Mutex<HashMap<usize, Arc<Mutex<()>>>>,
    pub(super) slots: Mutex<HashMap<usize, u32>>,
    pub(super) own_moves: Arc<OwnMoves>,
    /// Specs that their landing sent back in this run, by position.
    pub(super) evicted: Mutex<HashSet<usize>>,
    /// How often something was tested, by the folder and name of its log.
    pub(super) checks: Mutex<HashMap<String, u32>>,
    /// Specs whose last attempt could not be kept, and why.
    pub(super) unkept: Mutex<HashMap<SpecName, String>>,
    /// Commits that need not be read again.
    pub(super) known: Known,
    /// Where commits are tested.
    pub(super) desks: Arc<Desks>,
    /// What goes from one worktree to the next, if anything does.
    pub(super) keep: Option<Keep>,
    /// Folders of which it was said that they do not.
    pub(super) told_not_kept: Mutex<HashSet<String>>,
}

/// Results of specs in one history.
pub type Results = Arc<Mutex<HashMap<SpecName, Option<Stamp>>>>;

/// The base and everything behind it.
#[derive(Debug, Clone)]
pub struct Base {
    /// The commit it is at.
    pub tip: Oid,
    /// Its history.
    pub history: Arc<History>,
    /// The results that specs have in it, as far as somebody asked.
    pub results: Results,
    /// Adoptions that no commit of the base records yet.
    pub unrecorded: Arc<Vec<Adopted>>,
}

/// The branches of the repository, as far as this run knows.
#[derive(Debug, Default)]
struct Branches {
    tips: BTreeMap<String, Oid>,
    marked: BTreeMap<String, String>,
}

/// What a site is opened with.
pub struct Opening {
    /// What to build.
    pub project: Arc<Project>,
    /// What waits for what.
    pub graph: Arc<StageGraph>,
    /// The user's checkout, or the bare repository.
    pub git: Git,
    /// The branch that results land on.
    pub base_branch: String,
    /// The commit to take for the base's: its tip, or one that holds edits as if they were committed.
    pub base: Oid,
    /// The run's name.
    pub run: String,
    /// How it differs from a plain one.
    pub options: Options,
    /// Where events go.
    pub reporter: Reporter,
    /// `state.db`.
    pub store: Store,
}

impl Site {
    /// Opens a site: one pass over history, one over refs.
    ///
    /// # Errors
    /// git fails.
    pub fn open(opening: Opening) -> Result<Self, GitError> {
        let Opening { project, graph, git, base_branch, base, run, options, reporter, mut store } = opening;
        let mut history = History::new(journal::behind(&git, &mut store, base)?);
        // The index of adoptions may be lost; then what is there now is adopted anew.
        let remembered = store.adopted().unwrap_or_default();
        let unrecorded: Vec<Adopted> =
            remembered.into_iter().filter(|one| history.contains(one.at)).collect();
        for adopted in &unrecorded {
            history.adopt(adopted);
        }
        let tips = git.refs(&["refs/heads/", FORKS])?;
        let marked = git.marked_branches()?;
        Ok(Self {
            state_dir: git.state_dir(),
            contents: Contents::new(git.clone()),
            base: Mutex::new(Base {
                tip: base,
                history: Arc::new(history),
                results: Results::default(),
                unrecorded: Arc::new(unrecorded),
            }),
            branches: Mutex::new(Branches { tips, marked }),
            own_moves: Arc::default(),
            evicted: Mutex::default(),
            checks: Mutex::default(),
            unkept: Mutex::default(),
            known: Known::default(),
            desks: Arc::new(Desks::new(project.land.parallel)),
            keep: slots::keep(&project.settings),
            told_not_kept: Mutex::default(),
            slots: Mutex::default(),
            turns: Mutex::default(),
            ran: Mutex::default(),
            store: Mutex::new(store),
            project,
            graph,
            git,
            base_branch,
            run,
            options,
            reporter,
            keeper: None,
            mask: Mask::default(),
            spent: Spent::default(),
        })
    }

    /// Leaves it just before the process ends: what lies on the disk is closed, what is in memory goes with the process.
    pub fn close(self) {
        let Self { store, project, graph, contents, base, known, .. } = self;
        drop(store);
        std::mem::forget((project, graph, contents, base, known));
    }

    /// The base as it is now known.
    pub fn base(&self) -> Base {
        self.base_guard().clone()
    }

    fn base_guard(&self) -> MutexGuard<'_, Base> {
        self.base.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn branches_guard(&self) -> MutexGuard<'_, Branches> {
        self.branches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, alone for a moment.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note that a stage ran to its good end.
    pub(super) fn note_ran(&self, spec: &Spec, stage: usize) {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).insert((spec.name.clone(), stage));
    }

    /// Files that count as just changed for a stage: none once it ran.
    pub(super) fn what_if(&self, spec: &Spec, stage: usize) -> &[String] {
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        if ran.contains(&(spec.name.clone(), stage)) { &[] } else { &self.options.what_if }
    }

    /// The spec at a position of the project.
    pub fn spec(&self, position: usize) -> &Spec {
        &self.project.specs[position]
    }

    /// The spec of that name, if there is one.
    pub fn spec_named(&self, name: &SpecName) -> Option<&Spec> {
        self.project.specs.get(name)
    }

    /// The full name of the base's ref.
    pub fn base_ref(&self) -> String {
        branch_ref(&self.base_branch)
    }

    /// Takes note that the base moved. Its new commits are read; those that were behind it stay known.
    ///
    /// # Errors
    /// git fails.
    pub fn base_moved(&self, tip: Oid) -> Result<(), GitError> {
        let old = self.base().tip;
        if old == tip {
            return Ok(());
        }
        let new = self.between(tip, &[old])?;
        let is_ahead = new.iter().any(|commit| commit.parents.contains(&old));
        let mut base = if is_ahead {
            let mut base = self.base_guard();
            Arc::make_mut(&mut base.history).extend(new);
            base
        } else {
            let mut history = History::new(commits(self.git.log(&[tip], &[])?));
            let mut base = self.base_guard();
            Arc::make_mut(&mut base.unrecorded).retain(|adopted| history.contains(adopted.at));
            for adopted in base.unrecorded.iter() {
                history.adopt(adopted);
            }
            base.history = Arc::new(history);
            base
        };
        base.tip = tip;
        base.results = Results::default();
        Ok(())
    }

    /// Looks whether somebody else moved the base.
    ///
    /// # Errors
    /// git fails.
    pub fn refresh_base(&self) -> Result<(), GitError> {
        match self.git.commit(&self.base_ref())? {
            Some(tip) => self.base_moved(tip),
            None => Ok(()),
        }
    }

    /// Takes note of stages that were done by hand; `recorded` says that a commit of the base tells so.
    pub fn adopt(&self, adopted: Vec<Adopted>, recorded: bool) {
        let mut base = self.base_guard();
        base.results = Results::default();
        let history = Arc::make_mut(&mut base.history);
        for one in &adopted {
            history.adopt(one);
        }
        if !recorded {
            Arc::make_mut(&mut base.unrecorded).extend(adopted);
        }
    }

    /// Takes note that a commit of the base records what was adopted.
    pub fn adoptions_recorded(&self) {
        let recorded = std::mem::take(&mut self.base_guard().unrecorded);
        let specs: Vec<SpecName> = recorded.iter().map(|adopted| adopted.spec.clone()).collect();
        if let Err(error) = self.store().forget_adopted(&specs) {
            self.reporter.warn(format!("cannot tidy what is remembered as adopted: {error}"));
        }
    }

    /// The branch that a spec's work is on: its own, or the one of its former name while that is still there.
    pub fn branch_of(&self, spec: &Spec) -> String {
        let branches = self.branches_guard();
        match &spec.was {
            Some(was) if !branches.tips.contains_key(&branch_ref(&spec.branch)) => {
                let former = former_branch(spec, was);
                if branches.tips.contains_key(&branch_ref(&former)) { former } else { spec.branch.clone() }
            }
            _ => spec.branch.clone(),
        }
    }

    /// The tip of a branch, read anew if it is known to exist: a person may have committed to it.
    ///
    /// # Errors
    /// git fails.
    pub fn tip_of(&self, branch: &str) -> Result<Option<Oid>, GitError> {
        let name = branch_ref(branch);
        if !self.branches_guard().tips.contains_key(&name) {
            return Ok(None);
        }
        let tip = self.git.commit(&name)?;
        self.note_tip(branch, tip);
        Ok(tip)
    }

    /// Takes note of where a branch is.
    pub fn note_tip(&self, branch: &str, tip: Option<Oid>) {
        let mut branches = self.branches_guard();
        match tip {
            Some(tip) => branches.tips.insert(branch_ref(branch), tip),
            None => branches.tips.remove(&branch_ref(branch)),
        };
    }

    /// Where a ref was when it was last looked at.
    pub(super) fn known_ref(&self, name: &str) -> Option<Oid> {
        self.branches_guard().tips.get(name).copied()
    }

    /// Takes note that a ref is gone.
    pub(super) fn forget_known(&self, name: &str) {
        self.branches_guard().tips.remove(name);
    }

    /// Moves refs, and takes note of where they are.
    ///
    /// # Errors
    /// git fails, or one of them is not where it should be.
    pub(super) fn update_known_refs(&self, updates: &[RefUpdate], reason: &str) -> Result<(), GitError> {
        if updates.is_empty() {
            return Ok(());
        }
        self.git.update_refs(updates, reason)?;
        let mut branches = self.branches_guard();
        for update in updates {
            match update.new {
                Some(new) => branches.tips.insert(update.name.clone(), new),
                None => branches.tips.remove(&update.name),
            };
        }
        Ok(())
    }

    /// Whether the configuration says that a branch is ours.
    pub fn is_marked(&self, branch: &str) -> bool {
        self.branches_guard().marked.contains_key(branch)
    }

    /// Whether no branch carries our mark: no spec is in progress, and none has left anything behind.
    pub fn is_settled(&self) -> bool {
        self.branches_guard().marked.is_empty()
    }

    /// Names that carry our mark and are no branch.
    pub(super) fn marks_without_branch(&self) -> Vec<String> {
        let branches = self.branches_guard();
        let gone = |branch: &&String| !branches.tips.contains_key(&branch_ref(branch));
        branches.marked.keys().filter(gone).cloned().collect()
    }

    /// Takes note that a branch is no longer marked as ours.
    pub(super) fn note_unmarked(&self, branch: &str) {
        self.branches_guard().marked.remove(branch);
    }

    /// Takes note that a branch is marked as ours.
    pub fn note_marked(&self, branch: &str) {
        self.branches_guard().marked.insert(branch.to_owned(), String::new());
    }

    /// The commits of a branch that the base does not have, oldest first.
    ///
    /// # Errors
    /// git fails.
    pub fn beyond_base(&self, tip: Oid, base: Oid) -> Result<Vec<Commit>, GitError> {
        self.between(tip, &[base])
    }
}

/// The branch that a spec had under its former name.
fn former_branch(spec: &Spec, was: &SpecName) -> String {
    let (branch, name) = (&spec.branch, spec.name.as_str());
    former_path(spec, branch).unwrap_or_else(|| match branch.rfind(name) {
        Some(at) => format!("{}{was}{}", &branch[..at], &branch[at + name.len()..]),
        None => branch.clone(),
    })
}
