//! What the loop itself costs a stage, from 100 stages to 100,000: the dispatcher, the schedule, the events and the
//! faces, with hands that do nothing. It must be flat: a stage costs no more because there are more of them.
//!
//! `cargo bench --bench dispatch` (all sizes), `cargo bench --bench dispatch -- 10000` (one).
//!
//! Specs have four stages each; every tenth needs the one before it. *loop* is from the making of the schedule to the
//! end of the run. *plain*, *live* and *json* are what the faces take for the same events, each by itself, the live one
//! with a redraw after each hundred, more often than it is in a run. *view* is the fold that all of them draw.
//!
//! Found: the loop was flat. The faces were not: the plain one counted all specs for each line, the live one drew all of
//! them for each line and each handful of events. Counts are kept as specs change now, and a redraw looks at what is open.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

use specmake::base::{StageName, Stamp};
use specmake::event::{Event, Failure, PlannedSpec, Record, RunOutcome};
use specmake::graph::{Place, StageGraph, resolve};
use specmake::model::{self, LoadRequest, Pattern, Project, Text};
use specmake::plan::collision::Footprint;
use specmake::plan::{Schedule, Terms};
use specmake::report::{Face, JsonLines, Live, Plain, Screen, Style, Voice};
use specmake::run::dispatcher::Dispatcher;
use specmake::run::hands::{Answer, Batch, Ends, Hands, Judgement, Landed, LeftToPerson, Order, Outcome};
use specmake::run::holding::Release;
use specmake::run::report::Reporter;
use specmake::sys::load::Load;
use specmake::sys::stop::Stop;
use specmake::view::View;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const SIZES: [usize; 7] = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];

/// Stages of a spec.
const EACH: usize = 4;

/// Agents and commands at once.
const JOBS: u32 = 64;

fn main() -> io::Result<()> {
    let args: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    println!("{:>7}  microseconds a stage", "stages");
    println!("{:>7}  {:>7} {:>7} {:>7} {:>7} {:>7}", "", "loop", "view", "plain", "live", "json");
    for stages in SIZES.into_iter().filter(|size| args.is_empty() || args.contains(size)) {
        let world = World::new(stages / EACH)?;
        // Short ones are done again, so that the clock has something to measure.
        let rounds = (10_000 / stages).clamp(1, 50);
        let mut took = [Duration::ZERO; 5];
        for _ in 0..rounds {
            let (time, records) = world.run()?;
            took[0] += time;
            took[1] += timed(|| View::of(&records));
            let screen = Screen { width: 80, height: 24 };
            took[2] += shown(&mut Plain::new(Style::PLAIN, Voice::Normal), &records)?;
            took[3] += shown(&mut Live::new(Style::PLAIN, Voice::Normal, screen), &records)?;
            took[4] += shown(&mut JsonLines, &records)?;
        }
        let each = took.map(|time| time.as_secs_f64() * 1e6 / (stages * rounds) as f64);
        println!(
            "{stages:7}  {:7.1} {:7.1} {:7.1} {:7.1} {:7.1}",
            each[0], each[1], each[2], each[3], each[4]
        );
    }
    Ok(())
}

fn timed<T>(what: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(what());
    start.elapsed()
}

fn shown(face: &mut dyn Face, records: &[Record]) -> io::Result<Duration> {
    let (mut out, start) = (io::sink(), Instant::now());
    for some in records.chunks(100) {
        some.iter().try_for_each(|record| face.show(record, &mut out))?;
        let now = some.last().map_or(0, |record| record.at);
        face.tick(now, Screen { width: 80, height: 24 }, &mut out)?;
    }
    face.finish(&mut out)?;
    Ok(start.elapsed())
}

/// A project of so many specs.
struct World {
    project: Arc<Project>,
    graph: Arc<StageGraph>,
}

impl World {
    fn new(specs: usize) -> io::Result<Self> {
        let mut text = String::from("pipeline \"four\" {\n");
        for stage in 0..EACH {
            let _ = writeln!(text, "    stage \"stage-{stage}\" {{ run \"true\" }}");
        }
        text.push_str("}\nproject { pipeline \"four\" }\n");
        for at in 0..specs {
            let need = if at % 10 == 9 { format!(" {{ needs \"s{:05}\" }}", at - 1) } else { String::new() };
            let _ = writeln!(text, "spec \"s{at:05}\" \"Nothing\"{need}");
        }
        let specfile = Text { name: "Specfile".to_owned(), bytes: text.into_bytes() };
        let request = LoadRequest { specfile, repo: "repo".to_owned(), ..LoadRequest::default() };
        let loaded = model::load(&request, &NoFiles);
        let project =
            loaded.project.ok_or_else(|| io::Error::other(format!("{:?}", loaded.diagnostics.first())))?;
        let graph = StageGraph::new(&project).map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok(Self { project: Arc::new(project), graph: Arc::new(graph) })
    }

