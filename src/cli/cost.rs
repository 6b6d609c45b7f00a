//! `specmake cost`: what attempts of agents used, from what was recorded of runs.
use super::args::{CostArgs, CostBy, Format};
use super::exit::Exit;
use super::ground::repository;
use super::runs::{Recorded, Runs};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::base::{SpecName, StageName};
use crate::report::costs::{By, CostReport};
use crate::run::report::now_millis;
use std::io::Write;

/// Says what runs cost.
///
/// # Errors
/// There is no such run or spec, or what is recorded cannot be read.
pub fn cost(
    wishes: &Wishes,
    args: &CostArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let git = repository()?;
    let runs = Runs::open(&git)?;
    let chosen = match (&args.run, args.all) {
        (Some(name), _) => vec![runs.named(name)?],
        (None, true) => runs.all()?,
        (None, false) => last(&runs, &args.specs)?.into_iter().collect(),
    };
    let wanted = args.specs.iter().map(|text| Wanted::read(text, &chosen)).collect::<Result<Vec<_>, _>>()?;
    let keep = |spec: &SpecName, stage: &StageName| {
        wanted.is_empty() || wanted.iter().any(|wanted| wanted.takes(spec, stage))
    };
    let report = CostReport::of(chosen.iter().map(|run| (&run.view, run.on)), keep, now_millis());
    if wishes.format == Format::Json {
        report.write_json(out)?;
        return Ok(Exit::Done);
    }
    if report.attempts.is_empty() {
        writeln!(err, "specmake: no agent has worked on that yet, as far as is recorded")?;
        return Ok(Exit::Done);
    }
    let usual = if args.all { CostBy::Run } else { CostBy::Stage };
    report.write_human(args.by.unwrap_or(usual).into(), wishes.width, &wishes.out, out)?;
    Ok(Exit::Done)
}

/// The newest run in which an agent worked, on one of these specs if there are any.
fn last(runs: &Runs, specs: &[String]) -> Result<Option<Recorded>, Trouble> {
    let is_it = |run: &Recorded| {
        let worked = |spec: &SpecName| run.view.spec(spec).is_some_and(|spec| spec.tally().attempts > 0);
        let named = |spec: &SpecName| specs.is_empty() || specs.iter().any(|text| begins(spec, text));
        run.view.specs.keys().any(|spec| named(spec) && worked(spec))
    };
    runs.newest(is_it)
}

fn begins(spec: &SpecName, text: &str) -> bool {
    let (name, _) = text.split_once(':').unwrap_or((text, ""));
    spec.as_str().starts_with(name)
}

/// A spec or a stage that is asked about.
struct Wanted {
    spec: SpecName,
    stage: Option<String>,
}

impl Wanted {
    /// From `SPEC` or `SPEC:STAGE`; a prefix is enough that only one spec of these runs has.
    fn read(text: &str, runs: &[Recorded]) -> Result<Self, Trouble> {
        let (name, stage) = text.split_once(':').map_or((text, None), |(name, stage)| (name, Some(stage)));
        let spec = super::runs::spec_of(runs, name)?;
        Ok(Self { spec, stage: stage.map(ToOwned::to_owned) })
    }

    fn takes(&self, spec: &SpecName, stage: &StageName) -> bool {
        *spec == self.spec && self.stage.as_ref().is_none_or(|wanted| wanted == stage.as_str())
    }
}

impl From<CostBy> for By {
    fn from(by: CostBy) -> Self {
        match by {
            CostBy::Attempt => Self::Attempt,
            CostBy::Stage => Self::Stage,
            CostBy::Spec => Self::Spec,
            CostBy::Agent => Self::Agent,
            CostBy::Run => Self::Run,
        }
    }
}
