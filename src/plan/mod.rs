//! The schedule: every place of the graph has one state, moved by one setter, against jobs, pools, resources
//! and files that specs touch. Knows no clock: times come in as milliseconds.
pub mod state;

pub use state::State;
