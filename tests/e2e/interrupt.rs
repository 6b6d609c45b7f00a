//! Ends that nobody planned, and two runs at once.
use crate::world::{ONE, World};
use rustix::process::{Pid, Signal};

#[test]
fn half_an_output_is_not_taken_as_done() {
    let world = World::with(r#"spec "a" "A""#);
    world.script("a/specify", "mkdir -p \"$F\"\necho '# Half a' > \"$F/spec.md\"\nflag half\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("half");
    run.kill();
    world.unscript("a/specify");
    world.run([]).exits(0).calls(["a"]);
    assert_eq!(world.read("specs/a/spec.md"), "# What a is\n");
    world.again().calls([]);
}

#[test]
fn finished_stages_are_finished_whatever_comes_after() {
    let world = World::with("spec \"a\" \"A\"\nspec \"b\" \"B\"");
    world.script("any/implement", "flag $S\nwait-for never");
    let mut run = world.start(["-j2"]);
    run.until_flag("a");
    run.until_flag("b");
    run.kill();
    world.kill_strays();
    world.unscript("any/implement");
    world.run([]).exits(0).calls(["a:implement..", "b:implement.."]);
    world.again().calls([]);
}

#[test]
fn orphans_of_a_killed_run_are_ended_by_the_next() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let pids = "echo $PPID > $W/keeper\ncut -d' ' -f4 /proc/$PPID/stat > $W/specmake";
    world.script("a/build", &format!("{pids}\nflag started\nwait-for never"));
    let mut run = world.start([]);
    run.until_flag("started");
    let pid = |name: &str| std::fs::read_to_string(world.top().join(name)).unwrap().trim().to_owned();
    // Both at once, as when memory runs out; each by itself would see that nothing lives on.
    run.signal(Signal::STOP);
    let state = format!("/proc/{}/stat", pid("specmake"));
    while !std::fs::read_to_string(&state).unwrap().contains(") T ") {
        std::thread::yield_now();
    }
    let keeper = Pid::from_raw(pid("keeper").parse().unwrap()).unwrap();
    rustix::process::kill_process(keeper, Signal::KILL).unwrap();
    run.kill();
    assert!(!world.strays().is_empty(), "the agent lives on");
    world.unscript("a/build");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn an_interrupt_ends_in_order() {
    let world = World::with(r#"spec "a" "A""#);
    world.script("a/plan", "flag started\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("started");
    run.signal(Signal::INT);
    let outcome = run.wait();
    outcome.exits(130).calls(["a:specify", "a:plan"]);
    assert_eq!(world.strays(), [0; 0]);
    world.run(["status"]).exits(0).said("interrupted").said("stopped");
    world.unscript("a/plan");
    let outcome = world.run([]);
    outcome
        .exits(0)
        .calls(["a:plan.."])
        .said("the last run was interrupted")
        .said("ago at a:plan, with 1 of 6 steps");
    world.again().calls([]).unsaid("interrupted");
}

#[test]
fn a_kill_is_told_of_by_the_next_run() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "flag started\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("started");
    run.kill();
    world.unscript("a/build");
    world.run([]).exits(0).said("the last run was killed").said("ago at a:build, with 0 of 2 steps done");
    world.again().unsaid("killed");
}

#[test]
fn a_hangup_ends_in_order_however_often_it_comes() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "trap 'note asked; exit 1' TERM INT\nflag started\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("started");
    run.signal(Signal::HUP);
    run.signal(Signal::HUP);
    run.wait().exits(129);
    assert_eq!(world.notes(), ["asked"]);
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn quit_means_at_once() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "trap '' INT TERM\nflag started\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("started");
    run.signal(Signal::QUIT);
    run.wait().exits(131);
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn a_second_interrupt_ends_an_agent_that_will_not() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "trap '' INT TERM\nflag started\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("started");
    run.signal(Signal::TERM);
    run.signal(Signal::TERM);
    run.wait().exits(143);
    assert_eq!(world.strays(), [0; 0]);
}

#[test]
fn a_kill_leaves_what_the_user_had() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    let mine = ["README.txt", "mine.txt"];
    world.append("README.txt", "edited").file("mine.txt", "mine\n");
    let before = world.state_of(&mine);
    world.script("a/build", "flag started\nwait-for never");
    let mut run = world.start([]);
    run.until_flag("started");
    run.kill();
    world.kill_strays();
    assert_eq!(world.state_of(&mine), before);
    world.unscript("a/build");
    world.run([]).exits(0);
    assert_eq!(world.state_of(&mine), before);
}

#[test]
fn a_second_run_waits_for_the_first() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "flag started\nwait-for go\nplay build");
    let mut first = world.start([]);
    first.until_flag("started");
    let holder = format!("pid {}, since ", first.pid());
    world.run(["--no-wait"]).exits(3).calls([]).said(&holder).said("without `--no-wait`");
    let mut second = world.start([]);
    second.until_said(&format!("waiting: another specmake builds here: {holder}"));
    world.flag("go");
    first.wait().exits(0);
    second.wait().exits(0);
    assert_eq!(world.calls(), ["a:build"]);
}

