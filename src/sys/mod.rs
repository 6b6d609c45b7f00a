//! Hands: processes, git, files and locks. Nothing here knows a spec's stages or what an agent is.
pub mod process;
