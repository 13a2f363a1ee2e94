//! Where every request stands, as a database that any tool can open. It says nothing that the chain does not: it is
//! made from it, and can be made again.

mod follow;
mod queries;
mod rows;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row};

use super::entry::{Entry, Head};
use crate::error::{Error, Result};

pub use rows::{Published, Standing, Step};

/// Name of the file in a project.
pub const STORE: &str = "requests.db";
/// Layout of the tables.
const LAYOUT: i64 = 2;

const TABLES: &str = "
CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
CREATE TABLE requests (
    request TEXT PRIMARY KEY, seq INTEGER NOT NULL, digest TEXT NOT NULL, kinds TEXT NOT NULL, ids INTEGER NOT NULL,
    received_at TEXT NOT NULL, due_at TEXT NOT NULL, extended TEXT, state TEXT NOT NULL, at TEXT NOT NULL,
    actor TEXT NOT NULL, found INTEGER, already INTEGER, question TEXT, batch TEXT, reason TEXT, pack TEXT);
CREATE INDEX due ON requests (due_at);
CREATE INDEX together ON requests (batch);
CREATE TABLE steps (
    seq INTEGER PRIMARY KEY, request TEXT NOT NULL REFERENCES requests, state TEXT NOT NULL, at TEXT NOT NULL,
    actor TEXT NOT NULL, batch TEXT, reason TEXT);
CREATE INDEX history ON steps (request);
CREATE TABLE batches (
    batch TEXT PRIMARY KEY, seq INTEGER NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, plan TEXT NOT NULL);
CREATE TABLE models (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, batch TEXT, run_sha256 TEXT NOT NULL, model_sha256 TEXT NOT NULL);
";

/// The tables, those that others refer to last.
const MADE: [&str; 5] = ["head", "steps", "requests", "batches", "models"];

/// The database.
#[derive(Debug)]
pub struct Store {
    open: Connection,
}

impl Store {
    /// Opens the store to write to it, and makes it where it is absent.
    ///
    /// # Errors
    /// It is damaged, of a newer version, held by another process, or cannot be written.
    pub fn open(path: &Path) -> Result<Store> {
        let open = Connection::open(path).map_err(|e| said(path, e))?;
        let store = Store { open };
        store.prepare(path)?;
        // Whoever cannot write to it is told before the chain goes on without it.
        store.open.execute_batch("BEGIN IMMEDIATE; ROLLBACK;").map_err(|e| said(path, e))?;
        Ok(store)
    }

    /// Opens the store to read it; none where there is none, or one of an earlier layout, which a writer makes anew.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn read(path: &Path) -> Result<Option<Store>> {
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = Connection::open_with_flags(path, flags).map_err(|e| said(path, e))?;
        let store = Store { open };
        store.open.busy_timeout(Duration::from_secs(5)).map_err(|e| said(path, e))?;
        Ok((store.check_layout(path)? == LAYOUT).then_some(store))
    }

    /// A store in memory, made from a chain.
    ///
    /// # Errors
    /// A chain that tells what cannot be.
    pub fn of(entries: &[Entry]) -> Result<Store> {
        let nowhere = Path::new(STORE);
        let store = Store { open: Connection::open_in_memory().map_err(|e| said(nowhere, e))? };
        store.prepare(nowhere)?;
        store.follow(entries)?;
        Ok(store)
    }

    /// Makes the store of a chain anew: a whole one, in one rename, in the place of whatever is there.
    ///
    /// # Errors
    /// As [`Store::of`]; it cannot be written.
    pub fn rebuild(path: &Path, entries: &[Entry]) -> Result<Store> {
        let fresh = path.with_extension("new");
        for left in [fresh.clone(), fresh.with_extension("new-journal"), path.with_extension("db-journal")] {
            if left.exists() {
                fs::remove_file(&left).map_err(Error::io("remove", &left))?;
            }
        }
        let store = Store::open(&fresh)?;
        store.follow(entries)?;
        drop(store);
        fs::rename(&fresh, path).map_err(Error::io("write", path))?;
        Store::open(path)
    }

    fn prepare(&self, path: &Path) -> Result<()> {
        self.open.busy_timeout(Duration::from_secs(5)).map_err(|e| said(path, e))?;
        let layout = self.check_layout(path)?;
        if layout < LAYOUT {
            // What an earlier version made says nothing that the chain does not.
            let drop: String =
                if layout == 0 { String::new() } else { MADE.map(|t| format!("DROP TABLE {t};")).concat() };
            let make = format!("BEGIN EXCLUSIVE; {drop} {TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;");
            self.open.execute_batch(&make).map_err(|e| said(path, e))?;
        }
        Ok(())
    }

    fn check_layout(&self, path: &Path) -> Result<i64> {
        let layout: i64 =
            self.open.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|e| said(path, e))?;
        match layout <= LAYOUT {
            true => Ok(layout),
            false => Err(Error::input(format!(
                "{} was written by a newer version of unlearn (layout {layout}); use that, or `unlearn ledger rebuild`",
                path.display()
            ))),
        }
    }

    /// How far into the chain it has come.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn head(&self) -> Result<Option<Head>> {
        let row = |row: &Row| Ok(Head { seq: row.get(0)?, hash: row.get(1)? });
        self.open.query_row("SELECT seq, hash FROM head", [], row).optional().map_err(broken)
    }

    fn run(&self, sql: &str, row: impl rusqlite::Params) -> Result<()> {
        self.open.prepare_cached(sql).and_then(|mut ready| ready.execute(row)).map(|_| ()).map_err(broken)
    }

    fn all<T>(
        &self,
        sql: &str,
        with: impl rusqlite::Params,
        row: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut ready = self.open.prepare(sql).map_err(broken)?;
        ready.query_map(with, row).and_then(Iterator::collect).map_err(broken)
    }
}

fn broken(error: rusqlite::Error) -> Error {
    said(Path::new(STORE), error)
}

/// What SQLite says, in a sentence that says what to do.
fn said(path: &Path, error: rusqlite::Error) -> Error {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::input(format!("{path} is held by another process; try again when it has ended"))
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::CheckFailed(format!(
            "{path} is damaged ({error}); `unlearn ledger rebuild` makes it anew from the ledger, nothing is lost"
        )),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Error::input(format!("{path} cannot be written ({error}); make the folder writable"))
        }
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Error::Device(format!(
            "{path} cannot be written: {error}; free some space, and the next command takes over what the ledger has"
        )),
        _ => Error::CheckFailed(format!("{path}: {error}; `unlearn ledger rebuild` makes it anew from the ledger")),
    }
}
