//! autospec's `tasks.yaml`: phases, each with tasks that have a status. Keys not needed here are let be.
use super::paths::named_in;
use super::{Line, TasksError};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The tasks of a YAML text.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read(text: &str) -> Result<Vec<Line>, TasksError> {
    let mut lines = Vec::new();
    for phase in file(text)?.phases.unwrap_or_default() {
        let name = phase.name();
        for task in phase.tasks.unwrap_or_default() {
            lines.push(line(task, name.as_deref())?);
        }
    }
    Ok(lines)
}

/// What tasks wait for: the line, the id and what it names, in the order written.
///
/// # Errors
/// As [`read`].
pub fn dependencies(text: &str) -> Result<Vec<(usize, String, String)>, TasksError> {
    let mut all = Vec::new();
    for task in file(text)?.phases.unwrap_or_default().into_iter().flat_map(|phase| phase.tasks).flatten() {
        let (line, id) = (number(&task), task.value.id.unwrap_or_default());
        let on = task.value.dependencies.unwrap_or_default();
        all.extend(on.into_iter().map(|on| (line, id.clone(), on)));
    }
    Ok(all)
}

fn file(text: &str) -> Result<File, TasksError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().and_then(|location| usize::try_from(location.line()).ok());
        let words = error.without_snippet().to_string();
        TasksError::Yaml { line, message: words.lines().next().unwrap_or_default().to_owned() }
    })
}
#[derive(Deserialize)]
struct File {
    phases: Option<Vec<Phase>>,
}

#[derive(Deserialize)]
struct Phase {
    number: Option<u32>,
    title: Option<String>,
    tasks: Option<Vec<Spanned<Task>>>,
}

impl Phase {
    fn name(&self) -> Option<String> {
        match (self.number, &self.title) {
            (Some(number), Some(title)) => Some(format!("Phase {number}: {title}")),
            (Some(number), None) => Some(format!("Phase {number}")),
            (None, title) => title.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Task {
    id: Option<String>,
    title: Option<String>,
    status: Option<Spanned<String>>,
    parallel: Option<bool>,
    file_path: Option<String>,
    dependencies: Option<Vec<String>>,
}

fn line(task: Spanned<Task>, phase: Option<&str>) -> Result<Line, TasksError> {
    let line = number(&task);
    let task = task.value;
    let (id, title) = match (task.id, task.title) {
        (Some(id), Some(title)) => (id, title),
        (Some(id), None) => (id.clone(), id),
        (None, Some(title)) => (title.clone(), title),
        (None, None) => return Err(TasksError::Nameless { line }),
    };
    let done = task.status.map_or(Ok(false), is_done)?;
    let mut paths: Vec<String> = task.file_path.into_iter().filter(|path| !path.is_empty()).collect();
    paths.extend(named_in(&title));
    paths.dedup();
    let parallel = task.parallel.unwrap_or(false);
    Ok(Line { id, title, done, parallel, phase: phase.map(ToOwned::to_owned), paths, line })
}

fn is_done(status: Spanned<String>) -> Result<bool, TasksError> {
    let letters = status.value.chars().filter(char::is_ascii_alphabetic);
    match letters.map(|c| c.to_ascii_lowercase()).collect::<String>().as_str() {
        "completed" | "complete" | "done" => Ok(true),
        "pending" | "inprogress" | "blocked" | "todo" => Ok(false),
        _ => Err(TasksError::Status { line: number(&status), found: status.value }),
    }
}

fn number<T>(spanned: &Spanned<T>) -> usize {
    usize::try_from(spanned.referenced.line()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    const FILE: &str = "\
tasks: { branch: main }
summary: { total_tasks: 2 }
phases:
  - number: 1
    title: Setup
    tasks:
      - id: T001
        title: Create src/x.rs
        status: Completed
        parallel: true
        file_path: src/x.rs
        dependencies: []
      - id: T002
        title: Test it
        status: InProgress
_meta: { artifact_type: tasks }
";

    #[test]
    fn tasks_of_autospec() {
        let lines = read(FILE).expect("tasks");
        let first = Line {
            id: "T001".into(),
            title: "Create src/x.rs".into(),
            done: true,
            parallel: true,
            phase: Some("Phase 1: Setup".into()),
            paths: vec!["src/x.rs".into()],
            line: 7,
        };
        assert_eq!(lines[0], first);
        assert_eq!((lines[1].id.as_str(), lines[1].done, lines[1].line), ("T002", false, 13));
    }

    #[test]
    fn a_status_is_read_in_any_case_and_an_unknown_one_has_its_line() {
        let check = |status: &str, expect: Result<bool, TasksError>| {
            let text = format!("phases:\n- tasks:\n  - id: T001\n    status: {status}\n");
            assert_eq!(read(&text).map(|lines| lines[0].done), expect, "{status}");
        };
        check("DONE", Ok(true));
        check("complete", Ok(true));
        check("in_progress", Ok(false));
        check("Blocked", Ok(false));
        check("''", Err(TasksError::Status { line: 4, found: String::new() }));
        check("finished", Err(TasksError::Status { line: 4, found: "finished".into() }));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let line = |text: &str| read(text).expect_err("an error").line();
        assert_eq!(line("phases:\n  - tasks: [\n"), Some(2));
        assert_eq!(line("phases:\n  - tasks:\n    - status: Pending\n"), Some(3));
        assert_eq!(line("phases: 3\n"), Some(1));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(?s).{0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn no_damage_is_too_odd(at in 0usize..FILE.len(), odd in "[\\[{}&*!|>%@`'\":,\n -]{1,4}") {
            let _ = read(&format!("{}{odd}{}", &FILE[..at], &FILE[at..]));
        }
    }
}
