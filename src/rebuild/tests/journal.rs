//! Stories of what git does to the journal: reverts, forges, clones, adoptions that are recorded late.
use super::repository::{Files, Repository, begun, difference, pattern, spec, stage, tree};
use crate::base::{Oid, StageName};
use crate::model::Spec;
use crate::rebuild::result::{adopted_result, result_of};
use crate::rebuild::{Adopted, Commit, Line, Mark, adopt, trailer};

/// The result of a spec on the base.
fn result(repository: &Repository, spec: &Spec) -> Option<crate::base::Stamp> {
    let history = repository.history();
    result_of(spec, &Line::new(&history, Vec::new()), repository).unwrap()
}

impl Repository {
    /// A merge of the spec's branch made elsewhere, without a word of ours.
    fn merge_elsewhere(&mut self, spec: &Spec) -> Oid {
        let branch = self.branches.remove(spec.name.as_str()).unwrap();
        let (tip, merged) = (branch.last().unwrap().oid, self.merged(&branch));
        let (before, oid) = (self.base.last().unwrap().oid, self.oid());
        self.trees.insert(oid, merged);
        self.base.extend(branch);
        self.base.push(Commit::new(oid, vec![before, tip], "Merge pull request #1\n", Vec::new()));
        oid
    }

    /// The branch as one commit on the base, its messages kept or dropped. The branch stays.
    fn squash_elsewhere(&mut self, spec: &Spec, keeps_messages: bool) -> Oid {
        let branch = self.branches[spec.name.as_str()].clone();
        let mut message = "A feature (#1)\n".to_owned();
        for mark in branch.iter().flat_map(|commit| &commit.marks).filter(|_| keeps_messages) {
            message.push_str(&format!("\n* something\n\n{}\n", trailer::write(mark)));
        }
        let (old, new) = (self.files(None), self.merged(&branch));
        let changes = difference(&old, &new);
        let changes = changes.into_iter().map(|(path, new)| crate::rebuild::Change { path, new }).collect();
        let (before, oid) = (self.base.last().unwrap().oid, self.oid());
        self.trees.insert(oid, new);
        self.base.push(Commit::new(oid, vec![before], &message, changes));
        oid
    }

    fn merged(&self, branch: &[Commit]) -> Files {
        let mut merged = self.files(None);
        let landed = &self.trees[&branch.last().unwrap().oid];
        for (path, file) in difference(&self.trees[&branch[0].parents[0]], landed) {
            match file {
                Some(_) => merged.insert(path.to_string(), landed[&*path].clone()),
                None => merged.remove(&*path),
            };
        }
        merged
    }

    /// Goes back to the tree of a commit, in a commit that says so.
    fn revert(&mut self, reverted: Oid, to: &Files) -> Oid {
        let now = self.files(None);
        let gone = now.keys().filter(|path| !to.contains_key(*path)).map(|path| (path.clone(), None));
        let back = to.iter().map(|(path, text)| (path.clone(), Some(text.clone())));
        let edits: Vec<(String, Option<String>)> = gone.chain(back).collect();
        let edits: Vec<(&str, Option<&str>)> =
            edits.iter().map(|(p, t)| (p.as_str(), t.as_deref())).collect();
        self.commit(None, &format!("Revert \"x\"\n\nThis reverts commit {reverted}.\n"), &edits)
    }

    fn adopted(&self, spec: &Spec) -> Vec<String> {
        let history = self.history();
        let found = adopt(spec, &Line::new(&history, Vec::new()), &tree(&self.files(None)), &|_| true);
        found.iter().map(ToString::to_string).collect()
    }

    fn has_landed(&self, spec: &Spec) -> bool {
        let history = self.history();
        Line::new(&history, self.branches[spec.name.as_str()].clone()).has_landed(&[&spec.name])
    }

    /// Runs all stages on the branch, with this code.
    fn run_all(&mut self, spec: &Spec, needs: &[&Spec], code: &str) {
        let name = spec.name.as_str();
        let [spec_md, plan_md, tasks_md] = ["spec", "plan", "tasks"].map(|f| format!("specs/{name}/{f}.md"));
        let file = format!("src/{name}.txt");
        self.run(spec, "specify", needs, &[(&spec_md, Some("spec"))]);
        self.run(spec, "plan", needs, &[(&plan_md, Some("plan"))]);
        self.run(spec, "tasks", needs, &[(&tasks_md, Some("- [ ] T001 a"))]);
        self.run(spec, "implement", needs, &[(&tasks_md, Some("- [x] T001 a")), (&file, Some(code))]);
        self.run(spec, "check", needs, &[]);
    }
}

