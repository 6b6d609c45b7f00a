//! Asking the program of an agent for its version, or for one word. It never hangs: whatever it starts ends in time.
use crate::agent::command::{self, AgentCall, Limits, Surroundings};
use crate::agent::dialect::{EndReason, Said, named};
use crate::base::{Mask, english};
use crate::event::Usage;
use crate::model::Agent;
use crate::report::figures::Figures;
use crate::sys::child::{self, Cut, Exit, Launch, keeper};
use crate::sys::process::Invocation;
use crate::sys::stop::Stop;
use crate::view::Tally;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a program has to say its version.
const VERSION: Duration = Duration::from_secs(10);

/// What an agent is asked.
const PROMPT: &str = "Answer with the one word OK. Use no tools, and change no files.\n";

/// The most of an answer that is shown, in characters.
const SHOWN: usize = 100;

/// What a program says of its version.
pub enum Version {
    /// Its first line.
    Said(String),
    /// Nothing, and why.
    None(String),
}

/// What came of asking an agent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probe {
    /// Whether it said something and ended well.
    pub answered: bool,
    /// The last that it said.
    pub said: Option<String>,
    /// Why that is no answer.
    pub trouble: Option<String>,
    /// How long it took.
    pub millis: u64,
    /// What it says that it used.
    pub usage: Option<Used>,
}

/// What it used, as it told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Used(Figures);

impl Used {
    /// The figures.
    pub fn used(&self) -> Usage {
        Tally::from(self.0).usage
    }
}

/// Asks a program for its version, with `--version`.
pub async fn version(program: &Path) -> Version {
    let asked = async {
        let place = tempfile::tempdir()?;
        let launch = Launch {
            argv: vec![program.into(), "--version".into()],
            env: vec![("PWD".into(), place.path().into())],
            unset: Vec::new(),
            cwd: place.path().to_owned(),
            stdin: None,
            log: "/dev/null".into(),
            timeout: Some(VERSION),
            stall: None,
            grace: Duration::from_secs(1),
            keeper: keeper::program(),
            mask: Mask::default(),
            apart: false,
        };
        let mut said = Banner::default();
        let exit = child::run(launch, &Stop::new(), |line| said.hear(line.trim())).await;
        io::Result::Ok((exit.map_err(io::Error::other)?, said))
    };
    match asked.await {
        Ok((exit, said)) if exit.success() => said
            .numbered
            .or(said.first)
            .map_or_else(|| Version::None("it says nothing".to_owned()), Version::Said),
        Ok((exit, _)) => Version::None(format!("`--version`: {}", ended(&exit, VERSION))),
        Err(error) => Version::None(error.to_string()),
    }
}

/// What a program says when it is asked for its version, however much that is.
#[derive(Default)]
struct Banner {
    /// Its first line that says something.
    first: Option<String>,
    /// Its first line with a number in it.
    numbered: Option<String>,
}

impl Banner {
    fn hear(&mut self, line: &str) {
        if self.first.is_none() && !line.is_empty() {
            self.first = Some(short(line));
        }
        if self.numbered.is_none() && line.contains(|c: char| c.is_ascii_digit()) {
            self.numbered = Some(short(line));
        }
    }
}

/// Asks an agent for one word, in an empty repository that is gone afterwards.
pub async fn probe(agent: &Agent, limit: Duration) -> Probe {
    let mut probe = Probe { answered: false, said: None, trouble: None, millis: 0, usage: None };
    match ask(agent, limit, &mut probe).await {
        Err(error) => probe.trouble = Some(error),
        Ok(exit) => {
            probe.millis = u64::try_from(exit.duration.as_millis()).unwrap_or(u64::MAX);
            if !exit.success() {
                let ended = ended(&exit, limit);
                let said = probe.said.as_ref().map(|said| format!("; the last it said: {said}"));
                probe.trouble.get_or_insert(format!("{ended}{}", said.unwrap_or_default()));
            }
        }
    }
    probe.answered = probe.trouble.is_none() && probe.said.is_some();
    probe
}

