//! A spec that makes its landing red: back to its `check`, or held.
use crate::base::{SpecName, StageName};
use crate::event::Failure;
use crate::model::Spec;
use crate::rebuild::{LANDING, Mark};
use crate::run::hands::Landed;
use crate::run::judging::setup_failure;
use crate::run::site::Site;
use crate::run::standing::Standing;
use crate::sys::git::GitError;
use std::sync::PoisonError;

impl Site {
    /// A first eviction voids the spec's `check`, a second one holds it. `beneath` it was stacked on.
    pub(super) fn evict(
        &self,
        position: usize,
        standing: &Standing,
        mut failure: Failure,
        beneath: &[SpecName],
    ) -> Landed {
        let spec = self.spec(position);
        if !beneath.is_empty() {
            let names: Vec<&str> = beneath.iter().map(SpecName::as_str).collect();
            failure.message = format!("{} (on top of `{}`)", failure.message, names.join("`, `"));
        }
        let check = spec.stages.iter().position(|stage| stage.name.as_str() == "check");
        let Some(check) = check.filter(|_| self.is_first_eviction(position)) else {
            return match self.hold_landing(spec, standing, &failure) {
                Ok(()) => Landed::Held(failure),
                Err(error) => Landed::Failed(setup_failure(&error)),
            };
        };
        self.reporter.warn(format!("{}: {}; it goes back to `check`", spec.name, failure.message));
        let void = Mark::Void {
            spec: spec.name.clone(),
            stage: spec.stages[check].name.clone(),
            why: "its landing's check was red".to_owned(),
        };
        match self.record_on_branch(spec, &format!("{}: back to check", spec.name), &failure.message, &[void])
        {
            Ok(_) => Landed::Stale(vec![check]),
            Err(error) => Landed::Failed(setup_failure(&error)),
        }
    }

    /// In this run; it is none any more after the question.
    fn is_first_eviction(&self, position: usize) -> bool {
        self.evicted.lock().unwrap_or_else(PoisonError::into_inner).insert(position)
    }

    /// Records that a landing is held until a person does something.
    ///
    /// # Errors
    /// git fails.
    pub fn hold_landing(&self, spec: &Spec, standing: &Standing, failure: &Failure) -> Result<(), GitError> {
        let Ok(stage) = StageName::new(LANDING) else { return Ok(()) };
        let mark = Mark::Attempt {
            spec: spec.name.clone(),
            stage,
            class: Some(failure.class),
            held: Some(self.landing_stamp(standing)?),
            why: failure.message.clone(),
        };
        self.record_on_branch(spec, &format!("{}: landing held", spec.name), &failure.message, &[mark])
            .map(drop)
    }
}
