//! What a stage costs when its agent does nothing, as a ratio to `make -j` running the same commands and to the script
//! that a person would write with git for the same isolation, on the same repository in the same run.
//!
//! `cargo bench --bench stages` (200 stages, then 2,000), `cargo bench --bench stages -- 200` (those), `-- -j8` (so many
//! at once and no other), `-- with`, `-- without`, `-- flood` (that part alone).
//!
//! *with worktrees* is specs of four stages each: a worktree, four commits and a landing for every four stages.
//! *without* is the same number of stages in twenty specs, so that hardly any worktree or landing is among them. By hand
//! it is, for each spec, `worktree add`, for each stage the command and `commit --allow-empty`, then `merge --no-ff`,
//! `worktree remove` and `branch -d`, as many specs at once as there are jobs, with a lock around what git cannot do at
//! once. The second time git is told to be as careful as specmake is (`core.fsync`), which is the fair one: a power
//! cut costs no stage. `make` has no worktrees, no commits, and remembers nothing. The repository has as many files
//! whatever the number of stages, so that what a stage costs may be compared; it should be the same.
//!
//! *flood* is 64 agents that print 10 MB/s together for ten seconds: how much memory the program takes at most, and
//! whether their logs have all of it.
//!
//! Found, by counting programs and with perf: three quarters of the time of a stage are gits, 2 to 3 ms each; the program
//! itself is a sixth, its keepers a twenty-fifth, what is recorded of the run less than a hundredth. So the number of
//! programs is what counts: it was twelve a stage and is six, two of them the agent and its keeper. A tree that git has
//! written down in the index is not written again, a merge of the same two commits is not made again, a configuration
//! that only differs in what is said of branches is not read again, and commits are written without a program. What is
//! left is a look for edits before a stage and one for its work after it, and, where others have landed meanwhile, the
//! merge of the base. Specs that were begun are finished first. Where landings lag behind, what waits for its landing
//! grows, and with it what git has to walk to find where two branches parted, and what lies between them: that was half
//! the time of 2,000 stages. Both are told from what the program knows of history; what has the same stat as when it was
//! read, among refs and worktrees, is not read again.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Stages in all, unless an argument says otherwise.
const STAGES: [usize; 2] = [200, 2_000];

/// Stages at once.
const JOBS: [usize; 2] = [2, 8];

/// Files in the repository: outputs of stages, and others beside them.
const FILES: usize = 2_500;

/// Agents that print all at once, what each says at a time, in bytes, and how often, half a second apart: 10 MB/s.
const FLOOD: (usize, usize, usize) = (64, 80_000, 20);

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
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let numbers = |prefix: &str, otherwise: &[usize]| -> Vec<usize> {
        let asked: Vec<usize> =
            args.iter().filter_map(|arg| arg.strip_prefix(prefix)?.parse().ok()).collect();
        if asked.is_empty() { otherwise.to_vec() } else { asked }
    };
    let (all, jobs) = (numbers("", &STAGES), numbers("-j", &JOBS));
    let parts: Vec<&str> =
        args.iter().map(String::as_str).filter(|arg| arg.starts_with(['w', 'f'])).collect();
    let is_meant = |part: &str| parts.is_empty() || parts.contains(&part);
    let place = tempfile::tempdir()?;
    for (part, title) in [("with", "with worktrees"), ("without", "without")] {
        for jobs in jobs.iter().copied().filter(|_| is_meant(part)) {
            let mut first = None;
            for stages in all.iter().map(|stages| stages.next_multiple_of(20)) {
                let specs = if part == "with" { stages / 4 } else { 20 };
                let shape = Shape { specs, each: stages / specs, jobs };
                println!("{title}: {specs} specs of {} stages, -j{jobs}", shape.each);
                let each = measure(&place.path().join(format!("{specs}-{stages}-{jobs}")), shape)?;
                let (fewer, before) = *first.get_or_insert((stages, each));
                if fewer != stages {
                    println!("  a stage costs {:.2} of what it does where there are {fewer}", each / before);
                }
            }
        }
    }
    if is_meant("flood") { flood(&place.path().join("flood")) } else { Ok(()) }
}

