//! What specmake remembers so as not to compute it again: scans of history, what was adopted.
use super::database::Store;
use super::error::StoreError;
use crate::base::{Oid, SpecName, StageName};
use crate::rebuild::Adopted;
use rusqlite::{OptionalExtension, params};

impl Store {
    /// Bytes kept under a key, if they are of this version of whoever keeps them.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn blob(&self, key: &str, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT bytes FROM blobs WHERE key = ?1 AND version = ?2")
            .map_err(|e| self.trouble(&e))?;
        query.query_row(params![key, version], |row| row.get(0)).optional().map_err(|e| self.trouble(&e))
    }

    /// Keeps bytes under a key, in place of those there.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn put_blob(&mut self, key: &str, version: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO blobs VALUES (?1, ?2, ?3)";
        self.change(|db| db.execute(sql, params![key, version, bytes]).map(|_| ()))
    }

    /// Forgets all bytes under keys that begin so.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn forget_blobs(&mut self, prefix: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM blobs WHERE substr(key, 1, length(?1)) = ?1";
        self.change(|db| db.execute(sql, params![prefix]).map(|_| ()))
    }

    /// What was adopted, by name of spec.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn adopted(&self) -> Result<Vec<Adopted>, StoreError> {
        let read = || {
            let sql = "SELECT spec, stages, at_commit FROM adoptions ORDER BY spec, at_commit";
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, String, String)>>>()
        };
        let rows = read().map_err(|e| self.trouble(&e))?;
        let adopted = |(spec, stages, at): (String, String, String)| {
            let stages = stages.split(' ').filter(|stage| !stage.is_empty());
            Some(Adopted {
                spec: SpecName::new(&spec).ok()?,
                stages: stages.map(StageName::new).collect::<Result<_, _>>().ok()?,
                at: at.parse::<Oid>().ok()?,
            })
        };
        Ok(rows.into_iter().filter_map(adopted).collect())
    }

    /// Remembers what was adopted, beside what was known.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn put_adopted(&mut self, adopted: &[Adopted]) -> Result<(), StoreError> {
        if adopted.is_empty() {
            return Ok(());
        }
        self.change(|db| {
            let mut put = db.prepare_cached("INSERT OR REPLACE INTO adoptions VALUES (?1, ?2, ?3)")?;
            for one in adopted {
                let stages: Vec<&str> = one.stages.iter().map(StageName::as_str).collect();
                put.execute(params![one.spec.as_str(), stages.join(" "), one.at.to_string()])?;
            }
            Ok(())
        })
    }

    /// Forgets what was adopted of these specs: a commit says it now, or it is void.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn forget_adopted(&mut self, specs: &[SpecName]) -> Result<(), StoreError> {
        self.change(|db| {
            let mut forget = db.prepare_cached("DELETE FROM adoptions WHERE spec = ?1")?;
            specs.iter().try_for_each(|spec| forget.execute([spec.as_str()]).map(|_| ()))
        })
    }

    /// A small text kept under a key.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let found = self.db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0));
        found.optional().map_err(|e| self.trouble(&e))
    }

    /// Keeps a small text under a key; without one, forgets the key.
    ///
    /// # Errors
    /// Trouble with the state file.
    pub fn put_meta(&mut self, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        self.change(|db| match value {
            Some(value) => {
                db.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", [key, value]).map(|_| ())
            }
            None => db.execute("DELETE FROM meta WHERE key = ?1", [key]).map(|_| ()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        (folder, store)
    }

    #[test]
    fn blobs_are_forgotten_by_how_their_keys_begin() {
        let (_folder, mut store) = store();
        for key in ["s a:x", "s a:y", "s ab:x", "t a:x"] {
            store.put_blob(key, 1, b"1").unwrap();
        }
        store.forget_blobs("s a:").unwrap();
        let left = |key| store.blob(key, 1).unwrap().is_some();
        assert_eq!(["s a:x", "s a:y", "s ab:x", "t a:x"].map(left), [false, false, true, true]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn blobs_come_back_to_their_own_version(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
            let (_folder, mut store) = store();
            store.put_blob("history", 1, b"former").unwrap();
            store.put_blob("history", 2, &bytes).unwrap();
            prop_assert_eq!(store.blob("history", 2).unwrap(), Some(bytes));
            prop_assert_eq!(store.blob("history", 1).unwrap(), None);
            prop_assert_eq!(store.blob("other", 2).unwrap(), None);
        }
    }

    #[test]
    fn what_was_adopted_comes_back() {
        let (_folder, mut store) = store();
        let adopted = |spec: &str, stages: &[&str]| Adopted {
            spec: SpecName::new(spec).unwrap(),
            stages: stages.iter().map(|stage| StageName::new(stage).unwrap()).collect(),
            at: "ab".repeat(20).parse().unwrap(),
        };
        let (a, b) = (adopted("a", &["specify", "plan"]), adopted("b", &[]));
        let later = adopted("a", &["tasks"]);
        store.put_adopted(&[b.clone(), a.clone()]).unwrap();
        store.put_adopted(&[later.clone(), a.clone()]).unwrap();
        assert_eq!(store.adopted().unwrap(), [a.clone(), later.clone(), b]);
        store.forget_adopted(&[SpecName::new("b").unwrap()]).unwrap();
        assert_eq!(store.adopted().unwrap(), [a, later]);
    }

    #[test]
    fn small_texts_come_back() {
        let (_folder, mut store) = store();
        assert_eq!(store.meta("tip").unwrap(), None);
        store.put_meta("tip", Some("abc")).unwrap();
        store.put_meta("tip", Some("def")).unwrap();
        assert_eq!(store.meta("tip").unwrap().as_deref(), Some("def"));
        store.put_meta("tip", None).unwrap();
        assert_eq!(store.meta("tip").unwrap(), None);
    }
}
