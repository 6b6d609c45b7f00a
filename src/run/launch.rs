//! What an attempt starts: its process, its prompt, and what both are told.
use super::hands::Order;
use super::judging::setup_failure;
use super::parts::{Part, Parts};
use super::site::Site;
use super::telling::Past;
use crate::agent::acp::{Opening, Policy, Session};
use crate::agent::command::{self, AgentCall, Limits, Surroundings};
use crate::base::{Oid, StageId};
use crate::event::Failure;
use crate::model::{Agent, Rung, Spec, Stage, Step, Work};
use crate::sys::child::Launch;
use crate::sys::files;
use crate::sys::worktree::Worktree;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The first of all ports that slots are told of, and how many each has.
pub(super) const PORTS: (u16, u16) = (20_000, 20);

/// The first port of a slot.
pub(super) fn port_base(slot: u32) -> u16 {
    let (first, each) = PORTS;
    first + u16::try_from(slot % 2000).unwrap_or(0) * each
}

/// The longest that a `setup` line may take.
pub(super) const SETUP: Duration = Duration::from_secs(3600);

impl Site {
    /// Brings the user's ignored files and submodules into a worktree that is not ready yet.
    pub(super) fn bring_in(&self, worktree: &Worktree) -> Result<(), Failure> {
        if worktree.is_ready() {
            return Ok(());
        }
        let settings = &self.project.settings;
        worktree.init_submodules().map_err(|e| setup_failure(&e))?;
        let brought = worktree.bring_in(&settings.copy, &settings.link).map_err(|e| setup_failure(&e))?;
        for (path, why) in brought.left_out {
            self.reporter.warn(format!("`{path}` is not brought into the worktree: {why}"));
        }
        Ok(())
    }

    /// The processes of an attempt: an agent's, a command's, or that of an agent that mends and then the command's.
    ///
    /// # Errors
    /// An agent cannot be called so.
    pub(super) fn parts(
        &self,
        order: &Order,
        spec: &Spec,
        stage: usize,
        ground: &Ground<'_>,
    ) -> Result<Parts, Failure> {
        let declared = &spec.stages[stage];
        let mut parts = Parts::default();
        if let Some(name) = order.agent_of(declared) {
            let agent = self.project.agents.get(name);
            let agent = agent.ok_or_else(|| setup_failure(&format!("there is no agent `{name}`")))?;
            let model = declared.model_for(name);
            let resumes = matches!(order.rung, Some(Rung { step: Step::Resume, .. }));
            let session = Some(agent).filter(|agent| resumes && (agent.acp || !agent.resume.is_empty()));
            let session =
                session.and_then(|_| self.session(ground.around.id, name)).map(|session| session.id);
            let part =
                |session: Option<&str>| self.agent_part(order, spec, stage, ground, (agent, model, session));
            parts.all.push_back(part(session.as_deref())?);
            // One that is talked with is given another session on the way.
            parts.fresh = session.filter(|_| !agent.acp).map(|_| part(None)).transpose()?;
            parts.model = model.or(agent.model.as_deref()).map(ToOwned::to_owned);
            parts.agent = Some(name.clone());
        }
        match &declared.work {
            Work::Agent { .. } => {}
            Work::Gate => return Err(setup_failure(&"a gate waits for a person and never runs")),
            Work::Run { line } => {
                let surroundings = ground.around.surroundings(ground.worktree.top());
                let launch =
                    command::shell(line, &declared.env, &surroundings, ground.limits(declared, self));
                parts.all.push_back(Part::command(launch, declared.stall));
            }
        }
        Ok(parts)
    }