#[test]
fn the_lock_of_a_dead_run_is_taken_over() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "flag started\nwait-for never");
    let mut first = world.start([]);
    first.until_flag("started");
    first.kill();
    // Its name still stands in the lock.
    world.unscript("a/build");
    world.run(["--no-wait"]).exits(0).calls(["a:build"]).unsaid("another specmake");
}

#[test]
fn a_retry_after_a_kill_counts() {
    let world = World::with(r#"spec "a" "A""#);
    world.script("a/plan", "flag started\nwait-for never");
    let mut first = world.start([]);
    first.until_flag("started");
    first.kill();
    world.unscript("a/plan");
    world.run(["retry", "a", "--from", "specify"]).exits(0).calls(["a"]);
    assert_eq!(world.strays(), [0; 0]);
    world.again().calls([]);
}

#[test]
fn readers_never_wait() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\"\nspec \"b\" \"B\" {{ needs \"a\" }}"));
    world.script("a/build", "echo 'laying bricks'\nflag started\nwait-for go\nplay build");
    let mut run = world.start([]);
    run.until_flag("started");
    world.run(["status"]).exits(0).said("a").said("b");
    world.run(["-n"]).exits(0).said("a:build");
    world.run(["graph"]).exits(0);
    world.run(["logs", "a:build"]).exits(0).said("laying bricks");
    world.flag("go");
    run.wait().exits(0).calls(["a:build", "b:build"]);
}

#[test]
fn an_interrupt_during_setup_is_no_failure() {
    let world = World::with(&format!(
        "{}\nspec \"a\" \"A\"",
        ONE.replace(
            "project {",
            "project { setup \": > $W/flags/setting; test -e $W/flags/go || sleep 300\";"
        )
    ));
    let mut run = world.start([]);
    run.until_flag("setting");
    run.signal(Signal::INT);
    let outcome = run.wait();
    outcome.exits(130).calls([]);
    assert!(!outcome.stderr.contains("`setup` failed"), "{outcome}");
    assert_eq!(world.strays(), [0; 0]);
    world.flag("go");
    world.run([]).exits(0).calls(["a:build"]);
}

#[test]
fn what_an_agent_leaves_running_in_a_session_of_its_own_is_ended_with_its_attempt() {
    let world = World::with(&format!("{ONE} spec \"a\" \"A\""));
    world.script("a/build", "setsid sleep 600 >/dev/null 2>&1 </dev/null &\nsetsid -f sleep 600\nplay build");
    world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(world.strays(), [0; 0]);
    assert!(!world.worktree("a").exists(), "nothing keeps the worktree");
    world.again().calls([]);
}

#[test]
fn an_interrupt_ends_a_when_that_hangs() {
    let specs = "spec \"a\" \"A\" { when \": > $W/flags/asked; test -e $W/flags/go || sleep 300\" }";
    let world = World::with(&format!("{ONE}\n{specs}"));
    let mut run = world.start([]);
    run.until_flag("asked");
    run.signal(Signal::INT);
    run.wait().exits(130).calls([]);
    assert_eq!(world.strays(), [0; 0]);
    world.flag("go");
    world.run([]).exits(0).calls(["a:build"]);
}

#[test]
fn a_when_that_is_killed_has_said_nothing() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\" {{ when \"echo hm; kill -9 $$\" }}"));
    world.run([]).refuses().calls([]).said("`when` gave no answer").said("when@build.1.log");
    world.run(["logs", "a:when@build"]).exits(0).said("hm");
}

#[test]
fn a_mark_that_a_kill_left_without_its_branch_is_forgotten() {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\""));
    world.again().calls(["a:build"]);
    world.git(&["config", "branch.spec/a.specmake", "a"]);
    world.git(&["config", "branch.mine.remote", "origin"]);
    world.again().calls([]);
    assert!(!world.git(&["config", "--list", "--local"]).contains("spec/a"));
    assert!(world.git(&["config", "--list", "--local"]).contains("branch.mine.remote"));
}
