//! How long stages took, and what they cost.
use super::database::{Store, signed, unsigned};
use super::error::StoreError;
use crate::base::{SpecName, StageId, StageName};
use rusqlite::params;

/// What a stage took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Took {
    /// Milliseconds.
    pub millis: u64,
    /// USD, where known.
    pub usd: Option<f64>,
}

/// What stages took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    /// The last time of each stage; of a landing under the stage name `land`.
    pub by_stage: Vec<(StageId, Took)>,
    /// The mean of those of each stage name.
    pub by_name: Vec<(StageName, Took)>,
}

impl Store {
    /// Notes what stages took; the last time counts.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn put_durations(&mut self, durations: &[(StageId, Took)]) -> Result<(), StoreError> {
        self.change(|db| {
            let mut put = db.prepare_cached("INSERT OR REPLACE INTO durations VALUES (?1, ?2, ?3, ?4)")?;
            for (id, Took { millis, usd }) in durations {
                put.execute(params![id.spec.as_str(), id.stage.as_str(), signed(*millis), usd])?;
            }
            Ok(())
        })
    }

    /// All that is known of it.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn durations(&self) -> Result<Measured, StoreError> {
        let took = |millis: i64, usd| Took { millis: unsigned(millis), usd };
        let by_stage = || {
            let mut query = self.db.prepare_cached("SELECT spec, stage, millis, usd FROM durations")?;
            let rows =
                query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, took(row.get(2)?, row.get(3)?))))?;
            rows.collect::<rusqlite::Result<Vec<(String, String, Took)>>>()
        };
        let by_name = || {
            let sql = "SELECT stage, cast(avg(millis) AS INTEGER), avg(usd) FROM durations GROUP BY stage";
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, took(row.get(1)?, row.get(2)?))))?;
            rows.collect::<rusqlite::Result<Vec<(String, Took)>>>()
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
                .filter_map(|(spec, stage, took)| Some((id(spec, stage)?, *took)))
                .collect(),
            by_name: by_name
                .iter()
                .filter_map(|(stage, took)| Some((StageName::new(stage).ok()?, *took)))
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
        let took = |millis, usd| Took { millis, usd };
        store.put_durations(&[(id("a"), took(10, Some(9.0))), (id("b"), took(40, None))]).unwrap();
        store.put_durations(&[(id("a"), took(20, Some(0.5)))]).unwrap();
        let measured = store.durations().unwrap();
        assert_eq!(measured.by_stage, [(id("a"), took(20, Some(0.5))), (id("b"), took(40, None))]);
        assert_eq!(measured.by_name, [(plan.clone(), took(30, Some(0.5)))]);
    }
}
