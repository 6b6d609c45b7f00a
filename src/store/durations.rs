//! How long stages took.
use super::database::{Store, signed, unsigned};
use super::error::StoreError;
use crate::base::{SpecName, StageId, StageName};
use rusqlite::params;

/// Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measured {
    /// The last time of each stage; of a landing under the stage name `land`.
    pub by_stage: Vec<(StageId, u64)>,
    /// The mean of those of each stage name.
    pub by_name: Vec<(StageName, u64)>,
}

impl Store {
    /// Notes how long stages took, in milliseconds; the last time counts.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn put_durations(&mut self, durations: &[(StageId, u64)]) -> Result<(), StoreError> {
        self.change(|db| {
            let mut put = db.prepare_cached("INSERT OR REPLACE INTO durations VALUES (?1, ?2, ?3)")?;
            for (id, millis) in durations {
                put.execute(params![id.spec.as_str(), id.stage.as_str(), signed(*millis)])?;
            }
            Ok(())
        })
    }

    /// All durations known.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn durations(&self) -> Result<Measured, StoreError> {
        let by_stage = || {
            let mut query = self.db.prepare_cached("SELECT spec, stage, millis FROM durations")?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, String, i64)>>>()
        };
        let by_name = || {
            let sql = "SELECT stage, cast(avg(millis) AS INTEGER) FROM durations GROUP BY stage";
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, i64)>>>()
        };
        let by_stage = by_stage().map_err(|e| self.trouble(&e))?;
        let by_name = by_name().map_err(|e| self.trouble(&e))?;
        // A name that is none any more is nobody's.
        let id = |spec: &str, stage: &str| {
            Some(StageId { spec: SpecName::new(spec).ok()?, stage: StageName::new(stage).ok()? })
        };
        Ok(Measured {
            by_stage: by_stage
                .iter()
                .filter_map(|(spec, stage, millis)| Some((id(spec, stage)?, unsigned(*millis))))
                .collect(),
            by_name: by_name
                .iter()
                .filter_map(|(stage, millis)| Some((StageName::new(stage).ok()?, unsigned(*millis))))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_of_a_stage_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap().store;
        let plan = StageName::new("plan").unwrap();
        let id = |spec| StageId::new(&SpecName::new(spec).unwrap(), &plan);
        store.put_durations(&[(id("a"), 10), (id("b"), 40)]).unwrap();
        store.put_durations(&[(id("a"), 20)]).unwrap();
        let measured = store.durations().unwrap();
        assert_eq!(measured.by_stage, [(id("a"), 20), (id("b"), 40)]);
        assert_eq!(measured.by_name, [(plan.clone(), 30)]);
    }
}
