//! Back to the start of a stage: what its attempts left goes under a backup ref, what people did since stays.
use super::judging::setup_failure;
use super::site::Site;
use super::standing::{Standing, names};
use super::workplace::{Workplace, message};
use crate::base::{Oid, StageId, StageName};
use crate::event::{Event, Failure};
use crate::model::Spec;
use crate::rebuild::{Commit, How, Mark};
use crate::sys::git::{GitError, Merge, NewCommit, RefUpdate};
use std::sync::PoisonError;

impl Site {
    /// The commit that the stage's first attempt since its last success began on; the tip if there was none.
    pub(super) fn stage_start(&self, spec: &Spec, stage: usize, tip: Oid) -> Result<Oid, Failure> {
        let commits = self.beyond_base(tip, self.base().tip).map_err(|e| setup_failure(&e))?;
        let since = since_first_attempt(spec, stage, &commits);
        Ok(since.first().and_then(|first| first.parents.first()).copied().unwrap_or(tip))
    }

    /// Takes the branch and its worktree back to the start of a stage, and gives that commit.
    pub(super) fn restart(&self, spec: &Spec, stage: usize, place: &mut Workplace) -> Result<Oid, Failure> {
        let commits = self.beyond_base(place.tip, self.base().tip).map_err(|e| setup_failure(&e))?;
        let since = since_first_attempt(spec, stage, &commits);
        let Some(start) = since.first().and_then(|first| first.parents.first()).copied() else {
            return Ok(place.tip);
        };
        let kept: Vec<&Commit> = since.iter().filter(|commit| commit.is_persons()).collect();
        let tip = self.replay_all(&kept, start)?;
        let id = StageId::new(&spec.name, &spec.stages[stage].name);
        self.go_back(&id, &id.stage, place, tip)?;
        Ok(start)
    }

    /// Takes the branch back to the start of an earlier stage: what that one and those behind it did is dropped and
    /// void, what people and other stages did since stays.
    ///
    /// # Errors
    /// What people did since does not apply without what is dropped, or git fails.
    pub fn restart_from(
        &self,
        position: usize,
        stage: usize,
        from: &StageName,
        failure: &Failure,
    ) -> Result<(), Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let turn = self.turn_of(position);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = self.spec(position);
        let Some(first) = spec.position(from) else {
            return Err(setup_failure(&format!("`{}` has no stage `{from}`", spec.name)));
        };
        let is_behind = |at: usize| at == first || spec.before(at).contains(&first);
        let behind: Vec<&StageName> =
            (0..spec.stages.len()).filter(|at| is_behind(*at)).map(|at| &spec.stages[at].name).collect();
        let standing = self.standing(spec).map_err(setup)?;
        let mut place = self.workplace(spec, &standing)?;
        let commits = self.beyond_base(place.tip, self.base().tip).map_err(setup)?;
        let names = names(spec);
        let is_theirs = |mark: &Mark| {
            names.contains(&mark.spec()) && mark.stages().iter().any(|stage| behind.contains(stage))
        };
        let begins = commits.iter().position(|commit| commit.marks.iter().any(is_theirs));
        let since = begins.map_or(&[][..], |at| &commits[at..]);
        let start = since.first().and_then(|first| first.parents.first()).copied().unwrap_or(place.tip);
        let stays = |commit: &&Commit| {
            commit.is_persons() || (!commit.marks.is_empty() && !commit.marks.iter().any(is_theirs))
        };
        let kept: Vec<&Commit> = since.iter().filter(stays).collect();
        let tip = self.replay_all(&kept, start)?;
        let id = StageId::new(&spec.name, &spec.stages[stage].name);
        let why = format!("taken back because {} failed: {}", id.stage, failure.message);
        let void = |stage: &&StageName| Mark::Void {
            spec: spec.name.clone(),
            stage: (*stage).clone(),
            why: why.clone(),
        };
        let voids: Vec<Mark> = behind.iter().map(void).collect();
        let text = message(&format!("{}: back to {from}", spec.name), &why, &voids);
        let tree = self.git.tree_of(tip).map_err(setup)?;
        let commit = NewCommit { tree, parents: &[tip], message: &text, signature: None };
        let tip = self.git.commit_tree(&commit).map_err(setup)?;
        self.go_back(&id, from, &mut place, tip)
    }

    /// Brings the branch and its clean worktree to a commit; what was there and is there no more goes under a backup
    /// ref, and where that is, is said.
    fn go_back(&self, id: &StageId, to: &StageName, place: &mut Workplace, tip: Oid) -> Result<(), Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let dropped = self.git.tree_of(place.tip).map_err(setup)? != self.git.tree_of(tip).map_err(setup)?;
        let backup = format!("refs/specmake/backup/{}/{}/{}", id.spec, id.stage, place.tip);
        if dropped && self.git.commit(&backup).map_err(setup)?.is_none() {
            let kept = RefUpdate::create(backup.clone(), place.tip);
            self.git.update_refs(&[kept], "specmake: backup").map_err(setup)?;
        }
        place.worktree.reset_to(Some(&place.branch), tip).map_err(setup)?;
        self.stands_at(place, tip);
        let backup = dropped.then_some(backup);
        self.reporter.report(Event::Rewound { stage: id.clone(), to: to.clone(), backup });
        Ok(())
    }

    fn replay_all(&self, commits: &[&Commit], onto: Oid) -> Result<Oid, Failure> {
        let mut tip = onto;
        for commit in commits {
            tip = self.replay(commit, tip).map_err(|e| setup_failure(&e))?.ok_or_else(|| {
                setup_failure(&format!(
                    "cannot restart: what `{}` changed does not apply without what is taken back",
                    commit.oid.short()
                ))
            })?;
        }
        Ok(tip)
    }

    /// Takes a stage that failed as done with its old result: what its attempts left is taken back.
    ///
    /// # Errors
    /// git fails.
    pub fn skip(&self, position: usize, stage: usize, failure: &Failure) -> Result<(), Failure> {
        let turn = self.turn_of(position);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = self.spec(position);
        let standing = self.standing(spec).map_err(|e| setup_failure(&e))?;
        let mut place = self.workplace(spec, &standing)?;
        if spec.runs_beside(stage) {
            self.put_away_side(spec, &spec.stages[stage].name).map_err(|e| setup_failure(&e))?;
        } else {
            self.restart(spec, stage, &mut place)?;
        }
        let standing = self.standing_at(&place).map_err(|e| setup_failure(&e))?;
        let mark = self.taken_as_done(spec, stage, How::Skipped, &standing).map_err(|e| setup_failure(&e))?;
        let subject = format!("{}: {} skipped", spec.name, spec.stages[stage].name);
        self.record_on_branch(spec, &subject, &failure.message, &[mark]).map_err(|e| setup_failure(&e))?;
        Ok(())
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
