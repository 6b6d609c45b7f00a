//! The memory of a look that found nothing to do: what was said, and what `lstat` told of every place that the answer
//! rests on. As long as each of them is as it was, the answer is; one look at all of them then takes the place of
//! reading the Specfile, history and trees. Any damage, any doubt and any difference mean the long way round.
//!
//! What cannot be told from a stat is what git cannot tell either: a write through shared memory that reaches the disk
//! later, and one that a clock set back gives the very nanosecond of the last one.
pub mod kept;
pub mod moment;
pub mod repository;
pub mod sights;
pub mod stat;

pub use kept::{Answer, Kept, forget};
pub use moment::Moment;
pub use sights::Sights;
