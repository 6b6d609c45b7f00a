//! The processes of one attempt, run one after the other: an agent's, a command's, or that of an agent that mends
//! what the command then finds.
use super::attempt::Prepared;
use super::ending::how_it_ended;
use super::hands::Order;
use super::judging::setup_failure;
use super::progress::Progress;
use super::report::now_millis;
use super::site::Site;
use super::still::{Heard, Still, since_change};
use crate::agent::dialect;
use crate::agent::refusal::refusal;
use crate::base::AgentName;
use crate::event::{Event, Failure};
use crate::model::FailureClass;
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
    /// Whose it is; a command is nobody's.
    pub agent: Option<AgentName>,
    /// Whether it goes on with a session.
    pub resumes: bool,
    /// The prompt, and where it is kept.
    pub prompt: Option<(PathBuf, String)>,
}

impl Part {
    pub fn command(launch: Launch, still: Option<Duration>) -> Self {
        Self { launch, still, dialect: "text".to_owned(), agent: None, resumes: false, prompt: None }
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
    ) -> Result<Exit, Failure> {
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
                return Ok(exit);
            }
        }
        prepared.worktree().mark_ready().map_err(|e| setup_failure(&e))?;
        let mut took = Duration::ZERO;
        loop {
            let Some(part) = prepared.parts.all.pop_front() else {
                return Err(setup_failure(&"there is nothing to run"));
            };
            prepared.parts.last.clone_from(&part.agent);
            let (mut exit, began) = self.run_part(prepared, &part, stop).await?;
            took += exit.duration;
            exit.duration = took;
            let is_gone = part.resumes && !began && !exit.success() && exit.cut.is_none();
            if is_gone && let Some(fresh) = prepared.parts.fresh.take() {
                prepared.parts.all.push_front(fresh);
                continue;
            }
            if !exit.success() || prepared.parts.all.is_empty() {
                return Ok(exit);
            }
        }
    }

    /// Runs one process; also tells whether it said that a session began.
    async fn run_part(
        &self,
        prepared: &mut Prepared,
        part: &Part,
        stop: &Stop,
    ) -> Result<(Exit, bool), Failure> {
        if let Some((file, text)) = &part.prompt
            && let Err(error) = write_with_folders(file, text)
        {
            self.reporter.warn(format!("cannot keep the prompt in `{}`: {error}", file.display()));
        }
        let id = prepared.id.clone();
        if let Some(agent) = part.agent.as_ref().filter(|_| !part.resumes) {
            self.remember_session(&id, agent, None);
        }
        let mut began = false;
        let mut dialect = dialect::named(&part.dialect);
        let tasks_file = self.tasks_file(prepared);
        let (top, worktree) = (prepared.worktree().top().to_owned(), prepared.worktree().top().to_owned());
        let mut meter = self.meter(&id, part.agent.as_ref(), &mut prepared.used);
        let (refused, named) = (&mut prepared.refused, &mut prepared.named);
        let heard = Heard::now();
        let ear = heard.clone();
        let each = |line: &str| {
            ear.note();
            if part.agent.is_some()
                && let Some(why) = refusal(line)
            {
                *refused = Some(why);
            }
            for said in dialect.read(line) {
                named.hear(&said, &worktree);
                match (said, &part.agent) {
                    (dialect::Said::Text(line), _) => {
                        self.reporter.report(Event::Output { stage: id.clone(), line });
                    }
                    (dialect::Said::Usage(used), _) => meter.take(used),
                    (dialect::Said::Started { session }, Some(agent)) => {
                        began = true;
                        self.remember_session(&id, agent, session.as_deref());
                        let (stage, agent) = (id.clone(), agent.clone());
                        self.reporter.report(Event::SessionStarted { stage, agent, session });
                    }
                    (dialect::Said::Tool(tool), _) => {
                        self.reporter.report(Event::Tool { stage: id.clone(), tool });
                    }
                    (dialect::Said::Plan { done, total }, _) => {
                        self.reporter.report(Event::Planned { stage: id.clone(), done, total });
                    }
                    (dialect::Said::Retrying { why, millis }, _) => {
                        let until = millis.map(|millis| now_millis().saturating_add(millis));
                        self.reporter.report(Event::Retrying { stage: id.clone(), why, until });
                    }
                    (dialect::Said::Started { .. } | dialect::Said::Ended(_), _) => {}
                }
            }
        };
        let launch = part.launch.clone();
        let still = Still { limit: part.still, heard, look: move || since_change(&top) };
        let who = id.to_string();
        let work = still.beside(stop, |stop| async move { self.process(&who, launch, &stop, each).await });
        let exit = match tasks_file {
            Some(file) => Progress::new(self.reporter.clone(), id.clone(), file).beside(work).await,
            None => work.await,
        };
        Ok((exit.map_err(|e| setup_failure(&e))?, began))
    }

    /// Where the stage's tasks are ticked while it runs, if it has any.
    fn tasks_file(&self, prepared: &Prepared) -> Option<PathBuf> {
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

fn write_with_folders(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
