//! The one place that starts processes whose output is captured. Streamed ones, agents and shell lines,
//! are the business of `child`.
use std::ffi::{OsStr, OsString};
use std::io::{self, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// A program to start: what it is called with, where, and what it reads.
#[derive(Debug, Clone)]
pub struct Invocation {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    clear_env: bool,
    cwd: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    own_group: bool,
}

/// What a program that ended left behind.
#[derive(Debug, Clone)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to its stdout.
    pub stdout: Vec<u8>,
    /// All it wrote to its stderr.
    pub stderr: Vec<u8>,
}

/// A program that runs while we talk to it through its stdin and stdout; its stderr goes nowhere.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    /// What it reads; `None` once closed.
    pub stdin: Option<ChildStdin>,
    /// What it answers.
    pub stdout: BufReader<ChildStdout>,
}

impl Invocation {
    /// `program`, found on `PATH` if it has no slash, with no arguments and nothing to read.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            clear_env: false,
            cwd: None,
            stdin: None,
            own_group: false,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes an environment variable that would be inherited.
    #[must_use]
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Inherits nothing: only what is set after this.
    #[must_use]
    pub fn clear_env(mut self) -> Self {
        self.clear_env = true;
        self
    }

    /// The folder to run in.
    #[must_use]
    pub fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        self.cwd = Some(dir.as_ref().to_owned());
        self
    }

    /// What it reads; without this its stdin is `/dev/null`.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// In a process group of its own, so that Ctrl-C at the terminal does not cut it short.
    #[must_use]
    pub fn own_group(mut self) -> Self {
        self.own_group = true;
        self
    }

    /// The program and its arguments, for messages.
    pub fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// The folder it runs in, if one was named.
    pub fn dir(&self) -> Option<&Path> {
        self.cwd.as_deref()
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// The program cannot be started, or a pipe breaks. Ending badly is no error: see [`Captured::status`].
    /// A program that ends without reading all its input is none either.
    pub fn capture(&self) -> io::Result<Captured> {
        let mut command = self.command();
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        let output = std::thread::scope(|scope| {
            if let (Some(mut pipe), Some(bytes)) = (pipe, self.stdin.as_deref()) {
                // A program may end before it has read everything; its status tells whether that was right.
                scope.spawn(move || drop(pipe.write_all(bytes)));
            }
            child.wait_with_output()
        })?;
        Ok(Captured { status: output.status, stdout: output.stdout, stderr: output.stderr })
    }

    /// Becomes it: this process ends here, and the program has its terminal, its pid and its exit status. Only why
    /// it could not be started comes back.
    pub fn replace_this_process(&self) -> io::Error {
        self.command().exec()
    }

    /// Starts it and leaves its stdin and stdout open for a conversation.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn converse(&self) -> io::Result<Conversation> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdout = stdout.ok_or_else(|| io::Error::other("no pipe to read from"))?;
        Ok(Conversation { child, stdin, stdout: BufReader::new(stdout) })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        if self.clear_env {
            command.env_clear();
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.cwd {
            command.current_dir(dir);
        }
        if self.own_group {
            command.process_group(0);
        }
        command
    }
}

impl Captured {
    /// Whether it ended with exit status 0.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// Its exit status, or 128 + the signal that ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Its stdout as text without the last line break; odd bytes are replaced.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.stdout);
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }

    /// Its stderr as text, trimmed.
    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}

impl Conversation {
    /// Says something and makes sure that it arrives.
    ///
    /// # Errors
    /// The program ended, or its stdin was closed.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let pipe = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        pipe.write_all(bytes)?;
        pipe.flush()
    }

    /// Closes its stdin and waits for it to end.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn finish(mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        self.child.wait()
    }

    /// Ends it at once, as a `kill -9` would.
    ///
    /// # Errors
    /// It cannot be signalled or waited for.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It has nothing more to read; waiting keeps it from becoming a zombie.
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufRead;

    #[test]
    fn captures_both_streams_and_the_status() {
        let got = Invocation::new("sh").args(["-c", "cat; echo oops >&2; exit 3"]).stdin("hi\n").capture();
        let got = got.unwrap();
        assert_eq!((got.text().as_str(), got.complaint().as_str(), got.code()), ("hi", "oops", 3));
    }

    #[test]
    fn a_lot_of_input_that_is_echoed_does_not_stall() {
        let bytes = vec![b'x'; 1 << 20];
        let got = Invocation::new("cat").stdin(bytes.clone()).capture().unwrap();
        assert_eq!(got.stdout, bytes);
    }

    #[test]
    fn input_that_nobody_reads_is_no_error() {
        let got = Invocation::new("true").stdin(vec![b'x'; 1 << 20]).capture().unwrap();
        assert!(got.success());
    }

    #[test]
    fn the_environment_is_what_was_said() {
        let got = Invocation::new("/bin/sh").args(["-c", "echo $A-$B"]).clear_env().env("A", "1");
        assert_eq!(got.env("B", "2").without_env("B").capture().unwrap().text(), "1-");
    }

    #[test]
    fn a_conversation_goes_back_and_forth() {
        let mut cat = Invocation::new("cat").converse().unwrap();
        for word in ["one\n", "two\n"] {
            cat.say(word.as_bytes()).unwrap();
            let mut line = String::new();
            cat.stdout.read_line(&mut line).unwrap();
            assert_eq!(line, word);
        }
        assert!(cat.finish().unwrap().success());
    }
}
