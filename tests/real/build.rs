//! A whole build by three real agents, from the first document to the landing; its recording is in the README.
use crate::cli::{self, ALL, Cli};
use crate::model::script::{Call, Turn};
use crate::model::server::ModelServer;
use crate::readme;
use crate::world::World;

/// Who makes what.
const WHO: [(&str, &str); 3] = [("greetings", "codex"), ("people", "pi"), ("hello", "opencode")];

const SPECFILE: &str = r#"agent "codex" model="scripted"
agent "pi" model="scripted/scripted"
agent "opencode" model="scripted/scripted"
spec "greetings" "How to greet, a line each" { agent "codex" }
spec "people" "Whom to greet, a line each" { agent "pi" }
spec "hello" "Greets everybody in every way" {
    needs "greetings" "people"
    agent "opencode"
}
"#;

/// The agents that it takes.
pub fn agents() -> impl Iterator<Item = &'static Cli> {
    ALL.iter().filter(|cli| WHO.iter().any(|(_, agent)| *agent == cli.name))
}

fn one(text: &str, call: Call) -> Vec<Turn> {
    vec![Turn { text: text.to_owned(), ..Turn::call(call) }, Turn::text("Done.")]
}

/// What the model says for a stage of a spec.
fn script(spec: &str, stage: &str) -> Vec<Turn> {
    let folder = format!("specs/{spec}");
    let tasks = format!("{folder}/tasks.md");
    let list = format!(
        "# Tasks: {spec}\n\n## Phase 1: All of it\n\n- [ ] T001 Write {spec}.txt\n- [ ] T002 Read it again in {spec}.txt\n"
    );
    match stage {
        "specify" => {
            one("First what is wanted.", Call::write(&format!("{folder}/spec.md"), &format!("# {spec}\n")))
        }
        "plan" => one("Now how.", Call::write(&format!("{folder}/plan.md"), &format!("# Plan of {spec}\n"))),
        "tasks" => one("Step by step.", Call::write(&tasks, &list)),
        "implement" => {
            let made = match spec {
                "hello" => Call::shell(
                    "while read -r how; do while read -r who; do echo \"$how $who\"; done < people.txt; done < greetings.txt > hello.txt",
                ),
                "people" => Call::write("people.txt", "Ada\nGrace\n"),
                _ => Call::write("greetings.txt", "Hello\nGood day\n"),
            };
            vec![
                Turn { text: "I make it.".to_owned(), ..Turn::call(made) },
                Turn::call(Call::edit(&tasks, "- [ ] T001", "- [x] T001")),
                Turn::call(Call::shell(&format!("cat {spec}.txt"))),
                Turn::call(Call::edit(&tasks, "- [ ] T002", "- [x] T002")),
                Turn::text("Done, and both tasks are ticked."),
            ]
        }
        _ => vec![Turn::call(Call::shell(&format!("cat {spec}.txt"))), Turn::text("It is as it should be.")],
    }
}

/// Builds; panics if it is not as it should be.
pub fn run() {
    let server = ModelServer::start();
    let mut world = World::new();
    cli::bring(&agents().collect::<Vec<_>>(), &mut world, &server);
    for (spec, _) in WHO {
        for stage in ["specify", "plan", "tasks", "implement", "check"] {
            let mut turns = script(spec, stage);
            if stage == "specify" && spec != "hello" {
                turns[0].gate = Some(spec.to_owned());
            }
            server.play(&[&format!("- spec: `{spec}`"), &format!("- stage: `{stage}`")], turns);
        }
    }
    world.file("Specfile", SPECFILE).commit("Specfile");
    let mut run = world.start(["-j2"]);
    // Both are at work before either goes on.
    for spec in ["greetings", "people"] {
        run.until(&format!("the model to be asked for {spec}"), |_| server.reached(spec));
    }
    for spec in ["greetings", "people"] {
        server.open(spec);
    }
    let outcome = run.wait();
    outcome.exits(0).plain();
    assert_eq!(
        world.read("hello.txt"),
        "Hello Ada\nHello Grace\nGood day Ada\nGood day Grace\n",
        "{outcome}"
    );
    assert_eq!((world.dirt(), world.branches().len()), (String::new(), 0));
    for (spec, _) in WHO {
        assert!(!world.read(&format!("specs/{spec}/tasks.md")).contains("- [ ]"));
    }
    // Whoever works on a spec is asked about that one alone.
    for asked in server.asked().iter().filter(|asked| asked.turn.is_some()) {
        let of =
            |spec: &str| asked.prompts.iter().any(|prompt| prompt.contains(&format!("- spec: `{spec}`")));
        let mine: Vec<_> = WHO.iter().filter(|(spec, _)| of(spec)).collect();
        assert_eq!(mine.len(), 1, "{asked:#?}");
        let api = ALL.iter().find(|cli| cli.name == mine[0].1).unwrap().api;
        assert_eq!(asked.api, api);
    }
    let before = server.asked().len();
    world.again();
    assert_eq!(server.asked().len(), before, "nothing is asked twice");
    readme::holds(SPECFILE, &outcome.stderr);
}
