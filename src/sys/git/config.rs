//! Reading and writing the repository's own configuration.
use super::error::GitError;
use super::path;
use super::repo::{Git, failed};
use crate::sys::lock::RefsLock;
use std::collections::BTreeMap;

impl Git {
    /// The value of a configuration name, wherever it is set.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn config(&self, name: &str) -> Result<Option<String>, GitError> {
        let command = self.command(["config", "-z", "--get", name]);
        let captured = self.ask(&command)?;
        match captured.code() {
            0 => Ok(Some(path::to_text(captured.stdout.strip_suffix(b"\0").unwrap_or(&captured.stdout)))),
            1 => Ok(None),
            _ => Err(failed(&command, &captured)),
        }
    }

    /// The names and values of a configuration file's text, in its order.
    ///
    /// # Errors
    /// It cannot be read as one.
    pub fn config_text(&self, text: &[u8]) -> Result<Vec<(String, String)>, GitError> {
        let command = self.command(["config", "-z", "--no-includes", "--file", "-", "--list"]).stdin(text);
        let captured = self.run(&command)?;
        let pairs = captured.stdout.split(|byte| *byte == 0).filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let pair = path::to_text(pair);
            let (name, value) = pair.split_once('\n').unwrap_or((&pair, ""));
            (name.to_owned(), value.to_owned())
        });
        Ok(pairs.collect())
    }

    /// Sets a configuration name in the repository. Takes the lock on refs.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn set_config(&self, name: &str, value: &str) -> Result<(), GitError> {
        let lock = RefsLock::take(self)?;
        self.set_config_locked(name, value, &lock)
    }

    /// The same for who holds the lock already.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn set_config_locked(&self, name: &str, value: &str, _lock: &RefsLock) -> Result<(), GitError> {
        self.run(&self.command(["config", "--local", name, value])).map(drop)
    }

    /// Removes a configuration name from the repository, and its section if nothing else stands in it. One that is
    /// gone already is as good as one that goes now.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn unset_config_locked(&self, name: &str, _lock: &RefsLock) -> Result<(), GitError> {
        let command = self.command(["config", "--local", "--unset-all", name]);
        let captured = self.ask(&command)?;
        if matches!(captured.code(), 0 | 5) { Ok(()) } else { Err(failed(&command, &captured)) }
    }

    /// The branches that carry our mark, and what it says: `branch.<name>.specmake`.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn marked_branches(&self) -> Result<BTreeMap<String, String>, GitError> {
        let command = self.command(["config", "-z", "--get-regexp", r"^branch\..*\.specmake$"]);
        let captured = self.ask(&command)?;
        if !matches!(captured.code(), 0 | 1) {
            return Err(failed(&command, &captured));
        }
        let mut marked = BTreeMap::new();
        for pair in captured.stdout.split(|byte| *byte == 0) {
            let text = path::to_text(pair);
            let (name, value) = text.split_once('\n').unwrap_or((&text, ""));
            let branch = name.strip_prefix("branch.").and_then(|rest| rest.strip_suffix(".specmake"));
            if let Some(branch) = branch {
                marked.insert(branch.to_owned(), value.to_owned());
            }
        }
        Ok(marked)
    }

    /// The configuration name that marks a branch as ours.
    pub fn mark_name(branch: &str) -> String {
        format!("branch.{branch}.specmake")
    }
}
