//! One attempt at a stage: prepared, made, and kept as a commit whatever came of it.
use super::damage::{damaged, left_out, unmerged};
use super::ending::failure_of;
use super::evidence::Evidence;
use super::foreign::RefsBefore;
use super::hands::{Order, Outcome};
use super::judging::setup_failure;
use super::launch::{Around, Ground};
use super::leak::Named;
use super::parts::Parts;
use super::site::Site;
use super::spent::Used;
use super::standing::names;
use super::telling::Past;
use super::told::Ran;
use super::workplace::{Workplace, message, start_ref};
use crate::base::{Oid, StageId, Stamp};
use crate::event::{Event, Failure, Verdict};
use crate::model::{FailureClass, Spec, Stage, Step};
use crate::rebuild::deed::{Deed, trace};
use crate::rebuild::result::Changed;
use crate::rebuild::{How, Key, Last, Mark, Unreadable, manifest};
use crate::sys::child::{Cut, Launch};
use crate::sys::git::{GitError, RefUpdate, branch_ref};
use crate::sys::stop::Stop;
use crate::sys::worktree::{Snapshot, Worktree};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

/// An attempt that can begin.
pub(super) struct Prepared {
    pub(super) id: StageId,
    pub(super) place: Workplace,
    /// The worktree of its own, for a stage that runs beside others of its spec.
    pub(super) side: Option<Worktree>,
    /// The commit that this attempt began on.
    pub(super) started: Oid,
    /// The step that led here: `run`, `retry` ...
    pub(super) step: &'static str,
    pub(super) setup: Vec<Launch>,
    pub(super) parts: Parts,
    pub(super) seen: BTreeMap<Key, Stamp>,
    /// The commit that the stage's first attempt began on.
    pub(super) stage_start: Oid,
    pub(super) had_trace: bool,
    pub(super) former_change: Option<Stamp>,
    pub(super) log: String,
    /// Why the agent says that its work must not go on.
    pub(super) refused: Option<String>,
    pub(super) refs: RefsBefore,
    /// The ref that says that it is under way, unless its agent took that away.
    pub(super) start: Option<Oid>,
    /// By all its agents.
    pub(super) used: Used,
    pub(super) began: SystemTime,
    /// What the agent says that it wrote elsewhere.
    pub(super) named: Named,
}

/// What is wrong with an attempt.
struct Lack {
    failure: Failure,
    /// Whether only a person can help.
    holds: bool,
}

impl From<Failure> for Lack {
    fn from(failure: Failure) -> Self {
        Self { failure, holds: false }
    }
}

impl Prepared {
    pub(super) fn worktree(&self) -> &Worktree {
        self.side.as_ref().unwrap_or(&self.place.worktree)
    }

    /// What says that it is over.
    fn over(&self) -> Vec<RefUpdate> {
        let start = start_ref(&self.id.spec, &self.id.stage);
        self.start.map(|now| RefUpdate::delete(start, now)).into_iter().collect()
    }
}

