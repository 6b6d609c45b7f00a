//! `project { ... }` and `land { ... }`.
use super::declared::{LandText, ProjectText};
use super::notes::{At, Notes};
use super::shape::{self, ONE, SOME, Shape};
use super::{ladder, not_yet, refs, stage};
use crate::base::PipelineName;
use crate::model::{CommitInputs, LandStrategy, Pattern, Rung, TouchesPolicy};
use crate::syntax::Node;

const PROJECT: Shape = Shape {
    args: (0, 0),
    takes: "nothing but a block",
    props: &[],
    children: &[
        "base",
        "jobs",
        "pipeline",
        "specs",
        "worktrees",
        "branch",
        "copy",
        "link",
        "setup",
        "limits",
        "budget",
        "notify",
        "context",
        "secrets",
        "commit-inputs",
        "ingredients",
        "touches",
        "conflicts",
        "env",
        "timeout",
        "stall",
        "on-failure",
    ],
};

/// `project { ... }`.
pub(crate) fn read(notes: &mut Notes, node: &Node) -> ProjectText {
    PROJECT.check(node, notes);
    let mut project = ProjectText {
        span: Some(node.name.span),
        base: shape::one_text(notes, node, "base").filter(|base| branch(notes, base)),
        jobs: shape::either(notes, node, "jobs").and_then(|value| shape::count(notes, value)),
        specs: shape::one_text(notes, node, "specs"),
        worktrees: shape::one_text(notes, node, "worktrees"),
        branch: shape::one_text(notes, node, "branch"),
        copy: paths(notes, node, "copy"),
        link: paths(notes, node, "link"),
        setup: shape::all_texts(notes, node, "setup"),
        context: paths(notes, node, "context"),
        secrets: shape::all_texts(notes, node, "secrets"),
        notify: shape::one_text(notes, node, "notify"),
        all: stage::settings(notes, node),
        ..ProjectText::default()
    };
    if let Some(said) = shape::one_text(notes, node, "pipeline") {
        project.pipeline = shape::named(notes, &said, PipelineName::new);
    }
    if let Some(said) = shape::one_text(notes, node, "commit-inputs") {
        let among =
            [("ask", CommitInputs::Ask), ("always", CommitInputs::Always), ("never", CommitInputs::Never)];
        project.commit_inputs = shape::choice(notes, &said, &among);
    }
    if let Some(said) = shape::one_text(notes, node, "touches") {
        let among = [("warn", TouchesPolicy::Warn), ("strict", TouchesPolicy::Strict)];
        project.touches = shape::choice(notes, &said, &among);
    }
    for said in shape::all_texts(notes, node, "ingredients") {
        match shape::choice(notes, &said, &[("agent", true), ("model", false)]) {
            Some(true) => project.agent_is_ingredient = true,
            Some(false) => project.model_is_ingredient = true,
            None => {}
        }
    }
    project.budget_usd = without_effect(notes, node);
    project
}

/// The settings of the project that are read and checked, and no more.
fn without_effect(notes: &mut Notes, node: &Node) -> Option<f64> {
    const LIMITS: Shape =
        Shape { args: (0, 0), takes: "properties", props: &["memory", "disk", "cpu"], children: &[] };
    const BUDGET: Shape = Shape { args: (0, 0), takes: "`usd=`", props: &["usd"], children: &[] };
    if let Some(limits) = shape::once(notes, node, "limits") {
        LIMITS.check(limits, notes);
        for name in ["memory", "cpu"] {
            if let Some(value) = shape::prop(limits, name) {
                let share = shape::amount(notes, value);
                if share.is_some_and(|share| share > 100.0) {
                    notes.error(value.span, format!("`{name}` is a share of 100"), "");
                }
            }
        }
        let disk = shape::prop(limits, "disk").and_then(|value| shape::text(notes, value));
        if let Some(said) = disk.filter(|said| !is_size(&said.value)) {
            notes.error(said.span, format!("`{}` is not a size", said.value), "write it as `500MB` or `1GB`");
        }
        not_yet::warn(notes, "limits", limits.name.span);
    }
    for (name, shape) in [("notify", ONE), ("conflicts", ONE), ("secrets", SOME)] {
        let Some(said) = shape::each(node, name).next() else { continue };
        shape.check(said, notes);
        not_yet::warn(notes, name, said.name.span);
    }
    let budget = shape::once(notes, node, "budget")?;
    BUDGET.check(budget, notes);
    not_yet::warn(notes, "budget", budget.name.span);
    let usd = shape::prop(budget, "usd");
    if usd.is_none() {
        notes.error(budget.name.span, "`budget` takes `usd=`", "write `budget usd=50`");
    }
    usd.and_then(|value| shape::amount(notes, value))
}

fn is_size(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    digits.parse::<f64>().is_ok_and(|n| n >= 0.0)
        && matches!(unit.as_str(), "b" | "kb" | "mb" | "gb" | "tb" | "kib" | "mib" | "gib" | "tib")
}

fn paths(notes: &mut Notes, node: &Node, name: &str) -> Vec<At<String>> {
    let mut said = shape::all_texts(notes, node, name);
    said.retain(|path| match Pattern::new(&path.value, &path.value) {
        Ok(_) => true,
        Err(why) => {
            notes.error(path.span, why, "");
            false
        }
    });
    said
}

fn branch(notes: &mut Notes, said: &At<String>) -> bool {
    match refs::check_branch(&said.value) {
        Ok(()) => true,
        Err(why) => {
            notes.error(said.span, why, "");
            false
        }
    }
}

/// `land { ... }` or `land off`.
pub(crate) fn land(notes: &mut Notes, node: &Node) -> LandText {
    const LAND: Shape = Shape {
        args: (0, 1),
        takes: "`off`, or a block",
        props: &[],
        children: &["check", "batch", "on-conflict", "into", "strategy", "timeout", "parallel"],
    };
    LAND.check(node, notes);
    let mut land = LandText { span: node.name.span, ..LandText::default() };
    if let Some(said) = node.args.first().and_then(|value| shape::text(notes, value)) {
        land.off = shape::choice(notes, &said, &[("off", true), ("on", false)]).unwrap_or_default();
    }
    land.check = shape::all_texts(notes, node, "check");
    land.into = shape::one_text(notes, node, "into").filter(|into| branch(notes, into));
    if let Some(into) = &land.into {
        not_yet::warn(notes, "land into", into.span);
    }
    land.timeout = shape::one_duration(notes, node, "timeout");
    land.batch = shape::either(notes, node, "batch").and_then(|value| shape::count(notes, value));
    land.parallel = shape::either(notes, node, "parallel").and_then(|value| shape::count(notes, value));
    if let Some(said) = shape::one_text(notes, node, "strategy") {
        let among = [
            ("merge", LandStrategy::Merge),
            ("squash", LandStrategy::Squash),
            ("rebase", LandStrategy::Rebase),
        ];
        land.strategy = shape::choice(notes, &said, &among);
    }
    land.on_conflict = shape::once(notes, node, "on-conflict").map(|child| conflict(notes, child));
    land
}

fn conflict(notes: &mut Notes, node: &Node) -> Vec<At<Rung>> {
    const LADDER: Shape =
        Shape { args: (0, 0), takes: "nothing but a block", props: &[], children: &["fix", "hold", "fail"] };
    LADDER.check(node, notes);
    if node.children.as_ref().is_none_or(Vec::is_empty) {
        notes.error(node.name.span, "a ladder needs a step", "write `{ hold }`");
    }
    ladder::steps(notes, node, "on-conflict fix")
}
