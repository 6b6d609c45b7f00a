//! Hands: processes, git, files and locks. Nothing here knows a spec's stages or what an agent is.
pub mod child;
pub mod git;
pub mod lock;
pub mod process;
pub mod signal;
#[cfg(test)]
pub(crate) mod testing;
