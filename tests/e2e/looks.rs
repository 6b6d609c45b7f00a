//! Commands that look at the world and change nothing: `agents`, `doctor`, `config show`.
use crate::schemas::fits;
use crate::world::{ONE, World};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// A program on the `PATH` of a world, which finds nothing else of the machine but git and a shell.
fn program(world: &mut World, name: &str, text: &str) {
    let path = world.top().join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let before = std::env::var("PATH").unwrap();
    let bin = world.top().join("bin").display().to_string();
    world.env("PATH", &format!("{bin}:{before}"));
}

fn row<'v>(answer: &'v Value, table: &str, field: &str, value: &str) -> &'v Value {
    let rows = answer[table].as_array().unwrap();
    rows.iter().find(|row| row[field] == value).unwrap_or_else(|| panic!("no {value}: {answer:#}"))
}

/// Everything in a world that a command could change, but for `.specmake`, which is opened to be read.
fn everything(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![world.top()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                if path.file_name().unwrap() != ".specmake" {
                    found.push(format!("{}/", path.display()));
                    folders.push(path);
                }
            } else {
                found.push(format!("{} {:?}", path.display(), fs::read(&path).ok()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn agents_are_listed_with_what_is_installed() {
    let mut world = World::new();
    program(&mut world, "codex", "echo 'codex-cli 0.1.2'");
    program(&mut world, "pi", "echo 'no such option' >&2; exit 2");
    world.specfile(&format!(
        "agent \"own\" uses=\"codex\" model=\"m\" {{ price in=3.0 out=15.0 }}\n{ONE}\nspec \"a\" \"A\""
    ));
    let answer = world.run(["agents", "--format", "json"]).exits(0).json();
    fits("agents", [&answer]);
    let codex = row(&answer, "agents", "name", "codex");
    assert_eq!((&codex["version"], &codex["differs"]), (&"codex-cli 0.1.2".into(), &true.into()));
    assert_eq!((&codex["home"], &codex["installed"]), (&"built-in".into(), &true.into()));
    let pi = row(&answer, "agents", "name", "pi");
    assert_eq!(pi["version_trouble"], "`--version`: exit status 2");
    assert_eq!(row(&answer, "agents", "name", "demo")["installed"], true);
    let own = row(&answer, "agents", "name", "own");
    assert_eq!((&own["home"], &own["model"]), (&"specfile".into(), &"m".into()));
    let one = world.run(["agents", "own", "--format", "json"]).exits(0).json();
    fits("agents", [&one]);
    assert_eq!(one["agents"][0]["profile"]["price"]["out"], 15.0);
    world.run(["agents", "own"]).exits(0).said("command").said("\"exec\"").said("price");
    world.run(["agents"]).exits(0).said("codex-cli 0.1.2 (not the verified one)").said("not installed");
    world.specfile("agent \"gone\" { command \"no-such-program-anywhere\" }\nspec \"a\" \"A\"");
    world.run(["agents", "gone"]).exits(1).said("not installed");
    world.run(["agents", "nobody"]).exits(2).said("there is no agent `nobody`");
}

#[test]
fn agents_are_asked_for_a_word_away_from_the_repository() {
    let mut world = World::new();
    let noting = "test \"$1\" = --version && { echo 1.0.0; exit; }\npwd > \"$W/where\"\ncat > \"$W/asked\"\ntouch made";
    program(&mut world, "good", &format!("{noting}\necho OK\necho 'demo: usage 12 in 1 out cost 0.5'"));
    program(&mut world, "bad", "cat > /dev/null\necho 'not logged in'\nexit 1");
    let agents = "agent \"good\" { command \"good\" \"-\"; dialect \"demo\" }\nagent \"bad\" { command \"bad\" \"-\" }";
    world.file("Specfile", &format!("{agents}\nspec \"a\" \"A\"\n"));
    world.commit("Specfile");
    let outcome = world.run(["agents", "good", "--probe", "--format", "json"]);
    let answer = outcome.exits(0).said("may cost money").json();
    fits("agents", [&answer]);
    let probe = &answer["agents"][0]["probe"];
    assert_eq!((&probe["answered"], &probe["said"]), (&true.into(), &"OK".into()));
    assert_eq!((&probe["usage"]["input"], &probe["usage"]["cost"]), (&12.into(), &0.5.into()));
    let place = fs::read_to_string(world.top().join("where")).unwrap();
    assert!(!place.starts_with(world.repo().to_str().unwrap()), "{place}");
    assert!(fs::read_to_string(world.top().join("asked")).unwrap().contains("one word"));
    assert!(!std::path::Path::new(place.trim()).exists(), "the place is gone: {place}");
    assert_eq!(world.dirt(), "");
    let both = world.run(["agents", "good", "bad", "--probe"]);
    both.exits(1)
        .said("good: answered \"OK\"")
        .said("bad: no answer")
        .said("exit status 1")
        .said("not logged in");
}

#[test]
fn a_program_that_never_ends_is_ended() {
    let mut world = World::new();
    program(
        &mut world,
        "stuck",
        "test \"$1\" = --version && { echo 1.0.0; exit; }\nsleep 600 & exec sleep 600",
    );
    world.file("Specfile", "agent \"stuck\" { command \"stuck\" \"-\" }\nspec \"a\" \"A\"\n");
    world.run(["agents", "stuck", "--probe", "--timeout", "300ms"]).exits(1).said("it did not end within");
    assert_eq!(world.strays(), [] as [u32; 0]);
}

#[test]
fn doctor_tells_what_is_well_and_what_is_not_and_changes_nothing() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    let before = everything(&world);
    let answer = world.run(["doctor", "--format", "json"]).exits(0).json();
    assert!(everything(&world) == before, "it changed something");
    fits("doctor", [&answer]);
    assert_eq!(answer["ok"], true);
    for check in ["git", "repository", "identity", "lock", "Specfile", "worktrees", "disk", "agents", "trust"]
    {
        assert_eq!(row(&answer, "checks", "check", check)["status"], "ok", "{answer:#}");
    }
    let hook = world.repo().join(".git/hooks/pre-commit");
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    world.distrust();
    world.run(["doctor"]).exits(0).said("warn hooks").said("`pre-commit`").said("warn trust");
    world.specfile(&format!(
        "{ONE}\nagent \"gone\" {{ command \"no-such-program\" }}\nspec \"a\" \"A\" agent=\"gone\""
    ));
    world.run(["doctor"]).exits(1).said("fail agents").said("next: install it");
    world.file("Specfile", "spec \"a\"");
    world.run(["doctor"]).exits(1).said("fail Specfile").said("next: specmake check");
    let nowhere = World::without_git("plain");
    let answer = nowhere.run(["doctor", "--format", "json"]).exits(1).json();
    fits("doctor", [&answer]);
    assert_eq!(row(&answer, "checks", "check", "repository")["status"], "fail");
}

#[test]
fn doctor_sees_a_run_that_is_on_and_one_that_was_killed() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    world.script("a/build", "flag begun\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("begun");
    world.run(["doctor"]).exits(0).said("a build is on: pid");
    run.kill();
    world.run(["doctor"]).exits(0).said("nobody builds here").said("was cut off").said("specmake resume");
    world.kill_strays();
}

#[test]
fn settings_are_shown_with_where_they_come_from() {
    let mut world = World::new();
    fs::write(world.config(), "jobs 2\nmodel \"mine\"\nlimits cpu=90\ntrust \"make test\"\n").unwrap();
    world.distrust();
    fs::write(world.config(), "jobs 2\nmodel \"mine\"\nlimits cpu=90\ntrust \"make test\"\n").unwrap();
    world.file("Specfile", "project {\n    budget usd=5.0\n    limits memory=70\n}\nagent \"claude\"\npool \"p\" depth=2\nland { batch 3; check \"make test\" }\nspec \"a\" \"A\"\n");
    let show = |world: &World, key: &str| {
        let answer = world.run(["config", "show", key, "--format", "json"]).exits(0).json();
        fits("config", [&answer]);
        let values = answer["settings"][0]["values"].as_array().unwrap().clone();
        let text = |value: &Value| {
            format!(
                "{} {} {}",
                value["value"].as_str().unwrap(),
                value["from"].as_str().unwrap(),
                value["place"].as_str().unwrap_or("-")
            )
        };
        values.iter().map(text).collect::<Vec<String>>()
    };
    let user = world.config().display().to_string();
    assert_eq!(show(&world, "jobs"), [format!("2 file {user}:1")]);
    assert_eq!(show(&world, "model"), [format!("\"mine\" file {user}:2")]);
    assert_eq!(show(&world, "budget"), ["usd=5.0 file Specfile:2"]);
    assert_eq!(show(&world, "agent"), ["\"claude\" file Specfile:5"]);
    assert_eq!(show(&world, "land.batch"), ["3 file Specfile:7"]);
    assert_eq!(show(&world, "land.parallel"), ["1 built-in -"]);
    assert_eq!(show(&world, "pool.p"), ["depth=2 file Specfile:6"]);
    world.run(["config", "show", "worktrees"]).exits(0).said("../{repo}.worktrees/{spec}").said("built in");
    world.env("SPECMAKE_JOBS", "7");
    assert_eq!(show(&world, "jobs"), ["7 environment SPECMAKE_JOBS"]);
    world.run(["config", "show", "jobs", "-j", "9"]).exits(0).said("9").said("command line");
    world.run(["config", "show", "nothing"]).exits(2).said("there is no setting `nothing`");
    let all = world.run(["config", "show", "--format", "json"]).exits(0).json();
    fits("config", [&all]);
    world.run(["config", "show"]).exits(0).said("Specfile:2");
}

#[test]
fn init_names_an_agent_whose_program_is_there() {
    let check = |programs: &[&str], expect: &str| {
        let mut world = World::new();
        world.file("specs/a/spec.md", "# A\n").commit("a spec");
        for name in programs {
            program(&mut world, name, "");
        }
        // Nothing else of the machine: an agent may be installed on it.
        let bin = world.top().join("bin");
        for name in ["git", "sh"] {
            let path = std::env::var("PATH").unwrap();
            let mut real = std::env::split_paths(&path).map(|folder| folder.join(name));
            symlink(real.find(|file| file.is_file()).unwrap(), bin.join(name)).unwrap();
        }
        world.env("PATH", bin.to_str().unwrap());
        world.run(["init"]).exits(0);
        let text = world.read("Specfile");
        assert!(text.contains(&format!("agent \"{expect}\"")), "{programs:?}: {text}");
    };
    // `cursor` is an editor; its agent has another name.
    check(&["cursor", "pi"], "pi");
    check(&["cursor-agent"], "cursor");
}
