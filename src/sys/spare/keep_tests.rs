//! What the Specfile keeps goes on, and nothing that it should not bring.
use super::garden::{Garden, SOME};
use super::{Keep, NEVER, NotKept, Sparing, Why, spares};
use crate::sys::worktree::{Retired, Start, Worktree, unmake};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

fn garden() -> Garden {
    Garden::new(&[
        (".gitignore", "target\n/web/cache/\n*.log\n"),
        ("a.txt", "one\n"),
        ("b.txt", "two\n"),
        ("web/c.txt", "three\n"),
    ])
}

fn keep() -> Keep {
    Keep::new(&["target", "web/cache"].map(str::to_owned), ["make deps"])
}

/// With the files of worktrees, and without.
fn ways(keep: &Keep) -> [Sparing<'_>; 2] {
    [SOME, Sparing { worth: NEVER, ..SOME }].map(|sparing| Sparing { keep: Some(keep), ..sparing })
}

/// Builds leave it.
fn leave(top: &Path) {
    for name in ["target/deep/cache", "web/cache/x", "web/noise.log"] {
        fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
        fs::write(top.join(name), "slow\n").unwrap();
    }
}

/// A worktree at which a build was, gone.
fn retire(garden: &Garden, name: &str, sparing: Sparing<'_>, then: impl FnOnce(&Path)) -> Vec<NotKept> {
    let made = garden.add(name, None, sparing);
    leave(made.top());
    then(made.top());
    match made.retire(Some(&format!("spec/{name}")), sparing).unwrap() {
        Retired::Gone { not_kept } => not_kept,
        Retired::Stays(why) => panic!("{why}"),
    }
}

/// What of it is in another one.
fn left(top: &Path) -> Vec<&'static str> {
    let names = ["target/deep/cache", "web/cache/x", "web/noise.log"];
    names.into_iter().filter(|name| top.join(name).symlink_metadata().is_ok()).collect()
}

const BOTH: [&str; 2] = ["target/deep/cache", "web/cache/x"];

#[test]
fn what_is_kept_goes_to_the_next_one_as_it_is() {
    let keep = keep();
    for sparing in ways(&keep) {
        let garden = garden();
        let mut number = 0;
        let not_kept = retire(&garden, "a", sparing, |top| {
            number = top.join(BOTH[0]).metadata().unwrap().ino();
        });
        assert_eq!(not_kept, []);
        let spare = &spares(&garden.git)[0];
        assert_eq!((spare.keeps(), spare.has_files()), (keep.folders.clone(), sparing.worth == 0));
        garden.world.write("a.txt", "changed\n");
        garden.world.commit("next");
        let served = garden.check("b", None, sparing);
        let files = if sparing.worth == 0 { 3 } else { 0 };
        assert_eq!(served, BOTH.len() + files, "no file is written twice");
        assert_eq!(left(&garden.place("b")), BOTH);
        assert_eq!(garden.place("b").join(BOTH[0]).metadata().unwrap().ino(), number);
        assert_eq!(spares(&garden.git), []);
        let made = Worktree::open(&garden.git, &garden.place("b")).unwrap();
        assert!(!made.is_ready(), "`setup` runs in it, as in any new one");
        assert_eq!(made.stays(Some("spec/b")).unwrap(), None, "nothing of it is a change");
        // The others begin without.
        garden.check("c", None, sparing);
        assert_eq!(left(&garden.place("c")), [""; 0]);
        assert_eq!(made.retire(Some("spec/b"), sparing).unwrap(), Retired::Gone { not_kept: vec![] });
        garden.check("d", None, sparing);
        assert_eq!(left(&garden.place("d")), BOTH, "one after another");
    }
}

#[test]
fn it_goes_on_where_files_may_not_and_never_beside_older_ones() {
    let keep = keep();
    let [with, _] = ways(&keep);
    let garden = garden();
    retire(&garden, "a", with, |_| {});
    // Files are written in another way now.
    garden.world.git(&["config", "core.autocrlf", "input"]);
    assert_eq!(garden.check("b", None, with), BOTH.len());
    assert_eq!(left(&garden.place("b")), BOTH);
    // Files of one that was built in less lately are no company for what another one has built.
    let (c, d) = (garden.add("c", None, with), garden.add("d", None, with));
    c.retire(Some("spec/c"), with).unwrap();
    leave(d.top());
    fs::write(d.top().join("a.txt"), "one\n").unwrap();
    fs::write(d.top().join("b.txt"), "two\n").unwrap();
    fs::write(d.top().join("web/c.txt"), "three\n").unwrap();
    d.retire(Some("spec/d"), with).unwrap();
    assert_eq!(spares(&garden.git).iter().map(super::Spare::has_files).collect::<Vec<_>>(), [false, true]);
    assert_eq!(garden.check("e", None, with), BOTH.len());
}

