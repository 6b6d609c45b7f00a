//! What a stage may wait for.
use crate::base::{AgentName, LayerName, PoolName, ResourceName, SpecName, StageName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that a stage waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum WaitsFor {
    /// A spec that must land first.
    Need {
        /// The spec.
        spec: SpecName,
        /// The reason the Specfile gives.
        why: Option<String>,
    },
    /// A spec that merely comes first.
    After {
        /// The spec.
        spec: SpecName,
    },
    /// All the specs of a layer, needed or merely first.
    Layer {
        /// The layer.
        layer: LayerName,
    },
    /// An earlier stage of the same spec.
    Stage {
        /// The stage.
        stage: StageName,
    },
    /// A free job.
    Job,
    /// A pool.
    Pool {
        /// The pool.
        pool: PoolName,
    },
    /// A resource.
    Resource {
        /// The resource.
        resource: ResourceName,
    },
    /// A spec that touches the same files.
    Touches {
        /// The spec.
        spec: SpecName,
    },
    /// A spec that is in progress and works on the same file, though neither says so.
    Overlap {
        /// The spec.
        spec: SpecName,
        /// The file.
        path: String,
    },
    /// Something that must run alone, or it itself must.
    Alone,
    /// A back-off that ends at this time, in milliseconds since the Unix epoch.
    Backoff {
        /// When.
        until: u64,
    },
    /// The end of a limit that refused the agent, or another one of its pool.
    Limit {
        /// The one that was refused.
        agent: AgentName,
        /// When it is over, in milliseconds since the Unix epoch; none if a person has to do something.
        until: Option<u64>,
    },
    /// Money: the run has cost what it may.
    Budget,
    /// The machine, which is short of something.
    Load {
        /// Of what.
        what: Scarce,
    },
}

/// What a machine can be short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scarce {
    /// Time of its processors.
    Cpu,
    /// Memory.
    Memory,
    /// Room on the disk that worktrees lie on.
    Disk,
}

impl fmt::Display for Scarce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
        })
    }
}