fn finished_by_hand(repository: &mut Repository, name: &str) -> Oid {
    let [spec_md, plan_md, tasks_md] = ["spec", "plan", "tasks"].map(|f| format!("specs/{name}/{f}.md"));
    repository.edit(&[
        (&spec_md, Some("mine")),
        (&plan_md, Some("mine")),
        (&tasks_md, Some("- [x] T001 mine")),
    ])
}

const ALL: &str = "specify,plan,tasks,implement,check";

#[test]
fn a_merge_elsewhere_is_a_landing_whose_result_is_computed() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    repository.run_all(&a, &[], "one");
    repository.merge_elsewhere(&a);
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    let first = result(&repository, &a);
    assert!(first.is_some());
    repository.build(&b, &[&a]);
    assert_eq!(repository.all(&b, &[&a]), [""; 0]);
    repository.edit(&[("specs/a/spec.md", Some("other"))]);
    repository.run(&a, "plan", &[], &[]);
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("two"))]);
    repository.merge_elsewhere(&a);
    assert_ne!(result(&repository, &a), first);
    assert_eq!(repository.reasons(&b, "specify", &[&a]), ["`a` landed a different result"]);
}

#[test]
fn a_merge_elsewhere_after_a_landing_of_ours_has_a_result_of_its_own() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    let ours = result(&repository, &a);
    repository.edit(&[("specs/a/spec.md", Some("other"))]);
    repository.run(&a, "plan", &[], &[("specs/a/plan.md", Some("other"))]);
    repository.run(&a, "tasks", &[], &[]);
    repository.merge_elsewhere(&a);
    assert_eq!(result(&repository, &a), ours, "it changed nothing outside its own folder");
    repository.edit(&[("specs/a/spec.md", Some("third"))]);
    repository.run(&a, "plan", &[], &[]);
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("two"))]);
    repository.merge_elsewhere(&a);
    assert_ne!(result(&repository, &a), ours);
}

#[test]
fn a_squash_that_keeps_our_words_lands_and_one_that_drops_them_does_not() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.run_all(&a, &[], "one");
    let mut dropped = repository.clone();
    repository.squash_elsewhere(&a, true);
    assert!(repository.has_landed(&a));
    repository.branches.clear();
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    assert!(result(&repository, &a).is_some());
    dropped.squash_elsewhere(&a, false);
    assert!(!dropped.has_landed(&a));
}

#[test]
fn who_goes_on_after_a_squash_has_work_that_has_not_landed() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.run_all(&a, &[], "one");
    repository.squash_elsewhere(&a, true);
    repository.commit(Some("a"), "by hand", &[("src/more.txt", Some("more"))]);
    assert!(!repository.has_landed(&a));
}

#[test]
fn a_revert_of_a_merge_made_elsewhere_voids_what_it_brought() {
    let (mut repository, a) = (begun(), spec("a"));
    let before = repository.files(None);
    repository.run_all(&a, &[], "one");
    let merge = repository.merge_elsewhere(&a);
    repository.revert(merge, &before);
    assert_eq!(repository.all(&a, &[]).len(), 5);
    assert_eq!(result(&repository, &a), None, "what was reverted has no result");
}

#[test]
fn a_revert_of_the_second_landing_brings_the_first_result_back() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    let (first, before) = (result(&repository, &a), repository.files(None));
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("two"))]);
    let second = repository.land(&a);
    assert_ne!(result(&repository, &a), first);
    repository.revert(second, &before);
    assert_eq!(result(&repository, &a), first);
    assert_eq!(repository.all(&a, &[]), ["implement"]);
}

#[test]
fn a_revert_of_one_stages_commit_voids_that_stage() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    let check = repository.base.iter().find(|commit| {
        commit.marks.iter().any(|mark| matches!(mark, Mark::Trace(t) if t.stages[0].as_str() == "check"))
    });
    let (check, now) = (check.unwrap().oid, repository.files(None));
    let revert = repository.revert(check, &now);
    assert_eq!(repository.all(&a, &[]), ["check"]);
    let again = repository.revert(revert, &now);
    assert_eq!(repository.all(&a, &[]), [""; 0], "a revert of the revert restores it");
    repository.revert(again, &now);
    assert_eq!(repository.all(&a, &[]), ["check"], "and so on");
}

