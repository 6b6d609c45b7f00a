//! What goes once a spec has landed: its worktree and its branch, unless somebody still needs them.
use super::site::Site;
use super::standing::names;
use crate::model::Spec;
use crate::rebuild::Line;
use crate::sys::git::GitError;
use crate::sys::worktree::{Retired, Stays, drop_branch, forget_lost_of};

/// Why something stays.
#[derive(Debug, thiserror::Error)]
pub enum Kept {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// It is dirty, in use, locked or has commits that did not land.
    #[error("{0}")]
    Stays(Stays),
    /// The branch is somebody else's.
    #[error("branch `{0}` is not specmake's")]
    NotOurs(String),
    /// Somebody committed to the branch after it landed.
    #[error("branch `{0}` has commits that have not landed")]
    NotLanded(String),
}

impl Site {
    /// Removes the worktree and the branch of a landed spec. Commits that landed as others are kept under a backup ref.
    ///
    /// # Errors
    /// Why they stay.
    pub fn tidy(&self, spec: &Spec) -> Result<(), Kept> {
        let branch = self.branch_of(spec);
        let Some(tip) = self.tip_of(&branch)? else { return Ok(()) };
        let base = self.base();
        let as_it_is = base.history.contains(tip);
        let landed = as_it_is || {
            let commits = self.own_commits(&branch, tip, &base)?;
            Line::new(&base.history, commits).has_landed(&names(spec))
        };
        if !self.is_marked(&branch) || !landed {
            return Err(Kept::NotLanded(branch));
        }
        self.forget_sessions(&spec.name);
        match self.worktree_of(spec)? {
            None => forget_lost_of(&self.git, &branch)?,
            Some(worktree) => match worktree.retire(Some(&branch), self.sparing())? {
                Retired::Gone { not_kept } => self.tell_not_kept(&not_kept),
                Retired::Stays(why) => return Err(Kept::Stays(why)),
            },
        }
        if !as_it_is {
            self.back_up_tip(spec, tip)?;
        }
        for told in self.give_up_sides(spec)? {
            self.reporter.warn(told);
        }
        drop_branch(&self.git, &branch, tip, self.forget_fork(&branch))?;
        self.note_gone(&branch);
        Ok(())
    }

    /// Gives up a spec's worktree and branch, so that it begins at the base again. All that was on the branch
    /// or lay in the worktree goes under a backup ref, whose name it gives.
    ///
    /// # Errors
    /// Why they stay.
    pub fn begin_afresh(&self, spec: &Spec) -> Result<Option<String>, Kept> {
        let branch = self.branch_of(spec);
        let Some(tip) = self.tip_of(&branch)? else { return Ok(None) };
        if !self.is_marked(&branch) {
            return Err(Kept::NotOurs(branch));
        }
        let mut kept = tip;
        if let Some(worktree) = self.sound_worktree(spec, &branch)? {
            (kept, _) = self.empty_out(spec, worktree, tip)?;
        }
        let backup = self.back_up_tip(spec, kept)?;
        drop_branch(&self.git, &branch, kept, self.forget_fork(&branch))?;
        self.note_gone(&branch);
        Ok(Some(backup))
    }
}
