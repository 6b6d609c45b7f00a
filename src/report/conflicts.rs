//! Specs that may collide: the answer of `conflicts`, and what a plan says of them.
use super::json;
use super::line::Line;
use super::style::{Ink, Mark, Style};
use crate::base::SpecName;
use crate::base::english::count;
use serde::Serialize;
use std::io;

/// How many paths of a pair people are shown.
const SHOWN: usize = 4;

/// How many pairs a plan names.
const NAMED: usize = 3;

/// The answer of `conflicts`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ConflictsReport {
    /// The branch that results would land on.
    pub base: String,
    /// The commit that was looked at.
    pub commit: String,
    /// Pairs, the surest first, those that are kept apart last.
    pub pairs: Vec<ConflictPair>,
    /// Paths that so many specs have to do with that no pair of them is listed for it.
    pub crowds: Vec<Crowd>,
}

/// Two specs that may collide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictPair {
    /// Both, in the order declared.
    pub specs: [SpecName; 2],
    /// How sure it is.
    pub likelihood: Likelihood,
    /// Whether their `touches` keep the one waiting until the other has landed.
    pub kept_apart: bool,
    /// Why, what tells the most first.
    pub evidence: Vec<ConflictSign>,
}

/// How sure a collision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// The branches do not merge with each other as they are.
    Certain,
    /// It would be a surprise if nothing happened.
    Likely,
    /// There are signs.
    Possible,
}

/// A path at which two specs meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictSign {
    /// The path, or a pattern where both only have one.
    pub path: String,
    /// What connects each of them with it.
    pub by: [Sign; 2],
}

/// What connects a spec with a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Sign {
    /// Commits of its branch changed it.
    Changed,
    /// Its `touches`.
    Touches {
        /// The pattern.
        pattern: String,
    },
    /// A text names it.
    Named {
        /// Where: a file of the spec's folder, or `Specfile`.
        file: String,
    },
    /// It changed that when it landed before.
    Landed,
    /// Others of its template changed it when they landed.
    Template {
        /// So many.
        some: u32,
        /// Of those that have landed.
        of: u32,
    },
    /// Others of its layer did.
    Layer {
        /// So many.
        some: u32,
        /// Of those that have landed.
        of: u32,
    },
}

/// A path that many specs have to do with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Crowd {
    /// The path.
    pub path: String,
    /// How many specs.
    pub specs: usize,
}

impl ConflictsReport {
    /// Whether anything may collide that nothing keeps apart.
    pub fn warns(&self) -> bool {
        !self.crowds.is_empty() || self.pairs.iter().any(|pair| !pair.kept_apart)
    }

    /// Writes it as one JSON document.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        json::document(self, out)
    }

    /// Writes it for people.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_human(&self, style: &Style, width: usize, out: &mut dyn io::Write) -> io::Result<()> {
        for line in self.lines(style) {
            writeln!(out, "{}", line.fit(width, style))?;
        }
        Ok(())
    }

    fn lines(&self, style: &Style) -> Vec<Line> {
        let mut lines = Vec::new();
        self.pairs.iter().for_each(|pair| pair.push_lines(style, &mut lines));
        for crowd in &self.crowds {
            let line = Line::marked(Mark::Warning, style).ink(Ink::Strong, &crowd.path);
            lines.push(line.text(format!("  {} may change it", count(crowd.specs, "spec"))));
        }
        let open = self.pairs.iter().filter(|pair| !pair.kept_apart).count();
        if !self.warns() {
            let line = Line::marked(Mark::UpToDate, style);
            lines.push(line.text("no specs that run at once are seen to collide"));
        } else if open > 0 {
            let what = format!("{} may collide", count(open, "pair"));
            let how = "; an `after` between two puts them in order, `touches` in both keeps them apart";
            lines.push(Line::new().ink(Ink::Strong, what).text(how));
        }
        lines
    }
}

impl ConflictPair {
    fn push_lines(&self, style: &Style, lines: &mut Vec<Line>) {
        let [one, other] = &self.specs;
        let mark = if self.kept_apart { Mark::Waiting } else { self.likelihood.mark() };
        let how = if self.kept_apart { "kept apart" } else { self.likelihood.word() };
        let head = Line::marked(mark, style).text(how).to_column(14);
        lines.push(head.ink(Ink::Strong, one.as_str()).text(" and ").ink(Ink::Strong, other.as_str()));
        let shown = &self.evidence[..self.evidence.len().min(SHOWN)];
        let longest = shown.iter().map(|sign| sign.path.chars().count()).max().unwrap_or(0).min(40);
        for sign in shown {
            let line = Line::new().text("    ").text(&sign.path).to_column(6 + longest);
            lines.push(line.ink(Ink::Faint, format!("  {}", self.said_of(sign))));
        }
        let more = self.evidence.len() - shown.len();
        if more > 0 {
            lines.push(Line::new().ink(Ink::Faint, format!("    and {}", count(more, "more path"))));
        }
    }

    fn said_of(&self, sign: &ConflictSign) -> String {
        let [one, other] = &self.specs;
        let [first, second] = &sign.by;
        if self.likelihood == Likelihood::Certain {
            "their branches do not merge here".to_owned()
        } else if first == second {
            format!("both: {}", first.said())
        } else {
            format!("{one}: {}; {other}: {}", first.said(), second.said())
        }
    }
}

