//! The climb of a failed stage: which step comes next.
use crate::event::Failure;
use crate::model::{FailureClass, Ladders, Rung, Step};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most that a back-off grows by chance, as a part of it.
const JITTER: f64 = 0.25;

/// Where a stage stands on its ladders, in one run.
#[derive(Debug, Clone, Default)]
pub struct Climb {
    attempts: u32,
    rescues: u32,
    /// The ladder climbed last: that of a class, or the plain one.
    on: Option<FailureClass>,
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

    /// How many attempts began, but for those that only met a limit.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether a step led to another attempt.
    pub fn was_tried(&self) -> bool {
        self.rescues > 0
    }

    /// The same stage once more from the foot of its ladders; its attempts are counted on.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { attempts: self.attempts, ..Self::default() }
    }

    /// The most attempts there can be if the ladder that it stands on is climbed to its end, `cap` of them beyond
    /// the first.
    pub fn most(&self, ladders: &Ladders, cap: Option<u32>) -> u32 {
        let ladder = self.on.map_or(ladders.plain.as_slice(), |class| ladders.of(class));
        let Place { rung, taken } = self.places.get(&self.on).copied().unwrap_or_default();
        let ahead = ladder.iter().skip(rung).take_while(|rung| !is_end(&rung.step));
        let ahead: u32 = ahead.filter(|rung| rung.step != Step::Wait).map(|rung| rung.times).sum();
        let left = cap.unwrap_or(u32::MAX).saturating_sub(self.rescues);
        self.attempts.saturating_add(ahead.saturating_sub(taken).min(left))
    }

    /// The next step after a failure; `cap` limits the attempts beyond the first.
    pub fn next(&mut self, ladders: &Ladders, failure: &Failure, cap: Option<u32>) -> Next {
        if failure.class == FailureClass::Setup {
            return Next::Fail;
        }
        let stood_on = self.on;
        self.on = ladders.by_class.contains_key(&failure.class).then_some(failure.class);
        let place = self.places.entry(self.on).or_default();
        for rung in ladders.of(failure.class).iter().skip(place.rung) {
            match rung.step {
                Step::Hold => return Next::Hold,
                Step::Fail => return Next::Fail,
                Step::Skip => return Next::Skip,
                Step::Wait if failure.is_over_by_itself() => {
                    self.attempts = self.attempts.saturating_sub(1);
                    self.on = stood_on;
                    return Next::Wait;
                }
                // Nothing but a limit is over by itself, and not even that if it takes a person.
                Step::Wait => {}
                _ if place.taken < rung.times && cap.is_none_or(|cap| self.rescues < cap) => {
                    let doubled = 1u32.checked_shl(place.taken).unwrap_or(u32::MAX);
                    let backoff = rung.backoff.unwrap_or_default().saturating_mul(doubled);
                    place.taken += 1;
                    self.rescues += 1;
                    return Next::Again { rung: rung.clone(), backoff };
                }
                _ => {}
            }
            *place = Place { rung: place.rung + 1, taken: 0 };
        }
        Next::Hold
    }
}

/// A back-off with what chance, from 0 to 1, adds to it: those that failed together do not come back together.
pub fn jittered(backoff: Duration, chance: f64) -> Duration {
    backoff.saturating_add(
        Duration::try_from_secs_f64(backoff.as_secs_f64() * JITTER * chance).unwrap_or_default(),
    )
}

