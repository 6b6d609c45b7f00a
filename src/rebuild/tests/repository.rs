//! A repository in memory, and specs for stories.
use crate::base::{AgentName, Oid, PipelineName, Span, SpecName, StageName, Stamp, Stamper};
use crate::event::Verdict;
use crate::model::{Ladders, Pattern, Prompt, PromptSource, Spec, Stage, StageSettings, Tasks, Work};
use crate::rebuild::deed::{Deed, manifest, trace};
use crate::rebuild::judge::{NeedNow, Question, judge};
use crate::rebuild::mark::{How, LANDING, Mark, Trace};
use crate::rebuild::result::{Changed, landing_result, result_of};
use crate::rebuild::{Adopted, Change, Commit, FileId, History, Line, Tree, Trees, Unreadable, trailer};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub(super) type Files = BTreeMap<String, String>;

/// A repository in memory: a base, at most one branch for each spec, and every tree by commit.
#[derive(Clone, Default)]
pub(super) struct Repository {
    pub base: Vec<Commit>,
    pub branches: BTreeMap<String, Vec<Commit>>,
    pub trees: HashMap<Oid, Files>,
    /// What the index knows to be done by hand.
    pub remembered: Vec<Adopted>,
    /// Whether needs are a layer's.
    pub via_layer: bool,
    /// Whether agent and model as declared are ingredients.
    pub taste_counts: bool,
    count: u32,
}

impl Trees for Repository {
    fn file(&self, commit: Oid, path: &str) -> Result<Option<FileId>, Unreadable> {
        let tree = self.trees.get(&commit).ok_or_else(|| Unreadable(format!("no commit {commit}")))?;
        Ok(tree.get(path).map(|text| file(text)))
    }

    fn tree(&self, commit: Oid) -> Result<Arc<Tree>, Unreadable> {
        let files = self.trees.get(&commit).ok_or_else(|| Unreadable(format!("no commit {commit}")))?;
        Ok(Arc::new(tree(files)))
    }

    fn stamps(&self, files: &[FileId]) -> Result<Vec<Stamp>, Unreadable> {
        Ok(files.iter().map(|f| Stamp::of(f.oid.as_bytes())).collect())
    }
}

pub(super) fn file(text: &str) -> FileId {
    let stamp = Stamper::new("x").field(text.as_bytes()).stamp().to_string();
    FileId { mode: 0o100_644, oid: format!("{stamp}00000000").parse().unwrap() }
}

pub(super) fn tree(files: &Files) -> Tree {
    Tree::new(files.iter().map(|(path, text)| (path.as_str().into(), file(text))).collect())
}

pub(super) fn difference(old: &Files, new: &Files) -> Vec<Changed> {
    let gone = old.keys().filter(|p| !new.contains_key(*p)).map(|p| (p.as_str().into(), None));
    let written = new.iter().filter(|(p, t)| old.get(*p) != Some(t));
    gone.chain(written.map(|(p, t)| (p.as_str().into(), Some(file(t))))).collect()
}

impl Repository {
    pub fn oid(&mut self) -> Oid {
        self.count += 1;
        format!("{:08x}", self.count).repeat(5).parse().unwrap()
    }

    fn line_of(&mut self, branch: Option<&str>) -> &mut Vec<Commit> {
        match branch {
            None => &mut self.base,
            Some(name) => self.branches.entry(name.to_owned()).or_default(),
        }
    }

    pub fn tip(&self, branch: Option<&str>) -> Option<Oid> {
        let own = branch.and_then(|name| self.branches.get(name)).and_then(|commits| commits.last());
        own.or(self.base.last()).map(|c| c.oid)
    }

    pub fn files(&self, branch: Option<&str>) -> Files {
        self.tip(branch).and_then(|tip| self.trees.get(&tip)).cloned().unwrap_or_default()
    }

    pub fn commit(&mut self, branch: Option<&str>, message: &str, edits: &[(&str, Option<&str>)]) -> Oid {
        let old = self.files(branch);
        let mut new = old.clone();
        for (path, text) in edits {
            match text {
                Some(text) => new.insert((*path).to_owned(), (*text).to_owned()),
                None => new.remove(*path),
            };
        }
        let changes = difference(&old, &new).into_iter().map(|(path, new)| Change { path, new }).collect();
        let parents = self.tip(branch).into_iter().collect();
        let oid = self.oid();
        self.trees.insert(oid, new);
        self.line_of(branch).push(Commit::new(oid, parents, message, changes));
        oid
    }

