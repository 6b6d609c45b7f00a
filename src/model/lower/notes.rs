//! Everything that is wrong, each thing once.
use crate::base::{Diagnostic, Severity, Span, english};
use indexmap::IndexSet;
use std::collections::HashSet;

/// A value and where it was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> At<T> {
    pub(crate) fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// The most errors, and the most warnings, that are told.
const MOST: usize = 1000;

/// Collects diagnostics; ten thousand specs with one wrong pipeline make one of them.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    found: Vec<Diagnostic>,
    seen: HashSet<(Span, String)>,
    errors: usize,
    warnings: usize,
    /// How often something was noted, the same again too.
    pub(crate) noted: usize,
    /// Warnings are dropped: the text that is read is one of the program's own.
    quiet: bool,
}

impl Notes {
    /// For a text of the program's own: warnings are dropped.
    pub(crate) fn quiet() -> Self {
        Self { quiet: true, ..Self::default() }
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.quiet && diagnostic.severity == Severity::Warning {
            return;
        }
        self.noted += 1;
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if *count >= MOST {
            *count += 1;
        } else if self.seen.insert((diagnostic.span, diagnostic.message.clone())) {
            *count += 1;
            self.found.push(diagnostic);
        }
    }

    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(with_help(Diagnostic::error(span, message), help.into()));
    }

    pub(crate) fn warning(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(with_help(Diagnostic::warning(span, message), help.into()));
    }

    pub(crate) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        diagnostics.into_iter().for_each(|d| self.push(d));
    }

    /// All of them, by file and place.
    pub(crate) fn sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        for (count, severity) in [(self.errors, Severity::Error), (self.warnings, Severity::Warning)] {
            let last = self.found.iter_mut().rfind(|found| found.severity == severity);
            if let Some(last) = last.filter(|_| count > MOST) {
                last.help = Some(format!("and {} more of the kind after this one", count - MOST));
            }
        }
        self.found
    }
}

fn with_help(diagnostic: Diagnostic, help: String) -> Diagnostic {
    if help.is_empty() { diagnostic } else { diagnostic.help(help) }
}

/// "did you mean `x`?", or what there is, if it is not too much.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: IndexSet<&str> = known.into_iter().collect();
    if let Some(near) = english::nearest(word, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match known.len() {
        0 => String::new(),
        1..=30 => {
            let known: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
            format!("there is {}", english::list(&known, "and"))
        }
        n => format!("none of {n} has a name like it"),
    }
}
