//! Moving refs through one process that stays open instead of one for each transaction.
use super::oid::Oid;
use super::refs::RefUpdate;
use super::repo::Git;
use crate::sys::process::{Conversation, Invocation};
use std::io::{self, BufRead};
use std::sync::{Mutex, PoisonError};

/// A `git update-ref --stdin` that all checkouts of a repository share.
#[derive(Debug, Default)]
pub(super) struct Mover(Mutex<Option<Conversation>>);

/// What came of a transaction.
pub(super) enum Answer {
    /// All refs have moved.
    Done,
    /// None has, and nothing says why; or nobody answers.
    Not,
    /// It was about to happen when the process ended.
    Unknown,
}

impl Mover {
    /// Moves all of the refs or none.
    pub(super) fn update(&self, command: impl FnOnce() -> Invocation, git: &Git, script: &[u8]) -> Answer {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let talk = match open.take() {
            Some(talk) => Ok(talk),
            None => git.converse(&command()),
        };
        let Ok(mut talk) = talk else { return Answer::Not };
        if !prepared(&mut talk, script).unwrap_or(false) {
            return Answer::Not;
        }
        if !said(&mut talk, b"commit\0", "commit").unwrap_or(false) {
            return Answer::Unknown;
        }
        *open = Some(talk);
        Answer::Done
    }
}

/// The updates as `update-ref --stdin -z` reads them; `like` is any name of the repository's hash.
pub(super) fn instructions(updates: &[RefUpdate], like: Oid) -> Vec<u8> {
    updates.iter().flat_map(|update| update.instruction(like)).collect()
}

fn prepared(talk: &mut Conversation, script: &[u8]) -> io::Result<bool> {
    Ok(said(talk, b"start\0", "start")? && said(talk, &[script, b"prepare\0"].concat(), "prepare")?)
}

fn said(talk: &mut Conversation, words: &[u8], step: &str) -> io::Result<bool> {
    talk.say(words)?;
    let mut line = String::new();
    talk.stdout.read_line(&mut line)?;
    Ok(line.trim_end() == format!("{step}: ok"))
}
