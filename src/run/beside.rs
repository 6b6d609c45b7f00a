//! Stages of one spec that run at the same time: each in a worktree of its own on the same commit. What they
//! declare as outputs goes onto the branch as they end; anything else they changed goes under a backup ref.
use super::site::Site;
use super::workplace::Workplace;
use crate::base::{Oid, StageName};
use crate::model::{Spec, Stage, Step};
use crate::sys::files;
use crate::sys::git::{Content, GitError, Merge, NewCommit, RefUpdate};
use crate::sys::landing::Moved;
use crate::sys::worktree::{Snapshot, Start, Worktree};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The file in the git directory of a worktree that notes what was laid out there.
const LAID_OUT: &str = "specmake-laid-out";

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

    /// A worktree of its own for a stage, at the commit where the spec's workplace is. What an attempt left in it
    /// stays there unless the `step` of its ladder begins anew; at the first one where a person has changed it since.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn side_worktree(
        &self,
        spec: &Spec,
        stage: &StageName,
        at: Oid,
        step: Option<&Step>,
    ) -> Result<Worktree, GitError> {
        let path = self.side_path(spec, stage)?;
        let Some(worktree) = self.sound_side(spec, &path)? else {
            let worktree = Worktree::add(&self.git, &path, Start::Detached(at))?;
            note_laid_out(&worktree, at, self.git.tree_of(at)?)?;
            return Ok(worktree);
        };
        let edits = self.keep_side(spec, stage, &worktree)?;
        let stays = step.map_or(edits.is_some(), |step| !matches!(step, Step::Restart { .. }));
        if let Some(edits) = edits {
            self.reporter.warn(edits);
        }
        self.bring_side(&worktree, at, stays)?;
        Ok(worktree)
    }

    /// Brings the worktree of a stage to a commit of the branch, with what lies there on top of it if that is to
    /// stay and applies.
    fn bring_side(&self, worktree: &Worktree, at: Oid, stays: bool) -> Result<(), GitError> {
        let (began, _) = self.laid_out(worktree)?;
        let mut tree = self.git.tree_of(at)?;
        let mut to = at;
        if stays && worktree.half_reset()?.is_none() {
            if began == at {
                return Ok(());
            }
            let commit = |tree: Oid, parent: Oid| {
                let message = "specmake: as it lies\n";
                self.git.commit_tree(&NewCommit { tree, parents: &[parent], message, signature: None })
            };
            let lies = commit(worktree.snapshot(began, &[])?.tree, began)?;
            // What does not apply is kept under a backup ref.
            if let Merge::Clean(merged) = self.git.merge_tree_from(began, at, lies)? {
                (tree, to) = (merged, commit(merged, at)?);
            }
        }
        note_laid_out(worktree, at, tree)?;
        worktree.reset_to(None, to)
    }

    /// The commit of the branch that the worktree of a stage was last brought to, and the tree that was laid out there.
    fn laid_out(&self, worktree: &Worktree) -> Result<(Oid, Oid), GitError> {
        let noted = std::fs::read_to_string(worktree.git().git_dir().join(LAID_OUT)).unwrap_or_default();
        if let Some((commit, tree)) = noted.split_once('\n')
            && let (Ok(commit), Ok(tree)) = (commit.parse(), tree.parse())
            && self.git.commit(&format!("{commit}"))?.is_some()
        {
            return Ok((commit, tree));
        }
        let head = worktree.git().require_commit("HEAD")?;
        Ok((head, self.git.tree_of(head)?))
    }

    /// Keeps what lies in the worktree of a stage under a backup ref, unless it lies under one already: where a
    /// person's edits are then, in words.
    fn keep_side(
        &self,
        spec: &Spec,
        stage: &StageName,
        worktree: &Worktree,
    ) -> Result<Option<String>, GitError> {
        if worktree.half_reset()?.is_some() {
            return Ok(None);
        }
        let (began, laid_out) = self.laid_out(worktree)?;
        let snapshot = worktree.snapshot(began, &[])?;
        if snapshot.changes.is_empty() || snapshot.tree == laid_out {
            return Ok(None);
        }
        let backups = self.git.refs(&[&format!("refs/specmake/backup/{}/{stage}/", spec.name)])?;
        for commit in backups.into_values() {
            if self.git.tree_of(commit)? == snapshot.tree {
                return Ok(None);
            }
        }
        let name = self.back_up(spec, stage, began, &snapshot)?;
        let top = worktree.top().display();
        Ok(Some(format!("{}: your edits in `{top}` are kept under `{name}`", spec.name)))
    }

    /// Gives up the worktrees of stages that ran beside others. What a person changed there is kept; where, in words.
    ///
    /// # Errors
    /// git fails.
    pub fn give_up_sides(&self, spec: &Spec) -> Result<Vec<String>, GitError> {
        let mut told = Vec::new();
        for (_, stage) in spec.stages.iter().enumerate().filter(|(at, _)| spec.runs_beside(*at)) {
            let path = self.side_path(spec, &stage.name)?;
            if !path.exists() {
                continue;
            }
            let Some(worktree) = self.sound_side(spec, &path)? else { continue };
            told.extend(self.keep_side(spec, &stage.name, &worktree)?);
            self.drop_side(&worktree, worktree.git().require_commit("HEAD")?)?;
        }
        Ok(told)
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

    /// Puts away what an attempt beside others left: kept under a backup ref, and its worktree goes.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn put_away_side(&self, spec: &Spec, stage: &StageName) -> Result<(), GitError> {
        let path = self.side_path(spec, stage)?;
        let Some(worktree) = self.sound_side(spec, &path)? else { return Ok(()) };
        self.keep_side(spec, stage, &worktree)?;
        self.drop_side(&worktree, worktree.git().require_commit("HEAD")?)
    }
}

fn note_laid_out(worktree: &Worktree, at: Oid, tree: Oid) -> Result<(), GitError> {
    let note = worktree.git().git_dir().join(LAID_OUT);
    let words = format!("write `{}`", note.display());
    files::replace(&note, format!("{at}\n{tree}").as_bytes()).map_err(GitError::io(words))
}
