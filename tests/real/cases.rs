//! The cases of the matrix: what must hold with every agent, whatever it is.
use crate::bench::{Bench, Told, processes_with, text};
use crate::cell::Case;
use crate::cli::{Cli, REFUSED};
use crate::model::script::{Call, Fail, Turn, Used};
use rustix::process::Signal;

/// All of them.
pub const ALL: &[Case] = &[
    Case {
        name: "work",
        shows: "writes, edits and runs a command, in its worktree whatever $PWD says",
        run: work,
    },
    Case { name: "figures", shows: "its session and its tokens, as the model counted them", run: figures },
    Case { name: "resume", shows: "goes on in its session after specmake was killed", run: resume },
    Case {
        name: "401",
        shows: "a refused key holds, in the agent's words, and is not tried again",
        run: refused,
    },
    Case { name: "429", shows: "a rate limit pauses its pool and no other", run: limited },
    Case { name: "cut", shows: "an answer that was cut off is no success", run: cut },
    Case { name: "stop", shows: "Ctrl-C leaves no process", run: stop },
    Case { name: "two", shows: "two at once do not meet", run: two },
];

fn used(input: u64, output: u64, cached: u64) -> Option<Used> {
    Some(Used { input, output, cached })
}

fn work(cli: &Cli) {
    let bench = Bench::new(cli);
    let turns = vec![
        Turn {
            text: "I will write the file.".to_owned(),
            ..Turn::call(Call::write("out/a.txt", "hello\nthere\n"))
        },
        Turn::call(Call::edit("out/a.txt", "hello", "goodbye")),
        Turn::call(Call::shell("pwd > out/where.txt; cat out/a.txt > out/seen.txt")),
        Turn::text("All done."),
    ];
    let bench = &bench;
    bench.specs("", &[("a", turns)]);
    let world = &bench.world;
    let outcome = world.run(["--format", "json"]);
    outcome.exits(0);
    assert_eq!(world.read("out/a.txt"), "goodbye\nthere\n", "{outcome}");
    assert_eq!(world.read("out/seen.txt"), "goodbye\nthere\n");
    assert_eq!(world.read("out/where.txt").trim(), world.worktree("a").to_str().unwrap());
    assert_eq!(world.dirt(), "");
    assert_eq!(world.paths("main"), ["README.txt", "Specfile", "out/a.txt", "out/seen.txt", "out/where.txt"]);
    bench.nothing_elsewhere();
    let asked = bench.server.asked();
    assert!(asked.iter().all(|asked| asked.api == cli.api && asked.status == 200), "{asked:?}");
    let told = Told::by(&outcome);
    let tools = told.all("tool");
    assert!(!tools.is_empty(), "{outcome}");
    let named = |path: &str| tools.iter().any(|tool| tool["tool"].to_string().contains(path));
    assert!(named("a.txt"), "{tools:#?}");
    world.again();
    assert_eq!(bench.server.asked().len(), asked.len(), "nothing is asked twice");
}

fn figures(cli: &Cli) {
    let bench = Bench::new(cli);
    let turns = vec![
        Turn { usage: used(200, 45, 1000), ..Turn::call(Call::write("out/a.txt", "a\n")) },
        Turn { usage: used(300, 20, 1100), ..Turn::call(Call::shell("true")) },
        Turn { usage: used(400, 7, 1200), ..Turn::text("All done.") },
    ];
    bench.specs("", &[("a", turns)]);
    let outcome = bench.world.run(["--format", "json"]);
    outcome.exits(0);
    let told = Told::by(&outcome);
    let usage = &told.last("usage")["usage"];
    let figure = |name: &str| usage[name].as_u64().unwrap_or_default();
    let side = bench.server.asked().iter().filter(|asked| asked.turn.is_none()).count();
    let sums = (figure("input"), figure("output"), figure("cache_read"));
    assert_eq!(sums, (900, 72, 3300), "{usage} with {side} side calls\n{outcome}");
    let session = told.last("session-started");
    assert!(session["session"].as_str().is_some_and(|id| id.len() > 5), "{session}");
}

fn resume(cli: &Cli) {
    let bench = Bench::new(cli);
    let held = Turn { gate: Some("killed".to_owned()), ..Turn::text("Held.") };
    bench.specs(
        "stage \"build\" { on-failure { resume 2; hold } }",
        &[("a", vec![Turn::call(Call::write("out/half.txt", "half\n")), held])],
    );
    let again = vec![Turn::call(Call::write("out/a.txt", "whole\n")), Turn::text("All done.")];
    bench.server.play(&["Go on with a stage"], again);
    let mut run = bench.world.start(["--format", "json"]);
    run.until("the second turn", |_| bench.server.reached("killed"));
    run.until_said("session-started");
    let asked = bench.server.asked();
    assert!(asked.iter().all(|asked| asked.turn != Some(1)), "its session was known while it worked");
    run.kill();
    bench.server.open("killed");
    let outcome = bench.world.run(["--format", "json"]);
    outcome.exits(0);
    assert_eq!(bench.world.read("out/half.txt"), "half\n");
    assert_eq!(bench.world.read("out/a.txt"), "whole\n");
    let asked = bench.server.asked();
    let last = asked.iter().rfind(|asked| asked.turn.is_some()).unwrap();
    let has = |words: &str| last.prompts.iter().any(|prompt| prompt.contains(words));
    assert!(has("Build a.") && has("Go on with a stage"), "{last:#?}\n{outcome}");
    let first = asked.iter().find(|asked| asked.turn.is_some()).unwrap();
    assert!(last.prompts.len() > first.prompts.len(), "{last:#?}");
}

