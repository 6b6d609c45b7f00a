//! Branches and other refs: where they are, and how they move.
use super::error::GitError;
use super::mover::{Answer, instructions};
use super::objects;
use super::oid::Oid;
use super::path;
use super::repo::{Git, failed};
use crate::sys::lock::RefsLock;
use crate::sys::process::Invocation;
use std::collections::BTreeMap;

/// One ref of a transaction. What the ref must be now is always said: refs move by compare-and-swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name: `refs/heads/main`.
    pub name: String,
    /// Where to; `None` removes it.
    pub new: Option<Oid>,
    /// Where it is now; `None`: it must not exist.
    pub old: Option<Oid>,
}

/// The reason that the process which stays open gives.
const STAGE: &str = "specmake: stage";

/// Refs of ours that git keeps no log of.
const UNLOGGED: [&str; 3] = ["refs/specmake/start/", "refs/specmake/fork/", "refs/specmake/merge/"];

/// The full name of a branch.
pub fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

impl RefUpdate {
    /// Makes a ref that must not exist.
    pub fn create(name: impl Into<String>, new: Oid) -> Self {
        Self { name: name.into(), new: Some(new), old: None }
    }

    /// Moves a ref.
    pub fn advance(name: impl Into<String>, old: Oid, new: Oid) -> Self {
        Self { name: name.into(), new: Some(new), old: Some(old) }
    }

    /// Removes a ref.
    pub fn delete(name: impl Into<String>, old: Oid) -> Self {
        Self { name: name.into(), new: None, old: Some(old) }
    }

    /// The line of `git update-ref --stdin -z` that does it; `like` is any name of the repository's hash.
    pub(crate) fn instruction(&self, like: Oid) -> Vec<u8> {
        let zero = like.zero_like();
        let (verb, name) = (if self.new.is_some() { "update" } else { "delete" }, &self.name);
        let old = self.old.unwrap_or(zero);
        match self.new {
            Some(new) => format!("{verb} {name}\0{new}\0{old}\0").into_bytes(),
            None => format!("{verb} {name}\0{old}\0").into_bytes(),
        }
    }
}

impl Git {
    /// The branch that is checked out, without `refs/heads/`; `None` if HEAD is detached.
    ///
    /// # Errors
    /// git fails.
    pub fn branch(&self) -> Result<Option<String>, GitError> {
        // Asked often, and nearly always plain to see.
        let head = std::fs::read_to_string(self.git_dir().join("HEAD")).unwrap_or_default();
        if let Some(branch) = head.trim_end().strip_prefix("ref: refs/heads/").filter(|b| *b != ".invalid") {
            return Ok(Some(branch.to_owned()));
        }
        let command = self.command(["symbolic-ref", "--quiet", "HEAD"]);
        let captured = self.ask(&command)?;
        match captured.code() {
            0 => Ok(captured.text().strip_prefix("refs/heads/").map(str::to_owned)),
            1 => Ok(None),
            _ => Err(failed(&command, &captured)),
        }
    }

    /// The branch that is checked out.
    ///
    /// # Errors
    /// [`GitError::Detached`].
    pub fn require_branch(&self) -> Result<String, GitError> {
        self.branch()?.ok_or(GitError::Detached)
    }

    /// The commit that is checked out.
    ///
    /// # Errors
    /// [`GitError::NoCommit`] before the first one.
    pub fn head(&self) -> Result<Oid, GitError> {
        self.commit("HEAD")?.ok_or(GitError::NoCommit)
    }

    /// The commit that a revision names, if there is one.
    ///
    /// # Errors
    /// git fails.
    pub fn commit(&self, revision: &str) -> Result<Option<Oid>, GitError> {
        self.object(&format!("{revision}^{{commit}}"))
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    /// [`GitError::NoSuchRevision`].
    pub fn require_commit(&self, revision: &str) -> Result<Oid, GitError> {
        self.commit(revision)?.ok_or_else(|| GitError::NoSuchRevision { name: revision.to_owned() })
    }

    /// The object that a revision names, if there is one.
    ///
    /// # Errors
    /// git fails.
    pub fn object(&self, revision: &str) -> Result<Option<Oid>, GitError> {
        if objects::is_shared(revision)
            && let Some(object) = self.objects().named(self, revision)
        {
            return Ok(object);
        }
        let command = self.command(["rev-parse", "--verify", "--quiet", "--end-of-options", revision]);
        let captured = self.ask(&command)?;
        if !captured.success() {
            return Ok(None);
        }
        Ok(Some(captured.text().parse()?))
    }

    /// Refs whose full name begins with one of the prefixes (`refs/heads/`), and what they name.
    ///
    /// # Errors
    /// git fails.
    pub fn refs(&self, prefixes: &[&str]) -> Result<BTreeMap<String, Oid>, GitError> {
        match self.loose_refs(prefixes) {
            Some(refs) => Ok(refs),
            None => self.listed_refs(prefixes),
        }
    }

    /// The same, as git lists them.
    pub(super) fn listed_refs(&self, prefixes: &[&str]) -> Result<BTreeMap<String, Oid>, GitError> {
        let command = self.command(["for-each-ref", "--format=%(objectname) %(refname)"]);
        let captured = self.run(&command.args(prefixes))?;
        let mut refs = BTreeMap::new();
        for line in captured.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = path::to_text(line);
            let (oid, name) = line
                .split_once(' ')
                .ok_or_else(|| GitError::Unreadable { what: format!("`git for-each-ref` said `{line}`") })?;
            refs.insert(name.to_owned(), oid.parse()?);
        }
        Ok(refs)
    }

