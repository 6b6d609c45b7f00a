//! What people and forges do to branches and to the base: merges made elsewhere, a base that is rewritten.
use crate::world::{ONE, World};

/// Specs whose branches wait for people; `b` needs `a`.
fn delivered() -> World {
    let world = World::with("land off\nspec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }");
    world.run(["a"]).calls(["a"]);
    world
}

fn squash(world: &World, message: &str) {
    world.git(&["merge", "-q", "--squash", "spec/a"]);
    world.git(&["commit", "-q", "-m", message]);
}

/// All messages of a branch in one, as forges write them.
fn messages(world: &World, branch: &str) -> String {
    let range = format!("main..{branch}");
    format!("A (#1)\n\n{}", world.git(&["log", "--reverse", "--format=* %B", &range]))
}

#[test]
fn a_merge_made_elsewhere_is_a_landing() {
    let world = delivered();
    world.git(&["merge", "-q", "--no-ff", "-m", "Merge pull request #1", "spec/a"]);
    world.run(["a"]).exits(0).calls([]);
    world.run([]).calls(["b"]);
    world.run(["clean"]).exits(0);
    assert_eq!(world.branches(), ["spec/b"]);
}

#[test]
fn a_reverted_merge_made_elsewhere_is_out_of_date() {
    let world = delivered();
    world.git(&["merge", "-q", "--no-ff", "-m", "Merge pull request #1", "spec/a"]);
    world.git(&["revert", "-m1", "--no-edit", "HEAD"]);
    world.run(["-n", "a"]).exits(0).said("revert");
    world.git(&["revert", "--no-edit", "HEAD"]);
    world.run(["a"]).exits(0).calls([]);
}

#[test]
fn a_squash_that_keeps_the_messages_is_a_landing() {
    let world = delivered();
    let words = messages(&world, "spec/a");
    squash(&world, &words);
    let tip = world.rev("spec/a");
    world.run(["a"]).exits(0).calls([]);
    world.run([]).calls(["b"]);
    world.append("specs/a/spec.md", "More.").commit("more");
    world.run(["a"]).calls(["a:plan.."]);
    assert!(world.git(&["for-each-ref", "--contains", &tip, "refs/specmake/backup"]).contains(&tip));
}

#[test]
fn a_rebase_made_elsewhere_is_a_landing() {
    let world = delivered();
    world.file("other.txt", "x\n").commit("meanwhile");
    world.git(&["checkout", "-q", "-b", "picked"]);
    world.git(&["cherry-pick", "--allow-empty", "--keep-redundant-commits", "main..spec/a"]);
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--ff-only", "picked"]);
    world.git(&["branch", "-q", "-D", "picked"]);
    world.run(["a"]).exits(0).calls([]);
    world.run([]).calls(["b"]);
}

#[test]
fn a_squash_that_drops_the_messages_is_found_by_its_content() {
    let world = delivered();
    squash(&world, "A feature (#1)");
    world.append("src/a.txt", "and a line by hand").commit("went on");
    world.run(["a"]).exits(0).calls([]);
    assert_eq!(world.branches(), [""; 0], "the branch goes once a commit says that it landed");
    assert!(world.read("src/a.txt").contains("by hand"));
    let clone = world.clone_as("clone", &[]);
    clone.run(["-q", "a"]).exits(0);
    world.run([]).calls(["b"]);
    world.run(["a"]).exits(0).calls([]);
}

#[test]
fn each_way_of_a_forge_is_known_with_landing_off_and_in_a_batch() {
    for land in ["land off", "land { batch 4; check \"echo $(ls src) >> $W/checked\" }"] {
        let world =
            World::with("land off\nspec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\"\nspec \"d\" \"D\"");
        world.run([]).exits(0).calls(["a", "b", "c", "d"]);
        world.git(&["merge", "-q", "--no-ff", "-m", "Merge pull request #1", "spec/a"]);
        world.git(&["merge", "-q", "--squash", "spec/b"]);
        world.git(&["commit", "-q", "-m", "B (#2)"]);
        world.git(&["cherry-pick", "--allow-empty", "--keep-redundant-commits", "main..spec/c"]);
        world.edit("Specfile", "land off", land).append("README.txt", "More.").commit("after the forge");
        let on = land != "land off";
        world.run(["--yes"]).exits(0).calls([]);
        assert_eq!(world.branches(), if on { vec![] } else { vec!["spec/d".to_owned()] });
        assert_eq!(world.has("src/d.txt"), on);
        world.run(["-q", "a", "b", "c"]).exits(0);
        world.clone_as("clone", &[]).run(["-q", "a", "b", "c"]).exits(0);
        if on {
            let checked = std::fs::read_to_string(world.top().join("checked")).unwrap();
            assert_eq!(checked, "a.txt b.txt c.txt d.txt\n", "only what was not there yet is tested");
        }
    }
}

#[test]
fn another_squash_is_another_result() {
    let world = delivered();
    squash(&world, "A feature (#1)");
    world.run([]).calls(["b"]);
    world.git(&["merge", "-q", "--no-ff", "-m", "b", "spec/b"]);
    world.run([]).exits(0).calls([]);
    world.append("specs/a/spec.md", "Something else.").commit("else");
    world.run(["a"]).calls(["a:plan.."]);
    squash(&world, "A feature, again (#2)");
    world.run([]).calls(["b"]);
}

/// `a` is planned on its branch; then the base is rewritten without its last commit.
fn rewritten() -> World {
    let world = World::with("project { base \"main\" }\nspec \"a\" \"A\"");
    world.file("secret.txt", "never to be seen again\n").commit("a mistake");
    world.run(["--until", "plan"]).exits(0).calls(["a:specify", "a:plan"]);
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world
}

#[test]
fn what_left_the_base_does_not_come_back_with_a_branch() {
    let world = rewritten();
    world.file("other.txt", "instead\n").commit("instead");
    let old = world.rev("spec/a");
    world.run(["-n"]).exits(0).said("a:tasks").calls([]);
    world.run([]).exits(0).calls(["a:tasks.."]);
    assert!(!world.has("secret.txt") && world.has("other.txt"));
    let history = world.git(&["log", "--format=%s", "main"]);
    assert!(!history.contains("a mistake") && history.contains("a: plan"), "{history}");
    assert!(world.git(&["for-each-ref", "refs/specmake/backup"]).contains(&old));
    assert_eq!(world.git(&["for-each-ref", "refs/specmake/fork"]), "");
    world.again().calls([]);
}

#[test]
fn a_complete_branch_is_replayed_before_it_lands() {
    let world = rewritten();
    world.git(&["reset", "-q", "--hard", "HEAD@{1}"]);
    world.run(["a:check"]).calls(["a:tasks.."]);
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world.run([]).exits(0).calls([]);
    assert!(!world.has("secret.txt") && world.has("src/a.txt"));
    assert!(!world.git(&["log", "--format=%s", "main"]).contains("a mistake"));
    world.again().calls([]);
}

#[test]
fn a_branch_that_does_not_apply_to_a_rewritten_base_is_held() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    world.file("shared.txt", "one\n").commit("one");
    world.script("a/build", "play build\necho two >> shared.txt");
    world.run(["a:build"]).exits(0);
    let tip = world.rev("spec/a");
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world.file("shared.txt", "another\n").commit("another");
    world.run([]).exits(1).said("shared.txt").calls([]);
    assert_eq!(world.rev("spec/a"), tip);
}
