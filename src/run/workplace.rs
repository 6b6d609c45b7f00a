//! The worktree and branch of a spec, made ready for its next attempt.
use super::journal::changed;
use super::judging::setup_failure;
use super::site::Site;
use super::standing::{Branch, Merging, Standing};
use crate::base::{Oid, SpecName, StageName};
use crate::event::Failure;
use crate::model::Spec;
use crate::rebuild::{Commit, Mark, trailer};
use crate::sys::git::{GitError, Merge, NewCommit, Operation, RefUpdate, branch_ref};
use crate::sys::landing::Moved;
use crate::sys::worktree::{self, Snapshot, Start, Worktree};
use std::path::PathBuf;

/// Where a spec's stages run.
#[derive(Debug)]
pub struct Workplace {
    /// The worktree.
    pub worktree: Worktree,
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// The commit it is at; the worktree holds exactly that.
    pub tip: Oid,
}

impl Site {
    /// Where a spec's worktree lies.
    ///
    /// # Errors
    /// That would be inside the repository.
    pub fn worktree_path(&self, spec: &Spec) -> Result<PathBuf, GitError> {
        worktree::place(&self.git, &spec.worktree, spec.name.as_str())
    }

    /// The spec's worktree, if there is one.
    ///
    /// # Errors
    /// Something else lies in its place, or git fails.
    pub fn worktree_of(&self, spec: &Spec) -> Result<Option<Worktree>, GitError> {
        let path = self.worktree_path(spec)?;
        match (Worktree::find(&self.git, &path)?, &spec.was) {
            (None, Some(was)) => Worktree::find(&self.git, &path.with_file_name(was.as_str())),
            (found, _) => Ok(found),
        }
    }

    /// The spec's worktree, clean, on its branch, with the base in it.
    ///
    /// # Errors
    /// The failure of the attempt that needed it: our environment's, or a conflict with the base.
    pub fn workplace(&self, spec: &Spec, standing: &Standing) -> Result<Workplace, Failure> {
        let mut place = self.workplace_as_it_is(spec, standing)?;
        self.replay_onto_base(spec, &mut place)?;
        let contains = |branch: &Branch| branch.merging == Merging::Contained && branch.tip == place.tip;
        if place.tip != standing.base && !standing.branch.as_ref().is_some_and(contains) {
            self.merge_base_in(spec, standing.base, &mut place)?;
        }
        Ok(place)
    }

    /// The spec's worktree, clean, on its branch.
    ///
    /// # Errors
    /// Our environment.
    pub(super) fn workplace_as_it_is(&self, spec: &Spec, standing: &Standing) -> Result<Workplace, Failure> {
        let setup = |error: GitError| setup_failure(&error);
        if let Some(why) = self.unkept(&spec.name) {
            let why = format!("what an attempt left in its worktree cannot be kept yet: {why}");
            return Err(setup_failure(&why));
        }
        let branch = self.branch_of(spec);
        let existing = match &standing.branch {
            Some(Branch { tip, .. }) => Some(*tip),
            None => self.landed_branch(spec, &branch)?,
        };
        let tip = existing.unwrap_or(standing.base);
        let found = self.sound_worktree(spec, &branch).map_err(setup)?;
        let is_new = found.is_none();
        let worktree = match found {
            Some(worktree) => worktree,
            None => self.add_worktree(spec, &branch, existing, standing.base).map_err(setup)?,
        };
        let mut place = Workplace { worktree, branch, tip };
        // In a new one nobody has worked yet.
        if !is_new {
            require_at_rest(&place)?;
        }
        if !is_new && let Some(edits) = self.keep_hand_edits(spec, &mut place).map_err(setup)? {
            let (name, top) = (&spec.name, place.worktree.top().display());
            let (edits, branch) = (edits.short(), &place.branch);
            self.reporter.warn(format!("{name}: your edits in `{top}` are now `{edits}` on `{branch}`"));
        }
        if standing.branch.is_none() && place.tip == tip && tip != standing.base {
            // The branch has landed and nothing came after: it begins anew.
            self.back_up_unless_landed(spec, tip, standing.base).map_err(setup)?;
            place.worktree.reset_to(Some(&place.branch), standing.base).map_err(setup)?;
            self.stands_at(&mut place, standing.base);
        }
        Ok(place)
    }

    /// The tip of a branch of ours that is not in progress.
    fn landed_branch(&self, spec: &Spec, branch: &str) -> Result<Option<Oid>, Failure> {
        match self.tip_of(branch).map_err(|e| setup_failure(&e))? {
            Some(_) if !self.is_marked(branch) => Err(setup_failure(&format!(
                "branch `{branch}` is not specmake's: rename or delete it, or give `{}` another `branch`",
                spec.name
            ))),
            tip => Ok(tip),
        }
    }

    fn add_worktree(
        &self,
        spec: &Spec,
        branch: &str,
        existing: Option<Oid>,
        base: Oid,
    ) -> Result<Worktree, GitError> {
        let path = self.worktree_path(spec)?;
        if existing.is_some() {
            return Worktree::add_sparing(&self.git, &path, Start::Branch(branch), self.sparing());
        }
        let start = Start::NewBranch { branch, commit: base, mark: spec.name.as_str() };
        let worktree = Worktree::add_sparing(&self.git, &path, start, self.sparing())?;
        self.note_marked(branch);
        self.note_tip(branch, Some(base));
        Ok(worktree)
    }

