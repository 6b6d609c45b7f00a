//! Stories told on histories in memory.
mod journal;
mod oracle;
mod repository;
mod stories;
