//! Where a spec is worked on, what is brought in, and what a person does there.
use crate::world::{ONE, World};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// The cheap pipeline, with more in its `project`.
fn project(more: &str, specs: &str) -> String {
    format!("{}\n{specs}", ONE.replace("project {", &format!("project {{ {more};")))
}

#[test]
fn a_worktree_lies_beside_the_repository_and_goes_when_its_spec_has_landed() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "pwd -P > $W/where\nplay build");
    world.run([]).exits(0);
    let place = fs::read_to_string(world.top().join("where")).unwrap();
    assert_eq!(place.trim(), world.worktree("a").to_str().unwrap());
    assert!(!world.worktree("a").exists());
    assert!(!world.git(&["worktree", "list"]).contains("spec/a"));
}

#[test]
fn a_place_inside_the_repository_is_refused() {
    let world = World::with(&project("worktrees \"wt/{spec}\"", "spec \"a\" \"A\""));
    world.run([]).exits(2).said("worktrees").calls([]);
    assert!(!world.has("wt"));
}

#[test]
fn a_linked_folder_is_there_and_never_committed() {
    let world = World::new();
    world.file(".gitignore", "node_modules/\n").file("node_modules/left-pad/index.js", "pad\n");
    world.specfile(&project("link \"node_modules\"", "spec \"a\" \"A\"")).commit("start");
    world.script("a/build", "cat node_modules/left-pad/index.js\nplay build");
    world.run([]).exits(0).calls(["a:build"]);
    let paths = world.paths("main");
    assert!(!paths.iter().any(|path| path.starts_with("node_modules")), "{paths:?}");
    assert_eq!(world.read("node_modules/left-pad/index.js"), "pad\n");
    world.again().calls([]);
}

#[test]
fn a_copied_file_is_there_and_its_own() {
    let world = World::new();
    world.file(".gitignore", ".env\n").file(".env", "LEVEL=1\n");
    world.specfile(&project("copy \".env\"", "spec \"a\" \"A\"")).commit("start");
    world.script("a/build", "grep LEVEL=1 .env\necho LEVEL=2 > .env\nplay build");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.read(".env"), "LEVEL=1\n");
    assert!(!world.paths("main").contains(&".env".to_owned()));
    world.again().calls([]);
}

