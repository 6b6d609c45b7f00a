//! The one place that removes folders of ours: no link is followed, and nothing is entered that is mounted there, be it
//! from the same disk.
use super::has_mounts;
use super::ways::{low, wide};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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

/// How a folder is opened, which must be one and no link.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a folder, which must be no link itself.
pub(super) fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(rustix::fs::CWD, path, FOLDER, Mode::empty())?)
}

/// Opens a folder in another, which must be one and no link, and nothing that is mounted there.
pub(super) fn folder(parent: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    enter(parent.as_fd(), name, FOLDER)
}

#[cfg(target_os = "linux")]
fn enter(parent: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    match openat2(parent, name, flags, Mode::empty(), ResolveFlags::NO_XDEV) {
        // A system of before 5.6, or a container that knows no such call.
        Err(Errno::NOSYS | Errno::PERM) => enter_by_list(parent, name, flags),
        opened => Ok(opened?),
    }
}

#[cfg(not(target_os = "linux"))]
fn enter(parent: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    enter_by_list(parent, name, flags)
}

/// The same by the list of mounts.
fn enter_by_list(parent: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    let opened = openat(parent, name, flags, Mode::empty())?;
    let place = std::fs::read_link(place_of(&opened));
    let is_elsewhere = fstat(&opened)?.st_dev != fstat(parent)?.st_dev;
    if is_elsewhere || place.is_ok_and(|place| has_mounts(&place)) {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    Ok(opened)
}

/// What leads to an open file by its number.
fn place_of(opened: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()))
}

