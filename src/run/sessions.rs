//! The agents' own sessions, by id: what `resume` goes on with. They may be lost; then an agent is told how far it got.
use super::site::Site;
use crate::base::{AgentName, StageId};

/// The version of what is remembered.
const VERSION: u32 = 1;

impl Site {
    /// The session of an agent's last attempt at a stage.
    pub(super) fn session(&self, id: &StageId, agent: &AgentName) -> Option<String> {
        let bytes = self.store().blob(&key(id, agent), VERSION).ok()??;
        String::from_utf8(bytes).ok().filter(|session| !session.is_empty())
    }

    /// Remembers the session of an agent at a stage, or that there is none to go on with.
    pub(super) fn remember_session(&self, id: &StageId, agent: &AgentName, session: Option<&str>) {
        if session.is_none() && self.session(id, agent).is_none() {
            return;
        }
        let bytes = session.unwrap_or_default().as_bytes();
        if let Err(error) = self.store().put_blob(&key(id, agent), VERSION, bytes) {
            self.reporter.warn(format!("{id}: cannot remember the session of `{agent}`: {error}"));
        }
    }
}

fn key(id: &StageId, agent: &AgentName) -> String {
    format!("session {id} {agent}")
}
