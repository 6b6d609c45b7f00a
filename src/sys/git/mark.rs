//! The marks of our branches in the repository's configuration, `branch.<name>.specmake`, written and removed without
//! a process where that is plain to do: under git's own lock file, and only whole sections that look as we write them.
use super::error::GitError;
use super::repo::Git;
use crate::sys::lock::RefsLock;
use std::fs::OpenOptions;
use std::io::{self, Write};

impl Git {
    /// Marks a branch as ours.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub(crate) fn mark_locked(&self, branch: &str, text: &str, lock: &RefsLock) -> Result<(), GitError> {
        if self.edit_config(|config| with_mark(config, branch, text)) {
            return Ok(());
        }
        self.set_config_locked(&Self::mark_name(branch), text, lock)
    }

    /// Forgets all that is configured for a branch of ours that is gone. A mark that is gone already is as good.
    ///
    /// # Errors
    /// git cannot run.
    pub(crate) fn unmark_locked(&self, branch: &str, _lock: &RefsLock) -> Result<(), GitError> {
        if self.edit_config(|config| without_mark(config, branch)) {
            return Ok(());
        }
        let section = format!("branch.{branch}");
        self.ask(&self.command(["config", "--local", "--remove-section", &section])).map(drop)
    }

    /// Replaces the configuration by what `edit` makes of it. False: nothing was done, git may know better.
    fn edit_config(&self, edit: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> bool {
        let file = self.common_dir().join("config");
        let Ok(stat) = file.symlink_metadata() else { return false };
        if !stat.is_file() {
            return false;
        }
        let lock = self.common_dir().join("config.lock");
        let Ok(mut locked) = OpenOptions::new().write(true).create_new(true).open(&lock) else {
            return false;
        };
        let replace = || -> io::Result<bool> {
            let Some(new) = edit(&std::fs::read(&file)?) else { return Ok(false) };
            locked.write_all(&new)?;
            locked.set_permissions(stat.permissions())?;
            std::fs::rename(&lock, &file).map(|()| true)
        };
        let done = { replace }().unwrap_or(false);
        if !done {
            drop(std::fs::remove_file(&lock));
        }
        done
    }
}

fn header(branch: &str) -> Option<String> {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\');
    branch.chars().all(is_plain).then(|| format!("[branch \"{branch}\"]\n"))
}

/// The configuration with one more section. `None`: there is one for the branch, or it is not plain to do.
fn with_mark(config: &[u8], branch: &str, text: &str) -> Option<Vec<u8>> {
    let header = header(branch)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let named = format!("\"{branch}\"");
    let is_whole = config.is_empty() || config.ends_with(b"\n") && !config.ends_with(b"\\\n");
    if !text.chars().all(is_plain) || text.is_empty() || !is_whole || find(config, named.as_bytes()).is_some()
    {
        return None;
    }
    Some([config, header.as_bytes(), b"\tspecmake = ", text.as_bytes(), b"\n"].concat())
}

/// The configuration without the section that [`with_mark`] wrote. `None`: something else stands in it.
fn without_mark(config: &[u8], branch: &str) -> Option<Vec<u8>> {
    let header = header(branch)?;
    let start = find(config, header.as_bytes())?;
    let (before, rest) = (&config[..start], &config[start + header.len()..]);
    let value = rest.strip_prefix(b"\tspecmake = ")?;
    let end = value.iter().position(|byte| *byte == b'\n')?;
    let after = &value[end + 1..];
    let begins_line = before.is_empty() || before.ends_with(b"\n") && !before.ends_with(b"\\\n");
    let is_alone = after.is_empty() || after.starts_with(b"[");
    let named = format!("\"{branch}\"");
    if !begins_line || !is_alone || value[..end].ends_with(b"\\") || find(after, named.as_bytes()).is_some() {
        return None;
    }
    Some([before, after].concat())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    #[test]
    fn marks_come_and_go_as_if_git_had_written_them() {
        let world = World::new(&[]);
        let git = world.open();
        let lock = RefsLock::take(&git).unwrap();
        let config = || std::fs::read_to_string(world.top().join(".git/config")).unwrap();
        let before = config();
        git.mark_locked("spec/a", "a", &lock).unwrap();
        git.mark_locked("spec/b", "b", &lock).unwrap();
        let ours = config();
        assert_eq!(
            git.marked_branches().unwrap().into_iter().collect::<Vec<_>>(),
            [("spec/a".to_owned(), "a".to_owned()), ("spec/b".to_owned(), "b".to_owned())]
        );
        world.git(&["config", "branch.spec/a.specmake", "a"]);
        assert_eq!(config(), ours, "git writes it alike");
        git.unmark_locked("spec/a", &lock).unwrap();
        git.unmark_locked("spec/b", &lock).unwrap();
        assert_eq!(config(), before);
        git.unmark_locked("spec/b", &lock).unwrap();
    }

    #[test]
    fn what_is_not_plain_is_left_to_git() {
        let world = World::new(&[]);
        let git = world.open();
        let lock = RefsLock::take(&git).unwrap();
        git.mark_locked("odd\"name", "a b", &lock).unwrap();
        git.mark_locked("spec/a", "a", &lock).unwrap();
        world.git(&["config", "branch.spec/a.remote", "origin"]);
        git.mark_locked("spec/a", "other", &lock).unwrap();
        let marked = git.marked_branches().unwrap();
        assert_eq!((marked["odd\"name"].as_str(), marked["spec/a"].as_str()), ("a b", "other"));
        git.unmark_locked("spec/a", &lock).unwrap();
        git.unmark_locked("odd\"name", &lock).unwrap();
        assert!(git.marked_branches().unwrap().is_empty());
        assert_eq!(git.config("branch.spec/a.remote").unwrap(), None);
    }

    #[test]
    fn a_section_that_only_looks_like_one_is_not_touched() {
        for config in [
            "[a]\n\tx = \\\n[branch \"b\"]\n\tspecmake = b\n",
            "[branch \"b\"]\n\tspecmake = b\n\tremote = o\n",
            "[branch \"b\"]\n\tspecmake = b\n[branch \"b\"]\n\tremote = o\n",
            "[branch \"b\"]\n\tspecmake = b \\\n[c]\n",
        ] {
            assert_eq!(without_mark(config.as_bytes(), "b"), None, "{config}");
        }
        assert_eq!(with_mark(b"[a]\n\tx = \\\n", "b", "b"), None);
        assert_eq!(with_mark(b"[Branch \"b\"]\n", "b", "b"), None);
    }
}
