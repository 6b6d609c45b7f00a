//! `specmake doctor`: whether a build could go well here, line by line, with the next step. It changes nothing.
use super::agents::find;
use super::args::{DoctorArgs, Format};
use super::exit::Exit;
use super::ground::{Reading, read, user_config};
use super::trouble::Trouble;
use super::trust::{self, Ledger};
use super::user::UserFolders;
use super::wishes::Wishes;
use crate::base::Severity;
use crate::base::english::{age, count, list};
use crate::model::{Project, Work};
use crate::report::{Ink, Line, Mark, Style, json};
use crate::run::report::now_millis;
use crate::store::Store;
use crate::sys::git::{Git, GitError};
use crate::sys::landing::is_half_done;
use crate::sys::load::Gauge;
use crate::sys::lock::BuildLock;
use crate::sys::process::Invocation;
use crate::sys::strays::strays;
use crate::sys::worktree::place;
use rustix::fs::{Access, access};
use serde::Serialize;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Report {
    /// Whether nothing fails.
    ok: bool,
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    /// What: `git`, `agents`.
    check: &'static str,
    status: Status,
    /// How it stands.
    message: String,
    /// The next step.
    next: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// Looks, and says; exit status 1 if something fails.
///
/// # Errors
/// The writer's.
pub fn doctor(wishes: &Wishes, _args: &DoctorArgs, out: &mut dyn Write) -> Result<Exit, Trouble> {
    let mut checks = Checks::default();
    checks.all(wishes);
    let Checks(checks) = checks;
    let report = Report { ok: checks.iter().all(|check| check.status != Status::Fail), checks };
    match wishes.format {
        Format::Json => json::document(&report, out)?,
        Format::Human => {
            for check in &report.checks {
                for line in check.lines(&wishes.out) {
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    Ok(if report.ok { Exit::Done } else { Exit::Failed })
}

impl Check {
    fn lines(&self, style: &Style) -> Vec<String> {
        let (mark, ink, word) = match self.status {
            Status::Ok => (Mark::Done, Ink::Good, "ok  "),
            Status::Warn => (Mark::Warning, Ink::Attention, "warn"),
            Status::Fail => (Mark::Failed, Ink::Bad, "fail"),
        };
        let line = Line::marked(mark, style).ink(ink, word).text(" ").ink(Ink::Strong, self.check);
        let line = line.to_column(20).text(&self.message);
        let next =
            self.next.as_ref().map(|next| Line::new().to_column(20).text("next: ").ink(Ink::Strong, next));
        std::iter::once(line).chain(next).map(|line| line.render(style)).collect()
    }
}

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn push(
        &mut self,
        check: &'static str,
        status: Status,
        message: impl Into<String>,
        next: Option<String>,
    ) {
        self.0.push(Check { check, status, message: message.into(), next });
    }

    fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.push(check, Status::Ok, message, None);
    }

    fn warn(&mut self, check: &'static str, message: impl Into<String>, next: impl Into<String>) {
        self.push(check, Status::Warn, message, Some(next.into()));
    }

    fn fail(&mut self, check: &'static str, message: impl Into<String>, next: Option<String>) {
        self.push(check, Status::Fail, message, next);
    }

    fn failed(&mut self, check: &'static str, error: &GitError) {
        self.fail(check, error.to_string(), error.hint());
    }

    fn all(&mut self, wishes: &Wishes) {
        if !self.git() {
            return;
        }
        let Some(git) = self.repository() else { return };
        self.base(&git);
        self.hooks(&git);
        let on = self.lock(&git);
        self.state(&git, on);
        let project = self.specfile(&git, wishes);
        self.places(&git, project.as_ref());
        if let Some(project) = &project {
            self.agents(project);
            self.trust(&git, project);
        }
    }

    fn git(&mut self) -> bool {
        if let Err(error) = Git::require_version() {
            self.failed("git", &error);
            return false;
        }
        let version = Invocation::new("git").arg("version").capture().map(|said| said.text());
        self.ok("git", format!("{}, new enough", version.unwrap_or_default().trim_start_matches("git ")));
        true
    }

    fn repository(&mut self) -> Option<Git> {
        let here = match std::env::current_dir() {
            Ok(here) => here,
            Err(error) => {
                self.fail("repository", format!("the current folder cannot be told: {error}"), None);
                return None;
            }
        };
        // A repository of somebody else's is refused by git itself, with the words to allow it.
        let git = match Git::discover(&here) {
            Ok(git) => git.main(),
            Err(error) => {
                self.failed("repository", &error);
                return None;
            }
        };
        if let Err(error) = git.require_history() {
            self.failed("repository", &error);
        } else {
            let top = git.main_work_tree().unwrap_or(git.common_dir());
            self.ok("repository", format!("`{}`, all of its history", top.display()));
        }
        if let Err(error) = git.require_identity() {
            self.failed("identity", &error);
        } else {
            self.ok("identity", "commits have an author");
        }
        Some(git)
    }

    fn base(&mut self, git: &Git) {
        match git.branch().and_then(|branch| git.head().map(|head| (branch, head))) {
            Ok((Some(branch), _)) => self.ok("checkout", format!("on branch `{branch}`")),
            Ok((None, _)) => self.warn(
                "checkout",
                "no branch is checked out",
                "check one out, or say `project { base \"main\" }` in the Specfile",
            ),
            Err(error) => self.failed("checkout", &error),
        }
    }

    /// Our own git calls run no hooks; what agents commit by hand does.
    fn hooks(&mut self, git: &Git) {
        let configured = git.common_dir().join("config");
        let own =
            Invocation::new("git").arg("--git-dir").arg(git.git_dir()).args(["config", "core.hooksPath"]);
        let named = own.capture().ok().filter(|said| said.success()).map(|said| said.text());
        let top = git.main_work_tree().unwrap_or(git.common_dir());
        let folder = named.map_or_else(|| configured.with_file_name("hooks"), |named| top.join(named));
        let cuts_in = ["pre-commit", "prepare-commit-msg", "commit-msg", "pre-merge-commit", "post-checkout"];
        let found: Vec<String> = cuts_in
            .iter()
            .filter(|name| find(&folder.join(name).to_string_lossy()).is_some())
            .map(|name| format!("`{name}`"))
            .collect();
        if found.is_empty() {
            self.ok("hooks", "none that would cut in");
        } else {
            let message = format!(
                "{} in `{}`: specmake's own commits run none, but a commit that an agent makes itself does",
                list(&found, "and"),
                folder.display()
            );
            self.warn("hooks", message, "see that they ask nothing and work in a worktree");
        }
    }

    fn lock(&mut self, git: &Git) -> bool {
        match BuildLock::holder(git) {
            Ok(None) => {
                self.ok("lock", "nobody builds here");
                false
            }
            Ok(Some(holder)) => {
                let since = age((now_millis() / 1000).saturating_sub(holder.since));
                let message = format!("a build is on: pid {}, since {since}", holder.pid);
                self.warn("lock", message, "`specmake watch` shows it; another build waits for it");
                true
            }
            Err(error) => {
                self.failed("lock", &error);
                false
            }
        }
    }

    /// What earlier runs left.
    fn state(&mut self, git: &Git, on: bool) {
        let folder = git.state_dir();
        match Store::open_existing(&folder) {
            Err(error) => self.fail("state", error.to_string(), Some(error.hint().to_owned())),
            Ok(None) => self.ok("state", "nothing is recorded yet"),
            Ok(Some(store)) => match store.runs(1).map(|runs| runs.into_iter().next()) {
                Ok(Some(run)) if run.ended.is_none() && !on => {
                    let message = format!("the last run, {}, was cut off", run.name);
                    self.warn("state", message, "`specmake resume`, or any build, goes on from there");
                }
                Ok(_) => self.ok("state", format!("`{}` can be read", store.path().display())),
                Err(error) => self.fail("state", error.to_string(), Some(error.hint().to_owned())),
            },
        }
        if on {
            return;
        }
        if is_half_done(git) {
            let message = "a landing was cut off while it moved the base";
            self.warn("landing", message, "the next build finishes it or takes it back");
        } else {
            self.ok("landing", "none was cut off");
        }
        match strays(git) {
            0 => self.ok("processes", "none is left of an earlier run"),
            left => {
                let message = format!("{} of an earlier run still there", count(left, "process"));
                self.warn("processes", message, "the next build ends them");
            }
        }
    }

    fn specfile(&mut self, git: &Git, wishes: &Wishes) -> Option<Project> {
        let (loaded, graph) = match read(git, wishes, &Reading::default()) {
            Ok(found) => found,
            Err(trouble) => {
                self.fail("Specfile", trouble.message, trouble.hint);
                return None;
            }
        };
        let of = |severity| loaded.diagnostics.iter().filter(|found| found.severity == severity).count();
        let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
        let next = Some("specmake check".to_owned());
        if errors > 0 {
            self.fail("Specfile", format!("it has {}", count(errors, "mistake")), next);
        } else if warnings > 0 {
            self.push("Specfile", Status::Warn, format!("it has {}", count(warnings, "warning")), next);
        } else {
            let specs = loaded.project.as_ref().map_or(0, |project| project.specs.len());
            self.ok("Specfile", format!("{}, no mistakes", count(specs, "spec")));
        }
        loaded.project.filter(|_| graph.is_some())
    }

    /// Where worktrees lie, and the room there.
    fn places(&mut self, git: &Git, project: Option<&Project>) {
        let spec = project.and_then(|project| project.specs.values().next());
        let template = spec.map_or("../{repo}.worktrees/{spec}", |spec| spec.worktree.as_str());
        let name = spec.map_or("any", |spec| spec.name.as_str());
        let path = match place(git, template, name) {
            Ok(path) => path,
            Err(error) => return self.failed("worktrees", &error),
        };
        let Some(there) = path.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned) else {
            return self.fail("worktrees", format!("there is no place for `{}`", path.display()), None);
        };
        let folder = path.parent().unwrap_or(&path).display().to_string();
        if access(&there, Access::WRITE_OK).is_err() {
            let next = format!(
                "let this user write in `{}`, or choose another place with `worktrees`",
                there.display()
            );
            self.fail("worktrees", format!("`{folder}` cannot be written"), Some(next));
        } else if device(&there) == device(git.common_dir()) {
            self.ok("worktrees", format!("`{folder}` can be written, on the disk of the repository"));
        } else {
            let message = format!(
                "`{folder}` lies on another disk than the repository: what is copied there costs time and room"
            );
            self.warn("worktrees", message, "choose a place beside the repository with `worktrees`");
        }
        self.room(&there, project);
        for state in [git.state_dir(), git.common_dir().to_owned()] {
            let there = state.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned);
            if there.is_none_or(|there: PathBuf| access(&there, Access::WRITE_OK).is_err()) {
                self.fail(
                    "disk",
                    format!("`{}` cannot be written", state.display()),
                    Some("let this user write there".to_owned()),
                );
            }
        }
    }

    fn room(&mut self, folder: &Path, project: Option<&Project>) {
        let limit = project.map_or(1_000_000_000, |project| project.settings.limits.disk);
        match Gauge::new(folder).read().disk_free {
            Some(free) if free < limit => {
                let message = format!("{} free, and nothing new starts below {}", size(free), size(limit));
                self.fail(
                    "disk",
                    message,
                    Some(
                        "free some room, or lower `limits disk=`; `specmake gc` lists what may go".to_owned(),
                    ),
                );
            }
            Some(free) => self.ok("disk", format!("{} free", size(free))),
            None => self.warn("disk", "how much is free cannot be told", "see `df`"),
        }
    }

    /// The agents that stages of the Specfile work with.
    fn agents(&mut self, project: &Project) {
        let mut missing = Vec::new();
        let mut there = Vec::new();
        for (name, agent) in &project.agents {
            let program = agent.command.first().map(String::as_str).unwrap_or_default();
            match find(program) {
                Some(_) => there.push(format!("`{name}`")),
                None => missing.push((name, program.to_owned())),
            }
        }
        for (name, program) in &missing {
            let used = project
                .specs
                .values()
                .flat_map(|spec| &spec.stages)
                .any(|stage| matches!(&stage.work, Work::Agent { agent, .. } if agent == *name));
            let message = format!("`{name}` runs `{program}`, which is not on the `PATH`");
            let next =
                format!("install it, or give its work to another agent; `specmake agents {name}` shows it");
            self.push("agents", if used { Status::Fail } else { Status::Warn }, message, Some(next));
        }
        match (there.is_empty(), missing.is_empty()) {
            (false, _) => self.ok(
                "agents",
                format!(
                    "{} installed; `specmake agents --probe` asks whether they answer",
                    list(&there, "and")
                ),
            ),
            (true, true) => self.ok("agents", "none is needed"),
            (true, false) => {}
        }
    }

    fn trust(&mut self, git: &Git, project: &Project) {
        let commands = trust::commands(project, &trust::own_agents(user_config().as_ref()));
        let data = UserFolders::here().data;
        let ledger = Ledger::of(git.common_dir(), data.as_deref());
        let unknown = ledger.unknown(&commands, &project.settings.trust).len();
        if unknown == 0 {
            self.ok("trust", format!("{} approved", count(commands.len(), "command")));
        } else {
            let message = format!("{} of the Specfile not approved by you yet", count(unknown, "command"));
            self.warn("trust", message, "build once on a terminal, which asks, or add `--yes`");
        }
    }
}

fn device(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|meta| meta.dev())
}

/// Bytes as people say them.
#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn size(bytes: u64) -> String {
    match bytes {
        0..=999_999 => format!("{} kB", bytes / 1000),
        1_000_000..=999_999_999 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
