//! Numbers for worktrees that are in use at once: the smallest free one.
use super::site::Site;
use crate::sys::spare::{Sparing, WORTH};
use std::sync::PoisonError;

impl Site {
    /// The slot of a spec; it keeps it until it lands or the run ends.
    pub(super) fn slot(&self, spec: usize) -> u32 {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&spec) {
            return *slot;
        }
        let slot = (1..).find(|slot| !slots.values().any(|taken| taken == slot)).unwrap_or(0);
        slots.insert(spec, slot);
        slot
    }

    /// The slot of a landing worktree: 0 for the first, which never changes.
    pub(super) fn desk_slot(&self, desk: usize) -> u32 {
        if desk == 0 { 0 } else { self.slot(usize::MAX - desk) }
    }

    /// What is kept of worktrees for those that come after them: as many as are in use at once.
    pub(super) fn sparing(&self) -> Sparing {
        let settings = &self.project.settings;
        // Files keep their times in a spare one: beside products that are brought in and newer, make would build nothing.
        let brings_in = !settings.copy.is_empty() || !settings.link.is_empty();
        let most = if brings_in { 0 } else { usize::try_from(settings.jobs).unwrap_or(usize::MAX) };
        Sparing { most, free: settings.limits.disk, worth: WORTH, any_disk: false }
    }

    pub(super) fn free_slot(&self, spec: usize) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&spec);
    }
}
