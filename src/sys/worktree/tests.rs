//! Worktrees are made whole, emptied only of what is kept elsewhere, and removed only when nothing is lost.
use super::*;
use crate::sys::git::{Mode, NewCommit, Oid};
use crate::sys::landing::Moved;
use crate::sys::testing::World;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

const BRANCH: &str = "spec/a";

fn add(world: &World) -> Worktree {
    let start = Start::NewBranch { branch: BRANCH, commit: world.oid("main"), mark: "a" };
    Worktree::add(&world.open(), &world.root().join("trees/a"), start).unwrap()
}

fn write(tree: &Worktree, name: &str, text: &str) {
    let file = tree.top().join(path::to_os(name));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn status(world: &World, tree: &Worktree) -> String {
    world.git_at(tree.top(), &["status", "--porcelain=v1", "--untracked-files=all"])
}

/// A stage's end: what lies there becomes the branch's next commit.
fn record(tree: &Worktree, old: Oid) -> Oid {
    let snapshot = tree.snapshot(old, &[]).unwrap();
    let commit = NewCommit { tree: snapshot.tree, parents: &[old], message: "stage\n", signature: None };
    let commit = tree.git().commit_tree(&commit).unwrap();
    let now = tree.git().require_commit(BRANCH).unwrap();
    tree.settle(&snapshot, BRANCH, (now, commit), &[]).unwrap();
    commit
}

fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.changes.iter().map(|change| change.path.as_str()).collect()
}

#[test]
fn a_worktree_has_a_branch_of_ours() {
    let world = World::new(&[("a", "1\n")]);
    world.git(&["config", "branch.autoSetupMerge", "always"]);
    world.write(".git/hooks/post-checkout", "#!/bin/sh\ntouch \"$PWD/hooked\"\n");
    std::fs::set_permissions(world.top().join(".git/hooks/post-checkout"), PermissionsExt::from_mode(0o755))
        .unwrap();
    let tree = add(&world);
    assert_eq!(tree.git().branch().unwrap().as_deref(), Some(BRANCH));
    assert_eq!(tree.git().marked_branches().unwrap()[BRANCH], "a");
    assert_eq!(world.open().config("branch.spec/a.merge").unwrap(), None);
    assert!(tree.top().join("a").exists() && !tree.top().join("hooked").exists());
    assert!(!tree.is_ready());
    tree.mark_ready().unwrap();
    assert!(Worktree::of_branch(&world.open(), BRANCH).unwrap().unwrap().is_ready());
    assert!(Worktree::of_branch(&world.open(), "none").unwrap().is_none());
}

#[test]
fn what_stands_in_the_way_of_a_worktree_has_a_name() {
    let world = World::new(&[]);
    let (git, head) = (world.open(), world.oid("main"));
    let tree = add(&world);
    let try_at = |place: &str, branch: &str| {
        let start = Start::NewBranch { branch, commit: head, mark: "a" };
        Worktree::add(&git, &world.root().join(place), start).unwrap_err()
    };
    assert!(matches!(try_at("trees/b", BRANCH), GitError::CheckedOut { .. }));
    assert!(matches!(try_at("trees/a", "spec/b"), GitError::PathTaken { .. }));
    assert!(matches!(try_at("trees/b", "spec"), GitError::RefInTheWay { .. }));
    assert!(matches!(try_at("trees/b", "spec/a/b"), GitError::RefInTheWay { .. }));
    world.git(&["branch", "theirs"]);
    assert!(matches!(try_at("trees/b", "theirs"), GitError::BranchExists { .. }));
    assert!(!git.marked_branches().unwrap().contains_key("theirs"));
    std::fs::write(world.root().join("trees/file"), "").unwrap();
    assert!(matches!(try_at("trees/file", "spec/c"), GitError::PathTaken { .. }));
    world.git(&["worktree", "lock", &tree.top().display().to_string()]);
    std::fs::remove_dir_all(tree.top()).unwrap();
    let again = || Worktree::add(&git, &world.root().join("trees/a"), Start::Branch(BRANCH));
    assert!(matches!(again(), Err(GitError::WorktreeLocked { .. })));
    world.git(&["worktree", "unlock", &tree.top().display().to_string()]);
    assert_eq!(again().unwrap().git().branch().unwrap().as_deref(), Some(BRANCH));
}

