//! What may happen between two builds, and in one: a history is a list of these, and reads as a story.
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use std::fmt;

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub enum Step {
    /// A person writes a file: notes, a document that a stage made, or one that all read.
    Edit {
        spec: usize,
        file: usize,
        text: u8,
        committed: bool,
    },
    /// A person ticks all tasks of a spec, or takes the ticks away.
    Tick {
        spec: usize,
        ticked: bool,
    },
    /// A person removes what a stage made.
    Remove {
        spec: usize,
        stage: usize,
    },
    /// A person deletes a file that others may read.
    Delete {
        spec: usize,
        file: usize,
        committed: bool,
    },
    Describe {
        spec: usize,
        text: u8,
    },
    /// The words of a prompt, or of the parameter of a spec that has them from a template.
    Prompt {
        spec: usize,
        text: u8,
    },
    Command {
        text: u8,
    },
    /// The environment of a stage.
    Mode {
        text: u8,
    },
    /// Another model, or another agent: nobody's business unless the project says so.
    Model {
        text: u8,
    },
    Agent {
        text: u8,
    },
    Reformat {
        remark: u8,
        jobs: u8,
    },
    Rename {
        spec: usize,
    },
    /// A spec needs another one from now on, or no more.
    Need {
        spec: usize,
        on: usize,
        late: bool,
        optional: bool,
    },
    /// A spec comes into a layer or leaves it.
    Layer {
        spec: usize,
    },
    /// A spec is parked, or no more.
    Park {
        spec: usize,
    },
    /// A landing is taken back, so many landings ago, or the last one's revert is.
    Revert {
        back: usize,
    },
    /// The base goes back to where it was before.
    Reset {
        to: usize,
    },
    Approve {
        spec: usize,
    },
    Touch {
        spec: usize,
    },
    /// All that is kept beside git is lost.
    Lose,
    /// Everybody goes on in a fresh clone.
    Clone,
    Build {
        goals: u8,
        luck: u16,
        manner: Manner,
        end: End,
    },
}

/// What is asked of a build.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    Plain,
    /// `-B`
    Always,
    /// `-W` on the notes of a spec.
    WhatIf(usize),
}

/// How a build ends: well, with a stage that fails or does nothing of what it should, or killed in the middle of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    Well,
    Fail(usize),
    Idle(usize),
    Kill(usize),
}

fn build() -> impl Strategy<Value = Step> {
    let manner = prop_oneof![
        6 => Just(Manner::Plain),
        1 => Just(Manner::Always),
        1 => (0..4_usize).prop_map(Manner::WhatIf),
    ];
    let end = prop_oneof![
        6 => Just(End::Well),
        2 => (0..8_usize).prop_map(End::Fail),
        1 => (0..8_usize).prop_map(End::Idle),
        1 => (0..8_usize).prop_map(End::Kill),
    ];
    let goals = prop_oneof![4 => Just(0_u8), 1 => Just(15_u8), 2 => 1..15_u8];
    (goals, any::<u16>(), manner, end).prop_map(|(goals, luck, manner, end)| Step::Build {
        goals,
        luck,
        manner,
        end,
    })
}

/// What happens, one thing after the other.
#[derive(Clone)]
pub struct Story(pub Vec<Step>);

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "\n    {step:?}"))
    }
}

/// A history of so many steps at most.
pub fn story(most: usize) -> impl Strategy<Value = Story> {
    proptest::collection::vec(step(), 1..most).prop_map(Story)
}

fn step() -> impl Strategy<Value = Step> {
    let spec = || 0..4_usize;
    let edit = (spec(), 0..4_usize, 0..3_u8, any::<bool>());
    prop_oneof![
        8 => edit.prop_map(|(spec, file, text, committed)| Step::Edit { spec, file, text, committed }),
        2 => (spec(), any::<bool>()).prop_map(|(spec, ticked)| Step::Tick { spec, ticked }),
        2 => (spec(), 0..4_usize).prop_map(|(spec, stage)| Step::Remove { spec, stage }),
        1 => (spec(), 0..3_u8).prop_map(|(spec, text)| Step::Describe { spec, text }),
        1 => (spec(), 0..3_u8).prop_map(|(spec, text)| Step::Prompt { spec, text }),
        1 => (0..3_u8).prop_map(|text| Step::Command { text }),
        1 => (0..3_u8).prop_map(|text| Step::Mode { text }),
        1 => (0..3_u8).prop_map(|text| Step::Model { text }),
        1 => (0..3_u8, 1..4_u8).prop_map(|(remark, jobs)| Step::Reformat { remark, jobs }),
        1 => spec().prop_map(|spec| Step::Rename { spec }),
        1 => (0..3_u8).prop_map(|text| Step::Agent { text }),
        1 => (spec(), 0..3_usize, any::<bool>()).prop_map(|(spec, file, committed)| Step::Delete { spec, file, committed }),
        3 => (spec(), spec(), any::<bool>(), any::<bool>())
            .prop_map(|(spec, on, late, optional)| Step::Need { spec, on, late, optional }),
        1 => spec().prop_map(|spec| Step::Layer { spec }),
        1 => spec().prop_map(|spec| Step::Park { spec }),
        3 => (0..5_usize).prop_map(|back| Step::Revert { back: back.saturating_sub(2) }),
        1 => (0..8_usize).prop_map(|to| Step::Reset { to }),
        2 => spec().prop_map(|spec| Step::Approve { spec }),
        1 => spec().prop_map(|spec| Step::Touch { spec }),
        1 => Just(Step::Lose),
        1 => Just(Step::Clone),
        12 => build(),
    ]
}
