//! Real coding agents, driven through the real program on real git, against a model that plays scripts.
//!
//! `.ci/run` installs them below `target/agents`, at the versions that it pins. One that is not there is skipped, by
//! name; with `SPECMAKE_REAL=required` that is a failure. An argument picks cells whose name `agent/case` has it.
//! The matrix of what was run, agent by case, is printed at the end; a cell is `ok` only if it ran now.
#![expect(clippy::unwrap_used, reason = "a world that cannot be built is a failed test")]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../model/mod.rs"]
mod model;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../e2e/outcome.rs"]
mod outcome;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../profiles/mod.rs"]
mod profiles;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../e2e/running.rs"]
mod running;
#[path = "../e2e/scripts.rs"]
mod scripts;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../e2e/world.rs"]
mod world;

mod bench;
mod build;
mod cases;
mod cell;
mod cli;
mod matrix;
mod readme;

use std::process::ExitCode;

fn main() -> ExitCode {
    let (flags, picked): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with('-'));
    if flags.iter().any(|flag| flag == "--list") {
        matrix::list(&picked);
        return ExitCode::SUCCESS;
    }
    // Where it happened is enough: what a cell says when it fails has the whole run in it.
    std::panic::set_hook(Box::new(|info| matrix::say(&format!("\n{info}\n"))));
    matrix::run(&picked)
}