#[test]
fn a_sparse_checkout_does_not_make_sparse_worktrees() {
    let world = World::new(&[("in/a", "1\n"), ("out/b", "1\n")]);
    world.git(&["sparse-checkout", "set", "--cone", "in"]);
    assert!(!world.top().join("out").exists());
    let tree = add(&world);
    assert!(tree.top().join("out/b").exists());
    write(&tree, "out/c", "2\n");
    assert_eq!(paths(&tree.snapshot(world.oid("main"), &[]).unwrap()), ["out/c"]);
    assert_eq!(world.git_at(tree.top(), &["add", "-A"]), "");
    let new = world.commit_on(world.oid("main"), &[("out/b", Some("2\n")), ("in/a", Some("2\n"))]);
    let step = crate::sys::landing::Move {
        branch: "main".into(),
        old: world.oid("main"),
        new,
        reason: "landed".into(),
    };
    assert_eq!(crate::sys::landing::move_branch(&world.open(), &step).unwrap(), Moved::Done);
    assert_eq!((world.status(), world.read("in/a")), (String::new(), "2\n".into()));
    assert!(!world.top().join("out").exists());
}

#[test]
fn a_snapshot_holds_everything_but_what_was_brought_in() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n"), (".gitignore", "node_modules/\n*.log\n.env\n")]);
    world.write(".env", "SECRET\n");
    world.write("node_modules/dep/x", "x\n");
    world.write("tools/own", "o\n");
    let tree = add(&world);
    let copy = [".env", "tools/**", "none", "../outside"].map(str::to_owned);
    let brought = tree.bring_in(&copy[..3], &["node_modules".into()]).unwrap();
    assert_eq!(brought.paths, ["node_modules", ".env", "tools/own"]);
    assert!(tree.top().join("node_modules").is_symlink());
    let head = world.oid("main");
    assert_eq!(paths(&tree.snapshot(head, &[]).unwrap()), [""; 0]);
    write(&tree, "a", "2\n");
    std::fs::remove_file(tree.top().join("b")).unwrap();
    write(&tree, "new/deep", "n\n");
    write(&tree, "x.log", "l\n");
    write(&tree, "left/out", "l\n");
    write(&tree, "tools/own", "changed\n");
    let snapshot = tree.snapshot(head, &["left".into()]).unwrap();
    assert_eq!(paths(&snapshot), ["a", "b", "new/deep"]);
    assert_eq!(tree.git().diff_tree(head, snapshot.tree).unwrap(), snapshot.changes);
    assert_eq!(snapshot.complaint, None);
    let commit = record(&tree, head);
    assert_eq!(tree.git().head().unwrap(), commit);
    assert_eq!(status(&world, &tree), "?? node_modules\n?? tools/own");
    assert_eq!(tree.stays(Some(BRANCH)).unwrap(), None);
}

type Mess = fn(&World, &Worktree);

