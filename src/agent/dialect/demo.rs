//! The lines of the demo agent: words, and `demo:` lines that say the rest of the stream.
use super::text::words;
use super::{Dialect, EndReason, Said};
use crate::event::{ToolKind, ToolStatus, ToolUse, Usage};

/// Reads the demo agent.
#[derive(Debug)]
pub struct Demo;

impl Dialect for Demo {
    fn read(&mut self, line: &str) -> Vec<Said> {
        let said = match line.strip_prefix("demo: ") {
            Some(said) => parse(said).or_else(|| words(line)),
            None => words(line),
        };
        said.into_iter().collect()
    }
}

/// The line that says it. Words are one line as they are.
pub fn line(said: &Said) -> String {
    match said {
        Said::Text(text) | Said::Aside(text) => text.clone(),
        Said::Started { session } => format!("demo: session {}", session.as_deref().unwrap_or("-")),
        Said::Tool(ToolUse { kind, title, .. }) => format!("demo: tool {} {title}", kind.name()),
        Said::Plan { done, total } => format!("demo: plan {done} of {total}"),
        Said::Usage(usage) => {
            let cost = usage.cost.map(|cost| format!(" cost {cost}")).unwrap_or_default();
            format!("demo: usage {} in {} out{cost}", usage.input, usage.output)
        }
        Said::Retrying { why, millis } => {
            format!("demo: retrying {} {why}", millis.map_or("-".to_owned(), |millis| millis.to_string()))
        }
        Said::Ended(EndReason::Finished) => "demo: ended finished".to_owned(),
        Said::Ended(EndReason::Cut) => "demo: ended cut".to_owned(),
        Said::Ended(EndReason::Stopped) => "demo: ended stopped".to_owned(),
        Said::Ended(EndReason::Failed(why)) => format!("demo: ended failed {why}"),
    }
}

fn parse(said: &str) -> Option<Said> {
    let (verb, rest) = said.split_once(' ')?;
    match verb {
        "session" => Some(Said::Started { session: (rest != "-").then(|| rest.to_owned()) }),
        "tool" => {
            let (kind, title) = rest.split_once(' ')?;
            let kind = ToolKind::named(kind);
            let paths = if kind == ToolKind::Execute { Vec::new() } else { vec![title.to_owned()] };
            let (id, title) = (String::new(), title.to_owned());
            Some(Said::Tool(ToolUse { id, kind, title, paths, status: ToolStatus::Done }))
        }
        "plan" => {
            let (done, total) = rest.split_once(" of ")?;
            Some(Said::Plan { done: done.parse().ok()?, total: total.parse().ok()? })
        }
        "usage" => {
            let (input, rest) = rest.split_once(" in ")?;
            let (output, cost) = rest.split_once(" out")?;
            let cost = match cost {
                "" => None,
                cost => {
                    Some(cost.strip_prefix(" cost ")?.parse().ok().filter(|cost: &f64| cost.is_finite())?)
                }
            };
            let (input, output) = (input.parse().ok()?, output.parse().ok()?);
            Some(Said::Usage(Usage { input, output, cost, ..Usage::default() }))
        }
        "retrying" => {
            let (millis, why) = rest.split_once(' ')?;
            Some(Said::Retrying { why: why.to_owned(), millis: millis.parse().ok() })
        }
        "ended" => Some(Said::Ended(match rest {
            "finished" => EndReason::Finished,
            "cut" => EndReason::Cut,
            "stopped" => EndReason::Stopped,
            other => EndReason::Failed(other.strip_prefix("failed ")?.to_owned()),
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    #[test]
    fn what_is_written_is_read() {
        let usage = Usage { input: 12, output: 3, ..Usage::default() };
        for said in [
            Said::Started { session: Some("demo-1".into()) },
            Said::Started { session: None },
            Said::Text("hello".into()),
            Said::Tool(ToolUse {
                id: String::new(),
                kind: ToolKind::Edit,
                title: "a b.md".into(),
                paths: vec!["a b.md".into()],
                status: ToolStatus::Done,
            }),
            Said::Plan { done: 1, total: 3 },
            Said::Usage(usage),
            Said::Usage(Usage { cost: Some(0.12), ..usage }),
            Said::Retrying { why: "rate limit".into(), millis: Some(5) },
            Said::Retrying { why: "rate limit".into(), millis: None },
            Said::Ended(EndReason::Finished),
            Said::Ended(EndReason::Cut),
            Said::Ended(EndReason::Stopped),
            Said::Ended(EndReason::Failed("no key".into())),
        ] {
            assert_eq!(Demo.read(&line(&said)), [said]);
        }
    }

    #[test]
    fn a_line_that_only_looks_so_is_words() {
        let text = "demo: plan x of y";
        assert_eq!(Demo.read(text), [Said::Text(text.to_owned())]);
        assert_eq!(Demo.read("demo: nothing"), [Said::Text("demo: nothing".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_odd(line in "demo: (session|tool|plan|usage|retrying|ended)?[ 0-9a-z]{0,20}") {
            assert!(Demo.read(&line).len() <= 1);
        }
    }
}
