//! Random histories of edits, builds, reverts, voids and touches, held against a naive model that remembers whole
//! trees and knows nothing of trailers. Each verdict is taken once more on the same commits in another order, as a
//! clone may list them.
use super::repository::{Files, Repository, begun, pattern, spec};
use crate::base::Oid;
use crate::model::Spec;
use crate::rebuild::{Commit, Mark, trailer};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::collections::{BTreeMap, BTreeSet};

const STAGES: [&str; 5] = ["specify", "plan", "tasks", "implement", "check"];
const IMPLEMENT: usize = 3;

/// What the agent writes behind a text that it brought up to date.
const BUILT: &str = ", as built";

fn called(stage: usize) -> &'static str {
    STAGES[stage]
}

#[derive(Debug, Clone)]
enum Step {
    /// A person writes a file of a spec, or one that all read.
    Edit { spec: usize, file: usize, text: u8 },
    /// Builds a spec and what it needs; with a number, only so many of its stages, and lands nothing.
    Build { spec: usize, stages: Option<usize> },
    /// Voids one stage.
    Void { spec: usize, stage: usize },
    /// Takes a spec as done.
    Touch { spec: usize },
    /// Reverts the last commit on the base, if it landed something or reverted that.
    Revert,
}

/// What the model remembers of a stage's last success.
#[derive(Debug, Clone)]
struct Memory {
    at: usize,
    tree: Files,
    results: BTreeMap<usize, Option<String>>,
    /// What the stage before the last handed on, as `check` was given it.
    given: Option<String>,
    handed: Option<String>,
    void: bool,
}

#[derive(Debug, Clone)]
struct Write {
    at: usize,
    path: String,
    /// Spec and stage; a person's without.
    by: Option<(usize, usize)>,
    landed: Option<usize>,
}

#[derive(Debug, Clone)]
struct Landing {
    spec: usize,
    commit: Oid,
    at: usize,
    before: Files,
    after: Files,
    stages: Vec<usize>,
    result: String,
    reverted: bool,
}

struct Tale {
    specs: Vec<Spec>,
    needs: Vec<Vec<usize>>,
    repository: Repository,
    now: usize,
    memories: BTreeMap<(usize, usize), Memory>,
    writes: Vec<Write>,
    landings: Vec<Landing>,
    in_progress: BTreeMap<usize, Vec<usize>>,
    /// For each branch, the tree of the base that it last merged.
    merged: BTreeMap<usize, Files>,
    reverts: Vec<Oid>,
    luck: u64,
}

impl Tale {
    fn new(needs: &[Vec<usize>], luck: u64) -> Self {
        let specs = (0..needs.len()).map(|at| {
            let mut spec = spec(&format!("s{at}"));
            spec.stages[IMPLEMENT].inputs.push(pattern(spec.name.as_str(), "shared/**"));
            spec
        });
        Self {
            specs: specs.collect(),
            needs: needs.to_vec(),
            repository: begun(),
            now: 0,
            memories: BTreeMap::new(),
            writes: Vec::new(),
            landings: Vec::new(),
            in_progress: BTreeMap::new(),
            merged: BTreeMap::new(),
            reverts: Vec::new(),
            luck,
        }
    }

    fn file(spec: usize, file: &str) -> String {
        format!("specs/s{spec}/{file}.md")
    }

    /// The files that a stage reads.
    fn reads(&self, spec: usize, stage: usize, trees: [&Files; 2]) -> BTreeSet<String> {
        let own: &[&str] = match stage {
            0 => &[],
            1 => &["spec"],
            2 => &["plan"],
            3 => &["spec", "plan", "tasks"],
            _ => &["tasks"],
        };
        let mut reads: BTreeSet<String> = own.iter().map(|file| Self::file(spec, file)).collect();
        if stage == IMPLEMENT {
            let all = trees.into_iter().flat_map(|tree| tree.keys());
            reads.extend(all.filter(|path| path.starts_with("shared/")).cloned());
        }
        reads
    }