#[test]
fn whatever_an_agent_did_to_git_its_files_are_kept_and_its_branch_is_ours_again() {
    let mess: [(&str, Mess); 7] = [
        ("locks", |world, tree| {
            for lock in ["index.lock", "HEAD.lock"] {
                std::fs::write(tree.git().git_dir().join(lock), "").unwrap();
            }
            std::fs::write(world.top().join(".git/refs/heads/spec/a.lock"), "").unwrap();
        }),
        ("another branch", |world, tree| {
            world.git_at(tree.top(), &["checkout", "-q", "-b", "agents-own"]);
            world.git_at(tree.top(), &["commit", "-q", "-am", "mine"]);
        }),
        ("commits", |world, tree| {
            world.git_at(tree.top(), &["commit", "-q", "-am", "mine"]);
        }),
        ("detached", |world, tree| drop(world.git_at(tree.top(), &["checkout", "-q", "--detach"]))),
        ("a broken index", |_, tree| std::fs::write(tree.git().git_dir().join("index"), "junk").unwrap()),
        ("hidden files", |world, tree| {
            world.git_at(tree.top(), &["update-index", "--assume-unchanged", "a"]);
            world.git_at(tree.top(), &["update-index", "--skip-worktree", "b"]);
        }),
        ("a half merge", |world, tree| {
            world.git_at(tree.top(), &["commit", "-q", "-am", "mine"]);
            let merged = world.try_git(tree.top(), &["merge", "-q", "other"]);
            assert!(!merged.success());
            write(tree, "a", "2\n");
        }),
    ];
    for (name, act) in mess {
        let world = World::new(&[("a", "1\n"), ("b", "1\n")]);
        let head = world.oid("main");
        let other = world.commit_on(head, &[("a", Some("other\n"))]);
        world.git(&["branch", "other", &other.to_string()]);
        let tree = add(&world);
        write(&tree, "a", "2\n");
        write(&tree, "new", "n\n");
        act(&world, &tree);
        write(&tree, "b", "2\n");
        let commit = record(&tree, head);
        let kept: Vec<_> =
            tree.git().diff_tree(head, commit).unwrap().into_iter().map(|change| change.path).collect();
        assert_eq!(kept, ["a", "b", "new"], "{name}");
        assert_eq!(world.git_at(tree.top(), &["show", "HEAD:a"]), "2", "{name}");
        assert_eq!(tree.git().branch().unwrap().as_deref(), Some(BRANCH), "{name}");
        assert_eq!((status(&world, &tree), tree.git().head().unwrap()), (String::new(), commit), "{name}");
        assert_eq!(tree.stays(Some(BRANCH)).unwrap(), None, "{name}");
    }
}

#[test]
fn an_edit_in_the_same_instant_as_the_index_is_seen() {
    let world = World::new(&[("a", "1\n")]);
    // Size and seconds are all that git looks at here, as where clocks are coarse.
    world.git(&["config", "core.checkStat", "minimal"]);
    world.git(&["config", "core.trustCtime", "false"]);
    let tree = add(&world);
    let head = world.oid("main");
    let open = |file: &Path| std::fs::File::options().write(true).open(file).unwrap();
    let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let index = tree.git().git_dir().join("index");
    let edited_at_once = |text: &str| {
        write(&tree, "a", text);
        open(&tree.top().join("a")).set_modified(past).unwrap();
    };
    edited_at_once("1\n");
    world.git_at(tree.top(), &["update-index", "--refresh"]);
    open(&index).set_modified(past).unwrap();
    edited_at_once("2\n");
    assert_eq!(paths(&tree.snapshot(head, &[]).unwrap()), ["a"]);
}

#[test]
fn a_repository_within_is_left_out_and_named() {
    let world = World::new(&[("a", "1\n")]);
    let tree = add(&world);
    write(&tree, "a", "2\n");
    for inner in ["clone", "empty"] {
        std::fs::create_dir(tree.top().join(inner)).unwrap();
        world.git_at(&tree.top().join(inner), &["init", "-q"]);
    }
    write(&tree, "clone/x", "x\n");
    world.git_at(&tree.top().join("clone"), &["add", "-A"]);
    world.git_at(&tree.top().join("clone"), &["commit", "-q", "-m", "x"]);
    let snapshot = tree.snapshot(world.oid("main"), &[]).unwrap();
    assert_eq!(
        (paths(&snapshot), snapshot.embedded.clone()),
        (vec!["a"], vec!["clone".to_owned(), "empty".to_owned()])
    );
    tree.reset_to(Some(BRANCH), world.oid("main")).unwrap();
    assert!(tree.top().join("clone/x").exists());
}

