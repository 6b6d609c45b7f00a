//! Keeps what happens in a run: its events, and how long its stages took.
use crate::base::{SpecName, StageId, StageName};
use crate::event::{Done, Event, LandingPhase, Record};
use crate::rebuild::LANDING;
use crate::store::{RunId, Store, StoreError, Took};
use crate::sys::git::Git;
use std::collections::HashMap;
use std::io::Write;

/// Keeps events and durations of the run; what cannot be kept is said once.
pub fn recorder(git: &Git, run: &str, started: u64, base: &str) -> impl FnMut(&[Record]) + Send + 'static {
    let opened = Store::open(&git.state_dir()).map(|opened| opened.store);
    let mut kept = opened.and_then(|mut store| {
        let id = store.begin_run(run, started, std::process::id(), base)?;
        Ok((store, id))
    });
    if let Err(error) = &kept {
        let _ = writeln!(std::io::stderr(), "specmake: this run is not recorded: {error}");
    }
    let mut measures = Measures::default();
    move |records| {
        let Ok((store, id)) = &mut kept else { return };
        let written = record(store, *id, &mut measures, records);
        if let Err(error) = written {
            let _ = writeln!(std::io::stderr(), "specmake: the rest of this run is not recorded: {error}");
            kept = Err(error);
        }
    }
}

fn record(
    store: &mut Store,
    run: RunId,
    measures: &mut Measures,
    records: &[Record],
) -> Result<(), StoreError> {
    store.append(run, records)?;
    let mut durations = Vec::new();
    for record in records {
        durations.extend(measures.hear(record));
        if let Event::RunEnded { outcome, .. } = &record.event {
            store.end_run(run, record.at, *outcome)?;
        }
    }
    if durations.is_empty() { Ok(()) } else { store.put_durations(&durations) }
}

/// What is to be known to tell, when something ends, what it took.
#[derive(Default)]
struct Measures {
    /// What the ended attempts of a stage cost, and what the one under way has so far.
    usd: HashMap<StageId, (f64, f64)>,
    /// When landings began.
    began: HashMap<SpecName, u64>,
}

impl Measures {
    fn hear(&mut self, record: &Record) -> Option<(StageId, Took)> {
        match &record.event {
            Event::Usage { stage, usage, .. } => {
                if let Some(cost) = usage.cost {
                    self.usd.entry(stage.clone()).or_default().1 = cost;
                }
                None
            }
            Event::AttemptEnded { stage, .. } => {
                if let Some((ended, now)) = self.usd.get_mut(stage) {
                    *ended += std::mem::take(now);
                }
                None
            }
            Event::StageDone { stage, how, millis, .. } => {
                let usd = self.usd.remove(stage).map(|(ended, now)| ended + now);
                (*how == Done::Ran).then(|| (stage.clone(), Took { millis: *millis, usd }))
            }
            Event::Landing { spec, phase: LandingPhase::Probing } => {
                self.began.insert(spec.clone(), record.at);
                None
            }
            Event::Landed { spec, .. } => {
                let millis = record.at.saturating_sub(self.began.remove(spec)?);
                let stage = StageName::new(LANDING).ok()?;
                Some((StageId::new(spec, &stage), Took { millis, usd: None }))
            }
            _ => None,
        }
    }
}
