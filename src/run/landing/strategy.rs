//! How a branch gets onto the base: as a merge, as one commit, or commit by commit. Each keeps the trailers of the
//! branch, by which a landing is known wherever it is met again.
use crate::base::Oid;
use crate::model::{LandStrategy, Spec};
use crate::rebuild::{Commit, Mark, trailer};
use crate::run::site::Site;
use crate::run::standing::{Branch, names};
use crate::sys::git::{GitError, NewCommit};

/// A landing commit to be made: this tree with this message on top of `onto`.
pub(super) struct Wanted<'a> {
    pub(super) spec: &'a Spec,
    pub(super) branch: &'a Branch,
    pub(super) onto: Oid,
    pub(super) tree: Oid,
    pub(super) message: &'a str,
}

impl Site {
    /// The landing commit, and what of the branch comes before it.
    pub(super) fn landing_commit(&self, wanted: &Wanted<'_>) -> Result<Oid, GitError> {
        let Wanted { spec, branch, onto, tree, message } = *wanted;
        let make = |parents: &[Oid], message: &str| {
            self.git.commit_tree(&NewCommit { tree, parents, message, signature: None })
        };
        if self.project.land.strategy == LandStrategy::Merge {
            let parents = [onto, branch.tip];
            let oid = make(&parents, message)?;
            self.known.note(Commit::new(oid, parents.to_vec(), message, Vec::new()));
            return Ok(oid);
        }
        if self.project.land.strategy == LandStrategy::Rebase {
            match self.replayed(branch, onto)? {
                Some(last) if self.git.tree_of(last)? == tree => return make(&[last], message),
                _ => self.reporter.warn(format!(
                    "{}: its commits do not apply one by one, since merges among them settled conflicts: it lands as one commit",
                    spec.name
                )),
            }
        }
        make(&[onto], &with_trailers(message, spec, &branch.commits))
    }

    /// The branch's own commits again, one after the other, without merges. `None`: one does not apply.
    fn replayed(&self, branch: &Branch, onto: Oid) -> Result<Option<Oid>, GitError> {
        let own = self.beyond_base(branch.tip, onto)?;
        let mut last = onto;
        for commit in own.iter().filter(|commit| commit.parents.len() < 2) {
            match self.replay(commit, last)? {
                Some(replayed) => last = replayed,
                None => return Ok(None),
            }
        }
        Ok(Some(last))
    }
}

/// The message with the marks that the spec's commits carry, oldest first, before its own.
fn with_trailers(message: &str, spec: &Spec, commits: &[Commit]) -> String {
    let names = names(spec);
    let marks = commits.iter().flat_map(|commit| &commit.marks).filter(|mark| names.contains(&mark.spec()));
    let kept: Vec<String> =
        marks.filter(|mark| !matches!(mark, Mark::Attempt { .. })).map(trailer::write).collect();
    let (text, own) = message.trim_end().rsplit_once("\n\n").unwrap_or((message.trim_end(), ""));
    format!("{text}\n\n{}\n{own}\n", kept.join("\n"))
}
