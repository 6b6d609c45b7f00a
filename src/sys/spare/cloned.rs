//! Where the disk can share blocks between files (`ioctl_ficlone(2)`): a worktree's files as clones of those in the main
//! checkout, which git would have to inflate and write. Nothing is taken on trust: a clone stays if its bytes have the
//! very name of the blob, and only where git writes blobs as they are. git does the rest.
use super::shape::Shape;
use super::{Cloning, Sparing};
use crate::sys::git::index_rows::{NewRow, Row, Rows};
use crate::sys::git::noted::Noted;
use crate::sys::git::{BlobName, Content, Git, GitError, Mode, Oid, path};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek};
use std::num::NonZero;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// So much is read at a time.
const PIECE: usize = 128 * 1024;

/// Files of fewer bytes than this, on the average, git writes as fast.
const LARGE: u64 = 8 * 1024;

/// Words in attributes by which a file may not be the bytes of its blob.
const CONVERTS: [&[u8]; 4] = [b"crlf", b"ident", b"filter", b"encoding"];

/// Fills a worktree, in whose folder there is nothing but git's link, with a commit. False: nothing was done, git has to
/// write it all.
///
/// # Errors
/// It was begun and failed: the folder is in no state to tell.
pub(crate) fn clone_from_main(
    git: &Git,
    commit: Oid,
    shape: Shape,
    sparing: Sparing<'_>,
) -> Result<bool, GitError> {
    let main = git.main();
    let (Some(from), Some(top)) = (main.work_tree(), git.work_tree()) else { return Ok(false) };
    if shape.converts || !is_worth(&main, sparing.cloning) || !can_clone(top, sparing.cloning) {
        return Ok(false);
    }
    let commit = commit.to_string();
    let words = || GitError::io(format!("fill `{}`", top.display()));
    git.run(&git.command(["-c", "core.sparseCheckout=false", "read-tree", &commit]))?;
    let index = git.git_dir().join("index");
    let bytes = fs::read(&index).map_err(words())?;
    let rows = Rows::read(&bytes).ok_or_else(|| words()(io::ErrorKind::InvalidData.into()))?;
    let cloner = Cloner { from, top, cloning: sparing.cloning, has_failed: AtomicBool::new(false) };
    let cloned = cloner.all(&rows.rows).map_err(words())?;
    let new: Vec<NewRow<'_>> = rows
        .rows
        .iter()
        .zip(cloned)
        .map(|(row, noted)| NewRow { name: row.name, content: row.content().zip(noted) })
        .collect();
    let made = rows.with(&new).ok_or_else(|| words()(io::ErrorKind::InvalidData.into()))?;
    fs::write(&index, made).map_err(words())?;
    git.run(&git.command(["-c", "core.sparseCheckout=false", "read-tree", "-m", "-u", &commit]))?;
    Ok(true)
}

/// Whether the files of the main checkout are so large that clones cost less than writing them.
fn is_worth(main: &Git, cloning: Cloning) -> bool {
    if cloning == Cloning::Copied {
        return true;
    }
    let Ok(bytes) = fs::read(main.git_dir().join("index")) else { return false };
    let Some(rows) = Rows::read(&bytes) else { return false };
    let total: u64 = rows.rows.iter().map(|row| row.noted().length()).sum();
    total >= LARGE.saturating_mul(rows.rows.len() as u64)
}

/// Whether the disk of a folder shares blocks, tried on git's link in it.
fn can_clone(top: &Path, cloning: Cloning) -> bool {
    let tried = || cloning.one(&File::open(top.join(".git"))?, &tempfile::tempfile_in(top)?);
    tried().is_ok()
}

impl Cloning {
    /// # Errors
    /// The disk cannot, among others.
    fn one(self, from: &File, to: &File) -> io::Result<()> {
        match self {
            Self::Shared => share(from, to),
            Self::Copied => io::copy(&mut &*from, &mut &*to).map(drop),
        }
    }
}

