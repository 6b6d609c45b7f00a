//! The program itself, on real git, with an agent that writes what the model says.
use crate::model::{Edits, Files};
use crate::outcome::Outcome;
use crate::program::{Act, Program, Told, words};
use crate::running::Running;
use crate::shape::{Shape, Stage};
use crate::step::Manner;
use crate::world::World;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A repository, or the last clone of it.
pub struct Real {
    world: World,
    names: Vec<String>,
    stages: Vec<&'static [Stage]>,
    clones: usize,
    kills: usize,
}

impl Real {
    /// Runs the program, to its end or until the last agent that was told to wait does.
    fn run(&self, args: &[String], kill: bool) -> Outcome {
        let command = self.world.command(env!("CARGO_BIN_EXE_specmake"));
        let mut running = Running::new(&self.world, command, args.to_vec());
        if !kill {
            return running.wait();
        }
        running.until_flag(&format!("there{}", self.kills));
        running.signal(rustix::process::Signal::KILL);
        let outcome = running.wait();
        self.world.kill_strays();
        outcome
    }
}

impl Program for Real {
    fn begin(files: &Files, shape: &Shape) -> Self {
        let world = World::new();
        for (path, text) in files {
            world.file(path, text);
        }
        let mut real = Self { world, names: Vec::new(), stages: Vec::new(), clones: 0, kills: 0 };
        real.specfile(shape);
        real.world.commit("start");
        real
    }

    fn specfile(&mut self, shape: &Shape) {
        let model = format!("agent \"script{}\" model=\"m{}\"", shape.agent, shape.model);
        let agent = self.world.agent().replace("agent \"script\"", &model);
        self.world.file("Specfile", &format!("{agent}\n{}", shape.text()));
        self.names = shape.specs.iter().map(|spec| spec.name.clone()).collect();
        self.stages = shape.specs.iter().map(|spec| spec.way.stages()).collect();
    }

    fn write(&mut self, edits: &Edits) {
        for (path, text) in edits {
            match text {
                Some(text) => {
                    self.world.file(path, text);
                }
                None => {
                    let _ = fs::remove_file(self.world.repo().join(path));
                }
            }
        }
    }

    fn commit(&mut self, message: &str) {
        self.world.git(&["add", "-A"]);
        self.world.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    fn tip(&self) -> String {
        self.world.rev("main")
    }

    fn files(&self) -> Files {
        let listed = self.world.git(&["ls-files"]);
        let is_there = |path: &&str| *path != "Specfile" && self.world.repo().join(path).exists();
        let listed = listed.lines().filter(is_there);
        listed.map(|path| (path.to_owned(), self.world.read(path))).collect()
    }

    fn revert(&mut self, rev: &str) {
        let second = format!("{rev}^2");
        let is_merge = self.world.try_git(self.world.repo(), &["rev-parse", "--verify", &second]).0;
        let merge: &[&str] = if is_merge { &["-m", "1"] } else { &[] };
        self.world.git(&[&["revert", "--no-edit", "-X", "no-renames"], merge, &[rev]].concat());
    }

    fn reset(&mut self, tip: &str) {
        self.world.git(&["reset", "-q", "--hard", tip]);
    }

    fn lose(&mut self) {
        let _ = fs::remove_dir_all(self.world.repo().join(".specmake"));
    }

    fn go_to_clone(&mut self) {
        self.clones += 1;
        self.world = self.world.clone_as(&format!("clone{}", self.clones), &[]);
    }

    fn script(&mut self, spec: &str, stage: &str, act: &Act) {
        let text = match act {
            Act::Fail => "exit 3\n".to_owned(),
            Act::Idle => ":\n".to_owned(),
            Act::Wait => {
                self.kills += 1;
                format!("flag there{}\nwait-for never\n", self.kills)
            }
            Act::Write(edits) => {
                let write = |(path, text): &(String, Option<String>)| {
                    let text = text.as_deref().unwrap_or_default();
                    format!("mkdir -p \"$(dirname {path})\"\ncat > {path} <<'END'\n{text}END\n")
                };
                format!(":\n{}", edits.iter().map(write).collect::<String>())
            }
        };
        self.world.script(&format!("{spec}/{stage}"), &text);
    }

    fn approve(&mut self, spec: usize, stages: &[usize], touched: bool) {
        let name = self.names[spec].clone();
        let args = match (stages, touched) {
            ([gate], false) => {
                vec!["approve".to_owned(), format!("{name}:{}", self.stages[spec][*gate].name)]
            }
            _ => vec!["--touch".to_owned(), "--yes".to_owned(), name],
        };
        self.run(&args, false).exits(0).calls([]);
    }

    fn build(&mut self, goals: &[String], manner: Manner, kill: bool) -> Told {
        let mut args: Vec<String> = ["--format", "json"].map(ToOwned::to_owned).to_vec();
        args.extend(goals.iter().cloned());
        match manner {
            Manner::Plain => {}
            Manner::Always => args.push("-B".to_owned()),
            Manner::WhatIf(spec) => {
                args.extend(["-W".to_owned(), format!("notes/{}.md", self.names[spec])]);
            }
        }
        let plan = self.run(&[&["-n".to_owned()], &args[..]].concat(), false).calls([]).json();
        let foreseen = Some(foreseen(&plan));
        args.push("--yes".to_owned());
        let outcome = self.run(&args, kill);
        let reasons = if kill { BTreeMap::new() } else { reasons(&outcome) };
        Told { reasons, foreseen, code: outcome.code, text: short(&outcome), calls: outcome.calls }
    }
}

/// The stages that a plan says will run, or may, and whether for certain.
fn foreseen(plan: &Value) -> BTreeMap<String, bool> {
    let mut all = BTreeMap::new();
    for spec in plan["specs"].as_array().unwrap() {
        for stage in spec["stages"].as_array().unwrap() {
            let verdict = stage["verdict"]["verdict"].as_str().unwrap();
            if verdict != "up-to-date" {
                let name = |value: &Value| value.as_str().unwrap().to_owned();
                let stage = format!("{}:{}", name(&spec["spec"]), name(&stage["stage"]));
                all.insert(stage, verdict == "out-of-date");
            }
        }
    }
    all
}

/// Why stages were out of date when they were last judged so, by stage.
fn reasons(outcome: &Outcome) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for line in outcome.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let part = |name: &str| event["stage"][name].as_str();
        let (Some("judged"), Some(spec), Some(stage)) =
            (event["event"].as_str(), part("spec"), part("stage"))
        else {
            continue;
        };
        let reasons = event["verdict"]["reasons"].as_array().cloned().unwrap_or_default();
        if reasons.is_empty() {
            continue;
        }
        let words = |reason: Value| words(&serde_json::from_value(reason).unwrap());
        // The first judgement counts: what is found out afterwards explains no more.
        all.entry(format!("{spec}:{stage}")).or_insert_with(|| reasons.into_iter().map(words).collect());
    }
    all
}

/// What is worth a look where something is wrong.
fn short(outcome: &Outcome) -> String {
    let judged = |line: &&str| !line.contains("up-to-date") && line.contains("\"judged\"");
    let judged: Vec<&str> = outcome.stdout.lines().filter(judged).collect();
    format!("specmake {}\n{}\n{}", outcome.args.join(" "), outcome.stderr, judged.join("\n"))
}
