//! The histories.
use crate::memory::Memory;
use crate::program::Program;
use crate::real::Real;
use crate::shape::shape;
use crate::step::story;
use crate::tale::Tale;
use crate::tally::Tally;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use std::io::Write as _;

/// How many are tried on git, and how many in memory, if nobody says otherwise.
const ON_GIT: u32 = 25;
const IN_MEMORY: u32 = 2_000;
/// In so many that may be so long, every kind of thing occurs.
const ENOUGH: (u32, usize) = (500, 30);

#[test]
fn the_program_runs_what_the_model_says() {
    tell::<Real>("on git", number("SPECMAKE_HISTORIES_ON_GIT").unwrap_or(ON_GIT), 10, 60);
}

#[test]
fn the_loop_runs_what_the_model_says() {
    tell::<Memory>("in memory", number("SPECMAKE_HISTORIES").unwrap_or(IN_MEMORY).div_ceil(2), 12, 1_000);
}

#[test]
fn the_loop_runs_what_the_model_says_of_long_stories() {
    tell::<Memory>(
        "in memory, long",
        number("SPECMAKE_HISTORIES").unwrap_or(IN_MEMORY).div_ceil(2),
        30,
        4_000,
    );
}

fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

/// Tells so many stories of at most so many steps; one that comes out wrong is made shorter in so many tries.
fn tell<P: Program>(place: &str, cases: u32, steps: usize, max_shrink_iters: u32) {
    let rng_seed = RngSeed::Fixed(number("SPECMAKE_SEED").unwrap_or(1).into());
    let config = Config { cases, max_shrink_iters, rng_seed, failure_persistence: None, ..Config::default() };
    let tally = Tally::default();
    let told = TestRunner::new(config).run(&(shape(), story(steps)), |(shape, story)| {
        let mut tale = Tale::<P>::new(shape, &tally);
        story.0.iter().for_each(|step| tale.step(step));
        Ok(())
    });
    if let Err(TestError::Fail(why, (shape, story))) = &told {
        panic!("{why}\nTest failed: minimal failing input:\n{shape:?}\n{story:?}\nsuccesses: none");
    }
    assert!(told.is_ok(), "{told:?}");
    let (table, missing) = tally.table();
    // Said even where the output of tests that pass is kept back.
    let _ = writeln!(std::io::stdout(), "{cases} histories {place}:\n{table}");
    let is_enough = cases >= ENOUGH.0 && steps >= ENOUGH.1;
    assert!(!is_enough || missing.is_empty(), "never occurred: {missing:?}");
}
