//! Landing commits one on top of the other, tested together.
use super::candidate::{Built, Candidate};
use crate::base::Oid;
use crate::rebuild::Commit;
use crate::run::hands::Landed;
use crate::run::judging::{Unjudged, setup_failure};
use crate::run::site::Site;
use crate::sys::git::GitError;

/// A stack of landings on the base.
pub struct Stack {
    /// The base, and its tree.
    base: (Oid, Oid),
    candidates: Vec<Candidate>,
    /// What they have beyond the base, oldest first.
    commits: Vec<Commit>,
}

impl Stack {
    pub(super) fn base(&self) -> Oid {
        self.base.0
    }

    pub(super) fn tip(&self) -> Oid {
        self.part(self.candidates.len()).0
    }

    pub(super) fn tree(&self) -> Oid {
        self.part(self.candidates.len()).1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    pub(super) fn commits(&self) -> &[Commit] {
        &self.commits
    }

    pub(super) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The commit and the tree of the first so many; of the base for none.
    pub(super) fn part(&self, length: usize) -> (Oid, Oid) {
        match length.checked_sub(1).and_then(|at| self.candidates.get(at)) {
            Some(candidate) => (candidate.commit, candidate.tree),
            None => self.base,
        }
    }
}

impl Site {
    /// Stacks as many of the specs as go together, and what became of the others.
    pub(super) fn stack(&self, specs: &[usize]) -> (Option<Stack>, Vec<(usize, Landed)>) {
        let mut ended = Vec::new();
        let mut stack = match self.empty_stack() {
            Ok(stack) => stack,
            Err(error) => {
                let failed = |spec: &usize| (*spec, Landed::Failed(setup_failure(&error)));
                return (None, specs.iter().map(failed).collect());
            }
        };
        for spec in specs {
            let built = self.build_candidate(*spec, &stack).and_then(|built| self.stacked(built, &mut stack));
            match built {
                Ok(None) => {}
                Ok(Some(landed)) => ended.push((*spec, landed)),
                Err(error) => ended.push((*spec, Landed::Failed(setup_failure(&error)))),
            }
        }
        (Some(stack).filter(|stack| !stack.is_empty()), ended)
    }

    fn empty_stack(&self) -> Result<Stack, GitError> {
        self.refresh_base()?;
        let tip = self.base().tip;
        Ok(Stack { base: (tip, self.git.tree_of(tip)?), candidates: Vec::new(), commits: Vec::new() })
    }

    /// Puts a candidate on top. What only records something goes alone: its tree needs no test.
    fn stacked(&self, built: Built, stack: &mut Stack) -> Result<Option<Landed>, Unjudged> {
        let candidate = match built {
            Built::Not(landed) => return Ok(Some(landed)),
            Built::Candidate(candidate) => candidate,
        };
        if stack.candidates.first().is_some_and(|first| first.is_record) {
            return Ok(Some(Landed::Again));
        }
        stack.commits = self.beyond_base(candidate.commit, stack.base())?;
        stack.candidates.push(*candidate);
        Ok(None)
    }
}
