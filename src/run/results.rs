//! `results.jsonl`: one line for each experiment and row (a control or a method).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::effect::Effect;
use super::pictures::Pictures;
use crate::base::write_atomic;
use crate::engine::{Engine, Precision};
use crate::error::{Error, Result};
use crate::eval::{Cost, Metrics, Verdict};
use crate::methods::{Read, Tier};
use crate::nn::Family;

/// Name and version of the schema; a change that an old reader would misread raises the number.
pub const SCHEMA: &str = "unlearn.results/1";

/// One line of `results.jsonl`. What was not measured is left out, never 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Row {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the experiment.
    pub experiment: String,
    /// Of the network.
    pub family: Family,
    /// Name of the data set.
    pub dataset: String,
    /// What was to be forgotten.
    pub request: RequestSummary,
    /// The row's role.
    pub row: RowKind,
    /// Name in the registry of methods; for controls what stands in its place, such as "none" or "retrain".
    pub method: String,
    /// The settings as resolved, every default written out.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::settings_of_a_method"))]
    #[serde(default)]
    pub settings: Value,
    /// What may be claimed of it.
    pub tier: Tier,
    /// Seed of the original training.
    pub seed: u64,
    /// Seeds of the runs that `metrics` is the mean of, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub seeds: Vec<u64>,
    /// Where it was computed.
    pub adapter: AdapterSummary,
    /// Kernel → variants that ran, `(tuned)` where `unlearn tune` chose one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub variants: BTreeMap<String, String>,
    /// Seconds taken.
    #[serde(default)]
    pub times: Cost,
    /// What the method read.
    #[serde(default)]
    pub reads: Vec<Read>,
    /// The value, or the mean over `seeds`.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::metrics"))]
    #[serde(default)]
    pub metrics: Metrics,
    /// Sample standard deviation over `seeds`.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::metrics"))]
    #[serde(skip_serializing_if = "Metrics::is_empty", default)]
    pub sd: Metrics,
    /// Half the width of the 95 % confidence interval of each mean over `seeds`.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::metrics"))]
    #[serde(skip_serializing_if = "Metrics::is_empty", default)]
    pub interval: Metrics,
    /// Membership attack, `[false-positive rate, true-positive rate]` from (0,0) to (1,1), thinned.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub roc: Vec<[f64; 2]>,
    /// What a report's pictures are drawn from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pictures: Option<Box<Pictures>>,
    /// Against the retrained references, which have none themselves. Of the held-out retrain it is by the wider limits
    /// of a control.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// What became of the weights: "unchanged" and "destroyed" are no forgetting. Controls have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effect: Option<Effect>,
    /// What it was made from, when and by whom.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provenance: Option<Provenance>,
    /// Why something is absent, in a sentence: a method that diverged, a split without records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// What a row was made from, when and by whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Provenance {
    /// In UTC (RFC 3339).
    pub made_at: String,
    /// Version of the program.
    pub version: String,
    /// Of `--actor`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<String>,
    /// Of `--note`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// Hash of the loaded records.
    pub data_sha256: String,
    /// Hash of what training depended on.
    pub config_sha256: String,
}

/// What was asked to be forgotten, without the ids themselves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct RequestSummary {
    /// `sample`, `subject`, `class`, `node`, `edge` or `feature`.
    pub kind: String,
    /// Number of records that it names.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub count: usize,
    /// SHA-256 of the ordered list of ids, hexadecimal.
    pub hash: String,
    /// The classes of a class request.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub classes: Vec<u32>,
    /// What they are, in words for everybody: "pictures of one person".
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub what: Option<String>,
}

impl RequestSummary {
    /// Whether whole classes were to be forgotten.
    pub fn is_class(&self) -> bool {
        self.kind == "class"
    }
}

/// The role of a row. The first three are the controls of every experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum RowKind {
    /// The trained model, as if there had been no request.
    #[serde(rename = "original (do nothing)")]
    Original,
    /// Trained without the forgotten records.
    #[serde(rename = "retrain (reference)")]
    Retrain,
    /// The same from another seed: how far two retrained models lie apart.
    #[serde(rename = "another retrain")]
    AnotherRetrain,
    /// A method's result.
    #[serde(rename = "method")]
    Method,
}

impl RowKind {
    /// The word of files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            RowKind::Original => "original (do nothing)",
            RowKind::Retrain => "retrain (reference)",
            RowKind::AnotherRetrain => "another retrain",
            RowKind::Method => "method",
        }
    }
}

