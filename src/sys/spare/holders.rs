//! Who still has something below a folder open: what they write there would reach whoever gets the folder next. As far
//! as this user may see; the system that does not tell it keeps nothing.
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Whether anybody has a file below this folder open or mapped, works in it, or has it mounted; also where nobody can
/// say.
pub(super) fn is_held(folder: &Path) -> bool {
    let (Ok(entries), Ok(folder)) = (fs::read_dir("/proc"), folder.canonicalize()) else { return true };
    let pids = entries.flatten().map(|entry| entry.path());
    let mut pids = pids.filter(|path| is_number(path)).peekable();
    pids.peek().is_none() || pids.any(|process| holds(&process, &folder))
}

/// Whether something is mounted below a folder: it is not part of it, and must not go with it.
pub(crate) fn has_mounts(folder: &Path) -> bool {
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    // The fifth word is where it is mounted.
    let places =
        mounts.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    places.map(plain).any(|place| Path::new(std::ffi::OsStr::from_bytes(&place)).starts_with(folder))
}

fn is_number(process: &Path) -> bool {
    process.file_name().is_some_and(|name| name.as_bytes().iter().all(u8::is_ascii_digit))
}

/// What cannot be read is another user's, or was there until now.
fn holds(process: &Path, folder: &Path) -> bool {
    // The first thread may have ended before the others, and each may have files and a place of its own.
    let threads: Vec<_> = entries(&process.join("task")).collect();
    let has_one = threads.len() < 2;
    let first = has_one.then(|| process.to_owned());
    let mut threads = first.into_iter().chain(threads.into_iter().filter(|_| !has_one));
    threads.any(|thread| {
        let links = ["cwd", "root", "exe"].map(|name| thread.join(name)).into_iter();
        links.chain(entries(&thread.join("fd"))).any(|link| leads_in(&link, folder))
            || names(&thread.join("mountinfo"), folder)
    }) || maps(process, folder)
}

/// What a folder of the system's has in it.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn leads_in(link: &Path, folder: &Path) -> bool {
    fs::read_link(link).is_ok_and(|target| target.starts_with(folder))
}

/// Whether a process has something below a folder mapped. All its threads that live have the same mapped.
fn maps(process: &Path, folder: &Path) -> bool {
    let has_any = |thread: &PathBuf| fs::read(thread.join("maps")).is_ok_and(|maps| !maps.is_empty());
    let living = std::iter::once(process.to_owned()).chain(entries(&process.join("task"))).find(has_any);
    living.is_some_and(|thread| names(&thread.join("maps"), folder))
}

/// Whether a text of the system's has the last two names of a folder in it. The beginning of its path may be another
/// where something is mounted elsewhere.
fn names(text: &Path, folder: &Path) -> bool {
    let Ok(bytes) = fs::read(text) else { return false };
    let names: Vec<_> = folder.iter().rev().take(2).collect();
    let [last, before] = names[..] else { return true };
    let name = [before.as_bytes(), b"/", last.as_bytes()].concat();
    bytes.windows(name.len()).any(|window| window == name)
}

/// Spaces and such are written as three octal digits after a backslash.
fn plain(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, more)) = rest.split_first() {
        let digits = more.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\') {
            Some(byte) => {
                plain.push(byte);
                rest = &more[3..];
            }
            None => {
                plain.push(*first);
                rest = more;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn an_open_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        assert!(!is_held(&top));
        fs::create_dir(top.join("other")).unwrap();
        let file = File::create(top.join("x")).unwrap();
        assert!(is_held(&top) && !is_held(&top.join("other")));
        drop(file);
        assert!(!is_held(&top));
    }

    #[test]
    fn where_something_is_mounted_is_read_as_it_is_written() {
        assert_eq!(plain(b"/a\\040b\\134"), b"/a b\\");
        assert!(has_mounts(Path::new("/")) && !has_mounts(Path::new("/nowhere")));
    }
}