/// What is done to the worktree keeps `target` from going on, and nothing else.
#[track_caller]
fn check(mischief: impl FnOnce(&Path), why: Why) {
    let (garden, keep) = (garden(), keep());
    let [with, _] = ways(&keep);
    let not_kept = retire(&garden, "a", with, mischief);
    assert_eq!(not_kept, [NotKept { folder: "target".to_owned(), why }]);
    garden.check("b", None, with);
    assert_eq!(left(&garden.place("b")), ["web/cache/x"]);
}

#[test]
fn what_would_lead_out_or_is_a_repository_is_not_kept() {
    let leads = || Why::LeadsOut("target/deep/link".to_owned());
    check(|top| symlink("/etc", top.join("target/deep/link")).unwrap(), leads());
    check(|top| symlink("../../../other", top.join("target/deep/link")).unwrap(), leads());
    check(|top| symlink("../../.git", top.join("target/deep/link")).unwrap(), leads());
    let git = Why::Repository("target/pkg/.git".to_owned());
    check(|top| fs::create_dir_all(top.join("target/pkg/.git")).unwrap(), git);
    let linked = |top: &Path| {
        fs::rename(top.join("target"), top.with_file_name("elsewhere")).unwrap();
        symlink(top.with_file_name("elsewhere"), top.join("target")).unwrap();
    };
    check(linked, Why::NoFolder);
    let file = |top: &Path| {
        fs::remove_dir_all(top.join("target")).unwrap();
        fs::write(top.join("target"), "").unwrap();
    };
    check(file, Why::NoFolder);
}

#[test]
fn links_within_the_worktree_go_on() {
    let (garden, keep) = (garden(), keep());
    let [with, _] = ways(&keep);
    let links = |top: &Path| symlink("../../web", top.join("target/deep/link")).unwrap();
    assert_eq!(retire(&garden, "a", with, links), []);
    garden.check("b", None, with);
    assert!(garden.place("b").join("target/deep/link/c.txt").exists());
}

#[test]
fn what_git_tells_of_is_not_kept_and_the_next_step_is_said() {
    let keep = Keep::new(&["made".to_owned(), "web".to_owned()], []);
    let garden = garden();
    let [with, _] = ways(&keep);
    let not_kept = retire(&garden, "a", with, |top| fs::create_dir(top.join("made")).unwrap());
    let said: Vec<String> = not_kept.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "`made` is not kept for the next worktree: git does not ignore it; add `/made/` to `.gitignore`",
            "`web` is not kept for the next worktree: git has `web/c.txt` in it; keep a folder in which nothing is \
             committed"
        ]
    );
    assert!(!spares(&garden.git).iter().any(|spare| !spare.keeps().is_empty()));
}

/// The next commit is such that nothing of `target` may lie there.
#[track_caller]
fn check_next(change: impl FnOnce(&Garden)) {
    let keep = Keep::new(&["web/cache".to_owned()], []);
    for sparing in ways(&keep) {
        let garden = garden();
        retire(&garden, "a", sparing, |_| {});
        garden.check("b", None, sparing);
        assert_eq!(left(&garden.place("b")), ["web/cache/x"], "without any change it is there");
    }
    let [with, _] = ways(&keep);
    let garden = garden();
    retire(&garden, "a", with, |_| {});
    change(&garden);
    garden.world.commit("next");
    garden.check("b", None, with);
    assert!(!garden.place("b").join("web/cache/x").exists());
    assert_eq!(spares(&garden.git), []);
}

#[test]
fn where_the_next_commit_tells_of_it_it_is_not_there() {
    check_next(|garden| garden.world.write(".gitignore", "*.log\n"));
    check_next(|garden| {
        garden.world.write("web/cache/tracked", "1\n");
        garden.world.git(&["add", "-f", "web/cache/tracked"]);
    });
    check_next(|garden| {
        garden.world.git(&["rm", "-q", "-r", "web"]);
        garden.world.write(".gitignore", "*.log\n");
    });
}

