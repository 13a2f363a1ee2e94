//! What methods were measured to cost in this project, a line for each time.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::write_atomic;
use crate::error::{Error, Result};

const FILE: &str = "rates.jsonl";
/// Lines that are kept; the oldest go.
const MOST: usize = 1000;

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rate {
    /// The batch, or none where it was measured for a plan.
    pub batch: Option<String>,
    pub method: String,
    pub settings: Value,
    pub adapter: String,
    /// Of the training's recipe.
    pub config_sha256: String,
    /// Training records that stayed, and that went.
    pub retained: usize,
    pub forgotten: usize,
    pub seconds: f64,
}

/// Settings as they are compared.
pub(super) fn settings(table: &toml::Table) -> Value {
    serde_json::to_value(table).unwrap_or_default()
}

/// All measurements, the oldest first.
pub(super) fn read(project: &Path) -> Result<Vec<Rate>> {
    let path = project.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", &path)(e)),
    };
    let line = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| Error::input(format!("{} line {}: {e}", path.display(), at + 1)))
    };
    text.lines().enumerate().map(line).collect()
}

/// Adds a measurement, unless it is there.
pub(super) fn add(project: &Path, rate: Rate) -> Result<()> {
    let mut all = read(project)?;
    if all.iter().any(|known| known.batch.is_some() && known.batch == rate.batch) {
        return Ok(());
    }
    all.push(rate);
    let mut text = String::new();
    for rate in &all[all.len().saturating_sub(MOST)..] {
        text += &serde_json::to_string(rate).map_err(|e| Error::internal(format!("{FILE}: {e}")))?;
        text.push('\n');
    }
    write_atomic(&project.join(FILE), text.as_bytes())
}
