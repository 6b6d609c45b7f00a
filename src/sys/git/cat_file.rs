//! Reading many objects through one process.
use super::error::GitError;
use super::oid::Oid;
use super::path;
use super::repo::Git;
use crate::sys::process::Conversation;
use std::io::{self, BufRead, Read};

/// A `git cat-file --batch` that stays open. It sees objects that are made after it was started.
#[derive(Debug)]
pub struct CatFile {
    batch: Conversation,
}

impl CatFile {
    /// Starts one.
    ///
    /// # Errors
    /// git cannot be started.
    pub fn open(git: &Git) -> Result<Self, GitError> {
        let command = git.command(["cat-file", "--batch", "-z"]);
        Ok(Self { batch: git.converse(&command)? })
    }

    /// The content of an object, if it is there.
    ///
    /// # Errors
    /// git has ended.
    pub fn content(&mut self, oid: Oid) -> Result<Option<Vec<u8>>, GitError> {
        self.ask(oid.to_string().as_bytes())
    }

    /// The contents of many objects, in the order asked for.
    ///
    /// # Errors
    /// git has ended.
    pub fn contents(&mut self, oids: &[Oid]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let mut contents = Vec::with_capacity(oids.len());
        // Few enough that the questions fit the pipe while the answers wait in the other.
        for some in oids.chunks(64) {
            let asked: Vec<String> = some.iter().map(ToString::to_string).collect();
            let question: String = asked.iter().flat_map(|oid| [oid.as_str(), "\0"]).collect();
            self.batch.say(question.as_bytes()).map_err(ended)?;
            for oid in &asked {
                contents.push(self.answer(oid.as_bytes()).map_err(ended)?);
            }
        }
        Ok(contents)
    }

    /// The content of a file of a tree or commit, if it is there.
    ///
    /// # Errors
    /// git has ended.
    pub fn file(&mut self, treeish: Oid, file: &str) -> Result<Option<Vec<u8>>, GitError> {
        let mut question = format!("{treeish}:").into_bytes();
        question.extend_from_slice(&path::to_bytes(file));
        self.ask(&question)
    }

    fn ask(&mut self, question: &[u8]) -> Result<Option<Vec<u8>>, GitError> {
        self.batch.say(&[question, b"\0"].concat()).map_err(ended)?;
        self.answer(question).map_err(ended)
    }

    /// `OID TYPE SIZE\n`, the bytes, `\n`; or the question again, ` missing\n`.
    fn answer(&mut self, question: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let missing = [question, b" missing\n"].concat();
        let mut head = Vec::new();
        loop {
            if self.batch.stdout.read_until(b'\n', &mut head)? == 0 {
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
        let Some(size) = text.trim_end().rsplit(' ').next().and_then(|size| size.parse::<usize>().ok())
        else {
            // `OID submodule` and whatever else has no content.
            return Ok(None);
        };
        let mut bytes = vec![0; size + 1];
        self.batch.stdout.read_exact(&mut bytes)?;
        bytes.pop();
        Ok(Some(bytes))
    }
}

fn ended(source: io::Error) -> GitError {
    GitError::io("read objects through `git cat-file`")(source)
}
