//! The states of a place and the moves between them.
use crate::event::Done;
use crate::graph::Place;

/// Where a stage, a landing or a layer's joint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No goal asks for it.
    Unwanted,
    /// Something before it is not over, or its turn to be judged has not come.
    Waiting,
    /// Handed out to be judged.
    Judging,
    /// Out of date: it starts as soon as all its tokens are free.
    Queued,
    /// An attempt of it runs and holds its tokens.
    Running,
    /// Between two attempts; holds no token.
    BackingOff {
        /// When it goes on, in milliseconds since the Unix epoch.
        until: u64,
    },
    /// A gate, a question or a file in the way: a person must do something. Holds no token.
    AwaitingPerson,
    /// A landing in the queue of landings, or being tested and moved.
    Landing,
    /// At its good end.
    Done(Done),
    /// Stopped until a person does something.
    Held,
    /// Given up for this run.
    Failed,
    /// Cannot go on because of the end that a place before it came to.
    Blocked {
        /// The nearest such place.
        by: Place,
    },
    /// Not begun, because something failed where one failure stops new work.
    Cancelled,
}

/// The states without what they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// [`State::Unwanted`]
    Unwanted,
    /// [`State::Waiting`]
    Waiting,
    /// [`State::Judging`]
    Judging,
    /// [`State::Queued`]
    Queued,
    /// [`State::Running`]
    Running,
    /// [`State::BackingOff`]
    BackingOff,
    /// [`State::AwaitingPerson`]
    AwaitingPerson,
    /// [`State::Landing`]
    Landing,
    /// [`State::Done`]
    Done,
    /// [`State::Held`]
    Held,
    /// [`State::Failed`]
    Failed,
    /// [`State::Blocked`]
    Blocked,
    /// [`State::Cancelled`]
    Cancelled,
}

impl Phase {
    /// All of them, in the order of the declaration.
    pub const ALL: [Self; 13] = [
        Self::Unwanted,
        Self::Waiting,
        Self::Judging,
        Self::Queued,
        Self::Running,
        Self::BackingOff,
        Self::AwaitingPerson,
        Self::Landing,
        Self::Done,
        Self::Held,
        Self::Failed,
        Self::Blocked,
        Self::Cancelled,
    ];

    /// The table of legal moves: where a person or the loop may take a place from here.
    pub fn moves(self) -> &'static [Self] {
        use Phase::{
            AwaitingPerson, BackingOff, Blocked, Cancelled, Done, Failed, Held, Judging, Landing, Queued,
            Running, Waiting,
        };
        match self {
            Self::Unwanted => &[],
            // `Done` without a judgement: a skipped spec, an approved gate.
            Waiting => &[Judging, Done, Held, Blocked, Cancelled],
            Judging => &[Waiting, Queued, Landing, AwaitingPerson, Done, Held, Failed, Cancelled],
            Queued => &[Waiting, Running, BackingOff, Done, Held, Failed, Cancelled],
            Running => &[Waiting, Queued, BackingOff, AwaitingPerson, Done, Held, Failed, Cancelled],
            BackingOff => &[Waiting, Queued, AwaitingPerson, Done, Held, Failed, Cancelled],
            AwaitingPerson => &[Waiting, Queued, Landing, Done, Held, Failed, Cancelled],
            Landing => &[Waiting, AwaitingPerson, Done, Held, Failed],
            // Judged out of date again before landing.
            Done => &[Waiting],
            // A person said `retry`, `resume`, `fix` or `approve` while the run is on.
            Held | Failed => &[Waiting],
            // What was in the way is not any more.
            Blocked | Cancelled => &[Waiting],
        }
    }
}

impl State {
    /// The state without what it carries.
    pub fn phase(self) -> Phase {
        match self {
            Self::Unwanted => Phase::Unwanted,
            Self::Waiting => Phase::Waiting,
            Self::Judging => Phase::Judging,
            Self::Queued => Phase::Queued,
            Self::Running => Phase::Running,
            Self::BackingOff { .. } => Phase::BackingOff,
            Self::AwaitingPerson => Phase::AwaitingPerson,
            Self::Landing => Phase::Landing,
            Self::Done(_) => Phase::Done,
            Self::Held => Phase::Held,
            Self::Failed => Phase::Failed,
            Self::Blocked { .. } => Phase::Blocked,
            Self::Cancelled => Phase::Cancelled,
        }
    }

    /// Whether it ended, well or not.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Unwanted | Self::Done(_)) || self.is_broken()
    }

    /// Whether it ended so that what needs it cannot go on.
    pub fn is_broken(self) -> bool {
        matches!(self, Self::Held | Self::Failed | Self::Blocked { .. } | Self::Cancelled)
    }

    /// Whether it is in somebody's hands or a queue, so that the run must go on.
    pub fn is_moving(self) -> bool {
        matches!(self, Self::Judging | Self::Queued | Self::Running | Self::BackingOff { .. } | Self::Landing)
    }
}
