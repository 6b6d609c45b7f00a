//! What revisions name, asked of one process that stays open instead of one for each question.
use super::oid::Oid;
use super::repo::Git;
use crate::sys::process::Conversation;
use std::io::{self, BufRead};
use std::sync::{Mutex, PoisonError};

/// A `git cat-file --batch-check` that all checkouts of a repository share. Refs are read anew for each question, and
/// objects made after it was started are found.
#[derive(Debug, Default)]
pub(super) struct Lookup(Mutex<Option<Conversation>>);

/// Whether every checkout of a repository gives the same answer: a full ref's name or an object's.
pub(super) fn is_shared(revision: &str) -> bool {
    let name = revision.split(['^', '~']).next().unwrap_or_default();
    !revision.contains(['\0', '\n']) && (name.starts_with("refs/") || name.parse::<Oid>().is_ok())
}

impl Lookup {
    /// The object that a revision names, if there is one. `None` of the outer kind: nobody answers.
    pub(super) fn object(&self, git: &Git, revision: &str) -> Option<Option<Oid>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut talk = match open.take() {
            Some(talk) => talk,
            None => git.converse(&git.command(["cat-file", "--batch-check=%(objectname)", "-z"])).ok()?,
        };
        let answer = ask(&mut talk, revision).ok()?;
        *open = Some(talk);
        let answer = answer.strip_suffix('\n')?;
        match answer.parse() {
            Ok(oid) => Some(Some(oid)),
            Err(_) if answer.strip_suffix(" missing") == Some(revision) => Some(None),
            Err(_) => None,
        }
    }
}

fn ask(talk: &mut Conversation, revision: &str) -> io::Result<String> {
    talk.say(format!("{revision}\0").as_bytes())?;
    let mut answer = String::new();
    talk.stdout.read_line(&mut answer)?;
    Ok(answer)
}
