//! `-n`, `--explain` and `-q`: what a build would do, judged as if edited ingredients were committed.
use super::conflicts::shown;
use super::exit::Exit;
use super::glance::Glance;
use super::ground::Ground;
use super::heard::Heard;
use super::plan::{Expected, PlanHeader, report};
use super::trouble::Trouble;
use super::wishes::{BuildWish, Mode, Wishes};
use crate::base::Oid;
use crate::event::Verdict;
use crate::graph::{Place, PlaceKind, Wanted};
use crate::model::Project;
use crate::plan::Forecast;
use crate::plan::collision::Prediction;
use crate::report::PlanReport;
use crate::report::plan::Detail;
use crate::run::inputs::{Looking, is_ingredient, that_may_read, uncommitted_of};
use crate::run::report::Reporter;
use crate::run::site::{Opening, Options, Site};
use crate::store::Store;
use crate::sys::checkout::virtual_commit;
use crate::sys::glance::Answer;
use std::io::Write;
use std::sync::Arc;

/// Says what a build would do.
///
/// # Errors
/// What keeps it from being judged.
pub fn plan(
    wishes: &Wishes,
    wish: &BuildWish,
    (ground, wanted, looking): (&Ground, &Wanted, Option<Looking>),
    (out, err): (&mut dyn Write, &Heard<'_>),
    glance: Option<&Glance>,
) -> Result<Exit, Trouble> {
    require_ingredients(&ground.project, &wish.what_if)?;
    let foresight = Foresight { what_if: &wish.what_if, always: wish.always };
    let looking = looking.unwrap_or_else(|| Looking::begin(&ground.git));
    let foreseen = Foreseen::of_edits(ground, wanted, foresight, looking)?;
    let glance = glance.filter(|_| err.is_silent() && foreseen.is_plain());
    let keep = |out: Vec<u8>| {
        if let Some(glance) = glance {
            glance.keep(ground, Answer { exit: Exit::Done.code(), out, ..Answer::default() });
        }
    };
    if wish.mode == Mode::Question {
        let is_up_to_date = foreseen.is_up_to_date();
        foreseen.leave();
        if is_up_to_date {
            keep(Vec::new());
        }
        return Ok(if is_up_to_date { Exit::Done } else { Exit::OutOfDate });
    }
    let pairs = foreseen.collisions()?.pairs.into_iter().filter(|pair| !pair.kept_apart);
    let conflicts = pairs.map(|pair| shown(&ground.project, pair)).collect();
    let report = PlanReport { conflicts, ..foreseen.report() };
    let mut said = Vec::new();
    match wishes.format {
        super::args::Format::Json => report.write_json(&mut said)?,
        super::args::Format::Human => {
            let detail = if wish.mode == Mode::Explain { Detail::All } else { Detail::Work };
            report.write_human(detail, &wishes.out, wishes.width, &mut said)?;
        }
    }
    out.write_all(&said)?;
    if report.is_up_to_date() {
        keep(said);
    }
    Ok(Exit::Done)
}

/// `-W` of a file that is nobody's ingredient is an error.
///
/// # Errors
/// It is one.
pub fn require_ingredients(project: &Project, files: &[String]) -> Result<(), Trouble> {
    match files.iter().find(|file| !is_ingredient(project, file)) {
        Some(file) => {
            Err(Trouble::usage(format!("`-W {file}`: no stage has this file among its ingredients")))
        }
        None => Ok(()),
    }
}

/// What is to be foreseen, beside what is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Foresight<'a> {
    /// `-W`.
    pub what_if: &'a [String],
    /// `-B`.
    pub always: bool,
}

