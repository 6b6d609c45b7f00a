//! What a run that died left behind is made good before the next one begins.
use super::site::Site;
use super::telling::FOUND_DEAD;
use super::workplace::message;
use crate::base::{Oid, SpecName, StageName};
use crate::model::{FailureClass, Spec};
use crate::rebuild::Mark;
use crate::sys::git::{Git, GitError, NewCommit, RefUpdate, branch_ref};
use crate::sys::lock::RefsLock;
use crate::sys::worktree::{move_home, repair};
use std::sync::PoisonError;

impl Site {
    /// Removes what a run left behind that died between a landing and its tidying up. What stays, stays: that
    /// was told when it landed, or will be by `clean`.
    pub fn tidy_landed(&self) {
        for spec in self.project.specs.values().filter(|spec| self.is_marked(&self.branch_of(spec))) {
            drop(self.tidy(spec));
        }
        if let Err(error) = self.forget_stray_marks() {
            self.reporter.warn(format!("cannot forget the marks of branches that are gone: {error}"));
        }
    }

    /// Forgets marks without a branch, as a death between the two leaves them: a branch that somebody makes under
    /// that name later is not ours.
    fn forget_stray_marks(&self) -> Result<(), GitError> {
        let stray = self.marks_without_branch();
        if stray.is_empty() {
            return Ok(());
        }
        let lock = RefsLock::take(&self.git)?;
        for branch in stray {
            self.git.unset_config_locked(&Git::mark_name(&branch), &lock)?;
            self.note_unmarked(&branch);
        }
        Ok(())
    }

    /// Mends worktrees that were moved, alone or with their repository, and tells of it.
    ///
    /// # Errors
    /// git fails.
    pub fn mend_worktrees(&self) -> Result<(), GitError> {
        let specs = self.project.specs.values().map(|spec| (self.branch_of(spec), spec));
        let ours: Vec<(String, &Spec)> = specs.filter(|(branch, _)| self.is_marked(branch)).collect();
        if ours.is_empty() {
            return Ok(());
        }
        let listed = self.git.worktrees()?;
        let mut places = Vec::new();
        for (branch, spec) in ours {
            places.push((branch.clone(), self.worktree_path(spec)?));
            let known = listed.iter().filter(|one| one.branch.as_deref() == Some(branch.as_str()));
            places.extend(known.map(|one| (branch.clone(), one.path.clone())));
        }
        for top in repair(&self.git, &places)? {
            self.reporter.warn(format!("`{}` had been moved: git knows it again", top.display()));
        }
        Ok(())
    }

    /// Moves worktrees to where they belong since the repository has another name, or the Specfile another place for
    /// them. Only while nothing runs.
    ///
    /// # Errors
    /// git fails.
    pub fn bring_worktrees_home(&self) -> Result<(), GitError> {
        let listed = self.git.worktrees()?;
        for spec in self.project.specs.values() {
            let branch = self.branch_of(spec);
            let at = listed.iter().find(|one| !one.lost && one.branch.as_deref() == Some(branch.as_str()));
            let Some(at) = at.filter(|_| self.is_marked(&branch)) else { continue };
            let home = self.worktree_path(spec)?;
            if at.path == home || spec.was.is_some() {
                continue;
            }
            match move_home(&self.git, &at.path, &home) {
                Ok(false) => {}
                Ok(true) => self.reporter.warn(format!(
                    "{}: its worktree was moved from `{}` to `{}`",
                    spec.name,
                    at.path.display(),
                    home.display()
                )),
                Err(error) => self.reporter.warn(format!("{}: its worktree cannot move: {error}", spec.name)),
            }
        }
        Ok(())
    }

