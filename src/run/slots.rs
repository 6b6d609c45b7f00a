//! Numbers for worktrees that are in use at once: the smallest free one.
use super::site::Site;
use crate::model::Settings;
use crate::sys::spare::{Keep, NEVER, NotKept, Sparing, WORTH};
use std::sync::PoisonError;

/// What goes from one worktree to the next, by the Specfile, if anything does: as long as it is set up in the same way for
/// the same specs.
pub(super) fn keep(settings: &Settings) -> Option<Keep> {
    let under = std::iter::once(&settings.specs).chain(&settings.setup).map(String::as_str);
    let keep = || Keep::new(&settings.keep, under).beside(&settings.copy, &settings.link);
    (!settings.keep.is_empty()).then(keep)
}

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

    /// What is kept of worktrees for those that come after them: of as many as are in use at once.
    pub(super) fn sparing(&self) -> Sparing<'_> {
        let settings = &self.project.settings;
        // Files keep their times in a spare one: beside products that are brought in and newer, make would build nothing.
        let brings_in = !settings.copy.is_empty() || !settings.link.is_empty();
        let has_none = brings_in && self.keep.is_none();
        let most = if has_none { 0 } else { usize::try_from(settings.jobs).unwrap_or(usize::MAX) };
        let worth = if brings_in { NEVER } else { WORTH };
        let keep = self.keep.as_ref();
        Sparing { most, free: settings.limits.disk, worth, keep, ..Sparing::default() }
    }

    /// Says once in a run why a folder does not go on.
    pub(super) fn tell_not_kept(&self, not_kept: &[NotKept]) {
        let mut told = self.told_not_kept.lock().unwrap_or_else(PoisonError::into_inner);
        for one in not_kept {
            if told.insert(one.folder.clone()) {
                self.reporter.warn(one.to_string());
            }
        }
    }

    pub(super) fn free_slot(&self, spec: usize) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&spec);
    }
}
