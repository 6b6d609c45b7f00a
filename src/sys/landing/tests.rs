//! Branches and checkouts move together, or not at all, wherever a kill falls.
use super::*;
use crate::sys::testing::World;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn step(old: Oid, new: Oid) -> Move {
    Move { branch: "main".into(), old, new, reason: "landed".into() }
}

/// Everything that lies in the checkout, byte by byte, `.git` aside.
fn files(top: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = crate::sys::files::below(top).unwrap();
    all.into_iter()
        .filter(|name| !name.starts_with(".git/") && name != ".git")
        .map(|name| {
            let file = top.join(crate::sys::git::path::to_os(&name));
            let bytes = match std::fs::read_link(&file) {
                Ok(target) => target.into_os_string().into_encoded_bytes(),
                Err(_) => std::fs::read(&file).unwrap(),
            };
            (name, bytes)
        })
        .collect()
}

/// A person's checkout in the middle of a day's work.
fn busy_world() -> (World, Oid, Oid) {
    let world = World::new(&[
        ("a", "a1\n"),
        ("b", "b1\n"),
        ("gone/deep/x", "x\n"),
        ("mine", "1\n"),
        ("staged", "1\n"),
        ("half", "1\n"),
        ("removed", "1\n"),
        (".gitignore", "ignored\n"),
    ]);
    let old = world.oid("HEAD");
    let new = world.commit_on(
        old,
        &[("a", Some("a2\n")), ("b", Some("b2\n")), ("gone/deep/x", None), ("new/y", Some("y\n"))],
    );
    world.write("mine", "edited\n");
    world.write("staged", "2\n");
    world.write("half", "2\n");
    world.git(&["add", "staged", "half"]);
    world.write("half", "3\n");
    std::fs::remove_file(world.top().join("removed")).unwrap();
    world.write("untracked", "u\n");
    world.write("ignored", "i\n");
    world.write("intended", "n\n");
    world.git(&["add", "-N", "intended"]);
    (world, old, new)
}

fn locks(world: &World) -> Vec<String> {
    let git = world.top().join(".git");
    crate::sys::files::below(&git)
        .unwrap()
        .into_iter()
        .filter(|name| name.ends_with(".lock") && !name.starts_with("specmake/"))
        .chain(git.join("specmake/move.journal").exists().then(|| "journal".to_owned()))
        .chain(git.join("specmake-files").exists().then(|| "files".to_owned()))
        .collect()
}

#[test]
fn a_landing_changes_what_it_changes_and_nothing_else() {
    let (world, old, new) = busy_world();
    let (before, status) = (files(&world.top()), world.status());
    assert_eq!(move_branch(&world.open(), &step(old, new)).unwrap(), Moved::Done);
    let mut expected = before;
    expected.insert("a".into(), b"a2\n".to_vec());
    expected.insert("b".into(), b"b2\n".to_vec());
    expected.insert("new/y".into(), b"y\n".to_vec());
    expected.remove("gone/deep/x");
    // First of all, since `git status` would freshen the index: nothing that landed looks touched.
    assert_eq!(world.git(&["diff-files", "--name-only"]), "half\nintended\nmine\nremoved");
    assert_eq!(files(&world.top()), expected);
    assert_eq!((world.status(), world.oid("main")), (status, new));
    assert!(!world.top().join("gone").exists());
    assert_eq!(world.git(&["reflog", "-1", "--format=%gs"]), "landed");
    assert_eq!(locks(&world), Vec::<String>::new());
}

