//! Stories of edits and runs.
use super::repository::{Repository, begun, pattern, spec, tree};
use crate::base::{AgentName, StageName};
use crate::model::{Prompt, PromptSource, Spec, Work};
use crate::rebuild::{Commit, Line, Mark, adopt, trailer};
use std::sync::Arc;

#[test]
fn built_once_there_is_nothing_to_do() {
    let (mut repository, a) = (begun(), spec("a"));
    assert_eq!(repository.reasons(&a, "plan", &[]), ["never ran"]);
    repository.build(&a, &[]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn an_edited_output_is_the_input_of_the_stages_behind() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    repository.edit(&[("specs/a/spec.md", Some("other"))]);
    assert_eq!(repository.all(&a, &[]), ["plan", "implement"]);
    assert_eq!(repository.reasons(&a, "plan", &[]), ["input `specs/a/spec.md` changed"]);
    repository.edit(&[("specs/a/spec.md", Some("spec"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0], "an edit taken back counts for nothing");
}

#[test]
fn unticking_a_task_reruns_implement_and_ticking_it_again_undoes_that() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001 a"))]);
    assert_eq!(repository.reasons(&a, "implement", &[]), ["input `specs/a/tasks.md` changed"]);
    repository.edit(&[("specs/a/tasks.md", Some("- [x] T001 a"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001 a"))]);
    repository.run(&a, "implement", &[], &[("specs/a/tasks.md", Some("- [x] T001 a"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0], "only ticks changed, so check stays up to date");
    repository.land(&a);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn what_specmake_landed_dirties_nobody() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    let reads_all = |mut s: Spec| {
        s.stages[3].inputs.push(pattern(s.name.as_str(), "src/**"));
        s
    };
    let (a, b) = (reads_all(a), reads_all(b));
    repository.build(&a, &[]);
    repository.build(&b, &[]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    repository.edit(&[("src/b.txt", Some("by a person"))]);
    assert_eq!(repository.all(&a, &[]), ["implement"]);
    assert_eq!(repository.reasons(&a, "implement", &[]), ["input `src/**` changed (src/b.txt)"]);
}

#[test]
fn a_need_that_lands_another_result_dirties_and_the_same_result_does_not() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    repository.build(&a, &[]);
    repository.build(&b, &[&a]);
    assert_eq!(repository.all(&b, &[&a]), [""; 0]);
    repository.edit(&[("specs/a/spec.md", Some("other"))]);
    repository.run(&a, "plan", &[], &[]);
    repository.run(&a, "implement", &[], &[]);
    repository.land(&a);
    assert_eq!(repository.all(&b, &[&a]), [""; 0], "early cutoff");
    repository.edit(&[("specs/a/spec.md", Some("third"))]);
    repository.run(&a, "plan", &[], &[]);
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("other code"))]);
    repository.land(&a);
    assert_eq!(repository.all(&b, &[&a]).len(), 5);
    assert_eq!(repository.reasons(&b, "specify", &[&a]), ["`a` landed a different result"]);
}

#[test]
fn a_revert_voids_and_its_revert_restores() {
    let (mut repository, a) = (begun(), spec("a"));
    let before = repository.files(None);
    let landing = repository.build(&a, &[]);
    let after = repository.files(None);
    let undo: Vec<(&str, Option<&str>)> =
        after.keys().filter(|p| !before.contains_key(*p)).map(|p| (p.as_str(), None)).collect();
    let revert =
        repository.commit(None, &format!("Revert\n\nThis reverts commit {landing}, reversing\n"), &undo);
    assert_eq!(repository.all(&a, &[]).len(), 5);
    assert!(repository.reasons(&a, "plan", &[])[0].starts_with("reverted by"));
    let redo: Vec<(&str, Option<&str>)> = after
        .iter()
        .filter(|(p, _)| !before.contains_key(*p))
        .map(|(p, t)| (p.as_str(), Some(t.as_str())))
        .collect();
    repository.commit(None, &format!("Reapply\n\nThis reverts commit {revert}.\n"), &redo);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn a_description_counts_for_the_first_stage_and_a_void_for_its_own() {
    let (mut repository, mut a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    a.description = Some("do more".into());
    assert_eq!(repository.all(&a, &[]), ["specify"]);
    assert_eq!(repository.reasons(&a, "specify", &[]), ["description changed"]);
    a.description = Some("do it".into());
    let void =
        Mark::Void { spec: a.name.clone(), stage: a.stages[4].name.clone(), why: "asked for by `-B`".into() };
    repository.commit(None, &trailer::write(&void), &[]);
    assert_eq!(repository.all(&a, &[]), ["check"]);
    assert_eq!(repository.reasons(&a, "check", &[]), ["asked for by `-B`"]);
}

#[test]
fn a_removed_output_is_made_again() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    repository.edit(&[("specs/a/plan.md", None)]);
    assert_eq!(repository.reasons(&a, "plan", &[]), ["output `specs/a/plan.md` was removed"]);
}

#[test]
fn a_rename_alone_is_no_write() {
    let (mut repository, a) = (begun(), spec("a-old"));
    repository.build(&a, &[]);
    let mut renamed = spec("b-new");
    renamed.was = Some(a.name.clone());
    let files = repository.files(None);
    let mut moves: Vec<(String, Option<String>)> = Vec::new();
    for (path, text) in files.iter().filter(|(p, _)| p.starts_with("specs/a-old/")) {
        moves.push((path.clone(), None));
        moves.push((path.replace("a-old", "b-new"), Some(text.clone())));
    }
    let moves: Vec<(&str, Option<&str>)> = moves.iter().map(|(p, t)| (p.as_str(), t.as_deref())).collect();
    repository.edit(&moves);
    assert_eq!(repository.all(&renamed, &[]), [""; 0]);
}

#[test]
fn what_was_done_by_hand_is_adopted_and_later_edits_count() {
    let mut repository = begun();
    let a = spec("a");
    let at = repository.edit(&[("specs/a/spec.md", Some("mine")), ("specs/a/plan.md", Some("mine"))]);
    let found = |repository: &Repository, ticked: bool| {
        let history = repository.history();
        let line = Line::new(&history, Vec::new());
        adopt(&a, &line, &tree(&repository.files(None)), &|_| ticked)
    };
    let names = |stages: Vec<StageName>| stages.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(found(&repository, true)), ["specify", "plan"]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001"))]);
    assert_eq!(names(found(&repository, false)), ["specify", "plan", "tasks"]);
    assert_eq!(names(found(&repository, true)), ["specify", "plan", "tasks", "implement", "check"]);
    let line = format!("Specmake-Trace: v1 a specify,plan how=adopted at={at}");
    repository.commit(None, &line, &[]);
    assert_eq!(repository.all(&a, &[]), ["tasks", "implement", "check"]);
    repository.edit(&[("specs/a/spec.md", Some("edited"))]);
    assert_eq!(repository.reasons(&a, "plan", &[]), ["input `specs/a/spec.md` changed"]);
    assert_eq!(repository.reasons(&a, "specify", &[]), [""; 0]);
}

#[test]
fn work_on_a_branch_does_not_count_for_the_base_until_it_landed() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.run(&a, "specify", &[], &[("specs/a/spec.md", Some("spec"))]);
    assert_eq!(repository.all(&a, &[]), ["plan", "tasks", "implement", "check"]);
    let branch: Arc<[Commit]> = repository.branches["a"].clone().into();
    let history = repository.history();
    assert!(!Line::new(&history, branch.to_vec()).has_landed(&[&a.name]));
    repository.land(&a);
    let history = repository.history();
    assert!(Line::new(&history, branch.to_vec()).has_landed(&[&a.name]));
}

#[test]
fn a_spec_added_to_a_layer_counts_once_the_other_next_runs() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    repository.via_layer = true;
    let mut s = spec("s");
    s.stages[3].inputs.push(pattern("s", "src/**"));
    repository.build(&a, &[]);
    repository.build(&s, &[&a]);
    repository.build(&b, &[]);
    assert_eq!(repository.all(&s, &[&a, &b]), [""; 0], "`b` joined the layer, and its files are not counted");
    repository.run(&s, "implement", &[&a, &b], &[("src/s.txt", Some("with b"))]);
    repository.land(&s);
    repository.run(&b, "implement", &[], &[("src/b.txt", Some("other"))]);
    repository.land(&b);
    assert_eq!(
        repository.reasons(&s, "implement", &[&a, &b]),
        ["input `src/**` changed (src/b.txt)", "`b` landed a different result"]
    );
    assert_eq!(repository.reasons(&s, "plan", &[&a, &b]), [""; 0], "it did not run since");
    assert_eq!(repository.reasons(&s, "implement", &[&a]), [""; 0], "one that left never counts");
    repository.via_layer = false;
    assert_eq!(repository.reasons(&s, "plan", &[&a]), [""; 0], "needed by name what the layer needed");
}

#[test]
fn agent_and_model_count_for_what_runs_once_they_are_ingredients() {
    let (mut repository, mut a) = (begun(), spec("a"));
    let declare = |spec: &mut Spec, model: Option<&str>| {
        let agent = AgentName::new("opencode").unwrap();
        spec.stages[1].declared_agent = Some((agent, model.map(ToOwned::to_owned)));
    };
    declare(&mut a, None);
    repository.build(&a, &[]);
    repository.taste_counts = true;
    assert_eq!(repository.all(&a, &[]), [""; 0], "traces know nothing of either");
    repository.run(&a, "plan", &[], &[]);
    repository.land(&a);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    declare(&mut a, Some("opus"));
    assert_eq!(repository.reasons(&a, "plan", &[]), ["model changed"]);
    repository.taste_counts = false;
    assert_eq!(repository.all(&a, &[]), [""; 0], "no longer compared");
}

#[test]
fn an_input_and_a_variable_that_are_new_or_gone_count() {
    let (mut repository, mut a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    a.stages[1].inputs.push(pattern("a", "style/*.md"));
    assert_eq!(repository.reasons(&a, "plan", &[]), ["input `style/*.md` is new"]);
    repository.run(&a, "plan", &[], &[]);
    repository.land(&a);
    a.stages[1].inputs.pop();
    assert_eq!(repository.reasons(&a, "plan", &[]), ["input `style/*.md` is gone"]);
    repository.run(&a, "plan", &[], &[]);
    repository.land(&a);
    a.stages[4].symbolic_env.push(("LEVEL".into(), "1".into()));
    assert_eq!(repository.reasons(&a, "check", &[]), ["env `LEVEL` is new"]);
    a.stages[4].symbolic_env.clear();
    a.stages[4].when = Some("true".into());
    assert_eq!(repository.reasons(&a, "check", &[]), ["`when` line is new"]);
}

#[test]
fn a_need_for_a_later_stage_counts_from_there_on() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    repository.build(&a, &[]);
    repository.run(&b, "specify", &[], &[("specs/b/spec.md", Some("spec"))]);
    repository.run(&b, "implement", &[&a], &[("src/b.txt", Some("code"))]);
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("other"))]);
    repository.land(&a);
    assert_eq!(repository.reasons(&b, "specify", &[]), [""; 0]);
    assert_eq!(repository.reasons(&b, "implement", &[&a])[0], "`a` landed a different result");
}

#[test]
fn what_a_failed_attempt_left_is_not_taken_for_done() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001 a"))]);
    let attempt = Mark::Attempt {
        spec: a.name.clone(),
        stage: a.stages[3].name.clone(),
        class: None,
        held: None,
        why: "exit status 1".into(),
    };
    let left = [("specs/a/tasks.md", Some("- [x] T001 a")), ("src/a.txt", Some("half"))];
    repository.commit(Some("a"), &trailer::write(&attempt), &left);
    assert_eq!(repository.reasons(&a, "implement", &[]), ["its last attempt did not succeed"]);
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("whole"))]);
    assert_eq!(repository.all(&a, &[]), ["check"]);
}