    /// A person's commit on the base.
    pub fn edit(&mut self, edits: &[(&str, Option<&str>)]) -> Oid {
        self.commit(None, "by hand", edits)
    }

    pub fn history(&self) -> History {
        let mut history = History::new(self.base.clone());
        self.remembered.iter().for_each(|adopted| history.adopt(adopted));
        history
    }

    pub fn ask<T>(
        &self,
        spec: &Spec,
        stage: &str,
        needs: &[&Spec],
        ask: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let history = self.history();
        let branch = spec.name.as_str();
        let line = Line::new(&history, self.branches.get(branch).cloned().unwrap_or_default());
        let tree = tree(&self.files(self.branches.contains_key(branch).then_some(branch)));
        let needs: Vec<NeedNow<'_>> = needs
            .iter()
            .map(|need| NeedNow {
                spec: need,
                via_layer: self.via_layer,
                result: result_of(need, &line, self).unwrap(),
            })
            .collect();
        ask(&Question {
            spec,
            stage: spec.position(&StageName::new(stage).unwrap()).unwrap(),
            line: &line,
            tree: &tree,
            trees: self,
            needs: &needs,
            agent_counts: self.taste_counts,
            model_counts: self.taste_counts,
            what_if: &[],
        })
    }

    /// The reasons why a stage is out of date; none if it is up to date.
    pub fn reasons(&self, spec: &Spec, stage: &str, needs: &[&Spec]) -> Vec<String> {
        match self.ask(spec, stage, needs, |q| judge(q).unwrap().verdict) {
            Verdict::OutOfDate { reasons } => reasons.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    /// Runs a stage on the spec's branch.
    pub fn run(&mut self, spec: &Spec, stage: &str, needs: &[&Spec], edits: &[(&str, Option<&str>)]) {
        let branch = spec.name.as_str().to_owned();
        let start = self.tip(Some(&branch)).unwrap();
        let old = self.files(Some(&branch));
        let mut new = old.clone();
        for (path, text) in edits {
            match text {
                Some(text) => new.insert((*path).to_owned(), (*text).to_owned()),
                None => new.remove(*path),
            };
        }
        let trace = self.ask(spec, stage, needs, |question| {
            let former_change = judge(question).unwrap().former_change;
            let deed = Deed {
                how: How::Ran,
                from: start,
                seen: &manifest(question).unwrap(),
                left: &tree(&new),
                changed: &difference(&old, &new),
                former_change,
            };
            trace(question, &deed).unwrap()
        });
        self.commit(Some(&branch), &trailer::write(&Mark::Trace(trace)), edits);
    }

    /// Lands a spec with a merge, in whose tree the branch wins.
    pub fn land(&mut self, spec: &Spec) -> Oid {
        let branch = self.branches.remove(spec.name.as_str()).expect("a branch to land");
        let base = self.files(None);
        let landed = self.trees[&branch.last().unwrap().oid].clone();
        let fork = branch[0].parents[0];
        let changed = difference(&self.trees[&fork], &landed);
        let mut merged = base.clone();
        for (path, file) in &changed {
            match file {
                Some(_) => merged.insert(path.to_string(), landed[&**path].clone()),
                None => merged.remove(&**path),
            };
        }
        let history = self.history();
        let line = Line::new(&history, branch.clone());
        let former = result_of(spec, &Line::new(&history, Vec::new()), self).unwrap();
        let result = landing_result(spec, former, &difference(&base, &merged), &tree(&merged), self).unwrap();
        drop(line);
        let message = trailer::write(&Mark::Trace(Trace {
            spec: spec.name.clone(),
            stages: vec![StageName::new(LANDING).unwrap()],
            how: How::Ran,
            at: None,
            from: None,
            change: None,
            result: Some(result),
            ingredients: BTreeMap::new(),
        }));
        let parents = vec![self.base.last().unwrap().oid, branch.last().unwrap().oid];
        let oid = self.oid();
        self.trees.insert(oid, merged);
        self.base.extend(branch);
        self.base.push(Commit::new(oid, parents, &message, Vec::new()));
        oid
    }

    /// From nothing to landed, in the manner of an agent that writes every file it should.
    pub fn build(&mut self, spec: &Spec, needs: &[&Spec]) -> Oid {
        let name = spec.name.as_str();
        let path = |file: &str| format!("specs/{name}/{file}");
        let (spec_md, plan_md, tasks_md, code) =
            (path("spec.md"), path("plan.md"), path("tasks.md"), format!("src/{name}.txt"));
        self.run(spec, "specify", needs, &[(&spec_md, Some("spec"))]);
        self.run(spec, "plan", needs, &[(&plan_md, Some("plan"))]);
        self.run(spec, "tasks", needs, &[(&tasks_md, Some("- [ ] T001 a"))]);
        self.run(spec, "implement", needs, &[(&tasks_md, Some("- [x] T001 a")), (&code, Some("code"))]);
        self.run(spec, "check", needs, &[]);
        self.land(spec)
    }

    pub fn all(&self, spec: &Spec, needs: &[&Spec]) -> Vec<String> {
        let out = spec.stages.iter().filter(|s| !self.reasons(spec, s.name.as_str(), needs).is_empty());
        out.map(|s| s.name.to_string()).collect()
    }
}

pub(super) fn pattern(name: &str, symbolic: &str) -> Pattern {
    Pattern::new(symbolic, &symbolic.replace("{spec}", name)).unwrap()
}

pub(super) fn stage(name: &str, stage: &str, position: usize, inputs: &[&str], outputs: &[&str]) -> Stage {
    let patterns = |all: &[&str]| all.iter().map(|p| pattern(name, p)).collect();
    let work = if stage == "check" {
        Work::Run { line: "true".into() }
    } else {
        let prompt = Prompt { text: "built in".into(), source: PromptSource::BuiltIn };
        Work::Agent { agent: AgentName::new("a").unwrap(), model: None, prompt }
    };
    let settings = StageSettings {
        name: StageName::new(stage).unwrap(),
        span: Span::default(),
        work,
        declared_agent: None,
        waits_for: position.checked_sub(1).into_iter().collect(),
        symbolic_env: Vec::new(),
        when: None,
        timeout: None,
        stall: None,
        ladders: Ladders::default(),
        pools: Vec::new(),
        resources: Vec::new(),
        alone: false,
    };
    let tasks =
        (stage == "implement").then(|| Tasks { file: pattern(name, "specs/{spec}/tasks.md"), parallel: 1 });
    Stage { inputs: patterns(inputs), outputs: patterns(outputs), tasks, ..Stage::new(settings) }
}

pub(super) fn spec(name: &str) -> Spec {
    let [spec_md, plan_md, tasks_md] = ["spec", "plan", "tasks"].map(|f| format!("specs/{{spec}}/{f}.md"));
    Spec {
        name: SpecName::new(name).unwrap(),
        span: Span::default(),
        declared: true,
        description: Some("do it".into()),
        layer: None,
        pipeline: PipelineName::new("specmake").unwrap(),
        stages: vec![
            stage(name, "specify", 0, &[], &[&spec_md]),
            stage(name, "plan", 1, &[&spec_md], &[&plan_md]),
            stage(name, "tasks", 2, &[&plan_md], &[&tasks_md]),
            stage(name, "implement", 3, &[&spec_md, &plan_md], &[]),
            stage(name, "check", 4, &[], &[]),
        ],
        template: None,
        folder: format!("specs/{name}"),
        branch: format!("spec/{name}"),
        worktree: String::new(),
        needs: Vec::new(),
        after: Vec::new(),
        touches: Vec::new(),
        exports: Vec::new(),
        estimate: None,
        priority: 0,
        when: None,
        was: None,
        parked: None,
        params: BTreeMap::new(),
        cancel_on_failure: false,
    }
}

pub(super) fn begun() -> Repository {
    let mut repository = Repository::default();
    repository.edit(&[("README.md", Some("hello"))]);
    repository
}
