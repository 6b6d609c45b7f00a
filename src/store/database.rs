//! Opening the state file, and what is done about a damaged one.
use super::error::StoreError;
use super::schema;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the state file within `.specmake`.
pub const FILE: &str = "state.db";

/// How long a statement waits for another process to finish writing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tables that are read once at the start, so that a damaged file is found then.
const PROBES: [&str; 6] = ["runs", "events", "durations", "blobs", "adoptions", "meta"];

/// The state file, open. One per thread; any number of processes may have one.
#[derive(Debug)]
pub struct Store {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    is_to_look_at: bool,
}

/// What came of opening it.
#[derive(Debug)]
pub struct Opened {
    /// The state.
    pub store: Store,
    /// Where a damaged file was moved, and what was wrong with it.
    pub set_aside: Option<(PathBuf, String)>,
}

impl Store {
    /// Opens `state.db` in this folder (`.specmake`), which is made if it is not there. An older file is
    /// migrated, a damaged one moved aside to `state.db.corrupt-<n>`.
    ///
    /// # Errors
    /// A folder that cannot be written, a file of a newer version, a file locked for long.
    pub fn open(folder: &Path) -> Result<Opened, StoreError> {
        let path = folder.join(FILE);
        std::fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, &e))?;
        match Self::at(&path, OpenFlags::SQLITE_OPEN_CREATE) {
            Err(StoreError::Corrupt { why, .. }) => {
                let aside = set_aside(&path)?;
                let store = Self::at(&path, OpenFlags::SQLITE_OPEN_CREATE)?;
                Ok(Opened { store, set_aside: Some((aside, why)) })
            }
            opened => opened.map(|store| Opened { store, set_aside: None }),
        }
    }

    /// Opens the state file if there is one, and moves nothing aside: for those who only look.
    ///
    /// # Errors
    /// As [`open`](Self::open), and a damaged file.
    pub fn open_existing(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(FILE);
        if path.exists() { Self::at(&path, OpenFlags::empty()).map(Some) } else { Ok(None) }
    }

    /// The state file if there is one, else a state that is forgotten at the end: for those who only look.
    ///
    /// # Errors
    /// As [`open_existing`](Self::open_existing).
    pub fn to_look_at(folder: &Path) -> Result<Self, StoreError> {
        match Self::open_existing(folder)? {
            Some(store) => Ok(store),
            None => {
                let forgotten = Self::at(Path::new(":memory:"), OpenFlags::SQLITE_OPEN_CREATE)?;
                Ok(Self { is_to_look_at: true, ..forgotten })
            }
        }
    }

    fn at(path: &Path, more: OpenFlags) -> Result<Self, StoreError> {
        let trouble = |e: rusqlite::Error| StoreError::new(path, &e);
        // A repository may bring one along that leads to a file of the user's.
        if path.is_symlink() {
            let why = "it is a link; remove it".to_owned();
            return Err(StoreError::Unwritable { path: path.to_owned(), why });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let mut db = Connection::open_with_flags(path, flags).map_err(trouble)?;
        db.busy_timeout(PATIENCE).map_err(trouble)?;
        let is_readonly = db.is_readonly("main").map_err(trouble)?;
        if is_readonly && more.contains(OpenFlags::SQLITE_OPEN_CREATE) {
            let why = "the file is read-only".to_owned();
            return Err(StoreError::Unwritable { path: path.to_owned(), why });
        }
        if !is_readonly {
            write_ahead(&db).map_err(trouble)?;
        }
        schema::migrate(&mut db, path, schema::STEPS)?;
        for table in PROBES {
            let sql = format!("SELECT 1 FROM {table} LIMIT 1");
            let found = db.query_row(&sql, [], |_| Ok(()));
            match found {
                Ok(()) | Err(rusqlite::Error::QueryReturnedNoRows) => {}
                Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::Unknown) => {
                    // A table is missing from a file that says it has our version.
                    return Err(StoreError::Corrupt { path: path.to_owned(), why: e.to_string() });
                }
                Err(e) => return Err(trouble(e)),
            }
        }
        Ok(Self { db, path: path.to_owned(), is_to_look_at: !more.contains(OpenFlags::SQLITE_OPEN_CREATE) })
    }

    /// Closes the file and moves it aside, after some call said that it is damaged; where it is now.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn set_aside(self) -> Result<PathBuf, StoreError> {
        let Self { db, path, .. } = self;
        drop(db);
        set_aside(&path)
    }

    /// Whether it was opened by somebody who only looks, and so writes nothing that could be left out.
    pub fn is_to_look_at(&self) -> bool {
        self.is_to_look_at
    }

    /// The state file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn trouble(&self, e: &rusqlite::Error) -> StoreError {
        StoreError::new(&self.path, e)
    }

    /// Makes several changes at once, all or nothing.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = &self.path;
        let trouble = |e: rusqlite::Error| StoreError::new(path, &e);
        let behavior = rusqlite::TransactionBehavior::Immediate;
        let transaction = self.db.transaction_with_behavior(behavior).map_err(trouble)?;
        let value = change(&transaction).map_err(trouble)?;
        transaction.commit().map_err(trouble)?;
        Ok(value)
    }
}

