//! Files: written whole or not at all, and listed without following links.
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// Writes a file by a temporary one beside it and a rename, so that a reader sees the old bytes or the new
/// ones, and a kill or a full disk leaves the old ones. Both are on the disk when this returns. The file's
/// permissions stay; a symlink is replaced, not followed.
///
/// # Errors
/// The folder is missing or cannot be written.
pub fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".specmake-");
    builder.permissions(PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(parent)?;
    if let Ok(stat) = file.symlink_metadata()
        && stat.is_file()
    {
        temporary.as_file().set_permissions(stat.permissions())?;
    }
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    // Without this a power cut may forget the rename.
    File::open(parent)?.sync_all()
}

/// The path without `.` and `..`, as it is written.
pub fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

/// The most links that are followed on the way to one file.
const MOST_LINKS: u32 = 40;

/// Where a path leads, every link on its way followed, whether anything is there or not; none if that cannot be told.
pub fn real(path: &Path) -> Option<PathBuf> {
    let (mut real, mut links) = (PathBuf::new(), 0);
    let mut parts: Vec<PathBuf> =
        path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect();
    while let Some(part) = parts.pop() {
        match part.components().next()? {
            Component::CurDir => {}
            Component::ParentDir => {
                real.pop();
            }
            Component::RootDir | Component::Prefix(_) => real = part,
            Component::Normal(name) => {
                let next = real.join(name);
                match std::fs::read_link(&next) {
                    Ok(link) => {
                        links += 1;
                        let more = link.components().rev().map(|part| PathBuf::from(part.as_os_str()));
                        parts.extend(more);
                        if links > MOST_LINKS {
                            return None;
                        }
                    }
                    // No link, or nothing: what is not there yet can still be made there.
                    Err(error)
                        if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) =>
                    {
                        real = next;
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotADirectory => real = next,
                    Err(_) => return None,
                }
            }
        }
    }
    Some(real)
}

/// The bytes of all files below a folder, as far as it can be read; links count for themselves.
pub fn size_of(folder: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(folder).follow_links(false).into_iter().flatten();
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    files.filter_map(|entry| entry.metadata().ok()).map(|stat| stat.len()).sum()
}

/// Every file below a folder, as paths relative to it, sorted; links are files.
///
/// # Errors
/// A folder cannot be read.
pub fn below(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).follow_links(false).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_dir() {
            continue;
        }
        if let Ok(rest) = entry.path().strip_prefix(folder) {
            found.push(super::git::path::from_os(rest));
        }
    }
    Ok(found)
}

/// When anything below a folder was last modified, its `.git` left out; nothing if it cannot be read.
pub fn newest_change(folder: &Path) -> Option<SystemTime> {
    let own = |entry: &walkdir::DirEntry| entry.depth() != 1 || entry.file_name() != ".git";
    let entries = walkdir::WalkDir::new(folder).follow_links(false).into_iter().filter_entry(own).flatten();
    entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()
}

/// What came of bringing a path somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It is there now.
    Done,
    /// Something was there already, and is as it was.
    There,
    /// It cannot come; why.
    LeftOut(&'static str),
}

/// Copies a file, a link as a link, or a folder to `target`, which lies below `top`; shares the blocks
/// where the filesystem can. Never writes through a symlink, never over anything.
///
/// # Errors
/// The disk.
pub fn copy(source: &Path, top: &Path, target: &Path) -> io::Result<Copied> {
    let Ok(stat) = source.symlink_metadata() else { return Ok(Copied::LeftOut("it is gone")) };
    if let Some(reason) = prepare(top, target)? {
        return Ok(reason);
    }
    if stat.is_symlink() {
        std::os::unix::fs::symlink(std::fs::read_link(source)?, target)?;
    } else if stat.is_file() {
        copy_file(source, target)?;
    } else if stat.is_dir() {
        std::fs::create_dir(target)?;
        for name in below(source)? {
            let rest = super::git::path::to_os(&name);
            copy(&source.join(&rest), top, &target.join(&rest))?;
        }
    } else {
        return Ok(Copied::LeftOut("it is neither a file, a link nor a folder"));
    }
    Ok(Copied::Done)
}

/// Makes `target`, which lies below `top`, a link to `source`.
///
/// # Errors
/// The disk.
pub fn link(source: &Path, top: &Path, target: &Path) -> io::Result<Copied> {
    if let Some(reason) = prepare(top, target)? {
        return Ok(reason);
    }
    std::os::unix::fs::symlink(source, target)?;
    Ok(Copied::Done)
}

/// Makes the folders above `target`; says why it cannot be written, if it cannot.
fn prepare(top: &Path, target: &Path) -> io::Result<Option<Copied>> {
    if target.symlink_metadata().is_ok() {
        return Ok(Some(Copied::There));
    }
    let Ok(rest) = target.strip_prefix(top) else { return Ok(Some(Copied::LeftOut("it lies outside"))) };
    let mut folder = top.to_owned();
    for part in rest.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match folder.symlink_metadata() {
            Ok(stat) if stat.is_dir() => {}
            Ok(_) => return Ok(Some(Copied::LeftOut("a folder on its way is none there"))),
            Err(_) => std::fs::create_dir(&folder)?,
        }
    }
    Ok(None)
}

/// A file that is half copied when we are killed must not look whole, hence the rename.
fn copy_file(source: &Path, target: &Path) -> io::Result<()> {
    let parent = target.parent().unwrap_or(target);
    let folder = tempfile::Builder::new().prefix(".specmake-").tempdir_in(parent)?;
    let half = folder.path().join("half");
    reflink_copy::reflink_or_copy(source, &half)?;
    std::fs::set_permissions(&half, source.metadata()?.permissions())?;
    std::fs::rename(&half, target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_wherever_they_stand() {
        let folder = tempfile::tempdir().expect("a folder");
        let top = folder.path().canonicalize().expect("a path");
        std::fs::create_dir_all(top.join("a/b")).expect("folders");
        symlink("a/b", top.join("link")).expect("a link");
        symlink("/etc", top.join("out")).expect("a link");
        symlink("loop", top.join("loop")).expect("a link");
        std::fs::write(top.join("file"), "").expect("a file");
        let check = |path: &str, expect: Option<&Path>| {
            assert_eq!(real(&top.join(path)).as_deref(), expect, "{path}");
        };
        check("a/./b/x/y", Some(&top.join("a/b/x/y")));
        check("link/x", Some(&top.join("a/b/x")));
        check("link/../x", Some(&top.join("a/x")));
        check("out/passwd", Some(Path::new("/etc/passwd")));
        check("new/../../x", Some(&top.parent().expect("a folder").join("x")));
        check("file/x", Some(&top.join("file/x")));
        check("../../../../../../../../../x", Some(Path::new("/x")));
        check("loop/x", None);
    }
}
