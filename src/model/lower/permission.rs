//! `permissions { allow "edit" "src/**"; ask "fetch"; deny "execute" }`.
use super::notes::{At, Notes, did_you_mean};
use super::shape::{self, SOME, Shape};
use crate::model::{Answer, PathRule, PermissionRule, ToolKind};
use crate::syntax::Node;

/// The word for every kind.
const ANY: &str = "any";

/// The rules in a node's `permissions`, in their order.
pub(super) fn read(notes: &mut Notes, node: &Node) -> Vec<PermissionRule> {
    const PERMISSIONS: Shape =
        Shape { args: (0, 0), takes: "nothing but a block", props: &[], children: &["allow", "ask", "deny"] };
    let Some(node) = shape::once(notes, node, "permissions") else { return Vec::new() };
    PERMISSIONS.check(node, notes);
    node.children.iter().flatten().filter_map(|child| rule(notes, child)).collect()
}

fn rule(notes: &mut Notes, node: &Node) -> Option<PermissionRule> {
    let answer =
        [Answer::Allow, Answer::Ask, Answer::Deny].into_iter().find(|a| a.name() == node.name.text)?;
    SOME.check(node, notes);
    let mut said =
        node.args.iter().filter_map(|value| shape::text(notes, value)).collect::<Vec<_>>().into_iter();
    let first = said.next()?;
    let kind = kind(&first.value);
    if kind.is_none() {
        let words = ToolKind::ALL.map(ToolKind::name).into_iter().chain([ANY]);
        let help = did_you_mean(&first.value, words);
        notes.error(first.span, format!("`{}` is no kind of tool", first.value), help);
    }
    let paths: Vec<PathRule> = said.filter_map(|said| path(notes, &said)).collect();
    // One whose paths are wrong must not become one about everything.
    let is_whole = paths.len() + 1 == node.args.len();
    kind.filter(|_| is_whole).map(|kind| PermissionRule { answer, kind, paths })
}

fn kind(word: &str) -> Option<Option<ToolKind>> {
    let known = ToolKind::ALL.into_iter().find(|kind| kind.name() == word);
    if word == ANY { Some(None) } else { known.map(Some) }
}

fn path(notes: &mut Notes, said: &At<String>) -> Option<PathRule> {
    if kind(&said.value).is_some() {
        let help = "a rule is about one kind; the rest are paths. `./` before a path makes it one";
        notes.error(said.span, format!("`{}` is a kind of tool", said.value), help);
        return None;
    }
    match PathRule::new(&said.value) {
        Ok(path) => Some(path),
        Err(why) => {
            notes.error(said.span, why, "");
            None
        }
    }
}
