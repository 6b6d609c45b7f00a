//! Writing a plan: files come whole, by rename, with git's filters applied, and never through a symlink.
use super::journal::remove;
use super::plan::{Fingerprint, Plan, Step, parent_in_the_way};
use super::{Halt, Moment, Probe};
use crate::sys::git::index::nul_separated;
use crate::sys::git::index_rows::{NewRow, Rows};
use crate::sys::git::noted::Noted;
use crate::sys::git::{Content, Git, GitError, Mode, TempIndex, path};
use rustix::fs::{Stat, lstat};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The new index, not yet in its place.
pub(super) struct NewIndex {
    index: TempIndex,
    /// The bytes of the old one, if git was not needed to make it.
    old: Option<Vec<u8>>,
}

/// A file that was put in its place, as it was before that.
pub(super) struct Written<'a> {
    path: &'a str,
    staged: Option<Stat>,
}

impl NewIndex {
    pub(super) fn place(git: &Git) -> PathBuf {
        git.git_dir().join("specmake.index")
    }

    /// A copy of the checkout's index with the plan's entries replaced.
    pub(super) fn prepare(git: &Git, plan: &Plan) -> Result<Self, GitError> {
        Self::clear(git)?;
        if let Some(made) = Self::prepare_plainly(git, plan)? {
            return Ok(made);
        }
        let index = TempIndex::copy_at(git, Self::place(git))?;
        index.replace(&plan.entries)?;
        if !plan.skipped.is_empty() {
            let still_there = plan.entries.iter().filter(|(_, content)| content.is_some());
            let skipped =
                still_there.map(|(path, _)| path.as_str()).filter(|p| plan.skipped.iter().any(|s| s == p));
            let command = index.command(&["update-index", "--skip-worktree", "-z", "--stdin"]);
            git.run(&command.stdin(nul_separated(skipped)))?;
        }
        Ok(Self { index, old: None })
    }

    /// The same without git. `None`: git must make it.
    fn prepare_plainly(git: &Git, plan: &Plan) -> Result<Option<Self>, GitError> {
        let old = std::fs::read(git.git_dir().join("index")).ok();
        let Some(old) = old.filter(|_| git.is_plain() && plan.skipped.is_empty()) else { return Ok(None) };
        let made = Self { index: TempIndex::at(git, Self::place(git)), old: Some(old) };
        Ok(made.write(git, plan, |_| Noted::NOTHING)?.then_some(made))
    }

    /// Writes the old index with the plan's entries, of whose files this is noted. False: git must do it.
    fn write(&self, git: &Git, plan: &Plan, noted: impl Fn(&str) -> Noted) -> Result<bool, GitError> {
        let names: Vec<Cow<'_, [u8]>> = plan.entries.iter().map(|(path, _)| path::to_bytes(path)).collect();
        let row = |(name, (path, content)): (_, &(String, Option<Content>))| NewRow {
            name,
            content: content.map(|content| (content, noted(path))),
        };
        let mut new: Vec<NewRow<'_>> = names.iter().map(Cow::as_ref).zip(&plan.entries).map(row).collect();
        new.sort_unstable_by_key(|row| row.name);
        let old = self.old.as_deref().and_then(Rows::read);
        let Some(bytes) = old.and_then(|old| old.with(&new)) else { return Ok(false) };
        // With the old one's time: what was doubtful in it stays so, and what is written now is.
        let written = File::open(git.git_dir().join("index")).and_then(|old| {
            let time = old.metadata()?.modified()?;
            let mut file = File::create(self.index.file())?;
            file.write_all(&bytes)?;
            file.set_modified(time)
        });
        written.map_err(GitError::io(format!("write `{}`", self.index.file().display())))?;
        Ok(true)
    }

    /// Removes what a kill, or git in its agony, left of one.
    pub(super) fn clear(git: &Git) -> Result<(), GitError> {
        let place = Self::place(git);
        remove(&place.with_extension("index.lock"))?;
        remove(&place)
    }

    /// Notes the stats of the files as they lie now, so that no later git has to read them.
    pub(super) fn refresh(&self, git: &Git, plan: &Plan, written: &[Written<'_>]) -> Result<(), GitError> {
        let noted: Option<HashMap<&str, Noted>> =
            written.iter().map(|one| Some((one.path, one.noted(git)?))).collect();
        let has_file = |content: &Option<Content>| content.is_some_and(|c| c.mode != Mode::GITLINK);
        // What lay there as it lands was not put there by us: only git can tell that it still does.
        if let Some(noted) = noted
            && plan.entries.iter().all(|(path, new)| !has_file(new) || noted.contains_key(path.as_str()))
            && self.write(git, plan, |path| noted.get(path).copied().unwrap_or(Noted::NOTHING))?
        {
            return Ok(());
        }
        git.ask(&self.index.command(&["update-index", "-q", "--refresh"])).map(drop)
    }

    /// Puts it in the place of the checkout's.
    pub(super) fn install(&self, git: &Git) -> Result<(), GitError> {
        let to = git.git_dir().join("index");
        // It holds what the user staged: a power cut after the rename must not leave an empty one.
        let synced = File::open(self.index.file()).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| std::fs::rename(self.index.file(), &to));
        renamed.map_err(GitError::io(format!("replace `{}`", to.display())))
    }
}

impl Written<'_> {
    /// What is noted of it, if nobody has written it since. `None`: that cannot be told.
    fn noted(&self, git: &Git) -> Option<Noted> {
        let staged = self.staged?;
        let file = git.work_tree()?.join(path::to_os(self.path));
        let Ok(now) = lstat(&file) else { return Some(Noted::NOTHING) };
        let of = |stat: &Stat| {
            (stat.st_dev, stat.st_ino, stat.st_mode, stat.st_size, stat.st_mtime, stat.st_mtime_nsec)
        };
        if of(&staged) == of(&now) { Noted::of(&now) } else { Some(Noted::NOTHING) }
    }
}

