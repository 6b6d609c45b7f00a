//! One spec's branch, tested on top of the base, and the base moved to exactly the tested commit.
use super::attempt::blocking;
use super::check::{Check, Tested};
use super::hands::Landed;
use super::judging::{Unjudged, setup_failure};
use super::site::Site;
use super::standing::{Branch, Merging, Standing, names};
use super::workplace::message;
use crate::base::{Oid, SpecName, StageName, Stamp};
use crate::event::{Event, Failure, LandingPhase, Verdict};
use crate::model::{FailureClass, Spec};
use crate::rebuild::result::{Changed, landing_result, result_of};
use crate::rebuild::{Adopted, How, LANDING, Line, Mark, Trace};
use crate::run::contents::file_id;
use crate::sys::git::{GitError, NewCommit};
use crate::sys::landing::{self as sync, Move, Moved};
use crate::sys::stop::Stop;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// How often a base that somebody else moves is followed before the landing is held.
const REBUILDS: u32 = 5;

/// A landing commit that waits for its test.
struct Candidate {
    base: Oid,
    tree: Oid,
    commit: Oid,
    result: Stamp,
    changed: bool,
    /// Its tree is the base's.
    tested: bool,
    standing: Standing,
    recorded: Arc<Vec<Adopted>>,
}

enum Built {
    Candidate(Box<Candidate>),
    Not(Landed),
}

impl Site {
    /// Lands a spec, or finds out why not.
    pub async fn land_spec(self: Arc<Self>, spec: usize, stop: Stop) -> Landed {
        for _ in 0..REBUILDS {
            let site = Arc::clone(&self);
            let built = blocking(move || site.build_candidate(spec).unwrap_or_else(Built::Not)).await;
            let candidate = match built {
                Built::Not(landed) => return landed,
                Built::Candidate(candidate) => candidate,
            };
            match self.test(spec, &candidate, &stop).await {
                Check::Green => {}
                Check::Stopped => return Landed::Stopped,
                Check::Red(failure) => return self.red(spec, &candidate, failure, &stop).await,
            }
            let site = Arc::clone(&self);
            if let Some(landed) = blocking(move || site.move_base(spec, &candidate)).await {
                return landed;
            }
        }
        Landed::Held(Failure::new(
            FailureClass::Conflict,
            format!("`{}` kept moving while its landing was tested", self.base_branch),
        ))
    }

    pub(super) fn phase(&self, spec: &SpecName, phase: LandingPhase) {
        self.reporter.report(Event::Landing { spec: spec.clone(), phase });
    }

    /// The commit that would land, if the branch merges and nothing in it is out of date on the merged tree.
    fn build_candidate(&self, position: usize) -> Result<Built, Landed> {
        let failed = |error: &dyn std::fmt::Display| Landed::Failed(setup_failure(error));
        let spec = self.spec(position);
        self.phase(&spec.name, LandingPhase::Probing);
        self.refresh_base().map_err(|e| failed(&e))?;
        let mut standing = self.standing(spec).map_err(|e| failed(&e))?;
        if matches!(&standing.branch, Some(Branch { merging: Merging::Replayed, .. })) {
            self.workplace(spec, &standing).map_err(Landed::Held)?;
            standing = self.standing(spec).map_err(|e| failed(&e))?;
        }
        let Some(branch) = &standing.branch else {
            return Err(self.gone(position, &standing).unwrap_or_else(|e| failed(&e)));
        };
        let mut stale = Vec::new();
        for stage in 0..spec.stages.len() {
            let judged = self.judged(spec, stage, &standing).map_err(|e| failed(&e))?;
            if !matches!(judged.verdict, Verdict::UpToDate { .. }) {
                stale.push(stage);
            }
        }
        let elsewhere = match stale.is_empty() {
            true => self.landed_elsewhere(&standing).map_err(|e| failed(&e))?,
            false => None,
        };
        if let Some(at) = elsewhere {
            return self.candidate_of(spec, standing, at).map_err(|e| failed(&e));
        }
        if let Some(paths) = standing.conflict() {
            return Err(Landed::Held(self.conflict(spec, paths)));
        }
        if !stale.is_empty() {
            return Err(Landed::Stale(stale));
        }
        if !self.project.land.on {
            return Err(Landed::Delivered { branch: branch.name.clone() });
        }
        let base = standing.base;
        let tree = self.git.tree_of(standing.tree_oid).map_err(|e| failed(&e))?;
        let changes = self.git.diff_tree(base, standing.tree_oid).map_err(|e| failed(&e))?;
        let changed: Vec<Changed> =
            changes.into_iter().map(|change| (change.path.into(), change.new.map(file_id))).collect();
        let line = Line::new(&standing.history, Vec::new());
        let former = result_of(spec, &line, &self.contents).map_err(|e| failed(&e))?;
        let result =
            landing_result(spec, former, &changed, &standing.tree, &self.contents).map_err(|e| failed(&e))?;
        let recorded = self.base().unrecorded;
        let text = landing_message(spec, result, None, &recorded);
        let parents = [base, branch.tip];
        let commit = NewCommit { tree, parents: &parents, message: &text, signature: None };
        let commit = self.git.commit_tree(&commit).map_err(|e| failed(&e))?;
        let changed = former != Some(result);
        let tested = false;
        let candidate = Candidate { base, tree, commit, result, changed, tested, standing, recorded };
        Ok(Built::Candidate(Box::new(candidate)))
    }

