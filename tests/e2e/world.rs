//! A temporary repository with real git, a scripted agent beside it, and nothing of the machine's own.
use crate::outcome::Outcome;
use crate::running::Running;
use crate::scripts;
use rustix::process::{Pid, Signal};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use tempfile::TempDir;

/// A pipeline of one cheap stage, and the project's choice of it.
pub const ONE: &str = r#"
project { pipeline "one" }
pipeline "one" { stage "build" { prompt "Build {spec}."; output "out/{spec}.txt" } }
"#;

/// A repository and everything around it that a run can see.
pub struct World {
    root: Rc<TempDir>,
    repo: PathBuf,
    clock: Rc<Cell<u64>>,
    trusting: Rc<Cell<bool>>,
    env: BTreeMap<String, String>,
}

impl World {
    /// A repository with one commit of a `README.txt`; the user trusts the commands of its Specfile.
    pub fn new() -> Self {
        Self::named("repo")
    }

    /// The same with this Specfile, the scripted agent declared before it, committed.
    pub fn with(specfile: &str) -> Self {
        let world = Self::new();
        world.specfile(specfile);
        world.commit("Specfile");
        world
    }

    /// The same in a folder of this name.
    pub fn named(folder: &str) -> Self {
        let world = Self::without_git(folder);
        world.git(&["init", "-q", "-b", "main"]);
        world.file("README.txt", "A project.\n");
        world.commit("first");
        world
    }

