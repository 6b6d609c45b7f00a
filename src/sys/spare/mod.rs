//! Spare worktrees: the files of one that nobody needs any more, with which the next one begins. Nothing is in it but
//! what git itself wrote there before anybody worked in it, which stats prove; all else is removed and written anew. Git
//! does not know them, they lie in our own folder, and where anything is in doubt there is none.
mod cloned;
mod fill;
#[cfg(test)]
mod garden;
mod holders;
mod keep;
#[cfg(test)]
mod keep_tests;
mod kept;
mod look_through;
mod not_kept;
mod note;
mod noted;
#[cfg(test)]
mod property;
mod raze;
mod shape;
mod shelf;
mod sift;
#[cfg(test)]
mod tests;
mod ways;

pub(super) use cloned::clone_from_main;
pub(super) use fill::{Begun, fill, take_kept};
pub(super) use holders::has_mounts;
pub use keep::Keep;
pub(super) use keep::keepable;
pub(super) use kept::give;
pub use not_kept::{NotKept, Why};
pub(super) use raze::remove_folder;
pub(super) use shape::Shape;
pub(super) use shelf::{Claimed, put_by, take_note};
pub use shelf::{Spare, spares};

use super::git::index_file::Indexed;
use super::git::{Git, Oid};
use note::Note;
use shape::calls_for_filters;

/// Fewer files than this are written anew about as fast as they are found untouched.
pub const WORTH: usize = 1_000;

/// How a file of the main checkout becomes one of a worktree's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cloning {
    /// They share blocks, or nothing is done.
    #[default]
    Shared,
    /// It is copied: only for tests on disks that share nothing.
    Copied,
}

/// The [`Sparing::worth`] of those whose files never serve another one.
pub const NEVER: usize = usize::MAX;

/// What is wished of spare worktrees. By default there are none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sparing<'a> {
    /// How many there are at most.
    pub most: usize,
    /// The bytes that are to stay free on the disk; with fewer there are none.
    pub free: u64,
    /// A worktree of fewer files is none to keep; see [`WORTH`].
    pub worth: usize,
    /// Even on a disk on which a file may change without a trace, as in memory: only for measurements.
    pub any_disk: bool,
    /// How files come from the main checkout.
    pub cloning: Cloning,
    /// What stays of ignored files.
    pub keep: Option<&'a Keep>,
}

impl Sparing<'_> {
    /// The shape of a worktree that is about to be filled, where that is of any use.
    pub(super) fn shape(&self, git: &Git) -> Option<Shape> {
        if self.most == 0 || self.worth == NEVER || !git.is_plain() {
            return None;
        }
        // As many files as in the main checkout, more or less; a bare repository tells nothing.
        let index = std::fs::File::open(git.common_dir().join("index"));
        let mut start = [0; 12];
        let is_small = index.is_ok_and(|mut file| {
            std::io::Read::read_exact(&mut file, &mut start).is_ok() && Indexed::count(&start) < self.worth
        });
        if is_small { None } else { Shape::of(git, self.any_disk) }
    }
}

/// Notes a worktree that was just filled, so that its files may serve another one day. What cannot be noted never will.
pub(super) fn note(git: &Git, commit: Oid, shape: Shape, sparing: Sparing<'_>) {
    let now = Shape::of(git, sparing.any_disk);
    if now == Some(shape) && !(shape.has_filters && has_filtered(git)) {
        drop(Note::write(git, commit, (shape.stamp, shape.ways), sparing.worth));
    }
}

/// Whether attributes of a worktree's own call for filters.
fn has_filtered(git: &Git) -> bool {
    let Some(top) = git.work_tree() else { return true };
    let Some(indexed) = git.read_index() else { return true };
    let mut files = indexed.entries.iter().filter(|entry| entry.path.ends_with(".gitattributes"));
    files.any(|entry| {
        let file = top.join(super::git::path::to_os(&entry.path));
        // git itself follows no link to attributes in a worktree.
        note::plain(&file).is_some_and(|bytes| calls_for_filters(&bytes))
    })
}
