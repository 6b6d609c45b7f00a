//! Files of refs as they were when they were last read. One whose stat is the same is not read again; one that was
//! written so lately that its next stat may be the same is.
use super::oid::Oid;
use super::path;
use crate::sys::glance::Moment;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// More files than that are forgotten: most of them will have gone.
const MOST: usize = 20_000;

/// Refs by their full names.
type Refs = BTreeMap<String, Oid>;

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    loose: Mutex<HashMap<PathBuf, (Print, Oid)>>,
    packed: Mutex<Option<(Print, Arc<Refs>)>>,
}

/// What a file's stat says that a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print {
    place: (u64, u64),
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Print {
    fn of(stat: &Metadata) -> Self {
        Self {
            place: (stat.dev(), stat.ino()),
            length: stat.len(),
            written: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
        }
    }

    /// Whether a write after `now` is sure to give another one.
    fn is_settled(&self, now: Moment) -> bool {
        u32::try_from(self.changed.1).is_ok_and(|nanos| !now.is_hidden_by((self.changed.0, nanos)))
    }
}

impl Seen {
    /// What the file of a loose ref names. `None`: it is not as such a file should be.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub(super) fn loose(&self, file: &Path) -> io::Result<Option<Oid>> {
        let print = Print::of(&file.symlink_metadata()?);
        let known = self.loose.lock().unwrap_or_else(PoisonError::into_inner).get(file).copied();
        if let Some((_, oid)) = known.filter(|(seen, _)| *seen == print) {
            return Ok(Some(oid));
        }
        let (print, bytes) = read(file)?;
        let oid = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok());
        if let (Some(print), Some(oid)) = (print, oid) {
            let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
            if loose.len() >= MOST {
                loose.clear();
            }
            loose.insert(file.to_owned(), (print, oid));
        }
        Ok(oid)
    }

    /// What `packed-refs` names; nothing if there is none. `None`: it is not as that should be.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn packed(&self, file: &Path) -> io::Result<Option<Arc<Refs>>> {
        let mut known = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        let print = match file.symlink_metadata() {
            Ok(stat) => Print::of(&stat),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Arc::default())),
            Err(error) => return Err(error),
        };
        if let Some((_, refs)) = known.as_ref().filter(|(seen, _)| *seen == print) {
            return Ok(Some(Arc::clone(refs)));
        }
        let (print, bytes) = match read(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Arc::default())),
            read => read?,
        };
        let Some(refs) = listed(&bytes).map(Arc::new) else { return Ok(None) };
        *known = print.map(|print| (print, Arc::clone(&refs)));
        Ok(Some(refs))
    }
}

/// A file, and what is to be remembered of its stat, if that may be.
fn read(file: &Path) -> io::Result<(Option<Print>, Vec<u8>)> {
    // Before anything is looked at: what is written from here on has a later stamp.
    let now = Moment::now();
    let mut open = File::open(file)?;
    let print = Print::of(&open.metadata()?);
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes)?;
    Ok((Some(print).filter(|print| print.is_settled(now)), bytes))
}

/// `OID NAME` a line, but for comments and what annotated tags lead to (`gitformat-packed-refs`, `pack-refs --all`).
fn listed(bytes: &[u8]) -> Option<Refs> {
    let mut refs = Refs::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|l| !matches!(l.first(), None | Some(b'#' | b'^')))
    {
        let at = line.iter().position(|byte| *byte == b' ')?;
        refs.insert(path::to_text(&line[at + 1..]), std::str::from_utf8(&line[..at]).ok()?.parse().ok()?);
    }
    Some(refs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::FileTimes;
    use std::time::{Duration, SystemTime};

    fn oid(digit: char) -> Oid {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn what_was_just_written_is_read_again_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (file, seen) = (folder.path().join("main"), Seen::default());
        for digit in ['1', '2', '3', '4', '5', '6'] {
            std::fs::write(&file, format!("{}\n", oid(digit))).unwrap();
            assert_eq!(seen.loose(&file).unwrap(), Some(oid(digit)));
        }
    }

    #[test]
    fn a_stat_that_differs_in_anything_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, seen) = (folder.path().join("main"), Seen::default());
        std::fs::write(&file, format!("{}\n", oid('1'))).unwrap();
        let print = Print::of(&file.symlink_metadata().unwrap());
        seen.loose.lock().unwrap().insert(file.clone(), (print, oid('a')));
        assert_eq!(seen.loose(&file).unwrap(), Some(oid('a')), "it is not read");
        let earlier = Print { changed: (print.changed.0 - 1, print.changed.1), ..print };
        seen.loose.lock().unwrap().insert(file.clone(), (earlier, oid('a')));
        assert_eq!(seen.loose(&file).unwrap(), Some(oid('1')), "it is");
        seen.loose.lock().unwrap().insert(file.clone(), (print, oid('a')));
        let times = FileTimes::new().set_modified(SystemTime::now() - Duration::from_secs(99));
        File::options().write(true).open(&file).unwrap().set_times(times).unwrap();
        assert_eq!(seen.loose(&file).unwrap(), Some(oid('1')), "whatever time it claims to be from");
        std::fs::remove_file(&file).unwrap();
        assert!(seen.loose(&file).is_err());
    }

    #[test]
    fn packed_refs_are_read_anew_when_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let (file, seen) = (folder.path().join("packed-refs"), Seen::default());
        let names = |seen: &Seen| -> Option<Vec<String>> {
            seen.packed(&file).unwrap().map(|refs| refs.keys().cloned().collect())
        };
        assert_eq!(names(&seen).unwrap(), [""; 0]);
        for branch in ["a", "b"] {
            std::fs::write(&file, format!("# pack-refs with: peeled\n{} refs/heads/{branch}\n", oid('1')))
                .unwrap();
            assert_eq!(names(&seen).unwrap(), [format!("refs/heads/{branch}")]);
        }
        std::fs::write(&file, "half a li").unwrap();
        assert_eq!(names(&seen), None);
    }
}
