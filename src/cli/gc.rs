//! `specmake gc`: what takes room and is of no use any more, with its size; removed when it is told to.
use super::args::{Format, GcArgs};
use super::clean::{landing_worktrees, remove_landing_worktree};
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::opening::{lock, open_site};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::base::{Oid, english};
use crate::run::backups::{Backup, backups};
use crate::run::report::{Reporter, now_millis};
use crate::run::site::Site;
use crate::run::standing::names;
use crate::sys::files;
use crate::sys::spare::{Spare, spares};
use crate::sys::worktree::{Worktree, forget_lost};
use serde_json::json;
use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;

/// So many runs are kept however old they are.
const NEWEST: usize = 5;

/// Something to remove.
enum Garbage {
    /// A run that nobody will ask for, and its logs.
    Run { name: String, logs: PathBuf },
    /// A worktree that only landings use; the next one makes it anew.
    Landing { worktree: Worktree, head: Oid },
    /// Files of a worktree that was removed, or folders that it kept; the next one begins with them.
    Spare(Spare),
    /// A worktree of ours whose folder is gone.
    Lost { top: PathBuf },
    /// What was there before something moved it.
    Backup(Backup),
}

/// Says what could go, or removes it.
///
/// # Errors
/// git or the disk fails, or a build is on.
pub fn gc(wishes: &Wishes, args: &GcArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let _lock = args.yes.then(|| lock(&ground.git, "gc", false, err)).transpose()?;
    let site = open_site(&ground, "gc", Reporter::silent(), err)?;
    let age = u64::try_from(args.older.as_millis()).unwrap_or(u64::MAX);
    let found = garbage(&site, now_millis().saturating_sub(age))?;
    let (mut total, mut rows) = (0, Vec::new());
    for garbage in found {
        // Before it goes: what lies in it is part of that.
        let (bytes, told) = (garbage.bytes(), garbage.told());
        let stays = if args.yes { garbage.remove(&site)? } else { None };
        total += if stays.is_none() { bytes } else { 0 };
        rows.push((garbage, told, bytes, stays));
    }
    if wishes.format == Format::Json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(one, _, bytes, stays)| {
                let removed = args.yes && stays.is_none();
                json!({ "kind": one.kind(), "name": one.name(), "bytes": bytes, "removed": removed, "why": stays })
            })
            .collect();
        writeln!(out, "{:#}", json!({ "removed": args.yes, "bytes": total, "garbage": rows }))?;
        return Ok(Exit::Done);
    }
    for (_, told, bytes, stays) in &rows {
        let stays = stays.as_ref().map(|why| format!("  stays: {why}")).unwrap_or_default();
        writeln!(out, "{:>9}  {told}{stays}", english::size(*bytes))?;
    }
    // The sum of one is that one.
    let sum = if rows.len() > 1 { english::size(total) } else { String::new() };
    match (rows.as_slice(), args.yes) {
        ([], _) => writeln!(out, "there is nothing to collect")?,
        ([(.., Some(_))], true) => {}
        (_, true) => writeln!(out, "{sum:>9}  removed")?,
        (_, false) => writeln!(out, "{sum:>9}  `specmake gc --yes` removes this")?,
    }
    Ok(Exit::Done)
}

/// What began, or was made, before a moment in milliseconds since the Unix epoch; and what the next build makes anew.
fn garbage(site: &Site, before: u64) -> Result<Vec<Garbage>, Trouble> {
    let mut found = Vec::new();
    for (worktree, head) in landing_worktrees(&site.git)? {
        found.push(Garbage::Landing { worktree, head });
    }
    found.extend(spares(&site.git).into_iter().map(Garbage::Spare));
    let ours: HashSet<String> = site.git.marked_branches()?.into_keys().collect();
    let lost = site.git.worktrees()?.into_iter().filter(|one| one.lost && !one.bare && one.locked.is_none());
    for one in lost.filter(|one| one.branch.as_ref().is_some_and(|branch| ours.contains(branch))) {
        found.push(Garbage::Lost { top: one.path });
    }
    let old = site.store().old_runs(NEWEST, before);
    for name in old.map_err(|error| Trouble::environment(&error).hint(error.hint()))? {
        let logs = site.state_dir.join("logs").join(&name);
        found.push(Garbage::Run { name, logs });
    }
    for backup in backups(&site.git, None)? {
        if backup.at.saturating_mul(1000) < before && !is_held(site, &backup.spec)? {
            found.push(Garbage::Backup(backup));
        }
    }
    Ok(found)
}

fn is_held(site: &Site, spec: &str) -> Result<bool, Trouble> {
    let spec = crate::base::SpecName::new(spec).ok().and_then(|name| site.spec_named(&name));
    let Some(spec) = spec else { return Ok(false) };
    Ok(site.standing(spec)?.line().held(&names(spec)).is_some())
}

impl Garbage {
    fn kind(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Landing { .. } => "landing worktree",
            Self::Spare(_) => "spare worktree",
            Self::Lost { .. } => "lost worktree",
            Self::Backup(_) => "backup",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Run { name, .. } => name.clone(),
            Self::Landing { worktree, .. } => worktree.top().display().to_string(),
            Self::Spare(spare) => spare.folder().display().to_string(),
            Self::Lost { top } => top.display().to_string(),
            Self::Backup(backup) => backup.name.clone(),
        }
    }

    fn told(&self) -> String {
        let name = self.name();
        match self {
            Self::Run { .. } => format!("run {name} and its logs"),
            Self::Landing { .. } => format!("worktree of landings {name}"),
            Self::Spare(spare) => match (spare.has_files(), spare.keeps()) {
                (true, kept) if kept.is_empty() => {
                    format!("spare worktree {name}, with which the next one begins")
                }
                (true, kept) => format!(
                    "spare worktree {name}, with which the next one begins, and its `{}`",
                    kept.join("`, `")
                ),
                (false, kept) => {
                    format!("spare worktree {name}, of which the next one gets `{}`", kept.join("`, `"))
                }
            },
            Self::Lost { .. } => format!("worktree {name}, whose folder is gone"),
            Self::Backup(backup) => format!("backup {name}, which was {}", backup.commit.short()),
        }
    }

    /// What it takes on the disk; of a backup nobody can tell, since it shares objects with others.
    fn bytes(&self) -> u64 {
        match self {
            Self::Run { logs, .. } => files::size_of(logs),
            Self::Landing { worktree, .. } => files::size_of(worktree.top()),
            Self::Spare(spare) => spare.bytes(),
            Self::Lost { .. } | Self::Backup(_) => 0,
        }
    }

    /// Why it stays, if it does.
    fn remove(&self, site: &Site) -> Result<Option<String>, Trouble> {
        match self {
            Self::Run { name, logs } => {
                match std::fs::remove_dir_all(logs) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Ok(Some(error.to_string()));
                    }
                    _ => {}
                }
                let forgotten = site.store().forget_run(name);
                forgotten.map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
                Ok(None)
            }
            Self::Landing { worktree, head } => Ok(remove_landing_worktree(worktree, *head)?),
            Self::Spare(spare) => {
                spare.remove(&site.git)?;
                Ok(None)
            }
            Self::Lost { top } => {
                forget_lost(&site.git, top)?;
                Ok(None)
            }
            Self::Backup(backup) => {
                backup.expire(&site.git)?;
                Ok(None)
            }
        }
    }
}