    fn name(spec: usize) -> String {
        format!("s{spec}")
    }

    fn files(&self, spec: usize) -> Files {
        let name = Self::name(spec);
        self.repository.files(self.in_progress.contains_key(&spec).then_some(name.as_str()))
    }

    fn result(&self, spec: usize) -> Option<String> {
        let standing = self.landings.iter().rev().find(|landing| landing.spec == spec && !landing.reverted);
        standing.map(|landing| landing.result.clone())
    }

    /// The model's verdict: whether a stage is out of date.
    fn is_due(&self, spec: usize, stage: usize) -> bool {
        let Some(memory) = self.memories.get(&(spec, stage)).filter(|memory| !memory.void) else {
            return true;
        };
        let now = self.files(spec);
        for need in &self.needs[spec] {
            if memory.results.get(need) != Some(&self.result(*need)) {
                return true;
            }
        }
        let implement = self.memories.get(&(spec, IMPLEMENT)).filter(|memory| !memory.void);
        if stage > IMPLEMENT && implement.is_some_and(|implement| implement.handed != memory.given) {
            return true;
        }
        let later = (stage..STAGES.len()).filter_map(|later| self.memories.get(&(spec, later)));
        let later = later.filter(|later| !later.void && later.at >= memory.at).map(|later| &later.tree);
        let landed = self.landings.iter().filter(|l| l.spec == spec && l.at > memory.at && !l.reverted);
        let lefts: Vec<&Files> = later.chain(landed.map(|landing| &landing.after)).collect();
        let counts = |write: &Write| match write.by {
            None => write.at > memory.at,
            Some((by, at)) if by == spec => at < stage && write.at > memory.at,
            Some((by, _)) => self.needs[spec].contains(&by) && write.landed.is_some_and(|at| at > memory.at),
        };
        let is_dirty = |path: &String| {
            self.writes.iter().any(|write| write.path == *path && counts(write))
                && !lefts.iter().any(|left| left.get(path) == now.get(path))
        };
        let outputs = ["spec", "plan", "tasks"];
        let output = outputs.get(stage).map(|file| Self::file(spec, file));
        let gone = output.is_some_and(|path| !now.contains_key(&path));
        gone || self.reads(spec, stage, [&now, &memory.tree]).iter().any(is_dirty)
    }

    /// The verdict of the room, the same on the commits in another order.
    fn is_out_of_date(&mut self, spec: usize, stage: usize) -> bool {
        let needs: Vec<&Spec> = self.needs[spec].iter().map(|need| &self.specs[*need]).collect();
        let reasons = self.repository.reasons(&self.specs[spec], called(stage), &needs);
        let other = shuffled(&self.repository.base, &mut self.luck);
        let here = std::mem::replace(&mut self.repository.base, other);
        let cloned = self.repository.reasons(&self.specs[spec], called(stage), &needs);
        self.repository.base = here;
        assert_eq!(cloned, reasons, "on a clone");
        !reasons.is_empty()
    }

    fn compare(&mut self) {
        for spec in 0..self.specs.len() {
            for stage in 0..STAGES.len() {
                let (due, told) = (self.is_due(spec, stage), self.is_out_of_date(spec, stage));
                assert_eq!(told, due, "s{spec}:{} out of date", called(stage));
            }
        }
    }

    fn person(&mut self, message: &str, edits: &[(String, Option<String>)]) -> Oid {
        self.now += 1;
        let edits: Vec<(&str, Option<&str>)> =
            edits.iter().map(|(p, t)| (p.as_str(), t.as_deref())).collect();
        let old = self.repository.files(None);
        for (path, text) in &edits {
            if old.get(*path).map(String::as_str) != *text {
                let path = (*path).to_owned();
                self.writes.push(Write { at: self.now, path, by: None, landed: None });
            }
        }
        self.repository.commit(None, message, &edits)
    }

