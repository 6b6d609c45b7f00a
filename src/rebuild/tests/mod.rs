//! Stories told on histories in memory.
mod journal;
mod repository;
mod stories;