/// A repository with so many files that it is worth keeping them, of specs one after the other.
fn large(more: &str) -> World {
    let world = World::new();
    for file in 0..1_000 {
        world.file(&format!("many/{}/{file}.txt", file / 100), &format!("{file}\n"));
    }
    world.file(".gitignore", "*.log\ntarget\nconf\n").file("run.sh", "#!/bin/sh\n");
    fs::set_permissions(world.repo().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let specs = "spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }\nspec \"c\" \"C\" { needs \"b\" }";
    world.specfile(&project(more, specs)).commit("start");
    world
}

/// Whether files of worktrees are kept where this world lies: not in memory, where they may change without a trace.
fn keeps(world: &World) -> bool {
    rustix::fs::statfs(world.root())
        .is_ok_and(|disk| [0xef53, 0x5846_5342, 0x9123_683e].contains(&disk.f_type))
}

/// Numbers of spare worktrees.
fn spares(world: &World) -> usize {
    fs::read_dir(world.repo().join(".git/specmake/spares")).map_or(0, Iterator::count)
}

/// Writes down how the worktree differs from one that git makes of the same commit.
const COMPARE: &str = r"
git worktree add -q --detach $W/fresh HEAD
list() { (cd $1 && find . -path ./.git -prune -o -printf '%y %m %n %U %G %p %l\n' | sort); }
list . > $W/seen
list $W/fresh > $W/expected
diff -r --no-dereference --exclude=.git . $W/fresh > $W/differs || true
git status --porcelain --ignored > $W/status
git worktree remove --force $W/fresh
play build
";

fn as_made_anew(world: &World) {
    let read = |name: &str| fs::read_to_string(world.top().join(name)).unwrap();
    assert_eq!(read("seen"), read("expected"));
    assert_eq!((read("differs").as_str(), read("status").as_str()), ("", ""));
}

#[test]
fn the_files_of_a_spec_that_has_landed_serve_the_next_one() {
    let world = large("jobs 1");
    world.script("a/build", "mkdir target\necho x > target/cache\necho x >> many/1/100.txt\nplay build");
    world.script("b/build", COMPARE);
    world.run(["a"]).exits(0);
    assert_eq!(spares(&world), usize::from(keeps(&world)));
    assert!(!world.worktree("a").parent().unwrap().join("a").exists());
    assert!(!world.git(&["worktree", "list"]).contains("spare"));
    let file = world.repo().join(".git/specmake/spares/0/worktree/many/9/999.txt");
    let number = fs::metadata(file).map(|stat| (stat.ino(), stat.ctime(), stat.ctime_nsec())).ok();
    world.run(["b"]).exits(0).calls(["b:build"]);
    as_made_anew(&world);
    let file = world.repo().join(".git/specmake/spares/0/worktree/many/9/999.txt");
    assert_eq!(fs::metadata(file).map(|stat| (stat.ino(), stat.ctime(), stat.ctime_nsec())).ok(), number);
    assert_eq!(spares(&world), usize::from(keeps(&world)), "no more than jobs");
    // It is garbage like any other, and is not missed.
    let listed = world.run(["gc"]);
    listed.exits(0);
    if keeps(&world) {
        listed.said("spare worktree");
    }
    world.run(["gc", "--yes"]).exits(0);
    world.run(["gc"]).exits(0).unsaid("spare worktree");
    world.run([]).exits(0).calls(["c:build"]);
    world.again().calls([]);
}

#[test]
fn what_an_agent_leaves_where_git_does_not_look_reaches_nobody() {
    let world = large("jobs 1");
    let mischief = r"
mkdir -p many/1/target/.git many/2/target
echo 'ref: refs/heads/main' > many/1/target/.git/HEAD
mkfifo many/2/pipe.log
ln many/3/300.txt many/3/other.log
ln many/3/301.txt $W/outside
ln -s $W many/4/link.log
chmod 600 many/5/500.txt
chmod 4755 run.sh
chmod 700 many/6
umask 077
echo x > many/6/secret.log
git update-index --assume-unchanged many/7/700.txt many/8/800.txt
printf 'xxx\n' > many/7/700.txt
rm many/8/800.txt
play build
";
    world.script("a/build", mischief);
    world.script("b/build", COMPARE);
    world.run(["a"]).exits(0);
    world.run(["b"]).exits(0);
    as_made_anew(&world);
    assert_eq!(fs::read_to_string(world.top().join("outside")).unwrap(), "301\n");
}

#[test]
fn what_was_brought_in_goes_through_no_link() {
    let world = large("jobs 1; copy \"conf/**\"; link \"target\"");
    world.file("conf/local.env", "LEVEL=1\n").file("target/cache", "slow\n");
    fs::create_dir(world.top().join("mine")).unwrap();
    fs::write(world.top().join("mine/local.env"), "a person's\n").unwrap();
    world.script("a/build", "rm -r conf\nln -s $W/mine conf\nplay build");
    world.run(["b"]).exits(0).calls(["a:build", "b:build"]);
    assert_eq!(fs::read_to_string(world.top().join("mine/local.env")).unwrap(), "a person's\n");
    assert_eq!(
        (world.read("conf/local.env"), world.read("target/cache")),
        ("LEVEL=1\n".into(), "slow\n".into())
    );
}

#[test]
fn settings_between_two_specs_shape_the_second() {
    let world = large("jobs 1");
    world.script("b/build", COMPARE);
    world.run(["a"]).exits(0);
    world.git(&["config", "core.autocrlf", "true"]);
    world.run(["b"]).exits(0);
    as_made_anew(&world);
    assert!(world.worktree("b").symlink_metadata().is_err());
}

#[test]
fn spares_behind_a_link_are_nobodys() {
    let world = large("jobs 1");
    world.run(["a"]).exits(0);
    let (place, mine) = (world.repo().join(".git/specmake/spares"), world.top().join("mine"));
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(mine.join("0/worktree")).unwrap();
    fs::write(mine.join("0/worktree/file"), "a person's\n").unwrap();
    std::os::unix::fs::symlink(&mine, &place).unwrap();
    world.script("b/build", COMPARE);
    world.run(["b"]).exits(0);
    as_made_anew(&world);
    world.run(["gc", "--yes"]).exits(0);
    assert_eq!(fs::read_to_string(mine.join("0/worktree/file")).unwrap(), "a person's\n");
}

#[test]
fn a_worktreeinclude_brings_in_what_is_ignored_and_listed() {
    let world = World::new();
    world.file(".gitignore", "*.secret\n").file(".worktreeinclude", "listed.secret\n");
    world.file("listed.secret", "1\n").file("other.secret", "2\n");
    world.specfile(&format!("{ONE} spec \"a\" \"A\"")).commit("start");
    world.script("a/build", "test -e listed.secret\ntest ! -e other.secret\nplay build");
    world.run([]).exits(0).calls(["a:build"]);
    assert!(!world.paths("main").iter().any(|path| path.ends_with(".secret")));
}

#[test]
fn setup_runs_once_in_each_worktree() {
    let world = World::with(&project(
        "setup \"echo ${SPECMAKE_SPEC:-landing} >> $W/setups\"",
        "stage \"build\" { on-failure { retry 1; fail } }\nspec \"a\" \"A\"\nspec \"b\" \"B\"",
    ));
    world.script("a/build", "grep -x a $W/setups\ntest \"$N\" = 2\nplay build");
    world.run(["-j1"]).exits(0).calls(["a:build", "a:build", "b:build"]);
    let setups = fs::read_to_string(world.top().join("setups")).unwrap();
    for spec in ["a", "b"] {
        assert_eq!(setups.lines().filter(|line| *line == spec).count(), 1, "{setups}");
    }
}

#[test]
fn what_setup_leaves_is_not_the_specs_work() {
    let world = World::new();
    world.file(".gitignore", "built/\n");
    world
        .specfile(&project("setup \"mkdir -p built; echo x > built/x\"", "spec \"a\" \"A\""))
        .commit("start");
    world.script("a/build", "cat built/x\nplay build");
    world.run([]).exits(0).calls(["a:build"]);
    assert!(!world.paths("main").iter().any(|path| path.starts_with("built")));
}

/// `a` is held in `build` and its worktree waits for a person.
pub fn held() -> World {
    let world = World::with(&format!("{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nspec \"a\" \"A\""));
    world.script("a/build", "echo half > out.txt\nexit 3");
    world.run([]).exits(1).calls(["a:build"]).said("held");
    assert!(world.worktree("a").is_dir());
    world
}

#[test]
fn what_a_person_does_in_a_worktree_is_a_commit_of_its_own() {
    let world = held();
    fs::write(world.worktree("a").join("by-hand.txt"), "mine\n").unwrap();
    world.script("a/build", "test -e by-hand.txt\nplay build");
    world.run(["retry", "a"]).exits(0);
    world.run([]).exits(0);
    assert_eq!(world.show("main", "by-hand.txt").as_deref(), Some("mine\n"));
    let commit = world.git(&["log", "--no-merges", "--format=%H", "main", "--", "by-hand.txt"]);
    assert_eq!(commit.lines().count(), 1, "{commit}");
    assert_eq!(world.git(&["show", "--format=", "--name-only", &commit]), "by-hand.txt");
    world.again().calls([]);
}

#[test]
fn a_persons_commit_in_a_worktree_is_kept_by_a_restart() {
    let world = World::with(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ restart 1; hold }} }}\nspec \"a\" \"A\""
    ));
    world.script("a/build", "exit 3");
    world.run([]).exits(1);
    fs::write(world.worktree("a").join("by-hand.txt"), "mine\n").unwrap();
    world.git_in(&world.worktree("a"), &["add", "-A"]);
    world.git_in(&world.worktree("a"), &["commit", "-q", "-m", "mine"]);
    world.script("a/build", "test \"$N\" = 2\ntest -e by-hand.txt\nplay build");
    world.run(["retry", "a"]).exits(0);
    world.run([]).exits(0);
    assert_eq!(world.show("main", "by-hand.txt").as_deref(), Some("mine\n"));
}

