//! Spare worktrees: what is left in one, and when one is thrown away.
use super::unmake::{MAKING, Note};
use super::{Sparing, Start, Stays, Worktree, spares, unmake};
use crate::sys::git::{Git, Oid};
use crate::sys::testing::World;
use std::fs;
use std::path::{Path, PathBuf};

/// A repository with a worktree at `a` in which there is what builds leave.
fn world(attributes: &str) -> (World, Git, Vec<String>) {
    let world = World::new(&[
        (".gitignore", "target\n*.log\n.env\n"),
        (".gitattributes", attributes),
        ("a.txt", "one\n"),
        ("src/b.txt", "two\n"),
        ("old/c.txt", "three\n"),
    ]);
    let git = world.open();
    (world, git, vec!["/target".to_owned()])
}

fn first(world: &World, git: &Git, sparing: Sparing<'_>) -> Worktree {
    let start = Start::NewBranch { branch: "spec/a", commit: world.oid("main"), mark: "a" };
    let worktree = Worktree::add_from_spare(git, &place(world, "a"), start, sparing).unwrap();
    for (path, text) in [("target/cache", "slow"), ("src/noise.log", "noise"), (".env", "SECRET=1")] {
        let path = worktree.top().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    worktree
}

fn place(world: &World, name: &str) -> PathBuf {
    world.root().join("trees").join(name)
}

fn second(world: &World, git: &Git, commit: Oid, sparing: Sparing<'_>) -> Worktree {
    let start = Start::NewBranch { branch: "spec/b", commit, mark: "b" };
    Worktree::add_from_spare(git, &place(world, "b"), start, sparing).unwrap()
}

fn committed(world: &World, files: &[(&str, &str)]) -> Oid {
    files.iter().for_each(|(name, text)| world.write(name, text));
    world.commit("next")
}

/// What lies in a folder, but for git's link.
fn files(top: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        let before = found.len();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                true => folders.push(path),
                false if name == ".git" => {}
                false => found.push(format!("{name}: {}", fs::read_to_string(&path).unwrap().trim_end())),
            }
        }
        assert!(found.len() > before || !folders.is_empty(), "an empty folder: {}", folder.display());
    }
    found.sort();
    found
}

fn tracked(world: &World, commit: &str) -> Vec<String> {
    let top = place(world, "fresh");
    let worktree = Worktree::add(&world.open(), &top, Start::Detached(world.oid(commit))).unwrap();
    let found = files(worktree.top());
    worktree.remove(None).unwrap();
    found
}

#[test]
fn the_next_worktree_has_the_files_of_its_commit_and_what_was_to_be_kept() {
    let (world, git, keep) = world("");
    let sparing = Sparing { keep: &keep, most: 2, free: 0 };
    assert_eq!(first(&world, &git, sparing).retire(Some("spec/a"), sparing).unwrap(), None);
    assert_eq!((spares(&git).len(), git.worktrees().unwrap().len()), (1, 1));
    assert!(!place(&world, "a").exists());
    world.git(&["rm", "-q", "-r", "old"]);
    let commit = committed(&world, &[("src/b.txt", "changed\n"), ("new/d.txt", "four\n")]);
    let mut expect = tracked(&world, "main");
    expect.push("target/cache: slow".to_owned());
    let worktree = second(&world, &git, commit, sparing);
    assert_eq!(files(worktree.top()), expect);
    assert_eq!((spares(&git).len(), worktree.stays(Some("spec/b")).unwrap()), (0, None));
    assert!(!worktree.is_ready(), "`setup` runs in it, as in any new one");
}

#[test]
fn without_anything_to_keep_a_small_one_is_made_anew() {
    let (world, git, _) = world("");
    let sparing = Sparing { keep: &[], most: 2, free: 0 };
    first(&world, &git, sparing).retire(Some("spec/a"), sparing).unwrap();
    assert!(spares(&git).is_empty());
}

#[test]
fn there_are_no_more_than_asked_for() {
    let (world, git, keep) = world("");
    let sparing = Sparing { keep: &keep, most: 1, free: 0 };
    let a = first(&world, &git, sparing);
    let b = second(&world, &git, world.oid("main"), sparing);
    a.retire(Some("spec/a"), sparing).unwrap();
    b.retire(Some("spec/b"), sparing).unwrap();
    assert_eq!(spares(&git).len(), 1);
    assert!(spares(&git)[0].bytes() > 0);
    spares(&git)[0].remove(&git).unwrap();
    assert!(spares(&git).is_empty());
}

