//! A tasks file that was just made, held against its format to the letter: later stages go by its ids.
use super::{Tasks, TasksError, is_yaml, markdown, parse, yaml};
use std::collections::HashMap;

/// Reads a tasks file that must be right in everything: ids of their format and no two alike, and no dependency on
/// a task that is not there. [`parse`] is for files that are there anyway.
///
/// # Errors
/// The first thing wrong with it.
pub fn check(path: &str, text: &str) -> Result<Tasks, TasksError> {
    let tasks = parse(path, text)?;
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for line in &tasks.lines {
        if is_yaml(path) && !is_id(&line.id) {
            let (line, found) = (line.line, line.id.clone());
            return Err(TasksError::Id { line, found, digits: "a number" });
        }
        if let Some(first) = seen.insert(&line.id, line.line) {
            return Err(TasksError::Twice { line: line.line, id: line.id.clone(), first });
        }
    }
    if is_yaml(path) {
        for (line, id, on) in yaml::dependencies(text)? {
            if !seen.contains_key(on.as_str()) {
                return Err(TasksError::Unknown { line, id, on });
            }
        }
    } else if let Some(short) = markdown::short_id(text)? {
        let found = short.title.split(' ').next().unwrap_or_default().to_owned();
        return Err(TasksError::Id { line: short.line, found, digits: "at least three digits" });
    }
    Ok(tasks)
}

fn is_id(word: &str) -> bool {
    let number = word.strip_prefix('T').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {

    #[test]
    fn what_is_wrong_has_its_line() {
        let check = |path: &str, text: &str, expect: &str| {
            let said =
                super::check(path, text).map(drop).map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(said, expect, "{text}");
        };
        check("t.md", "- [ ] T001 a\n- [x] T002 b\n- [ ] a checklist\n", "");
        check("t.md", "- [ ] 1.1 a\n- [ ] 1.2 b\n", "");
        check(
            "t.md",
            "- [ ] T001 a\n\n- [ ] T001 b\n",
            "line 3: task `T001` is there twice, first in line 1",
        );
        check(
            "t.md",
            "- [ ] T001 a\n- [ ] T12 b\n",
            "line 2: a task's id is `T` and at least three digits, not `T12`",
        );
        check("t.md", "- [ ] T12 b\n", "");
        let yaml = |id: &str, on: &str| {
            format!("phases:\n- tasks:\n  - id: T001\n  - id: {id}\n    dependencies: [{on}]\n")
        };
        check("t.yaml", &yaml("T2", "T001"), "");
        check("t.yaml", &yaml("T001", ""), "line 4: task `T001` is there twice, first in line 3");
        check("t.yaml", &yaml("two", ""), "line 4: a task's id is `T` and a number, not `two`");
        check("t.yaml", &yaml("T2", "T3"), "line 4: task `T2` depends on `T3`, which is no task here");
    }
}
