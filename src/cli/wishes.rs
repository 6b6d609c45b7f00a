//! What the command line means: everything that can be settled before a Specfile is read.
use super::args::{BuildArgs, Cli, Command, Form, Format};
use super::user::Surroundings;
use crate::base::{AgentName, SpecName, StageName};
use crate::report::{Style, Voice};
use crate::run::holding::Fixing;
use std::path::PathBuf;

/// What is wished for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// Where to go first: every `-C`, joined.
    pub directory: Option<PathBuf>,
    /// The Specfile, if it has another name; relative to `directory`.
    pub specfile: Option<PathBuf>,
    /// The form of the answer on standard output.
    pub format: Format,
    /// The same as typed; a graph has forms of its own.
    pub form: Form,
    /// What standard output may use.
    pub out: Style,
    /// What standard error may use.
    pub err: Style,
    /// Columns of standard output; `usize::MAX` where it is not a terminal.
    pub width: usize,
    /// Whether a question can be asked.
    pub can_ask: bool,
    /// What to do.
    pub wish: Wish,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Build, or say what a build would do.
    Build(BuildWish),
    /// Any other command, as typed.
    Command(Command),
}

/// What to build and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildWish {
    /// The goals as typed; empty for everything.
    pub goals: Vec<String>,
    /// The last stage wanted of each.
    pub until: Option<StageName>,
    /// Whether to run anything.
    pub mode: Mode,
    /// `-j`.
    pub jobs: Option<u32>,
    /// `--max-cost`, in hundredths of a USD.
    pub max_cost: Option<u64>,
    /// `-B`.
    pub always: bool,
    /// `-W`, relative to `directory`.
    pub what_if: Vec<String>,
    /// `--fail-fast`.
    pub fail_fast: bool,
    /// `--retries`.
    pub retries: Option<u32>,
    /// `--agent`.
    pub agent: Option<AgentName>,
    /// `--model`.
    pub model: Option<String>,
    /// `--yes`.
    pub yes: bool,
    /// False with `--no-wait`.
    pub wait: bool,
    /// A spec that an agent is to mend first.
    pub fix: Option<(SpecName, Fixing)>,
    /// How the run is shown.
    pub face: FaceKind,
    /// How much of it.
    pub voice: Voice,
}

/// Whether a build runs anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Run,
    /// `-n`: it says what it would do.
    DryRun,
    /// `--explain`: it says why each stage is out of date or not.
    Explain,
    /// `-q`: it only answers with its exit status.
    Question,
    /// `-t`: it takes the goals as done.
    Touch,
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaceKind {
    /// Redrawn in place, on standard error.
    Live,
    /// A line an event, on standard error.
    Plain,
    /// JSON lines on standard output, nothing on standard error but errors.
    Json,
}

impl Wishes {
    /// What this command line means in these surroundings.
    pub fn of(cli: Cli, here: &Surroundings) -> Self {
        let form = cli.place.format;
        let format = if form == Form::Json { Format::Json } else { Format::Human };
        let mut specfile = cli.file.file;
        let wish = match cli.command {
            None => Wish::Build(BuildWish::of(cli.build, format, here)),
            Some(Command::Build(command)) => {
                specfile = command.file.file.or(specfile);
                Wish::Build(BuildWish::of(command.build, format, here))
            }
            Some(Command::Plan(plan)) => {
                specfile = plan.file.file.or(specfile);
                let (dry_run, explain) = (true, plan.explain);
                let args = BuildArgs {
                    goals: plan.goals,
                    until: plan.until,
                    dry_run,
                    explain,
                    ..BuildArgs::default()
                };
                Wish::Build(BuildWish::of(args, format, here))
            }
            Some(command) => {
                specfile = command.file().cloned().or(specfile);
                Wish::Command(command)
            }
        };
        Self {
            directory: cli.place.directory.into_iter().reduce(|at, next| at.join(next)),
            specfile,
            format,
            form,
            out: Style::detect(|name| here.variable(name), here.stdout_is_terminal),
            err: Style::detect(|name| here.variable(name), here.stderr_is_terminal),
            width: here.width.filter(|_| here.stdout_is_terminal).unwrap_or(usize::MAX),
            can_ask: here.can_ask(),
            wish,
        }
    }
}

impl BuildWish {
    /// A build of everything, with nothing said.
    pub fn plain(format: Format, here: &Surroundings) -> Self {
        Self::of(BuildArgs::default(), format, here)
    }