#[test]
fn clean_never_takes_what_is_not_landed() {
    let world = held();
    fs::write(world.worktree("a").join("by-hand.txt"), "mine\n").unwrap();
    world.run(["clean"]).exits(0).said("a");
    assert!(world.worktree("a").join("by-hand.txt").exists());
    assert_eq!(world.branches(), ["spec/a"]);
}

#[test]
fn a_clean_start_keeps_what_a_person_wrote() {
    let world = held();
    fs::write(world.worktree("a").join("by-hand.txt"), "mine\n").unwrap();
    world.script("a/build", "test ! -e out.txt\nplay build");
    world.run(["retry", "a", "--clean"]).exits(0);
    world.run([]).exits(0);
    let everywhere = world.git(&["log", "--all", "--format=%H", "--", "by-hand.txt"]);
    assert!(!everywhere.is_empty(), "the person's file is in some commit");
    assert!(world.has("out/a.txt"));
}

#[test]
fn the_list_of_worktrees_says_whose_they_are() {
    let world = held();
    world.run(["worktree", "list"]).exits(0).said("spec/a").said(world.worktree("a").to_str().unwrap());
    let list = world.run(["worktree", "list", "--format", "json"]);
    list.exits(0);
    assert!(list.json().to_string().contains("spec/a"), "{list}");
}