/// Lets readers read while somebody writes. Refused where a filesystem cannot do it, and put off while another
/// process holds the file: SQLite then keeps the journal that it has.
fn write_ahead(db: &Connection) -> rusqlite::Result<()> {
    let mode: rusqlite::Result<String> = db.query_row("PRAGMA journal_mode = wal", [], |row| row.get(0));
    match mode {
        Err(e) if e.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) => return Err(e),
        _ => {}
    }
    db.pragma_update(None, "synchronous", "normal")
}

/// Moves a damaged file and what SQLite keeps beside it: a journal left behind would be played into the new file.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", path.display()));
    let free = (1_u32..).map(|n| beside(&format!(".corrupt-{n}"))).find(|aside| !aside.exists());
    let aside = free.unwrap_or_else(|| beside(".corrupt"));
    for ending in ["", "-wal", "-shm"] {
        let to = PathBuf::from(format!("{}{ending}", aside.display()));
        match std::fs::rename(beside(ending), to) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::io(path, &e)),
            _ => {}
        }
    }
    Ok(aside)
}

/// SQLite has no unsigned numbers.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Back from [`signed`].
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_set_aside(content: &[u8]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, content).unwrap();
        std::fs::write(folder.path().join("state.db-wal"), b"stale").unwrap();
        let opened = Store::open(folder.path()).unwrap();
        let (aside, _) = opened.set_aside.expect("it was damaged");
        assert_eq!(aside, folder.path().join("state.db.corrupt-1"));
        assert_eq!(std::fs::read(aside).unwrap(), content);
        drop(opened.store);
        assert!(Store::open(folder.path()).unwrap().set_aside.is_none());
    }

    #[test]
    fn a_damaged_file_is_moved_aside_whole() {
        check_set_aside(b"this is no database, and it is long enough for SQLite to look at its header twice");
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let mut half = std::fs::read(folder.path().join(FILE)).unwrap();
        half.iter_mut().skip(100).for_each(|byte| *byte = 0xA5);
        check_set_aside(&half);
    }

    #[test]
    fn a_file_that_lost_a_table_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let opened = Store::open(folder.path()).unwrap();
        opened.store.db.execute("DROP TABLE durations", []).unwrap();
        drop(opened);
        assert!(matches!(Store::open_existing(folder.path()), Err(StoreError::Corrupt { .. })));
        assert!(Store::open(folder.path()).unwrap().set_aside.is_some());
    }

    #[test]
    fn a_file_found_damaged_late_makes_way_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap().store;
        store.put_meta("tip", Some("abc")).unwrap();
        assert!(store.set_aside().unwrap().exists());
        let store = Store::open(folder.path()).unwrap().store;
        assert_eq!(store.meta("tip").unwrap(), None);
    }

    #[test]
    fn a_newer_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let opened = Store::open(folder.path()).unwrap();
        opened.store.db.pragma_update(None, "user_version", 999).unwrap();
        drop(opened);
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 999, .. }));
        assert!(!folder.path().join("state.db.corrupt-1").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = Store::open(&folder.path().join("file/.specmake")).unwrap_err();
        assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
    }

    #[test]
    fn who_only_looks_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Store::open_existing(folder.path()).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
