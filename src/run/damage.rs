//! What an agent may have broken in its worktree, seen before it does harm.
use super::attempt::Prepared;
use super::site::Site;
use crate::event::Failure;
use crate::model::{FailureClass, Spec};
use crate::rebuild::{Mark, Tree};
use crate::sys::git::GitError;
use crate::sys::worktree::{self, Snapshot, Worktree};
use std::collections::BTreeSet;
use std::path::Path;

impl Site {
    /// Why an attempt cannot count behind one that left a merge in conflict: its markers still stand in a file.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn leftover(&self, prepared: &Prepared, tree: &Tree) -> Result<Option<Failure>, GitError> {
        let mut marked = BTreeSet::new();
        for commit in self.beyond_base(prepared.place.tip, prepared.stage_start)? {
            let left_one = |mark: &Mark| {
                matches!(mark, Mark::Attempt { stage, class: Some(FailureClass::Conflict), .. }
                    if *stage == prepared.id.stage)
            };
            if !commit.marks.iter().any(left_one) {
                continue;
            }
            for change in &commit.changes {
                let now = tree.file(&change.path);
                if let Some(now) = now
                    && has_markers(&self.contents.content(now)?)
                {
                    marked.insert(change.path.to_string());
                }
            }
        }
        let paths: Vec<String> = marked.into_iter().collect();
        let say = || format!("conflict markers are left in `{}`", paths.join("`, `"));
        Ok((!paths.is_empty()).then(|| failure(FailureClass::Conflict, say())))
    }

    /// The worktree of a spec whose branch is ours. A folder in its place that is no worktree any more is moved
    /// aside, and said to be.
    ///
    /// # Errors
    /// Something else lies in its place and must stay there, or git fails.
    pub(super) fn sound_worktree(&self, spec: &Spec, branch: &str) -> Result<Option<Worktree>, GitError> {
        let found = self.worktree_of(spec);
        if matches!(found, Ok(Some(_))) || !self.is_marked(branch) {
            return found;
        }
        let place = worktree::place_as_written(&self.git, &spec.worktree, spec.name.as_str());
        let former = spec.was.as_ref().map(|was| place.with_file_name(was.as_str()));
        let mut moved = false;
        for place in std::iter::once(place).chain(former) {
            let Some(to) = worktree::move_aside(&self.git, &place, branch)? else { continue };
            moved = true;
            self.reporter.warn(format!(
                "the worktree of `{}` was damaged: what lay there is now in `{}`",
                spec.name,
                to.display()
            ));
        }
        if moved { self.worktree_of(spec) } else { found }
    }
}

impl Site {
    /// The worktree at the place of a stage that runs beside others. A folder there that is no worktree any more is
    /// moved aside, and said to be.
    ///
    /// # Errors
    /// git or the disk fails.
    pub(super) fn sound_side(&self, spec: &Spec, place: &Path) -> Result<Option<Worktree>, GitError> {
        // It has no branch that could be checked out elsewhere.
        if let Some(to) = worktree::move_aside(&self.git, place, "")? {
            self.reporter.warn(format!(
                "a worktree of `{}` was damaged: what lay there is now in `{}`",
                spec.name,
                to.display()
            ));
        }
        Worktree::find(&self.git, place)
    }
}

/// Why an attempt cannot count whose worktree can no longer be read.
pub(super) fn damaged(worktree: &Worktree) -> Option<Failure> {
    let failure = || failure(FailureClass::Crash, "its worktree is damaged".to_owned());
    worktree.is_damaged().then(failure)
}

/// Why an attempt cannot count that left a merge in conflict.
///
/// # Errors
/// git fails.
pub(super) fn unmerged(worktree: &Worktree) -> Result<Option<Failure>, GitError> {
    let paths = worktree.unmerged()?;
    let say = || format!("it left a conflict in `{}`: resolve it and `git add` that", paths.join("`, `"));
    Ok((!paths.is_empty()).then(|| failure(FailureClass::Conflict, say())))
}

/// Why an attempt cannot count of whose work a part would be left out.
pub(super) fn left_out(snapshot: &Snapshot) -> Option<Failure> {
    let names = |paths: &[String]| paths.join("`, `");
    let why = if !snapshot.embedded.is_empty() {
        let paths = names(&snapshot.embedded);
        format!("`{paths}` is a repository of its own and would be left out: remove its `.git`")
    } else if !snapshot.unreadable.is_empty() {
        let paths = names(&snapshot.unreadable);
        format!("`{paths}` cannot be read and would be left out: `chmod u+r` it, or remove it")
    } else {
        return None;
    };
    Some(failure(FailureClass::Output, why))
}

/// Whether all three lines of a conflict stand there, in their order.
pub(super) fn has_markers(text: &[u8]) -> bool {
    let mut wanted = [&b"<<<<<<< "[..], b"=======", b">>>>>>> "].into_iter().peekable();
    for line in text.split(|byte| *byte == b'\n') {
        if wanted.peek().is_some_and(|start| line.starts_with(start)) {
            wanted.next();
        }
    }
    wanted.peek().is_none()
}

fn failure(class: FailureClass, message: String) -> Failure {
    Failure::new(class, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_has_three_lines_in_their_order() {
        assert!(has_markers(b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\n"));
        assert!(!has_markers(b"Title\n=======\n<<<<<<< HEAD\n"));
        assert!(!has_markers(b" <<<<<<< HEAD\n=======\n>>>>>>> main\n"));
    }
}
