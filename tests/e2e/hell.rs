//! The agent from hell: whatever it does to get away, to hide or to break things, its attempt ends in the right
//! class, nothing of it is left, and the next run succeeds.
use crate::world::{ONE, World};
use rustix::process::Signal;
use std::fs;
use std::time::{Duration, Instant};

/// The one stage fails for good, whatever it is.
const FAIL: &str = "stage \"build\" { on-failure { fail }; on-failure \"leak\" { fail } }";

/// A world, and a program in it that sleeps for long and is known by its path.
struct Hell {
    world: World,
    sleep: String,
}

impl Hell {
    fn new() -> Self {
        Self::with(&format!("{ONE}\n{FAIL}\nspec \"a\" \"A\""))
    }

    fn with(specfile: &str) -> Self {
        let world = World::with(specfile);
        let sleep = world.top().join("bin/sleep-for-long");
        fs::copy(which("sleep"), &sleep).unwrap();
        Self { sleep: sleep.to_str().unwrap().to_owned(), world }
    }

    /// What the agent does, `SLEEP` being that program with its argument.
    fn agent(&self, script: &str) -> &Self {
        self.world.script("a/build", &script.replace("SLEEP", &format!("{} 600", self.sleep)));
        self
    }

    /// Command lines of processes that name anything in this world, whatever became of their environment.
    fn left(&self) -> Vec<String> {
        let top = self.world.top().to_str().unwrap().to_owned();
        let pids = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let lines = pids.filter_map(|path| fs::read(path.join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        lines.filter(|line| line.contains(&top)).collect()
    }

    /// How many of them are that program.
    fn sleeping(&self) -> usize {
        self.left().iter().filter(|line| line.starts_with(&self.sleep)).count()
    }

    #[track_caller]
    fn is_empty(&self) -> &Self {
        assert_eq!(self.left(), [""; 0]);
        assert_eq!(self.world.strays(), [0; 0]);
        self
    }

    /// Waits until so many of them run.
    #[track_caller]
    fn until_sleeping(&self, count: usize) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.sleeping() != count {
            assert!(Instant::now() < end, "{count} expected: {:?}", self.left());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A plain agent has no trouble in this world.
    #[track_caller]
    fn next_run_succeeds(&self) {
        self.world.script("a/build", "play build");
        self.world.run([]).exits(0).calls(["a:build"]);
        self.world.again().calls([]);
        assert_eq!(self.world.show("main", "out/a.txt").as_deref(), Some("a\n"));
        assert_eq!(self.world.dirt(), "");
        assert!(!self.world.worktree("a").exists());
        self.is_empty();
    }
}

fn which(program: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists()).unwrap()
}

/// Forks twice into a session of its own, with no environment and with all of its streams closed.
const DAEMON: &str = "(setsid env -i sh -c 'trap \"\" TERM HUP INT; (SLEEP) & (SLEEP)' \
                      </dev/null >/dev/null 2>&1 &)\n";

#[test]
fn a_daemon_does_not_outlive_its_attempt() {
    let hell = Hell::new();
    hell.agent(&format!("{DAEMON}play build"));
    let outcome = hell.world.run([]);
    outcome.exits(0).said("a:build: ended").said("that it left running");
    hell.is_empty();
    hell.world.again().calls([]);
}

#[test]
fn nor_does_one_of_a_setup_a_check_or_a_landing() {
    let one = ONE.replace("project {", "project { setup \". $W/daemon.sh\";");
    let hell = Hell::with(&format!(
        "{one}\nland {{ check \". $W/daemon.sh\" }}\nspec \"a\" \"A\" {{ when \". $W/daemon.sh\" }}"
    ));
    let daemon = DAEMON.replace("SLEEP", &format!("{} 600", hell.sleep));
    fs::write(hell.world.top().join("daemon.sh"), daemon).unwrap();
    let outcome = hell.world.run([]);
    outcome.exits(0).calls(["a:build"]);
    for who in ["`setup` of a:build: ended", "the landing of a: ended", "`when` of a"] {
        outcome.said(who);
    }
    hell.is_empty();
    hell.world.again().calls([]);
}

#[test]
fn a_stop_asks_and_a_second_one_ends_all_at_once() {
    let hell = Hell::new();
    hell.agent(&format!("trap '' TERM INT HUP\n{DAEMON}SLEEP & SLEEP"));
    let mut run = hell.world.start([]);
    hell.until_sleeping(4);
    run.signal(Signal::INT);
    run.until_said("interrupt");
    run.signal(Signal::INT);
    run.wait().exits(130);
    hell.is_empty().next_run_succeeds();
}

#[test]
fn a_kill_of_specmake_itself_leaves_nothing_running() {
    let hell = Hell::new();
    hell.agent(&format!("trap '' TERM INT HUP\n{DAEMON}SLEEP & SLEEP"));
    let run = hell.world.start([]);
    hell.until_sleeping(4);
    run.kill();
    hell.until_sleeping(0);
    hell.next_run_succeeds();
}

#[test]
fn an_agent_that_kills_or_stops_its_parent_is_ended_with_all_it_started() {
    let hell = Hell::new();
    hell.agent("SLEEP &\nkill -9 $PPID\nSLEEP");
    hell.world.run([]).exits(1).said("killed by signal 9 (crash)");
    hell.is_empty();
    hell.agent("kill -STOP $PPID\nkill -TERM $PPID\nkill -INT $PPID\nkill -HUP $PPID\nexit 3");
    hell.world.run([]).exits(1).said("exit status 3 (crash)");
    hell.next_run_succeeds();
}

#[test]
fn what_closes_its_streams_is_not_over_yet() {
    let hell = Hell::new();
    hell.agent("exec </dev/null >/dev/null 2>&1\nexec <&- >&- 2>&-\nflag closed\nwait-for go\nplay build");
    let mut run = hell.world.start([]);
    run.until_flag("closed");
    hell.world.flag("go");
    run.wait().exits(0).calls(["a:build"]);
    hell.is_empty().world.again().calls([]);
}

#[test]
fn whatever_is_done_to_git_the_work_is_kept_or_the_attempt_ends_in_its_class() {
    let fine = [
        "play build\ngit add -A\ngit commit -qm mine",
        "git switch -qc elsewhere\nplay build\ngit add -A\ngit commit -qm mine",
        "play build\n: > \"$(git rev-parse --git-dir)/index.lock\"",
    ];
    for script in fine {
        let hell = Hell::new();
        hell.agent(script);
        hell.world.run([]).exits(0).calls(["a:build"]);
        assert_eq!(hell.world.show("main", "out/a.txt").as_deref(), Some("a\n"), "{script}");
        hell.is_empty().world.again().calls([]);
        assert_eq!(hell.world.git(&["fsck", "--no-dangling", "--no-progress"]), "");
    }
    let hell = Hell::new();
    hell.agent("play build\nrm -f .git");
    hell.world.run([]).exits(1).said("its worktree is damaged (crash)");
    hell.next_run_succeeds();
}

#[test]
fn what_is_written_outside_is_a_leak() {
    let hell = Hell::new();
    let out = hell.world.repo().join("out");
    hell.agent(&format!("play build\nmkdir -p {0:?}\ncp out/a.txt {0:?}", out.to_str().unwrap()));
    hell.world.run([]).refuses().said("leak").said("out/a.txt");
    assert_eq!(hell.world.read("out/a.txt"), "a\n");
    fs::remove_dir_all(out).unwrap();
    hell.world.script("a/build", "play build");
    hell.world.run(["retry", "a"]).exits(0);
    hell.is_empty();
}

/// The most memory that the program may take, in KiB.
const MOST: u64 = 100 * 1024;

#[test]
fn output_without_end_takes_no_memory() {
    let mebibytes = std::env::var("SPECMAKE_FLOOD").ok().and_then(|n| n.parse().ok()).unwrap_or(96_u64);
    let hell = Hell::new();
    // Binary without line breaks, bad UTF-8 and NULs among it, then lines.
    hell.agent(&format!(
        "head -c {mebibytes}M /dev/zero | tr '\\0' '\\377'\nhead -c 4M /dev/urandom\nhead -c 4M /dev/zero\n\
         yes 'a line of output' | head -c 8M\nplay build\nflag printed\nwait-for go"
    ));
    let mut run = hell.world.start([]);
    run.until_flag("printed");
    let status = fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < MOST, "{peak} KiB");
    hell.world.flag("go");
    run.wait().exits(0);
    let logs =
        hell.world.git_in(hell.world.repo(), &["ls-files", "-oi", "--exclude-standard", ".specmake/logs"]);
    let log = logs.lines().find(|path| path.ends_with("build.1.log")).unwrap();
    let length = fs::metadata(hell.world.repo().join(log)).unwrap().len();
    assert_eq!(length, (mebibytes + 16) << 20);
    hell.is_empty().world.again().calls([]);
}

#[test]
fn refs_that_moved_are_told_though_the_worktree_is_gone() {
    let hell = Hell::new();
    hell.world.git(&["branch", "other"]);
    let was = hell.world.rev("other");
    hell.agent("git update-ref refs/heads/other $(git commit-tree -m x HEAD^{tree})\nrm -rf \"$PWD\"");
    let outcome = hell.world.run([]);
    outcome
        .exits(1)
        .said("its worktree is damaged (crash)")
        .said(&format!("`git update-ref refs/heads/other {was} {}` brings it back", hell.world.rev("other")));
    hell.next_run_succeeds();
}

#[test]
fn an_agent_that_removes_our_refs_has_still_done_its_work() {
    let hell = Hell::new();
    let script =
        "for it in $(git for-each-ref --format='%(refname)' refs/specmake); do git update-ref -d $it; done";
    hell.agent(&format!("play build\n{script}"));
    hell.world.run([]).exits(0).calls(["a:build"]);
    assert_eq!(hell.world.git(&["for-each-ref", "refs/specmake/start"]), "");
    hell.world.again().calls([]);
    let hell = Hell::new();
    hell.agent(&format!("{script}\nexit 3"));
    hell.world.run([]).exits(1).said("exit status 3 (crash)");
    hell.next_run_succeeds();
}

#[test]
fn a_change_of_the_repositorys_config_is_told() {
    let hell = Hell::new();
    hell.agent("git config core.hooksPath hooks\ngit config core.bare true\nplay build");
    let outcome = hell.world.run([]);
    outcome.exits(0).said("`git config --unset-all core.hookspath` removes it");
    outcome.said("`git config core.bare 'false'` brings it back");
    hell.world.git(&["config", "core.bare", "false"]);
    hell.is_empty().world.again().calls([]);
}

/// A lock that git left behind lets nothing be kept. What the agent did is then nobody's edit, however often it is
/// tried again, and is kept once the lock is gone.
#[test]
fn what_cannot_be_kept_yet_does_not_become_a_persons_edit() {
    let hell = Hell::new();
    hell.agent("play build\n: > \"$(git rev-parse --git-common-dir)/packed-refs.lock\"");
    hell.world.run([]).exits(1).said("packed-refs.lock");
    hell.world.run([]).exits(1).said("cannot be kept yet").unsaid("your edits").calls([]);
    fs::remove_file(hell.world.repo().join(".git/packed-refs.lock")).unwrap();
    hell.world.script("a/build", "play build");
    hell.world.run([]).exits(0).said("what it left is kept").unsaid("your edits");
    hell.world.again().calls([]);
}
