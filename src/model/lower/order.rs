//! The stages of a spec in the order they run, and which waits for which.
use super::notes::{At, Notes, did_you_mean};
use crate::base::{Diagnostic, StageName};
use crate::model::{Spec, Stage, Work};

/// Orders stages topologically, as declared where that allows, and fills `waits_for`.
///
/// A stage that says what it `needs` waits for that; any other waits for all that stand before it.
pub(crate) fn order(
    notes: &mut Notes,
    stages: Vec<Stage>,
    needs: &[Option<&Vec<At<StageName>>>],
) -> Vec<Stage> {
    if needs.iter().all(Option::is_none) {
        return one_after_another(stages);
    }
    let waits = waits(notes, &stages, needs);
    let mut placed: Vec<Option<usize>> = vec![None; stages.len()];
    let mut sequence = Vec::with_capacity(stages.len());
    while sequence.len() < stages.len() {
        let ready = |at: usize| placed[at].is_none() && waits[at].iter().all(|w| placed[*w].is_some());
        let Some(next) = (0..stages.len()).find(|at| ready(*at)) else {
            let left: Vec<String> = (0..stages.len())
                .filter(|at| placed[*at].is_none())
                .map(|at| format!("`{}`", stages[at].name))
                .collect();
            let first = placed.iter().position(Option::is_none).unwrap_or_default();
            let span = needs[first].and_then(|n| n.first()).map_or(stages[first].span, |need| need.span);
            notes.error(
                span,
                format!("these stages wait for each other: {}", left.join(", ")),
                "leave one `needs` out",
            );
            return one_after_another(stages);
        };
        placed[next] = Some(sequence.len());
        sequence.push(next);
    }
    let mut slots: Vec<Option<Stage>> = stages.into_iter().map(Some).collect();
    let in_order = sequence.iter().filter_map(|at| {
        let mut stage = slots[*at].take()?;
        stage.waits_for = waits[*at].iter().filter_map(|w| placed[*w]).collect();
        stage.waits_for.sort_unstable();
        Some(stage)
    });
    in_order.collect()
}

fn one_after_another(mut stages: Vec<Stage>) -> Vec<Stage> {
    for (at, stage) in stages.iter_mut().enumerate().skip(1) {
        stage.waits_for = vec![at - 1];
    }
    stages
}

fn waits(notes: &mut Notes, stages: &[Stage], needs: &[Option<&Vec<At<StageName>>>]) -> Vec<Vec<usize>> {
    let mut waits: Vec<Vec<usize>> = Vec::with_capacity(stages.len());
    for (at, said) in needs.iter().enumerate() {
        let Some(said) = said else {
            // All before it that nothing else before it waits for.
            let awaited: Vec<usize> = waits.iter().flatten().copied().collect();
            waits.push((0..at).filter(|before| !awaited.contains(before)).collect());
            continue;
        };
        let mut mine = Vec::new();
        for need in said.iter() {
            match stages.iter().position(|stage| stage.name == need.value) {
                Some(found) if found != at => mine.push(found),
                Some(_) => notes.error(need.span, format!("stage `{}` waits for itself", need.value), ""),
                None => {
                    let help = did_you_mean(need.value.as_str(), stages.iter().map(|s| s.name.as_str()));
                    notes.error(need.span, format!("the pipeline has no stage `{}`", need.value), help);
                }
            }
        }
        mine.sort_unstable();
        mine.dedup();
        waits.push(mine);
    }
    waits
}

/// Stages that may run side by side declare outputs, disjoint ones, and none reads what another writes.
pub(crate) fn check_side_by_side(notes: &mut Notes, spec: &Spec) {
    let straight = spec.stages.iter().enumerate().all(|(at, stage)| at == 0 || stage.waits_for == [at - 1]);
    if straight {
        return;
    }
    let before: Vec<Vec<usize>> = (0..spec.stages.len()).map(|at| spec.before(at)).collect();
    for (second, earlier) in before.iter().enumerate() {
        for first in (0..second).filter(|first| !earlier.contains(first)) {
            pair(notes, &spec.stages[first], &spec.stages[second]);
        }
    }
}

fn pair(notes: &mut Notes, a: &Stage, b: &Stage) {
    for stage in [a, b] {
        if stage.outputs.is_empty() && !matches!(stage.work, Work::Gate) {
            let what = format!("stage `{}` runs beside others, so it must declare outputs", stage.name);
            notes.error(stage.span, what, "say what it leaves: `output \"...\"`, or let it need the others");
        }
    }
    for out in &a.outputs {
        if let Some(same) = b.outputs.iter().find(|other| overlap(out, other)) {
            let what = format!(
                "stages `{}` and `{}` run side by side and both write `{}`",
                a.name,
                b.name,
                same.symbolic()
            );
            notes.push(Diagnostic::error(b.span, what).related(a.span, "the other one"));
        }
    }
    for (reader, writer) in [(a, b), (b, a)] {
        for out in &writer.outputs {
            if let Some(input) = reader.inputs.iter().find(|input| overlap(out, input)) {
                let what = format!(
                    "stage `{}` reads `{}`, which `{}` writes beside it",
                    reader.name,
                    input.symbolic(),
                    writer.name
                );
                let help = format!("let it wait: `needs \"{}\"`", writer.name);
                notes.push(
                    Diagnostic::error(reader.span, what)
                        .related(writer.span, "written by this one")
                        .help(help),
                );
            }
        }
    }
}

/// Whether two patterns may mean the same file, as far as their texts tell.
pub(crate) fn overlap(a: &crate::model::Pattern, b: &crate::model::Pattern) -> bool {
    a.resolved() == b.resolved() || a.matches(b.resolved()) || b.matches(a.resolved())
}
