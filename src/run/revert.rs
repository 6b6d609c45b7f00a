//! Taking a spec back: one commit that undoes what its landings brought, tested and landed like any other.
use super::attempt::blocking;
use super::check::{Check, Tested};
use super::site::Site;
use super::standing::names;
use super::workplace::message;
use crate::base::{Oid, SpecName};
use crate::event::Failure;
use crate::model::{FailureClass, Spec};
use crate::rebuild::{Adopted, Commit, How, LANDING, Line, Mark};
use crate::sys::git::{GitError, Merge, NewCommit, Signature};
use crate::sys::landing::{self as sync, Move, Moved};
use crate::sys::stop::Stop;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a base that somebody else moves is followed.
const REBUILDS: u32 = 5;

/// What taking a spec back would do to the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoing {
    /// The commits that it takes back, those of a landing together, newest first.
    pub takes_back: Vec<Vec<Oid>>,
    /// The paths that it changes, sorted.
    pub paths: Vec<String>,
    base: Oid,
    tree: Oid,
}

/// A path that cannot be taken back, and who wrote it since: subjects of commits on the base, newest first.
pub type Entangled = (String, Vec<String>);

/// What a look at a spec's landings came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undoable {
    /// They can be taken back.
    Yes(Undoing),
    /// There is none that stands.
    NotLanded,
    /// Later work stands on them.
    Entangled(Vec<Entangled>),
}

/// What became of taking a spec back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reverted {
    /// The base is at this commit, which does it.
    Done(Oid, Undoing),
    /// There is nothing to take back.
    NotLanded,
    /// Later work stands on it.
    Entangled(Vec<Entangled>),
    /// Without it the landing's check is red, or cannot be run.
    Failed(Failure),
    /// The base or its checkout cannot move now.
    Busy(String),
    /// We were told to stop.
    Stopped,
}

/// Commits on the base to undo, newest first: what lies between two trees.
struct Step {
    commits: Vec<Oid>,
    from: Oid,
    to: Oid,
}

impl Site {
    /// Looks what taking a spec back would do; only objects are written.
    ///
    /// # Errors
    /// git fails.
    pub fn undoable(&self, spec: &Spec) -> Result<Undoable, GitError> {
        let base = self.base();
        let steps = self.steps_back(spec)?;
        if steps.is_empty() {
            return Ok(Undoable::NotLanded);
        }
        let mut ours = base.tip;
        for step in &steps {
            let tree = match self.git.merge_tree_from(step.from, ours, step.to)? {
                Merge::Clean(tree) => tree,
                Merge::Conflict { paths, .. } => {
                    let since = |path: String| {
                        let who = self.git.mainline_subjects(step.commits[0], base.tip, &path)?;
                        Ok((path, who))
                    };
                    let entangled: Result<Vec<Entangled>, GitError> = paths.into_iter().map(since).collect();
                    return Ok(Undoable::Entangled(entangled?));
                }
            };
            let signature = Some(Signature::timeless());
            let text = "taken back in part\n";
            ours = self.git.commit_tree(&NewCommit { tree, parents: &[ours], message: text, signature })?;
        }
        let changes = self.git.diff_tree(base.tip, ours)?;
        Ok(Undoable::Yes(Undoing {
            takes_back: steps.into_iter().map(|step| step.commits).collect(),
            paths: changes.into_iter().map(|change| change.path).collect(),
            base: base.tip,
            tree: self.git.tree_of(ours)?,
        }))
    }

    /// Takes a spec back: the base moves to a tested commit without what its landings brought.
    ///
    /// # Errors
    /// git fails.
    pub async fn revert(self: &Arc<Self>, position: usize, stop: &Stop) -> Result<Reverted, GitError> {
        for _ in 0..REBUILDS {
            let site = Arc::clone(self);
            let undoable = blocking(move || {
                site.refresh_base()?;
                site.undoable(site.spec(position))
            });
            let undoing = match undoable.await? {
                Undoable::Yes(undoing) => undoing,
                Undoable::NotLanded => return Ok(Reverted::NotLanded),
                Undoable::Entangled(paths) => return Ok(Reverted::Entangled(paths)),
            };
            let commit = self.undoing_commit(self.spec(position), &undoing)?;
            let specs = vec![self.spec(position).name.clone()];
            let tested = Tested { specs, commit, tree: undoing.tree, log: "revert" };
            let check = match self.check(&tested, stop).await {
                // Once more for a flake.
                Check::Red(failure) if failure.class == FailureClass::Check => {
                    self.check(&tested, stop).await
                }
                check => check,
            };
            match check {
                Check::Green => {}
                Check::Red(failure) => return Ok(Reverted::Failed(failure)),
                Check::Stopped => return Ok(Reverted::Stopped),
            }
            let site = Arc::clone(self);
            let moved = blocking(move || site.move_to_undoing(position, commit, &undoing)).await?;
            if let Some(reverted) = moved {
                return Ok(reverted);
            }
        }
        Ok(Reverted::Busy(format!("`{}` kept moving while this was tested", self.base_branch)))
    }

