//! A person's word on a spec: it stops until they say otherwise, or it tries again.
use super::record::Unrecorded;
use super::site::Site;
use super::standing::names;
use super::tidy::Kept;
use crate::base::{AgentName, StageName, english};
use crate::event::{Failure, Verdict};
use crate::model::Spec;
use crate::rebuild::{Held, LANDING, Mark};
use crate::sys::git::GitError;
use crate::sys::worktree::Stays;
use serde::{Deserialize, Serialize};

/// How a spec is to try again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Release {
    /// From this stage on, whether it did well or not.
    pub from: Option<StageName>,
    /// In a fresh worktree.
    pub clean: bool,
    /// All its stages, though they may be up to date.
    pub force: bool,
    /// An agent is to mend first what failed.
    pub fix: Option<Fixing>,
}

/// What an agent is to mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixing {
    /// The agent, if not the one that a `fix` step would take.
    pub agent: Option<AgentName>,
    /// What failed.
    pub former: Failure,
}

/// Why a spec could not be released.
#[derive(Debug, thiserror::Error)]
pub enum Unreleased {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// It could not be recorded.
    #[error(transparent)]
    Unrecorded(#[from] Unrecorded),
    /// Its worktree or branch must stay.
    #[error("the worktree of `{0}` stays: {1}")]
    Kept(String, Kept),
    /// It has no such stage.
    #[error("`{spec}` has no stage `{stage}`; its stages: {stages}")]
    NoStage {
        /// The spec.
        spec: String,
        /// What was asked for.
        stage: String,
        /// What there is.
        stages: String,
    },
}

impl Release {
    /// The position of the first stage that is to run again though it was done, if there is one.
    ///
    /// # Errors
    /// The spec has no such stage.
    pub fn first(&self, spec: &Spec) -> Result<Option<usize>, Unreleased> {
        match &self.from {
            None => Ok(self.force.then_some(0)),
            Some(stage) => spec.position(stage).map(Some).ok_or_else(|| {
                let stages: Vec<&str> = spec.stages.iter().map(|stage| stage.name.as_str()).collect();
                let (spec, stage) = (spec.name.to_string(), stage.to_string());
                Unreleased::NoStage { spec, stage, stages: stages.join(", ") }
            }),
        }
    }

    fn flag(&self) -> &'static str {
        if self.from.is_some() { "asked for by `retry --from`" } else { "asked for by `retry --force`" }
    }
}

impl Site {
    /// Records that a person stopped a spec, whatever changes, until `retry`. False where nothing of it is out
    /// of date or in progress.
    ///
    /// # Errors
    /// git fails.
    pub fn hold_spec(&self, position: usize, failure: &Failure) -> Result<bool, Unrecorded> {
        let spec = self.spec(position);
        let standing = self.standing(spec)?;
        let mut next = None;
        for (at, stage) in spec.stages.iter().enumerate() {
            if !matches!(self.judged(spec, at, &standing)?.verdict, Verdict::UpToDate { .. }) {
                next = Some(stage.name.clone());
                break;
            }
        }
        if next.is_none() && standing.branch.is_some() {
            next = StageName::new(LANDING).ok();
        }
        let Some(stage) = next else { return Ok(false) };
        let mark = Mark::Attempt {
            spec: spec.name.clone(),
            stage,
            class: Some(failure.class),
            held: Some(Held::until_retry()),
            why: failure.message.clone(),
        };
        self.record(&format!("{}: hold", spec.name), vec![(position, mark)])?;
        Ok(true)
    }

    /// Lets a spec try again: it holds nothing any more, and what is asked for is void. What there is to know
    /// of where its work is kept.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub fn release(&self, position: usize, release: &Release) -> Result<Vec<String>, Unreleased> {
        let spec = self.spec(position);
        let first = release.first(spec)?;
        let mut told = Vec::new();
        if release.clean {
            let backup =
                self.begin_afresh(spec).map_err(|stays| Unreleased::Kept(spec.name.to_string(), stays))?;
            told.extend(backup.map(|backup| {
                format!("{}: it begins afresh; what was there is kept under `{backup}`", spec.name)
            }));
            told.extend(self.give_up_sides(spec)?);
        }
        let mut marks: Vec<Mark> = Vec::new();
        if let Some(held) = self.standing(spec)?.line().held(&names(spec)) {
            // It stays as it ended, and holds nothing any more.
            let (spec, class, why) = (spec.name.clone(), held.class, held.why);
            marks.push(Mark::Attempt { spec, stage: held.stage, class, held: None, why });
        }
        let again = |at: usize| first.is_some_and(|first| at == first || spec.before(at).contains(&first));
        for (_, stage) in spec.stages.iter().enumerate().filter(|(at, _)| again(*at)) {
            let (spec, stage, why) = (spec.name.clone(), stage.name.clone(), release.flag().to_owned());
            marks.push(Mark::Void { spec, stage, why });
        }
        let marks = marks.into_iter().map(|mark| (position, mark)).collect();
        self.record(&format!("{}: retry", spec.name), marks)?;
        if let (false, Some(edits)) = (release.clean, self.hand_edits(spec)?) {
            told.push(edits);
        }
        Ok(told)
    }

    /// What a person changed in a spec's worktree and did not commit, in words.
    fn hand_edits(&self, spec: &Spec) -> Result<Option<String>, GitError> {
        let Ok(Some(worktree)) = self.worktree_of(spec) else { return Ok(None) };
        if worktree.is_merging() {
            return Ok(None);
        }
        let Some(tip) = self.git.commit(&crate::sys::git::branch_ref(&self.branch_of(spec)))? else {
            return Ok(None);
        };
        // Nothing is committed for a person who is in the middle of something.
        if let Some(Stays::Operation(_) | Stays::OtherBranch(_)) =
            worktree.stays(Some(&self.branch_of(spec)))?
        {
            return Ok(None);
        }
        let changes = worktree.snapshot(tip, &[])?.changes.len();
        let files = english::count(changes, "file");
        let top = worktree.top().display();
        Ok((changes > 0).then(|| {
            format!(
                "{}: your edits to {files} in `{top}` are committed on their own before it runs",
                spec.name
            )
        }))
    }
}
