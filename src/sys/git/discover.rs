//! Finding the repository that holds a folder.
use super::error::GitError;
use super::path;
use super::repo::{Git, Place, base_command, failed, not_started};
use crate::sys::process::{Captured, Invocation};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The oldest git that can do what is needed: `merge-tree --write-tree`.
const OLDEST: (u32, u32) = (2, 38);

impl Git {
    /// The repository that holds `dir`, as the checkout that `dir` lies in.
    ///
    /// # Errors
    /// git is missing or too old, there is no repository, or git refuses it.
    pub fn discover(dir: &Path) -> Result<Self, GitError> {
        Self::discover_with(dir, &[])
    }

    /// The same, with environment variables for each command, this one and those that follow.
    ///
    /// # Errors
    /// As [`Git::discover`].
    pub fn discover_with(dir: &Path, env: &[(OsString, OsString)]) -> Result<Self, GitError> {
        let env: Arc<[(OsString, OsString)]> = env.into();
        let asked = ["--is-bare-repository", "--is-inside-work-tree", "--is-shallow-repository"];
        let probe = rev_parse(dir, &env, &asked)?;
        if !probe.success() {
            return Err(no_repository(dir, &probe, &env));
        }
        let text = probe.text();
        let answers: Vec<bool> = text.lines().map(|line| line == "true").collect();
        let [bare, inside, shallow] = answers[..] else {
            return Err(GitError::Unreadable { what: format!("`git rev-parse` answered `{text}`") });
        };
        let (git_dir, common_dir, top) = places(dir, &env, inside)?;
        let mut place = Place {
            work_tree: top,
            main_work_tree: None,
            shallow,
            git_dir: git_dir.clone(),
            common_dir: common_dir.clone(),
            open: Arc::default(),
        };
        if git_dir == common_dir {
            if !bare && place.work_tree.is_none() {
                place.work_tree = configured_work_tree(&common_dir, &env)?;
            }
            place.main_work_tree = place.work_tree.clone();
        } else {
            place.main_work_tree = configured_work_tree(&common_dir, &env)?;
        }
        Ok(Self::at(place, env))
    }

    /// Makes sure that git is new enough.
    ///
    /// # Errors
    /// [`GitError::TooOld`], or git is missing.
    pub fn require_version() -> Result<(), GitError> {
        let command = Invocation::new("git").arg("version");
        let captured = command.capture().map_err(|source| not_started(&command, source))?;
        let text = captured.text();
        let found = text.split_whitespace().nth(2).unwrap_or_default();
        if is_new_enough(found) { Ok(()) } else { Err(GitError::TooOld { found: found.to_owned() }) }
    }

    /// Makes sure that all of history is here.
    ///
    /// # Errors
    /// [`GitError::Shallow`].
    pub fn require_history(&self) -> Result<(), GitError> {
        if self.is_shallow() { Err(GitError::Shallow) } else { Ok(()) }
    }
}

/// An unreadable version is let through: what it cannot do will say so itself.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST,
        _ => true,
    }
}

fn rev_parse(dir: &Path, env: &[(OsString, OsString)], args: &[&str]) -> Result<Captured, GitError> {
    let command =
        base_command(env).cwd(dir).args(["rev-parse", "--path-format=absolute"]).args(args.iter().copied());
    command.capture().map_err(|source| not_started(&command, source))
}

/// Git directory, common directory and top, each on a line of its own. A path may hold a line break; only
/// then is each asked for alone.
fn places(
    dir: &Path,
    env: &[(OsString, OsString)],
    inside: bool,
) -> Result<(PathBuf, PathBuf, Option<PathBuf>), GitError> {
    let all = ["--git-dir", "--git-common-dir", "--show-toplevel"];
    let asked = if inside { &all[..] } else { &all[..2] };
    let captured = rev_parse(dir, env, asked)?;
    let lines: Vec<&[u8]> = captured.stdout.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()).collect();
    let mut paths: Vec<PathBuf> = lines.iter().map(|line| path::to_os(&path::to_text(line))).collect();
    if paths.len() != asked.len() {
        paths.clear();
        for one in asked {
            let captured = rev_parse(dir, env, &[one])?;
            let bytes = captured.stdout.strip_suffix(b"\n").unwrap_or(&captured.stdout);
            paths.push(path::to_os(&path::to_text(bytes)));
        }
    }
    let mut paths = paths.into_iter();
    match (paths.next(), paths.next(), paths.next()) {
        (Some(git), Some(common), top) => Ok((git, common, top)),
        _ => Err(GitError::Unreadable { what: "`git rev-parse` named no git directory".into() }),
    }
}

/// The main checkout of the repository at `common`, found from a linked worktree or from inside `.git`.
fn configured_work_tree(common: &Path, env: &[(OsString, OsString)]) -> Result<Option<PathBuf>, GitError> {
    let command = base_command(env).cwd(common).arg("--git-dir").arg(common).args([
        "config",
        "-z",
        "--get-regexp",
        r"^core\.(bare|worktree)$",
    ]);
    let captured = command.capture().map_err(|source| not_started(&command, source))?;
    if !matches!(captured.code(), 0 | 1) {
        return Err(failed(&command, &captured));
    }
    let mut bare = None;
    let mut top = None;
    for pair in captured.stdout.split(|byte| *byte == 0).filter(|pair| !pair.is_empty()) {
        let text = path::to_text(pair);
        match text.split_once('\n') {
            Some(("core.worktree", value)) => top = Some(common.join(path::to_os(value))),
            Some(("core.bare", value)) => bare = Some(matches!(value, "true" | "yes" | "on" | "1")),
            None if text == "core.bare" => bare = Some(true),
            _ => {}
        }
    }
    if let Some(top) = top {
        return Ok(Some(top.canonicalize().unwrap_or(top)));
    }
    let beside = common.file_name().is_some_and(|name| name == ".git");
    let has_checkout = !bare.unwrap_or(!beside) && beside;
    Ok(common.parent().filter(|_| has_checkout).map(Path::to_owned))
}

fn no_repository(dir: &Path, probe: &Captured, env: &[(OsString, OsString)]) -> GitError {
    if let Err(too_old) = Git::require_version() {
        return too_old;
    }
    let ceiling = env.iter().find(|(name, _)| name == "GIT_CEILING_DIRECTORIES").map(|(_, value)| value);
    let looks_like_one = dir
        .ancestors()
        .take_while(|up| ceiling.is_none_or(|ceiling| up.as_os_str() != ceiling))
        .any(|up| up.join(".git").exists());
    if looks_like_one {
        return GitError::Refused { dir: dir.to_owned(), complaint: probe.complaint() };
    }
    GitError::NotARepository { dir: dir.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (version, enough) in
            [("2.47.3", true), ("2.38.0.windows.1", true), ("2.37.9", false), ("3.0", true), ("odd", true)]
        {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }
}
