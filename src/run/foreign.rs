//! Refs and stash entries that an agent made or moved beside its own branch: kept under a backup ref and put
//! back. People move refs too while agents run, so only what the worktree's own reflog proves is undone.
use super::attempt::Prepared;
use super::site::Site;
use crate::base::{Oid, StageId};
use crate::sys::git::{Git, GitError, RefUpdate, branch_ref};
use crate::sys::lock::RefsLock;
use std::collections::{BTreeMap, BTreeSet};

/// The stash's ref; its entries are the ref's log.
const STASH: &str = "refs/stash";

/// Where the refs of the repository were when an attempt began.
#[derive(Debug)]
pub(super) struct RefsBefore {
    refs: BTreeMap<String, Oid>,
    /// How long the log of the worktree's HEAD was.
    log: usize,
}

/// What an agent did with HEAD in its worktree.
#[derive(Debug, Default)]
struct Footprint {
    /// Commits that HEAD was at.
    commits: BTreeSet<Oid>,
    /// Branches that it switched to.
    branches: BTreeSet<String>,
}

impl RefsBefore {
    /// The refs now, as an attempt in `worktree` begins.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn note(worktree: &Git) -> Result<Self, GitError> {
        Ok(Self { refs: foreign(worktree)?, log: head_log(worktree).len() })
    }
}

impl Site {
    /// Puts back what the agent did to refs that are not its own.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn put_refs_back(&self, prepared: &Prepared, before: &RefsBefore) -> Result<(), GitError> {
        let git = prepared.worktree().git();
        let now = foreign(git)?;
        if now == before.refs {
            return Ok(());
        }
        let log = head_log(git);
        let mut print = footprint(log.get(before.log..).unwrap_or_default());
        print.branches.retain(|branch| !before.refs.contains_key(&branch_ref(branch)));
        print.branches.insert(prepared.place.branch.clone());
        let own = branch_ref(&prepared.place.branch);
        let names: BTreeSet<&String> = before.refs.keys().chain(now.keys()).collect();
        for name in names.into_iter().filter(|name| **name != own && name.as_str() != STASH) {
            let (old, new) = (before.refs.get(name).copied(), now.get(name).copied());
            let is_ours = name.strip_prefix("refs/heads/").is_some_and(|branch| self.is_marked(branch));
            if old == new || is_ours {
                continue;
            }
            let Some(at) = new else {
                let old = old.unwrap_or(prepared.started);
                self.reporter.warn(format!(
                    "{}: `{name}` went while it ran; `git update-ref {name} {old}` brings it back",
                    prepared.id
                ));
                continue;
            };
            let switched = || print.branches.iter().any(|branch| *name == branch_ref(branch));
            if !print.commits.contains(&at) && !switched() {
                continue;
            }
            let kept = self.keep_under_backup(&prepared.id, at)?;
            let back = RefUpdate { name: name.clone(), new: old, old: new };
            match self.git.update_refs(&[back], "specmake: put back") {
                Ok(()) => self
                    .reporter
                    .warn(format!("{} moved `{name}`; it is put back, and kept as `{kept}`", prepared.id)),
                Err(error) => self.reporter.warn(format!("{} moved `{name}`: {error}", prepared.id)),
            }
        }
        if before.refs.get(STASH) != now.get(STASH) {
            self.put_stash_back(git, &prepared.id, &print.branches, before.refs.get(STASH))?;
        }
        Ok(())
    }

    /// Drops the entries that were stashed on one of these branches since `top` was the newest; each is kept.
    fn put_stash_back(
        &self,
        git: &Git,
        id: &StageId,
        branches: &BTreeSet<String>,
        top: Option<&Oid>,
    ) -> Result<(), GitError> {
        let _lock = RefsLock::take(git)?;
        let entries = stash_entries(git)?;
        if let Some(top) = top.filter(|top| entries.iter().all(|(oid, _)| oid != *top)) {
            self.reporter.warn(format!(
                "{id}: the stash entry {} went while it ran; `git stash store {top}` brings it back",
                top.short()
            ));
            return Ok(());
        }
        let new = entries.iter().take_while(|(oid, _)| Some(oid) != top).enumerate();
        let theirs = new.filter(|(_, (_, subject))| branches.iter().any(|branch| is_on(subject, branch)));
        // The oldest first: the numbers of the others stay.
        for (at, (oid, _)) in theirs.collect::<Vec<_>>().into_iter().rev() {
            let kept = self.keep_under_backup_locked(id, *oid, &_lock)?;
            git.run(&git.command(["stash", "drop", "--quiet", &format!("stash@{{{at}}}")]))?;
            self.reporter
                .warn(format!("{id} stashed changes and left them there; they are kept as `{kept}`"));
        }
        Ok(())
    }

    fn keep_under_backup(&self, id: &StageId, oid: Oid) -> Result<String, GitError> {
        let lock = RefsLock::take(&self.git)?;
        self.keep_under_backup_locked(id, oid, &lock)
    }

    fn keep_under_backup_locked(&self, id: &StageId, oid: Oid, lock: &RefsLock) -> Result<String, GitError> {
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

fn head_log(worktree: &Git) -> Vec<u8> {
    std::fs::read(worktree.git_dir().join("logs/HEAD")).unwrap_or_default()
}

/// Reads lines of a reflog: `old new name <mail> time zone\tmessage`.
fn footprint(log: &[u8]) -> Footprint {
    let mut print = Footprint::default();
    for line in String::from_utf8_lossy(log).lines() {
        let (entry, message) = line.split_once('\t').unwrap_or((line, ""));
        if let Some(way) = message.strip_prefix("checkout: moving from ") {
            print.branches.extend(way.rsplit_once(" to ").map(|(_, to)| to.to_owned()));
        } else {
            print.commits.extend(entry.split(' ').nth(1).and_then(|new| new.parse::<Oid>().ok()));
        }
    }
    print
}

/// The stash, newest first, with git's words for where each was made.
fn stash_entries(git: &Git) -> Result<Vec<(Oid, String)>, GitError> {
    let captured = git.ask(&git.command(["log", "-g", "--format=%H %gs", STASH, "--"]))?;
    let text = captured.text();
    let entries = text.lines().filter_map(|line| line.split_once(' '));
    Ok(entries.filter_map(|(oid, words)| Some((oid.parse().ok()?, words.to_owned()))).collect())
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
    fn a_head_log_tells_what_was_committed_and_where() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let log = format!(
            "{a} {a} A Person <p@x> 1 +0000\tcheckout: moving from spec/a to sneaky\n\
             {a} {b} A Person <p@x> 2 +0000\tcommit: to the left\n"
        );
        let print = footprint(log.as_bytes());
        assert_eq!(print.branches.into_iter().collect::<Vec<_>>(), ["sneaky"]);
        assert_eq!(print.commits.into_iter().map(|oid| oid.to_string()).collect::<Vec<_>>(), [b]);
    }

    #[test]
    fn a_stash_entry_names_its_branch() {
        assert!(is_on("WIP on spec/a: 1234 subject", "spec/a"));
        assert!(is_on("On spec/a: mine", "spec/a"));
        assert!(!is_on("WIP on spec/ab: 1234 subject", "spec/a"));
        assert!(!is_on("WIP on main: spec/a: x", "spec/a"));
    }
}
