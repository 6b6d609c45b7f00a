//! The histories.
use crate::memory::Memory;
use crate::program::Program;
use crate::real::Real;
use crate::shape::{Shape, shape};
use crate::step::{Story, story};
use crate::tale::Tale;
use proptest::prelude::{ProptestConfig, proptest};
use proptest::test_runner::RngSeed;

/// How many are tried on git, and how many in memory, if nobody says otherwise.
const ON_GIT: u32 = 25;
const IN_MEMORY: u32 = 1_000;

fn tried(name: &str, usual: u32, shares: u32) -> ProptestConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u32>().ok());
    let cases = number(name).unwrap_or(usual).div_ceil(shares);
    let rng_seed = RngSeed::Fixed(number("SPECMAKE_SEED").unwrap_or(1).into());
    let max_shrink_iters = if usual == ON_GIT { 60 } else { 500 };
    ProptestConfig {
        cases,
        max_shrink_iters,
        rng_seed,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(tried("SPECMAKE_HISTORIES_ON_GIT", ON_GIT, 1))]

    #[test]
    fn the_program_runs_what_the_model_says(shape in shape(), story in story(10)) {
        tell::<Real>(shape, &story);
    }
}

proptest! {
    #![proptest_config(tried("SPECMAKE_HISTORIES", IN_MEMORY, 2))]

    #[test]
    fn the_loop_runs_what_the_model_says(shape in shape(), story in story(12)) {
        tell::<Memory>(shape, &story);
    }

    #[test]
    fn the_loop_runs_what_the_model_says_of_long_stories(shape in shape(), story in story(30)) {
        tell::<Memory>(shape, &story);
    }
}

fn tell<P: Program>(shape: Shape, story: &Story) {
    let mut tale = Tale::<P>::new(shape);
    story.0.iter().for_each(|step| tale.step(step));
}
