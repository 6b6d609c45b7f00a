//! Refs and stash entries that changed while an agent ran. People move refs too, and nothing tells the two apart:
//! a ref that is not specmake's is never moved, only spoken of. What was stashed on the spec's own branch is kept
//! under a backup ref.
use super::attempt::Prepared;
use super::own_moves::Busy;
use super::site::Site;
use crate::base::{Oid, StageId};
use crate::sys::git::{Git, GitError, RefUpdate, branch_ref};
use crate::sys::lock::RefsLock;
use std::collections::BTreeMap;

/// The stash's ref; its entries are the ref's log.
const STASH: &str = "refs/stash";

/// Where the refs of the repository were when an attempt began.
#[derive(Debug)]
pub(super) struct RefsBefore {
    refs: BTreeMap<String, Oid>,
    busy: Busy,
}

impl Site {
    /// The refs now, as an attempt in `worktree` begins.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn note_refs(&self, worktree: &Git) -> Result<RefsBefore, GitError> {
        let busy = self.own_moves.busy();
        Ok(RefsBefore { refs: foreign(worktree)?, busy })
    }

    /// Tells which refs moved or went while an attempt ran, and takes what it stashed off the stash.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn tell_of_refs(&self, prepared: &Prepared, before: &RefsBefore) -> Result<(), GitError> {
        // The worktree of a stage beside others is gone by now.
        let git = prepared.place.worktree.git();
        let now = foreign(git)?;
        if now == before.refs {
            return Ok(());
        }
        let own = branch_ref(&prepared.place.branch);
        for (name, old) in before.refs.iter().filter(|(name, _)| **name != own && *name != STASH) {
            let new = now.get(name).copied();
            if new == Some(*old) || self.is_own_move(name, new, before) || !self.own_moves.is_news(name, new)
            {
                continue;
            }
            self.reporter.warn(self.told(&prepared.id, name, *old, new));
        }
        if before.refs.get(STASH) != now.get(STASH) {
            self.put_stash_back(git, &prepared.id, &prepared.place.branch, before.refs.get(STASH))?;
        }
        Ok(())
    }

    /// Whether specmake, or another stage's attempt on the branch of its spec, may have moved a ref.
    fn is_own_move(&self, name: &str, new: Option<Oid>, before: &RefsBefore) -> bool {
        if name == self.base_ref() {
            return new.is_some_and(|new| self.own_moves.is_landing(new));
        }
        let Some(branch) = name.strip_prefix("refs/heads/").filter(|branch| self.is_marked(branch)) else {
            return false;
        };
        let busy = self.own_moves.busy();
        let mut specs = self.project.specs.values().enumerate();
        let of = specs.find(|(_, spec)| spec.branch == branch || self.branch_of(spec) == branch);
        of.is_some_and(|(spec, _)| {
            let turns = busy.get(&spec);
            turns != before.busy.get(&spec) || turns.is_some_and(|turns| turns.open > 0)
        })
    }

    fn told(&self, id: &StageId, name: &str, old: Oid, new: Option<Oid>) -> String {
        match new {
            None => format!("`{name}` went while {id} ran; `git update-ref {name} {old}` brings it back"),
            Some(new) if name == self.base_ref() => {
                format!("`{}` moved to {new} while {id} ran; it was at {old}", self.base_branch)
            }
            Some(new) => format!(
                "`{name}` moved to {new} while {id} ran; `git update-ref {name} {old} {new}` brings it back"
            ),
        }
    }

    /// Drops the entries that were stashed on a branch since `top` was the newest; each is kept.
    fn put_stash_back(
        &self,
        git: &Git,
        id: &StageId,
        branch: &str,
        top: Option<&Oid>,
    ) -> Result<(), GitError> {
        let lock = RefsLock::take(git)?;
        let entries = stash_entries(git)?;
        if let Some(top) = top.filter(|top| entries.iter().all(|(oid, _)| oid != *top)) {
            self.reporter.warn(format!(
                "{id}: the stash entry {} went while it ran; `git stash store {top}` brings it back",
                top.short()
            ));
            return Ok(());
        }
        let new = entries.iter().take_while(|(oid, _)| Some(oid) != top);
        for (oid, _) in new.filter(|(_, subject)| is_on(subject, branch)) {
            let kept = self.keep_under_backup(id, *oid, &lock)?;
            drop_stashed(git, *oid)?;
            self.reporter
                .warn(format!("{id} stashed changes and left them there; they are kept as `{kept}`"));
        }
        Ok(())
    }

    fn keep_under_backup(&self, id: &StageId, oid: Oid, lock: &RefsLock) -> Result<String, GitError> {
        let name = format!("refs/specmake/backup/{}/{}/{oid}", id.spec, id.stage);
        if self.git.object(&name)?.is_none() {
            let keep = RefUpdate::create(name.clone(), oid);
            self.git.update_refs_locked(&[keep], "specmake: backup", lock)?;
        }
        Ok(name)
    }
}

/// Branches, tags and the stash. What is fetched from elsewhere may move at any time.
fn foreign(git: &Git) -> Result<BTreeMap<String, Oid>, GitError> {
    git.refs(&["refs/heads/", "refs/tags/", STASH])
}

/// The stash, newest first, with git's words for where each was made.
fn stash_entries(git: &Git) -> Result<Vec<(Oid, String)>, GitError> {
    let captured = git.ask(&git.command(["log", "-g", "--format=%H %gs", STASH, "--"]))?;
    let text = captured.text();
    let entries = text.lines().filter_map(|line| line.split_once(' '));
    Ok(entries.filter_map(|(oid, words)| Some((oid.parse().ok()?, words.to_owned()))).collect())
}

/// Takes one entry off the stash. git drops by number only, and people may stash at any time: what went instead is
/// brought back.
fn drop_stashed(git: &Git, oid: Oid) -> Result<(), GitError> {
    let before = stash_entries(git)?;
    let Some(at) = before.iter().position(|(entry, _)| *entry == oid) else { return Ok(()) };
    git.run(&git.command(["stash", "drop", "--quiet", &format!("stash@{{{at}}}")]))?;
    let after = stash_entries(git)?;
    let is_there = |oid: Oid| after.iter().any(|(entry, _)| *entry == oid);
    if !is_there(oid) {
        return Ok(());
    }
    for (lost, words) in before.iter().filter(|(entry, _)| !is_there(*entry)) {
        git.run(&git.command(["stash", "store", "--quiet", "-m", words]).arg(lost.to_string()))?;
    }
    Ok(())
}

/// Whether a stash entry was made on a branch: "WIP on spec/a: ...", "On spec/a: ...".
fn is_on(subject: &str, branch: &str) -> bool {
    let rest = subject.strip_prefix("WIP on ").or_else(|| subject.strip_prefix("On "));
    rest.and_then(|rest| rest.strip_prefix(branch)).is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stash_entry_names_its_branch() {
        assert!(is_on("WIP on spec/a: 1234 subject", "spec/a"));
        assert!(is_on("On spec/a: mine", "spec/a"));
        assert!(!is_on("WIP on spec/ab: 1234 subject", "spec/a"));
        assert!(!is_on("WIP on main: spec/a: x", "spec/a"));
    }
}
