//! What an agent wrote into the user's checkout instead of, or beside, its worktree.
use super::attempt::Prepared;
use super::contents::file_id;
use super::site::Site;
use crate::event::Failure;
use crate::model::FailureClass;
use crate::sys::git::{GitError, path};
use crate::sys::worktree::Snapshot;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl Site {
    /// The failure of an attempt that leaked: files of the checkout that were written since it `began`, equal
    /// what it wrote, and are not what the base has there. They stay as they are.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn leak(
        &self,
        prepared: &Prepared,
        snapshot: &Snapshot,
        began: SystemTime,
    ) -> Result<Option<Failure>, GitError> {
        let Some(checkout) = self.git.main_work_tree() else { return Ok(None) };
        let base = self.contents.tree(self.base().tip)?;
        let mut leaked = Vec::new();
        for change in &snapshot.changes {
            let Some(new) = change.new else { continue };
            let file = path::to_os(&change.path);
            if base.file(&change.path) != Some(file_id(new))
                && written_since(&checkout.join(&file), began)
                && is_same(&checkout.join(&file), &prepared.worktree().top().join(&file))
            {
                leaked.push(change.path.as_str());
            }
        }
        if leaked.is_empty() {
            return Ok(None);
        }
        let shown = leaked.iter().take(5).copied().collect::<Vec<_>>().join("`, `");
        let message = format!("it wrote `{shown}` in your checkout, outside of its worktree");
        Ok(Some(Failure::new(FailureClass::Leak, message)))
    }
}

/// By the time of its last change, which no program sets at will.
fn written_since(file: &Path, began: SystemTime) -> bool {
    let Ok(stat) = file.symlink_metadata() else { return false };
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(stat.ctime()), u32::try_from(stat.ctime_nsec())) else {
        return false;
    };
    // The clock of a filesystem may lag by a tick.
    stat.is_file() && UNIX_EPOCH + Duration::new(seconds, nanos) + Duration::from_millis(10) >= began
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((std::fs::read(one), std::fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
