//! The part of a prompt that says in fixed words what the stage is and what it must leave behind.
//! Written for agents, and read again by the one that comes with the program.
use crate::base::english;
use std::fmt::Write;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The spec.
    pub spec: String,
    /// The stage.
    pub stage: String,
    /// The spec's folder, relative to the worktree.
    pub folder: String,
    /// Files it must leave behind.
    pub outputs: Vec<String>,
    /// Its tasks file.
    pub tasks: Option<String>,
    /// What is wanted, in the user's words.
    pub description: Option<String>,
}

const HEADING: &str = "## What specmake asks for";

impl Facts {
    /// The section as Markdown.
    pub fn write(&self) -> String {
        let mut text = format!("{HEADING}\n\n");
        let mut say = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "- {name}: {value}");
        };
        let quoted = |word: &String| format!("`{word}`");
        say("spec", &quoted(&self.spec));
        say("stage", &quoted(&self.stage));
        say("folder of the spec", &quoted(&self.folder));
        if !self.outputs.is_empty() {
            let outputs: Vec<String> = self.outputs.iter().map(quoted).collect();
            say("must be there afterwards", &english::list(&outputs, "and"));
        }
        if let Some(tasks) = &self.tasks {
            say("tasks to do, and to tick as they are done", &quoted(tasks));
        }
        if let Some(description) = &self.description {
            text.push_str("- description:\n\n");
            for line in description.lines() {
                let _ = writeln!(text, "> {line}");
            }
        }
        text
    }

    /// What the first such section of a prompt says.
    pub fn read(prompt: &str) -> Self {
        let mut facts = Self::default();
        let Some((_, section)) = prompt.split_once(HEADING) else { return facts };
        let mut description: Option<Vec<&str>> = None;
        for line in section.lines().take_while(|line| !line.starts_with('#')) {
            if let (Some(lines), Some(text)) = (&mut description, line.strip_prefix("> ")) {
                lines.push(text);
                continue;
            }
            let Some((name, value)) = line.strip_prefix("- ").and_then(|line| line.split_once(':')) else {
                continue;
            };
            let mut words = value.split('`').skip(1).step_by(2).map(ToOwned::to_owned);
            match name {
                "spec" => facts.spec = words.next().unwrap_or_default(),
                "stage" => facts.stage = words.next().unwrap_or_default(),
                "folder of the spec" => facts.folder = words.next().unwrap_or_default(),
                "must be there afterwards" => facts.outputs = words.collect(),
                "tasks to do, and to tick as they are done" => facts.tasks = words.next(),
                "description" => description = Some(Vec::new()),
                _ => {}
            }
        }
        facts.description = description.map(|lines| lines.join("\n"));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};

    proptest! {
        #[test]
        fn what_is_written_is_read(
            outputs in prop::collection::vec("[a-z/.*]{1,8}", 0..4),
            tasks in prop::option::of("[a-z/.]{1,8}"),
            description in prop::option::of("[a-z#:`> -]{1,12}(\n[a-z#:`> -]{1,12}){0,3}"),
        ) {
            let facts = Facts {
                spec: "051-retry".into(),
                stage: "plan".into(),
                folder: "specs/051-retry".into(),
                outputs,
                tasks,
                description,
            };
            let prompt = format!("Do it.\n\n{}\n## Rules\n\n- stage: `other`\n", facts.write());
            assert_eq!(Facts::read(&prompt), facts);
        }

        #[test]
        fn no_prompt_is_too_odd(prompt in "(?s).{0,100}") {
            let _ = Facts::read(&format!("{HEADING}\n{prompt}"));
        }
    }
}