    fn of(args: BuildArgs, format: Format, here: &Surroundings) -> Self {
        let mode = if args.question {
            Mode::Question
        } else if args.explain {
            Mode::Explain
        } else if args.dry_run {
            Mode::DryRun
        } else if args.touch {
            Mode::Touch
        } else {
            Mode::Run
        };
        let face = match format {
            Format::Json => FaceKind::Json,
            Format::Human if here.can_redraw() => FaceKind::Live,
            Format::Human => FaceKind::Plain,
        };
        Self {
            goals: args.goals,
            until: args.until,
            mode,
            jobs: args.jobs,
            always: args.always_make,
            what_if: args.what_if,
            fail_fast: args.fail_fast,
            retries: args.retries,
            agent: args.agent,
            model: args.model,
            max_cost: args.max_cost,
            yes: args.yes,
            wait: !args.no_wait,
            fix: None,
            face,
            voice: if args.silent { Voice::Quiet } else { Voice::Normal },
        }
    }
}

impl Command {
    /// The Specfile that stands behind the command.
    fn file(&self) -> Option<&PathBuf> {
        let file = match self {
            Self::Build(build) => &build.file,
            Self::Init(args) => &args.file,
            Self::New(args) => &args.file,
            Self::Check(args) => &args.file,
            Self::Fmt(args) => &args.file,
            Self::Graph(args) => &args.file,
            Self::Plan(args) => &args.file,
            Self::Conflicts(args) => &args.file,
            Self::Status(args) => &args.file,
            Self::Approve(args) => &args.file,
            Self::Retry(args) => &args.file,
            Self::Resume(args) => &args.file,
            Self::Fix(args) => &args.file,
            Self::Touch(args) => &args.file,
            Self::Hold(args) => &args.file,
            Self::Stop(args) => &args.file,
            Self::Diff(args) => &args.file,
            Self::Open(args) => &args.file,
            Self::Shell(args) => &args.file,
            Self::Land(args) => &args.file,
            Self::Revert(args) => &args.file,
            Self::Clean(args) => &args.file,
            Self::Gc(args) => &args.file,
            Self::Worktree(args) => match &args.command {
                super::args::WorktreeCommand::List { file }
                | super::args::WorktreeCommand::Remove { file, .. } => file,
            },
            Self::Agents(args) => &args.file,
            Self::Doctor(args) => &args.file,
            Self::Config(args) => match &args.command {
                super::args::ConfigCommand::Show(args) => &args.file,
            },
            Self::Watch(_)
            | Self::Cost(_)
            | Self::Logs(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Demo(_)
            | Self::DemoAgent { .. } => {
                return None;
            }
        };
        file.file.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn wishes(line: &str, here: &Surroundings) -> Wishes {
        let argv = std::iter::once("specmake").chain(line.split_whitespace()).map(OsString::from);
        Wishes::of(Cli::read(argv).expect(line), here)
    }

    fn build(line: &str, here: &Surroundings) -> BuildWish {
        match wishes(line, here).wish {
            Wish::Build(build) => build,
            Wish::Command(command) => panic!("{line}: {command:?}"),
        }
    }

    fn terminal(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings {
            variables: variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            stdin_is_terminal: true,
            stdout_is_terminal: true,
            stderr_is_terminal: true,
            width: Some(80),
        }
    }

    #[test]
    fn the_face_follows_the_terminal_and_the_format() {
        let (pipe, dumb) = (Surroundings::default(), terminal(&[("TERM", "dumb")]));
        let tty = terminal(&[("TERM", "xterm")]);
        assert_eq!(build("", &tty).face, FaceKind::Live);
        assert_eq!(build("", &dumb).face, FaceKind::Plain);
        assert_eq!(build("", &pipe).face, FaceKind::Plain);
        assert_eq!(build("--format json", &tty).face, FaceKind::Json);
        assert_eq!((wishes("", &tty).width, wishes("", &pipe).width), (80, usize::MAX));
        assert!(wishes("", &tty).can_ask && !wishes("", &pipe).can_ask);
    }

    #[test]
    fn one_mode_is_meant_whatever_is_typed() {
        let here = Surroundings::default();
        let modes = [
            ("051", Mode::Run),
            ("-n", Mode::DryRun),
            ("plan 051", Mode::DryRun),
            ("plan --explain", Mode::Explain),
            ("-n --explain", Mode::Explain),
            ("-nq", Mode::Question),
            ("-t 051", Mode::Touch),
        ];
        for (line, mode) in modes {
            assert_eq!(build(line, &here).mode, mode, "{line}");
        }
        assert_eq!(build("plan 051", &here).goals, ["051"]);
    }

    #[test]
    fn places_are_joined() {
        let here = Surroundings::default();
        assert_eq!(wishes("-C a -C b", &here).directory, Some(PathBuf::from("a/b")));
        assert_eq!(wishes("-C a -C /b", &here).directory, Some(PathBuf::from("/b")));
        assert_eq!(wishes("-f One check -f Two", &here).specfile, Some(PathBuf::from("Two")));
        assert_eq!(wishes("-f One status", &here).specfile, Some(PathBuf::from("One")));
        assert_eq!(wishes("-f One build -n", &here).specfile, Some(PathBuf::from("One")));
    }
}