/// Agents that print all at once: the most memory that the program takes, and whether all that they say is kept.
fn flood(place: &Path) -> io::Result<()> {
    let (agents, bytes, times) = FLOOD;
    let repo = place.join("repo");
    for folder in ["home", "repo"] {
        fs::create_dir_all(place.join(folder))?;
    }
    let said = "a line of what an agent says, as long as such lines are: some eighty characters\n";
    fs::write(place.join("said"), &said.repeat(bytes / said.len() + 1)[..bytes])?;
    let said = place.join("said");
    let loud = format!("for at in $(seq {times}); do cat '{}'; sleep 0.5; done\n", said.display());
    fs::write(repo.join("loud.sh"), loud)?;
    let mut text = "project { pipeline \"loud\" }\nland off\nagent \"loud\" { command \"sh\" \"loud.sh\"; prompt \"stdin\" }\n\
                    pipeline \"loud\" { stage \"print\" { prompt \"Print.\"; output \"no/{spec}\" } }\n"
        .to_owned();
    for at in 0..agents {
        let _ = writeln!(text, "spec {:?} \"Prints\"", spec(at));
    }
    fs::write(repo.join("Specfile"), text)?;
    let world =
        World { place: place.to_owned(), repo, shape: Shape { specs: agents, each: 1, jobs: agents } };
    world.begin()?;
    let mut specmake = world.command(env!("CARGO_BIN_EXE_specmake"));
    // They owe an output and make none, so that each fails once and is over.
    let mut run = specmake.args(["--yes", "--retries", "0", "-j64"]).stderr(Stdio::null()).spawn()?;
    let (start, mut most) = (Instant::now(), 0);
    while run.try_wait()?.is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(peak.unwrap_or(0_u64));
        std::thread::sleep(Duration::from_millis(5));
    }
    let seconds = start.elapsed().as_secs_f64();
    let logs = world
        .command("find")
        .args([".specmake/logs", "-name", "print.1.log", "-size"])
        .arg(format!("{}c", bytes * times))
        .stdout(Stdio::piped())
        .output()?;
    let whole = String::from_utf8_lossy(&logs.stdout).lines().count();
    let megabytes = (agents * bytes * times) as f64 / 1e6;
    println!(
        "{agents} agents that print {megabytes:.0} MB in {seconds:.1} s: {} MB of memory, {whole} logs whole",
        most / 1024
    );
    if whole == agents { fs::remove_dir_all(place) } else { Err(io::Error::other("not all was kept")) }
}

/// So many specs of so many stages each, so many at once.
#[derive(Clone, Copy)]
struct Shape {
    specs: usize,
    each: usize,
    jobs: usize,
}

/// What a stage costs specmake, in milliseconds.
fn measure(place: &Path, shape: Shape) -> io::Result<f64> {
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
    fs::remove_dir_all(place)?;
    Ok(each(specmake))
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
        for at in 0..FILES.saturating_sub(shape.specs * shape.each) {
            let folder = repo.join(format!("src/d{:03}", at / 100));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("f{at:05}.txt")), format!("line of file {at}\n").repeat(20))?;
        }
        let world = Self { place: place.to_owned(), repo, shape };
        world.begin()?;
        Ok(world)
    }

    /// Makes a repository of what lies there.
    fn begin(&self) -> io::Result<()> {
        self.git(&["init", "-q", "-b", "main"])?;
        for (name, value) in [
            ("user.name", "bench"),
            ("user.email", "bench@example.org"),
            // Neither side is to wait for a tidying up that git begins by itself.
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
        ] {
            self.git(&["config", name, value])?;
        }
        self.git(&["add", "--all"])?;
        self.git(&["commit", "-q", "-m", "start"])?;
        self.git(&["gc", "-q"])
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
