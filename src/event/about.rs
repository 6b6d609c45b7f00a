//! What an event is about.
use super::Event;
use crate::base::SpecName;

impl Event {
    /// The spec that it is about, if it is about one.
    pub fn spec(&self) -> Option<&SpecName> {
        match self {
            Self::Judged { stage, .. }
            | Self::Waiting { stage, .. }
            | Self::AttemptStarted { stage, .. }
            | Self::Output { stage, .. }
            | Self::SessionStarted { stage, .. }
            | Self::Tool { stage, .. }
            | Self::Planned { stage, .. }
            | Self::Retrying { stage, .. }
            | Self::Permission { stage, .. }
            | Self::Progress { stage, .. }
            | Self::Usage { stage, .. }
            | Self::AttemptEnded { stage, .. }
            | Self::Rewound { stage, .. }
            | Self::StageDone { stage, .. }
            | Self::StageHeld { stage, .. }
            | Self::GateWaiting { stage }
            | Self::StageFailed { stage, .. } => Some(&stage.spec),
            Self::SpecBlocked { spec, .. }
            | Self::SpecSkipped { spec, .. }
            | Self::Landing { spec, .. }
            | Self::LandingWaits { spec, .. }
            | Self::Landed { spec, .. }
            | Self::Delivered { spec, .. } => Some(spec),
            Self::RunStarted { .. }
            | Self::LandingFlake { .. }
            | Self::PoolPaused { .. }
            | Self::PoolResumed { .. }
            | Self::BudgetReached { .. }
            | Self::LoadHigh { .. }
            | Self::LoadFine { .. }
            | Self::Warning { .. }
            | Self::Stopping { .. }
            | Self::RunEnded { .. } => None,
        }
    }
}
