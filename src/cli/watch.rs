//! `specmake watch`: looks on while a run is on, or at what the last one did. A reader only.
use super::args::{Format, WatchArgs};
use super::exit::Exit;
use super::ground::repository;
use super::logs::left_of;
use super::logs::tail::Tail;
use super::speech::{Dialects, Speech};
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::agent::dialect::{Dialect, Said, named};
use crate::base::{SpecName, StageId};
use crate::event::{Event, Record};
use crate::report::watch::Watch;
use crate::report::{Ink, Line, summary};
use crate::run::report::now_millis;
use crate::store::{RunId, RunRow, Store};
use crate::sys::git::Git;
use crate::sys::lock::BuildLock;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// The most events read at once.
const PAGE: usize = 1_000;

/// Shows a run until it is over.
///
/// # Errors
/// Nothing was recorded yet, a spec is not in the run, or what is recorded cannot be read.
pub fn watch(
    wishes: &Wishes,
    args: &WatchArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let git = repository()?;
    let (run, on) = find(&git, args.wait, err)?;
    if !on {
        writeln!(err, "specmake: no run is on; this is what the last one, {}, did", run.name)?;
    }
    let dialects = if args.verbose { Dialects::of(&git, wishes) } else { Dialects::default() };
    let mut looker = Looker {
        wishes,
        args,
        out,
        watch: Watch::new(wishes.out, args.verbose),
        wanted: None,
        backlog: args.lines.map(|_| VecDeque::new()),
        words: Words { folder: git.state_dir(), dialects, open: Vec::new() },
    };
    let ended = follow(&git, &run, &mut looker);
    match ended {
        Ok(true) => Ok(Exit::Done),
        Ok(false) => {
            writeln!(err, "specmake: the run was killed; the next one goes on from here")?;
            Ok(Exit::Done)
        }
        // Whoever closed the pipe has seen enough.
        Err(Stop::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(Stop::Write(error)) => Err(error.into()),
        Err(Stop::Trouble(trouble)) => Err(trouble),
    }
}

/// Why looking on ends before the run does.
enum Stop {
    Write(io::Error),
    Trouble(Trouble),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// The run that is on, once it is known, else the last one; with `wait`, the next one.
fn find(git: &Git, wait: bool, err: &mut dyn Write) -> Result<(RunRow, bool), Trouble> {
    let before = newest(git)?.map(|row| row.id);
    let mut told = false;
    loop {
        let (row, builder) = (newest(git)?, BuildLock::holder(git)?.map(|holder| holder.pid));
        match row {
            Some(row) if row.ended.is_none() && builder == Some(row.pid) => return Ok((row, true)),
            Some(row) if wait && Some(row.id) != before => return Ok((row, false)),
            Some(row) if !wait && builder.is_none() => return Ok((row, false)),
            None if !wait && builder.is_none() => {
                return Err(Trouble::usage("no run is recorded yet")
                    .hint("`specmake watch --wait` waits for one to begin"));
            }
            _ => {}
        }
        if !std::mem::replace(&mut told, true) {
            let what = builder.map_or("waiting for a run to begin".to_owned(), |pid| {
                format!("waiting for the run of pid {pid} to begin")
            });
            writeln!(err, "specmake: {what}")?;
        }
        sleep(LOOK);
    }
}

fn newest(git: &Git) -> Result<Option<RunRow>, Trouble> {
    let Some(store) = open(git)? else { return Ok(None) };
    Ok(store.runs(1).map_err(Trouble::environment)?.into_iter().next())
}

fn open(git: &Git) -> Result<Option<Store>, Trouble> {
    Store::open_existing(&git.state_dir()).map_err(|error| Trouble::environment(&error).hint(error.hint()))
}

/// Shows what is recorded of a run as it comes; whether it came to its end.
fn follow(git: &Git, run: &RunRow, looker: &mut Looker<'_>) -> Result<bool, Stop> {
    let Some(store) = open(git)? else { return Ok(false) };
    let mut from = 0;
    loop {
        // Asked first: whatever was written before its end is then read.
        let is_on =
            BuildLock::holder(git).map_err(Trouble::from)?.is_some_and(|holder| holder.pid == run.pid);
        let next = read(&store, run.id, from, looker)?;
        if looker.watch.view().end.is_some() {
            looker.end()?;
            return Ok(true);
        }
        if next == from {
            looker.words()?;
            looker.caught_up()?;
            if !is_on {
                looker.end()?;
                return Ok(false);
            }
            sleep(LOOK);
        }
        from = next;
    }
}

fn read(store: &Store, run: RunId, from: u64, looker: &mut Looker<'_>) -> Result<u64, Stop> {
    let page = store.events(run, from, PAGE).map_err(Trouble::environment)?;
    for (_, record) in &page.records {
        looker.take(record)?;
    }
    Ok(page.next)
}

/// Who looks on.
struct Looker<'a> {
    wishes: &'a Wishes,
    args: &'a WatchArgs,
    out: &'a mut dyn Write,
    watch: Watch,
    /// The specs asked for; nothing until the run has said which it has, and where all are meant.
    wanted: Option<Vec<SpecName>>,
    /// What was said before we came, while only the end of it is wanted.
    backlog: Option<VecDeque<String>>,
    words: Words,
}

impl Looker<'_> {
    fn take(&mut self, record: &Record) -> Result<(), Stop> {
        if let Event::AttemptEnded { .. } = record.event {
            self.words()?;
        }
        self.say(record)?;
        match &record.event {
            Event::RunStarted { .. } if !self.args.specs.is_empty() => {
                let view = self.watch.view();
                let named = |text: &String| spec_or_layer(view, text);
                let named = self.args.specs.iter().map(named).collect::<Result<Vec<_>, _>>()?;
                self.wanted = Some(named.concat());
            }
            Event::AttemptStarted { stage, agent, worktree, log, .. }
                if self.args.verbose && self.wants(&stage.spec) =>
            {
                let speech = self.words.dialects.speech(agent.as_ref(), worktree);
                self.words.begin(stage, log, &speech);
            }
            Event::AttemptEnded { stage, .. } => self.words.end(stage),
            _ => {}
        }
        Ok(())
    }

    /// Words that agents said since the last look.
    fn words(&mut self) -> Result<(), Stop> {
        for (stage, line) in self.words.read() {
            self.say(&Record { at: now_millis(), event: Event::Output { stage, line } })?;
        }
        Ok(())
    }

    fn say(&mut self, record: &Record) -> Result<(), Stop> {
        let line = self.watch.hear(record);
        if !record.event.spec().is_none_or(|spec| self.wants(spec)) {
            return Ok(());
        }
        if self.wishes.format == Format::Json {
            let text = serde_json::to_string(record).map_err(io::Error::from)?;
            return self.put(text);
        }
        let Some(line) = line else { return Ok(()) };
        let line = Line::new().ink(Ink::Faint, format!("{} ", clock(record.at))).then(line);
        self.put(line.fit(self.wishes.width, &self.wishes.out))
    }

    fn put(&mut self, text: String) -> Result<(), Stop> {
        match &mut self.backlog {
            Some(backlog) => {
                backlog.push_back(text);
                if backlog.len() > self.args.lines.unwrap_or(usize::MAX) {
                    backlog.pop_front();
                }
            }
            None => {
                writeln!(self.out, "{text}")?;
                self.out.flush()?;
            }
        }
        Ok(())
    }

    /// What was there is read: from here on all is said.
    fn caught_up(&mut self) -> Result<(), Stop> {
        for text in self.backlog.take().unwrap_or_default() {
            writeln!(self.out, "{text}")?;
        }
        Ok(self.out.flush()?)
    }

    fn end(&mut self) -> Result<(), Stop> {
        self.words()?;
        self.caught_up()?;
        if self.wishes.format == Format::Human && self.watch.view().end.is_some() {
            summary::write(self.watch.view(), &self.wishes.out, self.out)?;
        }
        Ok(())
    }

    fn wants(&self, spec: &SpecName) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(spec))
    }
}

