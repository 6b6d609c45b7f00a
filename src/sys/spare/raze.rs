//! Removing what lies below a folder without following a link, and without leaving its disk.
use super::ways::wide;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat, unlinkat};
use std::ffi::{CStr, CString};
use std::io;

/// The names in a folder.
pub(super) fn names(folder: impl AsFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Opens a folder in another, which must be one and no link.
pub(super) fn folder(parent: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

/// What lies there, a link for itself.
pub(super) fn look(parent: impl AsFd, name: &CStr) -> io::Result<Stat> {
    Ok(statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Whether that is a folder.
pub(super) fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Removes one name and, if it is a folder, all below it.
///
/// # Errors
/// Something there is on another disk than `disk`, or cannot be removed.
pub(super) fn raze(parent: impl AsFd, name: &CStr, disk: u64) -> io::Result<()> {
    let parent = parent.as_fd();
    let stat = look(parent, name)?;
    if wide(stat.st_dev) != disk {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    if !is_folder(&stat) {
        return Ok(unlinkat(parent, name, AtFlags::empty())?);
    }
    let opened = folder(parent, name)?;
    for below in names(&opened)? {
        raze(&opened, &below, disk)?;
    }
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}
