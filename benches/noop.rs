//! How long it takes to find that there is nothing to do, as a ratio to ninja's time for the same graph on the same
//! machine; where there is no ninja, to that of looking at the same files once.
//!
//! `cargo bench` (10,000 specs), `cargo bench -- 1000` (fewer), `cargo bench -- 1000 FOLDER` (and keeps what it made).
//!
//! Each spec has four stages, one input, three outputs and a need; all of them are finished, by hand in `adopted`,
//! and by commits with traces and merges in `traced`.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

use specmake::base::Stamp;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PIPELINE: &str = r#"pipeline "four" {
    stage "plan" { prompt "Plan it."; input "specs/{spec}/spec.md"; output "specs/{spec}/plan.md" }
    stage "tasks" { prompt "List the tasks."; output "specs/{spec}/tasks.md" }
    stage "implement" { prompt "Do it."; tasks "specs/{spec}/tasks.md"; output "src/{spec}.txt" }
    stage "check" { run "true" }
}
agent "script" { command "./agent.sh"; prompt "stdin" }
project { pipeline "four" }
"#;

/// The commands that find nothing to do.
const COMMANDS: [(&str, &[&str]); 4] =
    [("specmake", &[]), ("specmake -n", &["-n"]), ("specmake -q", &["-q"]), ("specmake status", &["status"])];

const ROUNDS: usize = 5;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let specs = args.next().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let kept = args.next().map(PathBuf::from);
    let place = tempfile::tempdir()?;
    let top = kept.unwrap_or_else(|| place.path().to_owned());
    for (name, traced) in [("adopted", false), ("traced", true)] {
        let repo = top.join(name);
        if !repo.exists() {
            make(&repo, specs, traced)?;
        }
        let floor = floor(&repo, specs)?;
        println!("{specs} specs, {name}: the floor ({}) is {:.0} ms", floor.0, millis(floor.1));
        let home = top.join("home");
        fs::create_dir_all(&home)?;
        let first = timed(|| specmake(&repo, &home, &["--yes"]))?;
        println!("  {:16} {:6.0} ms", "the first time", millis(first));
        for (title, args) in COMMANDS {
            let best = best(|| specmake(&repo, &home, args))?;
            let ratio = best.as_secs_f64() / floor.1.as_secs_f64();
            println!("  {title:16} {:6.0} ms   {ratio:5.2} of the floor", millis(best));
        }
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn best(mut what: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(timed(&mut what)?);
    }
    Ok(best)
}

fn timed(mut what: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    let start = Instant::now();
    what()?;
    Ok(start.elapsed())
}

/// Runs specmake; that it found something to do is an error.
fn specmake(repo: &Path, home: &Path, args: &[&str]) -> io::Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_specmake"));
    command.args(args).current_dir(repo).env("HOME", home).env_remove("XDG_CONFIG_HOME");
    let output = command.stdin(Stdio::null()).output()?;
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(io::Error::other(said));
    }
    Ok(())
}

/// What the same graph costs at least: ninja's time, or that of a look at each file.
fn floor(repo: &Path, specs: usize) -> io::Result<(&'static str, Duration)> {
    let has_ninja = Command::new("ninja").arg("--version").output().is_ok();
    if !has_ninja {
        let look = || files(specs).try_for_each(|file| fs::metadata(repo.join(file)).map(drop));
        return Ok(("a look at each file", best(look)?));
    }
    let folder = repo.with_extension("ninja");
    if !folder.exists() {
        make_ninja(&folder, specs)?;
        ninja(&folder)?;
    }
    Ok(("ninja", best(|| ninja(&folder))?))
}

fn ninja(folder: &Path) -> io::Result<()> {
    let output = Command::new("ninja").current_dir(folder).output()?;
    if output.status.success() { Ok(()) } else { Err(io::Error::other("ninja failed")) }
}

fn make_ninja(folder: &Path, specs: usize) -> io::Result<()> {
    let mut text = String::from("rule make\n  command = touch $out\n");
    for at in 0..specs {
        let spec = name(at);
        fs::create_dir_all(folder.join("specs").join(&spec))?;
        fs::write(folder.join(format!("specs/{spec}/spec.md")), "")?;
        let need = needed(at).map(|need| format!(" {}.checked", name(need))).unwrap_or_default();
        let _ = write!(
            text,
            "build specs/{spec}/plan.md: make specs/{spec}/spec.md{need}\n\
             build specs/{spec}/tasks.md: make specs/{spec}/plan.md{need}\n\
             build src/{spec}.txt: make specs/{spec}/tasks.md{need}\n\
             build {spec}.checked: make src/{spec}.txt{need}\n"
        );
    }
    fs::write(folder.join("build.ninja"), text)
}

fn name(at: usize) -> String {
    format!("s{at:05}")
}

/// The spec that a spec needs: a tree with ten branches at each node.
fn needed(at: usize) -> Option<usize> {
    (at > 0).then_some(at / 10)
}

