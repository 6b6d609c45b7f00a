//! What the README and the examples say is true: their Specfiles check, their commands exist.
#![expect(clippy::unwrap_used, reason = "a repository that cannot be made is a failed test")]

mod profiles;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(here().join("README.md")).unwrap()
}

/// A program that sees only this folder.
fn hermetic(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home).env("TMPDIR", home);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C.UTF-8").env("TERM", "dumb");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "A Person");
        command.env(format!("GIT_{who}_EMAIL"), "person@example.invalid");
    }
    command.stdin(Stdio::null());
    command
}

fn specmake(home: &Path, folder: &Path, args: &[&str]) -> Output {
    hermetic(env!("CARGO_BIN_EXE_specmake"), home).current_dir(folder).args(args).output().unwrap()
}

/// A repository with a copy of a folder, committed; kept as long as the first value lives.
fn repository(content: &Path) -> (TempDir, PathBuf) {
    let home = TempDir::with_prefix("specmake-docs-").unwrap();
    let repo = home.path().join("repo");
    copy(content, &repo);
    for args in
        [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-q", "--allow-empty", "-m", "first"]]
    {
        let status = hermetic("git", home.path()).current_dir(&repo).args(args).status().unwrap();
        assert!(status.success(), "git {args:?}");
    }
    (home, repo)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &into);
        } else {
            fs::copy(entry.path(), into).unwrap();
        }
    }
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.is_dir());
    all.sort();
    all
}

/// The blocks of a language, without their fences.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

fn spoken(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn must(output: &Output, what: &str) {
    assert!(output.status.success(), "{what}\n{}", spoken(output));
}

#[test]
fn blocks_are_found() {
    assert_eq!(blocks("a\n```kdl\nspec \"a\"\n```\nb\n```sh\nx\n```\n", "kdl"), ["spec \"a\"\n"]);
}

#[test]
fn every_specfile_that_is_shown_checks() {
    let all = blocks(&readme(), "kdl");
    assert!(all.len() >= 3, "{all:?}");
    for block in all {
        let content = TempDir::new().unwrap();
        fs::write(content.path().join("Specfile"), &block).unwrap();
        fs::write(content.path().join("CONSTITUTION.md"), "Be kind.\n").unwrap();
        let (home, repo) = repository(content.path());
        must(&specmake(home.path(), &repo, &["check"]), &block);
        // What is shown must be free of warnings too.
        let output = specmake(home.path(), &repo, &["check", "--format", "json"]);
        assert!(spoken(&output).contains("\"warnings\": 0"), "{block}\n{}", spoken(&output));
    }
}

#[test]
fn a_specfile_that_is_wrong_does_not_check() {
    let content = TempDir::new().unwrap();
    fs::write(content.path().join("Specfile"), "sepc \"a\" \"A\"\n").unwrap();
    let (home, repo) = repository(content.path());
    let output = specmake(home.path(), &repo, &["check"]);
    assert_eq!(output.status.code(), Some(2), "{}", spoken(&output));
}

#[test]
fn every_command_and_flag_of_the_readme_exists() {
    let home = TempDir::new().unwrap();
    let help = specmake(home.path(), home.path(), &["--help"]);
    must(&help, "--help");
    let help = String::from_utf8(help.stdout).unwrap();
    let readme = readme();
    let table = readme.split("| command |").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<&str> =
        table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        assert!(help.split_whitespace().any(|word| word == command), "no `{command}` in\n{help}");
        must(&specmake(home.path(), home.path(), &[command, "--help"]), command);
    }
    let letters = readme.split("Make's letters").nth(1).unwrap().split('`').nth(1).unwrap();
    for letter in letters.split(' ').chain(["--explain", "--yes", "--format"]) {
        let named = help.split_whitespace().any(|word| word.trim_end_matches(',') == letter);
        assert!(named, "no `{letter}` in\n{help}");
    }
}

#[test]
fn every_exit_code_of_the_readme_is_in_the_help() {
    let home = TempDir::new().unwrap();
    let help = spoken(&specmake(home.path(), home.path(), &["--help"]));
    for row in
        readme().split("| exit code |").nth(1).unwrap().lines().skip(2).take_while(|row| !row.is_empty())
    {
        let code = row.split('|').nth(1).unwrap().trim();
        assert!(help.contains(code), "no exit code {code} in\n{help}");
    }
}

#[test]
fn every_setting_without_effect_is_named_in_the_readme() {
    let source = fs::read_to_string(here().join("src/model/lower/not_yet.rs")).unwrap();
    let list = source.split("NOT_YET").nth(1).unwrap().split("];").next().unwrap();
    let settings: Vec<&str> =
        list.split("(\"").skip(1).filter_map(|setting| setting.split('"').next()).collect();
    assert!(!settings.is_empty(), "{source}");
    let readme = readme();
    let told = readme.split("## What is not there yet").nth(1).unwrap().split("## ").next().unwrap();
    for word in settings.iter().flat_map(|setting| setting.split(' ')) {
        let word = if word == "step" { "prompt=" } else { word };
        assert!(told.contains(word), "`{word}` is not among what has no effect yet:\n{told}");
    }
}

#[test]
fn every_path_that_the_readme_names_is_there() {
    for path in ["examples", "Cargo.toml", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        assert!(here().join(path).exists(), "{path}");
    }
}

#[test]
fn every_example_checks_and_says_what_one_will_see() {
    let examples = folders(&here().join("examples"));
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        assert!(example.join("README.md").exists(), "{}", example.display());
        let (home, repo) = repository(&example);
        must(&specmake(home.path(), &repo, &["check"]), &example.display().to_string());
        must(&specmake(home.path(), &repo, &["fmt", "--check"]), &example.display().to_string());
    }
}

#[test]
fn every_example_builds_once_and_then_has_nothing_to_do() {
    for example in folders(&here().join("examples")) {
        let (home, repo) = repository(&example);
        let name = example.display().to_string();
        assert_eq!(specmake(home.path(), &repo, &["-q"]).status.code(), Some(4), "{name}");
        must(&specmake(home.path(), &repo, &["--yes"]), &name);
        must(&specmake(home.path(), &repo, &["-q"]), &name);
    }
}

/// Puts a text between two lines of the README, or fails if another one stands there.
#[track_caller]
fn stands_between(begin: &str, end: &str, expect: &str) {
    let readme = readme();
    let at = readme.find(begin).unwrap();
    let from = at + readme[at..].find('\n').unwrap() + 1;
    let to = from + readme[from..].find(end).unwrap();
    if std::env::var("SPECMAKE_README").is_ok_and(|value| value == "write") {
        fs::write(here().join("README.md"), format!("{}{expect}{}", &readme[..from], &readme[to..])).unwrap();
        return;
    }
    assert_eq!(&readme[from..to], expect, "`SPECMAKE_README=write cargo test --test docs` writes it anew");
}

#[test]
fn the_agents_of_the_readme_are_those_that_are_built_in() {
    let table = format!("\n{}\n", profiles::table());
    stands_between("<!-- agents:", "<!-- end of agents -->", &table);
}
