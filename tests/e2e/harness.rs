//! The harness itself: a test that passes because the harness is broken is worse than none.
use crate::scripts;
use crate::world::World;
use std::io::Read;
use std::process::{Command, Stdio};

/// Plays one stage the way a run would, without the program.
fn play(world: &World, spec: &str, stage: &str) {
    let mut shell = Command::new(world.top().join("agent.sh"));
    shell.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("W", world.top());
    shell.env("SPECMAKE_SPEC", spec).env("SPECMAKE_STAGE", stage).env("SPECMAKE_ATTEMPT", "1");
    shell.env("SPECIFY_FEATURE_DIRECTORY", format!("specs/{spec}"));
    let output = shell.current_dir(world.repo()).output().unwrap();
    assert!(output.status.success(), "{spec}:{stage} {output:?}");
}

#[test]
fn a_world_is_a_clean_repository_of_its_own() {
    let world = World::new();
    assert_eq!(world.dirt(), "");
    assert_eq!(world.git(&["log", "--format=%an %s"]), "A Person first");
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(world.branches(), [""; 0]);
    assert_eq!(world.show("main", "README.txt").as_deref(), Some("A project.\n"));
    assert_eq!(world.show("main", "no"), None);
}

#[test]
fn dates_go_on_from_commit_to_commit() {
    let world = World::new();
    world.file("a", "a").commit("second");
    let dates = world.git(&["log", "--format=%ct"]);
    let dates: Vec<u64> = dates.lines().map(|date| date.parse().unwrap()).collect();
    assert!(dates[0] > dates[1], "{dates:?}");
}

#[test]
fn the_default_agent_makes_each_stage_out_of_the_one_before() {
    let world = World::new();
    for stage in ["specify", "plan", "tasks", "implement", "check"] {
        play(&world, "a", stage);
    }
    assert_eq!(world.calls(), ["a:specify", "a:plan", "a:tasks", "a:implement", "a:check"]);
    assert!(world.has("specs/a/spec.md") && world.has("specs/a/plan.md"));
    assert!(world.read("specs/a/tasks.md").contains("- [x] T001"), "{}", world.read("specs/a/tasks.md"));
    let first = world.read("src/a.txt");
    world.append("specs/a/spec.md", "More.");
    play(&world, "a", "plan");
    play(&world, "a", "implement");
    assert_ne!(world.read("src/a.txt"), first);
}

#[test]
fn the_closest_script_wins_and_may_play_the_default() {
    let world = World::new();
    world.script("any/plan", "note any").script("b/plan", "play specify\nnote own\nflag done");
    play(&world, "a", "plan");
    play(&world, "b", "plan");
    assert_eq!(world.notes(), ["any", "own"]);
    assert!(world.has("specs/b/spec.md") && world.has_flag("done"));
    world.unscript("b/plan");
    play(&world, "b", "plan");
    assert_eq!(world.notes(), ["any", "own", "any"]);
}

#[test]
fn every_script_is_good_shell() {
    let scripts = scripts::WORDS.iter().chain(&scripts::DEFAULTS).map(|(_, text)| *text);
    for text in scripts.chain([scripts::AGENT]) {
        let status = Command::new("sh").args(["-n", "-c", text]).status().unwrap();
        assert!(status.success(), "{text}");
    }
}

#[test]
fn the_state_of_a_path_tells_every_kind_of_change() {
    let world = World::new();
    let mut seen = vec![world.state_of(&["README.txt"])];
    let mut changed = |what: &str, state: Vec<String>| {
        assert!(!seen.contains(&state), "{what} looks like something else: {state:?}");
        seen.push(state);
    };
    world.append("README.txt", "More.");
    changed("an edit", world.state_of(&["README.txt"]));
    world.git(&["add", "README.txt"]);
    changed("a staged edit", world.state_of(&["README.txt"]));
    world.append("README.txt", "And more.");
    changed("a half staged edit", world.state_of(&["README.txt"]));
    world.git(&["rm", "-q", "-f", "--cached", "README.txt"]);
    changed("an untracked file", world.state_of(&["README.txt"]));
    world.git(&["add", "-N", "README.txt"]);
    changed("an intent to add", world.state_of(&["README.txt"]));
}

#[test]
fn strays_are_seen_and_ended() {
    let world = World::new();
    let mut sleeper = Command::new("sh");
    sleeper.args(["-c", "echo up; read never"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut sleeper = sleeper.env("W", world.top()).spawn().unwrap();
    // Its environment can be read once it says something; a moment after the spawn it may not be there yet.
    let mut said = [0; 3];
    sleeper.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(world.strays(), [sleeper.id()]);
    world.kill_strays();
    assert!(!sleeper.wait().unwrap().success());
}

#[test]
fn the_commands_of_a_specfile_are_trusted_in_its_own_words() {
    let world = World::with(
        "stage \"check\" { run \"echo \\\"x\\\" \\\\ $S\"; timeout \"1m\" }\nspec \"a\" \"A\" { when \"true\" }",
    );
    let config = std::fs::read_to_string(world.config()).unwrap();
    let agent = format!("trust {:?}\n", world.top().join("agent.sh"));
    assert_eq!(config, format!("{agent}trust \"echo \\\"x\\\" \\\\ $S\"\ntrust \"true\"\n"));
    world.distrust();
    world.specfile("spec \"a\" \"A\"");
    assert_eq!(std::fs::read_to_string(world.config()).unwrap(), "");
}
