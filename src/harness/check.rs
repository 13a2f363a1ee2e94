//! Conformance: what `unlearn check` runs on each adapter, in child processes, and the report that sums it up.

mod children;
pub mod coverage;
pub mod drivers;
pub mod expect;
pub mod export;
pub mod fault;
pub mod grad;
mod item;
mod layered;
pub mod listing;
pub mod markdown;
pub mod merge;
mod perf;
mod process;
mod random;
mod selection;
pub mod smoke;
mod support;
mod worker;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::children::{Column, Options, check};
pub use self::item::{Item, Verdict};
pub use self::selection::{Kind, Planned, Selection, Shapes, folds};
pub use self::worker::{Job, work};
use super::compare::Distance;
use crate::engine::AdapterReport;
use crate::engine::case::Case;

/// What became of one case on one adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As the twin has it.
    Pass,
    /// Not as the twin has it.
    Fail,
    /// Failed as the expectations say it does.
    Xfail,
    /// Passed although it is expected to fail: the expectation has to go. Fails the run.
    Xpass,
    /// The adapter lacks a named feature; not a failure.
    Unsupported,
    /// Not run, for the reason given.
    Skipped,
    /// The process or the device did not survive the case.
    Crash,
    /// The case did not end within the time limit.
    Timeout,
}

impl Status {
    /// Whether the run fails by it.
    pub fn is_bad(self) -> bool {
        matches!(self, Status::Fail | Status::Xpass | Status::Crash | Status::Timeout)
    }

    /// As it is written in documents and expectations.
    pub fn word(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Xfail => "xfail",
            Status::Xpass => "xpass",
            Status::Unsupported => "unsupported",
            Status::Skipped => "skipped",
            Status::Crash => "crash",
            Status::Timeout => "timeout",
        }
    }
}

/// What a case took, where it was timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// Nanoseconds a run.
    pub median_ns: f64,
    /// 10⁹ floating-point operations per second.
    pub gflops: f64,
    /// 10⁹ bytes per second.
    pub gbps: f64,
    /// `gpu` or `wall`.
    pub timer: String,
}

/// One case on one adapter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseResult {
    /// Name of the case.
    pub case: String,
    /// The kernels the case records; for an empty shape, the one its name starts with.
    pub kernels: Vec<String>,
    /// What became of it.
    pub status: Status,
    /// Worst distance from the twin: over all outputs where the case passed, of the first wrong one where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Distance>,
    /// What differed, which feature is missing, or why it was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why this outcome was expected, and where that is written up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What it took, where it was timed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timed: Option<Timed>,
    /// Wall time of all runs of the case, pipelines included.
    pub seconds: f64,
}

impl CaseResult {
    /// Without a distance: what became of a case, and why.
    pub fn new(case: &str, status: Status, message: impl Into<String>) -> CaseResult {
        CaseResult {
            case: case.to_owned(),
            kernels: Vec::new(),
            status,
            worst: None,
            message: Some(message.into()),
            expected: None,
            timed: None,
            seconds: 0.0,
        }
    }
}

/// Everything that ran on one adapter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AdapterResult {
    /// Short name of the column: its index and backend, or the name given to its driver.
    pub label: String,
    /// Where it ran.
    pub adapter: AdapterReport,
    /// What was set in the environment for this column alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Name and version of the Vulkan validation layers that it stood under, synchronisation validation among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// The flags that give this column again, on the machine where it ran: they can hold paths, so documents do not.
    #[serde(skip)]
    pub flags: String,
    /// In the order they were planned.
    pub cases: Vec<CaseResult>,
}

