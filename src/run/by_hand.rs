//! What a person needs who works on a spec by hand: its worktree and environment, what has changed, and a way out.
use super::launch::PORTS;
use super::settling::merge_ref;
use super::site::Site;
use super::standing::names;
use super::tidy::Kept;
use crate::agent::command::Surroundings;
use crate::base::Oid;
use crate::model::Spec;
use crate::rebuild::{Last, Line};
use crate::sys::git::{GitError, branch_ref};
use crate::sys::lock::BuildLock;
use crate::sys::worktree::Worktree;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a spec changed: two names that git can compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The commit before.
    pub from: Oid,
    /// The commit, or the tree of a worktree, after.
    pub to: Oid,
    /// Whether that is a tree with edits that are not committed.
    pub uncommitted: bool,
}

/// A worktree that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Where it was.
    pub path: PathBuf,
    /// The branch that keeps its work.
    pub branch: String,
    /// The commit of what a person had changed in it.
    pub edits: Option<Oid>,
    /// Where is what a person had changed in those of single stages, in words.
    pub beside: Vec<String>,
}

/// Names of the contract that a person's own shell must not carry: by them processes of attempts are found and
/// ended.
const NOT_BY_HAND: [&str; 5] =
    ["SPECMAKE_RUN", "SPECMAKE_WORKTREE", "SPECMAKE_ATTEMPT", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR"];

impl Site {
    /// The environment of a spec's stages, as far as it does a person any good.
    pub fn shell_env(&self, spec: &Spec, worktree: &Path) -> Vec<(OsString, OsString)> {
        let surroundings = Surroundings {
            run: "",
            spec: Some(spec.name.as_str()),
            stage: "shell",
            attempt: 0,
            worktree,
            folder: Some(&spec.folder),
            slot: 0,
            port_base: PORTS.0,
        };
        let mut env = surroundings.env();
        env.retain(|(name, _)| !NOT_BY_HAND.iter().any(|other| name == other));
        env
    }

    /// Whether an attempt of a spec is under way in a run that is on.
    ///
    /// # Errors
    /// git fails.
    pub fn is_at_work(&self, spec: &Spec) -> Result<bool, GitError> {
        let started = format!("refs/specmake/start/{}/", spec.name);
        let begun = self.git.refs(&[&started, &merge_ref(&spec.name)])?;
        Ok(!begun.is_empty() && BuildLock::holder(&self.git)?.is_some())
    }

    /// What a spec changed so far, edits in its worktree included, or in its landing; of one stage, what its
    /// last attempts or its last success changed. Nothing where nothing is known.
    ///
    /// # Errors
    /// git fails.
    pub fn difference(&self, spec: &Spec, stage: Option<usize>) -> Result<Option<Difference>, GitError> {
        let standing = self.standing(spec)?;
        let line = standing.line();
        let now = match &standing.branch {
            Some(branch) => Some(self.as_it_lies(spec, branch.tip)?),
            None => None,
        };
        let Some(at) = stage else {
            return match now {
                Some((tip, to)) => {
                    let from = self.git.merge_base(tip, standing.base)?.unwrap_or(standing.base);
                    Ok(Some(Difference { from, to, uncommitted: tip != to }))
                }
                None => Ok(landing(spec, &line)),
            };
        };
        if let Some((tip, to)) = now {
            let from = self.stage_start(spec, at, tip).unwrap_or(tip);
            if from != tip {
                return Ok(Some(Difference { from, to, uncommitted: tip != to }));
            }
        }
        let names = names(spec);
        let Last::Done { trace, since } = line.last(&names, &spec.stages[at].name) else { return Ok(None) };
        let commit = line.commit(since);
        let from = trace.from.or(commit.parents.first().copied());
        Ok(from.map(|from| Difference { from, to: commit.oid, uncommitted: false }))
    }

    /// The tip of a spec's branch, and that or the tree of its worktree where a person has edits.
    fn as_it_lies(&self, spec: &Spec, tip: Oid) -> Result<(Oid, Oid), GitError> {
        let Ok(Some(worktree)) = self.worktree_of(spec) else { return Ok((tip, tip)) };
        let snapshot = worktree.snapshot(tip, &[])?;
        Ok((tip, if snapshot.changes.is_empty() { tip } else { snapshot.tree }))
    }

    /// Gives up a spec's worktree; its branch stays, and has what a person changed.
    ///
    /// # Errors
    /// Why it stays.
    pub fn give_up_worktree(&self, spec: &Spec) -> Result<Option<GivenUp>, Kept> {
        let branch = self.branch_of(spec);
        let Some(worktree) = self.worktree_of(spec)? else { return Ok(None) };
        if !self.is_marked(&branch) {
            return Err(Kept::NotOurs(branch));
        }
        let tip = self.git.require_commit(&branch_ref(&branch))?;
        let path = worktree.top().to_owned();
        let (kept, edits) = self.empty_out(spec, worktree, tip)?;
        let beside = self.give_up_sides(spec)?;
        Ok(Some(GivenUp { path, branch, edits: edits.then_some(kept), beside }))
    }

    /// Removes a worktree of ours once what a person changed in it is a commit: the tip of its branch after that,
    /// and whether there was anything.
    ///
    /// # Errors
    /// Why it stays.
    pub(super) fn empty_out(&self, spec: &Spec, worktree: Worktree, tip: Oid) -> Result<(Oid, bool), Kept> {
        use super::workplace::Workplace;
        use crate::sys::worktree::Stays;
        let branch = self.branch_of(spec);
        if let Some(stays) = worktree.stays(Some(&branch))?
            && !matches!(stays, Stays::Dirty(_))
            && worktree.half_reset()?.is_none()
        {
            return Err(Kept::Stays(stays));
        }
        let mut place = Workplace { worktree, branch, tip };
        let edits = self.keep_hand_edits(spec, &mut place)?.is_some();
        match place.worktree.remove(Some(&place.branch))? {
            Some(stays) => Err(Kept::Stays(stays)),
            None => Ok((place.tip, edits)),
        }
    }
}

/// What the last landing of a spec brought.
fn landing(spec: &Spec, line: &Line<'_>) -> Option<Difference> {
    let names = names(spec);
    let landings = names.iter().flat_map(|name| line.standing_landings(name));
    let commit = line.commit(landings.map(|(seq, _)| seq).max()?);
    let from = commit.parents.first().copied()?;
    Some(Difference { from, to: commit.oid, uncommitted: false })
}
