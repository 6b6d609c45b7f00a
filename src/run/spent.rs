//! What a run has cost, as far as agents tell or their price is known.
use super::report::Reporter;
use super::site::Site;
use crate::base::{AgentName, StageId};
use crate::event::{Event, Usage};
use std::sync::atomic::{AtomicU64, Ordering};

/// Money of a whole run, added to from every attempt.
#[derive(Debug, Default)]
pub struct Spent {
    /// Millionths of a USD: what an atom can add up.
    micros: AtomicU64,
}

impl Spent {
    /// Adds an amount in USD.
    pub fn add(&self, usd: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates, and is clamped"
        )]
        let micros = (usd.max(0.0) * 1e6) as u64;
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// All of it, in USD.
    #[expect(clippy::cast_precision_loss, reason = "nobody spends that much")]
    pub fn usd(&self) -> f64 {
        self.micros.load(Ordering::Relaxed) as f64 / 1e6
    }
}

impl Site {
    /// A meter for what an agent does in an attempt at a stage, on top of what the attempt has used.
    pub(super) fn meter<'a>(
        &'a self,
        stage: &'a StageId,
        agent: Option<&AgentName>,
        sum: &'a mut Usage,
    ) -> Meter<'a> {
        let price = agent.and_then(|agent| self.project.agents.get(agent)?.price);
        Meter { spent: &self.spent, reporter: &self.reporter, stage, price, sum }
    }
}

/// Adds up what one attempt uses.
pub struct Meter<'a> {
    spent: &'a Spent,
    reporter: &'a Reporter,
    stage: &'a StageId,
    /// That of the agent, in USD per million tokens: in, out, cache read, cache write.
    price: Option<[f64; 4]>,
    /// Of the whole attempt, which may have more than one process.
    sum: &'a mut Usage,
}

impl Meter<'_> {
    /// Takes in what was used on top.
    pub fn take(&mut self, used: Usage) {
        let cost = used.cost.or_else(|| self.price.map(|price| cost(used, price)));
        self.spent.add(cost.unwrap_or_default());
        *self.sum = self.sum.plus(Usage { cost, ..used });
        self.reporter.report(Event::Usage { stage: self.stage.clone(), usage: *self.sum });
    }
}

#[expect(clippy::cast_precision_loss, reason = "an amount of money has fewer digits")]
fn cost(used: Usage, price: [f64; 4]) -> f64 {
    let tokens = [used.input, used.output, used.cache_read, used.cache_write];
    tokens.iter().zip(price).map(|(tokens, price)| *tokens as f64 * price / 1e6).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SpecName, StageName};

    #[test]
    fn what_is_told_counts_and_else_the_price() {
        let (spent, (to, heard)) = (Spent::default(), std::sync::mpsc::channel());
        let reporter = Reporter::new(to);
        let spec = SpecName::new("a").expect("a name");
        let stage = StageId::new(&spec, &StageName::new("plan").expect("a name"));
        let used = Usage { input: 1_000_000, output: 100_000, ..Usage::default() };
        let (spent, reporter, stage) = (&spent, &reporter, &stage);
        Meter { spent, reporter, stage, price: None, sum: &mut Usage::default() }.take(used);
        assert_eq!(spent.usd(), 0.0);
        let price = Some([3.0, 15.0, 0.3, 3.75]);
        let sum = &mut Usage::default();
        let mut meter = Meter { spent, reporter, stage, price, sum };
        meter.take(used);
        meter.take(Usage { cost: Some(0.25), ..used });
        // Another process of the same attempt.
        Meter { spent, reporter, stage, price: None, sum }.take(Usage { cost: Some(0.25), ..used });
        assert_eq!((sum.input, sum.output), (3_000_000, 300_000));
        assert!((spent.usd() - 5.0).abs() < 1e-6, "{}", spent.usd());
        let told: Vec<Option<f64>> = heard
            .try_iter()
            .filter_map(
                |record| if let Event::Usage { usage, .. } = record.event { Some(usage.cost) } else { None },
            )
            .collect();
        assert_eq!(told, [None, Some(4.5), Some(4.75), Some(5.0)]);
    }
}
