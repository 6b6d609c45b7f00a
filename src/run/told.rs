//! What an agent itself says about how it goes and how it ended. Held against its exit, it tells what is wrong.
use super::ending::how_it_ended;
use crate::agent::dialect::{EndReason, Said};
use crate::sys::child::Exit;
use std::collections::VecDeque;

/// How many of the last lines beside the stream are remembered.
const ASIDES: usize = 3;

/// How an agent says that the session it was to go on with is not there, in words that stand in no other trouble.
const GONE: [&str; 8] = [
    "no conversation found",
    "session not found",
    "no session found",
    "no such session",
    "no rollout found",
    "thread not found",
    "invalid session",
    "unknown session",
];

/// What one process of an agent said of itself.
#[derive(Debug, Default)]
pub(super) struct Told {
    tells_its_end: bool,
    began: bool,
    ended: Option<EndReason>,
    /// Why it was about to try again, if nothing came of that.
    retrying: Option<String>,
    worked: bool,
    asides: VecDeque<String>,
}

/// How a process ended, and what it said about that.
#[derive(Debug)]
pub(super) struct Ran {
    pub exit: Exit,
    pub told: Told,
}

impl Told {
    /// Nothing yet; `tells_its_end`: it is of a kind that always says when it is over.
    pub(super) fn new(tells_its_end: bool) -> Self {
        Self { tells_its_end, ..Self::default() }
    }

    /// Takes in one thing that it said.
    pub(super) fn hear(&mut self, said: &Said) {
        match said {
            Said::Started { .. } => self.began = true,
            Said::Text(_) | Said::Plan { .. } => self.works(),
            Said::Usage(used) if !used.has_tokens() => {}
            Said::Usage(_) => self.works(),
            // Who works on has not ended.
            Said::Tool(_) => {
                self.works();
                self.ended = None;
            }
            Said::Retrying { why, .. } => self.retrying = Some(why.clone()),
            Said::Ended(reason) => {
                if *reason == EndReason::Finished {
                    self.retrying = None;
                }
                self.ended = Some(reason.clone());
            }
            Said::Aside(line) => {
                self.asides.push_back(line.clone());
                if self.asides.len() > ASIDES {
                    self.asides.pop_front();
                }
            }
        }
    }

    /// Whether it was broken off: it is of a kind that says when it is over, and did not.
    pub(super) fn is_broken_off(&self) -> bool {
        self.tells_its_end && self.ended.is_none()
    }

    fn works(&mut self) {
        self.worked = true;
        self.retrying = None;
    }

    /// What it says is wrong, if anything.
    fn said(&self) -> Option<String> {
        match (&self.ended, &self.retrying) {
            (Some(EndReason::Finished), _) | (None, None) => None,
            (Some(EndReason::Cut), _) => Some("its answer was cut off (output limit)".to_owned()),
            (Some(EndReason::Stopped), _) => Some("it says that it was stopped".to_owned()),
            (Some(EndReason::Failed(why)), _) => Some(format!("the agent says: {why}")),
            (None, Some(why)) => Some(format!("it ended while it tried again: {why}")),
        }
    }

    /// The errors that it was left with, in its own words, last first.
    pub(super) fn errors(&self) -> impl Iterator<Item = &str> {
        let failed = match &self.ended {
            Some(EndReason::Failed(why)) => Some(why.as_str()),
            _ => None,
        };
        failed.into_iter().chain(self.retrying.as_deref())
    }

    /// Whether the session that it was to go on with is not there. Some say that one began all the same.
    fn lost_its_session(&self) -> bool {
        let is_gone = |words: &str| {
            let low = words.to_lowercase();
            GONE.iter().any(|gone| low.contains(gone))
        };
        !self.worked && (self.errors().chain(self.asides.iter().map(String::as_str)).any(is_gone))
    }
}

impl Ran {
    /// One that says nothing of itself.
    pub(super) fn mute(exit: Exit) -> Self {
        Self { exit, told: Told::default() }
    }

    /// Whether nothing is known to be wrong with it.
    pub(super) fn is_good(&self) -> bool {
        self.trouble().is_none()
    }

