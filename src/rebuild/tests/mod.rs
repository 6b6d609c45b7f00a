//! Stories told on histories in memory.
mod holds;
mod journal;
mod oracle;
mod renames;
mod repository;
mod stories;
