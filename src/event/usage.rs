//! What an agent uses.
use serde::{Deserialize, Serialize};

/// Tokens and money.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens in, cached ones not counted.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Tokens read from a cache.
    pub cache_read: u64,
    /// Tokens written to a cache.
    pub cache_write: u64,
    /// USD, where known.
    pub cost: Option<f64>,
}

impl Usage {
    /// Both together; a cost that one of them does not know is left out.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            cost: match (self.cost, other.cost) {
                (None, None) => None,
                (one, other) => Some(one.unwrap_or_default() + other.unwrap_or_default()),
            },
        }
    }

    /// Tokens in, out, read from a cache and written to one.
    pub fn tokens(&self) -> [u64; 4] {
        [self.input, self.output, self.cache_read, self.cache_write]
    }

    /// Whether there are any tokens in it.
    pub fn has_tokens(&self) -> bool {
        self.tokens().iter().any(|tokens| *tokens > 0)
    }

    /// What this sum is above one that was told before, or all of it if it does not hold that one.
    #[must_use]
    pub fn on_top_of(self, before: Self) -> Self {
        let holds = self.tokens().iter().zip(before.tokens()).all(|(now, before)| *now >= before);
        if holds { self.beyond(before) } else { self }
    }

    /// What this sum is above one that was told before.
    #[must_use]
    pub fn beyond(self, before: Self) -> Self {
        let cost = self.cost.map(|cost| cost - before.cost.unwrap_or_default());
        Self {
            input: self.input.saturating_sub(before.input),
            output: self.output.saturating_sub(before.output),
            cache_read: self.cache_read.saturating_sub(before.cache_read),
            cache_write: self.cache_write.saturating_sub(before.cache_write),
            cost: cost.filter(|more| *more > 0.0 || before.cost.is_none()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_sum_adds_up_to_it() {
        let some = |n: u64, cost| Usage { input: n, output: n, cache_read: n, cache_write: n, cost };
        let (before, sum) = (some(2, Some(0.25)), some(5, Some(1.0)));
        assert_eq!(sum.beyond(before), some(3, Some(0.75)));
        assert_eq!(before.plus(sum.beyond(before)), sum);
        assert_eq!(sum.beyond(sum), Usage::default());
        assert_eq!(sum.on_top_of(before), some(3, Some(0.75)));
        assert_eq!(before.on_top_of(sum), before, "it was counted anew");
        assert_eq!(some(1, None).plus(some(1, Some(0.5))), some(2, Some(0.5)));
    }
}
