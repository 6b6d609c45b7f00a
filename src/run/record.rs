//! What has no commit of its own gets an empty one: on the spec's branch if it is in progress, else on the base.
use super::judging::Unjudged;
use super::site::Site;
use super::standing::Standing;
use super::workplace::message;
use crate::base::Oid;
use crate::event::Failure;
use crate::model::Spec;
use crate::rebuild::deed::{Deed, trace};
use crate::rebuild::{How, Mark, Trace, hold_stamp, judge, manifest};
use crate::sys::git::{GitError, NewCommit, RefUpdate, branch_ref};
use crate::sys::landing::{self as sync, Move, Moved};
use std::sync::PoisonError;

/// Why something could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum Unrecorded {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A stage could not be judged.
    #[error(transparent)]
    Unjudged(#[from] Unjudged),
    /// The base cannot move now.
    #[error("`{base}` cannot move now: {why}")]
    Busy {
        /// The base.
        base: String,
        /// Why.
        why: String,
    },
}

impl Site {
    /// An empty commit with these marks on the spec's branch.
    ///
    /// # Errors
    /// git fails, or there is no branch.
    pub fn record_on_branch(
        &self,
        spec: &Spec,
        subject: &str,
        body: &str,
        marks: &[Mark],
    ) -> Result<Oid, GitError> {
        let branch = self.branch_of(spec);
        let name = branch_ref(&branch);
        let tip = self.git.require_commit(&name)?;
        let (tree, text) = (self.git.tree_of(tip)?, message(subject, body, marks));
        let commit = NewCommit { tree, parents: &[tip], message: &text, signature: None };
        let oid = self.git.commit_tree(&commit)?;
        self.git.update_refs(&[RefUpdate::advance(name, tip, oid)], "specmake: record")?;
        self.note_tip(&branch, Some(oid));
        Ok(oid)
    }

    /// An empty commit with these marks on the base, adoptions that nothing records yet among them.
    ///
    /// # Errors
    /// git fails, or the base cannot move now.
    pub fn record_on_base(&self, subject: &str, marks: &[Mark]) -> Result<Oid, Unrecorded> {
        let base = self.base();
        let mut marks = marks.to_vec();
        marks.extend(base.unrecorded.iter().map(crate::rebuild::Adopted::mark));
        let (tree, text) = (self.git.tree_of(base.tip)?, message(subject, "", &marks));
        let commit = NewCommit { tree, parents: &[base.tip], message: &text, signature: None };
        let oid = self.git.commit_tree(&commit)?;
        let busy = |why: String| Unrecorded::Busy { base: self.base_branch.clone(), why };
        let step = Move {
            branch: self.base_branch.clone(),
            old: base.tip,
            new: oid,
            reason: format!("specmake: {subject}"),
        };
        self.own_moves.lands(oid);
        match sync::move_branch(&self.git, &step)? {
            Moved::Done => {}
            Moved::Busy(why) => return Err(busy(why.to_string())),
            Moved::Collision { paths } => {
                return Err(busy(format!("`{}` is in the way", paths.join("`, `"))));
            }
            Moved::BaseMoved { .. } => return Err(busy("somebody else just moved it".to_owned())),
        }
        self.base_moved(oid)?;
        self.adoptions_recorded();
        Ok(oid)
    }

    /// Records marks of several specs: one commit on each branch in progress, one on the base for all others.
    ///
    /// # Errors
    /// git fails, or the base cannot move now.
    pub fn record(&self, subject: &str, marks: Vec<(usize, Mark)>) -> Result<(), Unrecorded> {
        let mut on_base = Vec::new();
        let mut on_branches: std::collections::BTreeMap<usize, Vec<Mark>> = std::collections::BTreeMap::new();
        for (position, mark) in marks {
            match self.standing(self.spec(position))?.branch {
                Some(_) => on_branches.entry(position).or_default().push(mark),
                None => on_base.push(mark),
            }
        }
        for (position, marks) in on_branches {
            // A stage beside the one that this is about may be putting its outputs there.
            let turn = self.turn_of(position);
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.record_on_branch(self.spec(position), subject, "", &marks)?;
        }
        if !on_base.is_empty() {
            self.record_on_base(subject, &on_base)?;
        }
        Ok(())
    }

    /// Records that a stage stopped its spec, against the manifest as it now is.
    ///
    /// # Errors
    /// git fails.
    pub fn record_hold(&self, position: usize, stage: usize, failure: &Failure) -> Result<(), Unrecorded> {
        let spec = self.spec(position);
        let standing = self.standing(spec)?;
        let line = standing.line();
        let needs = self.needs_now(spec, stage, &standing)?;
        let held = hold_stamp(&self.question(spec, stage, &standing, &line, &needs));
        let mark = Mark::Attempt {
            spec: spec.name.clone(),
            stage: spec.stages[stage].name.clone(),
            class: Some(failure.class),
            held: Some(held),
            why: failure.message.clone(),
        };
        let subject = format!("{}: {} held", spec.name, spec.stages[stage].name);
        self.record(&subject, vec![(position, mark)])
    }

    /// The mark that takes a stage as done on the trees as they are: touched, or approved by a person.
    ///
    /// # Errors
    /// git fails.
    pub fn taken_as_done(
        &self,
        spec: &Spec,
        stage: usize,
        how: How,
        standing: &Standing,
    ) -> Result<Mark, Unjudged> {
        let line = standing.line();
        let needs = self.needs_now(spec, stage, standing)?;
        let question = self.question(spec, stage, standing, &line, &needs);
        let seen = manifest(&question)?;
        let former_change = judge(&question)?.former_change;
        let from = standing.branch.as_ref().map_or(standing.base, |branch| branch.tip);
        let deed = Deed { how, from, seen: &seen, left: &standing.tree, changed: &[], former_change };
        // On a branch it is said of that merged with the base as it is.
        let at = standing.branch.as_ref().map(|_| standing.base);
        Ok(Mark::Trace(Trace { at, ..trace(&question, &deed)? }))
    }
}
