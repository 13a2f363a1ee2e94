//! A table of training records by score, as document, as lines, and as a vector.

use std::path::Path;

use serde::Serialize;

use super::influence::Ask;
use crate::base::write_atomic;
use crate::data::Id;
use crate::error::{Error, Result};
use crate::statistics::solve::Solved;

/// Name and version of the document of a ranking.
pub const SCHEMA: &str = "unlearn.influence/1";

/// Records by score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranking {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// What the scores are, in words.
    pub estimator: &'static str,
    /// What was asked for.
    #[serde(flatten)]
    pub ask: Ask,
    /// What `--indices` said, and how many records that is.
    pub set: String,
    /// Records that were scored.
    pub count: usize,
    /// Digest of the weights' file.
    pub model_sha256: String,
    /// Of influence: how the solve went, the worst of them where there are several.
    pub solver: Option<Solved>,
    /// Of named epochs: see [`super::moments::Moments::reproduced`].
    pub reproduced: Option<bool>,
    /// The largest score first.
    pub table: Vec<Placed>,
    /// In the order of the records.
    #[serde(skip)]
    pub scores: Vec<f64>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placed {
    /// From 1, the largest score first.
    pub rank: usize,
    /// What the data call the record.
    pub id: Id,
    /// Its score; what a larger one means is the score's own matter.
    pub score: f64,
}

impl Ranking {
    /// Writes the table: comma-separated `rank,id,score` where the name ends in `.csv`, else the JSON document.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_table(&self, path: &Path) -> Result<()> {
        let text = match path.extension().is_some_and(|e| e == "csv") {
            true => self.csv(),
            false => serde_json::to_string_pretty(self).map_err(|e| Error::internal(format!("a ranking: {e}")))? + "\n",
        };
        write_atomic(path, text.as_bytes())
    }

    /// `rank,id,score`, a line a record.
    pub fn csv(&self) -> String {
        let mut text = "rank,id,score\n".to_owned();
        for row in &self.table {
            let id = row.id.text().unwrap_or_else(|| row.id.to_string());
            let quoted = id.contains([',', '"', '\n', '\r']);
            let id = if quoted { format!("\"{}\"", id.replace('"', "\"\"")) } else { id };
            text += &format!("{},{id},{:e}\n", row.rank, row.score);
        }
        text
    }
}
