//! As much of HTTP/1.1 as agents use: requests with a length or in chunks, answers whole or as server-sent events.
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// The longest line of a request's head, and the most bytes of a body.
const LONGEST: (u64, u64) = (64 * 1024, 64 * 1024 * 1024);

/// A request.
#[derive(Debug, Default)]
pub struct Request {
    /// `GET`, `POST` ...
    pub method: String,
    /// The path, without what stands behind `?`.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its name, if it has one.
    pub event: Option<String>,
    /// Its data: one line.
    pub data: String,
}

impl Frame {
    /// One without a name.
    pub fn data(value: &Value) -> Self {
        Self { event: None, data: value.to_string() }
    }

    /// One that is named as its value's `type` is.
    pub fn named(value: &Value) -> Self {
        Self { event: value["type"].as_str().map(ToOwned::to_owned), data: value.to_string() }
    }
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A connection of an agent's.
pub struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Connection {
    /// Takes it over.
    ///
    /// # Errors
    /// The socket has only one side.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { writer: stream.try_clone()?, reader: BufReader::new(stream) })
    }

    /// The next request; none when the agent has hung up.
    ///
    /// # Errors
    /// It is broken, or is none.
    pub fn request(&mut self) -> io::Result<Option<Request>> {
        let first = self.line()?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut words = first.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let mut request = Request { method, path, ..Request::default() };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            request.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        if request.header("expect").is_some_and(|said| said.eq_ignore_ascii_case("100-continue")) {
            self.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let chunked =
            request.header("transfer-encoding").is_some_and(|said| said.eq_ignore_ascii_case("chunked"));
        request.body = if chunked { self.chunks()? } else { self.sized(request.header("content-length"))? };
        Ok(Some(request))
    }

    fn sized(&mut self, length: Option<&str>) -> io::Result<Vec<u8>> {
        let length: u64 =
            length.map_or(Ok(0), str::parse).map_err(|_| broken("a length that is no number"))?;
        self.take(length)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| broken("a chunk without a size"))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            self.line()?;
        }
    }

    fn take(&mut self, length: u64) -> io::Result<Vec<u8>> {
        if length > LONGEST.1 {
            return Err(broken("a body that is too long"));
        }
        let mut body = Vec::new();
        self.reader.by_ref().take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length { Err(broken("a body that was cut")) } else { Ok(body) }
    }

    /// A line without its end; empty at the end of the connection too.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.reader.by_ref().take(LONGEST.0).read_until(b'\n', &mut line)?;
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Answers with a value.
    ///
    /// # Errors
    /// The agent has hung up.
    pub fn answer(&mut self, status: u16, headers: &[(&str, String)], value: &Value) -> io::Result<()> {
        let body = value.to_string();
        let mut head = format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        self.writer.write_all(head.as_bytes())?;
        self.writer.write_all(body.as_bytes())
    }

    /// Answers with events, of which only the first so many are sent before the connection breaks.
    ///
    /// # Errors
    /// The agent has hung up, or was cut off as it should be.
    pub fn stream(&mut self, frames: &[Frame], cut: Option<usize>) -> io::Result<()> {
        self.writer.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
              transfer-encoding: chunked\r\n\r\n",
        )?;
        for frame in &frames[..cut.unwrap_or(frames.len()).min(frames.len())] {
            let name = frame.event.as_ref().map(|name| format!("event: {name}\n")).unwrap_or_default();
            let text = format!("{name}data: {}\n\n", frame.data);
            write!(self.writer, "{:x}\r\n{text}\r\n", text.len())?;
        }
        if cut.is_some() {
            self.writer.shutdown(std::net::Shutdown::Both)?;
            return Err(broken("cut, as the script has it"));
        }
        self.writer.write_all(b"0\r\n\r\n")
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
