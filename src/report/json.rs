//! JSON for programs: a line an event while a run is on, one document for an answer.
use super::Face;
use crate::event::Record;
use serde::Serialize;
use std::io;

/// The face that writes each event as one line of JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonLines;

impl Face for JsonLines {
    fn show(&mut self, record: &Record, out: &mut dyn io::Write) -> io::Result<()> {
        line(record, out)
    }
}

/// Writes one value as one line, and flushes it so that a reader sees it at once.
///
/// # Errors
/// The writer's.
pub fn line<T: Serialize>(value: &T, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

/// Writes one value as an indented document.
///
/// # Errors
/// The writer's.
pub fn document<T: Serialize>(value: &T, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    out.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_line_reads_back_as_its_event() {
        let records = sample::run();
        let mut out = Vec::new();
        for record in &records {
            JsonLines.show(record, &mut out).expect("a vector takes it");
        }
        let text = String::from_utf8(out).expect("text");
        let read: Vec<Record> =
            text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
        assert_eq!(read, records);
    }
}
