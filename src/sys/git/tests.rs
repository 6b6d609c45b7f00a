//! The whole of git's plumbing on real repositories.
use super::*;
use crate::sys::testing::World;
use std::collections::BTreeMap;

fn content(git: &Git, text: &str) -> Option<Content> {
    Some(Content { mode: Mode::FILE, oid: git.hash_blob(text.as_bytes()).unwrap() })
}

#[test]
fn a_repository_is_found_from_everywhere_in_it() {
    let world = World::new(&[("a/b", "1")]);
    let (top, dot) = (world.top(), world.top().join(".git"));
    for dir in [top.clone(), top.join("a"), dot.clone()] {
        let git = world.open_at(&dir);
        assert_eq!(
            (git.git_dir(), git.work_tree()),
            (dot.as_path(), Some(top.as_path())),
            "{}",
            dir.display()
        );
        assert_eq!(git.state_dir(), top.join(".specmake"));
        assert_eq!(git.name(), "repo");
    }
    world.git(&["worktree", "add", "-q", "--detach", "../linked"]);
    let git = world.open_at(&world.root().join("linked"));
    assert_eq!(git.git_dir(), dot.join("worktrees/linked"));
    assert_eq!((git.common_dir(), git.main_work_tree()), (dot.as_path(), Some(top.as_path())));
    assert_eq!(git.main().work_tree(), Some(top.as_path()));
}

#[test]
fn a_bare_repository_has_no_checkout() {
    let world = World::new(&[("a", "1")]);
    world.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = world.root().join("bare.git");
    let git = world.open_at(&bare);
    assert_eq!((git.work_tree(), git.main_work_tree()), (None, None));
    assert_eq!((git.state_dir(), git.name()), (bare.join(".specmake"), "bare".to_owned()));
    assert_eq!(git.head().unwrap(), world.oid("HEAD"));
    world.git_at(&bare, &["worktree", "add", "-q", "../wt", "main"]);
    let linked = world.open_at(&world.root().join("wt"));
    assert_eq!((linked.main_work_tree(), linked.common_dir()), (None, bare.as_path()));
}

#[test]
fn trouble_has_a_name_and_a_next_step() {
    let world = World::bare_of_commits();
    let hinted = |error: GitError| (error.to_string(), error.hint().is_some());
    let outside = Git::discover_with(&world.root(), &world.env()).unwrap_err();
    assert!(matches!(outside, GitError::NotARepository { .. }) && hinted(outside).1);
    assert!(matches!(world.open().head(), Err(GitError::NoCommit)));
    world.commit("first");
    world.commit("second");
    world.git(&["checkout", "-q", "--detach"]);
    assert!(matches!(world.open().require_branch(), Err(GitError::Detached)));
    let url = format!("file://{}", world.top().display());
    world.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    let shallow = world.open_at(&world.root().join("shallow")).require_history().unwrap_err();
    assert_eq!(shallow.hint().unwrap(), "run `git fetch --unshallow`");
    std::fs::write(world.top().join(".git/config"), "[oops").unwrap();
    let broken = Git::discover_with(&world.top(), &world.env()).unwrap_err();
    assert!(matches!(broken, GitError::Refused { .. }), "{broken}");
}

#[test]
fn nobody_knows_the_author() {
    let world = World::new(&[]);
    let git = world.open().with_env("GIT_COMMITTER_EMAIL", "").with_env("GIT_COMMITTER_NAME", "");
    let (tree, parents) = (git.tree_of(git.head().unwrap()).unwrap(), [git.head().unwrap()]);
    let commit = NewCommit { tree, parents: &parents, message: "x", signature: None };
    assert!(matches!(git.commit_tree(&commit), Err(GitError::NoIdentity)));
    let commit = NewCommit { signature: Some(Signature::timeless()), ..commit };
    assert_eq!(git.commit_tree(&commit).unwrap(), world.open().commit_tree(&commit).unwrap());
}