    /// A folder that is not a repository.
    pub fn without_git(folder: &str) -> Self {
        let root = TempDir::with_prefix("specmake-").unwrap();
        let top = root.path().canonicalize().unwrap();
        for made in
            ["home", "config/specmake", "data", "state", "cache", "tmp", "run", "bin", "prompts", "flags"]
        {
            fs::create_dir_all(top.join(made)).unwrap();
        }
        fs::create_dir_all(top.join(folder)).unwrap();
        let identity = "[user]\n\tname = A Person\n\temail = person@example.invalid\n";
        fs::write(top.join("home/.gitconfig"), identity).unwrap();
        program(&top.join("agent.sh"), scripts::AGENT);
        for (name, text) in scripts::WORDS {
            program(&top.join("bin").join(name), text);
        }
        for (stage, text) in scripts::DEFAULTS {
            write(&top.join(format!("script/default/{stage}.sh")), text);
        }
        let repo = top.join(folder);
        let (clock, trusting) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(true)));
        Self { root: Rc::new(root), repo, clock, trusting, env: BTreeMap::new() }
    }

    /// Another repository of the same world, `git clone` with these flags.
    pub fn clone_as(&self, folder: &str, flags: &[&str]) -> Self {
        let from = format!("file://{}", self.repo.display());
        let mut args = vec!["clone", "-q"];
        args.extend(flags);
        args.extend([from.as_str(), folder]);
        self.git_in(&self.top(), &args);
        self.at(folder)
    }

    /// The same world, seen from another folder of it.
    pub fn at(&self, folder: &str) -> Self {
        Self {
            root: Rc::clone(&self.root),
            repo: self.top().join(folder),
            clock: Rc::clone(&self.clock),
            trusting: Rc::clone(&self.trusting),
            env: self.env.clone(),
        }
    }

    /// Sets a variable for all later runs.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.insert(name.into(), value.into());
        self
    }

    // -- places and files ---------------------------------------------------------------------------

    /// The folder that holds the repository and everything else.
    pub fn top(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap()
    }

    /// The same without asking the disk where it is.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The repository.
    pub fn repo(&self) -> &Path {
        &self.repo
    }

    /// Where a spec in progress is worked on.
    pub fn worktree(&self, spec: &str) -> PathBuf {
        let name = self.repo.file_name().unwrap().to_str().unwrap();
        self.top().join(format!("{name}.worktrees")).join(spec)
    }

    /// Writes a file of the checkout.
    pub fn file(&self, path: &str, text: &str) -> &Self {
        if path == "Specfile" && self.trusting.get() {
            self.trust(text);
        }
        write(&self.repo.join(path), text);
        self
    }

    /// Reads a file of the checkout.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.repo.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether the checkout has a file.
    pub fn has(&self, path: &str) -> bool {
        self.repo.join(path).symlink_metadata().is_ok()
    }

    /// Replaces a text in a file of the checkout, which must be there.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no `{from}`:\n{text}");
        self.file(path, &text.replacen(from, to, 1))
    }

    /// Adds a line to a file of the checkout.
    pub fn append(&self, path: &str, line: &str) -> &Self {
        let text = self.read(path);
        self.file(path, &format!("{text}{line}\n"))
    }

    /// Writes the Specfile, with the scripted agent declared first and so the default.
    pub fn specfile(&self, text: &str) -> &Self {
        self.file("Specfile", &format!("{}\n{text}\n", self.agent()))
    }

    /// The line that declares the scripted agent.
    pub fn agent(&self) -> String {
        format!("agent \"script\" {{ command {:?}; prompt \"stdin\" }}", self.top().join("agent.sh"))
    }

    /// What the agent does for `spec/stage`; `any/plan` is for the plan of each spec without its own.
    pub fn script(&self, of: &str, text: &str) -> &Self {
        write(&self.top().join(format!("script/{of}.sh")), text);
        self
    }

    /// Goes back to the default of `spec/stage`.
    pub fn unscript(&self, of: &str) -> &Self {
        fs::remove_file(self.top().join(format!("script/{of}.sh"))).unwrap();
        self
    }

    /// The last prompt that a stage got.
    #[track_caller]
    pub fn prompt(&self, stage: &str) -> String {
        let path = self.top().join("prompts").join(stage);
        fs::read_to_string(path).unwrap_or_else(|error| panic!("prompt of {stage}: {error}"))
    }

    /// Lines that scripts noted, in order.
    pub fn notes(&self) -> Vec<String> {
        lines(&self.top().join("notes"))
    }

    /// Every call of the agent so far.
    pub fn calls(&self) -> Vec<String> {
        lines(&self.top().join("calls"))
    }

    /// Makes a flag that scripts may wait for.
    pub fn flag(&self, name: &str) {
        fs::write(self.top().join("flags").join(name), "").unwrap();
    }

    /// Whether a script has made this flag.
    pub fn has_flag(&self, name: &str) -> bool {
        self.top().join("flags").join(name).exists()
    }

    // -- git ----------------------------------------------------------------------------------------

    /// Runs git in the checkout; it must succeed.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.repo, args)
    }

    /// Runs git somewhere in the world; it must succeed.
    #[track_caller]
    pub fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let (fine, text) = self.try_git(folder, args);
        assert!(fine, "git {args:?}\n{text}");
        text.trim_end().to_owned()
    }

    /// Runs git somewhere in the world: whether it succeeded, and all that it printed.
    pub fn try_git(&self, folder: &Path, args: &[&str]) -> (bool, String) {
        let mut command = Command::new("git");
        self.pin(&mut command);
        let output = command.current_dir(folder).args(args).stdin(Stdio::null()).output().unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            text.push_str(&String::from_utf8_lossy(&output.stderr));
        }
        (output.status.success(), text)
    }

    /// Commits everything that is not ignored.
    #[track_caller]
    pub fn commit(&self, message: &str) -> &Self {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self
    }

    /// The commit that something names.
    #[track_caller]
    pub fn rev(&self, name: &str) -> String {
        self.git(&["rev-parse", "--verify", name])
    }

    /// The content of a file in a commit, if it is there.
    pub fn show(&self, commit: &str, path: &str) -> Option<String> {
        let (fine, text) = self.try_git(&self.repo, &["show", &format!("{commit}:{path}")]);
        fine.then_some(text)
    }

    /// Every path in a commit.
    pub fn paths(&self, commit: &str) -> Vec<String> {
        self.git(&["ls-tree", "-r", "--name-only", commit]).lines().map(ToOwned::to_owned).collect()
    }

    /// The branches but `main`.
    pub fn branches(&self) -> Vec<String> {
        let all = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        all.lines().filter(|branch| *branch != "main").map(ToOwned::to_owned).collect()
    }

    /// What git says is different in the checkout; empty for a clean one.
    pub fn dirt(&self) -> String {
        self.git(&["status", "--porcelain", "--untracked-files=all"])
    }

    /// Everything git and the disk know of these paths: index entry, kind, mode and bytes.
    pub fn state_of(&self, paths: &[&str]) -> Vec<String> {
        let state = |path: &&str| {
            let index = self.git(&["ls-files", "-s", "--debug", "--", path]);
            let entry = |line: &str| match line.split_once("flags:") {
                Some((_, flags)) => Some(flags.trim().to_owned()),
                None => (!line.starts_with(' ')).then(|| line.to_owned()),
            };
            let full = self.repo.join(path);
            let disk = match full.symlink_metadata() {
                Err(_) => "absent".to_owned(),
                Ok(meta) if meta.is_symlink() => format!("-> {:?}", fs::read_link(&full).unwrap()),
                Ok(meta) => format!("{:o} {:?}", meta.permissions().mode(), fs::read(&full).unwrap()),
            };
            format!("{path}: {} | {disk}", index.lines().filter_map(entry).collect::<Vec<_>>().join(" "))
        };
        paths.iter().map(state).collect()
    }

    // -- the program --------------------------------------------------------------------------------

    /// Runs specmake to its end.
    pub fn run<const N: usize>(&self, args: [&str; N]) -> Outcome {
        self.start(args).wait()
    }

    /// Runs a plain build again, which must succeed.
    #[track_caller]
    pub fn again(&self) -> Outcome {
        let outcome = self.run([]);
        outcome.exits(0);
        outcome
    }

    /// Starts specmake.
    pub fn start<const N: usize>(&self, args: [&str; N]) -> Running<'_> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_specmake"));
        self.pin(&mut command);
        command.current_dir(&self.repo);
        Running::new(self, command, args.iter().map(ToString::to_string).collect())
    }

    /// Another program in this world, started from the checkout.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.pin(&mut command);
        command.current_dir(&self.repo);
        command
    }

    /// Forgets all that specmake keeps beside git.
    pub fn lose_state(&self) -> &Self {
        fs::remove_dir_all(self.repo.join(".specmake")).unwrap();
        self
    }

    /// Puts every command of a Specfile on the user's list of trusted ones, in the very words it has there.
    /// A command with an `env` of its own has other words; a run of that says `--yes`.
    fn trust(&self, specfile: &str) {
        let config = self.config();
        let mut known = fs::read_to_string(&config).unwrap_or_default();
        for word in ["command", "acp", "run", "check", "setup", "when"] {
            for (at, before) in specfile.match_indices(&format!("{word} \"")) {
                let line = format!("trust {}\n", literal(&specfile[at + before.len() - 1..]));
                if !known.contains(&line) {
                    known.push_str(&line);
                }
            }
        }
        fs::write(config, known).unwrap();
    }

    /// Takes every command off that list, and those to come.
    pub fn distrust(&self) -> &Self {
        self.trusting.set(false);
        fs::write(self.config(), "").unwrap();
        self
    }

    /// The user's own file.
    pub fn config(&self) -> PathBuf {
        self.top().join("config/specmake/config.kdl")
    }

    /// Processes that some run of this world started and that are still there.
    pub fn strays(&self) -> Vec<u32> {
        let mark = format!("W={}", self.top().display());
        let ours = |environ: &[u8]| environ.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes());
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|process| process.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| ours(&environ)))
            .collect()
    }

    /// Ends them.
    pub fn kill_strays(&self) {
        self.signal_strays(Signal::KILL);
    }

    /// Sends all of them a signal.
    pub fn signal_strays(&self, signal: Signal) {
        for pid in self.strays() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| rustix::process::kill_process(pid, signal));
        }
    }

    /// Takes the machine out of a command's environment: what is left is this world and a clock that is
    /// a minute later each time.
    fn pin(&self, command: &mut Command) {
        let top = self.top();
        self.clock.set(self.clock.get() + 60);
        let date = format!("{} +0000", 1_767_225_600 + self.clock.get());
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("W", &top).env("HOME", top.join("home")).env("TMPDIR", top.join("tmp"));
        command.env("XDG_CONFIG_HOME", top.join("config")).env("XDG_DATA_HOME", top.join("data"));
        command.env("XDG_STATE_HOME", top.join("state")).env("XDG_CACHE_HOME", top.join("cache"));
        command.env("XDG_RUNTIME_DIR", top.join("run"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CEILING_DIRECTORIES", &top);
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        // How busy the machine is that tests run on is no part of a world.
        command.env("SPECMAKE_LIMITS", "off");
        command.env("LC_ALL", "C.UTF-8").env("TERM", "dumb").env("RUST_BACKTRACE", "1");
        command.envs(&self.env);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if Rc::strong_count(&self.root) == 1 {
            self.kill_strays();
        }
    }
}

/// Whether a name of a path lies anywhere below a folder.
pub fn lies_below(folder: &Path, name: &str) -> bool {
    let below = fs::read_dir(folder).into_iter().flatten().flatten();
    below.into_iter().any(|found| {
        found.file_name().as_bytes() == name.as_bytes()
            || found.file_type().is_ok_and(|kind| kind.is_dir()) && lies_below(&found.path(), name)
    })
}

/// The quoted text that begins here, quotes included.
fn literal(text: &str) -> &str {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    &text[..=end.map(|(at, _)| at).expect("a quoted text ends")]
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn program(path: &Path, text: &str) {
    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}
