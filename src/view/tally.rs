//! What attempts used and cost, and how much of that is known.
use super::stage::AttemptView;
use crate::event::Usage;

/// Tokens and money of some attempts of agents. Commands use neither and are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// The attempts.
    pub attempts: usize,
    /// Those whose cost is not known, or not all of it.
    pub unknown: usize,
    /// Those that have told nothing of what they used.
    pub silent: usize,
    /// What is known of all of them.
    pub usage: Usage,
    /// Whether a part of the cost comes from a declared price.
    pub priced: bool,
}

impl Tally {
    /// That of these attempts.
    pub fn of<'a>(attempts: impl IntoIterator<Item = &'a AttemptView>) -> Self {
        attempts.into_iter().fold(Self::default(), |sum, attempt| sum.plus(attempt.tally()))
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            attempts: self.attempts + other.attempts,
            unknown: self.unknown + other.unknown,
            silent: self.silent + other.silent,
            usage: self.usage.plus(other.usage),
            priced: self.priced || other.priced,
        }
    }
}

impl AttemptView {
    /// What it used; nothing for a command.
    pub fn tally(&self) -> Tally {
        let usage = self.usage.unwrap_or_default();
        if self.agent.is_none() && self.usage.is_none() {
            return Tally::default();
        }
        let is_unknown = usage.cost.is_none() || self.partial;
        let [unknown, silent] = [is_unknown, self.usage.is_none()].map(usize::from);
        Tally { attempts: 1, unknown, silent, usage, priced: self.priced }
    }
}
