//! How the process of an attempt ended, and in which words.
use super::told::Ran;
use crate::base::english;
use crate::event::Failure;
use crate::model::{FailureClass, Stage, Work};
use crate::sys::child::{Cut, Exit};

/// What is wrong with an attempt that ended so, if that alone says it; `was_agent`: its last process was an agent.
pub(super) fn failure_of(ran: &Ran, stage: &Stage, was_agent: bool) -> Option<Failure> {
    let exit = &ran.exit;
    let class = match (exit.cut, &stage.work) {
        (Some(Cut::TimedOut), _) => FailureClass::Timeout,
        (Some(Cut::Stalled), _) => FailureClass::Stall,
        _ if ran.is_good() => return None,
        (_, Work::Run { .. }) if !was_agent => FailureClass::Check,
        _ => FailureClass::Crash,
    };
    let message = match (class, stage.timeout, stage.stall) {
        (FailureClass::Timeout, Some(timeout), _) => {
            format!("timed out after {}", english::duration(timeout))
        }
        (FailureClass::Stall, _, Some(stall)) => {
            format!("showed no sign of life for {}", english::duration(stall))
        }
        _ => ran.trouble().unwrap_or_else(|| how_it_ended(exit)),
    };
    Some(Failure::new(class, message))
}

/// "exit status 3", "killed by signal 9", "timed out".
pub(super) fn how_it_ended(exit: &Exit) -> String {
    match (exit.cut, exit.code, exit.signal) {
        (Some(Cut::TimedOut), ..) => {
            format!("timed out after {}", english::duration(exit.duration))
        }
        (Some(Cut::Stalled), ..) => "said nothing for too long".to_owned(),
        (Some(Cut::Stopped), ..) => "stopped".to_owned(),
        (None, Some(code), _) => format!("exit status {code}"),
        (None, None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None, None) => "it ended in a way that nobody saw".to_owned(),
    }
}