    /// What the agent of a stage writes, which follows from what it reads; half of all edits make no difference.
    fn work(spec: usize, stage: usize, files: &Files) -> Vec<(String, String)> {
        let read = |file: &str| files.get(&Self::file(spec, file)).cloned().unwrap_or_default();
        let class = |text: String| text.bytes().map(usize::from).sum::<usize>() / 2 % 3;
        match stage {
            0 if read("spec").is_empty() => vec![(Self::file(spec, "spec"), "edit 0".to_owned())],
            1 => vec![(Self::file(spec, "plan"), format!("plan {}", class(read("spec"))))],
            2 => vec![(Self::file(spec, "tasks"), format!("- [ ] {}", class(read("plan"))))],
            3 => vec![
                (Self::file(spec, "spec"), format!("{}{BUILT}", read("spec").trim_end_matches(BUILT))),
                (Self::file(spec, "tasks"), read("tasks").replace("[ ]", "[x]")),
                (format!("src/s{spec}.txt"), format!("code {}", class(read("plan")))),
                (format!("shared/s{spec}.txt"), format!("code {}", class(read("spec")))),
            ],
            _ => Vec::new(),
        }
    }

    fn merge_base_in(&mut self, spec: usize) {
        let name = Self::name(spec);
        let Some(branch) = self.repository.branches.get(&name).cloned() else { return };
        let (base, fork) = (self.repository.files(None), &self.merged[&spec]);
        let own = self.repository.files(Some(&name));
        let mut merged = base.clone();
        for path in own.keys().chain(fork.keys()).filter(|path| own.get(*path) != fork.get(*path)) {
            match own.get(path) {
                Some(text) => merged.insert(path.clone(), text.clone()),
                None => merged.remove(path),
            };
        }
        let parents = vec![branch.last().unwrap().oid, self.repository.base.last().unwrap().oid];
        let oid = self.repository.oid();
        self.repository.trees.insert(oid, merged);
        let merge = Commit::new(oid, parents, "merge", Vec::new());
        self.repository.branches.get_mut(&name).unwrap().push(merge);
        self.merged.insert(spec, base);
    }

    fn run(&mut self, spec: usize, stage: usize) {
        self.now += 1;
        if !self.in_progress.contains_key(&spec) {
            self.merged.insert(spec, self.repository.files(None));
        }
        let before = self.files(spec);
        let edits = Self::work(spec, stage, &before);
        let edits: Vec<&(String, String)> = edits.iter().filter(|(p, t)| before.get(p) != Some(t)).collect();
        let told: Vec<(&str, Option<&str>)> =
            edits.iter().map(|(p, t)| (p.as_str(), Some(t.as_str()))).collect();
        let needs: Vec<&Spec> = self.needs[spec].iter().map(|need| &self.specs[*need]).collect();
        self.repository.run(&self.specs[spec], called(stage), &needs, &told);
        self.in_progress.entry(spec).or_default().push(stage);
        for (path, _) in &edits {
            let by = Some((spec, stage));
            self.writes.push(Write { at: self.now, path: path.clone(), by, landed: None });
        }
        let counted: Vec<_> = edits.iter().filter(|(path, _)| !path.ends_with("tasks.md")).collect();
        self.remember(spec, stage, (!counted.is_empty()).then(|| format!("{counted:?}")));
    }

    fn remember(&mut self, spec: usize, stage: usize, change: Option<String>) {
        let handed = change.or_else(|| self.memories.get(&(spec, stage)).and_then(|m| m.handed.clone()));
        let implement = self.memories.get(&(spec, IMPLEMENT)).filter(|memory| !memory.void);
        let memory = Memory {
            at: self.now,
            tree: self.files(spec),
            results: self.needs[spec].iter().map(|need| (*need, self.result(*need))).collect(),
            given: implement.and_then(|memory| memory.handed.clone()),
            handed: (stage == IMPLEMENT).then_some(handed).flatten(),
            void: false,
        };
        self.memories.insert((spec, stage), memory);
    }

