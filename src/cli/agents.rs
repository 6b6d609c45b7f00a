//! `specmake agents`: which agents are known, which of them are installed, and whether they answer.
use super::args::{AgentsArgs, Format};
use super::config::seen;
use super::exit::Exit;
use super::ground::Reading;
use super::trouble::Trouble;
use super::wishes::Wishes;
use crate::base::english::count;
use crate::builtin;
use crate::model::{Agent, Home, KnownAgent, PromptBy};
use crate::report::table::Table;
use crate::report::{Ink, json, words};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

pub mod probe;

use probe::{Probe, Version, probe, version};

/// What is known of agents.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct AgentsReport {
    agents: Vec<AgentRow>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct AgentRow {
    name: String,
    /// `specfile`, `user` or `built-in`.
    home: &'static str,
    /// What it runs, as its profile has it.
    program: String,
    /// Where that lies; nothing if it is not installed.
    path: Option<PathBuf>,
    installed: bool,
    /// What it says of its version.
    version: Option<String>,
    /// Why it said none.
    version_trouble: Option<String>,
    /// Who says with which program the profile was tried.
    verified: Option<String>,
    /// Whether the version differs from that; nothing where one of both is not known.
    differs: Option<bool>,
    dialect: String,
    /// `acp`, or `dialect`: its output is read.
    driven_by: &'static str,
    model: Option<String>,
    /// The whole profile, for an agent that is asked about by name.
    profile: Option<Profile>,
    /// What came of asking it something.
    probe: Option<Probe>,
}

impl AgentRow {
    /// Whether a probe asks it: one that is named, else every one that is not ours and that a probe can talk with.
    fn is_asked(&self) -> bool {
        let is_named = self.profile.is_some();
        self.installed && (is_named || (self.program != "{self}" && self.driven_by != "acp"))
    }
}

/// All that an agent is called with.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Profile {
    command: Vec<String>,
    model_args: Vec<String>,
    resume: Vec<String>,
    prompt: &'static str,
    pool: Option<String>,
    env: BTreeMap<String, String>,
    scrub: Vec<String>,
    streams: bool,
    grace_millis: u64,
    /// USD per million tokens.
    price: Option<BTreeMap<&'static str, f64>>,
}

