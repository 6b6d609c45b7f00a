//! A writer that knows whether anything was said.
use std::io::{self, Write};

/// What stands before another writer.
pub struct Heard<'a> {
    to: &'a mut dyn Write,
    is_silent: bool,
}

impl<'a> Heard<'a> {
    /// One that has heard nothing yet.
    pub fn new(to: &'a mut dyn Write) -> Self {
        Self { to, is_silent: true }
    }

    /// Whether nothing was said.
    pub fn is_silent(&self) -> bool {
        self.is_silent
    }
}

impl Write for Heard<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_silent &= bytes.is_empty();
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
