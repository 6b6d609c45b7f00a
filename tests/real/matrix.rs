//! Runs the cells, two at a time, and prints what came of each.
use crate::cases;
use crate::cell::{Came, Case};
use crate::cli::{self, Cli};
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
    cells(picked).into_iter().for_each(|cell| say(&format!("{}: test\n", name(cell))));
}

/// Runs the cells that are picked.
pub fn run(picked: &[String]) -> ExitCode {
    let versions: Vec<Option<String>> = cli::ALL.iter().map(Cli::version).collect();
    let cells = cells(picked);
    if cells.is_empty() {
        return ExitCode::SUCCESS;
    }
    let came = Mutex::new(vec![vec![Came::NotRun; cases::ALL.len()]; cli::ALL.len()]);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((agent, case)) = cells.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    let what = match versions[agent] {
                        Some(_) => one(&cli::ALL[agent], &cases::ALL[case]),
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
    let mut fine = came.iter().flatten().all(|came| *came != Came::Failed);
    for (cli, _) in cli::ALL.iter().zip(&came).filter(|(_, row)| row.contains(&Came::Missing)) {
        fine &= !required;
        let (package, how) = (cli.package, if required { "MISSING" } else { "skipped" });
        say(&format!("{how}: `{}` ({package}) is not installed; `.ci/run agents` installs it\n", cli.name));
    }
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(cli: &Cli, case: &Case) -> Came {
    let began = Instant::now();
    let came = match catch_unwind(AssertUnwindSafe(|| (case.run)(cli))) {
        Ok(()) => Came::Ok,
        Err(_) => Came::Failed,
    };
    let took = began.elapsed().as_secs_f64();
    say(&format!("{}/{} ... {} ({took:.1}s)\n", cli.name, case.name, came.word()));
    came
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