impl Likelihood {
    fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }

    fn mark(self) -> Mark {
        match self {
            Self::Certain => Mark::Colliding,
            Self::Likely => Mark::Warning,
            Self::Possible => Mark::MayRun,
        }
    }
}

impl Sign {
    fn said(&self) -> String {
        match self {
            Self::Changed => "changed on its branch".to_owned(),
            Self::Touches { pattern } => format!("touches \"{pattern}\""),
            Self::Named { file } => format!("named in {file}"),
            Self::Landed => "changed when it landed before".to_owned(),
            Self::Template { some, of } => format!("changed by {some} of {of} from its template"),
            Self::Layer { some, of } => format!("changed by {some} of {of} in its layer"),
        }
    }
}

/// What a plan says of collisions: the surest few, and where to see the rest.
pub(super) fn warnings(pairs: &[ConflictPair], style: &Style) -> Vec<Line> {
    let sure = pairs.iter().filter(|pair| pair.likelihood != Likelihood::Possible);
    let named: Vec<&ConflictPair> = sure.take(NAMED).collect();
    let warning = |pair: &&ConflictPair| {
        let [one, other] = &pair.specs;
        let how = match pair.likelihood {
            Likelihood::Certain => "do not merge with each other",
            Likelihood::Likely | Likelihood::Possible => "are likely to collide",
        };
        let path = pair.evidence.first().map_or("", |sign| sign.path.as_str());
        Line::marked(Mark::Warning, style).text(format!("`{one}` and `{other}` {how}: {path}"))
    };
    let mut lines: Vec<Line> = named.iter().map(warning).collect();
    let more = pairs.len() - named.len();
    let what = match (named.len(), more) {
        (0, 0) => return lines,
        (_, 0) => "see `specmake conflicts`".to_owned(),
        (0, _) => format!("{} of specs may collide; see `specmake conflicts`", count(more, "pair")),
        _ => format!("{} may; see `specmake conflicts`", count(more, "other pair")),
    };
    lines.push(Line::new().text("  ").ink(Ink::Faint, what));
    lines
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::sample::spec;

    fn pair(specs: [&str; 2], likelihood: Likelihood, evidence: Vec<ConflictSign>) -> ConflictPair {
        ConflictPair { specs: specs.map(spec), likelihood, kept_apart: false, evidence }
    }

    fn sign(path: &str, by: [Sign; 2]) -> ConflictSign {
        ConflictSign { path: path.into(), by }
    }

    /// One of everything.
    pub(in crate::report) fn sample() -> ConflictsReport {
        let named = || Sign::Named { file: "specs/051-retry/tasks.md".into() };
        let touches = || Sign::Touches { pattern: "src/**".into() };
        let all = [
            Sign::Changed,
            Sign::Landed,
            Sign::Template { some: 2, of: 3 },
            Sign::Layer { some: 3, of: 4 },
            named(),
        ];
        let paths = ["src/a.rs", "src/b.rs", "src/c.rs", "src/d.rs", "src/lib.rs"];
        let many = paths.iter().zip(all).map(|(path, by)| sign(path, [touches(), by])).collect();
        let mut apart = pair(["a", "b"], Likelihood::Likely, vec![sign("src/**", [touches(), touches()])]);
        apart.kept_apart = true;
        let certain = vec![sign("src/http.rs", [Sign::Changed, Sign::Changed])];
        ConflictsReport {
            base: "main".into(),
            commit: "c0ffee".into(),
            pairs: vec![
                pair(["051-retry", "060-threads"], Likelihood::Certain, certain),
                pair(["050-partial", "051-retry"], Likelihood::Likely, many),
                pair(
                    ["050-partial", "060-threads"],
                    Likelihood::Possible,
                    vec![sign("README.md", [named(), named()])],
                ),
                apart,
            ],
            crowds: vec![Crowd { path: "CHANGELOG.md".into(), specs: 70 }],
        }
    }

    fn human(report: &ConflictsReport) -> String {
        let mut out = Vec::new();
        report.write_human(&Style::PLAIN, 100, &mut out).expect("a vector takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn pairs_stand_with_their_evidence() {
        insta::assert_snapshot!(human(&sample()));
    }

    #[test]
    fn what_is_kept_apart_is_no_warning() {
        let mut report = sample();
        assert!(report.warns());
        report.crowds.clear();
        report.pairs.drain(..3);
        assert!(!report.warns());
        insta::assert_snapshot!(human(&report));
    }

    #[test]
    fn a_plan_names_the_surest() {
        let said = |pairs: &[ConflictPair]| -> Vec<String> {
            warnings(pairs, &Style::PLAIN).iter().map(|line| line.render(&Style::PLAIN)).collect()
        };
        let pairs = sample().pairs;
        assert_eq!(said(&[]), [""; 0]);
        assert_eq!(
            said(&pairs[..3]),
            [
                "! `051-retry` and `060-threads` do not merge with each other: src/http.rs",
                "! `050-partial` and `051-retry` are likely to collide: src/a.rs",
                "  1 other pair may; see `specmake conflicts`",
            ]
        );
        assert_eq!(said(&pairs[2..3]), ["  1 pair of specs may collide; see `specmake conflicts`"]);
    }
}
