//! `notify`: who is told what, by whose word, and that a run waits for nobody who is told.
use crate::world::{ONE, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Two specs; `apple` is held, and `banana` goes on once somebody was told of that. What is told is noted by
/// `tell`, an argument a line.
fn told_of(ladder: &str) -> World {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ {ladder} }} }}\nspec \"apple\" \"A\"\nspec \"banana\" \"B\""
    ));
    world.script("apple/build", "echo 'no \"luck\" $(touch x)' >&2; exit 3");
    world.script("banana/build", "wait-for told\nplay build");
    tell(&world, "for word in \"$@\"; do echo \"$word\" >> $W/told; done\n: > $W/flags/told");
    world
}

/// The user's own program.
fn tell(world: &World, script: &str) {
    let program = world.top().join("bin/tell");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A line of the user's own file.
fn config(world: &World, line: &str) {
    let known = fs::read_to_string(world.config()).unwrap_or_default();
    fs::write(world.config(), format!("{known}{line}\n")).unwrap();
}

fn said(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.top().join("told")).unwrap_or_default();
    text.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn what_is_held_and_the_end_are_told() {
    let world = told_of("hold");
    let program = world.top().join("bin/tell").display().to_string();
    config(&world, &format!("notify \"{program} 'to me' {{title}} \\\"b: {{body}}\\\"\""));
    world.run(["-j2"]).exits(1).unsaid("notify");
    let said = said(&world);
    assert_eq!(said.len(), 6, "{said:#?}");
    assert_eq!(said[..2], ["to me", "specmake (repo): apple:build is held"]);
    assert!(
        said[2].starts_with("b: exit status 3") && said[2].ends_with("next: specmake retry apple"),
        "{said:?}"
    );
    assert_eq!(said[3..], ["to me", "specmake (repo): ended", "b: something needs you: `specmake status`"]);
    assert_eq!(world.dirt(), "");
    // Nothing has happened: nobody is told.
    world.script("apple/build", "play build");
    world.run(["retry", "apple"]).exits(0);
    let before = said_again(&world, &said);
    assert_eq!(before[1], "specmake (repo): done");
    world.again();
    assert_eq!(said_again(&world, &said).len(), before.len());
}

fn said_again(world: &World, before: &[String]) -> Vec<String> {
    said(world)[before.len()..].to_vec()
}

#[test]
fn what_failed_is_told_and_what_a_person_held_is_not() {
    let mut world = told_of("fail");
    world.env("SPECMAKE_NOTIFY", &format!("{}/bin/tell {{title}}", world.top().display()));
    world.run(["-j2"]).exits(1);
    assert_eq!(said(&world), ["specmake (repo): apple:build failed", "specmake (repo): ended"]);
    let before = said(&world);
    world.run(["hold", "apple"]).exits(0);
    world.edit("Specfile", "Build {spec}.", "Build {spec} well.").commit("well");
    world.run([]).exits(1).calls(["banana:build"]);
    assert!(said_again(&world, &before).iter().all(|line| line.ends_with(": ended")), "{:?}", said(&world));
}

#[test]
fn a_limit_is_told() {
    let mut world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    tell(&world, "echo \"$SPECMAKE_TITLE|$SPECMAKE_BODY|$SPECMAKE_RUN\" >> $W/told\n: > $W/flags/told");
    world.env("SPECMAKE_NOTIFY", &format!("{}/bin/tell", world.top().display()));
    let refusal = "echo 'Error: rate limit exceeded, retry-after: 200ms' >&2; exit 1";
    world.script(
        "a/build",
        &format!("if test ! -e $W/flags/met; then flag met; {refusal}; fi\nwait-for told\nplay build"),
    );
    world.run([]).exits(0);
    let said = said(&world);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].starts_with("specmake (repo): script met a limit|it goes on by itself: "), "{said:?}");
    assert!(!said[0].ends_with('|'), "{said:?}");
}

#[test]
fn a_command_that_does_not_work_is_said_once_and_fails_nothing() {
    for (script, why) in [("flag told; exit 7", "exit status 7"), ("", "there is no such program")] {
        let mut world = told_of("hold");
        tell(&world, &format!(": > $W/flags/told\n{script}"));
        let program = format!("{}/bin/tell", world.top().display());
        let program = if script.is_empty() { "no-such-program" } else { &program };
        world.env("SPECMAKE_NOTIFY", program);
        world.flag("told");
        let outcome = world.run(["-j2"]);
        outcome.exits(1).said(why).calls(["apple:build", "banana:build"]);
        assert_eq!(outcome.stderr.matches("`notify` did not work").count(), 1, "{outcome}");
    }
}

#[test]
fn a_run_does_not_wait_for_its_command_and_nothing_of_that_is_left() {
    let mut world = told_of("hold");
    // It comes to its end only when `banana` does.
    world.script("banana/build", "wait-for told\nplay build\nflag banana");
    let waits = "while test ! -e $W/flags/banana; do sleep 0.05; done";
    tell(&world, &format!(": > $W/flags/told\n{waits}\nsetsid sh -c 'exec sleep 600' &"));
    world.env("SPECMAKE_NOTIFY", &format!("{}/bin/tell", world.top().display()));
    world.run(["-j2"]).exits(1).calls(["apple:build", "banana:build"]).unsaid("notify");
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn the_specfiles_command_is_asked_for_and_the_users_own_is_not() {
    let one = ONE.replace("project {", "project { notify \"tell {title}\";");
    let world = World::with(&format!("{one}\nspec \"a\" \"A\""));
    world.run([]).exits(3).said("tell {title}").said("(notify)").calls([]);
    let mut world = told_of("hold");
    world.env("SPECMAKE_NOTIFY", "tell 'a");
    world.run([]).exits(2).said("a quote is not closed").calls([]);
}
