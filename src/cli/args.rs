//! What was typed. What it means is in [`wishes`](super::wishes).
pub mod build;
pub mod commands;
pub mod looks;

pub use build::BuildArgs;
pub use commands::{
    ApproveArgs, CheckArgs, CleanArgs, CompletionsArgs, ConflictsArgs, DemoArgs, DiffArgs, FixArgs, FmtArgs,
    GcArgs, GraphArgs, HoldArgs, InitArgs, LandArgs, ManArgs, NewArgs, OpenArgs, PlanArgs, ResumeArgs,
    RetryArgs, RevertArgs, ShellArgs, StopArgs, TouchArgs, WorktreeArgs, WorktreeCommand,
};
pub use looks::{
    AgentsArgs, ConfigArgs, ConfigCommand, ConfigShowArgs, CostArgs, CostBy, DoctorArgs, LogsArgs,
    StatusArgs, WatchArgs,
};

use super::exit::Exit;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ErrorKind};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The command line.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "specmake",
    version,
    about = "Make for spec-driven development",
    long_about = "Make for spec-driven development.\n\n\
        A Specfile declares specs. specmake finds which are out of date, has coding agents work on them in \
        parallel, each in a git worktree of its own, tests what came out and lands it. Run it again and \
        nothing happens.",
    override_usage = "specmake [OPTIONS] [GOAL]...\n       specmake [OPTIONS] COMMAND ...",
    after_help = top_help()
)]
pub struct Cli {
    /// Where and how.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// What `build` takes, since that is what happens without a command.
    #[command(flatten)]
    pub build: BuildArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Where and how, for every command.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct PlaceArgs {
    /// Change to DIR before anything else; each further -C is relative to the one before
    #[arg(short = 'C', long, value_name = "DIR", global = true, action = ArgAction::Append)]
    pub directory: Vec<PathBuf>,
    /// The answer on standard output: `human`, or `json` for programs; of `graph` also `dot` and `mermaid`
    #[arg(long, value_name = "FORMAT", global = true, default_value = "human", hide_possible_values = true)]
    pub format: Form,
}

/// The Specfile, for the commands that read one.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct FileArg {
    /// Read FILE instead of `Specfile`
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// The form of an answer, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Form {
    /// For people.
    #[default]
    Human,
    /// JSON: one document, or a line an event for a build.
    Json,
    /// A graph for Graphviz.
    Dot,
    /// A graph for Markdown.
    Mermaid,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// JSON: one document, or a line an event for a build.
    Json,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Build the goals: what happens without a command, and the way to a spec named like one
    Build(Box<BuildCommand>),
    /// Write a first Specfile for this repository
    Init(InitArgs),
    /// Add a spec to the Specfile
    New(NewArgs),
    /// Say everything that is wrong with the Specfile
    Check(CheckArgs),
    /// Lay out the Specfile anew, comments kept
    Fmt(FmtArgs),
    /// Show which spec needs which
    Graph(GraphArgs),
    /// Show what a build would do, why, and how long it would take
    Plan(PlanArgs),
    /// Say which specs are likely to collide, and why
    Conflicts(ConflictsArgs),
    /// Show where every spec stands, also while a build is on
    Status(StatusArgs),
    /// Look on while a build is on, line by line
    Watch(WatchArgs),
    /// Show what agents used and cost
    Cost(CostArgs),
    /// Show what agents and commands printed
    Logs(LogsArgs),
    /// Let a gate pass
    Approve(ApproveArgs),
    /// Let a held or failed spec try again
    Retry(RetryArgs),
    /// Go on after a run that was cut off
    Resume(ResumeArgs),
    /// Let an agent mend what failed, then go on
    Fix(FixArgs),
    /// Take stages as done without running them
    Touch(TouchArgs),
    /// Stop a spec before its next stage, until `retry`
    Hold(HoldArgs),
    /// End what runs of a spec, keep its work, and hold it until `retry`
    Stop(StopArgs),
    /// Show what a spec changed
    Diff(DiffArgs),
    /// Open a spec's worktree in your editor
    Open(OpenArgs),
    /// Open a shell in a spec's worktree
    Shell(ShellArgs),
    /// Land specs that are complete, held ones and those of `land off` too
    Land(LandArgs),
    /// Take back what a spec's landings brought
    Revert(RevertArgs),
    /// Remove worktrees and branches that have landed and hold nothing else, and old backups
    Clean(CleanArgs),
    /// Show what takes room and is of no use any more, with its size; `--yes` removes it
    Gc(GcArgs),
    /// Worktrees of specs in progress
    Worktree(WorktreeArgs),
    /// Show which agents are known and installed, and whether they answer
    Agents(AgentsArgs),
    /// Say whether a build could go well here, and what to do if not
    Doctor(DoctorArgs),
    /// Show settings and where they come from
    Config(ConfigArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
    /// See it work: specs built in a throwaway repository, without a key or a network
    Demo(DemoArgs),
    /// The agent of the demo: reads a prompt on standard input
    #[command(hide = true)]
    DemoAgent {
        /// A session to go on with
        #[arg(long)]
        session: Option<String>,
    },
}

/// `specmake build`.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(after_help = build_help())]
pub struct BuildCommand {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The rest.
    #[command(flatten)]
    pub build: BuildArgs,
}

impl Cli {
    /// Reads a command line, the program's name first. A first word that is not a command is a goal.
    ///
    /// # Errors
    /// clap's own: wrong usage, or a help or version text to print. Its `exit_code` is the program's.
    pub fn read(argv: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut argv: Vec<OsString> = argv.into_iter().collect();
        let grammar = Self::command();
        match first_word(&grammar, &argv) {
            FirstWord::Goal => argv.insert(1, "build".into()),
            FirstWord::Command | FirstWord::None => {}
        }
        let cli = Self::from_arg_matches(&grammar.clone().try_get_matches_from(argv)?)?;
        let own = matches!(cli.command, None | Some(Command::Build(_)));
        if !own && cli.build != BuildArgs::default() {
            let message = "options of a build stand after `build`, not before another command\n\n\
                for example: specmake build -j4";
            return Err(Self::command().error(ErrorKind::ArgumentConflict, message));
        }
        let draws = matches!(cli.command, Some(Command::Graph(_)));
        if !draws && matches!(cli.place.format, Form::Dot | Form::Mermaid) {
            let message = "only `graph` answers in this format; others in `human` or `json`";
            return Err(Self::command().error(ErrorKind::InvalidValue, message));
        }
        Ok(cli)
    }

