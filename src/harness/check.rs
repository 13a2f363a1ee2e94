//! Conformance: cases × adapters against the twins, and the matrix that sums them up.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::compare::Distance;
use super::trial::{self, Outcome};
use crate::engine::case::Case;
use crate::engine::{AdapterChoice, AdapterReport, Engine, GpuOptions, Lane};
use crate::error::{Error, Result};

/// What became of one case on one adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Fail,
    /// The adapter lacks a named feature; not a failure.
    Unsupported,
}

/// One case on one adapter.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    pub case: String,
    /// The kernels the case records; for an empty shape, the one its name starts with.
    pub kernels: Vec<&'static str>,
    pub status: Status,
    /// Worst distance from the twin over all outputs; absent unless the case passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<Distance>,
    /// What differed, or which feature is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Wall time of all runs of the case, pipelines included.
    pub seconds: f64,
}

/// Everything that ran on one adapter.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterResult {
    pub adapter: AdapterReport,
    pub cases: Vec<CaseResult>,
}

/// A whole conformance run; the JSON of `unlearn check`.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    pub schema: u32,
    pub version: &'static str,
    pub adapters: Vec<AdapterResult>,
}

/// Counts and the worst distance of a group of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub pass: usize,
    pub fail: usize,
    pub unsupported: usize,
    pub max_ulp: f64,
    pub max_rel: f64,
}

impl Tally {
    fn add(&mut self, result: &CaseResult) {
        match result.status {
            Status::Pass => self.pass += 1,
            Status::Fail => self.fail += 1,
            Status::Unsupported => self.unsupported += 1,
        }
        if let Some(worst) = &result.worst {
            self.max_ulp = self.max_ulp.max(worst.max_ulp);
            self.max_rel = self.max_rel.max(worst.max_rel);
        }
    }
}

impl AdapterResult {
    pub fn tally(&self) -> Tally {
        let mut all = Tally::default();
        self.cases.iter().for_each(|c| all.add(c));
        all
    }
}

impl CheckReport {
    pub fn failures(&self) -> usize {
        self.adapters.iter().map(|a| a.tally().fail).sum()
    }

    /// One row per kernel, one tally per adapter.
    pub fn matrix(&self) -> Vec<(&'static str, Vec<Tally>)> {
        let mut rows: BTreeMap<&'static str, Vec<Tally>> = BTreeMap::new();
        for (column, adapter) in self.adapters.iter().enumerate() {
            for case in &adapter.cases {
                for kernel in &case.kernels {
                    let row = rows.entry(kernel).or_insert_with(|| vec![Tally::default(); self.adapters.len()]);
                    row[column].add(case);
                }
            }
        }
        rows.into_iter().collect()
    }
}

/// An adapter under test; the device is opened at the first case and again after it was lost.
struct Column {
    result: AdapterResult,
    engine: Option<Engine>,
}

/// Runs every case on every adapter in turn (each case's twin once), calling `progress` after each trial. A device
/// failure fails its case and the next one gets a fresh device.
///
/// # Errors
/// A twin or a recording is wrong in itself, or an adapter cannot be opened at all.
pub fn check(
    cases: &[Case],
    adapters: &[AdapterReport],
    mut progress: impl FnMut(&AdapterReport, &CaseResult),
) -> Result<CheckReport> {
    let column =
        |a: &AdapterReport| Column { result: AdapterResult { adapter: a.clone(), cases: Vec::new() }, engine: None };
    let mut columns: Vec<Column> = adapters.iter().map(column).collect();
    for case in cases {
        let want = trial::expected(case)?;
        for column in &mut columns {
            let result = column.run(case, &want)?;
            progress(&column.result.adapter, &result);
            column.result.cases.push(result);
        }
    }
    let adapters = columns.into_iter().map(|c| c.result).collect();
    Ok(CheckReport { schema: 1, version: env!("CARGO_PKG_VERSION"), adapters })
}

impl Column {
    fn run(&mut self, case: &Case, want: &[Lane]) -> Result<CaseResult> {
        let started = Instant::now();
        let engine = match &mut self.engine {
            Some(engine) => engine,
            slot => slot.insert(open(&self.result.adapter)?),
        };
        let (status, worst, message) = match trial::trial_against(engine, case, want) {
            Ok(Outcome::Pass(worst)) => (Status::Pass, Some(worst), None),
            Ok(Outcome::Fail(what)) => (Status::Fail, None, Some(what)),
            Ok(Outcome::Unsupported(feature)) => (Status::Unsupported, None, Some(feature)),
            Err(Error::Device(what)) => {
                self.engine = None;
                (Status::Fail, None, Some(what))
            }
            Err(other) => return Err(other),
        };
        let (kernels, seconds) = (kernels_of(case), started.elapsed().as_secs_f64());
        Ok(CaseResult { case: case.name.clone(), kernels, status, worst, message, seconds })
    }
}

/// Opens the adapter of a report.
pub fn open(adapter: &AdapterReport) -> Result<Engine> {
    let choice = AdapterChoice { adapter: Some(adapter.index.to_string()), backend: Some(adapter.backend.clone()) };
    Engine::gpu(GpuOptions { choice, ..Default::default() })
}

/// The kernels a case records, each once; an empty shape records none and is counted for the one it is named after.
pub fn kernels_of(case: &Case) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = case.rec.dispatches().map(|d| d.kernel.name).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        let first = case.name.split(' ').next().unwrap_or_default();
        names.extend(crate::kernels::kernels().iter().map(|k| k.name).filter(|n| *n == first));
    }
    names
}