/// Shows agents; exit status 1 if one that was asked for by name is not installed, or a probed one does not answer.
///
/// # Errors
/// There is no such agent.
pub fn agents(
    wishes: &Wishes,
    args: &AgentsArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let mut known = seen(wishes, &Reading::default())?.agents;
    if !args.names.is_empty() {
        for name in &args.names {
            if !known.iter().any(|known| known.agent.name.as_str() == name) {
                let names: Vec<&str> = known.iter().map(|known| known.agent.name.as_str()).collect();
                let trouble = Trouble::usage(format!("there is no agent `{name}`"));
                return Err(trouble.hint(format!("there are: {}", names.join(", "))));
            }
        }
        known.retain(|known| args.names.iter().any(|name| known.agent.name.as_str() == name));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows: Vec<AgentRow> = runtime.block_on(async {
        let rows = known.into_iter().map(|known| {
            let is_named = !args.names.is_empty();
            tokio::spawn(async move { (row(&known, is_named).await, known.agent) })
        });
        let mut found = Vec::new();
        for row in rows.collect::<Vec<_>>() {
            found.extend(row.await.ok());
        }
        if args.probe {
            let asked: Vec<&str> =
                found.iter().filter(|(row, _)| row.is_asked()).map(|(row, _)| row.name.as_str()).collect();
            // Whoever closed standard error does not want to know.
            let _ = writeln!(
                err,
                "specmake: asking {} for one word ({}), in an empty repository of its own; that uses tokens, and may cost money",
                count(asked.len(), "agent"),
                asked.join(", ")
            );
            let limit = args.timeout;
            let probes = found.into_iter().map(|(mut row, agent)| {
                tokio::spawn(async move {
                    if row.is_asked() {
                        row.probe = Some(probe(&agent, limit).await);
                    }
                    (row, agent)
                })
            });
            let mut probed = Vec::new();
            for row in probes.collect::<Vec<_>>() {
                probed.extend(row.await.ok());
            }
            found = probed;
        }
        found.into_iter().map(|(row, _)| row).collect()
    });
    rows.sort_by_key(|row| !row.installed && args.names.is_empty());
    let is_missing = !args.names.is_empty() && rows.iter().any(|row| !row.installed);
    let is_mute = rows.iter().any(|row| row.probe.as_ref().is_some_and(|probe| !probe.answered));
    let report = AgentsReport { agents: rows };
    match wishes.format {
        Format::Json => json::document(&report, out)?,
        Format::Human => write_human(&report, wishes, out)?,
    }
    Ok(if is_missing || is_mute { Exit::Failed } else { Exit::Done })
}

async fn row(known: &KnownAgent, is_named: bool) -> AgentRow {
    let KnownAgent { agent, home } = known;
    let program = agent.command.first().cloned().unwrap_or_default();
    let path = find(&program);
    let is_ours = program == "{self}";
    let said = match &path {
        _ if is_ours => Version::Said(env!("CARGO_PKG_VERSION").to_owned()),
        Some(path) => version(path).await,
        None => Version::None("it is not installed".to_owned()),
    };
    let (version, version_trouble) = match said {
        Version::Said(version) => (Some(version), None),
        Version::None(why) => (None, Some(why).filter(|_| path.is_some())),
    };
    AgentRow {
        name: agent.name.to_string(),
        home: match home {
            Home::Specfile => "specfile",
            Home::User => "user",
            Home::BuiltIn => "built-in",
        },
        program,
        installed: path.is_some(),
        path,
        differs: differs(version.as_deref(), agent.verified.as_deref()),
        version,
        version_trouble,
        verified: agent.verified.clone(),
        dialect: agent.dialect.clone(),
        driven_by: if agent.acp { "acp" } else { "dialect" },
        model: agent.model.clone(),
        profile: is_named.then(|| profile(agent)),
        probe: None,
    }
}

fn profile(agent: &Agent) -> Profile {
    let price = agent.price.map(|price| {
        let kinds = ["in", "out", "cache-read", "cache-write"];
        kinds.into_iter().zip(price.0).filter_map(|(kind, usd)| Some((kind, usd?))).collect()
    });
    Profile {
        command: agent.command.clone(),
        model_args: agent.model_args.clone(),
        resume: agent.resume.clone(),
        prompt: match agent.prompt {
            PromptBy::Stdin => "stdin",
            PromptBy::Argument => "argument",
        },
        pool: agent.pool.as_ref().map(ToString::to_string),
        env: agent.env.iter().cloned().collect(),
        scrub: agent.scrub.clone(),
        streams: agent.streams,
        grace_millis: u64::try_from(agent.grace.as_millis()).unwrap_or(u64::MAX),
        price,
    }
}

/// The first built-in agent whose program is on the `PATH`, if any is: not the one for shows, nor one that is talked
/// with, which is for those who ask for it.
pub fn first_installed(wishes: &Wishes) -> Option<&'static str> {
    let known = seen(wishes, &Reading::default()).ok()?.agents;
    let is_there = |agent: &Agent| agent.command.first().is_some_and(|program| find(program).is_some());
    let mut built_in = builtin::AGENTS.iter().map(|text| text.name).filter(|name| *name != "demo");
    built_in.find(|name| {
        let mut agents = known.iter().map(|known| &known.agent);
        agents.any(|agent| agent.name.as_str() == *name && !agent.acp && is_there(agent))
    })
}

/// Where a program lies: by its path, or on the `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let runs = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program == "{self}" {
        return std::env::current_exe().ok();
    }
    if program.contains('/') {
        return Some(PathBuf::from(program))
            .filter(|path| runs(path))
            .and_then(|path| path.canonicalize().ok());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| runs(place)).map(|place| place.canonicalize().unwrap_or(place))
}

