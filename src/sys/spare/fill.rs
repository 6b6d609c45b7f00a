//! Beginning a worktree with the files of a spare one, and what was kept beside them.
use super::Sparing;
use super::holders::is_held;
use super::kept::Kept;
use super::shape::Shape;
use super::shelf::{Claimed, FILES, Spare, is_most, spares, whole};
use super::sift::sift;
use crate::sys::git::{Change, Git, GitError, Mode, Oid};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode as Permissions, OFlags, openat};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// What became of filling a worktree.
#[derive(Default)]
pub(crate) struct Begun {
    /// Whether its files are there; else git has to write them.
    pub is_filled: bool,
    /// A spare one that was taken for it, with folders that it has still to get.
    pub kept: Option<Claimed>,
}

/// Fills a worktree, in whose folder there is nothing but git's link, with a commit, if there is a spare one that fits;
/// those that do not are gone.
///
/// # Errors
/// It was begun and failed: the folder is in no state to tell.
pub(crate) fn fill(
    repo: &Git,
    git: &Git,
    commit: Oid,
    shape: Shape,
    sparing: Sparing<'_>,
) -> Result<Begun, GitError> {
    let Some(top) = git.work_tree() else { return Ok(Begun::default()) };
    for spare in spares(repo).into_iter().take(sparing.most) {
        let Ok(claimed) = spare.claim(repo) else { continue };
        if is_held(&claimed.path()) {
            continue;
        }
        let sifted = fit(repo, &claimed, commit, shape);
        let serves = |kept: Kept| sparing.keep.is_some_and(|keep| kept.serves(keep));
        let has_kept = Kept::read(&claimed.path()).is_some_and(serves);
        if let Some(sifted) = &sifted {
            let words = || GitError::io(format!("fill `{}`", top.display()));
            place(&claimed, &sifted.folder, top).map_err(words())?;
            let index = git.git_dir().join("index");
            let written = File::create_new(&index).and_then(|mut file| file.write_all(&sifted.index));
            written.map_err(words())?;
            sifted.switch(git, commit)?;
        }
        if has_kept || sifted.is_some() {
            // What is kept goes with files of its own worktree, or with new ones.
            return Ok(Begun { is_filled: sifted.is_some(), kept: has_kept.then_some(claimed) });
        }
    }
    Ok(Begun::default())
}

/// Takes the newest spare one of which something is kept, whatever becomes of its files.
pub(crate) fn take_kept(repo: &Git, sparing: Sparing<'_>) -> Option<Claimed> {
    let keep = sparing.keep?;
    let serves = |spare: &Spare| Kept::read(spare.folder()).is_some_and(|kept| kept.serves(keep));
    let spare = spares(repo).into_iter().find(serves)?;
    spare.claim(repo).ok().filter(|claimed| !is_held(&claimed.path()))
}

/// A spare worktree in which there is nothing but untouched files.
struct Sifted {
    folder: OwnedFd,
    index: Vec<u8>,
    /// Names of files in its index that are gone, each with a NUL behind it.
    gone: Vec<u8>,
}

/// Looks whether a spare one may be used for a commit, and leaves nothing in it but untouched files.
fn fit(repo: &Git, claimed: &Claimed, commit: Oid, shape: Shape) -> Option<Sifted> {
    let (note, noted) = whole(&claimed.path().join(super::note::NOTE))?;
    let differ = repo.diff_tree(note.commit, commit).ok()?;
    if note.shape != shape.stamp || differ.iter().any(shapes_others) {
        return None;
    }
    let folder = super::raze::folder(claimed.open().ok()?, FILES).ok()?;
    let left = sift(&folder, &noted, note.ways, note.since).ok()?;
    if !is_most(&left) {
        return None;
    }
    let mut gone = Vec::new();
    for (file, _) in left.iter().enumerate().filter(|(_, left)| !**left) {
        gone.extend_from_slice(noted.name(file));
        gone.push(0);
    }
    Some(Sifted { folder, index: note.index, gone })
}

/// Whether a change of this file changes what git writes for others, or is one that only git can make.
fn shapes_others(change: &Change) -> bool {
    let name = change.path.rsplit('/').next().unwrap_or_default();
    let is_module = [change.old, change.new].iter().flatten().any(|content| content.mode == Mode::GITLINK);
    is_module || matches!(name, ".gitattributes" | ".gitmodules")
}

/// Puts the files where there is nothing but git's link, with that in them as a file of its own.
fn place(claimed: &Claimed, folder: &OwnedFd, top: &Path) -> io::Result<()> {
    let link = top.join(".git");
    let text = fs::read(&link)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(folder.as_fd(), c".git", flags, Permissions::from_raw_mode(0o666))?;
    File::from(made).write_all(&text)?;
    fs::remove_file(&link)?;
    // Onto an empty folder alone.
    fs::rename(claimed.path().join("worktree"), top)
}

impl Sifted {
    /// Has git write what differs in a commit or is gone.
    fn switch(&self, git: &Git, commit: Oid) -> Result<(), GitError> {
        if !self.gone.is_empty() {
            let forget = git.command(["update-index", "--force-remove", "-z", "--stdin"]);
            git.run(&forget.stdin(self.gone.clone()))?;
        }
        let commit = commit.to_string();
        git.run(&git.command(["-c", "core.sparseCheckout=false", "read-tree", "-m", "-u", &commit])).map(drop)
    }
}
