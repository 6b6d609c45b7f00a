//! A script for the demo agent: what it does in a stage instead of what it would do by itself.
//!
//! `demo.kdl` in a spec's folder, or at the top of the worktree for all specs:
//! `pause MS` for what it does by itself, and per stage (`*` for any) `say write append edit remove tick run wait default fail`.
use crate::base::Sources;
use crate::syntax::{Node, ValueKind, parse};
use std::time::Duration;

/// A whole script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// How long a stage takes that has no steps, or `default` among them.
    pub pause: Option<Duration>,
    /// Stages and their steps.
    pub stages: Vec<(String, Vec<Step>)>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The only attempt it is done in.
    pub attempt: Option<u32>,
    /// What is done.
    pub act: Act,
}

/// What a step does. Texts and paths may hold `{spec}`, `{stage}`, `{attempt}` and `{folder}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Prints a line.
    Say(String),
    /// Writes a file, folders and all.
    Write {
        /// The file, from the worktree.
        path: String,
        /// All of it.
        text: String,
    },
    /// Writes at a file's end.
    Append {
        /// The file.
        path: String,
        /// What comes on top.
        text: String,
    },
    /// Replaces a text wherever it stands in a file.
    Edit {
        /// The file.
        path: String,
        /// What must be there.
        from: String,
        /// What stands there then.
        to: String,
    },
    /// Removes a file.
    Remove(String),
    /// Ticks all tasks, or the one of that id.
    Tick(Option<String>),
    /// Runs a shell line, and fails as it fails.
    Run(String),
    /// Waits that long.
    Wait(Duration),
    /// Waits until a file is there, but not for ever.
    WaitFor {
        /// The file.
        path: String,
        /// How long at most.
        most: Duration,
    },
    /// Does what it would do without a script.
    Default,
    /// Ends with this exit status.
    Fail(u8),
    /// Ends by this signal: `TERM`.
    Signal(String),
}

/// How long `wait for=` waits unless it says.
const MOST: Duration = Duration::from_secs(120);

impl Script {
    /// Reads a script; `name` is what mistakes call it.
    ///
    /// # Errors
    /// Every mistake, one a line, each with its place.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let mut sources = Sources::default();
        let (document, diagnostics) = parse(sources.add(name, text), text);
        let mut mistakes: Vec<_> = diagnostics.into_iter().map(|found| (found.span, found.message)).collect();
        let mut script = Self::default();
        for node in &document.nodes {
            let read = match node.name.text.as_str() {
                "pause" => millis(node).map(|pause| script.pause = Some(pause)),
                "stage" => text_argument(node, 0).map(|stage| {
                    let steps = node.children.iter().flatten().map(|step| (step, Step::read(step)));
                    let mut read = Vec::new();
                    for (place, step) in steps {
                        match step {
                            Ok(step) => read.push(step),
                            Err(mistake) => mistakes.push((place.span, mistake)),
                        }
                    }
                    script.stages.push((stage, read));
                }),
                other => Err(format!("`{other}` is not part of a script: `pause` and `stage` are")),
            };
            if let Err(mistake) = read {
                mistakes.push((node.span, mistake));
            }
        }
        if mistakes.is_empty() {
            return Ok(script);
        }
        let line = |(span, message): &(_, String)| {
            let (line, column) = sources.line_column(*span).unwrap_or((1, 1));
            format!("{name}:{line}:{column}: {message}")
        };
        Err(mistakes.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// The steps of exactly that stage.
    pub fn stage(&self, stage: &str) -> Option<&[Step]> {
        self.stages.iter().find(|(name, _)| name == stage).map(|(_, steps)| steps.as_slice())
    }
}

impl Step {
    fn read(node: &Node) -> Result<Self, String> {
        let act = match node.name.text.as_str() {
            "say" => Act::Say(text_argument(node, 0)?),
            "write" => Act::Write { path: text_argument(node, 0)?, text: text_argument(node, 1)? },
            "append" => Act::Append { path: text_argument(node, 0)?, text: text_argument(node, 1)? },
            "edit" => {
                let (from, to) = (text_property(node, "from")?, text_property(node, "to")?);
                Act::Edit {
                    path: text_argument(node, 0)?,
                    from: from.filter(|from| !from.is_empty()).ok_or("`edit` needs `from=\"...\"`")?,
                    to: to.ok_or("`edit` needs `to=\"...\"`")?,
                }
            }
            "remove" => Act::Remove(text_argument(node, 0)?),
            "tick" if node.args.is_empty() => Act::Tick(None),
            "tick" => Act::Tick(Some(text_argument(node, 0)?)),
            "run" => Act::Run(text_argument(node, 0)?),
            "wait" => match text_property(node, "for")? {
                None => Act::Wait(millis(node)?),
                Some(path) => {
                    let most = number_property(node, "most")?.map_or(MOST, Duration::from_millis);
                    Act::WaitFor { path, most }
                }
            },
            "default" => Act::Default,
            "fail" => match text_property(node, "signal")? {
                Some(signal) => Act::Signal(signal),
                None if node.args.is_empty() => Act::Fail(1),
                None => Act::Fail(
                    u8::try_from(number(&node.args[0].kind)?)
                        .map_err(|_| "an exit status is at most 255".to_owned())?,
                ),
            },
            other => return Err(format!("`{other}` is nothing that the demo agent can do")),
        };
        let attempt = number_property(node, "attempt")?.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        Ok(Self { attempt, act })
    }
}

fn text_argument(node: &Node, position: usize) -> Result<String, String> {
    match node.args.get(position).map(|value| &value.kind) {
        Some(ValueKind::Text(text)) => Ok(text.clone()),
        Some(other) => Err(format!("`{}` takes a string here, not {}", node.name.text, other.noun())),
        None => Err(format!("`{}` lacks an argument", node.name.text)),
    }
}

fn millis(node: &Node) -> Result<Duration, String> {
    let value = node.args.first().ok_or_else(|| format!("`{}` takes milliseconds", node.name.text))?;
    number(&value.kind).map(Duration::from_millis)
}

fn number(kind: &ValueKind) -> Result<u64, String> {
    match kind {
        ValueKind::Integer(number) => u64::try_from(*number).map_err(|_| "this number is too odd".to_owned()),
        other => Err(format!("this is {}, not a whole number", other.noun())),
    }
}

fn property<'a>(node: &'a Node, name: &str) -> Option<&'a ValueKind> {
    node.props.iter().rfind(|prop| prop.name.text == name).map(|prop| &prop.value.kind)
}

