//! `specmake fix`: an agent is given what failed, and mends it; then the spec goes on.
use super::args::FixArgs;
use super::build::{build, require_trust};
use super::exit::Exit;
use super::freed;
use super::ground::{Ground, Reading};
use super::live::ask;
use super::opening::{lock, open_mended, open_site};
use super::pick::pick;
use super::retry::unreleased;
use super::status::{History, Stored};
use super::trouble::Trouble;
use super::user::Surroundings;
use super::wishes::{BuildWish, Wishes};
use crate::base::{AgentName, english};
use crate::event::Failure;
use crate::model::{FailureClass, Spec};
use crate::run::holding::{Fixing, Release};
use crate::run::report::Reporter;
use crate::run::requests::{Answer, Wish};
use crate::run::standing::names;
use crate::store::Store;
use crate::view::View;
use std::io::Write;

/// Gives the failing output of a held or failed stage to an agent, and builds on.
///
/// # Errors
/// There is no such spec or agent, nothing of it is held or failed, or the build cannot begin.
pub fn fix(
    wishes: &Wishes,
    args: &FixArgs,
    wish: &BuildWish,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let position = pick(&ground.project, &args.spec)?;
    let spec = &ground.project.specs[position];
    if let Some(agent) = &args.agent {
        require_agent(&ground, agent)?;
    }
    let former = failure(&ground, spec, err)?;
    let fixing = Fixing { agent: args.agent.clone(), former };
    let release = Release { fix: Some(fixing.clone()), ..Release::default() };
    if let Some(said) = ask(&ground.git, &spec.name, &Wish::Retry(release.clone()), err)? {
        match said.answer {
            Answer::GoesOn { told } => {
                for told in told {
                    writeln!(err, "specmake: {told}")?;
                }
                writeln!(err, "specmake: {} is mended in the run that is on (pid {})", spec.name, said.run)?;
                return Ok(Exit::Done);
            }
            Answer::Nothing { why } | Answer::Failed { why } => return Err(Trouble::environment(why)),
            Answer::NotHere | Answer::Held | Answer::Soon { .. } => {}
        }
    }
    require_trust(wishes, wish, &ground, here, err)?;
    {
        let lock = lock(&ground.git, "fix", !args.no_wait, err)?;
        let site = open_mended(&ground, &lock, "fix", err)?;
        for told in site.release(position, &release).map_err(unreleased)? {
            writeln!(err, "specmake: {told}")?;
        }
    }
    let (goals, fix) = (vec![spec.name.to_string()], Some((spec.name.clone(), fixing)));
    let exit = build(wishes, &BuildWish { goals, fix, ..wish.clone() }, here, out, err)?;
    freed::tell(&ground, std::slice::from_ref(&spec.name), err)?;
    Ok(exit)
}

fn require_agent(ground: &Ground, agent: &AgentName) -> Result<(), Trouble> {
    if ground.project.agents.contains_key(agent) {
        return Ok(());
    }
    let trouble = Trouble::usage(format!("there is no agent `{agent}`"));
    Err(match english::nearest(agent.as_str(), ground.project.agents.keys().map(AgentName::as_str)) {
        Some(near) => trouble.hint(format!("did you mean `{near}`?")),
        None => trouble,
    })
}

/// What failed, with its log where the last run knows it.
fn failure(ground: &Ground, spec: &Spec, err: &mut dyn Write) -> Result<Failure, Trouble> {
    let store = Store::open_existing(&ground.git.state_dir());
    let store = store.map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
    let runs = Stored { store: store.as_ref(), on: false }.newest_runs(10).map_err(Trouble::environment)?;
    drop(store);
    for records in &runs {
        let view = View::of(records);
        let Some(seen) = view.spec(&spec.name) else { continue };
        if let Some((_, step)) = seen.foremost()
            && let Some((failure, _)) = step.trouble()
        {
            let mut failure = failure.clone();
            let last = step.attempts.last().map(|attempt| attempt.log.clone());
            failure.log = failure.log.or(last);
            if failure.log.is_some() {
                return Ok(failure);
            }
        }
    }
    let site = open_site(ground, "fix", Reporter::silent(), err)?;
    match site.standing(spec)?.line().held(&names(spec)) {
        Some(held) => Ok(Failure::new(held.class.unwrap_or(FailureClass::Crash), held.why)),
        None => Err(Trouble::environment(format!("nothing of `{}` is held or failed", spec.name))
            .hint(format!("`specmake {}` builds it", spec.name))),
    }
}