    /// `None`: the base was not where it should be.
    fn move_to_undoing(
        &self,
        position: usize,
        commit: Oid,
        undoing: &Undoing,
    ) -> Result<Option<Reverted>, GitError> {
        let step = Move {
            branch: self.base_branch.clone(),
            old: undoing.base,
            new: commit,
            reason: format!("specmake: revert {}", self.spec(position).name),
        };
        self.own_moves.lands(commit);
        Ok(match sync::move_branch(&self.git, &step)? {
            Moved::BaseMoved { .. } => None,
            Moved::Busy(why) => Some(Reverted::Busy(why.to_string())),
            Moved::Collision { paths } => Some(Reverted::Busy(format!(
                "`{}` in your checkout is not as on `{}`: commit, move or restore it",
                paths.join("`, `"),
                self.base_branch
            ))),
            Moved::Done => {
                self.base_moved(commit)?;
                self.adoptions_recorded();
                Some(Reverted::Done(commit, undoing.clone()))
            }
        })
    }

    /// It says what it reverts in git's own words, and voids what the journal holds of the spec, which outlives a
    /// rebase that gives those commits other names.
    fn undoing_commit(&self, spec: &Spec, undoing: &Undoing) -> Result<Oid, GitError> {
        let body: Vec<String> =
            undoing.takes_back.iter().flatten().map(|oid| format!("This reverts commit {oid}.")).collect();
        let void = |stage: &crate::model::Stage| Mark::Void {
            spec: spec.name.clone(),
            stage: stage.name.clone(),
            why: "reverted by `specmake revert`".to_owned(),
        };
        let mut marks: Vec<Mark> = spec.stages.iter().map(void).collect();
        marks.extend(self.base().unrecorded.iter().map(Adopted::mark));
        let text = message(&format!("revert {}", spec.name), &body.join("\n"), &marks);
        let parents = [undoing.base];
        let commit = NewCommit { tree: undoing.tree, parents: &parents, message: &text, signature: None };
        self.git.commit_tree(&commit)
    }

    /// The commits that brought what stands of a spec, newest first.
    fn steps_back(&self, spec: &Spec) -> Result<Vec<Step>, GitError> {
        let base = self.base();
        let line = Line::new(&base.history, Vec::new());
        let mut steps = BTreeMap::new();
        for name in names(spec) {
            for (seq, trace) in line.standing_landings(name) {
                let commit = line.commit(seq);
                let Some(before) = commit.parents.first().copied() else { continue };
                // The record of a landing made elsewhere changes nothing itself: its branch did.
                let branch = commit.parents.get(1).copied().filter(|_| trace.how == How::Elsewhere);
                let step = match branch {
                    Some(tip) => {
                        let to = self.git.merge_base(tip, before)?.unwrap_or(before);
                        Step { commits: vec![commit.oid], from: tip, to }
                    }
                    None => replayed(&line, commit, &names(spec)),
                };
                steps.insert(seq, step);
            }
        }
        for seq in names(spec).into_iter().flat_map(|name| line.traced(name)) {
            let oid = line.commit(seq).oid;
            if steps.iter().any(|(at, step): (&usize, &Step)| {
                line.brought_or_is(*at, seq) || step.commits.contains(&oid)
            }) {
                continue;
            }
            // What came by a pull stands for itself.
            let is_own = |merge: &usize| {
                let tip = line.commit(*merge).parents.get(1).and_then(|oid| line.seq(*oid));
                tip.is_some_and(|tip| {
                    line.commit(tip).marks.iter().any(|mark| names(spec).contains(&mark.spec()))
                })
            };
            let bringer = line.bringer(seq).filter(is_own).unwrap_or(seq);
            let commit = line.commit(bringer);
            let Some(to) = commit.parents.first().copied() else { continue };
            steps.insert(bringer, Step { commits: vec![commit.oid], from: commit.oid, to });
        }
        Ok(steps.into_values().rev().collect())
    }
}

/// A landing with the commits of its branch that were replayed below it, if they were.
fn replayed(line: &Line<'_>, landing: &Commit, names: &[&SpecName]) -> Step {
    let before = |commit: &Commit| commit.parents.first().copied();
    let mut step =
        Step { commits: vec![landing.oid], from: landing.oid, to: before(landing).unwrap_or(landing.oid) };
    if landing.parents.len() > 1 || !landing.changes.is_empty() {
        return step;
    }
    // What stands between two stages of the spec came with them, whoever wrote it.
    let mut passed = Vec::new();
    let mut at = before(landing);
    while let Some(commit) = at.and_then(|oid| line.seq(oid)).map(|seq| line.commit(seq)) {
        let ran = |mark: &Mark| match mark {
            Mark::Trace(trace) => {
                names.contains(&&trace.spec)
                    && !matches!(trace.how, How::Touched | How::Elsewhere)
                    && trace.stages.iter().all(|stage| stage.as_str() != LANDING)
            }
            Mark::Attempt { spec, .. } => names.contains(&spec),
            Mark::Void { .. } => false,
        };
        let of_others = commit.marks.iter().any(|mark| mark.makes_ours() && !ran(mark));
        let Some(parent) = before(commit).filter(|_| commit.parents.len() == 1 && !of_others) else { break };
        passed.push(commit.oid);
        if commit.marks.iter().any(ran) {
            step.commits.append(&mut passed);
            step.to = parent;
        }
        at = Some(parent);
    }
    step
}
