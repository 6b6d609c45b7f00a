//! `specmake revert`: what a spec's landings brought is taken back.
use super::args::RevertArgs;
use super::build::{require_trust, run_name};
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::land::stoppable;
use super::opening::{arm, lock, open_site};
use super::pick::pick;
use super::trouble::Trouble;
use super::user::Surroundings;
use super::wishes::{BuildWish, Wishes};
use crate::base::english;
use crate::model::Spec;
use crate::run::report::Reporter;
use crate::run::revert::{Entangled, Reverted, Undoable, Undoing};
use crate::run::site::Site;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// The most paths named one by one.
const NAMED: usize = 10;

/// Reverts a spec, or says what that would do.
///
/// # Errors
/// There is no such spec, it has not landed, or it cannot be reverted now.
pub fn revert(
    wishes: &Wishes,
    args: &RevertArgs,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let position = pick(&ground.project, &args.spec)?;
    let spec = &ground.project.specs[position];
    if args.dry_run {
        let site = open_site(&ground, "", Reporter::silent(), err)?;
        return match site.undoable(spec)? {
            Undoable::Yes(undoing) => {
                list(&site, spec, &undoing, out)?;
                Ok(Exit::Done)
            }
            Undoable::NotLanded => Err(not_landed(spec)),
            Undoable::Entangled(paths) => Err(entangled(spec, &paths)),
        };
    }
    let mut wish = BuildWish::plain(wishes.format, here);
    (wish.yes, wish.wait) = (args.yes, !args.no_wait);
    let _lock = lock(&ground.git, "revert", wish.wait, err)?;
    crate::sys::landing::recover(&ground.git)?;
    require_trust(wishes, &wish, &ground, here, err)?;
    let mut site = open_site(&ground, &run_name(), Reporter::silent(), err)?;
    arm(&mut site, here);
    let site = Arc::new(site);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (reverted, signal) = runtime.block_on(stoppable(|stop| {
        let site = Arc::clone(&site);
        async move { site.revert(position, &stop).await }
    }))?;
    runtime.shutdown_timeout(Duration::from_secs(5));
    match reverted? {
        Reverted::Done(commit, undoing) => {
            let landings = english::count(undoing.takes_back.len(), "landing");
            let files = english::count(undoing.paths.len(), "file");
            writeln!(
                err,
                "specmake: reverted {} as {}: {landings}, {files}; it is out of date now",
                spec.name,
                commit.short()
            )?;
            Ok(Exit::Done)
        }
        Reverted::NotLanded => Err(not_landed(spec)),
        Reverted::Entangled(paths) => Err(entangled(spec, &paths)),
        Reverted::Failed(failure) => {
            let trouble = stays(spec, &format!("without it {}", failure.message));
            Err(match &failure.log {
                Some(log) => trouble.hint(format!("the log is .specmake/{log}")),
                None => trouble,
            })
        }
        Reverted::Busy(why) => Err(Trouble { exit: Exit::Environment, ..stays(spec, &why) }),
        Reverted::Stopped => Ok(Exit::Interrupted(signal.unwrap_or(2))),
    }
}

fn list(site: &Site, spec: &Spec, undoing: &Undoing, out: &mut dyn Write) -> Result<(), Trouble> {
    writeln!(out, "{} would be taken back:", spec.name)?;
    for commit in undoing.takes_back.iter().filter_map(|landing| landing.first()) {
        writeln!(out, "  {}", site.git.line(["log", "-1", "--format=%h %s", &commit.to_string()])?)?;
    }
    writeln!(out, "{} would change:", english::count(undoing.paths.len(), "file"))?;
    for path in &undoing.paths {
        writeln!(out, "  {path}")?;
    }
    Ok(())
}

fn stays(spec: &Spec, why: &str) -> Trouble {
    let message = format!("`{}` stays: {why}", spec.name);
    Trouble { exit: Exit::Failed, message, hint: None }
}

fn not_landed(spec: &Spec) -> Trouble {
    Trouble::environment(format!("there is nothing to revert of `{}`: it has not landed", spec.name))
}

fn entangled(spec: &Spec, paths: &[Entangled]) -> Trouble {
    let mut lines: Vec<String> = paths
        .iter()
        .take(NAMED)
        .map(|(path, who)| match who.as_slice() {
            [] => format!("`{path}`"),
            who => format!("`{path}`, since written by {}", english::list(who, "and")),
        })
        .collect();
    if paths.len() > NAMED {
        lines.push(format!("and {} more", paths.len() - NAMED));
    }
    stays(spec, &format!("later work stands on what it changed:\n  {}", lines.join("\n  ")))
        .hint("revert that first, or take it back by hand with `git revert`")
}
