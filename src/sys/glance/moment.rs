//! When a look began, and what has changed too late to be told from what was seen.
use super::stat::Changed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How far the clock that a disk's stamps come from may be behind: a tick of the slowest kernel, twice.
const TICK: Duration = Duration::from_millis(20);

/// The same where stamps are of whole milliseconds, as on disks that know no finer ones: FAT has two seconds.
const COARSE: Duration = Duration::from_millis(2100);

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    wall: SystemTime,
    steady: Instant,
}

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// The moment so long after this one.
    #[cfg(test)]
    pub(super) fn after(self, passed: Duration) -> Self {
        Self { wall: self.wall + passed, ..self }
    }

    /// Whether a place that changed then may have changed after this moment.
    pub fn is_hidden_by(&self, changed: Changed) -> bool {
        let slack = if changed.1.is_multiple_of(1_000_000) { COARSE } else { TICK };
        let seconds = u64::try_from(changed.0).unwrap_or(0);
        let changed = UNIX_EPOCH.checked_add(Duration::new(seconds, changed.1));
        changed.is_none_or(|changed| changed + slack >= self.wall)
    }

    /// Whether the clock ran on evenly since, and a file written just now has a stamp from it.
    pub fn is_sound(&self, written: SystemTime) -> bool {
        let (wall, steady) = (SystemTime::now(), self.steady.elapsed());
        let Ok(passed) = wall.duration_since(self.wall) else { return false };
        let drift = passed.abs_diff(steady);
        drift < TICK / 2 && written + TICK >= self.wall && written <= wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_within_a_tick_is_not_told_apart() {
        let now = Moment::now();
        let at = |back: Duration| {
            let then = (now.wall - back).duration_since(UNIX_EPOCH).unwrap();
            // Never a whole millisecond.
            (i64::try_from(then.as_secs()).unwrap(), then.subsec_nanos() | 1)
        };
        assert!(now.is_hidden_by(at(Duration::ZERO)) && now.is_hidden_by(at(TICK / 2)));
        assert!(!now.is_hidden_by(at(TICK * 2)));
        let (seconds, _) = at(Duration::from_secs(1));
        assert!(now.is_hidden_by((seconds, 0)), "a coarse stamp");
        assert!(!now.is_hidden_by((seconds - 60, 0)) && !now.is_hidden_by((0, 0)));
    }

    #[test]
    fn a_clock_that_is_not_ours_is_not_believed() {
        let now = Moment::now();
        assert!(now.is_sound(now.wall));
        assert!(!now.is_sound(now.wall - Duration::from_secs(5)));
        assert!(!now.is_sound(now.wall + Duration::from_secs(5)));
        let set_back = Moment { wall: now.wall + Duration::from_secs(9), ..now };
        assert!(!set_back.is_sound(set_back.wall));
    }
}
