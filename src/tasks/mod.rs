//! The lines of `tasks.md` and `tasks.yaml`: what is to be done, what is ticked, and which files are named.
//! Knows text only; where the file lies and who ticks it is others' business.
mod check;
pub mod markdown;
pub mod paths;
pub mod tick;
pub mod yaml;

pub use check::check;
pub use tick::tick;

/// A whole tasks file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tasks {
    /// Its tasks, in the order written.
    pub lines: Vec<Line>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id as written, `T001` or `1.2`; `#3` for the third task of a file without ids.
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// Whether it is ticked.
    pub done: bool,
    /// Whether it may run beside the others marked so.
    pub parallel: bool,
    /// The heading or phase it stands under.
    pub phase: Option<String>,
    /// Files that it names, as far as they can be told from words.
    pub paths: Vec<String>,
    /// Where it stands, from 1.
    pub line: usize,
}

/// Why a text is not a tasks file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TasksError {
    /// Not one task in it.
    #[error("there is no task in it{}", hint(*.yaml))]
    NoTasks {
        /// Whether it was read as YAML.
        yaml: bool,
    },
    /// A task that is neither ticked nor unticked.
    #[error("line {line}: a task's box is `[ ]` or `[x]`, not `[{found}]`")]
    Box {
        /// Where, from 1.
        line: usize,
        /// What stands in the box.
        found: String,
    },
    /// A status that is none of autospec's.
    #[error("line {line}: a status is Pending, InProgress, Completed or Blocked, not `{found}`")]
    Status {
        /// Where, from 1.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// A task that has neither an id nor a title.
    #[error("line {line}: a task has an id and a title")]
    Nameless {
        /// Where, from 1.
        line: usize,
    },
    /// Two tasks with one id.
    #[error("line {line}: task `{id}` is there twice, first in line {first}")]
    Twice {
        /// Where the second is, from 1.
        line: usize,
        /// The id.
        id: String,
        /// Where the first is.
        first: usize,
    },
    /// An id that is none of its format's.
    #[error("line {line}: a task's id is `T` and {digits}, not `{found}`")]
    Id {
        /// Where, from 1.
        line: usize,
        /// What stands there.
        found: String,
        /// How long its number is.
        digits: &'static str,
    },
    /// A dependency on no task of the file.
    #[error("line {line}: task `{id}` depends on `{on}`, which is no task here")]
    Unknown {
        /// Where, from 1.
        line: usize,
        /// The task.
        id: String,
        /// What it names.
        on: String,
    },
    /// Not YAML, or of another shape.
    #[error("{}{message}", at(*.line))]
    Yaml {
        /// Where, from 1, if that is known.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
}

impl TasksError {
    /// The line it is about, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NoTasks { .. } => None,
            Self::Box { line, .. }
            | Self::Status { line, .. }
            | Self::Nameless { line }
            | Self::Twice { line, .. }
            | Self::Id { line, .. }
            | Self::Unknown { line, .. } => Some(*line),
            Self::Yaml { line, .. } => *line,
        }
    }
}

fn at(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

fn hint(yaml: bool) -> &'static str {
    if yaml {
        "; tasks stand in `tasks` under `phases`"
    } else {
        "; a task is a line like `- [ ] T001 Do this in src/x.rs`"
    }
}

impl Tasks {
    /// How many are ticked, and how many there are.
    pub fn progress(&self) -> (u32, u32) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(self.lines.iter().filter(|line| line.done).count()), count(self.lines.len()))
    }

    /// Those that are left.
    pub fn unticked(&self) -> Vec<&Line> {
        self.lines.iter().filter(|line| !line.done).collect()
    }
}

/// Reads a tasks file: YAML if the path ends so, else Markdown.
///
/// # Errors
/// The first thing wrong with it.
pub fn parse(path: &str, text: &str) -> Result<Tasks, TasksError> {
    let yaml = is_yaml(path);
    let lines = if yaml { yaml::read(text)? } else { markdown::read(text)? };
    if lines.is_empty() { Err(TasksError::NoTasks { yaml }) } else { Ok(Tasks { lines }) }
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_ticks() {
        let tasks = parse("specs/a/tasks.md", "- [x] T001 a\n- [ ] T002 b\n- [X] T003 c\n").expect("tasks");
        assert_eq!(tasks.progress(), (2, 3));
        assert_eq!(tasks.unticked().iter().map(|line| line.id.as_str()).collect::<Vec<_>>(), ["T002"]);
    }

    #[test]
    fn a_file_without_tasks_is_an_error() {
        for (path, text) in [("t.md", "# Tasks\n\nsoon\n"), ("t.yaml", "phases: []\n"), ("t.md", "")] {
            let error = parse(path, text).expect_err("an error");
            assert_eq!(error, TasksError::NoTasks { yaml: path == "t.yaml" });
            assert_eq!(error.line(), None);
        }
    }
}
