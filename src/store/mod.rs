//! `.specmake/state.db`: runs and their events, durations, caches of what git holds. The only importer of
//! `rusqlite`. Nothing in it is the truth: git is the journal, and a lost file costs time and history alone.
pub mod database;
pub mod durations;
pub mod error;
pub mod index;
pub mod runs;

mod schema;

pub use database::{FILE, Opened, Store};
pub use durations::{Measured, Took};
pub use error::StoreError;
pub use runs::{Page, RunId, RunRow};
