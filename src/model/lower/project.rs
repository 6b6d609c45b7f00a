//! `project { ... }` and `land { ... }`.
use super::declared::{LandText, ProjectText};
use super::notes::{At, Notes};
use super::shape::{self, SOME, Shape};
use super::{ladder, limit, permission, refs, stage};
use crate::base::PipelineName;
use crate::model::{CommitInputs, ConflictsPolicy, LandStrategy, Notify, Pattern, Rung, TouchesPolicy};
use crate::syntax::Node;
use std::path::Path;

pub(super) const PROJECT: Shape = Shape {
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
        "keep",
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
        "permissions",
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
        keep: kept(notes, node),
        setup: shape::all_texts(notes, node, "setup"),
        context: paths(notes, node, "context"),
        secrets: shape::all_texts(notes, node, "secrets"),
        notify: shape::one_text(notes, node, "notify").filter(|line| notify(notes, line)),
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
    if let Some(said) = shape::one_text(notes, node, "conflicts") {
        let among = [("warn", ConflictsPolicy::Warn), ("serialize", ConflictsPolicy::Serialize)];
        project.conflicts = shape::choice(notes, &said, &among);
    }
    for said in shape::all_texts(notes, node, "ingredients") {
        match shape::choice(notes, &said, &[("agent", true), ("model", false)]) {
            Some(true) => project.agent_is_ingredient = true,
            Some(false) => project.model_is_ingredient = true,
            None => {}
        }
    }
    project.limits =
        shape::once(notes, node, "limits").map(|node| limit::read(notes, node)).unwrap_or_default();
    project.budget_usd = limit::budget(notes, node);
    project.permissions = permission::read(notes, node);
    if let Some(said) = shape::each(node, "secrets").next() {
        SOME.check(said, notes);
    }
    project
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

/// Folders that are kept, each by its path and none in another.
fn kept(notes: &mut Notes, node: &Node) -> Vec<At<String>> {
    let mut kept: Vec<At<String>> = Vec::new();
    for said in paths(notes, node, "keep") {
        let Ok(path) = Pattern::new(&said.value, &said.value) else { continue };
        if path.is_glob() {
            let help = "name each folder: `target`, `web/node_modules`";
            notes.error(said.span, "a folder is kept by its path, not by a pattern", help);
            continue;
        }
        let folder = path.resolved().to_owned();
        let holds = |outer: &str, inner: &str| Path::new(inner).starts_with(outer);
        let other =
            kept.iter().find(|other| holds(&other.value, &folder) || holds(&folder, &other.value)).cloned();
        match other {
            Some(other) if holds(&other.value, &folder) => {
                notes.error(said.span, format!("`{folder}` is kept with `{}` already", other.value), "");
            }
            Some(other) => {
                notes.error(other.span, format!("`{}` is kept with `{folder}` already", other.value), "");
            }
            None => kept.push(At { value: folder, ..said }),
        }
    }
    kept
}

/// Whether a `notify` line can be split into words; says why if not.
pub(super) fn notify(notes: &mut Notes, line: &At<String>) -> bool {
    let is_whole = Notify::words(&line.value).is_some();
    if !is_whole {
        let help = "it is split into words as a shell would, and run without one";
        notes.error(line.span, "a quote is not closed", help);
    }
    is_whole
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
    ladder::steps(notes, node)
}
