//! How long it takes until a worktree is ready, as a ratio to `git worktree add` of the same commit in the same repository
//! and run; and how long until one is gone, against `git worktree remove`.
//!
//! `cargo bench --bench worktrees` (500, 1,000, 20,000 and 200,000 files), `cargo bench --bench worktrees -- 20000` (one size),
//! `cargo bench --bench worktrees -- 20000 1` (measured so often).
//! Files of 120 bytes, a hundred in a folder; ten of them differ between one worktree and the next. With
//! `TMPDIR=/dev/shm` it measures git and specmake instead of the disk; 200,000 files take about 5 GB there.
//!
//! *anew* writes every file, as git does. *from a spare one* takes the files of a worktree that is not needed any more:
//! what shapes a checkout is held against what did then, every file against what was noted of it, and git writes what
//! differs. *with a cache* is the same beside a folder of 2,000 files that `keep` names: what lies in it is looked through
//! when it is put by, and moved. Where the disk shares blocks a build clones files of the main checkout; those here are too
//! small for that. A build keeps none in memory, where a file may change without a trace, and none of fewer files than
//! `sys::spare::WORTH`; this bench does, to tell what is gained. Most of what is left is stats (one a file) and an index
//! that git reads and writes whole.
#![expect(clippy::print_stdout, reason = "it is what a bench says")]

use specmake::sys::git::{Git, Oid};
use specmake::sys::spare::{Keep, Sparing, spares};
use specmake::sys::worktree::{Start, Worktree};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Files, and how often each is measured.
const SIZES: [(usize, usize); 4] = [(500, 15), (1_000, 15), (20_000, 7), (200_000, 2)];

/// Files of a cache.
const CACHE: usize = 2_000;

/// Files that differ between two worktrees.
const DIFFER: usize = 10;

fn main() -> Result<()> {
    let args: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load {}", load.split(' ').take(3).collect::<Vec<_>>().join(" "));
    for (files, rounds) in
        SIZES.into_iter().filter(|(files, _)| args.first().is_none_or(|only| only == files))
    {
        measure(files, args.get(1).copied().unwrap_or(rounds).max(1))?;
    }
    Ok(())
}

/// The times of each way, in milliseconds.
#[derive(Default)]
struct Times {
    by_git: Vec<f64>,
    anew: Vec<f64>,
    spare: Vec<f64>,
    removed_by_git: Vec<f64>,
    removed: Vec<f64>,
    put_by: Vec<f64>,
    cached: Vec<f64>,
    cached_put_by: Vec<f64>,
}

fn measure(files: usize, rounds: usize) -> Result<()> {
    // The first round warms caches up and counts for nobody; of many files it is a small part.
    let unheard = usize::from(files < 100_000);
    let all = rounds + unheard;
    let world = World::new(files, all)?;
    let mut times = Times::default();
    let none = Sparing::default();
    // However small it is, and wherever.
    let some = Sparing { most: 1, free: 0, worth: 0, any_disk: true, ..none };
    let keep = Keep::new(&["target".to_owned()], []);
    let keeping = Sparing { keep: Some(&keep), ..some };
    world.make("first", 0, some)?.retire(Some("spec/first"), some)?;
    for round in 0..all {
        let name = |way: &str| format!("{way}-{round}");
        let git_top = world.top.path().join(name("git"));
        let by_git = timed(|| {
            world.git(&[
                "worktree",
                "add",
                "-q",
                "-b",
                &name("git"),
                &path(&git_top),
                &world.commits[round].to_string(),
            ])
        })?;
        let removed_by_git = timed(|| world.git(&["worktree", "remove", &path(&git_top)]))?;
        let (mut anew, mut spare) = (None, None);
        let anew_took = timed(|| world.make(&name("anew"), round, none).map(|made| anew = Some(made)))?;
        let removed = timed(|| world.retire(anew.take(), &name("anew"), none))?;
        let spare_took = timed(|| world.make(&name("spare"), round, some).map(|made| spare = Some(made)))?;
        if !spares(&world.repo).is_empty() {
            return Err("the spare worktree was not used".into());
        }
        world.require_as_committed(&name("spare"), round)?;
        world.leave_cache(&name("spare"))?;
        let cached_put_by = timed(|| world.retire(spare.take(), &name("spare"), keeping))?;
        let took = timed(|| world.make(&name("cached"), round, keeping).map(|made| spare = Some(made)))?;
        if !world.place(&name("cached")).join("target").exists() {
            return Err("the cache was not kept".into());
        }
        fs::remove_dir_all(world.place(&name("cached")).join("target"))?;
        let put_by = timed(|| world.retire(spare.take(), &name("cached"), some))?;
        if round >= unheard {
            times.cached.push(took);
            times.cached_put_by.push(cached_put_by);
        }
        if round >= unheard {
            times.by_git.push(by_git);
            times.anew.push(anew_took);
            times.spare.push(spare_took);
            times.removed_by_git.push(removed_by_git);
            times.removed.push(removed);
            times.put_by.push(put_by);
        }
    }
    let (by_git, removed_by_git) = (median(times.by_git), median(times.removed_by_git));
    println!("{files} files, medians of {rounds}");
    let say = |what: &str, millis: f64, of: f64| println!("  {what:34} {millis:9.1} ms  {:5.2}", millis / of);
    say("git worktree add", by_git, by_git);
    say("anew", median(times.anew), by_git);
    say("from a spare one, 10 files differ", median(times.spare), by_git);
    say("from a spare one, with a cache", median(times.cached), by_git);
    say("git worktree remove", removed_by_git, removed_by_git);
    say("removed", median(times.removed), removed_by_git);
    say("removed, its files put by", median(times.put_by), removed_by_git);
    say("removed, its cache put by too", median(times.cached_put_by), removed_by_git);
    Ok(())
}

