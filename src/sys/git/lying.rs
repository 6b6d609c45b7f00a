//! Blobs as files of the checkout hold them: where many are to be stamped, those need not come through git. A file counts
//! if its bytes have the very name of the blob, whatever filters, times or an index say; or, since that name costs as much
//! as all the rest, if the index vouches for it and nothing in it could have been converted on its way.
use super::object::BlobName;
use super::oid::{Mode, Oid};
use super::path;
use super::repo::Git;
use super::vouched::Vouched;
use crate::base::{BlobStamper, Stamp};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode as Permissions, OFlags, open, openat};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
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
        let reading = Reading { top, vouched: self.vouched(blobs) };
        let next = AtomicUsize::new(0);
        let some = || {
            let (mut buffer, mut found) = (vec![0; PIECE], Vec::new());
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(blob) = blobs.get(at) else { return found };
                // What cannot be read is left to git.
                found.push((at, reading.stamp(*blob, &mut buffer).unwrap_or(None)));
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

/// A checkout whose files are read, and what its index says of them.
struct Reading {
    top: OwnedFd,
    vouched: Option<Vouched>,
}

impl Reading {
    fn stamp(&self, blob: Lying<'_>, buffer: &mut [u8]) -> io::Result<Option<Stamp>> {
        if ![Mode::FILE, Mode::EXECUTABLE].contains(&blob.mode) {
            return Ok(None);
        }
        // Where a pipe has taken the place of the file, nobody waits for who writes into it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.top, path::to_os(blob.path), flags, Permissions::empty())?);
        let stat = file.metadata()?;
        if !stat.is_file() {
            return Ok(None);
        }
        let length = stat.len();
        let is_vouched =
            |stat: &Metadata| self.vouched.as_ref().is_some_and(|vouched| vouched.is(blob, stat));
        if is_vouched(&stat) {
            let mut stamper = BlobStamper::new(blob.mode.0, length);
            let is_plain = read(&mut file, length, buffer, |piece| {
                stamper.take(piece);
                // How lines end may have been another matter when git last looked.
                !piece.contains(&b'\r')
            })?;
            // Whoever wrote meanwhile left another stat.
            if is_plain && is_vouched(&file.metadata()?) {
                return Ok(Some(stamper.stamp()));
            }
            file.rewind()?;
        }
        let (mut name, mut stamper) = (BlobName::new(length), BlobStamper::new(blob.mode.0, length));
        let is_whole = read(&mut file, length, buffer, |piece| {
            name.take(piece);
            stamper.take(piece);
            true
        })?;
        Ok((is_whole && name.oid() == Some(blob.oid)).then(|| stamper.stamp()))
    }
}

/// Reads so many bytes of a file; false if there are fewer, or `take` wants no more.
fn read(
    file: &mut File,
    mut left: u64,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]) -> bool,
) -> io::Result<bool> {
    while left > 0 {
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let length = file.read(&mut buffer[..most])?;
        if length == 0 || !take(&buffer[..length]) {
            return Ok(false);
        }
        left = left.saturating_sub(length as u64);
    }
    Ok(true)
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

    /// A checkout whose files were written long before its index, as git sees it.
    fn settled(files: &[(&str, &str)]) -> World {
        let world = World::new(files);
        let index = world.top().join(".git/index");
        world.git(&["update-index", "--refresh", "-q"]);
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
        File::options().write(true).open(index).unwrap().set_modified(later).unwrap();
        world
    }

    /// The blob that the index has for a file, and the same under a name that no content has: a stamp for that is the
    /// index's word alone.
    fn lie(world: &World, file: &str) -> Lying<'static> {
        let index = world.top().join(".git/index");
        let (written, mut bytes) =
            (index.metadata().unwrap().modified().unwrap(), std::fs::read(&index).unwrap());
        let git = world.open();
        let oid = git.read_index().unwrap().entries.into_iter().find(|e| e.path == file).unwrap().content.oid;
        let name = oid.as_bytes();
        let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
        bytes[at] ^= 1;
        std::fs::write(&index, &bytes).unwrap();
        File::options().write(true).open(index).unwrap().set_modified(written).unwrap();
        let entries = git.read_index().unwrap().entries;
        let content = entries.into_iter().find(|entry| entry.path == file).unwrap().content;
        Lying { mode: content.mode, oid: content.oid, path: "a" }
    }

    #[test]
    fn the_word_of_the_index_counts_where_nothing_is_converted() {
        let stamp = Some(Stamp::of_blob(0o100_644, b"one\n"));
        let world = settled(&[("a", "one\n"), ("deep/b", "two\n")]);
        let lie = lie(&world, "a");
        let told = || world.open().stamps_of_lying(&[lie]).remove(0);
        assert_eq!(told(), stamp, "its name is not asked for");
        for attributes in [".gitattributes", ".git/info/attributes"] {
            world.write(attributes, "* text\n");
            assert_eq!(told(), None, "{attributes}");
            std::fs::remove_file(world.top().join(attributes)).unwrap();
            assert_eq!(told(), stamp);
        }
        // Written again, with the same bytes.
        world.write("a", "one\n");
        assert_eq!(told(), None);
    }

    #[test]
    fn an_index_as_old_as_the_file_vouches_for_nothing() {
        let world = World::new(&[("a", "one\n")]);
        let lie = lie(&world, "a");
        assert_eq!(world.open().stamps_of_lying(&[lie]), [None]);
    }

    #[test]
    fn what_might_have_been_converted_goes_by_its_name() {
        let world = settled(&[("a", "one\r\n")]);
        let lie = lie(&world, "a");
        assert_eq!(world.open().stamps_of_lying(&[lie]), [None]);
    }
}
