//! A handle on one checkout of a repository, or on a bare one, and how its commands are made.
use super::differ::Differ;
use super::error::GitError;
use super::mover::Mover;
use super::objects::Objects;
use super::people::People;
use super::seen::Seen;
use crate::sys::process::{Captured, Conversation, Invocation};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Environment names through which a git that calls us would steer the gits that we call.
const SCRUBBED: [&str; 20] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INDEX_VERSION",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_EXTERNAL_DIFF",
];

/// The environment name by which a git that outlived us is known.
pub(crate) const OWNER: &str = "SPECMAKE_GIT";

/// Settings of the user's that would change what plumbing does: hooks, signing, housekeeping, quoting. And what is
/// committed is on the disk before a ref says so, as it is not by default: a power cut must not cost a stage.
const SETTINGS: [&str; 14] = [
    "core.fsync=committed,reference",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.safecrlf=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "log.showRoot=true",
    "advice.addEmbeddedRepo=false",
    "submodule.recurse=false",
    "color.ui=false",
];

/// One checkout of a repository, or a bare one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Git {
    place: Arc<Place>,
    env: Arc<[(OsString, OsString)]>,
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) git_dir: PathBuf,
    pub(super) common_dir: PathBuf,
    pub(super) work_tree: Option<PathBuf>,
    pub(super) main_work_tree: Option<PathBuf>,
    pub(super) shallow: bool,
    /// Those that answer for all checkouts.
    pub(super) open: Arc<Open>,
}

/// Processes that stay open.
#[derive(Debug, Default)]
pub(super) struct Open {
    objects: Objects,
    differ: Differ,
    mover: Mover,
    seen: Seen,
    plain: OnceLock<bool>,
    people: OnceLock<Option<People>>,
    warm: OnceLock<()>,
}

impl Git {
    pub(super) fn at(place: Place, env: Arc<[(OsString, OsString)]>) -> Self {
        Self { place: Arc::new(place), env }
    }

    /// The git directory of this checkout: `.git`, or `.git/worktrees/x`.
    pub fn git_dir(&self) -> &Path {
        &self.place.git_dir
    }

    /// The git directory that all checkouts share.
    pub fn common_dir(&self) -> &Path {
        &self.place.common_dir
    }

    /// The top folder of this checkout, if it is one.
    pub fn work_tree(&self) -> Option<&Path> {
        self.place.work_tree.as_deref()
    }

    /// The top folder of the main checkout; `None` if the repository is bare.
    pub fn main_work_tree(&self) -> Option<&Path> {
        self.place.main_work_tree.as_deref()
    }

    /// The top folder of this checkout.
    ///
    /// # Errors
    /// [`GitError::Bare`] if it has none.
    pub fn require_work_tree(&self) -> Result<&Path, GitError> {
        self.work_tree().ok_or(GitError::Bare)
    }

    /// Whether history is cut off, as it was when the repository was opened.
    pub fn is_shallow(&self) -> bool {
        self.place.shallow
    }

    /// Where run history and logs lie: `.specmake` in the main checkout, or in the directory of a bare
    /// repository.
    pub fn state_dir(&self) -> PathBuf {
        self.main_work_tree().unwrap_or(self.common_dir()).join(".specmake")
    }

    /// Where locks and the journal of a moving base lie: `specmake` in the common directory.
    pub fn own_dir(&self) -> PathBuf {
        self.common_dir().join("specmake")
    }

    /// What people call the repository: its main checkout's name, or a bare one's without `.git`.
    pub fn name(&self) -> String {
        let top = self.main_work_tree().unwrap_or(self.common_dir());
        let name = top.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(".git").filter(|rest| !rest.is_empty()).unwrap_or(&name).to_owned()
    }

    pub(super) fn objects(&self) -> &Objects {
        &self.place.open.objects
    }

    pub(super) fn mover(&self) -> &Mover {
        &self.place.open.mover
    }

    pub(super) fn seen(&self) -> &Seen {
        &self.place.open.seen
    }

    pub(super) fn differ(&self) -> &Differ {
        &self.place.open.differ
    }

