//! Whether anything can still be written somewhere, found by writing.
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Less than this much room is as good as none: one stage writes more.
const ROOM: usize = 1 << 20;

/// A folder in which nothing can be written.
#[derive(Debug, thiserror::Error)]
#[error("nothing can be written in `{}`: {why}", folder.display())]
pub struct DiskTrouble {
    folder: PathBuf,
    why: io::Error,
}

impl DiskTrouble {
    /// The first of these folders in which nothing can be written; one that is not there is passed over.
    pub fn in_any<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Option<Self> {
        let there = folders.into_iter().filter(|folder| folder.is_dir());
        there.into_iter().find_map(|folder| {
            let why = try_to_write(folder).err()?;
            Some(Self { folder: folder.to_owned(), why })
        })
    }

    /// The next step.
    pub fn hint(&self) -> Option<&'static str> {
        hint(&self.why)
    }
}

/// The next step after what the disk said.
pub fn hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("free some space, then run again: what was finished stays finished")
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            Some("let this user write there, then run again")
        }
        _ => None,
    }
}

fn try_to_write(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".specmake-").tempfile_in(folder)?;
    file.write_all(&vec![0; ROOM])?;
    file.as_file().sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_tried_by_writing_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert!(DiskTrouble::in_any([folder.path(), Path::new("/no/such/folder")]).is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // Nobody can make a file there, not even root.
        let trouble = DiskTrouble::in_any([Path::new("/proc/self")]).unwrap();
        assert!(trouble.to_string().contains("/proc/self"), "{trouble}");
    }

    #[test]
    fn a_full_disk_and_a_read_only_one_have_a_next_step() {
        assert!(hint(&ErrorKind::StorageFull.into()).is_some_and(|hint| hint.contains("free some space")));
        assert!(hint(&ErrorKind::ReadOnlyFilesystem.into()).is_some_and(|hint| hint.contains("write")));
        assert_eq!(hint(&ErrorKind::NotFound.into()), None);
    }
}
