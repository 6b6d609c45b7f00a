//! What of a spare worktree serves the next one, and what never does.
use super::garden::{Garden, SOME};
use super::{Sparing, spares};
use crate::sys::testing::World;
use crate::sys::worktree::{Start, Stays, Worktree, unmake};
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// Files enough that losing some of them leaves most.
fn garden() -> Garden {
    Garden::new(&[
        (".gitignore", "target\n*.log\n.env\n"),
        ("a.txt", "one\n"),
        ("src/b.txt", "two\n"),
        ("src/c.txt", "three\n"),
        ("src/deep/d.txt", "four\n"),
        ("src/deep/e.txt", "five\n"),
        ("old/f.txt", "six\n"),
        ("g.txt", "seven\n"),
        ("h.txt", "eight\n"),
    ])
}

/// Builds leave it, and git does not tell of it.
fn leave_ignored(top: &Path) {
    fs::create_dir_all(top.join("target/deep")).unwrap();
    for name in ["target/deep/cache", "src/noise.log", ".env"] {
        fs::write(top.join(name), "SECRET=1").unwrap();
    }
}

#[test]
fn the_next_one_has_what_its_commit_has_and_nothing_is_written_twice() {
    let garden = garden();
    garden.put_by(leave_ignored);
    assert!(!garden.place("a").exists() && garden.git.worktrees().unwrap().len() == 1);
    garden.world.git(&["rm", "-q", "-r", "old"]);
    garden.world.write("src/b.txt", "changed\n");
    garden.world.write("new/i.txt", "nine\n");
    garden.world.commit("next");
    assert_eq!(garden.check("b", None, SOME), 7, "all but two that are not in it any more");
    assert!(spares(&garden.git).is_empty());
    let made = Worktree::open(&garden.git, &garden.place("b")).unwrap();
    assert!(!made.is_ready(), "`setup` runs in it, as in any new one");
    assert_eq!(made.retire(Some("spec/b"), SOME).unwrap().stays(), None);
    assert_eq!(garden.check("c", None, SOME), 9, "one after another");
}

#[test]
fn what_was_ignored_takes_no_room() {
    let garden = garden();
    let spare = garden.put_by(leave_ignored);
    assert!(!spare.join("target").exists() && !spare.join(".env").exists() && !spare.join(".git").exists());
    assert!(spare.join("src/deep/d.txt").exists());
}

#[test]
fn there_are_no_more_than_asked_for_and_none_without_room() {
    let garden = garden();
    for most in [0, 1] {
        let sparing = Sparing { most, ..SOME };
        for name in ["a", "b"].map(|name| format!("{name}{most}")) {
            let made = garden.add(&name, None, SOME);
            made.retire(Some(&format!("spec/{name}")), sparing).unwrap();
        }
        assert_eq!(spares(&garden.git).len(), most);
    }
    assert!(spares(&garden.git)[0].bytes() > 0);
    let made = garden.add("c", None, Sparing::default());
    made.retire(Some("spec/c"), SOME).unwrap();
    assert_eq!(spares(&garden.git).len(), 1, "one that was not noted is none");
    let made = garden.add("d", None, SOME);
    let other = garden.add("e", None, SOME);
    other.retire(Some("spec/e"), SOME).unwrap();
    made.retire(Some("spec/d"), Sparing { free: u64::MAX, ..SOME }).unwrap();
    assert!(spares(&garden.git).is_empty());
}

#[test]
fn a_small_one_and_one_in_memory_are_none() {
    let garden = garden();
    let made = garden.add("a", None, Sparing { worth: 10, ..SOME });
    made.retire(Some("spec/a"), SOME).unwrap();
    assert!(spares(&garden.git).is_empty());
    let in_memory = Path::new("/dev/shm");
    if rustix::fs::statfs(in_memory).is_ok_and(|disk| disk.f_type == 0x0102_1994) {
        assert!(!super::ways::is_exact(in_memory));
    }
}

