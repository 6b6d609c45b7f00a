//! Holds the import table of `src/lib.rs`, and a few habits that a compiler does not keep.
#![expect(clippy::unwrap_used, reason = "sources that cannot be read are a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a file may be, in lines before its tests.
const LONGEST: usize = 500;

/// Who may import a crate: prefixes of paths below `src`.
const IMPORTERS: [(&str, &[&str]); 11] = [
    ("aho_corasick", &["base/mask.rs"]),
    ("kdl", &["syntax/", "agent/demo/"]),
    ("petgraph", &["graph/"]),
    ("blake3", &["base/stamp.rs"]),
    ("postcard", &["model/compiled.rs"]),
    ("walkdir", &["sys/files.rs", "sys/files/"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
    ("rusqlite", &["store/"]),
    ("owo_colors", &["report/style.rs"]),
    ("miette", &["cli/"]),
];

/// Texts that may stand only below these prefixes of `src`, and why.
const ONLY_IN: [(&str, &[&str], &str); 7] = [
    ("println!", &["cli/", "report/"], "only faces write"),
    ("eprintln!", &["cli/", "report/"], "only faces write"),
    ("print!", &["cli/", "report/"], "only faces write"),
    ("eprint!", &["cli/", "report/"], "only faces write"),
    ("dbg!", &[], "a look that was left behind"),
    ("Command::new", &["sys/process.rs", "sys/child/start.rs"], "processes have two places"),
    ("#[allow(", &[], "say why with #[expect(lint, reason)]"),
];

/// What is wrong, and in which line.
type Problem = (usize, String);

/// For each room, the rooms that it may import; `None` for one that may import everything.
type Table = BTreeMap<String, Option<BTreeSet<String>>>;

/// Reads the table in the documentation of `src/lib.rs`, so that there is only one.
fn table(lib: &str) -> Table {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let mut table = Table::new();
    let mut above: Vec<String> = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_end_matches(['|', ' ']).split('|').map(str::trim).collect();
        let [room, _, imports] = cells[..] else { panic!("a row of three cells: {row}") };
        let room = room.trim_matches('`').to_owned();
        let allowed = match imports {
            "nothing" => Some(BTreeSet::new()),
            "everything" => None,
            _ => match imports.strip_prefix("all of the above") {
                Some("") => Some(above.iter().cloned().collect()),
                Some(but) => {
                    let but: Vec<&str> = but.split('`').skip(1).step_by(2).collect();
                    Some(above.iter().filter(|room| !but.contains(&room.as_str())).cloned().collect())
                }
                None => {
                    Some(imports.split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect())
                }
            },
        };
        above.push(room.clone());
        table.insert(room, allowed);
    }
    table
}

/// The code of a file without comments, texts and its tests, line by line.
fn code(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            literal(rest)
        };
        if skip > 0 {
            for _ in rest[..skip].matches('\n') {
                lines.push(std::mem::take(&mut line));
            }
        } else if c == '\n' {
            lines.push(std::mem::take(&mut line));
        } else {
            line.push(c);
        }
        rest = &rest[if skip > 0 { skip } else { c.len_utf8() }..];
    }
    lines.push(line);
    let opens_tests =
        |line: &str| line.trim_end().ends_with('{') && line.split(' ').any(|word| word == "mod");
    let tests = lines.windows(2).position(|pair| pair[0].trim() == "#[cfg(test)]" && opens_tests(&pair[1]));
    lines.truncate(tests.unwrap_or(lines.len()));
    lines
}

/// How many bytes the text or character that begins here is long; 0 if none does.
fn literal(rest: &str) -> usize {
    if rest.starts_with('"') {
        return quoted(rest, 1);
    }
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let from = 1 + hashes + 1;
            return rest[from..].find(&end).map_or(rest.len(), |at| from + at + end.len());
        }
    }
    for character in ["'\"'", "'\\\"'", "'\\''", "'\\\\'", "'/'"] {
        if rest.starts_with(character) {
            return character.len();
        }
    }
    0
}

