//! Where a spec stands: which tree its next stage would run on, and which history that tree has.
use super::site::{Base, Results, Site};
use crate::base::{Oid, SpecName};
use crate::model::Spec;
use crate::rebuild::{Commit, History, Line, Tree};
use crate::sys::git::{GitError, Merge};
use std::sync::Arc;

/// A spec's tree and history, at one moment.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The base's commit.
    pub base: Oid,
    /// The base's history.
    pub history: Arc<History>,
    /// The results that specs have in it.
    pub results: Results,
    /// The spec's branch, if it is in progress.
    pub branch: Option<Branch>,
    /// The tree's name.
    pub tree_oid: Oid,
    /// The tree: the base's, or that of the branch merged with the base.
    pub tree: Arc<Tree>,
}

/// The branch of a spec in progress.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Its name without `refs/heads/`.
    pub name: String,
    /// Its tip.
    pub tip: Oid,
    /// What it has beyond the base, oldest first.
    pub commits: Vec<Commit>,
    /// How it and the base come together.
    pub merging: Merging,
}

/// How a branch and the base come together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// The branch has the base in it.
    Contained,
    /// They merge.
    Clean,
    /// What they shared has left the base: the branch's own commits apply to what the base is now.
    Replayed,
    /// They do not, because of these paths.
    Conflict(Vec<String>),
    /// What they shared has left the base, and the branch's own commits do not apply, because of these paths.
    Apart(Vec<String>),
}

impl Standing {
    /// The history that the spec sees.
    pub fn line(&self) -> Line<'_> {
        let commits = self.branch.as_ref().map(|branch| branch.commits.clone());
        Line::new(&self.history, commits.unwrap_or_default())
    }

    /// The paths that keep the branch and the base apart.
    pub fn conflict(&self) -> Option<&[String]> {
        match &self.branch {
            Some(Branch { merging: Merging::Conflict(paths) | Merging::Apart(paths), .. }) => Some(paths),
            _ => None,
        }
    }

    /// Whether a merge of the base would settle the conflict.
    pub fn can_be_settled(&self) -> bool {
        matches!(&self.branch, Some(Branch { merging: Merging::Conflict(_), .. }))
    }
}

/// The names under which the journal may know a spec.
pub fn names(spec: &Spec) -> Vec<&SpecName> {
    std::iter::once(&spec.name).chain(spec.was.as_ref()).collect()
}

impl Site {
    /// Where a spec stands now.
    ///
    /// # Errors
    /// git fails.
    pub fn standing(&self, spec: &Spec) -> Result<Standing, GitError> {
        let base = self.base();
        let name = self.branch_of(spec);
        let branch = match self.tip_of(&name)? {
            Some(tip) => self.branch_in_progress(spec, name, tip, &base)?,
            None => None,
        };
        let tree_oid = match &branch {
            None => base.tip,
            Some((branch, None)) => branch.tip,
            Some((_, Some(merged))) => *merged,
        };
        let tree = self.contents.tree(tree_oid)?;
        let branch = branch.map(|(branch, _)| branch);
        Ok(Standing { base: base.tip, history: base.history, results: base.results, branch, tree_oid, tree })
    }

    /// The branch and, unless it has the base in it, the tree that the two make.
    fn branch_in_progress(
        &self,
        spec: &Spec,
        name: String,
        tip: Oid,
        base: &Base,
    ) -> Result<Option<(Branch, Option<Oid>)>, GitError> {
        let names = names(spec);
        let commits = self.own_commits(&name, tip, base)?;
        let is_ours = self.is_marked(&name)
            || commits.iter().any(|c| c.marks.iter().any(|mark| names.contains(&mark.spec())));
        if !is_ours || Line::new(&base.history, commits.clone()).has_landed(&names) {
            return Ok(None);
        }
        let (clean, merge) = match self.lost_fork(&name, tip, base)? {
            Some(fork) => (Merging::Replayed, self.git.merge_tree_from(fork, base.tip, tip)?),
            None if tip == base.tip || commits.iter().any(|commit| commit.parents.contains(&base.tip)) => {
                return Ok(Some((Branch { name, tip, commits, merging: Merging::Contained }, None)));
            }
            None => (Merging::Clean, self.merged(base.tip, tip)?),
        };
        let (merging, tree) = match merge {
            Merge::Clean(tree) => (clean, Some(tree)),
            Merge::Conflict { paths, .. } if clean == Merging::Replayed => (Merging::Apart(paths), None),
            Merge::Conflict { paths, .. } => (Merging::Conflict(paths), None),
        };
        Ok(Some((Branch { name, tip, commits, merging }, tree)))
    }
}