    fn build(&mut self, spec: usize, stages: Option<usize>) {
        for need in self.needs[spec].clone() {
            self.build(need, None);
        }
        self.merge_base_in(spec);
        for stage in 0..stages.unwrap_or(STAGES.len()) {
            let due = self.is_due(spec, stage);
            assert_eq!(self.is_out_of_date(spec, stage), due, "s{spec}:{} in a build", called(stage));
            if due {
                self.run(spec, stage);
            }
        }
        if stages.is_some() {
            return;
        }
        self.land(spec);
        for stage in 0..STAGES.len() {
            assert!(!self.is_out_of_date(spec, stage), "a second build has nothing to do");
        }
    }

    fn land(&mut self, spec: usize) {
        let Some(stages) = self.in_progress.remove(&spec) else { return };
        self.now += 1;
        let (before, former) = (self.repository.files(None), self.result(spec));
        let commit = self.repository.land(&self.specs[spec]);
        let after = self.repository.files(None);
        let differs = |path: &&String| before.get(*path) != after.get(*path);
        let changed: BTreeSet<&String> = before.keys().chain(after.keys()).filter(differs).collect();
        let counted = changed.iter().filter(|path| !path.starts_with(&format!("specs/s{spec}/")));
        let counted: Vec<_> = counted.map(|path| (path, after.get(*path))).collect();
        let result = match former {
            Some(former) if counted.is_empty() => former,
            former => format!("{former:?} {counted:?}"),
        };
        for write in &mut self.writes {
            if write.by.is_some_and(|(by, _)| by == spec) && write.landed.is_none() {
                write.landed = Some(self.now);
            }
        }
        let landing = Landing { spec, commit, at: self.now, before, after, stages, result, reverted: false };
        self.landings.push(landing);
    }

    fn mark(&mut self, spec: usize, mark: &Mark) {
        self.now += 1;
        let name = Self::name(spec);
        let branch = self.in_progress.contains_key(&spec).then_some(name.as_str());
        self.repository.commit(branch, &trailer::write(mark), &[]);
    }

    fn void(&mut self, spec: usize, stage: usize) {
        let Some(memory) = self.memories.get_mut(&(spec, stage)) else { return };
        memory.void = true;
        let name = self.specs[spec].stages[stage].name.clone();
        let mark = Mark::Void { spec: self.specs[spec].name.clone(), stage: name, why: "asked".into() };
        self.mark(spec, &mark);
    }

    /// Takes everything of a spec in progress as done.
    fn touch(&mut self, spec: usize) {
        if !self.in_progress.contains_key(&spec) {
            return;
        }
        self.merge_base_in(spec);
        for stage in 0..STAGES.len() {
            let due = self.is_due(spec, stage);
            assert_eq!(self.is_out_of_date(spec, stage), due);
            let output = ["spec", "plan", "tasks"].get(stage).map(|file| Self::file(spec, file));
            if !due || output.is_some_and(|path| !self.files(spec).contains_key(&path)) {
                continue;
            }
            self.now += 1;
            let needs: Vec<&Spec> = self.needs[spec].iter().map(|need| &self.specs[*need]).collect();
            self.repository.run(&self.specs[spec], called(stage), &needs, &[]);
            self.in_progress.entry(spec).or_default().push(stage);
            self.remember(spec, stage, None);
        }
    }

