//! What a node may hold, and the reading of it: every word that does not belong is an error.
use super::notes::{At, Notes, did_you_mean};
use crate::base::{Diagnostic, Span, english, id};
use crate::syntax::{Node, Value, ValueKind};
use std::collections::HashSet;
use std::time::Duration;

/// What a node may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The fewest and the most arguments.
    pub(crate) args: (usize, usize),
    /// What the arguments are, for a sentence: "a name".
    pub(crate) takes: &'static str,
    pub(crate) props: &'static [&'static str],
    pub(crate) children: &'static [&'static str],
}

/// One argument and nothing else.
pub(crate) const ONE: Shape = Shape { args: (1, 1), takes: "one value", props: &[], children: &[] };
/// Any number of arguments, but one at least, and nothing else.
pub(crate) const SOME: Shape =
    Shape { args: (1, usize::MAX), takes: "one value or more", props: &[], children: &[] };
/// Nothing.
pub(crate) const BARE: Shape = Shape { args: (0, 0), takes: "nothing", props: &[], children: &[] };

impl Shape {
    /// Notes all that does not belong.
    pub(crate) fn check(&self, node: &Node, notes: &mut Notes) {
        self.check_args(node, notes);
        let mut seen = HashSet::new();
        for prop in &node.props {
            let name = prop.name.text.as_str();
            if !seen.insert(name) {
                notes.error(prop.name.span, format!("`{name}` is said twice"), "leave one of them");
            }
            if !self.props.contains(&name) {
                let help = if self.children.contains(&name) {
                    format!("it stands between the braces: `{} {{ {name} ... }}`", node.name.text)
                } else {
                    did_you_mean(name, self.props.iter().copied())
                };
                notes.error(prop.name.span, format!("`{}` has no property `{name}`", node.name.text), help);
            }
        }
        self.check_children(node, notes);
    }

    fn check_args(&self, node: &Node, notes: &mut Notes) {
        let (fewest, most) = self.args;
        let (name, takes) = (&node.name.text, self.takes);
        if node.args.len() < fewest {
            let found = Diagnostic::error(node.name.span, format!("`{name}` takes {takes}"));
            let missing =
                if node.args.is_empty() { "nothing stands here" } else { "something is missing here" };
            notes.push(found.label(missing));
        } else if let Some(surplus) = node.args.get(most) {
            let what = format!("`{name}` takes {takes}, not {}", node.args.len());
            notes.push(Diagnostic::error(surplus.span, what).label("one too many"));
        }
    }

    fn check_children(&self, node: &Node, notes: &mut Notes) {
        if self.children.is_empty() {
            if node.children.is_some() {
                notes.error(node.name.span, format!("`{}` has no block", node.name.text), "");
            }
            return;
        }
        for child in node.children.iter().flatten() {
            let name = child.name.text.as_str();
            if !self.children.contains(&name) {
                let what = format!("`{name}` means nothing in `{}`", node.name.text);
                notes.error(child.name.span, what, did_you_mean(name, self.children.iter().copied()));
            }
        }
    }
}

/// The children of that name.
pub(crate) fn each<'n>(node: &'n Node, name: &str) -> impl Iterator<Item = &'n Node> {
    node.children.iter().flatten().filter(move |child| child.name.text == name)
}

/// The one child of that name; another one is an error.
pub(crate) fn once<'n>(notes: &mut Notes, node: &'n Node, name: &str) -> Option<&'n Node> {
    let mut all = each(node, name);
    let first = all.next()?;
    for again in all {
        let found = Diagnostic::error(again.name.span, format!("`{name}` is said twice"));
        notes.push(found.related(first.name.span, "said here first").help("leave one of them"));
    }
    Some(first)
}

/// The property of that name.
pub(crate) fn prop<'n>(node: &'n Node, name: &str) -> Option<&'n Value> {
    node.props.iter().find(|p| p.name.text == name).map(|p| &p.value)
}

/// The one value of a setting that may be a property or a child.
pub(crate) fn either<'n>(notes: &mut Notes, node: &'n Node, name: &str) -> Option<&'n Value> {
    let child = once(notes, node, name);
    if let Some(child) = child {
        ONE.check(child, notes);
    }
    let as_child = child.and_then(|c| c.args.first());
    let as_prop = prop(node, name);
    if let (Some(child), Some(prop)) = (child, as_prop) {
        let found = Diagnostic::error(child.name.span, format!("`{name}` is said twice"));
        notes.push(found.related(prop.span, "said here first").help("leave one of them"));
    }
    as_prop.or(as_child)
}

fn expected(notes: &mut Notes, value: &Value, what: &str) {
    notes.error(value.span, format!("this is {}, where {what} is expected", value.kind.noun()), "");
}

/// A string without NUL.
pub(crate) fn text(notes: &mut Notes, value: &Value) -> Option<At<String>> {
    match &value.kind {
        ValueKind::Text(text) if text.contains('\0') => {
            notes.error(value.span, "a NUL may not stand in a text", "");
            None
        }
        ValueKind::Text(text) => Some(At::new(text.clone(), value.span)),
        _ => {
            expected(notes, value, "a string");
            None
        }
    }
}

