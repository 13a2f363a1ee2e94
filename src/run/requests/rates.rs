//! What methods were measured to cost in this project, a line for each time.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::methods::Read;

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
    /// What the seconds grow with.
    #[serde(default)]
    pub per: Per,
    /// Records of the shards that were trained again.
    #[serde(default)]
    pub shards: usize,
}

/// What the cost of a method grows with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Per {
    /// The training records that stay.
    #[default]
    Retained,
    /// Batches of the records that go: the method reads no others.
    Forgotten,
    /// The records of the shards that are trained again.
    Shards,
}

/// How much there is of what costs grow with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amounts {
    pub retained: usize,
    pub forgotten: usize,
    pub shards: usize,
    /// Records of a batch.
    pub batch: usize,
    /// Seconds that a network takes before its first step, whatever its records.
    pub setup: f64,
}

impl Rate {
    /// Seconds where there is so much of what they grow with.
    pub fn seconds_of(&self, now: &Amounts) -> f64 {
        let batches = |records: usize| records.div_ceil(now.batch.max(1));
        let (amount, then) = match self.per {
            Per::Retained => (now.retained, self.retained),
            Per::Forgotten => (batches(now.forgotten), batches(self.forgotten)),
            Per::Shards => (now.shards, self.shards),
        };
        let setup = now.setup.min(self.seconds);
        setup + (self.seconds - setup) * amount as f64 / then.max(1) as f64
    }

    /// What a method's cost grows with, by what it read.
    pub fn grows_with(reads: &[Read]) -> Per {
        match (reads.contains(&Read::RetainData), reads.contains(&Read::ForgetData)) {
            (false, true) => Per::Forgotten,
            _ => Per::Retained,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_grows_with_what_the_method_reads() {
        let rate = |per| Rate {
            batch: None,
            method: "m".into(),
            settings: Value::Null,
            adapter: "a".into(),
            config_sha256: "c".into(),
            retained: 100,
            forgotten: 5,
            seconds: 3.0,
            per,
            shards: 40,
        };
        let now = Amounts { retained: 50, forgotten: 9, shards: 10, batch: 4, setup: 1.0 };
        let seconds = |per| rate(per).seconds_of(&now);
        // One second is spent whatever there is; of the other two a half, three batches in place of two, a quarter.
        assert_eq!((seconds(Per::Retained), seconds(Per::Forgotten), seconds(Per::Shards)), (2.0, 4.0, 1.5));
        assert_eq!(rate(Per::Shards).seconds_of(&Amounts { setup: 9.0, ..now }), 3.0);
        assert_eq!(Rate::grows_with(&[Read::ForgetData]), Per::Forgotten);
        assert_eq!(Rate::grows_with(&[Read::ForgetData, Read::RetainData]), Per::Retained);
        assert_eq!(Rate::grows_with(&[]), Per::Retained);
        let earlier = "{\"batch\":null,\"method\":\"m\",\"settings\":null,\"adapter\":\"a\",\
            \"config_sha256\":\"c\",\"retained\":100,\"forgotten\":4,\"seconds\":3.0}";
        assert_eq!(
            serde_json::from_str::<Rate>(earlier).unwrap(),
            Rate { forgotten: 4, shards: 0, ..rate(Per::Retained) }
        );
    }
}
