//! Stories of edits and runs, told on histories in memory.
use super::judge::{Deed, NeedNow, Question, judge, manifest, trace};
use super::mark::{How, LANDING, Mark, Trace};
use super::result::{Changed, landing_result, result_of};
use super::*;
use crate::base::{Oid, PipelineName, SpecName, StageName, Stamp, Stamper};
use crate::event::Verdict;
use crate::model::{Ladders, Pattern, Prompt, PromptSource, Spec, Stage, Tasks, Work};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

type Files = BTreeMap<String, String>;

/// A repository in memory: a base, at most one branch for each spec, and every tree by commit.
#[derive(Default)]
struct Repository {
    base: Vec<Commit>,
    branches: BTreeMap<String, Vec<Commit>>,
    trees: HashMap<Oid, Files>,
    count: u8,
}

impl Trees for Repository {
    fn file(&self, commit: Oid, path: &str) -> Result<Option<FileId>, Unreadable> {
        let tree = self.trees.get(&commit).ok_or_else(|| Unreadable(format!("no commit {commit}")))?;
        Ok(tree.get(path).map(|text| file(text)))
    }

    fn stamps(&self, files: &[FileId]) -> Result<Vec<Stamp>, Unreadable> {
        Ok(files.iter().map(|f| Stamp::of(f.oid.as_bytes())).collect())
    }
}

fn file(text: &str) -> FileId {
    let stamp = Stamper::new("x").field(text.as_bytes()).stamp().to_string();
    FileId { mode: 0o100_644, oid: format!("{stamp}00000000").parse().unwrap() }
}

fn tree(files: &Files) -> Tree {
    Tree::new(files.iter().map(|(path, text)| (path.as_str().into(), file(text))).collect())
}

fn difference(old: &Files, new: &Files) -> Vec<Changed> {
    let gone = old.keys().filter(|p| !new.contains_key(*p)).map(|p| (p.as_str().into(), None));
    let written = new.iter().filter(|(p, t)| old.get(*p) != Some(t));
    gone.chain(written.map(|(p, t)| (p.as_str().into(), Some(file(t))))).collect()
}

impl Repository {
    fn oid(&mut self) -> Oid {
        self.count += 1;
        format!("{:02x}", self.count).repeat(20).parse().unwrap()
    }

    fn line_of(&mut self, branch: Option<&str>) -> &mut Vec<Commit> {
        match branch {
            None => &mut self.base,
            Some(name) => self.branches.entry(name.to_owned()).or_default(),
        }
    }

    fn tip(&self, branch: Option<&str>) -> Option<Oid> {
        let own = branch.and_then(|name| self.branches.get(name)).and_then(|commits| commits.last());
        own.or(self.base.last()).map(|c| c.oid)
    }

    fn files(&self, branch: Option<&str>) -> Files {
        self.tip(branch).and_then(|tip| self.trees.get(&tip)).cloned().unwrap_or_default()
    }

