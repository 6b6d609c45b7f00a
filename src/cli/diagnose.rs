//! Diagnostics as a report: each with the lines of its own file. The only importer of `miette`.
use crate::base::{Diagnostic, Severity, SourceId, Sources, Span, english};
use crate::report::Style;
use crate::report::line::{blank, clean, clean_lines};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The most diagnostics that are shown in full.
const MOST: usize = 100;

/// The longest line that is shown, in bytes; a diagnostic in a longer one only names its place.
const LONGEST_LINE: usize = 400;

/// The report, errors and warnings in the order given, no line wider than `width` where words allow it.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style, width: usize) -> String {
    let theme = GraphicalTheme {
        characters: if style.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() },
        styles: if style.color { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_links(false).with_width(width.clamp(40, 120));
    let mut texts = HashMap::new();
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MOST) {
        // Writing to a string fails only if a part of the report does; then its plain form is shown.
        let before = out.len();
        if handler.render_report(&mut out, &Shown::new(diagnostic, sources, &mut texts)).is_err() {
            out.truncate(before);
            out.push_str(&line(diagnostic, sources));
            out.push('\n');
        }
        out.push('\n');
    }
    if diagnostics.len() > MOST {
        out.push_str(&format!("... and {} more\n", diagnostics.len() - MOST));
    }
    out
}

/// `Specfile:3:7: error: what`, for places that have one line.
pub fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let severity = word(diagnostic.severity);
    format!("{}: {severity}: {}", place(diagnostic.span, sources), clean_lines(&diagnostic.message))
}

/// `1 error and 2 warnings`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let parts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, noun)| english::count(n, noun))
        .collect();
    if parts.is_empty() { "no mistakes".to_owned() } else { english::list(&parts, "and") }
}

/// `error` or `warning`.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// `Specfile:3:7`.
fn place(span: Span, sources: &Sources) -> String {
    let name = sources.file(span.source).map_or("?", |file| &*file.name);
    let (line, column) = sources.line_column(span).unwrap_or((1, 1));
    format!("{}:{line}:{column}", clean(name))
}

/// A diagnostic as `miette` wants it.
#[derive(Debug)]
struct Shown {
    message: String,
    severity: Severity,
    help: Option<String>,
    source: Option<Shelf>,
    labels: Vec<LabeledSpan>,
}

impl Shown {
    /// Nothing that a file says moves the cursor: `texts` are those of the files without what would.
    fn new(diagnostic: &Diagnostic, sources: &Sources, texts: &mut HashMap<SourceId, Arc<str>>) -> Self {
        let mut shown = Self {
            message: clean_lines(&diagnostic.message),
            severity: diagnostic.severity,
            help: diagnostic.help.as_deref().map(clean_lines),
            source: None,
            labels: Vec::new(),
        };
        let file = sources.file(diagnostic.span.source).filter(|file| !file.text.is_empty());
        let primary = file.and_then(|file| Some((file, clip(&file.text, diagnostic.span)?)));
        let mut elsewhere = Vec::new();
        if let Some((file, span)) = primary {
            let words = Some(clean(&diagnostic.label)).filter(|label| !label.is_empty());
            shown.labels.push(LabeledSpan::new_primary_with_span(words, span));
            let text = texts.entry(diagnostic.span.source).or_insert_with(|| blank(&file.text).into());
            shown.source = Some(Shelf { name: clean(&file.name), text: Arc::clone(text) });
        } else {
            shown.message = format!("{}: {}", place(diagnostic.span, sources), shown.message);
        }
        for (span, words) in &diagnostic.related {
            let here = primary.filter(|_| span.source == diagnostic.span.source);
            match here.and_then(|(file, _)| clip(&file.text, *span)) {
                Some(clipped) => shown.labels.push(LabeledSpan::new_with_span(Some(clean(words)), clipped)),
                None => elsewhere.push(format!("{}: {}", place(*span, sources), clean(words))),
            }
        }
        if !elsewhere.is_empty() {
            elsewhere.extend(shown.help.take());
            shown.help = Some(elsewhere.join("\n"));
        }
        shown
    }
}

/// The part of a span in its first line; none where that line is too long to be shown.
fn clip(text: &str, span: Span) -> Option<SourceSpan> {
    let start = span.start.min(text.len());
    let (before, after) = (text.get(..start)?, text.get(start..)?);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line_end = after.find('\n').unwrap_or(after.len());
    if start - line_start + line_end > LONGEST_LINE {
        return None;
    }
    Some((start, span.len.min(line_end)).into())
}

/// A file whose columns are counted in characters, as everywhere else.
#[derive(Debug)]
struct Shelf {
    name: String,
    text: Arc<str>,
}

impl SourceCode for Shelf {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.as_ref().read_span(span, before, after)?;
        let start = read.span().offset();
        let line = self.text.get(..start).map_or("", |text| text.rsplit('\n').next().unwrap_or(""));
        let column = line.chars().count();
        let named = MietteSpanContents::new_named(
            self.name.clone(),
            read.data(),
            *read.span(),
            read.line(),
            column,
            read.line_count(),
        );
        Ok(Box::new(named))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_diagnostic_shows_lines_of_its_own_file() {
        let mut sources = Sources::default();
        let one = sources.add("Specfile", "a\nspec \"x\"\n");
        let two = sources.add("more.kdl", "spec \"x\"\n");
        let at = |source, start, len| Span { source, start, len };
        let found = [
            Diagnostic::error(at(two, 5, 3), "spec `x` is declared twice")
                .related(at(one, 7, 3), "declared here first")
                .help("rename one of them"),
            Diagnostic::warning(at(one, 0, 1), "odd").label("this"),
        ];
        let text = render(&found, &sources, Style::default(), 80);
        for part in [
            "more.kdl:1:6",
            "Specfile:2:6: declared here first",
            "rename one of them",
            "Specfile:1:1",
            "this",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        assert!(text.is_ascii());
        assert_eq!(summary(&found), "1 error and 1 warning");
    }

    #[test]
    fn nothing_that_a_file_says_moves_the_cursor() {
        let mut sources = Sources::default();
        let odd = "\u{1b}[2J\r\u{9b}7m\u{202e}";
        let one = sources.add(&format!("Spec{odd}file"), &format!("a {odd} b\nspec \"x\"\n"));
        let after = 5 + odd.len();
        let found =
            Diagnostic::error(Span { source: one, start: after - 1, len: 1 }, format!("no {odd} here"))
                .label(odd)
                .help(format!("try {odd}\nor not"))
                .related(Span { source: one, start: after + 2, len: 2 }, odd);
        for width in [40, 100] {
            let text = render(std::slice::from_ref(&found), &sources, Style::default(), width);
            assert!(text.is_ascii() && text.contains("b\n"), "{text:?}");
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
        assert!(!line(&found, &sources).contains(char::is_control));
    }

    #[test]
    fn odd_places_are_survived() {
        let mut sources = Sources::default();
        let one = sources.add("a", &"é".repeat(1000));
        let empty = sources.add("b", "");
        for (source, start, len) in
            [(one, 1, 1), (one, 5000, 3), (one, 1990, 9), (empty, 0, 0), (empty, 7, 7)]
        {
            let text = render(
                &[Diagnostic::error(Span { source, start, len }, "odd")],
                &sources,
                Style::default(),
                10,
            );
            assert!(text.contains("odd"));
        }
    }
}