/// The adapter that a row was computed on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct AdapterSummary {
    /// As the driver says it.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl`, or the twins.
    pub backend: String,
    /// Name and version.
    pub driver: String,
    /// In what numbers products were computed, where it is not f32.
    #[serde(skip_serializing_if = "Precision::is_f32", default)]
    pub precision: Precision,
}

impl AdapterSummary {
    /// Of what needed no engine.
    pub fn none() -> AdapterSummary {
        AdapterSummary { name: "none".into(), backend: "none".into(), driver: String::new(), precision: Precision::F32 }
    }

    /// The adapter of an engine; the CPU twins call themselves so.
    pub fn of(engine: &Engine) -> AdapterSummary {
        match engine.adapter() {
            Some(a) => AdapterSummary {
                name: a.name.clone(),
                backend: a.backend.clone(),
                driver: format!("{} {}", a.driver, a.driver_info).trim().to_owned(),
                precision: engine.precision(),
            },
            None => AdapterSummary { name: "CPU twins".into(), backend: "reference".into(), ..Default::default() },
        }
    }
}

impl Row {
    /// The name a reader sees: the role of a control, the name of a method.
    pub fn label(&self) -> &str {
        match self.row {
            RowKind::Method => &self.method,
            control => control.as_str(),
        }
    }

    /// Seconds of method and precomputation as a multiple of one retrain; absent without both times.
    pub fn times_retrain(&self) -> Option<f64> {
        let retrain = self.times.retrain_s.filter(|&seconds| seconds > 0.0)?;
        Some((self.times.method_s? + self.times.precompute_s.unwrap_or(0.0)) / retrain)
    }

    /// `serde_json` writes NaN as `null`, so what is not finite is refused before it is written.
    fn check(&self) -> Result<()> {
        let times = [self.times.method_s, self.times.precompute_s, self.times.retrain_s];
        let numbers = times.into_iter().flatten().chain(self.roc.iter().flatten().copied());
        match numbers.into_iter().find(|number| !number.is_finite()) {
            Some(bad) => Err(Error::internal(format!(
                "the row `{}` of experiment `{}` holds {bad} as a time or ROC point; expected a finite number",
                self.label(),
                self.experiment
            ))),
            None => Ok(()),
        }
    }
}

/// All rows, one JSON object per line.
///
/// # Errors
/// `Internal` for a number that is not finite.
pub fn results_text(rows: &[Row]) -> Result<String> {
    let mut text = String::new();
    for row in rows {
        row.check()?;
        let line = serde_json::to_string(row).map_err(|error| Error::internal(format!("a result row: {error}")))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Writes all rows at once, atomically.
///
/// # Errors
/// `Io`; as [`results_text`].
pub fn write_results(path: &Path, rows: &[Row]) -> Result<()> {
    write_atomic(path, results_text(rows)?.as_bytes())
}

/// Reads `results.jsonl`; empty lines are skipped.
///
/// # Errors
/// `Io`; `Input` with the line for malformed JSON, a missing or wrong field, another schema.
pub fn read_results(path: &Path) -> Result<Vec<Row>> {
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    parse_results(&text, &path.display().to_string())
}

/// As [`read_results`] for text in memory; `name` stands in the messages.
pub fn parse_results(text: &str, name: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |what: String| Error::input(format!("{name}, line {}: {what}", i + 1));
        let value: Value = serde_json::from_str(line).map_err(|error| at(format!("not a JSON object: {error}")))?;
        // The schema is looked at first: a row of another version would fail on some field of no interest.
        match value.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => {}
            found => {
                let found = found.unwrap_or("none");
                return Err(at(format!(
                    "schema is {found}; expected {SCHEMA}; write the results again with this version"
                )));
            }
        }
        rows.push(serde_json::from_value(value).map_err(|error| at(format!("{error}; expected a row of {SCHEMA}")))?);
    }
    Ok(rows)
}

/// The experiments in order of first appearance, each with its rows: controls first, then methods as written.
pub fn by_experiment(rows: &[Row]) -> Vec<(&str, Vec<&Row>)> {
    let mut groups: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(name, _)| *name == row.experiment) {
            Some((_, group)) => group.push(row),
            None => groups.push((&row.experiment, vec![row])),
        }
    }
    for (_, group) in &mut groups {
        group.sort_by_key(|row| row.row);
    }
    groups
}
