//! Folders that the Specfile keeps: what builds leave in them goes, by one rename each, from a worktree whose spec has
//! landed into its spare one, and from there into the next worktree; each to one, those that run beside it begin without.
//! What lies in them is the user's word and is not checked, but they go on only as folders that git ignores and tracks
//! nothing of, here and there; not behind a link or a mount, not with a link out of the worktree, a file that has a name
//! elsewhere or a repository in them, not while anybody has them open, and only under the same `setup` of the same folder
//! of specs. They go with files of the same worktree or with files written anew: beside older ones make would take a
//! product for newer than what it is made of. What `copy` and `link` bring comes first.
use super::look_through::unopened;
use super::not_kept::{NotKept, Why};
use super::raze::{folder, open};
use crate::base::{Stamp, Stamper};
use crate::sys::git::index::nul_separated;
use crate::sys::git::{Git, GitError, path};
use rustix::fd::OwnedFd;
use std::collections::HashSet;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// What is kept, and under what.
#[derive(Debug, Clone)]
pub struct Keep {
    /// Paths relative to the top of a worktree, none in another.
    pub(super) folders: Vec<String>,
    pub(super) under: Stamp,
    /// What is copied from the main checkout, and linked to: it comes first.
    brings: (Vec<String>, Vec<String>),
}

impl Keep {
    /// These folders, as long as all of `under` stays the same: what sets a worktree up.
    pub fn new<'a>(folders: &[String], under: impl IntoIterator<Item = &'a str>) -> Self {
        let under =
            under.into_iter().fold(Stamper::new("keep"), |stamper, one| stamper.field(one.as_bytes()));
        Self { folders: folders.to_vec(), under: under.stamp(), brings: Default::default() }
    }

    /// The same where `copy` and `link` bring something in: what comes into a folder takes its place.
    #[must_use]
    pub fn beside(self, copy: &[String], link: &[String]) -> Self {
        Self { brings: (copy.to_vec(), link.to_vec()), ..self }
    }

    /// What `copy` and `link` are to bring in.
    pub(crate) fn brings(&self) -> (&[String], &[String]) {
        (&self.brings.0, &self.brings.1)
    }

    /// The same without the folders into which one of these paths is brought.
    pub(crate) fn without(&self, brought_in: &[String]) -> Self {
        let folders = self.folders.iter().filter(|folder| brought_into(brought_in, folder).is_none());
        Self { folders: folders.cloned().collect(), ..self.clone() }
    }
}

/// Which of the folders that are there may leave a worktree, and why others may not.
///
/// # Errors
/// git cannot run.
pub(crate) fn keepable(
    git: &Git,
    brought_in: &[String],
    keep: &Keep,
) -> Result<(Vec<String>, Vec<NotKept>), GitError> {
    let (mut folders, mut not_kept) = (Vec::new(), Vec::new());
    let Some(top) = git.work_tree() else { return Ok((folders, not_kept)) };
    for name in &keep.folders {
        let opened = open(top).and_then(|top| enter(&top, name));
        let why = match opened {
            Ok(_) => brought_into(brought_in, name).map(|path| Why::BroughtIn(path.to_owned())),
            Err(error) => match unopened(&error) {
                None => continue,
                why => why,
            },
        };
        match why {
            None => folders.push(name.clone()),
            Some(why) => not_kept.push(why.of_folder(name)),
        }
    }
    let ignored = ignored(git, &folders)?;
    let (folders, others): (Vec<_>, Vec<_>) =
        folders.into_iter().partition(|folder| ignored.contains(folder));
    not_kept.extend(others.iter().map(|folder| told_of(git, folder).of_folder(folder)));
    Ok((folders, not_kept))
}

/// What came from the main checkout and lies in a folder, or has it in it.
fn brought_into<'a>(brought_in: &'a [String], folder: &str) -> Option<&'a str> {
    let is_in = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    brought_in
        .iter()
        .map(|path| path.trim_end_matches('/'))
        .find(|path| is_in(path, folder) || is_in(folder, path))
}

/// Why git tells of a folder.
fn told_of(git: &Git, folder: &str) -> Why {
    let below = format!("{folder}/");
    let indexed = git.read_index().into_iter().flat_map(|indexed| indexed.entries);
    let tracked = indexed.map(|entry| entry.path).find(|path| path == folder || path.starts_with(&below));
    tracked.map_or_else(|| Why::NotIgnored(folder.to_owned()), Why::Tracked)
}

/// Which of these folders, that are there and no links, git ignores as a whole, and has no file of.
pub(super) fn ignored(git: &Git, folders: &[String]) -> Result<HashSet<String>, GitError> {
    if folders.is_empty() {
        return Ok(HashSet::new());
    }
    // So none of them begins with what git takes for more than a name.
    let asked: Vec<String> = folders.iter().map(|folder| format!("./{folder}")).collect();
    let command = git.command(["check-ignore", "-z", "--stdin"]);
    let answer = git.ask(&command.stdin(nul_separated(asked.iter().map(String::as_str))))?;
    // It gives up at the first one that lies in a submodule, whatever the others are.
    if !matches!(answer.status.code(), Some(0 | 1)) && folders.len() > 1 {
        let each: Result<Vec<_>, _> = folders.chunks(1).map(|one| ignored(git, one)).collect();
        return Ok(each?.into_iter().flatten().collect());
    }
    let names = answer.stdout.split(|byte| *byte == 0).map(path::to_text);
    Ok(names.filter_map(|name| name.strip_prefix("./").map(ToOwned::to_owned)).collect())
}

/// The parts of a folder's path.
pub(super) fn parts(name: &str) -> io::Result<Vec<CString>> {
    let path = path::to_os(name);
    path.iter().map(|part| Ok(CString::new(part.as_bytes())?)).collect()
}

/// Opens a folder below another one, no link and no mount on the way.
fn enter(top: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    parts(name)?.iter().try_fold(top.try_clone()?, |parent, part| folder(&parent, part))
}