#[test]
fn history_survives_hostile_messages_and_paths() {
    let world = World::new(&[("a", "1")]);
    let first = world.oid("HEAD");
    let fake = format!("subject\n\n:100644 100644 {first} {first} M\na\n{first}\n");
    let odd = path::to_text(b"b\n:\xff\t\"x");
    world.write(&odd, "2");
    let second = world.commit(&fake);
    world.git(&["checkout", "-q", "-b", "side"]);
    std::fs::remove_file(world.top().join("a")).unwrap();
    let third = world.commit("third");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let git = world.open();
    let log = git.log(&[git.head().unwrap()], &[first]).unwrap();
    let told: Vec<_> = log.iter().map(|entry| (entry.oid, entry.changes.len())).collect();
    assert_eq!(told, [(second, 1), (third, 1), (world.oid("HEAD"), 0)]);
    assert_eq!(log[0].body.trim_end(), fake.trim_end());
    assert_eq!((log[0].changes[0].path.as_str(), log[0].changes[0].old), (odd.as_str(), None));
    assert_eq!(log[0].changes[0].new, content(&git, "2"));
    assert_eq!((log[1].changes[0].path.as_str(), log[1].changes[0].new), ("a", None));
    assert_eq!(log[2].parents, [second, third]);
    assert_eq!((log[0].author.as_str(), log[0].author_time), ("Ada <ada@example.org>", 1_700_000_000));
    let root = git.log(&[first], &[]).unwrap();
    assert_eq!((root.len(), root[0].changes.len()), (1, 1));
    let messages = git.messages(&[git.head().unwrap()], &[]).unwrap();
    assert_eq!((messages.len(), messages.iter().map(|entry| entry.changes.len()).sum::<usize>()), (4, 0));
    assert!(git.log(&[], &[]).unwrap().is_empty());
}

#[test]
fn trees_are_read_written_and_compared() {
    let world = World::new(&[("a", "1"), ("d/x", "2")]);
    let git = world.open();
    let base = git.tree_of(git.head().unwrap()).unwrap();
    let odd = path::to_text(b"\xfe\n");
    let edits = [
        ("d".to_owned(), content(&git, "now a file")),
        ("d/x".to_owned(), None),
        (odd.clone(), content(&git, "odd")),
    ];
    let tree = git.write_tree(base, &edits).unwrap();
    let paths: Vec<String> = git.ls_tree(tree).unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["a".to_owned(), "d".to_owned(), odd.clone()]);
    let mut changed: Vec<String> = git.diff_tree(base, tree).unwrap().into_iter().map(|c| c.path).collect();
    changed.sort();
    let mut expected = vec!["d".to_owned(), "d/x".to_owned(), odd.clone()];
    expected.sort();
    assert_eq!(changed, expected);
    assert_eq!(git.write_tree(base, &[]).unwrap(), base);
    assert_eq!(git.write_tree(base, &[("none".into(), None)]).unwrap(), base);
    let text = git.diff_text(base, tree, &["d".to_owned()]).unwrap();
    assert!(text.contains("+now a file") && !text.contains("+odd"), "{text}");
    assert_eq!(git.file_of(tree, &odd).unwrap().as_deref(), Some(&b"odd"[..]));
    assert_eq!(git.file_of(tree, "no\nsuch").unwrap(), None);
    let many: Vec<Oid> =
        (0..200).map(|_| content(&git, "odd").unwrap().oid).take(1).cycle().take(200).collect();
    assert!(git.contents(&many).unwrap().iter().all(|one| one.as_deref() == Some(b"odd")));
    assert_eq!(git.contents(&[base.zero_like()]).unwrap(), [None]);
    assert_eq!(world.status(), "");
    assert_eq!(std::fs::read_dir(git.own_dir().join("tmp")).unwrap().count(), 0);
}

