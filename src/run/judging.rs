//! Verdicts on the trees as they are now.
use super::hands::Judgement;
use super::site::Site;
use super::standing::{Standing, names};
use crate::base::{Reason, StageName, Stamp};
use crate::event::{Done, Failure, Verdict};
use crate::graph::{Place, PlaceKind};
use crate::model::{FailureClass, Spec, Target, Work};
use crate::rebuild::result::result_of;
use crate::rebuild::{Judged, Line, NeedNow, Question, Unreadable, is_held, judge};
use crate::sys::git::GitError;
use std::collections::HashSet;
use std::sync::PoisonError;

/// Why a verdict could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum Unjudged {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A tree or blob could not be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Site {
    /// Judges the stages of a spec, and its landing, where it stands now.
    ///
    /// # Errors
    /// git fails.
    pub fn judge_stage(&self, spec: &Spec, stage: usize) -> Result<Judgement, Unjudged> {
        let standing = self.standing(spec)?;
        let line = standing.line();
        let needs = self.needs_now(spec, stage, &standing)?;
        let question = self.question(spec, stage, &standing, &line, &needs);
        let judged = judge(&question)?;
        let reasons = match judged.verdict {
            Verdict::UpToDate { how } => return Ok(Judgement::UpToDate(how)),
            Verdict::OutOfDate { reasons } => reasons,
            Verdict::MayRun { .. } => return Ok(Judgement::OutOfDate(Vec::new())),
        };
        if let Some(held) = line.held(&names(spec))
            && is_held(&question, &held)?
        {
            let class = held.class.unwrap_or(FailureClass::Crash);
            let failure =
                Failure { log: self.former_log(&spec.name, &held.stage), ..Failure::new(class, held.why) };
            return Ok(Judgement::Held(failure));
        }
        if let Some(paths) = standing.conflict() {
            let failure = self.conflict(spec, paths);
            if !standing.can_be_settled() {
                return Ok(Judgement::Held(failure));
            }
            return Ok(match self.held_landing(spec, &standing)? {
                Some(held) => Judgement::Held(held),
                None => Judgement::Conflict(failure),
            });
        }
        if matches!(spec.stages[stage].work, Work::Gate) {
            return Ok(Judgement::AwaitsPerson(reasons));
        }
        Ok(Judgement::OutOfDate(reasons))
    }

    /// Whether a landing is due: the spec has a branch that is not landed.
    ///
    /// # Errors
    /// git fails.
    pub fn judge_landing(&self, spec: &Spec) -> Result<Judgement, Unjudged> {
        let standing = self.standing(spec)?;
        if standing.branch.is_none() {
            return Ok(Judgement::UpToDate(Done::UpToDate));
        }
        Ok(match self.held_landing(spec, &standing)? {
            Some(held) => Judgement::Held(held),
            None => Judgement::OutOfDate(vec![Reason::NotLanded]),
        })
    }

    /// Why the landing of a spec is held, if it is: a person said so, or it was when all stood as it does now.
    fn held_landing(&self, spec: &Spec, standing: &Standing) -> Result<Option<Failure>, GitError> {
        let landing = StageName::new(crate::rebuild::LANDING).ok();
        let Some(held) = standing.line().held(&names(spec)) else { return Ok(None) };
        let is_held = held.is_by_hand()
            || Some(&held.stage) == landing.as_ref() && held.manifest == self.landing_stamp(standing)?;
        let class = held.class.unwrap_or(FailureClass::Check);
        let log = self.former_log(&spec.name, &held.stage);
        Ok(is_held.then(|| Failure { log, ..Failure::new(class, held.why) }))
    }

    /// Whether every stage of a spec is up to date where it stands.
    ///
    /// # Errors
    /// git fails.
    pub fn is_complete(&self, spec: &Spec) -> Result<bool, Unjudged> {
        let standing = self.standing(spec)?;
        for stage in 0..spec.stages.len() {
            if !matches!(self.judged(spec, stage, &standing)?.verdict, Verdict::UpToDate { .. }) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The judgement on any place but a joint.
    pub fn judgement(&self, place: Place) -> Judgement {
        let judged = match self.graph.kind(place) {
            PlaceKind::Stage { spec, stage } => self.judge_stage(self.spec(spec), stage),
            PlaceKind::Landing { spec } => self.judge_landing(self.spec(spec)),
            PlaceKind::LayerEntry { .. } | PlaceKind::LayerEnd { .. } => {
                return Judgement::UpToDate(Done::UpToDate);
            }
        };
        judged.unwrap_or_else(|error| Judgement::Failed(setup_failure(&error)))
    }

    /// The question on a stage.
    pub fn question<'a>(
        &'a self,
        spec: &'a Spec,
        stage: usize,
        standing: &'a Standing,
        line: &'a Line<'a>,
        needs: &'a [NeedNow<'a>],
    ) -> Question<'a> {
        Question {
            spec,
            stage,
            line,
            tree: &standing.tree,
            trees: &self.contents,
            needs,
            agent_counts: self.project.settings.agent_is_ingredient,
            model_counts: self.project.settings.model_is_ingredient,
            what_if: self.what_if(spec, stage),
        }
    }

    /// The verdict on a stage and what it was compared with.
    ///
    /// # Errors
    /// git fails.
    pub fn judged(&self, spec: &Spec, stage: usize, standing: &Standing) -> Result<Judged, Unjudged> {
        let line = standing.line();
        let needs = self.needs_now(spec, stage, standing)?;
        Ok(judge(&self.question(spec, stage, standing, &line, &needs))?)
    }

    /// The needs that count for a stage, with the results that they have on the base.
    ///
    /// # Errors
    /// A blob cannot be read.
    pub fn needs_now<'a>(
        &'a self,
        spec: &'a Spec,
        stage: usize,
        standing: &Standing,
    ) -> Result<Vec<NeedNow<'a>>, Unjudged> {
        let own = spec
            .needs
            .iter()
            .filter(|need| need.for_stage.as_ref().is_none_or(|from| counts_from(spec, from, stage)));
        let own = own.map(|need| (&need.target, matches!(need.target, Target::Layer(_))));
        let layer = spec.layer.as_ref().and_then(|layer| self.project.layers.get(layer));
        let of_layer = layer.into_iter().flat_map(|layer| &layer.needs).map(|(target, _)| (target, true));
        let mut seen = HashSet::new();
        let mut needs = Vec::new();
        for (target, via_layer) in own.chain(of_layer) {
            for spec in self.meant_by(target).filter(|spec| seen.insert(&spec.name)) {
                needs.push(NeedNow { spec, via_layer, result: self.result_in(spec, standing)? });
            }
        }
        Ok(needs)
    }

    fn meant_by<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Spec> {
        let named = match target {
            Target::Spec(name) => vec![name],
            Target::Layer(layer) => {
                self.project.layers.get(layer).into_iter().flat_map(|l| &l.specs).collect()
            }
        };
        named.into_iter().filter_map(|name| self.spec_named(name))
    }

    fn result_in(&self, spec: &Spec, standing: &Standing) -> Result<Option<Stamp>, Unreadable> {
        let known = standing.results.lock().unwrap_or_else(PoisonError::into_inner).get(&spec.name).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let result = result_of(spec, &Line::new(&standing.history, Vec::new()), &self.contents)?;
        standing.results.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.name.clone(), result);
        Ok(result)
    }

    /// What a held landing was held against: this branch on this base, and the check as it is.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn landing_stamp(&self, standing: &Standing) -> Result<Stamp, GitError> {
        Ok(self.check_stamp(self.git.tree_of(standing.tree_oid)?))
    }

    /// The failure of a branch that does not merge with the base.
    pub(super) fn conflict(&self, spec: &Spec, paths: &[String]) -> Failure {
        let (what, base) = (self.conflict_words(spec, paths), &self.base_branch);
        let message = format!("{what}; merge `{base}` in its worktree, commit, then run again");
        Failure::new(FailureClass::Conflict, message)
    }

    /// "branch `spec/b` conflicts with `main` in a.txt".
    pub(super) fn conflict_words(&self, spec: &Spec, paths: &[String]) -> String {
        let shown: Vec<&str> = paths.iter().take(5).map(String::as_str).collect();
        format!(
            "branch `{}` conflicts with `{}` in {}",
            self.branch_of(spec),
            self.base_branch,
            shown.join(", ")
        )
    }
}

/// Whether a stage is `from` or comes after it.
fn counts_from(spec: &Spec, from: &StageName, stage: usize) -> bool {
    spec.stages[stage].name == *from
        || spec.before(stage).iter().any(|before| spec.stages[*before].name == *from)
}

/// A failure of our own environment.
pub fn setup_failure(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureClass::Setup, error.to_string())
}
