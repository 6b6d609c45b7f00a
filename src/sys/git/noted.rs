//! What an index notes of a file, so that it need not be read again to know that it is as it was: the first 40 bytes of
//! an entry in `gitformat-index(5)`, each number cut to 32 bits, the mode left out.
use super::oid::Mode;
use rustix::fs::Stat;

/// The bytes of what is noted.
pub(crate) const NOTED: usize = 40;

/// Where among them the mode stands: it is the index's own.
const MODE: std::ops::Range<usize> = 24..28;

/// Stamps of disks that know no finer ones are of whole milliseconds, and as coarse as FAT's two seconds.
const COARSE: i64 = 3;

/// A moment as disks stamp it: seconds since the Unix epoch, and nanoseconds.
pub(crate) type Stamped = (i64, u32);

/// When something was last changed.
pub(crate) fn changed(stat: &Stat) -> Stamped {
    (stat.st_ctime, stat.st_ctime_nsec as u32)
}

/// What is noted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted([u8; NOTED]);

impl Noted {
    /// Nothing: git will look for itself.
    pub(crate) const NOTHING: Self = Self([0; NOTED]);

    /// What would be noted of a file with this stat. `None`: it is too long for that.
    pub(crate) fn of(stat: &Stat) -> Option<Self> {
        let size = u32::try_from(stat.st_size).ok()?;
        let numbers = [
            stat.st_ctime as u32,
            stat.st_ctime_nsec as u32,
            stat.st_mtime as u32,
            stat.st_mtime_nsec as u32,
            stat.st_dev as u32,
            stat.st_ino as u32,
            0,
            stat.st_uid,
            stat.st_gid,
            size,
        ];
        let mut bytes = [0; NOTED];
        for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        Some(Self(bytes))
    }

    /// The one that an entry begins with, and the mode in its midst.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, Mode)> {
        let mut noted = Self(bytes.get(..NOTED)?.try_into().ok()?);
        let mode = Mode(noted.number(MODE.start));
        noted.0[MODE].fill(0);
        Some((noted, mode))
    }

    /// The first bytes of an entry with that mode.
    pub(super) fn bytes(&self, mode: u32) -> [u8; NOTED] {
        let mut bytes = self.0;
        bytes[MODE].copy_from_slice(&mode.to_be_bytes());
        bytes
    }

    /// Whether the file is empty, or git distrusts what is noted.
    pub(crate) fn is_of_nothing(&self) -> bool {
        self.0[36..] == [0; 4]
    }

    /// How many bytes the file has.
    pub(crate) fn length(&self) -> u64 {
        self.number(36).into()
    }

    /// Whether a file of which this is noted cannot have changed since `moment` without its stat telling.
    pub(crate) fn is_older_than(&self, moment: Stamped) -> bool {
        let (seconds, nanos) = (i64::from(self.number(0)), self.number(4));
        if nanos.is_multiple_of(1_000_000) {
            return seconds + COARSE < moment.0;
        }
        (seconds, nanos) < moment
    }

    fn number(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[at..at + 4]);
        u32::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_in_the_very_moment_is_not_older() {
        let at = |seconds: u32, nanos: u32| {
            let mut noted = Noted::NOTHING;
            noted.0[..4].copy_from_slice(&seconds.to_be_bytes());
            noted.0[4..8].copy_from_slice(&nanos.to_be_bytes());
            noted
        };
        assert!(at(100, 7).is_older_than((100, 8)));
        assert!(!at(100, 7).is_older_than((100, 7)) && !at(101, 7).is_older_than((100, 8)));
        assert!(!at(100, 0).is_older_than((103, 999)), "a coarse stamp");
        assert!(at(100, 3_000_000).is_older_than((104, 0)));
    }

    #[test]
    fn what_is_noted_is_what_git_notes() {
        use crate::sys::git::index_rows::Rows;
        let world = crate::sys::testing::World::new(&[("a", "one"), ("empty", "")]);
        world.git(&["update-index", "--refresh"]);
        let bytes = std::fs::read(world.top().join(".git/index")).unwrap();
        for row in Rows::read(&bytes).unwrap().rows {
            let file = world.top().join(std::str::from_utf8(row.name).unwrap());
            let stat = rustix::fs::lstat(&file).unwrap();
            assert_eq!(row.noted(), Noted::of(&stat).unwrap());
            assert_eq!(row.noted().is_of_nothing(), file.ends_with("empty"));
        }
    }
}
