//! Our end of the line to a keeper.
use super::group::Act;
use super::report::{ASK, KILL, Report};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use tokio::net::UnixStream;

/// The longest that is kept of what a keeper says and that makes no sense.
const LONGEST: usize = 64 * 1024;

/// Talks to one keeper. That it is closed tells the keeper that we are gone.
#[derive(Debug)]
pub(super) struct Line {
    ours: UnixStream,
    /// The same, for what must not wait: a runtime knows only late what can be read and written.
    now: std::os::unix::net::UnixStream,
    unread: Vec<u8>,
    heard: VecDeque<Report>,
    closed: bool,
}

impl Line {
    pub(super) fn new(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (now, ours) = (stream.try_clone()?, UnixStream::from_std(stream)?);
        Ok(Self { ours, now, unread: Vec::new(), heard: VecDeque::new(), closed: false })
    }

    /// Tells the keeper what to do. One that is gone is told nothing.
    pub(super) fn say(&self, act: Act) {
        let word = match act {
            Act::Ask => ASK,
            Act::Kill => KILL,
        };
        let _ = (&self.now).write(&[word]);
    }

    /// The next report; `None` once there will be no more. Safe to drop and call again.
    pub(super) async fn next(&mut self) -> Option<Report> {
        loop {
            if let Some(report) = self.heard.pop_front() {
                return Some(report);
            }
            if self.closed || self.ours.readable().await.is_err() {
                return None;
            }
            let mut buffer = [0; 4096];
            let read = self.ours.try_read(&mut buffer);
            self.take(&buffer, read);
        }
    }

    /// What has arrived by now, without waiting.
    pub(super) fn arrived(&mut self) -> impl Iterator<Item = Report> {
        let mut buffer = [0; 4096];
        while !self.closed {
            let read = (&self.now).read(&mut buffer);
            if !self.take(&buffer, read) {
                break;
            }
        }
        self.heard.drain(..)
    }

    /// Whether anything came.
    fn take(&mut self, buffer: &[u8], read: io::Result<usize>) -> bool {
        match read {
            Ok(read @ 1..) => self.unread.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Ok(0) | Err(_) => self.closed = true,
        }
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            self.heard.extend(Report::read(&String::from_utf8_lossy(&line[..end])));
        }
        if self.unread.len() > LONGEST {
            self.unread.clear();
        }
        true
    }
}
