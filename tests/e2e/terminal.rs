//! A live run on a real terminal, the one of tmux, driven by keys.
use crate::world::{ONE, World};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that anything may take to show.
const HARD_END: Duration = Duration::from_secs(60);

/// A shell on a terminal of its own.
struct Terminal<'w> {
    world: &'w World,
}

impl<'w> Terminal<'w> {
    /// Of this width, with 30 lines.
    #[track_caller]
    fn new(world: &'w World, width: u32) -> Self {
        let found = Command::new("tmux").arg("-V").output();
        assert!(found.is_ok(), "this test needs a terminal: install `tmux`");
        let terminal = Self { world };
        // When it gets narrow, tmux moves lines into its history, where nobody can take them back.
        std::fs::write(world.top().join("tmux.conf"), "set -g history-limit 0\n").unwrap();
        let shell = "exec bash --norc --noprofile -i";
        let width = width.to_string();
        let started = terminal.tmux(&["new-session", "-d", "-x", &width, "-y", "30", shell]);
        assert!(started.status.success(), "{started:?}");
        // The prompt of a shell that is there has no other text in it.
        terminal.types("PS1='%%%% '; stty -a > $W/before; clear");
        terminal.until("a prompt", |screen| screen.trim_end() == "%%%%");
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Output {
        let mut tmux = self.world.command("tmux");
        tmux.arg("-S").arg(self.world.top().join("tmux"));
        tmux.arg("-f").arg(self.world.top().join("tmux.conf")).args(args);
        tmux.env("PATH", format!("{}:{}", bin(), std::env::var("PATH").unwrap())).output().unwrap()
    }

    /// A line of text and Enter.
    fn types(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.keys("Enter");
    }

    /// A key by its name: `C-c`.
    fn keys(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// What stands on it.
    fn screen(&self) -> String {
        let captured = self.tmux(&["capture-pane", "-p"]);
        String::from_utf8_lossy(&captured.stdout).trim_end().to_owned()
    }

    fn asked(&self, variable: &str) -> String {
        let format = format!("#{{{variable}}}");
        let said = self.tmux(&["display-message", "-p", &format]);
        String::from_utf8_lossy(&said.stdout).trim_end().to_owned()
    }

    #[track_caller]
    fn until(&self, what: &str, done: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + HARD_END;
        loop {
            let screen = self.screen();
            if done(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "waited for {what}\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until scripts have made these flags.
    #[track_caller]
    fn until_flags(&self, flags: &[&str]) {
        self.until(&format!("{flags:?}"), |_| flags.iter().all(|flag| self.world.has_flag(flag)));
    }

    /// A shell has it again, as it was before, and nothing of the live block is left.
    #[track_caller]
    fn is_sane(&self) {
        let screen = self.is_the_shells();
        // A warning may speak of a process that was left running.
        let block = (1..=3).any(|count| screen.contains(&format!("{count} running")));
        assert!(!block, "a line of the live block was left:\n{screen}");
    }

    /// A shell has it again, with the settings that it had.
    #[track_caller]
    fn is_the_shells(&self) -> String {
        self.types("stty -a > $W/after; echo looked at");
        let screen = self.until("the shell", |screen| screen.contains("\nlooked at\n"));
        // The first line has its size.
        let read = |name: &str| {
            let all = std::fs::read_to_string(self.world.top().join(name)).unwrap();
            all.lines().skip(1).map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(read("after"), read("before"), "the terminal's settings");
        assert_eq!((&*self.asked("cursor_flag"), &*self.asked("alternate_on")), ("1", "0"), "{screen}");
        assert!(screen.ends_with("%%%%"), "the prompt is back:\n{screen}");
        screen
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// The folder of the program.
fn bin() -> &'static str {
    env!("CARGO_BIN_EXE_specmake").trim_end_matches("/specmake")
}

/// Three specs whose agents wait for the flag `go`.
fn three(before: &str) -> World {
    let world = World::with(&format!("{ONE}\nspec \"a\" \"A\"\nspec \"b\" \"B\"\nspec \"c\" \"C\""));
    world.script("any/build", &format!("{before}\nflag $S\nwait-for go\nplay build"));
    world
}

#[test]
fn one_interrupt_leaves_a_sane_terminal() {
    let world = three("");
    let terminal = Terminal::new(&world, 100);
    terminal.types("specmake -j3; echo ended $?");
    terminal.until_flags(&["a", "b", "c"]);
    terminal.until("the live block", |screen| screen.contains("3 running"));
    terminal.keys("C-c");
    let screen = terminal.until("its end", |screen| screen.contains("\nended 130\n"));
    assert!(screen.contains("stopping: what runs is asked to end"), "{screen}");
    assert!(screen.contains("interrupted, 3 specs stopped"), "{screen}");
    terminal.is_sane();
    assert_eq!(world.strays().len(), 2, "tmux and its shell: {:?}", world.strays());
    world.flag("go");
    world.run([]).exits(0).said("the last run was interrupted").calls(["a:build", "b:build", "c:build"]);
}

#[test]
fn a_second_interrupt_leaves_one_too() {
    let world = three("trap '' INT TERM");
    let terminal = Terminal::new(&world, 100);
    terminal.types("specmake -j3; echo ended $?");
    terminal.until_flags(&["a", "b", "c"]);
    terminal.until("the live block", |screen| screen.contains("3 running"));
    terminal.keys("C-c");
    terminal.until("the first one", |screen| screen.contains("stopping: what runs"));
    terminal.keys("C-c");
    let screen = terminal.until("its end", |screen| screen.contains("\nended 130\n"));
    assert!(screen.contains("stopping at once"), "{screen}");
    terminal.is_sane();
}

#[test]
fn a_terminal_that_gets_narrow_gets_a_block_that_fits() {
    let world = three("echo 'so long a line that it does not fit into a narrow terminal at all'");
    let terminal = Terminal::new(&world, 100);
    terminal.types("specmake -j3; echo ended $?");
    terminal.until_flags(&["a", "b", "c"]);
    terminal.until("the live block", |screen| screen.contains("at all") && screen.contains("3 running"));
    // tmux breaks lines anew a moment before it tells the program, so an old block may stay above.
    terminal.tmux(&["resize-window", "-x", "40"]);
    terminal.until("a narrow block", |screen| {
        let block: Vec<&str> = screen.lines().rev().take(4).collect();
        block[0].contains("3 running")
            && block[1..].iter().all(|line| line.contains("so long a") && line.ends_with('…'))
    });
    terminal.keys("C-c");
    terminal.until("its end", |screen| screen.contains("\nended 130\n"));
    terminal.tmux(&["resize-window", "-x", "100"]);
    terminal.is_the_shells();
}

#[test]
fn a_run_that_was_put_aside_goes_on_where_the_shell_left_the_terminal() {
    let world = three("");
    let terminal = Terminal::new(&world, 100);
    terminal.types("specmake -j3; echo ended $?");
    terminal.until_flags(&["a", "b", "c"]);
    terminal.until("the live block", |screen| screen.contains("3 running"));
    terminal.keys("C-z");
    terminal.until("the shell", |screen| screen.contains("Stopped") && screen.ends_with("%%%%"));
    terminal.types("clear; echo mine");
    terminal.until("the shell", |screen| screen == "mine\n%%%%");
    terminal.types("fg");
    let screen = terminal.until("the live block", |screen| screen.contains("3 running"));
    assert!(screen.starts_with("mine\n%%%% fg\n"), "the shell's lines are not touched:\n{screen}");
    world.flag("go");
    let screen = terminal.until("its end", |screen| screen.contains("3 specs landed"));
    assert!(screen.starts_with("mine\n%%%% fg\n"), "{screen}");
    terminal.is_sane();
}

#[test]
fn a_closed_terminal_stops_a_run_in_order() {
    for how in ["specmake -j3", "setsid specmake -j3"] {
        let world = three("trap 'note asked; exit 1' TERM INT");
        let terminal = Terminal::new(&world, 100);
        // The second one has this terminal, but gets no SIGHUP from it.
        terminal.types(how);
        terminal.until_flags(&["a", "b", "c"]);
        terminal.until("the live block", |screen| screen.contains("3 running"));
        drop(terminal);
        let end = Instant::now() + HARD_END;
        while !world.strays().is_empty() && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(world.strays(), [0; 0], "{how}");
        assert_eq!(world.notes(), ["asked", "asked", "asked"], "{how}");
        world.flag("go");
        world.run([]).exits(0).said("the last run was interrupted").calls(["a:build", "b:build", "c:build"]);
    }
}

#[test]
fn after_a_run_that_was_cut_off_a_person_chooses_on_a_terminal() {
    let world = World::with(&format!("{ONE}\nspec \"apple\" \"A\"\nspec \"banana\" \"B\""));
    world.script("apple/build", "echo half > half.txt\nflag apple\nwait-for go\nplay build");
    let mut run = world.start(["apple"]);
    run.until_flag("apple");
    run.kill();
    world.kill_strays();
    let terminal = Terminal::new(&world, 100);
    terminal.types("specmake resume");
    terminal.until("a question", |screen| screen.contains("[a]bort?"));
    terminal.types("");
    terminal.until("an end", |screen| screen.contains("nothing was done"));
    terminal.types("clear");
    // What is typed before the question is asked may be thrown away.
    terminal.until("a prompt", |screen| screen.trim_end() == "%%%%");
    terminal.types("specmake resume");
    terminal.until("a question", |screen| screen.contains("[a]bort?"));
    world.flag("go");
    terminal.types("f");
    terminal.until("a backup", |screen| screen.contains("refs/specmake/backup/apple/"));
    terminal.until("a landing", |_| world.has("out/apple.txt"));
    terminal.types("clear");
    terminal.until("a prompt", |screen| screen.trim_end() == "%%%%");
    assert_eq!(world.read("half.txt"), "half\n");
    assert_eq!(world.calls(), ["apple:build", "apple:build"]);
}

#[test]
fn what_was_at_work_can_be_left_out_of_what_goes_on() {
    let world = World::with(&format!("{ONE}\nspec \"apple\" \"A\"\nspec \"banana\" \"B\""));
    world.script("apple/build", "flag apple\nwait-for go\nplay build");
    let mut run = world.start(["-j1"]);
    run.until_flag("apple");
    run.kill();
    world.kill_strays();
    let terminal = Terminal::new(&world, 100);
    terminal.types("specmake resume; echo ended $?");
    terminal.until("a question", |screen| screen.contains("[a]bort?"));
    terminal.types("s");
    let screen = terminal.until("its end", |screen| screen.contains("\nended 1\n"));
    assert!(screen.contains("left out by `resume`"), "{screen}");
    assert_eq!(world.calls(), ["apple:build", "banana:build"]);
    assert!(world.has("out/banana.txt") && !world.has("out/apple.txt"));
    world.flag("go");
    world.run(["retry", "apple"]).exits(0).calls(["apple:build"]);
}
