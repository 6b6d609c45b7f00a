//! `tasks.md`: the lines of spec-kit (`- [ ] T012 [P] [US1] Create src/models/user.py`), the numbered ones of
//! OpenSpec and Kiro (`- [ ] 1.2 Title`), and plain checkboxes. Where a file has spec-kit's ids, its other
//! checkboxes are checklists, not tasks. What stands in code fences and comments is an example.
use super::paths::named_in;
use super::{Line, TasksError};

/// The tasks of a Markdown text.
///
/// # Errors
/// A spec-kit line whose box is neither empty nor ticked.
pub fn read(text: &str) -> Result<Vec<Line>, TasksError> {
    let mut tasks = scan(text)?;
    let spec_kit = tasks.iter().any(|(kind, _)| *kind == Kind::SpecKit);
    tasks.retain(|(kind, _)| !spec_kit || *kind == Kind::SpecKit);
    Ok(tasks.into_iter().map(|(_, line)| line).collect())
}

/// A task of spec-kit's that [`read`] would pass over, since its id is too short to be one: `T12`.
///
/// # Errors
/// As [`read`].
pub fn short_id(text: &str) -> Result<Option<Line>, TasksError> {
    let tasks = scan(text)?;
    if tasks.iter().all(|(kind, _)| *kind != Kind::SpecKit) {
        return Ok(None);
    }
    let short = |(kind, line): &(Kind, Line)| {
        let word = line.title.split([' ', '\t', ':']).next().unwrap_or_default();
        let number = word.trim_matches('*').strip_prefix('T').unwrap_or_default();
        *kind == Kind::Other && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    };
    Ok(tasks.into_iter().find(short).map(|(_, line)| line))
}

fn scan(text: &str) -> Result<Vec<(Kind, Line)>, TasksError> {
    let mut prose = Prose::default();
    let mut phase = None;
    let mut tasks: Vec<(Kind, Line)> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        let Some(line) = prose.of(line) else { continue };
        let line = line.trim();
        if let Some(heading) = heading(line) {
            phase = Some(heading.to_owned());
            continue;
        }
        let Some((mark, rest)) = checkbox(line) else { continue };
        let (kind, id, rest) = id(rest);
        let done = match mark {
            " " => false,
            "x" | "X" => true,
            _ if kind == Kind::SpecKit => {
                return Err(TasksError::Box { line: number, found: mark.to_owned() });
            }
            _ => continue,
        };
        let (parallel, title) = labels(rest);
        let id = id.map_or_else(|| format!("#{}", tasks.len() + 1), ToOwned::to_owned);
        let title = if title.is_empty() { id.clone() } else { title.to_owned() };
        let paths = named_in(&title);
        tasks.push((kind, Line { id, title, done, parallel, phase: phase.clone(), paths, line: number }));
    }
    Ok(tasks)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    SpecKit,
    Other,
}

/// Takes code fences and comments out of a text, line by line.
#[derive(Default)]
struct Prose {
    fence: Option<(char, usize)>,
    comment: bool,
}

impl Prose {
    /// What a line says outside of them; nothing where it is inside.
    fn of<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        if self.comment {
            let (_, rest) = line.split_once("-->")?;
            self.comment = false;
            return self.of(rest);
        }
        let mark = line.trim_start().chars().next().filter(|c| matches!(c, '`' | '~'));
        let length = mark.map_or(0, |mark| line.trim_start().chars().take_while(|c| *c == mark).count());
        if let Some((open, longer)) = self.fence {
            let bare = line.trim().chars().all(|c| c == open);
            if mark == Some(open) && length >= longer && bare {
                self.fence = None;
            }
            return None;
        }
        if let (Some(mark), 3..) = (mark, length) {
            self.fence = Some((mark, length));
            return None;
        }
        let Some((before, comment)) = line.split_once("<!--") else { return Some(line) };
        self.comment = !comment.contains("-->");
        Some(before)
    }
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let deep = line.len() - text.len();
    let title = text.trim().trim_end_matches('#').trim();
    ((2..=6).contains(&deep) && text.starts_with(' ') && !title.is_empty()).then_some(title)
}

/// What stands in a line's box, and what after it.
fn checkbox(line: &str) -> Option<(&str, &str)> {
    let bullet = line.strip_prefix(['-', '*', '+']).or_else(|| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < line.len()).then(|| rest.strip_prefix(['.', ')'])).flatten()
    })?;
    if !bullet.starts_with([' ', '\t']) {
        return None;
    }
    let (mark, rest) = bullet.trim_start().strip_prefix('[')?.split_once(']')?;
    // `[ ](link)` is a link, `[ ]* 2.3` an optional task of Kiro's, which holds nothing up.
    if mark.chars().count() > 1 || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    Some((mark, rest.trim()))
}

