//! The recording of a build in the README: written by a real one, and held against each.
use std::fs;
use std::path::Path;

/// The lines of the README that it stands between.
const BEGIN: &str =
    "<!-- build: written by `SPECMAKE_README=write cargo test --test real whole`, from a real one -->";
const END: &str = "<!-- end of build -->";

/// The README must show this Specfile and this recording, but for figures and the order of what runs side by side.
pub fn holds(specfile: &str, recording: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let from = readme.find(BEGIN).unwrap() + BEGIN.len() + 1;
    let to = from + readme[from..].find(END).unwrap();
    let shown = format!("\n```kdl\n{specfile}```\n\n```text\n$ specmake -j2\n{recording}```\n\n");
    if std::env::var("SPECMAKE_README").is_ok_and(|value| value == "write") {
        fs::write(&file, format!("{}{shown}{}", &readme[..from], &readme[to..])).unwrap();
        return;
    }
    assert_eq!(
        stable(&readme[from..to]),
        stable(&shown),
        "the recording in the README is of another time:\n{shown}"
    );
}

/// Its lines without figures and commits, in the order of letters; how tasks come to be ticked is seen as it happens.
fn stable(text: &str) -> Vec<String> {
    let without = |line: &str| -> String {
        let line = line.split_once("] ").map_or(line, |(_, line)| line);
        let is_commit = |word: &&str| word.len() == 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        // `59s` one day is `1m 2s` on another.
        let is_figure = |word: &&str| word.trim_start_matches('(').starts_with(|c: char| c.is_ascii_digit());
        let words = line.split_whitespace().filter(|word| !is_commit(word) && !is_figure(word));
        words.collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.contains("  tasks ")).map(without).collect();
    lines.sort();
    lines
}
