//! `on-failure { ... }`.
use super::not_yet;
use super::notes::{At, Notes, did_you_mean};
use super::shape::{self, Shape};
use crate::base::{AgentName, Diagnostic, StageName};
use crate::model::{FailureClass, Pattern, Prompt, PromptSource, Rung, Step};
use crate::syntax::{Node, Value, ValueKind};
use std::sync::Arc;

const STEPS: &[&str] = &["retry", "resume", "restart", "fix", "fallback", "wait", "hold", "skip", "fail"];

/// A ladder and the class that it is for.
pub(crate) fn read(notes: &mut Notes, node: &Node) -> Option<(Option<FailureClass>, Vec<At<Rung>>)> {
    const LADDER: Shape =
        Shape { args: (0, 1), takes: "the name of a failure class, or nothing", props: &[], children: STEPS };
    LADDER.check(node, notes);
    let class = match node.args.first() {
        None => None,
        Some(value) => Some(class(notes, value)?),
    };
    let steps = steps(notes, node);
    if steps.is_empty() && node.children.as_ref().is_none_or(Vec::is_empty) {
        notes.error(node.name.span, "a ladder needs a step", "write `{ restart 1; hold }`, or `{ hold }`");
    }
    Some((class, steps))
}

fn class(notes: &mut Notes, value: &Value) -> Option<FailureClass> {
    let said = shape::text(notes, value)?;
    let Some(class) = FailureClass::named(&said.value) else {
        let help = did_you_mean(&said.value, FailureClass::ALL.iter().map(|c| c.name()));
        notes.error(said.span, format!("`{}` is not a class of failure", said.value), help);
        return None;
    };
    if class == FailureClass::Setup {
        let help = "it is a fault of the environment, never of the work; mend it and run again";
        notes.warning(said.span, "a `setup` failure climbs no ladder", help);
    }
    Some(class)
}

/// The steps in a block: of `on-failure`, or of `on-conflict`.
pub(crate) fn steps(notes: &mut Notes, node: &Node) -> Vec<At<Rung>> {
    let mut steps: Vec<At<Rung>> = Vec::new();
    for child in node.children.iter().flatten() {
        let Some(rung) = rung(notes, child) else { continue };
        let last = steps.last().map(|at| &at.value.step);
        if let Some(end @ (Step::Hold | Step::Skip | Step::Fail)) = last {
            let what = format!("this step is never reached: `{}` ends the ladder", end.name());
            notes.push(Diagnostic::warning(child.name.span, what));
        }
        steps.push(At::new(rung, child.name.span));
    }
    steps
}

fn rung(notes: &mut Notes, node: &Node) -> Option<Rung> {
    const TIMES: &str = "how often, or nothing";
    let name = node.name.text.as_str();
    let (args, takes, props): ((usize, usize), _, &[&str]) = match name {
        "retry" | "resume" => ((0, 1), TIMES, &["backoff", "prompt"]),
        "restart" => ((0, 1), TIMES, &["from", "backoff", "prompt"]),
        "fix" => ((0, 1), TIMES, &["agent", "backoff", "prompt"]),
        "fallback" => ((1, 1), "the name of an agent", &["times", "backoff", "prompt"]),
        "wait" | "hold" | "skip" | "fail" => ((0, 0), "nothing", &[]),
        // Said by the shape of the ladder.
        _ => return None,
    };
    Shape { args, takes, props, children: &[] }.check(node, notes);
    let agent = |notes: &mut Notes, value: &Value| {
        let said = shape::text(notes, value)?;
        shape::named(notes, &said, AgentName::new)
    };
    let step = match name {
        "retry" => Step::Retry,
        "resume" => Step::Resume,
        "restart" => {
            let from = shape::prop(node, "from").and_then(|value| shape::text(notes, value));
            let from = from.and_then(|said| shape::named(notes, &said, StageName::new));
            Step::Restart { from: from.map(|at| at.value) }
        }
        "fix" => {
            let agent = shape::prop(node, "agent").and_then(|value| agent(notes, value));
            Step::Fix { agent: agent.map(|at| at.value) }
        }
        "fallback" => {
            Step::Fallback { agent: node.args.first().and_then(|value| agent(notes, value))?.value }
        }
        "wait" => Step::Wait,
        "skip" => Step::Skip,
        "fail" => Step::Fail,
        _ => Step::Hold,
    };
    not_yet::warn(notes, step.name(), node.name.span);
    let times = match step {
        Step::Fallback { .. } => shape::prop(node, "times"),
        _ => node.args.first(),
    };
    Some(Rung {
        step,
        times: times.and_then(|value| times_of(notes, value)).unwrap_or(1),
        backoff: shape::prop(node, "backoff").and_then(|value| shape::duration(notes, value)),
        prompt: shape::prop(node, "prompt").and_then(|value| prompt(notes, value)),
    })
}

fn times_of(notes: &mut Notes, value: &Value) -> Option<u32> {
    if value.kind == ValueKind::Integer(0) {
        notes.error(value.span, "a step is taken at least once", "leave the step out to take it never");
        return None;
    }
    shape::count(notes, value)
}

/// A prompt of which nothing is known yet but its file.
fn prompt(notes: &mut Notes, value: &Value) -> Option<Prompt> {
    let said = shape::text(notes, value)?;
    match Pattern::new(&said.value, &said.value) {
        Ok(_) => Some(Prompt { text: Arc::from(""), source: PromptSource::File(said.value) }),
        Err(why) => {
            notes.error(said.span, why, "");
            None
        }
    }
}
