//! What keeps anything new from starting: refused agents, money, a machine that is short of something.
use crate::world::{ONE, World};

/// Two specs of one stage, whose agent is refused in these words the first time that it works on `a`.
fn refused(words: &str) -> World {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\"\nspec \"b\" \"B\""));
    world.script(
        "a/build",
        &format!("if test ! -e $W/flags/met; then flag met; {words}; fi\nmkdir -p out; echo a > out/a.txt"),
    );
    world
}

#[test]
fn a_limit_is_waited_for_and_spends_no_attempt() {
    let world = refused("echo 'Error: rate limit exceeded, retry-after: 200ms' >&2; exit 1");
    let outcome = world.run(["-j1"]);
    outcome.exits(0).said("met a limit and goes on in").said("goes on");
    assert_eq!(outcome.calls, ["a:build", "a:build", "b:build"], "{outcome}");
    world.again().calls([]);
}

#[test]
fn prose_about_limits_pauses_nobody() {
    let world = refused("echo 'We must respect the rate limit on the Base sequencer feed'; exit 1");
    let outcome = world.run(["-j1"]);
    outcome.exits(0).unsaid("met a limit").said("exit status 1 (crash)");
}

#[test]
fn without_money_the_run_ends_with_what_waits_and_goes_on_later() {
    let world = refused("echo 'Error: Insufficient balance' >&2; exit 1");
    let outcome = world.run(["-j1"]);
    outcome.exits(1).said("it needs you").said("specmake retry a").said("b:build").said("specmake b");
    assert_eq!(outcome.calls, ["a:build"], "{outcome}");
    let later = world.run(["b"]);
    later.exits(0);
    assert_eq!(later.calls, ["b:build"], "{later}");
    world.run(["retry", "a"]).exits(0);
    world.again().calls([]);
}

/// Three specs of one stage each, each attempt at which says that it cost 30 cents.
fn costly(project: &str) -> World {
    let world = World::new();
    let agent = "agent \"counted\" uses=\"script\" dialect=\"demo\"";
    let specs = "layer \"l\" agent=\"counted\" { spec \"a\" \"A\"; spec \"b\" \"B\"; spec \"c\" \"C\" }";
    world.specfile(&format!("{agent}\n{ONE}\n{project}\n{specs}"));
    world.commit("Specfile");
    world.script("any/build", "echo 'demo: usage 10 in 5 out cost 0.3'\nplay build");
    world
}

#[test]
fn a_run_costs_no_more_than_it_may() {
    let world = costly("");
    let outcome = world.run(["-j1", "--max-cost", "0.5"]);
    outcome.exits(1).said("the run has cost 0.60 of 0.50 USD").said("`--max-cost` allows more");
    assert_eq!(outcome.calls, ["a:build", "b:build"], "{outcome}");
    assert!(world.has("out/b.txt") && !world.has("out/c.txt"), "what is done landed: {outcome}");
    let outcome = world.run(["-j1", "--max-cost", "0.5"]);
    outcome.exits(0);
    assert_eq!(outcome.calls, ["c:build"], "{outcome}");
    world.run(["--max-cost", "much"]).exits(2);
}

#[test]
fn without_room_on_the_disk_nothing_starts_and_the_run_says_so() {
    let text = ONE.replace("project {", "project { limits disk=\"900000TB\";");
    let mut world = World::with(&format!("{text}\nspec \"a\" \"A\""));
    world.env("SPECMAKE_LIMITS", "some").run([""; 0]).exits(2).said("neither `on` nor `off`");
    world.env("SPECMAKE_LIMITS", "on");
    world.run([""; 0]).exits(1).calls([]).said("no room on the disk").said("specmake a");
}

#[test]
fn with_memory_short_stages_run_one_by_one() {
    let text = ONE.replace("project {", "project { limits memory=0;");
    let mut world = World::with(&format!("{text}\nspec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\""));
    world.env("SPECMAKE_LIMITS", "on");
    world.script("any/build", "note enter\nplay build\nnote leave");
    world.run(["-j3"]).exits(0).said("nothing new starts for now");
    assert_eq!(world.notes(), ["enter", "leave", "enter", "leave", "enter", "leave"]);
}
