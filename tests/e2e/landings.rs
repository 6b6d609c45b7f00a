//! Landings at random: specs over shared files, some that conflict, some that are red alone or red together, tests
//! that flake, somebody else who commits on the base, and a user who edits his checkout, all while it lands; conflicts
//! are settled by an agent or held. The
//! base only ever moves to tested commits, who is green lands once, who is to blame is named rightly, and the user
//! loses nothing.
//!
//! `SPECMAKE_LANDINGS` specs are tried (200 if it is not set), `SPECMAKE_SEED` is the first seed:
//! `SPECMAKE_LANDINGS=1000 cargo test --test e2e -- landings::`.
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// How many specs a world has.
const SPECS: usize = 10;

/// Shared files, and places in each that are far enough apart for git to merge them.
const FILES: usize = 3;
const PLACES: usize = 6;

/// What the user has, and what may be in the way of a landing.
const MINE: [&str; 4] = ["mine.txt", "untracked.txt", "staged.txt", "shared0.txt"];

/// One world's fate, from its seed.
#[derive(Debug, Default)]
struct Fate {
    strategy: &'static str,
    batch: u32,
    parallel: u32,
    /// The file and place that each spec writes, if it writes one.
    writes: BTreeMap<String, (usize, usize)>,
    red: BTreeSet<String>,
    /// Red where both are.
    foes: Vec<(String, String)>,
    flaky: BTreeSet<String>,
    /// By the number of the test during which it happens.
    others: BTreeSet<usize>,
    edits: BTreeMap<usize, &'static str>,
    /// Whether an agent settles conflicts.
    settles: bool,
}

impl Fate {
    fn of(seed: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let strategy = ["merge", "merge", "squash", "rebase"][dice.usize(0..4)];
        let mut fate = Self { strategy, batch: dice.u32(1..7), parallel: dice.u32(1..4), ..Self::default() };
        // What is settled is to be settled often.
        fate.settles = dice.bool();
        let places = if fate.settles { 2 } else { PLACES };
        let names = names();
        for name in &names {
            if dice.u8(0..3) == 0 {
                fate.writes.insert(name.clone(), (dice.usize(0..FILES), dice.usize(0..places)));
            }
            if dice.u8(0..8) == 0 {
                fate.red.insert(name.clone());
            }
            if dice.u8(0..6) == 0 {
                fate.flaky.insert(name.clone());
            }
        }
        for _ in 0..dice.usize(0..3) {
            let pair = dice.choose_multiple(names.iter(), 2);
            fate.foes.push((pair[0].clone(), pair[1].clone()));
        }
        fate.others.extend((0..dice.usize(0..3)).map(|_| dice.usize(1..12)));
        for _ in 0..dice.usize(0..4) {
            fate.edits.insert(dice.usize(1..10), MINE[dice.usize(0..MINE.len())]);
        }
        fate
    }

    /// The landing's check: the tree decides, and what else happens meanwhile happens then.
    fn check(&self) -> String {
        let mut text = String::from("commit=$(git rev-parse HEAD)\nred=0\n");
        for name in &self.red {
            writeln!(text, "if [ -e out/{name}.txt ]; then red=1; fi").unwrap();
        }
        for (one, other) in &self.foes {
            writeln!(text, "if [ -e out/{one}.txt ] && [ -e out/{other}.txt ]; then red=1; fi").unwrap();
        }
        for name in &self.flaky {
            writeln!(text, "if [ $red = 0 ] && [ $SPECMAKE_SPEC = {name} ] && mkdir $W/flaked-{name} 2> /dev/null; then red=flake; fi").unwrap();
        }
        text.push_str("n=1\nwhile ! mkdir $W/test-$n 2> /dev/null; do n=$((n + 1)); done\ncd $W/repo\n");
        for test in &self.others {
            writeln!(text, "if [ $n = {test} ]; then echo $n > other-$n.txt; until git add other-$n.txt && git commit -q -m 'somebody else' -- other-$n.txt; do sleep 0.05; done; fi").unwrap();
        }
        for (test, path) in &self.edits {
            let stage = if *path == "staged.txt" { "; git add staged.txt" } else { "" };
            writeln!(
                text,
                "if [ $n = {test} ]; then echo edit $n >> {path}{stage}; cp {path} $W/kept-{path}; fi"
            )
            .unwrap();
        }
        text.push_str("echo $commit $red >> $W/tested\n[ $red = 0 ]\n");
        text
    }
}

fn names() -> Vec<String> {
    (0..SPECS).map(|n| format!("s{n}")).collect()
}

fn shared(file: usize, by: Option<(usize, &str)>) -> String {
    let line = |n: usize| match by {
        Some((place, who)) if n == place * 6 => format!("{who}\n"),
        _ => format!("shared {file} line {n}\n"),
    };
    (0..PLACES * 6).map(line).collect()
}