#[test]
fn it_is_not_put_behind_a_link() {
    let (garden, keep) = (garden(), keep());
    let outside = garden.world.root().join("outside");
    fs::create_dir(&outside).unwrap();
    let [with, _] = ways(&keep);
    retire(&garden, "a", with, |_| {});
    garden.world.git(&["rm", "-q", "-r", "web"]);
    symlink(&outside, garden.world.top().join("web")).unwrap();
    garden.world.commit("next");
    garden.add("b", None, with);
    assert_eq!(left(&garden.place("b")), [BOTH[0]]);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn other_settings_have_nothing_of_it() {
    let garden = garden();
    let keep = keep();
    let [with, _] = ways(&keep);
    retire(&garden, "a", with, |_| {});
    let other = Keep::new(&keep.folders, ["make other"]);
    garden.check("b", None, ways(&other)[0]);
    assert_eq!(left(&garden.place("b")), [""; 0]);
    retire(&garden, "c", with, |_| {});
    let less = Keep::new(&["target".to_owned()], ["make deps"]);
    garden.check("d", None, ways(&less)[0]);
    assert_eq!(left(&garden.place("d")), [BOTH[0]]);
    retire(&garden, "e", with, |_| {});
    garden.check("f", None, SOME);
    assert_eq!((left(&garden.place("f")), spares(&garden.git)), (vec![], vec![]));
}

#[test]
fn what_came_from_the_main_checkout_comes_from_there_again() {
    let (garden, keep) = (garden(), keep());
    let [with, _] = ways(&keep);
    garden.world.write("target/conf/env", "LEVEL=1\n");
    let made = garden.add("a", None, with);
    made.bring_in(&["target/conf/env".to_owned()], &[]).unwrap();
    leave(made.top());
    let Retired::Gone { not_kept } = made.retire(Some("spec/a"), with).unwrap() else { panic!() };
    assert_eq!(
        not_kept,
        [NotKept { folder: "target".into(), why: Why::BroughtIn("target/conf/env".into()) }]
    );
    garden.check("b", None, with);
    assert_eq!(left(&garden.place("b")), ["web/cache/x"]);
}

#[test]
fn what_somebody_has_open_is_not_kept() {
    let (garden, keep) = (garden(), keep());
    let [with, _] = ways(&keep);
    let mut open = None;
    let hold = |top: &Path| open = Some(File::open(top.join(BOTH[0])).unwrap());
    let not_kept = retire(&garden, "a", with, hold);
    assert_eq!(not_kept.iter().map(|one| one.why.clone()).collect::<Vec<_>>(), [Why::InUse, Why::InUse]);
    drop(open);
    retire(&garden, "b", with, |_| {});
    let spare = spares(&garden.git).remove(0);
    let open = File::open(spare.folder().join("kept/0/deep/cache")).unwrap();
    garden.check("c", None, with);
    assert_eq!(left(&garden.place("c")), [""; 0]);
    drop(open);
}

#[test]
fn the_newest_stays_and_what_is_of_no_use_takes_no_place() {
    let (garden, keep) = (garden(), keep());
    let [_, without] = ways(&keep);
    let three = Sparing { most: 3, ..without };
    let all: Vec<_> = ["a", "b", "c"].map(|name| garden.add(name, None, three)).into();
    for (made, name) in all.iter().zip(["a", "b", "c"]) {
        leave(made.top());
        fs::write(made.top().join("target/whose"), name).unwrap();
        made.retire(Some(&format!("spec/{name}")), three).unwrap();
    }
    assert_eq!(spares(&garden.git).len(), 3);
    // An empty folder, as a power cut may leave it, is newer than all.
    fs::remove_dir_all(spares(&garden.git)[2].folder()).unwrap();
    fs::create_dir(garden.git.own_dir().join("spares/7")).unwrap();
    let one = Sparing { most: 2, ..without };
    retire(&garden, "d", one, |top| fs::write(top.join("target/whose"), "d").unwrap());
    let whose = |spare: &super::Spare| fs::read_to_string(spare.folder().join("kept/0/whose")).unwrap();
    assert_eq!(spares(&garden.git).iter().map(whose).collect::<Vec<_>>(), ["d", "b"]);
}

#[test]
fn a_sparse_repository_has_it_too() {
    let (garden, keep) = (garden(), keep());
    let [_, without] = ways(&keep);
    garden.world.git(&["sparse-checkout", "set", "web"]);
    retire(&garden, "a", without, |_| {});
    let made = garden.add("b", None, without);
    assert_eq!(left(made.top()), BOTH);
    assert!(made.top().join("a.txt").exists());
}

#[test]
fn a_kill_on_the_way_leaves_nothing_of_it() {
    let (garden, keep) = (garden(), keep());
    let [with, _] = ways(&keep);
    retire(&garden, "a", with, |_| {});
    let made = garden.add("b", None, with);
    // As if it had been killed right before the worktree was whole.
    let making = garden.git.own_dir().join("worktree.making");
    fs::write(making, made.top().as_os_str().as_encoded_bytes()).unwrap();
    unmake(&garden.git).unwrap();
    assert!(!made.top().exists() && spares(&garden.git).is_empty());
    let start = Start::Branch("spec/b");
    let made = Worktree::add_sparing(&garden.git, &garden.place("b"), start, with).unwrap();
    assert_eq!(left(made.top()), [""; 0]);
}

#[test]
fn a_note_that_is_not_whole_is_none() {
    let keep = keep();
    let [with, _] = ways(&keep);
    for text in ["", "kept-1", "kept-2 x\n", "kept-1 x\ntarget\0"] {
        let garden = garden();
        retire(&garden, "a", with, |_| {});
        fs::write(spares(&garden.git)[0].folder().join("kept/note"), text).unwrap();
        garden.check("b", None, with);
        assert_eq!(left(&garden.place("b")), [""; 0]);
    }
}

#[test]
fn what_a_person_brings_in_comes_before_what_is_kept() {
    let keep = keep().beside(&["target/conf".to_owned()], &[]);
    for sparing in ways(&keep) {
        let garden = garden();
        assert_eq!(retire(&garden, "a", sparing, |_| ()), []);
        garden.world.write("target/conf", "a person's\n");
        let made = garden.add("b", None, sparing);
        assert_eq!(left(made.top()), ["web/cache/x"]);
    }
}
