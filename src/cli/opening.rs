//! What commands that look at stages open before they do: the lock, the store and the site.
use super::ground::Ground;
use super::secrets;
use super::trouble::Trouble;
use super::user::Surroundings;
use crate::base::english;
use crate::run::report::{Reporter, now_millis};
use crate::run::site::{Opening, Options, Site};
use crate::store::{Store, StoreError};
use crate::sys::child::keeper;
use crate::sys::git::Git;
use crate::sys::landing::recover;
use crate::sys::lock::{Asked, BuildLock, Holder};
use crate::sys::strays::end_strays;
use crate::sys::worktree::unmake;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// Takes the right to build; with `wait`, as soon as whoever has it is done.
///
/// # Errors
/// Somebody has it, and waiting was not wished for.
pub fn lock(git: &Git, goal: &str, wait: bool, err: &mut dyn Write) -> Result<BuildLock, Trouble> {
    crate::sys::exclude::exclude_state_dir(git)?;
    let busy = |holder: &Holder| {
        format!("another specmake builds here: pid {}, since {}", holder.pid, since(holder))
    };
    if wait {
        let mut told = false;
        let lock = BuildLock::wait(git, goal, &mut |holder| {
            if !std::mem::replace(&mut told, true) {
                let _ = writeln!(err, "specmake: waiting: {}", busy(holder));
            }
            true
        })?;
        return lock.ok_or_else(|| Trouble::environment("gave up waiting"));
    }
    match BuildLock::ask(git, goal)? {
        Asked::Taken(lock) => Ok(lock),
        Asked::HeldBy(holder) => {
            Err(Trouble::environment(busy(&holder)).hint("without `--no-wait` this one waits for it"))
        }
    }
}

/// The right to build, unless somebody has it.
///
/// # Errors
/// The lock file cannot be made.
pub fn lock_if_free(git: &Git, goal: &str) -> Result<Option<BuildLock>, Trouble> {
    crate::sys::exclude::exclude_state_dir(git)?;
    Ok(match BuildLock::ask(git, goal)? {
        Asked::Taken(lock) => Some(lock),
        Asked::HeldBy(_) => None,
    })
}

/// A site for a command that builds nothing.
///
/// # Errors
/// git or the store fails.
pub fn open_site(
    ground: &Ground,
    run: &str,
    reporter: Reporter,
    err: &mut dyn Write,
) -> Result<Site, Trouble> {
    let base = ground.settle()?;
    let site = Site::open(Opening {
        project: Arc::clone(&ground.project),
        graph: Arc::clone(&ground.graph),
        git: ground.git.clone(),
        base_branch: ground.base_branch.clone(),
        base,
        run: run.to_owned(),
        options: Options::default(),
        reporter,
        store: open_store(&ground.git, err)?,
    })?;
    site.mend_worktrees()?;
    let found = site.find_adopted(0..site.project.specs.len())?;
    site.adopt(found, false);
    Ok(site)
}

/// The same where nobody builds, which the lock says: what a killed run left is made good first. Its commits are put in
/// order by where it began, so that later marks of ours would be lost with them.
///
/// # Errors
/// git or the store fails.
pub fn open_mended(
    ground: &Ground,
    _lock: &BuildLock,
    run: &str,
    err: &mut dyn Write,
) -> Result<Site, Trouble> {
    end_strays(&ground.git);
    recover(&ground.git)?;
    unmake(&ground.git)?;
    let site = open_site(ground, run, Reporter::silent(), err)?;
    site.keep_dead_attempts()?;
    Ok(site)
}

/// Sees to it that what a site runs ends with us, and that nothing secret is kept of it.
pub fn arm(site: &mut Site, here: &Surroundings) {
    site.mask = secrets::mask(site, &here.variables);
    site.keeper = keeper::program();
}

/// The state's database; what is odd about it is said.
pub fn open_store(git: &Git, err: &mut dyn Write) -> Result<Store, Trouble> {
    let failed = |error: StoreError| Trouble::environment(&error).hint(error.hint());
    let opened = Store::open(&git.state_dir()).map_err(failed)?;
    if let Some((path, why)) = opened.set_aside {
        writeln!(
            err,
            "specmake: `state.db` was damaged ({why}) and is now `{}`; git knows the rest",
            path.display()
        )?;
    }
    Ok(opened.store)
}

fn since(holder: &Holder) -> String {
    let now = now_millis() / 1000;
    format!("{} ago", english::duration(Duration::from_secs(now.saturating_sub(holder.since))))
}