    /// The names of all commands that a person may type.
    pub fn command_names() -> Vec<String> {
        let grammar = Self::command();
        let shown = grammar.get_subcommands().filter(|command| !command.is_hide_set());
        shown.map(|command| command.get_name().to_owned()).collect()
    }
}

/// What the first argument that is not an option is.
#[derive(Debug, PartialEq, Eq)]
enum FirstWord {
    None,
    Command,
    Goal,
}

/// Finds the first word, past options and their values.
fn first_word(grammar: &clap::Command, argv: &[OsString]) -> FirstWord {
    let mut words = argv.iter().skip(1);
    let mut asks = false;
    while let Some(word) = words.next() {
        let Some(text) = word.to_str() else { return FirstWord::Goal };
        asks |= matches!(text, "--help" | "-h" | "--version" | "-V");
        match text {
            "--" => return if words.len() == 0 { FirstWord::None } else { FirstWord::Goal },
            "-" => return FirstWord::Goal,
            _ if text.starts_with("--") => {
                if takes_next(grammar, text) {
                    words.next();
                }
            }
            _ if text.starts_with('-') => {
                if cluster_takes_next(grammar, text) {
                    words.next();
                }
            }
            _ if asks => return FirstWord::None,
            _ if is_command(grammar, word) => return FirstWord::Command,
            _ => return FirstWord::Goal,
        }
    }
    FirstWord::None
}

fn is_command(grammar: &clap::Command, word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| word == "help" || grammar.find_subcommand(word).is_some())
}

fn takes_next(grammar: &clap::Command, long: &str) -> bool {
    let name = &long[2..];
    let named = grammar.get_arguments().find(|arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        arg.get_long() == Some(name) || aliases.contains(&name)
    });
    !name.contains('=') && named.is_some_and(|arg| arg.get_action().takes_values())
}

fn cluster_takes_next(grammar: &clap::Command, cluster: &str) -> bool {
    let mut letters = cluster.chars().skip(1);
    while let Some(letter) = letters.next() {
        let arg = grammar.get_arguments().find(|arg| arg.get_short() == Some(letter));
        if arg.is_some_and(|arg| arg.get_action().takes_values()) {
            return letters.next().is_none();
        }
    }
    false
}

fn top_help() -> String {
    format!(
        "Examples:\n  \
        specmake                     build everything that is out of date\n  \
        specmake 051 060:plan        build a spec, and another one up to its plan\n  \
        specmake -n                  say what would be done, and why\n  \
        specmake -j8 features        build a layer, eight agents at once\n  \
        specmake status              see where everything stands\n  \
        specmake logs -f 051         follow what an agent prints\n  \
        specmake demo                see it work in a throwaway repository\n\n{}",
        Exit::help()
    )
}

fn build_help() -> String {
    format!(
        "A goal is a spec (`051-retry`, or a prefix that only it has), a stage of one (`051:plan`), a layer, or\n\
        a glob (`05*`). Without one, everything is built that is not parked.\n\n{}",
        Exit::help()
    )
}

#[cfg(test)]
mod tests;
