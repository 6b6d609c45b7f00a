//! Hands: processes, git, files and locks. Nothing here knows a spec's stages or what an agent is.
pub mod child;
pub mod git;
pub mod lock;
pub mod output;
pub mod process;
pub mod signal;
pub mod stop;
#[cfg(test)]
pub(crate) mod testing;