    /// Who commits, if that may be said without asking git each time.
    pub(super) fn people(&self) -> Option<&People> {
        let says_who = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name.starts_with(b"GIT_AUTHOR_") || name.starts_with(b"GIT_COMMITTER_")
        };
        if self.env.iter().any(|(name, _)| says_who(name)) {
            return None;
        }
        self.place.open.people.get_or_init(|| People::of(self)).as_ref()
    }

    /// Begins in the background what will be asked before long, so that nobody waits for it then.
    pub fn warm_up(&self) {
        self.place.open.warm.get_or_init(|| {
            let git = self.clone();
            std::thread::spawn(move || {
                git.differ().warm_up(&git);
                git.people();
            });
        });
    }

    /// Whether refs are files, objects have names of 20 bytes and the repository is nobody else's, as it is where
    /// nothing says otherwise: then some of git's files are read and written without git.
    pub(crate) fn is_plain(&self) -> bool {
        *self.place.open.plain.get_or_init(|| {
            let config = std::fs::read(self.common_dir().join("config")).unwrap_or_default();
            let config = config.to_ascii_lowercase();
            let says = |word: &[u8]| config.windows(word.len()).any(|window| window == word);
            !config.is_empty() && !says(b"objectformat") && !says(b"refstorage") && !says(b"sharedrepository")
        })
    }

    /// The main checkout, or the bare repository itself.
    #[must_use]
    pub fn main(&self) -> Self {
        let place = Place {
            git_dir: self.common_dir().to_owned(),
            common_dir: self.common_dir().to_owned(),
            work_tree: self.place.main_work_tree.clone(),
            main_work_tree: self.place.main_work_tree.clone(),
            shallow: self.place.shallow,
            open: Arc::clone(&self.place.open),
        };
        Self { place: Arc::new(place), env: Arc::clone(&self.env) }
    }

    /// The checkout at `work_tree` whose git directory is `git_dir`, of the same repository.
    #[must_use]
    pub fn linked(&self, work_tree: &Path, git_dir: &Path) -> Self {
        let place = Place {
            git_dir: git_dir.to_owned(),
            common_dir: self.common_dir().to_owned(),
            work_tree: Some(work_tree.to_owned()),
            main_work_tree: self.place.main_work_tree.clone(),
            shallow: self.place.shallow,
            // A submodule's objects are its own.
            open: match git_dir.starts_with(self.common_dir())
                && !git_dir.starts_with(self.common_dir().join("modules"))
            {
                true => Arc::clone(&self.place.open),
                false => Arc::default(),
            },
        };
        Self { place: Arc::new(place), env: Arc::clone(&self.env) }
    }

    /// The same with one more environment variable for each command.
    #[must_use]
    pub fn with_env(&self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let mut env = self.env.to_vec();
        env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        Self { place: Arc::clone(&self.place), env: env.into() }
    }

    /// A command on this checkout: git, where it works, and nothing of the user's that would steer it.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Invocation {
        let mut git = base_command(&self.env).env(OWNER, self.owned()).arg("--git-dir").arg(self.git_dir());
        if let Some(top) = self.work_tree() {
            git = git.arg("--work-tree").arg(top);
        }
        git.cwd(self.work_tree().unwrap_or(self.git_dir())).args(args)
    }

    /// What our gits are told in [`OWNER`]: who started them, and for which repository.
    fn owned(&self) -> OsString {
        let mut text = OsString::from(format!("{} ", std::process::id()));
        text.push(self.common_dir());
        text
    }

    /// Runs a command that must succeed.
    ///
    /// # Errors
    /// It did not, or could not be run.
    pub fn run(&self, command: &Invocation) -> Result<Captured, GitError> {
        let captured = self.ask(command)?;
        if captured.success() { Ok(captured) } else { Err(failed(command, &captured)) }
    }

    /// Runs a command whose exit status is an answer.
    ///
    /// # Errors
    /// It could not be run.
    pub fn ask(&self, command: &Invocation) -> Result<Captured, GitError> {
        command.capture().map_err(|source| not_started(command, source))
    }

    /// Starts a command to talk to.
    ///
    /// # Errors
    /// It could not be started.
    pub fn converse(&self, command: &Invocation) -> Result<Conversation, GitError> {
        command.converse().map_err(|source| not_started(command, source))
    }

    /// A git command's stdout as text, trimmed of its last line break.
    ///
    /// # Errors
    /// It failed.
    pub fn line<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<String, GitError> {
        self.run(&self.command(args)).map(|captured| captured.text())
    }
}

pub(super) fn base_command(env: &[(OsString, OsString)]) -> Invocation {
    let mut git = Invocation::new("git").own_group();
    for name in SCRUBBED {
        git = git.without_env(name);
    }
    git = git.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
    for (name, value) in env {
        git = git.env(name, value);
    }
    for setting in SETTINGS {
        git = git.arg("-c").arg(setting);
    }
    git
}

pub(super) fn failed(command: &Invocation, captured: &Captured) -> GitError {
    GitError::Failed { command: shown(command), code: captured.code(), complaint: captured.complaint() }
}

pub(super) fn not_started(command: &Invocation, source: io::Error) -> GitError {
    let there = command.dir().is_none_or(Path::is_dir);
    if source.kind() == io::ErrorKind::NotFound && there {
        return GitError::Missing;
    }
    let what = match command.dir() {
        Some(dir) if !there => format!("run git in `{}`", dir.display()),
        _ => format!("run `{}`", shown(command)),
    };
    GitError::Io { what, source }
}

/// The command as a person would type it: without the settings that each of ours carries.
fn shown(command: &Invocation) -> String {
    let line = command.line();
    let words: Vec<&str> = line.split(' ').collect();
    let mut shown = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if matches!(*word, "-c" | "--git-dir" | "--work-tree") {
            rest.next();
        } else {
            shown.push(*word);
        }
    }
    shown.join(" ")
}
