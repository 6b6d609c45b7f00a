//! Histories that once came out wrong, each as short as it could be made.
use crate::memory::Memory;
use crate::program::Program;
use crate::real::Real;
use crate::shape::{Shape, Spec, Way};
use crate::step::{End, Manner, Step};
use crate::tale::Tale;

const BUILD: Step = Step::Build { goals: 15, luck: 0, manner: Manner::Plain, end: End::Well };

fn shape(ways: &[Way]) -> Shape {
    let spec = |(at, way): (usize, &Way)| Spec {
        name: format!("s{at}"),
        was: None,
        way: *way,
        description: 0,
        needs: Vec::new(),
        after: Vec::new(),
        exports: false,
        flavour: None,
        upper: None,
        adopted: 0,
    };
    Shape {
        specs: ways.iter().enumerate().map(spec).collect(),
        prompts: [0; 3],
        line: 0,
        model: 0,
        taste_counts: false,
        holds: false,
        jobs: 1,
        remark: 0,
    }
}

fn tell(shape: &Shape, steps: &[Step]) {
    fn with<P: Program>(shape: &Shape, steps: &[Step]) {
        let mut tale = Tale::<P>::new(shape.clone());
        steps.iter().for_each(|step| tale.step(step));
    }
    with::<Real>(shape, steps);
    with::<Memory>(shape, steps);
}

#[test]
fn a_revert_takes_nothing_back_that_was_done_by_hand() {
    let mut shape = shape(&[Way::Full]);
    shape.specs[0].adopted = 1;
    tell(&shape, &[BUILD, Step::Revert, BUILD]);
}
