//! What a held stage stays held through, and what lets it go on.
use super::repository::{Repository, begun, pattern, spec};
use crate::base::SpecName;
use crate::model::Spec;
use crate::rebuild::{Mark, hold_stamp, is_held, trailer};

fn hold(repository: &mut Repository, spec: &Spec, stage: usize, needs: &[&Spec]) {
    let name = spec.stages[stage].name.clone();
    let mark = Mark::Attempt {
        spec: spec.name.clone(),
        stage: name.clone(),
        class: None,
        held: Some(repository.ask(spec, name.as_str(), needs, hold_stamp)),
        why: "exit status 1".into(),
    };
    repository.commit(Some(spec.name.as_str()), &trailer::write(&mark), &[]);
}

fn holds(repository: &Repository, spec: &Spec, stage: &str, needs: &[&Spec]) -> bool {
    let names: Vec<&SpecName> = std::iter::once(&spec.name).chain(spec.was.as_ref()).collect();
    repository.ask(spec, stage, needs, |question| {
        question.line.held(&names).is_some_and(|held| is_held(question, &held).unwrap())
    })
}

fn reader() -> Spec {
    let mut spec = spec("a");
    spec.stages[3].inputs.push(pattern("a", "shared/*"));
    spec
}

fn held_at_implement() -> (Repository, Spec) {
    let (mut repository, a) = (begun(), reader());
    repository.edit(&[("shared/style.md", Some("style"))]);
    repository.run(&a, "specify", &[], &[("specs/a/spec.md", Some("spec"))]);
    repository.run(&a, "plan", &[], &[("specs/a/plan.md", Some("plan"))]);
    repository.run(&a, "tasks", &[], &[("specs/a/tasks.md", Some("- [ ] T001 a"))]);
    hold(&mut repository, &a, 3, &[]);
    (repository, a)
}

#[test]
fn nobody_else_lets_a_held_stage_go_on() {
    let (mut repository, a) = held_at_implement();
    assert!(holds(&repository, &a, "implement", &[]));
    assert!(!holds(&repository, &a, "tasks", &[]), "an earlier stage is not the one that is held");
    let b = spec("b");
    repository.run(&b, "implement", &[], &[("shared/b.txt", Some("b"))]);
    repository.land(&b);
    assert!(holds(&repository, &a, "implement", &[]), "`a` does not need `b`");
}

#[test]
fn a_person_lets_a_held_stage_go_on_unless_they_take_that_back() {
    let (mut repository, a) = held_at_implement();
    repository.commit(Some("a"), "by hand", &[("shared/style.md", Some("other"))]);
    assert!(!holds(&repository, &a, "implement", &[]));
    repository.commit(Some("a"), "by hand", &[("shared/style.md", Some("style"))]);
    assert!(holds(&repository, &a, "implement", &[]), "as it was");
    repository.commit(Some("a"), "by hand", &[("src/a.txt", Some("no ingredient"))]);
    assert!(holds(&repository, &a, "implement", &[]));
}

#[test]
fn a_success_ends_a_hold() {
    let (mut repository, a) = held_at_implement();
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("code"))]);
    assert!(!holds(&repository, &a, "implement", &[]));
}

#[test]
fn an_earlier_stage_lets_a_held_one_go_on() {
    let (mut repository, a) = held_at_implement();
    repository.run(&a, "plan", &[], &[("specs/a/plan.md", Some("another plan"))]);
    assert!(!holds(&repository, &a, "implement", &[]));
}

#[test]
fn what_a_stage_is_told_lets_it_go_on() {
    let (repository, mut a) = held_at_implement();
    a.stages[3].when = Some("test -e x".into());
    assert!(!holds(&repository, &a, "implement", &[]));
    a.stages[3].when = None;
    a.stages[3].inputs.push(pattern("a", "more/*"));
    assert!(!holds(&repository, &a, "implement", &[]), "an input that is new");
}

#[test]
fn another_name_of_a_need_is_nothing_new_and_another_result_is() {
    let (mut repository, a, mut b) = (begun(), spec("a"), spec("b"));
    repository.build(&b, &[]);
    hold(&mut repository, &a, 0, &[&b]);
    assert!(holds(&repository, &a, "specify", &[&b]));
    b.was = Some(std::mem::replace(&mut b.name, SpecName::new("c").unwrap()));
    assert!(holds(&repository, &a, "specify", &[&b]));
    repository.run(&b, "implement", &[], &[("src/c.txt", Some("other code"))]);
    repository.land(&b);
    assert!(!holds(&repository, &a, "specify", &[&b]));
}

#[test]
fn an_adoption_that_is_recorded_late_lets_nothing_go_on() {
    let (mut repository, a) = (begun(), spec("a"));
    let at = repository.edit(&[("specs/a/spec.md", Some("mine"))]);
    hold(&mut repository, &a, 0, &[]);
    let line = format!("x\n\nSpecmake-Trace: v1 a specify how=adopted at={at}\n");
    repository.commit(Some("a"), &line, &[]);
    assert!(holds(&repository, &a, "specify", &[]));
}

#[test]
fn what_a_need_through_a_layer_wrote_lets_a_held_stage_go_on() {
    let (mut repository, a, mut b) = (begun(), reader(), spec("b"));
    repository.via_layer = true;
    b.exports = vec![pattern("b", "api/b.txt")];
    repository.build(&b, &[]);
    let mark = Mark::Attempt {
        spec: a.name.clone(),
        stage: a.stages[3].name.clone(),
        class: None,
        held: Some(repository.ask(&a, "implement", &[&b], hold_stamp)),
        why: "exit status 1".into(),
    };
    repository.commit(None, &trailer::write(&mark), &[]);
    assert!(holds(&repository, &a, "implement", &[&b]));
    repository.run(&b, "implement", &[], &[("shared/b.txt", Some("no export"))]);
    repository.land(&b);
    assert!(!holds(&repository, &a, "implement", &[&b]));
}
