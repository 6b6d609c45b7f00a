//! `when`: a shell line that may say no before a spec or a stage begins.
use super::hands::Judgement;
use super::judging::setup_failure;
use super::site::Site;
use super::standing::Branch;
use crate::base::{Oid, SpecName};
use crate::event::Failure;
use crate::sys::child::GIT_FAMILY;
use crate::sys::process::Invocation;

impl Site {
    /// Whether a `when` stands before this stage.
    pub fn asks_when(&self, spec: usize, stage: usize) -> bool {
        let spec = self.spec(spec);
        spec.when.is_some() || spec.stages[stage].when.is_some()
    }

    /// Asks the spec's `when` and the stage's, in the landing worktree. `None`: go on.
    pub fn when(&self, spec: usize, stage: usize) -> Option<Judgement> {
        let spec = self.spec(spec);
        if let Some(line) = &spec.when {
            match self.says_yes(line, &spec.name, self.base().tip) {
                Ok(true) => {}
                Ok(false) => return Some(Judgement::SpecSkipped(format!("`when` said no: {line}"))),
                Err(failure) => return Some(Judgement::Failed(failure)),
            }
        }
        let line = spec.stages[stage].when.as_ref()?;
        let standing = match self.standing(spec) {
            Ok(standing) => standing,
            Err(error) => return Some(Judgement::Failed(setup_failure(&error))),
        };
        let commit = standing.branch.as_ref().map_or(standing.base, |Branch { tip, .. }| *tip);
        match self.says_yes(line, &spec.name, commit) {
            Ok(true) => None,
            Ok(false) => Some(Judgement::Skipped(format!("`when` said no: {line}"))),
            Err(failure) => Some(Judgement::Failed(failure)),
        }
    }

    fn says_yes(&self, line: &str, spec: &SpecName, commit: Oid) -> Result<bool, Failure> {
        let worktree = self.landing_worktree(commit)?;
        let mut ask = Invocation::new("sh").arg("-c").arg(line).cwd(worktree.top());
        for name in GIT_FAMILY {
            ask = ask.without_env(name);
        }
        for (name, value) in self.around_landing(&worktree, spec, "when", 1).env() {
            ask = ask.env(name, value);
        }
        let answer = ask.capture().map_err(|e| setup_failure(&format!("cannot ask `when`: {e}")))?;
        Ok(answer.status.success())
    }
}
