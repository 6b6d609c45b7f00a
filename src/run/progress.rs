//! How far a stage with tasks has come, read from the tasks file in its worktree while it runs.
use super::report::Reporter;
use crate::base::StageId;
use crate::event::Event;
use crate::tasks;
use std::fs;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, SystemTime};
use tokio::time::{MissedTickBehavior, interval};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// Watches one tasks file.
pub(super) struct Progress {
    reporter: Reporter,
    stage: StageId,
    file: PathBuf,
    seen: Option<(SystemTime, u64)>,
    told: Option<(u32, u32)>,
}

impl Progress {
    /// Watches the tasks of a stage in this file.
    pub fn new(reporter: Reporter, stage: StageId, file: PathBuf) -> Self {
        Self { reporter, stage, file, seen: None, told: None }
    }

    /// Does the work and tells meanwhile of tasks as they are ticked, and once more when it has ended.
    pub async fn beside<T>(mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = &mut work => {
                    self.look();
                    return done;
                }
                _ = ticks.tick() => self.look(),
            }
        }
    }

    /// Reads the file if it has changed, and tells if more or fewer tasks are ticked. One that is not there, is no
    /// file or does not parse says nothing: that is for the end of the attempt to judge.
    fn look(&mut self) {
        let Ok(found) = fs::symlink_metadata(&self.file) else { return };
        let seen = found.modified().ok().map(|time| (time, found.len()));
        if !found.is_file() || found.len() > LONGEST || (seen.is_some() && seen == self.seen) {
            return;
        }
        self.seen = seen;
        let Ok(text) = fs::read_to_string(&self.file) else { return };
        let Ok(tasks) = tasks::parse(&self.file.to_string_lossy(), &text) else { return };
        let (done, total) = tasks.progress();
        if self.told.replace((done, total)) != Some((done, total)) {
            self.reporter.report(Event::Progress { stage: self.stage.clone(), done, total });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SpecName, StageName};

    #[test]
    fn ticks_are_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tasks.md");
        let (to, told) = std::sync::mpsc::channel();
        let spec = SpecName::new("a").expect("a name");
        let stage = StageId::new(&spec, &StageName::new("implement").expect("a name"));
        let mut progress = Progress::new(Reporter::new(to), stage, file.clone());
        let mut check = |text: Option<&str>, expect: &[(u32, u32)]| {
            if let Some(text) = text {
                fs::write(&file, text).expect("a file");
            }
            progress.look();
            let told: Vec<(u32, u32)> = told
                .try_iter()
                .filter_map(|record| match record.event {
                    Event::Progress { done, total, .. } => Some((done, total)),
                    _ => None,
                })
                .collect();
            assert_eq!(told, expect, "{text:?}");
        };
        check(None, &[]);
        check(Some("- [ ] T001 One\n- [ ] T002 Two\n"), &[(0, 2)]);
        check(None, &[]);
        check(Some("- [x] T001 One\n- [ ] T002 Two more\n"), &[(1, 2)]);
        check(Some("- [x] T001 One\n- [ ] T002 Two and more\n"), &[]);
        check(Some("half a wor"), &[]);
        check(Some("- [x] T001 One\n- [x] T002 Two\n- [ ] T003 Three\n"), &[(2, 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_told_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tasks.md");
        let (to, told) = std::sync::mpsc::channel();
        let spec = SpecName::new("a").expect("a name");
        let stage = StageId::new(&spec, &StageName::new("implement").expect("a name"));
        let progress = Progress::new(Reporter::new(to), stage, file.clone());
        let work = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            fs::write(&file, "- [x] T001 One\n").is_ok()
        };
        assert!(progress.beside(work).await);
        assert_eq!(told.try_iter().count(), 1);
    }
}
