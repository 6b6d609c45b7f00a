//! The nouns every room shares. Nothing here touches a disk, a clock or a process.
pub mod diagnostic;
pub mod english;
pub mod id;
pub mod mask;
pub mod oid;
pub mod reason;
pub mod source;
pub mod stamp;

pub use diagnostic::{Diagnostic, Severity};
pub use id::{AgentName, LayerName, PipelineName, PoolName, ResourceName, SpecName, StageId, StageName};
pub use mask::Mask;
pub use oid::Oid;
pub use reason::Reason;
pub use source::{SourceId, Sources, Span};
pub use stamp::{BlobStamper, Stamp, Stamper};