/// Where files wait, whole, for their rename.
pub(super) fn staging(git: &Git) -> PathBuf {
    git.git_dir().join("specmake-files")
}

/// Removes and writes the plan's files.
pub(super) fn write_files<'a>(
    git: &Git,
    plan: &'a Plan,
    new: &NewIndex,
    probe: &mut Probe<'_>,
) -> Result<Vec<Written<'a>>, Halt> {
    let mut written = Vec::new();
    let top = git.require_work_tree()?;
    for step in &plan.removals {
        unchanged(top, step)?;
        remove_file(top, &step.path)?;
        probe.at(Moment::FileWritten)?;
    }
    for folder in &plan.folders {
        make_parents(top, &format!("{folder}/x"))?;
    }
    // Attributes first: they say how the others are written.
    let (attributes, others): (Vec<&Step>, Vec<&Step>) =
        plan.writes.iter().partition(|step| Path::new(&step.path).ends_with(".gitattributes"));
    for batch in [attributes, others] {
        if batch.is_empty() {
            continue;
        }
        stage(git, new, &batch)?;
        probe.at(Moment::Staged)?;
        for step in batch {
            unchanged(top, step)?;
            written.push(write_file(git, top, &step.path)?);
            probe.at(Moment::FileWritten)?;
        }
    }
    Ok(written)
}

fn stage(git: &Git, new: &NewIndex, steps: &[&Step]) -> Result<(), GitError> {
    let staging = staging(git);
    clear_staging(git)?;
    std::fs::create_dir(&staging).map_err(GitError::io(format!("make `{}`", staging.display())))?;
    let mut prefix = path::from_os(&staging);
    prefix.push('/');
    let mut option = std::ffi::OsString::from("--prefix=");
    option.push(path::to_os(&prefix));
    let command = new
        .index
        .command(&["checkout-index", "--force", "--quiet"])
        .arg(option)
        .args(["-z", "--stdin"])
        .stdin(nul_separated(steps.iter().map(|step| step.path.as_str())));
    git.run(&command).map(drop)
}

pub(super) fn clear_staging(git: &Git) -> Result<(), GitError> {
    let staging = staging(git);
    match std::fs::remove_dir_all(&staging) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(GitError::io(format!("remove `{}`", staging.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Somebody may have written the file since it was compared.
fn unchanged(top: &Path, step: &Step) -> Result<(), Halt> {
    if let Some(parent) = parent_in_the_way(top, &step.path) {
        return Err(Halt::Changed(parent));
    }
    let file = top.join(path::to_os(&step.path));
    let now = Fingerprint::at(&file);
    let same = match step.seen {
        // An empty folder may stand where a file lands.
        None => now.is_none() || file.symlink_metadata().is_ok_and(|stat| stat.is_dir()),
        Some(seen) => now == Some(seen),
    };
    if same { Ok(()) } else { Err(Halt::Changed(step.path.clone())) }
}

fn remove_file(top: &Path, name: &str) -> Result<(), GitError> {
    let file = top.join(path::to_os(name));
    std::fs::remove_file(&file).map_err(GitError::io(format!("remove `{name}`")))?;
    for folder in file.ancestors().skip(1).take_while(|folder| *folder != top) {
        // One that is not empty stays, and so do those above it.
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

fn write_file<'a>(git: &Git, top: &Path, name: &'a str) -> Result<Written<'a>, GitError> {
    let (from, to) = (staging(git).join(path::to_os(name)), top.join(path::to_os(name)));
    let words = || format!("write `{name}`");
    make_parents(top, name)?;
    if to.symlink_metadata().is_ok_and(|stat| stat.is_dir()) {
        remove_empty(&to).map_err(GitError::io(words()))?;
    }
    let staged = lstat(&from).ok();
    match std::fs::rename(&from, &to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            move_across(&from, &to).map_err(GitError::io(words()))?;
            Ok(Written { path: name, staged: None })
        }
        other => other.map(|()| Written { path: name, staged }).map_err(GitError::io(words())),
    }
}

/// Makes the folders above a path, one by one, so that none is made behind a symlink.
fn make_parents(top: &Path, name: &str) -> Result<(), GitError> {
    for (slash, _) in name.match_indices('/') {
        let folder = top.join(path::to_os(&name[..slash]));
        match folder.symlink_metadata() {
            Ok(stat) if stat.is_dir() => {}
            Ok(_) => {
                let error = io::Error::from(io::ErrorKind::NotADirectory);
                return Err(GitError::io(format!("make the folder `{}`", &name[..slash]))(error));
            }
            Err(_) => std::fs::create_dir(&folder)
                .map_err(GitError::io(format!("make the folder `{}`", &name[..slash])))?,
        }
    }
    Ok(())
}

/// Removes a folder that holds nothing but empty folders.
fn remove_empty(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        remove_empty(&entry?.path())?;
    }
    std::fs::remove_dir(folder)
}

/// The git directory lies on another disk than the checkout: a copy beside the target, then the rename.
fn move_across(from: &Path, to: &Path) -> io::Result<()> {
    let parent = to.parent().unwrap_or(to);
    let name = format!(".specmake-{}.tmp", std::process::id());
    let beside = parent.join(name);
    if from.symlink_metadata()?.is_symlink() {
        std::os::unix::fs::symlink(std::fs::read_link(from)?, &beside)?;
    } else {
        std::fs::copy(from, &beside)?;
    }
    std::fs::rename(&beside, to)
}
