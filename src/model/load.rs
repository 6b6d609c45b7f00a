//! From the text of a Specfile, its includes, the user's file and the environment to a [`Project`].
//! Reads nothing itself: files come through [`Files`].
use super::{Pattern, Project, lower};
use crate::base::{Diagnostic, Severity, Sources};
use std::collections::BTreeMap;
use std::io;

/// A text and the name that diagnostics call it by.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// The path as the user would write it.
    pub name: String,
    /// What is in it; need not be UTF-8.
    pub bytes: Vec<u8>,
}

/// What a project is made from, files apart.
#[derive(Debug, Clone, Default)]
pub struct LoadRequest {
    /// The Specfile.
    pub specfile: Text,
    /// `$XDG_CONFIG_HOME/specmake/config.kdl`, if there is one.
    pub user_config: Option<Text>,
    /// The environment, `SPECMAKE_*` alone.
    pub env: BTreeMap<String, String>,
    /// `-j`.
    pub jobs: Option<u32>,
    /// `--agent`.
    pub agent: Option<String>,
    /// `--model`.
    pub model: Option<String>,
    /// The name of the repository's folder, for `{repo}`.
    pub repo: String,
}

/// The files of a checkout, as a Specfile may ask for them. Paths are relative to its top, `/` between parts.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// The files that a pattern matches, sorted.
    fn glob(&self, pattern: &Pattern) -> Vec<String>;

    /// Whether a spec's folder holds a text that is not blank.
    fn spec_folder_has_text(&self, folder: &str) -> bool;

    /// Whether there is such a folder.
    fn folder_exists(&self, folder: &str) -> bool;

    /// The files and folders that all answers so far came from, where they can change.
    fn looked_at(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What became of a [`LoadRequest`].
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The project; there is none if there is an error among the diagnostics.
    pub project: Option<Project>,
    /// What could be made of a project with errors, to look for more of them. Names in it may lead nowhere.
    pub flawed: Option<Project>,
    /// All that is wrong, sorted by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub sources: Sources,
    /// The files that were read: the Specfile, its includes, the prompts.
    pub read: Vec<String>,
    /// The files and folders that were looked at for it.
    pub looked_at: Vec<String>,
}

impl Loaded {
    /// Whether something in it is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Reads a project, and every mistake in it.
pub fn load(request: &LoadRequest, files: &dyn Files) -> Loaded {
    lower::lower(request, files)
}