    fn commit(&mut self, branch: Option<&str>, message: &str, edits: &[(&str, Option<&str>)]) -> Oid {
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
    fn edit(&mut self, edits: &[(&str, Option<&str>)]) -> Oid {
        self.commit(None, "by hand", edits)
    }

    fn history(&self) -> History {
        History::new(self.base.clone())
    }

    fn ask<T>(&self, spec: &Spec, stage: &str, needs: &[&Spec], ask: impl FnOnce(&Question<'_>) -> T) -> T {
        let history = self.history();
        let branch = spec.name.as_str();
        let line = Line::new(&history, self.branches.get(branch).cloned().unwrap_or_default());
        let tree = tree(&self.files(self.branches.contains_key(branch).then_some(branch)));
        let needs: Vec<NeedNow<'_>> = needs
            .iter()
            .map(|need| NeedNow {
                spec: need,
                via_layer: false,
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
            agent_counts: false,
            model_counts: false,
            what_if: &[],
        })
    }

    /// The reasons why a stage is out of date; none if it is up to date.
    fn reasons(&self, spec: &Spec, stage: &str, needs: &[&Spec]) -> Vec<String> {
        match self.ask(spec, stage, needs, |q| judge(q).unwrap().verdict) {
            Verdict::OutOfDate { reasons } => reasons.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    /// Runs a stage on the spec's branch.
    fn run(&mut self, spec: &Spec, stage: &str, needs: &[&Spec], edits: &[(&str, Option<&str>)]) {
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
    fn land(&mut self, spec: &Spec) -> Oid {
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
    fn build(&mut self, spec: &Spec, needs: &[&Spec]) -> Oid {
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

    fn all(&self, spec: &Spec, needs: &[&Spec]) -> Vec<String> {
        let out = spec.stages.iter().filter(|s| !self.reasons(spec, s.name.as_str(), needs).is_empty());
        out.map(|s| s.name.to_string()).collect()
    }
}

fn pattern(name: &str, symbolic: &str) -> Pattern {
    Pattern::new(symbolic, &symbolic.replace("{spec}", name)).unwrap()
}

fn stage(name: &str, stage: &str, position: usize, inputs: &[&str], outputs: &[&str]) -> Stage {
    let patterns = |all: &[&str]| all.iter().map(|p| pattern(name, p)).collect();
    let work = if stage == "check" {
        Work::Run { line: "true".into() }
    } else {
        let prompt = Prompt { text: "built in".into(), source: PromptSource::BuiltIn };
        Work::Agent { agent: crate::base::AgentName::new("a").unwrap(), model: None, prompt }
    };
    Stage {
        name: StageName::new(stage).unwrap(),
        span: crate::base::Span::default(),
        work,
        declared_agent: None,
        inputs: patterns(inputs),
        outputs: patterns(outputs),
        waits_for: position.checked_sub(1).into_iter().collect(),
        env: Vec::new(),
        symbolic_env: Vec::new(),
        when: None,
        timeout: None,
        stall: None,
        ladders: Ladders::default(),
        tasks: (stage == "implement")
            .then(|| Tasks { file: pattern(name, "specs/{spec}/tasks.md"), parallel: 1 }),
        pools: Vec::new(),
        resources: Vec::new(),
        alone: false,
    }
}

fn spec(name: &str) -> Spec {
    let [spec_md, plan_md, tasks_md] = ["spec", "plan", "tasks"].map(|f| format!("specs/{{spec}}/{f}.md"));
    Spec {
        name: SpecName::new(name).unwrap(),
        span: crate::base::Span::default(),
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

fn begun() -> Repository {
    let mut repository = Repository::default();
    repository.edit(&[("README.md", Some("hello"))]);
    repository
}

#[test]
fn built_once_there_is_nothing_to_do() {
    let (mut repository, a) = (begun(), spec("a"));
    assert_eq!(repository.reasons(&a, "plan", &[]), ["never ran"]);
    repository.build(&a, &[]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn an_edited_output_is_the_input_of_the_stages_behind() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    repository.edit(&[("specs/a/spec.md", Some("other"))]);
    assert_eq!(repository.all(&a, &[]), ["plan", "implement"]);
    assert_eq!(repository.reasons(&a, "plan", &[]), ["input `specs/a/spec.md` changed"]);
    repository.edit(&[("specs/a/spec.md", Some("spec"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0], "an edit taken back counts for nothing");
}

#[test]
fn unticking_a_task_reruns_implement_and_ticking_it_again_undoes_that() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001 a"))]);
    assert_eq!(repository.reasons(&a, "implement", &[]), ["input `specs/a/tasks.md` changed"]);
    repository.edit(&[("specs/a/tasks.md", Some("- [x] T001 a"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001 a"))]);
    repository.run(&a, "implement", &[], &[("specs/a/tasks.md", Some("- [x] T001 a"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0], "only ticks changed, so check stays up to date");
    repository.land(&a);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn what_specmake_landed_dirties_nobody() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    let reads_all = |mut s: Spec| {
        s.stages[3].inputs.push(pattern(s.name.as_str(), "src/**"));
        s
    };
    let (a, b) = (reads_all(a), reads_all(b));
    repository.build(&a, &[]);
    repository.build(&b, &[]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    repository.edit(&[("src/b.txt", Some("by a person"))]);
    assert_eq!(repository.all(&a, &[]), ["implement"]);
    assert_eq!(repository.reasons(&a, "implement", &[]), ["input `src/**` changed (src/b.txt)"]);
}

#[test]
fn a_need_that_lands_another_result_dirties_and_the_same_result_does_not() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    repository.build(&a, &[]);
    repository.build(&b, &[&a]);
    assert_eq!(repository.all(&b, &[&a]), [""; 0]);
    repository.edit(&[("specs/a/spec.md", Some("other"))]);
    repository.run(&a, "plan", &[], &[]);
    repository.run(&a, "implement", &[], &[]);
    repository.land(&a);
    assert_eq!(repository.all(&b, &[&a]), [""; 0], "early cutoff");
    repository.edit(&[("specs/a/spec.md", Some("third"))]);
    repository.run(&a, "plan", &[], &[]);
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("other code"))]);
    repository.land(&a);
    assert_eq!(repository.all(&b, &[&a]).len(), 5);
    assert_eq!(repository.reasons(&b, "specify", &[&a]), ["`a` landed a different result"]);
}

#[test]
fn a_revert_voids_and_its_revert_restores() {
    let (mut repository, a) = (begun(), spec("a"));
    let before = repository.files(None);
    let landing = repository.build(&a, &[]);
    let after = repository.files(None);
    let undo: Vec<(&str, Option<&str>)> =
        after.keys().filter(|p| !before.contains_key(*p)).map(|p| (p.as_str(), None)).collect();
    let revert =
        repository.commit(None, &format!("Revert\n\nThis reverts commit {landing}, reversing\n"), &undo);
    assert_eq!(repository.all(&a, &[]).len(), 5);
    assert!(repository.reasons(&a, "plan", &[])[0].starts_with("reverted by"));
    let redo: Vec<(&str, Option<&str>)> = after
        .iter()
        .filter(|(p, _)| !before.contains_key(*p))
        .map(|(p, t)| (p.as_str(), Some(t.as_str())))
        .collect();
    repository.commit(None, &format!("Reapply\n\nThis reverts commit {revert}.\n"), &redo);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn a_description_counts_for_the_first_stage_and_a_void_for_its_own() {
    let (mut repository, mut a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    a.description = Some("do more".into());
    assert_eq!(repository.all(&a, &[]), ["specify"]);
    assert_eq!(repository.reasons(&a, "specify", &[]), ["description changed"]);
    a.description = Some("do it".into());
    let void =
        Mark::Void { spec: a.name.clone(), stage: a.stages[4].name.clone(), why: "asked for by `-B`".into() };
    repository.commit(None, &trailer::write(&void), &[]);
    assert_eq!(repository.all(&a, &[]), ["check"]);
    assert_eq!(repository.reasons(&a, "check", &[]), ["asked for by `-B`"]);
}

#[test]
fn a_removed_output_is_made_again() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    repository.edit(&[("specs/a/plan.md", None)]);
    assert_eq!(repository.reasons(&a, "plan", &[]), ["output `specs/a/plan.md` was removed"]);
}

#[test]
fn a_rename_alone_is_no_write() {
    let (mut repository, a) = (begun(), spec("a-old"));
    repository.build(&a, &[]);
    let mut renamed = spec("b-new");
    renamed.was = Some(a.name.clone());
    let files = repository.files(None);
    let mut moves: Vec<(String, Option<String>)> = Vec::new();
    for (path, text) in files.iter().filter(|(p, _)| p.starts_with("specs/a-old/")) {
        moves.push((path.clone(), None));
        moves.push((path.replace("a-old", "b-new"), Some(text.clone())));
    }
    let moves: Vec<(&str, Option<&str>)> = moves.iter().map(|(p, t)| (p.as_str(), t.as_deref())).collect();
    repository.edit(&moves);
    assert_eq!(repository.all(&renamed, &[]), [""; 0]);
}

#[test]
fn what_was_done_by_hand_is_adopted_and_later_edits_count() {
    let mut repository = begun();
    let a = spec("a");
    let at = repository.edit(&[("specs/a/spec.md", Some("mine")), ("specs/a/plan.md", Some("mine"))]);
    let found = |repository: &Repository, ticked: bool| {
        let history = repository.history();
        let line = Line::new(&history, Vec::new());
        adopt(&a, &line, &tree(&repository.files(None)), &|_| ticked)
    };
    let names = |stages: Vec<StageName>| stages.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(found(&repository, true)), ["specify", "plan"]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001"))]);
    assert_eq!(names(found(&repository, false)), ["specify", "plan", "tasks"]);
    assert_eq!(names(found(&repository, true)), ["specify", "plan", "tasks", "implement", "check"]);
    let line = format!("Specmake-Trace: v1 a specify,plan how=adopted at={at}");
    repository.commit(None, &line, &[]);
    assert_eq!(repository.all(&a, &[]), ["tasks", "implement", "check"]);
    repository.edit(&[("specs/a/spec.md", Some("edited"))]);
    assert_eq!(repository.reasons(&a, "plan", &[]), ["input `specs/a/spec.md` changed"]);
    assert_eq!(repository.reasons(&a, "specify", &[]), [""; 0]);
}

#[test]
fn work_on_a_branch_does_not_count_for_the_base_until_it_landed() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.run(&a, "specify", &[], &[("specs/a/spec.md", Some("spec"))]);
    assert_eq!(repository.all(&a, &[]), ["plan", "tasks", "implement", "check"]);
    let branch: Arc<[Commit]> = repository.branches["a"].clone().into();
    let history = repository.history();
    assert!(!Line::new(&history, branch.to_vec()).has_landed(&[&a.name]));
    repository.land(&a);
    let history = repository.history();
    assert!(Line::new(&history, branch.to_vec()).has_landed(&[&a.name]));
}
