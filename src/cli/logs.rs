//! `specmake logs`: finds, lists, prints and follows `.specmake/logs/<run>/<spec>/<stage>.<attempt>.log`.
use self::rendered::Rendered;
use self::tail::Tail;
use super::args::Format;
use super::exit::Exit;
use super::speech::Speech;
use crate::base::english::list;
use crate::report::{Ink, Line, Style, json, words};
use crate::sys::output::clean;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

pub mod rendered;
pub mod tail;

/// Says how a log is to be read.
pub type Speaks<'a> = &'a dyn Fn(&LogFile) -> Speech;

/// What is asked.
#[derive(Debug, Clone)]
pub struct LogsRequest {
    /// `.specmake`.
    pub folder: PathBuf,
    /// `SPEC` or `SPEC:STAGE`; a unique prefix of a spec is enough.
    pub of: Option<String>,
    /// Of this run alone.
    pub run: Option<String>,
    /// Of this attempt alone.
    pub attempt: Option<u32>,
    /// Bytes as they are.
    pub raw: bool,
    /// How a list is written; with JSON logs are listed, never printed.
    pub format: Format,
    /// What a list may use.
    pub style: Style,
    /// Now, in milliseconds since the Unix epoch.
    pub now: u64,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogFile {
    /// The run.
    pub run: String,
    /// The spec.
    pub spec: String,
    /// The stage, `land` for the landing.
    pub stage: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The file, relative to `.specmake`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last written to, in milliseconds since the Unix epoch.
    pub modified: u64,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// No log of it.
    #[error("there is no log of `{of}`; `specmake logs` lists those of the last run")]
    NoneOf {
        /// What was asked for.
        of: String,
    },
    /// No log at all.
    #[error("there are no logs yet; they are written when agents or commands run")]
    None,
    /// A prefix of several specs.
    #[error("`{of}` could be {}", list(.candidates, "or"))]
    Ambiguous {
        /// What was typed.
        of: String,
        /// The specs that begin so.
        candidates: Vec<String>,
    },
    /// A file or folder that cannot be read, or a stream that cannot be written.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Standard output.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl LogsError {
    /// How the program ends over it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoneOf { .. } | Self::None | Self::Ambiguous { .. } => Exit::Usage,
            Self::Read { .. } | Self::Write(_) => Exit::Environment,
        }
    }
}

/// Every log in `.specmake`, oldest first.
///
/// # Errors
/// A folder that cannot be read.
pub fn find(folder: &Path) -> Result<Vec<LogFile>, LogsError> {
    let mut logs = Vec::new();
    let top = folder.join("logs");
    for run in names(&top)? {
        for spec in names(&top.join(&run))? {
            let place = top.join(&run).join(&spec);
            for file in names(&place)? {
                logs.extend(log_file(&place, (&run, &spec, &file)));
            }
        }
    }
    logs.sort_by(|a, b| {
        let key = |log: &LogFile| (log.modified, log.run.clone(), log.spec.clone(), log.stage.clone());
        (key(a), a.attempt).cmp(&(key(b), b.attempt))
    });
    Ok(logs)
}

/// Lists or prints.
///
/// # Errors
/// No such log, or one that cannot be read; a broken pipe is none.
pub fn show(request: &LogsRequest, speaks: Speaks<'_>, out: &mut dyn Write) -> Result<Exit, LogsError> {
    let logs = select(find(&request.folder)?, request)?;
    let written = match (request.format, &request.of) {
        (Format::Json, _) => json::document(&logs, out),
        (Format::Human, None) => write_list(&logs, request, out),
        (Format::Human, Some(of)) => {
            let Some(log) = logs.last() else { return Err(LogsError::NoneOf { of: of.clone() }) };
            let mut reader = Reader::open(request, log, speaks)?;
            if log.bytes == 0 {
                let (spec, stage, attempt) = (&log.spec, &log.stage, log.attempt);
                let _ = writeln!(
                    io::stderr(),
                    "specmake: {spec}:{stage}, attempt {attempt}, has printed nothing"
                );
            }
            reader.copy(out).and_then(|()| reader.end(out))
        }
    };
    forgiven(written)
}

