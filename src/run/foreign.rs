//! Refs and stash entries that changed while an agent ran. People move refs too, and nothing tells the two apart:
//! a ref that is not specmake's is never moved, only spoken of. What was stashed on the spec's own branch is kept
//! under a backup ref.
use super::attempt::Prepared;
use super::foreign_config::ConfigBefore;
use super::own_moves::Busy;
use super::site::Site;
use super::workplace::start_ref;
use crate::base::{Oid, StageId};
use crate::sys::git::{Git, GitError, RefUpdate, branch_ref};
use crate::sys::lock::RefsLock;
use std::collections::BTreeMap;

/// The stash's ref; its entries are the ref's log.
const STASH: &str = "refs/stash";

/// Branches, tags and the stash. What is fetched from elsewhere may move at any time.
const FOREIGN: [&str; 3] = ["refs/heads/", "refs/tags/", STASH];

/// Where the refs of the repository were when an attempt began.
#[derive(Debug)]
pub(super) struct RefsBefore {
    refs: BTreeMap<String, Oid>,
    busy: Busy,
    config: ConfigBefore,
}

/// Where they are now that it is over.
#[derive(Debug)]
pub(super) struct RefsAfter {
    refs: BTreeMap<String, Oid>,
    /// The ref that said that the attempt was under way, if it is still there.
    pub(super) start: Option<Oid>,
}

impl Site {
    /// The refs now, as an attempt begins.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn refs_before(&self) -> Result<RefsBefore, GitError> {
        let busy = self.own_moves.busy();
        Ok(RefsBefore { refs: self.git.refs(&FOREIGN)?, busy, config: self.config_before() })
    }

    /// The refs now that an attempt is over, before anything of it is kept.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn refs_after(&self, id: &StageId) -> Result<RefsAfter, GitError> {
        let start = start_ref(&id.spec, &id.stage);
        let mut refs = self.git.refs(&[&FOREIGN[..], &[&start]].concat())?;
        let start = refs.remove(&start);
        Ok(RefsAfter { refs, start })
    }

    /// Tells what changed while an attempt ran that every worktree shares.
    pub(super) fn tell_of_others(&self, prepared: &Prepared, after: Result<RefsAfter, GitError>) {
        let id = &prepared.id;
        self.tell_of_config(id, &prepared.refs.config);
        if let Err(error) = after.and_then(|after| self.tell_of_refs(prepared, &after)) {
            self.reporter.warn(format!("{id}: cannot tell which refs moved while it ran: {error}"));
        }
    }

    /// Tells which refs moved or went, and takes what was stashed off the stash.
    fn tell_of_refs(&self, prepared: &Prepared, after: &RefsAfter) -> Result<(), GitError> {
        let (before, now) = (&prepared.refs, &after.refs);
        if *now == before.refs {
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
            // The worktree may be gone by now; without one, git has no stash in a bare repository.
            let own = prepared.place.worktree.git();
            let git = if prepared.place.worktree.top().is_dir() { own } else { &self.git };
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
