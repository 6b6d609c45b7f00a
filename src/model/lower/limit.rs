//! What may run out: `limit` of an agent, `budget` and `limits` of the project.
use super::notes::{At, Notes};
use super::shape::{self, Shape};
use crate::model::{LimitKind, LimitPattern};
use crate::syntax::Node;
use std::time::Duration;

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
