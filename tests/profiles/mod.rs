//! What the profiles of the built-in agents say about themselves.
use specmake::base::SourceId;
use specmake::builtin;
use specmake::syntax::{self, Value, ValueKind};

/// The program that a profile was run with, as `package version`, and the cases that were seen to work.
pub fn verified(name: &str) -> Option<(String, Vec<String>)> {
    let agent = builtin::named(builtin::AGENTS, name)?;
    let (tree, _) = syntax::parse(SourceId(0), agent.text);
    let body = tree.nodes[0].children.iter().flatten();
    let said = body.filter(|child| child.name.text == "verified").flat_map(|child| &child.args);
    let text = |value: &Value| match &value.kind {
        ValueKind::Text(text) => text.clone(),
        other => panic!("{} instead of a text", other.noun()),
    };
    let mut words = said.map(text);
    Some((words.next()?, words.collect()))
}

/// All of it as a table: agents in their order, verified ones first.
pub fn table() -> String {
    let all: Vec<_> = builtin::AGENTS.iter().map(|agent| (agent.name, verified(agent.name))).collect();
    let cases = all.iter().filter_map(|(_, verified)| Some(&verified.as_ref()?.1));
    let cases = cases.max_by_key(|cases| cases.len()).unwrap();
    let mut table = format!("| agent | seen with | {} |\n", cases.join(" | "));
    table.push_str(&format!("| --- | --- |{}\n", " --- |".repeat(cases.len())));
    for (name, verified) in &all {
        let Some((program, seen)) = verified else { continue };
        let cells: String =
            cases.iter().map(|case| if seen.contains(case) { " ok |" } else { " |" }).collect();
        table.push_str(&format!("| `{name}` | {program} |{cells}\n"));
    }
    let others = all.iter().filter(|(name, verified)| verified.is_none() && *name != "demo");
    let others: Vec<String> = others.map(|(name, _)| format!("`{name}`")).collect();
    format!("{table}\nNot verified: {}.\n", others.join(", "))
}
