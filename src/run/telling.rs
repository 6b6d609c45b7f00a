//! What an agent is told in an attempt: what the stage asks for, what came before, and how far that got.
use super::hands::Order;
use super::launch::Ground;
use super::site::Site;
use crate::agent::prompt::{Again, Asked, Earlier, HandOver, LONGEST_TAIL, PromptRequest, render};
use crate::base::{Oid, Reason, SpecName};
use crate::builtin;
use crate::event::Failure;
use crate::model::{Spec, Stage, Step, Target, Work};
use crate::rebuild::Line;
use crate::rebuild::result::result_of;
use crate::tasks;
use std::path::Path;

/// What is said of an attempt that an earlier run died in.
pub(super) const FOUND_DEAD: &str = "found dead";

impl Site {
    /// The prompt of an attempt; of one that goes on `in_session`, the agent knows what was asked for.
    pub(super) fn prompt(
        &self,
        order: &Order,
        spec: &Spec,
        stage: &Stage,
        ground: &Ground<'_>,
        in_session: bool,
    ) -> String {
        let top = ground.worktree.top();
        let context = self.context(top);
        let missing = self.missing_needs(spec);
        let outputs: Vec<String> = stage.outputs.iter().map(ToString::to_string).collect();
        let tasks = stage.tasks.as_ref().map(|tasks| tasks.file.resolved().to_owned());
        let earlier: Vec<Earlier> = order.former.iter().map(|failure| self.earlier(order, failure)).collect();
        let step = order.rung.as_ref().map(|rung| &rung.step);
        let text = self.text(order, stage, in_session);
        let asked = match (&stage.work, step) {
            (Work::Agent { prompt, .. }, Some(Step::Fix { .. })) => Some(Asked::Prompt(&prompt.text)),
            (Work::Run { line }, _) => Some(Asked::Command(line)),
            _ => None,
        };
        let hands_over = !in_session && step == Some(&Step::Resume);
        let handed_over = hands_over.then(|| self.hand_over(stage, ground));
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
            again: ground.past.again(&order.reasons, order.former.is_some()),
            asked,
            clash: None,
            handed_over: handed_over.as_ref(),
            earlier: &earlier,
        })
    }

    /// The files that go into every prompt, with their text in a worktree.
    pub(super) fn context(&self, worktree: &Path) -> Vec<(String, String)> {
        let read = |path: &String| Some((path.clone(), std::fs::read_to_string(worktree.join(path)).ok()?));
        self.project.settings.context.iter().filter_map(read).collect()
    }

    /// What the attempt before this one came to.
    pub(super) fn earlier(&self, order: &Order, failure: &Failure) -> Earlier {
        Earlier {
            attempt: order.attempt.saturating_sub(1),
            why: failure.message.clone(),
            left: Vec::new(),
            tail: self.log_tail(failure),
            log: failure.log.as_ref().map(|log| self.state_dir.join(log).display().to_string()),
        }
    }

    /// The text that comes first: what a step of the ladder says, or what belongs to it, or the stage's own.
    fn text<'a>(&self, order: &'a Order, stage: &'a Stage, in_session: bool) -> &'a str {
        let built_in = |name| builtin::named(builtin::PROMPTS, name).map_or("", |prompt| prompt.text);
        let rung = order.rung.as_ref();
        match (rung.and_then(|rung| rung.prompt.as_ref()), rung.map(|rung| &rung.step), &stage.work) {
            (Some(prompt), ..) => &prompt.text,
            (None, Some(Step::Fix { .. }), _) | (None, _, Work::Run { .. } | Work::Gate) => built_in("fix"),
            (None, ..) if in_session => built_in("resume"),
            (None, _, Work::Agent { prompt, .. }) => &prompt.text,
        }
    }

    /// How far the stage got, as it lies in the worktree.
    fn hand_over(&self, stage: &Stage, ground: &Ground<'_>) -> HandOver {
        let (start, tip) = ground.since;
        let diff = self.git.diff_text(start, tip, &[]).unwrap_or_default();
        let file = stage.tasks.as_ref().map(|tasks| tasks.file.resolved());
        let text = file.and_then(|file| std::fs::read_to_string(ground.worktree.top().join(file)).ok());
        let tasks = file.zip(text).and_then(|(file, text)| tasks::parse(file, &text).ok());
        let lines = tasks.map(|tasks| tasks.lines).unwrap_or_default();
        let (ticked, left): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.done);
        let ids = |lines: Vec<tasks::Line>| lines.into_iter().map(|line| line.id).collect();
        HandOver { ticked: ids(ticked), left: ids(left), diff }
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
    /// Whether a limit refused it.
    pub was_refused: bool,
    /// What changed in its ingredients since it was done.
    pub diff: String,
}

impl Past {
    /// Whether nothing was wrong with the stage's last attempt: somebody or something cut it off, or a limit did.
    pub fn was_cut_off(&self) -> bool {
        let stopped = self.stopped.as_deref();
        self.was_refused
            || stopped == Some(Failure::stopped().message.as_str())
            || stopped == Some(FOUND_DEAD)
    }

    /// `is_known`: the last attempt is one of this run, which the prompt tells of elsewhere.
    fn again<'a>(&'a self, reasons: &'a [Reason], is_known: bool) -> Option<Again<'a>> {
        let stopped = self.stopped.as_deref().filter(|_| !is_known);
        if !self.done {
            return stopped.map(|_| Again { done: false, reasons: &[], diff: "", stopped });
        }
        Some(Again { done: true, reasons, diff: &self.diff, stopped })
    }
}
