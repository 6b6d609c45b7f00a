//! Runs the cells, two at a time, and prints what came of each.
use crate::build;
use crate::cases;
use crate::cell::Came;
use crate::cli::{self, Cli};
use crate::profiles;
use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// Cells that run at once: some agents take 600 MB each, and some cells have two of them.
const AT_ONCE: usize = 2;

/// Set where a missing agent is a failure.
const REQUIRED: (&str, &str) = ("SPECMAKE_REAL", "required");

/// The cells that have one of these words in their names, `agent/case`; all without any.
fn cells(picked: &[String]) -> Vec<(usize, usize)> {
    let all = (0..cli::ALL.len()).flat_map(|agent| (0..cases::ALL.len()).map(move |case| (agent, case)));
    let is_picked = |cell: &(usize, usize)| {
        picked.is_empty() || picked.iter().any(|word| name(*cell).contains(word.as_str()))
    };
    all.filter(is_picked).collect()
}

fn name((agent, case): (usize, usize)) -> String {
    format!("{}/{}", cli::ALL[agent].name, cases::ALL[case].name)
}

/// Names the cells, as test programs do that are asked for a list.
pub fn list(picked: &[String]) {
    if is_whole(picked) {
        say(&format!("{WHOLE}: test\n"));
    }
    cells(picked).into_iter().for_each(|cell| say(&format!("{}: test\n", name(cell))));
}

/// Why an agent cannot be tried so.
fn without(agent: usize, case: usize) -> Option<&'static str> {
    let mut without = cli::ALL[agent].without.iter();
    without.find(|(name, _)| *name == cases::ALL[case].name).map(|(_, why)| *why)
}

/// What is no cell: a whole build by several agents.
const WHOLE: &str = "whole-build";

fn is_whole(picked: &[String]) -> bool {
    picked.is_empty() || picked.iter().any(|word| WHOLE.contains(word.as_str()))
}

/// Runs what is picked.
pub fn run(picked: &[String]) -> ExitCode {
    let versions: Vec<Option<String>> = cli::ALL.iter().map(Cli::version).collect();
    let cells = cells(picked);
    let whole = is_whole(picked).then(|| match build::agents().all(|cli| cli.version().is_some()) {
        true => timed(WHOLE, build::run),
        false => {
            say(&format!("{WHOLE} ... skipped: one of its agents is not installed\n"));
            Came::Missing
        }
    });
    if cells.is_empty() {
        return if whole == Some(Came::Failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let came = Mutex::new(vec![vec![Came::NotRun; cases::ALL.len()]; cli::ALL.len()]);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((agent, case)) = cells.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    let what = match versions[agent] {
                        Some(_) if without(agent, case).is_some() => Came::Without,
                        Some(_) => timed(&name((agent, case)), || (cases::ALL[case].run)(&cli::ALL[agent])),
                        None => Came::Missing,
                    };
                    came.lock().unwrap()[agent][case] = what;
                }
            });
        }
    });
    let came = came.into_inner().unwrap();
    say(&table(&versions, &came));
    let required = std::env::var(REQUIRED.0).is_ok_and(|value| value == REQUIRED.1);
    let mut fine = whole != Some(Came::Failed);
    fine &= came.iter().flatten().all(|came| *came != Came::Failed);
    for (cli, _) in cli::ALL.iter().zip(&came).filter(|(_, row)| row.contains(&Came::Missing)) {
        // Only profiles that claim something have to be held to it.
        let must = required && profiles::verified(cli.name).is_some();
        fine &= !must;
        let (package, how) = (cli.package, if must { "MISSING" } else { "skipped" });
        say(&format!("{how}: `{}` ({package}) is not installed; see `.ci/run agents`\n", cli.name));
    }
    if picked.is_empty() {
        for (agent, row) in came.iter().enumerate() {
            let Some(version) = &versions[agent] else { continue };
            if let Some(problem) = disagreement(&cli::ALL[agent], version, row) {
                fine = false;
                say(&problem);
            }
        }
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn timed(name: &str, run: impl FnOnce()) -> Came {
    let began = Instant::now();
    let came = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(()) => Came::Ok,
        Err(_) => Came::Failed,
    };
    let took = began.elapsed().as_secs_f64();
    say(&format!("{name} ... {} ({took:.1}s)\n", came.word()));
    came
}

/// What its profile says of an agent and is not so, if anything.
fn disagreement(cli: &Cli, version: &str, row: &[Came]) -> Option<String> {
    let seen = cases::ALL.iter().zip(row).filter(|(_, came)| **came == Came::Ok);
    let seen: Vec<String> = seen.map(|(case, _)| case.name.to_owned()).collect();
    let seen = Some((format!("{} {version}", cli.package), seen));
    let said = profiles::verified(cli.name);
    (said.is_some() && said != seen)
        .then(|| format!("the profile of `{}` says {said:?}, and it is {seen:?}\n", cli.name))
}

/// The matrix as text.
fn table(versions: &[Option<String>], came: &[Vec<Came>]) -> String {
    let mut text = String::from("\nagent                    ");
    for case in cases::ALL {
        let _ = write!(text, " {:<8}", case.name);
    }
    text.push('\n');
    for ((cli, version), row) in cli::ALL.iter().zip(versions).zip(came) {
        let version = version.as_deref().unwrap_or("not here");
        let _ = write!(text, "{:<25}", format!("{} {version}", cli.name));
        for came in row {
            let _ = write!(text, " {:<8}", came.word());
        }
        text.push('\n');
    }
    for cli in cli::ALL {
        for (case, why) in cli.without {
            let _ = writeln!(text, "n/a: {} {case}: {why}", cli.name);
        }
    }
    text.push_str("\nwhat each shows:\n");
    for case in cases::ALL {
        let _ = writeln!(text, "  {:<8} {}", case.name, case.shows);
    }
    text
}

/// Prints at once.
pub fn say(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
