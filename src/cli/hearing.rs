//! What ends a run from outside: signals, and a terminal or pipe that is gone.
use super::show::Watchers;
use crate::sys::signal::{Interrupt, Interrupts, continued};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

/// Hands on every wish to end, and tells the face when the terminal is ours again, until it is aborted.
///
/// # Errors
/// The system refused a signal handler.
pub fn hear(watchers: Arc<Watchers>, to: Sender<Interrupt>) -> io::Result<JoinHandle<()>> {
    let (mut signals, mut continued) = (Interrupts::listen()?, continued()?);
    Ok(tokio::spawn(async move {
        loop {
            let interrupt = tokio::select! {
                interrupt = signals.next() => Some(interrupt),
                () = watchers.gone.notified() => signals.hangup(),
                Some(()) = continued.recv() => {
                    watchers.back.store(true, Ordering::Relaxed);
                    None
                }
            };
            if let Some(interrupt) = interrupt
                && to.send(interrupt).await.is_err()
            {
                return;
            }
        }
    }))
}
