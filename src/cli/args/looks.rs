//! What the commands take that look at what is there and change nothing.
use super::FileArg;
use crate::base::AgentName;
use clap::{Args, Subcommand, value_parser};

/// `specmake status`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StatusArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Only these specs or layers
    #[arg(value_name = "GOAL")]
    pub goals: Vec<String>,
    /// List every finished spec, however many
    #[arg(short, long)]
    pub all: bool,
}

/// `specmake cost`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "A cost is what the agent tells, else what its tokens cost by the `price` of the agent, else not known:\n\
    nothing is guessed. A sum that leaves something out says so.\n\n\
    Examples:\n  \
    specmake cost                  the last run in which an agent worked\n  \
    specmake cost 051 --all        a spec, in every run that is recorded\n  \
    specmake cost --all --by agent"
)]
pub struct CostArgs {
    /// Only these specs or stages; a unique prefix of a spec is enough
    #[arg(value_name = "SPEC[:STAGE]")]
    pub specs: Vec<String>,
    /// All runs that are recorded
    #[arg(short, long)]
    pub all: bool,
    /// This run
    #[arg(long, value_name = "RUN", conflicts_with = "all")]
    pub run: Option<String>,
    /// A row for each attempt, stage, spec, agent or run; `stage` unless said, with --all `run`
    #[arg(long, value_name = "KIND", hide_possible_values = true)]
    pub by: Option<CostBy>,
}

/// What a table of costs has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CostBy {
    /// Each attempt.
    Attempt,
    /// Each stage.
    Stage,
    /// Each spec.
    Spec,
    /// Each agent.
    Agent,
    /// Each run.
    Run,
}

/// `specmake watch`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "From the beginning of the run that is on, until it ends; if none is on, what the last one did. It only reads:\n\
    the run does not notice. With --format json each line is an event, as of a build.\n\n\
    Examples:\n  \
    specmake watch 051 -v      with what the agents of a spec say\n  \
    specmake watch -n0         only what happens from now on\n  \
    specmake watch --wait      the next run, if none is on"
)]
pub struct WatchArgs {
    /// Only these specs or layers of the run; a unique prefix of a spec is enough
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
    /// Also what agents say, their sessions, and what they use
    #[arg(short, long)]
    pub verbose: bool,
    /// Begin with the last N lines of what has been said
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,
    /// Wait for a run if none is on
    #[arg(short, long)]
    pub wait: bool,
}

/// `specmake logs`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  \
    specmake logs                     list the logs of the last run\n  \
    specmake logs 051                 the newest log of a spec\n  \
    specmake logs 051:implement -f    follow a stage while the build is on")]
pub struct LogsArgs {
    /// The spec or stage; without one, the logs of the run are listed
    #[arg(value_name = "SPEC[:STAGE]")]
    pub of: Option<String>,
    /// Go on printing while the build is on
    #[arg(short, long)]
    pub follow: bool,
    /// Every byte as it was printed, escape sequences too
    #[arg(long)]
    pub raw: bool,
    /// Of this run instead of the last one that has any
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Of this attempt instead of the last
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
}

/// `specmake agents`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "Exit status:\n  \
    0      known, and answered if asked\n  \
    1      one that is named is not installed, or one that is asked does not answer\n\n\
    Examples:\n  \
    specmake agents                  all that are known, installed ones first\n  \
    specmake agents claude           one whole, with what it is called with\n  \
    specmake agents --probe          ask each installed one for a word; uses tokens")]
pub struct AgentsArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Only these, with all that they are called with
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Ask each that is installed for one word, in an empty repository elsewhere; may cost money
    #[arg(long)]
    pub probe: bool,
    /// How long each has for that
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub timeout: std::time::Duration,
}

/// `specmake doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "It changes nothing.\n\n\
    Exit status:\n  \
    0      nothing fails; there may be warnings\n  \
    1      something does")]
pub struct DoctorArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
}

/// `specmake config`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with settings.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Show each with its value and where that comes from
    Show(ConfigShowArgs),
}

/// `specmake config show`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ConfigShowArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Only this one (`jobs`), or those of a block (`land`)
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// As if a build were given this
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// As if a build were given this
    #[arg(long, value_name = "NAME", value_parser = AgentName::new)]
    pub agent: Option<AgentName>,
    /// As if a build were given this
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
}
