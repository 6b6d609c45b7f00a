//! Shows a run from a thread of its own, so that a slow terminal never slows a run.
use super::user::screen;
use super::wishes::{BuildWish, FaceKind};
use crate::event::Record;
use crate::report::{Face, JsonLines, Live, Plain, Screen, Style};
use crate::run::backlog::Backlog;
use crate::view::View;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// How often a face that is redrawn is.
const TICK: Duration = Duration::from_millis(100);

/// The most records handed on at once.
const BATCH: usize = 1000;

/// What a write to a terminal that is gone fails with, where it is no broken pipe.
const EIO: i32 = 5;

/// A terminal whose size cannot be told.
const USUAL: Screen = Screen { width: 80, height: 24 };

/// The face that was wished for; `err` is what standard error may use.
pub fn face(wish: &BuildWish, err: Style) -> Box<dyn Face> {
    match wish.face {
        FaceKind::Live => Box::new(Live::new(err, wish.voice, screen().unwrap_or(USUAL))),
        FaceKind::Plain => Box::new(Plain::new(err, wish.voice)),
        FaceKind::Json => Box::new(JsonLines),
    }
}

/// What is known of whoever watches.
#[derive(Debug, Default)]
pub struct Watchers {
    /// Notified when they are gone: a closed terminal, or the reader of a pipe.
    pub gone: Notify,
    /// The terminal was somebody else's for a while, and is ours again.
    pub back: AtomicBool,
}

/// A run that is being shown.
#[derive(Debug)]
pub struct Show {
    thread: JoinHandle<View>,
    watchers: Arc<Watchers>,
    backlog: Backlog,
}

impl Show {
    /// Begins to show what is sent. `keep` gets the same records, in order and in batches, to store them;
    /// a writer that fails, as a closed pipe does, only ends the showing.
    pub fn begin(
        face: Box<dyn Face>,
        out: Box<dyn Write + Send>,
        keep: impl FnMut(&[Record]) + Send + 'static,
    ) -> (Self, Sender<Record>) {
        let (sender, records) = mpsc::channel();
        let watchers = Arc::<Watchers>::default();
        let backlog = Backlog::default();
        let shown = Shown {
            face,
            out: Some(out),
            view: View::default(),
            watchers: Arc::clone(&watchers),
            backlog: backlog.clone(),
        };
        let thread = thread::spawn(move || shown.follow(&records, keep));
        (Self { thread, watchers, backlog }, sender)
    }

    /// Whoever watches.
    pub fn watchers(&self) -> Arc<Watchers> {
        Arc::clone(&self.watchers)
    }

    /// What waits to be shown, for those who report.
    pub fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }

    /// Waits until every sender is gone and all is shown; gives what it all came to.
    pub fn end(self) -> View {
        self.thread.join().unwrap_or_default()
    }
}

struct Shown {
    face: Box<dyn Face>,
    out: Option<Box<dyn Write + Send>>,
    view: View,
    watchers: Arc<Watchers>,
    backlog: Backlog,
}

impl Shown {
    fn follow(mut self, records: &Receiver<Record>, mut keep: impl FnMut(&[Record])) -> View {
        let mut ticked = Instant::now();
        loop {
            let batch: Vec<Record> = match records.recv_timeout(TICK) {
                Ok(first) => std::iter::once(first).chain(records.try_iter().take(BATCH)).collect(),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if self.watchers.back.swap(false, Ordering::Relaxed) {
                self.face.resume();
            }
            if !batch.is_empty() {
                keep(&batch);
            }
            for record in &batch {
                self.view.apply(record);
                self.write(|face, out| face.show(record, out));
                self.backlog.shown(record);
            }
            // A redraw looks at all specs, and a busy run says something all the time.
            if ticked.elapsed() >= TICK {
                self.write(|face, out| face.tick(now(), screen().unwrap_or(USUAL), out));
                ticked = Instant::now();
            }
        }
        self.write(|face, out| face.finish(out));
        self.view
    }

    fn write(&mut self, what: impl FnOnce(&mut dyn Face, &mut dyn Write) -> io::Result<()>) {
        let Some(out) = &mut self.out else { return };
        if let Err(error) = what(&mut *self.face, out) {
            self.out = None;
            if error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO) {
                self.watchers.gone.notify_one();
            }
        }
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Voice, sample};
    use std::future::Future;
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Waker};

    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>, bool);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.lock().map_or(Ok(0), |mut kept| kept.write(bytes))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(pipe: &Pipe) -> (View, Vec<Record>) {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&kept);
        let face = Box::new(Plain::new(Style::PLAIN, Voice::Normal));
        let keep = move |batch: &[Record]| to.lock().expect("unharmed").extend_from_slice(batch);
        let (show, sender) = Show::begin(face, Box::new(pipe.clone()), keep);
        sample::ended().into_iter().for_each(|record| sender.send(record).expect("a listener"));
        drop(sender);
        let watchers = show.watchers();
        let view = show.end();
        let told = pin!(watchers.gone.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert_eq!(told, pipe.1, "the run hears of a closed pipe, and of nothing else");
        let kept = kept.lock().expect("unharmed").clone();
        (view, kept)
    }

    #[test]
    fn what_is_sent_is_shown_kept_and_folded() {
        let pipe = Pipe::default();
        assert_eq!(shown(&pipe), (View::of(&sample::ended()), sample::ended()));
        let text = String::from_utf8(pipe.0.lock().expect("unharmed").clone()).expect("text");
        assert!(text.lines().any(|line| line.contains("051-retry  landed")), "{text}");
    }

    #[test]
    fn a_closed_pipe_loses_no_record() {
        let (view, kept) = shown(&Pipe(Arc::default(), true));
        assert_eq!((view, kept.len()), (View::of(&sample::ended()), sample::ended().len()));
    }
}
