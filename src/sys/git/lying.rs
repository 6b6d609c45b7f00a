//! Blobs as files of the checkout hold them: where many are to be stamped, those need not come through git. Nothing is
//! taken on trust: a file counts if its bytes have the very name of the blob, whatever filters, times or an index say.
use super::object::BlobName;
use super::oid::{Mode, Oid};
use super::path;
use super::repo::Git;
use crate::base::{BlobStamper, Stamp};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode as Permissions, OFlags, open, openat};
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// So much is read at a time: what both hashes look at stays close to the processor.
const PIECE: usize = 128 * 1024;

/// A blob, and the file that may hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lying<'a> {
    /// The mode that its stamp is over.
    pub mode: Mode,
    /// The blob.
    pub oid: Oid,
    /// The file, from the top of the checkout.
    pub path: &'a str,
}

impl Git {
    /// The stamps of those blobs that lie in the checkout byte for byte, read on all cores.
    pub fn stamps_of_lying(&self, blobs: &[Lying<'_>]) -> Vec<Option<Stamp>> {
        let mut stamps = vec![None; blobs.len()];
        let Some(top) = self.work_tree().filter(|_| self.is_plain()) else { return stamps };
        let Ok(top) = open(top, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Permissions::empty())
        else {
            return stamps;
        };
        let next = AtomicUsize::new(0);
        let some = || {
            let (mut buffer, mut found) = (vec![0; PIECE], Vec::new());
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(blob) = blobs.get(at) else { return found };
                // What cannot be read is left to git.
                found.push((at, stamp(&top, *blob, &mut buffer).unwrap_or(None)));
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            let others: Vec<_> = (1..cores).map(|_| scope.spawn(some)).collect();
            let found =
                some().into_iter().chain(others.into_iter().flat_map(|o| o.join().unwrap_or_default()));
            for (at, stamp) in found {
                stamps[at] = stamp;
            }
        });
        stamps
    }
}

fn stamp(top: &OwnedFd, blob: Lying<'_>, buffer: &mut [u8]) -> io::Result<Option<Stamp>> {
    if ![Mode::FILE, Mode::EXECUTABLE].contains(&blob.mode) {
        return Ok(None);
    }
    // Where a pipe has taken the place of the file, nobody waits for who writes into it.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(openat(top, path::to_os(blob.path), flags, Permissions::empty())?);
    let stat = file.metadata()?;
    if !stat.is_file() {
        return Ok(None);
    }
    let (mut name, mut stamper) = (BlobName::new(stat.len()), BlobStamper::new(blob.mode.0, stat.len()));
    let mut left = stat.len();
    while left > 0 {
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let length = file.read(&mut buffer[..most])?;
        if length == 0 {
            return Ok(None);
        }
        name.take(&buffer[..length]);
        stamper.take(&buffer[..length]);
        left = left.saturating_sub(length as u64);
    }
    Ok((name.oid() == Some(blob.oid)).then(|| stamper.stamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    #[test]
    fn a_file_counts_for_the_blob_that_it_is_and_for_no_other() {
        let long = "long\r\n".repeat(PIECE);
        let world = World::new(&[
            ("a", "one"),
            ("deep/b", &long),
            ("c", "converted\n"),
            ("d", "gone"),
            ("e", "edited"),
            ("f", "a pipe"),
            ("g", "a link"),
        ]);
        let git = world.open();
        let entries = git.ls_tree(git.head().unwrap()).unwrap();
        world.write("c", "converted\r\n");
        world.write("e", "edit");
        for name in ["d", "f", "g"] {
            std::fs::remove_file(world.top().join(name)).unwrap();
        }
        let pipe = world.top().join("f");
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
        std::fs::write(world.root().join("elsewhere"), "a link").unwrap();
        std::os::unix::fs::symlink(world.root().join("elsewhere"), world.top().join("g")).unwrap();
        let blobs: Vec<Lying<'_>> = entries
            .iter()
            .map(|entry| Lying { mode: entry.content.mode, oid: entry.content.oid, path: &entry.path })
            .collect();
        let found: Vec<(&str, Stamp)> = blobs
            .iter()
            .zip(git.stamps_of_lying(&blobs))
            .filter_map(|(blob, stamp)| Some((blob.path, stamp?)))
            .collect();
        let of = |text: &str| Stamp::of_blob(0o100_644, text.as_bytes());
        assert_eq!(found, [("a", of("one")), ("deep/b", of(&long))]);
    }

    #[test]
    fn the_mode_is_that_of_the_blob() {
        let world = World::new(&[("a", "one")]);
        let git = world.open();
        let entry = git.ls_tree(git.head().unwrap()).unwrap().remove(0);
        let lying = Lying { mode: Mode::EXECUTABLE, oid: entry.content.oid, path: "a" };
        assert_eq!(git.stamps_of_lying(&[lying]), [Some(Stamp::of_blob(0o100_755, b"one"))]);
        let link = Lying { mode: Mode::LINK, ..lying };
        assert_eq!(git.stamps_of_lying(&[link]), [None]);
    }
}