#[test]
fn there_are_none_where_the_disk_is_short_of_room() {
    let (world, git, keep) = world("");
    let sparing = Sparing { keep: &keep, most: 2, free: 0 };
    let a = first(&world, &git, sparing);
    let b = second(&world, &git, world.oid("main"), sparing);
    a.retire(Some("spec/a"), sparing).unwrap();
    assert_eq!(spares(&git).len(), 1);
    b.retire(Some("spec/b"), Sparing { free: u64::MAX, ..sparing }).unwrap();
    assert!(spares(&git).is_empty());
}

#[test]
fn a_dirty_worktree_is_no_spare_one() {
    let (world, git, keep) = world("");
    let sparing = Sparing { keep: &keep, most: 1, free: 0 };
    let worktree = first(&world, &git, sparing);
    fs::write(worktree.top().join("a.txt"), "by hand\n").unwrap();
    assert!(matches!(worktree.retire(Some("spec/a"), sparing).unwrap(), Some(Stays::Dirty(_))));
    assert!(spares(&git).is_empty() && worktree.top().exists());
}

/// Something is done to a spare worktree; the next one must be as if there had been none.
fn check_made_anew(spoil: impl Fn(&World, &Path), keep_next: &[&str], attributes: &str) {
    let (world, git, keep) = world("");
    let sparing = Sparing { keep: &keep, most: 1, free: 0 };
    first(&world, &git, sparing).retire(Some("spec/a"), sparing).unwrap();
    let folder = spares(&git)[0].folder().to_owned();
    spoil(&world, &folder);
    let commit = committed(&world, &[("src/b.txt", "changed\n"), (".gitattributes", attributes)]);
    let keep: Vec<String> = keep_next.iter().map(|line| (*line).to_owned()).collect();
    let worktree = second(&world, &git, commit, Sparing { keep: &keep, most: 1, free: 0 });
    assert_eq!(files(worktree.top()), tracked(&world, "main"));
    assert_eq!(worktree.stays(Some("spec/b")).unwrap(), None);
    assert!(spares(&git).is_empty() && !folder.exists());
}

#[test]
fn what_is_not_as_it_was_left_is_thrown_away() {
    let keep = ["/target"];
    check_made_anew(|_, spare| fs::write(spare.join("worktree/a.txt"), "two\n").unwrap(), &keep, "");
    check_made_anew(|_, spare| fs::write(spare.join("worktree/left.txt"), "").unwrap(), &keep, "");
    check_made_anew(|_, spare| fs::write(spare.join("worktree/x.log"), "").unwrap(), &keep, "");
    check_made_anew(|_, spare| fs::remove_file(spare.join("worktree/a.txt")).unwrap(), &keep, "");
    check_made_anew(|_, spare| fs::write(spare.join("index"), "not one").unwrap(), &keep, "");
    check_made_anew(|_, spare| fs::remove_file(spare.join("index")).unwrap(), &keep, "");
    check_made_anew(|_, spare| fs::remove_dir_all(spare.join("worktree")).unwrap(), &keep, "");
}

#[test]
fn what_would_not_be_as_if_made_anew_is_thrown_away() {
    check_made_anew(|_, _| {}, &["/other"], "");
    check_made_anew(|_, _| {}, &["/target"], "*.txt eol=crlf\n");
    // What was ignored is not any more.
    let tracked_now = |world: &World, _: &Path| {
        committed(world, &[(".gitignore", "*.log\n.env\n")]);
    };
    check_made_anew(tracked_now, &["/target"], "");
}

#[test]
fn a_kill_on_the_way_leaves_nothing_half() {
    let (world, git, keep) = world("");
    let sparing = Sparing { keep: &keep, most: 1, free: 0 };
    first(&world, &git, sparing).retire(Some("spec/a"), sparing).unwrap();
    // The files are in their place and git does not know them yet.
    let (top, spare) = (place(&world, "b"), spares(&git)[0].folder().to_owned());
    Note::write(&git, MAKING, &top).unwrap();
    fs::create_dir_all(top.parent().unwrap()).unwrap();
    fs::rename(spare.join("worktree"), &top).unwrap();
    unmake(&git).unwrap();
    assert!(!top.exists());
    let worktree = second(&world, &git, world.oid("main"), sparing);
    assert_eq!(files(worktree.top()), tracked(&world, "main"));
    assert!(spares(&git).is_empty());
}
