//! Tells people by their `notify` command. Beside the run, in a thread of its own: a run never waits for it.
mod note;

use crate::base::Mask;
use crate::event::{Event, Record, RunOutcome};
use crate::model::Notify;
use crate::run::report::Reporter;
use crate::run::site::Site;
use crate::sys::child::{self, Cut, Launch};
use crate::sys::signal::Interrupts;
use crate::sys::stop::Stop;
use note::Note;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The longest that the command may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What happens within this of the last time is told together.
const GAP: Duration = Duration::from_secs(5);

/// What the thread hears.
enum Said {
    Note(Note),
    /// Somebody is there who ended the run, and knows.
    Hush,
}

/// Hears of a run's events what is worth telling.
pub struct Ear {
    to: Option<Sender<Said>>,
}

/// What was heard and is to be told.
pub struct Heard(Receiver<Said>);

impl Ear {
    /// One that hears, and what it hears.
    pub fn new() -> (Self, Heard) {
        let (to, heard) = channel();
        (Self { to: Some(to) }, Heard(heard))
    }

    /// Hears these; nothing any more once the run is over.
    pub fn hear(&mut self, records: &[Record]) {
        for Record { event, .. } in records {
            let Some(to) = &self.to else { return };
            let said = match event {
                Event::RunEnded { outcome: RunOutcome::Interrupted, .. } => Some(Said::Hush),
                event => Note::of(event).map(Said::Note),
            };
            if let Some(said) = said {
                // Where nobody wants to be told, nobody listens.
                let _ = to.send(said);
            }
            if matches!(event, Event::RunEnded { .. }) {
                self.to = None;
            }
        }
    }
}

/// Runs the command: one at a time, and no more often than every few seconds until the run is over.
pub struct Notifier {
    thread: Option<JoinHandle<Option<String>>>,
    reporter: Arc<Mutex<Option<Reporter>>>,
}

impl Notifier {
    /// Tells what is heard, by the command of the site's project if it has one.
    pub fn begin(site: &Site, reporter: Reporter, Heard(heard): Heard) -> Self {
        let reporter = Arc::new(Mutex::new(Some(reporter)));
        let thread = site.project.settings.notify.clone().map(|notify| {
            let caller = Caller::new(site, notify);
            let reporter = Arc::clone(&reporter);
            thread::spawn(move || follow(&heard, GAP, |note| caller.tell(note), |why| warn(&reporter, why)))
        });
        Self { thread, reporter }
    }

    /// What goes wrong from now on is no event of the run any more.
    pub fn run_is_over(&self) {
        self.reporter.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until all is told; what went wrong, if nobody was told that yet.
    pub fn end(self) -> Option<String> {
        self.thread?.join().ok().flatten()
    }
}

/// Whether the run could still be told.
fn warn(reporter: &Mutex<Option<Reporter>>, why: &str) -> bool {
    let reporter = reporter.lock().unwrap_or_else(PoisonError::into_inner);
    reporter.as_ref().inspect(|reporter| reporter.warn(why)).is_some()
}

/// Tells what is heard, as one where it is much, and warns once. What went wrong, if there was nobody to warn.
fn follow(
    heard: &Receiver<Said>,
    gap: Duration,
    mut tell: impl FnMut(&Note) -> Result<(), String>,
    warn: impl Fn(&str) -> bool,
) -> Option<String> {
    let mut waiting = Vec::new();
    let mut trouble: Option<String> = None;
    let mut warned = false;
    let mut next = Instant::now();
    loop {
        let first = if waiting.is_empty() {
            heard.recv().map_err(RecvTimeoutError::from)
        } else {
            heard.recv_timeout(next.saturating_duration_since(Instant::now()))
        };
        let is_over = matches!(first, Err(RecvTimeoutError::Disconnected));
        for said in first.into_iter().chain(heard.try_iter()) {
            match said {
                Said::Note(note) => waiting.push(note),
                Said::Hush => return trouble,
            }
        }
        if (is_over || Instant::now() >= next)
            && let Some(note) = Note::gathered(std::mem::take(&mut waiting))
        {
            if let Err(why) = tell(&note)
                && !warned
            {
                warned = true;
                let why = format!("`notify` did not work: {why}");
                trouble = (!warn(&why)).then_some(why);
            }
            next = Instant::now() + gap;
        }
        if is_over {
            return trouble;
        }
    }
}

/// What the command is run with.
struct Caller {
    notify: Notify,
    repository: String,
    run: String,
    cwd: PathBuf,
    log: PathBuf,
    keeper: Option<PathBuf>,
    mask: Mask,
}

impl Caller {
    fn new(site: &Site, notify: Notify) -> Self {
        let cwd = site.git.work_tree().unwrap_or_else(|| site.git.common_dir()).to_owned();
        let name = cwd.file_name().unwrap_or_default();
        Self {
            notify,
            repository: name.to_string_lossy().into_owned(),
            run: site.run.clone(),
            log: site.state_dir.join(format!("logs/{}/notify.log", site.run)),
            keeper: site.keeper.clone(),
            mask: site.mask.clone(),
            cwd,
        }
    }

