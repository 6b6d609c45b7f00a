//! What an agent has used: each tells it in another way, some in more than one; nothing counts twice.
use crate::event::Usage;
use serde_json::Value;

/// Adds up what is told of one prompt.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// What was passed on already, tokens alone.
    told: Usage,
    /// The cost of the whole session as it was told last, in USD.
    cost: Option<f64>,
    /// Whether the next cost is the first one of a session that was there before: some begin to count anew.
    is_first: bool,
    /// Whether a cost was passed on, so that no price is to be put on the tokens.
    has_cost: bool,
}

impl Used {
    /// For a session that was there before: what it had cost is no part of this.
    pub(super) fn of_old_session(cost: Option<f64>) -> Self {
        Self { cost, is_first: true, ..Self::default() }
    }

    /// For a session that begins now.
    pub(super) fn of_new_session() -> Self {
        Self { cost: Some(0.0), ..Self::default() }
    }

    /// Takes the cost so far of the session. The first one of an old session may be of earlier prompts alone.
    pub(super) fn cost(&mut self, update: &Value) -> Option<Usage> {
        let cost = update.get("cost")?;
        let is_usd =
            cost.get("currency").and_then(Value::as_str).is_none_or(|c| c.eq_ignore_ascii_case("usd"));
        let amount =
            cost.get("amount")?.as_f64().filter(|amount| is_usd && amount.is_finite() && *amount >= 0.0)?;
        let is_anew = std::mem::take(&mut self.is_first);
        let before = self.cost.replace(amount)?;
        self.has_cost = true;
        let more = if is_anew && amount < before { amount } else { amount - before };
        (more > 0.0).then(|| Usage { cost: Some(more), ..Usage::default() })
    }

    /// Takes a cost that is told while a session is told again: where nothing is known, it had that before.
    pub(super) fn former_cost(&mut self, update: &Value) {
        if self.cost.is_none() {
            self.cost(update);
            self.is_first = true;
        }
    }

    /// Takes the figures of one call of the model.
    pub(super) fn call(&mut self, usage: &Value) -> Option<Usage> {
        let used = tokens(usage)?;
        self.told = sum(self.told, used, u64::saturating_add);
        Some(self.priced(used))
    }

    /// Takes the answer to the prompt, which may have figures of all of it.
    pub(super) fn answer(&mut self, result: &Value) -> Option<Usage> {
        let meta = || result.get("_meta")?.get("quota")?.get("token_count");
        let all = result.get("usage").and_then(tokens).or_else(|| tokens(meta()?))?;
        let more = sum(all, self.told, u64::saturating_sub);
        self.told = sum(self.told, more, u64::saturating_add);
        (more != Usage::default()).then(|| self.priced(more))
    }

    /// Whether it is known that the model said nothing.
    pub(super) fn is_none(&self) -> bool {
        self.told.output == 0
    }

    fn priced(&self, used: Usage) -> Usage {
        Usage { cost: self.has_cost.then_some(0.0), ..used }
    }
}

fn sum(one: Usage, other: Usage, with: impl Fn(u64, u64) -> u64) -> Usage {
    Usage {
        input: with(one.input, other.input),
        output: with(one.output, other.output),
        cache_read: with(one.cache_read, other.cache_read),
        cache_write: with(one.cache_write, other.cache_write),
        cost: None,
    }
}

