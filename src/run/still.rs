//! The stall of what does not print while it works: no output, and no change in its worktree either.
use super::attempt::blocking;
use crate::sys::child::{ChildError, Cut, Exit};
use crate::sys::files::newest_change;
use crate::sys::stop::{Stop, Urgency};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep_until};

/// A look that comes so late says that we were stopped ourselves (Ctrl-Z), and what was said meanwhile is not read yet.
const LATE: Duration = Duration::from_secs(5);

/// When something was last heard. Clones speak of the same thing.
#[derive(Debug, Clone)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

impl Heard {
    /// Something was heard now.
    pub(super) fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Something is heard now.
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a process that shows no sign of life for too long. The worktree is looked at only once nothing was heard
/// for that long, so that it costs one look in each such time.
pub(super) struct Still<F> {
    /// How long is too long; nothing where it may be as still as it likes.
    pub limit: Option<Duration>,
    /// When something was last heard.
    pub heard: Heard,
    /// How long ago the newest change was, if there is any.
    pub look: F,
}

impl<F: Fn() -> Option<Duration> + Clone + Send + 'static> Still<F> {
    /// Does the work under a stop of its own, which is asked for when `stop` is, or after a stall.
    pub(super) async fn beside<W: Future<Output = Result<Exit, ChildError>>>(
        self,
        stop: &Stop,
        work: impl FnOnce(Stop) -> W,
    ) -> Result<Exit, ChildError> {
        let own = Stop::new();
        let mut work = pin!(work(own.clone()));
        let mut still = pin!(self.reached());
        let (mut asked, mut stalled) = (Urgency::None, false);
        loop {
            tokio::select! {
                ended = &mut work => {
                    return ended.map(|exit| match exit.cut {
                        Some(Cut::Stopped) if stalled => Exit { cut: Some(Cut::Stalled), ..exit },
                        _ => exit,
                    });
                }
                urgency = stop.beyond(asked) => {
                    asked = urgency;
                    match urgency {
                        Urgency::AtOnce => own.at_once(),
                        // One that stalled was asked already, and a second time means at once.
                        _ if stalled => {}
                        _ => own.request(),
                    }
                }
                () = &mut still, if !stalled && asked == Urgency::None => {
                    stalled = true;
                    own.request();
                }
            }
        }
    }

    async fn reached(self) {
        let Some(limit) = self.limit else { return std::future::pending().await };
        loop {
            let due = self.heard.last() + limit;
            if due > Instant::now() {
                sleep_until(due).await;
                if due.elapsed() >= LATE {
                    self.heard.note();
                }
                continue;
            }
            let look = self.look.clone();
            let idle = blocking(look).await.unwrap_or(limit);
            if idle >= limit && self.heard.last() + limit <= Instant::now() {
                return;
            }
            tokio::time::sleep(limit.saturating_sub(idle)).await;
        }
    }
}

/// How long ago anything changed in a worktree; what git ignores counts too, since a build that runs is a sign of
/// life. git's own files do not.
pub(super) fn since_change(top: &Path) -> Option<Duration> {
    let newest = newest_change(top)?;
    Some(SystemTime::now().duration_since(newest).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(cut: Option<Cut>) -> Exit {
        Exit {
            code: None,
            signal: None,
            cut,
            duration: Duration::ZERO,
            tail: String::new(),
            log_trouble: None,
            left: Vec::new(),
        }
    }

    /// Something that ends only when it is asked to.
    async fn deaf(stop: Stop) -> Result<Exit, ChildError> {
        stop.beyond(Urgency::None).await;
        Ok(exit(Some(Cut::Stopped)))
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[tokio::test(start_paused = true)]
    async fn silence_alone_is_no_stall_while_the_worktree_changes() {
        let began = Instant::now();
        // It changes until its hour is over.
        let look = move || Some(began.elapsed().saturating_sub(minutes(60)));
        let still = Still { limit: Some(minutes(10)), heard: Heard::now(), look };
        let ended = still.beside(&Stop::new(), deaf).await.expect("an exit");
        assert_eq!((ended.cut, began.elapsed()), (Some(Cut::Stalled), minutes(70)));
    }

    #[tokio::test(start_paused = true)]
    async fn output_is_a_sign_of_life() {
        let (began, heard) = (Instant::now(), Heard::now());
        let still = Still { limit: Some(minutes(10)), heard: heard.clone(), look: || None };
        let work = |stop: Stop| async move {
            tokio::time::sleep(minutes(9)).await;
            heard.note();
            deaf(stop).await
        };
        let ended = still.beside(&Stop::new(), work).await.expect("an exit");
        assert_eq!((ended.cut, began.elapsed()), (Some(Cut::Stalled), minutes(19)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_handed_on_and_is_no_stall() {
        let (began, stop) = (Instant::now(), Stop::new());
        let asking = stop.clone();
        let asked = tokio::spawn(async move {
            tokio::time::sleep(minutes(3)).await;
            asking.request();
        });
        let still = Still { limit: Some(minutes(10)), heard: Heard::now(), look: || None };
        let ended = still.beside(&stop, deaf).await.expect("an exit");
        assert_eq!((ended.cut, began.elapsed()), (Some(Cut::Stopped), minutes(3)));
        asked.await.expect("asked");
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_by_itself_after_it_was_asked_has_ended_by_itself() {
        let work = |stop: Stop| async move {
            stop.beyond(Urgency::None).await;
            Ok(exit(None))
        };
        let still = Still { limit: Some(minutes(10)), heard: Heard::now(), look: || None };
        assert_eq!(still.beside(&Stop::new(), work).await.expect("an exit").cut, None);
    }

    #[test]
    fn a_change_anywhere_below_counts_but_not_one_of_gits() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = SystemTime::now() - minutes(60);
        let file = |path: &str, at: SystemTime| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            let file = std::fs::File::create(path).expect("a file");
            file.set_modified(at).expect("a time");
        };
        file("src/deep/x", old);
        file(".git", SystemTime::now());
        for made in ["src/deep", "src", "."] {
            let made = std::fs::File::open(folder.path().join(made)).expect("a folder");
            made.set_modified(old).expect("a time");
        }
        assert!(since_change(folder.path()).expect("a change") >= minutes(60));
        file("src/deep/y", SystemTime::now());
        assert!(since_change(folder.path()).expect("a change") < minutes(60));
    }
}
