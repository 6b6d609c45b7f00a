//! The same finished graph three times: as a repository, for ninja and for make.
use specmake::base::Stamp;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

const PIPELINE: &str = r#"pipeline "four" {
    stage "plan" { prompt "Plan it."; input "specs/{spec}/spec.md"; output "specs/{spec}/plan.md" }
    stage "tasks" { prompt "List the tasks."; output "specs/{spec}/tasks.md" }
    stage "implement" { prompt "Do it."; tasks "specs/{spec}/tasks.md"; output "src/{spec}.txt" }
    stage "check" { run "true" }
}
agent "script" { command "./agent.sh"; prompt "stdin" }
project { pipeline "four" }
"#;

/// A graph of so many specs.
pub struct Graph {
    /// How many.
    pub specs: usize,
}

impl Graph {
    /// The files of all specs: one input and three outputs each.
    pub fn files(&self) -> impl Iterator<Item = String> {
        files(self.specs)
    }

    /// Makes a repository in which everything is done: by hand, or by commits with traces and merges.
    pub fn repository(&self, repo: &Path, traced: bool) -> io::Result<()> {
        make(repo, self.specs, traced)
    }

    /// Makes a `build.ninja`, and everything as a build would leave it, ninja's log of it too: a process for each of
    /// so many files takes longer than all that is measured.
    pub fn ninja(&self, folder: &Path) -> io::Result<()> {
        let mut text = String::from("rule make\n  command = touch $out\n");
        self.made(folder)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_nanos();
        let mut log = BufWriter::new(fs::File::create(folder.join(".ninja_log"))?);
        writeln!(log, "# ninja log v5")?;
        for output in (0..self.specs).flat_map(|at| of_spec(at).into_iter().skip(1)) {
            let hash = ninja_hash(format!("touch {output}").as_bytes());
            writeln!(log, "0\t1\t{now}\t{output}\t{hash:x}")?;
        }
        log.flush()?;
        for at in 0..self.specs {
            let spec = name(at);
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

    /// Makes a `Makefile`, and everything as a build would leave it.
    pub fn make(&self, folder: &Path) -> io::Result<()> {
        // On one line: to those of another, make adds by looking through all that it has.
        let mut text = String::from("all:");
        (0..self.specs).try_for_each(|at| write!(text, " {}.checked", name(at))).map_err(io::Error::other)?;
        text.push('\n');
        self.made(folder)?;
        for at in 0..self.specs {
            let spec = name(at);
            let need = needed(at).map(|need| format!(" {}.checked", name(need))).unwrap_or_default();
            let _ = write!(
                text,
                "specs/{spec}/plan.md: specs/{spec}/spec.md{need}\n\t@touch $@\n\
                 specs/{spec}/tasks.md: specs/{spec}/plan.md{need}\n\t@touch $@\n\
                 src/{spec}.txt: specs/{spec}/tasks.md{need}\n\t@touch $@\n\
                 {spec}.checked: src/{spec}.txt{need}\n\t@touch $@\n"
            );
        }
        fs::write(folder.join("Makefile"), text)
    }

    /// Every file, none older than what it is made from.
    fn made(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder.join("src"))?;
        for at in 0..self.specs {
            fs::create_dir_all(folder.join("specs").join(name(at)))?;
            of_spec(at).iter().try_for_each(|file| fs::write(folder.join(file), ""))?;
        }
        Ok(())
    }
}

/// The input of a spec and what is made from it, one after the other.
fn of_spec(at: usize) -> [String; 5] {
    let spec = name(at);
    [
        format!("specs/{spec}/spec.md"),
        format!("specs/{spec}/plan.md"),
        format!("specs/{spec}/tasks.md"),
        format!("src/{spec}.txt"),
        format!("{spec}.checked"),
    ]
}

/// By what ninja's log knows a command, up to its version 6: Austin Appleby's `MurmurHash64A`, which is in the public domain.
fn ninja_hash(bytes: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = 0xdeca_fbad_deca_fbad ^ (bytes.len() as u64).wrapping_mul(M);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)).wrapping_mul(M);
        hash = (hash ^ (word ^ word >> 47).wrapping_mul(M)).wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ word).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