#[test]
fn a_reset_leaves_what_is_ignored_or_brought_in_and_nothing_else() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n"), (".gitignore", "cache/\n")]);
    world.write("we [ird] *", "w\n");
    let tree = add(&world);
    tree.bring_in(&["we*".into()], &[]).unwrap();
    let head = world.oid("main");
    write(&tree, "a", "2\n");
    let later = record(&tree, head);
    write(&tree, "b", "2\n");
    write(&tree, "we [ird] * not", "n\n");
    write(&tree, "cache/x", "c\n");
    world.git_at(tree.top(), &["update-index", "--assume-unchanged", "a"]);
    write(&tree, "a", "3\n");
    tree.reset_to(Some(BRANCH), head).unwrap();
    assert_eq!((tree.git().head().unwrap(), tree.git().branch().unwrap().as_deref()), (head, Some(BRANCH)));
    assert_eq!(std::fs::read_to_string(tree.top().join("a")).unwrap(), "1\n");
    assert!(tree.top().join("cache/x").exists() && !tree.top().join("we [ird] * not").exists());
    assert_eq!(status(&world, &tree), "?? \"we [ird] *\"");
    assert_eq!(tree.half_reset().unwrap(), None);
    tree.reset_to(None, later).unwrap();
    assert_eq!((tree.git().branch().unwrap(), tree.git().head().unwrap()), (None, later));
    assert_eq!(std::fs::read_to_string(tree.top().join("a")).unwrap(), "2\n");
}

#[test]
fn a_clean_worktree_follows_its_branch() {
    let world = World::new(&[("a", "1\n"), (".gitignore", "cache\n")]);
    let tree = add(&world);
    let head = world.oid("main");
    let new = world.commit_on(head, &[("a", Some("2\n")), ("b", Some("b\n"))]);
    write(&tree, "cache", "c\n");
    assert_eq!(tree.follow(BRANCH, head, new).unwrap(), Moved::Done);
    assert_eq!((status(&world, &tree), tree.git().head().unwrap()), (String::new(), new));
    let in_the_way = world.commit_on(new, &[("cache", Some("tracked\n"))]);
    let moved = tree.follow(BRANCH, new, in_the_way).unwrap();
    assert_eq!(moved, Moved::Collision { paths: vec!["cache".into()] });
}

#[test]
fn a_worktree_with_anything_in_it_stays() {
    let world = World::new(&[("a", "1\n"), (".gitignore", "cache\n")]);
    let tree = add(&world);
    let why = || tree.remove(Some(BRANCH)).unwrap();
    write(&tree, "untracked", "u\n");
    assert_eq!(why(), Some(Stays::Dirty(vec!["untracked".into()])));
    std::fs::remove_file(tree.top().join("untracked")).unwrap();
    world.git_at(tree.top(), &["checkout", "-q", "--detach"]);
    assert_eq!(why(), Some(Stays::OtherBranch(None)));
    world.git_at(tree.top(), &["checkout", "-q", BRANCH]);
    std::fs::write(tree.git().git_dir().join("MERGE_HEAD"), "x").unwrap();
    assert!(matches!(why(), Some(Stays::Operation(_))));
    std::fs::remove_file(tree.git().git_dir().join("MERGE_HEAD")).unwrap();
    world.git(&["worktree", "lock", &tree.top().display().to_string()]);
    assert_eq!(why(), Some(Stays::Locked));
    world.git(&["worktree", "unlock", &tree.top().display().to_string()]);
    let inside = crate::sys::process::Invocation::new("cat").cwd(tree.top()).converse().unwrap();
    assert!(matches!(why(), Some(Stays::InUse(pids)) if pids.len() == 1));
    inside.finish().unwrap();
    write(&tree, "cache", "c\n");
    assert_eq!(why(), None);
    assert!(!world.root().join("trees").exists());
    drop_branch(&world.open(), BRANCH, world.oid("main"), None).unwrap();
    assert!(world.open().marked_branches().unwrap().is_empty());
    assert_eq!(world.open().commit(BRANCH).unwrap(), None);
}