/// Specs that are complete and wait.
fn world(fate: &Fate) -> World {
    let specs: Vec<String> = names().iter().map(|name| format!("spec \"{name}\" \"{name}\"")).collect();
    let specfile = format!(
        "project {{ pipeline \"one\" }}\npipeline \"one\" {{ stage \"build\" {{ prompt \"Build.\"; output \"out/{{spec}}.txt\" }} }}\nland off\n{}\n",
        specs.join("\n")
    );
    let world = World::new();
    let careful = world.top().join("careful.sh");
    fs::write(&careful, "#!/bin/sh\nSPECMAKE_STAGE=settle exec sh \"$W/agent.sh\"\n").unwrap();
    fs::set_permissions(&careful, fs::Permissions::from_mode(0o755)).unwrap();
    let agent = format!("agent \"careful\" {{ command {careful:?}; prompt \"stdin\" }}\n");
    world.script("any/settle", "sed -i '/^<<<<<<< /d; /^=======$/d; /^>>>>>>> /d' shared*.txt");
    for file in 0..FILES {
        world.file(&format!("shared{file}.txt"), &shared(file, None));
    }
    for path in ["mine.txt", "staged.txt"] {
        world.file(path, "the user's\n");
    }
    world.specfile(&(agent + &specfile)).commit("start");
    for (name, (file, place)) in &fate.writes {
        let text = shared(*file, Some((*place, name)));
        world.script(
            &format!("{name}/build"),
            &format!("play build\ncat > shared{file}.txt <<'END'\n{text}END"),
        );
    }
    assert_eq!(world.run(["-j4"]).calls.len(), SPECS);
    fs::write(world.top().join("check.sh"), fate.check()).unwrap();
    let land = format!(
        "land {{ strategy \"{}\"; batch {}; parallel {}; check \"sh $W/check.sh\"; on-conflict {{ {} }} }}",
        fate.strategy,
        fate.batch,
        fate.parallel,
        if fate.settles { "fix agent=\"careful\"; hold" } else { "hold" }
    );
    world.edit("Specfile", "land off", &land).commit("landing is on");
    world
}

/// Lands them, and holds what came of it against what may.
fn try_seed(seed: u64) {
    let fate = Fate::of(seed);
    let world = world(&fate);
    let outcome = world.run(["-j4"]);
    let story = || format!("seed {seed}: {fate:#?}\n{}", outcome.stderr);
    let built = |world: &World| {
        let calls = world.calls().into_iter().filter(|call| !call.ends_with(":settle"));
        calls.collect::<Vec<String>>()
    };
    let before = built(&world);

    let landed: Vec<String> = {
        let subjects = world.git(&["log", "--format=%s", "main"]);
        subjects.lines().filter_map(|subject| Some(subject.strip_prefix("land ")?.to_owned())).collect()
    };
    let merges = world.git(&["rev-list", "--first-parent", "--min-parents=2", "main"]).lines().count();
    assert_eq!(merges, if fate.strategy == "merge" { landed.len() } else { 0 }, "merges; {}", story());
    let once: BTreeSet<&String> = landed.iter().collect();
    assert_eq!(once.len(), landed.len(), "a spec landed twice; {}", story());

    let tested = fs::read_to_string(world.top().join("tested")).unwrap_or_default();
    let green: BTreeSet<&str> = tested.lines().filter_map(|line| line.strip_suffix(" 0")).collect();
    let moves = world.git(&["reflog", "--format=%H %gs", "main"]);
    for line in moves.lines().filter(|line| line.contains("specmake: land")) {
        let commit = line.split(' ').next().unwrap();
        let of_tested = |tested: &&str| {
            world.rev(&format!("{tested}^{{tree}}")) == world.rev(&format!("{commit}^{{tree}}"))
        };
        assert!(green.iter().any(of_tested), "{line} was never green; {}", story());
    }

    for name in names() {
        let is_foe = fate.foes.iter().any(|(one, other)| {
            (*one == name && once.contains(other)) || (*other == name && once.contains(one))
        });
        let is_red = fate.red.contains(&name);
        if once.contains(&name) {
            assert!(!is_red && !is_foe, "{name} is red and landed; {}", story());
            if let Some((file, _)) = fate.writes.get(&name) {
                let text = world.show("main", &format!("shared{file}.txt")).unwrap();
                assert!(text.lines().any(|line| line == name), "{name}'s line is lost; {}", story());
            }
            continue;
        }
        let rival = |other: &&String| fate.writes.get(*other) == fate.writes.get(&name);
        let in_conflict = !fate.settles && fate.writes.contains_key(&name) && once.iter().any(rival);
        let in_the_way = fate.writes.get(&name).is_some_and(|(file, _)| *file == 0)
            && fate.edits.values().any(|path| *path == "shared0.txt");
        assert!(is_red || is_foe || in_conflict || in_the_way, "{name} should have landed; {}", story());
    }

    for path in MINE.iter().filter(|path| world.top().join(format!("kept-{path}")).exists()) {
        let kept = fs::read_to_string(world.top().join(format!("kept-{path}"))).unwrap();
        assert_eq!(world.read(path), kept, "the user's {path}; {}", story());
    }
    for test in fate.others.iter().filter(|test| world.top().join(format!("test-{test}")).exists()) {
        assert!(world.has(&format!("other-{test}.txt")), "what somebody else committed; {}", story());
        assert!(world.show("main", &format!("other-{test}.txt")).is_some(), "{}", story());
    }

    world.run(["-j4"]);
    assert_eq!(built(&world), before, "an agent ran again; {}", story());
}

fn share(of: usize, at: u64) {
    let specs = std::env::var("SPECMAKE_LANDINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let first: u64 = std::env::var("SPECMAKE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let worlds = (specs as u64).div_ceil((SPECS * of) as u64);
    for n in 0..worlds {
        try_seed(first + n * of as u64 + at);
    }
}

#[test]
fn the_first_half_lands_as_it_may() {
    share(2, 0);
}

#[test]
fn the_second_half_lands_as_it_may() {
    share(2, 1);
}
