//! The places that an answer rests on, and one look at all of them.
use super::moment::Moment;
use super::stat::{Depth, SIZE, Stat};
use rustix::fs::{Mode, OFlags, open};
use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Places in a row that one thread looks at.
const CHUNK: usize = 512;

/// More places than anybody waits for.
const MOST: usize = 4_000_000;

/// What git reads in a folder beside what lies there.
const RULES: [&str; 2] = [".gitignore", ".gitattributes"];

/// What makes a folder a repository of its own, whose files are not ours.
const REPOSITORY: &str = ".git";

/// Places, relative to the top of a checkout or absolute. One that is added twice is looked at once.
#[derive(Debug, Clone, Default)]
pub struct Sights(Vec<(CString, Depth)>);

impl Sights {
    /// Adds a place. A path with a NUL in it names nothing, and so cannot change.
    pub fn add(&mut self, path: &Path, depth: Depth) {
        let bytes = path.as_os_str().as_bytes();
        let path = if bytes.is_empty() { CString::new(".") } else { CString::new(bytes) };
        self.0.extend(path.ok().map(|path| (path, depth)));
    }

    /// Adds all of these.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Adds the folders on the way from the top to each place, and what git is told of ignored files there.
    pub fn add_ways(&mut self) {
        let mut ways: HashSet<&OsStr> = HashSet::new();
        let whole = self.0.iter().filter(|(_, depth)| *depth == Depth::Whole);
        let whole: HashSet<&[u8]> = whole.map(|(path, _)| path.to_bytes()).collect();
        for (path, _) in &self.0 {
            let path = Path::new(OsStr::from_bytes(path.to_bytes()));
            if path.is_relative() {
                // Those above a folder that is known are known.
                let mut above = path.ancestors().skip(1);
                while above.next().is_some_and(|way| ways.insert(way.as_os_str())) {}
            }
        }
        let mut found = Self::default();
        for way in ways.into_iter().map(Path::new) {
            found.add(way, Depth::Kind);
            // Of a folder that is looked at whole it is known what is in it.
            if way.starts_with(REPOSITORY) || whole.contains(way.as_os_str().as_bytes()) {
                continue;
            }
            RULES.iter().for_each(|name| found.add(&way.join(name), Depth::Whole));
            if !way.as_os_str().is_empty() {
                found.add(&way.join(REPOSITORY), Depth::Kind);
            }
        }
        self.extend(found);
    }

    /// Looks at each place. `None`: what is seen cannot be relied on, because it changed since the moment `began` or
    /// too shortly before it.
    pub fn look(mut self, top: &Path, began: &Moment) -> Option<Vec<u8>> {
        self.0.sort_unstable();
        self.0.dedup();
        let count = self.0.len();
        if count > MOST {
            return None;
        }
        let folder = opened(top)?;
        let chunks: Vec<&[(CString, Depth)]> = self.0.chunks(CHUNK).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let look = |chunks: &[&[(CString, Depth)]]| {
            chunks.iter().map(|chunk| look_at(chunk, folder.as_fd(), began)).collect::<Option<Vec<_>>>()
        };
        let seen = std::thread::scope(|scope| {
            let parts = chunks.chunks(chunks.len().div_ceil(threads).max(1));
            let parts: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
            let mut seen = Vec::with_capacity(chunks.len());
            for part in parts {
                seen.extend(part.join().ok()??);
            }
            Some(seen)
        })?;
        let mut bytes = u32::try_from(count).ok()?.to_le_bytes().to_vec();
        let mut here = bytes.len() + seen.len() * 4;
        for chunk in &seen {
            bytes.extend_from_slice(&u32::try_from(here).ok()?.to_le_bytes());
            here += chunk.len();
        }
        seen.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        Some(bytes)
    }
}

/// What is seen at some places. `None`: it cannot be relied on.
fn look_at(places: &[(CString, Depth)], folder: BorrowedFd<'_>, began: &Moment) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(places.len() * (SIZE + 32));
    for (path, depth) in places {
        let (stat, changed) = Stat::of(folder, path, *depth)?;
        let is_within = path.to_bytes().ends_with(b"/.git") && stat != Stat::NOTHING;
        if is_within || began.is_hidden_by(changed) && !is_own(path) {
            return None;
        }
        bytes.push(depth.byte());
        bytes.extend_from_slice(path.as_bytes_with_nul());
        bytes.extend_from_slice(&stat.0);
    }
    Some(bytes)
}

