//! What was answered before is answered again at once, and never where anything has changed since.
//!
//! A run that finds no git cannot look the long way: that it succeeds proves that the answer was there, that it fails
//! proves that the change was seen.
use crate::world::World;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const SPECFILE: &str = r#"
project { pipeline "two"; base "main" }
pipeline "two" {
    stage "plan" { prompt file="prompts/plan.md"; input "specs/{spec}/spec.md" "style/*.md" "notes/one.md" "top.txt"; output "specs/{spec}/plan.md" }
    stage "build" { prompt "Build {spec}."; output "out/{spec}.txt" }
}
include "more/*.kdl"
spec "a" "A feature"
spec "b" { needs "a" }
"#;

/// A world in which everything is done.
fn done() -> World {
    let world = World::new();
    world.file("prompts/plan.md", "Plan it.\n").file("more/one.kdl", "spec \"c\" \"Another\"\n");
    world.file("style/a.md", "Short.\n").file("notes/one.md", "One.\n").file("top.txt", "1\n");
    world.file(".gitignore", "*.log\n").file("deep/er/x.txt", "x\n");
    for spec in ["a", "b", "c"] {
        world.file(&format!("specs/{spec}/spec.md"), "What it is.\n");
        world.file(&format!("specs/{spec}/plan.md"), "How.\n").file(&format!("out/{spec}.txt"), "made\n");
    }
    world.specfile(SPECFILE).commit("all of it");
    world
}

fn is_kept(world: &World) -> bool {
    world.has(".git/specmake/glance")
}

/// Asks until the answer is kept: where something was written within the same tick of the clock it is not.
fn settle<const N: usize>(world: &World, args: [&str; N]) {
    for _ in 0..100 {
        world.run(args).exits(0).calls([]);
        if is_kept(world) && blind(world, args) {
            return;
        }
    }
    panic!("the answer to {args:?} is not kept");
}

/// Whether the answer comes without git.
fn blind<const N: usize>(world: &World, args: [&str; N]) -> bool {
    let mut blind = world.at("repo");
    blind.env("PATH", "/nowhere");
    let outcome = blind.run(args);
    assert!(matches!(outcome.code, 0 | 3), "{args:?}: {}", outcome.code);
    outcome.code == 0
}

/// What it is called, and how it is made.
type Change = (&'static str, fn(&World));

/// Each change alone is seen; what must be gone for the next one is taken back.
fn each_is_seen(changes: &[Change]) {
    for (what, change) in changes {
        let world = done();
        settle(&world, []);
        change(&world);
        assert!(!blind(&world, []), "{what} is not seen");
    }
}

fn edit_ctime_only(world: &World, path: &str) {
    let file = world.repo().join(path);
    let (text, stat) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap());
    let other: Vec<u8> = text.iter().map(u8::to_ascii_uppercase).collect();
    fs::write(&file, other).unwrap();
    let times = fs::FileTimes::new().set_modified(stat.modified().unwrap());
    fs::File::options().write(true).open(&file).unwrap().set_times(times).unwrap();
}

fn append(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, before + text).unwrap();
}

#[test]
fn what_was_answered_is_answered_again_without_a_look_at_history() {
    let world = done();
    settle(&world, []);
    let again = world.again();
    again.calls([]).said("nothing to do");
    for args in [["-q"], ["-n"], ["status"], ["--explain"], ["a"], ["-s"]] {
        settle(&world, args);
        let (told, known) = (world.run(args), world.run(args));
        assert_eq!((&told.stdout, &told.stderr), (&known.stdout, &known.stderr), "{args:?}");
    }
    settle(&world, ["-n", "--format", "json"]);
    assert!(blind(&world, []), "one answer does not drive out another");
    assert!(!blind(&world, ["b"]), "this was not asked before");
    assert!(!blind(&world, ["-B", "a"]) && !blind(&world, ["-W", "top.txt", "-n"]));
}

#[test]
fn who_never_built_is_answered_again_too() {
    for args in [["-q"], ["-n"], ["status"]] {
        let world = done();
        settle(&world, args);
        world.append("specs/a/spec.md", "More.");
        assert!(!blind(&world, args), "{args:?}");
    }
}

