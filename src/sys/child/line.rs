//! Our end of the line to a keeper.
use super::group::Act;
use super::report::{ASK, KILL, Report};
use std::collections::VecDeque;
use std::io;
use tokio::net::UnixStream;

/// The longest that is kept of what a keeper says and that makes no sense.
const LONGEST: usize = 64 * 1024;

/// Talks to one keeper. That it is closed tells the keeper that we are gone.
#[derive(Debug)]
pub(super) struct Line {
    stream: UnixStream,
    unread: Vec<u8>,
    heard: VecDeque<Report>,
    closed: bool,
}

impl Line {
    pub(super) fn new(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        Ok(Self { stream, unread: Vec::new(), heard: VecDeque::new(), closed: false })
    }

    /// Tells the keeper what to do. One that is gone is told nothing.
    pub(super) fn say(&self, act: Act) {
        let word = match act {
            Act::Ask => ASK,
            Act::Kill => KILL,
        };
        let _ = self.stream.try_write(&[word]);
    }

    /// The next report; `None` once there will be no more. Safe to drop and call again.
    pub(super) async fn next(&mut self) -> Option<Report> {
        loop {
            if let Some(report) = self.heard.pop_front() {
                return Some(report);
            }
            if self.closed || self.stream.readable().await.is_err() {
                return None;
            }
            self.read();
        }
    }

    /// What has arrived by now, without waiting.
    pub(super) fn arrived(&mut self) -> impl Iterator<Item = Report> {
        while !self.closed && self.read() {}
        self.heard.drain(..)
    }

    /// Whether anything came.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.try_read(&mut buffer) {
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
