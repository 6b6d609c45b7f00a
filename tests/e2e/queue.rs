//! The classic cases of a merge queue, each by its name: what lands together, what git makes hard, and the
//! repositories of people who have set theirs up in a way of their own.
use crate::world::{ONE, World};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

/// A pipeline of one stage that need not leave anything.
const FREE: &str = "project { base \"main\"; pipeline \"one\" }\npipeline \"one\" { stage \"build\" { run \"sh -eu $W/do/$SPECMAKE_SPEC.sh\" } }";

/// A world in which each spec runs these lines; `land` stands in its Specfile, after what is set up before.
fn doing(land: &str, specs: &[(&str, &str)], before: impl FnOnce(&World)) -> World {
    let world = World::new();
    fs::create_dir_all(world.top().join("do")).unwrap();
    for (spec, lines) in specs {
        fs::write(world.top().join(format!("do/{spec}.sh")), lines).unwrap();
    }
    before(&world);
    let names: Vec<String> = specs.iter().map(|(spec, _)| format!("spec \"{spec}\" \"{spec}\"")).collect();
    world.specfile(&format!("{FREE}\n{land}\n{}", names.join("\n"))).commit("start");
    world
}

/// The same, with every spec complete before landing is switched on: they are one batch.
fn together(land: &str, specs: &[(&str, &str)], before: impl FnOnce(&World)) -> World {
    let world = doing("land off", specs, before);
    world.run([]).exits(0);
    world.edit("Specfile", "land off", land).commit("landing is on");
    world
}

/// What landed, oldest first.
fn landed(world: &World) -> Vec<String> {
    let log = world.git(&["log", "--reverse", "--first-parent", "--format=%s", "main"]);
    log.lines().filter_map(|line| line.strip_prefix("land ")).map(ToOwned::to_owned).collect()
}

/// The same by name, where it is open which came first.
fn landed_at_all(world: &World) -> Vec<String> {
    let mut names = landed(world);
    names.sort();
    names
}

fn mode(world: &World, path: &str) -> u32 {
    fs::symlink_metadata(world.repo().join(path)).unwrap().permissions().mode() & 0o777
}

