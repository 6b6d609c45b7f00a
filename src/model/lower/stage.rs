//! `stage "name" { ... }`, and the settings of all stages that a spec, a layer or the project may hold.
use super::declared::{StageText, WorkText};
use super::notes::{At, Notes};
use super::shape::{self, BARE, ONE, Shape};
use super::{ladder, not_yet};
use crate::base::{AgentName, Diagnostic, PoolName, ResourceName, StageName};
use crate::syntax::{Node, ValueKind};
use std::collections::HashSet;

/// The name of the landing, which is a stage of every spec in all that is shown.
pub(crate) const LANDING: &str = "land";

const STAGE: Shape = Shape {
    args: (1, 1),
    takes: "a name",
    props: &["agent", "model", "timeout", "stall", "when", "pool", "resource", "alone"],
    children: &[
        "prompt",
        "run",
        "gate",
        "input",
        "output",
        "needs",
        "tasks",
        "agent",
        "model",
        "env",
        "when",
        "timeout",
        "stall",
        "on-failure",
        "pool",
        "resource",
        "alone",
    ],
};

/// A stage and its name.
pub(crate) fn read(notes: &mut Notes, node: &Node) -> Option<(At<StageName>, StageText)> {
    STAGE.check(node, notes);
    let stage = StageText {
        span: shape::title_span(node),
        work: work(notes, node),
        outputs: list(notes, node, "output"),
        needs: once_named(notes, node),
        when: shape::one_text(notes, node, "when"),
        tasks: tasks(notes, node),
        ..settings(notes, node)
    };
    let said = shape::text(notes, node.args.first()?)?;
    let name = shape::named(notes, &said, StageName::new)?;
    if said.value == LANDING {
        notes.error(
            said.span,
            "no stage can be called `land`",
            "it is the name of the landing that every spec ends with",
        );
        return None;
    }
    Some((name, stage))
}

/// What may be said of all stages in one place.
pub(crate) fn settings(notes: &mut Notes, node: &Node) -> StageText {
    let mut stage = StageText {
        span: shape::title_span(node),
        agent: one_named(notes, node),
        model: shape::one_text(notes, node, "model"),
        inputs: list(notes, node, "input"),
        env: env(notes, node),
        timeout: shape::one_duration(notes, node, "timeout"),
        stall: shape::one_duration(notes, node, "stall"),
        pools: shape::all_named(notes, node, "pool", PoolName::new),
        resources: shape::all_named(notes, node, "resource", ResourceName::new),
        alone: shape::bare_flag(notes, node, "alone"),
        ..StageText::default()
    };
    for child in shape::each(node, "on-failure") {
        let Some((class, steps)) = ladder::read(notes, child) else { continue };
        let again = match class {
            None => stage.plain.replace(steps).is_some(),
            Some(class) => stage.by_class.insert(class, steps).is_some(),
        };
        if again {
            notes.error(child.name.span, "this ladder is said twice", "leave one of them");
        }
    }
    stage
}

fn one_named(notes: &mut Notes, node: &Node) -> Option<At<AgentName>> {
    let said = shape::one_text(notes, node, "agent")?;
    shape::named(notes, &said, AgentName::new)
}

fn once_named(notes: &mut Notes, node: &Node) -> Option<Vec<At<StageName>>> {
    shape::each(node, "needs").next()?;
    Some(shape::all_named(notes, node, "needs", StageName::new))
}

fn list(notes: &mut Notes, node: &Node, name: &str) -> Option<Vec<At<String>>> {
    shape::each(node, name).next()?;
    Some(shape::all_texts(notes, node, name))
}

fn work(notes: &mut Notes, node: &Node) -> Option<At<WorkText>> {
    let prompt = shape::once(notes, node, "prompt");
    let run = shape::once(notes, node, "run");
    let gate = shape::once(notes, node, "gate");
    let mut said: Vec<&Node> = [prompt, run, gate].into_iter().flatten().collect();
    said.sort_by_key(|n| n.span);
    if let [first, second, ..] = said.as_slice() {
        let what = "a stage has one of `prompt`, `run` and `gate`";
        notes.push(Diagnostic::error(second.name.span, what).related(first.name.span, "this is one already"));
    }
    if let Some(prompt) = prompt {
        return self::prompt(notes, prompt);
    }
    if let Some(run) = run {
        ONE.check(run, notes);
        let line = shape::text(notes, run.args.first()?)?;
        return Some(At::new(WorkText::Run(line.value), line.span));
    }
    BARE.check(gate?, notes);
    Some(At::new(WorkText::Gate, gate?.name.span))
}

fn prompt(notes: &mut Notes, node: &Node) -> Option<At<WorkText>> {
    const PROMPT: Shape =
        Shape { args: (0, 1), takes: "a text, or `file=`", props: &["file", "builtin"], children: &[] };
    PROMPT.check(node, notes);
    let file = shape::prop(node, "file");
    let builtin = shape::prop(node, "builtin");
    let said = [node.args.first(), file, builtin];
    if said.iter().flatten().count() != 1 {
        let help = "write `prompt \"...\"`, `prompt file=\"prompts/plan.md\"` or `prompt builtin=\"plan\"`";
        notes.error(node.name.span, "a prompt is one text", help);
        return None;
    }
    let text = shape::text(notes, said.into_iter().flatten().next()?)?;
    let work = match (file, builtin) {
        (Some(_), _) => WorkText::File(text.value),
        (_, Some(_)) => WorkText::BuiltIn(text.value),
        _ => WorkText::Inline(text.value),
    };
    Some(At::new(work, text.span))
}

fn tasks(notes: &mut Notes, node: &Node) -> Option<(At<String>, u32)> {
    const TASKS: Shape =
        Shape { args: (1, 1), takes: "the path of a tasks file", props: &["parallel"], children: &[] };
    let node = shape::once(notes, node, "tasks")?;
    TASKS.check(node, notes);
    let parallel = shape::prop(node, "parallel");
    let times = parallel.and_then(|value| shape::count(notes, value)).unwrap_or(1);
    if let Some(value) = parallel.filter(|_| times > 1) {
        not_yet::warn(notes, "tasks parallel", value.span);
    }
    Some((shape::text(notes, node.args.first()?)?, times))
}

/// `env NAME="value"`, any number of them.
pub(crate) fn env(notes: &mut Notes, node: &Node) -> Vec<(String, At<String>)> {
    let mut env: Vec<(String, At<String>)> = Vec::new();
    let mut seen = HashSet::new();
    for child in shape::each(node, "env") {
        for value in &child.args {
            notes.error(value.span, "`env` takes names and values", "write `env NAME=\"value\"`");
        }
        if child.children.is_some() {
            notes.error(child.name.span, "`env` has no block", "write `env NAME=\"value\"`");
        }
        for prop in &child.props {
            let name = prop.name.text.clone();
            let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty();
            let ours = name.starts_with("SPECMAKE_");
            if !fits {
                notes.error(prop.name.span, format!("`{name}` is no name of an environment variable"), "");
            } else if ours {
                notes.error(
                    prop.name.span,
                    format!("`{name}` is set by specmake itself"),
                    "choose another name",
                );
            } else if !seen.insert(&prop.name.text) {
                notes.error(prop.name.span, format!("`{name}` is said twice"), "leave one of them");
            }
            let value = match &prop.value.kind {
                ValueKind::Integer(number) => Some(At::new(number.to_string(), prop.value.span)),
                _ => shape::text(notes, &prop.value),
            };
            if let Some(value) = value.filter(|_| fits && !ours) {
                env.push((name, value));
            }
        }
    }
    env
}
