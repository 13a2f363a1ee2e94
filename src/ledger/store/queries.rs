//! What the store is asked.

use rusqlite::{OptionalExtension, Row, params};

use super::rows::{COLUMNS, Published, Standing, Step, standing};
use super::{STORE, Store, broken};
use crate::error::{Error, Result};
use crate::ledger::state::State;

impl Store {
    /// The request of a pseudonym.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn find(&self, request: &str) -> Result<Option<Standing>> {
        let sql = format!("SELECT {COLUMNS} FROM requests WHERE request = ?1");
        let mut ready = self.open.prepare_cached(&sql).map_err(broken)?;
        ready.query_row([request], standing).optional().map_err(broken)
    }

    /// The requests whose pseudonym begins so.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn beginning(&self, with: &str) -> Result<Vec<Standing>> {
        let sql = format!("SELECT {COLUMNS} FROM requests WHERE substr(request, 1, ?2) = ?1 LIMIT 2");
        self.all(&sql, params![with, with.len() as i64], standing)
    }

    /// All requests, in the order in which they came.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn requests(&self) -> Result<Vec<Standing>> {
        self.all(&format!("SELECT {COLUMNS} FROM requests ORDER BY seq"), [], standing)
    }

    /// Those in one state, the most urgent first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn in_state(&self, state: State) -> Result<Vec<Standing>> {
        let sql = format!("SELECT {COLUMNS} FROM requests WHERE state = ?1 ORDER BY due_at, seq");
        self.all(&sql, [state.word()], standing)
    }

    /// Those of one batch, in the order in which they came.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn in_batch(&self, batch: &str) -> Result<Vec<Standing>> {
        self.all(&format!("SELECT {COLUMNS} FROM requests WHERE batch = ?1 ORDER BY seq"), [batch], standing)
    }

    /// Those that have no end yet and are due before a time, the most urgent first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn due_before(&self, time: &str) -> Result<Vec<Standing>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM requests WHERE state NOT IN ('published', 'refused') AND due_at <= ?1 \
             ORDER BY due_at, seq"
        );
        self.all(&sql, [time], standing)
    }

    /// The states that a request went through.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn history(&self, request: &str) -> Result<Vec<Step>> {
        let sql = "SELECT seq, state, at, actor, batch, reason FROM steps WHERE request = ?1 ORDER BY seq";
        self.all(sql, [request], |row| {
            Ok(Step {
                seq: row.get(0)?,
                state: row.get(1)?,
                at: row.get(2)?,
                actor: row.get(3)?,
                batch: row.get(4)?,
                reason: row.get(5)?,
            })
        })
    }

    /// The names of all batches, in their order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn batches(&self) -> Result<Vec<String>> {
        self.all("SELECT batch FROM batches ORDER BY seq", [], |row| row.get(0))
    }

    /// What the ledger says of a batch's plan.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn plan(&self, batch: &str) -> Result<Option<serde_json::Value>> {
        let found =
            self.open.query_row("SELECT plan FROM batches WHERE batch = ?1", [batch], |row| row.get::<_, String>(0));
        let text = found.optional().map_err(broken)?;
        text.map(|text| serde_json::from_str(&text).map_err(|e| Error::input(format!("{STORE}: a plan: {e}"))))
            .transpose()
    }

    /// The model in use.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn published(&self) -> Result<Option<Published>> {
        let sql = "SELECT seq, at, batch, run_sha256, model_sha256 FROM models ORDER BY seq DESC LIMIT 1";
        let row = |row: &Row| {
            Ok(Published {
                seq: row.get(0)?,
                at: row.get(1)?,
                batch: row.get(2)?,
                run_sha256: row.get(3)?,
                model_sha256: row.get(4)?,
            })
        };
        self.open.query_row(sql, [], row).optional().map_err(broken)
    }

    /// Whether a model of this batch was published at any time.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn was_published(&self, batch: &str) -> Result<bool> {
        let sql = "SELECT count(*) FROM models WHERE batch = ?1";
        self.open.query_row(sql, [batch], |row| row.get::<_, i64>(0)).map(|count| count > 0).map_err(broken)
    }

    /// Everything in it as text, the same for the same chain.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn dump(&self) -> Result<String> {
        let mut text = String::new();
        for (table, order) in
            [("head", "seq"), ("requests", "request"), ("steps", "seq"), ("batches", "batch"), ("models", "seq")]
        {
            let mut ready = self.open.prepare(&format!("SELECT * FROM {table} ORDER BY {order}")).map_err(broken)?;
            let columns = ready.column_count();
            let line = |row: &Row| {
                let cells = (0..columns).map(|at| row.get_ref(at).map(|value| format!("{value:?}")));
                Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
            };
            let lines: Vec<String> = ready.query_map([], line).and_then(Iterator::collect).map_err(broken)?;
            lines.iter().for_each(|line| text += &format!("{table} {line}\n"));
        }
        Ok(text)
    }
}
