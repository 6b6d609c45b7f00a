//! Testing a commit in the landing worktree, which only specmake uses; trees that were green are remembered.
use super::attempt::blocking;
use super::ending::how_it_ended;
use super::judging::setup_failure;
use super::site::Site;
use crate::agent::command::{self, Limits, Surroundings};
use crate::base::{Oid, SpecName, Stamp, Stamper};
use crate::event::{Failure, LandingPhase};
use crate::model::FailureClass;
use crate::rebuild::LANDING;
use crate::sys::child::Cut;
use crate::sys::git::GitError;
use crate::sys::stop::Stop;
use crate::sys::worktree::{Start, Worktree};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// A commit to test, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Tested {
    /// The specs that want to land, at least one; the last is the one on top.
    pub specs: Vec<SpecName>,
    /// The commit.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
    /// The name of its log: `land`, or `land@base`.
    pub log: &'static str,
}

/// How a check came out.
pub(super) enum Check {
    /// Every line ended well.
    Green,
    /// One did not, or could not be run.
    Red(Failure),
    /// We were told to stop.
    Stopped,
}

impl Site {
    /// Runs the landing's checks on a commit, unless its tree was green before.
    pub(super) async fn check(self: &Arc<Self>, tested: &Tested, stop: &Stop) -> Check {
        let lines = &self.project.land.check;
        if lines.is_empty() || self.is_unchecked() {
            return Check::Green;
        }
        let phase = |phase| tested.specs.iter().for_each(|spec| self.phase(spec, phase));
        if self.was_green(tested.tree) {
            phase(LandingPhase::KnownGreen);
            return Check::Green;
        }
        let Some(spec) = tested.specs.last() else { return Check::Green };
        let attempt = self.next_check(&format!("{spec}/{}", tested.log));
        phase(LandingPhase::SettingUp);
        let desk = self.desks.take().await;
        let (site, number, commit) = (Arc::clone(self), desk.number(), tested.commit);
        let opened = blocking(move || site.landing_worktree(number, commit)).await;
        let worktree = match opened {
            Ok(worktree) => worktree,
            Err(failure) => return Check::Red(failure),
        };
        let landing = format!("the landing of {spec}");
        if !worktree.is_ready() {
            for line in &self.project.settings.setup {
                let around = self.around_landing(&worktree, number, spec, "setup", attempt);
                let log = format!("logs/{}/{spec}/setup@land.{attempt}.log", self.run);
                let limits = Limits {
                    log: self.state_dir.join(log),
                    timeout: Some(super::launch::SETUP),
                    stall: None,
                };
                match self.run_setup(&landing, command::shell(line, &[], &around, limits), stop).await {
                    Ok(exit) if exit.cut == Some(Cut::Stopped) => return Check::Stopped,
                    Ok(_) => {}
                    Err(failure) => return Check::Red(failure),
                }
            }
            if let Err(error) = worktree.mark_ready() {
                return Check::Red(setup_failure(&error));
            }
        }
        phase(LandingPhase::Checking);
        let log = format!("logs/{}/{spec}/{}.{attempt}.log", self.run, tested.log);
        for line in lines {
            let around = self.around_landing(&worktree, number, spec, LANDING, attempt);
            let timeout = self.project.land.timeout;
            let limits = Limits { log: self.state_dir.join(&log), timeout, stall: None };
            let launch = command::shell(line, &[], &around, limits);
            let exit = match self.process(&landing, launch, stop, |_| {}).await {
                Ok(exit) => exit,
                Err(error) => return Check::Red(setup_failure(&error)),
            };
            if exit.cut == Some(Cut::Stopped) {
                return Check::Stopped;
            }
            if !exit.success() {
                let message = format!("the landing's `{line}` is red: {}", how_it_ended(&exit));
                return Check::Red(Failure::new(FailureClass::Check, message).with_log(log));
            }
        }
        self.note_green(tested.tree);
        Check::Green
    }

    /// Whether a person asked for landings without a test.
    pub(super) fn is_unchecked(&self) -> bool {
        self.options.by_hand.is_some_and(|by_hand| by_hand.unchecked)
    }

    /// Which test of that name this is, from 1.
    fn next_check(&self, name: &str) -> u32 {
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let count = checks.entry(name.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// What a process in a landing worktree is told. Its slot is nobody else's.
    pub(super) fn around_landing<'a>(
        &'a self,
        worktree: &'a Worktree,
        desk: usize,
        spec: &'a SpecName,
        stage: &'a str,
        attempt: u32,
    ) -> Surroundings<'a> {
        Surroundings {
            run: &self.run,
            spec: Some(spec.as_str()),
            stage,
            attempt,
            worktree: worktree.top(),
            folder: None,
            slot: self.desk_slot(desk),
            port_base: super::launch::port_base(self.desk_slot(desk)),
        }
    }

    /// A worktree that only landings use, at a commit.
    pub(super) fn landing_worktree(&self, desk: usize, commit: Oid) -> Result<Worktree, Failure> {
        let setup = |error: GitError| setup_failure(&error);
        let path = self.landing_path(desk).map_err(setup)?;
        // What a power cut left of one is nobody's, like all that lies there.
        if Worktree::find(&self.git, &path).is_err() {
            let gone = std::fs::remove_dir_all(&path);
            gone.map_err(|e| setup_failure(&format!("cannot remove `{}`: {e}", path.display())))?;
        }
        let worktree = match Worktree::find(&self.git, &path).map_err(setup)? {
            None => Worktree::add(&self.git, &path, Start::Detached(commit)).map_err(setup)?,
            Some(worktree) => {
                worktree.reset_to(None, commit).map_err(setup)?;
                worktree.init_submodules().map_err(setup)?;
                worktree
            }
        };
        worktree.mark_for_landings().map_err(setup)?;
        self.bring_in(&worktree)?;
        Ok(worktree)
    }

    /// Beside the specs' worktrees, under a name that no spec can have.
    ///
    /// # Errors
    /// That would be inside the repository.
    pub fn landing_path(&self, desk: usize) -> Result<PathBuf, GitError> {
        let name = if desk == 0 { ".landing".to_owned() } else { format!(".landing{}", desk + 1) };
        let specs = self.project.specs.values();
        let first = specs.map(|spec| self.worktree_path(spec)).next().transpose()?;
        let folder = first.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        Ok(folder.unwrap_or_else(|| self.git.own_dir()).join(name))
    }

    /// A tree together with all that tests it.
    pub(super) fn check_stamp(&self, tree: Oid) -> Stamp {
        let mut stamper = Stamper::new("check").field(tree.as_bytes());
        for line in self.project.land.check.iter().chain(&self.project.settings.setup) {
            stamper = stamper.field(line.as_bytes());
        }
        stamper.stamp()
    }

    fn was_green(&self, tree: Oid) -> bool {
        self.store().meta(&green(self.check_stamp(tree))).is_ok_and(|seen| seen.is_some())
    }

    fn note_green(&self, tree: Oid) {
        if let Err(error) = self.store().put_meta(&green(self.check_stamp(tree)), Some("1")) {
            self.reporter.warn(format!("cannot remember a green check: {error}"));
        }
    }
}

fn green(stamp: Stamp) -> String {
    format!("green {stamp}")
}