    /// One run, and what it told.
    fn run(&self) -> io::Result<(Duration, Vec<Record>)> {
        let wanted = resolve(&self.project, &self.graph, &[], None)
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let (to, told) = std::sync::mpsc::channel();
        let reporter = Reporter::new(to);
        reporter.report(self.started());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let start = Instant::now();
        let terms = Terms { jobs: JOBS, ..Terms::default() };
        let schedule = Schedule::new(&self.project, Arc::clone(&self.graph), wanted, &terms);
        let project = Arc::clone(&self.project);
        let dispatcher = Dispatcher::new(project, schedule, Arc::new(Idle), reporter.clone(), None, 0);
        let ending = runtime.block_on(async {
            let (_keep, interrupts) = mpsc::channel(1);
            dispatcher.run(interrupts).await
        });
        let time = start.elapsed();
        let ending = ending.map_err(|error| io::Error::other(error.to_string()))?;
        if (ending.landed, ending.ran) != (self.project.specs.len(), self.project.specs.len() * EACH) {
            return Err(io::Error::other(format!("{ending:?}")));
        }
        reporter.report(Event::RunEnded { outcome: RunOutcome::Done, millis: 0 });
        drop(reporter);
        Ok((time, told.iter().collect()))
    }

    fn started(&self) -> Event {
        let planned = |spec: &model::Spec| PlannedSpec {
            spec: spec.name.clone(),
            layer: None,
            title: None,
            wave: 0,
            needs: Vec::new(),
            stages: spec.stages.iter().map(|stage| stage.name.clone()).collect(),
            lands: true,
        };
        Event::RunStarted {
            run: "bench".to_owned(),
            pid: 1,
            base: "main".to_owned(),
            commit: String::new(),
            jobs: JOBS,
            goals: Vec::new(),
            specs: self.project.specs.values().map(planned).collect(),
        }
    }
}

/// The Specfile asks for no other file.
struct NoFiles;

impl model::Files for NoFiles {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn glob(&self, _: &Pattern) -> Vec<String> {
        Vec::new()
    }

    fn spec_folder_has_text(&self, _: &str) -> bool {
        true
    }

    fn folder_exists(&self, _: &str) -> bool {
        true
    }
}

/// Hands that say at once that all is done.
struct Idle;

impl Hands for Idle {
    type Red = ();

    fn judge(&self, _: Place, _: Stop) -> Answer<Judgement> {
        Box::pin(async { Judgement::OutOfDate(Vec::new()) })
    }

    fn work_of(&self, _: usize) -> Answer<Option<Footprint>> {
        Box::pin(async { None })
    }

    fn attempt(&self, _: Order, _: Stop) -> Answer<Outcome> {
        Box::pin(async {
            // The others get their turn, as they do where there is something to wait for.
            tokio::task::yield_now().await;
            Outcome::Done { commit: String::new() }
        })
    }

    fn leave_conflict(&self, _: Place, failure: Failure, _: bool) -> Answer<LeftToPerson> {
        Box::pin(async move { LeftToPerson { failure, lands: true } })
    }

    fn hold(&self, _: Place, _: Failure) -> Answer<()> {
        Box::pin(async {})
    }

    fn hold_spec(&self, _: usize, _: Failure) -> Answer<Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn release(&self, _: usize, _: Release) -> Answer<Result<Vec<String>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn skip(&self, _: Place, failure: Failure) -> Answer<Result<(), Failure>> {
        Box::pin(async move { Err(failure) })
    }

    fn rewind(&self, _: Place, _: StageName, failure: Failure) -> Answer<Result<(), Failure>> {
        Box::pin(async move { Err(failure) })
    }

    fn load(&self) -> Load {
        Load::default()
    }

    fn spent(&self) -> f64 {
        0.0
    }

    fn land(&self, places: Vec<Place>, _: Stop) -> Answer<(Ends, Batch<()>)> {
        Box::pin(async move {
            let landed = || Landed::Landed { commit: "c".to_owned(), result: Stamp::of(b"r"), changed: true };
            (places.into_iter().map(|place| (place, landed())).collect(), Batch::Over)
        })
    }

    fn split(&self, (): (), _: usize, _: Stop) -> Answer<Ends> {
        Box::pin(async { Vec::new() })
    }
}
