//! Where a run is killed, chosen by a seed.
use super::garden::{FILES, SPECS};
use crate::world::World;
use fastrand::Rng;
use std::fs;

/// A point, and what becomes of what the run had started.
#[derive(Debug)]
pub struct Point {
    pub way: Way,
    pub after: After,
    kind: &'static str,
}

/// How the point is found.
#[derive(Debug)]
pub enum Way {
    /// At the nth call of git that is like this; the loop of the one who waits takes so many rounds.
    Call { like: &'static str, nth: usize, how: &'static str, spin: u32 },
    /// As soon as all of these have been seen, one after the other.
    Sight(Vec<Sight>),
}

/// What can be seen from outside.
#[derive(Debug)]
pub enum Sight {
    /// A path of the world is there.
    There(String),
    /// It is not.
    Gone(String),
    /// A file's bytes are others than when this was first asked.
    Changed(String),
}

/// Who lives on after the run is dead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum After {
    /// Agents and gits that were running.
    Orphans,
    /// Nobody, as when the machine dies.
    Nobody,
    /// Nobody, and all files are copies, as when the disk goes into another machine.
    Copies,
}

/// Calls of git that are worth a visit, by name.
const LIKE: [(&str, &str); 9] = [
    ("any call", "*"),
    ("a worktree is filled", "* read-tree *"),
    ("the checkout is looked at", "* status *"),
    ("refs", "* update-ref *"),
    ("compare-and-swap", "* update-ref *specmake: land *"),
    ("sync", "* checkout-index *"),
    ("a stage is kept", "* add --all *"),
    ("what is kept is asked for", "* check-ignore *"),
    ("config", "* config *"),
];

/// The ways to be killed at a call.
const HOW: [&str; 5] = ["before", "during", "after", "later", "both"];

/// Rounds that a shell takes in a few milliseconds.
const ROUNDS: u32 = 12_000;

impl Point {
    /// A point of a run that makes these calls.
    pub fn chosen(random: &mut Rng, calls: &[String]) -> Self {
        let after = match random.u8(..6) {
            0 | 1 => After::Nobody,
            2 => After::Copies,
            _ => After::Orphans,
        };
        if random.u8(..3) == 0 {
            let (kind, sights) = sight(random);
            return Self { way: Way::Sight(sights), after, kind };
        }
        let (kind, like) = LIKE[random.usize(..LIKE.len())];
        let word = like.trim_matches(['*', ' ']);
        let (first, last) = word.split_once('*').unwrap_or((word, ""));
        let count = calls.iter().filter(|call| call.contains(first) && call.contains(last)).count();
        assert!(count > 0, "no call is like `{like}`");
        let how = HOW[random.usize(..HOW.len())];
        // How many there are differs from run to run: specs may land one by one or several at once.
        let nth = 1 + random.usize(..(count * 3).div_ceil(4));
        let way = Way::Call { like, nth, how, spin: random.u32(..ROUNDS) };
        Self { way, after, kind }
    }

    /// What kind of point it is.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

fn sight(random: &mut Rng) -> (&'static str, Vec<Sight>) {
    let spec = SPECS[random.usize(..SPECS.len())];
    let other = SPECS[random.usize(..SPECS.len())];
    let file = FILES[random.usize(..FILES.len())];
    let there = |path: String| Sight::There(path);
    let branch = format!("repo/.git/refs/heads/spec/{spec}");
    let landed = |spec: &str| there(format!("repo/out/{spec}/1.txt"));
    let registered = format!("repo/.git/worktrees/{spec}");
    match random.u8(..18) {
        0 => ("its branch appears", vec![there(branch)]),
        1 => ("its worktree appears", vec![there(format!("repo.worktrees/{spec}"))]),
        2 => ("its worktree fills", vec![there(format!("repo.worktrees/{spec}/{}", "README.txt"))]),
        3 => ("an attempt begins", vec![there(format!("repo/.git/refs/specmake/start/{spec}/draft"))]),
        4 => ("an attempt ends", {
            let start = format!("repo/.git/refs/specmake/start/{spec}/build");
            vec![there(start.clone()), Sight::Gone(start)]
        }),
        5 => ("its branch moves", vec![there(branch.clone()), Sight::Changed(branch)]),
        6 => ("the base is locked", vec![landed(other), there("repo/.git/refs/heads/main.lock".into())]),
        7 => ("the checkout is locked", vec![landed(other), there("repo/.git/index.lock".into())]),
        8 => ("a move is noted", vec![landed(other), there("repo/.git/specmake/move.journal".into())]),
        9 => ("files are written", vec![there(format!("repo/out/{spec}/{file}"))]),
        10 => ("the base moves", vec![landed(other), Sight::Changed("repo/.git/refs/heads/main".into())]),
        11 => ("its worktree is registered", vec![there(registered)]),
        12 => ("its worktree is forgotten", vec![there(registered.clone()), Sight::Gone(registered)]),
        13 => ("files are put by", vec![there("repo/.git/specmake/spares/0".into())]),
        14 => ("a spare worktree is taken", {
            let spare = "repo/.git/specmake/spares/0".to_owned();
            vec![there(spare.clone()), Sight::Gone(spare)]
        }),
        15 => ("a new index is written", vec![landed(other), there("repo/.git/specmake.index".into())]),
        16 => ("its mark is written", vec![Sight::Changed("repo/.git/config".into())]),
        _ => ("its worktree goes", {
            let worktree = format!("repo.worktrees/{spec}");
            vec![there(worktree.clone()), Sight::Gone(worktree)]
        }),
    }
}

impl Sight {
    /// Whether it is to be seen; `before` is what a file held when it was first asked for.
    pub fn is_there(&self, world: &World, before: &mut Option<Vec<u8>>) -> bool {
        let at = |path: &str| world.root().join(path);
        match self {
            Self::There(path) => at(path).symlink_metadata().is_ok(),
            Self::Gone(path) => at(path).symlink_metadata().is_err(),
            Self::Changed(path) => {
                let now = fs::read(at(path)).unwrap_or_default();
                *before.get_or_insert_with(|| now.clone()) != now
            }
        }
    }
}
