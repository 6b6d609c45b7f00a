//! What is known of collisions before they happen, and of files that a spec did not say it would change.
use crate::schemas::fits;
use crate::world::{ONE, World};

/// [`ONE`] with one more setting of the project.
fn with(setting: &str) -> String {
    ONE.replacen("pipeline \"one\" }", &format!("pipeline \"one\"; {setting} }}"), 1)
}

/// One spec that says what it touches, and an agent that changes more than that.
fn overstepping(policy: &str) -> World {
    let world = World::new();
    world.file("src/lib.txt", "lib\n").file("other.txt", "other\n");
    world.specfile(&format!(
        "{} spec \"a\" \"A\" {{ touches \"src/**\" }}",
        with(&format!("touches \"{policy}\""))
    ));
    world.commit("start");
    world.script(
        "a/build",
        "play build\nmkdir -p $F\necho x > $F/notes.md\necho a >> src/lib.txt\necho a >> other.txt",
    );
    world
}

#[test]
fn a_change_outside_touches_is_told_when_it_lands() {
    let world = overstepping("warn");
    let outcome = world.run([]);
    outcome.exits(0).said("a: changed `other.txt` outside its `touches`").unsaid("`src/lib.txt`");
    outcome.unsaid("notes.md").unsaid("`out/a.txt`");
    assert_eq!(world.read("other.txt"), "other\na\n");
    world.again().calls([]).unsaid("outside");
}

#[test]
fn where_touches_are_strict_it_does_not_land_until_that_is_undone_or_said() {
    let world = overstepping("strict");
    world.run([]).exits(1).said("changed `other.txt` outside its `touches`");
    assert_eq!(world.read("other.txt"), "other\n");
    // It is not paid for again, and it does not land by itself.
    world.run([]).exits(1).calls([]);
    world.edit("Specfile", "touches \"src/**\"", "touches \"src/**\" \"other.txt\"").commit("wider");
    world.run([]).exits(0).calls([]);
    assert_eq!(world.read("other.txt"), "other\na\n");
    world.again().calls([]);
}

#[test]
fn what_is_undone_by_hand_lands() {
    let world = overstepping("strict");
    world.run([]).exits(1);
    let tree = world.worktree("a");
    world.git_in(&tree, &["checkout", "-q", "main", "--", "other.txt"]);
    world.git_in(&tree, &["commit", "-q", "-m", "undo"]);
    world.run([]).exits(0).calls([]);
    assert_eq!(world.read("other.txt"), "other\n");
    assert_eq!(world.read("src/lib.txt"), "lib\na\n");
}

/// Two specs written by hand whose texts name the same file, a third whose do not.
fn named(edges: &str) -> World {
    let world = World::new();
    world.file("src/api.txt", "api\n").file("src/other.txt", "other\n");
    for (spec, path) in [("a", "src/api.txt"), ("b", "src/api.txt"), ("c", "src/new.txt")] {
        world.file(&format!("specs/{spec}/spec.md"), &format!("# {spec}\n\nIt changes `{path}`.\n"));
    }
    // Neither an address nor a file of another spec nor what cannot be here is a sign.
    world.append(
        "specs/c/spec.md",
        "See https://example.invalid/src/api.txt, specs/a/spec.md and nowhere/api.txt.",
    );
    world.specfile(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\" {{ {edges} }}\nspec \"c\" \"C\""));
    world.commit("start");
    world
}

#[test]
fn specs_whose_texts_name_the_same_file_are_foreseen_to_collide() {
    let world = named("");
    let outcome = world.run(["conflicts"]);
    outcome.exits(1).calls([]).said("a and b").said("src/api.txt").said("named in specs/a/spec.md");
    outcome.unsaid("and c").unsaid("c and");
    let json = world.run(["conflicts", "--format", "json"]).exits(1).json();
    fits("conflicts", [&json]);
    let pairs = json["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{json}");
    assert_eq!(pairs[0]["likelihood"], "possible");
    assert_eq!(pairs[0]["evidence"][0]["path"], "src/api.txt");
    world.run(["conflicts", "c"]).exits(0).said("no specs");
    world.run(["conflicts", "b"]).exits(1).said("a and b");
    world.run(["conflicts", "nobody"]).exits(2);
}

#[test]
fn specs_that_do_not_run_at_once_do_not_collide() {
    for edges in ["needs \"a\"", "after \"a\"", "needs \"c\" for=\"build\"; after \"a\""] {
        named(edges).run(["conflicts"]).exits(0).said("no specs");
    }
    let world = named("");
    world.run([]).exits(0);
    world.run(["conflicts"]).exits(0).said("no specs");
}

#[test]
fn touches_foresee_and_keep_apart() {
    let world = World::with(&format!(
        "{ONE} spec \"a\" \"A\" {{ touches \"src/**\" }}\nspec \"b\" \"B\" {{ touches \"src/x.txt\" }}"
    ));
    world.run(["conflicts"]).exits(0).said("kept apart  a and b").said("touches \"src/**\"");
    world.run(["-n"]).exits(0).unsaid("conflicts");
    world.specfile(&format!(
        "{ONE} spec \"a\" \"A\" {{ touches \"src/**\" }}\nspec \"b\" \"Edit src/x.txt.\""
    ));
    world.file("src/x.txt", "x\n").commit("named");
    world.run(["conflicts"]).exits(1).said("b: named in Specfile").said("a: touches \"src/**\"");
}

