//! The checkouts of a repository, and whether somebody is in the middle of something there.
use super::error::GitError;
use super::oid::Oid;
use super::path;
use super::repo::Git;
use crate::sys::files::tidy;
use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One checkout, as `git worktree list` knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Its top folder; for a bare repository the repository itself.
    pub path: PathBuf,
    /// The commit checked out; `None` before the first.
    pub head: Option<Oid>,
    /// The branch checked out, without `refs/heads/`.
    pub branch: Option<String>,
    /// It is the repository itself, which is bare.
    pub bare: bool,
    /// It is locked against removal, with this reason; git says `initializing` of one half made.
    pub locked: Option<String>,
    /// Its folder is gone.
    pub lost: bool,
}

/// Whether a checkout is meant, by its top folder and the branch that it has checked out.
pub type Meant<'a> = dyn Fn(&Path, Option<&str>) -> bool + 'a;

/// Something of the user's that is begun and not finished in a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `git merge`.
    Merge,
    /// `git rebase`, or `git am`.
    Rebase,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git bisect`.
    Bisect,
}

impl Operation {
    /// The one that is under way in the checkout with this git directory.
    pub fn under_way(git_dir: &Path) -> Option<Self> {
        let signs = [
            ("rebase-merge", Self::Rebase),
            ("rebase-apply", Self::Rebase),
            ("MERGE_HEAD", Self::Merge),
            ("CHERRY_PICK_HEAD", Self::CherryPick),
            ("REVERT_HEAD", Self::Revert),
            ("sequencer", Self::CherryPick),
            ("BISECT_START", Self::Bisect),
        ];
        signs.into_iter().find(|(sign, _)| git_dir.join(sign).exists()).map(|(_, operation)| operation)
    }

    /// The one that will come back to `branch` when it ends, though HEAD does not name it meanwhile.
    pub fn returning_to(git_dir: &Path, branch: &str) -> Option<Self> {
        let full = super::refs::branch_ref(branch);
        let signs = [
            ("rebase-merge/head-name", Self::Rebase),
            ("rebase-apply/head-name", Self::Rebase),
            ("BISECT_START", Self::Bisect),
        ];
        let names_it = |sign: &str| {
            let text = std::fs::read_to_string(git_dir.join(sign)).unwrap_or_default();
            text.trim_end() == full || text.trim_end() == branch
        };
        signs.into_iter().find(|(sign, _)| names_it(sign)).map(|(_, operation)| operation)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::CherryPick => "cherry-pick",
            Self::Revert => "revert",
            Self::Bisect => "bisect",
        })
    }
}

impl Git {
    /// All checkouts; the main one, or the bare repository, comes first.
    ///
    /// # Errors
    /// git fails.
    pub fn worktrees(&self) -> Result<Vec<Listed>, GitError> {
        self.worktrees_where(&|_, _| true)
    }

    /// Those of them that are meant, told by top folder and branch: of the others no more is looked at.
    ///
    /// # Errors
    /// git fails.
    pub fn worktrees_where(&self, meant: &Meant<'_>) -> Result<Vec<Listed>, GitError> {
        if let Some(found) = self.read_worktrees(meant) {
            return Ok(found);
        }
        let mut all = self.listed_worktrees()?;
        all.retain(|one| meant(&one.path, one.branch.as_deref()));
        Ok(all)
    }

    /// The same, read from the files that `gitrepository-layout(5)` describes. `None`: better ask git.
    fn read_worktrees(&self, meant: &Meant<'_>) -> Option<Vec<Listed>> {
        let top = self.main_work_tree().filter(|_| self.is_plain())?;
        let mut all = Vec::new();
        all.extend(self.read_worktree(self.common_dir(), top.to_owned(), meant)?);
        let mut dirs: Vec<PathBuf> = self.git_dirs().split_off(1);
        dirs.sort_unstable();
        for dir in dirs {
            let bytes = std::fs::read(dir.join("gitdir")).ok()?;
            let file = path::to_os(&path::to_text(bytes.trim_ascii_end()));
            let top = file.parent().filter(|_| file.is_absolute() && file.ends_with(".git"))?;
            all.extend(self.read_worktree(&dir, top.to_owned(), meant)?);
        }
        Some(all)
    }

    /// One of them; nothing where it is not meant.
    fn read_worktree(&self, git_dir: &Path, top: PathBuf, meant: &Meant<'_>) -> Option<Option<Listed>> {
        let head = std::fs::read_to_string(git_dir.join("HEAD")).ok()?;
        let name = head.trim_end().strip_prefix("ref: ");
        let branch = match name {
            Some(name) => Some(name.strip_prefix("refs/heads/")?.to_owned()),
            None => None,
        };
        if !meant(&top, branch.as_deref()) {
            return Some(None);
        }
        let head = match name {
            Some(name) => self.commit(name).ok()?,
            None => Some(head.trim_end().parse().ok()?),
        };
        let locked = match std::fs::read(git_dir.join("locked")) {
            Ok(why) => Some(path::to_text(why.trim_ascii())),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => return None,
        };
        Some(Some(Listed { lost: !top.is_dir(), path: top, head, branch, bare: false, locked }))
    }

    /// The same, as git lists them.
    pub(super) fn listed_worktrees(&self) -> Result<Vec<Listed>, GitError> {
        let captured = self.run(&self.command(["worktree", "list", "--porcelain", "-z"]))?;
        let mut all = Vec::new();
        let mut one = Listed::default();
        for line in captured.stdout.split(|byte| *byte == 0) {
            let line = path::to_text(line);
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "worktree" => one.path = path::to_os(rest),
                "HEAD" => one.head = Some(rest.parse::<Oid>()?).filter(|oid| !oid.is_zero()),
                "branch" => one.branch = rest.strip_prefix("refs/heads/").map(str::to_owned),
                "bare" => one.bare = true,
                "locked" => one.locked = Some(rest.to_owned()),
                "" if !one.path.as_os_str().is_empty() => {
                    one.lost = !one.path.is_dir();
                    all.push(std::mem::take(&mut one));
                }
                _ => {}
            }
        }
        // Of a submodule git lists the git directory where the checkout should stand.
        if let (Some(first), Some(top)) = (all.first_mut(), self.main_work_tree())
            && !first.bare
        {
            first.path = top.to_owned();
            first.lost = !top.is_dir();
        }
        Ok(all)
    }

    /// The folders of all checkouts, read without git, which lists none while one of them is half made.
    pub fn worktree_folders(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.common_dir().join("worktrees")).into_iter().flatten().flatten();
        let linked = entries.filter_map(|entry| self.folder_of(&entry.path()));
        self.main_work_tree().map(Path::to_owned).into_iter().chain(linked).collect()
    }

    /// The folder of the checkout that this folder below `worktrees` in the git directory is for, if it says so
    /// (`gitdir` in gitrepository-layout).
    pub fn folder_of(&self, admin: &Path) -> Option<PathBuf> {
        let link = std::fs::read(admin.join("gitdir")).ok()?;
        let link = link.trim_ascii_end();
        if link.is_empty() {
            return None;
        }
        // Relative to where it stands, if git was told to write it so.
        Some(tidy(admin.join(OsStr::from_bytes(link)).parent()?))
    }

    /// The handle on a checkout of this repository, read from its `.git`.
    ///
    /// # Errors
    /// It is no checkout.
    pub fn at_worktree(&self, top: &Path) -> Result<Self, GitError> {
        if self.main_work_tree() == Some(top) {
            return Ok(self.main());
        }
        let file = top.join(".git");
        let bytes = std::fs::read(&file).map_err(GitError::io(format!("read `{}`", file.display())))?;
        let text = path::to_text(bytes.strip_suffix(b"\n").unwrap_or(&bytes));
        let Some(target) = text.strip_prefix("gitdir: ") else {
            return Err(GitError::Unreadable {
                what: format!("`{}` names no git directory", file.display()),
            });
        };
        let target = top.join(path::to_os(target));
        let git_dir = target.canonicalize().map_err(GitError::io(format!(
            "find `{}`, which `{}` names",
            target.display(),
            file.display()
        )))?;
        if !git_dir.starts_with(self.common_dir()) {
            return Err(GitError::Unreadable {
                what: format!("`{}` belongs to another repository", top.display()),
            });
        }
        Ok(self.linked(top, &git_dir))
    }

    /// Every git directory of a checkout, the common one first, read from the disk.
    pub fn git_dirs(&self) -> Vec<PathBuf> {
        let mut dirs = vec![self.common_dir().to_owned()];
        if let Ok(linked) = std::fs::read_dir(self.common_dir().join("worktrees")) {
            dirs.extend(linked.flatten().map(|entry| entry.path()));
        }
        dirs
    }
}
