//! What the system says of one place, as bytes that are compared and nothing else.
use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;
use std::ffi::CStr;

/// The bytes of a [`Stat`].
pub const SIZE: usize = 56;

/// How closely a place is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// That it is the same folder: what is in it may change.
    Kind,
    /// That nothing was written: of a folder, that no name came or went.
    Whole,
    /// The same of what a link leads to.
    Followed,
}

/// What was seen at a place; all zero where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat(pub [u8; SIZE]);

/// When a place last changed: seconds since the Unix epoch, and nanoseconds.
pub type Changed = (i64, u32);

impl Stat {
    /// Nothing is there.
    pub const NOTHING: Self = Self([0; SIZE]);

    /// The disk that it lies on.
    pub fn device(&self) -> [u8; 8] {
        let mut device = [0; 8];
        device.copy_from_slice(&self.0[..8]);
        device
    }

    /// Looks at a place. `None`: it cannot be told what is there.
    pub fn of(folder: BorrowedFd<'_>, path: &CStr, depth: Depth) -> Option<(Self, Changed)> {
        let flags = if depth == Depth::Followed { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let stat = match statat(folder, path, flags) {
            Ok(stat) => stat,
            Err(Errno::NOENT | Errno::NOTDIR) => return Some((Self::NOTHING, (0, 1))),
            Err(_) => return None,
        };
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(&(stat.st_dev as u64).to_le_bytes());
        bytes[8..16].copy_from_slice(&(stat.st_ino as u64).to_le_bytes());
        bytes[16..20].copy_from_slice(&(stat.st_mode as u32).to_le_bytes());
        bytes[20..24].copy_from_slice(&(stat.st_uid as u32).to_le_bytes());
        let changed = (stat.st_ctime as i64, stat.st_ctime_nsec as u32);
        if depth != Depth::Kind {
            bytes[24..32].copy_from_slice(&(stat.st_size as u64).to_le_bytes());
            bytes[32..40].copy_from_slice(&(stat.st_mtime as i64).to_le_bytes());
            bytes[40..44].copy_from_slice(&(stat.st_mtime_nsec as u32).to_le_bytes());
            bytes[44..52].copy_from_slice(&changed.0.to_le_bytes());
            bytes[52..].copy_from_slice(&changed.1.to_le_bytes());
        }
        Some((Self(bytes), changed))
    }
}

impl Depth {
    /// The byte that stands for it.
    pub fn byte(self) -> u8 {
        match self {
            Self::Kind => 0,
            Self::Whole => 1,
            Self::Followed => 2,
        }
    }

    /// What a byte stands for.
    pub fn of_byte(byte: u8) -> Option<Self> {
        [Self::Kind, Self::Whole, Self::Followed].into_iter().find(|depth| depth.byte() == byte)
    }
}
