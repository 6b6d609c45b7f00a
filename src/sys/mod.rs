//! Hands: processes, git, files and locks. Nothing here knows a spec's stages or what an agent is.
pub mod checkout;
pub mod child;
pub mod disk;
pub mod exclude;
pub mod files;
pub mod git;
pub mod glance;
pub mod landing;
pub mod load;
pub mod lock;
pub mod output;
pub mod proc;
pub mod process;
pub mod sealed;
pub mod signal;
pub mod spare;
pub mod stop;
pub mod strays;
#[cfg(test)]
pub(crate) mod testing;
pub mod worktree;
