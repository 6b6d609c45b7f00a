//! Random changes to the corpus for some seconds, on a stable compiler. A text that breaks something is kept in
//! `fuzz/artifacts`.
use std::path::Path;
use std::time::{Duration, Instant};

const WORDS: [&str; 24] = [
    "{",
    "}",
    "\"",
    "=",
    ";",
    "\n",
    "/-",
    "/*",
    "*/",
    "\\",
    "#\"",
    "\"\"\"",
    "#true",
    "spec \"a\"",
    "needs \"b\"",
    "stage \"plan\"",
    "{spec}",
    "-1",
    "1e9",
    "\0",
    "é",
    "template",
    "include \"a.kdl\"",
    "on-failure",
];

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let seconds = args.next().and_then(|s| s.parse().ok()).unwrap_or(10);
    fastrand::seed(args.next().and_then(|s| s.parse().ok()).unwrap_or_else(|| fastrand::u64(..)));
    let seed = fastrand::get_seed();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut corpus = Vec::new();
    for entry in std::fs::read_dir(here.join("corpus/load"))? {
        corpus.push(std::fs::read(entry?.path())?);
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut times = 0_u64;
    while Instant::now() < end {
        let text = shaken(&corpus);
        if std::panic::catch_unwind(|| specmake_fuzz::once(&text)).is_err() {
            let file = here.join("artifacts").join(format!("{seed:x}-{times}"));
            std::fs::create_dir_all(here.join("artifacts"))?;
            std::fs::write(&file, &text)?;
            println!("broken by {}", file.display());
            std::process::exit(1);
        }
        times += 1;
    }
    println!("{times} texts, nothing broke (seed {seed})");
    Ok(())
}

fn shaken(corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut text = corpus[fastrand::usize(..corpus.len())].clone();
    for _ in 0..fastrand::usize(1..6) {
        let from = fastrand::usize(..=text.len());
        let to = (from + fastrand::usize(..30)).min(text.len());
        match fastrand::u8(..6) {
            0 => drop(text.drain(from..to)),
            1 => drop(text.splice(from..from, WORDS[fastrand::usize(..WORDS.len())].bytes())),
            2 => drop(text.splice(from..to, WORDS[fastrand::usize(..WORDS.len())].bytes())),
            3 if from < text.len() => text[from] = fastrand::u8(..),
            4 => text.truncate(text.len() - fastrand::usize(..=text.len() / 4)),
            _ => {
                let piece = text[from..to].to_vec();
                let at = fastrand::usize(..=text.len());
                text.splice(at..at, piece);
            }
        }
    }
    text
}