#[cfg(target_os = "linux")]
fn share(from: &File, to: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(to, from)?)
}

#[cfg(not(target_os = "linux"))]
fn share(_: &File, _: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

struct Cloner<'a> {
    from: &'a Path,
    top: &'a Path,
    cloning: Cloning,
    has_failed: AtomicBool,
}

impl Cloner<'_> {
    /// What there is to note of each file that is there now.
    ///
    /// # Errors
    /// The disk, or attributes that have files written in another way, or that cannot be told.
    fn all(&self, rows: &[Row<'_>]) -> io::Result<Vec<Option<Noted>>> {
        let folders: BTreeSet<&[u8]> = rows.iter().filter_map(|row| parent(row.name)).collect();
        for folder in folders {
            fs::create_dir_all(self.top.join(path::to_os(&path::to_text(folder))))?;
        }
        let mut cloned = vec![None; rows.len()];
        let is_rule = |row: &Row<'_>| row.name.rsplit(|byte| *byte == b'/').next() == Some(b".gitattributes");
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| is_rule(row)) {
            cloned[at] = self.one(row, &mut vec![0; PIECE]);
            let text = fs::read(self.top.join(path::to_os(&path::to_text(row.name))));
            if cloned[at].is_none() || text.map_or(true, |text| converts(&text)) {
                return Err(io::ErrorKind::Unsupported.into());
            }
        }
        let next = AtomicUsize::new(0);
        let some = || {
            let (mut buffer, mut found) = (vec![0; PIECE], Vec::new());
            while !self.has_failed.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(row) = rows.get(at) else { break };
                if !is_rule(row) {
                    found.push((at, self.one(row, &mut buffer)));
                }
            }
            found
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let found: Vec<_> = thread::scope(|scope| {
            let others: Vec<_> = (1..cores).map(|_| scope.spawn(some)).collect();
            let mut found = some();
            found.extend(others.into_iter().flat_map(|other| other.join().unwrap_or_default()));
            found
        });
        if self.has_failed.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        found.into_iter().for_each(|(at, noted)| cloned[at] = noted);
        Ok(cloned)
    }

    /// What there is to note of one, if it could be cloned and is what it should be; else nothing is there.
    fn one(&self, row: &Row<'_>, buffer: &mut [u8]) -> Option<Noted> {
        let content =
            row.content().filter(|content| [Mode::FILE, Mode::EXECUTABLE].contains(&content.mode))?;
        let name = path::to_os(&path::to_text(row.name));
        let to = self.top.join(&name);
        let noted = self.clone_to(&self.from.join(&name), &to, content, buffer);
        if !matches!(noted, Ok(Some(_)))
            && fs::remove_file(&to).is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
        {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        noted.ok().flatten()
    }

    fn clone_to(
        &self,
        from: &Path,
        to: &Path,
        content: Content,
        buffer: &mut [u8],
    ) -> io::Result<Option<Noted>> {
        // Where a pipe has taken the place of the file, nobody waits for who writes into it.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let source = OpenOptions::new().read(true).custom_flags(flags).open(from)?;
        if !source.metadata()?.is_file() {
            return Ok(None);
        }
        let mode = if content.mode == Mode::EXECUTABLE { 0o777 } else { 0o666 };
        let mut made = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(to)?;
        self.cloning.one(&source, &made)?;
        made.rewind()?;
        // Not the source: that is somebody else's, who may write to it.
        let length = made.metadata()?.len();
        let (mut name, mut left) = (BlobName::new(length), length);
        while left > 0 {
            let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let read = made.read(&mut buffer[..most])?;
            if read == 0 {
                return Ok(None);
            }
            name.take(&buffer[..read]);
            left = left.saturating_sub(read as u64);
        }
        let stat = rustix::fs::fstat(&made)?;
        Ok(Noted::of(&stat).filter(|_| name.oid() == Some(content.oid)))
    }
}