#[test]
fn a_dirty_worktree_stays() {
    let garden = garden();
    let made = garden.add("a", None, SOME);
    fs::write(made.top().join("a.txt"), "by hand\n").unwrap();
    assert!(matches!(made.retire(Some("spec/a"), SOME).unwrap().stays(), Some(Stays::Dirty(_))));
    assert!(spares(&garden.git).is_empty() && made.top().exists());
}

/// Something is done to files of the worktree and of the spare one: `lost` of the nine files are written anew.
#[track_caller]
fn check_mischief(lost: usize, mischief: impl Fn(&Path)) {
    let behind_git = |garden: &Garden, top: &Path| {
        // As if git did not see it, as it may not: the files are the same to it, or it is told not to look.
        let files = ["a.txt", "src/b.txt", "src/c.txt", "src/deep/d.txt", "src/deep/e.txt"];
        let hide = [&["update-index", "--assume-unchanged"][..], &files].concat();
        garden.world.git_at(top, &hide);
    };
    let garden_one = garden();
    let made = garden_one.add("a", None, SOME);
    behind_git(&garden_one, made.top());
    mischief(made.top());
    if made.retire(Some("spec/a"), SOME).unwrap().stays().is_none() {
        assert_eq!(garden_one.check("b", None, SOME), 9 - lost, "in the worktree");
    }
    let garden_two = garden();
    let spare = garden_two.put_by(|_| {});
    mischief(&spare);
    assert_eq!(garden_two.check("b", None, SOME), 9 - lost, "in the spare one");
}

/// Writes other bytes of the same number and sets the time back.
fn swap(file: &Path) {
    let stat = file.metadata().unwrap();
    let text = fs::read_to_string(file).unwrap();
    let made = File::options().write(true).open(file).unwrap();
    std::io::Write::write_all(&mut &made, text.to_uppercase().as_bytes()).unwrap();
    let times =
        FileTimes::new().set_accessed(stat.accessed().unwrap()).set_modified(stat.modified().unwrap());
    made.set_times(times).unwrap();
}

#[test]
fn what_was_written_again_is_not_taken_for_what_was_there() {
    check_mischief(1, |top| swap(&top.join("src/b.txt")));
    check_mischief(1, |top| fs::write(top.join("a.txt"), "one\n").unwrap());
    check_mischief(1, |top| {
        fs::remove_file(top.join("a.txt")).unwrap();
    });
}