/// The specs of a run that a word means: one, by its name or a prefix that only it has, or those of a layer.
fn spec_or_layer(view: &crate::view::View, text: &str) -> Result<Vec<SpecName>, Trouble> {
    let of_layer =
        view.specs.values().filter(|spec| spec.layer.as_ref().is_some_and(|layer| layer.as_str() == text));
    let of_layer: Vec<SpecName> = of_layer.map(|spec| spec.name.clone()).collect();
    if !of_layer.is_empty() {
        return Ok(of_layer);
    }
    super::runs::spec_among(view.specs.keys(), text).map(|spec| vec![spec])
}

/// What agents print, read from the logs of attempts that run: words are not among what is recorded.
struct Words {
    folder: PathBuf,
    dialects: Dialects,
    open: Vec<Speaker>,
}

struct Speaker {
    stage: StageId,
    path: PathBuf,
    dialect: Box<dyn Dialect>,
    tail: Option<Tail>,
}

impl Words {
    fn begin(&mut self, stage: &StageId, log: &str, speech: &Speech) {
        let dialect = named(speech.dialect.as_deref().unwrap_or("text"));
        let path = self.folder.join(Path::new(log));
        self.open.push(Speaker { stage: stage.clone(), path, dialect, tail: None });
    }

    fn end(&mut self, stage: &StageId) {
        self.open.retain(|speaker| speaker.stage != *stage);
    }

    /// What was said since the last time. A log that cannot be read says nothing.
    fn read(&mut self) -> Vec<(StageId, String)> {
        let mut said = Vec::new();
        for speaker in &mut self.open {
            if speaker.tail.is_none() {
                speaker.tail = File::open(&speaker.path).ok().map(Tail::new);
            }
            let Some(tail) = &mut speaker.tail else { continue };
            while let Ok(Some(lines)) = tail.lines() {
                for line in lines {
                    let words = speaker.dialect.read(&left_of(&line)).into_iter().filter_map(words);
                    said.extend(words.map(|words| (speaker.stage.clone(), words)));
                }
            }
        }
        said
    }
}

fn words(said: Said) -> Option<String> {
    match said {
        Said::Text(text) | Said::Aside(text) => Some(text),
        _ => None,
    }
}

/// The time of day here.
fn clock(millis: u64) -> String {
    let at = i64::try_from(millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let zone = jiff::tz::TimeZone::system();
    at.map_or_else(|| "--:--:--".to_owned(), |at| at.to_zoned(zone).strftime("%H:%M:%S").to_string())
}
