//! What makes a stage out of date: the journal read into traces and writers, and verdicts taken from them.
//! Pure: histories and trees come in as values; git, disks and clocks are somebody else's.
pub mod adopt;
mod ancestry;
mod anew;
pub mod commit;
pub mod deed;
pub mod history;
mod hold;
pub mod ingredient;
pub mod judge;
pub mod line;
pub mod mark;
pub mod packed;
mod removed;
mod rename;
pub mod result;
pub mod trailer;
pub mod tree;

#[cfg(test)]
mod tests;

pub use adopt::{Adopted, adopt};
pub use commit::{Change, Commit};
pub use deed::manifest;
pub use history::History;
pub use hold::{hold_stamp, is_held};
pub use ingredient::{Key, Kind};
pub use judge::{Judged, NeedNow, Question, judge};
pub use line::{Held, Last, Line};
pub use mark::{How, LANDING, Mark, Stamps, Trace};
pub use packed::Stretch;
pub use rename::{former_path, is_own};
pub use tree::{FileId, Tree, Trees, Unreadable};
