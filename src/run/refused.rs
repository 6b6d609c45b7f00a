//! Whether a failed attempt is one that a quota or a rate limit refused.
use super::site::Site;
use super::told::Ran;
use crate::agent::limit::refused;
use crate::base::AgentName;
use crate::event::Failure;
use crate::model::FailureClass;
use jiff::Zoned;

impl Site {
    /// The failure of an attempt of this agent, as one of the class `limit` if its last errors say so.
    pub(super) fn or_limit(&self, failure: Failure, agent: Option<&AgentName>, ran: &Ran) -> Failure {
        let Some(agent) = agent.and_then(|agent| self.project.agents.get(agent)) else { return failure };
        if !may_be_one(failure.class) {
            return failure;
        }
        let errors: Vec<&str> = ran.told.errors().collect();
        let refused = refused(&errors, &ran.exit.tail, &agent.limits, &Zoned::now());
        let Some(refused) = refused else { return failure };
        let Failure { log, .. } = failure;
        Failure { class: FailureClass::Limit, message: refused.said, log, limit: Some(refused.limit) }
    }
}

/// What an agent that was refused may look like. Some end with 0 and leave nothing behind, some try again for ever.
fn may_be_one(class: FailureClass) -> bool {
    use FailureClass::{Crash, Empty, Incomplete, Output, Stall, Timeout};
    matches!(class, Crash | Empty | Incomplete | Output | Stall | Timeout)
}