fn quoted(rest: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip_while(|(at, _)| *at < from) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The rooms that a file names through `crate::` or enough `super::`, with the lines that do.
fn imports(path: &str, lines: &[String]) -> Vec<(usize, String)> {
    let whole = lines.join("\n");
    // A file `room/a.rs` is two modules deep, `room/mod.rs` and `room.rs` one.
    let depth = path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
    let to_top = "super::".repeat(depth);
    let mut found = Vec::new();
    for start in ["crate::", to_top.as_str()] {
        for (at, _) in whole.match_indices(start) {
            let before = whole[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = whole[..at].matches('\n').count() + 1;
            let names = heads(&whole[at + start.len()..]);
            found.extend(names.into_iter().map(|name| (line, name)));
        }
    }
    found
}

/// The first names of what comes after `crate::`: one, or those of a group in braces.
fn heads(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![word(rest)];
    };
    let (mut depth, mut parts, mut part) = (0_usize, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(std::mem::take(&mut part)),
            _ => part.push(c),
        }
    }
    parts.push(part);
    parts.iter().map(|part| word(part)).filter(|name| !name.is_empty()).collect()
}

/// Everything wrong with one file; `path` is below `src`.
fn problems(table: &Table, path: &str, text: &str) -> Vec<Problem> {
    let lines = code(text);
    let mut problems = Vec::new();
    let room = path.split('/').next().unwrap().trim_end_matches(".rs");
    let below = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
    if !matches!(path, "lib.rs" | "main.rs") {
        match table.get(room) {
            None => problems.push((1, format!("the room `{room}` is not in the table of src/lib.rs"))),
            Some(None) => {}
            Some(Some(allowed)) => {
                for (line, name) in imports(path, &lines) {
                    if name != room && table.contains_key(&name) && !allowed.contains(&name) {
                        problems.push((line, format!("`{room}` may not import `{name}`")));
                    }
                }
            }
        }
    }
    for (number, line) in lines.iter().enumerate() {
        for (name, prefixes) in IMPORTERS {
            if uses_crate(line, name) && !below(prefixes) {
                problems.push((number + 1, format!("`{name}` belongs to {prefixes:?}")));
            }
        }
        for (words, prefixes, why) in ONLY_IN {
            if stands_in(line, words) && !below(prefixes) {
                problems.push((number + 1, format!("`{words}`: {why}")));
            }
        }
        if line.trim_start().starts_with("use ") && line.contains("::*") {
            problems.push((number + 1, "a wildcard import".to_owned()));
        }
    }
    if lines.len() > LONGEST {
        problems.push((LONGEST, format!("{} lines before the tests, more than {LONGEST}", lines.len())));
    }
    problems
}

/// Whether the words stand there, not as the end of a longer name.
fn stands_in(line: &str, words: &str) -> bool {
    line.match_indices(words)
        .any(|(at, _)| !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

/// Whether a path of that crate stands there.
fn uses_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    let plain = line.match_indices(&path).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    });
    plain
        || line.trim_start().starts_with(&format!("use {name}"))
            && line.trim_start()[4 + name.len()..].starts_with([';', ' ', ':'])
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether the module above says that a file is compiled for tests alone; such a file has none of the habits.
fn is_tests(file: &Path) -> bool {
    let (name, folder) = (file.file_stem().unwrap().to_str().unwrap(), file.parent().unwrap());
    [folder.join("mod.rs"), folder.with_extension("rs")]
        .iter()
        .any(|above| fs::read_to_string(above).is_ok_and(|text| declares_tests(&text, name)))
}

fn declares_tests(text: &str, name: &str) -> bool {
    let declares = |line: &str| {
        line.strip_suffix(&format!("mod {name};"))
            .is_some_and(|before| before.is_empty() || before.starts_with("pub"))
    };
    let lines: Vec<&str> = text.lines().collect();
    lines.windows(2).any(|pair| pair[0] == "#[cfg(test)]" && declares(pair[1]))
}

#[test]
fn a_file_of_tests_is_known_by_the_module_above() {
    assert!(declares_tests("mod a;\n#[cfg(test)]\nmod tests;\n", "tests"));
    assert!(declares_tests("#[cfg(test)]\npub(crate) mod sample;\n", "sample"));
    assert!(!declares_tests("#[cfg(test)]\nmod tests;\nmod a;\n", "a"));
}

