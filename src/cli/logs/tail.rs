//! The lines of a file that may still grow.
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The most of a line that is kept before it is given out, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// Reads whole lines as they come.
#[derive(Debug)]
pub struct Tail {
    file: File,
    /// A last line that has no end yet.
    rest: Vec<u8>,
}

impl Tail {
    /// From the beginning of a file.
    pub fn new(file: File) -> Self {
        Self { file, rest: Vec::new() }
    }

    /// Some bytes that are there by now, as they are; none where there are no more.
    ///
    /// # Errors
    /// The disk's.
    pub fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = vec![0; 64 * 1024];
        let at = self.file.stream_position()?;
        if self.file.metadata()?.len() < at {
            self.file.seek(SeekFrom::Start(0))?;
        }
        let read = self.file.read(&mut chunk)?;
        chunk.truncate(read);
        Ok(chunk)
    }

    /// Some whole lines that are there by now, without their ends; nothing where there are no more bytes.
    ///
    /// # Errors
    /// The disk's.
    pub fn lines(&mut self) -> io::Result<Option<Vec<Vec<u8>>>> {
        let chunk = self.bytes()?;
        if chunk.is_empty() {
            return Ok(None);
        }
        self.rest.extend_from_slice(&chunk);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            let is_long = self.rest.len() > LONGEST;
            return Ok(Some(if is_long { vec![std::mem::take(&mut self.rest)] } else { Vec::new() }));
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        Ok(Some(whole[..whole.len() - 1].split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()))
    }

    /// The last line, if it has no end.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.rest);
        Some(rest).filter(|rest| !rest.is_empty())
    }
}
