//! The files of a commit, as loading a Specfile asks for them: all that a bare repository has.
use crate::model::{Files, Pattern};
use crate::rebuild::result::lies_in;
use crate::sys::git::{Git, GitError, Oid};
use std::io;

/// The files of a commit.
#[derive(Debug, Clone)]
pub struct Committed {
    git: Git,
    commit: Oid,
    paths: Vec<String>,
}

impl Committed {
    /// Those of HEAD.
    ///
    /// # Errors
    /// There is no commit yet.
    pub fn head_of(git: &Git) -> Result<Self, GitError> {
        let commit = git.head()?;
        let paths = git.ls_tree(commit)?.into_iter().map(|entry| entry.path).collect();
        Ok(Self { git: git.clone(), commit, paths })
    }
}

impl Files for Committed {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let content = self.git.file_of(self.commit, path);
        content
            .map_err(|error| io::Error::other(error.to_string()))?
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn glob(&self, pattern: &Pattern) -> Vec<String> {
        self.paths.iter().filter(|path| pattern.matches(path)).cloned().collect()
    }

    fn spec_folder_has_text(&self, folder: &str) -> bool {
        let has_text = |path: &&String| {
            self.read(path).is_ok_and(|bytes| bytes.iter().any(|byte| !byte.is_ascii_whitespace()))
        };
        self.paths.iter().filter(|path| lies_in(path, folder)).any(|path| has_text(&path))
    }

    fn folder_exists(&self, folder: &str) -> bool {
        self.paths.iter().any(|path| lies_in(path, folder))
    }
}
