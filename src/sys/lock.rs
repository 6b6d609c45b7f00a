//! Locks in the git common directory: one builder at a time, and one hand on refs and worktrees. Both are
//! `flock`s, so the system gives them back when their holder dies, however it dies.
use super::git::{Git, GitError};
use super::glance;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long to sleep between two looks at a lock that somebody else holds.
const PAUSE: Duration = Duration::from_millis(100);

/// The right to build in a repository; given back when dropped.
#[derive(Debug)]
pub struct BuildLock {
    _file: File,
}

/// Who builds, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// When it began, in seconds since the Unix epoch.
    pub since: u64,
    /// What it builds, as typed; empty for everything.
    pub goal: String,
}

/// What came of asking for the build lock.
#[derive(Debug)]
pub enum Asked {
    /// It is ours.
    Taken(BuildLock),
    /// Somebody else has it.
    HeldBy(Holder),
}

impl BuildLock {
    /// Takes the lock if it is free; `goal` is what others are told.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub fn ask(git: &Git, goal: &str) -> Result<Asked, GitError> {
        let mut file = open(&git.own_dir(), "build.lock")?;
        let path = git.own_dir().join("build.lock");
        // A reader that asks who builds holds it for an instant; that is no builder.
        let mut looks = 3;
        loop {
            looks -= 1;
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if looks > 0 => std::thread::sleep(PAUSE / 20),
                Err(TryLockError::WouldBlock) => return Ok(Asked::HeldBy(read_holder(&mut file))),
                Err(TryLockError::Error(source)) => return Err(GitError::io(lock_words(&path))(source)),
            }
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let text = format!("{}\n{since}\n{}\n", std::process::id(), goal.replace('\n', " "));
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(GitError::io(lock_words(&path)))?;
        // Whoever may build may change anything.
        glance::forget(&git.own_dir());
        Ok(Asked::Taken(Self { _file: file }))
    }

    /// Whether somebody builds in the repository whose folder of ours this is.
    pub fn is_held(own_dir: &Path) -> bool {
        File::open(own_dir.join("build.lock")).is_ok_and(|file| file.try_lock_shared().is_err())
    }

    /// Waits for the lock. `waiting` is told who has it, at once and at every look after that; it returns
    /// false to give up, and then the answer is `None`.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub fn wait(
        git: &Git,
        goal: &str,
        waiting: &mut dyn FnMut(&Holder) -> bool,
    ) -> Result<Option<Self>, GitError> {
        loop {
            match Self::ask(git, goal)? {
                Asked::Taken(lock) => return Ok(Some(lock)),
                Asked::HeldBy(holder) if !waiting(&holder) => return Ok(None),
                Asked::HeldBy(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Who builds right now, if anybody does.
    ///
    /// # Errors
    /// The lock file cannot be read.
    pub fn holder(git: &Git) -> Result<Option<Holder>, GitError> {
        let path = git.own_dir().join("build.lock");
        let Ok(mut file) = File::open(&path) else { return Ok(None) };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&mut file))),
            Err(TryLockError::Error(source)) => Err(GitError::io(lock_words(&path))(source)),
        }
    }
}

/// The one hand on refs, worktrees and the repository's configuration; given back when dropped. Held for
/// milliseconds. Taking it twice in one thread never ends: what needs it takes it as an argument.
///
/// While it is held a note says so: one that is found by who takes it next was left by a kill, and then git may
/// have been killed too, with lock files of its own.
#[derive(Debug)]
pub struct RefsLock {
    _file: File,
    note: PathBuf,
    was_left: bool,
}

impl RefsLock {
    /// Waits for it.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub fn take(git: &Git) -> Result<Self, GitError> {
        let file = open(&git.own_dir(), "refs.lock")?;
        file.lock().map_err(GitError::io(lock_words(&git.own_dir().join("refs.lock"))))?;
        let note = git.own_dir().join("refs.held");
        let was_left = match OpenOptions::new().write(true).create_new(true).open(&note) {
            Ok(_) => false,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => true,
            Err(error) => return Err(GitError::io(format!("write `{}`", note.display()))(error)),
        };
        Ok(Self { _file: file, note, was_left })
    }

    /// Whether who had it last was killed with it in hand, and nobody has seen to that yet.
    pub fn was_left(&self) -> bool {
        self.was_left
    }

    /// What that kill left is made good.
    pub fn made_good(&mut self) {
        self.was_left = false;
    }
}

impl Drop for RefsLock {
    fn drop(&mut self) {
        if !self.was_left {
            // A note that stays costs the next start one look at lock files.
            drop(std::fs::remove_file(&self.note));
        }
    }
}

fn open(dir: &Path, name: &str) -> Result<File, GitError> {
    let path: PathBuf = dir.join(name);
    let words = || format!("open `{}`", path.display());
    std::fs::create_dir_all(dir).map_err(GitError::io(words()))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(&path).map_err(GitError::io(words()))
}

fn read_holder(file: &mut File) -> Holder {
    let mut text = String::new();
    // Who has just taken it may not have written its name yet; nobody's name is better than an error.
    drop(file.read_to_string(&mut text));
    let mut lines = text.lines();
    Holder {
        pid: lines.next().and_then(|line| line.parse().ok()).unwrap_or(0),
        since: lines.next().and_then(|line| line.parse().ok()).unwrap_or(0),
        goal: lines.next().unwrap_or_default().to_owned(),
    }
}

fn lock_words(path: &Path) -> String {
    format!("lock `{}`", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    #[test]
    fn one_builder_at_a_time_and_the_others_learn_who() {
        let world = World::new(&[]);
        let git = world.open();
        assert_eq!(BuildLock::holder(&git).unwrap(), None);
        let Asked::Taken(lock) = BuildLock::ask(&git, "051-retry").unwrap() else { panic!("it is free") };
        let Asked::HeldBy(holder) = BuildLock::ask(&git, "").unwrap() else { panic!("it is taken") };
        assert_eq!((holder.pid, holder.goal.as_str()), (std::process::id(), "051-retry"));
        assert_eq!(BuildLock::holder(&git).unwrap(), Some(holder));
        assert!(BuildLock::wait(&git, "", &mut |_| false).unwrap().is_none());
        let mut lock = Some(lock);
        let mut let_go = |_: &Holder| {
            lock = None;
            true
        };
        assert!(BuildLock::wait(&git, "", &mut let_go).unwrap().is_some());
    }
}
