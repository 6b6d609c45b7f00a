//! What a spec's former name still tells.
use super::repository::{Repository, begun, spec};
use crate::base::SpecName;
use crate::model::Spec;
use crate::rebuild::{Mark, trailer};

fn renamed(was: &Spec) -> Spec {
    let mut spec = spec("b");
    spec.was = Some(SpecName::new(was.name.as_str()).unwrap());
    spec
}

const MOVED: [(&str, Option<&str>); 4] = [
    ("specs/a/spec.md", None),
    ("specs/b/spec.md", Some("spec")),
    ("specs/a/tasks.md", None),
    ("specs/b/tasks.md", Some("- [x] T001 a")),
];

fn built() -> (Repository, Spec) {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    (repository, a)
}

#[test]
fn an_output_that_was_removed_before_a_rename_is_missed_after_it() {
    let (mut repository, a) = built();
    repository.edit(&[("specs/a/plan.md", None)]);
    assert_eq!(repository.reasons(&a, "plan", &[])[..1], ["output `specs/a/plan.md` was removed"]);
    repository.edit(&MOVED);
    let b = renamed(&a);
    assert_eq!(repository.reasons(&b, "plan", &[])[..1], ["output `specs/b/plan.md` was removed"]);
    assert_eq!(repository.reasons(&b, "specify", &[]), [""; 0], "carried over");
    repository.run(&b, "plan", &[], &[("specs/b/plan.md", Some("plan"))]);
    assert_eq!(repository.reasons(&b, "plan", &[]), [""; 0]);
}

#[test]
fn what_a_rename_carried_over_nobody_removed_under_the_former_name() {
    let (mut repository, a) = built();
    repository.edit(&MOVED);
    repository.edit(&[("specs/a/plan.md", None), ("specs/b/plan.md", Some("plan"))]);
    let b = renamed(&a);
    assert_eq!(repository.all(&b, &[]), [""; 0]);
    repository.run(&b, "implement", &[], &[("specs/b/plan.md", None), ("src/a.txt", Some("other"))]);
    assert_eq!(repository.reasons(&b, "plan", &[]), [""; 0], "a stage removed it, no person");
}

#[test]
fn an_input_that_was_removed_after_a_rename_is_missed() {
    let (mut repository, a) = built();
    repository.edit(&MOVED);
    repository.edit(&[("specs/a/plan.md", None), ("specs/b/plan.md", Some("plan"))]);
    repository.edit(&[("specs/b/plan.md", None)]);
    let b = renamed(&a);
    assert_eq!(repository.reasons(&b, "implement", &[]), ["input `specs/b/plan.md` changed"]);
}

#[test]
fn what_is_voided_after_a_rename_still_hands_on_what_it_did_under_the_former_name() {
    let (mut repository, a) = built();
    repository.edit(&MOVED);
    repository.edit(&[("specs/a/plan.md", None), ("specs/b/plan.md", Some("plan"))]);
    let b = renamed(&a);
    let stage = b.stages[3].name.clone();
    let void = Mark::Void { spec: b.name.clone(), stage, why: "asked for by `-B`".into() };
    repository.commit(None, &trailer::write(&void), &[]);
    assert_eq!(repository.all(&b, &[]), ["implement"]);
    repository.run(&b, "implement", &[], &[]);
    assert_eq!(repository.all(&b, &[]), [""; 0], "it changed nothing more");
}
