//! What differs between trees, asked of one process that stays open instead of one for each question.
use super::diff::{STEADY, change};
use super::error::GitError;
use super::oid::{Change, Oid};
use super::repo::Git;
use crate::sys::process::Conversation;
use std::io::{self, BufRead};
use std::sync::{Mutex, PoisonError};

/// A line that names no object: git says it back, and all that it had to say before it is out then.
const OVER: &str = "over\n";

/// A `git diff-tree --stdin` that all checkouts of a repository share.
#[derive(Debug, Default)]
pub(super) struct Differ(Mutex<Option<Conversation>>);

impl Differ {
    /// The paths that differ between two trees. `None`: nobody answers.
    pub(super) fn changes(&self, git: &Git, old: Oid, new: Oid) -> Option<Result<Vec<Change>, GitError>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut talk = open.take().or_else(|| start(git))?;
        let changes = ask(&mut talk, old, new).ok()?;
        *open = Some(talk);
        Some(changes)
    }

    /// Has it ready for the first question.
    pub(super) fn warm_up(&self, git: &Git) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *open = open.take().or_else(|| start(git));
    }
}

fn start(git: &Git) -> Option<Conversation> {
    let command = git.command(["diff-tree", "--stdin", "-r", "--raw", "--no-abbrev", "-z"]);
    git.converse(&command.args(STEADY)).ok()
}

/// `OLD NEW\n`, the entries as `--raw -z` writes them, and [`OVER`].
fn ask(talk: &mut Conversation, old: Oid, new: Oid) -> io::Result<Result<Vec<Change>, GitError>> {
    let question = format!("{old} {new}\n");
    talk.say(format!("{question}{OVER}").as_bytes())?;
    let mut first = String::new();
    talk.stdout.read_line(&mut first)?;
    if first != question {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut changes = Ok(Vec::new());
    while talk.stdout.fill_buf()?.first() == Some(&b':') {
        let (head, path) = (token(talk)?, token(talk)?);
        changes = changes.and_then(|mut all: Vec<Change>| {
            all.push(change(&head, Some(&path))?);
            Ok(all)
        });
    }
    let mut last = String::new();
    talk.stdout.read_line(&mut last)?;
    if last == OVER { Ok(changes) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Up to the next NUL.
fn token(talk: &mut Conversation) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    talk.stdout.read_until(0, &mut bytes)?;
    if bytes.pop() == Some(0) { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
