//! `specmake clean`: removes worktrees and branches of ours that have landed and hold nothing else, and
//! says why the others stay.
use super::exit::Exit;
use super::worktree::{Row, State, rows};
use crate::run::fork::{FORKS, fork_ref};
use crate::sys::git::{Git, GitError, Oid, RefUpdate, branch_ref};
use crate::sys::lock::{Asked, BuildLock};
use crate::sys::worktree::{Worktree, drop_branch, forget_lost};
use backups::Expiry;
use serde_json::{Value, json};
use std::io::Write;

pub mod backups;

/// What to clean.
pub struct Cleaning<'a> {
    /// Only these specs; all if empty.
    pub specs: &'a [String],
    /// Only say what would be done.
    pub dry_run: bool,
    /// Answer in JSON.
    pub json: bool,
    /// Whether a branch at this commit has landed: its spec's name, and `None`, or why not ("not landed").
    pub unlanded: &'a dyn Fn(&str, Oid) -> Option<String>,
    /// Which backups go.
    pub expiry: &'a Expiry<'a>,
}

/// Cleans, one line or one JSON object for each branch of ours. Nothing is touched while a build runs.
///
/// # Errors
/// git or the disk fails, or the answer cannot be written.
pub fn clean(git: &Git, cleaning: &Cleaning<'_>, out: &mut dyn Write) -> Result<Exit, GitError> {
    let _lock = match BuildLock::ask(git, "clean")? {
        Asked::Taken(lock) => lock,
        Asked::HeldBy(holder) => {
            let line = if cleaning.json {
                format!("{:#}", json!({ "building": holder.pid, "branches": [], "backups": [] }))
            } else {
                format!("nothing was removed: process {} is building", holder.pid)
            };
            say(out, &line)?;
            return Ok(Exit::Environment);
        }
    };
    let refs = git.refs(&["refs/heads/", FORKS])?;
    let fork = |branch: &str| {
        let name = fork_ref(branch);
        refs.get(&name).map(|old| RefUpdate::delete(name.clone(), *old))
    };
    let mut branches = Vec::new();
    for row in rows(git)? {
        let wanted = cleaning.specs.is_empty() || cleaning.specs.contains(&row.spec);
        let Some(tip) = refs.get(&branch_ref(&row.branch)).copied().filter(|_| wanted) else { continue };
        let why = match (cleaning.unlanded)(&row.spec, tip) {
            Some(why) => Some(why),
            None if cleaning.dry_run => would_stay(&row),
            None => remove(git, &row, tip, fork(&row.branch))?,
        };
        if cleaning.json {
            branches.push(object(&row, why.as_deref(), cleaning.dry_run));
        } else {
            say(out, &line(&row, why.as_deref(), cleaning.dry_run))?;
        }
    }
    let landings = match cleaning.specs.is_empty() {
        true => clean_landings(git, cleaning.dry_run)?,
        false => Vec::new(),
    };
    let backups = backups::expire(git, cleaning)?;
    if cleaning.json {
        let backups = backups.iter().map(|gone| gone.object(cleaning)).collect::<Vec<_>>();
        say(out, &format!("{:#}", json!({ "building": null, "branches": branches, "backups": backups })))?;
        return Ok(Exit::Done);
    }
    for line in landings {
        say(out, &line)?;
    }
    for line in backups.iter().filter_map(|one| one.line(cleaning)) {
        say(out, &line)?;
    }
    Ok(Exit::Done)
}

fn line(row: &Row, why: Option<&str>, dry_run: bool) -> String {
    let verb = if dry_run { "would be removed" } else { "removed" };
    match why {
        Some(why) => format!("{}: `{}` stays: {why}", row.spec, row.branch),
        None if row.path.is_some() => format!("{}: `{}` and its worktree {verb}", row.spec, row.branch),
        None => format!("{}: `{}` {verb}", row.spec, row.branch),
    }
}

fn object(row: &Row, why: Option<&str>, dry_run: bool) -> Value {
    json!({
        "spec": row.spec,
        "branch": row.branch,
        "path": row.path.as_ref().map(|path| path.display().to_string()),
        "removed": why.is_none() && !dry_run,
        "removable": why.is_none(),
        "why": why,
    })
}

/// The worktrees that only landings use, where nothing is anybody's, each with the commit it is at.
///
/// # Errors
/// git fails.
pub fn landing_worktrees(git: &Git) -> Result<Vec<(Worktree, Oid)>, GitError> {
    let listed = git.worktrees()?.into_iter().filter(|one| !one.bare && !one.lost);
    let opened = listed.filter_map(|one| Some((Worktree::open(git, &one.path).ok()?, one.head?)));
    Ok(opened.filter(|(worktree, _)| worktree.is_for_landings()).collect())
}

/// Removes one; why it stays, if it does.
///
/// # Errors
/// git fails.
pub fn remove_landing_worktree(worktree: &Worktree, head: Oid) -> Result<Option<String>, GitError> {
    worktree.reset_to(None, head)?;
    Ok(worktree.remove(None)?.map(|why| why.to_string()))
}

