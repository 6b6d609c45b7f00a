//! From an agent's profile, or a shell line, to a process to start. Nothing of a Specfile goes through a shell
//! but the lines that are meant for one, and those as they were written.
use super::placeholder::fill;
use crate::base::Mask;
use crate::model::{Agent, PromptBy};
use crate::sys::child::Launch;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest prompt that can be an argument, in bytes: Linux allows 128 KiB for one, its NUL included.
pub const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// How long a shell line has to end after being asked to.
pub const SHELL_GRACE: Duration = Duration::from_secs(10);

/// Where a process runs and what it is told about that.
#[derive(Debug, Clone)]
pub struct Surroundings<'a> {
    /// The run.
    pub run: &'a str,
    /// The spec, unless it runs for several.
    pub spec: Option<&'a str>,
    /// The stage, or `land`, `setup`.
    pub stage: &'a str,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The worktree, an absolute path.
    pub worktree: &'a Path,
    /// The spec's folder, relative to the worktree.
    pub folder: Option<&'a str>,
    /// The number of the worktree's place.
    pub slot: u32,
    /// The first of a range of ports that no other slot is told of.
    pub port_base: u16,
}

/// An agent and what it is asked.
#[derive(Debug, Clone)]
pub struct AgentCall<'a> {
    /// The agent.
    pub agent: &'a Agent,
    /// The model, if the agent's own is not to be used.
    pub model: Option<&'a str>,
    /// The prompt, rendered.
    pub prompt: &'a str,
    /// A session of the agent's to go on with.
    pub session: Option<&'a str>,
    /// This program, for `{self}`.
    pub executable: &'a Path,
    /// The stage's environment, placeholders filled.
    pub env: &'a [(String, String)],
}

/// How far a process may go, and where its output does.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Its log.
    pub log: PathBuf,
    /// The longest it may take.
    pub timeout: Option<Duration>,
    /// The longest it may say nothing.
    pub stall: Option<Duration>,
}

/// Why an agent cannot be called so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Its argv is empty.
    #[error("agent `{agent}` has no command")]
    NoCommand {
        /// The agent.
        agent: String,
    },
    /// Its argv asks for a model and none is set.
    #[error("agent `{agent}` needs a model: set `model` on it, or `--model`")]
    NoModel {
        /// The agent.
        agent: String,
    },
    /// Its argv asks for a session and there is none.
    #[error("agent `{agent}` has no session to go on with")]
    NoSession {
        /// The agent.
        agent: String,
    },
    /// The prompt is too long for an argument.
    #[error(
        "the prompt is {bytes} bytes, too long for an argument: give agent `{agent}` its prompt on `stdin`"
    )]
    LongPrompt {
        /// The agent.
        agent: String,
        /// The prompt's length.
        bytes: usize,
    },
}

impl Surroundings<'_> {
    /// What a process is told through its environment.
    pub fn env(&self) -> Vec<(OsString, OsString)> {
        let mut env: Vec<(OsString, OsString)> = vec![
            ("PWD".into(), self.worktree.into()),
            ("SPECMAKE_RUN".into(), self.run.into()),
            ("SPECMAKE_STAGE".into(), self.stage.into()),
            ("SPECMAKE_ATTEMPT".into(), self.attempt.to_string().into()),
            ("SPECMAKE_WORKTREE".into(), self.worktree.into()),
            ("SPECMAKE_SLOT".into(), self.slot.to_string().into()),
            ("SPECMAKE_PORT_BASE".into(), self.port_base.to_string().into()),
            // An editor that opens would wait for a person.
            ("GIT_EDITOR".into(), "true".into()),
            ("GIT_SEQUENCE_EDITOR".into(), "true".into()),
        ];
        if let Some(above) = self.worktree.parent() {
            // Where the worktree is broken, git must not find a repository around it.
            env.push(("GIT_CEILING_DIRECTORIES".into(), above.into()));
        }
        if let Some(spec) = self.spec {
            env.push(("SPECMAKE_SPEC".into(), spec.into()));
        }
        if let Some(folder) = self.folder {
            env.push(("SPECIFY_FEATURE_DIRECTORY".into(), self.worktree.join(folder).into()));
        }
        env
    }

    fn launch(&self, argv: Vec<OsString>, env: &[(String, String)], limits: Limits) -> Launch {
        let given = env.iter().map(|(name, value)| (name.into(), value.into()));
        Launch {
            argv,
            env: given.chain(self.env()).collect(),
            unset: Vec::new(),
            cwd: self.worktree.to_owned(),
            stdin: None,
            log: limits.log,
            timeout: limits.timeout,
            stall: limits.stall,
            grace: SHELL_GRACE,
            keeper: None,
            mask: Mask::default(),
            apart: false,
        }
    }
}

