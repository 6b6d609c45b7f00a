//! A repository to try things on: real git, an environment of its own, pinned people and dates.
use super::git::{Git, Oid, path};
use super::process::{Captured, Invocation};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A repository in a temporary folder, with its main checkout at `repo`.
pub(crate) struct World {
    dir: TempDir,
}

impl World {
    /// One with a first commit of `files` on `main`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let world = Self::bare_of_commits();
        for (name, text) in files {
            world.write(name, text);
        }
        world.git(&["add", "-A"]);
        world.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        world
    }

    /// One without a commit.
    pub(crate) fn bare_of_commits() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.top()).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        world
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub(crate) fn top(&self) -> PathBuf {
        self.root().join("repo")
    }

    pub(crate) fn env(&self) -> Vec<(OsString, OsString)> {
        let home = self.root().into_os_string();
        let mut env = vec![
            ("HOME".into(), home.clone()),
            ("XDG_CONFIG_HOME".into(), home.clone()),
            ("GIT_CEILING_DIRECTORIES".into(), home),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ];
        for role in ["AUTHOR", "COMMITTER"] {
            env.push((format!("GIT_{role}_NAME").into(), "Ada".into()));
            env.push((format!("GIT_{role}_EMAIL").into(), "ada@example.org".into()));
            env.push((format!("GIT_{role}_DATE").into(), "@1700000000 +0000".into()));
        }
        env
    }

    /// The handle under test, on the main checkout.
    pub(crate) fn open(&self) -> Git {
        self.open_at(&self.top())
    }

    pub(crate) fn open_at(&self, dir: &Path) -> Git {
        Git::discover_with(dir, &self.env()).unwrap()
    }

    /// The same, but that who commits is said by the repository's config and when by the clock.
    pub(crate) fn open_unsigned(&self) -> Git {
        let says_who = |name: &OsString| {
            name.to_str().is_some_and(|name| {
                name.ends_with("_EMAIL") || name.ends_with("_NAME") || name.ends_with("_DATE")
            })
        };
        let env: Vec<_> = self.env().into_iter().filter(|(name, _)| !says_who(name)).collect();
        Git::discover_with(&self.top(), &env).unwrap()
    }

    pub(crate) fn try_git(&self, dir: &Path, args: &[&str]) -> Captured {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut git = Invocation::new("git").clear_env().env("PATH", path).cwd(dir);
        for (name, value) in self.env() {
            git = git.env(name, value);
        }
        git.args(["-c", "protocol.file.allow=always"]).args(args).capture().unwrap()
    }

    /// What a person does with git in the main checkout.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_at(&self.top(), args)
    }

    pub(crate) fn git_at(&self, dir: &Path, args: &[&str]) -> String {
        let captured = self.try_git(dir, args);
        assert!(captured.success(), "git {args:?}: {}", captured.complaint());
        captured.text()
    }

    pub(crate) fn oid(&self, revision: &str) -> Oid {
        self.git(&["rev-parse", revision]).parse().unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.top().join(path::to_os(name));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        match std::fs::read(self.top().join(path::to_os(name))) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("<{}>", error.kind()),
        }
    }

    /// Commits everything and says where.
    pub(crate) fn commit(&self, message: &str) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.oid("HEAD")
    }

    /// A commit with these files on top of another, made behind the checkout's back.
    pub(crate) fn commit_on(&self, parent: Oid, files: &[(&str, Option<&str>)]) -> Oid {
        use super::git::{Content, Mode, NewCommit};
        let git = self.open();
        let content = |text: &str| Content { mode: Mode::FILE, oid: git.hash_blob(text.as_bytes()).unwrap() };
        let edits: Vec<_> =
            files.iter().map(|(name, text)| ((*name).to_owned(), text.map(content))).collect();
        let tree = git.write_tree(git.tree_of(parent).unwrap(), &edits).unwrap();
        let commit = NewCommit { tree, parents: &[parent], message: "behind\n", signature: None };
        git.commit_tree(&commit).unwrap()
    }

    /// `git status` as a person sees it.
    /// Stages a submodule that stands at the base's commit.
    pub(crate) fn add_module(&self, name: &str) {
        let head = self.oid("HEAD").to_string();
        self.git(&["update-index", "--add", "--cacheinfo", "160000", &head, name]);
    }

    pub(crate) fn status(&self) -> String {
        self.git(&["status", "--porcelain=v1", "--untracked-files=all"])
    }
}
