//! What a landing changes, held against what its spec says that it touches.
use super::candidate::Candidate;
use crate::base::{Oid, english};
use crate::event::Failure;
use crate::model::{FailureClass, Spec, TouchesPolicy};
use crate::rebuild::is_own;
use crate::run::hands::Landed;
use crate::run::site::Site;
use crate::run::standing::Standing;
use crate::sys::git::GitError;

/// How many of the paths are named.
const SHOWN: usize = 5;

impl Site {
    /// Why a spec may not land: `touches "strict"`, and it changes more than it says.
    pub(super) fn oversteps(&self, spec: &Spec, standing: &Standing) -> Result<Option<Landed>, GitError> {
        if self.project.settings.touches != TouchesPolicy::Strict {
            return Ok(None);
        }
        let message = self.overstep(spec, standing.base, standing.tree_oid)?;
        let held = |message: String| {
            let message = format!("{message}; undo that on `{}`, or add it there", self.branch_of(spec));
            Landed::Held(Failure::new(FailureClass::Leak, message))
        };
        Ok(message.map(held))
    }

    /// Says so when a spec landed more than it says that it touches.
    pub(super) fn warn_of_overstep(&self, candidate: &Candidate) {
        let spec = self.spec(candidate.spec);
        if candidate.is_record {
            return;
        }
        if let Ok(Some(message)) = self.overstep(spec, candidate.onto, candidate.tree) {
            self.reporter.warn(format!("{}: {message}", spec.name));
        }
    }

    fn overstep(&self, spec: &Spec, old: Oid, new: Oid) -> Result<Option<String>, GitError> {
        if spec.touches.is_empty() {
            return Ok(None);
        }
        let changed = self.git.diff_tree(old, new)?.into_iter().map(|change| change.path);
        let outside: Vec<String> = changed.filter(|path| !may_change(spec, path)).collect();
        if outside.is_empty() {
            return Ok(None);
        }
        let mut shown: Vec<String> = outside.iter().take(SHOWN).map(|path| format!("`{path}`")).collect();
        if outside.len() > SHOWN {
            shown.push(format!("{} more", outside.len() - SHOWN));
        }
        Ok(Some(format!("changed {} outside its `touches`", english::list(&shown, "and"))))
    }
}

/// What a spec says, its own folder, and what its stages are there to make.
fn may_change(spec: &Spec, path: &str) -> bool {
    is_own(spec, path) || spec.makes(path) || spec.touches.iter().any(|pattern| pattern.matches(path))
}