#[test]
fn a_submodule_is_checked_out_and_its_commits_are_not_lost() {
    let world = World::new(&[("a", "1\n")]);
    let module = World::new(&[("m", "1\n")]);
    world.git(&["submodule", "--quiet", "add", &module.top().display().to_string(), "sub"]);
    world.commit("with a submodule");
    let tree = add(&world);
    let env = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "protocol.file.allow"),
        ("GIT_CONFIG_VALUE_0", "always"),
    ];
    let git = env.iter().fold(world.open(), |git, (name, value)| git.with_env(name, value));
    let tree = Worktree::open(&git, tree.top()).unwrap();
    tree.init_submodules().unwrap();
    assert!(tree.top().join("sub/m").exists());
    assert_eq!(tree.stays(Some(BRANCH)).unwrap(), None);
    world.git_at(&tree.top().join("sub"), &["commit", "-q", "--allow-empty", "-m", "only here"]);
    assert_eq!(tree.stays(Some(BRANCH)).unwrap(), Some(Stays::Dirty(vec!["sub".into()])));
    let snapshot = tree.snapshot(world.oid("main"), &[]).unwrap();
    assert_eq!((paths(&snapshot), snapshot.embedded.len()), (vec!["sub"], 0));
    assert_eq!(snapshot.changes[0].new.unwrap().mode, Mode::GITLINK);
    record(&tree, world.oid("main"));
    assert_eq!(tree.stays(Some(BRANCH)).unwrap(), Some(Stays::SubmoduleCommits("sub".into())));
    world.git_at(&tree.top().join("sub"), &["push", "-q", "origin", "HEAD:refs/heads/pushed"]);
    assert_eq!(tree.remove(Some(BRANCH)).unwrap(), None);
    assert!(!tree.top().exists());
}

#[test]
fn files_come_in_only_if_they_are_ignored_and_listed_and_never_from_outside() {
    let world = World::new(&[("a", "1\n"), (".gitignore", "*.env\nsecret/\n"), ("taken/x", "x\n")]);
    world.write(".worktreeinclude", "*.env\n!not.env\nlisted\n");
    for name in ["one.env", "deep/two.env", "not.env", "other.txt", "listed", "secret/k"] {
        world.write(name, name);
    }
    symlink("/etc/passwd", world.top().join("out.env")).unwrap();
    world.write(".specmake/x.env", "no");
    let tree = add(&world);
    std::fs::remove_dir_all(tree.top().join("taken")).unwrap();
    symlink(world.root(), tree.top().join("taken")).unwrap();
    world.write("taken/new.env", "n");
    write(&tree, "one.env", "there already");
    let brought = tree.bring_in(&[], &[]).unwrap();
    assert_eq!(brought.paths, ["deep/two.env", "out.env"]);
    assert_eq!(brought.left_out.len(), 1);
    assert_eq!(brought.left_out[0].0, "taken/new.env");
    assert_eq!(std::fs::read_link(tree.top().join("out.env")).unwrap(), PathBuf::from("/etc/passwd"));
    assert_eq!(std::fs::read_to_string(tree.top().join("one.env")).unwrap(), "there already");
    assert!(!world.root().join("new.env").exists());
    assert_eq!(tree.brought_in().unwrap(), ["deep/two.env", "out.env"]);
}

#[test]
fn a_bare_repository_has_worktrees_too() {
    let world = World::new(&[("a", "1\n")]);
    world.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let git = world.open_at(&world.root().join("bare.git"));
    let spot = place(&git, "../{repo}.worktrees/{spec}", "a").unwrap();
    assert_eq!(spot, world.root().join("bare.worktrees/a"));
    let start = Start::NewBranch { branch: BRANCH, commit: git.head().unwrap(), mark: "a" };
    let tree = Worktree::add(&git, &spot, start).unwrap();
    assert_eq!(tree.bring_in(&["*".into()], &["x".into()]).unwrap(), BroughtIn::default());
    write(&tree, "a", "2\n");
    record(&tree, git.head().unwrap());
    assert_eq!(tree.remove(Some(BRANCH)).unwrap(), None);
}

#[test]
fn what_a_power_cut_left_of_a_worktree_is_made_anew() {
    for link in [None, Some("")] {
        let world = World::new(&[("a", "1\n")]);
        let (git, top) = (world.open(), world.root().join("trees/a"));
        let start = Start::Detached(world.oid("main"));
        let half = Worktree::add(&git, &top, start).unwrap();
        std::fs::write(half.git().git_dir().join("locked"), "initializing").unwrap();
        std::fs::remove_file(half.git().git_dir().join("HEAD")).unwrap();
        std::fs::remove_file(top.join(".git")).unwrap();
        if let Some(link) = link {
            std::fs::write(top.join(".git"), link).unwrap();
        }
        assert!(Worktree::add(&world.open(), &top, start).is_ok(), "{link:?}");
        assert_eq!(std::fs::read_to_string(top.join("a")).unwrap(), "1\n");
    }
}
