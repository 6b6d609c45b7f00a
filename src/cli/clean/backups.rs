//! Backups that nobody came back for.
use super::Cleaning;
use crate::base::english;
use crate::run::backups::{Backup, backups};
use crate::sys::git::{Git, GitError};
use serde_json::{Value, json};
use std::time::Duration;

/// Which backups go.
pub struct Expiry<'a> {
    /// Those older than this.
    pub older: Duration,
    /// Now, in seconds since the Unix epoch.
    pub now: u64,
    /// But never those of a spec that is held.
    pub held: &'a dyn Fn(&str) -> bool,
}

/// What became of a backup.
pub struct Looked {
    backup: Backup,
    why: Option<String>,
}

/// Forgets the backups that are old enough, but for a dry run.
///
/// # Errors
/// git fails.
pub fn expire(git: &Git, cleaning: &Cleaning<'_>) -> Result<Vec<Looked>, GitError> {
    let mut looked = Vec::new();
    for backup in backups(git, None)? {
        if !cleaning.specs.is_empty() && !cleaning.specs.contains(&backup.spec) {
            continue;
        }
        let why = cleaning.expiry.why_it_stays(&backup);
        if why.is_none() && !cleaning.dry_run {
            backup.expire(git)?;
        }
        looked.push(Looked { backup, why });
    }
    Ok(looked)
}

impl Expiry<'_> {
    fn age(&self, backup: &Backup) -> u64 {
        self.now.saturating_sub(backup.at)
    }

    fn why_it_stays(&self, backup: &Backup) -> Option<String> {
        if self.age(backup) < self.older.as_secs() {
            return Some(format!("{} old", english::age(self.age(backup))));
        }
        (self.held)(&backup.spec).then(|| format!("`{}` is held", backup.spec))
    }
}

impl Looked {
    /// Its line; one that stays is worth one where it is asked what would be done.
    pub fn line(&self, cleaning: &Cleaning<'_>) -> Option<String> {
        let Backup { name, spec, .. } = &self.backup;
        match (&self.why, cleaning.dry_run) {
            (Some(why), true) => Some(format!("{spec}: `{name}` stays: {why}")),
            (Some(_), false) => None,
            (None, dry_run) => {
                let age = english::age(cleaning.expiry.age(&self.backup));
                let verb = if dry_run { "would be removed" } else { "removed" };
                Some(format!("{spec}: `{name}`, {age} old, {verb}; it was {}", self.backup.commit.short()))
            }
        }
    }

    /// The same for programs.
    pub fn object(&self, cleaning: &Cleaning<'_>) -> Value {
        let Backup { name, spec, commit, at } = &self.backup;
        json!({
            "spec": spec,
            "ref": name,
            "commit": commit.to_string(),
            "made": at,
            "removed": self.why.is_none() && !cleaning.dry_run,
            "removable": self.why.is_none(),
            "why": self.why,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::clean;
    use super::*;
    use crate::sys::git::RefUpdate;
    use crate::sys::testing::World;

    #[test]
    fn old_ones_go_but_for_those_of_a_held_spec() {
        let world = World::new(&[("a", "1\n")]);
        let (git, commit) = (world.open(), world.oid("HEAD"));
        for spec in ["done", "held", "other"] {
            let name = format!("refs/specmake/backup/{spec}/x");
            git.update_refs(&[RefUpdate::create(name, commit)], "specmake: backup").unwrap();
        }
        let now = backups(&git, None).unwrap()[0].at + 31 * 86400;
        let held = |spec: &str| spec == "held";
        let cleaned = |older: u64, specs: &[String], dry_run: bool, json: bool| {
            let expiry = Expiry { older: Duration::from_secs(older), now, held: &held };
            let cleaning = Cleaning { specs, dry_run, json, unlanded: &|_, _| None, expiry: &expiry };
            let mut out = Vec::new();
            clean(&git, &cleaning, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(cleaned(32 * 86400, &[], false, false), "");
        let goes = |spec: &str| {
            let short = commit.short();
            format!(
                "{spec}: `refs/specmake/backup/{spec}/x`, 31 days old, would be removed; it was {short}\n"
            )
        };
        let stays = "held: `refs/specmake/backup/held/x` stays: `held` is held\n";
        let expected = format!("{}{stays}{}", goes("done"), goes("other"));
        assert_eq!(cleaned(86400, &[], true, false), expected);
        assert!(cleaned(86400, &["done".into()], false, false).starts_with("done: "));
        let json: Value = serde_json::from_str(&cleaned(86400, &[], false, true)).unwrap();
        crate::report::schemas::check("clean", &json);
        let gone: Vec<(&str, bool)> = json["backups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["spec"].as_str().unwrap(), one["removed"].as_bool().unwrap()))
            .collect();
        assert_eq!(gone, [("held", false), ("other", true)]);
        assert_eq!(backups(&git, None).unwrap().len(), 1);
    }
}