/// Tokens, by the names that agents have for them. Where a total is told, it says whether those read from a cache
/// are among those that went in, and those of thoughts among those that came out.
fn tokens(value: &Value) -> Option<Usage> {
    let of = |names: &[&str]| names.iter().find_map(|name| value.get(name)?.as_u64());
    let input = of(&["inputTokens", "input_tokens", "promptTokens"]);
    let output = of(&["outputTokens", "output_tokens", "completionTokens"]);
    if input.is_none() && output.is_none() {
        return None;
    }
    let (mut input, mut output) = (input.unwrap_or(0), output.unwrap_or(0));
    let cache_read =
        of(&["cachedReadTokens", "cachedInputTokens", "cachedTokens", "cached_input_tokens"]).unwrap_or(0);
    let cache_write = of(&["cachedWriteTokens", "cacheWriteInputTokens"]).unwrap_or(0);
    let thoughts =
        of(&["thoughtTokens", "reasoningOutputTokens", "thoughtsTokens", "reasoning_output_tokens"])
            .unwrap_or(0);
    let add = |all: &[u64]| all.iter().fold(0, |sum: u64, one| sum.saturating_add(*one));
    if let Some(total) = of(&["totalTokens", "total_tokens"]) {
        let apart = add(&[input, output, cache_read, cache_write]);
        if total == add(&[apart, thoughts]) {
            output = output.saturating_add(thoughts);
        } else if total != apart && total == add(&[input, output]) {
            input = input.saturating_sub(cache_read).saturating_sub(cache_write);
        }
    }
    Some(Usage { input, output, cache_read, cache_write, cost: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn usage(input: u64, output: u64, cache_read: u64, cost: Option<f64>) -> Usage {
        Usage { input, output, cache_read, cache_write: 0, cost }
    }

    #[test]
    fn figures_are_read_by_any_of_their_names() {
        let check = |value: Value, expect: Usage| assert_eq!(tokens(&value), Some(expect), "{value}");
        let opencode =
            json!({ "inputTokens": 200, "outputTokens": 45, "totalTokens": 1245, "cachedReadTokens": 1000 });
        check(opencode, usage(200, 45, 1000, None));
        check(json!({ "input_tokens": 6200, "output_tokens": 207 }), usage(6200, 207, 0, None));
        let thinks = json!({ "inputTokens": 5, "outputTokens": 7, "thoughtTokens": 3, "totalTokens": 15 });
        check(thinks, usage(5, 10, 0, None));
        let thinks_within =
            json!({ "inputTokens": 5, "outputTokens": 7, "thoughtTokens": 3, "totalTokens": 12 });
        check(thinks_within, usage(5, 7, 0, None));
        let caches_within =
            json!({ "promptTokens": 100, "completionTokens": 7, "cachedTokens": 90, "totalTokens": 107 });
        check(caches_within, usage(10, 7, 90, None));
        assert_eq!(tokens(&json!({ "used": 3 })), None);
        assert_eq!(tokens(&json!({ "inputTokens": -1 })), None);
    }

    #[test]
    fn what_was_told_on_the_way_is_not_told_again_at_the_end() {
        let mut used = Used::of_new_session();
        assert_eq!(used.call(&json!({ "inputTokens": 10, "outputTokens": 1 })), Some(usage(10, 1, 0, None)));
        let all = json!({ "usage": { "inputTokens": 30, "outputTokens": 2 } });
        assert_eq!(used.answer(&all), Some(usage(20, 1, 0, None)));
        assert_eq!(used.answer(&all), None);
        // The last call alone, as one agent has it.
        assert_eq!(used.answer(&json!({ "usage": { "inputTokens": 5, "outputTokens": 1 } })), None);
        assert_eq!(used.answer(&json!({ "usage": null })), None);
        let quota =
            json!({ "_meta": { "quota": { "token_count": { "input_tokens": 6, "output_tokens": 2 } } } });
        assert_eq!(Used::of_new_session().answer(&quota), Some(usage(6, 2, 0, None)));
    }

    #[test]
    fn a_cost_that_adds_up_is_told_by_its_steps() {
        let cost = |amount: f64| json!({ "cost": { "amount": amount, "currency": "USD" } });
        let step = |cost: f64| Some(usage(0, 0, 0, Some(cost)));
        let mut used = Used::of_new_session();
        assert_eq!(used.cost(&cost(0.0)), None);
        assert_eq!(used.cost(&cost(0.25)), step(0.25));
        assert_eq!(used.cost(&cost(0.25)), None);
        assert_eq!(used.cost(&cost(0.75)), step(0.5));
        let all = json!({ "usage": { "inputTokens": 30, "outputTokens": 2 } });
        assert_eq!(used.answer(&all), Some(usage(30, 2, 0, Some(0.0))), "no price is put on them");

        let mut known = Used::of_old_session(Some(3.0));
        known.former_cost(&cost(3.25));
        assert_eq!(known.cost(&cost(3.5)), step(0.5), "what was not told before is told now");
        let mut anew = Used::of_old_session(Some(3.0));
        assert_eq!((anew.cost(&cost(0.5)), anew.cost(&cost(0.25))), (step(0.5), None));
        let mut old = Used::of_old_session(None);
        assert_eq!(old.cost(&cost(3.0)), None, "of prompts that were counted");
        assert_eq!(old.cost(&cost(3.5)), step(0.5));
        for odd in [json!({ "cost": { "amount": 9, "currency": "EUR" } }), json!({ "cost": 9 }), json!({})] {
            assert_eq!(old.cost(&odd), None, "{odd}");
        }
    }
}