/// The name of a spec.
pub fn name(at: usize) -> String {
    format!("s{at:06}")
}

/// The spec that a spec needs: one in ten needs another.
fn needed(at: usize) -> Option<usize> {
    (at % 10 == 9).then_some(at / 10)
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
    let import = |args: &[&str], all: &dyn Fn(&mut Import<BufWriter<ChildStdin>>) -> io::Result<()>| {
        let mut import = Command::new("git");
        import.arg("fast-import").args(args).arg("--quiet").current_dir(repo).stdin(Stdio::piped());
        feed(&mut import, |to| {
            let mut import = Import { to, marks: 0 };
            all(&mut import)?;
            import.to.flush()
        })
    };
    if traced {
        import(&[], &|import| import.history(specs))?;
        git(repo, &["reset", "-q", "--hard"])?;
        return git(repo, &["gc", "-q"]);
    }
    // To put a file into a tree, fast-import looks through the whole folder: it is only told what they hold.
    import(&["--export-marks=../marks"], &|import| {
        import.blob(&specfile(specs))?;
        import.blob(AGENT)?;
        files(specs).try_for_each(|file| import.blob(content(&file)))
    })?;
    let marks = fs::read_to_string(repo.join("../marks"))?;
    let mut names: Vec<(usize, &str)> = Vec::new();
    for mark in marks.lines().filter_map(|line| line.strip_prefix(':')?.split_once(' ')) {
        names.push((mark.0.parse().map_err(io::Error::other)?, mark.1));
    }
    names.sort_unstable();
    let paths = ["Specfile".to_owned(), "agent.sh".to_owned()].into_iter().chain(files(specs));
    let mut index = Command::new("git");
    index.args(["update-index", "--index-info"]).current_dir(repo).stdin(Stdio::piped());
    feed(&mut index, |mut to| {
        let mut entries = names.iter().zip(paths);
        entries.try_for_each(|((_, name), path)| writeln!(to, "100644 {name}\t{path}"))?;
        to.flush()
    })?;
    git(repo, &["commit", "-q", "-m", "start"])?;
    git(repo, &["reset", "-q", "--hard"])?;
    git(repo, &["pack-refs", "--all"])
}

const AGENT: &str = "#!/bin/sh\n";

fn specfile(specs: usize) -> String {
    let mut specfile = PIPELINE.to_owned();
    for at in 0..specs {
        let needs = needed(at).map(|need| format!(" {{ needs {:?} }}", name(need))).unwrap_or_default();
        let _ = writeln!(specfile, "spec {:?} \"A feature\"{needs}", name(at));
    }
    specfile
}

/// Runs a command that reads what it is told.
fn feed(command: &mut Command, tell: impl FnOnce(BufWriter<ChildStdin>) -> io::Result<()>) -> io::Result<()> {
    let mut child = command.spawn()?;
    let stdin = child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
    tell(BufWriter::new(stdin))?;
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?} failed"))) }
}

fn git(repo: &Path, args: &[&str]) -> io::Result<()> {
    let status = Command::new("git").args(args).current_dir(repo).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("git {args:?} failed"))) }
}

/// A stream of commits, or of contents.
struct Import<W> {
    to: W,
    marks: usize,
}

impl<W: Write> Import<W> {
    fn blob(&mut self, content: &str) -> io::Result<()> {
        self.marks += 1;
        writeln!(self.to, "blob\nmark :{}\ndata {}\n{content}", self.marks, content.len())
    }

    /// The landings of all specs, one after the other.
    fn history(&mut self, specs: usize) -> io::Result<()> {
        let start = self.commit("refs/heads/main", "start", &[])?;
        self.file("Specfile", &specfile(specs))?;
        self.file("agent.sh", AGENT)?;
        for file in files(specs).filter(|file| file.ends_with("/spec.md")) {
            self.file(&file, content(&file))?;
        }
        (0..specs).try_fold(start, |tip, spec| self.landed(spec, tip)).map(drop)
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
        self.marks += 1;
        let (mark, time) = (self.marks, 1_700_000_000 + self.marks);
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