#[test]
fn a_worktree_has_every_file_of_a_sparse_checkout() {
    let world = World::new();
    world.file("deep/down/file.txt", "x\n").specfile(&format!("{ONE} spec \"a\" \"A\"")).commit("start");
    world.git(&["sparse-checkout", "set", "--no-cone", "/Specfile", "/README.txt"]);
    world.script("a/build", "test -e deep/down/file.txt\nplay build\necho more >> deep/down/file.txt");
    world.run([]).exits(0);
    assert_eq!(world.show("main", "deep/down/file.txt").as_deref(), Some("x\nmore\n"));
}

/// A repository with a submodule at `lib`, whose remote is `lib.git` beside it.
fn with_submodule(specfile: &str) -> World {
    let world = World::new();
    let allow = "[protocol \"file\"]\n\tallow = always\n";
    let config = world.top().join("home/.gitconfig");
    fs::write(&config, fs::read_to_string(&config).unwrap() + allow).unwrap();
    world.git(&["clone", "-q", "--bare", ".", "../lib.git"]);
    let remote = world.top().join("lib.git");
    world.git(&["submodule", "--quiet", "add", remote.to_str().unwrap(), "lib"]);
    world.specfile(specfile).commit("start");
    world
}

#[test]
fn a_submodule_is_there_and_may_move_to_what_its_remote_has() {
    let world = with_submodule(&format!("{ONE} spec \"a\" \"A\""));
    let before = world.rev("main:lib");
    world.script(
        "a/build",
        "test -e lib/README.txt\nplay build\ncd lib\necho more >> README.txt\ngit commit -q -a -m more\ngit push -q origin HEAD:main",
    );
    world.run([]).exits(0).calls(["a:build"]);
    assert_ne!(world.rev("main:lib"), before);
    world.again().calls([]);
}

#[test]
fn a_submodule_commit_that_only_the_worktree_has_holds_the_stage() {
    let world = with_submodule(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "play build\ncd lib\necho more >> README.txt\ngit commit -q -a -m more");
    world.run([]).exits(1).calls(["a:build"]).said("submodule `lib`").said("held");
    world.run([]).exits(1).calls([]);
    world.git_in(&world.worktree("a").join("lib"), &["push", "-q", "origin", "HEAD:main"]);
    world.unscript("a/build");
    world.run(["retry", "a"]).exits(0).calls(["a:build"]);
    assert_ne!(world.rev("main:lib"), world.rev("main^1:lib"));
}

#[test]
fn a_base_that_moves_a_submodule_moves_it_in_the_worktree_too() {
    let world = with_submodule(&format!(
        "{ONE}\nstage \"build\" {{ on-failure {{ hold }} }}\nland {{ check \"grep -q newer lib/README.txt\" }}\nspec \"a\" \"A\""
    ));
    world.script("a/build", "exit 3");
    world.run([]).exits(1);
    let lib = world.repo().join("lib");
    fs::write(lib.join("README.txt"), "newer\n").unwrap();
    world.git_in(&lib, &["commit", "-q", "-a", "-m", "newer"]);
    world.git_in(&lib, &["push", "-q", "origin", "HEAD:main"]);
    world.git(&["commit", "-q", "-a", "-m", "a newer lib"]);
    let newer = world.rev("main:lib");
    world.script("a/build", "grep newer lib/README.txt\nplay build");
    world.run(["retry", "a"]).exits(0).calls(["a:build"]);
    assert_eq!(world.rev("main:lib"), newer);
}