#[test]
fn the_house_is_in_order() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = table(&fs::read_to_string(src.join("lib.rs")).unwrap());
    assert!(table.len() > 10, "the table of src/lib.rs was not found: {table:?}");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut all = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap();
        if is_tests(file) {
            continue;
        }
        for (line, problem) in problems(&table, path, &fs::read_to_string(file).unwrap()) {
            all.push(format!("src/{path}:{line}: {problem}"));
        }
    }
    all.sort();
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn the_table_names_every_room_and_points_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let table = table(&lib);
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let named: BTreeSet<&str> = table.keys().map(String::as_str).collect();
    assert_eq!(declared, named);
    let mut left: Vec<&String> = table.keys().collect();
    let mut below: BTreeSet<&String> = BTreeSet::new();
    while !left.is_empty() {
        let (free, rest): (Vec<&String>, Vec<&String>) =
            left.into_iter().partition(|room| match &table[*room] {
                Some(allowed) => allowed.iter().all(|name| below.contains(name)),
                None => below.len() + 1 == table.len(),
            });
        assert!(!free.is_empty(), "these import each other: {rest:?}");
        below.extend(free);
        left = rest;
    }
}

const SMALL: &str = "//! | `base` | words | nothing |\n//! | `model` | nouns | base |\n\
                     //! | `view` | fold | base |\n//! | `run` | loop | all of the above but `view` |\n\
                     //! | `cli` | commands | everything |\n";

#[track_caller]
fn check(path: &str, text: &str, expect: &[Problem]) {
    let problems = problems(&table(SMALL), path, text);
    assert_eq!(problems, expect, "{path}: {text}");
}

#[test]
fn a_table_is_read_from_its_documentation() {
    let rooms = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let expect: Table = [
        ("base", rooms(&[])),
        ("model", rooms(&["base"])),
        ("view", rooms(&["base"])),
        ("run", rooms(&["base", "model"])),
        ("cli", None),
    ]
    .into_iter()
    .map(|(room, allowed)| (room.to_owned(), allowed))
    .collect();
    assert_eq!(table(SMALL), expect);
}

#[test]
fn an_import_that_points_up_is_found() {
    let up = |line: usize, room: &str, name: &str| [(line, format!("`{room}` may not import `{name}`"))];
    check("model/a.rs", "use crate::base::Stamp;\nuse crate::model::b;\n", &[]);
    check("cli/a.rs", "use crate::run::x;\n", &[]);
    check("base/a.rs", "\nuse crate::model::Spec;\n", &up(2, "base", "model"));
    check("run/a.rs", "use crate::{base::X, view::{View, model}};\n", &up(1, "run", "view"));
    check("model/a.rs", "fn f() -> crate::view::View;\n", &up(1, "model", "view"));
    check("model/a.rs", "use super::super::view::View;\n", &up(1, "model", "view"));
    check("view.rs", "use super::model::Spec;\n", &up(1, "view", "model"));
    check("model/a.rs", "use super::view::View;\n", &[]);
}

#[test]
fn comments_texts_and_tests_are_not_code() {
    check(
        "base/a.rs",
        "/// [`crate::model`]\n// crate::model::x\nconst A: &str = \"crate::model::x // \";\n",
        &[],
    );
    check("base/a.rs", "const A: &str = r#\"println!(\"x\")\"#;\n", &[]);
    check("base/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::model::Spec;\n}\n", &[]);
    check("base/a.rs", "#[cfg(test)]\npub(super) mod tests {\n    use super::*;\n}\n", &[]);
    let whole = [(3, "`base` may not import `model`".to_owned())];
    check("base/mod.rs", "#[cfg(test)]\nmod sample;\nuse crate::model::Spec;\n", &whole);
    let after = [(3, "`base` may not import `model`".to_owned())];
    check("base/a.rs", "const A: &str = \"one\ntwo\";\nuse crate::model::x;\n", &after);
}

#[test]
fn every_habit_has_a_line_that_breaks_it() {
    let found = |path: &str, line: &str| !problems(&table(SMALL), path, line).is_empty();
    for line in [
        "use kdl::KdlDocument;",
        "    let graph = petgraph::Graph::new();",
        "use blake3;",
        "use clap::Parser;",
        "    println!(\"x\");",
        "    eprint!(\"x\");",
        "    dbg!(x);",
        "    std::process::Command::new(\"git\");",
        "#[allow(dead_code)]",
        "use crate::base::*;",
    ] {
        assert!(found("model/a.rs", line), "{line}");
    }
    assert!(found("nowhere/a.rs", ""));
    assert!(found("model/a.rs", &"\n".repeat(LONGEST + 1)));
    assert!(!found("cli/a.rs", "println!(\"x\"); clap::x();"));
    assert!(!found("model/a.rs", "let my_kdl::x = eprintln_not!(); self.base::x();"));
}