/// A repository with as many commits as there are rounds.
struct World {
    top: tempfile::TempDir,
    repo: Git,
    commits: Vec<Oid>,
}

impl World {
    fn new(files: usize, rounds: usize) -> Result<Self> {
        let top = tempfile::tempdir()?;
        let folder = top.path().join("repo");
        fs::create_dir(&folder)?;
        git(&folder, &["init", "-q", "-b", "main"])?;
        for (name, value) in [
            ("user.name", "A Person"),
            ("user.email", "person@example.invalid"),
            // git would tidy up by itself while something else is measured.
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
        ] {
            git(&folder, &["config", name, value])?;
        }
        let mut text = String::new();
        for file in 0..files {
            let place = folder.join(format!("d{}/e{}", file / 5_000, file / 100));
            if file % 100 == 0 {
                fs::create_dir_all(&place)?;
            }
            text.clear();
            let _ = writeln!(text, "{file:0>119}");
            fs::write(place.join(format!("f{file}.txt")), &text)?;
        }
        fs::write(folder.join(".gitignore"), "/target/\n")?;
        let mut commits = Vec::new();
        for round in 0..rounds {
            for file in 0..DIFFER {
                let file = (file * files / DIFFER + round) % files;
                let place = folder.join(format!("d{}/e{}/f{file}.txt", file / 5_000, file / 100));
                fs::write(place, format!("changed in round {round}\n"))?;
            }
            git(&folder, &["add", "-A"])?;
            git(&folder, &["commit", "-q", "-m", "more"])?;
            commits.push(Git::discover(&folder)?.head()?);
        }
        let repo = Git::discover(&folder)?;
        Ok(Self { top, repo, commits })
    }

    fn place(&self, name: &str) -> PathBuf {
        self.top.path().join("repo.worktrees").join(name)
    }

    fn make(&self, name: &str, round: usize, sparing: Sparing<'_>) -> Result<Worktree> {
        let branch = format!("spec/{name}");
        let start = Start::NewBranch { branch: &branch, commit: self.commits[round], mark: name };
        Ok(Worktree::add_sparing(&self.repo, &self.place(name), start, sparing)?)
    }

    fn retire(&self, worktree: Option<Worktree>, name: &str, sparing: Sparing<'_>) -> Result<()> {
        let stays = worktree.ok_or("no worktree")?.retire(Some(&format!("spec/{name}")), sparing)?;
        stays.stays().map_or(Ok(()), |why| Err(why.to_string().into()))
    }

    /// What a build leaves.
    fn leave_cache(&self, name: &str) -> Result<()> {
        for file in 0..CACHE {
            let folder = self.place(name).join(format!("target/debug/d{}", file / 100));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("f{file}")), "cached\n")?;
        }
        Ok(())
    }

    fn require_as_committed(&self, name: &str, round: usize) -> Result<()> {
        let place = self.place(name);
        let said = git(&place, &["status", "--porcelain", "--ignored"])?;
        let head = git(&place, &["rev-parse", "HEAD"])?;
        match said.is_empty() && head.trim() == self.commits[round].to_string() {
            true => Ok(()),
            false => Err(format!("`{name}` is not as it was committed: {said}").into()),
        }
    }

    fn git(&self, args: &[&str]) -> Result<()> {
        git(&self.top.path().join("repo"), args).map(drop)
    }
}

fn git(folder: &Path, args: &[&str]) -> Result<String> {
    let said = Command::new("git").current_dir(folder).args(args).stdin(Stdio::null()).output()?;
    if !said.status.success() {
        return Err(format!("git {args:?}: {}", String::from_utf8_lossy(&said.stderr)).into());
    }
    Ok(String::from_utf8(said.stdout)?)
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn timed(act: impl FnOnce() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    act()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