/// What there is to be said before a build.
pub struct Foreseen<'a> {
    ground: &'a Ground,
    wanted: &'a Wanted,
    site: Site,
    forecast: Forecast,
    /// The base's commit.
    pub tip: Oid,
    uncommitted: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Foreseen<'a> {
    /// Judges what is wanted. Moves no ref and commits nothing.
    ///
    /// # Errors
    /// What keeps it from being judged.
    pub fn of(ground: &'a Ground, wanted: &'a Wanted, foresight: Foresight<'_>) -> Result<Self, Trouble> {
        Self::of_edits(ground, wanted, foresight, Looking::begin(&ground.git))
    }

    /// The same where git looks at the checkout already.
    ///
    /// # Errors
    /// What keeps it from being judged.
    pub fn of_edits(
        ground: &'a Ground,
        wanted: &'a Wanted,
        foresight: Foresight<'_>,
        looking: Looking,
    ) -> Result<Self, Trouble> {
        let git = &ground.git;
        let tip = ground.tip()?;
        let mut positions: Vec<usize> =
            wanted.places().filter_map(|place| ground.graph.spec_of(place)).collect();
        positions.dedup();
        let specs: Vec<&crate::model::Spec> = positions.iter().map(|at| &ground.project.specs[*at]).collect();
        let opening = Opening {
            project: Arc::clone(&ground.project),
            graph: Arc::clone(&ground.graph),
            git: git.clone(),
            base_branch: ground.base_branch.clone(),
            base: tip,
            run: String::new(),
            options: Options { what_if: foresight.what_if.to_vec(), ..Options::default() },
            reporter: Reporter::silent(),
            store: Store::to_look_at(&git.state_dir())
                .map_err(|e| Trouble::environment(&e).hint(e.hint()))?,
        };
        // git lists the tree while history is read.
        let (listed, site) = std::thread::scope(|scope| {
            let listed = scope.spawn(|| git.ls_tree(tip));
            let site = Site::open(opening);
            (listed.join(), site)
        });
        let site = site?;
        if let Ok(listed) = listed {
            site.contents.learn(tip, listed?);
        }
        let edited = uncommitted_of(looking.end()?, &ground.base_branch, &specs);
        let base = if edited.take.is_empty() { tip } else { virtual_commit(git, tip, &edited.take)? };
        let mut notes: Vec<String> = ground.behind()?.into_iter().collect();
        let adopted = site.find_adopted(positions.iter().copied())?;
        site.adopt(adopted, false);
        if base != tip {
            site.base_moved(base)?;
            // Of the others all is as it was.
            let read = positions.iter().map(|at| (*at, &ground.project.specs[*at]));
            let more = site.find_adopted(that_may_read(&edited.take, read).into_iter())?;
            site.adopt(more, false);
        }
        for (path, why) in &edited.left_out {
            notes.push(format!("`{path}` has edits that would not be built: {why}"));
        }
        for spec in site.undeclared_and_undone(positions.iter().copied()) {
            notes.push(format!("`{}` is needed but not declared, and not done by hand either", spec.name));
        }
        for spec in wanted.without_stage() {
            notes.push(format!("`{spec}` has no such stage"));
        }
        let forced = |spec: usize| foresight.always && wanted.is_goal(spec);
        let forecast = site.forecast(wanted, &forced).map_err(Trouble::environment)?;
        Ok(Self { ground, wanted, site, forecast, tip, uncommitted: edited.take, notes })
    }

    /// Which of the specs that would or may run are likely to collide.
    ///
    /// # Errors
    /// git fails.
    pub fn collisions(&self) -> Result<Prediction, Trouble> {
        let graph = &self.ground.graph;
        let runs = |place: Place| {
            let verdict = self.forecast.verdicts.get(place.index()).and_then(Option::as_ref);
            verdict.is_some_and(|verdict| !matches!(verdict, Verdict::UpToDate { .. }))
        };
        let run = |spec: usize| graph.stages_of(spec).chain([graph.landing_of(spec)]).any(runs);
        Ok(self.site.collisions(self.wanted, &run)?)
    }

    /// Whether nothing must or may run: what `-q` asks.
    pub fn is_up_to_date(&self) -> bool {
        let counts = |place: Place| match self.ground.graph.kind(place) {
            PlaceKind::Landing { .. } => self.ground.project.land.on,
            _ => true,
        };
        let runs = self.forecast.runs();
        !self.wanted.places().any(|place| runs[place.index()] && counts(place))
    }

    /// Leaves it just before the process ends.
    fn leave(self) {
        let Self { site, forecast, .. } = self;
        site.close();
        std::mem::forget(forecast);
    }

    /// Whether nothing was found on the way that a person is told of or a build would tidy up.
    pub fn is_plain(&self) -> bool {
        self.uncommitted.is_empty() && self.notes.is_empty() && self.site.is_settled()
    }

    /// The report of what a build would do; the process is to end soon.
    pub fn report(self) -> PlanReport {
        let Ground { project, graph, .. } = self.ground;
        let weights = self.site.durations().weights(project, graph);
        let header = PlanHeader {
            base: self.ground.base_branch.clone(),
            commit: self.tip.to_string(),
            uncommitted: self.uncommitted,
            notes: self.notes,
        };
        let costs = self.site.costs();
        let expected = Expected { forecast: &self.forecast, weights: &weights, costs: &costs };
        let report = report(project, graph, self.wanted, expected, header);
        self.site.close();
        report
    }
}

/// The report of what a build would do, without what may collide.
///
/// # Errors
/// What keeps it from being judged.
pub fn foresee(ground: &Ground, wanted: &Wanted, foresight: Foresight<'_>) -> Result<PlanReport, Trouble> {
    Ok(Foreseen::of(ground, wanted, foresight)?.report())
}
