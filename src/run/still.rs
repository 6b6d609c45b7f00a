//! The stall of what does not print while it works: no output, and no change in its worktree either.
use super::attempt::blocking;
use crate::sys::child::{ChildError, Cut, Exit};
use crate::sys::stop::{Stop, Urgency};
use std::future::Future;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep_until};

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
    /// How long is too long.
    pub limit: Duration,
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
                    return ended.map(|exit| if stalled { Exit { cut: Some(Cut::Stalled), ..exit } } else { exit });
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
        loop {
            let due = self.heard.last() + self.limit;
            if due > Instant::now() {
                sleep_until(due).await;
                continue;
            }
            let look = self.look.clone();
            let idle = blocking(look).await.unwrap_or(self.limit);
            if idle >= self.limit && self.heard.last() + self.limit <= Instant::now() {
                return;
            }
            tokio::time::sleep(self.limit.saturating_sub(idle)).await;
        }
    }
}

/// How long ago anything changed below a folder; what git ignores counts too, since a build that runs is a sign
/// of life. git's own files do not: ours look at them.
pub(super) fn since_change(top: &Path) -> Option<Duration> {
    let walk = walk(top);
    let newest = walk.max()?;
    Some(SystemTime::now().duration_since(newest).unwrap_or_default())
}