#[test]
fn a_cherry_picked_trace_counts_where_it_was_picked_to() {
    let (mut repository, a) = (begun(), spec("a"));
    repository.run(&a, "specify", &[], &[("specs/a/spec.md", Some("spec"))]);
    let branch = repository.branches.remove("a").unwrap();
    assert_eq!(repository.all(&a, &[]).len(), 5, "a branch that is gone counts for nothing");
    let picked = trailer::write(&branch[0].marks[0]);
    repository.commit(None, &format!("a: specify\n\n{picked}\n"), &[("specs/a/spec.md", Some("spec"))]);
    assert_eq!(repository.all(&a, &[]), ["plan", "tasks", "implement", "check"]);
}

#[test]
fn an_adoption_recorded_late_covers_nothing_that_came_before_its_line() {
    let (mut repository, a) = (begun(), spec("a"));
    let at = finished_by_hand(&mut repository, "a");
    let line = format!("Specmake-Trace: v1 a {ALL} how=adopted at={at}");
    let stage = StageName::new("check").unwrap();
    let void = Mark::Void { spec: a.name.clone(), stage, why: "asked for by `-B`".into() };
    repository.commit(None, &format!("void\n\n{}\n{line}\n", trailer::write(&void)), &[]);
    assert_eq!(repository.all(&a, &[]), ["check"], "a void in the same commit stands");
    repository.edit(&[("specs/a/spec.md", Some("edited"))]);
    repository.run(&a, "plan", &[], &[("specs/a/plan.md", Some("edited"))]);
    repository.commit(None, &format!("something else\n\n{line}\n"), &[]);
    let history = repository.history();
    let sees = Line::new(&history, repository.branches["a"].clone());
    let plan = sees.last(&[&a.name], &a.stages[1].name);
    assert!(
        matches!(plan, crate::rebuild::Last::Done { trace, .. } if trace.how == crate::rebuild::How::Ran)
    );
}

#[test]
fn what_was_adopted_in_two_steps_is_adopted_whole() {
    let (mut repository, a) = (begun(), spec("a"));
    let at = repository.edit(&[("specs/a/spec.md", Some("mine")), ("specs/a/plan.md", Some("mine"))]);
    assert_eq!(repository.adopted(&a), ["specify", "plan"]);
    repository.commit(None, &format!("x\n\nSpecmake-Trace: v1 a specify,plan how=adopted at={at}"), &[]);
    repository.edit(&[("specs/a/tasks.md", Some("- [x] T001"))]);
    assert_eq!(repository.adopted(&a), ["tasks", "implement", "check"]);
}

#[test]
fn nothing_but_a_finished_file_is_adopted() {
    let (mut repository, mut a) = (begun(), spec("a"));
    finished_by_hand(&mut repository, "a");
    a.stages[4].inputs.push(pattern("a", "src/**"));
    assert_eq!(repository.adopted(&a), ["specify", "plan", "tasks", "implement"], "a `run` with inputs");
    a.stages[1].outputs = vec![pattern("a", "docs/plan.md")];
    repository.edit(&[("docs/plan.md", Some("everybody's"))]);
    assert_eq!(repository.adopted(&a), ["specify", "tasks"], "a path without the spec's name");
    let void = Mark::Void { spec: a.name.clone(), stage: a.stages[0].name.clone(), why: "x".into() };
    repository.commit(None, &trailer::write(&void), &[]);
    assert_eq!(repository.adopted(&a), ["tasks"], "a voided trace counts as had");
}

#[test]
fn a_gate_is_adopted_with_what_follows_it() {
    let (mut repository, mut a) = (begun(), spec("a"));
    a.stages[1].work = crate::model::Work::Gate;
    a.stages[1].outputs.clear();
    repository.edit(&[("specs/a/spec.md", Some("mine"))]);
    assert_eq!(repository.adopted(&a), ["specify"], "nothing behind the gate is there");
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001"))]);
    let history = repository.history();
    let line = Line::new(&history, Vec::new());
    let found = adopt(&a, &line, &tree(&repository.files(None)), &|_| false);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["specify", "plan", "tasks"]);
}

