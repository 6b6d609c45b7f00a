//! A process that is talked with: its input stays open, its output and its complaints come apart, line by line.
use super::group::{Act, Group, Stand};
use super::start::{Started, Streams, failed, start};
use super::watch::Watch;
use super::wholes::Wholes;
use super::{ChildError, Exit, LINGER, Launch, Reader};
use crate::base::Mask;
use crate::sys::output::{Output, clean};
use crate::sys::stop::{Stop, Urgency};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// How many lines may wait for a process to read them.
const QUEUE: usize = 1024;

/// How long it has to end by itself once its input is closed, and once more after being asked.
const CLOSING: Duration = Duration::from_secs(2);

/// How long it has to end what it does once it was told to, before its processes are asked.
const CANCELLING: Duration = Duration::from_secs(2);

/// The other side of a process.
pub trait Talk: Send {
    /// What is said first.
    fn begin(&mut self) -> Turn;
    /// The process said a line.
    fn hear(&mut self, line: &str) -> Turn;
    /// The process complained: a line of its standard error, cleaned.
    fn aside(&mut self, line: &str);
    /// The process is to end.
    fn stop(&mut self) -> Turn;
    /// How long it may say nothing before [`Self::silence`] is called.
    fn patience(&self) -> Option<Duration>;
    /// It said nothing for that long.
    fn silence(&mut self) -> Turn;
    /// It will say nothing any more.
    fn gone(&mut self);
}

/// What follows from something.
#[derive(Debug, Default)]
pub struct Turn {
    /// Lines for the process, without their ends.
    pub say: Vec<String>,
    /// Nothing is to be said or heard any more: the process can go.
    pub over: bool,
}

/// Starts a process and talks with it to its end. One that has nothing more to say is let go by closing its input;
/// how it ends after that is no matter, and its [`Exit`] has status 0. Dropping the future ends it at once.
///
/// # Errors
/// [`ChildError`] if it could not be started; how it ended is in the [`Exit`].
pub async fn talk(launch: Launch, stop: &Stop, with: &mut impl Talk) -> Result<Exit, ChildError> {
    let program = launch.argv.first().cloned().ok_or(ChildError::NoProgram)?;
    let started = Instant::now();
    let begun =
        start(&launch.argv, &launch, Streams::Apart).map_err(|error| failed(&program, &launch, error))?;
    let Started { mut group, output, complaints, stdin } = begun;
    group.begun().await.map_err(|error| failed(&program, &launch, error))?;
    let mut said = Reader { pipe: Some(output), buffer: vec![0; 32 * 1024] };
    let mut aside = Reader { pipe: complaints, buffer: vec![0; 8 * 1024] };
    let mut talking = Talking {
        with,
        mouth: Mouth::new(stdin),
        watch: Watch::new(started, launch.timeout, launch.stall, launch.grace),
        output: Output::new(&launch.log, launch.mask.clone(), |_: &str| {}),
        mask: launch.mask.clone(),
        words: Wholes::default(),
        complaints: Wholes::default(),
        quiet: started,
        over: false,
        ask: None,
        kill: None,
        grace: launch.grace,
    };
    let first = talking.with.begin();
    talking.follow(first, &group);

    let mut asked = Urgency::None;
    loop {
        tokio::select! {
            // A process that never stops printing must not keep the limits from being seen.
            biased;
            stand = group.further() => match stand {
                Stand::Ended => talking.watch.ended(Instant::now()),
                Stand::Over => break,
            },
            urgency = stop.beyond(asked) => {
                asked = urgency;
                let act = talking.watch.stop(urgency, Instant::now());
                talking.end(act, &group);
            }
            () = talking.watch.due() => {
                if let Some(act) = talking.watch.act(Instant::now()) {
                    talking.end(act, &group);
                }
            }
            () = until(talking.next()) => talking.due(&group),
            read = said.next_or_end(), if said.pipe.is_some() => match read {
                [] => talking.mute(),
                read => talking.hear(read, &group),
            },
            read = aside.next() => talking.hear_aside(read),
        }
    }
    talking.watch.ended(Instant::now());

    // It has ended, but is not reaped: its group's number cannot be another's while this goes on.
    for act in [Act::Ask, Act::Kill] {
        let drained = timeout(LINGER, async {
            while said.pipe.is_some() {
                talking.hear(said.next_or_end().await, &group);
            }
            while aside.pipe.is_some() {
                talking.hear_aside(aside.next_or_end().await);
            }
        });
        let _ = drained.await;
        group.signal(act);
    }
    let lost = || ChildError::Lost { program: program.to_string_lossy().into_owned() };
    let status = group.reap().await.ok_or_else(lost)?;
    let Talking { watch, output, over, .. } = talking.gone(&group);
    let was_let_go = over && watch.cut.is_none();
    let (tail, log_trouble) = output.end();
    Ok(Exit {
        code: if was_let_go { Some(0) } else { status.code },
        signal: status.signal.filter(|_| !was_let_go),
        cut: watch.cut,
        duration: watch.took(started),
        tail,
        log_trouble,
        left: group.left(),
    })
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A conversation under way.
struct Talking<'a, T, F> {
    with: &'a mut T,
    mouth: Mouth,
    watch: Watch,
    output: Output<F>,
    mask: Mask,
    words: Wholes,
    complaints: Wholes,
    /// Since when it says nothing.
    quiet: Instant,
    /// Whether it was let go.
    over: bool,
    /// When its processes are asked to end, and when they are killed.
    ask: Option<Instant>,
    kill: Option<Instant>,
    grace: Duration,
}