    fn revert(&mut self) {
        let tip = self.repository.base.last().unwrap().oid;
        let Some(landing) = self.landings.last().cloned() else { return };
        let is_revert = self.reverts.last() == Some(&tip);
        if (landing.commit != tip && !is_revert) || self.in_progress.contains_key(&landing.spec) {
            return;
        }
        let to = if landing.reverted { landing.after } else { landing.before };
        let now = self.repository.files(None);
        let gone = now.keys().filter(|path| !to.contains_key(*path)).map(|path| (path.clone(), None));
        let back = to.iter().map(|(path, text)| (path.clone(), Some(text.clone())));
        let edits: Vec<(String, Option<String>)> = gone.chain(back).collect();
        let revert = self.person(&format!("Revert\n\nThis reverts commit {tip}.\n"), &edits);
        self.reverts.push(revert);
        for stage in landing.stages {
            if let Some(memory) = self.memories.get_mut(&(landing.spec, stage)) {
                memory.void = !landing.reverted;
            }
        }
        if let Some(last) = self.landings.last_mut() {
            last.reverted = !last.reverted;
        }
    }

    fn step(&mut self, step: &Step) {
        let count = self.specs.len();
        match *step {
            Step::Edit { spec, file, text } => {
                let path = match file {
                    0 => Self::file(spec % count, "spec"),
                    1 => Self::file(spec % count, "plan"),
                    2 => Self::file(spec % count, "tasks"),
                    _ => "shared/style.txt".to_owned(),
                };
                if file > 2 || self.repository.files(None).contains_key(&path) {
                    self.person(
                        "by hand",
                        &[(path, Some(format!("edit {}{}", text / 2, BUILT.repeat(usize::from(text % 2)))))],
                    );
                }
            }
            Step::Build { spec, stages } => self.build(spec % count, stages),
            Step::Void { spec, stage } => self.void(spec % count, stage),
            Step::Touch { spec } => self.touch(spec % count),
            Step::Revert => self.revert(),
        }
        self.compare();
    }
}

/// The same commits in another order, ancestors still first.
fn shuffled(commits: &[Commit], luck: &mut u64) -> Vec<Commit> {
    let mut left: Vec<&Commit> = commits.iter().collect();
    let mut done: BTreeSet<Oid> = BTreeSet::new();
    let mut order = Vec::new();
    while !left.is_empty() {
        let is_ready = |commit: &Commit| commit.parents.iter().all(|parent| done.contains(parent));
        let ready: Vec<usize> = (0..left.len()).filter(|at| is_ready(left[*at])).collect();
        *luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = ready[usize::try_from(*luck >> 40).unwrap_or(0) % ready.len()];
        let commit = left.remove(pick);
        done.insert(commit.oid);
        order.push(commit.clone());
    }
    order
}

fn step() -> impl Strategy<Value = Step> {
    let spec = 0..4_usize;
    prop_oneof![
        6 => (spec.clone(), 0..4_usize, 0..4_u8).prop_map(|(spec, file, text)| Step::Edit { spec, file, text }),
        4 => spec.clone().prop_map(|spec| Step::Build { spec, stages: None }),
        2 => (spec.clone(), 1..5_usize).prop_map(|(spec, n)| Step::Build { spec, stages: Some(n) }),
        1 => (spec.clone(), 0..5_usize).prop_map(|(spec, stage)| Step::Void { spec, stage }),
        1 => spec.prop_map(|spec| Step::Touch { spec }),
        1 => Just(Step::Revert),
    ]
}

/// For each spec, which of those before it it needs.
fn needs() -> impl Strategy<Value = Vec<Vec<usize>>> {
    proptest::collection::vec(proptest::bits::u8::masked(7), 3..5).prop_map(|masks| {
        let needed = |at: usize, mask: u8| (0..at.min(3)).filter(|need| mask >> need & 1 == 1).collect();
        masks.into_iter().enumerate().map(|(at, mask)| needed(at, mask)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_a_naive_model(
        needs in needs(),
        steps in proptest::collection::vec(step(), 1..16),
        luck in any::<u64>(),
    ) {
        let mut tale = Tale::new(&needs, luck);
        for step in &steps {
            tale.step(step);
        }
    }
}
