//! A world with a real agent in it, and what can be asked of a run there.
use crate::cli::{self, Cli};
use crate::model::script::{Turn, riding};
use crate::model::server::ModelServer;
use crate::outcome::Outcome;
use crate::world::World;
use serde_json::Value;
use std::fmt;
use std::fs;
use std::path::Path;

/// A pipeline of one stage whose output is a file of the spec's.
const PIPELINE: &str = "project { pipeline \"one\" }\npipeline \"one\" { stage \"build\" { prompt \"Build {spec}.\"; output \"out/{spec}.txt\" } }";

/// An agent, its model and a repository.
pub struct Bench {
    /// The world.
    pub world: World,
    /// The model.
    pub server: ModelServer,
    model: Option<&'static str>,
    name: &'static str,
}

impl Bench {
    /// A repository for this agent. The folder that its caller says it is in is another one.
    pub fn new(cli: &Cli) -> Self {
        let server = ModelServer::start();
        let mut world = World::new();
        cli::bring(&[cli], &mut world, &server);
        let lie = world.top().join("elsewhere");
        fs::create_dir_all(&lie).unwrap();
        world.env("PWD", lie.to_str().unwrap());
        Self { world, server, model: cli.model, name: cli.name }
    }

    /// Writes and commits a Specfile: these lines, the agent, and specs that ask for their scripts.
    pub fn specs(&self, lines: &str, specs: &[(&str, Vec<Turn>)]) -> &Self {
        let model = self.model.map(|model| format!(" model={model:?}")).unwrap_or_default();
        let mut text = format!("agent {:?}{model} pool=\"real\"\npool \"real\" depth=4\n", self.name);
        text.push_str(&format!("{PIPELINE}\n{lines}\n"));
        for (spec, turns) in specs {
            let prompt = format!("Build {spec}. {}", riding(turns));
            text.push_str(&format!(
                "spec {spec:?} \"As scripted\" {{ stage \"build\" {{ prompt {prompt:?} }} }}\n"
            ));
        }
        self.world.file("Specfile", &text).commit("Specfile");
        self
    }

    /// The place of a file that the test and a script meet at.
    pub fn flag(&self, name: &str) -> String {
        self.world.top().join("flags").join(name).to_str().unwrap().to_owned()
    }

    /// No file lies where the caller said that it was.
    #[track_caller]
    pub fn nothing_elsewhere(&self) {
        let lie = self.world.top().join("elsewhere");
        let found: Vec<_> = fs::read_dir(&lie).unwrap().collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Events of a run with `--format json`.
pub struct Told(Vec<Value>);

impl Told {
    /// What a run said.
    #[track_caller]
    pub fn by(outcome: &Outcome) -> Self {
        let events = outcome.stdout.lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{outcome}"))
        });
        Self(events.collect())
    }

    /// Its events of a kind.
    pub fn all(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|event| event["event"] == kind).collect()
    }

    /// The last of them.
    #[track_caller]
    pub fn last(&self, kind: &str) -> &Value {
        self.all(kind).pop().unwrap_or_else(|| panic!("no {kind} in\n{self}"))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|event| writeln!(f, "{event}"))
    }
}

/// The name of each process whose arguments hold this word.
pub fn processes_with(word: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let args = all.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let args = args.map(|args| String::from_utf8_lossy(&args).replace('\0', " "));
    args.filter(|args| args.split_whitespace().any(|arg| arg == word)).collect()
}

/// A text file, trimmed; empty if it is not there.
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
