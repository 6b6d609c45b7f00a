//! Faces: they draw events and the view, and know nothing of how either came to be.
//! Nothing here opens a file or asks the clock or the terminal; writers, times and sizes are handed in.
pub mod conflicts;
pub mod costs;
pub mod figures;
pub mod json;
pub mod line;
pub mod live;
pub mod plain;
pub mod plan;
pub mod status;
pub mod style;
pub mod summary;
pub mod table;
pub mod watch;
pub mod words;

pub use json::JsonLines;
pub use line::Line;
pub use live::Live;
pub use plain::Plain;
pub use plan::PlanReport;
pub use status::StatusReport;
pub use style::{Ink, Mark, Style};

use crate::event::Record;
use std::io;

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

/// How much a face says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Voice {
    /// Only what needs a person.
    Quiet,
    /// What begins, what ends and what went wrong.
    #[default]
    Normal,
}

/// What shows a run while it is on.
pub trait Face: Send {
    /// Takes in one event.
    ///
    /// # Errors
    /// The writer's; a broken pipe is the caller's to forgive.
    fn show(&mut self, record: &Record, out: &mut dyn io::Write) -> io::Result<()>;

    /// Called a few times a second with the time, in milliseconds since the Unix epoch, and the terminal's size.
    ///
    /// # Errors
    /// The writer's.
    fn tick(&mut self, _now: u64, _screen: Screen, _out: &mut dyn io::Write) -> io::Result<()> {
        Ok(())
    }

    /// The terminal was somebody else's for a while: what was drawn is not where it was.
    fn resume(&mut self) {}

    /// Leaves the terminal as the next program wants it. May be called twice.
    ///
    /// # Errors
    /// The writer's.
    fn finish(&mut self, _out: &mut dyn io::Write) -> io::Result<()> {
        Ok(())
    }
}

/// A face that shows nothing, for `-q` and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Face for Silent {
    fn show(&mut self, _record: &Record, _out: &mut dyn io::Write) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod schemas;
