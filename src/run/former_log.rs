//! The log of a stage's last attempt, found where logs lie: what is recorded in git names none.
use super::site::Site;
use crate::base::{SpecName, StageName};
use std::fs;
use std::path::Path;

impl Site {
    /// The newest log of a stage in any run that is still kept, relative to `.specmake`.
    pub(super) fn former_log(&self, spec: &SpecName, stage: &StageName) -> Option<String> {
        let mut runs = names(&self.state_dir.join("logs"));
        // The names of runs sort by time.
        runs.sort_unstable_by(|a, b| b.cmp(a));
        runs.iter().find_map(|run| {
            let folder = format!("logs/{run}/{spec}");
            let attempt = |file: &String| -> Option<u32> {
                file.strip_prefix(stage.as_str())?.strip_prefix('.')?.strip_suffix(".log")?.parse().ok()
            };
            let last = names(&self.state_dir.join(&folder)).iter().filter_map(attempt).max()?;
            Some(format!("{folder}/{stage}.{last}.log"))
        })
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