#[test]
fn a_text_that_a_later_stage_brought_up_to_date_may_be_taken_back_to_that() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.run(&a, "specify", &[], &[("specs/a/spec.md", Some("spec"))]);
    repository.run(&a, "plan", &[], &[("specs/a/plan.md", Some("plan"))]);
    repository.run(&a, "tasks", &[], &[("specs/a/tasks.md", Some("- [x] T001 a"))]);
    repository.run(
        &a,
        "implement",
        &[],
        &[("specs/a/spec.md", Some("as built")), ("src/a.txt", Some("code"))],
    );
    repository.run(&a, "check", &[], &[]);
    assert_eq!(repository.all(&a, &[]), [""; 0], "what a later stage wrote counts for nobody");
    repository.land(&a);
    repository.edit(&[("specs/a/spec.md", Some("by hand"))]);
    assert_eq!(repository.all(&a, &[]), ["plan", "implement"]);
    repository.edit(&[("specs/a/spec.md", Some("as built"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0], "as the later stage left it");
    repository.edit(&[("specs/a/spec.md", Some("spec"))]);
    assert_eq!(repository.all(&a, &[]), ["implement"], "as it was for the plan, not for the code");
}

#[test]
fn a_later_stage_may_have_the_last_word_before_it_lands() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.run(&a, "specify", &[], &[("specs/a/spec.md", Some("spec"))]);
    repository.run(&a, "plan", &[], &[("specs/a/plan.md", Some("plan"))]);
    repository.run(&a, "tasks", &[], &[("specs/a/tasks.md", Some("- [x] T001 a"))]);
    let built = [("specs/a/spec.md", Some("as built")), ("src/a.txt", Some("code"))];
    repository.run(&a, "implement", &[], &built);
    repository.run(&a, "check", &[], &[]);
    repository.commit(Some("a"), "by hand", &[("specs/a/spec.md", Some("by hand"))]);
    assert_eq!(repository.all(&a, &[]), ["plan", "implement"]);
    repository.commit(Some("a"), "by hand", &[("specs/a/spec.md", Some("as built"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn what_a_person_wrote_before_a_run_counts_no_more_when_others_go_on() {
    let (mut repository, mut a, b) = (begun(), spec("a"), spec("b"));
    a.stages[0].inputs.push(pattern("a", "CHANGELOG.md"));
    repository.edit(&[("CHANGELOG.md", Some("by hand"))]);
    repository.build(&a, &[]);
    repository.run(&b, "implement", &[], &[("CHANGELOG.md", Some("by hand, and b"))]);
    repository.land(&b);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn a_prompt_of_ours_may_be_written_anew() {
    let (mut repository, mut a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    let prompt = Prompt { text: "another text of ours".into(), source: PromptSource::BuiltIn };
    let agent = AgentName::new("a").unwrap();
    a.stages[0].work = Work::Agent { agent, model: None, prompt };
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}

#[test]
fn a_need_by_name_may_come_through_a_layer_now() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    repository.build(&a, &[]);
    repository.build(&b, &[&a]);
    repository.via_layer = true;
    assert_eq!(repository.all(&b, &[&a]), [""; 0]);
}

#[test]
fn a_void_that_a_person_takes_back_voids_nothing() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    let void = Mark::Void {
        spec: a.name.clone(),
        stage: StageName::new("plan").unwrap(),
        why: "asked for by `-B`".into(),
    };
    let oid = repository.commit(None, &trailer::write(&void), &[]);
    assert_eq!(repository.reasons(&a, "plan", &[]), ["asked for by `-B`"]);
    repository.commit(None, &format!("Revert\n\nThis reverts commit {oid}.\n"), &[]);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
}