#[test]
fn a_gate_before_what_was_built_waits_for_a_person() {
    let (mut repository, mut a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    a.stages.insert(0, stage("a", "review", 0, &[], &[]));
    a.stages[0].work = crate::model::Work::Gate;
    for position in 1..a.stages.len() {
        a.stages[position].waits_for = vec![position - 1];
    }
    assert_eq!(repository.adopted(&a), [""; 0], "nobody did anything by hand");
}

#[test]
fn what_follows_an_adopted_stage_that_ran_again_runs_too() {
    let (mut repository, a) = (begun(), spec("a"));
    let at = finished_by_hand(&mut repository, "a");
    let stages = a.stages.iter().map(|stage| stage.name.clone()).collect();
    repository.remembered.push(Adopted { spec: a.name.clone(), stages, at });
    assert_eq!(repository.all(&a, &[]), [""; 0]);
    repository.edit(&[("specs/a/tasks.md", Some("- [ ] T001 mine"))]);
    repository.run(&a, "implement", &[], &[("specs/a/tasks.md", Some("- [x] T001 mine"))]);
    assert_eq!(repository.all(&a, &[]), [""; 0], "it only ticked");
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("code"))]);
    assert_eq!(repository.reasons(&a, "check", &[]), ["`implement` changed something else"]);
}

#[test]
fn who_was_adopted_knows_what_had_landed_then_of_its_layer() {
    let (mut repository, mut a, mut b) = (begun(), spec("a"), spec("b"));
    repository.via_layer = true;
    a.exports = vec![pattern("a", "api/a.txt")];
    b.stages[0].inputs.push(pattern("b", "api/*"));
    b.stages[0].inputs.push(pattern("b", "notes/*"));
    repository.build(&a, &[]);
    let at = finished_by_hand(&mut repository, "b");
    let stages = b.stages.iter().map(|stage| stage.name.clone()).collect();
    repository.remembered.push(Adopted { spec: b.name.clone(), stages, at });
    assert_eq!(repository.all(&b, &[&a]), [""; 0]);
    repository.run(&a, "implement", &[], &[("notes/a.md", Some("no export"))]);
    repository.land(&a);
    assert_eq!(repository.reasons(&b, "specify", &[&a]), ["input `notes/*` changed (notes/a.md)"]);
    repository.run(&a, "implement", &[], &[("api/a.txt", Some("other"))]);
    repository.land(&a);
    let both = ["input `api/*` changed (api/a.txt)", "input `notes/*` changed (notes/a.md)"];
    assert_eq!(repository.reasons(&b, "specify", &[&a])[..2], both);
    assert_eq!(repository.reasons(&b, "specify", &[&a])[2], "`a` landed a different result");
    let c = spec("c");
    repository.run(&c, "implement", &[], &[("notes/c.md", Some("later"))]);
    repository.land(&c);
    assert_eq!(repository.reasons(&b, "specify", &[&c]), [""; 0], "it is new in the layer");
}

#[test]
fn what_was_adopted_later_left_nothing() {
    let (mut repository, mut a) = (begun(), spec("a"));
    repository.build(&a, &[]);
    a.stages.push(stage("a", "publish", 5, &[], &["out/{spec}.txt"]));
    let at = repository.edit(&[("out/a.txt", Some("mine")), ("specs/a/spec.md", Some("mine"))]);
    assert_eq!(repository.adopted(&a), ["publish"]);
    let dirty = ["input `specs/a/spec.md` changed"];
    assert_eq!(repository.reasons(&a, "plan", &[]), dirty);
    let stages = vec![a.stages[5].name.clone()];
    repository.remembered.push(Adopted { spec: a.name.clone(), stages, at });
    assert_eq!(repository.reasons(&a, "plan", &[]), dirty, "nobody read the edit");
}

#[test]
fn who_was_adopted_knows_what_was_taken_back_since() {
    let (mut repository, a, b) = (begun(), spec("a"), spec("b"));
    repository.build(&a, &[]);
    let first = repository.files(None);
    repository.run(&a, "implement", &[], &[("src/a.txt", Some("other"))]);
    let landing = repository.land(&a);
    let second = repository.files(None);
    finished_by_hand(&mut repository, "b");
    let (at, stages) =
        (repository.tip(None).unwrap(), b.stages.iter().map(|stage| stage.name.clone()).collect());
    repository.remembered.push(Adopted { spec: b.name.clone(), stages, at });
    let by_hand = repository.files(None);
    let beside = |files: &Files| -> Files { by_hand.clone().into_iter().chain(files.clone()).collect() };
    assert_eq!(repository.reasons(&b, "specify", &[&a]), [""; 0]);
    let revert = repository.revert(landing, &beside(&first));
    assert_eq!(repository.reasons(&b, "specify", &[&a]), ["`a` landed a different result"]);
    repository.revert(revert, &beside(&second));
    assert_eq!(repository.reasons(&b, "specify", &[&a]), [""; 0], "it stands again");
}

