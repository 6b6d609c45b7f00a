//! The climb of a failed stage: which step comes next.
use crate::event::Failure;
use crate::model::{FailureClass, Ladders, Rung, Step};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where a stage stands on its ladders, in one run.
#[derive(Debug, Clone, Default)]
pub struct Climb {
    attempts: u32,
    rescues: u32,
    places: BTreeMap<Option<FailureClass>, Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    rung: usize,
    taken: u32,
}

/// What to do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another attempt.
    Again {
        /// The step that leads to it.
        rung: Rung,
        /// How long to wait first, before jitter.
        backoff: Duration,
    },
    /// Wait until the limit is over, then the same attempt again; spends none.
    Wait,
    /// Count the stage as done with its old result.
    Skip,
    /// Stop the spec until a person does something.
    Hold,
    /// Give the spec up for this run.
    Fail,
}

impl Climb {
    /// Counts an attempt that begins, and gives its number, from 1.
    pub fn begin(&mut self) -> u32 {
        self.attempts += 1;
        self.attempts
    }

    /// How many attempts began.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The most attempts that a ladder allows, `cap` of them beyond the first.
    pub fn most(ladders: &Ladders, cap: Option<u32>) -> u32 {
        let rescues: u32 =
            ladders.plain.iter().filter(|rung| is_rescue(&rung.step)).map(|rung| rung.times).sum();
        1 + rescues.min(cap.unwrap_or(u32::MAX))
    }

    /// The next step after a failure; `cap` limits the attempts beyond the first.
    pub fn next(&mut self, ladders: &Ladders, failure: &Failure, cap: Option<u32>) -> Next {
        if failure.class == FailureClass::Setup {
            return Next::Fail;
        }
        let key = ladders.by_class.contains_key(&failure.class).then_some(failure.class);
        let place = self.places.entry(key).or_default();
        for rung in ladders.of(failure.class).iter().skip(place.rung) {
            match rung.step {
                Step::Hold => return Next::Hold,
                Step::Fail => return Next::Fail,
                _ if is_rescue(&rung.step) && place.taken < rung.times => {
                    if cap.is_some_and(|cap| self.rescues >= cap) {
                        place.rung += 1;
                        continue;
                    }
                    let doubled = 1u32.checked_shl(place.taken).unwrap_or(u32::MAX);
                    let backoff = rung.backoff.unwrap_or_default().saturating_mul(doubled);
                    place.taken += 1;
                    self.rescues += 1;
                    return Next::Again { rung: rung.clone(), backoff };
                }
                _ => *place = Place { rung: place.rung + 1, taken: 0 },
            }
        }
        Next::Hold
    }
}

/// Whether a step makes another attempt. The steps that need more than a tree and a prompt are passed over.
fn is_rescue(step: &Step) -> bool {
    matches!(step, Step::Retry | Step::Restart { from: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(class: FailureClass) -> Failure {
        Failure::new(class, "")
    }

    fn climb(plain: Vec<Rung>, cap: Option<u32>, n: usize) -> Vec<String> {
        let ladders = Ladders { plain, ..Ladders::default() };
        let mut climb = Climb::default();
        let words = |next| match next {
            Next::Again { rung, backoff } => format!("{} {}", rung.step.name(), backoff.as_secs()),
            Next::Wait => "wait".to_owned(),
            Next::Skip => "skip".to_owned(),
            Next::Hold => "hold".to_owned(),
            Next::Fail => "fail".to_owned(),
        };
        (0..n).map(|_| words(climb.next(&ladders, &failure(FailureClass::Crash), cap))).collect()
    }

    fn retry(times: u32) -> Rung {
        Rung { backoff: Some(Duration::from_secs(5)), ..Rung::new(Step::Retry, times) }
    }

    fn restart() -> Rung {
        Rung::new(Step::Restart { from: None }, 1)
    }

    #[test]
    fn steps_come_in_order_each_so_many_times() {
        let ladder = vec![retry(2), restart(), Rung::new(Step::Hold, 1)];
        assert_eq!(climb(ladder, None, 5), ["retry 5", "retry 10", "restart 0", "hold", "hold"]);
    }

    #[test]
    fn a_later_step_falls_through() {
        let ladder = vec![Rung::new(Step::Resume, 2), restart(), Rung::new(Step::Fail, 1)];
        assert_eq!(climb(ladder, None, 2), ["restart 0", "fail"]);
    }

    #[test]
    fn retries_cap_every_ladder() {
        assert_eq!(climb(vec![retry(5), Rung::new(Step::Fail, 1)], Some(1), 2), ["retry 5", "fail"]);
        assert_eq!(climb(vec![retry(5), Rung::new(Step::Fail, 1)], Some(0), 1), ["fail"]);
    }

    #[test]
    fn a_class_has_a_ladder_of_its_own() {
        let mut ladders = Ladders { plain: vec![retry(1)], ..Ladders::default() };
        ladders.by_class.insert(FailureClass::Timeout, vec![Rung::new(Step::Fail, 1)]);
        let mut climb = Climb::default();
        assert!(matches!(climb.next(&ladders, &failure(FailureClass::Crash), None), Next::Again { .. }));
        assert_eq!(climb.next(&ladders, &failure(FailureClass::Timeout), None), Next::Fail);
        assert_eq!(climb.next(&ladders, &failure(FailureClass::Crash), None), Next::Hold);
    }

    #[test]
    fn our_own_environment_climbs_nothing() {
        let ladders = Ladders { plain: vec![retry(9)], ..Ladders::default() };
        assert_eq!(Climb::default().next(&ladders, &failure(FailureClass::Setup), None), Next::Fail);
    }
}
