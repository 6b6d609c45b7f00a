//! From what a view says of a spec to its line in the answer.
use super::{AttemptStatus, SpecStatus, StageStatus, TasksStatus};
use crate::base::{StageId, StageName};
use crate::event::Verdict;
use crate::report::style::Mark;
use crate::report::words;
use crate::view::{AttemptView, Facts, SpecView, StageState, StageView, Standing, View};

/// What a view says of a spec.
pub(super) fn spec_status(view: &View, spec: &SpecView, now: u64) -> SpecStatus {
    let standing = spec.standing();
    let Facts { delivered, verified, landed } = spec.facts();
    let foremost = spec.foremost();
    let mark = Mark::from(standing);
    let waits_for = match foremost.map(|(_, step)| &step.state) {
        Some(StageState::Waiting { on }) if standing == Standing::Waiting => on.clone(),
        _ => Vec::new(),
    };
    let (why, next) = match foremost {
        Some((name, step)) => reason(view, spec, name, step, now),
        None => (None, None),
    };
    SpecStatus {
        spec: spec.name.clone(),
        layer: spec.layer.clone(),
        title: spec.title.clone(),
        state: mark.word(),
        delivered,
        verified,
        landed,
        commit: spec.landed.as_ref().map(|landed| landed.commit.clone()),
        branch: spec.branch.clone(),
        waits_for,
        blocked_by: view.blockers(&spec.name).into_iter().cloned().collect(),
        why,
        next,
        backups: spec.backups.clone(),
        since: foremost.filter(|(_, step)| step.trouble().is_some()).map(|(_, step)| step.since),
        worktree: None,
        kept: Vec::new(),
        stages: spec.steps().filter_map(|(name, step)| stage_status(name, step)).collect(),
        mark: Some(mark),
    }
}

fn reason(
    view: &View,
    spec: &SpecView,
    name: &str,
    step: &StageView,
    now: u64,
) -> (Option<String>, Option<String>) {
    match spec.standing() {
        Standing::Failed | Standing::Held => {
            let (failure, next) = step.trouble().unzip();
            (failure.map(|failure| format!("{name}: {}", words::failure(failure))), next.map(str::to_owned))
        }
        Standing::Gate => (Some(format!("{name} waits for approval")), onward(spec)),
        Standing::Colliding => match &spec.land.state {
            StageState::Colliding { why, path: Some(path) } if !why.contains(path.as_str()) => {
                (Some(format!("{why} (`{path}`)")), None)
            }
            StageState::Colliding { why, .. } => (Some(why.clone()), None),
            _ => (None, None),
        },
        Standing::Blocked => {
            let why = spec.blocked.as_ref().map(|blocked| format!("`{}` {}", blocked.by, blocked.why));
            let root = view.blockers(&spec.name).last().and_then(|root| view.spec(root));
            (why, root.and_then(onward))
        }
        Standing::Skipped => (spec.skipped.clone(), None),
        Standing::Waiting => match &step.state {
            StageState::Waiting { on } => (Some(format!("{name} waits for {}", words::waits(on, now))), None),
            _ => (step.verdict.as_ref().and_then(why).map(|why| format!("{name}: {why}")), None),
        },
        _ => (None, None),
    }
}

/// The command that goes on from what stopped a spec.
fn onward(spec: &SpecView) -> Option<String> {
    let trouble = spec.foremost().and_then(|(_, step)| step.trouble());
    let gate = || spec.stages.iter().find(|(_, stage)| stage.state == StageState::Gate);
    match trouble {
        Some((_, next)) => Some(next.to_owned()),
        None => gate().map(|(gate, _)| words::approve(&StageId::new(&spec.name, gate))),
    }
}

fn stage_status(name: &str, step: &StageView) -> Option<StageStatus> {
    let why = match step.trouble() {
        Some((failure, _)) => Some(words::failure(failure)),
        None if step.done().is_some() => None,
        None => step.verdict.as_ref().and_then(why),
    };
    Some(StageStatus {
        stage: StageName::new(name).ok()?,
        state: Mark::from(&step.state).word(),
        since: Some(step.since).filter(|since| *since > 0),
        millis: step.millis,
        usage: step.tally().into(),
        attempt: step.attempts.last().map(attempt_status),
        tasks: step.progress.map(|(done, total)| TasksStatus { done, total }),
        line: step.line.clone().filter(|_| step.running().is_some()),
        why,
        log: step.trouble().and_then(|(failure, _)| failure.log.clone()),
    })
}

fn attempt_status(attempt: &AttemptView) -> AttemptStatus {
    AttemptStatus {
        number: attempt.number,
        of: attempt.of,
        step: attempt.step.clone(),
        agent: attempt.agent.clone(),
        model: attempt.model.clone(),
        worktree: attempt.worktree.clone(),
        log: attempt.log.clone(),
    }
}

/// Why a stage is not up to date.
pub(super) fn why(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::UpToDate { .. } => None,
        Verdict::OutOfDate { reasons } => Some(words::reasons(reasons)),
        Verdict::MayRun { .. } => Some(words::verdict(verdict)),
    }
}