/// Whether no step behind this one is ever taken.
fn is_end(step: &Step) -> bool {
    matches!(step, Step::Hold | Step::Skip | Step::Fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AgentName;
    use proptest::prelude::*;

    fn failure(class: FailureClass) -> Failure {
        Failure::new(class, "")
    }

    fn plain(plain: Vec<Rung>) -> Ladders {
        Ladders { plain, ..Ladders::default() }
    }

    fn rung(step: Step, times: u32) -> Rung {
        Rung::new(step, times)
    }

    fn retry(times: u32) -> Rung {
        Rung { backoff: Some(Duration::from_secs(5)), ..rung(Step::Retry, times) }
    }

    fn restart() -> Rung {
        rung(Step::Restart { from: None }, 1)
    }

    fn words(next: Next) -> String {
        match next {
            Next::Again { rung, backoff } => format!("{} {}", rung.step.name(), backoff.as_secs()),
            Next::Wait => "wait".to_owned(),
            Next::Skip => "skip".to_owned(),
            Next::Hold => "hold".to_owned(),
            Next::Fail => "fail".to_owned(),
        }
    }

    /// What is done about failures of these classes, one after the other.
    fn climb(ladders: &Ladders, cap: Option<u32>, classes: &[FailureClass]) -> Vec<String> {
        let mut climb = Climb::default();
        let next = |class: &FailureClass| {
            climb.begin();
            words(climb.next(ladders, &failure(*class), cap))
        };
        classes.iter().map(next).collect()
    }

    const CRASHES: [FailureClass; 5] = [FailureClass::Crash; 5];

    #[test]
    fn steps_come_in_order_each_so_many_times() {
        let ladder = plain(vec![retry(2), restart(), rung(Step::Hold, 1)]);
        assert_eq!(climb(&ladder, None, &CRASHES), ["retry 5", "retry 10", "restart 0", "hold", "hold"]);
    }

    #[test]
    fn every_step_leads_somewhere() {
        let careful = AgentName::new("careful").expect("a name");
        let ladder = plain(vec![
            rung(Step::Resume, 1),
            rung(Step::Fix { agent: None }, 1),
            rung(Step::Fallback { agent: careful }, 1),
            rung(Step::Wait, 1),
            rung(Step::Skip, 1),
        ]);
        assert_eq!(climb(&ladder, None, &CRASHES), ["resume 0", "fix 0", "fallback 0", "skip", "skip"]);
    }

    #[test]
    fn retries_cap_every_ladder() {
        let ladder = plain(vec![retry(5), restart(), rung(Step::Fail, 1)]);
        assert_eq!(climb(&ladder, Some(1), &CRASHES[..2]), ["retry 5", "fail"]);
        assert_eq!(climb(&ladder, Some(0), &CRASHES[..1]), ["fail"]);
        let skip = plain(vec![retry(5), rung(Step::Skip, 1)]);
        assert_eq!(climb(&skip, Some(0), &CRASHES[..1]), ["skip"]);
    }

    #[test]
    fn a_class_has_a_ladder_of_its_own_and_a_place_on_it() {
        use FailureClass::{Crash, Timeout};
        let mut ladders = plain(vec![retry(1)]);
        ladders.by_class.insert(Timeout, vec![restart(), rung(Step::Fail, 1)]);
        assert_eq!(
            climb(&ladders, None, &[Crash, Timeout, Crash, Timeout]),
            ["retry 5", "restart 0", "hold", "fail"]
        );
    }

    #[test]
    fn our_own_environment_climbs_nothing() {
        assert_eq!(climb(&plain(vec![retry(9)]), None, &[FailureClass::Setup]), ["fail"]);
    }

    #[test]
    fn a_limit_is_waited_for_as_often_as_it_comes_and_spends_no_attempt() {
        let mut ladders = plain(vec![retry(1), rung(Step::Fail, 1)]);
        ladders.by_class.insert(FailureClass::Limit, vec![rung(Step::Wait, 1), rung(Step::Hold, 1)]);
        let mut climb = Climb::default();
        for _ in 0..3 {
            assert_eq!(
                (climb.begin(), climb.most(&ladders, None)),
                (1, if climb.on.is_some() { 1 } else { 2 })
            );
            assert_eq!(climb.next(&ladders, &failure(FailureClass::Limit), Some(0)), Next::Wait);
        }
        assert_eq!(climb.begin(), 1);
        assert_eq!(words(climb.next(&ladders, &failure(FailureClass::Crash), None)), "retry 5");
        assert_eq!((climb.begin(), climb.most(&ladders, None)), (2, 2));
    }

    #[test]
    fn what_is_said_of_the_most_attempts_follows_the_ladder_climbed() {
        let mut ladders = plain(vec![rung(Step::Resume, 2), restart(), rung(Step::Hold, 1), retry(9)]);
        let output = vec![rung(Step::Fix { agent: None }, 1), rung(Step::Wait, 1), restart()];
        ladders.by_class.insert(FailureClass::Output, output);
        let mut climb = Climb::default();
        let mut said = Vec::new();
        for class in [FailureClass::Crash, FailureClass::Output, FailureClass::Crash, FailureClass::Crash] {
            said.push((climb.begin(), climb.most(&ladders, None)));
            climb.next(&ladders, &failure(class), None);
        }
        said.push((climb.begin(), climb.most(&ladders, None)));
        assert_eq!(said, [(1, 4), (2, 4), (3, 4), (4, 5), (5, 5)]);
        let mut capped = Climb::default();
        assert_eq!((capped.begin(), capped.most(&ladders, Some(1))), (1, 2));
        let again = climb.anew();
        assert_eq!((again.attempts(), again.most(&ladders, None)), (5, 8));
    }

    #[test]
    fn chance_adds_at_most_a_quarter() {
        let hour = Duration::from_secs(3600);
        assert_eq!(jittered(hour, 0.0), hour);
        assert_eq!(jittered(hour, 1.0), Duration::from_secs(4500));
        assert_eq!(jittered(Duration::MAX, 1.0), Duration::MAX);
    }

    proptest! {
        #[test]
        fn no_climb_has_more_attempts_than_it_said(
            steps in prop::collection::vec((0..9_usize, 1..4_u32), 0..5),
            classes in prop::collection::vec(0..FailureClass::ALL.len(), 40),
            cap in prop::option::of(0..6_u32),
        ) {
            let all = [
                Step::Retry,
                Step::Resume,
                Step::Restart { from: None },
                Step::Fix { agent: None },
                Step::Fallback { agent: AgentName::new("x").expect("a name") },
                Step::Wait,
                Step::Hold,
                Step::Skip,
                Step::Fail,
            ];
            let ladders = plain(steps.iter().map(|(at, times)| rung(all[*at].clone(), *times)).collect());
            let mut climb = Climb::default();
            let promised = climb.most(&ladders, cap) + 1;
            for class in classes {
                let number = climb.begin();
                prop_assert!(number <= promised && climb.most(&ladders, cap) <= promised);
                let next = climb.next(&ladders, &failure(FailureClass::ALL[class]), cap);
                if !matches!(next, Next::Again { .. } | Next::Wait) {
                    return Ok(());
                }
            }
        }
    }
}