    fn agent_part(
        &self,
        order: &Order,
        spec: &Spec,
        stage: usize,
        ground: &Ground<'_>,
        (agent, model, session): (&Agent, Option<&str>, Option<&str>),
    ) -> Result<Part, Failure> {
        let declared = &spec.stages[stage];
        let text = self.prompt(order, spec, declared, ground, session.is_some());
        let mut part = self.agent_process(&text, declared, ground, (agent, model, session))?;
        if let (Some(opening), Some(id)) = (&mut part.talk, session) {
            let fresh = self.prompt(order, spec, declared, ground, false);
            let fresh = self.mask.text(&fresh).into_owned();
            let prompt = std::mem::replace(&mut opening.prompt, fresh);
            opening.session = Some(Session { id: id.to_owned(), prompt, cost: None });
        }
        Ok(part)
    }

    /// The process of an agent that gets this prompt, in the manner of a stage.
    ///
    /// # Errors
    /// It cannot be called so.
    pub(super) fn agent_process(
        &self,
        text: &str,
        declared: &Stage,
        ground: &Ground<'_>,
        (agent, model, session): (&Agent, Option<&str>, Option<&str>),
    ) -> Result<Part, Failure> {
        let text = self.mask.text(text).into_owned();
        let executable = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("specmake"));
        let call =
            AgentCall { agent, model, prompt: &text, session, executable: &executable, env: &declared.env };
        let limits =
            Limits { stall: declared.stall.filter(|_| agent.streams), ..ground.limits(declared, self) };
        let surroundings = ground.around.surroundings(ground.worktree.top());
        let launch = command::agent(&call, &surroundings, limits).map_err(|e| setup_failure(&e))?;
        let talk = agent.acp.then(|| {
            let home = std::env::home_dir();
            let top = ground.worktree.top();
            let policy = Policy::new(agent.permissions.clone(), top, home.as_deref(), files::real);
            Opening { prompt: text.clone(), session: None, policy }
        });
        let file = ground.log.strip_suffix(".log").unwrap_or(ground.log).to_owned() + ".prompt.md";
        Ok(Part {
            still: declared.stall.filter(|_| launch.stall.is_none()),
            launch,
            dialect: agent.dialect.clone(),
            talk,
            price: agent.price_with(model.or(agent.model.as_deref())),
            agent: Some(agent.name.clone()),
            resumes: session.is_some(),
            prompt: Some((self.state_dir.join(file), text)),
        })
    }
}

/// What an attempt stands on.
pub(super) struct Ground<'a> {
    pub around: &'a Around<'a>,
    pub worktree: &'a Worktree,
    /// Its log, relative to `.specmake`.
    pub log: &'a str,
    pub past: &'a Past,
    /// The commit that the stage's first attempt began on, and the one that this one begins on.
    pub since: (Oid, Oid),
}

impl Ground<'_> {
    fn limits(&self, stage: &Stage, site: &Site) -> Limits {
        Limits { log: site.state_dir.join(self.log), timeout: stage.timeout, stall: None }
    }
}

/// What processes of a spec are told about where they run.
pub(super) struct Around<'a> {
    pub site: &'a Site,
    pub id: &'a StageId,
    pub attempt: u32,
    pub slot: u32,
    pub folder: &'a str,
}

impl Around<'_> {
    pub fn surroundings<'b>(&'b self, worktree: &'b Path) -> Surroundings<'b> {
        Surroundings {
            run: &self.site.run,
            spec: Some(self.id.spec.as_str()),
            stage: self.id.stage.as_str(),
            attempt: self.attempt,
            worktree,
            folder: Some(self.folder),
            slot: self.slot,
            port_base: port_base(self.slot),
        }
    }

    pub fn setup_lines(&self, worktree: &Path, lines: &[String]) -> Vec<Launch> {
        let surroundings = Surroundings { stage: "setup", ..self.surroundings(worktree) };
        let launch = |line: &String| {
            // One log for all lines; no stage can have such a name.
            let Self { site, id, attempt, .. } = self;
            let log = format!("logs/{}/{}/setup@{}.{attempt}.log", site.run, id.spec, id.stage);
            let limits = Limits { log: self.site.state_dir.join(log), timeout: Some(SETUP), stall: None };
            command::shell(line, &[], &surroundings, limits)
        };
        lines.iter().map(launch).collect()
    }
}