    /// The commit that records a landing made elsewhere: the base's tree with the branch behind it.
    fn candidate_of(&self, spec: &Spec, standing: Standing, at: Oid) -> Result<Built, Unjudged> {
        let (base, tip) = (standing.base, standing.branch.as_ref().map(|branch| branch.tip));
        let tree = self.git.tree_of(base)?;
        let former = result_of(spec, &Line::new(&standing.history, Vec::new()), &self.contents)?;
        let result = match result_of(spec, &standing.line(), &self.contents)? {
            Some(result) => result,
            None => landing_result(spec, former, &[], &standing.tree, &self.contents)?,
        };
        let recorded = self.base().unrecorded;
        let text = landing_message(spec, result, Some(at), &recorded);
        let parents: Vec<Oid> = std::iter::once(base).chain(tip).collect();
        let commit = NewCommit { tree, parents: &parents, message: &text, signature: None };
        let commit = self.git.commit_tree(&commit)?;
        let (changed, tested) = (former != Some(result), true);
        let candidate = Candidate { base, tree, commit, result, changed, tested, standing, recorded };
        Ok(Built::Candidate(Box::new(candidate)))
    }

    /// Somebody merged the branch, or took it away, while it waited for its turn.
    fn gone(&self, position: usize, standing: &Standing) -> Result<Landed, Unjudged> {
        let spec = self.spec(position);
        let line = Line::new(&standing.history, Vec::new());
        let result = result_of(spec, &line, &self.contents)?;
        let Some(result) = result.filter(|_| line.has_landed(&names(spec))) else {
            let message = format!("branch `{}` went before it could land", spec.branch);
            return Ok(Landed::Failed(setup_failure(&message)));
        };
        self.leave(position);
        Ok(Landed::Landed { commit: standing.base.to_string(), result, changed: true })
    }

    /// Tests a candidate in the landing worktree, unless its tree was tested before.
    async fn test(self: &Arc<Self>, position: usize, candidate: &Candidate, stop: &Stop) -> Check {
        if candidate.tested {
            return Check::Green;
        }
        let spec = &self.spec(position).name;
        let first = self.evictions(position) * 2 + 1;
        let tested =
            Tested { spec, commit: candidate.commit, tree: candidate.tree, log: LANDING, attempt: first };
        match self.check(tested, stop).await {
            // Once more, for a flake.
            Check::Red(Failure { class: FailureClass::Check, .. }) => {
                self.check(Tested { attempt: first + 1, ..tested }, stop).await
            }
            check => check,
        }
    }

    /// How often a spec was sent back by its landing, in this run.
    fn evictions(&self, position: usize) -> u32 {
        let evictions = self.evictions.lock().unwrap_or_else(PoisonError::into_inner);
        evictions.get(&position).copied().unwrap_or_default()
    }

    /// What a red check means: a red base, or a spec that goes back to its own `check`.
    async fn red(
        self: &Arc<Self>,
        position: usize,
        candidate: &Candidate,
        failure: Failure,
        stop: &Stop,
    ) -> Landed {
        if failure.class != FailureClass::Check {
            return Landed::Failed(failure);
        }
        let name = &self.spec(position).name;
        let tree = match self.git.tree_of(candidate.base) {
            Ok(tree) => tree,
            Err(error) => return Landed::Failed(setup_failure(&error)),
        };
        let attempt = self.evictions(position) + 1;
        let base = Tested { spec: name, commit: candidate.base, tree, log: "land@base", attempt };
        match self.check(base, stop).await {
            Check::Green => {}
            Check::Stopped => return Landed::Stopped,
            Check::Red(red) if red.class != FailureClass::Check => return Landed::Failed(red),
            Check::Red(red) => {
                let message =
                    format!("`{}` itself is red, without `{name}`: {}", self.base_branch, red.message);
                return Landed::Held(Failure { message, ..red });
            }
        }
        let site = Arc::clone(self);
        let standing = candidate.standing.clone();
        blocking(move || site.evict(position, &standing, failure)).await
    }

