//! Random histories held against a model of what makes a stage out of date, which remembers whole trees and who wrote
//! what, and shares no code with the program: in memory the planner, the loop and the verdicts, and, fewer of them, the
//! program as it is on real git. Each prints how often each kind of graph, deed and outcome occurred, and fails if one
//! of them never did.
//!
//! `SPECMAKE_HISTORIES` are tried in memory (2,000 if it is not set), `SPECMAKE_HISTORIES_ON_GIT` on git (25),
//! from `SPECMAKE_SEED` (1). A hundred thousand: `SPECMAKE_HISTORIES=100000 cargo test --release --test oracle the_loop`.
//! What fails is shrunk to a short story that still does.
#![expect(clippy::unwrap_used, reason = "a world that cannot be built is a failed test")]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../e2e/outcome.rs"]
mod outcome;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../e2e/running.rs"]
mod running;
#[path = "../e2e/scripts.rs"]
mod scripts;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "../e2e/world.rs"]
mod world;

mod histories;
mod memory;
mod model;
mod plan;
mod program;
mod real;
mod shape;
mod step;
mod stories;
mod tale;
mod tally;
mod verdict;