/// What lies there, a link for itself.
pub(super) fn look(parent: impl AsFd, name: &CStr) -> io::Result<Stat> {
    Ok(statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Whether that is a folder.
pub(super) fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Removes one name and, if it is a folder, all below it; what cannot be removed keeps nothing else from going.
///
/// # Errors
/// Something there is mounted or on another disk than `disk`, or cannot be removed: the first of it.
pub(super) fn raze(parent: impl AsFd, name: &CStr, disk: u64) -> io::Result<()> {
    let parent = parent.as_fd();
    if is_gone(parent, name, disk)? {
        return Ok(());
    }
    empty(&folder(parent, name)?, disk)?;
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Removes all that lies in a folder, as [`raze`] does.
///
/// # Errors
/// As of [`raze`].
pub(super) fn empty(top: &OwnedFd, disk: u64) -> io::Result<()> {
    let mut razing = Razing { top, disk, moved_up: Vec::new(), moved: 0 };
    let mut all = razing.below(top, 0);
    while let Some(name) = razing.moved_up.pop() {
        let one = razing.one(top.as_fd(), &name, 0);
        all = all.and(one);
    }
    all
}

/// So many folders deep it goes at once, and has as many open; what lies deeper comes up to the top first, so that no
/// depth is too much.
const DEEPEST: usize = 100;

/// A folder that is being emptied.
struct Razing<'a> {
    top: &'a OwnedFd,
    disk: u64,
    /// What came up to the top and is still to go.
    moved_up: Vec<CString>,
    /// How many came up.
    moved: u64,
}

impl Razing<'_> {
    fn below(&mut self, folder: &OwnedFd, depth: usize) -> io::Result<()> {
        let mut all = Ok(());
        for name in names(folder)? {
            // Not at the first error: the others go all the same.
            let one = self.one(folder.as_fd(), &name, depth);
            all = all.and(one);
        }
        all
    }

    fn one(&mut self, parent: BorrowedFd<'_>, name: &CStr, depth: usize) -> io::Result<()> {
        if is_gone(parent, name, self.disk)? {
            return Ok(());
        }
        if depth == DEEPEST {
            return self.move_up(parent, name);
        }
        self.below(&folder(parent, name)?, depth + 1)?;
        Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
    }

    fn move_up(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        loop {
            self.moved += 1;
            let up = CString::new(format!("specmake-{}", self.moved))?;
            match renameat(parent, name, self.top, &up) {
                Ok(()) => {
                    self.moved_up.push(up);
                    return Ok(());
                }
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Removes what is no folder. False: it is one, on this disk, and as far as that can be done it is open to us.
fn is_gone(parent: BorrowedFd<'_>, name: &CStr, disk: u64) -> io::Result<bool> {
    let stat = look(parent, name)?;
    if !is_folder(&stat) {
        unlinkat(parent, name, AtFlags::empty())?;
        return Ok(true);
    }
    if wide(stat.st_dev) != disk {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    if stat.st_mode & Mode::RWXU.as_raw_mode() != Mode::RWXU.as_raw_mode() {
        open_up(parent, name, &stat);
    }
    Ok(false)
}

/// Lets us into a folder that is ours and was closed to us; it is about to go.
fn open_up(parent: BorrowedFd<'_>, name: &CStr, stat: &Stat) {
    if let Ok(opened) = enter(parent, name, FOLDER.union(OFlags::PATH)) {
        let mode = Permissions::from_mode(low(stat.st_mode) | 0o700);
        // What cannot be opened up cannot be removed, which says why.
        drop(std::fs::set_permissions(place_of(&opened), mode));
    }
}

/// Removes a folder of ours, if it is there, and all that lies in it.
///
/// # Errors
/// Something there is mounted or on another disk, or cannot be removed; everything else is gone.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let flags = FOLDER.difference(OFlags::NOFOLLOW);
    let removed = openat(rustix::fs::CWD, parent, flags, Mode::empty()).map_err(io::Error::from);
    let removed = removed
        .and_then(|parent| raze(&parent, &CString::new(name.as_bytes())?, wide(fstat(&parent)?.st_dev)));
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_mounted_is_not_entered() {
        for enter in [enter, enter_by_list] {
            let root = open(Path::new("/")).unwrap();
            assert!(enter(root.as_fd(), c"proc", FOLDER).is_err());
            assert!(raze(&root, c"proc", 0).is_err());
        }
    }

    #[test]
    fn folders_that_are_closed_go_with_all_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("closed/below")).unwrap();
        fs::write(top.join("closed/below/file"), "").unwrap();
        for (name, mode) in [("closed/below", 0o555), ("closed", 0)] {
            fs::set_permissions(top.join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        let opened = open(&top).unwrap();
        let stat = look(&opened, c"closed").unwrap();
        open_up(opened.as_fd(), c"closed", &stat);
        assert_eq!(top.join("closed").metadata().unwrap().permissions().mode() & 0o777, 0o700);
        remove_folder(&top).unwrap();
        assert!(!top.exists());
        remove_folder(&top).unwrap();
    }

    #[test]
    fn no_depth_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("specmake-1")).unwrap();
        fs::write(top.join("specmake-1/file"), "").unwrap();
        fs::write(top.join("specmake-2"), "").unwrap();
        let mut deep = open(&top).unwrap();
        for _ in 0..20_000 {
            rustix::fs::mkdirat(&deep, c"d", Mode::RWXU).unwrap();
            deep = super::folder(&deep, c"d").unwrap();
        }
        drop(deep);
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        small.spawn(move || remove_folder(&top)).unwrap().join().unwrap().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_goes_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("mine")).unwrap();
        fs::write(folder.path().join("mine/file"), "").unwrap();
        std::os::unix::fs::symlink(folder.path().join("mine"), folder.path().join("link")).unwrap();
        remove_folder(&folder.path().join("link")).unwrap();
        assert!(folder.path().join("mine/file").exists() && !folder.path().join("link").exists());
    }

    /// Names the world in which something is mounted, where this program is run in it.
    const WORLD: &str = "SPECMAKE_TEST_MOUNTED";

    #[test]
    fn what_is_mounted_from_the_same_disk_stays() {
        if let Some(top) = std::env::var_os(WORLD) {
            return in_the_world(Path::new(&top));
        }
        let top = tempfile::tempdir().unwrap();
        for folder in ["mine", "tree/deep/mounted", "tree/other"] {
            fs::create_dir_all(top.path().join(folder)).unwrap();
        }
        fs::write(top.path().join("mine/file"), "a person's").unwrap();
        let line = r#"mount --bind "$0/mine" "$0/tree/deep/mounted" || exit 77; exec "$@""#;
        let name = std::thread::current().name().unwrap().to_owned();
        let ran = std::process::Command::new("unshare")
            .args(["--mount", "--map-root-user", "sh", "-c", line])
            .arg(top.path())
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(WORLD, top.path())
            .output();
        let was_run = ran.as_ref().is_ok_and(|ran| String::from_utf8_lossy(&ran.stdout).contains("1 passed"));
        let has_failed = ran.as_ref().is_ok_and(|ran| ran.status.code() == Some(101));
        assert!(!has_failed, "{ran:?}");
        if !was_run {
            let told = format!("nothing can be mounted here, so {name} says nothing: {ran:?}\n");
            io::Write::write_all(&mut io::stderr().lock(), told.as_bytes()).unwrap();
        }
        assert_eq!(fs::read(top.path().join("mine/file")).unwrap(), b"a person's");
    }

    fn in_the_world(top: &Path) {
        let deep = open(&top.join("tree/deep")).unwrap();
        for enter in [enter, enter_by_list] {
            let error = enter(deep.as_fd(), c"mounted", FOLDER).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::CrossesDevices);
        }
        let opened = open(&top.join("tree")).unwrap();
        assert_eq!(
            super::super::look_through::look_through(&opened, "tree"),
            Err(super::super::Why::Mounted)
        );
        assert!(has_mounts(&top.join("tree")));
        assert!(remove_folder(&top.join("tree")).is_err());
        assert!(top.join("mine/file").exists() && top.join("tree/deep/mounted/file").exists());
        assert!(!top.join("tree/other").exists(), "everything else is gone");
    }
}
