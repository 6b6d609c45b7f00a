//! Edits in the user's checkout that belong to what a build reads, and have to be commits first.
use crate::model::{Pattern, Project, Spec};
use crate::rebuild::result::lies_in;
use crate::sys::checkout::{Edit, EditKind, edits};
use crate::sys::git::{Git, GitError};

/// Ingredient files with edits that no commit has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uncommitted {
    /// Those that can be committed.
    pub take: Vec<String>,
    /// Those that cannot, each with why.
    pub left_out: Vec<(String, String)>,
}

/// The edits of a checkout that these specs would read.
///
/// # Errors
/// git fails.
pub fn uncommitted(git: &Git, base: &str, specs: &[&Spec]) -> Result<Uncommitted, GitError> {
    let mut found = Uncommitted::default();
    if git.work_tree().is_none() {
        return Ok(found);
    }
    let all = edits(git)?;
    for edit in all.files.into_iter().filter(|edit| specs.iter().any(|spec| concerns(edit, spec))) {
        let why_not = if all.branch.as_deref() != Some(base) {
            Some(format!("`{base}` is not checked out"))
        } else if let Some(operation) = &all.operation {
            Some(format!("a {operation} is under way"))
        } else if edit.staged_otherwise {
            Some("it is staged with another content".to_owned())
        } else if edit.kind == EditKind::Conflicted {
            Some("it is in conflict".to_owned())
        } else {
            None
        };
        match why_not {
            Some(why) => found.left_out.push((edit.path, why)),
            None => found.take.push(edit.path),
        }
    }
    Ok(found)
}

/// Whether any stage has a file among its ingredients: an input, its tasks, or what a stage before hands on.
pub fn is_ingredient(project: &Project, file: &str) -> bool {
    let reads = |spec: &Spec| {
        let hands_on = |position: usize| spec.stages.iter().any(|stage| stage.waits_for.contains(&position));
        spec.stages.iter().enumerate().any(|(position, stage)| {
            let read = stage.inputs.iter().chain(stage.tasks.iter().map(|tasks| &tasks.file));
            let handed_on = stage.outputs.iter().filter(|_| hands_on(position));
            read.chain(handed_on).any(|pattern| pattern.matches(file))
        })
    };
    project.specs.values().any(reads)
}

/// Whether a spec reads an edited file: one of its ingredients if git tracks it; if not, one that is named, or
/// lies in the spec's folder.
fn concerns(edit: &Edit, spec: &Spec) -> bool {
    let path = edit.path.as_str();
    if path.ends_with('/') {
        return false;
    }
    let mut patterns = spec.stages.iter().flat_map(|stage| {
        stage.inputs.iter().chain(&stage.outputs).chain(stage.tasks.iter().map(|tasks| &tasks.file))
    });
    let is_new = edit.kind == EditKind::Untracked;
    let reads = |pattern: &Pattern| if is_new { pattern.resolved() == path } else { pattern.matches(path) };
    lies_in(path, &spec.folder) || patterns.any(reads)
}
