//! What each command but `build` takes.
use super::FileArg;
use crate::base::{AgentName, StageName};
use clap::{Args, Subcommand, value_parser};
use std::path::PathBuf;

/// `specmake init`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct InitArgs {
    /// The Specfile to write.
    #[command(flatten)]
    pub file: FileArg,
}

/// `specmake new`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  specmake new 051-retry \"Retry with exponential backoff\"")]
pub struct NewArgs {
    /// The Specfile to add to.
    #[command(flatten)]
    pub file: FileArg,
    /// The spec's name: letters, digits, `.`, `_` and `-`
    pub name: String,
    /// What it is about, for the agent
    pub description: String,
}

/// `specmake check`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct CheckArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
}

/// `specmake fmt`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct FmtArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Change nothing; exit with 1 if something would be
    #[arg(long)]
    pub check: bool,
}

/// `specmake graph`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  specmake graph --format dot | dot -Tsvg > graph.svg")]
pub struct GraphArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Only these specs or layers, and what they need
    #[arg(value_name = "GOAL")]
    pub goals: Vec<String>,
}

/// `specmake plan`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct PlanArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Specs, `SPEC:STAGE`s, layers or globs; without one, everything
    #[arg(value_name = "GOAL")]
    pub goals: Vec<String>,
    /// Only up to STAGE
    #[arg(long, value_name = "STAGE", value_parser = StageName::new)]
    pub until: Option<StageName>,
    /// Also what is up to date, and why
    #[arg(long)]
    pub explain: bool,
}

/// `specmake conflicts`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "Only specs that a build would run, and that it may run at the same time, are looked at.\n\n\
    Exit status:\n  \
    0      nothing is seen to collide, or only what `touches` keeps apart\n  \
    1      something may"
)]
pub struct ConflictsArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Only pairs with one of these specs or layers in it
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
}

/// `specmake approve`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ApproveArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The gates: `SPEC:STAGE`, or `SPEC` for the one that it waits at
    #[arg(value_name = "SPEC[:STAGE]", required = true)]
    pub gates: Vec<String>,
    /// Do not wait for another specmake on this repository; exit with 3
    #[arg(long)]
    pub no_wait: bool,
}

/// `specmake retry`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "What is up to date stays so, but for --from and --force. Nothing that a person wrote is deleted: it\n\
    is committed, or stays under a backup ref, whose name is said. If a run is on that has the spec held or failed,\n\
    the spec goes on in that run.\n\n\
    Examples:\n  \
    specmake retry 051                what failed again, with what is in the worktree\n  \
    specmake retry                    everything that is held or failed\n  \
    specmake retry 051 --from plan    the plan and what comes after it\n  \
    specmake retry 051 --clean        all of it, in a fresh worktree"
)]
pub struct RetryArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The specs; without one, all that are held or failed
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
    /// Run STAGE and what comes after it again, though they may be up to date
    #[arg(long, value_name = "STAGE", value_parser = StageName::new)]
    pub from: Option<StageName>,
    /// Begin the spec again in a fresh worktree
    #[arg(long)]
    pub clean: bool,
    /// Run all stages again, though they may be up to date
    #[arg(long, conflicts_with = "from")]
    pub force: bool,
    /// Run at most N agents and commands at once
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// Answer yes to every question
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait for another specmake on this repository; exit with 3
    #[arg(long)]
    pub no_wait: bool,
}

/// `specmake resume`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "On a terminal it asks: try again what was at work, leave that out (it is held until `retry`) and\n\
    build the rest, begin it afresh (what it did stays under a backup ref), or do nothing."
)]
pub struct ResumeArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Run at most N agents and commands at once
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// Try it again without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// `specmake fix`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "The agent is given the end of what the stage printed when it failed, and where the rest is."
)]
pub struct FixArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The spec
    pub spec: String,
    /// Give it to this agent of the Specfile
    #[arg(long, value_name = "NAME", value_parser = AgentName::new)]
    pub agent: Option<AgentName>,
    /// Answer yes to every question
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait for another specmake on this repository; exit with 3
    #[arg(long)]
    pub no_wait: bool,
}

/// `specmake touch`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct TouchArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// What to take as done
    #[arg(value_name = "GOAL", required = true)]
    pub goals: Vec<String>,
    /// Also cover half-done work without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait for another specmake on this repository; exit with 3
    #[arg(long)]
    pub no_wait: bool,
}

/// `specmake stop`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "Its agent is asked to end, and made to after a moment; what it did is kept as a commit."
)]
pub struct StopArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The specs
    #[arg(value_name = "SPEC", required = true)]
    pub specs: Vec<String>,
    /// Said in `status`
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// `specmake hold`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "A stage that runs goes on to its end; `stop` ends that too.")]
pub struct HoldArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The specs
    #[arg(value_name = "SPEC", required = true)]
    pub specs: Vec<String>,
    /// Said in `status`
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// `specmake open`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  cd \"$(specmake open 051 --path)\"")]
pub struct OpenArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The spec
    pub spec: String,
    /// Print where it is instead
    #[arg(long)]
    pub path: bool,
}

