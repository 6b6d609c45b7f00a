//! Ticking tasks in a text and changing nothing else of it.
use super::{Line, TasksError, parse};

/// The text with those tasks ticked. A task of a `tasks.yaml` that has no `status` line stays as it is.
///
/// # Errors
/// The text is not a tasks file.
pub fn tick(path: &str, text: &str, which: impl Fn(&Line) -> bool) -> Result<String, TasksError> {
    let tasks = parse(path, text)?;
    let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    let starts: Vec<usize> = tasks.lines.iter().map(|task| task.line - 1).collect();
    for (position, task) in tasks.lines.iter().enumerate().filter(|(_, task)| !task.done && which(task)) {
        let end = starts.get(position + 1).copied().unwrap_or(lines.len());
        let Some(own) = lines.get_mut(task.line - 1..end.max(task.line)) else { continue };
        if path.ends_with(".yaml") || path.ends_with(".yml") {
            if let Some(status) = own.iter_mut().find(|line| key(line) == "status") {
                *status = completed(status);
            }
        } else if let Some(line) = own.first_mut() {
            *line = line.replacen("[ ]", "[x]", 1);
        }
    }
    Ok(lines.concat())
}

fn key(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix("- ").unwrap_or(line).split(':').next().unwrap_or_default().trim()
}

fn completed(line: &str) -> String {
    let Some((before, after)) = line.split_once(':') else { return line.to_owned() };
    let comment = after.find(" #").unwrap_or_else(|| after.trim_end().len());
    format!("{before}: Completed{}", &after[comment..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};

    #[test]
    fn only_the_box_changes() {
        let text = "# T\r\n- [ ] T001 a [ ] b\r\n- [ ] T002 c\r\n- [ ] not a task\r\n";
        let ticked = tick("t.md", text, |task| task.id == "T001");
        assert_eq!(ticked.as_deref(), Ok(text.replacen("[ ]", "[x]", 1).as_str()));
    }

    #[test]
    fn only_the_status_changes() {
        let text = "phases:\n- tasks:\n  - id: T001\n    title: 'status: x'\n    status: Pending # soon\n  - status: \"In Progress\"\n    id: T002\n";
        let ticked = tick("t.yaml", text, |_| true).expect("tasks");
        assert_eq!(ticked, text.replace("Pending #", "Completed #").replace("\"In Progress\"", "Completed"));
    }

    proptest! {
        #[test]
        fn what_was_ticked_is_done(ticks in prop::collection::vec(prop::bool::ANY, 1..12), yaml in prop::bool::ANY) {
            let line = |(n, done): (usize, &bool)| match (yaml, done) {
                (true, true) => format!("  - id: T{n:03}\n    status: Completed\n"),
                (true, false) => format!("  - id: T{n:03}\n    status: Pending\n"),
                (false, true) => format!("- [x] T{n:03} do\n"),
                (false, false) => format!("- [ ] T{n:03} do\n"),
            };
            let head = if yaml { "phases:\n- tasks:\n" } else { "" };
            let path = if yaml { "t.yaml" } else { "t.md" };
            let text = format!("{head}{}", ticks.iter().enumerate().map(line).collect::<String>());
            let ticked = tick(path, &text, |task| task.id.ends_with('1')).expect("tasks");
            let (before, after) = (parse(path, &text).expect("tasks"), parse(path, &ticked).expect("tasks"));
            for (before, after) in before.lines.iter().zip(&after.lines) {
                assert_eq!(after.done, before.done || before.id.ends_with('1'));
            }
            assert_eq!(before.lines.len(), after.lines.len());
        }
    }
}
