//! What a run has cost: what agents tell, else what their tokens cost by the declared price. Nothing is guessed.
use super::report::Reporter;
use super::site::Site;
use crate::base::StageId;
use crate::event::{Event, Usage};
use crate::model::Price;
use std::sync::{Mutex, PoisonError};

/// Money of a whole run, added to from every attempt.
#[derive(Debug, Default)]
pub struct Spent(Mutex<f64>);

impl Spent {
    /// Adds an amount in USD; less than nothing where an earlier one turned out too high.
    pub fn add(&self, usd: f64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += usd;
    }

    /// All of it, in USD.
    pub fn usd(&self) -> f64 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    /// A meter for a process of an attempt at a stage, on top of what the attempt has used.
    pub(super) fn meter<'a>(
        &'a self,
        stage: &'a StageId,
        price: Option<Price>,
        used: &'a mut Used,
    ) -> Meter<'a> {
        let before = *used;
        let reporter = &self.reporter;
        Meter { spent: &self.spent, reporter, stage, price, before, bill: Bill::default(), used }
    }
}

/// What an attempt has used, and how its cost is known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Used {
    /// The figures.
    pub sum: Usage,
    /// Whether a part of the cost comes from a declared price.
    pub priced: bool,
    /// Whether the cost leaves something out.
    pub partial: bool,
}

/// Adds up what one process uses.
pub struct Meter<'a> {
    spent: &'a Spent,
    reporter: &'a Reporter,
    stage: &'a StageId,
    price: Option<Price>,
    /// What the processes before it used.
    before: Used,
    bill: Bill,
    /// Of the whole attempt, which may have more than one process.
    used: &'a mut Used,
}

impl Meter<'_> {
    /// Takes in what was used on top.
    pub fn take(&mut self, piece: Usage) {
        let charged = self.bill.cost().unwrap_or_default();
        self.bill.take(piece, self.price.as_ref());
        self.spent.add(self.bill.cost().unwrap_or_default() - charged);
        *self.used = Used {
            sum: self.before.sum.plus(Usage { cost: self.bill.cost(), ..self.bill.tokens }),
            priced: self.before.priced || self.bill.is_priced(),
            partial: self.before.partial || self.bill.is_partial(),
        };
        self.report();
    }

    /// It ended without a word: what it used after what it told is not known.
    pub fn breaks_off(&mut self) {
        if self.used.sum.has_tokens() && !self.used.partial {
            self.used.partial = true;
            self.report();
        }
    }

    fn report(&self) {
        let Used { sum: usage, priced, partial } = *self.used;
        self.reporter.report(Event::Usage { stage: self.stage.clone(), usage, priced, partial });
    }
}

/// What one process used, as it told.
#[derive(Debug, Default)]
struct Bill {
    tokens: Usage,
    /// Told by the agent.
    told: Option<f64>,
    /// It tells its cost apart from its tokens, for all of them.
    tells_apart: bool,
    /// By the declared price.
    priced: Option<f64>,
    /// Tokens of which nobody knows the price.
    lacks: bool,
}

impl Bill {
    fn take(&mut self, piece: Usage, price: Option<&Price>) {
        self.tokens = self.tokens.plus(Usage { cost: None, ..piece });
        // Agents that do not know the price of a model say that it costs nothing.
        let is_free = piece.cost == Some(0.0) && price.is_some();
        match piece.cost.filter(|cost| cost.is_finite() && *cost >= 0.0) {
            Some(cost) if !(is_free && piece.has_tokens()) => {
                self.told = Some(self.told.unwrap_or_default() + cost);
                self.tells_apart |= !piece.has_tokens() && cost > 0.0;
            }
            _ => {
                let (cost, lacks) = price.map_or((None, piece.has_tokens()), |price| priced(&piece, price));
                self.lacks |= lacks;
                if let Some(cost) = cost {
                    self.priced = Some(self.priced.unwrap_or_default() + cost);
                }
            }
        }
    }

    fn cost(&self) -> Option<f64> {
        match (self.told, self.priced.filter(|_| !self.tells_apart)) {
            (None, None) => None,
            (told, priced) => Some(told.unwrap_or_default() + priced.unwrap_or_default()),
        }
    }

    fn is_priced(&self) -> bool {
        self.priced.is_some() && !self.tells_apart
    }

    fn is_partial(&self) -> bool {
        self.lacks && !self.tells_apart
    }
}

