//! What the demo agent writes by itself: each text made from the one before it, so that a changed requirement
//! reaches the result and a changed word beside it does not.

/// The heading of the description in a `spec.md`.
const WANTED: &str = "## What is wanted";
/// The heading of the list that the result is made from.
const REQUIREMENTS: &str = "## Requirements";

/// A `spec.md`: a new one, or the one that is there brought up to date with the description.
pub fn spec(existing: Option<&str>, spec: &str, description: &str) -> String {
    let first = description.lines().find(|line| !line.trim().is_empty()).unwrap_or(spec).trim();
    let new =
        || format!("# {spec}\n\n{WANTED}\n\n{REQUIREMENTS}\n\n- {first}\n- It can be tried by itself\n");
    let existing = &existing.map_or_else(new, ToOwned::to_owned);
    let former = section(existing, WANTED).lines().find(|line| !line.trim().is_empty()).map(str::trim);
    let wanted = with_section(existing, WANTED, description);
    let list = section(&wanted, REQUIREMENTS);
    let (old, new) = (format!("- {}", former.unwrap_or_default()), format!("- {first}"));
    let has = |line: &str| list.lines().any(|known| known.trim() == line);
    let list = match (has(&new), former.is_some() && has(&old)) {
        (true, _) => return wanted,
        (false, true) => list.replace(&old, &new),
        (false, false) => format!("{}\n{new}\n", list.trim_end()),
    };
    with_section(&wanted, REQUIREMENTS, &list)
}

/// What a spec asks for: its list, or without one its sentences.
pub fn requirements(spec: &str) -> Vec<String> {
    let lines = || spec.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let list: Vec<String> = lines().filter_map(bullet).map(ToOwned::to_owned).collect();
    if list.is_empty() { lines().map(ToOwned::to_owned).collect() } else { list }
}

fn bullet(line: &str) -> Option<&str> {
    line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).map(str::trim)
}

/// A `plan.md`.
pub fn plan(spec: &str, requirements: &[String]) -> String {
    format!("# Plan: {spec}\n\n## Steps\n\n{}", listed(requirements))
}

/// A `tasks.md`.
pub fn tasks(spec: &str, requirements: &[String]) -> String {
    let mut text = format!("# Tasks: {spec}\n\n## Phase 1: Work\n\n");
    for (n, requirement) in requirements.iter().enumerate() {
        text.push_str(&format!("- [ ] T{:03} {requirement}, in {}\n", n + 1, result_path(spec)));
    }
    text.push_str(&format!(
        "\n## Phase 2: Polish\n\n- [ ] T{:03} Read it once more\n",
        requirements.len() + 1
    ));
    text
}

/// A `tasks.yaml`.
pub fn tasks_yaml(spec: &str, requirements: &[String]) -> String {
    let mut text = format!("phases:\n  - number: 1\n    title: {}\n    tasks:\n", quoted(spec));
    for (n, requirement) in requirements.iter().map(String::as_str).chain(["Read it once more"]).enumerate() {
        text.push_str(&format!(
            "      - id: T{:03}\n        title: {}\n        status: Pending\n",
            n + 1,
            quoted(requirement)
        ));
    }
    text
}

/// Any other document.
pub fn other(path: &str, spec: &str, stage: &str, requirements: &[String]) -> String {
    if path.ends_with(".yaml") || path.ends_with(".yml") {
        let list: String = requirements.iter().map(|line| format!("  - {}\n", quoted(line))).collect();
        let list = if list.is_empty() { " []\n".to_owned() } else { format!("\n{list}") };
        return format!("spec: {}\nstage: {}\nrequirements:{list}", quoted(spec), quoted(stage));
    }
    format!("# {spec}: {stage}\n\n{}", listed(requirements))
}

/// Where the result goes.
pub fn result_path(spec: &str) -> String {
    format!("src/{spec}.txt")
}

/// The result.
pub fn result(spec: &str, requirements: &[String]) -> String {
    format!("{spec}\n{}", listed(requirements))
}

fn listed(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

/// A string as YAML and JSON both write it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What stands under a heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (start, end) = bounds(text, heading).unwrap_or((text.len(), text.len()));
    &text[start..end]
}

/// The text with a section replaced, or added at its end.
fn with_section(text: &str, heading: &str, body: &str) -> String {
    let body = match body.trim() {
        "" => String::new(),
        body => format!("\n{body}\n"),
    };
    match bounds(text, heading) {
        None => format!("{}\n\n{heading}\n{body}", text.trim_end()).trim_start().to_owned(),
        Some((start, end)) => {
            let gap = if end < text.len() { "\n" } else { "" };
            format!("{}\n{body}{gap}{}", text[..start].trim_end(), &text[end..])
        }
    }
}

fn bounds(text: &str, heading: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        if start.is_some() && (line.starts_with("# ") || line.starts_with("## ")) {
            return start.map(|start| (start, at));
        }
        at += line.len();
        if start.is_none() && line.trim_end() == heading {
            start = Some(at);
        }
    }
    start.map(|start| (start, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks;
    use proptest::prelude::{prop, proptest};

    #[test]
    fn a_new_spec_asks_for_its_description() {
        let text = spec(None, "051-retry", "Retry\n\nWith backoff.\n");
        assert!(
            text.starts_with("# 051-retry\n\n## What is wanted\n\nRetry\n\nWith backoff.\n\n## Req"),
            "{text}"
        );
        assert_eq!(requirements(&text), ["Retry", "It can be tried by itself"]);
    }

    #[test]
    fn a_spec_that_is_there_is_edited_and_not_rewritten() {
        let check = |existing: &str, expect: &str| {
            assert_eq!(spec(Some(existing), "051", "New"), expect);
        };
        check(
            "# 051\n\n## What is wanted\n\nOld\n\n## Requirements\n\n- Old\n- By hand\n\n## Notes\n\nkept\n",
            "# 051\n\n## What is wanted\n\nNew\n\n## Requirements\n\n- New\n- By hand\n\n## Notes\n\nkept\n",
        );
        check("Prose.\n", "Prose.\n\n## What is wanted\n\nNew\n\n## Requirements\n\n- New\n");
    }

    #[test]
    fn a_list_is_what_counts_and_prose_only_without_one() {
        assert_eq!(requirements("# A\nprose\n- one\n* two\n"), ["one", "two"]);
        assert_eq!(requirements("# A\n\nprose\n"), ["prose"]);
    }

    proptest! {
        #[test]
        fn bringing_up_to_date_twice_is_as_once(
            existing in prop::option::of("(## What is wanted\n|## Requirements\n|- a\n|a\n|\n){0,8}"),
            description in "[ab\n]{1,6}",
        ) {
            let once = spec(existing.as_deref(), "051", &description);
            assert_eq!(spec(Some(&once), "051", &description), once);
        }

        #[test]
        fn tasks_are_tasks(requirements in prop::collection::vec("[ -~é]{1,20}", 0..5)) {
            for (path, text) in
                [("t.md", tasks("051", &requirements)), ("t.yaml", tasks_yaml("051", &requirements))]
            {
                let read = tasks::parse(path, &text).expect("tasks");
                assert_eq!(read.progress(), (0, u32::try_from(requirements.len()).expect("few") + 1), "{text}");
            }
        }
    }
}