async fn ask(agent: &Agent, limit: Duration, probe: &mut Probe) -> Result<Exit, String> {
    if agent.acp {
        return Err("it speaks ACP, and a probe does not yet".to_owned());
    }
    let place = tempfile::Builder::new().prefix("specmake-probe-").tempdir().map_err(|e| e.to_string())?;
    let top = place.path().canonicalize().map_err(|e| e.to_string())?;
    let worktree = top.join("repo");
    let made = Invocation::new("git").args(["init", "-q"]).arg(&worktree).without_env("GIT_DIR").capture();
    made.map_err(|e| format!("git: {e}"))?;
    let executable = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("specmake"));
    let call =
        AgentCall { agent, model: None, prompt: PROMPT, session: None, executable: &executable, env: &[] };
    let around = Surroundings {
        run: "probe",
        spec: None,
        stage: "probe",
        attempt: 1,
        worktree: &worktree,
        folder: None,
        slot: 0,
        port_base: 0,
    };
    let limits = Limits { log: top.join("log"), timeout: Some(limit), stall: None };
    let launch = command::agent(&call, &around, limits).map_err(|e| e.to_string())?;
    let launch = Launch { keeper: keeper::program(), ..launch };
    let mut dialect = named(&agent.dialect);
    let heard = |line: &str| dialect.read(line).into_iter().for_each(|said| take(probe, said));
    let exit = child::run(launch, &Stop::new(), heard).await;
    dialect.end().into_iter().for_each(|said| take(probe, said));
    exit.map_err(|error| error.to_string())
}

fn take(probe: &mut Probe, said: Said) {
    match said {
        Said::Text(text) => probe.said = Some(short(text.trim())).filter(|text| !text.is_empty()),
        Said::Usage(used) => {
            let sum = probe.usage.map(|usage| usage.used()).unwrap_or_default().plus(used);
            let unknown = usize::from(sum.cost.is_none());
            probe.usage =
                Some(Used(Tally { attempts: 1, unknown, silent: 0, usage: sum, priced: false }.into()));
        }
        // Whatever was wrong before, it got over that.
        Said::Ended(EndReason::Finished) => probe.trouble = None,
        Said::Ended(EndReason::Failed(why)) => probe.trouble = Some(short(&why)),
        Said::Ended(EndReason::Cut) => probe.trouble = Some("its answer was cut off".to_owned()),
        _ => {}
    }
}

fn ended(exit: &Exit, limit: Duration) -> String {
    match (exit.cut, exit.code, exit.signal) {
        (Some(Cut::TimedOut), ..) => format!("it did not end within {}", english::duration(limit)),
        (_, Some(code), _) => format!("exit status {code}"),
        (_, _, Some(signal)) => format!("ended by signal {signal}"),
        _ => "it was ended".to_owned(),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probed(said: &[Said]) -> Option<String> {
        let mut probe = Probe { answered: false, said: None, trouble: None, millis: 0, usage: None };
        said.iter().for_each(|said| take(&mut probe, said.clone()));
        probe.trouble
    }

    #[test]
    fn an_error_that_was_got_over_is_none() {
        let failed = Said::Ended(EndReason::Failed("429".to_owned()));
        assert_eq!(probed(&[failed.clone(), Said::Ended(EndReason::Finished)]), None);
        assert_eq!(probed(&[Said::Ended(EndReason::Finished), failed]), Some("429".to_owned()));
    }

    #[test]
    fn a_version_is_found_in_whatever_is_printed_and_no_more_is_kept() {
        let mut banner = Banner::default();
        ["", "Hello", "odd 1.2.3", &"x9".repeat(1_000)].into_iter().for_each(|line| banner.hear(line));
        assert_eq!((banner.first.as_deref(), banner.numbered.as_deref()), (Some("Hello"), Some("odd 1.2.3")));
        let mut banner = Banner::default();
        banner.hear(&"x".repeat(1_000_000));
        assert_eq!(banner.first.map(|line| line.len()), Some(SHOWN + 3));
    }
}
