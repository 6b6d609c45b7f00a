//! The commit that would land a spec, on the base or on what lands before it.
use super::stack::Stack;
use super::strategy::Wanted;
use crate::base::{Oid, SpecName, StageName, Stamp};
use crate::event::{LandingPhase, Verdict};
use crate::model::Spec;
use crate::rebuild::result::{Changed, landing_result, result_of};
use crate::rebuild::{Adopted, How, LANDING, Line, Mark, Trace};
use crate::run::contents::file_id;
use crate::run::hands::Landed;
use crate::run::judging::{Unjudged, setup_failure};
use crate::run::site::Site;
use crate::run::standing::{Branch, Merging, Standing, names};
use crate::run::workplace::message;
use crate::sys::git::{GitError, Merge, NewCommit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A landing commit that waits for its test.
pub struct Candidate {
    /// The position of its spec.
    pub(super) spec: usize,
    /// The commit that it lands on.
    pub(super) onto: Oid,
    pub(super) tree: Oid,
    pub(super) commit: Oid,
    pub(super) result: Stamp,
    /// Whether the result is another than before.
    pub(super) changed: bool,
    /// It only records what the base has already.
    pub(super) is_record: bool,
    pub(super) standing: Standing,
    /// Adoptions that it records along the way.
    pub(super) recorded: Arc<Vec<Adopted>>,
}

/// What became of the wish to land.
pub(super) enum Built {
    Candidate(Box<Candidate>),
    Not(Landed),
}

impl From<Landed> for Built {
    fn from(landed: Landed) -> Self {
        Self::Not(landed)
    }
}

impl Site {
    /// The commit that would land a spec on a stack, if its branch merges and nothing in it is out of date there.
    /// What keeps it from landing is found out against the base alone; what only the stack is in the way of comes
    /// again.
    pub(super) fn build_candidate(&self, position: usize, stack: &Stack) -> Result<Built, Unjudged> {
        let spec = self.spec(position);
        self.phase(&spec.name, LandingPhase::Probing);
        let mut standing = self.standing(spec)?;
        if matches!(&standing.branch, Some(Branch { merging: Merging::Replayed, .. })) {
            if let Err(failure) = self.workplace(spec, &standing) {
                return Ok(Landed::Held(failure).into());
            }
            standing = self.standing(spec)?;
        }
        let Some(branch) = &standing.branch else { return self.gone(position, &standing).map(Built::Not) };
        let branch = branch.name.clone();
        let stale = self.stale(spec, &standing)?;
        let elsewhere = if stale.is_empty() { self.landed_elsewhere(&standing)? } else { None };
        if let Some(at) = elsewhere {
            return match stack.is_empty() {
                true => Ok(Built::Candidate(Box::new(self.record_of(position, standing, at)?))),
                false => Ok(Landed::Again.into()),
            };
        }
        if let Some(paths) = standing.conflict() {
            let failure = self.conflict(spec, paths);
            let settles = standing.can_be_settled();
            return Ok(if settles { Landed::Conflict(failure) } else { Landed::Held(failure) }.into());
        }
        if !stale.is_empty() {
            return Ok(Landed::Stale(stale).into());
        }
        if let Some(held) = self.oversteps(spec, &standing)? {
            return Ok(held.into());
        }
        if !self.project.land.on && self.options.by_hand.is_none() {
            return Ok(Landed::Delivered { branch }.into());
        }
        if !stack.is_empty() {
            let Some(lifted) = self.lifted(standing, stack)? else { return Ok(Landed::Again.into()) };
            if !self.stale(spec, &lifted)?.is_empty() {
                return Ok(Landed::Again.into());
            }
            standing = lifted;
        }
        Ok(Built::Candidate(Box::new(self.candidate_of(position, standing, stack)?)))
    }

    /// The stages that are out of date where a spec would land.
    fn stale(&self, spec: &Spec, standing: &Standing) -> Result<Vec<usize>, Unjudged> {
        let mut stale = Vec::new();
        for stage in 0..spec.stages.len() {
            if !matches!(self.judged(spec, stage, standing)?.verdict, Verdict::UpToDate { .. }) {
                stale.push(stage);
            }
        }
        Ok(stale)
    }

    /// Where a spec stands on a stack: as if the base had moved there. `None`: it does not merge, or changes nothing
    /// there.
    fn lifted(&self, standing: Standing, stack: &Stack) -> Result<Option<Standing>, GitError> {
        let Some(branch) = &standing.branch else { return Ok(None) };
        let Merge::Clean(tree_oid) = self.merged(stack.tip(), branch.tip)? else { return Ok(None) };
        if tree_oid == stack.tree() {
            return Ok(None);
        }
        let mut commits = branch.commits.clone();
        commits.extend(stack.commits().iter().cloned());
        let branch = Branch { commits, merging: Merging::Clean, ..branch.clone() };
        let tree = self.contents.tree(tree_oid)?;
        Ok(Some(Standing { base: stack.tip(), branch: Some(branch), tree_oid, tree, ..standing }))
    }

    fn candidate_of(
        &self,
        position: usize,
        standing: Standing,
        stack: &Stack,
    ) -> Result<Candidate, Unjudged> {
        let spec = self.spec(position);
        let onto = standing.base;
        let tree = self.git.tree_of(standing.tree_oid)?;
        let changes = self.git.diff_tree(onto, standing.tree_oid)?;
        let changed: Vec<Changed> =
            changes.into_iter().map(|change| (change.path.into(), change.new.map(file_id))).collect();
        let former = result_of(spec, &Line::new(&standing.history, Vec::new()), &self.contents)?;
        let result = landing_result(spec, former, &changed, &standing.tree, &self.contents)?;
        // The first of a stack records what was adopted.
        let recorded = if stack.is_empty() { self.base().unrecorded } else { Arc::default() };
        let unchecked = self.is_unchecked() && !self.project.land.check.is_empty();
        let message = landing_message(spec, result, (None, unchecked), &recorded);
        let commit = match &standing.branch {
            Some(branch) => self.landing_commit(&Wanted { spec, branch, onto, tree, message: &message })?,
            None => onto,
        };
        let changed = former != Some(result);
        let is_record = false;
        Ok(Candidate { spec: position, onto, tree, commit, result, changed, is_record, standing, recorded })
    }

    /// The commit that records a landing made elsewhere: the base's tree with the branch behind it.
    fn record_of(&self, position: usize, standing: Standing, at: Oid) -> Result<Candidate, Unjudged> {
        let spec = self.spec(position);
        let (onto, tip) = (standing.base, standing.branch.as_ref().map(|branch| branch.tip));
        let tree = self.git.tree_of(onto)?;
        let former = result_of(spec, &Line::new(&standing.history, Vec::new()), &self.contents)?;
        let result = match result_of(spec, &standing.line(), &self.contents)? {
            Some(result) => result,
            None => landing_result(spec, former, &[], &standing.tree, &self.contents)?,
        };
        let recorded = self.base().unrecorded;
        let text = landing_message(spec, result, (Some(at), false), &recorded);
        let parents: Vec<Oid> = std::iter::once(onto).chain(tip).collect();
        let commit = NewCommit { tree, parents: &parents, message: &text, signature: None };
        let commit = self.make_merge(&commit)?;
        let (changed, is_record) = (former != Some(result), true);
        Ok(Candidate { spec: position, onto, tree, commit, result, changed, is_record, standing, recorded })
    }

    /// Somebody merged the branch, or took it away, while it waited for its turn.
    fn gone(&self, position: usize, standing: &Standing) -> Result<Landed, Unjudged> {
        let spec = self.spec(position);
        let line = Line::new(&standing.history, Vec::new());
        let result = result_of(spec, &line, &self.contents)?;
        let Some(result) = result.filter(|_| line.has_landed(&names(spec))) else {
            let message = format!("branch `{}` went before it could land", spec.branch);
            return Ok(Landed::Failed(setup_failure(&message)));
        };
        self.leave(position);
        Ok(Landed::Landed { commit: standing.base.to_string(), result, changed: true })
    }

    pub(super) fn names_of(&self, candidates: &[Candidate]) -> Vec<SpecName> {
        candidates.iter().map(|candidate| self.spec(candidate.spec).name.clone()).collect()
    }
}

/// `elsewhere` is the commit that landed it, if that was none of ours; `unchecked` one that nobody tested.
fn landing_message(
    spec: &Spec,
    result: Stamp,
    (elsewhere, unchecked): (Option<Oid>, bool),
    recorded: &[Adopted],
) -> String {
    let landing = StageName::new(LANDING).into_iter().collect();
    let landed = Mark::Trace(Trace {
        spec: spec.name.clone(),
        stages: landing,
        how: if elsewhere.is_some() { How::Elsewhere } else { How::Ran },
        at: elsewhere,
        from: None,
        change: None,
        result: Some(result),
        ingredients: BTreeMap::new(),
    });
    let marks: Vec<Mark> = std::iter::once(landed).chain(recorded.iter().map(Adopted::mark)).collect();
    let title = spec.description.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    let body =
        if unchecked { format!("{title}\n\nThe landing's check was not run.") } else { title.to_owned() };
    message(&format!("land {}", spec.name), &body, &marks)
}
