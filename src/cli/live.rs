//! Asking a run that is on, and waiting for what it says.
use super::trouble::Trouble;
use crate::base::SpecName;
use crate::run::report::now_millis;
use crate::run::requests::{Answer, Desk, Request, Wish};
use crate::sys::git::Git;
use crate::sys::lock::BuildLock;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

/// Between two looks for an answer.
const LOOK: Duration = Duration::from_millis(50);

/// So many looks go by before whoever waits is told so.
const PATIENCE: u32 = 40;

/// What a run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its process.
    pub run: u32,
    /// What it says.
    pub answer: Answer,
}

/// Asks the run that is on; nothing where none is, or where it ends before it has answered.
///
/// # Errors
/// The state folder cannot be written, or the lock not be read.
pub fn ask(git: &Git, spec: &SpecName, wish: &Wish, err: &mut dyn Write) -> Result<Option<Said>, Trouble> {
    let desk = Desk::of(&git.state_dir());
    loop {
        let Some(holder) = BuildLock::holder(git)? else { return Ok(None) };
        let request = Request {
            run: holder.pid,
            by: std::process::id(),
            at: now_millis(),
            spec: spec.clone(),
            wish: wish.clone(),
        };
        let ticket = desk
            .ask(&request)
            .map_err(|error| Trouble::environment(format!("cannot ask the run that is on: {error}")))?;
        let mut looks = 0;
        let answer = loop {
            let on = BuildLock::holder(git)?.is_some_and(|now| now.pid == holder.pid);
            let answer = desk.answered(&ticket);
            if answer.is_some() || !on {
                break answer;
            }
            looks += 1;
            if looks == PATIENCE {
                writeln!(err, "specmake: waiting for the run that is on (pid {})", holder.pid)?;
            }
            sleep(LOOK);
        };
        desk.clear(&ticket);
        if let Some(answer) = answer {
            return Ok(Some(Said { run: holder.pid, answer }));
        }
    }
}
