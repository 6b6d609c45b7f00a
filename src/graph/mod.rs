//! One graph of every stage and landing of a project, and the part of it that some goals want.
//! The only importer of `petgraph`. Knows nothing of what has run.
pub mod goals;
pub mod place;
pub mod stage_graph;
pub mod waves;

mod build;
mod cycle;

#[cfg(test)]
pub mod sample;

pub use goals::{GoalError, Wanted, resolve};
pub use place::{Edge, Place, PlaceKind};
pub use stage_graph::StageGraph;
