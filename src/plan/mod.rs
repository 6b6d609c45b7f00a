//! The schedule: every place of the graph has one state, moved by one setter, against jobs, pools, resources
//! and files that specs touch. Knows no clock: times come in as milliseconds.
pub mod collision;
pub mod forecast;
pub mod schedule;
pub mod simulate;
pub mod state;
pub mod weights;

mod cancel;
mod claims;
mod moves;
mod ready;
mod start;
mod tokens;
mod touches;
mod urgency;
mod waits;

#[cfg(test)]
mod orders;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sample;

pub use forecast::{Forecast, Own, forecast};
pub use moves::IllegalMove;
pub use schedule::{Schedule, Terms};
pub use simulate::{Bound, Course, Thought};
pub use state::{Phase, State};
pub use touches::overlap;
pub use urgency::Best;
pub use weights::{Costs, Durations, ExpectedCost};