#[test]
fn edits_in_the_checkout_are_seen() {
    each_is_seen(&[
        ("an edited input", |w| {
            w.append("specs/a/spec.md", "More.");
        }),
        ("one of the same size and time", |w| edit_ctime_only(w, "specs/a/spec.md")),
        ("an edited output", |w| {
            w.append("out/b.txt", "More.");
        }),
        ("an input that a glob names", |w| {
            w.append("style/a.md", "More.");
        }),
        ("a removed input", |w| fs::remove_file(w.repo().join("notes/one.md")).unwrap()),
        ("an input at the top", |w| {
            w.append("top.txt", "More.");
        }),
        ("a new file in a spec's folder", |w| {
            w.file("specs/a/more.md", "More.");
        }),
        ("one in a new folder there", |w| {
            w.file("specs/a/deep/more.md", "More.");
        }),
        ("a mode", |w| {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(w.repo().join("specs/a/spec.md"), mode).unwrap();
        }),
        ("a link in place of a file", |w| {
            let file = w.repo().join("top.txt");
            fs::rename(&file, w.top().join("aside")).unwrap();
            symlink(w.top().join("aside"), file).unwrap();
        }),
        ("a link in place of a folder", |w| {
            let folder = w.repo().join("specs");
            fs::rename(&folder, w.top().join("aside")).unwrap();
            symlink(w.top().join("aside"), folder).unwrap();
        }),
        ("another folder in place of one", |w| {
            let folder = w.repo().join("notes");
            fs::rename(&folder, w.top().join("aside")).unwrap();
            fs::create_dir(&folder).unwrap();
        }),
        ("an edited rule of what is ignored", |w| {
            w.file(".gitignore", "*.txt\n");
        }),
        ("a new one further down", |w| {
            w.file("specs/.gitignore", "x\n");
        }),
        ("a new one in a spec's folder", |w| {
            w.file("specs/a/.gitignore", "x\n");
        }),
        ("attributes", |w| {
            w.file(".gitattributes", "*.md text eol=crlf\n");
        }),
        ("a repository within", |w| {
            w.git(&["init", "-q", "notes"]);
        }),
    ]);
}

#[test]
fn edits_of_the_specfile_and_all_behind_it_are_seen() {
    each_is_seen(&[
        ("the Specfile", |w| {
            w.append("Specfile", "// a word");
        }),
        ("an include", |w| {
            w.append("more/one.kdl", "// a word");
        }),
        ("a new include", |w| {
            w.file("more/two.kdl", "spec \"d\" \"One more\"\n");
        }),
        ("a prompt", |w| {
            w.append("prompts/plan.md", "Well.");
        }),
        ("the user's own file", |w| append(&w.config(), "// a word\n")),
        ("its being gone", |w| fs::remove_file(w.config()).unwrap()),
        ("the state", |w| fs::remove_file(w.repo().join(".specmake/state.db")).unwrap()),
        ("the whole folder of it", |w| {
            w.lose_state();
        }),
    ]);
}

