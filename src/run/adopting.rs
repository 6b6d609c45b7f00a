//! What was done by hand before specmake knew, found and remembered.
use super::site::Site;
use crate::base::SpecName;
use crate::model::Spec;
use crate::rebuild::{Adopted, FileId, Last, Line, Tree, adopt};
use crate::sys::git::GitError;
use crate::tasks;

impl Site {
    /// The stages of these specs that count as done by hand on the base as it is now known, and are not yet
    /// known to.
    ///
    /// # Errors
    /// git fails.
    pub fn find_adopted(&self, specs: impl Iterator<Item = usize>) -> Result<Vec<Adopted>, GitError> {
        let base = self.base();
        let tree = self.contents.tree(base.tip)?;
        let mut found = Vec::new();
        for spec in specs.map(|spec| self.spec(spec)) {
            // Most specs have nothing in their folder that a look into the history could be saved for.
            if tree.below(&spec.folder).next().is_none() && spec.stages.iter().all(|s| s.outputs.is_empty()) {
                continue;
            }
            let commits = match self.tip_of(&self.branch_of(spec))? {
                Some(tip) => self.own_commits(&self.branch_of(spec), tip, &base)?,
                None => Vec::new(),
            };
            let line = Line::new(&base.history, commits);
            let stages = adopt(spec, &line, &tree, &|path| self.is_ticked(&tree, path));
            if !stages.is_empty() {
                found.push(Adopted { spec: spec.name.clone(), stages, at: base.tip });
            }
        }
        Ok(found)
    }

    /// Whether every task of a tasks file is ticked.
    fn is_ticked(&self, tree: &Tree, path: &str) -> bool {
        let content = |file: FileId| self.contents.content(file).ok();
        let Some(bytes) = tree.file(path).and_then(content) else { return false };
        tasks::parse(path, &String::from_utf8_lossy(&bytes)).is_ok_and(|tasks| tasks.unticked().is_empty())
    }

    /// Those of these specs that are not declared, and not done either.
    pub fn undeclared_and_undone(&self, specs: impl Iterator<Item = usize>) -> Vec<&Spec> {
        let base = self.base();
        let line = Line::new(&base.history, Vec::new());
        let is_done = |spec: &Spec| {
            let names: Vec<&SpecName> = super::standing::names(spec);
            spec.stages.iter().all(|stage| matches!(line.last(&names, &stage.name), Last::Done { .. }))
        };
        specs.map(|at| self.spec(at)).filter(|spec| !spec.declared && !is_done(spec)).collect()
    }
}
