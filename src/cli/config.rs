//! `specmake config show`: every setting, and where its value comes from.
use super::args::{ConfigArgs, ConfigCommand, Format};
use super::exit::Exit;
use super::ground::{Reading, files_of, repository, request, user_config};
use super::trouble::Trouble;
use super::user::{Surroundings, UserFolders};
use super::wishes::Wishes;
use crate::base::Sources;
use crate::model::{LoadRequest, Look, Origin, Said, Setting, look};
use crate::report::Ink;
use crate::report::json;
use crate::report::table::Table;
use serde::Serialize;
use std::io::Write;

/// Every setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ConfigReport {
    /// The user's own file, and whether it is there.
    user_file: Option<UserFile>,
    settings: Vec<SettingRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct UserFile {
    path: String,
    exists: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SettingRow {
    key: String,
    /// As they are written in a Specfile; several where all of them count.
    values: Vec<ValueRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ValueRow {
    value: String,
    /// `command-line`, `environment`, `file` or `built-in`.
    from: &'static str,
    /// The variable, or `FILE:LINE`.
    place: Option<String>,
}

/// Shows what holds.
///
/// # Errors
/// There is no such setting.
pub fn config(wishes: &Wishes, args: &ConfigArgs, out: &mut dyn Write) -> Result<Exit, Trouble> {
    let ConfigCommand::Show(args) = &args.command;
    let reading =
        Reading { jobs: args.jobs, agent: args.agent.clone(), model: args.model.clone(), max_cost: None };
    let found = seen(wishes, &reading)?;
    let mut rows: Vec<SettingRow> =
        found.settings.iter().map(|setting| row(setting, &found.sources)).collect();
    if let Some(key) = &args.key {
        let known: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
        let dotted = format!("{key}.");
        rows.retain(|row| row.key == *key || row.key.starts_with(&dotted));
        if rows.is_empty() {
            let trouble = Trouble::usage(format!("there is no setting `{key}`"));
            return Err(trouble.hint(format!("there are: {}", known.join(", "))));
        }
    }
    let user_file = UserFolders::here()
        .config
        .map(|path| UserFile { exists: path.exists(), path: path.display().to_string() });
    let report = ConfigReport { user_file, settings: rows };
    if wishes.format == Format::Json {
        json::document(&report, out)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["setting", "value", "from"]);
    for row in &report.settings {
        let mut name = row.key.as_str();
        for of in &row.values {
            let from = of.place.clone().unwrap_or_else(|| of.from.replace('-', " "));
            let ink = if of.from == "built-in" { Ink::Faint } else { Ink::Plain };
            table.row(ink, vec![name.to_owned(), of.value.clone(), from]);
            name = "";
        }
        if row.values.is_empty() {
            table.row(Ink::Faint, vec![row.key.clone(), "-".to_owned(), String::new()]);
        }
    }
    for line in table.lines(wishes.width, &wishes.out) {
        writeln!(out, "{line}")?;
    }
    Ok(Exit::Done)
}

/// What all texts say here; outside of a repository, or where it has no Specfile, what the user's own file says.
///
/// # Errors
/// The Specfile that was named cannot be read.
pub fn seen(wishes: &Wishes, reading: &Reading) -> Result<Look, Trouble> {
    let named = wishes.specfile.is_some();
    let git = match repository() {
        Ok(git) => git,
        Err(trouble) if named => return Err(trouble),
        Err(_) => return Ok(without_specfile(reading, None)),
    };
    let files = files_of(&git)?;
    match request(&git, wishes, reading, &*files) {
        Ok(request) => Ok(look(&request, &*files)),
        Err(trouble) if named => Err(trouble),
        Err(_) => Ok(without_specfile(reading, Some(git.name()))),
    }
}

fn without_specfile(reading: &Reading, repo: Option<String>) -> Look {
    let request = LoadRequest {
        user_config: user_config(),
        env: Surroundings::here().taste(),
        jobs: reading.jobs,
        agent: reading.agent.as_ref().map(ToString::to_string),
        model: reading.model.clone(),
        repo: repo.unwrap_or_default(),
        ..LoadRequest::default()
    };
    look(&request, &super::checkout::Checkout::new(std::path::Path::new("/nonexistent")))
}

fn row(setting: &Setting, sources: &Sources) -> SettingRow {
    let value = |said: &Said| {
        let (from, place) = match &said.origin {
            Origin::CommandLine => ("command-line", None),
            Origin::Environment(name) => ("environment", Some(name.clone())),
            Origin::BuiltIn => ("built-in", None),
            Origin::Text(span) => {
                let name = sources.file(span.source).map(|file| file.name.to_string()).unwrap_or_default();
                let line = sources.line_column(*span).map_or(String::new(), |(line, _)| format!(":{line}"));
                ("file", Some(format!("{name}{line}")))
            }
        };
        ValueRow { value: said.text.clone(), from, place }
    };
    SettingRow { key: setting.key.clone(), values: setting.said.iter().map(value).collect() }
}