#[test]
fn whatever_git_reads_is_seen() {
    each_is_seen(&[
        ("a commit", |w| {
            w.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
        }),
        ("a reset", |w| {
            w.git(&["reset", "-q", "--soft", "HEAD~1"]);
        }),
        ("another branch", |w| {
            w.git(&["checkout", "-q", "-b", "other"]);
        }),
        ("a branch of a spec's name", |w| {
            w.git(&["branch", "spec/a"]);
        }),
        ("packed refs", |w| {
            w.git(&["pack-refs", "--all"]);
        }),
        ("a replaced object", |w| {
            w.git(&["replace", "--graft", "HEAD"]);
        }),
        ("a ref of ours", |w| {
            w.git(&["update-ref", "refs/specmake/start/a/plan", "HEAD"]);
        }),
        ("what is staged", |w| {
            w.git(&["rm", "-q", "--cached", "deep/er/x.txt"]);
        }),
        ("what git is told not to look at", |w| {
            w.git(&["update-index", "--assume-unchanged", "top.txt"]);
        }),
        ("the repository's configuration", |w| {
            w.git(&["config", "core.autocrlf", "input"]);
        }),
        ("a mark of ours there", |w| {
            w.git(&["config", "branch.x.specmake", "x"]);
        }),
        ("the user's", |w| append(&w.top().join("home/.gitconfig"), "[core]\n\tfileMode = false\n")),
        ("the user's other one", |w| {
            append(&w.top().join("config/git/config"), "[core]\n\tautocrlf = true\n")
        }),
        ("what the user ignores", |w| append(&w.top().join("config/git/ignore"), "*.md\n")),
        ("what is ignored here alone", |w| append(&w.repo().join(".git/info/exclude"), "*.md\n")),
        ("attributes here alone", |w| append(&w.repo().join(".git/info/attributes"), "* -text\n")),
        ("grafts", |w| append(&w.repo().join(".git/info/grafts"), "")),
        ("a cut history", |w| append(&w.repo().join(".git/shallow"), &w.rev("HEAD"))),
        ("a merge", |w| append(&w.repo().join(".git/MERGE_HEAD"), &w.rev("HEAD"))),
        ("a rebase", |w| fs::create_dir(w.repo().join(".git/rebase-merge")).unwrap()),
        ("a worktree", |w| {
            w.git(&["worktree", "add", "-q", "--detach", "../elsewhere"]);
        }),
        ("a movement cut short", |w| {
            append(&w.repo().join(".git/specmake/move.journal"), "specmake-move 1\0")
        }),
        ("a worktree half made", |w| append(&w.repo().join(".git/specmake/worktree.making"), "/nowhere")),
        ("a hand on refs that was killed", |w| append(&w.repo().join(".git/specmake/refs.held"), "")),
    ]);
}

#[test]
fn files_that_configuration_names_are_seen() {
    let world = done();
    let (named, included) = (world.top().join("ignored-here"), world.top().join("included"));
    append(
        &world.top().join("home/.gitconfig"),
        "[include]\n\tpath = ../included\n[core]\n\texcludesFile = ~/../ignored-here\n",
    );
    settle(&world, []);
    append(&named, "*.md\n");
    assert!(!blind(&world, []));
    settle(&world, []);
    append(&included, "[core]\n\tautocrlf = false\n");
    assert!(!blind(&world, []));
}

#[test]
fn configuration_that_the_environment_names_is_seen_before_it_is_there() {
    let world = done();
    let named = world.top().join("named");
    let mut world = world;
    world.env("GIT_CONFIG_GLOBAL", named.to_str().unwrap());
    settle(&world, []);
    let asked = |world: &World| {
        let mut blind = world.at("repo");
        blind.env("GIT_CONFIG_GLOBAL", named.to_str().unwrap()).env("PATH", "/nowhere");
        blind.run([]).code
    };
    assert_eq!(asked(&world), 0);
    append(&named, "[core]\n\tautocrlf = true\n");
    assert_eq!(asked(&world), 3);
}

#[test]
fn a_base_that_is_told_outside_of_refs_is_looked_up_each_time() {
    let world = done();
    world.specfile(&SPECFILE.replace("base \"main\"", "base \"odd\"")).commit("another base");
    world.git(&["worktree", "add", "-q", "--detach", "../elsewhere"]);
    fs::write(world.repo().join(".git/refs/heads/odd"), "ref: worktrees/elsewhere/HEAD\n").unwrap();
    for _ in 0..5 {
        world.run(["-q"]);
        assert!(!is_kept(&world));
    }
}

#[test]
fn a_link_in_the_place_of_what_is_kept_is_not_followed() {
    let world = done();
    settle(&world, []);
    let (kept, other) = (world.repo().join(".git/specmake/glance"), world.top().join("precious"));
    fs::write(&other, "mine").unwrap();
    fs::remove_file(&kept).unwrap();
    symlink(&other, &kept).unwrap();
    settle(&world, []);
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    // A repository may bring along what stands in the place of its history.
    let state = world.repo().join(".specmake/state.db");
    fs::write(&other, "").unwrap();
    fs::remove_file(&state).unwrap();
    symlink(&other, &state).unwrap();
    world.run(["status"]).exits(3).said("a link");
    assert_eq!(fs::read_to_string(&other).unwrap(), "");
}

