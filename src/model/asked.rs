//! What reading a project asked of a checkout, with the stamps of the answers: as long as all of them are the same, so
//! is what was read.
use super::{Files, Pattern};
use crate::base::{Stamp, Stamper};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Question {
    /// The bytes of a file.
    Read(String),
    /// The files that a pattern matches.
    Glob(Pattern),
    /// Whether a spec's folder holds a text.
    HasText(String),
    /// Whether there is a folder.
    Exists(String),
}

/// What a question was answered with: 16 bytes that say all of it.
pub(super) type Told = [u8; 16];

impl Question {
    /// Asks it; the bytes of a file come with what was told.
    pub(super) fn ask(&self, files: &dyn Files) -> (Told, Option<Vec<u8>>) {
        match self {
            Self::Read(path) => {
                let read = files.read(path);
                (of_read(&read), read.ok())
            }
            Self::Glob(pattern) => (of_paths(&files.glob(pattern)), None),
            Self::HasText(folder) => (of_flag(files.spec_folder_has_text(folder)), None),
            Self::Exists(folder) => (of_flag(files.folder_exists(folder)), None),
        }
    }
}

/// Files that remember what they were asked.
pub struct Recording<'a> {
    files: &'a dyn Files,
    asked: RefCell<Vec<(Question, Told)>>,
}

impl<'a> Recording<'a> {
    /// Those files, asked nothing yet.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, asked: RefCell::default() }
    }

    /// All that was asked.
    pub(super) fn asked(&self) -> Vec<(Question, Told)> {
        self.asked.borrow().clone()
    }

    fn note(&self, question: Question, told: Told) {
        self.asked.borrow_mut().push((question, told));
    }
}

impl Files for Recording<'_> {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let read = self.files.read(path);
        self.note(Question::Read(path.to_owned()), of_read(&read));
        read
    }

    fn glob(&self, pattern: &Pattern) -> Vec<String> {
        let found = self.files.glob(pattern);
        self.note(Question::Glob(pattern.clone()), of_paths(&found));
        found
    }

    fn spec_folder_has_text(&self, folder: &str) -> bool {
        let has_text = self.files.spec_folder_has_text(folder);
        self.note(Question::HasText(folder.to_owned()), of_flag(has_text));
        has_text
    }

    fn folder_exists(&self, folder: &str) -> bool {
        let exists = self.files.folder_exists(folder);
        self.note(Question::Exists(folder.to_owned()), of_flag(exists));
        exists
    }

    fn looked_at(&self) -> Vec<String> {
        self.files.looked_at()
    }
}

fn of_read(read: &io::Result<Vec<u8>>) -> Told {
    match read {
        Ok(bytes) => *Stamp::of(bytes).as_bytes(),
        Err(error) => *Stamper::new("error").field(error.to_string().as_bytes()).stamp().as_bytes(),
    }
}

fn of_paths(paths: &[String]) -> Told {
    let stamper = Stamper::new("paths");
    *paths.iter().fold(stamper, |stamper, path| stamper.field(path.as_bytes())).stamp().as_bytes()
}

fn of_flag(flag: bool) -> Told {
    [u8::from(flag); 16]
}
