//! How long it takes to stamp 10,000 files of inputs that were edited at once, as a ratio to `b3sum` on the same files
//! in the same run (`cargo install b3sum`; without it there is nothing to hold the time against).
//!
//! `cargo bench --bench hashing` (10,000 files), `cargo bench --bench hashing -- 1000` (fewer).
//!
//! Most files are of 1 to 64 KiB, four are of 32 MiB; all are lines of text that can hardly be compressed. *stamps* is
//! what a verdict asks for: the stamp of each, from the files as they lie, each held against the name that the commit has for
//! it. *from git* is where they lie in no checkout, or have been edited since, so that git has to give them. *-n* is the
//! whole of `specmake -n`, once they are committed, and before that, when git has to be given all of them first. *reads* is
//! opening, reading and closing each of them on all cores; then the same with a BLAKE3 of each, and with that and a SHA-1.
//!
//! Found: through git it is three to six times what `b3sum` needs, since each blob is inflated and comes through a pipe.
//! That a file is the blob is told by its SHA-1, which with the instructions for it that the processor has costs three times
//! as much as the stamp. The index could tell it for less, as it does git itself, but what it says of a file rests on
//! attributes and settings that may have been others when it was written. What is not committed yet has to become blobs
//! first, by one git; what it costs is deflating them and waiting for the disk, so for a look neither is done.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

use sha1::Digest as _;
use specmake::rebuild::{FileId, Trees};
use specmake::run::contents::Contents;
use specmake::sys::git::Git;
use std::fs;
use std::hint::black_box;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const FILES: usize = 10_000;
const SIZES: std::ops::RangeInclusive<usize> = 1_024..=65_536;
const BIG: (usize, usize) = (4, 32 << 20);
const ROUNDS: usize = 3;

const SPECFILE: &str = r#"project { pipeline "one" }
pipeline "one" { stage "read" { run "true"; input "data/**" } }
spec "reader" "Reads all of it"
"#;

fn main() -> io::Result<()> {
    let count = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(FILES);
    let place = tempfile::tempdir()?;
    let world = World::new(place.path(), count)?;
    let bytes = world.edit(1)?;
    println!("{count} files and {} big ones, {} MiB", BIG.0, bytes >> 20);
    let b3sum = best(|| world.b3sum()).inspect_err(|error| println!("no b3sum: {error}")).ok();
    let told = |title: &str, time: Duration| {
        let ratio = b3sum.map(|b3sum| format!("{:5.2} of b3sum", time.as_secs_f64() / b3sum.as_secs_f64()));
        println!("  {title:22} {:7.0} ms   {}", time.as_secs_f64() * 1000.0, ratio.unwrap_or_default());
    };
    if let Some(time) = b3sum {
        told("b3sum", time);
    }
    told("reads", best(|| world.read(|_| ()))?);
    told("reads, BLAKE3", best(|| world.read(|bytes| _ = black_box(blake3::hash(bytes))))?);
    let both = |bytes: &[u8]| _ = black_box((blake3::hash(bytes), sha1::Sha1::digest(bytes)));
    told("reads, BLAKE3, SHA-1", best(|| world.read(both))?);
    told("-n, not committed yet", world.dry_run()?);
    // What is committed in the second in which it was edited git itself looks at twice.
    std::thread::sleep(Duration::from_secs(4));
    world.git(&["commit", "-q", "-a", "-m", "edit"])?;
    told("-n, committed", world.dry_run()?);
    told("stamps", best(|| world.stamps())?);
    fs::rename(world.repo.join("data"), world.repo.join("away"))?;
    told("stamps, from git", best(|| world.stamps())?);
    Ok(())
}

fn best(what: impl Fn() -> io::Result<Duration>) -> io::Result<Duration> {
    let mut best = what()?;
    for _ in 1..ROUNDS {
        best = best.min(what()?);
    }
    Ok(best)
}

fn timed(command: &mut Command) -> io::Result<Duration> {
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    let time = start.elapsed();
    if status.success() { Ok(time) } else { Err(io::Error::other(format!("{command:?} failed"))) }
}

