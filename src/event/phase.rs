//! The parts of a landing.
use serde::{Deserialize, Serialize};

/// What a landing is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandingPhase {
    /// In the queue.
    Queued,
    /// Asking whether it merges.
    Probing,
    /// Preparing the landing worktree.
    SettingUp,
    /// Testing the commit.
    Checking,
    /// The commit needs no test: its tree was tested before, and was green.
    KnownGreen,
    /// Moving the base and the checkout.
    Moving,
}