impl<T: Talk, F: FnMut(&str)> Talking<'_, T, F> {
    /// When there is something to do though nothing happens.
    fn next(&self) -> Option<Instant> {
        let silent =
            self.with.patience().filter(|_| !self.over).and_then(|for_long| self.quiet.checked_add(for_long));
        silent.into_iter().chain(self.ask).chain(self.kill).min()
    }

    fn due(&mut self, group: &Group) {
        let now = Instant::now();
        if self.ask.take_if(|at| *at <= now).is_some() {
            group.signal(Act::Ask);
        }
        if self.kill.take_if(|at| *at <= now).is_some() {
            group.signal(Act::Kill);
        }
        let is_silent =
            self.with.patience().is_some_and(|for_long| now.duration_since(self.quiet) >= for_long);
        if is_silent && !self.over {
            self.quiet = now;
            let turn = self.with.silence();
            self.follow(turn, group);
        }
    }

    fn hear(&mut self, read: &[u8], group: &Group) {
        self.quiet = Instant::now();
        self.watch.heard(self.quiet);
        let mut lines = Vec::new();
        self.words.take(read, |line| lines.push(line.to_vec()));
        for line in lines {
            self.hear_line(&line, group);
        }
    }

    /// It has closed its output: there is nothing to wait for but its end.
    fn mute(&mut self) {
        let now = Instant::now();
        self.ask.get_or_insert(now + CLOSING);
        self.kill.get_or_insert(now + CLOSING + self.grace.min(CLOSING));
    }

    fn hear_line(&mut self, line: &[u8], group: &Group) {
        self.output.take(line);
        self.output.take(b"\n");
        let turn = self.with.hear(&self.mask.text(&String::from_utf8_lossy(line)));
        self.follow(turn, group);
    }

    fn hear_aside(&mut self, read: &[u8]) {
        self.watch.heard(Instant::now());
        let mut lines = Vec::new();
        self.complaints.take(read, |line| lines.push(line.to_vec()));
        lines.iter().for_each(|line| self.aside(line));
    }

    fn aside(&mut self, line: &[u8]) {
        self.output.take(line);
        self.output.take(b"\n");
        self.with.aside(&self.mask.text(&clean(line)));
    }

    fn follow(&mut self, turn: Turn, group: &Group) {
        for line in turn.say {
            if !self.mouth.say(line) {
                // Nobody who does not read what he is told can be talked with.
                group.signal(Act::Ask);
                self.kill.get_or_insert(Instant::now() + CLOSING);
            }
        }
        if turn.over && !self.over {
            let now = Instant::now();
            self.over = true;
            self.mouth.close();
            self.watch.ended(now);
            self.ask = Some(now + CLOSING);
            self.kill = Some(now + CLOSING + self.grace.min(CLOSING));
        }
    }

    /// It is to end: told first, then asked, then made to.
    fn end(&mut self, act: Act, group: &Group) {
        let is_first = self.ask.is_none() && !self.over;
        match act {
            Act::Kill => group.signal(Act::Kill),
            Act::Ask if is_first => {
                self.ask = Some(Instant::now() + CANCELLING.min(self.grace / 2));
                let turn = self.with.stop();
                self.follow(turn, group);
            }
            Act::Ask => group.signal(Act::Ask),
        }
    }

    fn gone(mut self, group: &Group) -> Self {
        for line in [self.words.end(), self.complaints.end()].iter().filter(|line| !line.is_empty()) {
            self.hear_line(line, group);
        }
        self.with.gone();
        self
    }
}

/// What is said goes out beside what is heard, so that neither side ever waits for the other to read.
struct Mouth {
    to: Option<mpsc::Sender<Vec<u8>>>,
    /// Ends with this.
    _writing: JoinSet<()>,
}

impl Mouth {
    fn new(stdin: Option<ChildStdin>) -> Self {
        let (to, mut lines) = mpsc::channel::<Vec<u8>>(QUEUE);
        let mut writing = JoinSet::new();
        if let Some(mut stdin) = stdin {
            writing.spawn(async move {
                while let Some(line) = lines.recv().await {
                    if stdin.write_all(&line).await.is_err() {
                        break;
                    }
                }
            });
        }
        Self { to: Some(to), _writing: writing }
    }

    /// Says a line. False if too many wait already; one that nobody can read any more is nobody's trouble.
    fn say(&self, line: String) -> bool {
        let mut bytes = line.into_bytes();
        bytes.push(b'\n');
        let said = self.to.as_ref().map(|to| to.try_send(bytes));
        !matches!(said, Some(Err(TrySendError::Full(_))))
    }

    /// Says no more: the process sees the end of its input once it has read the rest.
    fn close(&mut self) {
        self.to = None;
    }
}

#[cfg(test)]
mod tests;
