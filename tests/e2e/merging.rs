//! What git makes hard in a landing, each case by its name: modes, links, renames, line ends, drivers, submodules.
use crate::queue::{doing, landed, landed_at_all, together};
use crate::world::World;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn mode(world: &World, path: &str) -> u32 {
    fs::symlink_metadata(world.repo().join(path)).unwrap().permissions().mode() & 0o777
}

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
