//! What attempts used and cost, as JSON has it.
use crate::view::Tally;
use serde::Serialize;

/// Tokens and money of some attempts of agents.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Figures {
    /// The attempts.
    pub attempts: usize,
    /// Those whose cost is not known, or not all of it.
    pub unknown: usize,
    /// Those that have told nothing of what they used.
    pub silent: usize,
    /// Tokens in, cached ones not counted.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Tokens read from a cache.
    pub cache_read: u64,
    /// Tokens written to a cache.
    pub cache_write: u64,
    /// USD, as far as it is known; nothing where none of it is.
    pub cost: Option<f64>,
    /// Whether a part of it comes from a declared price.
    pub priced: bool,
}

impl From<Tally> for Figures {
    fn from(tally: Tally) -> Self {
        let Tally { attempts, unknown, silent, usage, priced } = tally;
        let [input, output, cache_read, cache_write] = usage.tokens();
        // Without what adding up leaves in the last digits.
        let cost = usage.cost.map(|cost| (cost * 1e9).round() / 1e9);
        Self { attempts, unknown, silent, input, output, cache_read, cache_write, cost, priced }
    }
}

impl From<Figures> for Tally {
    fn from(figures: Figures) -> Self {
        let Figures { attempts, unknown, silent, input, output, cache_read, cache_write, cost, priced } =
            figures;
        let usage = crate::event::Usage { input, output, cache_read, cache_write, cost };
        Self { attempts, unknown, silent, usage, priced }
    }
}