impl Site {
    /// Makes one attempt at a stage.
    pub async fn attempt(self: Arc<Self>, order: Order, spec: usize, stage: usize, stop: Stop) -> Outcome {
        let site = Arc::clone(&self);
        let ordered = order.clone();
        let prepared = blocking(move || site.prepare(&ordered, spec, stage)).await;
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(outcome) => return outcome,
        };
        self.git.warm_up();
        let ran = match self.run_in(&mut prepared, &order, &stop).await {
            Ok(ran) => ran,
            Err(failure) => {
                self.report_end(&prepared, &order, Duration::ZERO, Some(failure.clone()));
                let site = Arc::clone(&self);
                let kept = failure.clone();
                let _ = blocking(move || site.keep(&mut prepared, &kept)).await;
                return Outcome::Failed(failure);
            }
        };
        let site = Arc::clone(&self);
        blocking(move || site.conclude(prepared, &order, spec, stage, &ran)).await
    }

    fn prepare(&self, order: &Order, spec: usize, stage: usize) -> Result<Prepared, Outcome> {
        let spec_position = spec;
        let turn = self.turn_of(spec);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = self.spec(spec);
        let id = StageId::new(&spec.name, &spec.stages[stage].name);
        let standing = self.standing(spec).map_err(|e| setup_failure(&e))?;
        // Others may have landed since it was judged, and it waited for its tokens.
        let again = self.judged(spec, stage, &standing).map_err(|e| setup_failure(&e))?;
        let order = &match again.verdict {
            Verdict::UpToDate { how } => return Err(Outcome::UpToDate(how)),
            Verdict::OutOfDate { reasons } => Order { reasons, ..order.clone() },
            Verdict::MayRun { .. } => order.clone(),
        };
        let mut place = match self.workplace(spec, &standing) {
            Ok(place) => place,
            Err(failure) if failure.class == FailureClass::Conflict => {
                return Err(Outcome::Conflict(failure));
            }
            Err(failure) => return Err(Outcome::Failed(failure)),
        };
        let mut stage_start = self.stage_start(spec, stage, place.tip)?;
        let step = order.rung.as_ref().map(|rung| &rung.step);
        if matches!(step, Some(Step::Restart { from: None })) {
            stage_start = self.restart(spec, stage, &mut place)?;
        }
        let side = if spec.runs_beside(stage) {
            let side = self.side_worktree(spec, &id.stage, place.tip, step);
            Some(side.map_err(|e| setup_failure(&e))?)
        } else {
            None
        };
        let worktree = side.as_ref().unwrap_or(&place.worktree);
        let standing = self.standing_at(&place).map_err(|e| setup_failure(&e))?;
        let line = standing.line();
        let needs = self.needs_now(spec, stage, &standing).map_err(|e| setup_failure(&e))?;
        let question = self.question(spec, stage, &standing, &line, &needs);
        let seen = manifest(&question).map_err(|e| setup_failure(&e))?;
        let last = line.last(&names(spec), &id.stage);
        let (had_trace, former_change) = match &last {
            Last::Never => (false, None),
            Last::Done { trace, .. } => (true, trace.change),
            Last::Voided { former, .. } => (former.is_some(), former.and_then(|trace| trace.change)),
        };
        let since = match &last {
            Last::Done { since, .. } => Some(line.commit(*since).oid),
            _ => None,
        };
        let slot = self.slot(spec_position);
        let log = format!("logs/{}/{}/{}.{}.log", self.run, id.spec, id.stage, order.attempt);
        let around = Around { site: self, id: &id, attempt: order.attempt, slot, folder: &spec.folder };
        let of = names(spec);
        let stopped = line.stopped(&of, &id.stage);
        let past = Past {
            done: had_trace,
            stopped: stopped.map(|(_, why)| why.to_owned()),
            was_refused: stopped.is_some_and(|(class, _)| class == Some(FailureClass::Limit)),
            diff: self.diff_for(&order.reasons, since, standing.tree_oid),
        };
        let order = &going_on(order, &spec.stages[stage], &past);
        let since = (stage_start, place.tip);
        let ground = Ground { around: &around, worktree, log: &log, past: &past, since };
        let parts = self.parts(order, spec, stage, &ground)?;
        let setup = if worktree.is_ready() {
            Vec::new()
        } else {
            around.setup_lines(worktree.top(), &self.project.settings.setup)
        };
        self.bring_in(worktree)?;
        let refs = self.refs_before().map_err(|e| setup_failure(&e))?;
        let mut begun = vec![RefUpdate::create(start_ref(&id.spec, &id.stage), place.tip)];
        begun.extend(self.remember_fork(&place.branch, standing.base));
        self.update_known_refs(&begun, "specmake: attempt").map_err(|e| setup_failure(&e))?;
        if !worktree.is_ready() {
            worktree.seal_again();
        }
        let started = place.tip;
        Ok(Prepared {
            id,
            place,
            side,
            started,
            step: order.rung.as_ref().map_or("run", |rung| rung.step.name()),
            setup,
            parts,
            seen,
            stage_start,
            had_trace,
            former_change,
            log,
            refused: None,
            refs,
            start: Some(started),
            used: Used::default(),
            began: SystemTime::now(),
            named: Named::default(),
        })
    }

    fn conclude(
        &self,
        mut prepared: Prepared,
        order: &Order,
        spec: usize,
        stage: usize,
        ran: &Ran,
    ) -> Outcome {
        let spec = self.spec(spec);
        let refs = self.refs_after(&prepared.id);
        if let Ok(after) = &refs {
            prepared.start = after.start;
        }
        let ended = if ran.exit.cut == Some(Cut::Stopped) {
            Err(None)
        } else {
            self.kept_or_failed(&mut prepared, spec, stage, ran).map_err(Some)
        };
        let outcome = match ended {
            Ok(commit) => {
                self.report_end(&prepared, order, ran.exit.duration, None);
                Outcome::Done { commit: commit.to_string() }
            }
            Err(lack) => self.failed(&mut prepared, order, ran, lack),
        };
        self.tell_of_others(&prepared, refs);
        outcome
    }

    /// Keeps what an attempt left that did not do; without a lack it was told to stop.
    fn failed(&self, prepared: &mut Prepared, order: &Order, ran: &Ran, lack: Option<Lack>) -> Outcome {
        let (mut failure, end): (Failure, fn(Failure) -> Outcome) = match lack {
            None => (Failure::stopped(), |_| Outcome::Stopped),
            Some(Lack { failure, holds: true }) => (failure, Outcome::Held),
            Some(Lack { failure, holds: false }) => {
                (self.or_limit(failure, prepared.parts.last.as_ref(), ran), Outcome::Failed)
            }
        };
        failure.message = self.mask.text(&failure.message).into_owned();
        failure.log.get_or_insert_with(|| prepared.log.clone());
        self.report_end(prepared, order, ran.exit.duration, Some(failure.clone()));
        match self.keep(prepared, &failure) {
            Ok(()) => end(failure),
            Err(error) => {
                let failure = setup_failure(&error);
                self.note_unkept(&prepared.id.spec, &failure.message);
                Outcome::Failed(failure)
            }
        }
    }

    /// The commit of a stage that did what it should, or what is wrong with the attempt.
    fn kept_or_failed(
        &self,
        prepared: &mut Prepared,
        spec: &Spec,
        stage: usize,
        ran: &Ran,
    ) -> Result<Oid, Lack> {
        let setup = |error: GitError| setup_failure(&error);
        if let Some(failure) = damaged(prepared.worktree()) {
            return Err(failure.into());
        }
        let snapshot = prepared.worktree().snapshot(prepared.started, &[]).map_err(setup)?;
        // First of all: whatever else is wrong, another attempt might leak again.
        if prepared.parts.agent.is_some()
            && let Some(leak) = self.leak(prepared, spec, stage, &snapshot).map_err(setup)?
        {
            return Err(leak.into());
        }
        if let Some(failure) = failure_of(ran, &spec.stages[stage], prepared.parts.last.is_some()) {
            return Err(failure.into());
        }
        if let Some(why) = &prepared.refused {
            let message = format!("the agent says: {why}");
            return Err(Failure::new(FailureClass::Check, message).into());
        }
        if let Some(failure) = unmerged(prepared.worktree()).map_err(setup)? {
            return Err(failure.into());
        }
        if let Some(failure) = left_out(&snapshot) {
            return Err(failure.into());
        }
        let tree = self.contents.tree(snapshot.tree).map_err(setup)?;
        let changed = self.changed_since(prepared, &snapshot).map_err(setup)?;
        if let Some(failure) = self.leftover(prepared, &tree).map_err(setup)? {
            return Err(failure.into());
        }
        let evidence = Evidence {
            spec,
            stage,
            tree: &tree,
            changed: &changed,
            had_trace: prepared.had_trace,
            contents: &self.contents,
            worktree: prepared.worktree().top(),
        };
        if let Some(lack) = evidence.lack().map_err(setup)? {
            return Err(lack.into());
        }
        if let Some(name) = prepared.worktree().unpushed_submodule(&snapshot.changes).map_err(setup)? {
            let message =
                format!("it moved submodule `{name}` to a commit that is not on its remote; push it");
            let failure = Failure::new(FailureClass::Output, message);
            return Err(Lack { failure, holds: true });
        }
        let kept = self.commit_stage(prepared, spec, stage, &snapshot, &changed);
        kept.map_err(|error| setup_failure(&error).into())
    }

    /// What changed since the stage's first attempt began, but for what merges brought.
    fn changed_since(&self, prepared: &Prepared, snapshot: &Snapshot) -> Result<Vec<Changed>, GitError> {
        let mut paths: BTreeMap<Arc<str>, ()> = BTreeMap::new();
        for commit in self.beyond_base(prepared.place.tip, prepared.stage_start)? {
            let ours = commit.marks.iter().any(|mark| matches!(mark, Mark::Attempt { .. }));
            paths.extend(commit.changes.iter().filter(|_| ours).map(|change| (change.path.clone(), ())));
        }
        paths.extend(snapshot.changes.iter().map(|change| (Arc::from(change.path.as_str()), ())));
        let (before, after) = (self.contents.tree(prepared.stage_start)?, self.contents.tree(snapshot.tree)?);
        let differs = paths.into_keys().filter(|path| before.file(path) != after.file(path));
        Ok(differs.map(|path| (path.clone(), after.file(&path))).collect())
    }

    fn commit_stage(
        &self,
        prepared: &mut Prepared,
        spec: &Spec,
        stage: usize,
        snapshot: &Snapshot,
        changed: &[Changed],
    ) -> Result<Oid, Unkept> {
        let turn = self.turn_of(self.graph.spec_position(spec.name.as_str()).unwrap_or_default());
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        if prepared.side.is_some() {
            // Those beside it may have ended first.
            prepared.place.tip = self.git.require_commit(&branch_ref(&prepared.place.branch))?;
        }
        let standing = self.standing_at(&prepared.place)?;
        let line = standing.line();
        let needs = self.needs_now(spec, stage, &standing).map_err(|e| Unkept::Other(e.to_string()))?;
        let question = self.question(spec, stage, &standing, &line, &needs);
        let left = self.contents.tree(snapshot.tree)?;
        let deed = Deed {
            how: How::Ran,
            from: prepared.started,
            seen: &prepared.seen,
            left: &left,
            changed,
            former_change: prepared.former_change,
        };
        let mark = Mark::Trace(trace(&question, &deed)?);
        let subject = format!("{}: {}", prepared.id.spec, prepared.id.stage);
        let text = message(&subject, "", &[mark]);
        let over = prepared.over();
        if let Some(side) = &prepared.side {
            let declared = &spec.stages[stage];
            self.commit_side(&mut prepared.place, declared, snapshot, &text)?;
            self.back_up_rest(spec, declared, prepared.started, snapshot)?;
            self.drop_side(side, prepared.started)?;
            self.git.update_refs(&over, "specmake: attempt")?;
        } else {
            self.advance(&mut prepared.place, snapshot, &text, &over)?;
        }
        self.note_ran(spec, stage);
        Ok(prepared.place.tip)
    }

    /// Keeps the tree of an attempt that did not do as a commit of its own.
    fn keep(&self, prepared: &mut Prepared, failure: &Failure) -> Result<(), GitError> {
        let over = prepared.over();
        if prepared.side.as_ref().is_some_and(Worktree::is_damaged) {
            return self.git.update_refs(&over, "specmake: attempt");
        }
        if let (Some(side), Some(spec)) = (&prepared.side, self.spec_named(&prepared.id.spec)) {
            let snapshot = side.snapshot(prepared.started, &[])?;
            if !snapshot.changes.is_empty() {
                self.back_up(spec, &prepared.id.stage, prepared.started, &snapshot)?;
            }
            return self.git.update_refs(&over, "specmake: attempt");
        }
        let place = &mut prepared.place;
        let mark = Mark::Attempt {
            spec: prepared.id.spec.clone(),
            stage: prepared.id.stage.clone(),
            class: Some(failure.class),
            held: None,
            why: failure.message.clone(),
        };
        let subject = format!("{}: {} did not succeed", prepared.id.spec, prepared.id.stage);
        let text = message(&subject, &failure.message, &[mark]);
        if place.worktree.is_damaged() {
            return self.advance_alone(place, &text, &over);
        }
        let snapshot = place.worktree.snapshot(place.tip, &[])?;
        self.advance(place, &snapshot, &text, &over)
    }

    pub(super) fn report_end(
        &self,
        prepared: &Prepared,
        order: &Order,
        took: Duration,
        failure: Option<Failure>,
    ) {
        self.reporter.report(Event::AttemptEnded {
            stage: prepared.id.clone(),
            attempt: order.attempt,
            millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            failure,
        });
    }
}

/// The first attempt at a stage that was cut off goes on where that was, if its ladder knows how.
fn going_on(order: &Order, stage: &Stage, past: &Past) -> Order {
    let resume = stage.ladders.of(FailureClass::Crash).iter().find(|rung| rung.step == Step::Resume);
    match resume.filter(|_| order.rung.is_none() && past.was_cut_off()) {
        Some(resume) => Order { rung: Some(resume.clone()), ..order.clone() },
        None => order.clone(),
    }
}

/// Why a stage that did what it should could not be kept.
#[derive(Debug, thiserror::Error)]
enum Unkept {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("{0}")]
    Other(String),
}

/// Runs what blocks beside the loop.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
