//! The versions of the schema, and the way from each to the next.
use super::error::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Each brings a file from the version of its position to the next. Never change one: add one.
pub(super) const STEPS: &[&str] = &[
    "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        started INTEGER NOT NULL,
        ended INTEGER,
        outcome TEXT,
        pid INTEGER NOT NULL,
        base TEXT NOT NULL
    );
    CREATE TABLE events (
        run INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        json TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) WITHOUT ROWID;
    CREATE TABLE durations (
        spec TEXT NOT NULL,
        stage TEXT NOT NULL,
        millis INTEGER NOT NULL,
        PRIMARY KEY (spec, stage)
    ) WITHOUT ROWID;
    CREATE TABLE blobs (
        key TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        bytes BLOB NOT NULL
    );
    CREATE TABLE adopted (
        spec TEXT PRIMARY KEY,
        stages TEXT NOT NULL,
        at_commit TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
",
    "
    CREATE TABLE adoptions (
        spec TEXT NOT NULL,
        stages TEXT NOT NULL,
        at_commit TEXT NOT NULL,
        PRIMARY KEY (spec, at_commit, stages)
    ) WITHOUT ROWID;
    INSERT INTO adoptions SELECT spec, stages, at_commit FROM adopted;
    DROP TABLE adopted;
",
    "
    ALTER TABLE durations ADD COLUMN usd REAL;
",
];

/// Brings a database up to the last step, all or nothing.
pub(super) fn migrate(db: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let trouble = |e: rusqlite::Error| StoreError::new(path, &e);
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if version(db).map_err(trouble)? == known {
        return Ok(());
    }
    // Asked again under the write lock: another process may have done it meanwhile.
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(trouble)?;
    let found = version(&change).map_err(trouble)?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for step in steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
        change.execute_batch(step).map_err(trouble)?;
    }
    change.pragma_update(None, "user_version", known).map_err(trouble)?;
    change.commit().map_err(trouble)
}

fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[&str] = &["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y DEFAULT 7"];

    #[test]
    fn an_older_file_is_migrated_with_what_is_in_it() {
        let mut db = Connection::open_in_memory().unwrap();
        let path = Path::new("state.db");
        migrate(&mut db, path, &TWO[..1]).unwrap();
        db.execute("INSERT INTO a VALUES (1)", []).unwrap();
        migrate(&mut db, path, TWO).unwrap();
        migrate(&mut db, path, TWO).unwrap();
        let row: (i64, i64) = db.query_row("SELECT x, y FROM a", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        assert_eq!(row, (1, 7));
        let newer = migrate(&mut db, path, &TWO[..1]);
        assert_eq!(newer, Err(StoreError::Newer { path: path.to_owned(), found: 2, known: 1 }));
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut db = Connection::open_in_memory().unwrap();
        let broken = migrate(&mut db, Path::new("state.db"), &["CREATE TABLE a (x)", "nonsense"]);
        assert!(matches!(broken, Err(StoreError::Other { .. })));
        assert_eq!(version(&db).unwrap(), 0);
        assert!(db.execute("INSERT INTO a VALUES (1)", []).is_err());
    }
}