/// An agent as a process.
///
/// # Errors
/// [`CommandError`] if the call lacks what the agent's argv asks for.
pub fn agent(
    call: &AgentCall<'_>,
    around: &Surroundings<'_>,
    limits: Limits,
) -> Result<Launch, CommandError> {
    let agent = call.agent;
    let name = || agent.name.to_string();
    let model = call.model.or(agent.model.as_deref());
    let command = if call.session.is_some() && !agent.acp { &agent.resume } else { &agent.command };
    let asks = |element: &str| command.iter().any(|word| word.contains(element));
    if command.is_empty() {
        return Err(CommandError::NoCommand { agent: name() });
    }
    if model.is_none() && asks("{model}") {
        return Err(CommandError::NoModel { agent: name() });
    }
    if call.session.is_none() && asks("{session}") {
        return Err(CommandError::NoSession { agent: name() });
    }
    let by_argument = agent.prompt == PromptBy::Argument;
    if by_argument && call.prompt.len() > LONGEST_ARGUMENT {
        return Err(CommandError::LongPrompt { agent: name(), bytes: call.prompt.len() });
    }

    let worktree = around.worktree.to_string_lossy();
    let executable = call.executable.to_string_lossy();
    let value = |name: &str| match name {
        "self" => Some(&*executable),
        "spec" => around.spec,
        "stage" => Some(around.stage),
        "worktree" => Some(&*worktree),
        "model" => model,
        "session" => call.session,
        "prompt" if by_argument => Some(call.prompt),
        _ => None,
    };
    let element = |word: &String| unlike_an_option(word, fill(word, value));
    let mut argv: Vec<OsString> = command.iter().map(element).collect();
    if model.is_some() {
        argv.extend(agent.model_args.iter().map(element));
    }
    if by_argument && !asks("{prompt}") {
        argv.push(unlike_an_option("{prompt}", call.prompt.to_owned()));
    }

    let filled = agent.env.iter().map(|(name, text)| (name.clone(), fill(text, value)));
    let env: Vec<(String, String)> = filled.chain(call.env.iter().cloned()).collect();
    let stdin = (!by_argument && !agent.acp).then(|| call.prompt.as_bytes().to_vec());
    let unset = agent.scrub.iter().map(OsString::from).collect();
    // What is no plain text is read line by line.
    let apart = agent.dialect != "text";
    Ok(Launch { stdin, unset, apart, grace: agent.grace, ..around.launch(argv, &env, limits) })
}

/// A shell line as a process, as written.
pub fn shell(line: &str, env: &[(String, String)], around: &Surroundings<'_>, limits: Limits) -> Launch {
    around.launch(["sh", "-c", line].map(OsString::from).to_vec(), env, limits)
}

