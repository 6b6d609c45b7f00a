//! What git and we read of a repository beside its objects, which never change: configuration, refs, the index, what
//! is under way, notes of ours. `gitrepository-layout(5)` and `git-config(1)` say where it lies.
use super::sights::Sights;
use super::stat::Depth;
use crate::sys::git::{Git, path};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Files and folders of a git directory, looked at whole.
const FILES: [&str; 25] = [
    "HEAD",
    "index",
    "packed-refs",
    "config",
    "config.worktree",
    "commondir",
    "shallow",
    "worktrees",
    "reftable",
    "info/exclude",
    "info/attributes",
    "info/grafts",
    "info/sparse-checkout",
    "objects/info/alternates",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "BISECT_START",
    "specmake/move.journal",
    "specmake/worktree.making",
    "specmake/worktree.removing",
    "specmake/refs.held",
];

/// Configuration that names other files.
const NAMING: [&str; 2] = ["core.excludesfile", "core.attributesfile"];

/// The places. `None`: this repository has some that cannot be looked at so: no checkout, refs that are no files.
pub fn sights(git: &Git) -> Option<Sights> {
    let top = git.main_work_tree()?;
    if !git.is_plain() || git.git_dir() != top.join(".git") || git.common_dir() != git.git_dir() {
        return None;
    }
    let mut sights = Sights::default();
    sights.add(Path::new(""), Depth::Kind);
    for folder in [".git", ".git/objects"] {
        sights.add(Path::new(folder), Depth::Kind);
    }
    // The refs of another repository may stand there.
    sights.add(Path::new(".git/refs"), Depth::Followed);
    for file in FILES {
        sights.add(&Path::new(".git").join(file), Depth::Followed);
    }
    for file in [".specmake/state.db", ".specmake/state.db-wal"] {
        sights.add(Path::new(file), Depth::Whole);
    }
    add_refs(top, Path::new(".git/refs"), &mut sights)?;
    add_config(git, top, &mut sights)?;
    Some(sights)
}

fn add_refs(top: &Path, folder: &Path, sights: &mut Sights) -> Option<()> {
    sights.add(folder, Depth::Whole);
    for entry in std::fs::read_dir(top.join(folder)).ok()? {
        let entry = entry.ok()?;
        let (path, kind) = (folder.join(entry.file_name()), entry.file_type().ok()?);
        if kind.is_dir() {
            add_refs(top, &path, sights)?;
        } else if kind.is_file() && is_told_by_refs(&top.join(&path))? {
            sights.add(&path, Depth::Whole);
        } else {
            return None;
        }
    }
    Some(())
}

/// Whether what a ref names is said by itself or by other refs.
fn is_told_by_refs(file: &Path) -> Option<bool> {
    let text = std::fs::read(file).ok()?;
    Some(text.strip_prefix(b"ref:").is_none_or(|to| to.trim_ascii_start().starts_with(b"refs/")))
}

/// Whether the environment says what else git is to read, in a way that git does not tell of.
pub fn has_config_of_its_own() -> bool {
    ["GIT_CONFIG", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
}

/// Adds every file that configuration is read from, or would be if it were there, and those that it names.
fn add_config(git: &Git, top: &Path, sights: &mut Sights) -> Option<()> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let own = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let own = own.or_else(|| Some(home.as_ref()?.join(".config"))).map(|folder| folder.join("git"));
    let mut files: Vec<PathBuf> = ["/etc/gitconfig", "/etc/gitattributes"].map(PathBuf::from).into();
    files.extend(home.as_ref().map(|home| home.join(".gitconfig")));
    for name in ["config", "ignore", "attributes"] {
        files.extend(own.as_ref().map(|own| own.join(name)));
    }
    // Where the system's own lies was decided when git was built; one that is too old to tell has it in the usual place.
    for name in ["GIT_CONFIG_SYSTEM", "GIT_ATTR_SYSTEM"] {
        files.extend(git.line(["var", name]).ok().map(|place| path::to_os(&place)));
    }
    // One that is empty or not there yet is nobody's origin.
    files.extend(std::env::var_os("GIT_CONFIG_GLOBAL").map(|place| top.join(place)));
    let listed = git.run(&git.command(["config", "--list", "--show-origin", "--includes", "-z"])).ok()?;
    let mut parts = listed.stdout.split(|byte| *byte == 0);
    while let (Some(origin), Some(pair)) = (parts.next(), parts.next()) {
        let (origin, pair) = (path::to_text(origin), path::to_text(pair));
        let origin = origin.strip_prefix("file:").map(|file| top.join(path::to_os(file)));
        files.extend(origin.clone());
        let Some((name, value)) = pair.split_once('\n') else { continue };
        let base = match (name, &origin) {
            _ if NAMING.contains(&name) => top,
            _ if !(name.starts_with("include.") || name.starts_with("includeif."))
                || !name.ends_with(".path") =>
            {
                continue;
            }
            (_, Some(origin)) => origin.parent()?,
            (_, None) => continue,
        };
        files.push(base.join(expanded(value, home.as_deref())?));
    }
    files.iter().for_each(|file| sights.add(file, Depth::Followed));
    Some(())
}

/// A path as configuration may spell it. `None` for spellings that only git understands.
fn expanded(value: &str, home: Option<&Path>) -> Option<PathBuf> {
    if let Some(rest) = value.strip_prefix("~/") {
        return Some(home?.join(path::to_os(rest)));
    }
    let is_odd = value.starts_with('~') || value.starts_with("%(") || value.starts_with(":(");
    (!is_odd).then(|| path::to_os(value))
}

/// What the environment tells git and us, names and values in the order of names.
pub fn environment() -> Vec<(OsString, OsString)> {
    let counts = |name: &OsString| {
        let name = name.as_encoded_bytes();
        let prefixes: [&[u8]; 4] = [b"GIT_", b"SPECMAKE_", b"XDG_", b"LC_"];
        let names: [&[u8]; 6] = [b"HOME", b"LANG", b"LANGUAGE", b"TZ", b"TERM", b"SUDO_UID"];
        let of_a_commit: [&[u8]; 2] = [b"GIT_AUTHOR_", b"GIT_COMMITTER_"];
        !of_a_commit.iter().any(|prefix| name.starts_with(prefix))
            && (prefixes.iter().any(|prefix| name.starts_with(prefix)) || names.contains(&name))
    };
    let mut found: Vec<(OsString, OsString)> = std::env::vars_os().filter(|(name, _)| counts(name)).collect();
    found.sort_unstable();
    found
}
