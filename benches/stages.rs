//! What a stage costs when its agent does nothing, as a ratio to `make -j` running the same commands and to the script
//! that a person would write with git for the same isolation, on the same repository in the same run.
//!
//! `cargo bench --bench stages` (2,000 stages each), `cargo bench --bench stages -- 200` (fewer).
//!
//! *with worktrees* is specs of four stages each: a worktree, four commits and a landing for every four stages.
//! *without* is the same number of stages in twenty specs, so that hardly any worktree or landing is among them. By hand
//! it is, for each spec, `worktree add`, for each stage the command and `commit --allow-empty`, then `merge --no-ff`,
//! `worktree remove` and `branch -d`, as many specs at once as there are jobs, with a lock around what git cannot do at
//! once. The second time git is told to be as careful as specmake is (`core.fsync`), which is the fair one: a power
//! cut costs no stage. `make` has no worktrees, no commits, and remembers nothing.
//!
//! Found, by counting programs and with perf: three quarters of the time of a stage are gits, 2 to 3 ms each; the program
//! itself is a sixth, its keepers a twenty-fifth, what is recorded of the run less than a hundredth. So the number of
//! programs is what counts: it was twelve a stage and is six, two of them the agent and its keeper. A tree that git has
//! written down in the index is not written again, a merge of the same two commits is not made again, a configuration
//! that only differs in what is said of branches is not read again, and commits are written without a program. What is
//! left is a look for edits before a stage and one for its work after it, and, where others have landed meanwhile, the
//! merge of the base. Specs that were begun are finished first: with all of them in progress at once each look at refs and
//! worktrees is a look at all of them, and 2,000 stages took five times as long by the stage as 200.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Stages in all, unless an argument says otherwise.
const STAGES: usize = 2_000;

/// Files in the repository beside those of the specs.
const FILES: usize = 500;

/// What specmake asks of git, so that a power cut costs nothing, and git by itself does not do.
const DURABLE: (&str, &str) = ("core.fsync", "committed,reference");

/// `$1` the spec, `$2` its number of stages, `$3` the repository, `$4` what they are called this time.
const BY_HAND: &str = r#"set -e
spec=$1-$4
cd "$3"
flock .git/by-hand git worktree add -q -b "hand/$spec" "../hand/$spec"
cd "../hand/$spec"
at=0
while [ "$at" -lt "$2" ]; do
    at=$((at + 1))
    true < /dev/null > "../../logs/$spec.$at" 2>&1
    git commit -q --allow-empty -m "$spec: stage $at"
done
cd "$3"
flock .git/by-hand git merge -q --no-ff -m "land $spec" "hand/$spec"
flock .git/by-hand git worktree remove "../hand/$spec"
flock .git/by-hand git branch -q -d "hand/$spec"
"#;

fn main() -> io::Result<()> {
    let stages =
        std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(STAGES).next_multiple_of(20);
    let place = tempfile::tempdir()?;
    for (title, specs) in [("with worktrees", stages / 4), ("without", 20)] {
        for jobs in [2, 8] {
            let shape = Shape { specs, each: stages / specs, jobs };
            println!("{title}: {specs} specs of {} stages, -j{jobs}", shape.each);
            measure(&place.path().join(format!("{specs}-{jobs}")), shape)?;
        }
    }
    Ok(())
}

/// So many specs of so many stages each, so many at once.
#[derive(Clone, Copy)]
struct Shape {
    specs: usize,
    each: usize,
    jobs: usize,
}

fn measure(place: &Path, shape: Shape) -> io::Result<()> {
    let world = World::new(place, shape)?;
    let make = world.make()?;
    let hand = world.by_hand("plain", false)?;
    let durable = world.by_hand("safe", true)?;
    // What was done by hand is taken as done; then all of it runs, `-B`.
    world.specmake(&["--yes"])?;
    let specmake = world.specmake(&["--yes", "-B"])?;
    world.require_all_landed()?;
    let stages = shape.specs * shape.each;
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / stages as f64;
    for (title, time) in
        [("make", make), ("by hand", hand), ("by hand, as safe", durable), ("specmake", specmake)]
    {
        println!(
            "  {title:17} {:7.1} s  {:7.2} ms a stage   specmake is {:6.2} of it",
            time.as_secs_f64(),
            each(time),
            specmake.as_secs_f64() / time.as_secs_f64()
        );
    }
    fs::remove_dir_all(place)
}

/// A repository with specs that are done, and a makefile with as many commands.
struct World {
    place: PathBuf,
    repo: PathBuf,
    shape: Shape,
}

fn spec(at: usize) -> String {
    format!("s{at:04}")
}

