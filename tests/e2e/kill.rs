//! Killed at any point: a run of twelve specs is ended with SIGKILL at a point that a seed chooses, and run again
//! to its end. What was finished stays finished, what is the user's stays the user's, and nothing is left.
//!
//! `SPECMAKE_KILLS=3000 cargo test --test e2e -- kill::` tries as many seeds: 40 if it is not set, 300 in
//! `.ci/run`. `SPECMAKE_KILL_SEED=17` tries that one alone.
mod garden;
mod point;

use garden::Garden;
use point::Point;
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::catch_unwind;
use std::sync::OnceLock;

/// How many seeds are tried if nobody says otherwise.
const SEEDS: u64 = 40;

/// Each so-manyth in a repository in which files of worktrees are kept.
const LARGE: u64 = 5;

/// How many tests share them.
const SHARES: u64 = 4;

/// Kills a build at one point and lets the next one finish it. Whether the point was met.
fn kill_at(seed: u64) -> (Point, bool) {
    let mut garden = if seed.is_multiple_of(LARGE) { Garden::large() } else { Garden::new() };
    let mut random = fastrand::Rng::with_seed(seed);
    let point = Point::chosen(&mut random, calls());
    let before = garden.mine();
    let killed = garden.killed_at(&point);
    let here = format!("seed {seed}: {point:?}\n{killed}");
    let done = garden.finished();
    assert_eq!(garden.mine(), before, "{here}");

    let next = garden.world.run(["-j4"]);
    let here = format!("{here}\n{next}");
    assert_eq!(next.code, 0, "{here}");
    let again: Vec<&String> = next.calls.iter().filter(|call| done.contains(*call)).collect();
    assert!(again.is_empty(), "ran again: {again:?}\n{here}");
    assert_eq!(garden.mine(), before, "{here}");
    garden.is_tidy(&here);
    let third = garden.world.run(["-j4"]);
    assert_eq!((third.code, &third.calls), (0, &vec![]), "{here}\n{third}");
    (point, killed.code == 137)
}

/// The git calls of a run that nobody kills, in order.
fn calls() -> &'static [String] {
    static CALLS: OnceLock<Vec<String>> = OnceLock::new();
    CALLS.get_or_init(|| {
        let mut garden = Garden::new();
        let whole = garden.recorded();
        assert_eq!(whole.code, 0, "{whole}");
        garden.is_tidy(&whole.to_string());
        garden.gits()
    })
}

/// This share of all seeds.
fn share(of: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let only = number("SPECMAKE_KILL_SEED");
    let seeds = match only {
        Some(seed) => seed..seed + 1,
        None => 0..number("SPECMAKE_KILLS").unwrap_or(SEEDS),
    };
    let mut met: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut failed = Vec::new();
    for seed in seeds.filter(|seed| seed % SHARES == of) {
        // One that fails must not hide the others.
        let Ok((point, killed)) = catch_unwind(|| kill_at(seed)) else {
            failed.push(seed);
            continue;
        };
        let (hit, all) = met.entry(point.kind()).or_default();
        *hit += u32::from(killed);
        *all += 1;
    }
    let (hit, all) = met.values().fold((0, 0), |(a, b), (hit, all)| (a + hit, b + all));
    // Past the capture of tests that pass: how much was really tried is to be seen.
    let _ = writeln!(std::io::stderr().lock(), "killed {hit} of {all} runs: {met:?}");
    assert!(failed.is_empty(), "seeds {failed:?}");
    // No two runs are the same: some end before their point comes.
    assert!(all < 10 || hit * 4 >= all * 3, "too many runs were never killed: {met:?}");
}

#[test]
fn a_quarter() {
    share(0);
}

#[test]
fn another_quarter() {
    share(1);
}

#[test]
fn a_third_quarter() {
    share(2);
}

#[test]
fn the_last_quarter() {
    share(3);
}
