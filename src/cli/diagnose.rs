//! Diagnostics as a report: each with the lines of its own file. The only importer of `miette`.
use crate::base::{Diagnostic, Sources};

/// The report, `width` columns wide at most.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool, width: usize) -> String {
    let _ = (diagnostics, sources, color, width);
    String::new()
}
