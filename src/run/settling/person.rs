//! A conflict that is a person's to settle: the merge is begun for them.
use crate::event::Failure;
use crate::model::{FailureClass, Spec};
use crate::run::hands::LeftToPerson;
use crate::run::judging::setup_failure;
use crate::run::onward::Onward;
use crate::run::site::Site;
use crate::run::standing::Standing;
use crate::sys::git::{GitError, branch_ref};
use crate::sys::worktree::Begun;
use std::path::PathBuf;
use std::sync::PoisonError;

impl Site {
    /// Leaves a conflict to a person: the merge is begun in the worktree, with its markers in place. What is to be
    /// said; `tried` and in vain, it is also put on record, so that nobody tries again unasked.
    pub fn leave_conflict(&self, position: usize, failure: Failure, tried: bool) -> LeftToPerson {
        let turn = self.turn_of(position);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = self.spec(position);
        let (class, log) = (FailureClass::Conflict, failure.log.clone());
        let lands = self.is_complete(spec).unwrap_or_default();
        let next = Onward::after_conflict(lands).command(&spec.name);
        let left = self.left_to_person(spec, &failure, tried, &next);
        let message = left.unwrap_or_else(|why| format!("{} ({})", failure.message, why.message));
        let left = Failure { log, ..Failure::new(class, self.mask.text(&message).into_owned()) };
        if tried
            && let Err(error) =
                self.standing(spec).and_then(|standing| self.hold_landing(spec, &standing, &left))
        {
            self.reporter.warn(format!("cannot record that `{}` is held: {error}", spec.name));
        }
        LeftToPerson { failure: left, lands }
    }

    fn left_to_person(
        &self,
        spec: &Spec,
        failure: &Failure,
        tried: bool,
        next: &str,
    ) -> Result<String, Failure> {
        let setup = |error: GitError| setup_failure(&error);
        if self.options.by_hand.is_some_and(|by_hand| by_hand.beside) {
            return Ok(failure.message.clone());
        }
        let standing = self.standing(spec).map_err(setup)?;
        let Some(paths) = standing.conflict().filter(|_| standing.can_be_settled()) else {
            return Ok(failure.message.clone());
        };
        let what = self.conflict_words(spec, paths);
        let what =
            if tried { format!("{what}, which `fix` did not settle: {}", failure.message) } else { what };
        let top = match self.worktree_of(spec).map_err(setup)?.filter(|worktree| worktree.is_merging()) {
            Some(worktree) => worktree.top().to_owned(),
            None => self.begin_for_person(spec, &standing)?,
        };
        Ok(format!(
            "{what}; the merge is begun in `{}`: resolve it, `git commit` it there, then `{next}`; `git merge --abort` there gives it up",
            top.display()
        ))
    }

    fn begin_for_person(&self, spec: &Spec, standing: &Standing) -> Result<PathBuf, Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let place = self.workplace_as_it_is(spec, standing)?;
        self.bring_in(&place.worktree)?;
        let Some(clash) = self.clash(place.tip, standing.base).map_err(setup)? else {
            return Err(setup_failure(&"it merges after all; run again"));
        };
        // By its name, for the sake of the markers' labels.
        let is_there = self.git.commit(&branch_ref(&self.base_branch)).map_err(setup)? == Some(standing.base);
        let base = if is_there { self.base_branch.clone() } else { standing.base.to_string() };
        let begun = place.worktree.begin_merge(&base, &self.merge_title(spec), (place.tip, clash.tree));
        match begun.map_err(setup)? {
            Begun::Conflict => Ok(place.worktree.top().to_owned()),
            Begun::InTheWay(path) => {
                let top = place.worktree.top().display();
                Err(setup_failure(&format!("`{path}` in `{top}` is in the way of a merge")))
            }
        }
    }
}
