//! The planner, the loop and the verdicts of the program over commits in memory: hands that write what the model
//! says, and everything else that the program does about when and why for real.
mod hands;
mod kept;
mod site;

use crate::model::{Edits, Files};
use crate::program::{Act, Program, Told};
use crate::shape::Shape;
use crate::step::Manner;
use hands::Fingers;
use kept::{Kept, tree, with};
use site::Site;
use specmake::graph::{StageGraph, resolve};
use specmake::model::{self, LoadRequest, Pattern, Text};
use specmake::plan::{Schedule, Terms};
use specmake::rebuild::{Adopted, How, Line, Mark, adopt};
use specmake::run::dispatcher::{Dispatcher, Ending};
use specmake::run::report::Reporter;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc};

/// A repository in memory, and the program on it.
#[derive(Default)]
pub struct Memory {
    kept: Arc<Mutex<Kept>>,
    shape: Option<Shape>,
    checkout: Edits,
    scripts: HashMap<String, Act>,
}

/// The Specfile asks for no other file.
struct NoFiles;

impl model::Files for NoFiles {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn glob(&self, _: &Pattern) -> Vec<String> {
        Vec::new()
    }

    fn spec_folder_has_text(&self, _: &str) -> bool {
        true
    }

    fn folder_exists(&self, _: &str) -> bool {
        true
    }
}

impl Memory {
    fn site(&mut self, what_if: Vec<String>) -> Arc<Site> {
        let shape = self.shape.as_ref().unwrap();
        let agent = format!(
            "agent \"script{}\" model=\"m{}\" {{ command \"script\"; prompt \"stdin\" }}\n",
            shape.agent, shape.model
        );
        let text = Text { name: "Specfile".to_owned(), bytes: (agent + &shape.text()).into_bytes() };
        let request = LoadRequest { specfile: text, repo: "repo".to_owned(), ..LoadRequest::default() };
        let loaded = model::load(&request, &NoFiles);
        let project = loaded.project.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        let graph = Arc::new(StageGraph::new(&project).unwrap());
        Arc::new(Site {
            project: Arc::new(project),
            graph,
            kept: Arc::clone(&self.kept),
            scripts: std::mem::take(&mut self.scripts),
            what_if,
            told: Mutex::default(),
            done: Mutex::default(),
            killed: Notify::new(),
        })
    }
}

impl Program for Memory {
    fn begin(files: &Files, shape: &Shape) -> Self {
        let memory = Self { shape: Some(shape.clone()), ..Self::default() };
        memory.kept.lock().unwrap().commit_on_base("start", files.clone());
        memory
    }

    fn specfile(&mut self, shape: &Shape) {
        self.shape = Some(shape.clone());
    }

    fn write(&mut self, edits: &Edits) {
        for (path, text) in edits {
            self.checkout.retain(|(other, _)| other != path);
            if self.kept.lock().unwrap().base_files().get(path) != text.as_ref() {
                self.checkout.push((path.clone(), text.clone()));
            }
        }
    }

    fn commit(&mut self, message: &str) {
        let mut kept = self.kept.lock().unwrap();
        let files = with(kept.base_files(), &self.checkout);
        kept.commit_on_base(message, files);
        self.checkout.clear();
    }

    fn tip(&self) -> String {
        self.kept.lock().unwrap().base().to_string()
    }

    fn files(&self) -> Files {
        with(self.kept.lock().unwrap().base_files(), &self.checkout)
    }

    fn revert(&mut self, rev: &str) {
        let mut kept = self.kept.lock().unwrap();
        let rev = rev.parse().unwrap();
        let (from, to) = (&kept.trees[&rev], &kept.trees[&kept.commits[&rev].parents[0]]);
        let paths: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        let changed = paths.into_iter().filter(|path| from.get(*path) != to.get(*path));
        let edits: Edits = changed.map(|path| (path.clone(), to.get(path).cloned())).collect();
        let files = with(kept.base_files(), &edits);
        kept.commit_on_base(&format!("Revert\n\nThis reverts commit {rev}.\n"), files);
    }

    fn reset(&mut self, tip: &str) {
        self.kept.lock().unwrap().base = Some(tip.parse().unwrap());
    }

    fn lose(&mut self) {
        self.kept.lock().unwrap().remembered.clear();
    }

    fn go_to_clone(&mut self) {
        self.lose();
    }

    fn script(&mut self, spec: &str, stage: &str, act: &Act) {
        self.scripts.insert(format!("{spec}:{stage}"), act.clone());
    }

