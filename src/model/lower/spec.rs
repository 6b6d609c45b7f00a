//! `spec`, `template` and `layer`.
use super::declared::{LayerText, NeedText, SettingsText, SpecText, StageText};
use super::notes::{At, Notes};
use super::shape::{self, Shape};
use super::{pipeline, stage};
use crate::base::{LayerName, PipelineName, SpecName, StageName};
use crate::syntax::{Node, Value, ValueKind};

/// Properties that a spec and a template may have.
const PROPS: &[&str] = &[
    "pipeline", "branch", "priority", "agent", "model", "when", "parked", "estimate", "timeout", "stall",
    "pool", "resource", "alone", "failure", "from", "was",
];

const CHILDREN: &[&str] = &[
    "description",
    "pipeline",
    "branch",
    "priority",
    "agent",
    "model",
    "when",
    "parked",
    "estimate",
    "timeout",
    "stall",
    "pool",
    "resource",
    "alone",
    "failure",
    "needs",
    "after",
    "touches",
    "exports",
    "input",
    "env",
    "on-failure",
    "stage",
    "was",
    "from",
];

/// `spec "name" "description" { ... }`.
pub(crate) fn read(notes: &mut Notes, node: &Node, layer: Option<&LayerName>) -> Option<SpecText> {
    const SPEC: Shape =
        Shape { args: (1, 2), takes: "a name and a description", props: PROPS, children: CHILDREN };
    let from = shape::one_text(notes, node, "from");
    let mut params = Vec::new();
    if from.is_some() {
        // Properties that no spec has are the parameters of its template.
        let (own, rest): (Vec<_>, Vec<_>) =
            node.props.iter().cloned().partition(|prop| PROPS.contains(&prop.name.text.as_str()));
        SPEC.check(&Node { props: own, ..node.clone() }, notes);
        for prop in &rest {
            if let Some(value) = param(notes, &prop.value) {
                params.push((At::new(prop.name.text.clone(), prop.name.span), value));
            }
        }
    } else {
        SPEC.check(node, notes);
    }
    let was = shape::one_text(notes, node, "was");
    let was = was.and_then(|said| shape::named(notes, &said, SpecName::new));
    let mut settings = settings(notes, node);
    if let Some(value) = node.args.get(1) {
        let said = shape::text(notes, value);
        if let Some(again) = &settings.description {
            notes.error(again.span, "`description` is said twice", "leave one of them");
        }
        settings.description = said;
    }
    let said = shape::text(notes, node.args.first()?)?;
    let name = shape::named(notes, &said, SpecName::new)?;
    Some(SpecText { name, layer: layer.cloned(), from, params, was, settings })
}

fn param(notes: &mut Notes, value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Integer(number) => Some(number.to_string()),
        ValueKind::Bool(flag) => Some(flag.to_string()),
        _ => shape::text(notes, value).map(|said| said.value),
    }
}

/// `template "name" { ... }`.
pub(crate) fn template(notes: &mut Notes, node: &Node) -> Option<(At<String>, SettingsText)> {
    const TEMPLATE: Shape = Shape { args: (1, 1), takes: "a name", props: &[], children: CHILDREN };
    TEMPLATE.check(node, notes);
    for name in ["from", "was"] {
        if let Some(child) = shape::each(node, name).next() {
            notes.error(child.name.span, format!("a template has no `{name}`"), "");
        }
    }
    let said = shape::text(notes, node.args.first()?)?;
    shape::named(notes, &said, SpecName::new)?;
    Some((said, settings(notes, node)))
}

fn settings(notes: &mut Notes, node: &Node) -> SettingsText {
    let pipeline = shape::one_text(notes, node, "pipeline");
    SettingsText {
        span: shape::title_span(node),
        description: shape::one_text(notes, node, "description"),
        pipeline: pipeline.and_then(|said| shape::named(notes, &said, PipelineName::new)),
        branch: shape::one_text(notes, node, "branch"),
        priority: priority(notes, node),
        when: shape::one_text(notes, node, "when"),
        parked: shape::one_text(notes, node, "parked").map(|said| said.value),
        needs: needs(notes, node),
        after: shape::all_texts(notes, node, "after"),
        touches: shape::all_texts(notes, node, "touches"),
        exports: shape::all_texts(notes, node, "exports"),
        estimate: shape::one_duration(notes, node, "estimate"),
        cancel_on_failure: cancel(notes, node),
        all: stage::settings(notes, node),
        stages: pipeline::stages(notes, node),
    }
}

fn priority(notes: &mut Notes, node: &Node) -> Option<i64> {
    let value = shape::either(notes, node, "priority")?;
    match value.kind {
        ValueKind::Integer(number) if number.unsigned_abs() <= 1_000_000 => i64::try_from(number).ok(),
        _ => {
            notes.error(value.span, "a priority is a whole number between -1000000 and 1000000", "");
            None
        }
    }
}

fn needs(notes: &mut Notes, node: &Node) -> Vec<NeedText> {
    const NEEDS: Shape = Shape {
        args: (1, usize::MAX),
        takes: "one name or more",
        props: &["for", "optional", "why"],
        children: &[],
    };
    let mut needs = Vec::new();
    for child in shape::each(node, "needs") {
        NEEDS.check(child, notes);
        let for_stage = shape::prop(child, "for").and_then(|value| shape::text(notes, value));
        let for_stage = for_stage.and_then(|said| shape::named(notes, &said, StageName::new));
        let optional = shape::prop(child, "optional").and_then(|value| shape::flag(notes, value));
        let why = shape::prop(child, "why").and_then(|value| shape::text(notes, value));
        for value in &child.args {
            let Some(target) = shape::text(notes, value) else { continue };
            needs.push(NeedText {
                target,
                for_stage: for_stage.clone(),
                optional: optional.unwrap_or(false),
                why: why.as_ref().map(|said| said.value.clone()),
            });
        }
    }
    needs
}

fn cancel(notes: &mut Notes, node: &Node) -> bool {
    let said = shape::one_text(notes, node, "failure");
    said.and_then(|said| shape::choice(notes, &said, &[("cancel", true), ("go-on", false)])).unwrap_or(false)
}

/// `layer "name" { ... }` without its specs, which are nodes of their own.
pub(crate) fn layer(notes: &mut Notes, node: &Node) -> Option<(At<LayerName>, LayerText)> {
    const LAYER: Shape = Shape {
        args: (1, 1),
        takes: "a name",
        props: &["title", "alone", "failure", "agent", "model", "pipeline", "priority", "pool", "resource"],
        children: &[
            "spec",
            "title",
            "needs",
            "after",
            "alone",
            "failure",
            "agent",
            "model",
            "pipeline",
            "priority",
            "pool",
            "resource",
            "env",
            "timeout",
            "stall",
            "on-failure",
        ],
    };
    LAYER.check(node, notes);
    let pipeline = shape::one_text(notes, node, "pipeline");
    let layer = LayerText {
        span: shape::title_span(node),
        title: shape::one_text(notes, node, "title").map(|said| said.value),
        needs: shape::all_texts(notes, node, "needs"),
        after: shape::all_texts(notes, node, "after"),
        alone: shape::bare_flag(notes, node, "alone").unwrap_or(false),
        cancel_on_failure: cancel(notes, node),
        pipeline: pipeline.and_then(|said| shape::named(notes, &said, PipelineName::new)),
        priority: priority(notes, node),
        // `alone` on a layer is about the layer, not about each stage of it.
        all: StageText { alone: None, ..stage::settings(notes, node) },
    };
    let said = shape::text(notes, node.args.first()?)?;
    Some((shape::named(notes, &said, LayerName::new)?, layer))
}
