//! Histories that once came out wrong, each as short as it could be made.
use crate::memory::Memory;
use crate::program::Program;
use crate::real::Real;
use crate::shape::{Need, Shape, Spec, Way};
use crate::step::{End, Manner, Step};
use crate::tale::Tale;
use crate::tally::Tally;

const BUILD: Step = Step::Build { goals: 15, luck: 0, manner: Manner::Plain, end: End::Well };

fn shape(ways: &[Way]) -> Shape {
    let spec = |(at, way): (usize, &Way)| Spec {
        name: format!("s{at}"),
        was: None,
        way: *way,
        description: 0,
        needs: Vec::new(),
        after: Vec::new(),
        behind: false,
        exports: false,
        flavour: None,
        upper: None,
        adopted: 0,
        parked: false,
    };
    Shape {
        specs: ways.iter().enumerate().map(spec).collect(),
        prompts: [0; 3],
        line: 0,
        mode: 0,
        agent: 0,
        model: 0,
        taste_counts: false,
        holds: false,
        jobs: 1,
        remark: 0,
    }
}

fn tell(shape: &Shape, steps: &[Step]) {
    fn with<P: Program>(shape: &Shape, steps: &[Step]) {
        let tally = Tally::default();
        let mut tale = Tale::<P>::new(shape.clone(), &tally);
        steps.iter().for_each(|step| tale.step(step));
    }
    with::<Real>(shape, steps);
    with::<Memory>(shape, steps);
}

#[test]
fn a_revert_takes_nothing_back_that_was_done_by_hand() {
    let mut shape = shape(&[Way::Full]);
    shape.specs[0].adopted = 1;
    tell(&shape, &[BUILD, Step::Revert { back: 0 }, BUILD]);
}

#[test]
fn an_adoption_that_is_recorded_late_lets_no_held_spec_go_on() {
    let mut shape = shape(&[Way::Full]);
    shape.specs[0].adopted = 1;
    shape.holds = true;
    let build = |manner, end| Step::Build { goals: 0, luck: 0, manner, end };
    let fails = [build(Manner::Always, End::Fail(1)), build(Manner::WhatIf(0), End::Fail(0))];
    tell(&shape, &[&fails[..], &[BUILD, Step::Revert { back: 0 }, BUILD]].concat());
}

#[test]
fn what_is_touched_is_touched_with_what_is_on_the_base() {
    let edit = |text, committed| Step::Edit { spec: 0, file: 0, text, committed };
    let fails = Step::Build { goals: 0, luck: 0, manner: Manner::Plain, end: End::Fail(0) };
    let steps = [edit(0, true), fails.clone(), edit(1, true), Step::Touch { spec: 0 }, edit(0, true), BUILD];
    tell(&shape(&[Way::Full]), &steps);
    let mut shape = shape(&[Way::Full]);
    shape.specs[0].adopted = 1;
    tell(&shape, &[fails, Step::Remove { spec: 0, stage: 0 }, Step::Touch { spec: 0 }, BUILD]);
}

#[test]
fn what_was_done_by_hand_is_the_same_under_another_name() {
    let mut shape = shape(&[Way::Full, Way::Full]);
    shape.specs[0].adopted = 1;
    shape.specs[1].needs = vec![Need { on: 0, late: false, optional: true }];
    let idle = Step::Build { goals: 15, luck: 0, manner: Manner::Plain, end: End::Idle(5) };
    tell(&shape, &[idle, Step::Rename { spec: 0 }, Step::Lose, BUILD]);
}

#[test]
fn what_exports_nothing_has_the_same_result_when_it_is_touched() {
    let mut shape = shape(&[Way::Full, Way::Docs]);
    shape.specs[0].exports = true;
    shape.specs[1].needs = vec![Need { on: 0, late: false, optional: false }];
    let build = Step::Build { goals: 0, luck: 33_895, manner: Manner::Plain, end: End::Well };
    tell(&shape, &[build.clone(), Step::Revert { back: 0 }, Step::Touch { spec: 0 }, build]);
}

#[test]
fn a_layer_of_which_one_failed_is_waited_for_no_longer_by_what_needs_it() {
    let mut shape = shape(&[Way::One, Way::Docs, Way::One, Way::One]);
    (shape.specs[0].upper, shape.specs[1].upper) = (Some(false), Some(false));
    shape.specs[2].upper = Some(true);
    shape.specs[3].needs = vec![Need { on: 2, late: false, optional: true }];
    // The second one waits for a person.
    let build = Step::Build { goals: 0, luck: 0, manner: Manner::Plain, end: End::Fail(0) };
    tell(&shape, &[build, BUILD]);
}

#[test]
fn what_is_asked_for_after_a_rename_hands_on_what_it_did_before() {
    let always = |end| Step::Build { goals: 0, luck: 6345, manner: Manner::Always, end };
    let edit = Step::Edit { spec: 0, file: 0, text: 0, committed: true };
    let build = Step::Build { goals: 0, luck: 602, manner: Manner::Plain, end: End::Well };
    let begin = [BUILD, Step::Rename { spec: 0 }, always(End::Fail(0))];
    let shape = shape(&[Way::Full]);
    tell(&shape, &[&begin[..], &[Step::Touch { spec: 0 }, edit, build]].concat());
}

#[test]
fn what_comes_after_a_layer_waits_for_all_of_it() {
    let mut shape = shape(&[Way::One, Way::Docs, Way::One]);
    (shape.specs[0].upper, shape.specs[1].upper) = (Some(false), Some(false));
    shape.specs[2].behind = true;
    let fails = Step::Build { goals: 0, luck: 0, manner: Manner::Plain, end: End::Fail(0) };
    // While the second one waits for a person, the third one does so too.
    tell(&shape, &[fails.clone(), Step::Approve { spec: 1 }, fails, BUILD]);
}

#[test]
fn a_later_stage_that_was_touched_does_not_vouch_for_what_its_commit_has() {
    let edit = |text, committed| Step::Edit { spec: 0, file: 1, text, committed };
    let always = Step::Build { goals: 0, luck: 0, manner: Manner::Always, end: End::Fail(0) };
    let build = Step::Build { goals: 0, luck: 0, manner: Manner::Plain, end: End::Well };
    let begin = [build.clone(), edit(0, false), always, edit(1, true)];
    let end = [Step::Touch { spec: 0 }, edit(0, false), build];
    tell(&shape(&[Way::Full]), &[&begin[..], &end].concat());
}

#[test]
fn what_has_nothing_left_to_run_lands_before_others_are_done() {
    let mut shape = shape(&[Way::One, Way::Full, Way::Full]);
    (shape.specs[0].upper, shape.specs[2].upper) = (Some(false), Some(true));
    shape.specs[2].adopted = 3;
    let asked = Step::Build { goals: 12, luck: 12975, manner: Manner::WhatIf(2), end: End::Fail(5) };
    let build = Step::Build { goals: 0, luck: 30308, manner: Manner::Plain, end: End::Well };
    let need = Step::Need { spec: 2, on: 1, late: false, optional: false };
    tell(&shape, &[asked, build, need, BUILD]);
}
