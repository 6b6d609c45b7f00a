//! Edits that are not committed yet: named, counted, and committed only with consent.
use crate::world::World;

/// Files of the user's that no run may touch, each dirty in a way of its own.
const OTHERS: [&str; 6] = ["notes.txt", "staged.txt", "half.txt", "gone.txt", "new.txt", "later.txt"];

fn finished() -> World {
    let world = World::new();
    for path in ["notes.txt", "half.txt", "gone.txt"] {
        world.file(path, "committed\n");
    }
    world.specfile("spec \"a\" \"A\"\nspec \"b\" \"B\"").commit("start");
    world.run([]).exits(0).calls(["a", "b"]);
    world
}

fn make_dirty(world: &World) -> Vec<String> {
    world.append("notes.txt", "edited");
    world.file("staged.txt", "staged\n").git(&["add", "staged.txt"]);
    world.append("half.txt", "staged").git(&["add", "half.txt"]);
    world.append("half.txt", "not staged");
    world.git(&["rm", "-q", "--cached", "gone.txt"]);
    world.file("new.txt", "untracked\n");
    world.file("later.txt", "later\n").git(&["add", "-N", "later.txt"]);
    world.state_of(&OTHERS)
}

#[test]
fn without_consent_an_edit_is_named_and_left_out() {
    let world = finished();
    world.append("specs/a/spec.md", "More.");
    let (head, dirt) = (world.rev("main"), world.dirt());
    world.run([]).exits(0).said("specs/a/spec.md").calls([]);
    assert_eq!((world.rev("main"), world.dirt()), (head, dirt));
}

#[test]
fn questions_count_it_as_if_committed() {
    let world = finished();
    world.append("specs/a/spec.md", "More.");
    let (head, dirt) = (world.rev("main"), world.dirt());
    world.run(["-q"]).exits(4).calls([]);
    world.run(["-n"]).exits(0).said("a:plan").said("specs/a/spec.md").calls([]);
    world.run(["status"]).said("specs/a/spec.md").calls([]);
    assert_eq!((world.rev("main"), world.dirt()), (head, dirt));
}

#[test]
fn with_consent_exactly_these_files_are_committed() {
    let world = finished();
    let others = make_dirty(&world);
    world.append("specs/a/spec.md", "More.");
    let before = world.rev("main");
    world.run(["--yes"]).exits(0).calls(["a:plan.."]);
    assert_eq!(world.state_of(&OTHERS), others);
    let path = "specs/a/spec.md";
    let commits = world.git(&["log", "--no-merges", "--format=%H", &format!("{before}..main"), "--", path]);
    assert_eq!(commits.lines().count(), 1, "one commit wrote it:\n{commits}");
    let files = world.git(&["show", "--format=", "--name-only", commits.trim()]);
    assert_eq!(files, path);
    assert!(world.show("main", path).unwrap().contains("More."));
    world.again().calls([]);
}

#[test]
fn consent_may_stand_in_the_specfile() {
    let world = finished();
    let specfile = world.read("Specfile");
    world
        .file("Specfile", &format!("{specfile}\nproject {{ commit-inputs \"always\" }}\n"))
        .commit("consent");
    world.append("specs/a/spec.md", "More.");
    world.run([]).exits(0).calls(["a:plan.."]);
    world.again().calls([]);
}

#[test]
fn a_new_file_in_a_specs_folder_is_committed_too() {
    let world = finished();
    let specfile = world.read("Specfile");
    world.file("Specfile", &format!("{specfile}\nspec \"c\" \"C\"\n")).commit("c");
    let mine = "# C by hand\n";
    world.file("specs/c/spec.md", mine);
    world.run(["--yes"]).exits(0).calls(["c:plan.."]);
    assert_eq!(world.show("main", "specs/c/spec.md").as_deref(), Some(mine));
    world.again().calls([]);
}

#[test]
fn files_of_nobody_are_never_committed() {
    let world = finished();
    make_dirty(&world);
    let (head, dirt) = (world.rev("main"), world.dirt());
    world.run(["--yes"]).exits(0).calls([]);
    assert_eq!((world.rev("main"), world.dirt()), (head, dirt));
}

#[test]
fn a_file_staged_with_other_content_is_left_out() {
    let world = finished();
    world.append("specs/a/spec.md", "Staged.").git(&["add", "specs/a/spec.md"]);
    world.append("specs/a/spec.md", "Not staged.");
    let before = (world.rev("main"), world.state_of(&["specs/a/spec.md"]));
    world.run(["--yes"]).said("specs/a/spec.md").calls([]);
    assert_eq!((world.rev("main"), world.state_of(&["specs/a/spec.md"])), before);
}

#[test]
fn nothing_is_committed_during_a_merge() {
    let world = finished();
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.file("notes.txt", "theirs\n").commit("theirs");
    world.git(&["checkout", "-q", "main"]);
    world.file("notes.txt", "ours\n").commit("ours");
    assert!(!world.try_git(world.repo(), &["merge", "-q", "topic"]).0, "the merge conflicts");
    world.append("specs/a/spec.md", "More.");
    let before = (world.rev("main"), world.rev("MERGE_HEAD"), world.dirt());
    world.run(["--yes"]).calls([]);
    assert_eq!((world.rev("main"), world.rev("MERGE_HEAD"), world.dirt()), before);
}

#[test]
fn nothing_is_committed_from_a_checkout_of_another_branch() {
    let world = finished();
    let specfile = world.read("Specfile");
    world.file("Specfile", &format!("{specfile}\nproject {{ base \"main\" }}\n")).commit("base");
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.append("specs/a/spec.md", "More.");
    let before = (world.rev("main"), world.rev("topic"), world.dirt());
    world.run(["--yes"]).calls([]);
    assert_eq!((world.rev("main"), world.rev("topic"), world.dirt()), before);
}
