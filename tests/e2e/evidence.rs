//! What an attempt left behind is judged, not what it says: files that parse, nothing outside of its worktree.
use crate::world::{ONE, World};

/// The cheap pipeline with this ladder, and an agent whose tools can be heard.
fn telling(steps: &str) -> World {
    let world = World::new();
    let program = world.top().join("agent.sh");
    world.specfile(&format!(
        "agent \"teller\" {{ command {program:?}; prompt \"stdin\"; dialect \"demo\" }}\n{ONE}\n\
         stage \"build\" {{ on-failure {{ {steps} }} }}\nspec \"a\" \"A\" agent=\"teller\""
    ));
    world.commit("Specfile");
    world
}

#[test]
fn a_leak_holds_whatever_the_plain_ladder_says() {
    let world = telling("retry 5; fail");
    world.script("a/build", "play build\nmkdir -p $W/repo/out\ncp out/a.txt $W/repo/out/a.txt\nexit 3");
    let outcome = world.run([]);
    outcome.exits(1).calls(["a:build"]).said("held").said("`out/a.txt`").said("leak");
    assert_eq!(world.read("out/a.txt"), "a\n", "it is the user's to look at");
    world.run([]).exits(1).calls([]);
    world.unscript("a/build");
    world.run(["retry", "a"]).exits(0).calls(["a:build"]);
    world.again().calls([]);
}

#[test]
fn an_output_that_went_to_the_checkout_instead_is_a_leak() {
    let world = telling("retry 5; fail");
    world.script("a/build", "mkdir -p $W/repo/out\necho a > $W/repo/out/a.txt");
    world.run([]).exits(1).calls(["a:build"]).said("`out/a.txt`").said("leak");
}

#[test]
fn what_an_agent_says_it_wrote_in_the_checkout_is_a_leak() {
    let world = telling("retry 5; fail");
    world.file("mine.txt", "mine\n");
    world.script(
        "a/build",
        "echo x > $W/repo/README.txt\necho mine too > $W/repo/mine.txt\n\
         echo \"demo: tool edit ../../repo/README.txt\"\necho \"demo: tool read $W/repo/mine.txt\"\nplay build",
    );
    let outcome = world.run([]);
    outcome.exits(1).calls(["a:build"]).said("`README.txt`").said("leak").unsaid("mine.txt");
    assert_eq!(world.read("README.txt"), "x\n");
}

#[test]
fn what_people_do_in_their_checkout_is_no_leak() {
    let world = telling("fail");
    world.script(
        "a/build",
        "echo mine > $W/repo/mine.txt\necho \"demo: tool edit src/mine.txt\"\n\
         echo \"demo: tool edit $W/repo/README.txt\"\nplay build",
    );
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.read("mine.txt"), "mine\n");
}

#[test]
fn a_tasks_file_is_held_against_its_format_to_the_line() {
    let world = World::with(
        "stage \"tasks\" { on-failure { fail }; on-failure \"output\" { fail } }\nspec \"a\" \"A\"\n\
         spec \"b\" \"B\" pipeline=\"autospec\"",
    );
    world.script("a/tasks", "printf -- '# Tasks\\n- [ ] T001 One\\n- [ ] T001 Two\\n' > \"$F/tasks.md\"");
    world.script("b/specify", "mkdir -p \"$F\"\necho 'feature: {}' > \"$F/spec.yaml\"");
    world.script("b/plan", "echo 'plan: {}' > \"$F/plan.yaml\"");
    world.script(
        "b/tasks",
        "printf 'phases:\\n- tasks:\\n  - id: T001\\n    title: One\\n    status: Finished\\n' > \"$F/tasks.yaml\"",
    );
    let outcome = world.run([]);
    outcome.exits(1).said("`specs/a/tasks.md`: line 3: task `T001` is there twice");
    outcome.said("`specs/b/tasks.yaml`: line 5: a status is");
}
