//! The ways in which files and folders come to be in one place: their modes and whose they are, as far as that does not
//! come from git.
use crate::sys::git::Mode;
use rustix::fs::{FileType, OFlags, Stat};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// What the system tells, which differs in width from one to the next; what is out of range is no number of anything.
pub(super) fn wide(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}

/// The lower 32 bits of it.
pub(super) fn low(number: impl TryInto<u64>) -> u32 {
    u32::try_from(wide(number) & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// Disks on which nobody changes a file without that its time of change says so, be it through memory; by the numbers
/// that `statfs(2)` gives: ext2 to ext4, btrfs, xfs, f2fs, bcachefs. Not tmpfs: what was read there through shared memory
/// is written without a trace.
#[cfg(target_os = "linux")]
const EXACT: [u32; 5] = [0xef53, 0x9123_683e, 0x5846_5342, 0xf2f5_2010, 0xca45_1a4e];

/// What a folder that was just made looks like, and how files will: by the umask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ways {
    umask: u32,
    mode: u32,
    owner: u32,
    group: u32,
    /// The disk that they are on.
    pub disk: u64,
}

impl Ways {
    /// Those in a folder that was just made. `None`: they cannot be told, or there is more to them.
    pub fn of(folder: &Path) -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder, flags, rustix::fs::Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&opened).ok()?;
        has_nothing_attached(&opened).then_some(Self {
            umask: u32::from_str_radix(umask.trim(), 8).ok()?,
            mode: low(stat.st_mode),
            owner: low(stat.st_uid),
            group: low(stat.st_gid),
            disk: wide(stat.st_dev),
        })
    }

    /// Whether that lies on the same disk.
    pub fn has_disk_of(&self, stat: &Stat) -> bool {
        wide(stat.st_dev) == self.disk
    }

    /// The mode of git's for something that came to be in these ways, and has one name only. `None`: it did not.
    pub fn mode(&self, stat: &Stat) -> Option<Mode> {
        let (mode, umask) = (low(stat.st_mode), self.umask);
        if wide(stat.st_nlink) != 1 || low(stat.st_uid) != self.owner || !self.has_disk_of(stat) {
            return None;
        }
        let file = low(FileType::RegularFile.as_raw_mode());
        let link = low(FileType::Symlink.as_raw_mode());
        match mode {
            _ if mode == file | (0o666 & !umask) => Some(Mode::FILE),
            _ if mode == file | (0o777 & !umask) => Some(Mode::EXECUTABLE),
            _ if mode == link | 0o777 => Some(Mode::LINK),
            _ => None,
        }
    }

    /// Whether a folder came to be in these ways.
    pub fn is_folder(&self, stat: &Stat) -> bool {
        self.has_disk_of(stat)
            && [low(stat.st_mode), low(stat.st_uid), low(stat.st_gid)] == [self.mode, self.owner, self.group]
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:o} {:o} {} {} {}", self.umask, self.mode, self.owner, self.group, self.disk)
    }
}

/// A line that says no ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadWays;

impl FromStr for Ways {
    type Err = BadWays;

    fn from_str(text: &str) -> Result<Self, BadWays> {
        let words: Vec<&str> = text.split(' ').collect();
        let [umask, mode, owner, group, disk] = words[..] else { return Err(BadWays) };
        let octal = |text| u32::from_str_radix(text, 8).map_err(|_| BadWays);
        let number = |text: &str| text.parse().map_err(|_| BadWays);
        Ok(Self {
            umask: octal(umask)?,
            mode: octal(mode)?,
            owner: number(owner)?,
            group: number(group)?,
            disk: disk.parse().map_err(|_| BadWays)?,
        })
    }
}

/// Whether a folder has no attribute that what is made in it would inherit, nor any other of a person's.
pub(super) fn has_nothing_attached(folder: impl rustix::fd::AsFd) -> bool {
    if !has_usual_flags(&folder) {
        return false;
    }
    let mut names = [0; 512];
    match rustix::fs::flistxattr(folder, &mut names[..]) {
        Ok(length) => names[..length]
            .split(|byte| *byte == 0)
            .all(|name| name.is_empty() || name.starts_with(b"security.")),
        Err(error) => error == rustix::io::Errno::NOTSUP,
    }
}

/// What a disk itself notes of its folders, as flags of `ioctl_iflags(2)`: that they have an index, are laid out in
/// extents, or lie in their inode.
#[cfg(target_os = "linux")]
const USUAL: u32 = 0x1000 | 0x8_0000 | 0x1000_0000;

/// Whether a folder has no flag that somebody gave it, as that nothing in it may be changed.
#[cfg(target_os = "linux")]
fn has_usual_flags(folder: &impl rustix::fd::AsFd) -> bool {
    use rustix::io::Errno;
    match rustix::fs::ioctl_getflags(folder) {
        Ok(flags) => flags.bits() & !USUAL == 0,
        // The disk knows none.
        Err(error) => matches!(error, Errno::NOTTY | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL),
    }
}

/// Whether a folder has no flag that somebody gave it; elsewhere nothing is kept anyway.
#[cfg(not(target_os = "linux"))]
fn has_usual_flags(_: &impl rustix::fd::AsFd) -> bool {
    false
}

/// Whether nobody can change a file on the disk of this folder without that its time of change says so.
#[cfg(target_os = "linux")]
pub(super) fn is_exact(folder: &Path) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|disk| EXACT.contains(&low(disk.f_type)))
}

/// Whether nobody can change a file on the disk of this folder without that its time of change says so.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_exact(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn ways_are_written_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let ways = Ways::of(folder.path()).unwrap();
        assert_eq!(ways.to_string().parse(), Ok(ways));
        assert_eq!("1 2 3 4".parse::<Ways>(), Err(BadWays));
    }

    #[test]
    fn what_was_made_in_other_ways_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (made, file) = (folder.path().join("made"), folder.path().join("made/file"));
        fs::create_dir(&made).unwrap();
        fs::write(&file, "").unwrap();
        let look = || rustix::fs::lstat(&file).unwrap();
        let ways = Ways::of(&made).unwrap();
        assert_eq!(ways.mode(&look()), Some(Mode::FILE));
        assert!(ways.is_folder(&rustix::fs::lstat(&made).unwrap()) && !ways.is_folder(&look()));
        for mode in [0o600, 0o4644, 0o2755, 0o1644, 0o444] {
            fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(ways.mode(&look()), None, "{mode:o}");
        }
        fs::set_permissions(&file, PermissionsExt::from_mode(0o777 & !ways.umask)).unwrap();
        assert_eq!(ways.mode(&look()), Some(Mode::EXECUTABLE));
        fs::hard_link(&file, folder.path().join("other")).unwrap();
        assert_eq!(ways.mode(&look()), None);
    }
}