#[test]
fn other_modes_names_and_kinds_do_not_go_on() {
    let mode = |top: &Path, name: &str, mode| {
        fs::set_permissions(top.join(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    check_mischief(1, |top| mode(top, "a.txt", 0o600));
    check_mischief(1, |top| mode(top, "a.txt", 0o4644));
    check_mischief(2, |top| mode(top, "src/deep", 0o700));
    check_mischief(2, |top| mode(top, "src/deep", 0o2755));
    check_mischief(1, |top| fs::hard_link(top.join("a.txt"), top.join("x.log")).unwrap());
    check_mischief(0, |top| {
        assert!(Command::new("mkfifo").arg(top.join("src/pipe.log")).status().unwrap().success());
        drop(std::os::unix::net::UnixListener::bind(top.join("src/socket.log")).unwrap());
    });
}

#[test]
fn no_link_is_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mine = elsewhere.path().join("mine");
    fs::create_dir_all(mine.join("deep")).unwrap();
    for name in ["b.txt", "c.txt", "deep/d.txt", "deep/e.txt", "other"] {
        fs::write(mine.join(name), "a person's\n").unwrap();
    }
    check_mischief(4, |top| {
        fs::remove_dir_all(top.join("src")).unwrap();
        symlink(&mine, top.join("src")).unwrap();
    });
    check_mischief(1, |top| {
        fs::remove_file(top.join("a.txt")).unwrap();
        symlink(mine.join("b.txt"), top.join("a.txt")).unwrap();
    });
    check_mischief(0, |top| symlink(&mine, top.join("target")).unwrap());
    check_mischief(0, |top| {
        // As where git's own link should be.
        drop(fs::remove_file(top.join("src/.git")));
        symlink(mine.join("other"), top.join("x.log")).unwrap();
    });
    for name in ["b.txt", "c.txt", "deep/d.txt", "deep/e.txt", "other"] {
        assert_eq!(fs::read_to_string(mine.join(name)).unwrap(), "a person's\n");
    }
}

#[test]
fn gits_own_link_is_a_file_of_its_own() {
    let garden = garden();
    let spare = garden.put_by(|_| {});
    let mine = garden.world.root().join("mine");
    fs::write(&mine, "a person's\n").unwrap();
    symlink(&mine, spare.join(".git")).unwrap();
    fs::create_dir(spare.join("src/.git")).unwrap();
    fs::write(spare.join("src/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
    assert_eq!(garden.check("b", None, SOME), 9);
    assert_eq!(fs::read_to_string(mine).unwrap(), "a person's\n");
}

#[test]
fn spares_that_are_no_folders_of_ours_are_none() {
    for level in ["spares", "spares/0", "spares/0/worktree"] {
        let garden = garden();
        garden.put_by(|_| {});
        let place = garden.git.own_dir().join(level);
        let mine = garden.world.root().join("mine");
        fs::rename(&place, &mine).unwrap();
        let before = super::garden::listing(&mine);
        symlink(&mine, &place).unwrap();
        assert_eq!(garden.check("b", None, SOME), 0, "{level}");
        let made = Worktree::open(&garden.git, &garden.place("b")).unwrap();
        made.retire(Some("spec/b"), SOME).unwrap();
        assert_eq!(super::garden::listing(&mine), before, "{level}");
    }
}

/// Something differs between one worktree and the next; none of the files go on.
#[track_caller]
fn check_anew(change: impl Fn(&World)) {
    let garden = garden();
    garden.put_by(|_| {});
    change(&garden.world);
    assert_eq!(garden.check("b", None, SOME), 0);
    assert!(spares(&garden.git).is_empty());
}

#[test]
fn where_files_would_be_written_differently_they_are_written_anew() {
    let committed = |name: &'static str, text: &'static str| {
        move |world: &World| {
            world.write(name, text);
            world.commit("attributes");
        }
    };
    check_anew(committed(".gitattributes", "*.txt eol=crlf\n"));
    check_anew(committed("src/.gitattributes", "*.txt eol=crlf\n"));
    check_anew(committed(".git/info/attributes", "*.txt eol=crlf\n"));
    check_anew(|world| {
        world.git(&["config", "core.autocrlf", "true"]);
    });
    check_anew(|world| {
        world.git(&["config", "core.eol", "crlf"]);
        world.write(".git/info/attributes", "* text\n");
    });
    check_anew(|world| {
        world.add_module("module");
        world.git(&["commit", "-q", "-m", "a module"]);
    });
}

#[test]
fn what_a_filter_wrote_is_written_anew() {
    let garden = garden();
    garden.world.git(&["config", "filter.up.smudge", "tr a-z A-Z"]);
    garden.world.git(&["config", "filter.up.clean", "tr A-Z a-z"]);
    garden.world.write(".gitattributes", "a.txt filter=up\n");
    garden.world.commit("filters");
    garden.add("a", None, SOME).retire(Some("spec/a"), SOME).unwrap();
    assert!(spares(&garden.git).is_empty());
}

#[test]
fn a_damaged_spare_one_is_thrown_away() {
    let check = |expect: usize, damage: &dyn Fn(&Path)| {
        let garden = garden();
        let spare = garden.put_by(|_| {});
        damage(spare.parent().unwrap());
        assert_eq!(garden.check("b", None, SOME), expect);
        assert!(spares(&garden.git).is_empty());
    };
    check(0, &|spare| fs::remove_file(spare.join("specmake-filled")).unwrap());
    check(0, &|spare| {
        let note = spare.join("specmake-filled");
        let mut bytes = fs::read(&note).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(note, bytes).unwrap();
    });
    check(0, &|spare| {
        let note = File::options().write(true).open(spare.join("specmake-filled")).unwrap();
        note.set_len(300).unwrap();
    });
    check(0, &|spare| fs::remove_dir_all(spare.join("worktree")).unwrap());
    check(0, &|spare| fs::set_permissions(spare.join("worktree"), PermissionsExt::from_mode(0o700)).unwrap());
    check(0, &|spare| {
        // Most of it is gone.
        for name in ["src", "old", "a.txt"] {
            super::garden::listing(&spare.join("worktree"));
            let path = spare.join("worktree").join(name);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    });
}

#[test]
fn a_note_that_is_no_file_is_none() {
    let check = |make: &dyn Fn(&Path)| {
        let garden = garden();
        let note = garden.put_by(|_| {}).with_file_name("specmake-filled");
        fs::remove_file(&note).unwrap();
        make(&note);
        assert_eq!(garden.check("b", None, SOME), 0);
        assert!(spares(&garden.git).is_empty());
    };
    check(&|note| assert!(Command::new("mkfifo").arg(note).status().unwrap().success()));
    check(&|note| symlink("/dev/zero", note).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn folders_with_flags_are_made_anew() {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let flag = |top: &Path| {
        let folder = File::open(top.join("src/deep")).unwrap();
        let before = ioctl_getflags(&folder)?;
        ioctl_setflags(&folder, before | IFlags::NODUMP)
    };
    let any = garden();
    let knows_flags = flag(&any.world.top()).is_ok();
    check_mischief(if knows_flags { 2 } else { 0 }, |top| assert_eq!(flag(top).is_ok(), knows_flags));
}

#[test]
fn a_copied_repository_has_none_and_a_moved_one_has() {
    for (how, expect) in [("cp", 0), ("mv", 9)] {
        let garden = garden();
        garden.put_by(|_| {});
        let (from, to) = (garden.world.top(), garden.world.root().join("elsewhere"));
        let args: &[&str] = if how == "cp" { &["-a"] } else { &[] };
        assert!(Command::new(how).args(args).arg(&from).arg(&to).status().unwrap().success());
        let git = garden.world.open_at(&to);
        let before = spares(&git)[0].folder().to_owned();
        let number =
            |path: &Path| path.metadata().map(|stat| (stat.ino(), stat.ctime(), stat.ctime_nsec())).unwrap();
        let number_before = number(&before.join("worktree/a.txt"));
        let start = Start::NewBranch {
            branch: "spec/b",
            commit: garden.world.open_at(&to).head().unwrap(),
            mark: "b",
        };
        let made = Worktree::add_sparing(&git, &garden.place("b"), start, SOME).unwrap();
        assert_eq!(number(&made.top().join("a.txt")) == number_before, expect > 0, "{how}");
    }
}

#[test]
fn a_kill_on_the_way_leaves_nothing_half() {
    let garden = garden();
    let spare = garden.put_by(|_| {});
    // The files are in their place and git does not know them yet.
    let top = garden.place("b");
    fs::write(garden.git.own_dir().join("worktree.making"), top.as_os_str().as_encoded_bytes()).unwrap();
    fs::create_dir_all(top.parent().unwrap()).unwrap();
    fs::rename(spare, &top).unwrap();
    unmake(&garden.git).unwrap();
    assert!(!top.exists());
    assert_eq!(garden.check("b", None, SOME), 0);
    assert!(spares(&garden.git).is_empty());
}

#[test]
fn what_somebody_has_open_is_not_handed_on() {
    let garden = garden();
    let spare = garden.put_by(|_| {});
    let file = File::options().append(true).open(spare.join("a.txt")).unwrap();
    assert_eq!(garden.check("b", None, SOME), 0);
    drop(file);
}