/// Whether the numbers of a version differ from those of what a profile was verified with.
fn differs(version: Option<&str>, verified: Option<&str>) -> Option<bool> {
    Some(number(version?)? != number(verified?)?)
}

/// The last word of a text that looks like a version: `1.2.3`.
fn number(text: &str) -> Option<&str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '/' | '@'));
    let mut trimmed = words.map(|word| word.trim_start_matches('v'));
    trimmed.rfind(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

fn write_human(report: &AgentsReport, wishes: &Wishes, out: &mut dyn Write) -> std::io::Result<()> {
    let mut table = Table::new(&["agent", "from", "runs", "version", "verified with", "driven by"]);
    for row in &report.agents {
        let version = match (&row.version, &row.version_trouble) {
            (Some(version), _) if row.differs == Some(true) => format!("{version} (not the verified one)"),
            (Some(version), _) => version.clone(),
            (None, Some(trouble)) => format!("? {trouble}"),
            (None, None) => "not installed".to_owned(),
        };
        let verified = row.verified.clone().unwrap_or_else(|| "unverified".to_owned());
        let driven = if row.driven_by == "acp" { "ACP".to_owned() } else { row.dialect.clone() };
        let program = if row.program == "{self}" { "specmake" } else { &row.program };
        let ink = if row.installed { Ink::Plain } else { Ink::Faint };
        let cells = [row.name.clone(), row.home.to_owned(), program.to_owned(), version, verified, driven];
        table.row(ink, cells.into());
    }
    for line in table.lines(wishes.width, &wishes.out) {
        writeln!(out, "{line}")?;
    }
    for row in &report.agents {
        if let Some(profile) = &row.profile {
            writeln!(out)?;
            write_profile(row, profile, out)?;
        }
        if let Some(probe) = &row.probe {
            let took = words::took(probe.millis);
            let used = probe.usage.as_ref().map(|usage| format!("; used {}", words::used(&usage.used())));
            let used = used.unwrap_or_default();
            match (&probe.said, &probe.trouble) {
                (Some(said), None) => writeln!(out, "{}: answered {said:?} in {took}{used}", row.name)?,
                (_, trouble) => {
                    let why = trouble.as_deref().unwrap_or("it said nothing");
                    writeln!(out, "{}: no answer after {took}: {why}{used}", row.name)?;
                }
            }
        }
    }
    Ok(())
}

fn write_profile(row: &AgentRow, profile: &Profile, out: &mut dyn Write) -> std::io::Result<()> {
    let quoted =
        |words: &[String]| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" ");
    let mut line = |label: &str, text: String| {
        if text.is_empty() { Ok(()) } else { writeln!(out, "  {label:<12} {text}") }
    };
    line("agent", row.name.clone())?;
    line("path", row.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default())?;
    line("command", quoted(&profile.command))?;
    line("model-args", quoted(&profile.model_args))?;
    line("resume", quoted(&profile.resume))?;
    line("prompt", profile.prompt.to_owned())?;
    line("model", row.model.clone().unwrap_or_default())?;
    line("pool", profile.pool.clone().unwrap_or_default())?;
    let env: Vec<String> = profile.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    line("env", env.join(" "))?;
    line("scrub", profile.scrub.join(" "))?;
    line("streams", if profile.streams { "yes" } else { "no" }.to_owned())?;
    line("grace", words::took(profile.grace_millis))?;
    let price = profile.price.iter().flatten().map(|(kind, usd)| format!("{kind}={usd}"));
    line("price", price.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart_by_their_numbers() {
        assert_eq!(differs(Some("codex-cli 0.169.0"), Some("@openai/codex 0.169.0")), Some(false));
        assert_eq!(differs(Some("v1.2.4"), Some("@x/y 1.2.3")), Some(true));
        assert_eq!(differs(Some("2.1.9 (Claude Code)"), Some("claude 2.1.9")), Some(false));
        assert_eq!(differs(Some("nightly"), Some("claude 2.1.9")), None);
        assert_eq!(differs(None, Some("claude 2.1.9")), None);
    }
}
