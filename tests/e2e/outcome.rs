//! How a run of the program ended, and what may be demanded of it.
use std::fmt;

/// The stages of the built-in pipeline, in order.
pub const STAGES: [&str; 5] = ["specify", "plan", "tasks", "implement", "check"];

/// A run that is over.
pub struct Outcome {
    /// What was typed after the program's name.
    pub args: Vec<String>,
    /// The exit code; 128+n for a signal.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// The agent's calls while it ran, in order: `a:plan`.
    pub calls: Vec<String>,
}

impl Outcome {
    /// The exit code must be this one.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code\n{self}");
        self
    }

    /// The exit code must not be 0, nor that of a panic or an abort.
    #[track_caller]
    pub fn refuses(&self) -> &Self {
        assert!((1..=3).contains(&self.code), "should have been refused\n{self}");
        self
    }

    /// These calls and no others, in this order within each spec.
    ///
    /// `a` stands for all stages of the built-in pipeline, `a:plan..` for those from `plan` on.
    #[track_caller]
    pub fn calls<const N: usize>(&self, expected: [&str; N]) -> &Self {
        let expected = by_spec(expected.iter().flat_map(|call| expand(call)).collect());
        assert_eq!(by_spec(self.calls.clone()), expected, "calls\n{self}");
        self
    }

    /// The calls that belong to one spec.
    pub fn calls_of(&self, spec: &str) -> Vec<&str> {
        let of = format!("{spec}:");
        self.calls.iter().filter(|call| call.starts_with(&of)).map(String::as_str).collect()
    }

    /// The commands that it says come next, each once.
    pub fn next(&self) -> Vec<&str> {
        let lines = self.stdout.lines().chain(self.stderr.lines());
        let mut next: Vec<&str> = lines.filter_map(|line| Some(line.split_once("next: ")?.1)).collect();
        next.dedup();
        next
    }

    /// Both were called, the last call of `first` before the first call of `then`.
    #[track_caller]
    pub fn before(&self, first: &str, then: &str) -> &Self {
        let last = self.calls.iter().rposition(|call| call == first);
        let begin = self.calls.iter().position(|call| call == then);
        let fine = matches!((last, begin), (Some(last), Some(begin)) if last < begin);
        assert!(fine, "`{first}` should come before `{then}`\n{self}");
        self
    }

    /// One of these words stands in what it printed, whatever the case.
    #[track_caller]
    pub fn said_any(&self, words: &[&str]) -> &Self {
        let all = format!("{}\n{}", self.stdout, self.stderr).to_lowercase();
        let found = words.iter().any(|word| all.contains(&word.to_lowercase()));
        assert!(found, "should have said one of {words:?}\n{self}");
        self
    }

    /// These words must not be in what it printed.
    #[track_caller]
    pub fn unsaid(&self, words: &str) -> &Self {
        let said = self.stdout.contains(words) || self.stderr.contains(words);
        assert!(!said, "it said {words:?}\n{self}");
        self
    }

    /// This stands in what it printed, whatever the case.
    #[track_caller]
    pub fn said(&self, words: &str) -> &Self {
        self.said_any(&[words])
    }

    /// No byte of a terminal's control language was printed.
    #[track_caller]
    pub fn plain(&self) -> &Self {
        let escapes = self.stdout.contains('\x1b') || self.stderr.contains('\x1b');
        assert!(!escapes, "escape sequences\n{:?}\n{:?}", self.stdout, self.stderr);
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- specmake {}", self.args.join(" "))?;
        writeln!(f, "--- exit code {}", self.code)?;
        writeln!(f, "--- calls {:?}", self.calls)?;
        writeln!(f, "--- stdout\n{}", self.stdout)?;
        writeln!(f, "--- stderr\n{}", self.stderr)
    }
}

fn by_spec(mut calls: Vec<String>) -> Vec<String> {
    calls.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    calls
}

fn expand(call: &str) -> Vec<String> {
    let Some((spec, stage)) = call.split_once(':') else {
        return STAGES.iter().map(|stage| format!("{call}:{stage}")).collect();
    };
    let Some(from) = stage.strip_suffix("..") else {
        return vec![call.to_owned()];
    };
    STAGES.iter().skip_while(|stage| **stage != from).map(|stage| format!("{spec}:{stage}")).collect()
}
