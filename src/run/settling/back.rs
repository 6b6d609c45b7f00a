//! A merge that was not settled, taken back: what lies there is kept, and branch and worktree are as they were.
use super::{MERGE, MERGES, merge_ref};
use crate::base::{Oid, SpecName};
use crate::model::Spec;
use crate::run::site::Site;
use crate::sys::git::{GitError, NewCommit, RefUpdate, branch_ref};
use crate::sys::worktree::Snapshot;

impl Site {
    /// Ends a merge that was not settled: what lies there is kept under the backup that is named, and branch and
    /// worktree are at `tip` again.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn take_merge_back(&self, spec: &Spec, tip: Oid) -> Result<Option<String>, GitError> {
        let branch = self.branch_of(spec);
        let now = self.git.commit(&branch_ref(&branch))?;
        let worktree = self.worktree_of(spec).unwrap_or_default().filter(|worktree| !worktree.is_damaged());
        let mut updates = vec![RefUpdate::delete(merge_ref(&spec.name), tip)];
        let mut backup = None;
        if let Some(worktree) = worktree {
            if worktree.half_reset()?.is_none() {
                let snapshot = worktree.snapshot(tip, &[])?;
                if !snapshot.changes.is_empty() || now != Some(tip) {
                    backup = Some(self.back_up_merge(spec, now.unwrap_or(tip), &snapshot)?);
                }
            }
            worktree.reset_to(Some(&branch), tip)?;
        } else if let Some(now) = now.filter(|now| *now != tip) {
            backup = Some(self.back_up_tip(spec, now)?);
            updates.push(RefUpdate { name: branch_ref(&branch), new: Some(tip), old: Some(now) });
        }
        self.git.update_refs(&updates, "specmake: merge")?;
        self.note_tip(&branch, Some(tip));
        Ok(backup)
    }

    fn back_up_merge(&self, spec: &Spec, onto: Oid, snapshot: &Snapshot) -> Result<String, GitError> {
        let message = format!("{}: how its merge with `{}` was left\n", spec.name, self.base_branch);
        let commit = NewCommit { tree: snapshot.tree, parents: &[onto], message: &message, signature: None };
        let oid = self.git.commit_tree(&commit)?;
        let name = format!("refs/specmake/backup/{}/{MERGE}/{oid}", spec.name);
        if self.git.commit(&name)?.is_none() {
            self.git.update_refs(&[RefUpdate::create(name.clone(), oid)], "specmake: backup")?;
        }
        Ok(name)
    }

    pub(super) fn tell_of_backup(&self, spec: &SpecName, backup: Option<&str>) {
        if let Some(backup) = backup {
            self.reporter.warn(format!(
                "{spec}: the conflict is not settled; what was tried is kept under `{backup}`"
            ));
        }
    }

    /// Takes back the merges in the middle of which an earlier run died.
    ///
    /// # Errors
    /// git fails.
    pub(in crate::run) fn take_dead_merges_back(&self) -> Result<(), GitError> {
        for (name, tip) in self.git.refs(&[MERGES])? {
            let Ok(spec) = SpecName::new(name.trim_start_matches(MERGES)) else { continue };
            let renamed =
                || self.project.specs.values().find(|declared| declared.was.as_ref() == Some(&spec));
            let Some(declared) = self.spec_named(&spec).or_else(renamed) else { continue };
            match self.take_merge_back(declared, tip) {
                Ok(backup) => self.tell_of_backup(&spec, backup.as_deref()),
                Err(error) => self.reporter.warn(format!(
                    "{spec}: the merge that was under way when a run was cut off cannot be taken back yet: {error}"
                )),
            }
        }
        Ok(())
    }
}