    /// Keeps the tree of each attempt that was found dead as a commit of its own. What is wrong with one spec's
    /// worktree is told and keeps no other spec waiting.
    ///
    /// # Errors
    /// git fails.
    pub fn keep_dead_attempts(&self) -> Result<(), GitError> {
        self.take_dead_merges_back()?;
        for (name, start) in self.git.refs(&["refs/specmake/start/"])? {
            let mut parts = name.trim_start_matches("refs/specmake/start/").split('/');
            let (Some(spec), Some(stage)) = (parts.next(), parts.next()) else { continue };
            let (Ok(spec), Ok(stage)) = (SpecName::new(spec), StageName::new(stage)) else { continue };
            let renamed =
                || self.project.specs.values().find(|declared| declared.was.as_ref() == Some(&spec));
            let Some(declared) = self.spec_named(&spec).or_else(renamed) else { continue };
            let forget = RefUpdate::delete(name.clone(), start);
            if let Err(error) = self.keep_dead_attempt(declared, (&spec, &stage), start, forget) {
                let place = self.worktree_path(declared).unwrap_or_default();
                self.note_unkept(&declared.name, &error.to_string());
                self.reporter.warn(format!(
                    "what `{spec}:{stage}` left in `{}` when it was cut off cannot be kept yet: {error}",
                    place.display()
                ));
            }
        }
        Ok(())
    }

    /// What an attempt at a spec left could not be kept. Until it is, its worktree is nobody's to commit: the
    /// agent's work would become a person's.
    pub(super) fn note_unkept(&self, spec: &SpecName, why: &str) {
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        unkept.insert(spec.clone(), why.to_owned());
    }

    /// Why what an attempt at a spec left could not be kept, if it could not.
    pub(super) fn unkept(&self, spec: &SpecName) -> Option<String> {
        self.unkept.lock().unwrap_or_else(PoisonError::into_inner).get(spec).cloned()
    }

    /// Whether the branch moved to the stage's own commit, and only the ref that says it is under way did not go any
    /// more.
    fn is_done_at(&self, tip: Oid, start: Oid, spec: &SpecName, stage: &StageName) -> Result<bool, GitError> {
        let commits = self.beyond_base(tip, start)?;
        let [commit] = commits.as_slice() else { return Ok(false) };
        let is_trace = |mark: &Mark| matches!(mark, Mark::Trace(t) if t.spec == *spec && t.stages.contains(stage) && t.from == Some(start));
        Ok(commit.parents == [start] && commit.marks.iter().any(is_trace))
    }

    fn keep_dead_attempt(
        &self,
        declared: &Spec,
        (spec, stage): (&SpecName, &StageName),
        start: Oid,
        forget: RefUpdate,
    ) -> Result<(), GitError> {
        if declared.position(stage).is_some_and(|at| declared.runs_beside(at)) {
            self.put_away_side(declared, stage)?;
            return self.git.update_refs(&[forget], "specmake: recover");
        }
        let branch = self.branch_of(declared);
        let worktree = self.worktree_of(declared).unwrap_or_default();
        let (Some(worktree), Some(now)) = (worktree, self.git.commit(&branch_ref(&branch))?) else {
            return self.git.update_refs(&[forget], "specmake: recover");
        };
        if self.is_done_at(now, start, spec, stage)? {
            return self.git.update_refs(&[forget], "specmake: recover");
        }
        let snapshot = worktree.snapshot(start, &[])?;
        let mark = Mark::Attempt {
            spec: spec.clone(),
            stage: stage.clone(),
            class: Some(FailureClass::Crash),
            held: None,
            why: FOUND_DEAD.to_owned(),
        };
        let text = message(&format!("{spec}: {stage} was cut off"), "", &[mark]);
        let commit = NewCommit { tree: snapshot.tree, parents: &[start], message: &text, signature: None };
        let oid = self.git.commit_tree(&commit)?;
        worktree.settle(&snapshot, &branch, (now, oid), &[forget])?;
        self.note_tip(&branch, Some(oid));
        self.reporter.warn(format!("`{spec}:{stage}` was cut off in an earlier run; what it left is kept"));
        Ok(())
    }
}