#[test]
fn refs_move_together_or_not_at_all() {
    let world = World::new(&[]);
    let git = world.open();
    let (first, second) = (git.head().unwrap(), world.commit("second"));
    let both = [RefUpdate::create("refs/heads/spec/x", first), RefUpdate::create("refs/specmake/y", second)];
    git.update_refs(&both, "made").unwrap();
    let moved = git.update_refs(
        &[
            RefUpdate::advance("refs/heads/spec/x", first, second),
            RefUpdate::advance("refs/specmake/y", first, first),
        ],
        "no",
    );
    assert!(matches!(moved, Err(GitError::RefMoved { now: Some(now), .. }) if now == second));
    let expected =
        BTreeMap::from([("refs/heads/spec/x".to_owned(), first), ("refs/specmake/y".to_owned(), second)]);
    assert_eq!(git.refs(&["refs/heads/spec/", "refs/specmake/"]).unwrap(), expected);
    for (name, by) in [("refs/heads/spec", "refs/heads/spec/x"), ("refs/heads/spec/x/z", "refs/heads/spec/x")]
    {
        match git.update_refs(&[RefUpdate::create(name, first)], "no") {
            Err(GitError::RefInTheWay { by: found, .. }) => assert_eq!(found, by),
            other => panic!("{other:?}"),
        }
    }
    git.update_refs(&[RefUpdate::delete("refs/specmake/y", second)], "gone").unwrap();
    assert!(git.refs(&["refs/specmake/"]).unwrap().is_empty());
    std::fs::write(world.top().join(".git/refs/heads/spec/x.lock"), "").unwrap();
    let locked = git.update_refs(&[RefUpdate::advance("refs/heads/spec/x", first, second)], "no");
    assert!(matches!(locked, Err(GitError::RefLocked { .. })), "{locked:?}");
}

#[test]
fn ancestry_and_merges() {
    let world = World::new(&[("a", "1\n"), ("b", "1\n")]);
    let git = world.open();
    let first = git.head().unwrap();
    let left = world.commit_on(first, &[("a", Some("left\n"))]);
    let right = world.commit_on(first, &[("b", Some("right\n"))]);
    let clash = world.commit_on(first, &[("a", Some("clash\n"))]);
    assert!(git.is_ancestor(first, left).unwrap() && !git.is_ancestor(left, right).unwrap());
    assert_eq!(git.merge_base(left, right).unwrap(), Some(first));
    let Merge::Clean(tree) = git.merge_tree(left, right).unwrap() else { panic!("it merges") };
    assert_eq!(git.diff_tree(right, tree).unwrap()[0].path, "a");
    match git.merge_tree(left, clash).unwrap() {
        Merge::Conflict { paths, .. } => assert_eq!(paths, ["a"]),
        Merge::Clean(_) => panic!("it conflicts"),
    }
    let nowhere = "1".repeat(40).parse().unwrap();
    for theirs in [right, clash] {
        let merged = git.merge_tree(left, theirs).unwrap();
        assert_eq!(git.merge_tree_on(first, left, theirs).unwrap(), merged);
        assert_eq!(git.merge_tree_on(nowhere, left, theirs).unwrap(), merged, "git knows better");
    }
    let onto = world.commit_on(left, &[("b", Some("right\n"))]);
    let Merge::Clean(replayed) = git.merge_tree_from(left, first, onto).unwrap() else { panic!("it merges") };
    assert_eq!(replayed, git.tree_of(right).unwrap());
}

#[test]
fn marks_on_branches() {
    let world = World::new(&[]);
    let git = world.open();
    assert!(git.marked_branches().unwrap().is_empty());
    git.set_config(&Git::mark_name("spec/a.b"), "a.b").unwrap();
    assert_eq!(git.marked_branches().unwrap(), BTreeMap::from([("spec/a.b".into(), "a.b".into())]));
    assert_eq!(git.config("branch.spec/a.b.specmake").unwrap().as_deref(), Some("a.b"));
    assert_eq!(git.config("no.such").unwrap(), None);
}

#[test]
fn what_is_committed_is_on_the_disk_before_a_ref_says_so() {
    let world = World::new(&[("a", "a")]);
    let git = world.open();
    let flushes = |what: &str, git: &dyn Fn(&Git)| {
        let trace = world.root().join(what);
        git(&world.open().with_env("GIT_TRACE2_EVENT", &trace));
        std::fs::read_to_string(trace).unwrap().matches("hardware-flush").count()
    };
    let (tip, tree) = (git.head().unwrap(), git.tree_of(git.head().unwrap()).unwrap());
    let new = NewCommit { tree, parents: &[tip], message: "new\n", signature: None };
    let commit = |git: &Git| assert_ne!(git.commit_tree(&new).unwrap(), tip);
    assert!(flushes("commit", &commit) > 0);
    let update = RefUpdate::create("refs/specmake/x", tip);
    assert!(flushes("ref", &|git| git.update_refs(std::slice::from_ref(&update), "x").unwrap()) > 0);
}