/// Whether only we write there, and no other process of ours without the lock that the writer of this look has or
/// without moving a ref that is looked at as well.
fn is_own(path: &CStr) -> bool {
    let path = path.to_bytes();
    path.starts_with(b".specmake/") || path == b".specmake" || path == b".git/specmake"
}

fn opened(top: &Path) -> Option<OwnedFd> {
    open(top, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Whether every place is as [`Sights::look`] saw it.
pub fn holds(seen: &[u8], top: &Path) -> bool {
    holds_all(seen, top).unwrap_or(false)
}

fn holds_all(seen: &[u8], top: &Path) -> Option<bool> {
    let count = number(seen, 0)?;
    let chunks = count.div_ceil(CHUNK);
    let folder = opened(top)?;
    let (next, changed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks || changed.load(Ordering::Relaxed) {
                return;
            }
            let places = (count - chunk * CHUNK).min(CHUNK);
            let offset = number(seen, 4 + chunk * 4);
            let rest = offset.and_then(|offset| seen.get(offset..));
            if !rest.is_some_and(|rest| chunk_holds(rest, places, folder.as_fd()).unwrap_or(false)) {
                changed.store(true, Ordering::Relaxed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(chunks);
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        for _ in 1..threads {
            // What cannot be started leaves its share to the others.
            others.extend(std::thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
    Some(!changed.into_inner())
}

fn chunk_holds(mut rest: &[u8], places: usize, folder: BorrowedFd<'_>) -> Option<bool> {
    for _ in 0..places {
        let (depth, after) = rest.split_first()?;
        let path = CStr::from_bytes_until_nul(after).ok()?;
        let after = after.get(path.count_bytes() + 1..)?;
        let (stat, after) = after.split_at_checked(SIZE)?;
        if Stat::of(folder, path, Depth::of_byte(*depth)?)?.0.0 != stat {
            return Some(false);
        }
        rest = after;
    }
    Some(true)
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    /// A moment that all that was written before is long past of.
    fn later() -> Moment {
        Moment::now().after(Duration::from_secs(60))
    }

    /// A folder of files, more than one thread looks at, and their names.
    fn many() -> (tempfile::TempDir, Sights, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let mut sights = Sights::default();
        let names: Vec<String> = (0..CHUNK * 2 + 5).map(|at| format!("f{at}")).collect();
        for name in &names {
            fs::write(folder.path().join(name), "1").unwrap();
            sights.add(Path::new(name), Depth::Whole);
        }
        (folder, sights, names)
    }

    #[test]
    fn each_place_is_seen_however_many_there_are() {
        let (folder, mut sights, _) = many();
        let top = folder.path();
        sights.add(Path::new("absent"), Depth::Whole);
        let seen = sights.look(top, &later()).unwrap();
        assert!(holds(&seen, top));
        fs::write(top.join("absent"), "").unwrap();
        assert!(!holds(&seen, top));
        fs::remove_file(top.join("absent")).unwrap();
        assert!(holds(&seen, top));
        for cut in [0, 3, 9, seen.len() / 2, seen.len() - 1] {
            assert!(!holds(&seen[..cut], top), "{cut}");
        }
    }

    #[test]
    fn one_write_among_many_places_is_enough() {
        let (folder, sights, names) = many();
        let top = folder.path();
        for name in [&names[0], &names[CHUNK], &names[names.len() - 1]] {
            let seen = sights.clone().look(top, &later()).unwrap();
            fs::write(top.join(name), "22").unwrap();
            assert!(!holds(&seen, top), "{name}");
        }
    }

    #[test]
    fn what_is_still_warm_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("new"), "1").unwrap();
        let mut sights = Sights::default();
        sights.add(Path::new("new"), Depth::Whole);
        assert_eq!(sights.clone().look(folder.path(), &Moment::now()), None);
        assert!(sights.look(folder.path(), &later()).is_some());
    }

    #[test]
    fn ways_are_folders_and_what_git_reads_there() {
        let mut sights = Sights::default();
        sights.add(Path::new("a/b/c"), Depth::Whole);
        sights.add(Path::new("a/b"), Depth::Whole);
        sights.add(Path::new("/etc/x"), Depth::Followed);
        sights.add_ways();
        sights.0.sort_unstable();
        let told: Vec<String> =
            sights.0.iter().map(|(path, _)| path.to_string_lossy().into_owned()).collect();
        let expected = [
            ".",
            ".gitattributes",
            ".gitignore",
            "/etc/x",
            "a",
            "a/.git",
            "a/.gitattributes",
            "a/.gitignore",
            "a/b",
            "a/b",
            "a/b/c",
        ];
        assert_eq!(told, expected);
    }
}
