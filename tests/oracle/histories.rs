//! The histories.
use crate::memory::Memory;
use crate::program::Program;
use crate::real::Real;
use crate::shape::{Shape, shape};
use crate::step::{Story, story};
use crate::tale::Tale;
use crate::tally::Tally;
use proptest::strategy::Strategy as _;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use std::io::Write as _;

/// How many are tried on git, and how many in memory, if nobody says otherwise.
const ON_GIT: u32 = 25;
const IN_MEMORY: u32 = 2_000;
/// In so many that may be so long, every kind of thing occurs.
const ENOUGH: (u32, usize) = (500, 30);

/// After so many that came out wrong, no more are looked for.
const MANY: usize = 5;

/// A sort of histories.
struct Sort {
    place: &'static str,
    count: u32,
    /// At most.
    steps: usize,
    /// In so many tries one that comes out wrong is made shorter.
    tries: u32,
}

#[test]
fn the_program_runs_what_the_model_says() {
    let count = number("SPECMAKE_HISTORIES_ON_GIT").unwrap_or(ON_GIT);
    tell::<Real>(&Sort { place: "on git", count, steps: 10, tries: 60 });
}

#[test]
fn the_loop_runs_what_the_model_says() {
    tell::<Memory>(&Sort { place: "in memory", count: half(), steps: 12, tries: 1_000 });
}

#[test]
fn the_loop_runs_what_the_model_says_of_long_stories() {
    tell::<Memory>(&Sort { place: "in memory, long", count: half(), steps: 30, tries: 4_000 });
}

fn half() -> u32 {
    number("SPECMAKE_HISTORIES").unwrap_or(IN_MEMORY).div_ceil(2)
}

fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

/// Tells all of a sort, and fails with those that came out wrong.
fn tell<P: Program>(sort: &Sort) {
    let &Sort { place, count, steps, .. } = sort;
    let first = number("SPECMAKE_FROM").unwrap_or(0);
    let tally = Tally::default();
    let mut wrong = Vec::new();
    for at in first..first.saturating_add(count) {
        if let Err(why) = tell_one::<P>(sort, at, &tally) {
            // Said at once, for who waits for the others.
            let _ = writeln!(std::io::stderr(), "{why}");
            wrong.push(why);
        }
        if wrong.len() == MANY {
            break;
        }
    }
    assert!(wrong.is_empty(), "{} came out wrong:\n{}", wrong.len(), wrong.join("\n"));
    let (table, missing) = tally.table();
    // Said even where the output of tests that pass is kept back.
    let _ = writeln!(std::io::stdout(), "{count} histories {place}:\n{table}");
    let is_enough = count >= ENOUGH.0 && steps >= ENOUGH.1;
    assert!(!is_enough || missing.is_empty(), "never occurred: {missing:?}");
}

/// Tells one history, the same for the same seed and number; what is wrong with it, if anything, and how short it can be.
fn tell_one<P: Program>(sort: &Sort, at: u32, tally: &Tally) -> Result<(), String> {
    let seed = number("SPECMAKE_SEED").unwrap_or(1);
    let config = Config {
        max_shrink_iters: sort.tries,
        rng_seed: RngSeed::Fixed(u64::from(seed) << 32 | u64::from(at)),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let drawn = (shape(), story(sort.steps)).new_tree(&mut runner);
    let drawn = drawn.map_err(|why| format!("history {at} cannot be drawn: {why}"))?;
    let told = runner.run_one(drawn, |(shape, story): (Shape, Story)| {
        let mut tale = Tale::<P>::new(shape, tally);
        story.0.iter().for_each(|step| tale.step(step));
        Ok(())
    });
    told.map(|_| ()).map_err(|why| match why {
        TestError::Fail(why, (shape, story)) => {
            format!("history {at} {}, seed {seed}: {why}\n{shape:?}\n{story:?}\n", sort.place)
        }
        TestError::Abort(why) => format!("history {at} {}: {why}", sort.place),
    })
}
