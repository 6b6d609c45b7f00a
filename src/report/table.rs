//! Rows in columns, for people.
use super::line::{Line, columns};
use super::style::{Ink, Style};

/// A table of text.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: Vec<Column>,
    rows: Vec<(Ink, Vec<String>)>,
}

#[derive(Debug, Clone)]
struct Column {
    name: &'static str,
    is_number: bool,
}

impl Table {
    /// A table with these columns of text.
    pub fn new(columns: &[&'static str]) -> Self {
        let head = columns.iter().map(|name| Column { name, is_number: false }).collect();
        Self { head, rows: Vec::new() }
    }

    /// The same with more columns, of numbers, which stand at the right.
    #[must_use]
    pub fn numbers(mut self, columns: &[&'static str]) -> Self {
        self.head.extend(columns.iter().map(|name| Column { name, is_number: true }));
        self
    }

    /// Adds a row, one cell for each column.
    pub fn row(&mut self, ink: Ink, cells: Vec<String>) {
        self.rows.push((ink, cells));
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, the names of the columns first, each at most `width` columns wide.
    pub fn lines(&self, width: usize, style: &Style) -> Vec<String> {
        let head: Vec<String> = self.head.iter().map(|column| column.name.to_owned()).collect();
        let widest = |at: usize| {
            let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(at)).chain(head.get(at));
            cells.map(|cell| columns(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(widest).collect();
        let line = |(ink, cells): (Ink, &Vec<String>)| {
            let mut line = Line::new();
            for (at, ((cell, column), room)) in cells.iter().zip(&self.head).zip(&widths).enumerate() {
                let gap = if at == 0 { "" } else { "  " };
                let pad = " ".repeat(room.saturating_sub(columns(cell)));
                line = match column.is_number {
                    true => line.text(gap).text(pad).ink(ink, cell),
                    false => line.text(gap).ink(ink, cell).text(pad),
                };
            }
            line.fit(width, style)
        };
        let rows = self.rows.iter().map(|(ink, cells)| (*ink, cells));
        std::iter::once((Ink::Faint, &head)).chain(rows).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_left_and_numbers_right() {
        let mut table = Table::new(&["spec", "agent"]).numbers(&["in"]);
        assert!(table.is_empty());
        table.row(Ink::Plain, vec!["a".into(), "claude".into(), "1200".into()]);
        table.row(Ink::Strong, vec!["all".into(), String::new(), "7".into()]);
        let expect = ["spec  agent     in", "a     claude  1200", "all                7"];
        let wide = table.lines(usize::MAX, &Style::PLAIN);
        assert_eq!(wide[..2], expect[..2]);
        assert_eq!(wide[2].split_whitespace().collect::<Vec<_>>(), ["all", "7"]);
        assert!(wide[2].len() == wide[1].len());
        assert!(table.lines(8, &Style::PLAIN).iter().all(|line| columns(line) <= 8));
    }
}
