//! How what agents printed is to be read: the dialect of an agent, and who worked in which attempt.
use super::ground::{Reading, read};
use super::status::events;
use super::wishes::Wishes;
use crate::base::AgentName;
use crate::event::Event;
use crate::model::Project;
use crate::store::Store;
use crate::sys::git::Git;
use std::collections::BTreeMap;

/// How a log is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Speech {
    /// The dialect; nothing for plain text, and where the agent is not known any more.
    pub dialect: Option<String>,
    /// Where the attempt ran: paths are said relative to it.
    pub worktree: Option<String>,
}

/// The dialects of the agents that the Specfile knows today. One with mistakes knows none.
#[derive(Debug, Default)]
pub struct Dialects(BTreeMap<AgentName, String>);

impl Dialects {
    /// Those of this repository.
    pub fn of(git: &Git, wishes: &Wishes) -> Self {
        let loaded = read(git, wishes, &Reading::default()).ok().map(|(loaded, _)| loaded);
        let project = loaded.and_then(|loaded| loaded.project.or(loaded.flawed));
        project.as_ref().map(Self::of_project).unwrap_or_default()
    }

    /// Those of a project that is read.
    pub fn of_project(project: &Project) -> Self {
        let agents = project.agents.iter().map(|(name, agent)| {
            let dialect = if agent.acp { "acp".to_owned() } else { agent.dialect.clone() };
            (name.clone(), dialect)
        });
        Self(agents.filter(|(_, dialect)| dialect != "text").collect())
    }

    /// How an agent speaks in an attempt there.
    pub fn speech(&self, agent: Option<&AgentName>, worktree: &str) -> Speech {
        let dialect = agent.and_then(|agent| self.0.get(agent)).cloned();
        Speech { dialect, worktree: Some(worktree.to_owned()) }
    }

    /// The same for the attempt of a run that has this log, relative to `.specmake`.
    pub fn of_log(&self, git: &Git, run: &str, log: &str) -> Speech {
        let Ok(Some(store)) = Store::open_existing(&git.state_dir()) else { return Speech::default() };
        let Ok(Some(row)) = store.run(run) else { return Speech::default() };
        let records = events(&store, row.id).unwrap_or_default();
        let mut attempts = records.iter().rev().filter_map(|record| match &record.event {
            Event::AttemptStarted { log: of, agent, worktree, .. } if of == log => Some((agent, worktree)),
            _ => None,
        });
        let found = attempts.next();
        found.map_or_else(Speech::default, |(agent, worktree)| self.speech(agent.as_ref(), worktree))
    }
}
