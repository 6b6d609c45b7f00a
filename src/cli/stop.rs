//! `specmake stop` and `specmake hold`: a spec stops, at once or before its next stage, until `retry`.
use super::args::{HoldArgs, StopArgs};
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::live::ask;
use super::opening::{lock_if_free, open_mended, open_site};
use super::pick::pick_all;
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::event::Failure;
use crate::model::Spec;
use crate::run::report::Reporter;
use crate::run::requests::{Answer, Wish};
use crate::run::site::Site;
use std::io::Write;

/// Ends what runs of the specs, and holds them.
///
/// # Errors
/// There is no such spec, or nothing of it is out of date or in progress.
pub fn stop(wishes: &Wishes, args: &StopArgs, err: &mut dyn Write) -> Result<Exit, Trouble> {
    hold_all(wishes, &args.specs, &Wish::Stop { why: args.why.clone() }, err)
}

/// Holds specs before their next stage.
///
/// # Errors
/// There is no such spec, or nothing of it is out of date or in progress.
pub fn hold(wishes: &Wishes, args: &HoldArgs, err: &mut dyn Write) -> Result<Exit, Trouble> {
    hold_all(wishes, &args.specs, &Wish::Hold { why: args.why.clone() }, err)
}

fn hold_all(wishes: &Wishes, specs: &[String], wish: &Wish, err: &mut dyn Write) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    for position in pick_all(&ground.project, specs)? {
        let spec = &ground.project.specs[position];
        let line = match answer(&ground, position, wish, err)? {
            Answer::Held | Answer::NotHere | Answer::GoesOn { .. } => {
                format!("held {}; `specmake retry {}` goes on", spec.name, spec.name)
            }
            Answer::Soon { stage } => format!(
                "{} is held as soon as `{stage}` has ended; `specmake stop {}` ends that now",
                spec.name, spec.name
            ),
            Answer::Nothing { why } => return Err(nothing(spec, &why)),
            Answer::Failed { why } => return Err(Trouble::environment(why)),
        };
        writeln!(err, "specmake: {line}")?;
    }
    Ok(Exit::Done)
}

/// What the run that is on says; where none is, or not on this spec, it is held here.
fn answer(ground: &Ground, position: usize, wish: &Wish, err: &mut dyn Write) -> Result<Answer, Trouble> {
    let spec = &ground.project.specs[position];
    loop {
        match ask(&ground.git, &spec.name, wish, err)?.map(|said| said.answer) {
            Some(Answer::NotHere | Answer::GoesOn { .. }) => {
                // Only now: that run may have moved everything. It has also put in order what was left before it.
                hold_alone(&open_site(ground, "hold", Reporter::silent(), err)?, position, wish)?;
                return Ok(Answer::Held);
            }
            Some(answer) => return Ok(answer),
            None => {
                // Else one has begun just now.
                if let Some(lock) = lock_if_free(&ground.git, "hold")? {
                    hold_alone(&open_mended(ground, &lock, "hold", err)?, position, wish)?;
                    return Ok(Answer::Held);
                }
            }
        }
    }
}

fn nothing(spec: &Spec, why: &str) -> Trouble {
    Trouble::environment(format!("there is nothing to hold of `{}`: {why}", spec.name))
        .hint("`parked \"why\"` in the Specfile keeps a spec out of builds")
}

/// Holds a spec that no run is at work on.
fn hold_alone(site: &Site, position: usize, wish: &Wish) -> Result<(), Trouble> {
    let why = match wish {
        Wish::Stop { why } | Wish::Hold { why } => why.as_deref(),
        Wish::Retry(_) => None,
    };
    let is_held = site.hold_spec(position, &Failure::by_hand(why)).map_err(Trouble::environment)?;
    if is_held { Ok(()) } else { Err(nothing(site.spec(position), "it is up to date")) }
}
