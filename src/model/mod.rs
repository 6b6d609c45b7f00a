//! What a Specfile means: every name resolved, every setting where the closest one wins.
//! Knows nothing of text, disks or what has run.
pub mod agent;
pub mod asked;
pub mod compiled;
pub mod ladder;
pub mod load;
pub mod look;
mod lower;
pub mod notify;
pub mod pattern;
pub mod permission;
pub mod project;
pub mod spec;
pub mod stage;

pub use agent::{Agent, DIALECTS, LimitKind, LimitPattern, Price, PromptBy};
pub use asked::Recording;
pub use ladder::{FailureClass, Ladder, Ladders, Rung, Step};
pub use load::{Files, LoadRequest, Loaded, Text, load};
pub use look::{Home, KnownAgent, Look, Origin, Said, Setting, look};
pub use notify::Notify;
pub use pattern::Pattern;
pub use permission::{Answer, PathRule, PermissionRule, ToolKind};
pub use project::{
    CommitInputs, ConflictsPolicy, Land, LandStrategy, Layer, LoadLimits, Project, Settings, TouchesPolicy,
};
pub use spec::{Need, Spec, Target};
pub use stage::{Prompt, PromptSource, Stage, StageSettings, Tasks, USUAL_TIMEOUT, Work};