/// `specmake shell`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "What you change there is yours: it is committed on its own when the spec goes on.\n\n\
    Examples:\n  \
    specmake shell 051\n  \
    specmake shell 051 -- make test   one command instead"
)]
pub struct ShellArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The spec
    pub spec: String,
    /// Also while a stage is at work there
    #[arg(long)]
    pub force: bool,
    /// A program and its arguments instead of `$SHELL`
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `specmake diff`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "Edits in its worktree that are not committed are shown too. Of a spec that has landed, what its\n\
    last landing brought."
)]
pub struct DiffArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The spec
    pub spec: String,
    /// Only what STAGE changed
    #[arg(long, value_name = "STAGE", value_parser = StageName::new)]
    pub stage: Option<StageName>,
    /// Only how much of each file
    #[arg(long)]
    pub stat: bool,
}

/// `specmake land`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "Nothing is built: a spec that is not complete, or out of date where it would land, is named. Works with\n\
    `land off`, too, and takes up landings that are held, once what held them is mended.\n\n\
    Examples:\n  \
    specmake land 051                   its branch is mended: try again\n  \
    specmake land                       everything that is complete\n  \
    specmake land 051 --to release-2    onto another branch; it is still to land on the base"
)]
pub struct LandArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The specs; without one, all that are complete and not held
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
    /// Land on BRANCH, which is made at the base if it is not there
    #[arg(long, value_name = "BRANCH")]
    pub to: Option<String>,
    /// Do not run the landing's check; the commit says so
    #[arg(long)]
    pub no_check: bool,
    /// Answer yes to every question
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait for another specmake on this repository; exit with 3
    #[arg(long)]
    pub no_wait: bool,
}

/// `specmake revert`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "All that its landings brought is taken back in one commit, which is tested and lands like any other. The\n\
    spec is out of date then, and the next build makes it anew; park it (`parked \"why\"`) to keep it out. A `git revert`\n\
    of that commit brings everything back.\n\n\
    Example:\n  \
    specmake revert 051 -n    what it would take back"
)]
pub struct RevertArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// The spec
    pub spec: String,
    /// Say what would be taken back
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Answer yes to every question
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait for another specmake on this repository; exit with 3
    #[arg(long)]
    pub no_wait: bool,
}

/// `specmake clean`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "A backup is a ref below refs/specmake/backup/: what was there before a restart, a `retry --clean`\n\
    or the like took it back. `specmake status SPEC` names them."
)]
pub struct CleanArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Only these specs
    #[arg(value_name = "SPEC")]
    pub specs: Vec<String>,
    /// Say what would be removed, and why the rest stays
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Forget backups older than AGE (`7days`, `0s`); never those of a spec that is held
    #[arg(long, value_name = "AGE", default_value = "30days", value_parser = humantime::parse_duration)]
    pub backups: std::time::Duration,
}

/// `specmake gc`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "Old runs with their logs, old backups but those of held specs, the worktrees that landings are tested in,\n\
    and worktrees of ours whose folders are gone. The newest five runs stay. git's own objects are git's: `git gc`."
)]
pub struct GcArgs {
    /// The Specfile.
    #[command(flatten)]
    pub file: FileArg,
    /// Remove it; otherwise it is only listed
    #[arg(short, long)]
    pub yes: bool,
    /// Runs and backups older than AGE (`7days`, `0s`)
    #[arg(long, value_name = "AGE", default_value = "30days", value_parser = humantime::parse_duration)]
    pub older: std::time::Duration,
}

/// `specmake worktree`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct WorktreeArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: WorktreeCommand,
}

/// What to do with worktrees.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum WorktreeCommand {
    /// List them: spec, branch, place, whether anything in them is not committed
    List {
        /// The Specfile.
        #[command(flatten)]
        file: FileArg,
    },
    /// Remove the worktrees of specs; their branches stay, with what was not committed
    Remove {
        /// The Specfile.
        #[command(flatten)]
        file: FileArg,
        /// The specs
        #[arg(value_name = "SPEC", required = true)]
        specs: Vec<String>,
    },
}

/// `specmake completions`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(
    after_help = "Example:\n  specmake completions bash > ~/.local/share/bash-completion/completions/specmake"
)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `specmake man`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = "Example:\n  specmake man | man -l -")]
pub struct ManArgs {
    /// Write a page for every command into DIR instead
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `specmake demo`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct DemoArgs {
    /// Where to put the repository; a new temporary folder unless said
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Run at most N agents at once
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
}
