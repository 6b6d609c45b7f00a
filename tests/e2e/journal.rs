//! git is the journal: clones, lost state, resets and reverts.
use crate::world::World;

fn finished() -> World {
    let world = World::with("spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }");
    world.run([]).exits(0).calls(["a", "b"]);
    world
}

#[test]
fn a_fresh_clone_has_nothing_to_do() {
    let world = finished();
    let clone = world.clone_as("clone", &[]);
    clone.run(["-q"]).exits(0);
    clone.again().calls([]);
    assert_eq!(clone.rev("main"), world.rev("main"));
}

#[test]
fn a_clone_judges_an_edit_as_the_original_does() {
    let world = finished();
    world.append("specs/b/plan.md", "Edited.").commit("edited");
    let clone = world.clone_as("clone", &[]);
    clone.run([]).exits(0).calls(["b:tasks.."]);
    world.run([]).exits(0).calls(["b:tasks.."]);
}

#[test]
fn lost_state_is_found_again_in_git() {
    let world = finished();
    world.lose_state();
    world.again().calls([]);
    world.append("specs/b/spec.md", "Edited.").commit("edited");
    world.lose_state();
    world.run([]).exits(0).calls(["b:plan.."]);
    world.lose_state();
    world.again().calls([]);
}

#[test]
fn a_broken_database_is_no_reason_to_build() {
    let world = finished();
    world.file(".specmake/state.db", "this is not a database, whatever its name says").again().calls([]);
}

#[test]
fn state_stays_out_of_git() {
    let world = finished();
    assert!(world.has(".specmake"));
    assert_eq!(world.dirt(), "");
    assert!(!world.paths("main").iter().any(|path| path.starts_with(".specmake")));
}

#[test]
fn what_a_reset_lost_is_built_again() {
    let world = finished();
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    assert!(!world.has("src/b.txt"), "the last landing is gone");
    world.run([]).exits(0).calls(["b"]);
    assert!(world.has("src/b.txt"));
    world.again().calls([]);
}

#[test]
fn a_reverted_landing_is_out_of_date_until_the_revert_is_reverted() {
    let world = finished();
    world.git(&["revert", "-m1", "--no-edit", "HEAD"]);
    assert!(!world.has("src/b.txt"));
    world.run(["-q"]).exits(4);
    world.run(["-n"]).exits(0).said("revert");
    world.git(&["revert", "--no-edit", "HEAD"]);
    world.run(["-q"]).exits(0);
    world.again().calls([]);
}

#[test]
fn a_reverted_landing_is_built_again() {
    let world = finished();
    world.git(&["revert", "-m1", "--no-edit", "HEAD"]);
    world.run([]).exits(0).calls(["b"]);
    assert!(world.has("src/b.txt"));
    world.again().calls([]);
}

#[test]
fn commits_that_are_nobodys_ingredient_change_nothing() {
    let world = finished();
    world.file("other.txt", "x\n").commit("something else");
    world.git(&["commit", "-q", "--allow-empty", "-m", "nothing at all"]);
    world.again().calls([]);
}

#[test]
fn a_merge_of_a_persons_branch_counts_as_the_persons_writes() {
    let world = finished();
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.append("specs/b/spec.md", "From a branch.").commit("on a branch");
    world.git(&["checkout", "-q", "main"]);
    world.again().calls([]);
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "topic"]);
    world.run([]).exits(0).calls(["b:plan.."]);
    world.again().calls([]);
}

#[test]
fn a_rebased_history_keeps_what_was_done() {
    let world = finished();
    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
    world.git(&["branch", "other", &first]);
    world.git(&["checkout", "-q", "other"]);
    world.file("other.txt", "x\n").commit("under it all");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["rebase", "-q", "--rebase-merges", "other"]);
    world.again().calls([]);
}

#[test]
fn a_file_written_back_as_it_was_is_no_change() {
    let world = finished();
    let text = world.read("specs/b/spec.md");
    world.append("specs/b/spec.md", "For a moment.").commit("there");
    world.file("specs/b/spec.md", &text).commit("and back");
    world.again().calls([]);
}