    /// Whether `ancestor` is `of`, or lies in its history.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn is_ancestor(&self, ancestor: Oid, of: Oid) -> Result<bool, GitError> {
        let (ancestor, of) = (ancestor.to_string(), of.to_string());
        let command = self.command(["merge-base", "--is-ancestor", &ancestor, &of]);
        let captured = self.ask(&command)?;
        match captured.code() {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(failed(&command, &captured)),
        }
    }

    /// The best common ancestor, if the two share any history.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn merge_base(&self, a: Oid, b: Oid) -> Result<Option<Oid>, GitError> {
        let command = self.command(["merge-base", &a.to_string(), &b.to_string()]);
        let captured = self.ask(&command)?;
        match captured.code() {
            0 => Ok(Some(captured.text().parse()?)),
            1 => Ok(None),
            _ => Err(failed(&command, &captured)),
        }
    }

    /// Moves all of these refs or none, each only from where it is said to be; `reason` is for the reflog.
    /// Takes the lock on refs. A branch that is checked out moves without its checkout.
    ///
    /// # Errors
    /// [`GitError::RefMoved`], [`GitError::RefInTheWay`] or [`GitError::RefLocked`] name the first ref that
    /// could not be moved; then none was.
    pub fn update_refs(&self, updates: &[RefUpdate], reason: &str) -> Result<(), GitError> {
        let lock = RefsLock::take(self)?;
        self.update_refs_locked(updates, reason, &lock)
    }

    /// The same for who holds the lock already.
    ///
    /// # Errors
    /// As [`Git::update_refs`].
    pub fn update_refs_locked(
        &self,
        updates: &[RefUpdate],
        reason: &str,
        _lock: &RefsLock,
    ) -> Result<(), GitError> {
        let Some(like) = updates.iter().find_map(|update| update.new.or(update.old)) else {
            return Ok(());
        };
        let instructions = instructions(updates, like);
        // Of what is only removed, or has no log, nobody reads the reason.
        let untold = |update: &RefUpdate| {
            update.new.is_none() || UNLOGGED.iter().any(|top| update.name.starts_with(top))
        };
        if reason == STAGE || updates.iter().all(untold) {
            let main = self.main();
            match self.mover().update(|| main.ref_transaction(STAGE), &main, &instructions) {
                Answer::Done => return Ok(()),
                // One alone says why; the ones before it are over.
                Answer::Not => {}
                Answer::Unknown => {
                    let what = "`git update-ref` ended while it moved refs".to_owned();
                    return Err(self.why_not(updates, GitError::Unreadable { what }));
                }
            }
        }
        let script = [b"start\0", &instructions[..], b"prepare\0commit\0"].concat();
        // Their log tells how old they are.
        let logged = updates.iter().any(|update| update.name.starts_with("refs/specmake/backup/"));
        let command = if logged { self.logged_transaction(reason) } else { self.ref_transaction(reason) };
        let command = command.stdin(script);
        let captured = self.ask(&command)?;
        if captured.success() { Ok(()) } else { Err(self.why_not(updates, failed(&command, &captured))) }
    }

    /// The command that moves refs as its stdin says.
    pub(crate) fn ref_transaction(&self, reason: &str) -> Invocation {
        self.command(["update-ref", "--no-deref", "-m", reason, "--stdin", "-z"])
    }

    fn logged_transaction(&self, reason: &str) -> Invocation {
        self.command(["update-ref", "--no-deref", "--create-reflog", "-m", reason, "--stdin", "-z"])
    }

    /// Why a transaction failed, found by looking at the refs instead of reading git's words.
    pub(crate) fn why_not(&self, updates: &[RefUpdate], otherwise: GitError) -> GitError {
        let Ok(refs) = self.refs(&[]) else { return otherwise };
        for update in updates {
            let now = refs.get(&update.name).copied();
            if now != update.old {
                return GitError::RefMoved { name: update.name.clone(), expected: update.old, now };
            }
            let (name, below) = (&update.name, format!("{}/", update.name));
            let above = |other: &str| name.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
            if let Some(by) = refs.keys().find(|other| other.starts_with(&below) || above(other)) {
                return GitError::RefInTheWay { name: name.clone(), by: by.clone() };
            }
            if self.common_dir().join(format!("{name}.lock")).exists() {
                return GitError::RefLocked { name: name.clone() };
            }
        }
        otherwise
    }
}