#[test]
fn a_touch_of_what_was_adopted_keeps_its_result() {
    let (mut repository, a) = (begun(), spec("a"));
    let at = finished_by_hand(&mut repository, "a");
    repository.commit(None, &format!("x\n\nSpecmake-Trace: v1 a {ALL} how=adopted at={at}\n"), &[]);
    assert_eq!(result(&repository, &a), Some(adopted_result()));
    repository.commit(None, "Specmake-Trace: v1 a plan how=touched\n", &[]);
    assert_eq!(result(&repository, &a), Some(adopted_result()));
}

#[test]
fn a_need_that_was_only_renamed_dirties_nobody() {
    let (mut repository, old, b) = (begun(), spec("a-old"), spec("b"));
    repository.build(&old, &[]);
    repository.build(&b, &[&old]);
    let mut new = spec("a");
    new.was = Some(old.name.clone());
    assert_eq!(repository.all(&b, &[&new]), [""; 0]);
    let at = finished_by_hand(&mut repository, "c-old");
    repository.commit(None, &format!("x\n\nSpecmake-Trace: v1 c-old {ALL} how=adopted at={at}\n"), &[]);
    let (c_old, mut c) = (spec("c-old"), spec("c"));
    c.was = Some(c_old.name.clone());
    assert_eq!(result(&repository, &c), result(&repository, &c_old));
    repository.base.pop();
    let stages: Vec<StageName> = c.stages.iter().map(|stage| stage.name.clone()).collect();
    let found = |spec: &Spec| vec![Adopted { spec: spec.name.clone(), stages: stages.clone(), at }];
    repository.remembered = found(&c_old);
    let then = result(&repository, &c);
    repository.remembered = found(&c);
    assert_eq!(result(&repository, &c), then, "found once more under its new name");
}

#[test]
fn a_short_name_is_no_part_of_a_word_in_a_rename() {
    let (mut repository, old) = (begun(), spec("b"));
    repository.build(&old, &[]);
    let mut new = spec("a");
    new.was = Some(old.name.clone());
    let files = repository.files(None);
    let moved = files.iter().filter(|(path, _)| path.starts_with("specs/b/"));
    let moved: Vec<(String, String)> =
        moved.map(|(path, text)| (path.replace("specs/b/", "specs/a/"), text.clone())).collect();
    let mut edits: Vec<(&str, Option<&str>)> = Vec::new();
    for (path, text) in &moved {
        edits.push((path, Some(text)));
    }
    edits.extend(files.keys().filter(|path| path.starts_with("specs/b/")).map(|path| (path.as_str(), None)));
    repository.edit(&edits);
    assert_eq!(repository.all(&new, &[]), [""; 0]);
    repository.edit(&[("specs/a/plan.md", Some("edited"))]);
    assert_eq!(repository.all(&new, &[]), ["tasks", "implement"]);
}

#[test]
fn exports_added_later_do_not_alter_a_result() {
    let (mut repository, mut a, b) = (begun(), spec("a"), spec("b"));
    repository.build(&a, &[]);
    repository.build(&b, &[&a]);
    a.exports.push(pattern("a", "src/a.txt"));
    assert_eq!(repository.all(&b, &[&a]), [""; 0]);
    repository.edit(&[("src/a.txt", Some("by hand"))]);
    assert_eq!(repository.all(&b, &[&a]), [""; 0], "nor do later edits");
}

#[test]
fn a_result_of_exports_comes_back_with_them_and_one_of_changes_never_does() {
    for has_exports in [false, true] {
        let (mut repository, mut a) = (begun(), spec("a"));
        if has_exports {
            a.exports = vec![pattern("a", "src/a.txt")];
        }
        repository.build(&a, &[]);
        let first = result(&repository, &a);
        for text in ["other", "code"] {
            repository.run(&a, "implement", &[], &[("src/a.txt", Some(text))]);
            repository.land(&a);
        }
        assert_eq!(result(&repository, &a) == first, has_exports);
    }
}
