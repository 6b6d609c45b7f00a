//! Worktrees that nobody has any more and whose files are kept: the next one begins with them, and git touches only what
//! differs. Git does not know them, they lie in our own folder, and one that is not exactly as it was left is thrown away.
use super::Worktree;
use crate::sys::files;
use crate::sys::git::index_file::Indexed;
use crate::sys::git::{Git, GitError, Oid, path};
use crate::sys::load::Gauge;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder of spare worktrees, in our own.
const FOLDER: &str = "spares";

/// What a spare one consists of: its files, the index that knows them, and what of the ignored files was to stay.
pub(super) const FILES: &str = "worktree";
const INDEX: &str = "index";
const KEPT: &str = "kept";

/// Fewer files than this are checked out anew as fast.
const WORTH: usize = 300;

/// What is wished of spare worktrees.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sparing<'a> {
    /// Ignored files that stay in them for the next one, as lines of an ignore file.
    pub keep: &'a [String],
    /// How many there are at most.
    pub most: usize,
    /// The bytes that are to stay free on the disk; with fewer there are none.
    pub free: u64,
}

impl Sparing<'_> {
    fn text(&self) -> String {
        self.keep.iter().map(|line| format!("{line}\n")).collect()
    }

    /// `git clean` of everything that is not tracked and not to be kept.
    fn clean(&self, git: &Git, how: &str) -> crate::sys::process::Invocation {
        let mut args: Vec<OsString> = ["clean", "-ff", "-d", "-x", how].map(OsString::from).into();
        for line in self.keep {
            args.extend([OsString::from("-e"), path::to_os(line).into_os_string()]);
        }
        git.command(args)
    }
}

/// A spare worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spare {
    folder: PathBuf,
}

/// All spare worktrees of a repository, the newest first.
pub fn spares(repo: &Git) -> Vec<Spare> {
    let entries = fs::read_dir(repo.own_dir().join(FOLDER)).into_iter().flatten().flatten();
    let time = |folder: &Path| folder.join(INDEX).metadata().and_then(|stat| stat.modified()).ok();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.sort_by_cached_key(|folder| (std::cmp::Reverse(time(folder)), folder.clone()));
    found.into_iter().map(|folder| Spare { folder }).collect()
}

impl Spare {
    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> u64 {
        files::size_of(&self.folder)
    }

    /// Removes it: in one step out of the way, so that nobody finds half of it.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(&self, repo: &Git) -> Result<(), GitError> {
        let aside = crate::sys::git::index::scratch(repo)?;
        fs::rename(&self.folder, aside.path().join(FILES))
            .map_err(GitError::io(format!("remove `{}`", self.folder.display())))
    }
}

/// Makes a spare worktree of one whose files lie, without their git directory, in `aside`, and its index beside them.
/// One that is not worth it, or not as its index says, goes.
pub(super) fn put_by(repo: &Git, aside: TempDir, brought_in: &[String], sparing: Sparing<'_>) {
    let left = Gauge::new(&repo.own_dir()).read().disk_free;
    if sparing.most > 0 && left.is_some_and(|left| left < sparing.free) {
        spares(repo).iter().for_each(|spare| drop(spare.remove(repo)));
        return;
    }
    if spares(repo).len() >= sparing.most
        || !made_clean(repo, aside.path(), brought_in, sparing).unwrap_or(false)
    {
        return;
    }
    let folder = repo.own_dir().join(FOLDER);
    let made = aside.keep();
    let is_kept = fs::create_dir_all(&folder).is_ok()
        && (0..=sparing.most).any(|number| fs::rename(&made, folder.join(number.to_string())).is_ok());
    if !is_kept {
        drop(fs::remove_dir_all(made));
    }
}

/// Leaves of the files in `folder` what is tracked and what is to be kept. Whether all that went as it should.
fn made_clean(
    repo: &Git,
    folder: &Path,
    brought_in: &[String],
    sparing: Sparing<'_>,
) -> Result<bool, GitError> {
    let top = folder.join(FILES);
    let indexed = fs::read(folder.join(INDEX)).ok().and_then(|bytes| Indexed::read(&bytes));
    // An index that hides files from git would hide them from the next one too.
    let Some(indexed) = indexed.filter(|indexed| !indexed.hides) else { return Ok(false) };
    if (indexed.entries.len() < WORTH && sparing.keep.is_empty()) || top.join(".gitmodules").exists() {
        return Ok(false);
    }
    for name in brought_in {
        super::remove(&top.join(path::to_os(name)))?;
    }
    super::remove(&top.join(".git"))?;
    let git = repo.linked(&top, repo.common_dir()).with_env("GIT_INDEX_FILE", folder.join(INDEX));
    // A clean one has no doubtful times in its index, and the next one loses none with them.
    let clean = git.ask(&sparing.clean(&git, "-q"))?.success()
        && git.ask(&git.command(["update-index", "-q", "--refresh"]))?.success();
    let kept = folder.join(KEPT);
    fs::write(&kept, sparing.text()).map_err(GitError::io(format!("write `{}`", kept.display())))?;
    Ok(clean)
}

/// The index of a spare worktree whose files are already in their new place.
pub(super) struct Taken {
    folder: PathBuf,
}

/// Puts the files of the newest spare worktree at `top`, where there is nothing, or an empty folder. None if there is
/// none that fits, or `top` is on another disk.
pub(super) fn take(repo: &Git, top: &Path, sparing: Sparing<'_>) -> Option<Taken> {
    for spare in spares(repo) {
        let kept = fs::read_to_string(spare.folder.join(KEPT)).ok();
        if kept.as_deref() == Some(sparing.text().as_str())
            && fs::rename(spare.folder.join(FILES), top).is_ok()
        {
            return Some(Taken { folder: spare.folder });
        }
        // Half of one, or what another Specfile kept.
        if kept.as_deref() != Some(sparing.text().as_str()) || !spare.folder.join(FILES).exists() {
            drop(spare.remove(repo));
        }
    }
    None
}

impl Taken {
    /// Brings its files, which the worktree has now, to a commit. False if they were not as they were left, or not all
    /// of them would be as in a worktree made anew: then they must go.
    ///
    /// # Errors
    /// git or the disk fails.
    pub fn bring_to(&self, worktree: &Worktree, commit: Oid, sparing: Sparing<'_>) -> Result<bool, GitError> {
        let git = worktree.git();
        let to = git.git_dir().join("index");
        let words = format!("write `{}`", to.display());
        fs::rename(self.folder.join(INDEX), &to).map_err(GitError::io(words))?;
        let says_yes = |args: &[&str]| git.ask(&git.command(args)).map(|captured| captured.success());
        let says_nothing =
            |command| git.ask(&command).map(|captured| captured.success() && captured.stdout.is_empty());
        let commit = commit.to_string();
        let unchanged = ["diff-files", "--quiet"];
        // Where attributes differ, files may have to differ that are the same to git.
        let attributes = ["diff-index", "--cached", "--quiet", &commit, "--", ":(top,glob)**/.gitattributes"];
        let switch = ["-c", "core.sparseCheckout=false", "read-tree", "-m", "-u", &commit];
        Ok(says_yes(&unchanged)?
            && says_yes(&attributes)?
            && says_yes(&switch)?
            && says_nothing(sparing.clean(git, "-n"))?
            // What was ignored there may not be here.
            && (sparing.keep.is_empty() || says_nothing(git.command(["clean", "-ff", "-d", "-n"]))?))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}