/// A prompt that is a whole element and begins like an option gets a newline before it.
fn unlike_an_option(word: &str, filled: String) -> OsString {
    let looks_so = word.starts_with("{prompt}") && filled.starts_with('-');
    if looks_so { format!("\n{filled}").into() } else { filled.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AgentName;

    fn profile(command: &[&str], prompt: PromptBy) -> Agent {
        Agent {
            command: command.iter().map(ToString::to_string).collect(),
            model_args: vec!["--model".into(), "{model}".into()],
            prompt,
            env: vec![("WHERE".into(), "{worktree}/x".into())],
            scrub: vec!["SECRET".into()],
            streams: true,
            grace: Duration::from_secs(3),
            ..Agent::new(AgentName::new("robot").expect("a name"))
        }
    }

    fn launched(agent: &Agent, model: Option<&str>, prompt: &str) -> Result<Launch, CommandError> {
        let around = Surroundings {
            run: "r1",
            spec: Some("051"),
            stage: "plan",
            attempt: 2,
            worktree: Path::new("/w/051"),
            folder: Some("specs/051"),
            slot: 3,
            port_base: 20_300,
        };
        let env = [("SPECMAKE_SLOT".to_owned(), "9".to_owned()), ("SITE".to_owned(), "{spec}".to_owned())];
        let call = AgentCall {
            agent,
            model,
            prompt,
            session: None,
            executable: Path::new("/bin/specmake"),
            env: &env,
        };
        let limits = Limits { log: PathBuf::from("/l"), timeout: None, stall: None };
        super::agent(&call, &around, limits)
    }

    fn argv(agent: &Agent, model: Option<&str>, prompt: &str) -> Vec<String> {
        let launch = launched(agent, model, prompt).expect("a launch");
        launch.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_prompt_goes_where_the_profile_says() {
        let at_end = profile(&["robot", "run"], PromptBy::Argument);
        assert_eq!(argv(&at_end, None, "do {spec}"), ["robot", "run", "do {spec}"]);
        assert_eq!(argv(&at_end, Some("m"), "do"), ["robot", "run", "--model", "m", "do"]);
        let within = profile(&["robot", "-p", "{prompt}", "--in={worktree}"], PromptBy::Argument);
        assert_eq!(argv(&within, None, "do"), ["robot", "-p", "do", "--in=/w/051"]);
        let stdin = profile(&["{self}", "demo-agent"], PromptBy::Stdin);
        let launch = launched(&stdin, None, "do").expect("a launch");
        assert_eq!(launch.argv, ["/bin/specmake", "demo-agent"]);
        assert_eq!(launch.stdin.as_deref(), Some(b"do".as_slice()));
    }

    #[test]
    fn a_prompt_is_never_taken_for_an_option() {
        let at_end = profile(&["robot"], PromptBy::Argument);
        assert_eq!(argv(&at_end, None, "--help"), ["robot", "\n--help"]);
        let within = profile(&["robot", "{prompt}", "-x={spec}"], PromptBy::Argument);
        assert_eq!(argv(&within, None, "- one"), ["robot", "\n- one", "-x=051"]);
    }

    #[test]
    fn a_session_is_gone_on_with_in_the_agent_s_own_way() {
        let robot = Agent {
            resume: ["robot", "again", "--id", "{session}"].map(Into::into).to_vec(),
            ..profile(&["robot", "run"], PromptBy::Argument)
        };
        let call = |session| AgentCall {
            agent: &robot,
            model: Some("m"),
            prompt: "go on",
            session,
            executable: Path::new("/bin/specmake"),
            env: &[],
        };
        let around = Surroundings {
            run: "r1",
            spec: None,
            stage: "plan",
            attempt: 2,
            worktree: Path::new("/w"),
            folder: None,
            slot: 0,
            port_base: 0,
        };
        let argv = |session| {
            let limits = Limits { log: PathBuf::from("/l"), timeout: None, stall: None };
            agent(&call(session), &around, limits).expect("a launch").argv
        };
        assert_eq!(argv(Some("s1")), ["robot", "again", "--id", "s1", "--model", "m", "go on"]);
        assert_eq!(argv(None), ["robot", "run", "--model", "m", "go on"]);
    }

    #[test]
    fn what_the_argv_asks_for_must_be_there() {
        let check = |command: &[&str], prompt: &str, expect: CommandError| {
            assert_eq!(launched(&profile(command, PromptBy::Argument), None, prompt).err(), Some(expect));
        };
        let agent = || "robot".to_owned();
        check(&[], "", CommandError::NoCommand { agent: agent() });
        check(&["x", "{model}"], "", CommandError::NoModel { agent: agent() });
        check(&["x", "--resume={session}"], "", CommandError::NoSession { agent: agent() });
        let long = "x".repeat(LONGEST_ARGUMENT + 1);
        check(&["x"], &long, CommandError::LongPrompt { agent: agent(), bytes: long.len() });
    }

    #[test]
    fn the_environment_tells_where_it_runs_and_cannot_be_talked_over() {
        let launch = launched(&profile(&["robot"], PromptBy::Stdin), None, "").expect("a launch");
        let value = |name: &str| {
            let last = launch.env.iter().rev().find(|(known, _)| known == name);
            last.map(|(_, value)| value.to_string_lossy().into_owned())
        };
        for (name, expect) in [
            ("PWD", "/w/051"),
            ("SPECMAKE_RUN", "r1"),
            ("SPECMAKE_SPEC", "051"),
            ("SPECMAKE_STAGE", "plan"),
            ("SPECMAKE_ATTEMPT", "2"),
            ("SPECMAKE_WORKTREE", "/w/051"),
            ("SPECMAKE_SLOT", "3"),
            ("SPECMAKE_PORT_BASE", "20300"),
            ("SPECIFY_FEATURE_DIRECTORY", "/w/051/specs/051"),
            ("GIT_EDITOR", "true"),
            ("GIT_SEQUENCE_EDITOR", "true"),
            ("GIT_CEILING_DIRECTORIES", "/w"),
            ("WHERE", "/w/051/x"),
            ("SITE", "{spec}"),
        ] {
            assert_eq!(value(name).as_deref(), Some(expect), "{name}");
        }
        assert_eq!((launch.unset, launch.grace), (vec!["SECRET".into()], Duration::from_secs(3)));
        assert_eq!(launch.cwd, Path::new("/w/051"));
    }

    #[test]
    fn a_shell_line_stays_as_written() {
        let around = Surroundings {
            run: "r1",
            spec: None,
            stage: "land",
            attempt: 1,
            worktree: Path::new("/w/land"),
            folder: None,
            slot: 0,
            port_base: 20_000,
        };
        let limits = Limits { log: PathBuf::from("/l"), timeout: Some(Duration::from_secs(1)), stall: None };
        let launch = shell("echo \"{spec}\" $SPECMAKE_SPEC; #", &[], &around, limits);
        assert_eq!(launch.argv, ["sh", "-c", "echo \"{spec}\" $SPECMAKE_SPEC; #"]);
        assert!(!launch.env.iter().any(|(name, _)| name == "SPECMAKE_SPEC"));
        assert_eq!((launch.stdin, launch.timeout), (None, Some(Duration::from_secs(1))));
    }
}
