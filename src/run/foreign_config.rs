//! What changed in the repository's own git configuration while an attempt ran. The file is the user's, and every
//! worktree shares it: an agent that writes there reaches beyond its own. People and other tools write there too,
//! so it is only spoken of.
use super::site::Site;
use crate::base::StageId;
use crate::sys::git::GitError;
use std::collections::BTreeMap;

/// Sections whose values may be shown; others may hold a password.
const PLAIN: [&str; 3] = ["core.", "extensions.", "user."];

/// The repository's configuration as an attempt began.
#[derive(Debug)]
pub(super) struct ConfigBefore(Option<Vec<u8>>);

type Values = BTreeMap<String, Vec<String>>;

impl Site {
    /// The repository's configuration now.
    pub(super) fn config_before(&self) -> ConfigBefore {
        ConfigBefore(std::fs::read(self.git.common_dir().join("config")).ok())
    }

    /// Tells what changed in it while an attempt ran. What is said of branches is left out: specmake marks its own
    /// there, and so does a push.
    pub(super) fn tell_of_config(&self, id: &StageId, before: &ConfigBefore) {
        let now = self.config_before();
        let (Some(old), Some(new)) = (&before.0, &now.0) else { return };
        if old == new || without_branches(old).is_some_and(|old| Some(old) == without_branches(new)) {
            return;
        }
        let told = self.config_values(old).and_then(|old| Ok(changes(&old, &self.config_values(new)?)));
        match told {
            Ok(told) => {
                for (key, words) in told {
                    if self.own_moves.is_news(&format!("config {key} {words}"), None) {
                        self.reporter.warn(format!("while {id} ran, {words}"));
                    }
                }
            }
            Err(error) => {
                self.reporter
                    .warn(format!("{id} ran, and the repository's git config cannot be read now: {error}"));
            }
        }
    }

    fn config_values(&self, text: &[u8]) -> Result<Values, GitError> {
        let mut values = Values::new();
        for (key, value) in self.git.config_text(text)? {
            if !key.starts_with("branch.") {
                values.entry(key).or_default().push(value);
            }
        }
        Ok(values)
    }
}

/// The lines of a configuration but for those of the sections of branches, of which specmake's marks come and go all the
/// time. `None`: better ask git, since a line may go on where another seems to begin, or begin in the middle of one.
fn without_branches(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut kept = Vec::new();
    let mut of_branch = false;
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.ends_with(b"\\") {
            return None;
        }
        if line.starts_with(b"[") {
            let name = line.strip_prefix(b"[branch \"").and_then(|rest| rest.strip_suffix(b"\"]"));
            if name.is_some_and(|name| name.iter().any(|byte| b"\"\\".contains(byte))) {
                return None;
            }
            of_branch = name.is_some();
        }
        if !of_branch {
            kept.push(line);
        }
    }
    Some(kept)
}

/// What differs: the key, and words for it with the command that takes it back.
fn changes(old: &Values, new: &Values) -> Vec<(String, String)> {
    let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    let differing = keys.filter(|key| old.get(*key) != new.get(*key));
    differing.map(|key| (key.clone(), words(key, old.get(key), new.get(key)))).collect()
}

fn words(key: &str, old: Option<&Vec<String>>, new: Option<&Vec<String>>) -> String {
    let shown = PLAIN.iter().any(|section| key.starts_with(section));
    let value = |values: Option<&Vec<String>>| values.filter(|_| shown).map(|values| values.join("`, `"));
    let set = value(new).map(|new| format!(" to `{new}`")).unwrap_or_default();
    match (old.map(Vec::as_slice), value(old)) {
        (None, _) => {
            format!(
                "`{key}` was set{set} in the repository's git config; `git config --unset-all {key}` removes it"
            )
        }
        (Some([_]), Some(old)) => {
            let what = if new.is_some() { "set" } else { "removed" };
            format!(
                "`{key}` was {what}{set} in the repository's git config; `git config {key} '{old}'` brings it back"
            )
        }
        _ => {
            let what = if new.is_some() { "set anew" } else { "removed" };
            format!("`{key}` was {what}{set} in the repository's git config")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
        let values = |pairs: &[(&str, &str)]| {
            let mut values = Values::new();
            for (key, value) in pairs {
                values.entry((*key).to_owned()).or_default().push((*value).to_owned());
            }
            values
        };
        changes(&values(old), &values(new)).into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn each_change_says_how_to_take_it_back() {
        let here = "in the repository's git config";
        assert_eq!(
            told(&[("core.bare", "false")], &[("core.bare", "true"), ("core.hookspath", "x")]),
            [
                format!(
                    "`core.bare` was set to `true` {here}; `git config core.bare 'false'` brings it back"
                ),
                format!(
                    "`core.hookspath` was set to `x` {here}; `git config --unset-all core.hookspath` removes it"
                ),
            ]
        );
        assert_eq!(
            told(&[("user.name", "A")], &[]),
            [format!("`user.name` was removed {here}; `git config user.name 'A'` brings it back")]
        );
    }

    #[test]
    fn only_what_is_surely_said_of_branches_is_left_out() {
        let check = |text: &str, expect: Option<&str>| {
            let kept = without_branches(text.as_bytes());
            assert_eq!(kept, expect.map(|text| text.lines().map(str::as_bytes).collect()), "{text}");
        };
        let plain = "[core]\n\tbare = false\n[remote \"o\"]\n\turl = [x]";
        check(plain, Some("[core]\nbare = false\n[remote \"o\"]\nurl = [x]"));
        check(
            "[core]\na = b\n[branch \"spec/a\"]\n\tspecmake = a\n[user]\n",
            Some("[core]\na = b\n[user]\n\n"),
        );
        // Another section may begin in the same line, a value may go on in the next.
        check("[branch \"a\"][core \"b\"]\nc = d", None);
        check("[branch \"a\"] ; \"]\nc = d", None);
        check("[core]\na = b\\\n[branch \"x\"]\nhooksPath = c", None);
        check("[branch \"a\"] [core]\nc = d", Some("[branch \"a\"] [core]\nc = d"));
        check("[branch \"a\"] c = d\ne = f", Some("[branch \"a\"] c = d\ne = f"));
    }

    #[test]
    fn a_value_that_may_be_secret_is_not_shown() {
        let url = "remote.origin.url";
        let words = told(&[(url, "https://u:secret@x")], &[(url, "https://u:other@x")]);
        assert_eq!(words, [format!("`{url}` was set anew in the repository's git config")]);
    }
}
