//! What stands in the graph, and what joins it.

/// A place in a [`StageGraph`](super::StageGraph): small, and of no use with another graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub(super) u32);

impl Place {
    /// Its number, from 0 without gaps: an index for arrays that run beside the graph.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The place of that number.
    pub fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// What a place is. Specs and layers go by their positions in the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaceKind {
    /// A stage of a spec.
    Stage {
        /// The position in `Project::specs`.
        spec: usize,
        /// The position in `Spec::stages`.
        stage: usize,
    },
    /// The landing of a spec.
    Landing {
        /// The position in `Project::specs`.
        spec: usize,
    },
    /// What all the specs of a layer wait for, in a layer that needs or comes after something.
    LayerEntry {
        /// The position in `Project::layers`.
        layer: usize,
    },
    /// All the landings of a layer.
    LayerEnd {
        /// The position in `Project::layers`.
        layer: usize,
    },
}

impl PlaceKind {
    /// Whether it belongs to a spec; the others are joints that settle by themselves.
    pub fn is_joint(self) -> bool {
        matches!(self, Self::LayerEntry { .. } | Self::LayerEnd { .. })
    }
}

/// Why the second of two places waits for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// An earlier stage of the same spec; its landing waits for the last ones so.
    Order,
    /// A spec or layer that must have landed.
    Need {
        /// Go on without it when it failed.
        optional: bool,
    },
    /// A spec or layer that merely comes first.
    After,
    /// A spec's first stage behind the entry of its layer.
    Entry,
    /// A layer's end behind the landing of a spec in it.
    Member,
}

impl Edge {
    /// Whether the place behind it can go on when the one before did not come to a good end.
    pub fn is_soft(self) -> bool {
        matches!(self, Self::Need { optional: true } | Self::After)
    }
}