/// Prints the newest log that was asked for and goes on while `on` says that the build is; when a newer one
/// begins, with that. `pause` waits a moment.
///
/// # Errors
/// As [`show`]; a log that does not exist yet is waited for.
pub fn follow(
    request: &LogsRequest,
    speaks: Speaks<'_>,
    on: &dyn Fn() -> bool,
    pause: &mut dyn FnMut(),
    out: &mut dyn Write,
) -> Result<Exit, LogsError> {
    let mut open: Option<(LogFile, Reader)> = None;
    loop {
        let last_round = !on();
        let newest = match select(find(&request.folder)?, request) {
            Ok(logs) => logs.into_iter().next_back(),
            Err(LogsError::None | LogsError::NoneOf { .. }) if !last_round => None,
            Err(error) => return Err(error),
        };
        let switch = newest.filter(|new| open.as_ref().is_none_or(|(old, _)| is_other(new, old)));
        if let Some(new) = switch {
            if let Some((_, mut reader)) = open.take() {
                forgiven(reader.copy(out).and_then(|()| reader.end(out)))?;
            }
            let header = format!("==> {}:{} attempt {} <==", new.spec, new.stage, new.attempt);
            forgiven(writeln!(out, "{}", request.style.paint(Ink::Strong, &header)))?;
            let reader = Reader::open(request, &new, speaks)?;
            open = Some((new, reader));
        }
        if let Some((_, reader)) = &mut open {
            match reader.copy(out).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
                other => other?,
            }
        }
        if last_round {
            return match open {
                Some((_, mut reader)) => forgiven(reader.end(out)),
                None => Err(LogsError::None),
            };
        }
        pause();
    }
}

fn is_other(new: &LogFile, old: &LogFile) -> bool {
    new.path != old.path && new.modified >= old.modified
}

fn forgiven(written: io::Result<()>) -> Result<Exit, LogsError> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LogsError::Write(error)),
        _ => Ok(Exit::Done),
    }
}

