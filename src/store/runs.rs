//! Runs and what happened in them.
use super::database::{Store, signed, unsigned};
use super::error::StoreError;
use crate::event::{Event, Record, RunOutcome};
use rusqlite::{OptionalExtension, Row, params};

/// The number of a run in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(i64);

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its number.
    pub id: RunId,
    /// Its name, as in `.specmake/logs/<name>`.
    pub name: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub started: u64,
    /// When it ended; none if it runs, or was killed.
    pub ended: Option<u64>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// Its process.
    pub pid: u32,
    /// The branch that results land on.
    pub base: String,
}

/// Some events of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The events, each with its number, in order.
    pub records: Vec<(u64, Record)>,
    /// Rows that are no event that this program knows.
    pub unread: usize,
    /// The number to go on from.
    pub next: u64,
}

impl Store {
    /// Notes that a run began.
    ///
    /// # Errors
    /// Trouble with the state file; a name that another run has.
    pub fn begin_run(&mut self, name: &str, started: u64, pid: u32, base: &str) -> Result<RunId, StoreError> {
        let sql = "INSERT INTO runs (name, started, pid, base) VALUES (?1, ?2, ?3, ?4)";
        self.change(|db| {
            db.execute(sql, params![name, signed(started), pid, base])?;
            Ok(RunId(db.last_insert_rowid()))
        })
    }

