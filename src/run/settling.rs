//! A conflict with the base, settled by an agent in the spec's own worktree, where the merge is begun with its markers
//! in place. Until it ends well a ref says that it is under way; else what is there is kept as a backup, and the
//! worktree is as it was.
mod back;
mod person;
mod prompt;

use super::attempt::{Prepared, blocking};
use super::damage::{damaged, has_markers, left_out};
use super::ending::failure_of;
use super::hands::{Order, Outcome, manner, settler};
use super::judging::setup_failure;
use super::launch::{Around, Ground};
use super::leak::Named;
use super::parts::Parts;
use super::site::Site;
use super::spent::Used;
use super::standing::names;
use super::telling::Past;
use super::told::Ran;
use super::workplace::{Workplace, message};
use crate::base::{Oid, SpecName, StageId, StageName, english};
use crate::event::Failure;
use crate::model::{FailureClass, Spec};
use crate::rebuild::{Last, Mark};
use crate::sys::child::Cut;
use crate::sys::git::{GitError, Merge, NewCommit, RefUpdate, branch_ref};
use crate::sys::stop::Stop;
use crate::sys::worktree::{Begun, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

/// Merges under way that an agent settles, by spec; each at the commit that the branch was at.
const MERGES: &str = "refs/specmake/merge/";

/// What backups of such merges are called, in the place of a stage.
const MERGE: &str = "merge";

/// The most paths that a message names.
const SHOWN: usize = 5;

/// A merge in conflict.
#[derive(Debug)]
pub(super) struct Clash {
    /// The base's commit.
    pub base: Oid,
    /// The paths that conflict.
    pub paths: Vec<String>,
    /// The tree that git made of it, markers and all.
    pub tree: Oid,
}

struct Begin {
    prepared: Prepared,
    clash: Clash,
}

/// The ref that says that a spec's merge is under way.
pub(super) fn merge_ref(spec: &SpecName) -> String {
    format!("{MERGES}{spec}")
}

impl Site {
    /// Lets an agent settle the conflict of a spec's branch with the base, if there still is one.
    pub async fn settle(self: Arc<Self>, order: Order, spec: usize, stage: usize, stop: Stop) -> Outcome {
        let (site, ordered) = (Arc::clone(&self), order.clone());
        let begun = blocking(move || site.begin_to_settle(&ordered, spec, stage)).await;
        let Begin { mut prepared, clash } = match begun {
            Ok(begun) => begun,
            Err(outcome) => return outcome,
        };
        let ran = self.run_in(&mut prepared, &order, &stop).await;
        let site = Arc::clone(&self);
        blocking(move || site.end_settling(prepared, &clash, &order, (spec, stage), ran)).await
    }

    fn begin_to_settle(&self, order: &Order, position: usize, stage: usize) -> Result<Begin, Outcome> {
        let setup = |error: GitError| Outcome::Failed(setup_failure(&error));
        let turn = self.turn_of(position);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = self.spec(position);
        let id = StageId::new(&spec.name, &spec.stages[stage].name);
        let standing = self.standing(spec).map_err(setup)?;
        match standing.conflict() {
            None => return Err(Outcome::Settled { tried: false }),
            Some(paths) if !standing.can_be_settled() => {
                return Err(Outcome::Held(self.conflict(spec, paths)));
            }
            Some(_) => {}
        }
        let place = self.workplace_as_it_is(spec, &standing)?;
        let base = standing.base;
        let Some(clash) = self.clash(place.tip, base).map_err(setup)? else {
            return Err(Outcome::Settled { tried: false });
        };
        let log = format!("logs/{}/{}/{}.{}.log", self.run, id.spec, id.stage, order.attempt);
        let slot = self.slot(position);
        let around = Around { site: self, id: &id, attempt: order.attempt, slot, folder: &spec.folder };
        let worktree = &place.worktree;
        let past = Past { done: false, stopped: None, was_refused: false, diff: String::new() };
        let ground =
            Ground { around: &around, worktree, log: &log, past: &past, since: (place.tip, place.tip) };
        let parts = self.settling_parts(order, spec, stage, &ground, &clash)?;
        let ready = worktree.is_ready();
        let lines = if ready { &[][..] } else { &self.project.settings.setup };
        let setup_lines = around.setup_lines(worktree.top(), lines);
        self.bring_in(worktree)?;
        let refs = self.refs_before().map_err(setup)?;
        let under_way = RefUpdate::create(merge_ref(&spec.name), place.tip);
        self.git.update_refs(&[under_way], "specmake: merge").map_err(setup)?;
        let title = self.merge_title(spec);
        let begun = worktree.begin_merge(&base.to_string(), &title, (place.tip, clash.tree)).map_err(setup);
        let why = match begun {
            Ok(Begun::Conflict) => None,
            Ok(Begun::InTheWay(path)) => {
                Some(format!("`{path}` in the worktree of `{}` is in the way", spec.name))
            }
            Err(outcome) => {
                self.take_merge_back(spec, place.tip).map_err(setup)?;
                return Err(outcome);
            }
        };
        if let Some(why) = why {
            self.take_merge_back(spec, place.tip).map_err(setup)?;
            return Err(Outcome::Failed(setup_failure(&why)));
        }
        let started = place.tip;
        let prepared = Prepared {
            id,
            place,
            side: None,
            started,
            step: order.rung.as_ref().map_or("fix", |rung| rung.step.name()),
            setup: setup_lines,
            parts,
            seen: BTreeMap::new(),
            stage_start: started,
            had_trace: true,
            former_change: None,
            log,
            refused: None,
            refs,
            start: None,
            used: Used::default(),
            began: SystemTime::now(),
            named: Named::default(),
        };
        Ok(Begin { prepared, clash })
    }

    /// What a merge of the base into a branch comes to, if the two do not merge.
    pub(super) fn clash(&self, tip: Oid, base: Oid) -> Result<Option<Clash>, GitError> {
        // In the order in which it would land.
        let Merge::Conflict { paths, .. } = self.git.merge_tree(base, tip)? else { return Ok(None) };
        let (Merge::Clean(tree) | Merge::Conflict { tree, .. }) = self.git.merge_tree(tip, base)?;
        Ok(Some(Clash { base, paths, tree }))
    }

    fn settling_parts(
        &self,
        order: &Order,
        spec: &Spec,
        stage: usize,
        ground: &Ground<'_>,
        clash: &Clash,
    ) -> Result<Parts, Failure> {
        let declared = &spec.stages[manner(spec, stage)];
        let Some(name) = settler(spec, stage, order.rung.as_ref()) else {
            let why =
                format!("nobody settles the conflict: `{}` has no agent, so `fix` must name one", spec.name);
            return Err(setup_failure(&why));
        };
        let agent = self.project.agents.get(name);
        let agent = agent.ok_or_else(|| setup_failure(&format!("there is no agent `{name}`")))?;
        let model = declared.model_for(name);
        let text = self.settling_prompt(order, spec, &spec.stages[stage], ground, clash);
        let mut parts = Parts::default();
        parts.all.push_back(self.agent_process(&text, declared, ground, (agent, model, None))?);
        parts.model = model.or(agent.model.as_deref()).map(ToOwned::to_owned);
        parts.agent = Some(name.clone());
        Ok(parts)
    }

    fn end_settling(
        &self,
        mut prepared: Prepared,
        clash: &Clash,
        order: &Order,
        (spec, stage): (usize, usize),
        ran: Result<Ran, Failure>,
    ) -> Outcome {
        let spec = self.spec(spec);
        let refs = self.refs_after(&prepared.id);
        let took = ran.as_ref().map_or(Duration::ZERO, |ran| ran.exit.duration);
        let (ended, stopped) = match &ran {
            Ok(ran) if ran.exit.cut == Some(Cut::Stopped) => (Err(Failure::stopped()), true),
            Ok(ran) => (self.settled_or_failed(&mut prepared, clash, (spec, stage), ran), false),
            Err(failure) => (Err(failure.clone()), false),
        };
        let outcome = match ended {
            Ok(()) => {
                self.report_end(&prepared, order, took, None);
                Outcome::Settled { tried: true }
            }
            Err(mut failure) => {
                if let Ok(ran) = &ran {
                    failure = self.or_limit(failure, prepared.parts.last.as_ref(), ran);
                }
                failure.message = self.mask.text(&failure.message).into_owned();
                failure.log.get_or_insert_with(|| prepared.log.clone());
                self.report_end(&prepared, order, took, Some(failure.clone()));
                match self.take_merge_back(spec, prepared.started) {
                    Err(error) => Outcome::Failed(setup_failure(&error)),
                    Ok(_) if stopped => Outcome::Stopped,
                    Ok(backup) => {
                        self.tell_of_backup(&spec.name, backup.as_deref());
                        Outcome::Failed(failure)
                    }
                }
            }
        };
        self.tell_of_others(&prepared, refs);
        outcome
    }

    /// The merge is made, or what is wrong with how the conflict was settled.
    fn settled_or_failed(
        &self,
        prepared: &mut Prepared,
        clash: &Clash,
        (spec, stage): (&Spec, usize),
        ran: &Ran,
    ) -> Result<(), Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let worktree = &prepared.place.worktree;
        if let Some(failure) = damaged(worktree) {
            return Err(failure);
        }
        let unmerged = worktree.unmerged().map_err(setup)?;
        let snapshot = worktree.snapshot(prepared.started, &[]).map_err(setup)?;
        if let Some(leak) = self.leak(prepared, spec, stage, &snapshot).map_err(setup)? {
            return Err(leak);
        }
        if let Some(failure) = failure_of(ran, &spec.stages[manner(spec, stage)], true) {
            return Err(failure);
        }
        if let Some(why) = &prepared.refused {
            return Err(Failure::new(FailureClass::Check, format!("the agent says: {why}")));
        }
        if let Some(failure) = left_out(&snapshot) {
            return Err(failure);
        }
        if let Some(why) = self.not_settled(prepared, clash, &snapshot, &unmerged).map_err(setup)? {
            return Err(Failure::new(FailureClass::Conflict, why));
        }
        if let Some(name) = worktree.unpushed_submodule(&snapshot.changes).map_err(setup)? {
            let why = format!("it moved submodule `{name}` to a commit that is not on its remote");
            return Err(Failure::new(FailureClass::Output, why));
        }
        let outside = self.git.diff_tree(clash.tree, snapshot.tree).map_err(setup)?;
        let outside: Vec<String> = outside
            .into_iter()
            .map(|change| change.path)
            .filter(|path| !clash.paths.contains(path))
            .collect();
        self.commit_merge(spec, &mut prepared.place, clash.base, &snapshot).map_err(setup)?;
        if !outside.is_empty() {
            let paths = shown(&outside);
            self.reporter.warn(format!("{}: settling the conflict also changed {paths}", spec.name));
        }
        Ok(())
    }

    /// Why what lies in the worktree settles nothing.
    fn not_settled(
        &self,
        prepared: &Prepared,
        clash: &Clash,
        snapshot: &Snapshot,
        unmerged: &[String],
    ) -> Result<Option<String>, GitError> {
        let base = &self.base_branch;
        if snapshot.changes.is_empty() && self.is_given_up(prepared, clash)? {
            return Ok(Some(format!("it gave the merge up: nothing of `{base}` is left in it")));
        }
        let (ours, begun) = (self.contents.tree(prepared.started)?, self.contents.tree(clash.tree)?);
        let left = self.contents.tree(snapshot.tree)?;
        let changed = self.git.diff_tree(clash.tree, snapshot.tree)?;
        let changed: BTreeSet<&str> = changed.iter().map(|change| change.path.as_str()).collect();
        let conflicting: BTreeSet<&str> = clash.paths.iter().map(String::as_str).collect();
        let mut marked = Vec::new();
        for path in conflicting.union(&changed) {
            if let Some(file) = left.file(path)
                && has_markers(&self.contents.content(file)?)
            {
                marked.push((*path).to_owned());
            }
        }
        if !marked.is_empty() {
            return Ok(Some(format!("conflict markers are left in {}", shown(&marked))));
        }
        let undecided = conflicting.difference(&changed).filter(|path| unmerged.iter().any(|at| at == *path));
        let undecided: Vec<String> = undecided.map(|path| (*path).to_owned()).collect();
        if !undecided.is_empty() {
            return Ok(Some(format!("{} is left undecided", shown(&undecided))));
        }
        let taken_back = changed.difference(&conflicting).filter(|path| {
            let (ours, begun, left) = (ours.file(path), begun.file(path), left.file(path));
            left == ours && begun != ours
        });
        let taken_back: Vec<String> = taken_back.map(|path| (*path).to_owned()).collect();
        Ok((!taken_back.is_empty())
            .then(|| format!("it takes back what `{base}` has in {}", shown(&taken_back))))
    }

    /// Whether nothing says any more that a merge was to be made.
    fn is_given_up(&self, prepared: &Prepared, clash: &Clash) -> Result<bool, GitError> {
        let worktree = &prepared.place.worktree;
        let head = worktree.git().commit("HEAD")?;
        Ok(!worktree.is_merging()
            && !head.is_some_and(|head| self.git.is_ancestor(clash.base, head).unwrap_or_default()))
    }

    /// The merge as a commit; the spec's `check` no longer counts.
    fn commit_merge(
        &self,
        spec: &Spec,
        place: &mut Workplace,
        base: Oid,
        snapshot: &Snapshot,
    ) -> Result<(), GitError> {
        let before = place.tip;
        let check = spec.stages.iter().find(|stage| stage.name.as_str() == "check");
        let standing = self.standing_at(place)?;
        let is_done =
            |stage: &StageName| matches!(standing.line().last(&names(spec), stage), Last::Done { .. });
        let void = check.filter(|check| is_done(&check.name)).map(|check| Mark::Void {
            spec: spec.name.clone(),
            stage: check.name.clone(),
            why: format!("a conflict with `{}` was settled", self.base_branch),
        });
        let marks: Vec<Mark> = void.into_iter().collect();
        let text = message(&self.merge_title(spec), "Its conflicts were settled by an agent.", &marks);
        let parents = [before, base];
        let commit = NewCommit { tree: snapshot.tree, parents: &parents, message: &text, signature: None };
        let merged = self.make_merge(&commit)?;
        let now = self.git.require_commit(&branch_ref(&place.branch))?;
        let over = RefUpdate::delete(merge_ref(&spec.name), before);
        place.worktree.settle(snapshot, &place.branch, (now, merged), &[over])?;
        self.stands_at(place, merged);
        Ok(())
    }

    pub(super) fn merge_title(&self, spec: &Spec) -> String {
        format!("{}: merge `{}`", spec.name, self.base_branch)
    }
}

/// "`a`, `b` and 3 more".
fn shown(paths: &[String]) -> String {
    let mut shown: Vec<String> = paths.iter().take(SHOWN).map(|path| format!("`{path}`")).collect();
    if paths.len() > SHOWN {
        shown.push(format!("{} more", paths.len() - SHOWN));
    }
    english::list(&shown, "and")
}
