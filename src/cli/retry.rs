//! `specmake retry`: a held or failed spec climbs its ladder anew, in the run that is on or in one of its own.
use super::args::RetryArgs;
use super::build::{build, require_trust};
use super::exit::Exit;
use super::freed;
use super::ground::{Ground, Reading};
use super::live::ask;
use super::opening::{lock, open_mended, open_site};
use super::pick::pick_all;
use super::trouble::Trouble;
use super::user::Surroundings;
use super::wishes::{BuildWish, Wishes};
use crate::base::SpecName;
use crate::run::holding::{Release, Unreleased};
use crate::run::report::Reporter;
use crate::run::requests::{Answer, Wish};
use crate::run::site::Site;
use crate::run::standing::names;
use crate::store::Store;
use crate::view::{Standing, View};
use std::io::Write;

/// Releases the specs and builds them.
///
/// # Errors
/// There is no such spec or stage, or the build cannot begin.
pub fn retry(
    wishes: &Wishes,
    args: &RetryArgs,
    wish: &BuildWish,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let mut specs = pick_all(&ground.project, &args.specs)?;
    if args.specs.is_empty() {
        specs = stuck(&open_site(&ground, "retry", Reporter::silent(), err)?)?;
        if specs.is_empty() {
            writeln!(err, "specmake: nothing is held or failed")?;
            return Ok(Exit::Done);
        }
    }
    let release =
        Release { from: args.from.clone(), clean: args.clean, force: args.force, ..Release::default() };
    for spec in &specs {
        release.first(&ground.project.specs[*spec]).map_err(unreleased)?;
    }
    let mut left = Vec::new();
    for spec in specs {
        if !goes_on_in_a_run(&ground, spec, &release, err)? {
            left.push(spec);
        }
    }
    if left.is_empty() {
        return Ok(Exit::Done);
    }
    // Before anything is said to be tried again: who does not approve has changed nothing.
    require_trust(wishes, wish, &ground, here, err)?;
    {
        let lock = lock(&ground.git, "", !args.no_wait, err)?;
        let site = open_mended(&ground, &lock, "retry", err)?;
        for spec in &left {
            for told in site.release(*spec, &release).map_err(unreleased)? {
                writeln!(err, "specmake: {told}")?;
            }
        }
    }
    let names: Vec<SpecName> = left.into_iter().map(|spec| ground.project.specs[spec].name.clone()).collect();
    let goals = names.iter().map(ToString::to_string).collect();
    let exit = build(wishes, &BuildWish { goals, ..wish.clone() }, here, out, err)?;
    freed::tell(&ground, &names, err)?;
    Ok(exit)
}

/// Whether the run that is on, if one is, takes the spec up again.
fn goes_on_in_a_run(
    ground: &Ground,
    position: usize,
    release: &Release,
    err: &mut dyn Write,
) -> Result<bool, Trouble> {
    let spec = &ground.project.specs[position];
    let Some(said) = ask(&ground.git, &spec.name, &Wish::Retry(release.clone()), err)? else {
        return Ok(false);
    };
    match said.answer {
        Answer::GoesOn { told } => {
            for told in told {
                writeln!(err, "specmake: {told}")?;
            }
            writeln!(err, "specmake: {} goes on in the run that is on (pid {})", spec.name, said.run)?;
            Ok(true)
        }
        Answer::Nothing { why } => {
            writeln!(err, "specmake: there is nothing to retry of {}: {why}", spec.name)?;
            Ok(true)
        }
        Answer::Failed { why } => Err(Trouble::environment(why)),
        Answer::NotHere | Answer::Held | Answer::Soon { .. } => Ok(false),
    }
}

/// Why a spec could not be released, as trouble.
pub fn unreleased(error: Unreleased) -> Trouble {
    match error {
        Unreleased::NoStage { .. } => Trouble::usage(error),
        error => Trouble::environment(error),
    }
}

/// The specs that the journal says are held, and those that the last run left held or failed.
fn stuck(site: &Site) -> Result<Vec<usize>, Trouble> {
    let store = Store::open_existing(&site.state_dir);
    let store = store.map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
    let history = super::status::Stored { store: store.as_ref(), on: false };
    let last = super::status::History::newest_runs(&history, 1).map_err(Trouble::environment)?;
    let view = View::of(last.first().map_or(&[][..], Vec::as_slice));
    let mut stuck = Vec::new();
    for (position, spec) in site.project.specs.values().enumerate() {
        let seen = view.spec(&spec.name).map(|spec| spec.standing());
        if matches!(seen, Some(Standing::Held | Standing::Failed))
            || site.standing(spec)?.line().held(&names(spec)).is_some()
        {
            stuck.push(position);
        }
    }
    Ok(stuck)
}