    /// Notes that a run ended.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn end_run(&mut self, run: RunId, ended: u64, outcome: RunOutcome) -> Result<(), StoreError> {
        let outcome = serde_json::to_string(&outcome).unwrap_or_default();
        let sql = "UPDATE runs SET ended = ?2, outcome = ?3 WHERE id = ?1";
        self.change(|db| db.execute(sql, params![run.0, signed(ended), outcome]).map(|_| ()))
    }

    /// Appends events to a run, in one write. Lines of output are shown, not stored.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn append(&mut self, run: RunId, records: &[Record]) -> Result<(), StoreError> {
        let kept = records.iter().filter(|record| !matches!(record.event, Event::Output { .. }));
        let rows: Vec<(i64, String)> = kept
            .filter_map(|record| Some((signed(record.at), serde_json::to_string(record).ok()?)))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.change(|db| {
            let last = "SELECT coalesce(max(seq), -1) FROM events WHERE run = ?1";
            let last: i64 = db.prepare_cached(last)?.query_row([run.0], |row| row.get(0))?;
            let mut insert = db.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4)")?;
            for ((at, json), seq) in rows.iter().zip(last + 1..) {
                insert.execute(params![run.0, seq, at, json])?;
            }
            Ok(())
        })
    }

    /// Events of a run from a number on, at most so many; while the run is on, too.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn events(&self, run: RunId, from: u64, most: usize) -> Result<Page, StoreError> {
        let read = || {
            let sql = "SELECT seq, json FROM events WHERE run = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3";
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map(params![run.0, signed(from), signed(most as u64)], |row| {
                Ok((unsigned(row.get(0)?), row.get::<_, String>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<(u64, String)>>>()
        };
        let mut page = Page { next: from, ..Page::default() };
        for (seq, json) in read().map_err(|e| self.trouble(&e))? {
            page.next = seq + 1;
            match serde_json::from_str(&json) {
                Ok(record) => page.records.push((seq, record)),
                Err(_) => page.unread += 1,
            }
        }
        Ok(page)
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn runs(&self, most: usize) -> Result<Vec<RunRow>, StoreError> {
        let read = || {
            let mut query = self.db.prepare_cached(
                "SELECT id, name, started, ended, outcome, pid, base FROM runs ORDER BY id DESC LIMIT ?1",
            )?;
            query.query_map([signed(most as u64)], run_row)?.collect::<rusqlite::Result<Vec<RunRow>>>()
        };
        read().map_err(|e| self.trouble(&e))
    }

    /// The run of that name.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn run(&self, name: &str) -> Result<Option<RunRow>, StoreError> {
        let sql = "SELECT id, name, started, ended, outcome, pid, base FROM runs WHERE name = ?1";
        self.db.query_row(sql, [name], run_row).optional().map_err(|e| self.trouble(&e))
    }

    /// The names of runs that began before a moment (milliseconds since the Unix epoch), but for the newest few.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn old_runs(&self, keep: usize, before: u64) -> Result<Vec<String>, StoreError> {
        let old = self.runs(usize::MAX >> 1)?.into_iter().skip(keep).filter(|run| run.started < before);
        Ok(old.map(|run| run.name).collect())
    }

    /// Forgets a run and its events.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn forget_run(&mut self, name: &str) -> Result<(), StoreError> {
        self.change(|db| {
            db.execute("DELETE FROM events WHERE run IN (SELECT id FROM runs WHERE name = ?1)", [name])?;
            db.execute("DELETE FROM runs WHERE name = ?1", [name]).map(drop)
        })
    }
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let outcome: Option<String> = row.get(4)?;
    Ok(RunRow {
        id: RunId(row.get(0)?),
        name: row.get(1)?,
        started: unsigned(row.get(2)?),
        ended: row.get::<_, Option<i64>>(3)?.map(unsigned),
        outcome: outcome.and_then(|text| serde_json::from_str(&text).ok()),
        pid: row.get(5)?,
        base: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SpecName, StageId, StageName};
    use proptest::prelude::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        (folder, store)
    }

    fn stage() -> StageId {
        StageId::new(&SpecName::new("051").unwrap(), &StageName::new("plan").unwrap())
    }

    fn record() -> impl Strategy<Value = Record> {
        let event = prop_oneof![
            any::<String>().prop_map(|message| Event::Warning { message }),
            any::<String>().prop_map(|line| Event::Output { stage: stage(), line }),
            (any::<u32>(), any::<u32>()).prop_map(|(done, total)| Event::Progress {
                stage: stage(),
                done,
                total
            }),
            any::<u64>().prop_map(|millis| Event::RunEnded { outcome: RunOutcome::Done, millis }),
        ];
        (0..u64::MAX / 4, event).prop_map(|(at, event)| Record { at, event })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn events_come_back_in_order_page_by_page(
            batches in prop::collection::vec(prop::collection::vec(record(), 0..6), 0..6),
            page in 1..5_usize,
        ) {
            let (folder, mut store) = store();
            let run = store.begin_run("one", 1, 7, "main").unwrap();
            let other = store.begin_run("two", 2, 7, "main").unwrap();
            let reader = Store::open_existing(folder.path()).unwrap().unwrap();
            for batch in &batches {
                store.append(run, batch).unwrap();
                store.append(other, &batch[..batch.len() / 2]).unwrap();
            }
            let mut read = Vec::new();
            let mut from = 0;
            loop {
                let page = reader.events(run, from, page).unwrap();
                if page.records.is_empty() {
                    break;
                }
                from = page.next;
                read.extend(page.records);
            }
            let kept = batches.concat().into_iter().filter(|r| !matches!(r.event, Event::Output { .. }));
            let kept: Vec<(u64, Record)> = (0..).zip(kept).collect();
            prop_assert_eq!(read, kept);
        }
    }

    #[test]
    fn runs_are_listed_newest_first_and_forgotten_oldest_first() {
        let (_folder, mut store) = store();
        for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
            let run = store.begin_run(name, at as u64, 1, "main").unwrap();
            store.append(run, &[Record { at: 1, event: Event::Warning { message: name.into() } }]).unwrap();
        }
        let b = store.run("b").unwrap().unwrap();
        store.end_run(b.id, 9, RunOutcome::Failed).unwrap();
        let b = store.run("b").unwrap().unwrap();
        assert_eq!((b.ended, b.outcome, b.started), (Some(9), Some(RunOutcome::Failed), 1));
        assert_eq!(store.old_runs(2, 9).unwrap(), ["a"]);
        assert_eq!(store.old_runs(0, 1).unwrap(), ["a"], "the others are younger");
        store.forget_run("a").unwrap();
        let names: Vec<String> = store.runs(10).unwrap().into_iter().map(|run| run.name).collect();
        assert_eq!(names, ["c", "b"]);
        assert_eq!(store.events(b.id, 0, 9).unwrap().records.len(), 1);
        assert!(store.begin_run("b", 1, 1, "main").is_err());
    }

    #[test]
    fn an_event_of_another_version_is_counted_not_lost_silently() {
        let (_folder, mut store) = store();
        let run = store.begin_run("a", 0, 1, "main").unwrap();
        store
            .db
            .execute("INSERT INTO events VALUES (?1, 0, 0, '{\"event\":\"new-thing\"}')", [run.0])
            .unwrap();
        assert_eq!(store.events(run, 0, 9).unwrap(), Page { records: vec![], unread: 1, next: 1 });
    }
}
