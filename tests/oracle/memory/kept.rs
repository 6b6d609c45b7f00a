//! Commits in memory: a base, and a branch for each spec in progress.
use crate::model::{Edits, Files};
use specmake::base::{Oid, SpecName, Stamp, Stamper};
use specmake::model::Spec;
use specmake::rebuild::result::Changed;
use specmake::rebuild::{
    Adopted, Change, Commit, FileId, History, Line, Mark, Tree, Trees, Unreadable, trailer,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Commits, and where branches stand.
#[derive(Default)]
pub struct Kept {
    pub commits: HashMap<Oid, Commit>,
    pub trees: HashMap<Oid, Files>,
    pub base: Option<Oid>,
    /// Tip, and the commit of the base that it last took in.
    pub branches: BTreeMap<String, (Oid, Oid)>,
    pub remembered: Vec<Adopted>,
    pub count: u32,
}

pub fn file(text: &str) -> FileId {
    let stamp = Stamper::new("x").field(text.as_bytes()).stamp().to_string();
    FileId { mode: 0o100_644, oid: format!("{stamp}00000000").parse().unwrap() }
}

pub fn tree(files: &Files) -> Tree {
    Tree::new(files.iter().map(|(path, text)| (path.as_str().into(), file(text))).collect())
}

pub fn difference(old: &Files, new: &Files) -> Vec<Changed> {
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    changed.map(|path| (path.as_str().into(), new.get(path).map(|text| file(text)))).collect()
}

pub fn with(files: &Files, edits: &Edits) -> Files {
    let mut files = files.clone();
    for (path, text) in edits {
        match text {
            Some(text) => files.insert(path.clone(), text.clone()),
            None => files.remove(path),
        };
    }
    files
}

impl Trees for Kept {
    fn file(&self, commit: Oid, path: &str) -> Result<Option<FileId>, Unreadable> {
        Ok(self.trees[&commit].get(path).map(|text| file(text)))
    }

    fn tree(&self, commit: Oid) -> Result<Arc<Tree>, Unreadable> {
        Ok(Arc::new(tree(&self.trees[&commit])))
    }

    fn stamps(&self, files: &[FileId]) -> Result<Vec<Stamp>, Unreadable> {
        Ok(files.iter().map(|file| Stamp::of(file.oid.as_bytes())).collect())
    }
}

impl Kept {
    pub fn base(&self) -> Oid {
        self.base.unwrap()
    }

    pub fn base_files(&self) -> &Files {
        &self.trees[&self.base()]
    }

    /// A commit and all behind it, ancestors first.
    pub fn behind(&self, tip: Oid) -> Vec<Commit> {
        let (mut seen, mut order, mut left) = (HashSet::new(), Vec::new(), vec![(tip, false)]);
        while let Some((oid, is_done)) = left.pop() {
            if is_done {
                order.push(self.commits[&oid].clone());
            } else if seen.insert(oid) {
                left.push((oid, true));
                left.extend(self.commits[&oid].parents.iter().rev().map(|parent| (*parent, false)));
            }
        }
        order
    }

    pub fn history(&self) -> History {
        let mut history = History::new(self.behind(self.base()));
        self.remembered.iter().for_each(|adopted| history.adopt(adopted));
        history
    }

    pub fn keep(&mut self, parents: Vec<Oid>, message: &str, files: Files) -> Oid {
        self.count += 1;
        let oid: Oid = format!("{:08x}", self.count).repeat(5).parse().unwrap();
        let changes = match parents.as_slice() {
            [] => difference(&Files::new(), &files),
            [parent] => difference(&self.trees[parent], &files),
            _ => Vec::new(),
        };
        let changes = changes.into_iter().map(|(path, new)| Change { path, new }).collect();
        self.commits.insert(oid, Commit::new(oid, parents, message, changes));
        self.trees.insert(oid, files);
        oid
    }

    pub fn commit_on_base(&mut self, message: &str, files: Files) {
        self.base = Some(self.keep(self.base.into_iter().collect(), message, files));
    }

    pub fn branch_of(&self, spec: &Spec, history: &History) -> Option<(Oid, Oid)> {
        let branch = [Some(&spec.name), spec.was.as_ref()].into_iter().flatten();
        let branch = branch.into_iter().find_map(|name| self.branches.get(name.as_str()).copied())?;
        let names: Vec<&SpecName> = std::iter::once(&spec.name).chain(spec.was.as_ref()).collect();
        (!Line::new(history, self.behind(branch.0)).has_landed(&names)).then_some(branch)
    }

    /// The branch merged with the base.
    pub fn files_of(&self, branch: Option<(Oid, Oid)>) -> Files {
        let Some((tip, fork)) = branch else { return self.base_files().clone() };
        let (own, fork) = (&self.trees[&tip], &self.trees[&fork]);
        let paths: BTreeSet<&String> = own.keys().chain(fork.keys()).collect();
        let changed = paths.into_iter().filter(|path| own.get(*path) != fork.get(*path));
        with(self.base_files(), &changed.map(|path| (path.clone(), own.get(path).cloned())).collect())
    }

    /// The spec's branch, begun if there is none, with the base in it.
    pub fn take_base(&mut self, spec: &Spec) -> Oid {
        let base = self.base();
        let history = self.history();
        let tip = match self.branch_of(spec, &history) {
            None => base,
            Some((tip, fork)) if fork == base => tip,
            Some((tip, fork)) => {
                let files = self.files_of(Some((tip, fork)));
                self.keep(vec![tip, base], "merge", files)
            }
        };
        self.branches.insert(spec.name.to_string(), (tip, base));
        tip
    }

    /// A mark on the spec's branch if it is in progress, else on the base.
    pub fn record(&mut self, spec: &Spec, marks: &[Mark]) {
        let message: Vec<String> = marks.iter().map(trailer::write).collect();
        let message = message.join("\n");
        match self.branch_of(spec, &self.history()) {
            Some((tip, fork)) => {
                let files = self.trees[&tip].clone();
                let tip = self.keep(vec![tip], &message, files);
                self.branches.insert(spec.name.to_string(), (tip, fork));
            }
            None => {
                let message = message + &self.adoption_lines();
                self.commit_on_base(&message, self.base_files().clone());
            }
        }
    }

    pub fn adoption_lines(&self) -> String {
        self.remembered.iter().map(|adopted| format!("\n{}", trailer::write(&adopted.mark()))).collect()
    }
}
