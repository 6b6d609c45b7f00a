//! How good the order is in which a run does things, and how good the time that `-n` expects. The schedule itself is
//! driven in thought, with durations in place of agents; nothing here depends on the machine.
//!
//! `cargo bench --bench order` (2,000 random workloads), `cargo bench --bench order -- 200` (fewer).
//!
//! *bound* is what no order can beat: the longest path, all work by jobs, and the work of the scarcest pool, resource or
//! of the queue of landings; *plain* is without those last. *fifo* starts first what was ready first. *as it came* is
//! the same plan when every duration turns out otherwise than expected: by a fifth, more or less.
//!
//! `recorded/` holds builds as they really went: the Specfile, and the milliseconds of each stage, of each landing and of
//! the whole build in four of them in a row. What `-n` expected of the second to the fourth, going by the one before,
//! is held against how long it took. `cargo bench --bench order -- record FOLDER` records others into that folder.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

mod record;

use specmake::graph::{Place, StageGraph, Wanted, resolve};
use specmake::model::{Files, LoadRequest, Pattern, Project, Text, load};
use specmake::plan::{Terms, Thought};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;

const RECORDED: [(&str, &str, &str); 5] = [
    ("shop", include_str!("recorded/shop.kdl"), include_str!("recorded/shop.txt")),
    ("layers", include_str!("recorded/layers.kdl"), include_str!("recorded/layers.txt")),
    ("diamond", include_str!("recorded/diamond.kdl"), include_str!("recorded/diamond.txt")),
    ("wide", include_str!("recorded/wide.kdl"), include_str!("recorded/wide.txt")),
    ("chains", include_str!("recorded/chains.kdl"), include_str!("recorded/chains.txt")),
];

/// Numbers of jobs that recorded workloads are run with in thought.
const JOBS: [u32; 4] = [2, 3, 4, 8];

fn main() -> Result<(), String> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [word, folder] = args.as_slice()
        && word == "record"
    {
        return record::record(Path::new(folder)).map_err(|error| error.to_string());
    }
    let count = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(2_000);
    recorded()?;
    random(count)
}

fn recorded() -> Result<(), String> {
    println!("recorded workloads: the best order against the bound, and against first come, first served");
    let (mut orders, mut misses) = (Vec::new(), Vec::new());
    let mut expectations = String::new();
    for (name, specfile, durations) in RECORDED {
        let workload = Workload::new(specfile.to_owned(), name)?;
        let (builds, took) = workload.read(durations)?;
        for jobs in JOBS {
            let order = workload.order(jobs, &took[3], &took[3]);
            println!("  {name:8} -j{jobs}  {}", order.told());
            orders.push(order);
        }
        for at in 1..builds.len() {
            let (before, build) = (&took[at - 1], builds[at]);
            let expected = workload.expected(workload.project.settings.jobs, before);
            let off = ratio(expected, build) - 1.0;
            misses.push(off.abs());
            let _ = writeln!(
                expectations,
                "  {name:8} build {}  expected {:6.1} s  took {:6.1} s  {:+5.1}%",
                at + 1,
                seconds(expected),
                seconds(build),
                off * 100.0
            );
        }
    }
    summary(&orders);
    println!("what `-n` expects, against the build that came next");
    print!("{expectations}");
    misses.sort_by(f64::total_cmp);
    let within = misses.iter().filter(|miss| **miss <= 0.15).count();
    let (median, worst) = (misses[misses.len() / 2] * 100.0, misses[misses.len() - 1] * 100.0);
    println!(
        "  off by {median:.1}% at the median, {worst:.1}% at worst; {within} of {} within 15%",
        misses.len()
    );
    Ok(())
}

fn random(count: u64) -> Result<(), String> {
    println!("{count} random workloads of 2 to 60 specs, durations with long tails");
    let mut chance = fastrand::Rng::with_seed(1);
    let (mut orders, mut came, mut misses) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..count {
        let workload = Workload::new(drawn(&mut chance), &format!("random {at}"))?;
        let jobs = chance.u32(1..9);
        let is_landing = |place: Place| workload.graph.stage_name(place).is_none();
        let expected: Vec<u64> = workload
            .graph
            .places()
            .map(
                |place| {
                    if is_landing(place) { chance.u64(500..20_000) } else { long_tailed(&mut chance, 0.9) }
                },
            )
            .collect();
        let took: Vec<u64> = expected
            .iter()
            .map(|millis| millis.saturating_mul(long_tailed(&mut chance, 0.2)) / MINUTES)
            .collect();
        orders.push(workload.order(jobs, &expected, &expected));
        let order = workload.order(jobs, &expected, &took);
        misses.push((ratio(workload.expected(jobs, &expected), order.best) - 1.0).abs());
        came.push(order);
    }
    println!(" as expected");
    summary(&orders);
    println!(" as it came");
    summary(&came);
    misses.sort_by(f64::total_cmp);
    let within = misses.iter().filter(|miss| **miss <= 0.15).count();
    println!(
        "  expected time off by {:.1}% at the median; {within} of {count} within 15%",
        misses[misses.len() / 2] * 100.0
    );
    Ok(())
}

