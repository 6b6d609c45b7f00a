//! Stages of one spec that run at the same time: each in a worktree of its own on the same commit. What they
//! declare as outputs goes onto the branch as they end; anything else they changed goes under a backup ref.
use super::site::Site;
use super::workplace::{Workplace, start_ref};
use crate::base::{Oid, StageName};
use crate::model::{Spec, Stage};
use crate::sys::git::{Content, GitError, NewCommit, RefUpdate};
use crate::sys::landing::Moved;
use crate::sys::worktree::{Snapshot, Start, Worktree};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

impl Site {
    /// What only one stage of a spec may do at a time: making ready and keeping.
    pub(super) fn turn_of(&self, spec: usize) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(spec).or_default())
    }

    fn side_path(&self, spec: &Spec, stage: &StageName) -> Result<PathBuf, GitError> {
        let main = self.worktree_path(spec)?;
        let name = main.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // No spec and no branch can have such a name.
        Ok(main.with_file_name(format!("{name}@{stage}")))
    }

    /// A worktree of its own for a stage, at the commit where the spec's workplace is; or, to `keep` what an
    /// attempt left, as it lies.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn side_worktree(
        &self,
        spec: &Spec,
        stage: &StageName,
        at: Oid,
        keep: bool,
    ) -> Result<Worktree, GitError> {
        let path = self.side_path(spec, stage)?;
        let Some(worktree) = self.sound_side(spec, &path)? else {
            return Worktree::add(&self.git, &path, Start::Detached(at));
        };
        if !keep {
            worktree.reset_to(None, at)?;
        }
        Ok(worktree)
    }

    /// Puts the outputs of a stage that ran beside others onto the branch, where the workplace is now.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn commit_side(
        &self,
        place: &mut Workplace,
        stage: &Stage,
        snapshot: &Snapshot,
        message: &str,
    ) -> Result<(), GitError> {
        let is_output = |path: &str| stage.outputs.iter().any(|output| output.matches(path));
        let outputs = snapshot.changes.iter().filter(|change| is_output(&change.path));
        let edits: Vec<(String, Option<Content>)> = outputs.map(|c| (c.path.clone(), c.new)).collect();
        let tree = self.git.write_tree(self.git.tree_of(place.tip)?, &edits)?;
        let parents = [place.tip];
        let commit = NewCommit { tree, parents: &parents, message, signature: None };
        let oid = self.git.commit_tree(&commit)?;
        match place.worktree.follow(&place.branch, place.tip, oid)? {
            Moved::Done => {
                self.stands_at(place, oid);
                Ok(())
            }
            _ => Err(GitError::RefMoved { name: place.branch.clone(), expected: Some(place.tip), now: None }),
        }
    }

    /// What a stage that runs beside others changed that is no output of its, kept under a backup ref.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn back_up_rest(
        &self,
        spec: &Spec,
        stage: &Stage,
        start: Oid,
        snapshot: &Snapshot,
    ) -> Result<(), GitError> {
        let is_output = |path: &str| stage.outputs.iter().any(|output| output.matches(path));
        let rest: Vec<&str> = snapshot
            .changes
            .iter()
            .map(|change| change.path.as_str())
            .filter(|path| !is_output(path))
            .collect();
        if rest.is_empty() {
            return Ok(());
        }
        let name = self.back_up(spec, &stage.name, start, snapshot)?;
        self.reporter.warn(format!(
            "{}:{} changed `{}`, which is no output of its; it is kept under `{name}`",
            spec.name,
            stage.name,
            rest.join("`, `")
        ));
        Ok(())
    }

    /// A snapshot as a commit under a backup ref, whose name it gives.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn back_up(
        &self,
        spec: &Spec,
        stage: &StageName,
        start: Oid,
        snapshot: &Snapshot,
    ) -> Result<String, GitError> {
        let message = format!("{}: what {stage} left beside its outputs\n", spec.name);
        let commit = NewCommit { tree: snapshot.tree, parents: &[start], message: &message, signature: None };
        let oid = self.git.commit_tree(&commit)?;
        let name = format!("refs/specmake/backup/{}/{stage}/{oid}", spec.name);
        if self.git.commit(&name)?.is_none() {
            self.git.update_refs(&[RefUpdate::create(name.clone(), oid)], "specmake: backup")?;
        }
        Ok(name)
    }

    /// Removes the worktree of a stage that ran beside others; all that was in it is kept elsewhere.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn drop_side(&self, worktree: &Worktree, start: Oid) -> Result<(), GitError> {
        worktree.reset_to(None, start)?;
        if let Some(stays) = worktree.remove(None)? {
            self.reporter.warn(format!("`{}` stays: {stays}", worktree.top().display()));
        }
        Ok(())
    }

    /// An attempt beside others that was found dead: what it left is kept, and it begins anew.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn forget_side_attempt(
        &self,
        spec: &Spec,
        stage: &StageName,
        start: Oid,
    ) -> Result<(), GitError> {
        let path = self.side_path(spec, stage)?;
        if let Some(worktree) = self.sound_side(spec, &path)? {
            let snapshot = worktree.snapshot(start, &[])?;
            if !snapshot.changes.is_empty() {
                self.back_up(spec, stage, start, &snapshot)?;
            }
            self.drop_side(&worktree, start)?;
        }
        self.git.update_refs(&[RefUpdate::delete(start_ref(&spec.name, stage), start)], "specmake: recover")
    }
}