fn text_property(node: &Node, name: &str) -> Result<Option<String>, String> {
    match property(node, name) {
        None => Ok(None),
        Some(ValueKind::Text(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!("`{name}` is a string, not {}", other.noun())),
    }
}

fn number_property(node: &Node, name: &str) -> Result<Option<u64>, String> {
    property(node, name).map(number).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn every_step_is_read() {
        let text = r#"
            pause 200
            stage "implement" {
                say "hello"
                write "a/b" "text\n"
                append "a/b" "more"
                edit "a/b" from="more" to="less"
                remove "a/b"
                tick
                tick "T001"
                run "true"
                wait 5
                wait for="go" most=1000
                default
                fail 3 attempt=1
                fail signal="KILL" attempt=2
            }
            stage "*" { fail }
        "#;
        let script = Script::read("demo.kdl", text).expect("a script");
        assert_eq!(script.pause, Some(Duration::from_millis(200)));
        let steps = script.stage("implement").expect("steps");
        assert_eq!(steps.len(), 13);
        assert_eq!(steps[9].act, Act::WaitFor { path: "go".into(), most: Duration::from_secs(1) });
        assert_eq!(steps[11], Step { attempt: Some(1), act: Act::Fail(3) });
        assert_eq!(steps[12], Step { attempt: Some(2), act: Act::Signal("KILL".into()) });
        assert_eq!(script.stage("*"), Some([Step { attempt: None, act: Act::Fail(1) }].as_slice()));
        assert_eq!(script.stage("plan"), None);
    }

    #[test]
    fn mistakes_are_told_together_each_with_its_place() {
        let text = "stage \"plan\" {\n  write \"a\"\n  fly\n  fail 999\n  edit \"a\" to=\"b\"\n}\npause \"x\"\nodd\n";
        let mistakes = Script::read("demo.kdl", text).expect_err("mistakes");
        let places: Vec<&str> = mistakes.lines().map(|line| line.split(": ").next().unwrap_or("")).collect();
        let expect =
            ["demo.kdl:2:3", "demo.kdl:3:3", "demo.kdl:4:3", "demo.kdl:5:3", "demo.kdl:7:1", "demo.kdl:8:1"];
        assert_eq!(places, expect, "{mistakes}");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(?s)(stage \"a\" \\{)?.{0,80}") {
            let _ = Script::read("demo.kdl", &text);
        }
    }
}