/// A whole conformance run; the JSON of `unlearn check`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckReport {
    /// Version of the document.
    pub schema: u32,
    /// Version of the program.
    pub version: String,
    /// `test`, `grad`, `support`, `perf` or `smoke`.
    pub kind: Kind,
    /// Which shapes: `full`, `edge` or `random:N`.
    pub shapes: String,
    /// Of inputs and of random shapes.
    pub seed: u64,
    /// A result for each column.
    pub adapters: Vec<AdapterResult>,
    /// Expectations that nothing could match, or that have run out.
    pub stale: Vec<String>,
    /// Faults planted on purpose, where there were any: such a run says nothing about an adapter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planted: Vec<String>,
    /// Adapters that were asked for and have no validation layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// Counts and the worst distance of a group of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Cases that passed.
    pub pass: usize,
    /// Of every bad status.
    pub fail: usize,
    /// Failures that were expected.
    pub xfail: usize,
    /// Cases that need what the adapter lacks.
    pub unsupported: usize,
    /// Cases that were not tried.
    pub skipped: usize,
    /// Worst distance in units of the last place.
    pub max_ulp: f64,
    /// Worst relative distance.
    pub max_rel: f64,
    /// Shortest median of a timed case in nanoseconds; 0 where nothing was timed.
    pub ns: f64,
    /// Throughput of that case in GFLOP/s.
    pub gflops: f64,
}

impl Tally {
    fn add(&mut self, result: &CaseResult) {
        match result.status {
            Status::Pass => self.pass += 1,
            Status::Fail | Status::Xpass | Status::Crash | Status::Timeout => self.fail += 1,
            Status::Xfail => self.xfail += 1,
            Status::Unsupported => self.unsupported += 1,
            Status::Skipped => self.skipped += 1,
        }
        if let (Status::Pass, Some(worst)) = (result.status, &result.worst) {
            self.max_ulp = self.max_ulp.max(worst.max_ulp);
            self.max_rel = self.max_rel.max(worst.max_rel);
        }
        if let Some(timed) = result.timed.as_ref().filter(|t| self.ns == 0.0 || t.median_ns < self.ns) {
            (self.ns, self.gflops) = (timed.median_ns, timed.gflops);
        }
    }
}

impl AdapterResult {
    /// Over all cases.
    pub fn tally(&self) -> Tally {
        let mut all = Tally::default();
        self.cases.iter().for_each(|c| all.add(c));
        all
    }

    /// `LVP_POISON_MEMORY=true, under Khronos Validation Layer, by its manifest 1.3.239`: what tells the column from a
    /// plain one.
    pub fn with(&self) -> String {
        let env = self.env.iter().map(|(k, v)| format!("{k}={v}"));
        env.chain(self.layers.iter().map(|l| format!("under {l}"))).collect::<Vec<_>>().join(", ")
    }
}

impl CheckReport {
    /// Results that fail the run.
    pub fn failures(&self) -> usize {
        self.adapters.iter().map(|a| a.tally().fail).sum()
    }

    /// How many results there are.
    pub fn trials(&self) -> usize {
        self.adapters.iter().map(|a| a.cases.len()).sum()
    }

    /// One row per kernel (per network, limit or step where that is what was checked), one tally per adapter.
    pub fn matrix(&self) -> Vec<(String, Vec<Tally>)> {
        let mut rows: BTreeMap<&str, Vec<Tally>> = BTreeMap::new();
        for (column, adapter) in self.adapters.iter().enumerate() {
            for case in &adapter.cases {
                for row in self.kind.rows(case) {
                    let row = rows.entry(row).or_insert_with(|| vec![Tally::default(); self.adapters.len()]);
                    row[column].add(case);
                }
            }
        }
        rows.into_iter().map(|(name, tallies)| (name.to_owned(), tallies)).collect()
    }

    /// Statuses with how often they occurred on an adapter, the ordinary ones first; those that did not occur are
    /// absent.
    pub fn counts(adapter: &AdapterResult) -> Vec<(Status, usize)> {
        use Status::{Crash, Fail, Pass, Skipped, Timeout, Unsupported, Xfail, Xpass};
        let all = [Pass, Fail, Xfail, Xpass, Unsupported, Skipped, Crash, Timeout];
        let count = |s: Status| adapter.cases.iter().filter(|c| c.status == s).count();
        all.into_iter().map(|s| (s, count(s))).filter(|(s, n)| *n > 0 || *s == Pass).collect()
    }
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
