//! What one landing costs, worktree to removal, as a ratio to the git commands that a person would type for it, on the
//! same repository in the same run; and what stacking saves when each check takes its time.
//!
//! `cargo bench --bench landing` (500 and 20,000 files), `cargo bench --bench landing -- 500` (one size, no stacking).
//!
//! The stage is a shell line that writes one file. *landing* is from the verdict that opens the stage to the branch
//! removed, as specmake's events tell it: worktree, process, commit, merge, the base and its checkout moved, worktree
//! and branch gone. *ending* is the part after the stage is done. *run* is the whole of `specmake SPEC`, with reading
//! the repository and starting up. *of many* is one run that takes specs one after the other, by the spec.
//!
//! Found: by hand it is 14 programs, none of which waits for the disk; specmake starts four gits a landing, and thirteen
//! that answer for the whole run, and waits for the disk about fifteen times, so that a power cut costs no stage. The
//! second ratio is to the same script with git told to be as careful. The rest is the checkout of the files, which
//! both pay.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Files in the repository, how often each side lands one spec, and how many specs one run lands in a row.
const SIZES: [(usize, usize, usize); 2] = [(500, 15, 10), (20_000, 5, 3)];

/// What specmake asks of git, so that a power cut costs nothing, and git by itself does not do.
const DURABLE: (&str, &str) = ("core.fsync", "committed,reference");

/// How many specs are landed together, and what their check costs.
const STACKED: (usize, &str) = (50, "sleep 0.2");

const BY_HAND: &str = r#"set -e
git worktree add -q -b "hand/$1" "../hand/$1"
cd "../hand/$1"
sh -c 'echo "$1" > "made-$1.txt"' sh "$1"
git add "made-$1.txt"
git commit -q -m "$1"
cd "$2"
git merge -q --no-ff -m "land $1" "hand/$1"
git worktree remove "../hand/$1"
git branch -q -d "hand/$1"
"#;

fn main() -> io::Result<()> {
    let args: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let place = tempfile::tempdir()?;
    for size in SIZES.into_iter().filter(|(files, ..)| args.is_empty() || args.contains(files)) {
        one_by_one(place.path(), size)?;
    }
    if args.is_empty() {
        stacked(place.path())?;
    }
    Ok(())
}

/// The median times of one side, in milliseconds.
#[derive(Default)]
struct Times {
    hand: Vec<f64>,
    durable: Vec<f64>,
    landing: Vec<f64>,
    ending: Vec<f64>,
    run: Vec<f64>,
}

fn one_by_one(place: &Path, (files, rounds, in_a_row): (usize, usize, usize)) -> io::Result<()> {
    let world = World::new(place, &format!("files-{files}"), files, rounds + 1 + 2 * in_a_row, "")?;
    let mut times = Times::default();
    // The first round warms caches up and counts for nobody.
    for round in 0..=rounds {
        let hand = world.by_hand(&format!("h{round:03}"), false)?;
        let (run, events) = world.specmake(&[&spec(round)])?;
        let durable = world.by_hand(&format!("d{round:03}"), true)?;
        if round == 0 {
            continue;
        }
        let (opened, done, landed) =
            (at(&events, "judged")?, at(&events, "stage-done")?, at(&events, "landed")?);
        times.hand.push(millis(hand));
        times.durable.push(millis(durable));
        times.landing.push(landed - opened);
        times.ending.push(landed - done);
        times.run.push(millis(run));
    }
    let (hand, durable) = (median(times.hand), median(times.durable));
    println!("{files} files: by hand {hand:.0} ms, and {durable:.0} ms if it is to outlive a power cut");
    for (title, of) in [("landing", times.landing), ("ending", times.ending), ("run", times.run)] {
        told(title, median(of), hand, durable);
    }
    let (mut many, mut hand, mut durable) = (Vec::new(), Vec::new(), Vec::new());
    for half in 0..2 {
        for (safe, times) in [(false, &mut hand), (true, &mut durable)] {
            for at in 0..in_a_row {
                times.push(millis(world.by_hand(&format!("r{safe}{half}{at:03}"), safe)?));
            }
        }
        let first = rounds + 1 + half * in_a_row;
        let specs: Vec<String> = (first..first + in_a_row).map(spec).collect();
        let specs: Vec<&str> = std::iter::once("-j1").chain(specs.iter().map(String::as_str)).collect();
        let (_, events) = world.specmake(&specs)?;
        many.push(
            (at(&events, "run-ended")? - at(&events, "judged")?)
                / f64::from(u32::try_from(in_a_row).unwrap_or(1)),
        );
    }
    told("of many", median(many), median(hand), median(durable));
    Ok(())
}

