//! `specmake retry`: a held or failed spec climbs its ladder anew. `specmake hold`: a spec stops until then.
use super::approve::{alone, spec_by_prefix};
use super::args::{HoldArgs, RetryArgs};
use super::build::build;
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::opening::open_site;
use super::trouble::Trouble;
use super::user::Surroundings;
use super::wishes::{BuildWish, Wishes};
use crate::base::StageName;
use crate::event::{Failure, Verdict};
use crate::model::{FailureClass, Spec};
use crate::rebuild::Mark;
use crate::run::report::Reporter;
use crate::run::site::Site;
use crate::run::standing::names;
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
    {
        let ground = Ground::open(wishes, &Reading::default(), err)?;
        let _lock = alone(&ground, !args.no_wait, err)?;
        let site = open_site(&ground, "retry", Reporter::silent(), err)?;
        for text in &args.specs {
            let position = spec_by_prefix(&site, text)?;
            release(&site, position, args)?;
        }
    }
    build(wishes, wish, here, out, err)
}

fn release(site: &Site, position: usize, args: &RetryArgs) -> Result<(), Trouble> {
    let spec = site.spec(position);
    if args.clean {
        site.begin_afresh(spec).map_err(Trouble::environment)?;
    }
    let mut marks: Vec<Mark> = Vec::new();
    let void = |stage: &StageName, why: &str| Mark::Void {
        spec: spec.name.clone(),
        stage: stage.clone(),
        why: why.to_owned(),
    };
    if let Some(held) = site.standing(spec)?.line().held(&names(spec)) {
        // It stays as it ended, and holds nothing any more.
        let (spec, class, why) = (spec.name.clone(), held.class, held.why);
        marks.push(Mark::Attempt { spec, stage: held.stage, class, held: None, why });
    }
    if let Some(from) = &args.from {
        let first = position_of(spec, from)?;
        for (at, stage) in spec.stages.iter().enumerate() {
            if at == first || spec.before(at).contains(&first) {
                marks.push(void(&stage.name, "asked for by `retry --from`"));
            }
        }
    }
    let marks = marks.into_iter().map(|mark| (position, mark)).collect();
    site.record(&format!("{}: retry", spec.name), marks).map_err(Trouble::environment)
}

fn position_of(spec: &Spec, stage: &StageName) -> Result<usize, Trouble> {
    spec.position(stage).ok_or_else(|| {
        let names: Vec<&str> = spec.stages.iter().map(|stage| stage.name.as_str()).collect();
        Trouble::usage(format!("`{}` has no stage `{stage}`", spec.name))
            .hint(format!("its stages: {}", names.join(", ")))
    })
}

/// Stops specs before their next stage, until `retry`.
///
/// # Errors
/// There is no such spec, or nothing of it is in progress.
pub fn hold(wishes: &Wishes, args: &HoldArgs, err: &mut dyn Write) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let site = open_site(&ground, "hold", Reporter::silent(), err)?;
    for text in &args.specs {
        let position = spec_by_prefix(&site, text)?;
        let spec = site.spec(position);
        let standing = site.standing(spec)?;
        let why = args.why.clone().unwrap_or_else(|| "held by hand".to_owned());
        let mut next = None;
        for stage in 0..spec.stages.len() {
            let judged = site.judged(spec, stage, &standing).map_err(Trouble::environment)?;
            if !matches!(judged.verdict, Verdict::UpToDate { .. }) {
                next = Some(stage);
                break;
            }
        }
        let failure = Failure::new(FailureClass::Setup, why);
        match next {
            Some(stage) => site.record_hold(position, stage, &failure).map_err(Trouble::environment)?,
            None if standing.branch.is_some() => site.hold_landing(spec, &standing, &failure)?,
            None => {
                return Err(Trouble::environment(format!(
                    "`{}` is up to date: there is nothing to hold",
                    spec.name
                ))
                .hint("`parked \"why\"` in the Specfile keeps a spec out of builds"));
            }
        }
        writeln!(err, "specmake: held {}; `specmake retry {}` goes on", spec.name, spec.name)?;
    }
    Ok(Exit::Done)
}
