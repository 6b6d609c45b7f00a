//! `specmake check`: everything that is wrong with a Specfile.
use super::diagnose;
use super::exit::Exit;
use crate::base::{Severity, Sources, Span, english};
use crate::model::Loaded;
use crate::report::Style;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes the report, for people or as JSON; ends with 2 if there is an error.
///
/// # Errors
/// `out` cannot be written.
pub fn check(loaded: &Loaded, json: bool, style: Style, width: usize, out: &mut dyn Write) -> io::Result<u8> {
    if json {
        serde_json::to_writer_pretty(&mut *out, &answer(loaded))?;
        writeln!(out)?;
    } else {
        write!(out, "{}", diagnose::render(&loaded.diagnostics, &loaded.sources, style, width))?;
        writeln!(out, "{}", sentence(loaded))?;
    }
    Ok(if loaded.has_errors() { Exit::Usage.code() } else { Exit::Done.code() })
}

fn sentence(loaded: &Loaded) -> String {
    let name = loaded.read.first().map_or("Specfile", String::as_str);
    let summary = diagnose::summary(&loaded.diagnostics);
    match &loaded.project {
        None => format!("{name}: {summary}"),
        Some(project) => {
            let declared = project.specs.values().filter(|spec| spec.declared).count();
            let mut what = english::count(declared, "spec");
            if !project.layers.is_empty() {
                what = format!("{what} in {}", english::count(project.layers.len(), "layer"));
            }
            format!("{name}: {what}, {summary}")
        }
    }
}

fn answer(loaded: &Loaded) -> Value {
    let of = |severity| loaded.diagnostics.iter().filter(|d| d.severity == severity).count();
    let found = loaded.diagnostics.iter().map(|found| {
        let related: Vec<Value> = found
            .related
            .iter()
            .map(|(span, words)| with_place(json!({ "message": words }), *span, &loaded.sources))
            .collect();
        let value = json!({
            "severity": diagnose::word(found.severity),
            "message": found.message,
            "label": Some(&found.label).filter(|label| !label.is_empty()),
            "help": found.help,
            "related": related,
        });
        with_place(value, found.span, &loaded.sources)
    });
    json!({
        "ok": !loaded.has_errors(),
        "errors": of(Severity::Error),
        "warnings": of(Severity::Warning),
        "specs": loaded.project.as_ref().map(|project| project.specs.len()),
        "read": loaded.read,
        "diagnostics": found.collect::<Vec<_>>(),
    })
}

fn with_place(value: Value, span: Span, sources: &Sources) -> Value {
    let mut value = value;
    let (line, column) = sources.line_column(span).unwrap_or((1, 1));
    value["file"] = json!(sources.file(span.source).map(|file| file.name.to_string()));
    value["line"] = json!(line);
    value["column"] = json!(column);
    value["offset"] = json!(span.start);
    value["length"] = json!(span.len);
    value
}
