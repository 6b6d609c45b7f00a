//! The hands of the demo agent: files of the worktree, ticks, shell lines, waits, and what it says of them.
use super::script::{Act, Step};
use super::texts;
use crate::agent::dialect::Said;
use crate::agent::dialect::demo::line;
use crate::agent::facts::Facts;
use crate::agent::placeholder::fill;
use crate::event::Usage;
use crate::event::{ToolKind, ToolStatus, ToolUse};
use crate::sys::process::Invocation;
use crate::tasks;
use rustix::process::{Signal, getpid, kill_process};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How an attempt is cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// Its script says so, or a shell line failed.
    Exit(u8),
    /// Something could not be done.
    Trouble(String),
}

/// One attempt.
pub struct Player<'a> {
    /// Where it works.
    pub worktree: &'a Path,
    /// What is asked for.
    pub facts: Facts,
    /// The attempt, from 1.
    pub attempt: u32,
    /// How long its stage takes by itself.
    pub pause: Duration,
    /// What it says goes here.
    pub stdout: &'a mut dyn Write,
    /// Bytes written so far.
    pub written: u64,
}

impl Player<'_> {
    /// Does the steps of a script that are meant for this attempt.
    ///
    /// # Errors
    /// The first step that ends the attempt.
    pub fn play(&mut self, steps: &[Step]) -> Result<(), Stopped> {
        for step in steps {
            if step.attempt.is_none_or(|attempt| attempt == self.attempt) {
                self.act(&step.act)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, act: &Act) -> Result<(), Stopped> {
        match act {
            Act::Say(text) => {
                let text = self.filled(text);
                self.say(&Said::Text(text));
                Ok(())
            }
            Act::Write { path, text } => self.write(&self.filled(path), &self.filled(text)),
            Act::Append { path, text } => {
                let path = self.filled(path);
                let whole = self.read(&path).unwrap_or_default() + &self.filled(text);
                self.write(&path, &whole)
            }
            Act::Edit { path, from, to } => {
                let (path, from) = (self.filled(path), self.filled(from));
                let text = self.read(&path).unwrap_or_default();
                if !text.contains(&from) {
                    return Err(Stopped::Trouble(format!("`{path}` does not hold `{from}`")));
                }
                self.write(&path, &text.replace(&from, &self.filled(to)))
            }
            Act::Remove(path) => {
                let path = self.filled(path);
                fs::remove_file(self.worktree.join(&path))
                    .map_err(|error| trouble("remove", &path, &error))?;
                self.used(ToolKind::Delete, &path);
                Ok(())
            }
            Act::Tick(id) => self.tick(id.as_deref()),
            Act::Run(line) => self.run(line),
            Act::Wait(time) => {
                sleep(*time);
                Ok(())
            }
            Act::WaitFor { path, most } => self.wait_for(&self.filled(path), *most),
            Act::Default => self.by_itself(),
            Act::Fail(status) => Err(Stopped::Exit(*status)),
            Act::Signal(name) => self.signal(name),
        }
    }

    /// Does what fits the stage: writes its outputs, works through its tasks, or looks and is content.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn by_itself(&mut self) -> Result<(), Stopped> {
        let (spec, stage) = (self.facts.spec.clone(), self.facts.stage.clone());
        let builds = self.facts.tasks.is_some() || stage == "implement";
        // The work of tasks takes its time task by task.
        if !builds {
            sleep(self.pause);
        }
        let outputs = self.outputs();
        for path in &outputs {
            let text = self.text_of(path);
            self.write(path, &text)?;
        }
        if builds {
            self.write(&texts::result_path(&spec), &texts::result(&spec, &self.requirements()))?;
            self.tick(None)?;
        } else if outputs.is_empty() {
            self.say(&Said::Text(format!("looked at {spec}: fine")));
        }
        Ok(())
    }

    /// Says something; that nobody listens is no trouble.
    pub fn say(&mut self, said: &Said) {
        let _ = writeln!(self.stdout, "{}", line(said)).and_then(|()| self.stdout.flush());
    }

    /// Says what it cost: a token for every four bytes.
    pub fn say_usage(&mut self, prompt: &str) {
        let input = u64::try_from(prompt.len()).unwrap_or(u64::MAX) / 4;
        self.say(&Said::Usage(Usage { input, output: self.written / 4, ..Usage::default() }));
    }

    fn outputs(&self) -> Vec<String> {
        let declared: Vec<String> = self.facts.outputs.iter().map(|path| matching(path)).collect();
        match self.facts.stage.as_str() {
            _ if !declared.is_empty() => declared,
            name @ ("specify" | "plan" | "tasks") => {
                let file = if name == "specify" { "spec" } else { name };
                vec![format!("{}/{file}.md", self.facts.folder)]
            }
            _ => declared,
        }
    }

    fn text_of(&self, path: &str) -> String {
        let (spec, stage) = (&self.facts.spec, &self.facts.stage);
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            "spec.md" => {
                let description = self.facts.description.as_deref().unwrap_or(spec);
                texts::spec(self.read(path).as_deref(), spec, description)
            }
            "plan.md" => texts::plan(spec, &self.requirements()),
            "tasks.md" => texts::tasks(spec, &self.requirements()),
            "tasks.yaml" | "tasks.yml" => texts::tasks_yaml(spec, &self.requirements()),
            _ => texts::other(path, spec, stage, &self.requirements()),
        }
    }

    fn requirements(&self) -> Vec<String> {
        let folder = &self.facts.folder;
        let first = ["spec.md", "spec.yaml", "requirements.md", "proposal.md"].into_iter();
        let spec = first.filter_map(|name| self.read(&format!("{folder}/{name}"))).next();
        let spec = spec.or_else(|| self.facts.description.clone());
        texts::requirements(&spec.unwrap_or_default())
    }

    fn tick(&mut self, only: Option<&str>) -> Result<(), Stopped> {
        let path = self.facts.tasks.clone().unwrap_or_else(|| format!("{}/tasks.md", self.facts.folder));
        let Some(mut text) = self.read(&path) else { return Ok(()) };
        let not_tasks = |error: tasks::TasksError| Stopped::Trouble(format!("`{path}`: {error}"));
        let read = tasks::parse(&path, &text).map_err(not_tasks)?;
        let left: Vec<_> =
            read.unticked().into_iter().filter(|task| only.is_none_or(|id| id == task.id)).collect();
        let each = self.pause / u32::try_from(left.len().max(1)).unwrap_or(u32::MAX);
        for task in &left {
            sleep(each);
            text = tasks::tick(&path, &text, |known| known.line == task.line).map_err(not_tasks)?;
            self.write(&path, &text)?;
            let (done, total) = tasks::parse(&path, &text).map_err(not_tasks)?.progress();
            self.say(&Said::Plan { done, total });
        }
        Ok(())
    }

    fn run(&mut self, shell_line: &str) -> Result<(), Stopped> {
        let shell = Invocation::new("sh").args(["-c", shell_line]).cwd(self.worktree);
        let captured = shell.capture().map_err(|error| trouble("run", shell_line, &error))?;
        let _ =
            self.stdout.write_all(&captured.stdout).and_then(|()| self.stdout.write_all(&captured.stderr));
        self.used(ToolKind::Execute, shell_line);
        match captured.status.code() {
            Some(0) => Ok(()),
            Some(status) => Err(Stopped::Exit(u8::try_from(status).unwrap_or(1))),
            None => Err(Stopped::Trouble(format!("`{shell_line}` was ended by a signal"))),
        }
    }

    fn wait_for(&mut self, path: &str, most: Duration) -> Result<(), Stopped> {
        let since = Instant::now();
        while !self.worktree.join(path).exists() {
            if since.elapsed() >= most {
                return Err(Stopped::Trouble(format!("`{path}` did not come")));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn signal(&mut self, name: &str) -> Result<(), Stopped> {
        let signal = match name.trim_start_matches("SIG") {
            "TERM" => Signal::TERM,
            "KILL" => Signal::KILL,
            "INT" => Signal::INT,
            "HUP" => Signal::HUP,
            "ABRT" => Signal::ABORT,
            "SEGV" => Signal::SEGV,
            _ => return Err(Stopped::Trouble(format!("there is no signal `{name}` here"))),
        };
        kill_process(getpid(), signal).map_err(|error| trouble("signal", name, &error.into()))?;
        // A signal that is not deadly to us leaves us here.
        Err(Stopped::Trouble(format!("signal `{name}` did not end the agent")))
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), Stopped> {
        let file = self.worktree.join(path);
        let folder = file.parent().unwrap_or(self.worktree);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&file, text))
            .map_err(|error| trouble("write", path, &error))?;
        self.written += u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.used(ToolKind::Edit, path);
        Ok(())
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read(self.worktree.join(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn used(&mut self, kind: ToolKind, title: &str) {
        let (id, title) = (String::new(), title.to_owned());
        self.say(&Said::Tool(ToolUse { id, kind, title, paths: Vec::new(), status: ToolStatus::Done }));
    }

    fn filled(&self, text: &str) -> String {
        let attempt = self.attempt.to_string();
        fill(text, |name| match name {
            "spec" => Some(self.facts.spec.as_str()),
            "stage" => Some(self.facts.stage.as_str()),
            "folder" => Some(self.facts.folder.as_str()),
            "attempt" => Some(attempt.as_str()),
            _ => None,
        })
    }
}

/// Of a glob, one file that it matches.
fn matching(path: &str) -> String {
    let path = path.strip_suffix("**").map_or_else(|| path.to_owned(), |folder| format!("{folder}demo.md"));
    path.replace("**", "demo").replace('*', "demo")
}

fn trouble(verb: &str, what: &str, error: &std::io::Error) -> Stopped {
    Stopped::Trouble(format!("cannot {verb} `{what}`: {error}"))
}