/// The folder of a name, if it is not the top.
fn parent(name: &[u8]) -> Option<&[u8]> {
    name.iter().rposition(|byte| *byte == b'/').map(|slash| &name[..slash])
}

/// Whether attributes may have git write something else than the bytes of a blob.
pub(super) fn converts(attributes: &[u8]) -> bool {
    let has = |word: &[u8]| attributes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    CONVERTS.iter().any(|word| has(word))
}

#[cfg(test)]
mod tests {
    use super::super::garden::{Garden, SOME};
    use super::*;
    use crate::sys::worktree::{Start, Worktree};
    use std::os::unix::fs::symlink;

    const COPIED: Sparing<'static> = Sparing { cloning: Cloning::Copied, ..SOME };

    fn garden(attributes: &str) -> Garden {
        Garden::new(&[
            (".gitattributes", attributes),
            ("a.txt", "one\n"),
            ("deep/b.txt", "two\n"),
            ("deep/c.txt", "three\n"),
            ("empty", ""),
            ("large.txt", &"large\n".repeat(20_000)),
        ])
    }

    /// Takes a blob away from git: only who does not ask for it gets the file.
    fn forget(garden: &Garden, path: &str) {
        let oid = garden.world.git(&["rev-parse", &format!("HEAD:{path}")]);
        let (folder, file) = oid.trim().split_at(2);
        fs::remove_file(garden.world.top().join(".git/objects").join(folder).join(file)).unwrap();
    }

    #[test]
    fn what_lies_in_the_main_checkout_as_committed_is_not_asked_of_git() {
        let garden = garden("* text=auto\n");
        garden.check("a", None, COPIED);
        forget(&garden, "deep/b.txt");
        let made = garden.add("b", None, COPIED);
        assert_eq!(fs::read_to_string(made.top().join("deep/b.txt")).unwrap(), "two\n");
        // One that is whole is noted as git's own are.
        assert_eq!(made.stays(Some("spec/b")).unwrap(), None);
    }

    #[test]
    fn edits_of_a_persons_and_links_are_left_where_they_are() {
        let garden = garden("");
        let top = garden.world.top();
        garden.world.write("a.txt", "eno\n");
        fs::remove_file(top.join("deep/b.txt")).unwrap();
        symlink("c.txt", top.join("deep/b.txt")).unwrap();
        fs::remove_file(top.join("empty")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(top.join("empty")).status().unwrap().success());
        garden.check("a", None, COPIED);
        fs::rename(top.join("deep"), top.join("elsewhere")).unwrap();
        fs::write(top.join("deep"), "").unwrap();
        garden.check("b", None, COPIED);
    }

    #[test]
    fn where_git_writes_other_bytes_than_those_of_the_blob_it_writes_them() {
        for attributes in ["*.txt eol=crlf\n", "*.txt ident\n", "[attr]w text eol=CRLF\n*.txt w\n"] {
            garden(attributes).check("a", None, COPIED);
        }
        for (name, value) in [("core.autocrlf", "true"), ("core.eol", "crlf")] {
            let garden = garden("* text=auto\n");
            garden.world.git(&["config", name, value]);
            garden.check("a", None, COPIED);
        }
        let garden = garden("* text=auto\n");
        garden.world.write(".gitattributes", "not as committed\n");
        garden.check("a", None, COPIED);
        fs::write(garden.world.top().join(".git/info/attributes"), "*.txt eol=crlf\n").unwrap();
        garden.check("b", None, COPIED);
    }

    #[test]
    fn a_disk_that_shares_no_blocks_leaves_all_to_git() {
        let garden = garden("");
        garden.check("a", None, SOME);
        let shares = can_clone(&garden.place("a"), Cloning::Shared);
        forget(&garden, "large.txt");
        let start = Start::Detached(garden.world.oid("main"));
        let made = Worktree::add_sparing(&garden.git, &garden.place("b"), start, SOME);
        assert_eq!(made.is_ok(), shares);
    }
}
