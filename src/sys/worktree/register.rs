//! Making git know a worktree, and forget one, by the files that `gitrepository-layout(5)` describes: each as one
//! rename, so that git knows it wholly or not at all.
use super::add::HALF_MADE;
use crate::sys::git::index::scratch;
use crate::sys::git::{Git, GitError, Oid, branch_ref, path};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// What a new worktree is to have checked out.
pub(super) enum Head<'a> {
    Branch(&'a str),
    Detached(Oid),
}

/// Registers a worktree at `top`, locked as half made, and puts its `.git` there: no files yet, and no index. `None`:
/// git must do it.
pub(super) fn register(repo: &Git, top: &Path, head: &Head<'_>) -> Result<Option<Git>, GitError> {
    let Some(name) = name_for(top).filter(|_| repo.is_plain()) else { return Ok(None) };
    let words = |what: &Path| GitError::io(format!("write `{}`", what.display()));
    let scratch = scratch(repo)?;
    let made = scratch.path().join("worktree");
    let head = match head {
        Head::Branch(branch) => format!("ref: {}\n", branch_ref(branch)),
        Head::Detached(commit) => format!("{commit}\n"),
    };
    let link = top.join(".git");
    let mut back = path::to_bytes(&path::from_os(&link)).into_owned();
    back.push(b'\n');
    std::fs::create_dir(&made).map_err(words(&made))?;
    let files = [
        ("HEAD", head.as_bytes()),
        ("commondir", b"../..\n"),
        ("gitdir", &back),
        ("locked", HALF_MADE.as_bytes()),
    ];
    for (file, text) in files {
        std::fs::write(made.join(file), text).map_err(words(&made))?;
    }
    let all = repo.common_dir().join("worktrees");
    std::fs::create_dir_all(&all).map_err(words(&all))?;
    let names = std::iter::once(name.clone()).chain((1_u32..).map(|n| format!("{name}{n}")));
    for name in names {
        let place = all.join(name);
        if place.symlink_metadata().is_ok() {
            continue;
        }
        match std::fs::rename(&made, &place) {
            Ok(()) => return place_link(repo, top, &place).map(Some),
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty) => {
            }
            Err(error) => return Err(words(&place)(error)),
        }
    }
    Ok(None)
}

/// Makes a worktree's folder, and in it the `.git` that leads to `place`; there must be none.
pub(super) fn place_link(repo: &Git, top: &Path, place: &Path) -> Result<Git, GitError> {
    let words = || GitError::io(format!("write `{}`", top.join(".git").display()));
    std::fs::create_dir_all(top).map_err(words())?;
    let mut link = File::create_new(top.join(".git")).map_err(words())?;
    let mut text = b"gitdir: ".to_vec();
    text.extend_from_slice(&path::to_bytes(&path::from_os(place)));
    text.push(b'\n');
    link.write_all(&text).map_err(words())?;
    repo.at_worktree(top)
}

/// Makes git forget a worktree whose folder is out of the way. False: git must do it.
pub(super) fn forget(repo: &Git, git_dir: &Path) -> bool {
    let all = repo.common_dir().join("worktrees");
    let scratch = scratch(repo).ok().filter(|_| git_dir.parent() == Some(&all));
    let Some(scratch) = scratch else { return false };
    if std::fs::rename(git_dir, scratch.path().join("worktree")).is_err() {
        return false;
    }
    // As git does: the folder goes with the last of them.
    drop(std::fs::remove_dir(all));
    true
}

/// The name by which git would know it, if that is plain to see.
fn name_for(top: &Path) -> Option<String> {
    let name = top.file_name()?.to_str()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.chars().all(is_plain) || name.contains("..") || name.ends_with(".lock") || name.ends_with('.') {
        return None;
    }
    Some(name.strip_prefix('.').map_or(name.to_owned(), |rest| format!("-{rest}")))
}
