//! Back to the start of a stage: what its attempts left goes under a backup ref, what people did since stays.
use super::judging::setup_failure;
use super::site::Site;
use super::standing::{Standing, names};
use super::workplace::Workplace;
use crate::base::Oid;
use crate::event::Failure;
use crate::model::Spec;
use crate::rebuild::{Commit, Mark};
use crate::sys::git::{GitError, Merge, NewCommit, RefUpdate};

impl Site {
    /// The commit that the stage's first attempt since its last success began on; the tip if there was none.
    pub(super) fn stage_start(&self, spec: &Spec, stage: usize, tip: Oid) -> Result<Oid, Failure> {
        let commits = self.beyond_base(tip, self.base().tip).map_err(|e| setup_failure(&e))?;
        let since = since_first_attempt(spec, stage, &commits);
        Ok(since.first().and_then(|first| first.parents.first()).copied().unwrap_or(tip))
    }

    /// Takes the branch and its worktree back to the start of a stage, and gives that commit.
    pub(super) fn restart(&self, spec: &Spec, stage: usize, place: &mut Workplace) -> Result<Oid, Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let commits = self.beyond_base(place.tip, self.base().tip).map_err(setup)?;
        let since = since_first_attempt(spec, stage, &commits);
        let Some(start) = since.first().and_then(|first| first.parents.first()).copied() else {
            return Ok(place.tip);
        };
        let mut tip = start;
        for commit in since.iter().filter(|commit| commit.is_persons()) {
            tip = self.replay(commit, tip).map_err(setup)?.ok_or_else(|| {
                setup_failure(&format!(
                    "cannot restart: the edits by hand in `{}` do not apply without what the agent did",
                    commit.oid.short()
                ))
            })?;
        }
        let name = format!("refs/specmake/backup/{}/{}/{}", spec.name, spec.stages[stage].name, place.tip);
        let backup = RefUpdate { name, new: Some(place.tip), old: None };
        let backups =
            if self.git.commit(&backup.name).map_err(setup)?.is_some() { vec![] } else { vec![backup] };
        self.git.update_refs(&backups, "specmake: backup").map_err(setup)?;
        place.worktree.reset_to(Some(&place.branch), tip).map_err(setup)?;
        self.stands_at(place, tip);
        Ok(start)
    }

    /// The commit again on top of another one; none if it does not apply.
    pub(super) fn replay(&self, commit: &Commit, onto: Oid) -> Result<Option<Oid>, GitError> {
        let Some(parent) = commit.parents.first() else { return Ok(None) };
        let Merge::Clean(tree) = self.git.merge_tree_from(*parent, onto, commit.oid)? else {
            return Ok(None);
        };
        let body = self.git.messages(&[commit.oid], &commit.parents)?.pop().map(|entry| entry.body);
        let message = body.unwrap_or_default();
        let commit = NewCommit { tree, parents: &[onto], message: &message, signature: None };
        self.git.commit_tree(&commit).map(Some)
    }

    /// Where a spec stands on the tip of its own workplace.
    pub(super) fn standing_at(&self, place: &Workplace) -> Result<Standing, GitError> {
        self.note_tip(&place.branch, Some(place.tip));
        let base = self.base();
        let commits = self.beyond_base(place.tip, base.tip)?;
        let branch = super::standing::Branch {
            name: place.branch.clone(),
            tip: place.tip,
            commits,
            merging: super::standing::Merging::Contained,
        };
        let tree = self.contents.tree(place.tip)?;
        Ok(Standing {
            base: base.tip,
            history: base.history,
            results: base.results,
            branch: Some(branch),
            tree_oid: place.tip,
            tree,
        })
    }
}

/// The commits from the first attempt at a stage since anything was done on the branch, oldest first.
fn since_first_attempt<'a>(spec: &Spec, stage: usize, commits: &'a [Commit]) -> &'a [Commit] {
    let names = names(spec);
    let stage = &spec.stages[stage].name;
    let is_done = |commit: &Commit| {
        commit.marks.iter().any(|mark| names.contains(&mark.spec()) && !matches!(mark, Mark::Attempt { .. }))
    };
    let is_attempt = |commit: &Commit| {
        commit.marks.iter().any(|mark| {
            matches!(mark, Mark::Attempt { spec, stage: tried, .. } if names.contains(&spec) && tried == stage)
        })
    };
    let done = commits.iter().rposition(is_done).map_or(0, |at| at + 1);
    let first = commits[done..].iter().position(is_attempt);
    first.map_or(&[], |first| &commits[done + first..])
}
