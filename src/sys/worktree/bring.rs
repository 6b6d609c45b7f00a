//! Files that git does not keep and a worktree needs: copied, linked, or listed in `.worktreeinclude`.
use super::Worktree;
use crate::sys::files::{self, Copied};
use crate::sys::git::index::nul_separated;
use crate::sys::git::{Git, GitError, path};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What was brought into a worktree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BroughtIn {
    /// The paths now there that came from the main checkout: never committed, never a change.
    pub paths: Vec<String>,
    /// Paths that were asked for and left out, each with why.
    pub left_out: Vec<(String, String)>,
}

impl Worktree {
    /// Brings in files of the main checkout that git does not track: copies of what `copy` matches
    /// (pathspecs: `.env`, `.opencode/**`) and of what is both ignored and listed in `.worktreeinclude`,
    /// links to what `link` names. What is there already is left as it is; links are copied as links, so
    /// nothing from outside the repository comes in. A bare repository has nothing to bring.
    ///
    /// # Errors
    /// git or the disk fails.
    pub fn bring_in(&self, copy: &[String], link: &[String]) -> Result<BroughtIn, GitError> {
        let main = self.git().main();
        let Some(from) = main.work_tree() else { return Ok(BroughtIn::default()) };
        let Coming { to_link, to_copy } = Coming::of(&main, copy, link)?;
        if to_link.is_empty() && to_copy.is_empty() {
            return Ok(BroughtIn::default());
        }
        // What will come is listed before it comes, or a kill would leave it looking like a person's work.
        let before: BTreeSet<String> = self.brought_in()?.into_iter().collect();
        let is_missing = |name: &&str| self.top().join(path::to_os(name)).symlink_metadata().is_err();
        let names = to_link.iter().chain(&to_copy).map(|name| name.trim_end_matches('/'));
        let coming = names.filter(is_missing).map(ToOwned::to_owned);
        self.write_list(&before.iter().cloned().chain(coming).collect())?;
        let mut brought = BroughtIn::default();
        for name in &to_link {
            let name = name.trim_end_matches('/');
            let (source, target) = (from.join(path::to_os(name)), self.top().join(path::to_os(name)));
            let done = files::link(&source, self.top(), &target);
            brought.note(name, done.map_err(GitError::io(format!("link `{name}`")))?);
        }
        for name in &to_copy {
            let name = name.trim_end_matches('/');
            let (source, target) = (from.join(path::to_os(name)), self.top().join(path::to_os(name)));
            let done = files::copy(&source, self.top(), &target);
            brought.note(name, done.map_err(GitError::io(format!("copy `{name}`")))?);
        }
        if !brought.left_out.is_empty() {
            self.write_list(&before.into_iter().chain(brought.paths.iter().cloned()).collect())?;
        }
        Ok(brought)
    }

    fn write_list(&self, names: &BTreeSet<String>) -> Result<(), GitError> {
        let list = self.list();
        files::replace(&list, &nul_separated(names.iter().map(String::as_str)))
            .map_err(GitError::io(format!("write `{}`", list.display())))
    }

    /// All that was ever brought in: files, and folders that stand for all below them.
    ///
    /// # Errors
    /// The list cannot be read.
    pub fn brought_in(&self) -> Result<Vec<String>, GitError> {
        match std::fs::read(self.list()) {
            Ok(bytes) => {
                let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
                Ok(names.map(path::to_text).collect())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(GitError::io(format!("read `{}`", self.list().display()))(error)),
        }
    }

    fn list(&self) -> PathBuf {
        self.git().git_dir().join("specmake-brought-in")
    }
}

/// What of the main checkout is to come into a worktree.
pub(super) struct Coming {
    to_link: BTreeSet<String>,
    to_copy: BTreeSet<String>,
}

impl Coming {
    /// What is there to be copied and linked to now.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn of(main: &Git, copy: &[String], link: &[String]) -> Result<Self, GitError> {
        if main.work_tree().is_none() {
            return Ok(Self { to_link: BTreeSet::new(), to_copy: BTreeSet::new() });
        }
        let to_link = untracked(main, link, Shape::Folders)?.into_iter().collect();
        let mut to_copy: BTreeSet<String> = untracked(main, copy, Shape::Files)?.into_iter().collect();
        to_copy.extend(included(main)?);
        Ok(Self { to_link, to_copy })
    }

    /// The paths of all of it.
    pub(super) fn paths(self) -> Vec<String> {
        self.to_link.into_iter().chain(self.to_copy).collect()
    }
}

impl BroughtIn {
    fn note(&mut self, name: &str, done: Copied) {
        match done {
            Copied::Done => self.paths.push(name.to_owned()),
            Copied::There => {}
            Copied::LeftOut(why) => self.left_out.push((name.to_owned(), why.to_owned())),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Every file.
    Files,
    /// A folder that is untracked as a whole stands for its files.
    Folders,
}

/// What these pathspecs match that git does not track, ignored or not. Our own folder is never among it.
fn untracked(main: &Git, specs: &[String], shape: Shape) -> Result<Vec<String>, GitError> {
    if specs.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = main.command(["ls-files", "--others", "-z"]);
    if shape == Shape::Folders {
        command = command.arg("--directory");
    }
    let captured =
        main.run(&command.arg("--").args(specs.iter().map(|spec| format!(":(top,glob){spec}"))))?;
    Ok(names(&captured.stdout))
}

/// What is both ignored and listed in `.worktreeinclude`.
fn included(main: &Git) -> Result<Vec<String>, GitError> {
    let Some(file) = main.work_tree().map(|top| top.join(".worktreeinclude")) else { return Ok(Vec::new()) };
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let listed = main.command(["ls-files", "--others", "--ignored", "-z", "--exclude-from"]).arg(&file);
    let listed = names(&main.run(&listed)?.stdout);
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let asked = main.command(["check-ignore", "-z", "--stdin"]);
    let command = asked.stdin(nul_separated(listed.iter().map(String::as_str)));
    Ok(names(&main.ask(&command)?.stdout))
}

fn names(output: &[u8]) -> Vec<String> {
    let names = output.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(path::to_text);
    names.filter(|name| name != ".specmake" && !name.starts_with(".specmake/")).collect()
}
