//! What may run out: `limit` of an agent, `budget` and `limits` of the project.
use super::declared::LimitsText;
use super::notes::{At, Notes};
use super::shape::{self, Shape};
use crate::model::{LimitKind, LimitPattern, LoadLimits};
use crate::syntax::Node;
use std::time::Duration;

/// Percent of the memory, and bytes of the disk, unless somebody says otherwise.
const MEMORY: f64 = 85.0;
const DISK: u64 = 1_000_000_000;

/// All the `limit` nodes of an agent: its patterns, and the floor.
pub(super) fn of_agent(notes: &mut Notes, node: &Node) -> (Vec<LimitPattern>, Option<Duration>) {
    const LIMIT: Shape = Shape {
        args: (0, usize::MAX),
        takes: "a kind and texts, or `floor=`",
        props: &["floor"],
        children: &[],
    };
    let (mut patterns, mut floor) = (Vec::new(), None);
    for child in shape::each(node, "limit") {
        LIMIT.check(child, notes);
        if let Some(value) = shape::prop(child, "floor") {
            floor = shape::duration(notes, value);
        }
        let texts: Vec<_> = child.args.iter().filter_map(|value| shape::text(notes, value)).collect();
        let mut texts = texts.into_iter();
        let Some(said) = texts.next() else { continue };
        let among =
            [("clock", LimitKind::Clock), ("human", LimitKind::Human), ("transient", LimitKind::Transient)];
        let Some(kind) = shape::choice(notes, &said, &among) else { continue };
        patterns.extend(texts.filter_map(|text| pattern(notes, kind, text)));
    }
    (patterns, floor)
}

fn pattern(notes: &mut Notes, kind: LimitKind, said: At<String>) -> Option<LimitPattern> {
    let words = said.value.split("{time}").next().unwrap_or_default().trim();
    if words.len() < 3 {
        notes.error(
            said.span,
            "this matches too much",
            "write at least three letters, before `{time}` if it is there",
        );
        return None;
    }
    Some(LimitPattern { kind, text: said.value })
}

/// `limits cpu= memory= disk=`.
pub(super) fn read(notes: &mut Notes, limits: &Node) -> LimitsText {
    const LIMITS: Shape =
        Shape { args: (0, 0), takes: "properties", props: &["memory", "disk", "cpu"], children: &[] };
    let mut text = LimitsText::default();
    LIMITS.check(limits, notes);
    for (name, of) in [("memory", &mut text.memory), ("cpu", &mut text.cpu)] {
        let Some(value) = shape::prop(limits, name) else { continue };
        *of = shape::amount(notes, value);
        if of.is_some_and(|share| share > 100.0) {
            notes.error(value.span, format!("`{name}` is a share of 100"), "");
        }
    }
    let disk = shape::prop(limits, "disk").and_then(|value| shape::text(notes, value));
    text.disk = disk.and_then(|said| {
        let size = size(&said.value);
        if size.is_none() {
            notes.error(said.span, format!("`{}` is not a size", said.value), "write it as `500MB` or `1GB`");
        }
        size
    });
    text
}

/// `budget usd=` in a node.
pub(super) fn budget(notes: &mut Notes, node: &Node) -> Option<f64> {
    const BUDGET: Shape = Shape { args: (0, 0), takes: "`usd=`", props: &["usd"], children: &[] };
    let budget = shape::once(notes, node, "budget")?;
    BUDGET.check(budget, notes);
    let usd = shape::prop(budget, "usd");
    if usd.is_none() {
        notes.error(budget.name.span, "`budget` takes `usd=`", "write `budget usd=50`");
    }
    usd.and_then(|value| shape::amount(notes, value))
}

/// The limits that hold: what the Specfile says, else the user, else the usual ones.
pub(super) fn holding(specfile: LimitsText, user: LimitsText) -> LoadLimits {
    LoadLimits {
        cpu: specfile.cpu.or(user.cpu),
        memory: Some(specfile.memory.or(user.memory).unwrap_or(MEMORY)),
        disk: specfile.disk.or(user.disk).unwrap_or(DISK),
    }
}

/// `500MB` in bytes.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    let number: f64 = digits.trim_end().parse().ok().filter(|number| (0.0..1e9).contains(number))?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked just above"
    )]
    Some((number * unit as f64) as u64)
}
