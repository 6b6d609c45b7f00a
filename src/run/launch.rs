//! What an attempt starts: its process, its prompt, and what both are told.
use super::hands::Order;
use super::judging::setup_failure;
use super::site::Site;
use crate::agent::command::{self, AgentCall, Limits, Surroundings};
use crate::agent::prompt::{Again, Earlier, LONGEST_TAIL, PromptRequest, render};
use crate::base::{Oid, Reason, SpecName, StageId};
use crate::event::Failure;
use crate::model::{Spec, Stage, Target, Work};
use crate::rebuild::Line;
use crate::rebuild::result::result_of;
use crate::sys::child::Launch;
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

    /// What people changed in the ingredients since the stage was last done, for its prompt.
    pub(super) fn diff_for(&self, reasons: &[Reason], since: Option<Oid>, tree: Oid) -> String {
        let paths: Vec<String> = reasons
            .iter()
            .filter_map(|reason| match reason {
                Reason::Changed { paths, .. } => Some(paths.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        match since {
            Some(since) if !paths.is_empty() => self.git.diff_text(since, tree, &paths).unwrap_or_default(),
            _ => String::new(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a different part of one process")]
    pub(super) fn launch(
        &self,
        order: &Order,
        spec: &Spec,
        stage: usize,
        around: &Around<'_>,
        worktree: &Worktree,
        log: &str,
        past: &Past,
    ) -> Result<(Launch, String), Failure> {
        let stage = &spec.stages[stage];
        let limits = Limits { log: self.state_dir.join(log), timeout: stage.timeout, stall: None };
        let surroundings = around.surroundings(worktree.top());
        match &stage.work {
            Work::Run { line } => {
                Ok((command::shell(line, &stage.env, &surroundings, limits), "text".to_owned()))
            }
            Work::Gate => Err(setup_failure(&"a gate waits for a person and never runs")),
            Work::Agent { agent, model, prompt } => {
                let agent = self
                    .project
                    .agents
                    .get(agent)
                    .ok_or_else(|| setup_failure(&format!("there is no agent `{agent}`")))?;
                let limits = Limits { stall: stage.stall.filter(|_| agent.streams), ..limits };
                let text = self.prompt(order, spec, stage, &prompt.text, worktree, past);
                let kept =
                    self.state_dir.join(log.strip_suffix(".log").unwrap_or(log).to_owned() + ".prompt.md");
                if let Err(error) = write_with_folders(&kept, &text) {
                    self.reporter.warn(format!("cannot keep the prompt in `{}`: {error}", kept.display()));
                }
                let executable = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("specmake"));
                let call = AgentCall {
                    agent,
                    model: model.as_deref(),
                    prompt: &text,
                    session: None,
                    executable: &executable,
                    env: &stage.env,
                };
                let launch = command::agent(&call, &surroundings, limits).map_err(|e| setup_failure(&e))?;
                Ok((launch, agent.dialect.clone()))
            }
        }
    }

    fn prompt(
        &self,
        order: &Order,
        spec: &Spec,
        stage: &Stage,
        text: &str,
        worktree: &Worktree,
        past: &Past,
    ) -> String {
        let top = worktree.top();
        let context: Vec<(String, String)> = self
            .project
            .settings
            .context
            .iter()
            .filter_map(|path| {
                let text = std::fs::read_to_string(top.join(path)).ok()?;
                Some((path.clone(), text))
            })
            .collect();
        let missing = self.missing_needs(spec);
        let outputs: Vec<String> = stage.outputs.iter().map(ToString::to_string).collect();
        let tasks = stage.tasks.as_ref().map(|tasks| tasks.file.resolved().to_owned());
        let earlier: Vec<Earlier> = order
            .former
            .iter()
            .map(|failure| Earlier {
                attempt: order.attempt.saturating_sub(1),
                why: failure.message.clone(),
                left: Vec::new(),
                tail: self.log_tail(failure),
            })
            .collect();
        render(&PromptRequest {
            text,
            spec: &spec.name,
            stage: &stage.name,
            folder: &spec.folder,
            description: spec.description.as_deref(),
            params: &spec.params,
            worktree: &top.to_string_lossy(),
            outputs: &outputs,
            tasks: tasks.as_deref(),
            context: &context,
            missing: &missing,
            again: past.again(&order.reasons, order.former.is_some()),
            earlier: &earlier,
        })
    }

    /// Optional needs that the spec goes without.
    fn missing_needs(&self, spec: &Spec) -> Vec<(SpecName, String)> {
        let base = self.base();
        let line = Line::new(&base.history, Vec::new());
        let has_result = |name: &SpecName| {
            let need = self.spec_named(name);
            need.is_some_and(|need| {
                result_of(need, &line, &self.contents).is_ok_and(|result| result.is_some())
            })
        };
        let optional = spec.needs.iter().filter(|need| need.optional);
        let named = optional.filter_map(|need| match &need.target {
            Target::Spec(name) => Some(name),
            Target::Layer(_) => None,
        });
        named
            .filter(|name| !has_result(name))
            .map(|name| (name.clone(), "it did not land".to_owned()))
            .collect()
    }

    fn log_tail(&self, failure: &Failure) -> String {
        let Some(log) = &failure.log else { return String::new() };
        let bytes = std::fs::read(self.state_dir.join(log)).unwrap_or_default();
        let start = bytes.len().saturating_sub(LONGEST_TAIL);
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

/// What is known of a stage from before this run.
pub(super) struct Past {
    /// Whether it was ever done.
    pub done: bool,
    /// How its last attempt ended, if it was not done since.
    pub stopped: Option<String>,
    /// What changed in its ingredients since it was done.
    pub diff: String,
}

impl Past {
    /// `is_known`: the last attempt is one of this run, which the prompt tells of elsewhere.
    fn again<'a>(&'a self, reasons: &'a [Reason], is_known: bool) -> Option<Again<'a>> {
        let stopped = self.stopped.as_deref().filter(|_| !is_known);
        if !self.done {
            return stopped.map(|_| Again { done: false, reasons: &[], diff: "", stopped });
        }
        Some(Again { done: true, reasons, diff: &self.diff, stopped })
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

fn write_with_folders(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
