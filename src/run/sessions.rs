//! The agents' own sessions, by id: what `resume` goes on with. They may be lost; then an agent is told how far it got.
use super::site::Site;
use crate::base::{AgentName, SpecName, StageId};
use crate::event::Usage;

/// The version of what is remembered.
const VERSION: u32 = 2;

/// A session of an agent at a stage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    /// The agent's own id of it.
    pub id: String,
    /// What was told to be used in it, by all the processes that went on with it.
    pub used: Usage,
}

impl Site {
    /// The session of an agent's last attempt at a stage.
    pub(super) fn session(&self, id: &StageId, agent: &AgentName) -> Option<Session> {
        let bytes = self.store().blob(&key(id, agent), VERSION).ok()??;
        let (id, used) = serde_json::from_slice::<(String, Usage)>(&bytes).ok()?;
        (!id.is_empty()).then_some(Session { id, used })
    }

    /// Remembers the session of an agent at a stage, or that there is none to go on with.
    pub(super) fn remember_session(&self, id: &StageId, agent: &AgentName, session: Option<&Session>) {
        if session.is_none() && self.session(id, agent).is_none() {
            return;
        }
        let row = session.map_or(("", Usage::default()), |session| (session.id.as_str(), session.used));
        let bytes = serde_json::to_vec(&row).unwrap_or_default();
        if let Err(error) = self.store().put_blob(&key(id, agent), VERSION, &bytes) {
            self.reporter.warn(format!("{id}: cannot remember the session of `{agent}`: {error}"));
        }
    }

    /// Forgets the sessions of a spec: it has landed.
    pub(super) fn forget_sessions(&self, spec: &SpecName) {
        if let Err(error) = self.store().forget_blobs(&format!("session {spec}:")) {
            self.reporter.warn(format!("{spec}: cannot forget the sessions of its agents: {error}"));
        }
    }
}

fn key(id: &StageId, agent: &AgentName) -> String {
    format!("session {id} {agent}")
}
