//! The processes of one attempt, run one after the other: an agent's, a command's, or that of an agent that mends
//! what the command then finds.
use super::attempt::Prepared;
use super::ear::Ear;
use super::ending::how_it_ended;
use super::hands::Order;
use super::judging::setup_failure;
use super::progress::Progress;
use super::site::Site;
use super::still::{Heard, Still, since_change};
use super::told::{Ran, Told};
use crate::agent::acp::Opening;
use crate::agent::dialect;
use crate::base::AgentName;
use crate::event::{Event, Failure, Usage};
use crate::model::{FailureClass, Price};
use crate::sys::child::{Cut, Exit, Launch};
use crate::sys::stop::Stop;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an attempt runs.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// In this order, until one fails.
    pub all: VecDeque<Part>,
    /// What runs in the place of the first one if the session that it goes on with is gone.
    pub fresh: Option<Part>,
    /// The agent among them.
    pub agent: Option<AgentName>,
    /// Its model, if one is set.
    pub model: Option<String>,
    /// The agent of the one that ran last; none if that was a command.
    pub last: Option<AgentName>,
}

/// One process.
#[derive(Debug)]
pub(super) struct Part {
    pub launch: Launch,
    /// The stall of what does not print while it works.
    pub still: Option<Duration>,
    pub dialect: String,
    /// What it is told and asked, if it is talked with; then it speaks no dialect.
    pub talk: Option<Opening>,
    /// What its tokens cost, where that is declared.
    pub price: Option<Price>,
    /// Whose it is; a command is nobody's.
    pub agent: Option<AgentName>,
    /// Whether it goes on with a session.
    pub resumes: bool,
    /// The prompt, and where it is kept.
    pub prompt: Option<(PathBuf, String)>,
}

impl Part {
    pub fn command(launch: Launch, still: Option<Duration>) -> Self {
        let dialect = "text".to_owned();
        Self { launch, still, dialect, talk: None, price: None, agent: None, resumes: false, prompt: None }
    }
}

impl Site {
    /// Runs an attempt to its end, and tells how the last of its processes ended.
    ///
    /// # Errors
    /// Our environment: a `setup` line that fails, a program that cannot be started.
    pub(super) async fn run_in(
        &self,
        prepared: &mut Prepared,
        order: &Order,
        stop: &Stop,
    ) -> Result<Ran, Failure> {
        self.reporter.report(Event::AttemptStarted {
            stage: prepared.id.clone(),
            attempt: order.attempt,
            of: Some(order.of),
            step: prepared.step.to_owned(),
            agent: prepared.parts.agent.clone(),
            model: prepared.parts.model.clone(),
            worktree: prepared.worktree().top().display().to_string(),
            log: prepared.log.clone(),
        });
        for launch in std::mem::take(&mut prepared.setup) {
            let exit = self.run_setup(&prepared.id.to_string(), launch, stop).await?;
            if exit.cut == Some(Cut::Stopped) {
                return Ok(Ran::mute(exit));
            }
        }
        prepared.worktree().mark_ready().map_err(|e| setup_failure(&e))?;
        let mut took = Duration::ZERO;
        loop {
            let Some(part) = prepared.parts.all.pop_front() else {
                return Err(setup_failure(&"there is nothing to run"));
            };
            prepared.parts.last.clone_from(&part.agent);
            let mut ran = self.run_part(prepared, &part, stop).await?;
            took += ran.exit.duration;
            ran.exit.duration = took;
            let is_gone = part.resumes && ran.lost_its_session();
            if is_gone && let Some(fresh) = prepared.parts.fresh.take() {
                prepared.parts.all.push_front(fresh);
                continue;
            }
            if !ran.is_good() || prepared.parts.all.is_empty() {
                return Ok(ran);
            }
        }
    }

    /// Runs one process to its end.
    async fn run_part(&self, prepared: &mut Prepared, part: &Part, stop: &Stop) -> Result<Ran, Failure> {
        if let Some((file, text)) = &part.prompt
            && let Err(error) = write_with_folders(file, text)
        {
            self.reporter.warn(format!("cannot keep the prompt in `{}`: {error}", file.display()));
        }
        let id = prepared.id.clone();
        let mut before = Usage::default();
        if let Some(agent) = &part.agent {
            match self.session(&id, agent).filter(|_| part.resumes) {
                Some(session) => before = session.used,
                None => self.remember_session(&id, agent, None),
            }
        }
        let tasks_file = self.tasks_file(prepared);
        let top = prepared.worktree().top().to_owned();
        if let Some(opening) = &part.talk {
            return self.talk_part(prepared, part, (opening.clone(), before), stop).await;
        }
        let mut dialect = dialect::named(&part.dialect);
        let told = Told::new(dialect.tells_its_end());
        let mut ear = Ear::new(self, prepared, part, told);
        dialect.resumes(before);
        ear.resumes(before);
        let heard = Heard::now();
        let sign = heard.clone();
        let each = |line: &str| {
            sign.note();
            dialect.read(line).into_iter().for_each(|said| ear.hear(said));
        };
        let launch = part.launch.clone();
        let still = Still { limit: part.still, heard, look: move || since_change(&top) };
        let who = id.to_string();
        let work = still.beside(stop, |stop| async move { self.process(&who, launch, &stop, each).await });
        let exit = match tasks_file {
            Some(file) => Progress::new(self.reporter.clone(), id.clone(), file).beside(work).await,
            None => work.await,
        };
        dialect.end().into_iter().for_each(|said| ear.hear(said));
        let told = ear.end();
        Ok(Ran { exit: exit.map_err(|e| setup_failure(&e))?, told })
    }

    /// Where the stage's tasks are ticked while it runs, if it has any.
    pub(super) fn tasks_file(&self, prepared: &Prepared) -> Option<PathBuf> {
        let stage = self.spec_named(&prepared.id.spec)?.stage(&prepared.id.stage)?;
        let tasks = stage.tasks.as_ref()?;
        Some(prepared.worktree().top().join(tasks.file.resolved()))
    }

    /// Runs a `setup` line to its good end, or until it is told to stop.
    pub(super) async fn run_setup(&self, of: &str, launch: Launch, stop: &Stop) -> Result<Exit, Failure> {
        let log =
            launch.log.strip_prefix(&self.state_dir).unwrap_or(&launch.log).to_string_lossy().into_owned();
        let who = format!("`setup` of {of}");
        let exit = self.process(&who, launch, stop, |_| {}).await.map_err(|e| setup_failure(&e))?;
        if exit.success() || exit.cut == Some(Cut::Stopped) {
            return Ok(exit);
        }
        let message = format!("`setup` failed: {}", how_it_ended(&exit));
        Err(Failure::new(FailureClass::Setup, message).with_log(log))
    }
}

pub(super) fn write_with_folders(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
