//! `specmake resume`: after a run that was cut off, a person chooses how to go on.
use super::args::ResumeArgs;
use super::build::{build, require_trust};
use super::exit::Exit;
use super::ground::{Ground, Reading};
use super::opening::{lock, open_mended};
use super::status::{History, Stored};
use super::trouble::Trouble;
use super::user::{Surroundings, Terminal};
use super::wishes::{BuildWish, Wishes};
use crate::base::{StageId, english};
use crate::event::{Failure, RunOutcome};
use crate::run::holding::Release;
use crate::run::report::now_millis;
use crate::store::Store;
use crate::sys::lock::BuildLock;
use crate::view::{StageState, View};
use std::io::Write;

/// A run that was cut off.
struct CutOff {
    /// What it was to build, as typed.
    goals: Vec<String>,
    /// What was at work then.
    at_work: Vec<StageId>,
    /// Seconds since it began.
    age: u64,
}

/// Goes on after a run that was cut off, as a person chooses.
///
/// # Errors
/// A run is on, or nobody is there to choose.
pub fn resume(
    wishes: &Wishes,
    args: &ResumeArgs,
    wish: &BuildWish,
    here: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Trouble> {
    let ground = Ground::open(wishes, &Reading::default(), err)?;
    if let Some(holder) = BuildLock::holder(&ground.git)? {
        return Err(Trouble::environment(format!("a run is on (pid {})", holder.pid))
            .hint("`specmake status` shows where it stands"));
    }
    let store = Store::open_existing(&ground.git.state_dir());
    let store = store.map_err(|error| Trouble::environment(&error).hint(error.hint()))?;
    let runs = Stored { store: store.as_ref(), on: false }.newest_runs(1).map_err(Trouble::environment)?;
    drop(store);
    let view = View::of(runs.first().map_or(&[][..], Vec::as_slice));
    let Some(cut) = CutOff::of(view) else {
        writeln!(err, "specmake: the last run was not cut off; `specmake` builds what is out of date")?;
        return Ok(Exit::Done);
    };
    let at_work = match cut.at_work.as_slice() {
        [] => "nothing was at work".to_owned(),
        many => format!("{} at work: what it left is kept", english::list(many, "and")),
    };
    writeln!(err, "specmake: a run that began {} ago was cut off; {at_work}", english::age(cut.age))?;
    let choice = if args.yes { 'r' } else { choose(&cut, here)? };
    if choice != 'a' {
        require_trust(wishes, wish, &ground, here, err)?;
    }
    match choice {
        'r' => {}
        's' => cut.each(&ground, err, |site, position| {
            let failure = Failure::by_hand(Some("left out by `resume`"));
            site.hold_spec(position, &failure).map(drop).map_err(Trouble::environment)
        })?,
        'f' => {
            let release = Release { clean: true, ..Release::default() };
            let mut told = Vec::new();
            cut.each(&ground, err, |site, position| {
                told.extend(site.release(position, &release).map_err(Trouble::environment)?);
                Ok(())
            })?;
            for line in told {
                writeln!(err, "specmake: {line}")?;
            }
        }
        _ => {
            writeln!(err, "specmake: nothing was done")?;
            return Ok(Exit::Done);
        }
    }
    build(wishes, &BuildWish { goals: cut.goals, ..wish.clone() }, here, out, err)
}

fn choose(cut: &CutOff, here: &Surroundings) -> Result<char, Trouble> {
    let question = "[r]etry, [s]kip what was at work and build the rest, begin that a[f]resh, or [a]bort?";
    Terminal::of(here).choose(question, "rsfa").map_err(|_| {
        let goals = if cut.goals.is_empty() { "everything".to_owned() } else { cut.goals.join(" ") };
        Trouble::usage(format!("it would build {goals} again, from where it was"))
            .hint("`--yes` does; on a terminal there is a choice")
    })
}

impl CutOff {
    fn of(mut view: View) -> Option<Self> {
        let run = view.run.clone()?;
        if view.end.is_some_and(|end| end.outcome != RunOutcome::Interrupted) {
            return None;
        }
        view.stop(view.latest);
        let mut at_work = Vec::new();
        for spec in view.specs.values() {
            for (name, stage) in &spec.stages {
                let last = stage.attempts.last().and_then(|attempt| attempt.failure.as_ref());
                let is_done = matches!(stage.state, StageState::Done { .. });
                if stage.state == StageState::Stopped || (!is_done && last.is_some_and(Failure::is_stop)) {
                    at_work.push(StageId::new(&spec.name, name));
                }
            }
        }
        let age = now_millis().saturating_sub(run.started) / 1000;
        Some(Self { goals: run.goals, at_work, age })
    }

    /// Does something about each spec that was at work and is still declared.
    fn each(
        &self,
        ground: &Ground,
        err: &mut dyn Write,
        mut deed: impl FnMut(&crate::run::site::Site, usize) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let lock = lock(&ground.git, "resume", true, err)?;
        let site = open_mended(ground, &lock, "resume", err)?;
        let mut specs: Vec<usize> =
            self.at_work.iter().filter_map(|id| ground.project.specs.get_index_of(&id.spec)).collect();
        specs.dedup();
        specs.into_iter().try_for_each(|position| deed(&site, position))
    }
}
