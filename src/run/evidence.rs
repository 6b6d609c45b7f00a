//! What an attempt left behind, held against what its stage promises. No exit code and no word of an agent is proof.
use super::contents::Contents;
use crate::event::Failure;
use crate::model::{FailureClass, Pattern, Spec, Stage, Work};
use crate::rebuild::Tree;
use crate::rebuild::result::Changed;
use crate::sys::git::GitError;
use crate::tasks;
use std::path::Path;

/// What an attempt is judged by.
pub struct Evidence<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// The position of the stage.
    pub stage: usize,
    /// The tree that was left.
    pub tree: &'a Tree,
    /// What changed since the stage began.
    pub changed: &'a [Changed],
    /// Whether the stage was ever done before.
    pub had_trace: bool,
    /// Where blobs are read.
    pub contents: &'a Contents,
    /// Where the attempt ran.
    pub worktree: &'a Path,
}

impl Evidence<'_> {
    /// What is missing, if anything is.
    ///
    /// # Errors
    /// A blob cannot be read.
    pub fn lack(&self) -> Result<Option<Failure>, GitError> {
        let stage = &self.spec.stages[self.stage];
        for output in &stage.outputs {
            if self.tree.matching(output).next().is_none() {
                return Ok(Some(failure(FailureClass::Output, self.missing(output))));
            }
        }
        if let Some(lack) = self.tasks_lack()? {
            return Ok(Some(lack));
        }
        if self.change_is_due() && !self.changed.iter().any(|(path, _)| !self.is_tasks_file(path)) {
            return Ok(Some(failure(FailureClass::Empty, "it changed nothing".to_owned())));
        }
        Ok(None)
    }

    fn missing(&self, output: &Pattern) -> String {
        if output.is_glob() || !self.worktree.join(output.resolved()).exists() {
            return format!("output `{output}` is missing");
        }
        format!("output `{output}` is there, but git does not take it: it is ignored, empty or behind a link")
    }

    /// The first tasks file that does not parse, among outputs and the stage's own; or tasks left in the latter.
    fn tasks_lack(&self) -> Result<Option<Failure>, GitError> {
        let stage = &self.spec.stages[self.stage];
        let own = stage.tasks.as_ref().map(|tasks| &tasks.file);
        let files = self.spec.stages.iter().filter_map(|s| s.tasks.as_ref()).map(|tasks| &tasks.file);
        let made = files.filter(|file| stage.outputs.iter().any(|output| output.matches(file.resolved())));
        for file in made.chain(own) {
            if let Some(lack) = self.tasks_file_lack(file, own == Some(file))? {
                return Ok(Some(lack));
            }
        }
        Ok(None)
    }

    fn tasks_file_lack(&self, file: &Pattern, must_be_done: bool) -> Result<Option<Failure>, GitError> {
        let Some((path, id)) = self.tree.matching(file).next() else {
            return Ok(Some(failure(FailureClass::Output, format!("tasks file `{file}` is missing"))));
        };
        let text = String::from_utf8_lossy(&self.contents.content(id)?).into_owned();
        let parsed = if must_be_done { tasks::parse(path, &text) } else { tasks::check(path, &text) };
        let tasks = match parsed {
            Ok(tasks) => tasks,
            Err(error) => return Ok(Some(failure(FailureClass::Output, format!("`{path}`: {error}")))),
        };
        let left: Vec<&str> = tasks.unticked().into_iter().map(|line| line.id.as_str()).collect();
        if !must_be_done || left.is_empty() {
            return Ok(None);
        }
        let shown = left.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let message =
            format!("{} of {} tasks in `{path}` are not ticked: {shown}", left.len(), tasks.lines.len());
        Ok(Some(failure(FailureClass::Incomplete, message)))
    }

    /// Whether the stage must change something: an agent's, without outputs and never done before. One behind
    /// another such stage reviews what that one changed, and may find nothing to do.
    fn change_is_due(&self) -> bool {
        let changes = |stage: &Stage| matches!(stage.work, Work::Agent { .. }) && stage.outputs.is_empty();
        let before = self.spec.before(self.stage);
        !self.had_trace
            && changes(&self.spec.stages[self.stage])
            && !before.iter().any(|before| changes(&self.spec.stages[*before]))
    }

    fn is_tasks_file(&self, path: &str) -> bool {
        self.spec.stages[self.stage].tasks.as_ref().is_some_and(|tasks| tasks.file.matches(path))
    }
}

fn failure(class: FailureClass, message: String) -> Failure {
    Failure::new(class, message)
}