fn id(text: &str) -> (Kind, Option<&str>, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let bare = word.trim_matches('*').trim_end_matches(':').trim_matches('*');
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if let Some(number) = bare.strip_prefix('T')
        && number.len() >= 3
        && digits(number)
    {
        return (Kind::SpecKit, Some(bare), rest.trim());
    }
    let number = bare.strip_suffix('.').unwrap_or(bare);
    let parts = number.split('.').all(|part| !part.is_empty() && digits(part));
    // `1.` and `1.2` number a task; `3 files` is its title.
    if parts && bare.contains('.') {
        return (Kind::Other, Some(number), rest.trim());
    }
    (Kind::Other, None, text)
}

/// Takes `[P]`, `[US1]` and the like from the front; says whether `[P]` was among them.
fn labels(mut text: &str) -> (bool, &str) {
    let mut parallel = false;
    loop {
        if let Some(rest) = text.strip_prefix("(P)") {
            (parallel, text) = (true, rest.trim_start());
            continue;
        }
        let Some((label, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) else {
            return (parallel, text);
        };
        let story = label.strip_prefix("US").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        if label != "P" && !story {
            return (parallel, text);
        }
        (parallel, text) = (parallel || label == "P", rest.trim_start());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};

    fn ids(text: &str) -> Vec<String> {
        read(text).expect("tasks").into_iter().map(|line| line.id).collect()
    }

    #[test]
    fn a_line_of_spec_kit() {
        let text =
            "\n## Phase 3: Story\n- [X] T014 [P] [US1] Implement X in src/services/x.py (depends on T012)\n";
        let expect = Line {
            id: "T014".into(),
            title: "Implement X in src/services/x.py (depends on T012)".into(),
            done: true,
            parallel: true,
            phase: Some("Phase 3: Story".into()),
            paths: vec!["src/services/x.py".into()],
            line: 3,
        };
        assert_eq!(read(text), Ok(vec![expect]));
    }

    #[test]
    fn which_lines_are_tasks() {
        let check = |text: &str, expect: &[&str]| assert_eq!(ids(text), expect, "{text}");
        check("- [ ] T001 a\n* [x] T002 b\n  - [ ] T003 c\n", &["T001", "T002", "T003"]);
        check("- [ ] T001 a\n- [ ] reviewed by a person\n", &["T001"]);
        check("- [ ] one\n- [x] two\n- three\n- [2026-01-29] four\n- [ ](link)\n", &["#1", "#2"]);
        check("- [ ] 1. A\n  - [ ] 1.1 B\n- [ ]* 1.2 optional\n1. [ ] 3 files\n", &["1", "1.1", "#3"]);
        check("```\n- [ ] T001 example\n```\n- [ ] T002 real\n", &["T002"]);
        check("````md\n```\n- [ ] T001 x\n```\n````\n- [ ] T002 y\n", &["T002"]);
        check("<!--\n- [ ] T001 sample\n-->\n- [ ] T002 real <!-- note -->\n", &["T002"]);
        check("- [ ] **T001** bold\n- [ ] T002: colon\n- [ ] T003\n", &["T001", "T002", "T003"]);
        check("- [-] dropped\n- [ ] kept\n", &["#1"]);
        check("nothing", &[]);
    }

    #[test]
    fn labels_are_not_the_title() {
        let check = |line: &str, parallel: bool, title: &str| {
            let task = read(line).expect("a task").remove(0);
            assert_eq!((task.parallel, task.title.as_str()), (parallel, title), "{line}");
        };
        check("- [ ] T001 [US2] [P] Go", true, "Go");
        check("- [ ] T001 [USA] Go", false, "[USA] Go");
        check("- [ ] 1.1 (P) Go", true, "Go");
        check("- [ ] T001", false, "T001");
    }

    #[test]
    fn a_box_that_is_neither_is_an_error_with_its_line() {
        assert_eq!(read("\n- [?] T001 a\n"), Err(TasksError::Box { line: 2, found: "?".into() }));
        assert_eq!(read("- [] T001 a\n"), Err(TasksError::Box { line: 1, found: String::new() }));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(?s).{0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn ticking_changes_nothing_but_the_tick(
            ticks in prop::collection::vec(prop::bool::ANY, 1..20),
            noise in "[a-z `<>#*\\[\\]-]{0,12}",
        ) {
            let text = |ticks: &[bool]| {
                let line = |(n, done): (usize, &bool)| {
                    format!("- [{}] T{n:03} do {noise}\n", if *done { 'x' } else { ' ' })
                };
                ticks.iter().enumerate().map(line).collect::<String>()
            };
            if let (Ok(ticked), Ok(mut plain)) = (read(&text(&ticks)), read(&text(&vec![false; ticks.len()]))) {
                for (line, done) in plain.iter_mut().zip(&ticks) {
                    line.done = *done;
                }
                if !noise.contains('<') {
                    assert_eq!(ticked.len(), ticks.len());
                    assert_eq!(ticked, plain);
                }
            }
        }
    }
}
