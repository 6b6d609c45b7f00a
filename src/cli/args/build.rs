//! The options of a build. Make's letters mean what they mean in make.
use crate::base::{AgentName, StageName};
use clap::{Args, value_parser};

const MAKE: &str = "As in make";
const RUN: &str = "The run";

/// What `build` takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct BuildArgs {
    /// Specs, `SPEC:STAGE`s, layers or globs; a unique prefix of a name is enough
    #[arg(value_name = "GOAL")]
    pub goals: Vec<String>,

    /// Run at most N agents and commands at once
    #[arg(short, long, value_name = "N", help_heading = MAKE, value_parser = value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// Go on with what does not need a failed spec; the default
    #[arg(short, long, help_heading = MAKE, conflicts_with = "fail_fast")]
    pub keep_going: bool,
    /// Say what would be done, and why; run nothing
    #[arg(short = 'n', long, help_heading = MAKE)]
    pub dry_run: bool,
    /// Take the goals as out of date
    #[arg(short = 'B', long, help_heading = MAKE)]
    pub always_make: bool,
    /// Say nothing and run nothing; exit with 4 if something is out of date
    #[arg(short, long, help_heading = MAKE)]
    pub question: bool,
    /// Take the goals as done without running them
    #[arg(short, long, help_heading = MAKE, conflicts_with_all = ["question", "dry_run", "explain", "always_make"])]
    pub touch: bool,
    /// Judge as if FILE had changed
    #[arg(short = 'W', long, value_name = "FILE", help_heading = MAKE)]
    pub what_if: Vec<String>,
    /// Say only what needs you
    #[arg(short, long, visible_alias = "quiet", help_heading = MAKE)]
    pub silent: bool,

    /// Stop each goal after STAGE, without landing it; what it needs still lands
    #[arg(long, value_name = "STAGE", help_heading = RUN, value_parser = StageName::new)]
    pub until: Option<StageName>,
    /// Say why each stage is out of date or not; run nothing
    #[arg(long, help_heading = RUN)]
    pub explain: bool,
    /// After the first failure start nothing new
    #[arg(long, help_heading = RUN)]
    pub fail_fast: bool,
    /// Let no stage be tried again more than N times
    #[arg(long, value_name = "N", help_heading = RUN)]
    pub retries: Option<u32>,
    /// Give every stage to this agent
    #[arg(long, value_name = "NAME", help_heading = RUN, value_parser = AgentName::new)]
    pub agent: Option<AgentName>,
    /// Use this model
    #[arg(long, value_name = "NAME", help_heading = RUN)]
    pub model: Option<String>,
    /// Start no agent any more once the run has cost this many USD, as far as agents tell
    #[arg(long, value_name = "USD", help_heading = RUN, value_parser = usd)]
    pub max_cost: Option<Cents>,
    /// Answer yes: commit edited ingredients, run the Specfile's commands
    #[arg(short, long, help_heading = RUN)]
    pub yes: bool,
    /// Do not wait for another specmake on this repository; exit with 3
    #[arg(long, help_heading = RUN)]
    pub no_wait: bool,
}

/// Money in hundredths of a USD.
pub type Cents = u64;

fn usd(text: &str) -> Result<Cents, String> {
    let number: f64 = text.trim_start_matches('$').parse().map_err(|_| "it is a number of USD".to_owned())?;
    if !(0.0..1e12).contains(&number) {
        return Err("it is a number of USD".to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    Ok((number * 100.0).round() as Cents)
}