impl World {
    fn new(place: &Path, shape: Shape) -> io::Result<Self> {
        let repo = place.join("repo");
        for folder in ["home", "logs", "make/logs", "repo/done"] {
            fs::create_dir_all(place.join(folder))?;
        }
        let mut text =
            "project { pipeline \"nothing\" }\nagent \"idle\" { command \"true\"; prompt \"stdin\" }\n\
                        pipeline \"nothing\" {\n"
                .to_owned();
        for stage in 0..shape.each {
            let _ = writeln!(
                text,
                "    stage \"stage-{stage}\" {{ prompt \"Do nothing.\"; output \"done/{{spec}}.{stage}\" }}"
            );
        }
        text.push_str("}\n");
        let mut make = String::from(".PHONY: all\nall:");
        let mut rules = String::new();
        for at in 0..shape.specs {
            let _ = writeln!(text, "spec {:?} \"Nothing\"", spec(at));
            let mut before = String::new();
            for stage in 0..shape.each {
                let name = format!("{}.{stage}", spec(at));
                fs::write(repo.join("done").join(&name), &name)?;
                // Its output goes to a file, as an agent's does.
                let _ = write!(
                    rules,
                    ".PHONY: {name}\n{name}: {before}\n\t@true < /dev/null > logs/{name} 2>&1\n"
                );
                let _ = write!(make, " {name}");
                before = name;
            }
        }
        fs::write(place.join("make/Makefile"), format!("{make}\n{rules}"))?;
        fs::write(repo.join("Specfile"), text)?;
        for at in 0..FILES {
            let folder = repo.join(format!("src/d{:03}", at / 100));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("f{at:05}.txt")), format!("line of file {at}\n").repeat(20))?;
        }
        let world = Self { place: place.to_owned(), repo, shape };
        world.git(&["init", "-q", "-b", "main"])?;
        for (name, value) in [
            ("user.name", "bench"),
            ("user.email", "bench@example.org"),
            // Neither side is to wait for a tidying up that git begins by itself.
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
        ] {
            world.git(&["config", name, value])?;
        }
        world.git(&["add", "--all"])?;
        world.git(&["commit", "-q", "-m", "start"])?;
        world.git(&["gc", "-q"])?;
        Ok(world)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.repo).env("HOME", self.place.join("home"));
        command.env_remove("XDG_CONFIG_HOME").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn git(&self, args: &[&str]) -> io::Result<()> {
        timed(self.command("git").args(args)).map(drop)
    }

    fn make(&self) -> io::Result<Duration> {
        let mut make = self.command("make");
        timed(make.current_dir(self.place.join("make")).arg(format!("-j{}", self.shape.jobs)).arg("all"))
    }

    fn by_hand(&self, called: &str, durable: bool) -> io::Result<Duration> {
        let script = self.place.join("by-hand.sh");
        fs::write(&script, BY_HAND)?;
        let specs: String = (0..self.shape.specs).map(|at| spec(at) + "\n").collect();
        let list = self.place.join("specs");
        fs::write(&list, specs)?;
        let mut all = self.command("xargs");
        if durable {
            all.env("GIT_CONFIG_COUNT", "1");
            all.env("GIT_CONFIG_KEY_0", DURABLE.0).env("GIT_CONFIG_VALUE_0", DURABLE.1);
        }
        all.stdin(fs::File::open(list)?);
        all.args(["-P", &self.shape.jobs.to_string(), "-I{}", "sh"]).arg(script);
        all.args(["{}", &self.shape.each.to_string()]).arg(&self.repo).arg(called);
        timed(&mut all)
    }

    fn specmake(&self, args: &[&str]) -> io::Result<Duration> {
        let mut specmake = self.command(env!("CARGO_BIN_EXE_specmake"));
        timed(specmake.args(args).arg(format!("-j{}", self.shape.jobs)).stderr(Stdio::null()))
    }

    fn require_all_landed(&self) -> io::Result<()> {
        let log = self.command("git").args(["log", "--format=%s", "main"]).stdout(Stdio::piped()).output()?;
        let log = String::from_utf8_lossy(&log.stdout).into_owned();
        let ran = log.lines().filter(|line| line.contains(": stage-")).count();
        if ran == self.shape.specs * self.shape.each {
            return Ok(());
        }
        Err(io::Error::other(format!("only {ran} stages ran")))
    }
}

/// How long a command takes; that it fails is an error.
fn timed(command: &mut Command) -> io::Result<Duration> {
    let start = Instant::now();
    let status = command.status()?;
    let time = start.elapsed();
    if status.success() { Ok(time) } else { Err(io::Error::other(format!("{command:?} failed"))) }
}