/// Removes them all, and says what became of each.
fn clean_landings(git: &Git, dry_run: bool) -> Result<Vec<String>, GitError> {
    let mut lines = Vec::new();
    for (worktree, head) in landing_worktrees(git)? {
        lines.push(if dry_run {
            "the worktree of landings would be removed".to_owned()
        } else {
            match remove_landing_worktree(&worktree, head)? {
                Some(why) => format!("the worktree of landings stays: {why}"),
                None => "the worktree of landings removed".to_owned(),
            }
        });
    }
    Ok(lines)
}

fn would_stay(row: &Row) -> Option<String> {
    match &row.state {
        State::Held(stays) => Some(stays.to_string()),
        State::Clean | State::Lost | State::BranchOnly => None,
    }
}

/// Removes worktree and branch; why they stay, if they do.
fn remove(git: &Git, row: &Row, tip: Oid, fork: Option<RefUpdate>) -> Result<Option<String>, GitError> {
    match (&row.path, &row.state) {
        (Some(path), State::Lost) => forget_lost(git, path)?,
        (Some(path), _) => {
            if let Some(stays) = Worktree::open(git, path)?.remove(Some(&row.branch))? {
                return Ok(Some(stays.to_string()));
            }
        }
        (None, _) => {}
    }
    match drop_branch(git, &row.branch, tip, fork) {
        Ok(()) => Ok(None),
        Err(GitError::RefMoved { .. }) => Ok(Some("it has moved just now".into())),
        Err(error) => Err(error),
    }
}

fn say(out: &mut dyn Write, line: &str) -> Result<(), GitError> {
    writeln!(out, "{line}").map_err(GitError::io("write the answer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::worktree::list;
    use crate::sys::testing::World;
    use crate::sys::worktree::Start;
    use std::time::Duration;

    const NEVER: Expiry<'static> = Expiry { older: Duration::MAX, now: 0, held: &|_| false };

    fn add(world: &World, spec: &str) -> Worktree {
        let branch = format!("spec/{spec}");
        let start = Start::NewBranch { branch: &branch, commit: world.oid("main"), mark: spec };
        Worktree::add(&world.open(), &world.root().join("trees").join(spec), start).unwrap()
    }

    fn cleaned(world: &World, specs: &[String], dry_run: bool) -> String {
        let unlanded = |spec: &str, _: Oid| (spec == "new").then(|| "not landed".to_owned());
        let mut out = Vec::new();
        let exit = clean(
            &world.open(),
            &Cleaning { specs, dry_run, json: false, unlanded: &unlanded, expiry: &NEVER },
            &mut out,
        )
        .unwrap();
        assert_eq!(exit, Exit::Done);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_has_landed_goes_and_the_rest_says_why_not() {
        let world = World::new(&[("a", "1\n")]);
        for spec in ["done", "dirty", "new", "lost"] {
            add(&world, spec);
        }
        std::fs::write(world.root().join("trees/dirty/x"), "x").unwrap();
        std::fs::remove_dir_all(world.root().join("trees/lost")).unwrap();
        world.git(&["branch", "theirs"]);
        let mut out = Vec::new();
        assert_eq!(list(&world.open(), false, &mut out, &mut Vec::new()).unwrap(), Exit::Done);
        let root = world.root().display().to_string();
        let shown = String::from_utf8(out).unwrap().replace(&root, "ROOT");
        let expected = [
            "dirty  spec/dirty  it has uncommitted changes: x  ROOT/trees/dirty",
            "done   spec/done   clean  ROOT/trees/done",
            "lost   spec/lost   lost  ROOT/trees/lost",
            "new    spec/new    clean  ROOT/trees/new",
            "",
        ];
        assert_eq!(shown, expected.join("\n"));
        let mut out = Vec::new();
        list(&world.open(), true, &mut out, &mut Vec::new()).unwrap();
        let json: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["worktrees"][0]["state"], "dirty");
        assert_eq!(json["worktrees"][1]["why"], Value::Null);

        assert_eq!(
            cleaned(&world, &["done".into()], true),
            "done: `spec/done` and its worktree would be removed\n"
        );
        assert!(world.root().join("trees/done").exists());
        let expected = [
            "dirty: `spec/dirty` stays: it has uncommitted changes: x",
            "done: `spec/done` and its worktree removed",
            "lost: `spec/lost` and its worktree removed",
            "new: `spec/new` stays: not landed",
            "",
        ];
        assert_eq!(cleaned(&world, &[], false), expected.join("\n"));
        assert_eq!(world.open().worktrees().unwrap().len(), 3);
        assert!(!world.root().join("trees/done").exists() && world.root().join("trees/dirty/x").exists());
        let left: Vec<String> = world.open().refs(&["refs/heads/"]).unwrap().into_keys().collect();
        assert_eq!(
            left,
            ["refs/heads/main", "refs/heads/spec/dirty", "refs/heads/spec/new", "refs/heads/theirs"]
        );
    }

    #[test]
    fn nothing_is_removed_while_somebody_builds() {
        let world = World::new(&[]);
        let git = world.open();
        let lock = BuildLock::ask(&git, "").unwrap();
        let mut out = Vec::new();
        let cleaning =
            Cleaning { specs: &[], dry_run: false, json: false, unlanded: &|_, _| None, expiry: &NEVER };
        assert_eq!(clean(&git, &cleaning, &mut out).unwrap(), Exit::Environment);
        assert!(matches!(lock, Asked::Taken(_)) && !out.is_empty());
    }
}
