//! Arguments and commands: the only room that writes to a terminal. Everything may be used here, nothing uses it.
pub mod args;
pub mod completions;
pub mod demo;
pub mod diagnose;
pub mod exit;
pub mod graph;
pub mod logs;
pub mod plan;
pub mod show;
pub mod status;
pub mod trust;
pub mod user;
pub mod wishes;