fn names(folder: &Path) -> Result<Vec<String>, LogsError> {
    let failed = |source| LogsError::Read { path: folder.display().to_string(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

fn log_file(place: &Path, (run, spec, file): (&str, &str, &str)) -> Option<LogFile> {
    let (stage, attempt) = file.strip_suffix(".log")?.rsplit_once('.')?;
    let attempt = attempt.parse().ok()?;
    let meta = fs::symlink_metadata(place.join(file)).ok().filter(fs::Metadata::is_file)?;
    let modified = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Some(LogFile {
        run: run.to_owned(),
        spec: spec.to_owned(),
        stage: stage.to_owned(),
        attempt,
        path: format!("logs/{run}/{spec}/{file}"),
        bytes: meta.len(),
        modified: modified.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
    })
}

/// The logs that a request means; without a spec, those of one run.
fn select(mut logs: Vec<LogFile>, request: &LogsRequest) -> Result<Vec<LogFile>, LogsError> {
    let none = || request.of.clone().map_or(LogsError::None, |of| LogsError::NoneOf { of });
    logs.retain(|log| request.run.as_ref().is_none_or(|run| log.run == *run));
    logs.retain(|log| request.attempt.is_none_or(|attempt| log.attempt == attempt));
    match &request.of {
        Some(of) => {
            let (spec, stage) = of.split_once(':').map_or((of.as_str(), None), |(s, t)| (s, Some(t)));
            let spec = resolve(&logs, spec)?.ok_or_else(none)?;
            logs.retain(|log| log.spec == spec && stage.is_none_or(|stage| log.stage == stage));
        }
        None => {
            let last = logs.last().map(|log| log.run.clone());
            logs.retain(|log| Some(&log.run) == last.as_ref());
        }
    }
    if logs.is_empty() { Err(none()) } else { Ok(logs) }
}

fn resolve(logs: &[LogFile], word: &str) -> Result<Option<String>, LogsError> {
    let specs: BTreeSet<&str> = logs.iter().map(|log| log.spec.as_str()).collect();
    if specs.contains(word) {
        return Ok(Some(word.to_owned()));
    }
    let candidates: Vec<String> =
        specs.into_iter().filter(|spec| spec.starts_with(word)).map(|spec| format!("`{spec}`")).collect();
    match &candidates[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.trim_matches('`').to_owned())),
        _ => Err(LogsError::Ambiguous { of: word.to_owned(), candidates }),
    }
}

fn write_list(logs: &[LogFile], request: &LogsRequest, out: &mut dyn Write) -> io::Result<()> {
    let who = |log: &LogFile| format!("{}:{}", log.spec, log.stage);
    let column = logs.iter().map(|log| who(log).len()).max().unwrap_or(0) + 2;
    for log in logs {
        let age = words::elapsed(request.now.saturating_sub(log.modified));
        let line = Line::new().ink(Ink::Strong, who(log)).to_column(column);
        let line = line.text(format!("attempt {}  {:>9} bytes  {age:>7} ago  ", log.attempt, log.bytes));
        writeln!(out, "{}", line.ink(Ink::Faint, format!(".specmake/{}", log.path)).render(&request.style))?;
    }
    Ok(())
}

/// Reads a log that may still grow.
struct Reader {
    tail: Tail,
    raw: bool,
    style: Style,
    rendered: Option<Rendered>,
}

impl Reader {
    fn open(request: &LogsRequest, log: &LogFile, speaks: Speaks<'_>) -> Result<Self, LogsError> {
        let path = request.folder.join(&log.path);
        let open =
            File::open(&path).map_err(|source| LogsError::Read { path: path.display().to_string(), source });
        let rendered = if request.raw { None } else { Rendered::of(&speaks(log)) };
        Ok(Self { tail: Tail::new(open?), raw: request.raw, style: request.style, rendered })
    }

    /// Writes what is there by now, whole lines only unless raw.
    fn copy(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.raw {
            loop {
                let bytes = self.tail.bytes()?;
                if bytes.is_empty() {
                    return Ok(());
                }
                out.write_all(&bytes)?;
            }
        }
        while let Some(lines) = self.tail.lines()? {
            for line in lines {
                self.write(&line, out)?;
            }
        }
        Ok(())
    }

    /// Writes the last line, if it has no end, and what is to be said at the end.
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(rest) = self.tail.rest() {
            self.write(&rest, out)?;
        }
        for line in self.rendered.iter_mut().flat_map(Rendered::end) {
            writeln!(out, "{}", line.render(&self.style))?;
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let shown = left_of(line);
        let Some(rendered) = &mut self.rendered else { return writeln!(out, "{shown}") };
        for line in rendered.line(&shown) {
            writeln!(out, "{}", line.render(&self.style))?;
        }
        Ok(())
    }
}

/// What is left of a line: a progress bar leaves only what it showed last.
pub(super) fn left_of(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    clean(line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line))
}

/// The last thing that a log says, cleaned; for a running stage seen from another process.
pub fn last_line(folder: &Path, log: &str, speech: &Speech) -> Option<String> {
    // Events of agents are long lines.
    let tail: u64 = if speech.dialect.is_some() { 256 * 1024 } else { 4096 };
    let mut file = File::open(folder.join(log)).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(tail))).ok()?;
    let mut text = Vec::new();
    file.take(tail).read_to_end(&mut text).ok()?;
    let mut rendered = Rendered::of(speech);
    let is_plain = rendered.is_none();
    let mut lines = text.split(|byte| *byte == b'\n' || (is_plain && *byte == b'\r'));
    if !is_plain && length > tail {
        // The first one lacks its beginning.
        lines.next();
    }
    let said = lines.flat_map(|line| match &mut rendered {
        Some(rendered) => {
            rendered.line(&clean(line)).iter().map(|line| line.render(&Style::PLAIN)).collect::<Vec<_>>()
        }
        None => vec![clean(line)],
    });
    said.filter(|line| !line.trim().is_empty()).last()
}

#[cfg(test)]
mod tests;
