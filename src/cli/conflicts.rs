//! `specmake conflicts`: pairs of specs that are likely to collide, and why.
use super::args::{ConflictsArgs, Format};
use super::dry::{Foreseen, Foresight};
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::graph::goals::resolve;
use crate::model::Project;
use crate::plan::collision::{self, Pair, Source};
use crate::report::conflicts::{ConflictPair, ConflictSign, ConflictsReport, Crowd, Likelihood, Sign};
use std::io::Write;

/// Says which specs may collide. Without a name: which of all that a build would run; with names: which pairs that
/// one of these is in.
///
/// # Errors
/// There is no Specfile, or git fails.
pub fn conflicts(
    wishes: &Wishes,
    args: &ConflictsArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    let wanted = resolve(&ground.project, &ground.graph, &[], None)?;
    let named = resolve(&ground.project, &ground.graph, &args.specs, None)?;
    let foreseen = Foreseen::of(&ground, &wanted, Foresight::default())?;
    let mut prediction = foreseen.collisions()?;
    if !args.specs.is_empty() {
        prediction.pairs.retain(|pair| named.is_goal(pair.one) || named.is_goal(pair.other));
        prediction.crowds.clear();
    }
    let crowd = |(path, specs)| Crowd { path, specs };
    let report = ConflictsReport {
        base: ground.base_branch.clone(),
        commit: foreseen.tip.to_string(),
        pairs: prediction.pairs.into_iter().map(|pair| shown(&ground.project, pair)).collect(),
        crowds: prediction.crowds.into_iter().map(crowd).collect(),
    };
    match wishes.format {
        Format::Json => report.write_json(out)?,
        Format::Human => report.write_human(&wishes.out, wishes.width, out)?,
    }
    Ok(if report.warns() { Exit::Failed } else { Exit::Done })
}

/// A pair, with names for positions.
pub fn shown(project: &Project, pair: Pair) -> ConflictPair {
    let sign = |evidence: collision::Evidence| ConflictSign {
        path: evidence.path,
        by: [by(evidence.one), by(evidence.other)],
    };
    ConflictPair {
        specs: [pair.one, pair.other].map(|spec| project.specs[spec].name.clone()),
        likelihood: match pair.likelihood {
            collision::Likelihood::Certain => Likelihood::Certain,
            collision::Likelihood::Likely => Likelihood::Likely,
            collision::Likelihood::Possible => Likelihood::Possible,
        },
        kept_apart: pair.kept_apart,
        evidence: pair.evidence.into_iter().map(sign).collect(),
    }
}

fn by(source: Source) -> Sign {
    match source {
        Source::Changed => Sign::Changed,
        Source::Touches(pattern) => Sign::Touches { pattern },
        Source::Task(file) | Source::Plan(file) | Source::Prose(file) => Sign::Named { file },
        Source::Landed => Sign::Landed,
        Source::Template(share) => Sign::Template { some: share.some, of: share.of },
        Source::Layer(share) => Sign::Layer { some: share.some, of: share.of },
    }
}