fn told(title: &str, time: f64, hand: f64, durable: f64) {
    println!(
        "  {title:8} {time:6.0} ms   {:5.2} of by hand   {:5.2} of as safe",
        time / hand,
        time / durable
    );
}

/// Lands the same specs at one batch size and at the other.
fn stacked(place: &Path) -> io::Result<()> {
    let (count, check) = STACKED;
    let mut times = Vec::new();
    for batch in [1, 8] {
        let land = format!("land {{ check {check:?}; batch {batch} }}\n");
        let world = World::new(place, &format!("batch-{batch}"), 500, count, &land)?;
        let (run, events) = world.specmake(&["-j8"])?;
        let landed = events.iter().filter(|event| event["event"] == "landed").count();
        if landed != count {
            return Err(io::Error::other(format!("{landed} of {count} specs landed")));
        }
        println!("{count} specs, check `{check}`, batch {batch}: {:.1} s", run.as_secs_f64());
        times.push(run.as_secs_f64());
    }
    println!("  batch 8 takes {:.2} of one by one", times[1] / times[0]);
    Ok(())
}

fn spec(at: usize) -> String {
    format!("s{at:03}")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    let middle = of.len() / 2;
    if of.len() % 2 == 1 { of[middle] } else { f64::midpoint(of[middle - 1], of[middle]) }
}

/// When the first event of a kind happened, in milliseconds.
fn at(events: &[Value], kind: &str) -> io::Result<f64> {
    let found = events.iter().find(|event| event["event"] == kind).and_then(|event| event["at"].as_f64());
    found.ok_or_else(|| io::Error::other(format!("no event `{kind}`")))
}

/// A repository with so many files and specs.
struct World {
    repo: PathBuf,
    home: PathBuf,
}

impl World {
    fn new(place: &Path, name: &str, files: usize, specs: usize, land: &str) -> io::Result<Self> {
        let (repo, home) = (place.join(name).join("repo"), place.join("home"));
        fs::create_dir_all(&repo)?;
        fs::create_dir_all(&home)?;
        let mut text = String::from(
            "project { pipeline \"one\" }\npipeline \"one\" {\n    stage \"write\" { run \"echo $SPECMAKE_SPEC > made-$SPECMAKE_SPEC.txt\" }\n}\n",
        );
        text.push_str(land);
        for at in 0..specs {
            let _ = writeln!(text, "spec {:?} \"A feature\"", spec(at));
        }
        fs::write(repo.join("Specfile"), text)?;
        for at in 0..files {
            let folder = repo.join(format!("src/d{:03}", at / 100));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("f{at:05}.txt")), format!("line of file {at}\n").repeat(20))?;
        }
        let world = Self { repo, home };
        world.git(&["init", "-q", "-b", "main"])?;
        world.git(&["config", "user.name", "bench"])?;
        world.git(&["config", "user.email", "bench@example.org"])?;
        // Neither side is to wait for a tidying up that git begins by itself.
        world.git(&["config", "gc.auto", "0"])?;
        world.git(&["config", "maintenance.auto", "false"])?;
        world.git(&["add", "--all"])?;
        world.git(&["commit", "-q", "-m", "start"])?;
        world.git(&["gc", "-q"])?;
        Ok(world)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.repo).env("HOME", &self.home).env_remove("XDG_CONFIG_HOME");
        command.stdin(Stdio::null());
        command
    }

    fn git(&self, args: &[&str]) -> io::Result<()> {
        let status = self.command("git").args(args).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("git {args:?} failed"))) }
    }

    fn by_hand(&self, name: &str, durable: bool) -> io::Result<Duration> {
        let mut script = self.command("sh");
        if durable {
            script.env("GIT_CONFIG_COUNT", "1");
            script.env("GIT_CONFIG_KEY_0", DURABLE.0).env("GIT_CONFIG_VALUE_0", DURABLE.1);
        }
        script.args(["-c", BY_HAND, "sh", name]).arg(&self.repo);
        let start = Instant::now();
        let status = script.status()?;
        let time = start.elapsed();
        if status.success() { Ok(time) } else { Err(io::Error::other("the script failed")) }
    }

    /// Runs specmake, and gives its events; that something failed is an error.
    fn specmake(&self, args: &[&str]) -> io::Result<(Duration, Vec<Value>)> {
        let mut command = self.command(env!("CARGO_BIN_EXE_specmake"));
        command.args(["--yes", "--format", "json"]).args(args);
        let start = Instant::now();
        let output = command.output()?;
        let time = start.elapsed();
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stdout).into_owned()));
        }
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let events: Result<Vec<Value>, _> = lines.map(serde_json::from_slice).collect();
        Ok((time, events.map_err(io::Error::other)?))
    }
}