/// What tokens cost, as far as their kinds have a price, and whether some have none.
#[expect(clippy::cast_precision_loss, reason = "an amount of money has fewer digits")]
fn priced(used: &Usage, price: &Price) -> (Option<f64>, bool) {
    let (mut cost, mut lacks) = (None, false);
    for (tokens, price) in used.tokens().into_iter().zip(price.0).filter(|(tokens, _)| *tokens > 0) {
        match price {
            Some(price) => cost = Some(cost.unwrap_or_default() + tokens as f64 * price / 1e6),
            None => lacks = true,
        }
    }
    (cost, lacks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SpecName, StageName};

    const MILLION: Usage =
        Usage { input: 1_000_000, output: 100_000, cache_read: 0, cache_write: 0, cost: None };

    const PRICE: Option<Price> = Some(Price([Some(3.0), Some(15.0), None, None]));

    /// What processes of one attempt say, each with its price, to what is known after each of their words.
    fn check(processes: &[(Option<Price>, &[Usage])], expect: &[(Option<f64>, bool, bool)]) {
        let (spent, (to, heard)) = (Spent::default(), std::sync::mpsc::channel());
        let reporter = Reporter::new(to);
        let spec = SpecName::new("a").expect("a name");
        let stage = StageId::new(&spec, &StageName::new("plan").expect("a name"));
        let (spent, reporter, stage) = (&spent, &reporter, &stage);
        let mut used = Used::default();
        for (price, pieces) in processes {
            let (before, bill) = (used, Bill::default());
            let mut meter = Meter { spent, reporter, stage, price: *price, before, bill, used: &mut used };
            pieces.iter().for_each(|piece| meter.take(*piece));
        }
        let told: Vec<(Option<f64>, bool, bool)> = heard
            .try_iter()
            .filter_map(|record| match record.event {
                Event::Usage { usage, priced, partial, .. } => Some((usage.cost, priced, partial)),
                _ => None,
            })
            .collect();
        assert_eq!(told, expect);
        assert!((spent.usd() - used.sum.cost.unwrap_or_default()).abs() < 1e-9, "{spent:?}");
        let input: u64 = processes.iter().flat_map(|(_, pieces)| *pieces).map(|piece| piece.input).sum();
        assert_eq!(used.sum.input, input);
    }

    fn told(cost: f64) -> Usage {
        Usage { cost: Some(cost), ..MILLION }
    }

    fn only(cost: f64) -> Usage {
        Usage { cost: Some(cost), ..Usage::default() }
    }

    #[test]
    fn what_is_told_counts_and_else_the_price() {
        check(&[(None, &[MILLION])], &[(None, false, true)]);
        check(&[(PRICE, &[MILLION, told(0.25)])], &[(Some(4.5), true, false), (Some(4.75), true, false)]);
        let twice: [(Option<Price>, &[Usage]); 2] = [(PRICE, &[MILLION]), (None, &[told(0.25)])];
        check(&twice, &[(Some(4.5), true, false), (Some(4.75), true, false)]);
        check(&[(None, &[told(0.0)])], &[(Some(0.0), false, false)]);
    }

    #[test]
    fn a_kind_without_a_price_leaves_the_cost_open() {
        let cached = Usage { cache_read: 5, ..MILLION };
        check(&[(PRICE, &[cached])], &[(Some(4.5), true, true)]);
        check(&[(PRICE, &[Usage { cache_read: 5, ..Usage::default() }])], &[(None, false, true)]);
        check(&[(None, &[told(0.5), MILLION])], &[(Some(0.5), false, false), (Some(0.5), false, true)]);
    }

    #[test]
    fn a_cost_told_apart_from_tokens_is_that_of_all_of_them() {
        check(&[(None, &[only(0.5), MILLION])], &[(Some(0.5), false, false), (Some(0.5), false, false)]);
        check(&[(PRICE, &[MILLION, only(0.5)])], &[(Some(4.5), true, false), (Some(0.5), false, false)]);
    }

    #[test]
    fn a_price_that_is_declared_beats_a_cost_of_nothing() {
        check(&[(PRICE, &[told(0.0)])], &[(Some(4.5), true, false)]);
        check(&[(PRICE, &[only(0.0)])], &[(Some(0.0), false, false)]);
        check(&[(None, &[told(f64::NAN)])], &[(None, false, true)]);
    }
}