/// Runs a movement and kills it at its `nth` moment; says whether it lived that long.
fn killed_at(world: &World, step: &Move, nth: usize) -> bool {
    let git = world.open();
    let lock = RefsLock::take(&git).unwrap();
    let mut left = nth;
    let mut life = |_: Moment| {
        left = left.saturating_sub(1);
        left > 0
    };
    let halted = settle(&git, step, Extent::Checkout, &mut Probe(&mut life), &lock);
    match halted {
        Err(Halt::Killed) => true,
        Ok(Moved::Done) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kill_at_any_moment_is_finished_by_the_next_start() {
    for nth in 1.. {
        let (world, old, new) = busy_world();
        let status = world.status();
        let mut expected = files(&world.top());
        if !killed_at(&world, &step(old, new), nth) {
            assert!(nth > 10, "only {nth} moments");
            break;
        }
        let git = world.open();
        assert_eq!(recover(&git).unwrap(), Recovered::Finished { branch: "main".into() }, "moment {nth}");
        expected.insert("a".into(), b"a2\n".to_vec());
        expected.insert("b".into(), b"b2\n".to_vec());
        expected.insert("new/y".into(), b"y\n".to_vec());
        expected.remove("gone/deep/x");
        assert_eq!(files(&world.top()), expected, "moment {nth}");
        assert_eq!((world.status(), world.oid("main")), (status, new), "moment {nth}");
        assert_eq!(locks(&world), Vec::<String>::new(), "moment {nth}");
        assert_eq!(recover(&git).unwrap(), Recovered::Nothing);
    }
}

#[test]
fn a_kill_and_then_an_edit_is_taken_back() {
    for nth in 1.. {
        let (world, old, new) = busy_world();
        let status = world.status();
        let mut expected = files(&world.top());
        if !killed_at(&world, &step(old, new), nth) {
            break;
        }
        if world.oid("main") == new {
            continue;
        }
        world.write("b", "a person's\n");
        expected.insert("b".into(), b"a person's\n".to_vec());
        assert_eq!(recover(&world.open()).unwrap(), Recovered::Undone { paths: vec!["b".into()] }, "{nth}");
        assert_eq!(files(&world.top()), expected, "moment {nth}");
        assert_eq!((world.status(), world.oid("main")), (format!(" M b\n{status}"), old), "moment {nth}");
        assert_eq!(locks(&world), Vec::<String>::new(), "moment {nth}");
    }
}

#[test]
fn a_kill_and_then_a_commit_leaves_only_the_locks_to_remove() {
    for nth in 1.. {
        let (world, old, new) = busy_world();
        if !killed_at(&world, &step(old, new), nth) {
            break;
        }
        if world.oid("main") == new {
            continue;
        }
        let other = world.commit_on(old, &[("c", Some("c\n"))]);
        for lock in ["HEAD.lock", "refs/heads/main.lock"] {
            drop(std::fs::remove_file(world.top().join(".git").join(lock)));
        }
        world.git(&["update-ref", "refs/heads/main", &other.to_string()]);
        let before = files(&world.top());
        let found = recover(&world.open()).unwrap();
        assert!(matches!(found, Recovered::Abandoned { .. }), "{nth}: {found:?}");
        assert_eq!((files(&world.top()), world.oid("main")), (before, other));
        assert_eq!(locks(&world), Vec::<String>::new(), "moment {nth}");
    }
}

/// What stands in the way of a landing that changes `a`, adds `new/y` and removes `gone/deep/x`.
fn check(edit: impl Fn(&World), collisions: &[&str]) {
    let files_of = [("a", "a1\n"), ("gone/deep/x", "x\n"), (".gitignore", "new/\n*.log\n")];
    let world = World::new(&files_of);
    let old = world.oid("HEAD");
    let new = world.commit_on(old, &[("a", Some("a2\n")), ("gone/deep/x", None), ("new/y", Some("y\n"))]);
    edit(&world);
    let (before, status) = (files(&world.top()), world.status());
    let moved = move_branch(&world.open(), &step(old, new)).unwrap();
    if collisions.is_empty() {
        assert_eq!(moved, Moved::Done);
        assert_eq!((world.read("a"), world.read("new/y")), ("a2\n".into(), "y\n".into()));
        assert!(!world.top().join("gone/deep/x").exists());
        assert_eq!(world.git(&["diff", "HEAD", "--name-only"]), "");
        assert_eq!(world.oid("main"), new);
    } else {
        let paths = collisions.iter().map(ToString::to_string).collect();
        assert_eq!(moved, Moved::Collision { paths });
        assert_eq!((files(&world.top()), world.status(), world.oid("main")), (before, status, old));
    }
    assert_eq!(locks(&world), Vec::<String>::new());
}

#[test]
fn what_equals_either_side_is_no_collision() {
    check(|_| {}, &[]);
    check(|world| world.write("a", "a2\n"), &[]);
    check(|world| drop((world.write("a", "a2\n"), world.git(&["add", "a"]))), &[]);
    check(|world| world.write("new/y", "y\n"), &[]);
    check(|world| drop((world.write("new/y", "y\n"), world.git(&["add", "-f", "new/y"]))), &[]);
    check(|world| std::fs::remove_file(world.top().join("gone/deep/x")).unwrap(), &[]);
    check(|world| drop(world.git(&["rm", "-q", "gone/deep/x"])), &[]);
    check(|world| world.write("a", "a1\n"), &[]);
    check(|world| std::fs::create_dir_all(world.top().join("new/y/empty")).unwrap(), &[]);
    check(|world| world.write("gone/deep/kept.log", "mine\n"), &[]);
}

#[test]
fn what_is_the_users_collides() {
    check(|world| world.write("a", "mine\n"), &["a"]);
    check(
        |world| drop((world.write("a", "mine\n"), world.git(&["add", "a"]), world.write("a", "a1\n"))),
        &["a"],
    );
    check(
        |world| drop((world.write("a", "mine\n"), world.git(&["add", "a"]), world.write("a", "a2\n"))),
        &["a"],
    );
    check(|world| std::fs::remove_file(world.top().join("a")).unwrap(), &["a"]);
    check(|world| drop(world.git(&["rm", "-q", "--cached", "a"])), &["a"]);
    check(|world| world.write("new/y", "mine, and ignored\n"), &["new/y"]);
    check(|world| world.write("new/y/z", "mine, and ignored\n"), &["new/y/z"]);
    check(|world| world.write("new", "a file\n"), &["new"]);
    check(|world| world.write("gone/deep/x", "mine\n"), &["gone/deep/x"]);
    check(|world| drop((world.write("new/y", "y\n"), world.git(&["add", "-N", "-f", "new/y"]))), &["new/y"]);
    check(
        |world| std::fs::set_permissions(world.top().join("a"), PermissionsExt::from_mode(0o755)).unwrap(),
        &["a"],
    );
    check(
        |world| {
            std::fs::remove_file(world.top().join("a")).unwrap();
            std::fs::write(world.root().join("outside"), "a1\n").unwrap();
            symlink("../outside", world.top().join("a")).unwrap();
        },
        &["a"],
    );
}

#[test]
fn nothing_is_written_through_a_symlink() {
    let world = World::new(&[("a", "1")]);
    let old = world.oid("HEAD");
    let new = world.commit_on(old, &[("new/y", Some("y\n"))]);
    let outside = world.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    symlink(&outside, world.top().join("new")).unwrap();
    let moved = move_branch(&world.open(), &step(old, new)).unwrap();
    assert_eq!(moved, Moved::Collision { paths: vec!["new".into()] });
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 0);
}

#[test]
fn files_and_folders_and_links_take_each_others_place() {
    let world = World::new(&[("file", "1\n"), ("folder/x", "x\n"), ("folder/y", "y\n"), ("run", "#\n")]);
    symlink("file", world.top().join("link")).unwrap();
    let old = world.commit("with a link");
    for (name, below) in [("file", true), ("folder", false), ("link", true)] {
        world.git(&["rm", "-rq", name]);
        world.write(if below { format!("{name}/new") } else { name.to_owned() }.as_str(), "new\n");
    }
    world.git(&["mv", "run", "runs"]);
    std::fs::set_permissions(world.top().join("runs"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("runs", world.top().join("run")).unwrap();
    let odd = crate::sys::git::path::to_text(b"odd\xff\n\"name");
    world.write(&odd, "odd\n");
    let new = world.commit("all of it turned round");
    let expected = files(&world.top());
    for (from, to) in [(old, new), (new, old), (old, new)] {
        if from == old {
            world.git(&["reset", "-q", "--hard", &old.to_string()]);
        }
        assert_eq!(move_branch(&world.open(), &step(from, to)).unwrap(), Moved::Done);
        assert_eq!((world.status(), world.oid("main")), (String::new(), to));
    }
    assert_eq!(files(&world.top()), expected);
    let mode = world.top().join("runs").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o100, 0o100);
}

#[test]
fn filters_apply_even_those_that_land() {
    let world = World::new(&[("b.txt", "1\n"), (".gitattributes", "*.bin text\n")]);
    world.git(&["config", "core.autocrlf", "true"]);
    std::fs::remove_file(world.top().join("b.txt")).unwrap();
    world.git(&["checkout", "-q", "--", "b.txt"]);
    assert_eq!(world.read("b.txt"), "1\r\n");
    let old = world.oid("HEAD");
    let new = world.commit_on(
        old,
        &[
            ("b.txt", Some("2\n")),
            ("c.bin", Some("x\n")),
            ("d.txt", Some("3\n")),
            (".gitattributes", Some("*.bin -text\n")),
        ],
    );
    assert_eq!(move_branch(&world.open(), &step(old, new)).unwrap(), Moved::Done);
    assert_eq!((world.read("b.txt"), world.read("c.bin")), ("2\r\n".into(), "x\n".into()));
    assert_eq!((world.read("d.txt"), world.status()), ("3\r\n".into(), String::new()));
}

#[test]
fn somebody_is_in_the_middle_of_something() {
    let world = World::new(&[("a", "1\n")]);
    let old = world.oid("HEAD");
    let new = world.commit_on(old, &[("b", Some("b\n"))]);
    let try_it = || move_branch(&world.open(), &step(old, new)).unwrap();
    let dot = world.top().join(".git");
    std::fs::write(dot.join("index.lock"), "").unwrap();
    assert_eq!(try_it(), Moved::Busy(Busy::IndexLocked));
    assert_eq!(std::fs::read(dot.join("index.lock")).unwrap(), b"");
    std::fs::remove_file(dot.join("index.lock")).unwrap();
    std::fs::write(dot.join("refs/heads/main.lock"), "").unwrap();
    assert_eq!(try_it(), Moved::Busy(Busy::RefLocked("refs/heads/main".into())));
    std::fs::remove_file(dot.join("refs/heads/main.lock")).unwrap();
    std::fs::write(dot.join("MERGE_HEAD"), format!("{new}\n")).unwrap();
    assert_eq!(try_it(), Moved::Busy(Busy::Operation(Operation::Merge)));
    std::fs::remove_file(dot.join("MERGE_HEAD")).unwrap();
    let rebasing = ["-c", "sequence.editor=echo break >", "rebase", "-q", "-i", "--root"];
    world.git(&rebasing);
    assert_eq!(try_it(), Moved::Busy(Busy::Operation(Operation::Rebase)));
    world.git(&["rebase", "--abort"]);
    let elsewhere = world.commit_on(old, &[("c", Some("c\n"))]);
    let wrong = move_branch(&world.open(), &step(elsewhere, new)).unwrap();
    assert_eq!(wrong, Moved::BaseMoved { now: Some(old) });
    assert_eq!((world.oid("main"), world.status(), locks(&world)), (old, String::new(), vec![]));
    assert_eq!(try_it(), Moved::Done);
}

#[test]
fn the_branch_is_checked_out_elsewhere_or_nowhere() {
    let world = World::new(&[("a", "1\n")]);
    let old = world.oid("HEAD");
    let new = world.commit_on(old, &[("a", Some("2\n"))]);
    world.git(&["checkout", "-q", "-b", "other"]);
    assert_eq!(move_branch(&world.open(), &step(old, new)).unwrap(), Moved::Done);
    assert_eq!((world.read("a"), world.oid("main")), ("1\n".into(), new));
    world.git(&["worktree", "add", "-q", "../linked", "main"]);
    let newer = world.commit_on(new, &[("a", Some("3\n"))]);
    assert_eq!(move_branch(&world.open(), &step(new, newer)).unwrap(), Moved::Done);
    assert_eq!(std::fs::read(world.root().join("linked/a")).unwrap(), b"3\n");
    assert_eq!(world.git_at(&world.root().join("linked"), &["status", "--porcelain"]), "");
    std::fs::remove_dir_all(world.root().join("linked")).unwrap();
    assert_eq!(move_branch(&world.open(), &step(newer, new)).unwrap(), Moved::Done);
    world.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = world.open_at(&world.root().join("bare.git"));
    assert_eq!(move_branch(&bare, &step(new, old)).unwrap(), Moved::Done);
    assert_eq!(bare.head().ok(), bare.commit("other").unwrap());
}

#[test]
fn a_file_saved_in_the_middle_of_it_is_not_overwritten() {
    for moment in [Moment::Planned, Moment::Staged] {
        let (world, old, new) = busy_world();
        let (status, mut expected) = (world.status(), files(&world.top()));
        let git = world.open();
        let lock = RefsLock::take(&git).unwrap();
        let mut save = |now: Moment| {
            if now == moment {
                world.write("b", "saved just now\n");
            }
            true
        };
        let halted = settle(&git, &step(old, new), Extent::Checkout, &mut Probe(&mut save), &lock);
        assert!(matches!(&halted, Err(Halt::Changed(path)) if path == "b"), "{halted:?}");
        expected.insert("b".into(), b"saved just now\n".to_vec());
        assert_eq!(files(&world.top()), expected);
        assert_eq!((world.status(), world.oid("main")), (format!(" M b\n{status}"), old));
        assert_eq!(locks(&world), Vec::<String>::new());
    }
}

#[test]
fn submodules_move_in_the_index_and_stay_on_disk() {
    let world = World::new(&[("a", "1\n")]);
    let module = World::new(&[("m", "1\n")]);
    let first = world.oid("HEAD");
    world.git(&["submodule", "--quiet", "add", &module.top().display().to_string(), "sub"]);
    let with = world.commit("with a submodule");
    world.git(&["reset", "-q", "--hard", &first.to_string()]);
    std::fs::remove_dir_all(world.top().join("sub")).unwrap();
    assert_eq!(move_branch(&world.open(), &step(first, with)).unwrap(), Moved::Done);
    assert_eq!((world.status(), world.top().join("sub").is_dir()), (String::new(), true));
    world.write("sub/mine", "m\n");
    let moved = move_branch(&world.open(), &step(with, first)).unwrap();
    assert_eq!((moved, world.read("sub/mine")), (Moved::Done, "m\n".into()));
    let file = world.commit_on(first, &[("sub", Some("now a file\n"))]);
    let moved = move_branch(&world.open(), &step(first, file)).unwrap();
    assert_eq!(moved, Moved::Collision { paths: vec!["sub/mine".into()] });
}
