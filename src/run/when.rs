//! `when`: a shell line that may say no before a spec or a stage begins.
use super::attempt::blocking;
use super::ending::how_it_ended;
use super::hands::Judgement;
use super::judging::setup_failure;
use super::site::Site;
use super::standing::Branch;
use crate::agent::command::{self, Limits};
use crate::base::{Oid, StageId};
use crate::event::Failure;
use crate::model::FailureClass;
use crate::sys::child::{Cut, Exit};
use crate::sys::stop::Stop;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a line may take to answer: it asks, and does no work.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// What a line says.
enum Said {
    Yes,
    No,
    /// We were told to stop before it said anything.
    Nothing,
}

impl Site {
    /// Whether a `when` stands before this stage.
    pub fn asks_when(&self, spec: usize, stage: usize) -> bool {
        let spec = self.spec(spec);
        spec.when.is_some() || spec.stages[stage].when.is_some()
    }

    /// Asks the spec's `when` and the stage's, in the landing worktree. `None`: go on.
    pub async fn when(self: &Arc<Self>, spec: usize, stage: usize, stop: &Stop) -> Option<Judgement> {
        let declared = self.spec(spec);
        let id = StageId::new(&declared.name, &declared.stages[stage].name);
        if let Some(line) = &declared.when {
            match self.says(line, &id, self.base().tip, stop).await {
                Ok(Said::Yes) => {}
                Ok(Said::No) => return Some(Judgement::SpecSkipped(format!("`when` said no: {line}"))),
                Ok(Said::Nothing) => return Some(Judgement::Stopped),
                Err(failure) => return Some(Judgement::Failed(failure)),
            }
        }
        let line = declared.stages[stage].when.as_ref()?;
        let site = Arc::clone(self);
        let standing = match blocking(move || site.standing(site.spec(spec))).await {
            Ok(standing) => standing,
            Err(error) => return Some(Judgement::Failed(setup_failure(&error))),
        };
        let commit = standing.branch.as_ref().map_or(standing.base, |Branch { tip, .. }| *tip);
        match self.says(line, &id, commit, stop).await {
            Ok(Said::Yes) => None,
            Ok(Said::No) => Some(Judgement::Skipped(format!("`when` said no: {line}"))),
            Ok(Said::Nothing) => Some(Judgement::Stopped),
            Err(failure) => Some(Judgement::Failed(failure)),
        }
    }

    async fn says(
        self: &Arc<Self>,
        line: &str,
        id: &StageId,
        commit: Oid,
        stop: &Stop,
    ) -> Result<Said, Failure> {
        let desk = self.desks.take().await;
        let (site, number) = (Arc::clone(self), desk.number());
        let worktree = blocking(move || site.landing_worktree(number, commit)).await?;
        // No stage can have such a name.
        let log = format!("logs/{}/{}/when@{}.1.log", self.run, id.spec, id.stage);
        let around = self.around_landing(&worktree, number, &id.spec, "when", 1);
        let limits = Limits { log: self.state_dir.join(&log), timeout: Some(LONGEST), stall: None };
        let who = format!("`when` of {id}");
        let asked = self.process(&who, command::shell(line, &[], &around, limits), stop, |_| {}).await;
        let exit = asked.map_err(|e| setup_failure(&format!("cannot ask `when`: {e}")))?;
        match exit {
            Exit { cut: Some(Cut::Stopped), .. } => Ok(Said::Nothing),
            Exit { cut: None, code: Some(0), .. } => Ok(Said::Yes),
            Exit { cut: None, code: Some(_), .. } => Ok(Said::No),
            exit => {
                let message = format!("`when` gave no answer: {}: {line}", how_it_ended(&exit));
                Err(Failure::new(FailureClass::Setup, message).with_log(log))
            }
        }
    }
}