    /// What is wrong with how it ended, if anything. A status other than 0 is wrong even after the word that it is
    /// done: every agent that was tried ends well with 0, so something happened after that word.
    pub(super) fn trouble(&self) -> Option<String> {
        let how = (!self.exit.success()).then(|| how_it_ended(&self.exit));
        match (self.told.said(), how) {
            (Some(said), Some(how)) => Some(format!("{said}; {how}")),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) if self.told.is_broken_off() => {
                Some("it ended without saying that it is done".to_owned())
            }
            (None, None) => None,
        }
    }

    /// Whether it only failed because its session is gone.
    pub(super) fn lost_its_session(&self) -> bool {
        let silent = !self.told.began && !self.exit.success() && self.told.errors().next().is_none();
        self.exit.cut.is_none() && !self.is_good() && (silent || self.told.lost_its_session())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ToolKind, ToolStatus, ToolUse, Usage};
    use crate::sys::child::Cut;
    use std::time::Duration;

    fn tool() -> Said {
        let (id, title, paths) = (String::new(), "x".to_owned(), Vec::new());
        Said::Tool(ToolUse { id, kind: ToolKind::Execute, title, paths, status: ToolStatus::Failed })
    }

    fn text(words: &str) -> Said {
        Said::Text(words.to_owned())
    }

    fn retrying(why: &str) -> Said {
        Said::Retrying { why: why.to_owned(), millis: None }
    }

    fn failed(why: &str) -> Said {
        Said::Ended(EndReason::Failed(why.to_owned()))
    }

    fn ran(code: i32, said: &[Said]) -> Ran {
        let mut told = Told::new(true);
        said.iter().for_each(|said| told.hear(said));
        let exit = Exit {
            code: Some(code),
            signal: None,
            cut: None,
            duration: Duration::ZERO,
            tail: String::new(),
            log_trouble: None,
            left: Vec::new(),
        };
        Ran { exit, told }
    }

    #[test]
    fn its_own_account_says_what_is_wrong() {
        let check = |said: &[Said], expect: Option<&str>| {
            assert_eq!(ran(0, said).trouble().as_deref(), expect, "{said:?}");
        };
        let done = Said::Ended(EndReason::Finished);
        check(&[tool(), text("hi"), done.clone()], None);
        check(&[retrying("429"), done.clone()], None);
        check(&[failed("oops"), done.clone()], None);
        check(&[], Some("it ended without saying that it is done"));
        check(&[done.clone(), tool()], Some("it ended without saying that it is done"));
        check(&[done.clone(), text("bye")], None);
        check(&[retrying("429")], Some("it ended while it tried again: 429"));
        check(&[retrying("429"), text("on")], Some("it ended without saying that it is done"));
        check(&[done, failed("no key")], Some("the agent says: no key"));
        check(&[Said::Ended(EndReason::Cut)], Some("its answer was cut off (output limit)"));
        check(&[Said::Ended(EndReason::Stopped)], Some("it says that it was stopped"));
        let quiet = Ran { told: Told::default(), ..ran(0, &[]) };
        assert_eq!(quiet.trouble(), None, "not all say when they are over");
    }

    #[test]
    fn a_status_is_not_talked_away() {
        let done = Said::Ended(EndReason::Finished);
        assert!(ran(0, std::slice::from_ref(&done)).is_good());
        let check = |said: &[Said], expect: &str| {
            assert_eq!(ran(1, said).trouble().as_deref(), Some(expect), "{said:?}");
        };
        check(&[done], "exit status 1");
        check(&[], "exit status 1");
        check(&[failed("no key")], "the agent says: no key; exit status 1");
    }

    #[test]
    fn the_errors_it_was_left_with() {
        let check = |said: &[Said], expect: &[&str]| {
            assert_eq!(ran(1, said).told.errors().collect::<Vec<_>>(), expect, "{said:?}");
        };
        check(&[retrying("429"), failed("gave up")], &["gave up", "429"]);
        check(&[retrying("429"), Said::Usage(Usage { output: 1, ..Usage::default() }), failed("x")], &["x"]);
        check(&[text("Error: rate limit")], &[]);
    }

    #[test]
    fn a_session_is_gone_if_it_says_so_and_did_nothing() {
        let began = Said::Started { session: Some("s".into()) };
        let check = |code: i32, said: &[Said], expect: bool| {
            assert_eq!(ran(code, said).lost_its_session(), expect, "{said:?}");
        };
        let gone = failed("No conversation found with session ID: 1");
        check(1, &[], true);
        check(1, std::slice::from_ref(&began), false);
        check(1, &[began.clone(), gone.clone()], true);
        check(0, &[began.clone(), gone.clone()], true);
        check(1, &[began.clone(), tool(), gone], false);
        check(1, &[began.clone(), failed("401 invalid api key")], false);
        check(1, &[failed("429 rate limit")], false);
        check(1, &[began, Said::Aside("Error: Session not found".into())], true);
        let mut killed = ran(1, &[]);
        killed.exit.cut = Some(Cut::TimedOut);
        assert!(!killed.lost_its_session());
    }
}