#[test]
fn branches_that_do_not_merge_with_each_other_are_certain() {
    let world = World::new();
    world.file("src/api.txt", "one\ntwo\n");
    world.specfile(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\"")).commit("start");
    for spec in ["a", "b"] {
        world.script(&format!("{spec}/build"), "echo $S > src/api.txt\nexit 3");
    }
    world.script("c/build", "echo $S > src/c.txt\nexit 3");
    world.run([]).exits(1);
    world.run(["conflicts"]).exits(1).said("certain").said("a and b").said("do not merge").unsaid("and c");
    world.run(["-n"]).exits(0).said("`a` and `b` do not merge with each other: src/api.txt");
    let json = world.run(["conflicts", "--format", "json"]).exits(1).json();
    fits("conflicts", [&json]);
    assert_eq!(json["pairs"][0]["likelihood"], "certain");
}

#[test]
fn what_landings_changed_is_a_sign() {
    let world = World::new();
    world.file("src/list.txt", "list\n").file("src/a.txt", "a\n");
    let template = "template \"city\" { description \"A page for {spec}.\" }";
    let two = "spec \"a\" from=\"city\"\nspec \"b\" from=\"city\"";
    world.specfile(&format!("{ONE} {template}\n{two}")).commit("start");
    world.script("any/build", "play build\necho $S >> src/list.txt\necho $S >> src/$S.txt");
    world.run(["-j1"]).exits(0);
    let later = "spec \"c\" from=\"city\"\nspec \"d\" from=\"city\"\nspec \"e\" \"Edit src/a.txt.\"";
    world.specfile(&format!("{ONE} {template}\n{two}\n{later}")).commit("more");
    let outcome = world.run(["conflicts"]);
    outcome.exits(1).said("c and d").said("src/list.txt").said("both: changed by 2 of 2 from its template");
    outcome.unsaid("src/a.txt");
    // A spec that landed before and is out of date is expected where it was.
    world.edit("Specfile", "Build {spec}.", "Build {spec} anew.").commit("another prompt");
    world.run(["conflicts", "e"]).exits(1).said("a: changed when it landed before; e: named in Specfile");
    world
        .run(["conflicts", "a", "b"])
        .exits(1)
        .said("both: changed when it landed before")
        .unsaid("src/b.txt");
}

#[test]
fn a_dry_run_warns_of_what_is_likely_and_counts_the_rest() {
    let world = named("");
    world.run(["-n"]).exits(0).said("1 pair of specs may collide; see `specmake conflicts`");
    world.file("src/x.txt", "x\n").specfile(&format!(
        "{ONE} spec \"a\" \"A\" {{ touches \"src/**\" }}\nspec \"b\" \"B\"\nspec \"c\" \"C\""
    ));
    world.file("specs/b/tasks.md", "- [ ] T001 Edit src/x.txt\n").commit("sure");
    let tasks = "stage \"build\" { prompt \"Build.\"; tasks \"specs/{spec}/tasks.md\" }";
    world.edit("Specfile", "stage \"build\" { prompt \"Build {spec}.\"; output \"out/{spec}.txt\" }", tasks);
    world
        .file("specs/a/tasks.md", "- [ ] T001 x\n")
        .file("specs/c/tasks.md", "- [ ] T001 x\n")
        .commit("tasks");
    for args in [["-n"], ["plan"]] {
        world.run(args).exits(0).calls([]).said("`a` and `b` are likely to collide: src/x.txt");
    }
    let json = world.run(["plan", "--format", "json"]).exits(0).json();
    fits("plan", [&json]);
    assert_eq!(json["conflicts"][0]["likelihood"], "likely");
    world.run(["-q"]).exits(4).unsaid("collide");
}

/// Two specs with a plan each; neither says that it touches what both change.
fn undeclared(policy: &str) -> World {
    let world = World::new();
    world.file("src/shared.txt", "start\n");
    world.specfile(&format!(
        "project {{ pipeline \"two\"; conflicts \"{policy}\" }}\n\
         pipeline \"two\" {{\n\
           stage \"plan\" {{ prompt \"Plan.\"; output \"specs/{{spec}}/plan.md\" }}\n\
           stage \"implement\" {{ prompt \"Implement.\" }}\n\
           stage \"check\" {{ prompt \"Check.\" }}\n\
         }}\nspec \"a\" \"A\"\nspec \"b\" \"B\""
    ));
    world.commit("start");
    world.script("any/plan", "mkdir -p \"$F\"\necho 'Change `src/shared.txt`.' > \"$F/plan.md\"");
    world.script("any/implement", "note enter $S\necho $S >> src/shared.txt\nnote leave $S");
    world
}

#[test]
fn overlaps_that_nobody_declared_are_serialized() {
    let world = undeclared("serialize");
    // Both are planned before either implements.
    for (spec, other) in [("a", "b"), ("b", "a")] {
        world.script(&format!("{spec}/plan"), &format!(
            "mkdir -p \"$F\"\necho 'Change `src/shared.txt`.' > \"$F/plan.md\"\nflag {spec}\nwait-for {other}"
        ));
    }
    let outcome = world.run(["-j4", "--format", "json"]);
    outcome.exits(0).said("{\"on\":\"overlap\",\"spec\":").said("\"path\":\"src/shared.txt\"}");
    assert_eq!(world.read("src/shared.txt").lines().count(), 3);
    let first = if world.notes()[0] == "enter a" { "a" } else { "b" };
    assert_eq!(outcome.calls_of(first).len(), 3, "{outcome}");
    world.again().calls([]);
}

#[test]
fn without_that_they_run_side_by_side() {
    let world = undeclared("warn");
    for (spec, other) in [("a", "b"), ("b", "a")] {
        world.script(
            &format!("{spec}/implement"),
            &format!("flag {spec}\nwait-for {other}\necho $S >> src/shared.txt"),
        );
    }
    world.run(["-j4"]).exits(1).unsaid("works on src/shared.txt too").said("conflict");
}
