//! Backups: what was there before something of ours moved it, each under a ref of its own.
use crate::sys::git::{Git, GitError, Oid, RefUpdate};

/// Where such refs lie.
pub const BACKUPS: &str = "refs/specmake/backup/";

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The full name of its ref.
    pub name: String,
    /// The spec it is of.
    pub spec: String,
    /// The commit that it keeps.
    pub commit: Oid,
    /// When it was made, in seconds since the Unix epoch.
    pub at: u64,
}

/// The backups of one spec, or of all, newest first.
///
/// # Errors
/// git fails.
pub fn backups(git: &Git, spec: Option<&str>) -> Result<Vec<Backup>, GitError> {
    let prefix = spec.map_or_else(|| BACKUPS.to_owned(), |spec| format!("{BACKUPS}{spec}/"));
    let mut found = Vec::new();
    for (name, commit) in git.refs(&[&prefix])? {
        let spec = name.trim_start_matches(BACKUPS).split('/').next().unwrap_or_default().to_owned();
        let at = made(git, &name, commit)?;
        found.push(Backup { name, spec, commit, at });
    }
    found.sort_by(|a, b| (&a.spec, b.at, &a.name).cmp(&(&b.spec, a.at, &b.name)));
    Ok(found)
}

/// When a ref was made, as its log has it; where that is lost, when its commit was.
fn made(git: &Git, name: &str, commit: Oid) -> Result<u64, GitError> {
    let log = git.command(["reflog", "show", "--date=unix", "--format=%gd", name, "--"]);
    let first = git.ask(&log)?.text().lines().last().map(str::to_owned).unwrap_or_default();
    let time = |line: &str| line.rsplit_once("@{")?.1.trim_end_matches('}').parse().ok();
    if let Some(at) = time(&first) {
        return Ok(at);
    }
    let shown = git.command(["log", "-1", "--format=%ct", &commit.to_string(), "--"]);
    Ok(git.run(&shown)?.text().trim().parse().unwrap_or_default())
}

impl Backup {
    /// Forgets it.
    ///
    /// # Errors
    /// git fails, or it was moved just now.
    pub fn expire(&self, git: &Git) -> Result<(), GitError> {
        git.update_refs(&[RefUpdate::delete(self.name.clone(), self.commit)], "specmake: clean")
    }

    /// The commands that look at it and that go on from it.
    pub fn commands(&self, base: &str) -> [String; 2] {
        let Self { name, spec, .. } = self;
        [format!("git diff {base}...{name}"), format!("git switch -c {spec}-again {name}")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::World;

    #[test]
    fn a_backup_is_as_old_as_its_ref_not_as_its_commit() {
        let world = World::new(&[("a", "1\n")]);
        let (git, old) = (world.open(), world.oid("HEAD"));
        let before = backups(&git, None).unwrap();
        assert_eq!(before, []);
        for name in ["refs/specmake/backup/a/x", "refs/specmake/backup/ab/plan/y"] {
            git.update_refs(&[RefUpdate::create(name, old)], "specmake: backup").unwrap();
        }
        let log = world.top().join(".git/logs/refs/specmake/backup/a/x");
        let text = std::fs::read_to_string(&log).unwrap();
        let (start, _) = text.split_once("> ").unwrap();
        std::fs::write(&log, format!("{start}> 1234567890 +0000\tspecmake: backup\n")).unwrap();
        let found = backups(&git, None).unwrap();
        let names: Vec<(&str, bool)> =
            found.iter().map(|b| (b.spec.as_str(), b.at == 1_234_567_890)).collect();
        assert_eq!(names, [("a", true), ("ab", false)]);
        assert_eq!(backups(&git, Some("a")).unwrap(), found[..1], "not those of a name that begins so");
        std::fs::remove_file(&log).unwrap();
        let lost = backups(&git, Some("a")).unwrap();
        assert_ne!(lost[0].at, 1_234_567_890);
        assert!(lost[0].at > 0, "then it is as old as its commit");
        found[0].expire(&git).unwrap();
        assert_eq!(backups(&git, None).unwrap().len(), 1);
    }
}