    /// What a person changed in the worktree becomes a commit of its own, as a person's, if they did.
    pub(super) fn keep_hand_edits(
        &self,
        spec: &Spec,
        place: &mut Workplace,
    ) -> Result<Option<Oid>, GitError> {
        if let Some(commit) = place.worktree.half_reset()? {
            place.worktree.reset_to(Some(&place.branch), commit)?;
            self.stands_at(place, commit);
        }
        let snapshot = place.worktree.snapshot(place.tip, &[])?;
        if snapshot.changes.is_empty() {
            return Ok(None);
        }
        let message = format!("{}: edits by hand\n", spec.name);
        self.advance(place, &snapshot, &message, &[])?;
        Ok(Some(place.tip))
    }

    fn merge_base_in(&self, spec: &Spec, base: Oid, place: &mut Workplace) -> Result<(), Failure> {
        let setup = |error: GitError| setup_failure(&error);
        if self.has_behind(place.tip, base).map_err(setup)? {
            return Ok(());
        }
        let tree = match self.merged(base, place.tip).map_err(setup)? {
            Merge::Clean(tree) => tree,
            Merge::Conflict { paths, .. } => return Err(self.conflict(spec, &paths)),
        };
        let message = format!("{}: merge `{}`\n", spec.name, self.base_branch);
        let parents = [place.tip, base];
        let commit = NewCommit { tree, parents: &parents, message: &message, signature: None };
        let merged = self.make_merge(&commit).map_err(setup)?;
        match place.worktree.follow(&place.branch, place.tip, merged).map_err(setup)? {
            Moved::Done => place.worktree.init_submodules().map_err(setup)?,
            Moved::Collision { paths } => {
                let paths = paths.join("`, `");
                return Err(setup_failure(&format!(
                    "`{paths}` in the worktree of `{}` is in the way",
                    spec.name
                )));
            }
            Moved::Busy(why) => return Err(setup_failure(&why)),
            Moved::BaseMoved { .. } => {
                return Err(setup_failure(&format!("branch `{}` moved meanwhile; run again", place.branch)));
            }
        }
        self.stands_at(place, merged);
        Ok(())
    }

    /// A commit of what lies in the worktree, and whatever else moves with it. The branch goes there from
    /// wherever an agent left it.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn advance(
        &self,
        place: &mut Workplace,
        snapshot: &Snapshot,
        message: &str,
        also: &[RefUpdate],
    ) -> Result<(), GitError> {
        let parents = [place.tip];
        let commit = NewCommit { tree: snapshot.tree, parents: &parents, message, signature: None };
        let oid = self.git.commit_tree(&commit)?;
        if snapshot.since == place.tip {
            let changes = snapshot.changes.iter().cloned().map(changed).collect();
            self.known.note(Commit::new(oid, parents.to_vec(), message, changes));
        }
        let now = self.git.commit(&branch_ref(&place.branch))?;
        match now {
            Some(now) => place.worktree.settle(snapshot, &place.branch, (now, oid), also)?,
            None => {
                let mut all = also.to_vec();
                all.push(RefUpdate::create(branch_ref(&place.branch), oid));
                self.git.update_refs(&all, "specmake: stage")?;
                place.worktree.settle(snapshot, &place.branch, (oid, oid), &[])?;
            }
        }
        self.stands_at(place, oid);
        Ok(())
    }

    /// A commit that changes nothing: what lies in the worktree cannot be read.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn advance_alone(
        &self,
        place: &mut Workplace,
        message: &str,
        also: &[RefUpdate],
    ) -> Result<(), GitError> {
        let tree = self.git.tree_of(place.tip)?;
        let parents = [place.tip];
        let oid = self.git.commit_tree(&NewCommit { tree, parents: &parents, message, signature: None })?;
        let name = branch_ref(&place.branch);
        let old = self.git.commit(&name)?;
        let mut all = also.to_vec();
        all.push(RefUpdate { name, new: Some(oid), old });
        self.git.update_refs(&all, "specmake: stage")?;
        self.stands_at(place, oid);
        Ok(())
    }

    pub(super) fn stands_at(&self, place: &mut Workplace, tip: Oid) {
        self.note_tip(&place.branch, Some(tip));
        place.tip = tip;
    }
}

/// A person may be in the middle of something there: neither is it ended for them, nor are its half-done files
/// taken for their edits.
pub(super) fn require_at_rest(place: &Workplace) -> Result<(), Failure> {
    let setup = |error: GitError| setup_failure(&error);
    if place.worktree.half_reset().map_err(setup)?.is_some() {
        return Ok(());
    }
    let (git, top) = (place.worktree.git(), place.worktree.top().display());
    if let Some(operation) = Operation::under_way(git.git_dir()) {
        let why = format!("a {operation} is under way in `{top}`: finish it or give it up, then run again");
        return Err(setup_failure(&why));
    }
    match git.branch().map_err(setup)? {
        Some(branch) if branch == place.branch => Ok(()),
        now => {
            let now = now.map_or("no branch".to_owned(), |branch| format!("`{branch}`"));
            let why =
                format!("`{top}` has {now} checked out: `git switch {}` there, then run again", place.branch);
            Err(setup_failure(&why))
        }
    }
}

/// The ref that says that an attempt is under way, and on which commit it began.
pub fn start_ref(spec: &SpecName, stage: &StageName) -> String {
    format!("refs/specmake/start/{spec}/{stage}")
}

/// A commit message of ours: a subject, a body, and our trailers as its last paragraph.
pub fn message(subject: &str, body: &str, marks: &[Mark]) -> String {
    let lines: Vec<String> = marks.iter().map(trailer::write).collect();
    let paragraphs = [subject, body.trim(), &lines.join("\n")];
    let mut text = paragraphs.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}
