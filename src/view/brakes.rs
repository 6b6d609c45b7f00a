//! What keeps anything new from starting: agents that met a limit, money, a machine that is short of something.
use crate::base::{AgentName, PoolName};
use crate::event::{Event, Scarce};
use std::collections::BTreeMap;

/// All that brakes a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Brakes {
    /// Agents that were refused, in the order of their names.
    pub pauses: BTreeMap<AgentName, Pause>,
    /// What the machine is short of, and how things stand.
    pub short_of: BTreeMap<Scarce, String>,
    /// What the run has cost and what it may, in USD, once that is reached.
    pub budget: Option<(f64, f64)>,
}

/// An agent that waits for the end of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its pool, all of whose agents wait.
    pub pool: Option<PoolName>,
    /// The refusal in the agent's words.
    pub why: String,
    /// When it goes on, in milliseconds since the Unix epoch; none if a person has to do something.
    pub until: Option<u64>,
}

impl Brakes {
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::PoolPaused { agent, pool, why, until, .. } => {
                let pause = Pause { pool: pool.clone(), why: why.clone(), until: *until };
                self.end(agent, pool.as_ref());
                self.pauses.insert(agent.clone(), pause);
            }
            Event::PoolResumed { agent, pool } => self.end(agent, pool.as_ref()),
            Event::BudgetReached { spent, budget } => self.budget = Some((*spent, *budget)),
            Event::LoadHigh { what, why } => {
                self.short_of.insert(*what, why.clone());
            }
            Event::LoadFine { what } => {
                self.short_of.remove(what);
            }
            Event::RunEnded { .. } => *self = Self::default(),
            _ => {}
        }
    }

    fn end(&mut self, agent: &AgentName, pool: Option<&PoolName>) {
        self.pauses.retain(|other, pause| other != agent && (pool.is_none() || pause.pool.as_ref() != pool));
    }
}