    fn approve(&mut self, spec: usize, stages: &[usize], touched: bool) {
        let site = self.site(Vec::new());
        let name = &self.shape.as_ref().unwrap().specs[spec].name;
        let of = site.project.specs.values().find(|spec| spec.name.as_str() == name).unwrap();
        let mut kept = self.kept.lock().unwrap();
        if touched {
            let wanted = resolve(&site.project, &site.graph, std::slice::from_ref(name), None).unwrap();
            let specs: BTreeSet<usize> =
                wanted.places().filter_map(|place| site.graph.spec_of(place)).collect();
            find_by_hand(&mut kept, specs.iter().map(|spec| &site.project.specs[*spec]));
        }
        let how = if touched { How::Touched } else { How::Approved };
        for _ in stages {
            let due = stages.iter().filter(|stage| site.reasons(&kept, of, **stage).is_err());
            let marks: Vec<Mark> = due.map(|stage| site.trace(&kept, of, *stage, how, None)).collect();
            if !marks.is_empty() {
                kept.record(of, &marks);
            }
        }
    }

    fn build(&mut self, goals: &[String], manner: Manner, kill: bool) -> Told {
        let what_if = match manner {
            Manner::WhatIf(spec) => vec![self.shape.as_ref().unwrap().path(spec, "notes/{}.md")],
            _ => Vec::new(),
        };
        let jobs = u32::from(self.shape.as_ref().unwrap().jobs);
        let site = self.site(what_if);
        let wanted = resolve(&site.project, &site.graph, goals, None).unwrap();
        let specs: BTreeSet<usize> = wanted.places().filter_map(|place| site.graph.spec_of(place)).collect();
        {
            let mut kept = self.kept.lock().unwrap();
            find_by_hand(&mut kept, specs.iter().map(|spec| &site.project.specs[*spec]));
            let meant: Vec<&Pattern> = (specs.iter().flat_map(|spec| &site.project.specs[*spec].stages))
                .flat_map(|stage| {
                    stage.inputs.iter().chain(&stage.outputs).chain(stage.tasks.iter().map(|t| &t.file))
                })
                .collect();
            let (taken, left) =
                self.checkout.drain(..).partition(|(path, _)| meant.iter().any(|p| p.matches(path)));
            self.checkout = left;
            let taken: Edits = taken;
            if !taken.is_empty() {
                let message = format!("inputs\n{}", kept.adoption_lines());
                let files = with(kept.base_files(), &taken);
                kept.commit_on_base(&message, files);
            }
            if manner == Manner::Always {
                for spec in wanted.goals().map(|spec| &site.project.specs[spec]) {
                    let void = |stage: &model::Stage| Mark::Void {
                        spec: spec.name.clone(),
                        stage: stage.name.clone(),
                        why: "asked for by `-B`".to_owned(),
                    };
                    kept.record(spec, &spec.stages.iter().map(void).collect::<Vec<_>>());
                }
            }
        }
        let foreseen = site.foreseen(&wanted);
        let schedule = Schedule::new(
            &site.project,
            Arc::clone(&site.graph),
            wanted,
            &Terms { jobs, ..Terms::default() },
        );
        let hands = Arc::new(Fingers(Arc::clone(&site)));
        let project = Arc::clone(&site.project);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let ending: Option<Ending> = runtime.block_on(async {
            let (_keep, interrupts) = mpsc::channel(1);
            let dispatcher = Dispatcher::new(project, schedule, hands, Reporter::silent(), None, 0).seeded(7);
            tokio::select! {
                ending = dispatcher.run(interrupts) => Some(ending.unwrap()),
                () = site.killed.notified() => None,
            }
        });
        let mut told = std::mem::take(&mut *site.told.lock().unwrap());
        assert_eq!(ending.is_none(), kill);
        told.foreseen = Some(foreseen);
        told.code = ending.map_or(137, |ending| i32::from(ending.stuck));
        told
    }
}

/// Remembers what of these specs was done by hand.
fn find_by_hand<'a>(kept: &mut Kept, specs: impl Iterator<Item = &'a model::Spec>) {
    let history = kept.history();
    let (at, files) = (kept.base(), kept.base_files().clone());
    let is_ticked = |path: &str| files.get(path).is_some_and(|text| !text.contains("[ ]"));
    let known = tree(&files);
    for spec in specs {
        let own = kept.branches.get(spec.name.as_str()).map(|(tip, _)| kept.behind(*tip));
        let line = Line::new(&history, own.unwrap_or_default());
        let stages = adopt(spec, &line, &known, &is_ticked);
        if !stages.is_empty() {
            kept.remembered.push(Adopted { spec: spec.name.clone(), stages, at });
        }
    }
}