fn files(specs: usize) -> impl Iterator<Item = String> {
    (0..specs).map(name).flat_map(|spec| {
        let of_folder = ["spec.md", "plan.md", "tasks.md"].map(|file| format!("specs/{spec}/{file}"));
        of_folder.into_iter().chain([format!("src/{spec}.txt")])
    })
}

/// Makes a repository with a finished graph.
fn make(repo: &Path, specs: usize, traced: bool) -> io::Result<()> {
    fs::create_dir_all(repo)?;
    git(repo, &["init", "-q", "-b", "main"])?;
    git(repo, &["config", "user.name", "bench"])?;
    git(repo, &["config", "user.email", "bench@example.org"])?;
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet"]).current_dir(repo).stdin(Stdio::piped());
    let mut child = import.spawn()?;
    let stdin = child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
    let mut import = Import { to: BufWriter::new(stdin), commits: 0 };
    import.all(specs, traced)?;
    import.to.flush()?;
    drop(import);
    if !child.wait()?.success() {
        return Err(io::Error::other("fast-import failed"));
    }
    git(repo, &["reset", "-q", "--hard"])?;
    git(repo, &["gc", "-q"])
}

fn git(repo: &Path, args: &[&str]) -> io::Result<()> {
    let status = Command::new("git").args(args).current_dir(repo).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("git {args:?} failed"))) }
}

/// A stream of commits.
struct Import<W> {
    to: W,
    commits: usize,
}

impl<W: Write> Import<W> {
    fn all(&mut self, specs: usize, traced: bool) -> io::Result<()> {
        let mut specfile = PIPELINE.to_owned();
        for at in 0..specs {
            let needs = needed(at).map(|need| format!(" {{ needs {:?} }}", name(need))).unwrap_or_default();
            let _ = writeln!(specfile, "spec {:?} \"A feature\"{needs}", name(at));
        }
        let start = self.commit("refs/heads/main", "start", &[])?;
        self.file("Specfile", &specfile)?;
        self.file("agent.sh", "#!/bin/sh\n")?;
        for file in files(specs).filter(|file| !traced || file.ends_with("/spec.md")) {
            self.file(&file, content(&file))?;
        }
        let mut tip = start;
        for spec in (0..specs).filter(|_| traced) {
            tip = self.landed(spec, tip)?;
        }
        Ok(())
    }

    /// A spec's four stages on its branch, and its landing.
    fn landed(&mut self, at: usize, base: usize) -> io::Result<usize> {
        let spec = name(at);
        let any = Stamp::of(b"any");
        let need = needed(at).map(|need| format!(" need:{}={any}", name(need))).unwrap_or_default();
        let text = |text: &str| Stamp::of(text.as_bytes());
        let stages = [
            (
                "plan",
                format!(
                    "description={} prompt={} input:specs/{{spec}}/spec.md={any}",
                    text("A feature"),
                    text("Plan it.")
                ),
                Some(format!("specs/{spec}/plan.md")),
            ),
            (
                "tasks",
                format!("prompt={} output:specs/{{spec}}/plan.md={any}", text("List the tasks.")),
                Some(format!("specs/{spec}/tasks.md")),
            ),
            (
                "implement",
                format!("prompt={} input:specs/{{spec}}/tasks.md={any}", text("Do it.")),
                Some(format!("src/{spec}.txt")),
            ),
            ("check", format!("run={} output:src/{{spec}}.txt={any}", text("true")), None),
        ];
        let mut tip = base;
        for (stage, ingredients, output) in stages {
            let trailer = format!("Specmake-Trace: v1 {spec} {stage} how=ran {ingredients}{need}");
            tip = self.commit("refs/heads/side", &format!("{spec}: {stage}\n\n{trailer}"), &[tip])?;
            if let Some(file) = output {
                self.file(&file, content(&file))?;
            }
        }
        let message = format!("land {spec}\n\nSpecmake-Trace: v1 {spec} land how=ran result={any}");
        let landing = self.commit("refs/heads/main", &message, &[base, tip])?;
        for file in files(at + 1).skip(at * 4) {
            self.file(&file, content(&file))?;
        }
        writeln!(self.to, "reset refs/heads/side\nfrom 0000000000000000000000000000000000000000\n")?;
        Ok(landing)
    }

    fn commit(&mut self, branch: &str, message: &str, parents: &[usize]) -> io::Result<usize> {
        self.commits += 1;
        let (mark, time) = (self.commits, 1_700_000_000 + self.commits);
        write!(
            self.to,
            "commit {branch}\nmark :{mark}\ncommitter bench <bench@example.org> {time} +0000\ndata {}\n{message}\n",
            message.len()
        )?;
        for (at, parent) in parents.iter().enumerate() {
            writeln!(self.to, "{} :{parent}", if at == 0 { "from" } else { "merge" })?;
        }
        Ok(mark)
    }

    fn file(&mut self, path: &str, content: &str) -> io::Result<()> {
        write!(self.to, "M 100644 inline {path}\ndata {}\n{content}\n", content.len())
    }
}

fn content(path: &str) -> &str {
    if path.ends_with("tasks.md") { "- [x] T001 Do it\n" } else { path }
}
