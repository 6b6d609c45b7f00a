//! What is held while a branch and its checkout move: the checkout's index.lock and the prepared refs.
use super::journal::remove;
use crate::sys::git::{Git, GitError, Oid, RefUpdate, branch_ref};
use crate::sys::process::Conversation;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

/// What our index.lock holds; git's own never does. That is how one left by a kill is known to be ours.
const MARK: &str = "held by specmake\n";

/// The checkout's index.lock.
#[derive(Debug)]
pub(super) struct IndexLock {
    lock: PathBuf,
}

impl IndexLock {
    /// Takes it; `None` if git or another program has it. One of ours that is there was left by a kill,
    /// since whoever calls this holds the lock on refs.
    pub(super) fn take(git: &Git) -> Result<Option<Self>, GitError> {
        let (seed, lock) = places(git.git_dir());
        let words = || format!("lock the index of `{}`", git.git_dir().display());
        Self::clear_stale(git)?;
        File::create(&seed)
            .and_then(|mut file| file.write_all(MARK.as_bytes()))
            .map_err(GitError::io(words()))?;
        // A link appears with its content; where there are none, a file that is new must do.
        let taken = std::fs::hard_link(&seed, &lock).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            _ => OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&lock)
                .and_then(|mut file| file.write_all(MARK.as_bytes())),
        });
        remove(&seed)?;
        match taken {
            Ok(()) => Ok(Some(Self { lock })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(GitError::io(words())(error)),
        }
    }

    pub(super) fn release(self) -> Result<(), GitError> {
        remove(&self.lock)
    }

    /// Removes one of ours that a kill left.
    pub(super) fn clear_stale(git: &Git) -> Result<(), GitError> {
        let (seed, lock) = places(git.git_dir());
        remove(&seed)?;
        if std::fs::read(&lock).is_ok_and(|bytes| bytes == MARK.as_bytes()) { remove(&lock) } else { Ok(()) }
    }
}

fn places(git_dir: &Path) -> (PathBuf, PathBuf) {
    (git_dir.join("specmake-lock"), git_dir.join("index.lock"))
}

/// A ref transaction that is sure to succeed, and has not happened yet. Dropped, it never happens.
#[derive(Debug)]
pub(super) struct PreparedRef {
    talk: Conversation,
}

/// A git that will move a ref, and has not been told yet which: it starts while other things are done.
pub(super) struct Mover(Conversation);

impl Mover {
    pub(super) fn start(git: &Git, reason: &str) -> Result<Self, GitError> {
        git.converse(&git.ref_transaction(reason)).map(Self)
    }
}

impl PreparedRef {
    /// Prepares it: from here on nobody else moves the branch, nor what HEAD names in this checkout.
    pub(super) fn prepare(git: &Git, update: &RefUpdate, like: Oid, mover: Mover) -> Result<Self, GitError> {
        let Mover(mut talk) = mover;
        let mut script = b"start\0".to_vec();
        script.extend(update.instruction(like));
        script.extend(b"prepare\0");
        let answered =
            talk.say(&script).is_ok() && expect(&mut talk, "start") && expect(&mut talk, "prepare");
        if answered {
            return Ok(Self { talk });
        }
        drop(talk);
        let otherwise = GitError::RefLocked { name: update.name.clone() };
        Err(git.why_not(std::slice::from_ref(update), otherwise))
    }

    /// Makes it happen.
    pub(super) fn commit(mut self) -> Result<(), GitError> {
        let done = self.talk.say(b"commit\0").is_ok() && expect(&mut self.talk, "commit");
        let status = self.talk.finish().map_err(GitError::io("wait for `git update-ref`"))?;
        if done && status.success() {
            return Ok(());
        }
        Err(GitError::Failed {
            command: "git update-ref --stdin".into(),
            code: status.code().unwrap_or(128),
            complaint: "the prepared transaction did not go through".into(),
        })
    }

    /// Ends git as a power cut would: its lock files stay.
    pub(super) fn kill(self) {
        drop(self.talk.kill());
    }

    /// Removes the lock files that a killed git left. The branch's holds the very commit that was to come,
    /// which proves whose it is; HEAD's is of the same transaction.
    pub(super) fn clear_stale(git: &Git, branch: &str, new: Oid) -> Result<(), GitError> {
        let lock = git.common_dir().join(format!("{}.lock", branch_ref(branch)));
        let ours = std::fs::read(&lock).is_ok_and(|bytes| bytes.trim_ascii() == new.to_string().as_bytes());
        if !ours {
            return Ok(());
        }
        remove(&git.git_dir().join("HEAD.lock"))?;
        remove(&lock)
    }
}

fn expect(talk: &mut Conversation, step: &str) -> bool {
    let mut line = String::new();
    talk.stdout.read_line(&mut line).is_ok() && line.trim_end() == format!("{step}: ok")
}