fn summary(orders: &[Order]) {
    let sorted = |what: fn(&Order) -> f64| {
        let mut all: Vec<f64> = orders.iter().map(what).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let say = |title: &str, all: &[f64]| {
        let at = |share: usize| all[(all.len() - 1) * share / 100];
        println!(
            "  {title:24} {:6.3} at the median, {:6.3} for nine in ten, {:6.3} at worst",
            at(50),
            at(90),
            at(100)
        );
    };
    say("of the bound", &sorted(|order| ratio(order.best, order.bound)));
    say("of the plain bound", &sorted(|order| ratio(order.best, order.plain)));
    say("fifo, of the bound", &sorted(|order| ratio(order.fifo, order.bound)));
    let against = sorted(|order| ratio(order.best, order.fifo));
    say("of fifo", &against);
    let worse = against.iter().filter(|ratio| **ratio > 1.02).count();
    println!("  worse than fifo by more than 2%: {worse} of {}", orders.len());
}

/// How a run ends, in milliseconds.
struct Order {
    best: u64,
    fifo: u64,
    bound: u64,
    plain: u64,
}

impl Order {
    fn told(&self) -> String {
        let of = |other: u64| ratio(self.best, other);
        let (bound, plain, fifo) = (of(self.bound), of(self.plain), of(self.fifo));
        format!(
            "{:6.1} s  {bound:.3} of the bound, {plain:.3} of the plain one, {fifo:.3} of fifo",
            seconds(self.best)
        )
    }
}

/// A project to be run in thought.
struct Workload {
    project: Project,
    graph: Arc<StageGraph>,
    wanted: Wanted,
    runs: Vec<bool>,
}

impl Workload {
    fn new(specfile: String, name: &str) -> Result<Self, String> {
        let specfile = Text { name: name.to_owned(), bytes: specfile.into_bytes() };
        let request = LoadRequest { specfile, repo: name.to_owned(), ..LoadRequest::default() };
        let loaded = load(&request, &NoFiles);
        let project = loaded.project.ok_or_else(|| format!("{name}: {:?}", loaded.diagnostics))?;
        let graph = Arc::new(StageGraph::new(&project).map_err(|_| format!("{name}: goes in circles"))?);
        let wanted = resolve(&project, &graph, &[], None).map_err(|error| error.to_string())?;
        let runs = graph.places().map(|place| !graph.kind(place).is_joint()).collect();
        Ok(Self { project, graph, wanted, runs })
    }

    /// The milliseconds of builds, and of each place in each of them.
    fn read(&self, text: &str) -> Result<(Vec<u64>, Vec<Vec<u64>>), String> {
        let row = |line: &str| -> Option<(String, Vec<u64>)> {
            let mut words = line.split(' ');
            let name = words.next()?.to_owned();
            Some((name, words.map(|word| word.parse().ok()).collect::<Option<_>>()?))
        };
        let mut lines = text.lines().filter(|line| !line.starts_with('#')).map(row);
        let (_, builds) = lines.next().flatten().ok_or("no builds")?;
        let mut took = vec![vec![0; self.graph.len()]; builds.len()];
        for line in lines {
            let (name, millis) = line.ok_or("a line that is none")?;
            let place = self
                .graph
                .places()
                .find(|place| self.graph.stage_id(*place).is_some_and(|id| id.to_string() == name));
            let place = place.ok_or_else(|| format!("`{name}` is no stage"))?;
            took.iter_mut().zip(millis).for_each(|(took, millis)| took[place.index()] = millis);
        }
        Ok((builds, took))
    }

    fn expected(&self, jobs: u32, expected: &[u64]) -> u64 {
        self.think(jobs, expected, |thought| thought.best().millis)
    }

    /// The best order for what is expected, if things take as long as they do.
    fn order(&self, jobs: u32, expected: &[u64], took: &[u64]) -> Order {
        self.think(jobs, expected, |thought| {
            let bound = thought.bound(took);
            Order {
                best: thought.course(&thought.best().urgency, took).millis,
                fifo: thought.course(&thought.by_arrival(took), took).millis,
                bound: bound.millis().max(1),
                plain: bound.path.max(bound.work).max(1),
            }
        })
    }

    fn think<T>(&self, jobs: u32, expected: &[u64], ask: impl FnOnce(Thought<'_>) -> T) -> T {
        let Self { project, graph, wanted, runs } = self;
        let terms = Terms { jobs, weights: expected.to_vec(), ..Terms::default() };
        ask(Thought { project, graph, wanted, terms: &terms, runs })
    }
}

/// A Specfile with layers of chains, pools, resources, touched files and stages that run alone.
fn drawn(chance: &mut fastrand::Rng) -> String {
    let (count, linked, pooled) = (chance.usize(2..61), chance.usize(1..8), chance.usize(3..40));
    let mut text = format!(
        "agent \"demo\"\npool \"few\" depth={}\nresource \"db\"\nland {{ check \"true\"; batch {} }}\n",
        chance.u32(1..5),
        chance.u32(1..5)
    );
    for at in 0..count {
        let _ = writeln!(text, "spec \"s{at}\" \"what\" {{");
        if at > 0 && chance.usize(..linked) == 0 {
            let _ = writeln!(text, "    needs \"s{}\"", chance.usize(..at));
        }
        for stage in ["plan", "implement", "check"] {
            match chance.usize(..pooled) {
                0 => drop(writeln!(text, "    stage \"{stage}\" {{ pool \"few\" }}")),
                1 => drop(writeln!(text, "    stage \"{stage}\" {{ resource \"db\" }}")),
                _ => {}
            }
        }
        if chance.usize(..20) == 0 {
            let _ = writeln!(text, "    touches \"src/{}/**\"", chance.usize(..3));
        }
        text.push_str("}\n");
    }
    text
}

/// What `long_tailed` gives at the median.
const MINUTES: u64 = 200_000;

/// Milliseconds: a few minutes for most, much more for some.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in the low millions")]
fn long_tailed(chance: &mut fastrand::Rng, spread: f64) -> u64 {
    let normal: f64 = (0..12).map(|_| chance.f64()).sum::<f64>() - 6.0;
    (200_000.0 * (normal * spread).exp()) as u64
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}

fn seconds(millis: u64) -> f64 {
    ratio(millis, 1000)
}

/// A checkout in which every spec has its text, and nothing else is.
struct NoFiles;

impl Files for NoFiles {
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