fn hook(world: &World, name: &str, text: &str) {
    let file = world.repo().join(".git/hooks").join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

// -- what lands together ------------------------------------------------------------------------------

#[test]
fn two_greens_that_are_red_together() {
    let world = together(
        "land { batch 2; check \"test ! -e a.txt -o ! -e b.txt\" }",
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    world.run([]).exits(1).said("held");
    let first = landed(&world);
    assert_eq!(first.len(), 1);
    assert_eq!(world.branches().len(), 1);
    world.run([]).exits(1);
    assert_eq!(landed(&world), first);
}

#[test]
fn a_culprit_in_the_middle() {
    let names = ["a", "b", "c", "d", "e"].map(|name| (name, "echo x > $SPECMAKE_SPEC.txt"));
    let world = together("land { batch 5; check \"test ! -e c.txt\" }", &names, |_| {});
    world.run([]).exits(1).said("c").said("held");
    assert_eq!(landed_at_all(&world), ["a", "b", "d", "e"]);
    assert_eq!(world.branches(), ["spec/c"]);
}

#[test]
fn a_flake_blames_nobody() {
    let world = together(
        "land { batch 2; check \"if [ -e $W/flags/flaked ]; then true; else : > $W/flags/flaked; false; fi\" }",
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    world.run([]).exits(0).said("flake");
    assert_eq!(landed_at_all(&world), ["a", "b"]);
}

/// Waits in the landing's check, once, until the flag `go`; before that it says `testing`.
const WAITS: &str = "if [ ! -e $W/flags/testing ]; then : > $W/flags/testing; while [ ! -e $W/flags/go ]; do sleep 0.05; done; fi";

#[test]
fn a_base_that_moves_during_the_check_of_a_batch() {
    let world = together(
        &format!("land {{ batch 2; check \"echo $(ls *.txt) >> $W/checked; {WAITS}\" }}"),
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    let mut run = world.start([]);
    run.until_flag("testing");
    world.file("mine.txt", "mine\n").commit("meanwhile");
    let mine = world.rev("main");
    world.flag("go");
    run.wait().exits(0);
    assert_eq!(landed_at_all(&world), ["a", "b"]);
    assert_eq!(world.rev("main~2"), mine);
    let checked = fs::read_to_string(world.top().join("checked")).unwrap();
    assert_eq!(checked.lines().last(), Some("README.txt a.txt b.txt mine.txt"), "what landed was tested");
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_base_that_moves_during_the_search_for_the_culprit() {
    // The whole is red, twice; the first part that is looked at waits.
    let world = together(
        &format!(
            "land {{ batch 3; check \"if [ ! -e c.txt ]; then {WAITS}; fi; echo $(ls *.txt) >> $W/checked; test ! -e c.txt\" }}"
        ),
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt"), ("c", "echo c > c.txt")],
        |_| {},
    );
    let mut run = world.start([]);
    run.until_flag("testing");
    world.file("mine.txt", "mine\n").commit("meanwhile");
    world.flag("go");
    run.wait().exits(1).said("c").said("held");
    assert_eq!(landed_at_all(&world), ["a", "b"]);
    assert!(world.has("mine.txt") && !world.has("c.txt"));
    let checked = fs::read_to_string(world.top().join("checked")).unwrap();
    assert!(checked.lines().any(|line| line == "README.txt a.txt b.txt mine.txt"), "{checked}");
    assert_eq!(world.dirt(), "");
}

#[test]
fn an_empty_merge_is_a_landing() {
    let world = doing("land { check \"true\" }", &[("a", ":")], |_| {});
    world.run([]).exits(0);
    assert_eq!(landed(&world), ["a"]);
    assert_eq!(world.git(&["diff", "--stat", "main^1", "main"]), "");
    assert_eq!(world.branches(), [""; 0]);
    world.again().calls([]);
}

#[test]
fn changes_that_stand_in_the_base_already() {
    let world = together(
        "land { batch 2; check \"echo $(ls *.txt) >> $W/checked\" }",
        &[("a", "echo same > same.txt"), ("b", "echo b > b.txt")],
        |world| {
            world.file("x.txt", "x\n");
        },
    );
    world.file("same.txt", "same\n").commit("the same by hand");
    world.run([]).exits(0);
    assert_eq!(landed_at_all(&world), ["a", "b"]);
    assert_eq!(world.branches(), [""; 0]);
    world.again().calls([]);
}

#[test]
fn two_specs_with_the_same_change_land_together() {
    let world = together(
        "land { batch 2; check \"true\" }",
        &[("a", "echo same > same.txt"), ("b", "echo same > same.txt")],
        |_| {},
    );
    world.run([]).exits(0);
    assert_eq!(landed(&world).len(), 2);
    assert_eq!(world.read("same.txt"), "same\n");
    world.again().calls([]);
}

// -- what git makes hard --------------------------------------------------------------------------------

#[test]
fn a_mode_that_changes() {
    let world = doing("", &[("a", "chmod +x tool.sh\nchmod -x was.sh")], |world| {
        world.file("tool.sh", "#!/bin/sh\n").file("was.sh", "#!/bin/sh\n");
        fs::set_permissions(world.repo().join("was.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    });
    world.run([]).exits(0);
    assert_eq!((mode(&world, "tool.sh") & 0o100, mode(&world, "was.sh") & 0o100), (0o100, 0));
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_mode_that_the_user_changed_is_in_the_way() {
    let world = doing("", &[("a", "echo more >> tool.sh")], |world| {
        world.file("tool.sh", "#!/bin/sh\n");
    });
    let file = world.repo().join("tool.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let before = world.state_of(&["tool.sh"]);
    world.run([]).exits(1).said("tool.sh");
    assert_eq!(world.state_of(&["tool.sh"]), before);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    world.run([]).exits(0);
    assert_eq!(world.dirt(), "");
}

#[test]
fn symlinks_and_files_that_take_each_others_places() {
    let lines = "rm link file folder/x\nrmdir folder\necho file > link\nln -s elsewhere file\nln -s nowhere folder\nln -s README.txt new";
    let world = doing("", &[("a", lines)], |world| {
        world.file("file", "file\n").file("folder/x", "x\n");
        symlink("README.txt", world.repo().join("link")).unwrap();
    });
    world.run([]).exits(0);
    let target = |path: &str| fs::read_link(world.repo().join(path)).unwrap();
    assert_eq!(world.read("link"), "file\n");
    assert!(!fs::symlink_metadata(world.repo().join("link")).unwrap().is_symlink());
    assert_eq!((target("file"), target("folder")), ("elsewhere".into(), "nowhere".into()));
    assert_eq!((target("new"), world.read("README.txt").as_str()), ("README.txt".into(), "A project.\n"));
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_rename_against_an_edit() {
    let long = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";
    let world = together(
        "land { batch 2; check \"test ! -e old.txt -o ! -e new.txt\" }",
        &[("a", "git mv old.txt new.txt"), ("b", "echo nine >> old.txt")],
        |world| {
            world.file("old.txt", long);
        },
    );
    world.run([]).exits(0);
    assert!(!world.has("old.txt"));
    assert_eq!(world.read("new.txt"), format!("{long}nine\n"));
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_rename_by_case_alone() {
    let world = doing("", &[("a", "git mv README.txt readme.txt")], |_| {});
    world.run([]).exits(0);
    assert!(world.has("readme.txt") && !world.has("README.txt"));
    assert_eq!(world.dirt(), "");
    world.again().calls([]);
}

#[test]
fn two_thousand_files_in_one_landing() {
    let many = "mkdir -p many\ni=0\nwhile [ $i -lt 2000 ]; do i=$((i + 1)); echo $i > many/$i.txt; done";
    let world = doing("land { check \"test -e many/2000.txt\" }", &[("a", many)], |_| {});
    world.run([]).exits(0);
    assert_eq!(fs::read_dir(world.repo().join("many")).unwrap().count(), 2000);
    assert_eq!((world.read("many/1999.txt").as_str(), world.dirt().as_str()), ("1999\n", ""));
}

#[test]
fn line_ends_are_as_the_user_has_them() {
    let lines = "printf 'one\\ntwo\\n' > new.txt\nprintf 'changed\\n' > was.txt\nprintf 'x\\n' > always.bat";
    let world = doing("", &[("a", lines)], |world| {
        world.git(&["config", "core.autocrlf", "true"]);
        world
            .file(".gitattributes", "*.bat text eol=crlf\n")
            .file("was.txt", "was\r\n")
            .file("kept.txt", "kept\r\n");
    });
    let kept = world.state_of(&["kept.txt"]);
    world.run([]).exits(0);
    assert_eq!(world.read("new.txt"), "one\r\ntwo\r\n");
    assert_eq!((world.read("was.txt").as_str(), world.read("always.bat").as_str()), ("changed\r\n", "x\r\n"));
    assert_eq!(world.show("main", "new.txt").unwrap(), "one\ntwo\n", "what is stored has plain ends");
    assert_eq!((world.dirt(), world.state_of(&["kept.txt"])), (String::new(), kept));
    world.again().calls([]);
}

/// Two specs that add to the end of one file, which merges by this driver.
fn appending(driver: &str) -> World {
    together(
        "land { batch 2; check \"true\" }",
        &[("a", "echo a >> CHANGES"), ("b", "echo b >> CHANGES")],
        |world| {
            world.git(&["config", "merge.ours.driver", "true"]);
            world.git(&["config", "merge.both.driver", "cat %B >> %A"]);
            world.file("CHANGES", "first\n").file(".gitattributes", &format!("CHANGES merge={driver}\n"));
        },
    )
}

#[test]
fn the_merge_driver_union() {
    let world = appending("union");
    world.run([]).exits(0);
    let mut lines: Vec<String> = world.read("CHANGES").lines().map(ToOwned::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["a", "b", "first"]);
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_merge_driver_of_the_users() {
    let world = appending("both");
    world.run([]).exits(0);
    let text = world.read("CHANGES");
    assert!(text.contains("a\n") && text.contains("b\n") && !text.contains("<<<"), "{text}");
    assert_eq!(world.dirt(), "");
}

#[test]
fn a_file_that_must_not_be_merged_conflicts() {
    let world = appending("binary");
    world.run([]).exits(1).said("CHANGES").said("conflict");
    let names = landed(&world);
    assert_eq!(names.len(), 1);
    assert_eq!(world.read("CHANGES"), format!("first\n{}\n", names[0]));
}

#[test]
fn attributes_count_as_they_are_committed() {
    // The checkout is on another branch, which knows nothing of the driver.
    let world = appending("union");
    world.git(&["checkout", "-q", "--orphan", "pages"]);
    world.git(&["rm", "-rfq", "."]);
    world.git(&["checkout", "-q", "main", "--", "Specfile"]);
    world.commit("pages");
    assert!(!world.has(".gitattributes"));
    world.run([]).exits(0);
    assert_eq!(landed_at_all(&world), ["a", "b"]);
    assert_eq!(world.show("main", "CHANGES").unwrap().lines().count(), 3);
}

/// A submodule at `lib`.
fn with_submodule(world: &World) {
    let allow = "[protocol \"file\"]\n\tallow = always\n";
    let config = world.top().join("home/.gitconfig");
    fs::write(&config, fs::read_to_string(&config).unwrap() + allow).unwrap();
    world.git(&["clone", "-q", "--bare", ".", "../lib.git"]);
    world.git(&["submodule", "--quiet", "add", world.top().join("lib.git").to_str().unwrap(), "lib"]);
}

#[test]
fn a_submodule_that_moves() {
    let move_it = "cd lib\necho more >> README.txt\ngit commit -q -a -m more\ngit push -q origin HEAD:main";
    let world = doing(
        "land { check \"grep -q more lib/README.txt\" }",
        &[("a", move_it), ("b", "echo b > b.txt")],
        with_submodule,
    );
    fs::write(world.repo().join("lib/mine.txt"), "mine\n").unwrap();
    let before = world.git_in(&world.repo().join("lib"), &["rev-parse", "HEAD"]);
    world.run(["a"]).exits(0);
    assert_ne!(world.rev("main:lib"), before);
    assert_eq!(
        world.git_in(&world.repo().join("lib"), &["rev-parse", "HEAD"]),
        before,
        "as git merge leaves it"
    );
    assert!(world.has("lib/mine.txt"));
    assert!(!world.worktree("a").exists(), "a worktree with a submodule goes like any other");
    world.run(["b"]).exits(0);
    world.run(["clean"]).exits(0);
    assert_eq!(world.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_submodule_that_goes_and_one_that_comes() {
    let world = doing("", &[("a", "git rm -q lib\necho file > lib")], with_submodule);
    fs::remove_dir_all(world.repo().join("lib")).unwrap();
    world.git(&["submodule", "--quiet", "update", "--init"]);
    let outcome = world.run(["a"]);
    // The user's submodule has a folder where a file lands.
    outcome.exits(1).said("lib");
    assert!(world.has("lib/README.txt"));
    fs::remove_dir_all(world.repo().join("lib")).unwrap();
    fs::create_dir(world.repo().join("lib")).unwrap();
    world.run(["a"]).exits(0);
    assert_eq!(world.read("lib"), "file\n");
    assert_eq!(world.dirt(), "");
}

// -- repositories of people ---------------------------------------------------------------------------

#[test]
fn a_bare_repository_with_worktrees() {
    let world = together(
        "land { batch 2; check \"true\" }",
        &[("a", "echo a >> CHANGES"), ("b", "echo b >> CHANGES")],
        |world| {
            world.file("CHANGES", "first\n").file(".gitattributes", "CHANGES merge=union\n");
        },
    );
    world.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = world.at("bare.git");
    for spec in ["a", "b"] {
        bare.git(&["config", &format!("branch.spec/{spec}.specmake"), spec]);
    }
    bare.git(&["worktree", "add", "-q", "../desk", "main"]);
    bare.git(&["worktree", "add", "-q", "-b", "topic", "../other", "main"]);
    let desk = world.at("desk");
    desk.file("mine.txt", "mine\n");
    desk.run([]).exits(0);
    assert_eq!(desk.read("CHANGES").lines().count(), 3, "the driver counts without a checkout, too");
    assert_eq!(desk.dirt(), "?? mine.txt");
    assert_eq!(world.at("other").dirt(), "");
    assert_eq!(world.at("other").read("CHANGES"), "first\n");
    desk.run([]).exits(0).calls([]);
    assert_eq!(bare.branches(), ["topic"]);
}

#[test]
fn a_base_checked_out_twice_and_then_once() {
    let world = doing("", &[("a", "echo a > a.txt")], |_| {});
    world.git(&["worktree", "add", "-q", "-f", "../twice", "main"]);
    world.run([]).exits(1).said("checked out twice");
    assert!(!world.has("a.txt"));
    // Its folder goes, and git has not noticed yet.
    fs::remove_dir_all(world.top().join("twice")).unwrap();
    world.run([]).exits(0);
    assert_eq!((world.read("a.txt").as_str(), world.dirt().as_str()), ("a\n", ""));
    assert_eq!(world.git(&["worktree", "list"]).lines().count(), 2, "what is lost is not ours to prune");
}

#[test]
fn large_file_attributes_without_the_filter() {
    let world = doing(
        "land { check \"test -e b.bin\" }",
        &[("a", "echo b > b.bin\necho more >> was.bin")],
        |world| {
            world
                .file(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
                .file("was.bin", "pointer\n");
        },
    );
    world.run([]).exits(0);
    assert_eq!((world.read("was.bin").as_str(), world.dirt().as_str()), ("pointer\nmore\n", ""));
}

#[test]
fn a_required_filter_that_is_not_installed_is_named() {
    let world = doing("land { check \"test -e b.txt\" }", &[("a", "echo b > b.txt")], |world| {
        world
            .file(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
            .file("was.bin", "pointer\n");
    });
    world.git(&["config", "filter.lfs.process", "no-such-lfs filter-process"]);
    world.git(&["config", "filter.lfs.clean", "no-such-lfs clean -- %f"]);
    world.git(&["config", "filter.lfs.smudge", "no-such-lfs smudge -- %f"]);
    world.git(&["config", "filter.lfs.required", "true"]);
    let before = world.rev("main");
    world.run([]).refuses().said("no-such-lfs");
    assert_eq!((world.rev("main"), world.read("was.bin").as_str()), (before, "pointer\n"));
    for name in ["process", "clean", "smudge", "required"] {
        world.git(&["config", "--unset", &format!("filter.lfs.{name}")]);
    }
    world.run([]).exits(0);
    assert!(world.has("b.txt"));
}

#[test]
fn hooks_that_refuse_or_never_end_are_not_asked() {
    let world = doing("land { check \"true\" }", &[("a", "echo a > a.txt")], |_| {});
    for name in ["pre-commit", "commit-msg", "pre-merge-commit", "reference-transaction", "pre-push"] {
        hook(&world, name, "exit 1");
    }
    // Would only come to its end after the test did.
    hook(&world, "post-checkout", "while :; do sleep 1; done");
    world.run([]).exits(0);
    assert_eq!((world.read("a.txt").as_str(), world.dirt().as_str()), ("a\n", ""));
}

#[test]
fn a_hook_may_refuse_what_an_agent_commits() {
    // The agent's own git is the user's git, hooks and all; what it left is committed for it.
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    world.script(
        "a/build",
        "play build\ngit add -A\nif git commit -q -m mine; then note committed; else note refused; fi",
    );
    hook(&world, "pre-commit", "exit 1");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.notes(), ["refused"]);
    assert!(world.has("out/a.txt"));
}

#[test]
fn a_fresh_clone_knows_what_landed() {
    let world = together(
        "land { batch 2; check \"true\" }",
        &[("a", "echo a > a.txt"), ("b", "echo b > b.txt")],
        |_| {},
    );
    world.run([]).exits(0);
    world.clone_as("clone", &[]).run(["-q"]).exits(0);
}

/// A lock of the user's git on the index, for as long as this lives.
struct Locked(std::process::Child);

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_editor_that_is_open_for_a_commit_is_waited_for() {
    let world = doing("", &[("a", "echo a > a.txt")], |world| {
        world.file("mine.txt", "mine\n");
    });
    world.append("mine.txt", "more");
    let editor = "sh -c ': > $W/flags/editing; while [ ! -e $W/flags/go ]; do sleep 0.05; done; echo mine > \"$1\"' --";
    let mut commit = Command::new("git");
    commit.current_dir(world.repo()).args(["commit", "-q", "-a"]).env("GIT_EDITOR", editor);
    commit.env("W", world.top()).env("HOME", world.top().join("home")).stdin(Stdio::null());
    let mut commit = Locked(commit.spawn().unwrap());
    while !world.has_flag("editing") {
        std::thread::yield_now();
    }
    world.run([]).exits(1).said("index.lock");
    assert!(!world.has("a.txt"));
    world.flag("go");
    assert!(commit.0.wait().unwrap().success());
    world.run([]).exits(0);
    assert_eq!((world.read("mine.txt").as_str(), world.dirt().as_str()), ("mine\nmore\n", ""));
    assert_eq!(world.git(&["log", "-1", "--format=%s", "main^1"]), "mine");
}
