//! Keeps what happens in a run: its events, and how long its stages took.
use crate::event::{Done, Event, Record};
use crate::store::{RunId, Store, StoreError};
use crate::sys::git::Git;
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
    move |records| {
        let Ok((store, id)) = &mut kept else { return };
        let written = record(store, *id, records);
        if let Err(error) = written {
            let _ = writeln!(std::io::stderr(), "specmake: the rest of this run is not recorded: {error}");
            kept = Err(error);
        }
    }
}

fn record(store: &mut Store, run: RunId, records: &[Record]) -> Result<(), StoreError> {
    store.append(run, records)?;
    let mut durations = Vec::new();
    for record in records {
        match &record.event {
            Event::StageDone { stage, how: Done::Ran, millis, .. } => {
                durations.push((stage.clone(), *millis))
            }
            Event::RunEnded { outcome, .. } => store.end_run(run, record.at, *outcome)?,
            _ => {}
        }
    }
    if durations.is_empty() { Ok(()) } else { store.put_durations(&durations) }
}