#[test]
fn the_landing_worktree_is_kept_between_runs_and_goes_when_all_is_cleaned() {
    let world = World::new();
    world.file("notes.txt", "x\n");
    world.specfile(&format!(
        "{}\nland {{ check \"echo $SPECMAKE_SPEC > left.txt; echo y > notes.txt\" }}\nspec \"a\" \"A\"\nspec \"b\" \"B\"",
        ONE.replace("project {", "project { setup \"basename $PWD >> $W/setups\";")
    ));
    world.commit("start");
    world.run(["a"]).exits(0);
    let place = world.worktree(".landing");
    assert!(place.is_dir());
    world.run(["b"]).exits(0);
    let setups = fs::read_to_string(world.top().join("setups")).unwrap();
    assert_eq!(setups.lines().collect::<Vec<_>>(), ["a", ".landing", "b"]);
    assert!(!world.run(["worktree", "list"]).stdout.contains(".landing"));
    world.run(["clean", "a"]).exits(0);
    assert!(place.is_dir(), "that was not asked for");
    world.run(["clean"]).exits(0).said("landing");
    assert!(!place.exists() && !place.parent().unwrap().exists());
    assert_eq!(world.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn what_the_specfile_keeps_is_there_for_the_next_spec_and_nothing_else_is() {
    let world = World::new();
    world.file(".gitignore", "target\n*.log\n");
    let specs = "spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }\nspec \"c\" \"C\"";
    world.specfile(&project("keep \"target\"", specs)).commit("start");
    let leaves = "mkdir -p target\necho $SPECMAKE_SPEC >> target/cache\necho noise > noise.log\nplay build";
    world.script("a/build", leaves);
    world.script("b/build", &format!("cp target/cache $W/seen\ntest ! -e noise.log\n{leaves}"));
    world.run(["b"]).exits(0).calls(["a:build", "b:build"]).unsaid("not kept");
    assert_eq!(fs::read_to_string(world.top().join("seen")).unwrap(), "a\n");
    assert!(world.paths("main").iter().all(|path| !path.starts_with("target")));
    assert!(!world.has("target"), "nor in the main checkout");
    world.run(["b"]).exits(0).calls([]);
    world.run(["gc"]).exits(0).said("of which the next one gets `target`");
    world.run(["gc", "--yes"]).exits(0).said("of which the next one gets `target`");
    world.run(["gc"]).exits(0).unsaid("spare worktree");
    world.script("c/build", "test ! -e target\nplay build");
    world.run([]).exits(0).calls(["c:build"]);
}

#[test]
fn a_folder_that_git_tells_of_is_not_kept_and_that_is_said_once() {
    let world = World::new();
    world.file(".gitignore", "ignored\n");
    let specs = "spec \"a\" \"A\"\nspec \"b\" \"B\" { needs \"a\" }";
    world.specfile(&project("keep \"drafts\" \"ignored\"", specs)).commit("start");
    for spec in ["a", "b"] {
        let leaves = "mkdir -p drafts ignored\nln -sf /etc/hosts ignored/hosts\nplay build";
        world.script(&format!("{spec}/build"), &format!("test ! -e ignored\n{leaves}"));
    }
    let outcome = world.run([]);
    outcome.exits(0).calls(["a:build", "b:build"]);
    outcome
        .said("add `/drafts/` to `.gitignore`")
        .said("`ignored/hosts` in it does not stay in the worktree");
    for folder in ["drafts", "ignored"] {
        let said = format!("`{folder}` is not kept");
        assert_eq!(outcome.stderr.matches(&said).count(), 1, "{folder}");
    }
    assert_eq!(spares(&world), 0);
}

#[test]
fn a_folder_goes_on_though_files_are_copied_in_and_is_empty_after_another_setup() {
    let world = World::new();
    world.file(".gitignore", "target\n.env\n").file(".env", "LEVEL=1\n");
    let specs = "spec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\"";
    let with = |setup: &str| project(&format!("keep \"target\"; copy \".env\"; setup \"{setup}\""), specs);
    world.specfile(&with("mkdir -p target; echo made >> target/setup")).commit("start");
    world.script("a/build", "play build");
    world.script("b/build", "cp target/setup $W/seen\nplay build");
    world.script("c/build", "test ! -e target\nplay build");
    world.run(["a"]).exits(0);
    world.run(["b"]).exits(0);
    assert_eq!(fs::read_to_string(world.top().join("seen")).unwrap(), "made\nmade\n", "once in each");
    world.specfile(&with("true")).commit("another setup");
    world.run(["c", "--yes"]).exits(0).calls(["c:build"]);
}
