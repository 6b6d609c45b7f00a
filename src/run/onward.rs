//! The one command with which a person goes on from what stopped a spec.
use crate::base::SpecName;

/// How to go on from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onward {
    /// A build does, once the cause is gone.
    Build,
    /// All its work is done, and a landing goes on.
    Land,
    /// Its hold must be lifted, or its ladder climbed anew.
    Retry,
}

impl Onward {
    /// From a conflict that a person has settled; `lands`: nothing else is left to do.
    pub const fn after_conflict(lands: bool) -> Self {
        if lands { Self::Land } else { Self::Build }
    }

    /// What to type.
    pub fn command(self, spec: &SpecName) -> String {
        match self {
            Self::Build => format!("specmake {spec}"),
            Self::Land => format!("specmake land {spec}"),
            Self::Retry => format!("specmake retry {spec}"),
        }
    }
}
