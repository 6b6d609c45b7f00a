//! Objects and what revisions name, asked of one process that stays open instead of one for each question.
use super::error::GitError;
use super::oid::Oid;
use super::path;
use super::repo::Git;
use crate::sys::process::Conversation;
use std::io::{self, BufRead, Read};
use std::sync::{Mutex, PoisonError};

/// How many objects are asked for at once: the questions fit the pipe while the answers wait in the other.
const AT_ONCE: usize = 64;

/// A `git cat-file --batch-command` that all checkouts of a repository share. Refs are read anew for each question, and
/// objects made after it was started are found.
#[derive(Debug, Default)]
pub(super) struct Objects(Mutex<Option<Conversation>>);

/// Whether every checkout of a repository gives the same answer: a full ref's name or an object's.
pub(super) fn is_shared(revision: &str) -> bool {
    let name = revision.split(['^', '~']).next().unwrap_or_default();
    !revision.contains(['\0', '\n']) && (name.starts_with("refs/") || name.parse::<Oid>().is_ok())
}

impl Objects {
    /// One that was asked in vain is not asked again: its next answers may be those to former questions.
    fn ask<T>(&self, git: &Git, ask: impl FnOnce(&mut Conversation) -> io::Result<T>) -> Result<T, GitError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut talk = match open.take() {
            Some(talk) => talk,
            None => git.main().converse(&git.main().command(["cat-file", "--batch-command", "-z"]))?,
        };
        let answer = ask(&mut talk).map_err(GitError::io("read objects through `git cat-file`"))?;
        *open = Some(talk);
        Ok(answer)
    }

    /// The object that a revision names, if there is one. `None` of the outer kind: nobody answers.
    pub(super) fn named(&self, git: &Git, revision: &str) -> Option<Option<Oid>> {
        let answer = self.ask(git, |talk| {
            talk.say(format!("info {revision}\0").as_bytes())?;
            let mut answer = String::new();
            talk.stdout.read_line(&mut answer)?;
            Ok(answer)
        });
        let answer = answer.ok()?;
        let answer = answer.strip_suffix('\n')?;
        match answer.split(' ').next().unwrap_or_default().parse() {
            _ if answer.strip_suffix(" missing") == Some(revision) => Some(None),
            Ok(oid) => Some(Some(oid)),
            Err(_) => None,
        }
    }
}

impl Git {
    /// The contents of many objects, in the order asked for; nothing where there is no such object.
    ///
    /// # Errors
    /// git has ended.
    pub fn contents(&self, oids: &[Oid]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        self.objects().ask(self, |talk| {
            let mut contents = Vec::with_capacity(oids.len());
            for some in oids.chunks(AT_ONCE) {
                let asked: Vec<String> = some.iter().map(ToString::to_string).collect();
                let question: String = asked.iter().flat_map(|oid| ["contents ", oid, "\0"]).collect();
                talk.say(question.as_bytes())?;
                for oid in &asked {
                    contents.push(content(talk, oid.as_bytes())?);
                }
            }
            Ok(contents)
        })
    }

    /// The content of a file of a tree or commit, if it is there.
    ///
    /// # Errors
    /// git has ended.
    pub fn file_of(&self, treeish: Oid, file: &str) -> Result<Option<Vec<u8>>, GitError> {
        let mut asked = format!("{treeish}:").into_bytes();
        asked.extend_from_slice(&path::to_bytes(file));
        self.objects().ask(self, |talk| {
            talk.say(&[b"contents ", asked.as_slice(), b"\0"].concat())?;
            content(talk, &asked)
        })
    }
}

/// `OID TYPE SIZE\n`, the bytes, `\n`; or what was asked for again, ` missing\n`.
fn content(talk: &mut Conversation, asked: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let missing = [asked, b" missing\n"].concat();
    let mut head = Vec::new();
    loop {
        if talk.stdout.read_until(b'\n', &mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if head == missing {
            return Ok(None);
        }
        // The path that was asked for may itself hold line breaks.
        if !missing.starts_with(&head) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&head);
    let Some(size) = text.trim_end().rsplit(' ').next().and_then(|size| size.parse::<usize>().ok()) else {
        // `OID submodule` and whatever else has no content.
        return Ok(None);
    };
    let mut bytes = vec![0; size + 1];
    talk.stdout.read_exact(&mut bytes)?;
    bytes.pop();
    Ok(Some(bytes))
}