/// The arguments as strings.
pub(crate) fn texts(notes: &mut Notes, node: &Node) -> Vec<At<String>> {
    SOME.check(node, notes);
    node.args.iter().filter_map(|value| text(notes, value)).collect()
}

/// The strings of all children of that name.
pub(crate) fn all_texts(notes: &mut Notes, node: &Node, name: &str) -> Vec<At<String>> {
    each(node, name).flat_map(|child| texts(notes, child)).collect()
}

/// The string of the setting of that name.
pub(crate) fn one_text(notes: &mut Notes, node: &Node, name: &str) -> Option<At<String>> {
    either(notes, node, name).and_then(|value| text(notes, value))
}

/// A whole number of at least 1.
pub(crate) fn count(notes: &mut Notes, value: &Value) -> Option<u32> {
    let ValueKind::Integer(number) = value.kind else {
        expected(notes, value, "a whole number");
        return None;
    };
    match u32::try_from(number) {
        Ok(number) if (1..=1_000_000).contains(&number) => Some(number),
        _ => {
            notes.error(value.span, format!("{number} is not a number between 1 and 1000000"), "");
            None
        }
    }
}

/// A number, whole or not, not negative.
pub(crate) fn amount(notes: &mut Notes, value: &Value) -> Option<f64> {
    let number = match value.kind {
        #[expect(clippy::cast_precision_loss, reason = "money and percentages are small")]
        ValueKind::Integer(number) => number as f64,
        ValueKind::Decimal(number) => number,
        _ => {
            expected(notes, value, "a number");
            return None;
        }
    };
    if number.is_finite() && number >= 0.0 {
        return Some(number);
    }
    notes.error(value.span, "this must be a number that is not negative", "");
    None
}

/// `#true` or `#false`.
pub(crate) fn flag(notes: &mut Notes, value: &Value) -> Option<bool> {
    if let ValueKind::Bool(flag) = value.kind {
        return Some(flag);
    }
    expected(notes, value, "`#true` or `#false`");
    None
}

/// A node that is a flag: `alone`, or `alone #false`.
pub(crate) fn bare_flag(notes: &mut Notes, node: &Node, name: &str) -> Option<bool> {
    const FLAG: Shape =
        Shape { args: (0, 1), takes: "`#true`, `#false` or nothing", props: &[], children: &[] };
    if let Some(value) = prop(node, name) {
        return flag(notes, value);
    }
    let child = once(notes, node, name)?;
    FLAG.check(child, notes);
    child.args.first().map_or(Some(true), |value| flag(notes, value))
}

/// A time such as `90s`, `20m` or `1h 30m`, more than nothing.
pub(crate) fn duration(notes: &mut Notes, value: &Value) -> Option<Duration> {
    let said = text(notes, value)?;
    match humantime::parse_duration(&said.value) {
        Ok(time) if !time.is_zero() => Some(time),
        Ok(_) => {
            notes.error(said.span, "a time must be longer than nothing", "leave it out for no limit");
            None
        }
        Err(_) => {
            notes.error(
                said.span,
                format!("`{}` is not a time", said.value),
                "write it as `90s`, `20m`, `3h` or `1h 30m`",
            );
            None
        }
    }
}

/// The time of the setting of that name.
pub(crate) fn one_duration(notes: &mut Notes, node: &Node, name: &str) -> Option<Duration> {
    either(notes, node, name).and_then(|value| duration(notes, value))
}

/// A text as a name of some kind.
pub(crate) fn named<T>(
    notes: &mut Notes,
    said: &At<String>,
    new: impl Fn(&str) -> Result<T, id::BadName>,
) -> Option<At<T>> {
    match new(&said.value) {
        Ok(name) => Some(At::new(name, said.span)),
        Err(why) => {
            notes.error(said.span, why.to_string(), "names are like `051-retry`");
            None
        }
    }
}

/// The names of all children of that name.
pub(crate) fn all_named<T>(
    notes: &mut Notes,
    node: &Node,
    name: &str,
    new: impl Fn(&str) -> Result<T, id::BadName> + Copy,
) -> Vec<At<T>> {
    let mut said = all_texts(notes, node, name);
    said.extend(prop(node, name).and_then(|value| text(notes, value)));
    said.iter().filter_map(|said| named(notes, said, new)).collect()
}

/// One of some words.
pub(crate) fn choice<T: Copy>(notes: &mut Notes, said: &At<String>, among: &[(&str, T)]) -> Option<T> {
    let found = among.iter().find(|(word, _)| *word == said.value).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<String> = among.iter().map(|(word, _)| format!("`{word}`")).collect();
        let what = format!("`{}` is not {}", said.value, english::list(&words, "or"));
        let near = english::nearest(&said.value, among.iter().map(|(word, _)| *word));
        notes.error(said.span, what, near.map(|n| format!("did you mean `{n}`?")).unwrap_or_default());
    }
    found
}

/// The place of a node's first argument, or of its name.
pub(crate) fn title_span(node: &Node) -> Span {
    node.args.first().map_or(node.name.span, |value| value.span)
}