    /// A first eviction voids the spec's `check`, a second one holds it.
    fn evict(&self, position: usize, standing: &Standing, failure: Failure) -> Landed {
        let spec = self.spec(position);
        let check = spec.stages.iter().position(|stage| stage.name.as_str() == "check");
        let former = self.evictions(position);
        self.evictions.lock().unwrap_or_else(PoisonError::into_inner).insert(position, former + 1);
        let Some(check) = check.filter(|_| former == 0) else {
            return match self.hold_landing(spec, standing, &failure) {
                Ok(()) => Landed::Held(failure),
                Err(error) => Landed::Failed(setup_failure(&error)),
            };
        };
        self.reporter.warn(format!("{}: {}; it goes back to `check`", spec.name, failure.message));
        let void = Mark::Void {
            spec: spec.name.clone(),
            stage: spec.stages[check].name.clone(),
            why: "its landing's check was red".to_owned(),
        };
        match self.record_on_branch(spec, &format!("{}: back to check", spec.name), &failure.message, &[void])
        {
            Ok(_) => Landed::Stale(vec![check]),
            Err(error) => Landed::Failed(setup_failure(&error)),
        }
    }

    /// Records that a landing is held until a person does something.
    ///
    /// # Errors
    /// git fails.
    pub fn hold_landing(&self, spec: &Spec, standing: &Standing, failure: &Failure) -> Result<(), GitError> {
        let Ok(stage) = StageName::new(LANDING) else { return Ok(()) };
        let mark = Mark::Attempt {
            spec: spec.name.clone(),
            stage,
            class: Some(failure.class),
            held: Some(self.landing_stamp(standing)?),
            why: failure.message.clone(),
        };
        self.record_on_branch(spec, &format!("{}: landing held", spec.name), &failure.message, &[mark])
            .map(drop)
    }

    /// Moves the base to the tested commit. `None`: it was not where it should be, build anew.
    fn move_base(&self, position: usize, candidate: &Candidate) -> Option<Landed> {
        let spec = self.spec(position);
        self.phase(&spec.name, LandingPhase::Moving);
        let step = Move {
            branch: self.base_branch.clone(),
            old: candidate.base,
            new: candidate.commit,
            reason: format!("specmake: land {}", spec.name),
        };
        self.own_moves.lands(candidate.commit);
        match sync::move_branch(&self.git, &step) {
            Err(error) => Some(Landed::Failed(setup_failure(&error))),
            Ok(Moved::BaseMoved { .. }) => None,
            Ok(Moved::Collision { paths }) => {
                let why = format!(
                    "`{}` in your checkout is not as on `{}`: commit, move or restore it",
                    paths.join("`, `"),
                    self.base_branch
                );
                Some(Landed::Waits { why, path: paths.into_iter().next() })
            }
            Ok(Moved::Busy(why)) => Some(Landed::Waits { why: why.to_string(), path: None }),
            Ok(Moved::Done) => Some(self.has_landed(position, candidate)),
        }
    }

    fn has_landed(&self, position: usize, candidate: &Candidate) -> Landed {
        if let Err(error) = self.base_moved(candidate.commit) {
            return Landed::Failed(setup_failure(&error));
        }
        if !candidate.recorded.is_empty() {
            self.adoptions_recorded();
        }
        self.warn_of_stale_reading(position, candidate);
        self.leave(position);
        Landed::Landed {
            commit: candidate.commit.to_string(),
            result: candidate.result,
            changed: candidate.changed,
        }
    }

    /// The Specfile and the prompts were read at the start: what lands in them counts from the next run on.
    fn warn_of_stale_reading(&self, position: usize, candidate: &Candidate) {
        let Ok(before) = self.contents.tree(candidate.base) else { return };
        let after = &candidate.standing.tree;
        for path in self.options.read.iter().filter(|path| before.file(path) != after.file(path)) {
            let name = &self.spec(position).name;
            self.reporter
                .warn(format!("{name} landed a change of `{path}`, which counts from the next run on"));
        }
    }

    /// Gives back what a spec had that has landed.
    fn leave(&self, position: usize) {
        let spec = self.spec(position);
        self.free_slot(position);
        if let Err(why) = self.tidy(spec) {
            self.reporter.warn(format!("{}: its worktree stays: {why}", spec.name));
        }
    }
}

/// `elsewhere` is the commit that landed it, if that was none of ours.
fn landing_message(spec: &Spec, result: Stamp, elsewhere: Option<Oid>, recorded: &[Adopted]) -> String {
    let landing = StageName::new(LANDING).into_iter().collect();
    let landed = Mark::Trace(Trace {
        spec: spec.name.clone(),
        stages: landing,
        how: if elsewhere.is_some() { How::Elsewhere } else { How::Ran },
        at: elsewhere,
        from: None,
        change: None,
        result: Some(result),
        ingredients: BTreeMap::new(),
    });
    let marks: Vec<Mark> = std::iter::once(landed).chain(recorded.iter().map(Adopted::mark)).collect();
    let title = spec.description.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    message(&format!("land {}", spec.name), title, &marks)
}
