//! A run of the program that is still on, with a hard end so that a hang is a failure with its output.
use crate::outcome::Outcome;
use crate::world::World;
use rustix::process::{Pid, Signal};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The longest a run may take: a real agent needs a minute where many of them share two processors.
const HARD_END: Duration = Duration::from_secs(300);
/// The longest that pipes may stay open after the program itself has ended.
const DRAIN: Duration = Duration::from_secs(5);
/// Between two looks.
const TICK: Duration = Duration::from_millis(5);
/// Between two looks of one who must not miss anything.
const GLANCE: Duration = Duration::from_micros(20);

/// A pipe that is being read.
struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Stream {
    fn new(mut from: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self { text, reader }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }
}

/// The program, running.
pub struct Running<'w> {
    world: &'w World,
    args: Vec<String>,
    child: Child,
    stdout: Stream,
    stderr: Stream,
    called_before: usize,
    end: Instant,
}

impl<'w> Running<'w> {
    /// Starts it.
    pub fn new(world: &'w World, mut command: Command, args: Vec<String>) -> Self {
        let called_before = world.calls().len();
        let mut child = command
            .args(&args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = Stream::new(child.stdout.take().unwrap());
        let stderr = Stream::new(child.stderr.take().unwrap());
        Self { world, args, child, stdout, stderr, called_before, end: Instant::now() + HARD_END }
    }

    /// Waits until a script has made this flag; the program must still be running by then.
    #[track_caller]
    pub fn until_flag(&mut self, flag: &str) {
        self.until(&format!("flag `{flag}`"), |running| running.world.has_flag(flag));
    }

    /// Waits until the program has said this; it must still be running by then.
    #[track_caller]
    pub fn until_said(&mut self, word: &str) {
        let word = word.to_lowercase();
        self.until(&format!("the word `{word}`"), |running| {
            format!("{}{}", running.stdout.so_far(), running.stderr.so_far()).to_lowercase().contains(&word)
        });
    }

    /// The number of the program's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// `kill -9` of the program alone; whatever it had started lives on.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same as soon as something is seen, unless it ends before that; with `all`, everything that it had
    /// started stands still at the same moment.
    pub fn kill_when(mut self, all: bool, mut seen: impl FnMut() -> bool) -> Outcome {
        while self.child.try_wait().unwrap().is_none() && Instant::now() < self.end {
            if seen() {
                if all {
                    self.signal(Signal::STOP);
                    self.world.signal_strays(Signal::STOP);
                }
                let _ = self.child.kill();
            }
            thread::sleep(GLANCE);
        }
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > self.end {
                let _ = self.child.kill();
                let _ = self.child.wait();
                self.world.kill_strays();
                let outcome = self.outcome(-1);
                panic!("still running after {HARD_END:?}\n{outcome}");
            }
            thread::sleep(TICK);
        };
        let drained = Instant::now() + DRAIN;
        while !(self.stdout.reader.is_finished() && self.stderr.reader.is_finished()) {
            if Instant::now() > drained {
                break;
            }
            thread::sleep(TICK);
        }
        self.outcome(code(status))
    }

    /// Waits until this is so; the program must still be running by then.
    #[track_caller]
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > self.end {
                let _ = self.child.kill();
                self.world.kill_strays();
                panic!("waited for {what}\n{}", self.outcome(ended.map_or(-1, code)));
            }
            thread::sleep(TICK);
        }
    }

    fn outcome(&self, code: i32) -> Outcome {
        Outcome {
            args: self.args.clone(),
            code,
            stdout: self.stdout.so_far(),
            stderr: self.stderr.so_far(),
            calls: self.world.calls().split_off(self.called_before),
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