#[test]
fn another_question_has_another_answer() {
    let world = done();
    settle(&world, []);
    let asked = |name: &str, value: &str| {
        let mut other = world.at("repo");
        other.env(name, value).env("PATH", "/nowhere");
        other.run([]).code
    };
    assert_eq!(asked("NOBODY", "cares"), 0);
    for (name, value) in [
        ("SPECMAKE_JOBS", "3"),
        ("HOME", "/nowhere"),
        ("XDG_CONFIG_HOME", "/nowhere"),
        ("GIT_CONFIG_COUNT", "0"),
        ("CLICOLOR_FORCE", "1"),
    ] {
        assert_eq!(asked(name, value), 3, "{name}");
    }
    let mut below = world.at("repo/specs");
    below.env("PATH", "/nowhere");
    assert_eq!(below.run([]).code, 3);
}

#[test]
fn damage_is_no_answer_and_does_no_harm() {
    let world = done();
    let file = world.repo().join(".git/specmake/glance");
    let damage: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes[20] ^= 1,
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes[16] = b'9',
    ];
    for damage in damage {
        settle(&world, []);
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        assert!(!blind(&world, []));
        world.again().calls([]).said("nothing to do");
    }
}

#[test]
fn what_is_not_done_is_never_answered_at_once() {
    let world = done();
    settle(&world, []);
    world.append("specs/a/spec.md", "More.");
    world.run(["-q"]).exits(4);
    for _ in 0..3 {
        world.run([]).exits(0).said("not committed").calls([]);
        assert!(!blind(&world, []), "there is something to be said");
    }
    world.commit("more");
    world.run(["-q"]).exits(4);
    world.again().calls(["a:plan", "a:build", "b:plan", "b:build"]);
    assert!(!is_kept(&world), "who builds forgets");
    settle(&world, []);
}

/// Edits of all kinds, one after the other in an order that looks like none: what is answered at once is what is found
/// the long way, each time.
#[test]
fn the_short_way_and_the_long_way_agree() {
    let edits: [fn(&World); 10] = [
        |w| drop(fs::write(w.repo().join("specs/a/spec.md"), "Another.\n")),
        |w| drop(fs::write(w.repo().join("specs/a/spec.md"), "What it is.\n")),
        |w| {
            if w.has("specs/b/spec.md") {
                edit_ctime_only(w, "specs/b/spec.md");
            }
        },
        |w| drop(w.try_git(w.repo(), &["commit", "-qam", "all"])),
        |w| drop(w.try_git(w.repo(), &["checkout", "-q", "--", "."])),
        |w| drop(w.try_git(w.repo(), &["reset", "-q", "--hard", "HEAD~1"])),
        |w| drop(w.try_git(w.repo(), &["reset", "-q", "--hard", "ORIG_HEAD"])),
        |w| drop(fs::write(w.repo().join("specs/c/more.md"), "More.\n")),
        |w| drop(fs::remove_file(w.repo().join("specs/c/more.md"))),
        |_| (),
    ];
    let world = done();
    world.git(&["commit", "-q", "--allow-empty", "-m", "one to go back from"]);
    // A build makes the folder to remember in.
    settle(&world, []);
    settle(&world, ["-q"]);
    let (mut number, mut at_once) = (7_u32, 0);
    for step in 0..40 {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let edit = (number >> 16) as usize % edits.len();
        edits[edit](&world);
        at_once += u32::from(blind(&world, ["-q"]));
        let short = world.run(["-q"]).code;
        // Gone where nothing was remembered.
        let _ = fs::remove_file(world.repo().join(".git/specmake/glance"));
        let long = world.run(["-q"]).code;
        assert_eq!(short, long, "step {step}, edit {edit}");
    }
    assert!(at_once > 0, "nothing was ever answered at once");
}