fn refused(cli: &Cli) {
    let bench = Bench::new(cli);
    let fail = Some(Fail { status: 401, times: None, retry_after: None, message: Some(REFUSED.to_owned()) });
    bench.specs("", &[("a", vec![Turn { fail, ..Turn::default() }])]);
    let outcome = bench.world.run(["--format", "json"]);
    outcome.exits(1);
    let told = Told::by(&outcome);
    let failure = &told.last("attempt-ended")["failure"];
    let (words, class) = cli.refused;
    assert_eq!(failure["class"], class, "{failure}\n{outcome}");
    if class == "limit" {
        assert_eq!(failure["limit"]["kind"], "human", "{failure}\n{outcome}");
        assert_eq!(told.last("attempt-ended")["attempt"], 1, "{outcome}");
    }
    assert!(failure["message"].as_str().unwrap().contains(words), "{failure}\n{outcome}");
    assert!(!bench.world.has("out/a.txt"));
}

fn limited(cli: &Cli) {
    let bench = Bench::new(cli);
    let fail = Some(Fail { status: 429, times: None, retry_after: Some(1), message: None });
    let other = bench.world.agent().replace("\" {", "\" pool=\"other\" {");
    let other = format!("{other}\npool \"other\" depth=1\nspec \"b\" \"Another\" {{ agent \"script\" }}");
    bench.specs(&other, &[("a", vec![Turn { fail, ..Turn::default() }])]);
    bench.world.script("b/build", "wait-for paused\nplay build");
    let mut run = bench.world.start(["-j2", "--format", "json"]);
    run.until_said("pool-paused");
    bench.world.flag("paused");
    run.until_said("\"event\":\"landed\"");
    run.signal(Signal::INT);
    let outcome = run.wait();
    outcome.exits(130).calls(["b:build"]);
    let told = Told::by(&outcome);
    let paused = told.all("pool-paused");
    assert_eq!(paused.len(), 1, "{outcome}");
    assert_eq!((&paused[0]["pool"], &paused[0]["kind"]), (&"real".into(), &"clock".into()), "{outcome}");
    let failure = &told.last("attempt-ended")["failure"];
    assert!(told.all("attempt-ended").iter().any(|ended| ended["failure"]["class"] == "limit"), "{failure}");
    assert!(bench.world.has("out/b.txt") && !bench.world.has("out/a.txt"));
}

fn cut(cli: &Cli) {
    let bench = Bench::new(cli);
    let full = || Turn { full: true, ..Turn::text("It goes on and on and") };
    let write = Turn::call(Call::write("out/a.txt", "half of it\n"));
    // Some ask for the rest a few times.
    let turns = std::iter::once(write).chain((0..8).map(|_| full())).collect();
    bench.specs("stage \"build\" { on-failure { hold } }", &[("a", turns)]);
    let outcome = bench.world.run(["--format", "json"]);
    outcome.exits(1);
    let told = Told::by(&outcome);
    let failure = &told.last("attempt-ended")["failure"];
    assert_eq!(failure["class"], "crash", "{failure}\n{outcome}");
    assert!(!bench.world.has("out/a.txt"));
}

fn stop(cli: &Cli) {
    let bench = Bench::new(cli);
    // A number of seconds that is in nobody else's arguments.
    let mark = format!("{}.{}", 86_400 + std::process::id(), cli.name.len() + cli.package.len());
    let flag = bench.flag("runs");
    // In a file of its own, since some look at what they are to run and refuse to wait.
    let lines = format!("sleep {mark} &\nsetsid sleep {mark} &\n: > {flag}\nsleep {mark}\n");
    bench.world.file("long.sh", &lines);
    bench.specs("", &[("a", vec![Turn::call(Call::shell("sh long.sh")), Turn::text("All done.")])]);
    let mut run = bench.world.start([]);
    run.until_flag("runs");
    run.until("its three processes", |_| processes_with(&mark).len() >= 3);
    run.signal(Signal::INT);
    run.wait().exits(130);
    assert_eq!(processes_with(&mark), [""; 0]);
    let strays = bench.world.strays();
    let names: Vec<String> = strays
        .iter()
        .map(|pid| text(format!("/proc/{pid}/comm").as_ref()))
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(names, [""; 0]);
}

fn two(cli: &Cli) {
    let bench = Bench::new(cli);
    let specs = ["left", "right"];
    let turns = |spec: &str| {
        let first =
            Turn { gate: Some(spec.to_owned()), ..Turn::call(Call::write(&format!("out/{spec}.txt"), spec)) };
        let where_it_is = Call::shell(&format!("pwd > out/{spec}-where.txt"));
        vec![first, Turn::call(where_it_is), Turn::text("All done.")]
    };
    bench.specs("", &specs.map(|spec| (spec, turns(spec))));
    let mut run = bench.world.start(["-j2", "--format", "json"]);
    for spec in specs {
        run.until(&format!("the turn of {spec}"), |_| bench.server.reached(spec));
    }
    for spec in specs {
        bench.server.open(spec);
    }
    let outcome = run.wait();
    outcome.exits(0);
    for spec in specs {
        assert_eq!(bench.world.read(&format!("out/{spec}.txt")), spec);
        let place = bench.world.worktree(spec);
        assert_eq!(bench.world.read(&format!("out/{spec}-where.txt")).trim(), place.to_str().unwrap());
    }
    for asked in bench.server.asked().iter().filter(|asked| asked.turn.is_some()) {
        let of = |spec: &str| asked.prompts.iter().any(|prompt| prompt.contains(&format!("Build {spec}.")));
        assert_ne!(of("left"), of("right"), "{asked:#?}");
    }
    let told = Told::by(&outcome);
    let sessions = told.all("session-started");
    assert_ne!(sessions[0]["session"], sessions[1]["session"], "{sessions:?}");
}
