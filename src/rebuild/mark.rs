//! What a trailer says: that a stage was done, that its trace is void, or that an attempt ended otherwise.
use super::ingredient::Key;
use crate::base::{Oid, SpecName, StageName, Stamp};
use crate::event::Done;
use crate::model::FailureClass;
use std::collections::BTreeMap;

/// The stage name under which a spec's landing is recorded.
pub const LANDING: &str = "land";

/// One trailer of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// `Specmake-Trace`.
    Trace(Trace),
    /// `Specmake-Void`.
    Void {
        /// The spec.
        spec: SpecName,
        /// Its stage.
        stage: StageName,
        /// Why, as a predicate: "asked for by `-B`".
        why: String,
    },
    /// `Specmake-Attempt`: a tree that a stage left without being done.
    Attempt {
        /// The spec.
        spec: SpecName,
        /// Its stage.
        stage: StageName,
        /// Why it ended, if that is known.
        class: Option<FailureClass>,
        /// Whether the spec is held since, and against which manifest.
        held: Option<Stamp>,
        /// One sentence.
        why: String,
    },
}

impl Mark {
    /// The spec it is about.
    pub fn spec(&self) -> &SpecName {
        match self {
            Self::Trace(trace) => &trace.spec,
            Self::Void { spec, .. } | Self::Attempt { spec, .. } => spec,
        }
    }

    /// The stages it is about.
    pub fn stages(&self) -> Vec<&StageName> {
        match self {
            Self::Trace(trace) => trace.stages.iter().collect(),
            Self::Void { stage, .. } | Self::Attempt { stage, .. } => vec![stage],
        }
    }

    /// Whether it makes the commit that carries it ours. A line that adopts rides along on any commit.
    pub fn makes_ours(&self) -> bool {
        !matches!(self, Self::Trace(trace) if trace.how == How::Adopted)
    }
}

/// How a stage came to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// It ran.
    Ran,
    /// Done by hand.
    Adopted,
    /// `--touch`.
    Touched,
    /// A person approved.
    Approved,
    /// A step or a `when` skipped it.
    Skipped,
    /// Landed elsewhere.
    Elsewhere,
}

impl How {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ran, Self::Adopted, Self::Touched, Self::Approved, Self::Skipped, Self::Elsewhere];

    /// Its word in a trailer.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Adopted => "adopted",
            Self::Touched => "touched",
            Self::Approved => "approved",
            Self::Skipped => "skipped",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// What a face says of it when there is nothing to do.
    pub fn done(self) -> Done {
        match self {
            Self::Ran => Done::UpToDate,
            Self::Adopted => Done::Adopted,
            Self::Touched => Done::Touched,
            Self::Approved => Done::Approved,
            Self::Skipped => Done::Skipped,
            Self::Elsewhere => Done::Elsewhere,
        }
    }
}

/// The manifest and result of a stage's success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The spec.
    pub spec: SpecName,
    /// The stages: one, but for an adoption, which names all of a spec in one line.
    pub stages: Vec<StageName>,
    /// How it came to be done.
    pub how: How,
    /// For an adoption: the commit it was judged on. For a person's word on a branch: the base's commit then.
    pub at: Option<Oid>,
    /// The commit that the stage started on; tells two traces of the same manifest apart.
    pub from: Option<Oid>,
    /// What a stage without outputs changed.
    pub change: Option<Stamp>,
    /// For a landing: the spec's result.
    pub result: Option<Stamp>,
    /// The manifest.
    pub ingredients: BTreeMap<Key, Stamps>,
}

/// The stamps of an ingredient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    /// As the stage was given it.
    pub seen: Stamp,
    /// As the stage left it, for one made of files, where that differs.
    pub left: Option<Stamp>,
}