/// A repository with a spec that reads all of these files.
struct World {
    repo: PathBuf,
    home: PathBuf,
    files: Vec<(PathBuf, usize)>,
}

impl World {
    fn new(place: &Path, count: usize) -> io::Result<Self> {
        let (repo, home) = (place.join("repo"), place.join("home"));
        fs::create_dir_all(&home)?;
        let mut random = fastrand::Rng::with_seed(7);
        let mut files = Vec::new();
        for at in 0..count + BIG.0 {
            let folder = repo.join(format!("data/d{:03}", at / 100));
            fs::create_dir_all(&folder)?;
            let size = if at < count { random.usize(SIZES) } else { BIG.1 };
            files.push((folder.join(format!("f{at:05}")), size));
        }
        fs::write(repo.join("Specfile"), SPECFILE)?;
        let world = Self { repo, home, files };
        world.git(&["init", "-q", "-b", "main"])?;
        for (name, value) in [
            ("user.name", "bench"),
            ("user.email", "bench@example.org"),
            ("gc.auto", "0"),
            ("core.compression", "0"),
        ] {
            world.git(&["config", name, value])?;
        }
        world.edit(0)?;
        world.git(&["add", "--all"])?;
        world.git(&["commit", "-q", "-m", "start"])?;
        // So that there is a trace to hold the edits against.
        let mut specmake = world.command(env!("CARGO_BIN_EXE_specmake"));
        timed(specmake.arg("--yes").stderr(Stdio::null()))?;
        Ok(world)
    }

    /// Writes all files anew; how many bytes that is.
    fn edit(&self, seed: u64) -> io::Result<usize> {
        let mut random = fastrand::Rng::with_seed(seed);
        for (path, size) in &self.files {
            let mut bytes = vec![0; *size];
            random.fill(&mut bytes);
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = if at % 80 == 79 { b'\n' } else { b'0' + (*byte & 63) };
            }
            fs::write(path, bytes)?;
        }
        Ok(self.files.iter().map(|(_, size)| size).sum())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.repo).env("HOME", &self.home).env_remove("XDG_CONFIG_HOME");
        command
    }

    fn git(&self, args: &[&str]) -> io::Result<()> {
        timed(self.command("git").args(args)).map(drop)
    }

    fn b3sum(&self) -> io::Result<Duration> {
        timed(Command::new("b3sum").args(self.files.iter().map(|(path, _)| path)))
    }

    /// Reads each of them on all cores, and gives its bytes to `take`.
    fn read(&self, take: impl Fn(&[u8]) + Sync) -> io::Result<Duration> {
        let (start, next) = (Instant::now(), AtomicUsize::new(0));
        let work = || -> io::Result<()> {
            let mut bytes = Vec::new();
            while let Some((path, _)) = self.files.get(next.fetch_add(1, Ordering::Relaxed)) {
                bytes.clear();
                fs::File::open(path)?.read_to_end(&mut bytes)?;
                take(&bytes);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let cores = std::thread::available_parallelism()?.get();
            let others: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
            work()?;
            others
                .into_iter()
                .try_for_each(|other| other.join().map_err(|_| io::Error::other("a thread broke"))?)
        })?;
        Ok(start.elapsed())
    }

    fn dry_run(&self) -> io::Result<Duration> {
        timed(self.command(env!("CARGO_BIN_EXE_specmake")).arg("-n"))
    }

    fn stamps(&self) -> io::Result<Duration> {
        let git = Git::discover(&self.repo).map_err(io::Error::other)?;
        let head = git.head().map_err(io::Error::other)?;
        let contents = Contents::new(git);
        let tree = contents.tree(head).map_err(io::Error::other)?;
        let files: Vec<FileId> = tree.below("data").map(|(_, file)| *file).collect();
        let start = Instant::now();
        let stamps = contents.stamps(&files).map_err(io::Error::other)?;
        let time = start.elapsed();
        if stamps.len() == self.files.len() { Ok(time) } else { Err(io::Error::other("not all stamped")) }
    }
}