    fn tell(&self, note: &Note) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(self.call(note))
    }

    /// Runs the command. Whoever interrupts meanwhile does not want to wait for it.
    async fn call(&self, note: &Note) -> Result<(), String> {
        let failed = |error: io::Error| error.to_string();
        let mut interrupts = Interrupts::listen().map_err(failed)?;
        let stop = Stop::new();
        let running = child::run(self.launch(note), &stop, |_| {});
        tokio::pin!(running);
        let exit = loop {
            tokio::select! {
                exit = &mut running => break exit,
                _ = interrupts.next() => stop.at_once(),
            }
        };
        let exit = exit.map_err(|error| error.to_string())?;
        match (exit.cut, exit.code, exit.signal) {
            (None, Some(0), _) | (Some(Cut::Stopped), ..) => Ok(()),
            (Some(_), ..) => Err(format!("it took longer than {} seconds", TIMEOUT.as_secs())),
            (None, Some(code), _) => Err(format!("exit status {code}")),
            (None, None, signal) => Err(format!("ended by signal {}", signal.unwrap_or_default())),
        }
    }

    fn launch(&self, note: &Note) -> Launch {
        let (title, body) = note.words(&self.repository);
        let argv = self.notify.argv(&title, &body).into_iter().map(OsString::from).collect();
        let env = [("SPECMAKE_RUN", self.run.clone()), ("SPECMAKE_TITLE", title), ("SPECMAKE_BODY", body)];
        Launch {
            argv,
            env: env.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            unset: Vec::new(),
            cwd: self.cwd.clone(),
            stdin: None,
            log: self.log.clone(),
            timeout: Some(TIMEOUT),
            stall: None,
            grace: Duration::from_secs(1),
            keeper: self.keeper.clone(),
            mask: self.mask.clone(),
            apart: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SpecName, StageId, StageName};

    const NEVER: Duration = Duration::from_secs(1_000_000);

    fn gate(spec: &str) -> Record {
        let stage =
            StageId::new(&SpecName::new(spec).expect("a name"), &StageName::new("ok").expect("a name"));
        Record { at: 1, event: Event::GateWaiting { stage } }
    }

    fn ended(outcome: RunOutcome) -> Record {
        Record { at: 2, event: Event::RunEnded { outcome, millis: 1 } }
    }

    /// What is told of a run: `a` first, then, once that is told, the rest; and the trouble that is left.
    fn told(outcome: RunOutcome, fails: bool, hears: bool) -> (Vec<String>, Vec<String>, Option<String>) {
        let (mut ear, Heard(heard)) = Ear::new();
        let (tells, titles) = channel();
        let (warns, warnings) = channel();
        let thread = thread::spawn(move || {
            let tell = |note: &Note| {
                tells.send(note.title.clone()).expect("a listener");
                if fails { Err("no".to_owned()) } else { Ok(()) }
            };
            let warn = |why: &str| {
                warns.send(why.to_owned()).expect("a listener");
                hears
            };
            follow(&heard, NEVER, tell, warn)
        });
        ear.hear(&[gate("a")]);
        let first = titles.recv().expect("the first one is told at once");
        ear.hear(&[gate("b"), gate("c")]);
        ear.hear(&[ended(outcome), gate("d")]);
        let trouble = thread.join().expect("unharmed");
        (std::iter::once(first).chain(titles).collect(), warnings.iter().collect(), trouble)
    }

    #[test]
    fn what_comes_close_together_is_told_as_one() {
        let first = "a:ok waits for you".to_owned();
        let none = Vec::new;
        assert_eq!(told(RunOutcome::Done, false, true), (vec![first.clone(), "done".into()], none(), None));
        let rest = "2 waiting for you".to_owned();
        assert_eq!(told(RunOutcome::NothingToDo, false, true), (vec![first, rest], none(), None));
    }

    #[test]
    fn who_interrupted_knows() {
        let (titles, ..) = told(RunOutcome::Interrupted, false, true);
        assert_eq!(titles, ["a:ok waits for you"]);
    }

    #[test]
    fn what_does_not_work_is_said_once() {
        let why = "`notify` did not work: no".to_owned();
        let (titles, warnings, trouble) = told(RunOutcome::Done, true, true);
        assert_eq!((titles.len(), warnings, trouble), (2, vec![why.clone()], None));
        assert_eq!(told(RunOutcome::Done, true, false).2, Some(why));
    }
}
